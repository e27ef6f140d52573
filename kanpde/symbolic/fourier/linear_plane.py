"""A linear problem for one field on a rectangle, as its laws: coefficients that are no functions, derivatives, and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from kanpde.geometry import Face
from kanpde.problem.types import MultiIndex, Problem, Residual, symbol
from kanpde.symbolic.proof.exact_shapes import exact_domain


@dataclass(frozen=True)
class Law:
    """A linear equation or condition: the sum of coefficient times derivative equals ``data``; ``text`` as it was written."""

    terms: Mapping[MultiIndex, sp.Expr]
    data: sp.Expr
    text: str = ""

    def operate(self, e: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> sp.Expr:
        """The left side for a function."""
        return sp.Add(*(c * _derivative(e, index, symbols) for index, c in self.terms.items()))


def _derivative(e: sp.Expr, index: MultiIndex, symbols: tuple[sp.Symbol, ...]) -> sp.Expr:
    for s, times in zip(symbols, index, strict=True):
        e = sp.diff(e, s, times) if times else e
    return e


def law_of(residual: Residual) -> Law | None:
    """A residual as a law; None unless it is linear with coefficients that are no functions."""
    if not residual.linear:
        return None
    partials = residual.partials
    rest = residual.expression.xreplace({s: sp.Integer(0) for s in residual.jets})
    return Law({index: slope for (_, index), slope in partials.items() if slope != 0}, -rest, residual.text)


@dataclass(frozen=True)
class Plane:
    """A linear problem for one field on a rectangle: its equation, and the conditions on every face that has some."""

    problem: Problem
    equation: Law
    conditions: Mapping[Face, tuple[Law, ...]]
    ends: Mapping[str, tuple[sp.Expr, sp.Expr]]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The two coordinates."""
        return tuple(symbol(name) for name in self.problem.coordinates)

    def limits(self, axis: int) -> tuple[sp.Expr, sp.Expr]:
        """The ends of a coordinate, exactly, with the letters of the file."""
        return self.ends[self.problem.coordinates[axis]]

    def on(self, axis: int, side: int) -> tuple[Law, ...]:
        """The conditions at one end of a coordinate."""
        return self.conditions.get(Face(axis, side), ())

    def without(self, source: bool = False, axes: tuple[int, ...] = ()) -> Plane:
        """The same problem with the source and the data on the ends of some coordinates replaced by zero."""
        conditions = {
            face: tuple(replace(law, data=sp.Integer(0)) if face.axis in axes else law for law in laws)
            for face, laws in self.conditions.items()
        }
        return replace(
            self, equation=replace(self.equation, data=sp.Integer(0)) if source else self.equation, conditions=conditions
        )


def plane(problem: Problem) -> Plane | None:
    """The problem if separation of variables applies to problems of its kind."""
    domain = problem.domain
    if len(problem.fields) != 1 or len(problem.equations) != 1 or domain.dimension != 2 or domain.shape is not None:
        return None
    if problem.parameters or problem.unknowns or problem.data is not None or any(f.complex for f in problem.fields):
        return None
    equation = law_of(problem.equations[0])
    coordinates = {symbol(name) for name in problem.coordinates}
    if equation is None:
        return None
    ends = exact_domain(problem).limits
    conditions: dict[Face, tuple[Law, ...]] = {}
    for condition in problem.conditions:
        if condition.kind == "constraint" or condition.place.predicate is not None:
            return None
        for face in condition.place.faces:
            where = {symbol(problem.coordinates[face.axis]): ends[problem.coordinates[face.axis]][(face.side + 1) // 2]}
            for residual in condition.residuals:
                law = law_of(residual.on_face(face, problem.coordinates))
                if law is None:
                    return None
                conditions[face] = (*conditions.get(face, ()), replace(law, data=law.data.subs(where)))
    slopes = [c for law in (equation, *(law for laws in conditions.values() for law in laws)) for c in law.terms.values()]
    return None if any(c.free_symbols & coordinates for c in slopes) else Plane(problem, equation, conditions, ends)
