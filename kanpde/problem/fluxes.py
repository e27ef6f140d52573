"""The fluxes of an equation: what stands under its outermost derivatives, kept as it was before they were carried out.

Where a coefficient jumps, an equation holds on both sides but not on the interface. What it says there comes from its divergence
form: if F . n jumped by [F . n], then div F would contain [F . n] times a delta function on the interface, which nothing in the
equation could balance. So each ``a div F`` is recorded as the pair (a, F). A ``u_x`` that is written out is the divergence of
(u, 0), and ``u_xx`` that of (u_x, 0). ``kanpde.problem.ties`` makes interface conditions of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from kanpde.problem.calculus import Calculus, Vector
from kanpde.problem.conditions import entries
from kanpde.problem.expressions import Builder
from kanpde.problem.jumps import switches
from kanpde.problem.scope import Scope
from kanpde.problem.text import Node
from kanpde.problem.types import Divergence, Residual, symbol


@dataclass(frozen=True)
class Ledger(Calculus):
    """Differential operators that write a new symbol for each derivative in space, and remember what it stands for.

    A derivative of a derivative is carried out as usual: only the outermost one stays a symbol. Where the inner one was of
    something that jumps, the flux is lost: its entry has no components.
    """

    known: dict[sp.Symbol, tuple[sp.Expr, tuple[sp.Expr, ...]]] = field(default_factory=dict)
    """{symbol: (the derivative carried out, the flux of which it is the divergence)}."""

    def _write(self, value: sp.Expr, flux: dict[int, sp.Expr], rough: bool) -> sp.Expr:
        s = sp.Symbol(f"div({len(self.known) + 1})", real=value.is_real)
        zero = sp.Integer(0)
        self.known[s] = value, () if rough else tuple(flux.get(axis, zero) for axis in range(len(self.symbols)))
        return s

    def _plain(self, e: sp.Expr) -> tuple[sp.Expr, bool]:
        """An expression with its derivatives carried out, and whether one of them was of something that jumps."""
        inner = [s for s in e.free_symbols if s in self.known]
        rough = any(not self.known[s][1] or any(self._jumps(part) for part in self.known[s][1]) for s in inner)
        return e.xreplace({s: self.known[s][0] for s in inner}), rough

    def _jumps(self, e: sp.Expr) -> bool:
        return bool(switches(e, {self.symbols[axis] for axis in self.space} | self._letters(e)))

    def _letters(self, e: sp.Expr) -> set[sp.Symbol]:
        """Named constants, whose values do not matter here."""
        return {s for s in e.free_symbols if s not in self.jets and s not in self.symbols}

    def d(self, e: sp.Expr, axis: int) -> sp.Expr:
        """The derivative by one coordinate: the divergence of (e, 0)."""
        e, rough = self._plain(e)
        value = super().d(e, axis)
        return self._write(value, {axis: e}, rough) if axis in self.space and value != 0 else value

    def grad(self, e: sp.Expr) -> Vector:
        """The gradient; each of its components is a divergence if it is used alone."""
        return Vector(tuple(self.d(e, axis) for axis in self.space))

    def div(self, v: Vector) -> sp.Expr:
        """The divergence of a vector."""
        parts = [self._plain(entry) for entry in v.entries]
        value = sp.Add(*(super(Ledger, self).d(e, axis) for (e, _), axis in zip(parts, self.space, strict=True)))
        flux = {axis: e for (e, _), axis in zip(parts, self.space, strict=True)}
        return self._write(value, flux, any(rough for _, rough in parts))

    def lap(self, e: sp.Expr) -> sp.Expr:
        """The divergence of the gradient."""
        return self.div(self.grad(e))

    def curl(self, v: Vector | sp.Expr) -> Vector | sp.Expr:
        """Derivatives of the components, each a divergence of its own; in two coordinates that of (v2, -v1)."""
        if isinstance(v, Vector) and len(self.space) == 2:
            return self.div(Vector((v.entries[1], -v.entries[0])))
        return super().curl(v)

    def divergences(self, e: sp.Expr) -> tuple[Divergence, ...]:
        """The terms a div F of an expression whose derivatives are symbols; what else it contains has no derivatives in space."""
        for s, (name, index) in list(self.jets.items()):
            if e.has(s) and any(index[axis] for axis in self.space):
                e = e.xreplace({s: self._written_out(s, name, index)})
        derivatives = sorted((s for s in e.free_symbols if s in self.known), key=lambda s: int(s.name[4:-1]))
        return tuple(Divergence(self._factor(e, s), self.known[s][1]) for s in derivatives)

    def _factor(self, e: sp.Expr, s: sp.Symbol) -> sp.Expr:
        """How an expression grows with a derivative; of re(u_x), which has no complex derivative, something not constant."""
        slope = sp.diff(e, s)
        return self.known[s][0] if slope.has(sp.Derivative, sp.Subs) else self._plain(slope)[0]

    def _written_out(self, s: sp.Symbol, name: str, index: tuple[int, ...]) -> sp.Expr:
        """A symbol for u_xy, which is half the derivative of u_y by x and half that of u_x by y."""
        total = sum(index[axis] for axis in self.space)
        lower = {a: tuple(order - (i == a) for i, order in enumerate(index)) for a in self.space if index[a]}
        flux = {a: sp.Rational(index[a], total) * self.jet(name, below) for a, below in lower.items()}
        return self._write(s, flux, False)


def with_fluxes(residuals: Sequence[Residual], node: Node, scope: Scope) -> tuple[Residual, ...]:
    """The residuals of the section ``equation`` with their fluxes; the section is read once more, with derivatives as symbols."""
    symbols = tuple(map(symbol, scope.coordinates))
    space = tuple(scope.coordinates.index(name) for name in scope.space)
    ledger = Ledger(symbols, space, scope.jets, scope.jet, frozenset(scope.normals))
    again = replace(scope, definitions={n: replace(d, value=None) for n, d in scope.definitions.items()}, ledger=ledger)
    expressions: list[sp.Expr] = []
    for _, value in entries(node, "'equation'"):
        for relation in Builder(again, value.text).relations():
            left, right = relation.left, relation.right
            if isinstance(left, Vector) and isinstance(right, Vector):
                expressions += [a - b for a, b in zip(left.entries, right.entries, strict=True)]
            elif isinstance(left, sp.Expr) and isinstance(right, sp.Expr):
                expressions.append(left - right)
    return tuple(replace(r, fluxes=ledger.divergences(e)) for r, e in zip(residuals, expressions, strict=True))
