"""Constraints: values at points, integrals and signs, the entries under ``constraints``.

Values at one point, ``p(0, 0) = 0`` or ``p(0, 0, t) = g``, become a condition like any other: a residual in the fields and their
derivatives, and a place that is a point. Everything else stays as it was written, with opaque integrals and point values.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from kanpde.geometry import Domain, Place
from kanpde.problem.conditions import entries, made, residual, within
from kanpde.problem.expressions import Builder, Relation
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.language import write_expression
from kanpde.problem.scope import Scope
from kanpde.problem.text import Node, Text
from kanpde.problem.types import Condition, Residual, symbol

_ROUND_OFF = 1e-12
"""How far outside, relative to the interval, a point still counts as its end: 0.3 as three times 0.1."""

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
    opaque = Condition(r.name, "constraint", Place("constraint", ()), (r,), r.span)
    if relation.sign not in ("=", "==") or not points or any(_apart(points[0], other, scope) for other in points[1:]):
        return opaque
    (position, *_) = points
    plain = r.expression.replace(POINT_VALUE, lambda jet, *_: jet)
    apart = r.expression.replace(POINT_VALUE, lambda *_: sp.Integer(0))
    if position is None or apart.has(INTEGRAL) or apart.free_symbols & {*r.jets, *position}:
        return opaque
    if not position:
        hint = "what holds everywhere stands under 'equation', with the field's name alone"
        raise text.error(f"'{r.text}' fixes no coordinate, so that it is no value at a point", *within(relation, text), hint=hint)
    numbers = {name.name: _number(value, scope) for name, value in position.items()}
    ends = zip(domain.coordinates, domain.bounds.tolist(), strict=True)
    place = Place(
        ", ".join(f"{name} = {write_expression(value)}" for name, value in position.items()),
        (),
        sp.And(*(sp.Eq(name, value, evaluate=False) for name, value in position.items())),
        tuple(min(max(numbers[name], low), high) if name in numbers else None for name, (low, high) in ends),
    )
    return Condition(r.name, "constraint", place, (Residual(plain, r.jets, r.text, r.span, r.name),), r.span)


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
