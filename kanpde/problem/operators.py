"""What is called like a function and is none: lap, grad, div, curl, dot, d, integral, inside, piecewise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sympy as sp
from lark import Token, Tree

from kanpde.problem.calculus import Vector, dot
from kanpde.problem.functions import INTEGRAL
from kanpde.problem.syntax import position
from kanpde.problem.text import suggest

if TYPE_CHECKING:
    from kanpde.problem.expressions import Builder
    from kanpde.problem.scope import Value


def _lap(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 1, 1, "lap", tree)
    value, calculus = b.value(arguments[0]), b.calculus()
    return b.formula(lambda: value.map(calculus.lap) if isinstance(value, Vector) else calculus.lap(value), tree)


def _grad(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 1, 1, "grad", tree)
    value = b.scalar(arguments[0])
    return b.formula(lambda: b.calculus().grad(value), tree)


def _space_vector(b: Builder, tree: Any) -> Vector:
    vector = b.vector(tree)
    if len(vector.entries) != len(b.scope.space):
        raise b.error(f"the vector has {len(vector.entries)} entries for {len(b.scope.space)} space coordinates", tree)
    return vector


def _div(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 1, 1, "div", tree)
    vector = _space_vector(b, arguments[0])
    return b.formula(lambda: b.calculus().div(vector), tree)


def _curl(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 1, 1, "curl", tree)
    if len(b.scope.space) not in (2, 3):
        raise b.error("curl needs two or three space coordinates", tree)
    value = b.value(arguments[0])
    vector = _space_vector(b, arguments[0]) if isinstance(value, Vector) else value
    return b.formula(lambda: b.calculus().curl(vector), tree)


def _dot(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 2, 2, "dot", tree)
    left, right = (b.vector(argument) for argument in arguments)
    if len(left.entries) != len(right.entries):
        raise b.error("the two vectors have different lengths", tree)
    return dot(left, right)


def _d(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 2, 9, "d", tree)
    value = b.value(arguments[0])
    for argument in arguments[1:]:
        start, end = position(argument)
        name = str(argument.children[0]) if argument.data == "name" else b.text.value[start:end]
        by = b.scope.coordinate(name, b.text, start, end)
        axis = b.scope.coordinates.index(by.name)
        value = b.formula(lambda v=value, a=axis: _step(b, v, a), tree)
    return value


def _step(b: Builder, value: Value, axis: int) -> Value:
    calculus = b.calculus()
    return value.map(lambda e: calculus.d(e, axis)) if isinstance(value, Vector) else calculus.d(value, axis)


def _integral(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 1, 1, "integral", tree)
    return INTEGRAL(b.scalar(arguments[0]))


def _inside(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    b.count(arguments, 1, 1, "inside", tree)
    argument = arguments[0]
    name = str(argument.children[0]) if argument.data == "name" else ""
    if name not in b.scope.shapes:
        hint = suggest(name, b.scope.shapes) or "shapes are named under 'domain'"
        raise b.error(f"there is no shape '{name}'", argument, hint)
    return sp.Symbol(f"inside({name})")


def _piecewise(b: Builder, arguments: list[Any], tree: Tree[Token]) -> Any:
    if len(arguments) < 3 or len(arguments) % 2 == 0:
        raise b.error("piecewise needs condition, value, ..., and the value otherwise", tree, "piecewise(x < 0, a, b)")
    cases = [(b.scalar(value), b.predicate(condition)) for condition, value in zip(arguments[::2], arguments[1::2], strict=False)]
    return sp.Piecewise(*cases, (b.scalar(arguments[-1]), True))


OPERATORS: Mapping[str, Callable[[Builder, list[Any], Tree[Token]], Any]] = {
    "lap": _lap,
    "grad": _grad,
    "div": _div,
    "curl": _curl,
    "dot": _dot,
    "d": _d,
    "integral": _integral,
    "inside": _inside,
    "piecewise": _piecewise,
}
"""name in the file -> what builds it from the syntax trees of its arguments."""
