"""From a solution in numbers to a formula with its proof.

Sample, find the rank, rotate the family of each coordinate to modes or library functions, recognise the constants, choose among
equal-looking ones by the equations, and prove. ``problem.exact`` is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.results.types import Formula, FormulaStatus
from kanpde.symbolic.assemble import Form, forms
from kanpde.symbolic.basis import Basis
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.choose import choices
from kanpde.symbolic.constants import Constants
from kanpde.symbolic.library import library_basis
from kanpde.symbolic.modes import modal_bases
from kanpde.symbolic.prove import Claim, Unprovable, claims, points, prove
from kanpde.symbolic.sample import NODES, Array, Family, Sampler, Samples, family, sample
from kanpde.symbolic.worker import Worker

if TYPE_CHECKING:
    from kanpde.results import Solution

MOST_RANK = 7
"""Products beyond which a field is given up: a shock has more at any useful noise, and no textbook prints eight terms."""
LEVELS = (1.0, 10.0, 0.1)
"""Factors on the noise: an error estimate may be wrong by as much, and the proof forgives a wrong guess."""
EARLY = (1.0, 1 / 8, 1 / 64)
"""Parts of the time interval that are sampled: what decays fast is only seen early."""
BASES_A_COORDINATE = 2
"""Bases that are tried for one coordinate: x^2 + 1 is a polynomial in x and in x^2."""
TEXTBOOK_SECONDS = 4.0


def find_formula(solution: Solution, seconds: float = 30.0) -> Formula:
    """The closed form of a finished solution, or the status "not found", within about ``seconds`` seconds."""
    problem = solution.problem

    def sampler(*nodes: Array) -> Array:
        grid = np.meshgrid(*nodes, indexing="ij", sparse=True)
        return np.asarray(solution(**dict(zip(map(_keyword, problem.coordinates), grid, strict=True))), dtype=np.float64)

    return find_in_samples(problem, sampler, solution.estimate.value, seconds)


def _keyword(name: str) -> str:
    """The Python keyword argument of a coordinate: ``lambda`` is written ``lambda_``."""
    import keyword

    return f"{name}_" if keyword.iskeyword(name) else name


def find_in_samples(problem: Problem, sampler: Sampler, error: float | None, seconds: float = 30.0) -> Formula:
    """The closed form of a field given by its values; ``error`` is their relative error (L2), None if it is not known.

    A field that no formula of this kind can have is given up before any call into sympy.
    """
    budget = Budget(seconds)
    reason = _unread(problem)
    if reason:
        return Formula("not found", seconds=budget.spent, transcript=(reason,))
    transcript: list[str] = []
    with Worker() as worker:
        for form in _forms(problem, sampler, error, budget, transcript):
            found = _settle(problem, form, worker, budget, transcript)
            if found is not None:
                status, expression, lines = found
                return Formula(status, {problem.fields[0].name: expression}, budget.spent, tuple(lines))
            if not budget.left:
                transcript.append(f"stopped after {seconds:g} seconds")
                break
    return Formula("not found", seconds=budget.spent, transcript=tuple(dict.fromkeys(transcript)))


def _unread(problem: Problem) -> str:
    """Why the search does not apply to a problem; empty if it does."""
    if len(problem.fields) != 1:
        return "formulas of several fields are not looked for yet"
    if problem.fields[0].complex or problem.fields[0].parameters or problem.unknowns or problem.parameters:
        return "formulas with unknown constants, parameters or complex values are not looked for yet"
    if problem.data is not None:
        return "a solution that follows measurements has no formula to prove"
    if problem.domain.shape is not None or problem.domain.dimension not in NODES:
        return f"formulas are looked for on boxes in {min(NODES)} to {max(NODES)} coordinates"
    try:
        claims(problem, {problem.fields[0].name: sp.Integer(0)})
    except Unprovable as error:
        return str(error)
    return ""


def _forms(problem: Problem, sampler: Sampler, error: float | None, budget: Budget, transcript: list[str]) -> Iterator[Form]:
    """Expressions that fit the samples, the likeliest first."""
    bounds = [(float(lower), float(upper)) for lower, upper in problem.domain.bounds]
    whole = sample(sampler, bounds, None)
    sigma = None if error is None else error * whole.size
    if whole.size <= (sigma or 0.0):
        yield Form(sp.Integer(0), ())
        return
    residuals = [*problem.equations, *(r for c in problem.conditions for r in c.residuals)]
    used = set().union(*(r.expression.free_symbols for r in residuals))
    constants = Constants({name: value for name, value in problem.constants.items() if name in used})
    seen: set[str] = set()
    time = problem.domain.time_axis
    symbols = [symbol(name) for name in problem.coordinates]
    for part in EARLY if time is not None else EARLY[:1]:
        box = [(a, a + part * (b - a)) if i == time else (a, b) for i, (a, b) in enumerate(bounds)]
        samples = sample(sampler, box, sigma)
        low = False
        for level in LEVELS if part == 1.0 else LEVELS[:1]:
            if not budget.left:
                return
            noise = level * samples.sigma
            families = [family(samples, axis, noise) for axis in range(len(box))]
            most = max(f.rank for f in families)
            if not 1 <= most <= MOST_RANK:
                transcript.append(f"rank {most} at noise {noise:.1e}: no sum of one to {MOST_RANK} products")
                continue
            low = True
            for bases in _bases(samples, families, noise, budget, transcript):
                for form in forms(samples, families, bases, symbols, constants, noise):
                    key = str([form.expression, *([a.expression for a in p.alternatives] for p in form.placeholders)])
                    if key not in seen:
                        seen.add(key)
                        yield form
        if not low:
            return


def _bases(
    samples: Samples, families: list[Family], noise: float, budget: Budget, transcript: list[str]
) -> Iterator[list[list[Basis]]]:
    """Bases for every coordinate: modes, or the library where there are none. First one a coordinate, then more, if need be."""
    searches = [modal_bases(member.values, axis, noise) for member, axis in zip(families, samples.axes, strict=True)]
    found: list[list[Basis]] = []
    for number, (search, member, axis) in enumerate(zip(searches, families, samples.axes, strict=True)):
        first = next(search, None)
        if first is None and budget.left:
            first = library_basis(member.values, axis, noise)
        if first is None:
            edges = f"{member.rank} edge{'s' if member.rank > 1 else ''}"
            transcript.append(f"coordinate {number + 1}: neither modes nor functions of the library span its {edges}")
            return
        found.append([first])
    yield found
    for search, options in zip(searches, found, strict=True):
        options += islice(search, BASES_A_COORDINATE - 1)
    if any(len(options) > 1 for options in found):
        yield found


def _settle(
    problem: Problem, form: Form, worker: Worker, budget: Budget, transcript: list[str]
) -> tuple[FormulaStatus, sp.Expr, list[str]] | None:
    """The form with its constants chosen and proved: for all values of the letters if possible, else for the given ones."""
    name = problem.fields[0].name
    for perturbed in (True, False) if problem.constants else (False,):
        stated = claims(problem, {name: form.expression})
        for choice in choices(form, stated, problem, perturbed):
            expression = form.expression.xreplace(choice)
            if not perturbed:
                expression = problem.with_values(expression)
            found = _proved(problem, name, expression, perturbed, worker, budget)
            if found is None:
                continue
            verdict, written, lines = found
            if verdict == "proved":
                given = bool(problem.constants) and not perturbed
                return ("proved for the given parameters" if given else "proved"), written, lines
            if verdict == "verified" and (perturbed or not problem.constants):
                return "verified numerically", written, lines
            transcript.append(f"{name} = {expression}: {lines[0]}")
    return None


def _proved(
    problem: Problem, name: str, expression: sp.Expr, perturbed: bool, worker: Worker, budget: Budget
) -> tuple[str, sp.Expr, list[str]] | None:
    """The verdict on an expression, in the shortest of its forms that has it."""

    def stated(e: sp.Expr) -> list[Claim]:
        values: Mapping[sp.Symbol, sp.Expr] = {} if perturbed else problem.constants
        return [Claim(c.label, c.expression.xreplace(dict(values))) for c in claims(problem, {name: e})]

    verdict, lines = prove(worker, problem, stated(expression), perturbed, budget)
    if verdict == "refuted":
        return verdict, expression, lines
    ways = worker.call(budget.at_most(TEXTBOOK_SECONDS), "forms", expression, points(problem, perturbed)) or [expression]
    for written in ways:
        if written == expression:
            break
        again, retold = prove(worker, problem, stated(written), perturbed, budget)
        if again == verdict:
            return again, written, retold
    return verdict, expression, lines
