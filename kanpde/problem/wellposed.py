"""Is the problem complete? Equations against unknowns, initial conditions against the order in time, conditions at every end."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from kanpde.errors import ProblemError, Span
from kanpde.geometry import Face
from kanpde.problem.exact import face_text
from kanpde.problem.text import Mapping
from kanpde.problem.types import Condition, Problem, Remark, Residual, jet_symbol, symbol
from kanpde.problem.zero import Verdict, decide


def check(problem: Problem, root: Mapping) -> tuple[Remark, ...]:
    """Raise ProblemError for what cannot be solved as it stands; remarks for what probably has no unique solution."""
    _count_equations(problem, root)
    _check_initial(problem, root)
    return (*_boundary(problem, root), *_corners(problem))


def _span(root: Mapping, *names: str) -> Span:
    for name in names:
        key = root.key(name)
        if key is not None:
            return key.span
    return root.span


def _count_equations(problem: Problem, root: Mapping) -> None:
    equations, fields = len(problem.equations), len(problem.fields)
    if equations == fields:
        return
    names = ", ".join(f.name for f in problem.fields)
    unknowns = f"{fields} unknown function{'s' * (fields > 1)} ({names})"
    message = f"{equations} equation{'s' * (equations != 1)} for {unknowns}"
    if equations < fields:
        unmentioned = [
            f.name for f in problem.fields if not any(f.name == n for r in problem.equations for n, _ in r.jets.values())
        ]
        hint = f"no equation contains '{unmentioned[0]}'" if unmentioned else "add an equation for each unknown function"
    else:
        hint = "conditions stand under 'initial', 'boundary' and 'constraints'"
    raise ProblemError(message, _span(root, "equations", "equation"), hint)


def time_orders(problem: Problem) -> dict[str, int]:
    """The highest order of differentiation by time that the equations have, for each field."""
    axis = problem.domain.time_axis
    orders = dict.fromkeys((f.name for f in problem.fields), 0)
    if axis is not None:
        for name, index in (key for residual in problem.equations for key in residual.jets.values()):
            orders[name] = max(orders[name], index[axis])
    return orders


def _check_initial(problem: Problem, root: Mapping) -> None:
    domain = problem.domain
    axis = domain.time_axis
    if axis is None or problem.data is not None:
        return
    initial = [c for c in problem.conditions if c.kind == "initial"]
    given = {key for c in initial for r in c.residuals for key in r.jets.values()}
    span = initial[0].span if initial else root.span
    orders = time_orders(problem)
    for name, order in orders.items():
        for k in range(order):
            index = tuple(k * (i == axis) for i in range(domain.dimension))
            if (name, index) not in given:
                wanted = jet_symbol(name, index, domain.coordinates)
                known = "" if initial else "'initial' is missing: "
                message = f"{known}the equation is of order {order} in {domain.time}, so {wanted} needs an initial value"
                raise ProblemError(message, span, _initial_hint(name, order, problem, bool(initial)))
    for c in initial:
        for r in c.residuals:
            for name, index in r.jets.values():
                if index[axis] >= max(orders[name], 1):
                    s = jet_symbol(name, index, domain.coordinates)
                    message = f"'{s}' is no initial value: the equation is of order {orders[name]} in {domain.time}"
                    raise ProblemError(message, r.span, "the equation itself determines it")
    count, wanted_count = sum(len(c.residuals) for c in initial), sum(orders.values())
    if count > wanted_count > 0 and not any(order == 0 for order in orders.values()):
        raise ProblemError(f"{count} initial conditions, where the equation takes {wanted_count}", span)


def _initial_hint(name: str, order: int, problem: Problem, some: bool) -> str:
    time = problem.domain.time
    values = ", ".join(f"{name}_{str(time) * k} = ..." if k else f"{name} = ..." for k in range(order))
    return f"write initial: {values}" if not some else f"all of them in one line: initial: {values}"


def _boundary(problem: Problem, root: Mapping) -> Iterator[Remark]:
    """A warning where an axis has fewer conditions at its two ends than the equation has derivatives along it."""
    domain = problem.domain
    if domain.shape is not None or problem.data is not None:
        if domain.shape is not None and not any(c.kind == "boundary" for c in problem.conditions):
            yield Remark("there is no boundary condition: the problem may have no unique solution", _span(root, "domain"))
        return
    conditions = [c for c in problem.conditions if c.kind == "boundary"]
    for axis in domain.space_axes:
        name = domain.coordinates[axis]
        if name in domain.periodic:
            continue
        order = max(residual.order_in(axis) for residual in problem.equations)
        counts = {side: sum(len(c.residuals) for c in conditions if Face(axis, side) in c.place.faces) for side in (-1, 1)}
        if order and sum(counts.values()) < order:
            bare = [Face(axis, side) for side, count in counts.items() if 2 * count < order]
            places = " and ".join(face_text(face, problem) for face in bare)
            message = (
                f"too few conditions at {places}: the equation is of order {order} in {name} "
                f"and has {sum(counts.values())} there, so the problem may have no unique solution"
            )
            yield Remark(message, _span(root, "boundary", "domain"), f"add one at {places}, or '{name}: periodic'")
        if order and len(problem.fields) == 1 and sum(counts.values()) > order:
            message = (
                f"too many conditions at the ends of {name}: the equation is of order {order} in {name} "
                f"and has {sum(counts.values())} there, so the problem may have no solution"
            )
            yield Remark(message, _span(root, "boundary"))
    if problem.equations and len(problem.fields) == 1 and domain.time is None:
        yield from _undetermined_constant(problem, root)


def _undetermined_constant(problem: Problem, root: Mapping) -> Iterator[Remark]:
    """A warning where u and u + constant are solutions alike: only derivatives of u occur anywhere."""
    name = problem.fields[0].name
    zero = (0,) * problem.domain.dimension
    residuals = [*problem.equations, *(r for c in problem.conditions for r in c.residuals)]
    if not any((name, zero) in r.jets.values() for r in residuals):
        message = f"only derivatives of {name} occur, so {name} plus any constant is a solution too"
        yield Remark(message, _span(root, "boundary", "equation"), f"fix its level, for example by {name} = 0 at one end")


def _given_values(
    condition: Condition, field: str, order: int, axis: int, problem: Problem
) -> Iterator[tuple[Residual, sp.Expr]]:
    """What explicit conditions ``u = g`` say about a time derivative of a field: g."""
    index = tuple(order * (i == axis) for i in range(problem.domain.dimension))
    for residual in condition.residuals:
        slope = residual.partials.get((field, index))
        if len(residual.jets) == 1 and slope is not None and slope.is_number and not slope.is_zero:
            (s,) = residual.jets
            yield residual, sp.expand(s - residual.expression / slope)


def _corners(problem: Problem) -> Iterator[Remark]:
    """Warnings where two conditions meet and contradict each other: initial against boundary, and two sides of a box."""
    domain = problem.domain
    if domain.shape is not None:
        return
    boundary = [c for c in problem.conditions if c.kind == "boundary" and c.place.predicate is None]
    ranges = {symbol(n): (float(a), float(b)) for n, (a, b) in problem.limits.items()}
    for field in (f.name for f in problem.fields if not f.complex):
        zero_axis = domain.time_axis if domain.time_axis is not None else 0
        initial = [c for c in problem.conditions if c.kind == "initial"]
        if domain.time_axis is not None:
            for c in initial:
                for first, value in _given_values(c, field, 0, zero_axis, problem):
                    yield from _initial_corner(first, value, field, boundary, problem, ranges)
        seen: list[tuple[Face, Residual, sp.Expr]] = []
        for c in boundary:
            for residual, value in _given_values(c, field, 0, zero_axis, problem):
                for face in c.place.faces:
                    for other, earlier, known in seen:
                        if (
                            other == face
                            and decide(_put(value - known, face, problem), ranges, problem.constants)[0] is Verdict.NOT_ZERO
                        ):
                            message = f"{earlier.text} and {residual.text} contradict each other at {face_text(face, problem)}"
                            raise ProblemError(message, residual.span, "one condition for each place")
                        if other.axis != face.axis:
                            corner = _put(_put(value - known, face, problem), other, problem)
                            if decide(corner, ranges, problem.constants)[0] is Verdict.NOT_ZERO:
                                at = f"{face_text(other, problem)}, {face_text(face, problem)}"
                                message = f"the boundary values {earlier.text} and {residual.text} contradict each other at {at}"
                                yield Remark(message, residual.span, "the solution is not smooth there, and accuracy suffers")
                                break
                    seen.append((face, residual, value))


def _initial_corner(
    first: Residual, value: sp.Expr, field: str, boundary: list[Condition], problem: Problem, ranges: dict
) -> Iterator[Remark]:
    domain = problem.domain
    time = domain.time_axis
    assert time is not None
    start = Face(time, -1)
    for c in boundary:
        for residual in c.residuals:
            for face in c.place.faces:
                on_face = residual.on_face(face, domain.coordinates)
                if any(name != field or index[time] for name, index in on_face.jets.values()):
                    continue
                corner = _put(_put(on_face.evaluate({field: value}, domain.coordinates), face, problem), start, problem)
                if decide(corner, ranges, problem.constants)[0] is Verdict.NOT_ZERO:
                    at = face_text(face, problem)
                    message = f"the initial value {first.text} contradicts the boundary condition {residual.text} at {at}"
                    yield Remark(message, residual.span, "the solution is not smooth in that corner, and accuracy suffers")
                    return


def _put(e: sp.Expr, face: Face, problem: Problem) -> sp.Expr:
    name = problem.coordinates[face.axis]
    return e.subs(symbol(name), problem.limits[name][(face.side + 1) // 2])
