"""Which exact constant a number of forty digits is, as a function of the problem's letters.

A number is known at the given letters and at one or two perturbed sets. Constants are tried in the order of what they cost in
bits: rational multiples of a base (powers of pi, roots, e, monomials of the letters), sums of such (integer relations by PSLQ),
roots of sums, roots of quadratics, and elementary functions of simple constants. Forty digits are 130 bits: a constant of forty
bits that agrees with them, and at the perturbed letters too, is no accident. These functions run in the worker process.

Source: H. Ferguson, D. Bailey, S. Arno, Analysis of PSLQ, an integer relation finding algorithm, Math. Comp. 68 (1999).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from kanpde.symbolic.constants.multiprecision import Precise
from kanpde.symbolic.form import Array

AGREES = 33
"""Digits, relative, to which a constant must agree with the number at every set of letters."""
DEAREST = 40.0
"""Bits of the dearest constant that is believed: a third of what the number has."""
RELATION_BITS = 9
"""Integers of a relation have at most so many bits: eight of them use up 72 of 120 bits."""

Numbers = Sequence[Any]
"""One mpmath number for each set of letters."""


@dataclass(frozen=True)
class Constant:
    """An exact constant that agrees with a number, and what it costs in bits."""

    expression: sp.Expr
    cost: float


_BASES: tuple[tuple[sp.Expr, float], ...] = (
    (sp.Integer(1), 0.0),
    (sp.pi, 2.0),
    (sp.pi**2, 3.0),
    (1 / sp.pi, 4.0),
    (sp.sqrt(2), 4.0),
    (sp.sqrt(3), 5.0),
    (sp.sqrt(sp.pi), 5.0),
    (1 / sp.sqrt(sp.pi), 5.0),
    (sp.sqrt(5), 6.0),
    (sp.sqrt(6), 6.0),
    (sp.sqrt(2) / sp.sqrt(sp.pi), 7.0),
    (sp.E, 6.0),
    (1 / sp.E, 6.0),
    (sp.log(2), 6.0),
    (sp.pi**3, 6.0),
    (sp.pi**4, 6.0),
    (1 / sp.pi**2, 6.0),
    (1 / sp.pi**3, 7.0),
    (sp.sqrt(2) * sp.pi, 7.0),
    (sp.sqrt(2) * sp.pi**2, 8.0),
    (sp.log(3), 8.0),
    (sp.pi**6, 9.0),
)
_HALF = sp.Rational(1, 2)
_EXPONENTS = ((1, 1.0), (-1, 2.0), (2, 3.0), (_HALF, 3.0), (-_HALF, 4.0), (-2, 5.0), (3 * _HALF, 6.0), (3, 6.0))
_MOST_LETTERS = 3


class Identifier:
    """The recogniser for one problem: its letters, with one value for each set, make the monomials."""

    def __init__(self, letters: Mapping[sp.Symbol, Numbers], sets: int) -> None:
        self.letters = {name: list(values) for name, values in letters.items()}
        self.sets = sets
        self._monomials = list(_monomials(list(self.letters)))
        bases = [(a * b, c + d) for (a, c), (b, d) in product(_BASES, self._monomials) if c + d <= 12]
        self._bases = [(e, cost, self.values(e)) for e, cost in sorted(bases, key=lambda b: b[1])]
        self._table = np.array([[float(v) for v in values] for *_, values in self._bases])  # (B, sets)

    def values(self, expression: sp.Expr) -> list[Any]:
        """An exact constant as numbers, one a set."""
        function = Precise([expression], list(self.letters))
        return [function([values[k] for values in self.letters.values()])[0] for k in range(self.sets)]

    def agrees(self, expression: sp.Expr, numbers: Numbers) -> bool:
        """Whether the constant is the number at every set of letters."""
        try:
            found = self.values(expression)
        except (ValueError, ZeroDivisionError, TypeError, OverflowError):
            return False
        return all(mp.im(f) == 0 and _same(f, n) for f, n in zip(found, numbers, strict=True))

    def constants(self, numbers: Numbers, most: int = 3) -> list[Constant]:
        """The constants that agree with the number, cheapest first; empty if none does.

        The stages grow dearer; the first that finds something ends the search.
        """
        if all(abs(n) < mp.mpf(10) ** -AGREES for n in numbers):
            return [Constant(sp.Integer(0), 0.0)]
        stages = (self._multiples, self._roots, self._functions, self._sums, self._decimals, self._roots_of_sums)
        for stage in (*stages, self._quadratics, self._functions_of_sums, self._nearly):
            found = {c.expression: c for c in stage(numbers) if c.cost <= DEAREST and self.agrees(c.expression, numbers)}
            if found:
                return sorted(found.values(), key=lambda c: (c.cost, sp.default_sort_key(c.expression)))[:most]
        return []

    def _multiples(self, numbers: Numbers, largest: int = 4000, bits: float = 20.0) -> Iterator[Constant]:
        """Small rational multiples of the bases."""
        for base, cost, values in self._bases:
            ratio = float(numbers[0] / values[0])
            if any(abs(float(n / v) / ratio - 1) > 1e-11 for n, v in zip(numbers[1:], values[1:], strict=True)):
                continue
            fraction = Fraction(ratio).limit_denominator(largest)
            if fraction == 0 or abs(float(fraction) / ratio - 1) > 1e-12:
                continue
            own = _bits(fraction)
            if own <= bits:
                yield Constant(sp.Rational(fraction.numerator, fraction.denominator) * base, cost + own)

    def _decimals(self, numbers: Numbers) -> Iterator[Constant]:
        """Longer rationals, as 1 + 1e-12, of the cheapest bases; they need all digits."""
        for base, cost, values in self._bases:
            if cost > 4:
                continue
            ratio = numbers[0] / values[0]
            p, q = _fraction(ratio)
            if p and p.bit_length() + q.bit_length() <= 100:
                decimal = _is_decimal(q)
                bits = 0.25 * (p.bit_length() + q.bit_length()) if decimal else float(p.bit_length() + q.bit_length())
                yield Constant(sp.Rational(p, q) * base, cost + bits)

    def _roots(self, numbers: Numbers) -> Iterator[Constant]:
        """Square, cube and fourth roots of multiples."""
        for power in (2, 3, 4):
            sign = 1 if numbers[0] > 0 else -1
            for c in self._multiples([abs(n) ** power for n in numbers]):
                if c.expression.is_positive or self.letters:
                    yield Constant(sign * c.expression ** sp.Rational(1, power), c.cost + 2.0 + power)

    def _sums(self, numbers: Numbers) -> Iterator[Constant]:
        """Sums of two or three multiples: solved for pairs where there are letters, by integer relations where there are none."""
        if self.sets >= 3:
            yield from self._pairs(numbers, self._table, [e for e, *_ in self._bases])
            return
        for terms in _TABLES:
            yield from self._relation(numbers, terms)

    def _pairs(
        self, numbers: Numbers, second: Array, expressions: list[sp.Expr], back: Callable[..., sp.Expr] | None = None
    ) -> Iterator[Constant]:
        """a e + b f for bases e (of the table) and f (of ``second``, (B, sets)) with small rational a, b, from three sets.

        Two sets of letters give a and b, the third one turns accidents away. ``back(a, e, b, f)`` makes the constant.
        """
        v = np.array([float(n) for n in numbers])
        E, F = self._table[:, None, :], second[None, :, :]
        with np.errstate(all="ignore"):
            determinant = E[..., 0] * F[..., 1] - E[..., 1] * F[..., 0]
            a = (v[0] * F[..., 1] - v[1] * F[..., 0]) / determinant
            b = (E[..., 0] * v[1] - E[..., 1] * v[0]) / determinant
            good = np.abs(a * E[..., 2] + b * F[..., 2] - v[2]) <= 1e-9 * (np.abs(a * E[..., 2]) + np.abs(v[2]))
            good &= _near_rational(a) & _near_rational(b)
        for i, j in np.argwhere(good):
            e, cost, _ = self._bases[i]
            p, q = (Fraction(float(c[i, j])).limit_denominator(64) for c in (a, b))
            if p and q:
                p_, q_ = (sp.Rational(c.numerator, c.denominator) for c in (p, q))
                bits = cost + self._bases[j][1] + _bits(p) + _bits(q) + 2.0
                yield Constant(back(p_, e, q_, expressions[j]) if back else p_ * e + q_ * expressions[j], bits)

    def _nearly(self, numbers: Numbers) -> Iterator[Constant]:
        """A simple constant and a tiny decimal beside it: -pi^2 + 1e-11."""
        for base, cost, values in self._bases:
            if cost > 8:
                break
            ratio = float(numbers[0] / values[0])
            fraction = Fraction(ratio).limit_denominator(12)
            if fraction == 0 or abs(float(fraction) / ratio - 1) > 1e-5:
                continue
            main = sp.Rational(fraction.numerator, fraction.denominator) * base
            rest = [n - m for n, m in zip(numbers, self.values(main), strict=True)]
            with mp.workdps(AGREES - 16):  # digits were lost with the first constant
                p, q = _fraction(rest[0])
            if p and _is_decimal(q):
                yield Constant(main + sp.Rational(p, q), cost + _bits(fraction) + 0.25 * (p.bit_length() + q.bit_length()))

    def _roots_of_sums(self, numbers: Numbers) -> Iterator[Constant]:
        """Square roots of sums, as sqrt(pi^2 - 1), and reciprocals of sums and of their roots."""
        sign = 1 if numbers[0] > 0 else -1
        ways: list[tuple[Numbers, Callable[[sp.Expr], sp.Expr]]] = [
            ([n**2 for n in numbers], lambda e: sign * sp.sqrt(e)),
            ([1 / n for n in numbers], lambda e: 1 / e),
            ([1 / n**2 for n in numbers], lambda e: sign / sp.sqrt(e)),
        ]
        for values, back in ways:
            for c in self._sums(values):
                yield Constant(back(c.expression), c.cost + 3.0)

    def _quadratics(self, numbers: Numbers) -> Iterator[Constant]:
        """Roots of v^2 = m v + n with multiples m, n: k (Re - sqrt(Re^2 + 16 pi^2)) / 2, k = 1, pi or 1 / pi."""
        if self.sets < 3:
            for terms in ([(sp.Integer(1), 0.0)], [(sp.Integer(1), 0.0), (sp.pi**2, 3.0)]):
                columns = [(e, self.values(e)[0], c) for e, c in terms]
                v = numbers[0]
                relation = _pslq([v * v, v, *(value for _, value, _ in columns)])
                if relation is None or relation[0] == 0:
                    continue
                b = sp.Integer(relation[1])
                c = sp.Add(*(k * e for k, (e, *_) in zip(relation[2:], columns, strict=True)))
                cost = 4.0 + sum(math.log2(1 + abs(k)) + 1 for k in relation if k)
                for sign in (1, -1):
                    yield Constant((-b + sign * sp.sqrt(sp.factor_terms(b**2 - 4 * relation[0] * c))) / (2 * relation[0]), cost)
            return
        for k in (sp.Integer(1), sp.pi, 1 / sp.pi, sp.sqrt(2)):
            size = self.values(k)
            scaled = [n / s for n, s in zip(numbers, size, strict=True)]
            plain = [i for i, (e, *_) in enumerate(self._bases) if not e.has(sp.pi) and e.free_symbols][:40]
            second = self._table[plain] * np.array([float(n) for n in scaled])
            expressions = [self._bases[i][0] for i in plain]
            for sign in (1, -1):

                def root(a: sp.Expr, e: sp.Expr, b: sp.Expr, f: sp.Expr, sign: int = sign) -> sp.Expr:
                    return (b * f + sign * sp.sqrt(sp.factor_terms((b * f) ** 2 + 4 * a * e))) / 2

                for c in self._pairs([n**2 for n in scaled], second, expressions, root):
                    yield Constant(k * c.expression, c.cost + 4.0)

    def _functions(self, numbers: Numbers) -> Iterator[Constant]:
        """Elementary functions of simple constants: e^-3, log 3, cos(1/3), tanh(1/2), 2 atan(1/2)."""
        for outer, values in _unwrapped(numbers, _FUNCTIONS):
            for c in self._multiples(values, largest=120, bits=12.0):
                yield Constant(outer(c.expression), c.cost + 5.0)

    def _functions_of_sums(self, numbers: Numbers) -> Iterator[Constant]:
        """Exponentials and logarithms of sums."""
        for outer, values in _unwrapped(numbers, _FUNCTIONS[:2]):
            for c in self._sums(values):
                yield Constant(outer(c.expression), c.cost + 5.0)

    def _relation(self, numbers: Numbers, terms: list[tuple[sp.Expr, float]]) -> Iterator[Constant]:
        """The number as a rational combination of the terms, if there is one with small integers."""
        relation = _pslq([numbers[0], *(self.values(e)[0] for e, _ in terms)])
        if relation is None or relation[0] == 0:
            return
        used = [(sp.Rational(-r, relation[0]), e, c) for r, (e, c) in zip(relation[1:], terms, strict=True) if r]
        cost = sum(_bits(Fraction(int(r.p), int(r.q))) + c + 1.0 for r, _, c in used)
        yield Constant(sp.Add(*(r * e for r, e, _ in used)), cost + 1.0)


_ONE: tuple[sp.Expr, float] = (sp.Integer(1), 0.0)
_TABLES: tuple[list[tuple[sp.Expr, float]], ...] = (
    [_ONE, (sp.pi, 2.0)],
    [_ONE, (sp.pi, 2.0), (sp.pi**2, 3.0)],
    [_ONE, (sp.pi**2, 3.0), (sp.pi**4, 4.0)],
    [_ONE, (sp.sqrt(2), 3.0), (sp.sqrt(3), 4.0)],
    [_ONE, (sp.sqrt(2), 3.0), (sp.pi, 3.0), (sp.sqrt(2) * sp.pi, 4.0)],
    [_ONE, (sp.sqrt(5), 3.0)],
    [_ONE, (sp.log(2), 3.0), (sp.log(3), 4.0)],
    [_ONE, (sp.E, 3.0), (1 / sp.E, 4.0)],
)
"""Sets whose integer relations are looked for where there are no letters."""


def _near_rational(values: Array) -> Any:
    """Where numbers, good to about 1e-10, are rationals with small denominators."""
    near = np.zeros(values.shape, dtype=bool)
    for q in (1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 16, 18, 20, 24, 25, 32, 36, 48, 50, 64):
        near |= np.abs(values * q - np.rint(values * q)) <= 1e-8 * q
    return near & (np.abs(values) > 1e-3) & (np.abs(values) < 1e3)


def _monomials(letters: list[sp.Symbol]) -> Iterator[tuple[sp.Expr, float]]:
    """Products of powers of up to three letters, with their bits; three only to the first power or its reciprocal."""
    yield sp.Integer(1), 0.0
    found = []
    for count in range(1, min(_MOST_LETTERS, len(letters)) + 1):
        exponents = _EXPONENTS if count < 3 else _EXPONENTS[:3]
        for chosen in combinations(letters, count):
            for powers in product(exponents, repeat=count):
                power = sp.Mul(*(s**k for s, (k, _) in zip(chosen, powers, strict=True)))
                found.append((power, 1.0 + sum(bits for _, bits in powers)))
    yield from sorted(found, key=lambda m: m[1])


def _bits(fraction: Fraction) -> float:
    """log2 |numerator| + 1.2 log2 denominator, and half a bit for a sign; decimals as people write them are cheaper."""
    p, q = abs(fraction.numerator), fraction.denominator
    denominator = min(1.2 * math.log2(q), 5.0 + 0.5 * math.log2(q)) if _is_decimal(q) else 1.2 * math.log2(q)
    return math.log2(p) + denominator + (0.5 if fraction < 0 else 0.0)


def _is_decimal(q: int) -> bool:
    """Whether a denominator is that of a decimal number."""
    while q % 2 == 0:
        q //= 2
    while q % 5 == 0:
        q //= 5
    return q == 1


def _same(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= mp.mpf(10) ** -AGREES * max(abs(b), mp.mpf(10) ** -3))


def _fraction(value: Any) -> tuple[int, int]:
    """The continued fraction of a number, to where it agrees with all digits."""
    p0, q0, p1, q1 = 0, 1, 1, 0
    x = abs(value)
    for _ in range(60):
        a = int(mp.floor(x))
        p0, q0, p1, q1 = p1, q1, a * p1 + p0, a * q1 + q0
        if _same(mp.mpf(p1) / q1, abs(value)):
            return (p1 if value > 0 else -p1), q1
        if x == a:
            break
        x = 1 / (x - a)
    return 0, 1


def _pslq(columns: Sequence[Any]) -> list[int] | None:
    """A small integer relation among the numbers, or None."""
    if any(not mp.isfinite(c) or c == 0 for c in columns):
        return None
    with mp.workdps(AGREES + 2):
        found = mp.pslq(list(columns), maxcoeff=2**RELATION_BITS, maxsteps=400, tol=mp.mpf(10) ** -(AGREES - 2))
    return None if found is None else [int(k) for k in found]


_FUNCTIONS: tuple[tuple[Callable[[sp.Expr], sp.Expr], Callable[[Any], Any]], ...] = (
    (sp.exp, mp.log),
    (sp.log, mp.exp),
    (sp.cos, mp.acos),
    (sp.sin, mp.asin),
    (sp.tan, mp.atan),
    (sp.tanh, mp.atanh),
    (sp.cosh, mp.acosh),
    (sp.sinh, mp.asinh),
    (sp.atan, mp.tan),
    (sp.atanh, mp.tanh),
)
"""Functions with their inverses."""


def _unwrapped(
    numbers: Numbers, functions: Sequence[tuple[Callable[[sp.Expr], sp.Expr], Callable[[Any], Any]]]
) -> Iterator[tuple[Callable[[sp.Expr], sp.Expr], list[Any]]]:
    """The numbers under the inverse of each function that admits them; a negative number is minus an exponential."""
    for outer, inner in functions:
        negative = outer is sp.exp and numbers[0] < 0
        try:
            values = [inner(-n if negative else n) for n in numbers]
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        if all(mp.im(v) == 0 and mp.isfinite(v) and abs(v) > 1e-12 for v in values):
            yield _minus_exp if negative else outer, values


def _minus_exp(expression: sp.Expr) -> sp.Expr:
    return -sp.exp(expression)


def identify(
    numbers: Mapping[sp.Symbol, Numbers], letters: Mapping[sp.Symbol, Numbers], sets: int
) -> dict[sp.Symbol, list[Constant]]:
    """The exact constants of every number, those without any with an empty list."""
    with mp.workdps(AGREES + 8):
        identifier = Identifier(letters, sets)
        return {symbol: identifier.constants(values) for symbol, values in numbers.items()}
