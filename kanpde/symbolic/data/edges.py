"""Formulas of curves: what an edge of a network, or a column of measurements, may be; and how much of that may be said.

Three steps that a toolbox for data can call one by one: ``suggest`` proposes forms that agree with the data within their noise,
cheapest in bits first; ``snap`` puts exact constants where the data are accurate enough to tell them from others; ``prove`` says
what is known. A good R^2 is no agreement: a form is accepted only if what it leaves over is the noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.results.types import Formula
from kanpde.symbolic.budget import Budget, Stopwatch
from kanpde.symbolic.curves.fit import bits
from kanpde.symbolic.curves.least_squares import refine_numbers, rms
from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.data.constants import Constants
from kanpde.symbolic.data.resample import MARGIN, Resampled, resample
from kanpde.symbolic.form import Array, Form, Number, number
from kanpde.symbolic.view import View

DOUBT = 3.0
"""A constant may be off by this many standard deviations of the number it stands for."""
EARNED = 5.0
"""Bits that a number must have beyond those of its constant: one accident in 32."""
LEVELS = (1.0, 0.4)
"""Parts of the resampled values' worst error that the search is told: a smooth error is nowhere as bad as the worst."""
PLAIN = 12.0
"""A form of so few bits is not looked beyond: exp(c x) has 9, sin(c x) 10."""
UNDETERMINED = 3e-6
"""Smallest singular value of the Jacobian with columns of length one below which a direction of the numbers changes nothing; its
difference quotients are good to 1e-6."""
SHORT = 9
"""Coefficients of a series that may be a polynomial."""

Points = Sequence[Array]
"""One array a coordinate, (N,) each."""


@dataclass(frozen=True)
class Suggestion:
    """A form that agrees with data: ``expression`` in ``symbols`` with open ``numbers``, of which each has a value and a slack.

    ``rms`` is the misfit on the data, ``noise`` what it is judged by, ``bits`` the cost of writing the form down, ``how`` where
    it comes from. Calling it evaluates it.
    """

    expression: sp.Expr
    symbols: tuple[sp.Symbol, ...]
    numbers: tuple[Number, ...]
    rms: float
    noise: float
    bits: float
    how: str
    points: tuple[Array, ...] = field(repr=False, compare=False)
    values: Array = field(repr=False, compare=False)

    @property
    def form(self) -> Form:
        """The same as a form, for the rest of the search."""
        return Form(self.expression, self.numbers, self.how)

    @property
    def at_values(self) -> sp.Expr:
        """The expression with the open numbers as floats."""
        return self.form.at_values

    def __call__(self, *points: Any) -> Array:
        """The values at points, one array a coordinate."""
        return self.form.values(self.symbols, [np.asarray(p, dtype=float) for p in points])


def suggest(
    x: Any, y: Any, noise: float | None = None, seconds: float = 10.0, name: str = "x", most: int = 5
) -> list[Suggestion]:  # (N,), (N,)
    """Forms of one variable that agree with the data, cheapest in bits first; empty if there are none.

    ``noise`` is the root mean square of the error in ``y``; None estimates it from the data, which must then be smooth between
    their points.
    """
    x, y = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    data, budget, s = resample(x, y, noise), Budget(seconds), symbol(name)
    found: list[Suggestion] = []
    for form in chain(_polynomial(data, s), *(_proposed(data, level, s, budget) for level in LEVELS)):
        one = fit(form, (s,), (x,), y, data.noise, data.limit)
        if one is not None:
            found.append(one)
        enough = len(found) > most or bool(found and min(s.bits for s in found) <= PLAIN)
        if enough or not budget.left:
            break
    return _distinct(sorted(found, key=lambda s: s.bits))[:most]


def _proposed(data: Resampled, level: float, s: sp.Symbol, budget: Budget) -> Iterator[Form]:
    """What the search for functions of one variable finds in the resampled values."""
    samples = replace(data.samples, sigma=level * data.samples.sigma)
    return univariate(View((s,), samples, budget))


def _polynomial(data: Resampled, s: sp.Symbol) -> Iterator[Form]:
    """The polynomial of the lowest degree that agrees with the data, without the powers that they do not need."""
    axis, values = data.samples.axes[0], data.samples.values
    degrees = range(min(SHORT, data.coefficients))
    series = (np.polynomial.polynomial.Polynomial.fit(axis.nodes, values, k) for k in degrees)
    close = max(data.limit**2 - data.noise**2, data.samples.sigma**2) ** 0.5
    best = next((p for p in series if rms(p(axis.nodes) - values) <= close), None)
    if best is None:
        return
    powers = np.asarray(best.convert().coef, dtype=np.float64)
    reach = max(abs(axis.lower), abs(axis.upper))
    largest = float(np.abs(powers * reach ** np.arange(len(powers))).max())
    kept = [k for k, c in enumerate(powers) if abs(c) * reach**k > max(3 * data.samples.sigma, 1e-13 * largest)]
    numbers = [number(float(powers[k])) for k in kept]
    yield Form(sp.Add(*(n.symbol * s**k for n, k in zip(numbers, kept, strict=True))), tuple(numbers), "polynomial")


def _distinct(found: list[Suggestion]) -> list[Suggestion]:
    """The suggestions without those that are the same function in dearer words, outside of the data as well."""
    kept: list[tuple[Suggestion, Array]] = []
    for one in found:
        (x,) = one.points
        wide = np.linspace(float(x.min()) - np.ptp(x) / 4, float(x.max()) + np.ptp(x) / 4, 101)
        values = one(wide)
        same = (np.abs(values - other) <= 10 * one.noise + 1e-9 * np.abs(other) for _, other in kept)
        if not any((near | ~np.isfinite(values)).all() for near in same):
            kept.append((one, values))
    return [one for one, _ in kept]


def fit(
    form: Form, symbols: Sequence[sp.Symbol], points: Points, values: Array, noise: float, limit: float | None = None
) -> Suggestion | None:
    """The form with its numbers refined on data, and their slack for white noise; None if it leaves more than the noise."""
    found = least_squares(form, symbols, points, values, noise)
    if found is None or found.misfit > (allowed(noise, len(values)) if limit is None else limit):
        return None
    better = found.form
    return Suggestion(
        better.expression, tuple(symbols), better.numbers, found.misfit, noise, bits(better), better.how, tuple(points), values
    )


def allowed(noise: float, count: int) -> float:
    """The largest misfit that ``count`` values with white noise are likely to leave: its square sigma^2 (1 + 3 sqrt(2/N))."""
    return noise * math.sqrt(1 + MARGIN * math.sqrt(2 / count))


@dataclass(frozen=True)
class Refined:
    """A form with its numbers refined, the root mean square that it leaves, and a number that others can make up for, if any."""

    form: Form
    misfit: float
    loose: Number | None = None


def least_squares(form: Form, symbols: Sequence[sp.Symbol], points: Points, values: Array, noise: float) -> Refined | None:
    """The numbers refined on the data, with their standard deviations for white noise as slack; None where nothing is defined."""
    names, start = [n.symbol for n in form.numbers], [n.value for n in form.numbers]
    found = refine_numbers(form.expression, symbols, names, start, points, values, 1e-2)
    if found is None:
        return None
    best, J, left = found
    if not names:
        return Refined(form, rms(left))
    sizes = np.maximum(np.linalg.norm(J, axis=0), 1e-300)
    _, singular, right = np.linalg.svd(J / sizes, full_matrices=False)
    off = np.maximum(noise * np.linalg.norm(right.T / np.maximum(singular, 1e-300), axis=1) / sizes, 1e-14 * np.abs(best))
    numbers = tuple(replace(n, value=float(v), slack=float(s)) for n, v, s in zip(form.numbers, best, off, strict=True))
    free = len(numbers) > 1 and singular[-1] <= UNDETERMINED * singular[0]
    loose = numbers[int(np.argmax(np.abs(right[-1])))] if free else None
    return Refined(replace(form, numbers=numbers), rms(left), loose)


def snap(
    found: Suggestion | sp.Expr,
    points: Points | None = None,
    values: Any = None,
    noise: float | None = None,
    letters: Mapping[sp.Symbol, sp.Expr] | None = None,
) -> Suggestion:
    """Exact constants in the place of numbers, as far as the data can tell them from others.

    A constant must be cheaper in bits than the number is accurate, and the form must agree with the data as before once the other
    numbers have moved to where they fit best. ``letters`` may occur in constants. For a sympy expression, whose floats are then
    its open numbers, give the data too: one array a coordinate in the order of the symbols' names, the values, and their noise.
    """
    if isinstance(found, sp.Expr):
        if points is None or values is None or noise is None:
            raise ValueError("an expression alone says nothing of its accuracy: give points, values and noise as well")
        found = _opened(found, tuple(np.asarray(p, dtype=float) for p in points), np.asarray(values, dtype=float), noise)
    constants = Constants(letters or {})
    best = _snapped(found, constants)
    for other in _with_phase(found) if best.numbers else ():
        snapped = _snapped(other, constants)
        best = snapped if len(snapped.numbers) < len(best.numbers) else best
    return best


def _with_phase(found: Suggestion) -> Iterator[Suggestion]:
    """a sin z + b cos z as c sin(z + p), in the place of every such pair."""
    values = {n.symbol: n for n in found.numbers}
    for sine in sorted(found.expression.atoms(sp.sin), key=str):
        z = sine.args[0]
        a, b = (found.expression.coeff(f) for f in (sine, sp.cos(z)))
        if a in values and b in values and a != b:
            size = number(math.hypot(values[a].value, values[b].value))
            phase = number(math.atan2(values[b].value, values[a].value))
            pair, whole = a * sine + b * sp.cos(z), size.symbol * sp.sin(z + phase.symbol)
            numbers = (*(n for n in found.numbers if n.symbol not in (a, b)), size, phase)
            expression = found.expression - pair + whole
            one = fit(Form(expression, numbers, found.how), found.symbols, found.points, found.values, found.noise)
            if one is not None:
                yield one


def _snapped(found: Suggestion, constants: Constants) -> Suggestion:
    """Constants one after the other, those first that say the least beyond what is known."""
    refused: set[sp.Symbol] = set()
    while True:
        choices: list[tuple[float, int, Number, sp.Expr]] = []
        for n in found.numbers:
            tolerance = max(DOUBT * n.slack, 1e-14 * abs(n.value), 1e-300)
            near = [] if n.symbol in refused else constants.candidates(n.value, tolerance)
            for candidate in near[:1]:
                spare = math.log2(max(abs(n.value) / tolerance, 1.0)) - candidate.cost
                if spare >= EARNED or candidate.expression == 0:
                    choices.append((-spare, len(choices), n, candidate.expression))
        if not choices:
            return found
        *_, n, constant = min(choices)
        snapped = _with_constant(found, n, constant, constants.letters)
        if snapped is None:
            refused.add(n.symbol)
        else:
            found = snapped


def _with_constant(found: Suggestion, n: Number, constant: sp.Expr, letters: Mapping[sp.Symbol, sp.Expr]) -> Suggestion | None:
    """The suggestion with one number exact and the others refitted; None if the data object."""
    expression = found.expression.xreplace({n.symbol: constant})
    if expression.has(sp.nan, sp.zoo, sp.oo):
        return None
    numbers = tuple(m for m in found.numbers if m.symbol != n.symbol and expression.has(m.symbol))
    form = Form(expression.xreplace(dict(letters)), numbers, found.how)
    refined = least_squares(form, found.symbols, found.points, found.values, found.noise)
    if refined is None:
        return None
    form, misfit = refined.form, refined.misfit
    count = len(found.values)
    # one number less explains one value less: the sum of squares may grow by what DOUBT deviations of it are worth
    limit = max(found.rms**2 + (DOUBT * found.noise) ** 2 / count, (1e-15 * rms(found.values)) ** 2)
    if misfit**2 > limit:
        return None
    return replace(found, expression=expression, numbers=form.numbers, rms=misfit, bits=bits(form))


def _opened(expression: sp.Expr, points: tuple[Array, ...], values: Array, noise: float) -> Suggestion:
    """An expression whose floats become open numbers."""
    floats = {f: number(float(f)) for f in sorted(expression.atoms(sp.Float), key=float)}
    opened = expression.xreplace({f: n.symbol for f, n in floats.items()})
    symbols = tuple(sorted(expression.free_symbols, key=str))
    found = fit(Form(opened, tuple(floats.values()), "given"), symbols, points, values, noise)
    if found is None:
        raise ValueError(f"'{expression}' does not agree with the data within their noise")
    return found


def prove(
    found: Mapping[str, Suggestion | Form | sp.Expr] | Suggestion, problem: Problem | None = None, seconds: float = 30.0
) -> Formula:
    """What may be said of forms: for a problem, the verdict of its equations; for data, "verified numerically" at most.

    For a problem give a form for each of its fields; numbers still open are determined by the equations. Without a problem a
    suggestion is "verified numerically" if it agrees with its data within their noise: measurements prove nothing.
    """
    if problem is None:
        if not isinstance(found, Suggestion):
            raise ValueError("without a problem there are only data to judge by: give a suggestion")
        good = found.rms <= allowed(found.noise, len(found.values))
        line = f"root mean square misfit {found.rms:.2e} on {len(found.values)} values with noise {found.noise:.2e}"
        names = tuple(s.name for s in found.symbols)
        return Formula("verified numerically" if good else "not found", {"y": found.at_values}, 0.0, (line,), coordinates=names)
    from kanpde.symbolic.settle import Court  # late: proofs bring the problem's whole machinery, data need none of it
    from kanpde.symbolic.worker import Worker

    if isinstance(found, Suggestion):
        found = {problem.fields[0].name: found}
    forms = {name: _as_form(one) for name, one in found.items()}
    budget, watch = Budget(seconds), Stopwatch()
    with Worker() as worker:
        court = Court(problem, worker, budget, watch, lambda functions: True)
        settled = court.settle(forms)
    how = "; ".join(dict.fromkeys(form.how for form in forms.values() if form.how))
    if settled is None:
        return Formula("not found", {}, budget.spent, tuple(court.transcript), dict(watch.stages)).named(problem)
    formula = Formula(settled.status, settled.functions, budget.spent, settled.transcript, dict(watch.stages), how)
    return formula.named(problem)


def _as_form(found: Suggestion | Form | sp.Expr) -> Form:
    if isinstance(found, Suggestion):
        return found.form
    return found if isinstance(found, Form) else Form(found)
