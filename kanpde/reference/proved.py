"""The formula that the search has found and proved, as a judge: all that can be wrong with its values is rounding.

The proof is symbolic and knows nothing of the network's numbers, but the network has suggested the formula; where a problem has
several solutions, both follow the same one. Hence it stands beside an independent reference, not in its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import sympy as sp

from kanpde.errors import KanpdeError, UnsupportedProblem
from kanpde.problem.types import Problem, symbol
from kanpde.reference.compare import fresh_points
from kanpde.reference.types import FLOOR, Reference, Values
from kanpde.results.formula import Formula
from kanpde.results.series import compiled, with_limited_series
from kanpde.results.types import PROVED

POINTS = 16
"""Where the formula is evaluated with 30 digits as well, to learn how much of float64 it loses by cancellation."""
DIGITS = 30
TERMS = 400
"""Terms of a series at those points."""

Function = Callable[..., np.ndarray]


def proved_formula(problem: Problem, formula: Formula) -> Reference:
    """A proved formula as a reference; raises UnsupportedProblem for one that is not proved, or does not give every field."""
    start = time.perf_counter()
    if not formula.proved:
        raise UnsupportedProblem("the formula is not proved, and cannot judge")
    known = _known(problem, formula)
    missing = [f.name for f in problem.fields if f.name not in known]
    if missing:
        raise UnsupportedProblem(f"the formula does not give {', '.join(missing)}")
    symbols = [symbol(name) for name in problem.coordinates]
    values = {f.name: _real(compiled(known[f.name][0], symbols), known[f.name][1]) for f in problem.fields}

    def evaluate(points: np.ndarray) -> Values:  # (N, d) -> (N,)
        return {name: function(*points.T) for name, function in values.items()}

    errors = {name: _rounding(known[name], symbols, problem, values[name]) for name in values}
    spent = formula.seconds + time.perf_counter() - start
    return Reference(PROVED, max(errors.values()), spent, evaluate, _gradients(problem, known, symbols), formula.sentence, errors)


def _known(problem: Problem, formula: Formula) -> dict[str, tuple[sp.Expr, str]]:
    """The expression of every real field, with the part of it that is meant; letters have their values."""
    part_of = {part: (whole, ("re", "im")[i]) for whole, parts in problem.parts.items() for i, part in enumerate(parts)}
    found = {}
    for field in problem.fields:
        whole, part = part_of.get(field.name, (field.name, "re"))
        if field.name in formula.expressions:
            whole, part = field.name, "re"
        if whole in formula.expressions:
            expression = formula.expressions[whole]
            for _ in problem.constants:
                expression = problem.with_values(expression)
            found[field.name] = expression, part
    return found


def _real(function: Function, part: str) -> Function:
    def evaluate(*points: np.ndarray) -> np.ndarray:
        found = function(*points)
        return np.array(np.real(found) if part == "re" else np.imag(found), dtype=float)

    return evaluate


def _gradients(
    problem: Problem, known: dict[str, tuple[sp.Expr, str]], symbols: list[sp.Symbol]
) -> Callable[[np.ndarray], Values] | None:
    """The derivatives as functions; None where one of them is not a function that numpy has."""
    try:
        slopes = {name: [_real(compiled(sp.diff(e, s), symbols), part) for s in symbols] for name, (e, part) in known.items()}
    except KanpdeError:
        return None

    def gradients(points: np.ndarray) -> Values:  # (N, d) -> (N, d)
        return {name: np.stack([f(*points.T) for f in functions], axis=1) for name, functions in slopes.items()}

    probe = gradients(fresh_points(problem.domain, POINTS, 0)[:POINTS])
    return gradients if all(np.isfinite(v).all() for v in probe.values()) else None


def _rounding(known: tuple[sp.Expr, str], symbols: list[sp.Symbol], problem: Problem, function: Function) -> float:
    """The relative difference between 15 and 30 digits at some points, not below ``FLOOR``."""
    expression, part = known
    precise = with_limited_series(expression, TERMS)
    quick = _real(compiled(precise, symbols), part) if precise != expression else function
    points = fresh_points(problem.domain, POINTS, 1)[:POINTS]  # (P, d)
    digits = []
    for point in points:
        place = {s: sp.Rational(float(x)) for s, x in zip(symbols, point, strict=True)}
        value = complex(sp.N(precise.xreplace(place), DIGITS))
        digits.append(value.real if part == "re" else value.imag)
    truth = np.array(digits)
    size = float(np.sqrt(np.mean(truth**2)))
    difference = float(np.sqrt(np.mean((quick(*points.T) - truth) ** 2)))
    if not np.isfinite(difference):
        raise UnsupportedProblem("the formula cannot be evaluated everywhere in the domain")
    return max(FLOOR, difference / size if size else difference)
