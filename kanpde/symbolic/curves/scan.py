"""One library function at every scale and shift at once: c F(a z + b) + d + e x, with a prefactor, in every chart.

Variable projection eliminates c, d and e; the rest, (a, b), starts from a grid, and the best starts of all charts and prefactors
move together, as one batch of small Levenberg-Marquardt problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.basis import CHARTS, Chart
from kanpde.symbolic.curves.fit import Curve, fitted, open_number
from kanpde.symbolic.curves.library import ENTRIES, LARGEST, Entry
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Array

POINTS = 48
"""Values that the scan looks at; the fit afterwards looks at all of them."""
SCALES = (0.3, 0.7, 1.2, 2.0, 3.2, 5.0, 8.0, 13.0, 20.0, 32.0)
"""Times the interval's width: from nearly straight to ten waves."""
OFFSETS = (-1.5, -1.0, -0.7, -0.5, -0.3, -0.15, 0.0, 0.15, 0.3, 0.5, 0.7, 1.0, 1.5)
GAPS = (0.0, 0.03, 0.1, 0.3, 0.7, 1.0, 2.0, 4.0)
"""Distance of a singular point from the interval, in widths, for functions without a scale."""
STARTS = 6
STEPS = 14
PROMISING = 1e-4
"""Part of the function left after the scan: what is far from a fit after so many steps never becomes one."""


@dataclass(frozen=True)
class Prefactor:
    """x^power in front of the library function."""

    power: float

    def expression(self, x: sp.Symbol) -> sp.Expr:
        return x ** sp.nsimplify(self.power) if self.power else sp.Integer(1)


PREFACTORS = {
    "x": (0.0, 1.0, -1.0),
    "x^2": (0.0, 1.0, -1.0),
    "sqrt x": (0.0, 0.5, -0.5),
    "log x": (0.0,),
    "1/x": (0.0, 1.0, -0.5),
}


@dataclass(frozen=True)
class Setting:
    """A chart and a prefactor."""

    chart: Chart
    prefactor: Prefactor


def scanned(curve: Curve, simple: bool = False) -> Iterator[Form]:
    """Forms c x^p F(a z + b) + d + e x that fit the curve; ``simple``: only z = x and no prefactor."""
    lower, upper = curve.axis.lower, curve.axis.upper
    settings = [
        Setting(chart, Prefactor(p))
        for chart in CHARTS.values()
        if chart.admits(lower, upper) and (chart.name == "x" or not simple)
        for p in PREFACTORS[chart.name]
        if (p == 0 or (not simple and (lower > 0 or (lower >= 0 and p > 0) or p == 1)))
    ]
    thin = curve.nodes[:: max(1, len(curve.nodes) // POINTS)]
    y = curve.values[:: max(1, len(curve.nodes) // POINTS)]
    background, _ = np.linalg.qr(np.stack([np.ones_like(thin), thin], 1))  # (n, 2)
    rest = y - background @ (background.T @ y)
    size = float(np.linalg.norm(rest))
    if size <= 10 * curve.sigma * np.sqrt(len(y)):
        return
    for entry in ENTRIES.values():
        if not curve.budget.left:
            return
        for outside, k, theta in _nearest(entry, settings, thin, background, rest / size):
            if outside <= max(PROMISING, 10 * curve.sigma * np.sqrt(len(y)) / size):
                form = _form(entry, settings[k], theta, curve)
                if form is not None:
                    yield form


def _nearest(entry: Entry, settings: list[Setting], x: Array, background: Array, rest: Array) -> list[tuple[float, int, Array]]:
    """The best (distance, setting, numbers) of a library function, one for each setting that comes near."""
    starts, which = _starts(entry, settings, x)
    z = np.stack([s.chart.forward(x) for s in settings])  # (settings, n)
    weight = np.stack([x**s.prefactor.power if s.prefactor.power else np.ones_like(x) for s in settings])
    evaluate = _distance(entry, z, weight, background, rest)
    far = np.linalg.norm(evaluate(starts, which), axis=1)
    chosen: list[int] = []
    for k in range(len(settings)):
        mine = np.flatnonzero((which == k) & (far < 0.9))
        chosen += [int(i) for i in mine[np.argsort(far[mine], kind="stable")][:STARTS]]
    if not chosen:
        return []
    theta, which = starts[chosen], which[chosen]
    if theta.shape[1]:
        theta = descended(lambda at: evaluate(at, which), theta)
    far = np.linalg.norm(evaluate(theta, which), axis=1)
    found = []
    for k in range(len(settings)):
        mine = np.flatnonzero((which == k) & np.isfinite(far))
        if len(mine):
            best = int(mine[np.argmin(far[mine])])
            found.append((float(far[best]), k, theta[best]))
    return found


def _starts(entry: Entry, settings: list[Setting], x: Array) -> tuple[Array, Array]:  # (B, q), (B,)
    """The grid of scales and shifts in every setting."""
    rows: list[list[float]] = []
    which: list[int] = []
    for k, setting in enumerate(settings):
        z = setting.chart.forward(x)
        lower, upper, width, centre = float(z.min()), float(z.max()), float(np.ptp(z)), float((z.min() + z.max()) / 2)
        if entry.scaled and entry.shifted:
            signs = (1,) if entry.mirrored else (1, -1)
            mine = [[s * a / width, -s * a / width * (centre + o * width)] for a in SCALES for s in signs for o in OFFSETS]
            mine += [[s * a / width, 0.0] for a in SCALES for s in signs]
        elif entry.scaled:
            reach = max(abs(lower), abs(upper))
            mine = [[a / reach] for a in (0.3, 0.6, 1.0, 1.5, 2.2, 3.2, 4.5, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 30.0)]
            mine += [] if entry.mirrored else [[-a] for (a,) in mine]
        else:
            mine = [[g * width - lower] for g in GAPS] + ([[0.0]] if lower >= 0 else [])
        rows += mine
        which += [k] * len(mine)
    return np.array(rows), np.array(which)


def _distance(
    entry: Entry, z: Array, weight: Array, background: Array, rest: Array
) -> Callable[[Array, Array], Array]:  # (B, q), (B,) -> (B, n)
    """What of the function lies outside the span of the background and the library function, row by row; 1 where undefined."""

    def evaluate(theta: Array, which: Array) -> Array:
        a = theta[:, :1] if entry.scaled else 1.0
        b = theta[:, -1:] if entry.shifted else 0.0
        with np.errstate(all="ignore"):
            raw = np.asarray(entry.numeric(a * z[which] + b), dtype=float) * weight[which]
            raw = np.where(np.abs(raw) < LARGEST, raw, np.nan)
            values = raw - (raw @ background) @ background.T
            sizes = np.linalg.norm(values, axis=1, keepdims=True)
            flat = ~(sizes > 1e-6 * np.linalg.norm(raw, axis=1, keepdims=True))  # rounding, not a function; or not finite
            values = np.where(flat, 0.0, values / np.where(flat, 1.0, sizes))
        values = np.where(np.isfinite(values), values, 0.0)
        return rest - (values @ rest)[:, None] * values

    return evaluate


def descended(residual: Callable[[Array], Array], theta: Array) -> Array:  # (B, q) -> (B, q)
    """Levenberg-Marquardt on every row at once."""
    theta = theta.copy()
    damping = np.full(len(theta), 1e-3)
    scale = np.maximum(np.abs(theta), 0.1)
    r = residual(theta)
    eye = np.eye(theta.shape[1])
    for _ in range(STEPS):
        h = 1e-6 * scale
        J = np.stack([(residual(theta + h * e) - r) / (h @ e)[:, None] for e in eye], 2)  # (B, n, q)
        normal = np.einsum("bni,bnj->bij", J, J)
        diagonal = np.maximum(np.einsum("bii->bi", normal), 1e-150)
        scaled = normal / np.sqrt(diagonal[:, :, None] * diagonal[:, None, :]) + damping[:, None, None] * eye
        gradient = np.einsum("bni,bn->bi", J, r) / np.sqrt(diagonal)
        step = -np.linalg.solve(scaled, gradient[:, :, None])[:, :, 0] / np.sqrt(diagonal)
        limit = np.maximum(np.abs(theta), scale)
        trial = theta + np.clip(step, -limit, limit)
        moved = residual(trial)
        better = np.einsum("bn,bn->b", moved, moved) < np.einsum("bn,bn->b", r, r)
        theta[better], r[better] = trial[better], moved[better]
        damping = np.where(better, np.maximum(damping / 10, 1e-13), np.minimum(damping * 5, 1e6))
    return theta


def _form(entry: Entry, setting: Setting, theta: Array, curve: Curve) -> Form | None:
    """The form with all its numbers open, refined on all values."""
    x = curve.symbol
    guesses: dict[sp.Dummy, float] = {}
    numbers = list(theta)
    if entry.mirrored and numbers[0] < 0:
        numbers = [-v for v in numbers]
    a = open_number(numbers[0], guesses, "a") if entry.scaled else sp.Integer(1)
    b = open_number(numbers[-1], guesses, "b") if entry.shifted else sp.Integer(0)
    shape = setting.prefactor.expression(x) * entry.expression(a * setting.chart.expression(x) + b)
    z = setting.chart.forward(curve.nodes)
    with np.errstate(all="ignore"):
        values = entry.numeric((numbers[0] if entry.scaled else 1.0) * z + (numbers[-1] if entry.shifted else 0.0))
        values = values * (curve.nodes**setting.prefactor.power if setting.prefactor.power else 1.0)
    if not np.isfinite(values).all():
        return None
    columns = np.stack([values, np.ones_like(z), curve.nodes], 1)
    c, d, e = np.linalg.lstsq(columns, curve.values, rcond=None)[0]
    expression = open_number(c, guesses) * shape + open_number(d, guesses) + open_number(e, guesses) * x
    name = entry.name + ("" if setting.chart.name == "x" else f" of {setting.chart.name}")
    return fitted(expression, guesses, curve, name)
