"""Constraints: values at points, integrals and signs, the entries under ``constraints``.

Values at one point, ``p(0, 0) = 0`` or ``p(0, 0, t) = g``, become a condition like any other: a residual in the fields and their
derivatives, and a place that is a point. Of integrals, ``integral(u) = 1``, the integrand and the value are taken apart, and of
signs, ``u(1/2) > 0``, what is positive and where. Everything else stays as it was written, with opaque integrals and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import sympy as sp

from kanpde.geometry import Domain, Place
from kanpde.problem.conditions import entries, made, residual, within
from kanpde.problem.expressions import Builder, Relation
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.language import write_expression
from kanpde.problem.scope import Scope
from kanpde.problem.text import Node, Text
from kanpde.problem.types import Choice, Condition, Integral, Residual, symbol

_ROUND_OFF = 1e-12
"""How far outside, relative to the interval, a point still counts as its end: 0.3 as three times 0.1."""

_NEAR = 1e-9
"""How far outside, relative to the domain, a point still counts as one of the outline: a point on a circle has 16 digits."""

Position = Mapping[sp.Symbol, sp.Expr]


def read_constraints(node: Node, scope: Scope, domain: Domain) -> tuple[Condition, ...]:
    """Values at points, integrals and signs; of an inequality, the residual is left - right, and its text has the sign."""
    conditions: list[Condition] = []
    for key, value in entries(node, "'constraints'"):
        name = key.text.value if key else "constraint"
        builder = Builder(scope, value.text, allow_point_values=True)
        for relation in builder.relations():
            found: list[Residual] = []
            if relation.sign in ("=", "=="):
                found += residual(relation, builder, name, "constraint")
            elif isinstance(relation.left, sp.Expr) and isinstance(relation.right, sp.Expr):
                found.append(made(relation.left - relation.right, relation, builder, name, "constraint"))
            conditions += [_condition(r, relation, value.text, scope, domain) for r in found]
    return tuple(conditions)


def _condition(r: Residual, relation: Relation, text: Text, scope: Scope, domain: Domain) -> Condition:
    points = [_position(value, r, scope) for value in sorted(r.expression.atoms(POINT_VALUE), key=str)]
    for position in points:
        _check_inside(position or {}, relation, text, scope, domain)
        _check_in_shape(position or {}, relation, text, scope, domain)
    opaque = Condition(r.name, "constraint", Place("constraint", ()), (r,), r.span)
    equation = relation.sign in ("=", "==")
    if not points:
        integral = _integral(r, scope)
        if integral is None or relation.sign == "!=":
            return opaque
        if equation:
            return replace(opaque, integrals=(integral,))
        if integral.value != 0:
            return opaque
        return replace(opaque, choice=Choice(integral.integrand, None, ">" in relation.sign))
    (position, *others) = points
    plain = r.expression.replace(POINT_VALUE, lambda jet, *_: jet)
    apart = r.expression.replace(POINT_VALUE, lambda *_: sp.Integer(0))
    together = position is not None and not any(_apart(position, other, scope) for other in others)
    if position is None or not together or apart.has(INTEGRAL) or apart.free_symbols & {*r.jets, *position}:
        return opaque
    if not position:
        hint = "what holds everywhere stands under 'equation', with the field's name alone"
        raise text.error(f"'{r.text}' fixes no coordinate, so that it is no value at a point", *within(relation, text), hint=hint)
    value_at = replace(r, expression=plain)
    numbers = {name.name: _number(value, scope) for name, value in position.items()}
    ends = zip(domain.coordinates, domain.bounds.tolist(), strict=True)
    place = Place(
        ", ".join(f"{name} = {write_expression(value)}" for name, value in position.items()),
        (),
        sp.And(*(sp.Eq(name, value, evaluate=False) for name, value in position.items())),
        tuple(min(max(numbers[name], low), high) if name in numbers else None for name, (low, high) in ends),
    )
    if not equation:
        return opaque if relation.sign == "!=" else replace(opaque, choice=Choice(value_at, place.point, ">" in relation.sign))
    return Condition(r.name, "constraint", place, (value_at,), r.span)


def _integral(r: Residual, scope: Scope) -> Integral | None:
    """``2*integral(u) + integral(v) = 1`` as the integral of 2*u + v and the value 1; None for what is not of this kind."""
    names = {e: sp.Dummy(real=e.args[0].is_real) for e in sorted(r.expression.atoms(INTEGRAL), key=str)}
    rest = r.expression.xreplace(names)
    slopes = {e: sp.diff(rest, s) for e, s in names.items()}
    value = -rest.xreplace(dict.fromkeys(names.values(), sp.Integer(0)))
    moving = {*r.jets, *names.values(), *map(symbol, scope.space)}
    if not names or value.free_symbols & moving or any(slope.free_symbols & moving for slope in slopes.values()):
        return None
    if any(e.args[0].has(INTEGRAL) for e in names):
        return None
    integrand = sp.Add(*(slope * e.args[0] for e, slope in slopes.items()))
    return Integral(replace(r, expression=integrand), value)


def _position(value: sp.Expr, r: Residual, scope: Scope) -> Position | None:
    """The coordinates that ``p(0, 1/2, t)`` fixes; None for arguments that are neither a number nor the coordinate itself."""
    jet, *arguments = value.args
    field, _ = r.jets[jet]
    fixed: dict[sp.Symbol, sp.Expr] = {}
    for name, argument in zip(scope.fields[field].arguments, arguments, strict=True):
        if argument == symbol(name):
            continue
        if not argument.free_symbols <= set(scope.constants) or not argument.xreplace(scope.constants).is_real:
            return None
        fixed[symbol(name)] = argument
    return fixed


def _apart(one: Position | None, other: Position | None, scope: Scope) -> bool:
    """Whether two points are different; 3*L and 0.3 are the same number where L is 0.1."""
    if one is None or other is None or set(one) != set(other):
        return True
    return any(not (value - other[name]).xreplace(scope.constants).is_zero for name, value in one.items())


def _number(value: sp.Expr, scope: Scope) -> float:
    return float(sp.N(value.xreplace(scope.constants), 17))


def _check_inside(position: Position, relation: Relation, text: Text, scope: Scope, domain: Domain) -> None:
    for name, (low, high) in zip(domain.coordinates, domain.bounds.tolist(), strict=True):
        value = position.get(symbol(name))
        room = _ROUND_OFF * (high - low)
        if value is not None and not low - room <= _number(value, scope) <= high + room:
            message = f"the point {name} = {write_expression(value)} lies outside the domain"
            raise text.error(message, *within(relation, text), hint=f"{name} runs from {low:g} to {high:g}")


def _check_in_shape(position: Position, relation: Relation, text: Text, scope: Scope, domain: Domain) -> None:
    axes = domain.region_axes
    names = [symbol(domain.coordinates[axis]) for axis in axes]
    if not axes or not set(names) <= set(position):
        return
    x = np.array([[_number(position[name], scope) for name in names]])
    near = _NEAR * float(domain.lengths[list(axes)].max())
    if not domain.shape.contains(x)[0] and domain.boundary.distance(x)[0] > near:
        where = ", ".join(f"{name} = {write_expression(position[name])}" for name in names)
        raise text.error(f"the point {where} lies outside the shape", *within(relation, text))
