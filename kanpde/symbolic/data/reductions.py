"""Coordinates that act together: u(x, y, z) = F(s(x, y), z) with s = x - y, x y, x^2 + y^2, x + k y, ...

A structure is right if the series of F is no worse than the series of u in all coordinates. With one coordinate less it has fewer
terms of the same degree, so that it is usually much better: with six coordinates and 1000 points it is the only way to see far.
Nothing is differentiated but for a first guess of k. In the spirit of AI Feynman 2.0 (Udrescu et al., NeurIPS 2020), without
their neural network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.data.judge import Scatter
from kanpde.symbolic.data.scattered import ROUNDING, Series, fit_series
from kanpde.symbolic.form import Array, Number, compiled, number

WORSE = 1.15
"""The series of a structure may be worse by so much: half of what noise and chance make of equal ones."""
TERMS = 250
"""Of the series that structures are compared by."""
ALIGNED = 0.85
"""Correlation of two partial derivatives from which s = x + k y is tried."""
SCANNED = 3
ANGLES = 24
"""With at most three coordinates k is looked for in all directions: derivatives of a poor series say nothing."""
NEEDLESS = 1.02
"""A coordinate is left out if the series without it is no worse than by so much."""
STEP = 1e-5
"""Of the differences that give derivatives of the series, over the width of the box."""


@dataclass(frozen=True)
class Reduction:
    """The function in fewer coordinates: the new scatter, what its symbols stand for, and the error of its series."""

    data: Scatter
    meaning: dict[sp.Symbol, sp.Expr]
    numbers: tuple[Number, ...]
    error: float
    how: str


def needed(data: Scatter) -> Scatter:
    """The function of those coordinates only that it depends on."""
    while len(data.symbols) > 1:
        whole = fit_series(data.x, data.y, most=TERMS)
        trials = []
        for i in range(len(data.symbols)):
            kept = np.delete(np.arange(len(data.symbols)), i)
            error = fit_series(data.x[:, kept], data.y, most=TERMS).error
            trials.append((error, i))
        error, i = min(trials)
        if error > NEEDLESS * whole.error:
            break
        data = Scatter(data.symbols[:i] + data.symbols[i + 1 :], np.delete(data.x, i, 1), data.y, data.noise)
    return data


def reductions(data: Scatter, budget: Budget) -> list[Reduction]:
    """Structures with one coordinate less, the best first."""
    d = len(data.symbols)
    if d < 2:
        return []
    whole = fit_series(data.x, data.y, most=TERMS)
    least = min(whole.error, data.series.error)
    floor = 100 * ROUNDING * data.size
    found = []
    slopes = _slopes(data, data.series)
    for i, j in combinations(range(d), 2):
        for reduction in _of_pair(data, i, j, slopes, budget):
            if not budget.left:
                break
            if reduction.error <= max(WORSE * least, floor):
                found.append(reduction)
    return sorted(found, key=lambda r: (max(r.error, floor), len(r.numbers)))


def _of_pair(data: Scatter, i: int, j: int, slopes: Array, budget: Budget) -> Iterator[Reduction]:
    x, y = data.symbols[i], data.symbols[j]
    a, b = data.x[:, i], data.x[:, j]
    away = [bool((c > 0).all() or (c < 0).all()) for c in (a, b)]
    combined = [x - y, x + y, x * y, x**2 + y**2, x**2 - y**2, x**2 * y, x * y**2]
    combined += [x / y] if away[1] else [y / x] if away[0] else []
    for s in combined:
        yield _reduced(data, i, j, s, (), f"a function of {_shown(s)}")
    p, q = slopes[:, i], slopes[:, j]
    if budget.left and (len(data.symbols) <= SCANNED or _aligned(p, q)):
        yield _line(data, i, j, float(p @ q / (p @ p)))
    if budget.left and all(away) and _aligned(a * p, b * q):
        yield _powers(data, i, j, float((a * p) @ (b * q) / (a * p @ (a * p))))


def _aligned(p: Array, q: Array) -> bool:
    return float(abs(p @ q)) > ALIGNED * max(float(np.linalg.norm(p) * np.linalg.norm(q)), 1e-300)


def _reduced(data: Scatter, i: int, j: int, s: sp.Expr, numbers: tuple[Number, ...], how: str) -> Reduction:
    """The scatter with s in the place of coordinate i and without j."""
    symbol = sp.Dummy("s", real=True)
    values = _evaluated(data, s, numbers)
    x = np.delete(data.x, j, 1)
    place = i - (j < i)
    x[:, place] = values
    names = [n for k, n in enumerate(data.symbols) if k != j]
    names[place] = symbol
    error = fit_series(x, data.y, most=TERMS).error
    return Reduction(Scatter(tuple(names), x, data.y, data.noise), {symbol: s}, numbers, error, how)


def _evaluated(data: Scatter, s: sp.Expr, numbers: tuple[Number, ...]) -> Array:
    put = s.xreplace({n.symbol: sp.Float(n.value, 17) for n in numbers})
    return np.asarray(compiled(put, data.symbols)(*data.points), dtype=float)


def _shown(s: sp.Expr) -> str:
    return str(s).replace("**", "^")


def _slopes(data: Scatter, series: Series) -> Array:  # (N, d)
    """Derivatives of the series at the data, by central differences."""
    width = series.upper - series.lower
    found = np.empty_like(data.x)
    for i in range(data.x.shape[1]):
        step = np.zeros(data.x.shape[1])
        step[i] = STEP * width[i]
        found[:, i] = (series(data.x + step) - series(data.x - step)) / (2 * step[i])
    return found


def _line(data: Scatter, i: int, j: int, k: float) -> Reduction:
    """s = x + k y with the k that gives the best series."""

    def error(k: float) -> float:
        x = np.delete(data.x, j, 1)
        x[:, i - (j < i)] = data.x[:, i] + k * data.x[:, j]
        return fit_series(x, data.y, most=TERMS).error

    width = 0.1 * abs(k) + 0.01
    if len(data.symbols) <= SCANNED:
        ratio = float(np.ptp(data.x[:, i]) / np.ptp(data.x[:, j]))
        angles = (np.arange(ANGLES) + 0.5) / ANGLES * np.pi
        k = min([k, *(ratio * np.tan(angles)).tolist()], key=error)
        width = (ratio + k * k / ratio) * np.pi / ANGLES  # to the next angle
    n = number(_best(error, k, width))
    return _reduced(data, i, j, data.symbols[i] + n.symbol * data.symbols[j], (n,), "a function of a linear combination")


def _powers(data: Scatter, i: int, j: int, k: float) -> Reduction:
    """s = x y^k with the k that gives the best series."""
    sign = 1 if data.x[0, j] > 0 else -1

    def error(k: float) -> float:
        x = np.delete(data.x, j, 1)
        x[:, i - (j < i)] = data.x[:, i] * np.abs(data.x[:, j]) ** k
        return fit_series(x, data.y, most=TERMS).error

    n = number(_best(error, k, 0.1 * abs(k) + 0.01))
    s = data.symbols[i] * (sign * data.symbols[j]) ** n.symbol
    return _reduced(data, i, j, s, (n,), "a function of a product of powers")


def _best(error: Callable[[float], float], k: float, width: float) -> float:
    """The minimum near a first guess, in ever smaller intervals around it: where the series ends the error is a sharp edge."""
    from scipy.optimize import minimize_scalar  # late: slow to import

    for shrink in (1.0, 1e-2, 1e-4):
        w = shrink * width
        k = float(minimize_scalar(error, bounds=(k - w, k + w), method="bounded", options={"xatol": 3e-3 * w, "maxiter": 20}).x)
    w = 1e-6 * width
    for _ in range(3):  # the error is |k - k*| times a constant now: its edge lies where two lines meet
        left, right = error(k - w), error(k + w)
        edge = k + w * (left - right) / (left + right)
        if error(edge) < error(k):
            k = edge
        w *= 1e-2
    return k
