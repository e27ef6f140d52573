"""Atoms of the dictionary: F(p(x)) with simple constants in p, products of two of them, and what the problem itself names.

An atom is tried with its simple constants. Once it fits, they become numbers again: sin(x + x^2) may be sin(1.02 x + 0.98 x^2),
and an equation is to say which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.fit import open_number
from kanpde.symbolic.curves.library import ENTRIES
from kanpde.symbolic.form import compiled
from kanpde.symbolic.sample import Array


@dataclass(frozen=True)
class Outer:
    """F of an atom F(p(x)).

    ``homogeneous``: F(k p) is a multiple of F(p), up to a constant, so that one coefficient of p stays as it is.
    """

    numeric: Callable[[Array], Array]
    expression: Callable[[sp.Expr], sp.Expr]
    homogeneous: bool = False


def _entry(name: str, homogeneous: bool = False) -> Outer:
    return Outer(ENTRIES[name].numeric, ENTRIES[name].expression, homogeneous)


def _power(k: sp.Rational) -> Outer:
    exponent = float(k)
    return Outer(lambda z: z**exponent, lambda z: z**k, True)


half = sp.Rational(1, 2)

OUTERS: dict[str, Outer] = {
    "z": Outer(lambda z: z, lambda z: z, True),
    "sin": Outer(np.sin, sp.sin),
    "cos": Outer(np.cos, sp.cos),
    "exp": Outer(np.exp, sp.exp),
    "log": Outer(np.log, sp.log, True),
    "sqrt": _power(half),
    "1/z": _power(sp.Integer(-1)),
    "1/sqrt": _power(-half),
    "1/z^2": _power(sp.Integer(-2)),
    "z^(3/2)": _power(3 * half),
    "z^(1/3)": _power(sp.Rational(1, 3)),
    "tanh": Outer(np.tanh, sp.tanh),
    "sinh": Outer(np.sinh, sp.sinh),
    "cosh": Outer(np.cosh, sp.cosh),
    "sech": _entry("sech"),
    "sech^2": _entry("sech^2"),
    "tan": Outer(np.tan, sp.tan),
    "atan": Outer(np.arctan, sp.atan),
    "erf": _entry("erf"),
    "J0": _entry("J0"),
    "J1": _entry("J1"),
    "exp sin": Outer(lambda z: np.exp(np.sin(z)), lambda z: sp.exp(sp.sin(z))),
    "exp cos": Outer(lambda z: np.exp(np.cos(z)), lambda z: sp.exp(sp.cos(z))),
    "exp -sin": Outer(lambda z: np.exp(-np.sin(z)), lambda z: sp.exp(-sp.sin(z))),
    "exp -cos": Outer(lambda z: np.exp(-np.cos(z)), lambda z: sp.exp(-sp.cos(z))),
    "sin sin": Outer(lambda z: np.sin(np.sin(z)), lambda z: sp.sin(sp.sin(z))),
    "sin cos": Outer(lambda z: np.sin(np.cos(z)), lambda z: sp.sin(sp.cos(z))),
    "cos sin": Outer(lambda z: np.cos(np.sin(z)), lambda z: sp.cos(sp.sin(z))),
    "cos cos": Outer(lambda z: np.cos(np.cos(z)), lambda z: sp.cos(sp.cos(z))),
    "tanh sin": Outer(lambda z: np.tanh(np.sin(z)), lambda z: sp.tanh(sp.sin(z))),
    "tanh cos": Outer(lambda z: np.tanh(np.cos(z)), lambda z: sp.tanh(sp.cos(z))),
    "log(2 + cos)": Outer(lambda z: np.log(2 + np.cos(z)), lambda z: sp.log(2 + sp.cos(z))),
    "log(2 + sin)": Outer(lambda z: np.log(2 + np.sin(z)), lambda z: sp.log(2 + sp.sin(z))),
    "log(1 + sin^2)": Outer(lambda z: np.log(1 + np.sin(z) ** 2), lambda z: sp.log(1 + sp.sin(z) ** 2)),
    "sqrt(1 + sin^2)": Outer(lambda z: np.sqrt(1 + np.sin(z) ** 2), lambda z: sp.sqrt(1 + sp.sin(z) ** 2)),
    "atan sin": Outer(lambda z: np.arctan(np.sin(z)), lambda z: sp.atan(sp.sin(z))),
    "sin exp": Outer(lambda z: np.sin(np.exp(z)), lambda z: sp.sin(sp.exp(z))),
    "cos exp": Outer(lambda z: np.cos(np.exp(z)), lambda z: sp.cos(sp.exp(z))),
    "log(1 + exp)": Outer(lambda z: np.logaddexp(0, z), lambda z: sp.log(1 + sp.exp(z))),
    "1/(2 + cos)": Outer(lambda z: 1 / (2 + np.cos(z)), lambda z: 1 / (2 + sp.cos(z))),
    "1/(2 + sin)": Outer(lambda z: 1 / (2 + np.sin(z)), lambda z: 1 / (2 + sp.sin(z))),
}

Inner = tuple[tuple[sp.Expr, sp.Expr], ...]
"""p(x) as (coefficient, exponent) pairs."""


def _monomials(exponent: sp.Expr, *coefficients: sp.Expr) -> list[Inner]:
    return [((sp.sympify(k, strict=True), sp.sympify(exponent, strict=True)),) for k in coefficients]


def _sums(*rows: tuple[int, ...]) -> list[Inner]:
    """Polynomials by their coefficients, constant first."""
    return [tuple((sp.Integer(c), sp.Integer(k)) for k, c in enumerate(row) if c) for row in rows]


pi = sp.pi
LINEAR = _monomials(1, 1, 2, 3, 4, 5, half, sp.Rational(3, 2), pi, 2 * pi, 3 * pi, pi / 2)
SQUARES = _monomials(2, 1, 2, 3, half, pi, pi / 2, 2 * pi)
HIGHER = [*_monomials(3, 1, pi), *_monomials(4, 1), *_monomials(-1, 1, 2), *_monomials(half, 1, 2, pi)]
SUMS = _sums((0, 1, 1), (0, 1, -1), (0, 2, 1), (0, 1, 2), (0, -1, 1), (0, 1, 0, 1), (1, 1), (1, 2), (0, 1, 1, 1), (1, 0, 1))
OPEN = _sums((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (2, -1), (3, -1), (1, -1), (1, 0, 1), (2, 0, 1), (1, 0, -1), (4, 0, 1))
OPEN += _sums(
    (1, 1, 1), (1, 2, 2), (1, 0, 2), (1, 0, 4), (1, 0, 0, 1), (1, 0, 0, 0, 1), (0, 1, 1), (0, 1, -1), (4, 0, -1), (3, 0, 1)
)
WAVES = ("sin", "cos", "exp")
FALLING = (
    _monomials(1, -1, -2, -3, -half, -pi) + _monomials(2, -1, -2, -half, -pi) + _monomials(-1, -1, -half, sp.Rational(-1, 4))
)
COMPOSED = tuple(name for name in OUTERS if " " in name or ("(" in name and "z" not in name))


@dataclass(frozen=True)
class Atom:
    """A product of factors F(p(x)), or an expression that the problem names."""

    factors: tuple[tuple[str, Inner], ...] = ()
    named: sp.Expr | None = None

    def expression(self, x: sp.Symbol, guesses: dict[sp.Dummy, float] | None) -> sp.Expr:
        """With its simple constants, or with numbers in their place, whose values go into ``guesses``."""
        result = sp.Integer(1) if self.named is None else self.named
        for name, inner in self.factors:
            outer = OUTERS[name]
            argument = sp.Integer(0)
            for place, (coefficient, exponent) in enumerate(inner):
                if guesses is None or (outer.homogeneous and place == len(inner) - 1):
                    argument += coefficient * x**exponent
                else:
                    argument += open_number(float(coefficient), guesses, "k") * x**exponent
            result *= outer.expression(argument)
        return result


@lru_cache(maxsize=1)
def _simple() -> tuple[tuple[str, Inner], ...]:
    """All F(p(x)) of one factor."""
    found: list[tuple[str, Inner]] = []
    found += [("z", p) for k in (2, 3, 4, 5, half, -1, -half, 3 * half, -2, sp.Rational(1, 3)) for p in _monomials(k, 1)]
    found += [(name, p) for name in WAVES for p in (*LINEAR, *SQUARES, *HIGHER, *SUMS)]
    found += [("exp", p) for p in FALLING]
    found += [(name, p) for name in ("log", "sqrt", "1/z", "1/sqrt", "1/z^2", "z^(3/2)", "z^(1/3)") for p in OPEN]
    found += [("log", p) for p in _monomials(1, 1)]
    few = [*LINEAR[:3], LINEAR[5], LINEAR[7], *SQUARES[:2], *SUMS[:3]]
    found += [(n, p) for n in ("tanh", "sinh", "cosh", "sech", "sech^2", "tan", "atan", "erf", "J0", "J1") for p in few]
    found += [(name, p) for name in COMPOSED for p in (*LINEAR[:3], *LINEAR[7:9], SQUARES[0], SUMS[0])]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _factors() -> tuple[tuple[str, Inner], ...]:
    """F(p(x)) that enter products of two."""
    found: list[tuple[str, Inner]] = []
    found += [("z", p) for k in (1, 2, 3, half, -1, -half, -2) for p in _monomials(k, 1)]
    found += [
        (name, p) for name in ("sin", "cos") for p in (*LINEAR[:3], *LINEAR[7:9], *SQUARES[:2], SQUARES[4], *HIGHER[:1], SUMS[0])
    ]
    found += [("exp", p) for p in (*LINEAR[:3], LINEAR[5], *FALLING[:4], *FALLING[5:8], SQUARES[0], HIGHER[3], FALLING[9])]
    found += [(name, p) for name in ("log", "sqrt", "1/z", "1/z^2") for p in _sums((1, 1), (2, 1), (1, 0, 1), (2, -1))]
    found += [("log", p) for p in _monomials(1, 1)]
    found += [(name, p) for name in ("tanh", "atan", "erf", "J0", "sech", "exp sin") for p in LINEAR[:2]]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1)
def table() -> tuple[Atom, ...]:
    """Atoms of one factor, then products of two."""
    single = [Atom((f,)) for f in _simple()]
    factors = _factors()
    double = [Atom((f, g)) for i, f in enumerate(factors) for g in factors[:i] if not f[0] == g[0] == "z"]
    return (*single, *double)


def values(atoms: Sequence[Atom], x: Array) -> Array:  # (n,) -> (n, atoms)
    """The atoms at points; NaN where they are not defined."""
    known: dict[tuple[str, Inner], Array] = {}

    def factor(key: tuple[str, Inner]) -> Array:
        if key not in known:
            argument = sum((float(c) * x ** float(k) for c, k in key[1]), np.zeros_like(x))
            known[key] = OUTERS[key[0]].numeric(argument)
        return known[key]

    result = np.empty((len(x), len(atoms)))
    with np.errstate(all="ignore"):
        for column, atom in enumerate(atoms):
            if atom.named is not None:
                (symbol,) = atom.named.free_symbols
                result[:, column] = compiled(atom.named, (symbol,))(x)
                continue
            product = factor(atom.factors[0])
            for other in atom.factors[1:]:
                product = product * factor(other)
            result[:, column] = product
    return result


def named(harvested: Sequence[sp.Expr], x: sp.Symbol) -> list[Atom]:
    """Atoms from functions that the problem names: their terms without coefficients, and the functions inside."""
    found: dict[sp.Expr, None] = {}
    for expression in harvested:
        if expression.free_symbols != {x}:
            continue
        terms = [term.as_independent(x, as_Add=False)[1] for term in sp.Add.make_args(expression)]
        inside = sorted(expression.atoms(sp.Function, sp.Pow), key=sp.default_sort_key)
        for term in (*terms, *inside):
            if term.free_symbols == {x} and term != x:
                found.setdefault(term)
    return [Atom(named=term) for term in found]
