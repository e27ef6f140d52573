"""What is to be solved, as plain data: fields, residuals that vanish on the solution, conditions, and the problem.

Everything here is mathematics. Nothing knows of grids, weights, networks or optimisers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import sympy as sp

from kanpde.errors import ProblemError, Span
from kanpde.geometry import Domain, Face, Place

MultiIndex = tuple[int, ...]
"""How often to differentiate by each coordinate, in the order of ``Domain.coordinates``."""

NORMAL = "n"
"""The letter of the derivative along the outward normal, as in ``u_n``."""


def symbol(name: str) -> sp.Symbol:
    """The real sympy symbol of a coordinate, constant, parameter or field; equal names give equal symbols."""
    return sp.Symbol(name, real=True)


def jet_symbol(field_name: str, index: MultiIndex, coordinates: tuple[str, ...]) -> sp.Symbol:
    """The symbol that stands for one partial derivative in a residual: ``u``, ``u_x``, ``u_xxt``."""
    letters = "".join(name * count for name, count in zip(coordinates, index, strict=True))
    return symbol(f"{field_name}_{letters}" if letters else field_name)


def jets_of(
    expression: sp.Expr, fields: Collection[str], coordinates: tuple[str, ...]
) -> dict[sp.Symbol, tuple[str, MultiIndex]]:
    """Which symbols of an expression are partial derivatives of fields, read from their names.

    No name can be read in two ways: the reader refuses a constant ``u_x`` beside a field ``u``.
    """
    found: dict[sp.Symbol, tuple[str, MultiIndex]] = {}
    for s in sorted(expression.free_symbols, key=str):
        name, _, letters = (s.name, "", "") if s.name in fields else s.name.rpartition("_")
        if name in fields and set(letters) <= set(coordinates):
            found[s] = name, tuple(letters.count(by) for by in coordinates)
    return found


def normal_symbol(field_name: str, order: int = 1) -> sp.Symbol:
    """The symbol of the derivative of a field along the outward normal, ``u_n`` (or ``u_nn``)."""
    return symbol(f"{field_name}_{NORMAL * order}")


def normal_component(name: str) -> sp.Symbol:
    """The symbol of one component of the outward unit normal, where a curved boundary makes it a function of the place."""
    return symbol(f"{NORMAL}.{name}")


@dataclass(frozen=True)
class Field:
    """An unknown function of the coordinates ``arguments`` and, after ``;`` in the file, of ``parameters``."""

    name: str
    arguments: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    complex: bool = False


@dataclass(frozen=True)
class Divergence:
    """A term ``factor * div(flux)`` of an equation, the flux as it was before the divergence was carried out.

    ``flux`` has a component for each coordinate, that of time being 0, in terms of jets; none where it is lost, because something
    that jumps was differentiated twice.
    """

    factor: sp.Expr
    flux: tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Residual:
    """An equation as ``left - right``, zero on the exact solution.

    ``expression`` holds coordinates, constants (see ``Problem.constants``) and one symbol for each partial derivative of a
    field; ``jets`` says which symbol is which: ``{symbol: (field name, multi-index)}``. On a face, the outward normal derivative
    ``u_n`` is a symbol that ``jets`` does not list; ``on_face`` replaces it. ``fluxes`` are the terms of an equation with
    derivatives in space (``kanpde.problem.fluxes``); conditions have none.
    """

    expression: sp.Expr
    jets: Mapping[sp.Symbol, tuple[str, MultiIndex]]
    text: str
    span: Span | None = None
    name: str = ""
    fluxes: tuple[Divergence, ...] = ()

    @property
    def partials(self) -> dict[tuple[str, MultiIndex], sp.Expr]:
        """The derivative of the residual by each partial derivative of a field: the linearised operator."""
        slopes = {key: sp.diff(self.expression, s) for s, key in self.jets.items() if self.expression.has(s)}
        # the derivative of a jump is zero wherever it is a number
        return {key: e.replace(sp.DiracDelta, lambda *_: sp.Integer(0)) for key, e in slopes.items()}

    @property
    def linear(self) -> bool:
        """Whether the residual is affine in the fields."""
        unknowns = list(self.jets)
        return not any(slope.has(*unknowns) for slope in self.partials.values()) if unknowns else True

    @property
    def order(self) -> int:
        """The highest total order of differentiation that occurs."""
        return max((sum(index) for _, index in self.jets.values()), default=0)

    def order_in(self, axis: int) -> int:
        """The highest order of differentiation by coordinate number ``axis`` that occurs."""
        return max((index[axis] for _, index in self.jets.values()), default=0)

    def on_face(self, face: Face, coordinates: tuple[str, ...]) -> Residual:
        """The same residual with ``u_n`` written as plus or minus the derivative along the face's own coordinate."""
        jets = dict(self.jets)
        replacements: dict[sp.Symbol, sp.Expr] = {}
        for name in {name for name, _ in jets.values()} | {str(s).rpartition("_")[0] for s in self.expression.free_symbols}:
            for order in range(1, 9):
                normal = normal_symbol(name, order)
                if name and self.expression.has(normal):
                    index = tuple(order if axis == face.axis else 0 for axis in range(len(coordinates)))
                    partial = jet_symbol(name, index, coordinates)
                    jets[partial] = (name, index)
                    replacements[normal] = face.side**order * partial
        expression = self.expression.xreplace(replacements) if replacements else self.expression
        return Residual(expression, jets, self.text, self.span, self.name)

    def on_boundary(self, axes: Sequence[int], coordinates: tuple[str, ...]) -> Residual:
        """The same residual with ``u_n`` written as n . grad u over ``axes``, the normal n as symbols ``normal_component``.

        ``u_nn`` is the second derivative along the straight line of the normal, n . (grad grad u) n, and so on.
        """
        jets = dict(self.jets)
        replacements: dict[sp.Symbol, sp.Expr] = {}
        for name in {name for name, _ in jets.values()} | {str(s).rpartition("_")[0] for s in self.expression.free_symbols}:
            for order in range(1, 9):
                normal = normal_symbol(name, order)
                if not name or not self.expression.has(normal):
                    continue
                total = sp.Integer(0)
                for directions in product(axes, repeat=order):
                    index = tuple(directions.count(axis) for axis in range(len(coordinates)))
                    partial = jet_symbol(name, index, coordinates)
                    jets[partial] = (name, index)
                    total += partial * sp.Mul(*(normal_component(coordinates[axis]) for axis in directions))
                replacements[normal] = total
        expression = self.expression.xreplace(replacements) if replacements else self.expression
        return replace(self, expression=expression, jets=jets)

    def evaluate(self, functions: Mapping[str, sp.Expr], coordinates: tuple[str, ...]) -> sp.Expr:
        """The residual with a formula put in for every field, differentiated as the residual asks (no simplification)."""
        from kanpde.problem.calculus import derivative

        symbols = tuple(symbol(name) for name in coordinates)
        replacements = {s: derivative(functions[name], index, symbols) for s, (name, index) in self.jets.items()}
        return self.expression.xreplace(replacements)


@dataclass(frozen=True)
class Integral:
    """A constraint on integrals: that of ``integrand`` over space equals ``value``, at every time if there is time.

    ``integrand`` is no equation but what is integrated, with its jets; ``value`` has no fields and no coordinates of space.
    """

    integrand: Residual
    value: sp.Expr


@dataclass(frozen=True)
class Choice:
    """A sign that chooses between solutions: ``quantity``, at the point or integrated over space, is positive, or is not.

    ``point`` is as in ``Place``; None for an integral. No equation: a start that has the wrong sign is to be turned round.
    """

    quantity: Residual
    point: tuple[float | None, ...] | None
    positive: bool


@dataclass(frozen=True)
class Condition:
    """Equations that hold on a part of the boundary, at the first time, or at points.

    ``kind`` is ``initial`` (at the first time), ``boundary`` or ``constraint``. Periodicity is no condition but a property of the
    domain: ``Domain.periodic``. ``place`` names the faces; an initial condition's face is the lower end of time. A constraint
    with ``place.point`` has residuals in the values of the fields there; the residuals of one without have opaque integrals or
    point values, as they are written. What they mean stands in ``integrals``, one a residual, or in ``choice``; a constraint
    with neither, such as p(0, 0) = p(1, 0), is only read.
    """

    name: str
    kind: str
    place: Place
    residuals: tuple[Residual, ...]
    span: Span | None = None
    integrals: tuple[Integral, ...] = ()
    choice: Choice | None = None

    def __post_init__(self) -> None:
        if self.kind != "constraint" and not self.place.faces:
            raise ProblemError(f"'{self.place.text}' is no part of the boundary", self.span)

    @property
    def position(self) -> dict[sp.Symbol, sp.Expr]:
        """The exact value of each coordinate that the point of a constraint fixes; empty for any other condition."""
        fixed = () if self.place.point is None else sorted(self.place.predicate.atoms(sp.Eq), key=str)
        return {e.lhs: e.rhs for e in fixed}


@dataclass(frozen=True)
class Remark:
    """Something the reader noticed: a warning, or a construct that is read but not solved yet."""

    message: str
    span: Span | None = None
    hint: str | None = None
    unsupported: bool = False

    def __str__(self) -> str:
        where = f"{self.span}: " if self.span else ""
        lines = [f"{where}warning: {self.message}"]
        if self.span and self.span.excerpt():
            lines.append(self.span.excerpt())
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class _InWords(type):
    """Lets ``Problem(find=..., domain=..., equation=...)`` take the words of a problem file."""

    def __call__(cls, *arguments: Any, **words: Any) -> Any:
        if "find" in words and not arguments:
            from kanpde.problem.words import problem_from_words

            return problem_from_words(**words)
        return super().__call__(*arguments, **words)


@dataclass(frozen=True)
class Problem(metaclass=_InWords):
    """Residuals in a domain, conditions on its boundary, and what is known about the solution; nothing of the method.

    ``Problem(find="u(x, t)", domain={"x": [-1, 1], ...}, equation=..., ...)`` makes one from the words of a problem file.
    ``limits`` gives the ends of each interval exactly; ``constants`` the exact value of every named number (``nu: 0.01/pi``),
    which residuals carry as letters. ``exact`` is never looked at by the solver, only by the comparison. ``parts`` is empty
    but in the ``real_form`` of a problem with complex fields.
    """

    title: str
    fields: tuple[Field, ...]
    domain: Domain
    limits: Mapping[str, tuple[sp.Expr, sp.Expr]]
    equations: tuple[Residual, ...]
    conditions: tuple[Condition, ...]
    constants: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unknowns: Mapping[str, tuple[float, float] | None] = field(default_factory=dict)
    exact: Mapping[str, sp.Expr] | None = None
    data: Any = None
    source: str = ""  # the text of the problem file, method part included
    path: str = ""
    remarks: tuple[Remark, ...] = ()
    parts: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # {complex field: its real and imaginary part}

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the coordinates, in the order of the first field's arguments."""
        return self.domain.coordinates

    def with_values(self, expression: sp.Expr) -> sp.Expr:
        """The expression with every named constant replaced by its exact value."""
        return expression.xreplace(dict(self.constants))

    @property
    def unsupported(self) -> tuple[Remark, ...]:
        """What this version reads but does not solve."""
        return tuple(remark for remark in self.remarks if remark.unsupported)

    @property
    def linear(self) -> bool:
        """Whether every equation and condition is affine in the fields."""
        residuals = [*self.equations, *(r for c in self.conditions for r in c.residuals)]
        return all(residual.linear for residual in residuals)
