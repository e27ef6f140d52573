"""Which way things go: whether an equation smooths or sharpens as time runs, and from which end values come in.

Along each coordinate the highest derivative decides. u_t (or u_tt) plus c times the 2m-th derivative by x is well-posed if
c (-1)^m is positive: u_t - u_xx, u_tt - u_xx and u_t + u_xxxx are; u_t + u_xx and u_tt + u_xx are not, since waves of length L
grow like exp(t/L^2) or exp(t/L). In u_t + c u_x the values come in at the lower end if c is positive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.jumps import inside_symbol
from kanpde.problem.rim import Side
from kanpde.problem.types import MultiIndex, Problem, Remark, Residual, symbol

TRIALS = 40
"""Random points and values at which the sign of a coefficient is looked at; it must be the same at all."""


def direction(problem: Problem, sides: Sequence[Side]) -> Iterator[Remark]:
    """Warnings for equations that run backwards in time, and for values given where they leave."""
    time = problem.domain.time_axis
    if time is None:
        return
    for residual in problem.equations:
        name, order = _leading(residual, problem)
        if name:
            index = tuple(order * (a == time) for a in range(problem.domain.dimension))
            for axis in problem.domain.space_axes:
                yield from _backwards(residual, name, index, axis, problem)
                if order == 1:
                    yield from _outflow(residual, name, index, axis, problem, sides)


def _leading(residual: Residual, problem: Problem) -> tuple[str, int]:
    """The one field whose derivative by time an equation has, and its order; nothing if there are more or mixed ones."""
    time = problem.domain.time_axis
    assert time is not None
    moving = [(name, index) for name, index in residual.jets.values() if index[time]]
    if len({name for name, _ in moving}) != 1 or any(sum(index) > index[time] for _, index in moving):
        return "", 0
    return moving[0][0], max(index[time] for _, index in moving)


def _highest(name: str, axis: int, problem: Problem, residual: Residual) -> int:
    """The order along a coordinate, unless another equation or a mixed derivative has as high a one."""
    orders = [index[axis] for r in problem.equations for n, index in r.jets.values() if n == name]
    own = [index[axis] for n, index in residual.jets.values() if n == name and sum(index) == index[axis]]
    best = max(own, default=0)
    others = [sum(index) for n, index in residual.jets.values() if n == name and sum(index) > index[axis] > 0]
    return best if best and best >= max([*orders, *others]) else 0


def _ratio(
    residual: Residual, name: str, index: MultiIndex, axis: int, order: int, problem: Problem
) -> np.ndarray | None:  # (N,)
    """The coefficient of a derivative by a coordinate over that of the one by time, at random points and values."""
    along = tuple(order * (a == axis) for a in range(problem.domain.dimension))
    slopes = residual.partials
    pair = [problem.with_values(slopes[key]) for key in ((name, along), (name, index)) if key in slopes]
    if len(pair) < 2 or any(f.complex for f in problem.fields):
        return None
    arguments = sorted({s for e in pair for s in e.free_symbols}, key=str)
    generator = np.random.default_rng(11)
    ranges = {symbol(n): (float(a), float(b)) for n, (a, b) in problem.limits.items()}
    numbers = [generator.uniform(*ranges.get(s, (-1.0, 1.0)), TRIALS) for s in arguments]
    values = [v > 0 if inside_symbol(s) else v for s, v in zip(arguments, numbers, strict=True)]
    try:
        with np.errstate(all="ignore"):
            a, b = (np.broadcast_to(np.asarray(v, float), (TRIALS,)) for v in Program(pair, arguments)(NUMPY, values))
            ratio = a / b
    except (UnsupportedProblem, TypeError):
        return None
    return ratio if np.isfinite(ratio).all() else None


def _backwards(residual: Residual, name: str, index: MultiIndex, axis: int, problem: Problem) -> Iterator[Remark]:
    order = _highest(name, axis, problem, residual)
    if order == 0 or order % 2:
        return
    ratio = _ratio(residual, name, index, axis, order, problem)
    if ratio is not None and (ratio * (-1) ** (order // 2) < 0).all():
        x, t = problem.coordinates[axis], problem.domain.time
        message = f"the sign of {name}_{x * order} makes the equation run backwards in {t}: the finest errors grow fastest"
        yield Remark(f"{message}, so the problem is not well-posed", residual.span, "check the sign of this term")


def _outflow(
    residual: Residual, name: str, index: MultiIndex, axis: int, problem: Problem, sides: Sequence[Side]
) -> Iterator[Remark]:
    ends = {side.face.side: side for side in sides if side.face is not None and side.face.axis == axis}
    if len(problem.fields) > 1 or len(ends) < 2 or _highest(name, axis, problem, residual) != 1:
        return
    ratio = _ratio(residual, name, index, axis, 1, problem)
    if ratio is None or not ((ratio > 0).all() or (ratio < 0).all()):
        return
    entry, exit_ = (ends[-1], ends[1]) if ratio[0] > 0 else (ends[1], ends[-1])
    if not entry.counts.any() and exit_.counts.any():
        message = f"the equation carries {name} from {entry.text} to {exit_.text}, but the condition stands at {exit_.text}"
        yield Remark(f"{message}, so the problem may have no solution", residual.span, f"give {name} at {entry.text}")
