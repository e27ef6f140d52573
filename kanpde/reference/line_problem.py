"""A problem in one space coordinate and time, sorted for the method of lines: what holds inside, at the ends, at the start.

In a system every equation gives the rate of one field, and every condition at an end belongs to one field; both are
assignments, made here once. A field of order q in space needs q conditions at the ends, or none on a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from scipy.optimize import linear_sum_assignment

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Face
from kanpde.problem.types import Problem, Residual, jet_symbol, symbol
from kanpde.reference.pointwise import Function, Pointwise

OfSpace = Callable[[np.ndarray], np.ndarray]

IMPOSSIBLE = 1e6
"""The cost of giving an equation or condition to a field that does not occur in it."""


@dataclass(frozen=True)
class LineField:
    """One field: its order in space, which is the number of its conditions, its order in time, and its beginning.

    ``start`` gives u, and u_t where the order in time is 2, at the first time, as functions of x. A field of order 0 in time
    follows from the others; its start, if any, is a first guess.
    """

    name: str
    order: int
    time_order: int  # 0, 1 or 2
    start: tuple[OfSpace, ...]
    more: int = 0  # how many conditions at the ends it has fewer than its order: one of order 1 beside others may have 0 or 2
    forward: bool = False  # whether it is carried towards larger x at first: what replaces a condition belongs upstream

    @property
    def blocks(self) -> int:
        """How many functions of x its state has: u, and u_t where the order in time is 2."""
        return max(1, self.time_order)


@dataclass(frozen=True)
class LineProblem:
    """What the equations and their conditions are, sorted by where they hold; nothing of the discretisation.

    ``equations`` are in the order of the fields whose rates they give.
    """

    problem: Problem
    space: int  # the number of the space coordinate
    time: int
    periodic: bool
    fields: tuple[LineField, ...]
    equations: tuple[Pointwise, ...]
    ends: tuple[tuple[int, Pointwise, int], ...]  # side, condition, number of the field that it belongs to

    @property
    def interval(self) -> np.ndarray:  # (2,)
        """The ends of the space coordinate."""
        return self.problem.domain.bounds[self.space]

    @property
    def span(self) -> np.ndarray:  # (2,)
        """First and last time."""
        return self.problem.domain.bounds[self.time]

    @property
    def order(self) -> int:
        """The highest order in space."""
        return max(equation.order(self.space) for equation in self.equations)

    @property
    def first_blocks(self) -> tuple[int, ...]:
        """The number of each field's first block in the state, which is the field itself."""
        return tuple(int(n) for n in np.cumsum([0, *(f.blocks for f in self.fields[:-1])]))

    @property
    def blocks(self) -> int:
        """The number of functions of x in the state."""
        return sum(f.blocks for f in self.fields)

    @property
    def even_pieces(self) -> bool:
        """Whether all pieces must be equally long: u_xxx on a circle has growing modes where joined pieces are unequal.

        Measured on u_t + u_xxx / 2000 = 0, degree 14: growth rates up to 4e2 with pieces graded 1 : 2, 6e-9 without; none for
        orders 1, 2 and 4, and none between two ends.
        """
        return self.periodic and any(f.order == 3 for f in self.fields)

    @property
    def parts(self) -> int:
        """Into how many a piece is divided: 2, but 3 where the number of pieces must stay odd.

        On a circle with an equation of odd order, an even number of pieces, or of Gauss points in each, leaves a function that
        vanishes at all Gauss points and is as smooth as the joints ask: for order 1, the Legendre polynomial in every piece.
        """
        return 3 if self.periodic and any(f.order % 2 for f in self.fields) else 2

    def degree(self, degree: int) -> int:
        """The degree to use for one asked for: odd where the number of Gauss points must be."""
        return degree + (self.parts == 3 and degree % 2 == 0)

    def at(self, x: np.ndarray | float, t: np.ndarray | float) -> list[np.ndarray | float]:
        """Points in the order of the problem's coordinates."""
        return [x, t] if self.space == 0 else [t, x]


def line_problem(problem: Problem) -> LineProblem:
    """Sort a problem for the method of lines; UnsupportedProblem, with the reason, if it is not one for it."""
    domain = problem.domain
    if domain.dimension != 2 or domain.time_axis is None:
        raise UnsupportedProblem("the method of lines needs one space coordinate and time")
    if any(c.kind == "constraint" for c in problem.conditions):
        raise UnsupportedProblem("the method of lines knows conditions at the start and at the ends, not constraints")
    time, space = domain.time_axis, domain.space_axes[0]
    names = [f.name for f in problem.fields]
    found = [Pointwise(problem, r) for r in problem.equations]
    scores = [[100 * e.order(time, n) + e.order(space, n) if e.has(n) else None for n in names] for e in found]
    of_field = _assign(scores, "equation")  # (E,)
    equations = tuple(found[int(np.flatnonzero(of_field == f)[0])] for f in range(len(names)))
    time_orders = [max(e.order(time, n) for e in found) for n in names]
    if max(time_orders) not in (1, 2) or max(e.order(space) for e in found) < 1:
        raise UnsupportedProblem(
            "the method of lines needs order 1 or 2 in time and at least 1 in space, not "
            f"{max(time_orders)} and {max(e.order(space) for e in found)}"
        )
    periodic = domain.coordinates[space] in domain.periodic
    ends = [] if periodic else _end_conditions(problem, space)
    orders = _orders(found, equations, names, space, None if periodic else len(ends))
    start = _initial(problem, time_orders, space, time)
    fields = [LineField(n, q, p, start[n]) for n, q, p in zip(names, orders, time_orders, strict=True)]
    owners = _owners(ends, fields, space) if ends else []
    if not periodic:
        fields = _fitting(fields, [owners.count(n) for n in range(len(fields))])
    fields = [
        replace(f, forward=f.more > 0 and _speed(problem, e, f, fields, space, time) > 0)
        for f, e in zip(fields, equations, strict=True)
    ]
    belonging = tuple((side, condition, owner) for (side, condition), owner in zip(ends, owners, strict=True))
    return LineProblem(problem, space, time, periodic, tuple(fields), equations, belonging)


def _assign(scores: Sequence[Sequence[int | None]], what: str) -> np.ndarray:  # (E, F) -> (E,)
    """One column for each row, so that the sum of the scores is largest; None where they do not belong together."""
    cost = np.array([[IMPOSSIBLE if score is None else -float(score) for score in row] for row in scores])
    rows, columns = linear_sum_assignment(cost)
    if (cost[rows, columns] == IMPOSSIBLE).any():
        raise UnsupportedProblem(f"the method of lines finds no field for every {what} of the system")
    return np.asarray(columns)


def _orders(
    found: Sequence[Pointwise], equations: Sequence[Pointwise], names: Sequence[str], space: int, ends: int | None
) -> list[int]:
    """The order of every field in space: the highest that occurs, or that in its own equation if that fits the conditions.

    The second rule is for u_t = u_xx + v_x, v_t = u_x: v has no flux of its own and takes no condition.
    """
    orders = [max(e.order(space, n) for e in found) for n in names]
    own = [e.order(space, n) for e, n in zip(equations, names, strict=True)]
    return own if ends is not None and sum(orders) != ends and sum(own) == ends else orders


def _fitting(fields: Sequence[LineField], conditions: Sequence[int]) -> list[LineField]:
    """The fields with ``more``, from how many conditions belong to each; UnsupportedProblem if these are too few or too many.

    Beside others, a field of order 1 may have none, as the height of water between walls where the velocity is zero, or two, as
    the electric field between conductors.
    """
    missing = [f.order - n for f, n in zip(fields, conditions, strict=True)]
    flexible = [len(fields) > 1 and f.order == 1 and f.time_order == 1 for f in fields]
    if any(m and not free for m, free in zip(missing, flexible, strict=True)) or any(abs(m) > 1 for m in missing):
        orders = [f.order for f in fields]
        what = f"an equation of order {orders[0]} in space" if len(orders) == 1 else f"a system of orders {orders} in space"
        raise UnsupportedProblem(f"{what} needs {sum(orders)} conditions at the ends, not {sum(conditions)}")
    return [replace(f, more=m) for f, m in zip(fields, missing, strict=True)]


def _speed(
    problem: Problem, equation: Pointwise, field: LineField, all_fields: Sequence[LineField], space: int, time: int
) -> float:
    """How fast a field of first order is carried at the first time, in the mean over space.

    Replaced downstream, a condition leaves modes that grow at rates of 20 to 50 (continuity, v = sin(pi x) / 3, 2 to 4 pieces).
    """
    low, high = problem.domain.bounds[space].tolist()
    x = np.linspace(low, high, 65)
    start = {f.name: f.start[0](x) for f in all_fields}
    jets = {(name, index): np.zeros_like(x) if any(index) else start[name] for name, index in equation.keys}
    t = float(problem.domain.bounds[time, 0])
    _, slopes = equation([x, t] if space == 0 else [t, x], jets)
    by_x, by_t = (slopes.get((field.name, tuple(int(axis == i) for i in range(2)))) for axis in (space, time))
    return 0.0 if by_x is None or by_t is None else float(np.mean(by_x / by_t))


def _end_conditions(problem: Problem, space: int) -> list[tuple[int, Pointwise]]:
    found: list[tuple[int, Pointwise]] = []
    for condition in problem.conditions:
        if condition.kind != "boundary":
            continue
        if condition.place.predicate is not None and condition.place.predicate != sp.true:
            raise UnsupportedProblem(f"the method of lines knows whole ends only, not '{condition.place.text}'", condition.span)
        for face in condition.place.faces:
            if face.axis == space:
                found += [(face.side, Pointwise(problem, r.on_face(face, problem.coordinates))) for r in condition.residuals]
    return found


def _owners(ends: Sequence[tuple[int, Pointwise]], fields: Sequence[LineField], space: int) -> list[int]:
    """The number of the field that every condition belongs to: as many to each as its order, where that is possible."""
    slots = [number for number, f in enumerate(fields) for _ in range(f.order)]
    scores = [[1 + c.order(space, fields[n].name) if c.has(fields[n].name) else None for n in slots] for _, c in ends]
    if len(ends) <= len(slots):
        try:
            return [slots[n] for n in _assign(scores, "condition")]
        except UnsupportedProblem:
            pass
    best = [max((c.order(space, f.name), f.order, -n) for n, f in enumerate(fields) if c.has(f.name)) for _, c in ends]
    return [-n for _, _, n in best]


def _initial(problem: Problem, time_orders: Sequence[int], space: int, time: int) -> dict[str, tuple[OfSpace, ...]]:
    """u, u_t at the first time as formulas, from conditions that give them one after the other."""
    coordinates = problem.coordinates
    known: dict[tuple[str, int], sp.Expr] = {}
    waiting = [r.on_face(Face(time, -1), coordinates) for c in problem.conditions if c.kind == "initial" for r in c.residuals]
    while waiting := [r for r in waiting if _missing(r, known, time)]:
        ready = [r for r in waiting if len(_missing(r, known, time)) == 1]
        if not ready:
            raise UnsupportedProblem(
                f"the initial condition '{waiting[0].text}' does not give one unknown value directly", waiting[0].span
            )
        waiting.remove(ready[0])
        (target,) = _missing(ready[0], known, time)
        known[target] = _solve(ready[0], target, known, coordinates, space, time)
    first = problem.limits[coordinates[time]][0] if coordinates[time] in problem.limits else problem.domain.bounds[time, 0]
    at_start = {symbol(coordinates[time]): sp.sympify(first, strict=True)}
    found: dict[str, tuple[OfSpace, ...]] = {}
    for f, order in zip(problem.fields, time_orders, strict=True):
        for q in range(order):
            if (f.name, q) not in known:
                index = tuple(q if axis == time else 0 for axis in range(2))
                raise UnsupportedProblem(
                    f"the method of lines needs '{jet_symbol(f.name, index, coordinates)}' at the first time"
                )
        values = [known.get((f.name, q), sp.Integer(0)).subs(at_start) for q in range(max(1, order))]
        found[f.name] = tuple(_of_x(Function(problem, value), space) for value in values)
    return found


def _missing(r: Residual, known: dict[tuple[str, int], sp.Expr], time: int) -> set[tuple[str, int]]:
    """Which fields and orders in time occur that are not known yet."""
    return {(name, index[time]) for s, (name, index) in r.jets.items() if r.expression.has(s)} - set(known)


def _of_x(f: Function, space: int) -> OfSpace:
    return lambda x: f([x, 0.0] if space == 0 else [0.0, x])


def _solve(
    r: Residual,
    target: tuple[str, int],
    known: dict[tuple[str, int], sp.Expr],
    coordinates: tuple[str, ...],
    space: int,
    time: int,
) -> sp.Expr:
    """The value that makes an initial condition hold; derivatives of known values by x come from these."""
    index = tuple(target[1] if axis == time else 0 for axis in range(2))
    wanted = jet_symbol(target[0], index, coordinates)
    derivatives = {
        s: sp.diff(known[name, i[time]], symbol(coordinates[space]), i[space])
        for s, (name, i) in r.jets.items()
        if (name, i[time]) in known
    }
    expression = r.expression.xreplace(derivatives)
    slope = sp.diff(expression, wanted)
    if slope == 0 or slope.has(wanted) or any(s != wanted and expression.has(s) for s in r.jets):
        raise UnsupportedProblem(f"the initial condition '{r.text}' does not give '{wanted}' directly", r.span)
    return sp.expand_mul(-expression.xreplace({wanted: sp.Integer(0)}) / slope)
