"""Gauges: fields that the equations and conditions determine only up to a constant, such as a pressure.

A vector c of constants is free if every residual stays the same when each field u_k is replaced by u_k + c_k: the derivatives by
the fields themselves, weighed with c, cancel. The derivatives are looked at in numbers, at random points and values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import sympy as sp

from kanpde.errors import Span, UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.jumps import inside_symbol
from kanpde.problem.orders import time_orders
from kanpde.problem.types import Problem, Remark, Residual, symbol

TRIALS = 6
"""Random points for each residual; two would do unless a coefficient is zero in a part of the domain."""

ZERO = 1e-10
"""Relative size below which a singular value is zero: the numbers have round-off only."""


def free_levels(problem: Problem, residuals: Sequence[Residual]) -> np.ndarray:  # (free, fields)
    """A basis of the constants that can be added to the fields without changing any of the residuals."""
    rows = [row for residual in residuals for row in _slopes(residual, problem)]
    count = len(problem.fields)
    if not rows:
        return np.eye(count)
    matrix = np.array(rows)
    matrix = matrix / np.maximum(np.abs(matrix).max(1, keepdims=True), 1e-300)
    _, sizes, basis = np.linalg.svd(matrix, full_matrices=True)
    rank = int((sizes > ZERO * max(sizes[0], 1e-300)).sum()) if sizes[0] > 0 else 0
    return np.asarray(basis[rank:])


def _slopes(residual: Residual, problem: Problem) -> Iterator[list[float]]:
    """The derivatives of a residual by the fields themselves, at random points; ones where they cannot be computed."""
    zero = (0,) * problem.domain.dimension
    own = {name: slope for (name, index), slope in residual.partials.items() if index == zero}
    expressions = [problem.with_values(own.get(f.name, sp.Integer(0))) for f in problem.fields]
    if all(e == 0 for e in expressions):
        return
    arguments = sorted({s for e in expressions for s in e.free_symbols}, key=str)
    generator = np.random.default_rng(3)
    ranges = {symbol(name): (float(low), float(high)) for name, (low, high) in problem.limits.items()}
    numbers = [generator.uniform(*ranges.get(s, (0.1, 1.0)), TRIALS) for s in arguments]
    values = [value > 0.5 if inside_symbol(s) else value for s, value in zip(arguments, numbers, strict=True)]
    try:
        with np.errstate(all="ignore"):
            found = Program(expressions, arguments)(NUMPY, values)
    except UnsupportedProblem:
        found = [float(e != 0) for e in expressions]
    table = np.array([np.broadcast_to(np.asarray(v, float), (TRIALS,)) for v in found]).T
    yield from (row for row in table.tolist() if np.isfinite(row).all())


def levels(problem: Problem, span: Span) -> Iterator[Remark]:
    """A warning for every field, or combination of fields, of which a constant part is free; and for constraints too many."""
    own = [*problem.equations, *(r for c in problem.conditions if c.kind != "constraint" for r in c.residuals)]
    constraints = [c for c in problem.conditions if c.kind == "constraint" and c.choice is None]
    room = len(free_levels(problem, own)) + len(problem.unknowns)
    if sum(len(c.residuals) for c in constraints) > room and not problem.parameters:
        first = constraints[room] if room < len(constraints) else constraints[-1]
        left = "nothing" if not room else "one number" if room == 1 else f"{room} numbers"
        message = f"'{first.residuals[0].text}' is one constraint too many: equations and conditions leave {left} free"
        yield Remark(
            f"{message}, so the problem may have no solution", first.span, "leave it out, or let find declare a constant"
        )
    residuals = [*own, *(r for c in constraints for r in c.residuals if not c.integrals)]
    residuals += [i.integrand for c in constraints for i in c.integrals]
    free = free_levels(problem, residuals)
    single = [k for k in range(len(problem.fields)) if _contains(free, np.eye(len(problem.fields))[k])]
    for k in single:
        yield _remark(problem, (problem.fields[k].name,), span)
    together = [k for k in range(len(problem.fields)) if k not in single and np.abs(free[:, k]).max(initial=0) > ZERO]
    if len(free) > len(single):
        yield _remark(problem, tuple(problem.fields[k].name for k in together), span)


def _contains(basis: np.ndarray, vector: np.ndarray) -> bool:
    """Whether a vector lies in the span of orthonormal rows."""
    return bool(np.linalg.norm(vector - basis.T @ (basis @ vector)) < 1e-8)


def _remark(problem: Problem, names: tuple[str, ...], span: Span) -> Remark:
    time = problem.domain.time
    orders = time_orders(problem)
    free = f"any function of {time}" if time and not any(orders[name] for name in names) else "any constant"
    hint = f"fix its level, for example by constraints: {names[0]}({_point(problem)}) = 0"
    if len(names) == 1:
        return Remark(f"only derivatives of {names[0]} occur, so {names[0]} plus {free} is a solution too", span, hint)
    joined = " and ".join((", ".join(names[:-1]), names[-1]))
    return Remark(f"{joined} together are determined only up to {free} that is added to them", span, hint)


def _point(problem: Problem) -> str:
    """A point of the domain as the arguments of a field."""
    domain = problem.domain
    known = {name: str(low) for name, (low, _) in problem.limits.items()}
    if domain.region_axes:
        x = domain.boundary.points(float(domain.lengths.max()) / 4).x if len(domain.region_axes) == 3 else None
        corner = domain.boundary.pieces[0].start if x is None else x[0]
        known |= {domain.coordinates[a]: f"{value:.12g}" for a, value in zip(domain.region_axes, corner, strict=True)}
    return ", ".join(name if name == domain.time else known[name] for name in domain.coordinates)
