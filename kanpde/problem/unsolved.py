"""What the language describes and this version does not solve: each a remark with its place, never half-done."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from kanpde.errors import Span, UnsupportedProblem
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.orders import time_orders
from kanpde.problem.real_form import real_form
from kanpde.problem.scope import Scope
from kanpde.problem.text import Mapping
from kanpde.problem.types import Problem, Remark, symbol

MAX_SPACE_ORDER = 6
MAX_TIME_ORDER = 2
MAX_COORDINATES = 2


def unsolved(problem: Problem, scope: Scope, root: Mapping) -> tuple[Remark, ...]:
    """One remark for each construct that is read, not solved yet."""
    try:
        found = dict.fromkeys(_found(real_form(problem), scope, root))
    except UnsupportedProblem as error:
        return (Remark(error.message, _key(root, "equations" if root.get("equations") else "equation"), unsupported=True),)
    return tuple(Remark(f"{what} {verb} read, not solved yet", span, unsupported=True) for what, verb, span in found)


def _key(root: Mapping, name: str) -> Span:
    key = root.key(name)
    value = root.get(name)
    return value.span if value is not None and not isinstance(value, Mapping) else key.span if key is not None else root.span


def _where(root: Mapping, name: str) -> Span:
    where = root.get("where")
    key = where.key(name) if isinstance(where, Mapping) else None
    return key.span if key is not None else _key(root, "find")


def _found(problem: Problem, scope: Scope, root: Mapping) -> Iterator[tuple[str, str, Span]]:
    domain = problem.domain
    find = _key(root, "find")
    for name in scope.letters:
        if name in problem.unknowns:
            yield f"the unknown constant '{name}'", "is", find
        elif any(name in f.parameters for f in problem.fields):
            yield f"the parameter '{name}'", "is", find
    if problem.data is not None:
        yield "measured data", "are", _key(root, "data")
    for name in scope.measured:
        yield f"the measured field '{name}'", "is", _where(root, name)
    if domain.region_axes and domain.dimension > len(domain.region_axes):
        yield "a shape with time or another coordinate", "is", _key(root, "domain")
    elif domain.region_axes and domain.dimension > MAX_COORDINATES:
        yield "a shape in three coordinates", "is", _key(root, "domain")
    elif domain.dimension > MAX_COORDINATES:
        yield f"a problem in {domain.dimension} coordinates", "is", _key(root, "domain")
    if any(set(f.arguments) != set(domain.coordinates) for f in problem.fields):
        yield "a field of fewer coordinates than the domain", "is", find
    yield from _equations(problem)
    yield from _conditions(problem)


def _equations(problem: Problem) -> Iterator[tuple[str, str, Span]]:
    domain = problem.domain
    time = domain.time_axis
    if time is not None and domain.space_axes and not any(time_orders(problem).values()) and problem.equations[0].span:
        yield f"an equation in {domain.time} without a derivative by it", "is", problem.equations[0].span
    for residual in problem.equations:
        assert residual.span is not None
        space = max((sum(index) - (index[time] if time is not None else 0) for _, index in residual.jets.values()), default=0)
        if space > MAX_SPACE_ORDER:
            yield f"an equation of order {space}", "is", residual.span
        if time is not None and residual.order_in(time) > MAX_TIME_ORDER:
            yield f"an equation of order {residual.order_in(time)} in {domain.time}", "is", residual.span
        if residual.expression.has(INTEGRAL):
            yield "an integral in an equation", "is", residual.span
        if any(_jumps(slope, problem) for slope in residual.partials.values()):
            yield "a coefficient that jumps", "is", residual.span


def _jumps(slope: sp.Expr, problem: Problem) -> bool:
    """Whether a coefficient jumps somewhere in the domain: at a place given by coordinates, not by the solution."""
    coordinates = set(map(symbol, problem.coordinates))
    return any(a.free_symbols & coordinates for a in slope.atoms(sp.Piecewise, sp.Heaviside, sp.sign))


def _conditions(problem: Problem) -> Iterator[tuple[str, str, Span]]:
    for condition in problem.conditions:
        span = condition.span
        assert span is not None
        if condition.place.point is not None:
            time = problem.domain.time_axis
            if time is not None and condition.place.point[time] is not None:
                yield f"a constraint at one {problem.domain.time} ('{condition.residuals[0].text}')", "is", span
            continue
        if condition.kind == "constraint":
            yield f"the constraint '{condition.name}'" if condition.name != "constraint" else "a constraint", "is", span
            continue
        if condition.place.predicate is not None and problem.domain.shape is None:
            yield f"a condition on a part of a side ('{condition.place.text}')", "is", span
        for residual in condition.residuals:
            if residual.expression.has(INTEGRAL, POINT_VALUE):
                yield f"the condition '{residual.text}'", "is", span
