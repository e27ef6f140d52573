"""Derivatives of expressions that contain unknown functions: d, lap, grad, div, curl, dot.

An unknown u and its derivatives are symbols (u, u_x, u_xx), so a derivative by x is the chain rule over them:
d e/dx = de/dx + sum over the symbols s = u_(q) in e of (de/ds) u_(q + x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp
from sympy.core.function import ArgumentIndexError

from kanpde.problem.limits import MAX_DIFFERENTIATED, MAX_ORDER, size
from kanpde.problem.types import MultiIndex


@dataclass(frozen=True)
class Vector:
    """A list of scalars: ``[a, b]`` in the file, or a gradient."""

    entries: tuple[sp.Expr, ...]

    def map(self, function: Callable[[sp.Expr], sp.Expr]) -> Vector:
        """The vector of the function's values."""
        return Vector(tuple(function(entry) for entry in self.entries))

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """The symbols of all entries."""
        return set().union(*(entry.free_symbols for entry in self.entries))


def derivative(formula: sp.Expr, index: MultiIndex, symbols: tuple[sp.Symbol, ...]) -> sp.Expr:
    """A partial derivative of a formula without unknown functions. ``ValueError`` where there is none as a formula."""
    calculus = Calculus(symbols, (), {}, lambda name, index: sp.Integer(0))
    for axis, order in enumerate(index):
        for _ in range(order):
            formula = calculus.chain(formula, axis, {})
    return formula


@dataclass(frozen=True)
class Calculus:
    """The differential operators over the symbols of one problem.

    ``jets`` tells which symbols are partial derivatives, ``jet`` makes the symbol of another one; ``space`` are the numbers of
    the coordinates that lap, grad, div and curl see.
    """

    symbols: tuple[sp.Symbol, ...]
    space: tuple[int, ...]
    jets: dict[sp.Symbol, tuple[str, MultiIndex]]
    jet: Callable[[str, MultiIndex], sp.Expr]
    normals: frozenset[sp.Symbol] = frozenset()

    def d(self, e: sp.Expr, axis: int) -> sp.Expr:
        """The derivative by coordinate number ``axis``. ``ValueError`` where there is none as a formula."""
        if size(e) > MAX_DIFFERENTIATED:
            raise ValueError("the expression grows too long by differentiation")
        if e.free_symbols & self.normals:
            raise ValueError("a derivative along the normal is not differentiated again; u_nn is the second one")
        return self.chain(e, axis, {})

    def chain(self, e: sp.Expr, axis: int, known: dict[sp.Basic, sp.Expr]) -> sp.Expr:
        """The chain rule, node by node; each shared part once. sympy's own diff is ten times slower on long expressions."""
        if e in known:
            return known[e]
        if e.is_Symbol:
            result = self._of_symbol(e, axis)
        elif not e.args or e.is_number:
            result = sp.Integer(0)
        elif e.is_Add:
            result = sp.Add(*(self.chain(a, axis, known) for a in e.args))
        elif e.is_Mul:
            slopes = [self.chain(a, axis, known) for a in e.args]
            result = sp.Add(*(sp.Mul(*e.args[:i], s, *e.args[i + 1 :]) for i, s in enumerate(slopes) if s != 0))
        elif e.is_Pow:
            base, exponent = e.args
            b, c = self.chain(base, axis, known), self.chain(exponent, axis, known)
            result = exponent * base ** (exponent - 1) * b if b != 0 else sp.Integer(0)
            result += e * sp.log(base) * c if c != 0 else 0
        elif isinstance(e, sp.Piecewise):
            result = sp.Piecewise(*((self.chain(value, axis, known), condition) for value, condition in e.args))
        else:
            result = self._of_function(e, [self.chain(a, axis, known) for a in e.args])
        known[e] = result
        return result

    def _of_symbol(self, s: sp.Symbol, axis: int) -> sp.Expr:
        if s in self.jets:
            name, index = self.jets[s]
            further = tuple(order + (i == axis) for i, order in enumerate(index))
            if sum(further) > MAX_ORDER:
                raise ValueError(f"derivatives of order above {MAX_ORDER} are not read")
            return self.jet(name, further)
        return sp.Integer(int(s == self.symbols[axis]))

    @staticmethod
    def _of_function(e: sp.Expr, slopes: list[sp.Expr]) -> sp.Expr:
        if isinstance(e, sp.conjugate | sp.re | sp.im):
            return e.func(slopes[0])  # coordinates are real
        if isinstance(e, sp.Abs) and not e.args[0].is_extended_real:
            return sp.re(sp.conjugate(e.args[0]) * slopes[0]) / e
        if isinstance(e, sp.Heaviside | sp.sign):
            return sp.Integer(0)  # between its jumps, as with piecewise; what holds at a jump is kanpde.problem.ties
        terms = []
        for i, slope in enumerate(slopes):
            if slope != 0:
                try:
                    outer = e.fdiff(i + 1)
                except (AttributeError, ArgumentIndexError):
                    raise ValueError("this has no derivative as a formula") from None
                terms.append(outer * slope)
        result = sp.Add(*terms)
        if result.has(sp.Derivative, sp.Subs, sp.DiracDelta):
            raise ValueError("this has no derivative as a formula")
        return result

    def power(self, e: sp.Expr, index: MultiIndex) -> sp.Expr:
        """The derivative by a multi-index."""
        for axis, order in enumerate(index):
            for _ in range(order):
                e = self.d(e, axis)
        return e

    def grad(self, e: sp.Expr) -> Vector:
        """(e_x, e_y, ...)."""
        return Vector(tuple(self.d(e, axis) for axis in self.space))

    def div(self, v: Vector) -> sp.Expr:
        """v1_x + v2_y + ..."""
        return sp.Add(*(self.d(entry, axis) for entry, axis in zip(v.entries, self.space, strict=True)))

    def lap(self, e: sp.Expr) -> sp.Expr:
        """e_xx + e_yy + ..."""
        return sp.Add(*(self.d(self.d(e, axis), axis) for axis in self.space))

    def curl(self, v: Vector | sp.Expr) -> Vector | sp.Expr:
        """In three coordinates the curl; in two v2_x - v1_y of a vector, and (e_y, -e_x) of a scalar."""
        if len(self.space) == 2:
            x, y = self.space
            if isinstance(v, Vector):
                return self.d(v.entries[1], x) - self.d(v.entries[0], y)
            return Vector((self.d(v, y), -self.d(v, x)))
        if not isinstance(v, Vector):
            raise ValueError("in three coordinates, curl takes a vector")
        x, y, z = self.space
        a, b, c = v.entries
        return Vector((self.d(c, y) - self.d(b, z), self.d(a, z) - self.d(c, x), self.d(b, x) - self.d(a, y)))


def dot(a: Vector, b: Vector) -> sp.Expr:
    """a1 b1 + a2 b2 + ..."""
    return sp.Add(*(p * q for p, q in zip(a.entries, b.entries, strict=True)))
