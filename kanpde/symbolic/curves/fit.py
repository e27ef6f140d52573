"""Forms of one coordinate: an expression with first guesses for its numbers, refined on the samples and thinned out.

What the data do not need is left out: a number that may be zero is zero. What remains must say less than the data do, counted
in numbers: a form with as many numbers as the data have significant coefficients would fit anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.least_squares import refine_numbers, rms, spread
from kanpde.symbolic.form import Form, number
from kanpde.symbolic.sample import Array, Axis
from kanpde.symbolic.view import ACCEPT, View

EVIDENCE = 2
"""A form must leave so many significant coefficients of the data to be explained by its shape rather than by its numbers."""
ABRUPT = 300.0
STEEPER = 30.0
"""The last coefficient of a polynomial over the noise, and by how much this drop must exceed the one before: the series of other
functions fall ever faster, but not suddenly."""
SHARP = 1e-2
"""Slack of a number relative to it: what is known no better is the sign of a limit (an Airy function for an exponential)."""

Guesses = Mapping[sp.Dummy, float]


@dataclass(frozen=True)
class Curve:
    """One function of one coordinate, as the rungs of one dimension look at it."""

    symbol: sp.Symbol
    axis: Axis
    values: Array  # (n,)
    sigma: float
    budget: Budget = field(default_factory=lambda: Budget(60.0))

    @classmethod
    def of(cls, view: View) -> Curve:
        """The function of a view with one axis."""
        return cls(view.symbols[0], view.samples.axes[0], view.values, view.sigma, view.budget)

    @property
    def nodes(self) -> Array:  # (n,)
        """The nodes, increasing."""
        return self.axis.nodes

    @property
    def size(self) -> float:
        """Root mean square of the values."""
        return rms(self.values)

    @property
    def content(self) -> int:
        """Significant coefficients of the Chebyshev series: how many numbers the data are worth."""
        return self.axis.significant(self.values, self.sigma)

    def surplus(self, numbers: int, without: Array | None = None) -> float:  # (n, k)
        """Bits of the significant coefficients, without as many of the largest as there are numbers to be found.

        ``without``: of what is left of the values when these columns have explained what they can.
        """
        values = self.values if without is None else self.values - without @ np.linalg.lstsq(without, self.values, rcond=1e-14)[0]
        sizes = np.sort(np.abs(self.axis.coefficients(values)) / (3 * self.sigma))[::-1][numbers:]
        return float(np.sum(np.log2(sizes[sizes > 1])))

    def warrants(self, expression: sp.Expr, numbers: int) -> bool:
        """Whether the data say more than a form with so many numbers. A polynomial shows in how suddenly the series ends."""
        if not expression.is_polynomial(self.symbol):
            return self.content - numbers >= EVIDENCE or numbers == 1
        series = np.abs(self.axis.coefficients(self.values)) / (3 * self.sigma)
        degree = int(sp.degree(expression, self.symbol)) if expression.has(self.symbol) else 0
        if degree == 0 or not series[degree] > ABRUPT:
            return degree == 0
        before = [s for s in series[:degree] if s > 1][-1:]
        return bool(series[degree] > STEEPER * max(before, default=0.0) / series[degree])


def open_number(value: float, guesses: dict[sp.Dummy, float], name: str = "c") -> sp.Dummy:
    """A new symbol with a first guess of its value."""
    symbol = sp.Dummy(name, real=True)
    guesses[symbol] = float(value)
    return symbol


def fitted(expression: sp.Expr, guesses: Guesses, curve: Curve, how: str) -> Form | None:
    """The form that fits the curve to three sigma, with its numbers refined together; None if there is none.

    A number that may be zero as far as its slack says is left out, if the rest then still fits.
    """
    if any(not abs(value) < 1e150 for value in guesses.values()):
        return None
    found = _refined(expression, guesses, curve)
    if found is None or found[2] > ACCEPT * curve.sigma:
        return None
    best, slack, quality = found
    allowed = min(ACCEPT * curve.sigma, max(1.5 * quality, curve.sigma))
    while True:
        doubtful = sorted((abs(best[s]) / max(slack[s], 1e-300), s.dummy_index, s) for s in best if abs(best[s]) <= 10 * slack[s])
        for *_, symbol in doubtful:
            smaller = expression.xreplace({symbol: sp.Integer(0)})
            if not smaller.is_finite and smaller.has(sp.nan, sp.zoo, sp.oo):
                continue
            trial = _refined(smaller, {s: v for s, v in best.items() if smaller.has(s)}, curve)
            if trial is not None and trial[2] <= allowed:
                expression, (best, slack, quality) = smaller, trial
                break
        else:
            break
    if not curve.warrants(expression, len(best)) or any(d > SHARP * max(abs(best[s]), 1e-3) for s, d in slack.items()):
        return None
    numbers = {s: number(best[s], slack[s]) for s in best}
    return Form(expression.xreplace({s: n.symbol for s, n in numbers.items()}), tuple(numbers.values()), how)


def _refined(
    expression: sp.Expr, guesses: Guesses, curve: Curve
) -> tuple[dict[sp.Dummy, float], dict[sp.Dummy, float], float] | None:
    """Values and slack of the numbers by least squares on the values, and the root mean square that is left."""
    symbols = sorted(guesses, key=lambda s: int(s.dummy_index))
    start = [guesses[s] for s in symbols]
    found = refine_numbers(expression, [curve.symbol], symbols, start, [curve.nodes], curve.values, 1e-3)
    if found is None:
        return None
    best, J, left = found
    off = spread(J, curve.sigma, best)
    return dict(zip(symbols, best.tolist(), strict=True)), dict(zip(symbols, off.tolist(), strict=True)), rms(left)


def bits(form: Form) -> float:
    """What a form costs: its operations, and its numbers, those near a simple value less."""
    operations = float(form.expression.count_ops())
    special = len(form.expression.atoms(sp.Function) - form.expression.atoms(sp.exp, sp.sin, sp.cos, sp.log))
    return 2 * operations + 2 * special + sum(_price(n.value, n.slack) for n in form.numbers)


def _price(value: float, slack: float) -> float:
    """Bits of a number: few if a simple one agrees with it and the agreement is no chance."""
    best = 12.0
    for base, extra in ((1.0, 0.0), (float(np.pi), 2.0), (float(np.pi**2), 3.0)):
        near = Fraction(value / base).limit_denominator(12)
        if near and abs(float(near) * base - value) <= 3 * slack + 1e-12 * abs(value):
            best = min(best, extra + math.log2(abs(near.numerator)) + 1.2 * math.log2(near.denominator) + 1)
    return best
