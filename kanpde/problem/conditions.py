"""Equations and conditions: the entries under ``equation``, ``initial`` and ``boundary``."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from kanpde.geometry import Domain, Face, Place
from kanpde.problem.calculus import Vector
from kanpde.problem.expressions import Builder, Relation
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.places import Limits, read_place
from kanpde.problem.scope import Scope
from kanpde.problem.text import Mapping, Node, Scalar, Sequence, Text
from kanpde.problem.types import Condition, MultiIndex, Residual

PERIODIC = "periodic"


def entries(node: Node, what: str) -> Iterator[tuple[Scalar | None, Scalar]]:
    """The equations of a section: one value, a list, or named entries."""
    if isinstance(node, Scalar):
        yield None, node
    elif isinstance(node, Sequence):
        for item in node.items:
            if isinstance(item, Sequence):
                raise item.error(f"a list in a list, under {what}", "a minus has no blank after it: write -lap(u)")
            if isinstance(item, Mapping):
                raise item.error(f"an equation is wanted here, under {what}", "named entries stand without '- '")
            yield from entries(item, what)
    else:
        for key, value in node:
            if isinstance(value, Mapping):
                raise value.error(f"an equation is wanted here, under {what}", "written left = right")
            if any(sign in key.text.value for sign in "=<>"):
                raise key.error(f"a place cannot stand under {what}", "places stand under 'boundary'; here a key is only a name")
            for _, item in entries(value, what):
                yield key, item


def residuals(builder: Builder, name: str, what: str) -> tuple[Residual, ...]:
    """The residuals left - right of a text."""
    return tuple(r for relation in builder.relations() for r in residual(relation, builder, name, what))


def residual(relation: Relation, builder: Builder, name: str, what: str) -> Iterator[Residual]:
    """The residual of a relation; several where both sides are vectors."""
    if relation.sign not in ("=", "=="):
        raise builder.text.error(
            f"a condition with '{relation.sign}' cannot stand under {what}",
            *within(relation, builder.text),
            hint="inequalities stand under 'constraints'",
        )
    left, right = relation.left, relation.right
    if isinstance(left, Vector) and isinstance(right, Vector):
        for a, b in zip(left.entries, right.entries, strict=True):
            yield made(a - b, relation, builder, name, what)
    elif isinstance(left, sp.Expr) and isinstance(right, sp.Expr):
        yield made(left - right, relation, builder, name, what)


def within(relation: Relation, text: Text) -> tuple[int, int]:
    """Where a relation begins and ends in its text."""
    start = text.value.find(relation.text)
    return start, start + len(relation.text)


def made(expression: sp.Expr, relation: Relation, builder: Builder, name: str, what: str) -> Residual:
    """The residual of an expression, which must contain an unknown."""
    scope = builder.scope
    used = expression.free_symbols
    jets = {s: key for s, key in scope.jets.items() if s in used and key[0] in scope.fields}
    if not jets and not used & set(scope.normals):
        names = " or ".join(scope.fields)
        raise builder.text.error(
            f"this {what} says nothing about {names}", *within(relation, builder.text), hint=_trivial(expression, what)
        )
    if relation.sign in ("=", "==") and not expression.atoms(INTEGRAL, POINT_VALUE):
        number = expression.xreplace(scope.constants)
        if number.is_positive or number.is_negative:
            size = "positive" if number.is_positive else "negative"
            message = f"'{relation.text}' can never hold: its left side minus its right is {size}, whatever {_fields(jets)}"
            raise builder.text.error(message, *within(relation, builder.text))
    return Residual(expression, jets, relation.text, relation.span, name)


def _fields(jets: dict[sp.Symbol, tuple[str, MultiIndex]]) -> str:
    names = list(dict.fromkeys(name for name, _ in jets.values())) or ["it"]
    return f"{names[0]} is" if len(names) == 1 else f"{' and '.join(names)} are"


def _trivial(expression: sp.Expr, what: str) -> str | None:
    if what == "boundary condition" and expression.free_symbols:
        return "if this is a place, its condition follows after a colon: 'x = 0: u = 0'"
    if expression.is_zero:
        return "its two sides are the same"
    return "it can never hold" if expression.is_number else None


def read_equations(node: Node, scope: Scope) -> tuple[Residual, ...]:
    """What holds inside the domain."""
    found: list[Residual] = []
    for key, value in entries(node, "'equation'"):
        found += residuals(Builder(scope, value.text), key.text.value if key else "", "equation")
    return tuple(found)


def read_initial(node: Node, scope: Scope, domain: Domain) -> tuple[Condition, ...]:
    """What holds at the first time."""
    if domain.time_axis is None:
        raise node.error("there is an initial condition, but no time", "time is the coordinate t: find: u(x, t)")
    place = Place("initial", (Face(domain.time_axis, -1),))
    conditions = []
    for key, value in entries(node, "'initial'"):
        name = key.text.value if key else "initial"
        found = residuals(Builder(scope, value.text), name, "initial condition")
        conditions.append(Condition(name, "initial", place, found, value.span))
    return tuple(conditions)


def periodic_axes(node: Node | None, scope_coordinates: tuple[str, ...], time: str | None) -> tuple[str, ...]:
    """The coordinates that ``x: periodic`` under ``boundary`` closes on themselves."""
    if not isinstance(node, Mapping):
        return ()
    found: list[str] = []
    for key, value in node:
        if not isinstance(value, Scalar) or value.text.value.strip() != PERIODIC:
            continue
        for part in key.text.value.split(","):
            name = part.strip()
            if name not in scope_coordinates:
                raise key.error(f"'{name}' is no coordinate", f"the coordinates are {', '.join(scope_coordinates)}")
            if name == time:
                raise key.error("time cannot be periodic here", "give an initial condition")
            if name in found:
                raise key.error(f"'{name}' is periodic twice")
            found.append(name)
    return tuple(found)


def read_boundary(node: Node, scope: Scope, domain: Domain, limits: Limits) -> tuple[Condition, ...]:
    """What holds on the boundary in space, one condition for each place."""
    pairs: list[tuple[Scalar | None, Node]]
    pairs = [*node] if isinstance(node, Mapping) else [(None, item) for _, item in entries(node, "'boundary'")]
    conditions: list[Condition] = []
    for key, value in pairs:
        if isinstance(value, Scalar) and value.text.value.strip() == PERIODIC:
            if key is None:
                raise value.error("periodic in which coordinate?", "write an indented line 'x: periodic'")
            continue
        if key is None:
            place = Place("boundary", domain.faces())
            if not domain.faces():
                raise value.error("the domain has no boundary in space", "all its coordinates are periodic or time")
        else:
            place = read_place(key.text, scope, domain, limits, [c.place for c in conditions])
        name = key.text.value if key else "boundary"
        found: tuple[Residual, ...] = ()
        for _, item in entries(value, "'boundary'"):
            found += residuals(Builder(scope, item.text, allow_normal=True), name, "boundary condition")
        conditions.append(Condition(name, "boundary", place, found, value.span))
    return tuple(conditions)
