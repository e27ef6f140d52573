"""Two solitons: u = K (log tau)_xx with tau = 1 + e^p + e^q + A e^(p + q), p and q linear in the coordinates (Hirota 1971).

On one line, tau times some exponential is exp of the double integral of u/K: a sum of four exponentials whose rates are those of
a parallelogram, 0, k1, k2, k1 + k2 (and a shift). The rates are found as modes, in a window where no exponential drowns the
others; phases on further lines give the speeds. K comes from the equation: 12 b/a from a u u_x and b u_xxx.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem
from kanpde.symbolic.curves.basis import Exponential
from kanpde.symbolic.curves.least_squares import refine
from kanpde.symbolic.curves.modes import modal_bases
from kanpde.symbolic.form import Form, number
from kanpde.symbolic.rungs.lines import integral
from kanpde.symbolic.rungs.logarithmic import along, coefficient_of, scaled, times, value_of
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.sample import Array, Axis
from kanpde.symbolic.view import View

GUESSES = (2, -2, 12, -12)
"""K where no equation gives it: u_t + 6 u u_x + u_xxx and u_t + u u_x + u_xxx, and both with the other sign."""
WINDOWS = tuple(
    (c - w / 2, c + w / 2) for w, count in ((1.0, 1), (0.6, 3), (0.36, 5)) for c in np.linspace(w / 2, 1 - w / 2, count)
)
"""Parts of the line on which tau is looked at."""
STARTS = (0.5, 0.15, 0.85)
"""Lines on which the search begins: where solitons overlap, four exponentials look like two."""
DYNAMIC = 14.0
"""Logarithm of the largest over the smallest tau in a window: beyond, the noise of the largest hides the others."""
CLOSE = 0.1
"""How far, relative to the largest rate, four rates may be from a parallelogram before they are refined on the values."""
FAR = 0.3
"""A first guess must leave less of the values than this."""
LINES = 10
"""Lines to each side of the middle on which phases are followed."""


def tau_functions(view: View) -> Iterator[Form]:
    """Forms u = K (log tau)_xx with one or two solitons, the coordinate and K tried in turn."""
    for axis, x in enumerate(view.symbols):
        for K in _factors(view.problem, x):
            if not view.budget.left:
                return
            divided = scaled(view, K)
            if divided.values.min() < -3 * divided.sigma:
                continue  # (log tau)_xx is a variance
            form = _solitons(divided, axis)
            if form is not None:
                yield replace(times(form, K, view.problem), how=f"{K} (log tau)_{x}{x}, {form.how}")
                return


def _factors(problem: Problem | None, x: sp.Symbol) -> list[sp.Expr]:
    """What K can be: from a u u_x + b u_xxx, or from a u u_xx + b u_xxxx (Boussinesq, Kadomtsev and Petviashvili)."""
    if problem is None:
        return [sp.Integer(k) for k in GUESSES]
    found = []
    for residual in problem.equations:
        for orders in along(problem, residual.jets, x).values():
            for low, high in ((1, 3), (2, 4)):
                if {0, low, high} <= orders.keys():
                    a = coefficient_of(residual.expression, orders[0] * orders[low])
                    b = coefficient_of(residual.expression, orders[high])
                    if a != 0 and b != 0:
                        found.append(12 * b / a)
    return [K for K in dict.fromkeys(found) if np.isfinite(value_of(problem, K))]


def _solitons(view: View, axis: int) -> Form | None:
    """The form of u with K = 1; None if there is none."""
    lines = np.moveaxis(view.values, axis, -1)
    others = [i for i in range(len(view.symbols)) if i != axis]
    for part in STARTS if others else STARTS[:1]:
        at = tuple(int(part * len(view.nodes[i])) for i in others)
        start = _on_line(lines[at], view.samples.axes[axis], view.sigma)
        speeds = None if start is None else _speeds(view, lines, others, at, start, view.nodes[axis])
        form = None if start is None or speeds is None else _form(view, axis, others, at, start, speeds)
        if form is not None or not view.budget.left:
            return form
    return None


def _speeds(
    view: View, lines: Array, others: list[int], at: tuple[int, ...], start: Array, x: Array
) -> Array | None:  # (others, solitons)
    """How fast the phases change with each other coordinate, from lines near the first; None where they cannot be followed."""
    speeds = []
    for place, i in enumerate(others):
        followed = {}
        for sign in (1, -1):
            before, last = start, start
            for step in range(1, LINES + 1):
                j = at[place] + sign * step
                if not 0 <= j < len(view.nodes[i]):
                    break
                guess = 2 * last - before if step > 1 else last
                found = _refined(lines[(*at[:place], j, *at[place + 1 :])], x, guess)
                if found is None or _left(lines[(*at[:place], j, *at[place + 1 :])], x, found) > 10 * view.sigma:
                    break
                before, last = last, found
                followed[j] = found
        if len(followed) < 2:
            return None
        z = view.nodes[i][sorted(followed)] - view.nodes[i][at[place]]
        phases = np.stack([_phases(followed[j]) for j in sorted(followed)]) - _phases(start)  # (lines, solitons)
        speeds.append((phases.T @ z) / (z @ z))  # (solitons,)
    return np.array(speeds)


def _phases(theta: Array) -> Array:
    return theta[: len(theta) // 2 * 2][1::2]


def _form(view: View, axis: int, others: list[int], at: tuple[int, ...], start: Array, speeds: Array) -> Form | None:
    """The expression with its numbers fitted to all values."""
    x = view.symbols[axis]
    numbers = []
    exponents: list[sp.Expr] = []
    terms: list[sp.Expr] = []
    for k in range(len(start) // 2):
        rate, phase = number(start[2 * k], name="k"), start[2 * k + 1]
        exponent = rate.symbol * x
        numbers.append(rate)
        for place, i in enumerate(others):
            speed = number(speeds[place, k], name="w")
            exponent += speed.symbol * view.symbols[i]
            numbers.append(speed)
            phase -= speed.value * view.nodes[i][at[place]]
        amplitude = number(float(np.exp(phase)), name="C")
        numbers.append(amplitude)
        exponents.append(exponent)
        terms.append(amplitude.symbol * sp.exp(exponent))
    tau = 1 + sp.Add(*terms)
    if len(start) == 5:
        coupling = number(float(np.exp(start[-1])), name="A")
        numbers.append(coupling)
        tau += coupling.symbol * sp.powsimp(sp.Mul(*terms), combine="exp")
    slope = sp.diff(tau, x)
    expression = sp.diff(tau, x, 2) / tau - slope**2 / tau**2
    name = "two solitons" if len(exponents) == 2 else "one soliton"
    return refit(Form(expression, tuple(numbers), name), view)


def _on_line(u: Array, axis: Axis, sigma: float) -> Array | None:
    """Rates, phases and the logarithm of A on one line: (k1, d1, k2, d2, log A); None without solitons.

    Of one soliton there are only k and d; without log A, A is zero (three solitons that meet in a Y).
    """
    peaks = _peaks(u, axis.nodes)
    found = None if peaks is None else _refined(u, axis.nodes, peaks)
    if found is not None and _left(u, axis.nodes, found) <= 10 * sigma:
        return found
    unresolved = float(np.abs(axis.coefficients(u)[-axis.n // 10 :]).max())
    logs = integral(axis, 2) @ u
    series = axis.coefficients(logs)
    for lower, upper in WINDOWS:
        window = Axis(axis.lower + lower * axis.width, axis.lower + upper * axis.width, axis.n)
        z = window.nodes
        part = axis.evaluate(series, z)
        part = part - np.polyval(np.polyfit(z[[0, -1]], part[[0, -1]], 1), z)
        if not 1e-3 < np.ptp(part) <= DYNAMIC:
            continue
        theta = np.exp(part - part.max())
        for base, order in product(sorted({sigma, max(sigma, unresolved)}), (4, 3, 2)):
            basis = next(
                modal_bases(theta[:, None], window, max(base * (axis.width / 2) ** 2 / 4, 1e-15), range(order, order + 1)), None
            )
            if basis is None or basis.chart.name != "x":
                continue
            columns = [c for c in basis.columns if isinstance(c, Exponential) and c.frequency is None and not c.power]
            if len(columns) < len(basis.columns):
                continue
            start = _parallelogram(basis.values(z), theta, basis.theta, [c.rate for c in columns])
            found = None if start is None else _refined(u, axis.nodes, start)
            if found is not None and _left(u, axis.nodes, found) <= 10 * sigma:
                return found
    return None


def _peaks(u: Array, x: Array) -> Array | None:
    """Numbers of solitons far from each other: each is k^2/4 high, and the right one is shifted by A."""
    inner = np.flatnonzero((u[1:-1] > u[:-2]) & (u[1:-1] >= u[2:]) & (u[1:-1] > 1e-3 * u.max())) + 1
    if not 1 <= len(inner) <= 2:
        return None
    rates = 2 * np.sqrt(u[inner])
    phases = -rates * x[inner]
    if len(inner) == 1:
        return np.array([rates[0], phases[0]])
    if abs(rates[0] - rates[1]) < 1e-3 * rates.sum():
        return None
    coupling = 2 * np.log(abs(rates[0] - rates[1]) / rates.sum())
    phases[1] -= coupling
    first, second = (0, 1) if rates[0] > rates[1] else (1, 0)
    return np.array([rates[first], phases[first], rates[second], phases[second], coupling])


def _parallelogram(columns: Array, theta: Array, numbers: tuple[float, ...], places: list[int | None]) -> Array | None:
    """The soliton's numbers from the modes of theta; None where the rates or the signs are others."""
    sizes = np.linalg.norm(columns, axis=0)
    c = np.linalg.lstsq(columns / sizes, theta, rcond=1e-14)[0] / sizes
    rates = np.array([0.0 if place is None else numbers[place] for place in places])
    order = np.argsort(rates)
    rates, c = rates[order], c[order]
    if not (c > 0).all() or len(rates) < 2:
        return None
    if len(rates) < 4:
        return np.array([n for k in range(len(rates) - 1, 0, -1) for n in (rates[k] - rates[0], np.log(c[k] / c[0]))])
    if abs(rates[0] + rates[3] - rates[1] - rates[2]) > CLOSE * np.ptp(rates):
        return None
    logs = np.log(c / c[0])
    return np.array([rates[2] - rates[0], logs[2], rates[1] - rates[0], logs[1], logs[3] - logs[1] - logs[2]])


def _model(x: Array, theta: Array) -> Array:
    """(log tau)_xx, with the largest exponential taken out: the variance of the rates under the weights e^phase."""
    solitons = len(theta) // 2
    rates, phases = theta[: 2 * solitons : 2], theta[1 : 2 * solitons : 2]
    if len(theta) % 2:
        rates, phases = np.append(rates, rates.sum()), np.append(phases, phases.sum() + theta[-1])
    rates, phases = np.array([0.0, *rates]), np.array([0.0, *phases])
    exponents = rates[:, None] * x + phases[:, None]  # (2 to 4, n)
    weights = np.exp(exponents - exponents.max(0))
    weights /= weights.sum(0)
    mean = rates @ weights
    return np.asarray(((rates[:, None] - mean) ** 2 * weights).sum(0))


def _refined(u: Array, x: Array, start: Array) -> Array | None:
    """The numbers moved to fit the values of one line; None if the guess is far off."""
    if _left(u, x, start) > FAR * float(np.sqrt(np.mean(u**2))):
        return None
    return refine(lambda theta: _model(x, theta) - u, start, np.maximum(np.abs(start), 0.1))[0]


def _left(u: Array, x: Array, theta: Array) -> float:
    """The root mean square that the model leaves."""
    return float(np.sqrt(np.mean((_model(x, theta) - u) ** 2)))
