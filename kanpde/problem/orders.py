"""Orders of differentiation: of each field along each coordinate, and of all equations together."""

from __future__ import annotations

from kanpde.problem.types import Problem

MAX_PAIRED = 12
"""Fields of the largest system whose order is counted: the count looks at every set of fields."""


def field_orders(problem: Problem, axis: int) -> dict[str, int]:
    """The highest order of differentiation by coordinate number ``axis`` that the equations have, for each field."""
    orders = dict.fromkeys((f.name for f in problem.fields), 0)
    for name, index in (key for residual in problem.equations for key in residual.jets.values()):
        orders[name] = max(orders[name], index[axis])
    return orders


def time_orders(problem: Problem) -> dict[str, int]:
    """The highest order of differentiation by time that the equations have, for each field."""
    axis = problem.domain.time_axis
    return dict.fromkeys((f.name for f in problem.fields), 0) if axis is None else field_orders(problem, axis)


def order_together(problem: Problem, axis: int) -> int | None:
    """The order of all equations along one coordinate: as many conditions as that belong to its two ends.

    Pair each equation with a field of its own, so that the orders that the fields have in their equations add up to most: the
    degree of the determinant of the symbol, but for cancellation (Volevich 1963). For Stokes it is 4: momentum x goes with the
    pressure (1), continuity with u (1), momentum y with v (2). None if there is no such pairing, 0 if there are too many fields.
    """
    numbers = {f.name: number for number, f in enumerate(problem.fields)}
    if len(numbers) > MAX_PAIRED:
        return 0
    best = {0: 0}  # the fields that are paired already, as bits -> the largest sum of orders
    for residual in problem.equations:
        orders: dict[int, int] = {}
        for name, index in residual.jets.values():
            orders[numbers[name]] = max(orders.get(numbers[name], 0), index[axis])
        following: dict[int, int] = {}
        for taken, total in best.items():
            for number, order in orders.items():
                if not taken >> number & 1:
                    pair = taken | 1 << number
                    following[pair] = max(following.get(pair, 0), total + order)
        best = following
    return max(best.values(), default=None)
