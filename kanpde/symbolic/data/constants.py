"""Exact constants near a number: rational x {1, pi, pi^2, sqrt 2, e, ...} x monomials of the problem's own letters.

A constant costs bits: log2 |numerator| + 1.2 log2 denominator + what its base costs. Several constants may agree with a number
within its error; which of them is meant is decided later, by the equation at perturbed values of the letters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import sympy as sp

DENOMINATORS = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    12,
    15,
    16,
    18,
    20,
    24,
    25,
    30,
    32,
    36,
    40,
    48,
    50,
    60,
    64,
    80,
    100,
    128,
    200,
    256,
    400,
)
DECIMALS = {1000: 7.0, 10_000: 8.5, 100_000: 10.0, 1_000_000: 11.5}
"""Denominators of decimal numbers, cheaper in bits than others of their size: people write 0.0125."""
LARGEST_RATIO = 1000.0
DEAREST = 15.0
"""Bits. A number known to 1e-9 has 30: with 500 bases, 15 bits leave one chance in 60 of an accident, which the proof meets."""
SPARE = 2.0
"""A constant must cost so many bits less than the number has, or it says nothing."""
ALTERNATIVES = 6
"""How many constants that agree with a number are kept."""

_BASES: tuple[tuple[sp.Expr, float], ...] = (
    (sp.Integer(1), 0.0),
    (sp.pi, 2.0),
    (sp.pi**2, 3.0),
    (1 / sp.pi, 4.0),
    (sp.sqrt(2), 4.0),
    (sp.sqrt(3), 5.0),
    (sp.sqrt(5), 6.0),
    (sp.E, 6.0),
    (1 / sp.E, 6.0),
    (sp.log(2), 6.0),
    (sp.pi**3, 6.0),
    (sp.pi**4, 6.0),
    (1 / sp.pi**2, 6.0),
)
_EXPONENTS = ((1, 1.0), (2, 3.0), (-1, 3.0), (-2, 6.0), (3, 7.0))
_MOST_FACTORS = 2
"""Letters in one monomial: alpha^2 nu; three at once have not been met in a textbook's exponent."""
ROOT_COST = 3.0
"""Bits for a square root around the constant."""
SUM_COST = 3.0
"""Bits for a sum: pi^2 - 1/4 under a root (the dispersion of damped waves), alpha pi^2 + nu as a rate."""


@dataclass(frozen=True)
class Candidate:
    """An exact constant that agrees with a number, and what it costs in bits."""

    expression: sp.Expr
    cost: float


class Constants:
    """The recogniser for one problem: its letters with their values make the monomials."""

    def __init__(self, letters: Mapping[sp.Symbol, sp.Expr]) -> None:
        self.letters = dict(letters)
        monomials: list[tuple[sp.Expr, float]] = [(sp.Integer(1), 0.0)]
        names = [letter for letter, value in self.letters.items() if float(value) != 0]
        for count in range(1, _MOST_FACTORS + 1):
            for chosen in _choices(names, count):
                for exponents in product(_EXPONENTS, repeat=count):
                    power = sp.Mul(*(letter**k for letter, (k, _) in zip(chosen, exponents, strict=True)))
                    monomials.append((power, 1.0 + sum(bits for _, bits in exponents)))
        self._bases = [(a * b, c + d) for (a, c), (b, d) in product(_BASES, monomials) if c + d <= 11]
        self._values = np.array([float(base.xreplace(self.letters)) for base, _ in self._bases])  # (B,)
        self._costs = np.array([cost for _, cost in self._bases])

    def candidates(self, value: float, tolerance: float, dearest: float = DEAREST) -> list[Candidate]:
        """The constants within ``tolerance`` (absolute) of the value, cheapest first, at most six; zero if zero is within."""
        if abs(value) <= tolerance:
            return [Candidate(sp.Integer(0), 0.0)]
        dearest = min(dearest, math.log2(abs(value) / tolerance) - SPARE)
        found = self._multiples(value, tolerance, dearest)
        if self.letters:
            sums = self._sums(abs(value), tolerance, dearest)
            found += [Candidate(c.expression if value > 0 else -c.expression, c.cost) for c in sums]
        square = value * value
        slack = 2 * abs(value) * tolerance
        sign = 1 if value > 0 else -1
        roots = self._multiples(square, slack, dearest - ROOT_COST)
        roots += self._sums(square, slack, dearest - ROOT_COST)
        found += [Candidate(sign * sp.sqrt(c.expression), c.cost + ROOT_COST) for c in roots]
        if value > 0 and abs(value - 1) > 1e-3:
            logarithms = self._multiples(math.log(value), tolerance / value, dearest - 6)
            found += [Candidate(sp.exp(c.expression), c.cost + 6) for c in logarithms if not c.expression.has(sp.log)]
        best: dict[sp.Expr, float] = {}
        for candidate in found:
            best[candidate.expression] = min(candidate.cost, best.get(candidate.expression, math.inf))
        ranked = sorted(best.items(), key=lambda entry: (entry[1], sp.default_sort_key(entry[0])))
        return [Candidate(expression, cost) for expression, cost in ranked[:ALTERNATIVES]]

    def _multiples(self, value: float, tolerance: float, dearest: float) -> list[Candidate]:
        """Rational multiples of the bases."""
        q = np.array([*DENOMINATORS, *DECIMALS], dtype=float)
        ratio = value / self._values  # (B,)
        p = np.rint(ratio[:, None] * q)  # (B, Q)
        slack = (tolerance / np.abs(self._values))[:, None]
        close = (np.abs(p / q - ratio[:, None]) <= slack) & (p != 0) & (np.abs(p) <= LARGEST_RATIO * q)
        found = []
        for b in np.nonzero(close.any(1))[0]:
            k = int(np.argmax(close[b]))  # the smallest denominator
            numerator, denominator = int(p[b, k]), int(q[k])
            bits = math.log2(abs(numerator)) + (
                DECIMALS[denominator] if denominator in DECIMALS else 1.2 * math.log2(denominator)
            )
            cost = self._costs[b] + bits + (0.5 if numerator < 0 else 0.0)
            if cost <= dearest:
                found.append(Candidate(sp.Rational(numerator, denominator) * self._bases[b][0], float(cost)))
        return found

    def _sums(self, value: float, tolerance: float, dearest: float) -> list[Candidate]:
        """A small multiple of a base that stands for an eigenvalue, plus another multiple: k^2 pi^2 - gamma^2 / 4."""
        found = []
        for base, cost in self._bases:
            if cost > 6 or not base.has(sp.pi**2):
                continue
            size = float(base.xreplace(self.letters))
            for k in (1, 4, 9, 16, sp.Rational(1, 4), sp.Rational(9, 4)):
                rest = value - float(k) * size
                if abs(rest) > tolerance:
                    bits = cost + SUM_COST + math.log2(max(2.0, float(k)))
                    terms = self._multiples(rest, tolerance, dearest - bits)
                    found += [Candidate(k * base + c.expression, c.cost + bits) for c in terms if not c.expression.has(sp.pi)]
        return found


def _choices(names: list[sp.Symbol], count: int) -> list[tuple[sp.Symbol, ...]]:
    if count == 1:
        return [(name,) for name in names]
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
