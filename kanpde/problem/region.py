"""The ``domain`` of a problem file: an interval for each coordinate, or a combination of named shapes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from lark import Tree

from kanpde.errors import ProblemError
from kanpde.geometry import Domain, boundary
from kanpde.geometry.shapes import SHAPES, Combination, Shape, leaves
from kanpde.problem.calculus import Vector
from kanpde.problem.expressions import Builder
from kanpde.problem.outline import read_outline
from kanpde.problem.scope import Scope
from kanpde.problem.syntax import parse, position
from kanpde.problem.text import Mapping, Node, Scalar, Sequence, Text, suggest
from kanpde.problem.types import Remark

_OTHER_NAMES = {
    "circle": "a circle with its inside is a disk",
    "square": "write rectangle([0, 0], [1, 1])",
    "sphere": "a sphere with its inside is a ball",
    "cube": "write box([0, 0, 0], [1, 1, 1])",
}

LARGEST = 1e15
"""The largest number in a shape, as in the files of outlines: beyond it products of lengths lose their meaning, or overflow."""

Limits = dict[str, tuple[sp.Expr, sp.Expr]]


def shape_names(domain: Node | None) -> tuple[str, ...]:
    """The names of the shapes that a domain section defines: its keys of more than one letter that are no coordinates."""
    if not isinstance(domain, Mapping):
        return ()
    return tuple(k.text.value for k, v in domain if not k.text.value.startswith("(") and not isinstance(v, Sequence))


def read_domain(node: Node, scope: Scope, periodic: tuple[str, ...]) -> tuple[Domain, Limits]:
    """The domain, and the ends of each interval as exact numbers."""
    if not isinstance(node, Mapping):
        raise node.error("the domain gives each coordinate its interval", "write an indented line 'x: [0, 1]' for each")
    limits: Limits = {}
    shapes: dict[str, Any] = {}
    main: tuple[Scalar, Scalar, tuple[str, ...]] | None = None
    for key, value in node:
        name = key.text.value
        if name.startswith("("):
            main = (key, _scalar(value), _group(key, scope))
        elif name in scope.coordinates:
            limits[name] = read_interval(value, scope, f"the interval of '{name}'")
        elif isinstance(value, Sequence):
            hint = suggest(name, scope.coordinates) or f"'find' declares {', '.join(scope.coordinates)}"
            raise key.error(f"'{name}' is no coordinate of the unknowns", hint)
        else:
            shapes[name] = value
    grouped = main[2] if main else ()
    missing = [name for name in scope.coordinates if name not in limits and name not in grouped]
    if missing:
        raise node.error(f"the domain does not say where '{missing[0]}' lies", f"add a line '{missing[0]}: [0, 1]'")
    if main is None:
        for key, value in node:
            if key.text.value in shapes and not _is_region(key.text.value, value):
                hint = suggest(key.text.value, scope.coordinates) or "an interval is written [0, 1]"
                raise key.error(f"'{key.text.value}' is no coordinate of the unknowns", hint)
    shape = None
    within = grouped or scope.space
    named = {name: _shape(name, value, scope, within) for name, value in shapes.items()}
    bounds = {name: (float(low), float(high)) for name, (low, high) in limits.items()}
    parts: tuple[Shape, ...] = ()
    if main is not None:
        key, value, group = main
        for name in group:
            if name in limits:
                raise key.error(f"'{name}' has an interval and a shape")
            if name in periodic:
                raise key.error(f"'{name}' is periodic and part of a shape", "a periodic coordinate has an interval of its own")
        shape = _combine(parse(value.text, "shape"), value.text, named, scope)
        if shape.dimension != len(group):
            raise value.error(f"the shape has {shape.dimension} dimensions, and {len(group)} coordinates")
        for name, ends in zip(group, _bounds(shape, value), strict=True):
            bounds[name] = (float(ends[0]), float(ends[1]))
            limits[name] = (_exact(ends[0]), _exact(ends[1]))
        used = {leaf.name for leaf in leaves(shape)}
        parts = tuple(part for part in named.values() if part.name not in used)
    elif named:
        shape = Combination("pieces", tuple(named.values()))
    limits = {name: limits[name] for name in scope.coordinates}
    numbers = np.array([bounds[name] for name in scope.coordinates])
    domain = Domain(scope.coordinates, numbers, scope.time, periodic, shape, grouped, parts)
    _check_parts(domain, shapes, within)
    return domain, limits


def _bounds(shape: Shape | Combination, value: Scalar) -> np.ndarray:  # (d, 2)
    """The smallest box around a shape. Raises ProblemError if nothing is left of it."""
    box = shape.bounds
    if not (box[:, 0] < box[:, 1]).all():
        raise value.error("the shape is empty")
    try:
        return boundary(shape).bounds
    except ValueError as error:
        raise value.error(str(error)) from None


def _exact(number: float) -> sp.Expr:
    """A bound as the fraction that it is but for rounding: 1/5 for 0.19999999999999998."""
    near = Fraction(float(number)).limit_denominator(10_000)
    close = abs(float(near) - number) <= 1e-14 * max(1.0, abs(number))
    return sp.Rational(near) if close else sp.Float(float(number), 17)


def _check_parts(domain: Domain, nodes: dict[str, Any], within: tuple[str, ...]) -> None:
    """Named parts of the domain lie in it, and in its coordinates."""
    for part in domain.parts or (domain.shape.parts if domain.shape is not None and domain.is_box else ()):
        node = nodes[part.name]
        if part.dimension != len(within):
            raise node.error(f"'{part.name}' has {part.dimension} dimensions, and space has {len(within)} coordinates")
        box = domain.bounds[list(domain.axes_of(part))]
        if (part.bounds[:, 0] >= box[:, 1]).any() or (part.bounds[:, 1] <= box[:, 0]).any():
            raise node.error(f"'{part.name}' lies outside of the domain")


def without_effect(domain: Domain, node: Node) -> tuple[Remark, ...]:
    """A warning for each shape that contributes nothing to the boundary: mostly one that stands in the wrong place."""
    if domain.is_box or not isinstance(node, Mapping):
        return ()
    (whole,) = (value for key, value in node if key.text.value.startswith("("))
    found = []
    for name in domain.shape.names():
        if name not in domain.boundary.names:
            key = node.key(name)
            message = f"nothing of the outline of '{name}' is on the boundary of the domain"
            hint = "it lies outside of the rest, or within another shape that is added or cut off"
            found.append(Remark(message, key.span if key is not None else whole.span, hint))
    return tuple(found)


def read_interval(node: Node, scope: Scope, what: str) -> tuple[sp.Expr, sp.Expr]:
    """``[low, high]`` as exact numbers."""
    if not isinstance(node, Sequence) or len(node.items) != 2:
        raise node.error(f"{what} is written [low, high]")
    low, high = (read_number(item, scope) for item in node.items)
    if not float(low) < float(high):
        text = f"[{_plain(node.items[0])}, {_plain(node.items[1])}]"
        hint = f"write [{_plain(node.items[1])}, {_plain(node.items[0])}]" if float(high) < float(low) else "the ends are equal"
        raise node.error(f"{what} is empty: {text}", hint)
    return low, high


def read_number(node: Node, scope: Scope) -> sp.Expr:
    """A plain number, which may use the constants under ``where``."""
    text = _scalar(node).text
    value = Builder(scope, text, allow_unknowns=False).scalar_text().xreplace(scope.constants)
    if value.free_symbols:
        name = sorted(map(str, value.free_symbols))[0]
        raise text.error(f"a plain number is wanted here, and '{name}' is none")
    return value


def _plain(node: Node) -> str:
    return node.text.value if isinstance(node, Scalar) else "..."


def _scalar(node: Node) -> Scalar:
    if not isinstance(node, Scalar):
        raise node.error("a single value is wanted here")
    return node


def _group(key: Scalar, scope: Scope) -> tuple[str, ...]:
    names = tuple(part.strip() for part in key.text.value.strip("() ").split(","))
    for name in names:
        start = key.text.value.find(name)
        scope.coordinate(name, key.text, start, start + max(1, len(name)))
        if name == scope.time:
            raise key.error("time has an interval of its own and is no part of a shape", "add a line 't: [0, 1]'")
    if len(set(names)) < len(names) or len(names) < 2:
        raise key.error("a shape takes two or three different coordinates")
    ordered = tuple(name for name in scope.coordinates if name in names)
    if names != ordered:  # shapes are written [x, y] everywhere else, too
        raise key.error("the coordinates of a shape stand in another order under 'find'", f"write ({', '.join(ordered)})")
    return names


def _is_region(name: str, value: Node) -> bool:
    if isinstance(value, Mapping):
        return value.get("file") is not None
    return isinstance(value, Scalar) and "(" in value.text.value and len(name) > 0


def _shape(name: str, node: Node, scope: Scope, coordinates: tuple[str, ...]) -> Shape:
    if isinstance(node, Mapping):
        return read_outline(name, node, coordinates, scope.outlines)
    text = _scalar(node).text
    return _solid(parse(text, "shape"), text, name, scope)


def _solid(tree: Any, text: Text, name: str, scope: Scope) -> Shape:
    kind = str(tree.children[0])
    if tree.data != "call":
        raise text.error("a shape is wanted here", hint=f"such as disk([0, 0], 1); there are {', '.join(SHAPES)}")
    start, _ = position(tree)
    if kind not in SHAPES:
        hint = _OTHER_NAMES.get(kind) or suggest(kind, SHAPES) or f"there are {', '.join(SHAPES)}"
        raise text.error(f"there is no shape '{kind}'", start, start + len(kind), hint)
    builder = Builder(scope, text, allow_unknowns=False)
    numbers = []
    for argument in tree.children[1:]:
        value = builder.value(argument)
        entries = value.entries if isinstance(value, Vector) else (value,)
        entries = tuple(e.xreplace(scope.constants) for e in entries)
        if any(e.free_symbols for e in entries):
            raise text.error("a shape is made of plain numbers", *position(argument))
        if any(abs(e) > LARGEST for e in entries):
            raise text.error(f"the numbers of a shape lie between {-LARGEST:g} and {LARGEST:g}", *position(argument))
        numbers.append(tuple(float(e) for e in entries) if isinstance(value, Vector) else float(entries[0]))
    try:
        return SHAPES[kind](name, *numbers)
    except (TypeError, ValueError) as error:
        usage = (SHAPES[kind].__doc__ or "").splitlines()[0]
        message = str(error) if isinstance(error, ValueError) else f"'{kind}' is written otherwise"
        raise text.error(message, *position(tree), hint=usage) from None


def _combine(tree: Any, text: Text, named: dict[str, Any], scope: Scope) -> Any:
    if tree.data == "name":
        name = str(tree.children[0])
        if name not in named:
            hint = suggest(name, named) or f"define it below: '{name}: disk([0, 0], 1)'"
            raise text.error(f"there is no shape '{name}'", *position(tree), hint=hint)
        return named[name]
    if tree.data == "call":
        return _solid(tree, text, text.value[slice(*position(tree))], scope)
    parts = [_combine(child, text, named, scope) for child in tree.children if isinstance(child, Tree)]
    if tree.data == "intersection":
        return _joined("&", parts, text)
    signs = [str(child) for child in tree.children if not isinstance(child, Tree)]
    result = parts[0]
    for sign, part in zip(signs, parts[1:], strict=True):
        result = _joined(sign, [result, part], text)
    return result


def _joined(sign: str, parts: list[Any], text: Text) -> Combination:
    dimensions = {part.dimension for part in parts} - {None}
    if len(dimensions) > 1:
        raise ProblemError("shapes of two and of three dimensions are combined", text.span())
    return Combination(sign, tuple(parts))
