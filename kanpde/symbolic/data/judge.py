"""What is accepted as a formula of data, and which of those: what it leaves must be noise, and the fewest bits win.

A formula is compared with all data after its numbers were refined on them. If the noise is stated, it decides. If not, what is
left must be rounding, or must look like white noise: no polynomial and no neighbour may predict it (a good R^2 would let any
smooth approximation pass). Among those the shortest description of formula and residual wins (Rissanen, Modeling by shortest
data description, Automatica 14 (1978)): N log2(rms) bits for the values, and ``bits`` for the formula and its numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.fit import bits
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.data.edges import DOUBT, Refined, Suggestion, allowed, least_squares
from kanpde.symbolic.data.gathered import gathered
from kanpde.symbolic.data.scattered import Series, adapted, fit_series, reference, table, terms
from kanpde.symbolic.form import Array, Form

EXACT = 2e-14
"""Misfit, relative to the values, that rounding alone leaves where a formula cancels a digit or two."""
CLOSE = 1e-12
"""Misfit that is rounding too where functions are steep, as asin near 1, if nothing better is found."""
DEVIATIONS = 4.5
"""By which what polynomials explain of a residual may exceed that of white noise: one accident in 300,000."""
WORTH = 0.5
"""Bits of a formula over those that it saves in writing down the values, at most."""
WORTH_IN_NOISE = 0.25
"""The same where more than rounding is left: the noise is then a guess, and thousands of forms were tried."""
OPERATION_IN_NOISE = 2.0
"""Bits of an operation beyond those of ``bits``: which of the twenty or so functions it is, and of which coordinate."""
SPARE_NUMBERS = 3
"""Numbers of a formula that leaves more than rounding, beyond one a coordinate. With more, any smooth curve is within noise, as
polynomials and their quotients show; a straight line in all coordinates stays possible."""
BLURRED = 1e-8
"""Relative doubt of a number, in a formula of many that leaves rounding alone, which shows that others would do too: so are the
last coefficients of the polynomial, or of the sum of exponentials, that passes for any smooth function on a short interval."""
MOST_NUMBERS = 20


@dataclass(frozen=True)
class Scatter:
    """Values of one function at scattered points, and what is known of their error (root mean square; None: nothing)."""

    symbols: tuple[sp.Symbol, ...]
    x: Array  # (N, d)
    y: Array  # (N,)
    noise: float | None = None

    @property
    def points(self) -> tuple[Array, ...]:
        """One array a coordinate."""
        return tuple(np.ascontiguousarray(c) for c in self.x.T)

    @cached_property
    def size(self) -> float:
        """Root mean square of the values."""
        return max(rms(self.y), 1e-300)

    @cached_property
    def rounding(self) -> float:
        """The error of the values that cannot be told from rounding."""
        return EXACT * self.size

    @cached_property
    def series(self) -> Series:
        """The function as a series."""
        return adapted(self.x, self.y)

    @cached_property
    def half_series(self) -> Series:
        """The same from two thirds of the points: by how much it differs tells how far the series may be off."""
        some = np.arange(len(self.y)) % 3 != 0
        return fit_series(self.x[some], self.y[some], self.series.prices, len(self.series.indices))

    @cached_property
    def level(self) -> float:
        """The smallest misfit that is worth telling from a smaller one."""
        return max(self.noise or 0.0, self.rounding)


@dataclass
class Judge:
    """Collects the formulas of one scatter that are within reach of its noise, the best first."""

    data: Scatter
    found: list[Suggestion] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def offer(self, form: Form) -> Suggestion | None:
        """The form with its numbers refined and those left out that the data do not need; None if it does not agree."""
        key = str(form.expression.xreplace({n.symbol: sp.Float(f"{n.value:.4g}") for n in form.numbers}))
        if key in self.seen or len(form.numbers) > MOST_NUMBERS or not form.expression.is_commutative:
            return None
        self.seen.add(key)
        one = self.judged(form)
        if one is not None:
            self.found.append(one)
            self.found.sort(key=self.cost)
        return one

    def judged(self, form: Form) -> Suggestion | None:
        d = self.data
        form = _gathered(form)
        with np.errstate(all="ignore"):
            best = least_squares(form, d.symbols, d.points, d.y, d.level)
        if best is None or not self.agrees(best.misfit, best.form):
            return None
        best = self._without_the_needless(self._with_slack(best))
        noise = self._noise(best)
        fitted = least_squares(best.form, d.symbols, d.points, d.y, noise) or best  # slacks for this noise
        found = fitted.form
        if not self._says_something(found, best.misfit):
            return None
        return Suggestion(found.expression, d.symbols, found.numbers, best.misfit, noise, bits(found), found.how, d.points, d.y)

    def _with_slack(self, found: Refined) -> Refined:
        """Standard deviations for the noise that is left: they were found for the level that is known."""
        factor = max(1.0, self._noise(found) / self.data.level)
        numbers = tuple(replace(n, slack=n.slack * factor) for n in found.form.numbers)
        again = {n.symbol: n for n in numbers}
        loose = None if found.loose is None else again[found.loose.symbol]
        return replace(found, form=replace(found.form, numbers=numbers), loose=loose)

    def _says_something(self, form: Form, misfit: float) -> bool:
        """Whether a formula is clearly shorter than what it says of the values: few values agree with any long one."""
        d = self.data
        spread = float(np.std(d.y))
        if not form.expression.free_symbols & set(d.symbols) or spread == 0:
            return True
        saved = len(d.y) * math.log2(max(1.0, spread / max(misfit, d.level)))
        many = len(form.numbers) > len(d.symbols) + SPARE_NUMBERS
        if misfit <= d.rounding:
            blurred = any(n.slack > BLURRED * abs(n.value) for n in form.numbers)
            return bits(form) < WORTH * saved and not (many and blurred)
        length = bits(form) + OPERATION_IN_NOISE * float(form.expression.count_ops())
        return length < WORTH_IN_NOISE * saved and not many

    def _noise(self, found: Refined) -> float:
        d = self.data
        count = len(d.y)
        own = found.misfit * math.sqrt(count / max(1, count - len(found.form.numbers)))
        return max(d.noise or 0.0, 1e-16 * d.size) if d.noise is not None else max(own, 1e-16 * d.size)

    def agrees(self, misfit: float, form: Form) -> bool:
        """Whether what a form leaves is noise."""
        d = self.data
        if not math.isfinite(misfit):
            return False
        if misfit <= d.rounding:
            return True
        if d.noise is not None:
            return misfit <= allowed(max(d.noise, d.rounding), len(d.y))
        if misfit > 0.5 * float(np.std(d.y)):
            return False
        return misfit <= CLOSE * d.size or self.is_noise(d.y - form.values(d.symbols, d.points))

    def is_noise(self, residual: Array) -> bool:
        """Whether no polynomial and no neighbour predicts what is left."""
        return predictable(self.data.x, residual) < DEVIATIONS

    def _without_the_needless(self, best: Refined) -> Refined:
        """Numbers at zero or one where the data do not object, the least certain first."""
        d = self.data
        while True:
            doubtful = sorted(
                (abs(n.value - exact) / max(n.slack, 1e-300), k, exact, n)
                for k, n in enumerate(best.form.numbers)
                for exact in (0, 1, -1)
                if abs(n.value - exact) <= DOUBT * max(n.slack, 1e-9 * abs(n.value)) or n == best.loose
            )
            for *_, exact, n in doubtful:
                expression = best.form.expression.xreplace({n.symbol: sp.Integer(exact)})
                if expression.has(sp.nan, sp.zoo, sp.oo) or not expression.free_symbols & set(d.symbols):
                    continue
                left = tuple(m for m in best.form.numbers if m.symbol != n.symbol and expression.has(m.symbol))
                with np.errstate(all="ignore"):
                    trial = least_squares(Form(expression, left, best.form.how), d.symbols, d.points, d.y, d.level)
                # one number less explains one value less
                slack = (DOUBT * max(best.misfit, d.rounding)) ** 2 / len(d.y)
                if trial is not None and trial.misfit**2 <= max(best.misfit**2 + slack, d.rounding**2):
                    best = self._with_slack(trial)
                    break
            else:
                return best

    def cost(self, one: Suggestion) -> float:
        """Bits of the values, given the formula, and of the formula; what rounding leaves costs nothing."""
        d = self.data
        return len(d.y) * math.log2(max(one.rms, 5 * d.rounding, d.noise or 0.0) / d.size) + one.bits

    @property
    def best(self) -> Suggestion | None:
        """The best so far."""
        return self.found[0] if self.found else None

    @property
    def exact(self) -> bool:
        """Whether there is a formula that leaves nothing but rounding."""
        return bool(self.found) and min(s.rms for s in self.found) <= 5 * self.data.rounding


def _gathered(form: Form) -> Form:
    """The form with numbers that stand together as one: exp(c + f) is C exp(f), and C may be a constant that is known."""
    expression, numbers = gathered(form.expression, {n.symbol: n for n in form.numbers})
    return replace(form, expression=expression, numbers=numbers) if len(numbers) <= len(form.numbers) else form


def predictable(x: Array, residual: Array) -> float:  # (N, d), (N,)
    """By how many standard deviations polynomials, or nearest neighbours, predict a residual better than white noise."""
    from scipy.spatial import cKDTree  # late: slow to import

    n, d = x.shape
    lower, upper = x.min(0), x.max(0)
    z = reference(x, lower, np.where(upper > lower, upper, lower + 1))
    total = float(residual @ residual)
    if total == 0:
        return 0.0
    q = np.linalg.qr(table(z, terms((1.0,) * d, max(3, n // 8))))[0]
    explained = np.cumsum((q.T @ residual) ** 2)
    worst = 0.0
    for count in sorted({min(len(explained), c) for c in (d + 1, (d + 1) * (d + 2) // 2, 10, 20, 40, 80, n // 8)}):
        ratio = (explained[count - 1] / count) / (max(total - explained[count - 1], 1e-16 * total) / (n - count))
        worst = max(worst, (ratio - 1) / math.sqrt(2 / count * (1 + count / (n - count))) / (1 + 2 / math.sqrt(count)))
    near = cKDTree(z).query(z, k=2)[1][:, 1]
    both = near[near] == np.arange(n)  # pairs that are each other's nearest are counted once
    pairs = np.flatnonzero(~both | (np.arange(n) < near))
    products = residual[pairs] * residual[near[pairs]]
    spread = math.sqrt(float(np.sum(products**2)))
    return max(worst, float(products.sum()) / spread if spread > 0 else 0.0)
