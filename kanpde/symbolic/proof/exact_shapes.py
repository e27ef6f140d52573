"""Shapes and intervals with exact numbers: what the file says, before it became floating point.

The geometry computes in floating point; a proof on a circle needs its radius as it was written, letters included. So the section
``domain`` of the problem's own text is read once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from lark import Tree

from kanpde.errors import ProblemError
from kanpde.geometry.shapes import Combination, Shape, leaves
from kanpde.problem.calculus import Vector
from kanpde.problem.declare import make_scope, read_find
from kanpde.problem.expressions import Builder
from kanpde.problem.marks import read_marks
from kanpde.problem.reader import Document
from kanpde.problem.region import shape_names
from kanpde.problem.scope import Scope
from kanpde.problem.syntax import parse, position
from kanpde.problem.text import Mapping as Entries
from kanpde.problem.text import Scalar, Sequence, Text
from kanpde.problem.types import Problem

Limits = Mapping[str, tuple[sp.Expr, sp.Expr]]
Arguments = tuple[Any, ...]
"""The numbers of a shape, points as tuples, as in ``Shape.arguments``."""


@dataclass(frozen=True)
class Exact:
    """The ends of each interval and the arguments of each shape by its name; letters stay letters."""

    limits: Limits
    shapes: Mapping[str, Arguments]

    def with_values(self, values: Mapping[sp.Symbol, sp.Expr]) -> Exact:
        """The same with letters replaced by their values."""
        replace = dict(values)
        limits = {name: (low.xreplace(replace), high.xreplace(replace)) for name, (low, high) in self.limits.items()}
        return Exact(limits, {name: _mapped(arguments, replace) for name, arguments in self.shapes.items()})

    @property
    def letters(self) -> set[sp.Symbol]:
        """The named constants that the domain is made of."""
        numbers = [e for pair in self.limits.values() for e in pair] + [e for a in self.shapes.values() for e in _flat(a)]
        return set().union(*(e.free_symbols for e in numbers))


def exact_domain(problem: Problem) -> Exact:
    """The domain with the numbers of the file; where there is no text, the simplest fractions that round to the numbers."""
    limits: dict[str, tuple[sp.Expr, sp.Expr]] = dict(problem.limits)
    shape = problem.domain.shape
    solids = list(leaves(shape)) if isinstance(shape, Shape | Combination) else []
    shapes: dict[str, Arguments] = {s.name: rational(s.arguments) for s in (*solids, *problem.domain.parts)}
    try:
        read_limits, read_shapes = _read(problem)
    except (ProblemError, ValueError, TypeError, KeyError, AttributeError):
        return Exact(limits, shapes)
    limits |= {name: pair for name, pair in read_limits.items() if _agree(pair, limits[name], problem)}
    for name, arguments in read_shapes.items():
        if name in shapes and _agree(tuple(_flat(arguments)), tuple(_flat(shapes[name])), problem):
            shapes[name] = arguments
    return Exact(limits, shapes)


def _agree(one: tuple[sp.Expr, ...], other: tuple[sp.Expr, ...], problem: Problem) -> bool:
    """Whether what was read again is what is there already, but for rounding."""
    if len(one) != len(other):
        return False
    pairs = zip(one, other, strict=True)
    return all(abs(float(problem.with_values(a)) - float(b)) <= 1e-9 * max(1.0, abs(float(b))) for a, b in pairs)


def _read(problem: Problem) -> tuple[dict[str, tuple[sp.Expr, sp.Expr]], dict[str, Arguments]]:
    """The domain section again, in exact numbers and letters."""
    root = read_marks(problem.source, problem.path) if problem.source else Document.of(problem).root
    find, domain = root.get("find"), root.get("domain")
    if not isinstance(find, Scalar) or not isinstance(domain, Entries):
        return {}, {}
    scope = make_scope(read_find(find.text), root.get("where"), shape_names(domain))
    limits: dict[str, tuple[sp.Expr, sp.Expr]] = {}
    shapes: dict[str, Arguments] = {}
    for key, value in domain:
        name = key.text.value
        if isinstance(value, Sequence) and name in problem.coordinates:
            low, high = (_number(item.text, scope) for item in value.items if isinstance(item, Scalar))
            limits[name] = low, high
        elif isinstance(value, Scalar):
            shapes |= dict(_calls(parse(value.text, "shape"), value.text, "" if name.startswith("(") else name, scope))
    return limits, shapes


def _number(text: Text, scope: Scope) -> sp.Expr:
    return Builder(scope, text, allow_unknowns=False).scalar_text()


def _calls(tree: Any, text: Text, name: str, scope: Scope) -> Iterator[tuple[str, Arguments]]:
    """Every shape that is written out in a value: the whole, under its name, or in a combination, under its own text."""
    if tree.data == "call":
        builder = Builder(scope, text, allow_unknowns=False)
        values = [builder.value(argument) for argument in tree.children[1:]]
        arguments = tuple(v.entries if isinstance(v, Vector) else v for v in values)
        yield name or text.value[slice(*position(tree))], arguments
        return
    for child in tree.children:
        if isinstance(child, Tree):
            yield from _calls(child, text, "", scope)


def rational(value: Any) -> Any:
    """Numbers as fractions: the simple one that they round, else the decimal digits as they are."""
    if isinstance(value, tuple):
        return tuple(rational(v) for v in value if not isinstance(v, str))
    near = Fraction(float(value)).limit_denominator(10_000)
    return sp.Rational(near) if abs(float(near) - value) <= 1e-14 * max(1.0, abs(value)) else sp.Rational(repr(float(value)))


def _flat(value: Any) -> Iterator[sp.Expr]:
    if isinstance(value, tuple):
        for v in value:
            yield from _flat(v)
    else:
        yield value


def _mapped(value: Any, replace: dict[sp.Symbol, sp.Expr]) -> Any:
    return tuple(_mapped(v, replace) for v in value) if isinstance(value, tuple) else value.xreplace(replace)
