"""Whether an expression is zero, by its normal form: a polynomial in generators, reduced by their algebraic relations.

Exponents are put over a basis, so that exp(x - t) and exp(x + t) share generators; denominators are multiplied out; what is left
is one polynomial over the rational (or Gaussian) numbers, in which each root is reduced by its power. If it is zero, so is the
expression wherever it is defined: every step is an identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import lcm
from typing import Any

import sympy as sp
from sympy.polys.rings import PolyElement, PolyRing, ring

from kanpde.symbolic.proof.generators import Generators, Unsupported, exponential

Powers = tuple[int, ...]

HIGHEST_POWER = 200
"""The highest power of a sum that is multiplied out."""


@dataclass(frozen=True)
class Numerator:
    """A polynomial that is zero if and only if an expression is, as far as its generators are independent.

    ``meaning`` is what each generator of the ring stands for.
    """

    top: PolyElement
    meaning: tuple[sp.Expr, ...]


def is_zero(expression: sp.Expr) -> bool:
    """Whether the normal form is zero. Raises Unsupported for what has none; a Piecewise is zero if all its branches are."""
    pieces = sorted(expression.atoms(sp.Piecewise), key=str)
    if pieces:
        return all(is_zero(expression.xreplace({pieces[0]: branch})) for branch, _ in pieces[0].args)
    return not numerator(expression).top


def numerator(expression: sp.Expr) -> Numerator:
    """The numerator of the normal form. Raises Unsupported for what has none."""
    generators = Generators()
    flat = generators.flat(exponential(expression, {}))
    replacements, relations = _roots(generators)
    flat = flat.xreplace(replacements)
    exponents = {s: sp.expand(e.xreplace(replacements)) for s, e in generators.exponents.items()}
    relations = {g: (power, sp.sympify(base, strict=True).xreplace(replacements)) for g, (power, base) in relations.items()}
    basis, combinations = independent(exponents)
    symbols = {s for e in (flat, *(base for _, base in relations.values())) for s in e.free_symbols} | set(relations)
    symbols -= set(exponents)
    order = [*sorted(symbols, key=lambda s: (s.name, str(s.sort_key()))), *basis]
    imaginary = any(e.has(sp.I) for e in (flat, *(base for _, base in relations.values())))
    polynomials: PolyRing = ring([f"g{k}" for k in range(max(1, len(order)))], sp.QQ_I if imaginary else sp.QQ)[0]
    fractions = _Fractions(polynomials, order, combinations)
    value = fractions.of(flat)
    reducer = _Reducer(fractions, relations)
    if any(not reducer.reduced(base) for base in fractions.denominators):
        raise Unsupported("a denominator is zero")
    meaning: dict[sp.Basic, sp.Expr] = {s: sp.exp(e) for s, e in (exponents | basis).items()}
    meaning |= {g: base ** sp.Rational(1, n) for g, (n, base) in relations.items() if not base.has(g)} | generators.functions
    meaning |= {g: sp.Integer(-1) ** sp.Rational(1, n) for g, n in _units(generators, replacements).items()}
    return Numerator(reducer.reduced(value.top), tuple(_written(s, meaning) for s in order))


def _units(generators: Generators, replacements: dict[sp.Basic, sp.Expr]) -> dict[sp.Symbol, int]:
    """The root of unity and the n for which it is the n-th root of -1."""
    powers = [replacements[s] for s, base in generators.roots.items() if base == -1]
    return {e.base: int(e.exp) for e in powers}


def _written(s: sp.Symbol, meaning: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    """What a generator stands for, and the generators in it."""
    e: sp.Expr = s
    while e.free_symbols & set(meaning):
        e = e.subs({g: meaning[g] for g in e.free_symbols & set(meaning)})
    return e


def _roots(generators: Generators) -> tuple[dict[sp.Basic, sp.Expr], dict[sp.Symbol, tuple[int, sp.Expr]]]:
    """What to put for the symbols of roots, and the relation g^n = base of each. A symbol r stands for its base: r^(1/2) = g.

    A root of -1 is a root of unity z, and its relation is the whole of its minimal polynomial; then i is a power of z, too.
    """
    replacements: dict[sp.Basic, sp.Expr] = {}
    relations: dict[sp.Symbol, tuple[int, sp.Expr]] = {}
    for s, base in generators.roots.items():
        n = generators.degrees[s]
        g = sp.Dummy("g", positive=True)  # so that its powers combine
        if base == -1:
            n = lcm(n, 2)
            replacements[sp.I] = g ** (n // 2)
            minimal = sp.cyclotomic_poly(2 * n, g, polys=True)
            relations[g] = minimal.degree(), g ** minimal.degree() - minimal.as_expr()
        else:
            relations[g] = n, base
        replacements[s] = g**n
    return replacements, relations


def independent(
    exponents: dict[sp.Symbol, sp.Expr],
) -> tuple[dict[sp.Symbol, sp.Expr], dict[sp.Symbol, dict[sp.Symbol, int]]]:
    """A basis of the exponents over the rational numbers, and each exponential as a product of integer powers of the new ones."""
    rows: dict[sp.Symbol, dict[sp.Expr, sp.Rational]] = {}
    for s, exponent in exponents.items():
        row: dict[sp.Expr, sp.Rational] = {}
        for term in sp.Add.make_args(exponent):
            coefficient, key = term.as_coeff_Mul()
            row[key] = row.get(key, sp.Integer(0)) + coefficient
        rows[s] = row
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    if not keys:
        return {}, {}
    matrix = sp.Matrix([[row.get(key, 0) for key in keys] for row in rows.values()])
    reduced, pivots = matrix.rref()
    symbols = [sp.Dummy("exp") for _ in pivots]
    scales = [lcm(*(int(sp.Rational(v).q) for v in matrix.col(p))) for p in pivots]
    combinations = {
        s: {b: int(row.get(keys[p], 0) * scale) for b, p, scale in zip(symbols, pivots, scales, strict=True)}
        for s, row in rows.items()
    }
    basis = {
        b: sp.Add(*(reduced[i, k] / scale * key for k, key in enumerate(keys)))
        for i, (b, scale) in enumerate(zip(symbols, scales, strict=True))
    }
    return basis, combinations


@dataclass(frozen=True)
class Fraction:
    """``shift`` (powers of the generators, also negative) times ``top`` over a product of powers of common denominators."""

    top: PolyElement
    shift: Powers
    below: tuple[tuple[int, int], ...]  # (number of the denominator, power)


class _Fractions:
    """Turns flat expressions into fractions over one ring; each shared part once, and each denominator once."""

    def __init__(
        self, polynomials: PolyRing, order: list[sp.Symbol], combinations: dict[sp.Symbol, dict[sp.Symbol, int]]
    ) -> None:
        self.ring = polynomials
        self.place = {s: k for k, s in enumerate(order)}
        self.width = polynomials.ngens
        self.combinations = combinations
        self.denominators: list[PolyElement] = []
        self._numbers: dict[PolyElement, int] = {}
        self._powers: dict[tuple[int, int], PolyElement] = {}
        self._known: dict[sp.Expr, Fraction] = {}

    def of(self, e: sp.Expr) -> Fraction:
        """The fraction of a flat expression."""
        if e not in self._known:
            self._known[e] = self._of(e)
        return self._known[e]

    def _of(self, e: sp.Expr) -> Fraction:
        none = (0,) * self.width
        if e.is_Rational or e == sp.I:
            return Fraction(self.ring.ground_new(self.ring.domain.from_sympy(e)), none, ())
        if e.is_Symbol:
            powers = [0] * self.width
            for s, k in self.combinations.get(e, {e: 1}).items():
                powers[self.place[s]] += k
            return Fraction(self.ring.one, tuple(powers), ())
        if e.is_Add:
            return self._sum([self.of(a) for a in e.args])
        if e.is_Mul:
            return reduce(self._times, (self.of(a) for a in e.args))
        if e.is_Pow and e.exp.is_Integer:
            return self._power(self.of(e.base), int(e.exp))
        raise Unsupported(str(e))

    def _times(self, a: Fraction, b: Fraction) -> Fraction:
        below = dict(a.below)
        for number, power in b.below:
            below[number] = below.get(number, 0) + power
        return Fraction(a.top * b.top, _added(a.shift, b.shift), tuple(sorted(below.items())))

    def _power(self, a: Fraction, n: int) -> Fraction:
        if n < 0:
            return self._power(self._inverse(a), -n)
        if n > HIGHEST_POWER and len(a.top) > 1:
            raise Unsupported("too high a power")
        return Fraction(a.top**n, tuple(k * n for k in a.shift), tuple((number, power * n) for number, power in a.below))

    def _inverse(self, a: Fraction) -> Fraction:
        if not a.top:
            raise Unsupported("a denominator is zero")
        top = self.ring.one
        for number, power in a.below:
            top *= self._denominator(number, power)
        lowest = tuple(min(column) for column in zip(*a.top.monoms(), strict=True))
        base = a.top.quo(self.ring({lowest: 1})) if any(lowest) else a.top
        shift = tuple(-k - m for k, m in zip(a.shift, lowest, strict=True))
        factor = base.LC
        base = base.monic()
        top = top.quo_ground(factor)
        if base == self.ring.one:
            return Fraction(top, shift, ())
        if base not in self._numbers:
            self._numbers[base] = len(self.denominators)
            self.denominators.append(base)
        return Fraction(top, shift, ((self._numbers[base], 1),))

    def _denominator(self, number: int, power: int) -> PolyElement:
        if (number, power) not in self._powers:
            self._powers[number, power] = self.denominators[number] ** power
        return self._powers[number, power]

    def _sum(self, terms: list[Fraction]) -> Fraction:
        terms = [t for t in terms if t.top]
        if not terms:
            return Fraction(self.ring.zero, (0,) * self.width, ())
        below: dict[int, int] = {}
        for t in terms:
            for number, power in t.below:
                below[number] = max(below.get(number, 0), power)
        shift = tuple(min(column) for column in zip(*(t.shift for t in terms), strict=True))
        top = self.ring.zero
        for t in terms:
            part = t.top.mul_monom(tuple(a - b for a, b in zip(t.shift, shift, strict=True)))
            own = dict(t.below)
            for number, power in below.items():
                if power > own.get(number, 0):
                    part = part * self._denominator(number, power - own.get(number, 0))
            top += part
        return Fraction(top, shift, tuple(sorted(below.items())))


def _added(a: Powers, b: Powers) -> Powers:
    return tuple(p + q for p, q in zip(a, b, strict=True))


class _Reducer:
    """Reduces polynomials by the relations g^n = base: outer roots first, each multiplied by the denominators of its base."""

    def __init__(self, fractions: _Fractions, relations: dict[sp.Symbol, tuple[int, sp.Expr]]) -> None:
        self.fractions = fractions
        order = _outer_first(relations)
        self.steps = [(fractions.place[g], relations[g][0], fractions.of(relations[g][1])) for g in order]

    def reduced(self, p: PolyElement) -> PolyElement:
        """The polynomial with every root below its degree, times factors that are not zero."""
        for place, n, base in self.steps:
            while p and max(monomial[place] for monomial in p.monoms()) >= n:  # again only where the base has the root itself
                p = self._by(p, place, n, base)
        return p

    def _by(self, p: PolyElement, place: int, n: int, base: Fraction) -> PolyElement:
        highest = max((monomial[place] for monomial in p.monoms()), default=0) // n
        if not p or highest == 0:
            return p
        if highest > HIGHEST_POWER:
            raise Unsupported("too high a power")
        above = base.top.mul_monom(tuple(max(k, 0) for k in base.shift))
        below = self.fractions.ring({tuple(max(-k, 0) for k in base.shift): 1})
        for number, power in base.below:
            below *= self.fractions._denominator(number, power)
        parts: dict[int, dict[Powers, Any]] = {}
        for monomial, coefficient in p.terms():
            times, rest = divmod(monomial[place], n)
            parts.setdefault(times, {})[(*monomial[:place], rest, *monomial[place + 1 :])] = coefficient
        total = self.fractions.ring.zero
        for times, part in parts.items():
            total += self.fractions.ring(part) * above**times * below ** (highest - times)
        return total


def _outer_first(relations: dict[sp.Symbol, tuple[int, sp.Expr]]) -> list[sp.Symbol]:
    """Roots before those that their own bases contain."""
    order: list[sp.Symbol] = []
    left = dict(relations)
    while left:
        free = [g for g in left if not any(base.has(g) for other, (_, base) in left.items() if other != g)]
        if not free:
            raise Unsupported("roots that contain each other")
        order += free
        left = {g: relation for g, relation in left.items() if g not in free}
    return order
