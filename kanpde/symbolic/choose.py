"""Which of several exact constants is meant: the one for which the equations hold at other values of the letters.

From one solution, -pi^2/10 and -alpha pi^2/4 look alike when alpha = 2/5. At another alpha only one of them solves the equation.
All combinations are tried at once, in double precision; those that pass go to the gate and the proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import Problem
from kanpde.symbolic.assemble import Form, Placeholder
from kanpde.symbolic.constants import Candidate
from kanpde.symbolic.prove import Claim, points
from kanpde.symbolic.reduce import Point
from kanpde.symbolic.sample import Array

MOST_COMBINATIONS = 4096
SCREEN = 1e-9
"""Relative residual in double precision that lets a combination pass: rounding is 1e-15 times the derivatives' cancellation."""
ROUNDING = 1e-13
"""Absolute residual, in units of the field, that rounding alone explains: sin(10 pi) is 1e-15 and no less."""

Choice = dict[sp.Symbol, sp.Expr]


def choices(form: Form, stated: Sequence[Claim], problem: Problem, perturbed: bool, most: int = 4) -> Iterator[Choice]:
    """Constants for the placeholders with which every claim holds, cheapest first; at most ``most``."""
    if not form.placeholders:
        yield {}
        return
    tried: set[tuple[sp.Expr, ...]] = set()
    for combine in (_alike, _cheapest):
        combinations = [c for c in combine(form, problem) if tuple(a.expression for a in c) not in tried]
        tried |= {tuple(a.expression for a in c) for c in combinations}
        passed = _screen(form, combinations, stated, problem, perturbed)
        for combination in islice(passed, most):
            yield {p.symbol: a.expression for p, a in zip(form.placeholders, combination, strict=True)}
        if passed:
            return


def _sorted(combinations: Iterator[tuple[Candidate, ...]]) -> list[tuple[Candidate, ...]]:
    return sorted(islice(combinations, MOST_COMBINATIONS), key=lambda c: sum(a.cost for a in c))


def _cheapest(form: Form, problem: Problem) -> list[tuple[Candidate, ...]]:
    """Combinations without any assumption; where there are too many, dear alternatives are left out."""
    depth = max(len(p.alternatives) for p in form.placeholders)
    while depth > 1 and np.prod([min(depth, len(p.alternatives)) for p in form.placeholders], dtype=float) > MOST_COMBINATIONS:
        depth -= 1
    return _sorted(product(*(p.alternatives[:depth] for p in form.placeholders)))


def _alike(form: Form, problem: Problem) -> list[tuple[Candidate, ...]]:
    """Combinations in which constants of one kind carry the same letters: all decay rates alpha, or none."""
    letters = list(problem.constants)
    groups: dict[str, list[Placeholder]] = {}
    for p in form.placeholders:
        groups.setdefault(p.group, []).append(p)

    def letter_part(candidate: Candidate) -> sp.Expr:
        return candidate.expression.as_independent(*letters, as_Add=False)[1] if letters else sp.Integer(1)

    patterns: list[list[dict[sp.Symbol, Candidate]]] = []
    for members in groups.values():
        options = []
        for part in dict.fromkeys(letter_part(a) for a in members[0].alternatives):
            option = {p.symbol: next((a for a in p.alternatives if letter_part(a) == part), None) for p in members}
            if all(option.values()):
                options.append({k: v for k, v in option.items() if v is not None})
        patterns.append(options)
    found = []
    for combination in islice(product(*patterns), MOST_COMBINATIONS):
        chosen = {k: v for option in combination for k, v in option.items()}
        found.append(tuple(chosen[p.symbol] for p in form.placeholders))
    return _sorted(iter(found))


def _screen(
    form: Form, combinations: list[tuple[Candidate, ...]], stated: Sequence[Claim], problem: Problem, perturbed: bool
) -> list[tuple[Candidate, ...]]:
    """The combinations for which no claim is violated in double precision."""
    if not combinations:
        return []
    at = points(problem, perturbed, count=3)
    symbols = [*at[0], *(p.symbol for p in form.placeholders)]
    alive = np.ones(len(combinations), dtype=bool)
    for claim in stated:
        if claim.expression == 0:
            continue
        try:
            program = Program(list(sp.Add.make_args(claim.expression)), symbols)
            for point in at:
                constants = _values(form, combinations, point)  # one array (C,) a placeholder
                numbers = [float(value) for value in point.values()]
                with np.errstate(all="ignore"):
                    terms = np.stack(
                        [np.broadcast_to(np.asarray(t, dtype=float), alive.shape) for t in program(NUMPY, [*numbers, *constants])]
                    )
                    alive &= np.abs(terms.sum(0)) <= SCREEN * np.abs(terms).sum(0) + ROUNDING * form.size
        except UnsupportedProblem:
            continue  # a function without a numpy version: the gate in 45 digits decides
    return [combination for combination, ok in zip(combinations, alive, strict=True) if ok]


def _values(form: Form, combinations: list[tuple[Candidate, ...]], point: Point) -> list[Array]:
    """The numbers of the alternatives at one point's values of the letters: an array (C,) a placeholder."""
    exact = {a.expression for p in form.placeholders for a in p.alternatives}
    numbers = {e: float(e.xreplace(dict(point)).evalf(20)) for e in exact}
    return [np.array([numbers[c[k].expression] for c in combinations]) for k in range(len(form.placeholders))]
