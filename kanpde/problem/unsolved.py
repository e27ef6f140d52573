"""What the language describes and this version does not solve: each a remark with its place, never half-done.

One function for each such thing, and ``GATES`` is the list of them: what is solved loses its line there and its function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kanpde.errors import Span, UnsupportedProblem
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.jumps import switches
from kanpde.problem.materials import materials
from kanpde.problem.orders import time_orders
from kanpde.problem.real_form import real_form
from kanpde.problem.scope import Scope
from kanpde.problem.text import Mapping
from kanpde.problem.types import Condition, Problem, Remark, Residual, symbol

MAX_SPACE_ORDER = 6
MAX_TIME_ORDER = 2
MAX_COORDINATES = 3
PLANE = 2

Found = Iterator[tuple[str, Span]]
"""A sentence, and the place in the file that it is about."""

Gate = Callable[[Problem, Scope, Mapping], Found]
"""What of a problem (with real fields only), of its names and of its file is not solved yet."""

NOT_YET = "read, not solved yet"


def unsolved(problem: Problem, scope: Scope, root: Mapping) -> tuple[Remark, ...]:
    """One remark for each construct that is read, not solved yet."""
    try:
        form = real_form(problem)
        found = dict.fromkeys(pair for gate in GATES for pair in gate(form, scope, root))
    except UnsupportedProblem as error:
        return (Remark(error.message, _key(root, "equations" if root.get("equations") else "equation"), unsupported=True),)
    return tuple(Remark(sentence, span, unsupported=True) for sentence, span in found)


def _key(root: Mapping, name: str) -> Span:
    key = root.key(name)
    value = root.get(name)
    return value.span if value is not None and not isinstance(value, Mapping) else key.span if key is not None else root.span


def _where(root: Mapping, name: str) -> Span:
    where = root.get("where")
    key = where.key(name) if isinstance(where, Mapping) else None
    return key.span if key is not None else _key(root, "find")


def _span(of: Residual | Condition) -> Span:
    assert of.span is not None
    return of.span


# ---- names -----------------------------------------------------------------------------------------------------------


def unknown_constants(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``find: u(x), lambda``."""
    for name in (name for name in scope.letters if name in problem.unknowns):
        yield f"the unknown constant '{name}' is {NOT_YET}", _key(root, "find")


def parameters(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``find: u(x, t; nu)``."""
    for name in scope.letters:
        if name not in problem.unknowns and any(name in f.parameters for f in problem.fields):
            yield f"the parameter '{name}' is {NOT_YET}", _key(root, "find")


def measured_data(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``data: {file: sensors.csv}``."""
    if problem.data is not None:
        yield f"measured data are {NOT_YET}", _key(root, "data")


def measured_fields(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``k: {file: data/k.csv}`` under ``where``."""
    for name in scope.measured:
        yield f"the measured field '{name}' is {NOT_YET}", _where(root, name)


# ---- where -----------------------------------------------------------------------------------------------------------


def shape_and_another_coordinate(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``(x, y): disk([0, 0], 1)`` with ``z: [0, 1]``, or a shape in three coordinates with ``t: [0, 1]``."""
    domain = problem.domain
    timed = domain.time is not None
    if domain.region_axes and domain.dimension > len(domain.region_axes) + timed:
        yield f"a shape with another coordinate of space is {NOT_YET}", _key(root, "domain")
    elif len(domain.region_axes) > 2 and timed:
        yield f"a shape in three coordinates with time is {NOT_YET}", _key(root, "domain")


def many_coordinates(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """A box in more than ``MAX_COORDINATES`` coordinates, time included."""
    if problem.domain.is_box and problem.domain.dimension > MAX_COORDINATES:
        yield f"a problem in {problem.domain.dimension} coordinates is {NOT_YET}", _key(root, "domain")


def fields_of_fewer_coordinates(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``find: u(x, t), c(t)``."""
    if any(set(f.arguments) != set(problem.coordinates) for f in problem.fields):
        yield f"a field of fewer coordinates than the domain is {NOT_YET}", _key(root, "find")


# ---- equations -------------------------------------------------------------------------------------------------------


def time_as_a_parameter(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``u_xx = sin(t)``: a problem at each time for itself."""
    domain = problem.domain
    if domain.time is not None and domain.space_axes and not any(time_orders(problem).values()):
        yield f"an equation in {domain.time} without a derivative by it is {NOT_YET}", _span(problem.equations[0])


def high_orders(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """Orders above ``MAX_SPACE_ORDER`` in space, or above ``MAX_TIME_ORDER`` in time."""
    time = problem.domain.time_axis
    for residual in problem.equations:
        orders = [sum(index) - (index[time] if time is not None else 0) for _, index in residual.jets.values()]
        if max(orders, default=0) > MAX_SPACE_ORDER:
            yield f"an equation of order {max(orders)} is {NOT_YET}", _span(residual)
        if time is not None and residual.order_in(time) > MAX_TIME_ORDER:
            yield f"an equation of order {residual.order_in(time)} in {problem.domain.time} is {NOT_YET}", _span(residual)


def integrals_in_equations(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``u_t = u_xx - integral(u)``."""
    for residual in problem.equations:
        if residual.expression.has(INTEGRAL):
            yield f"an integral in an equation is {NOT_YET}", _span(residual)


def jumping_coefficients(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``k: piecewise(x < 0, 1, 10)`` in front of a field, in time or in three coordinates; a source that jumps is solved."""
    if problem.domain.time is None and problem.domain.dimension <= PLANE:
        return
    for residual in _jumping(problem):
        where = "in a problem with time" if problem.domain.time is not None else "in three coordinates"
        yield f"a coefficient that jumps, {where}, is {NOT_YET}", _span(residual)


def jumps_without_a_rule(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """A coefficient that jumps on a curve that is no shape, or in an equation whose interface conditions are not known."""
    for residual in _jumping(problem)[:1]:
        try:
            materials(problem)
        except UnsupportedProblem as error:
            yield error.message, _span(residual)


def jumps_in_time(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``k: piecewise(t < 1/2, 1, 10)`` in front of a derivative."""
    if problem.domain.time is None:
        return
    everywhere = set(map(symbol, problem.coordinates))
    for residual in problem.equations:
        for slope in residual.partials.values():
            found = switches(problem.with_values(slope), everywhere)
            if any(s.has(symbol(problem.domain.time)) for s in found):
                yield f"a coefficient that jumps in {problem.domain.time} is {NOT_YET}", _span(residual)


def _jumping(problem: Problem) -> list[Residual]:
    """The equations with a coefficient that jumps in the domain: at a place that coordinates decide, not the solution."""
    space = {symbol(problem.coordinates[axis]) for axis in problem.domain.space_axes}
    found = [r for r in problem.equations if any(switches(problem.with_values(s), space) for s in r.partials.values())]
    try:
        return found if found and materials(problem) is not None else []
    except UnsupportedProblem:
        return found


# ---- conditions ------------------------------------------------------------------------------------------------------


def points_in_time(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``p(0, 0) = 0`` at one time: ``u(1/2, 1) = 0``."""
    time = problem.domain.time_axis
    for c in problem.conditions:
        if time is not None and c.place.point is not None and c.place.point[time] is not None:
            yield f"a constraint at one {problem.domain.time} ('{c.residuals[0].text}') is {NOT_YET}", _span(c)


def integral_constraints(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``integral(u) = 1`` on a shape, in time, or with a periodic coordinate."""
    domain = problem.domain
    if domain.is_box and domain.time is None and not domain.periodic and domain.dimension <= PLANE:
        return
    for c in problem.conditions:
        if c.integrals:
            yield f"{_name(c)} is {NOT_YET}", _span(c)


def choices(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``u(1/2) > 0``."""
    for c in problem.conditions:
        if c.choice is not None:
            yield f"{_name(c)} is {NOT_YET}", _span(c)


def other_constraints(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``p(0, 0) = p(1, 0)``, and all that is neither a value at a point, nor an integral, nor a sign."""
    for c in problem.conditions:
        if c.kind == "constraint" and c.place.point is None and not c.integrals and c.choice is None:
            yield f"{_name(c)} is {NOT_YET}", _span(c)


def _name(c: Condition) -> str:
    return f"the constraint '{c.name}'" if c.name != "constraint" else "a constraint"


def parts_of_a_side(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``x = 0 and y < 1/2: u = 0`` on a box, in time or with a periodic coordinate."""
    if problem.domain.time is None and not problem.domain.periodic and problem.domain.dimension <= PLANE:
        return
    for c in problem.conditions:
        if c.kind != "constraint" and c.place.predicate is not None and problem.domain.is_box:
            yield f"a condition on a part of a side ('{c.place.text}') is {NOT_YET}", _span(c)


def conditions_that_reach_out(problem: Problem, scope: Scope, root: Mapping) -> Found:
    """``x = 0: u = integral(u)``."""
    for c in problem.conditions:
        if c.kind != "constraint":
            for residual in c.residuals:
                if residual.expression.has(INTEGRAL, POINT_VALUE):
                    yield f"the condition '{residual.text}' is {NOT_YET}", _span(c)


GATES: tuple[Gate, ...] = (
    unknown_constants,
    parameters,
    measured_data,
    measured_fields,
    shape_and_another_coordinate,
    many_coordinates,
    fields_of_fewer_coordinates,
    time_as_a_parameter,
    high_orders,
    integrals_in_equations,
    jumping_coefficients,
    jumps_without_a_rule,
    jumps_in_time,
    points_in_time,
    integral_constraints,
    choices,
    other_constraints,
    parts_of_a_side,
    conditions_that_reach_out,
)
"""To open one is to take its line from here; nothing else knows of it."""
