"""Do enough conditions hold everywhere on the boundary, and not too many?

An equation of order m along a coordinate takes m conditions at its two ends together, where they may be shared unevenly; on the
outline of a shape it takes m/2 everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from kanpde.errors import Span
from kanpde.problem.orders import field_orders, order_together
from kanpde.problem.rim import Side
from kanpde.problem.types import Problem, Remark

NO_UNIQUE = "so the problem may have no unique solution"
NONE_AT_ALL = "so the problem may have no solution"


def coverage(problem: Problem, sides: tuple[Side, ...], span: Span) -> Iterator[Remark]:
    """A warning for each side, or part of one, that has too few or too many conditions."""
    if problem.domain.is_box:
        for axis in problem.domain.space_axes:
            if problem.coordinates[axis] not in problem.domain.periodic:
                ends = [side for side in sides if side.face is not None and side.face.axis == axis]
                yield from _ends(problem, axis, ends, span)
        return
    orders = {order_together(problem, axis) or 0 for axis in problem.domain.space_axes}
    order = max(orders)
    # where the order is odd, or not the same in all directions, these decide on which part conditions are wanted
    if len(orders) == 1 and order and order % 2 == 0:
        for side in sides:
            yield from _outline(problem, side, order, span)


def _ends(problem: Problem, axis: int, ends: list[Side], span: Span) -> Iterator[Remark]:
    order = order_together(problem, axis) or 0
    name = problem.coordinates[axis]
    fewest, most = (sum(int(extreme(side.counts)) for side in ends) for extreme in (np.min, np.max))
    if order and fewest < order:
        bare = [(side, side.counts == side.counts.min()) for side in ends if 2 * side.counts.min() < order]
        places = " and ".join(side.where(mask, problem) for side, mask in bare)
        whole = " and ".join(side.text for side, _ in bare)
        message = f"too few conditions at {places}: {_has(order, name, problem)} {fewest} there, {NO_UNIQUE}"
        yield Remark(message, span, f"add one{_fewest(ends, axis, problem)} at {whole}, or '{name}: periodic'")
    if order and most > order:
        yield Remark(f"too many conditions at the ends of {name}: {_has(order, name, problem)} {most} there, {NONE_AT_ALL}", span)


def _has(order: int, name: str, problem: Problem) -> str:
    if len(problem.fields) > 1:
        return f"the equations together are of order {order} in {name} and have"
    return f"the equation is of order {order} in {name} and has"


def _outline(problem: Problem, side: Side, order: int, span: Span) -> Iterator[Remark]:
    wanted = order // 2
    takes = (
        f"the equations together are of order {order} and take"
        if len(problem.fields) > 1
        else f"the equation is of order {order} and takes"
    )
    for count in sorted(set(side.counts.tolist())):
        mask = side.counts == count
        where = side.where(mask, problem)
        if count < wanted:
            said = "no condition holds" if count == 0 else "too few conditions hold"
            has = "" if count == 0 else f" and have {count}" if len(problem.fields) > 1 else f" and has {count}"
            kind = _fewest([side], problem.domain.space_axes[0], problem, mask)
            hint = f"add one{kind} there, such as '{side.text}: ...' or 'elsewhere: ...' under 'boundary'"
            yield Remark(f"{said} on {where}: {takes} {wanted} there{has}, {NO_UNIQUE}", span, hint)
        elif count > wanted:
            has = f"and {'have' if len(problem.fields) > 1 else 'has'} {count}"
            yield Remark(f"too many conditions hold on {where}: {takes} {wanted} there {has}, {NONE_AT_ALL}", span)


def _fewest(sides: list[Side], axis: int, problem: Problem, mask: np.ndarray | None = None) -> str:
    """Which field of a system is short of conditions, most of all: `` for v``, or nothing."""
    if len(problem.fields) == 1:
        return ""
    missing: Mapping[str, int] = field_orders(problem, axis)
    left = dict(missing)
    for side in sides:
        for number, condition in enumerate(side.conditions):
            if not side.holds[slice(None) if mask is None else mask, number].any():
                continue
            for residual in condition.residuals:
                used = residual.on_boundary(problem.domain.space_axes, problem.coordinates)
                for name in {name for name, _ in used.jets.values()}:
                    left[name] -= 1 if side.face is not None else 2
    return f" for {max(left, key=lambda name: left[name])}"
