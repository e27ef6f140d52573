"""What the names of a problem file mean: coordinates, fields, constants, abbreviations, and the symbols that stand for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import sympy as sp
from lark import Token, Tree

from kanpde.problem.calculus import Calculus, Vector
from kanpde.problem.limits import MAX_ORDER
from kanpde.problem.outline import Outlines
from kanpde.problem.text import Text, suggest
from kanpde.problem.types import NORMAL, Field, MultiIndex, jet_symbol, normal_symbol, symbol

Value: TypeAlias = "sp.Expr | Vector"
"""What a name or an expression may stand for: a scalar or a vector."""


@dataclass
class Definition:
    """An entry of ``where`` that is an expression: ``f: 2*pi^2*sin(pi*x)``, or a function ``k(s): 1 + s^2``."""

    name: str
    arguments: tuple[str, ...]
    text: Text
    tree: Tree[Token]
    value: Value | None = None
    """The expression with everything expanded; None until it is first needed, and for functions."""
    open: bool = False
    """True while the definition is being expanded: meeting it again is a circle."""


@dataclass
class Scope:
    """All names that an expression of one problem file may use."""

    coordinates: tuple[str, ...] = ()
    time: str | None = None
    fields: dict[str, Field] = field(default_factory=dict)
    letters: dict[str, sp.Symbol] = field(default_factory=dict)
    """Parameters and unknown constants; named numbers join as they are met."""
    constants: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    measured: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Known fields that come from a file, with their coordinates."""
    shapes: tuple[str, ...] = ()
    outlines: Outlines = field(default_factory=dict)
    """Corners of outlines by the name of their file, where they are known without it."""
    jets: dict[sp.Symbol, tuple[str, MultiIndex]] = field(default_factory=dict)
    """Every partial derivative met so far: ``{symbol: (field, multi-index)}``."""
    normals: dict[sp.Symbol, tuple[str, int]] = field(default_factory=dict)
    """Every normal derivative met so far: ``{symbol: (field, order)}``."""
    ledger: Calculus | None = None
    """The differential operators to use in place of the usual ones, while ``kanpde.problem.fluxes`` reads the equations again."""

    @property
    def complex(self) -> bool:
        """Whether ``i`` is the imaginary unit here."""
        return any(f.complex for f in self.fields.values())

    @property
    def space(self) -> tuple[str, ...]:
        """The coordinates of lap, grad, div and curl."""
        return tuple(name for name in self.coordinates if name != self.time)

    def zero(self) -> MultiIndex:
        """The multi-index of no derivative."""
        return (0,) * len(self.coordinates)

    def jet(self, name: str, index: MultiIndex) -> sp.Expr:
        """The symbol of a partial derivative of a field; zero by a coordinate that the field does not depend on."""
        arguments = self.fields[name].arguments if name in self.fields else self.measured[name]
        if any(order and by not in arguments for by, order in zip(self.coordinates, index, strict=True)):
            return sp.Integer(0)
        s = jet_symbol(name, index, self.coordinates)
        if name in self.fields and self.fields[name].complex:
            s = sp.Symbol(s.name)
        self.jets[s] = (name, index)
        return s

    def normal(self, name: str, order: int) -> sp.Symbol:
        """The symbol of a derivative along the outward normal."""
        s = normal_symbol(name, order)
        self.normals[s] = (name, order)
        return s

    def names(self) -> list[str]:
        """Every name, for suggestions."""
        return [*self.fields, *self.coordinates, *self.letters, *self.definitions, *self.measured, "pi"]

    def coordinate(self, name: str, text: Text, start: int, end: int) -> sp.Symbol:
        """The symbol of a coordinate, or an error that points to it."""
        if name not in self.coordinates:
            hint = suggest(name, self.coordinates) or f"the coordinates are {', '.join(self.coordinates)}"
            raise text.error(f"'{name}' is no coordinate", start, end, hint)
        return symbol(name)

    def subscript(self, name: str, text: Text, start: int, allow_normal: bool) -> tuple[str, MultiIndex | int] | None:
        """What ``u_xx`` means, if it is a derivative: the field or abbreviation, and a multi-index, or the order of ``u_nn``."""
        stem, _, letters = name.rpartition("_")
        if not letters or stem not in {*self.fields, *self.measured, *self.definitions}:
            return None
        if len(letters) > MAX_ORDER and set(letters) <= {NORMAL, *self.coordinates}:
            raise text.error(f"derivatives of order above {MAX_ORDER} are not read", start, start + len(name))
        if set(letters) == {NORMAL}:
            if stem not in self.fields:
                raise text.error(f"'{stem}' has no derivative along the normal: it is no field", start, start + len(name))
            if not allow_normal:
                raise text.error(
                    f"'{name}' is a derivative along the normal, which only the boundary has",
                    start,
                    start + len(name),
                    "conditions with it stand under 'boundary'",
                )
            return stem, len(letters)
        known = self.arguments(stem)
        for i, letter in enumerate(letters):
            if letter not in known:
                if stem not in self.fields and not set(letters) & set(self.coordinates):
                    return None
                at = start + len(stem) + 1 + i
                examples = ", ".join(f"{stem}_{s}" for s in _examples(known))
                hint = f"{stem} depends on {', '.join(known)}; derivatives are written {examples}"
                if letter == NORMAL:
                    hint = "a derivative along the normal is written with n alone: u_n, u_nn"
                raise text.error(f"'{stem}' has no coordinate '{letter}'", at, at + 1, hint)
        return stem, tuple(letters.count(by) for by in self.coordinates)

    def arguments(self, name: str) -> tuple[str, ...]:
        """The coordinates that a field, a measured field or an abbreviation may be differentiated by."""
        if name in self.fields:
            return self.fields[name].arguments
        return self.measured.get(name, self.coordinates)


def _examples(coordinates: tuple[str, ...]) -> list[str]:
    first, *others = coordinates
    return [first, first * 2, *others[:1]]
