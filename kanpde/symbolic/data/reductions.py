"""Coordinates that act together: u(x, y, z) = F(s(x, y), z) with s = x - y, x y, x^2 + y^2, x + k y, ...

A structure is right if the series of F is no worse than the series of u in all coordinates. With one coordinate less it has fewer
terms of the same degree, so that it is usually much better: with six coordinates and 1000 points it is the only way to see far.
Nothing is differentiated but for a first guess of k. In the spirit of AI Feynman 2.0 (Udrescu et al., NeurIPS 2020), without
their neural network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.data.judge import Scatter
from kanpde.symbolic.data.scattered import ROUNDING, SHARE, reference, solve, table, terms
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
half = sp.Rational(1, 2)
NEAR_HALF = 0.1
"""An exponent that the logarithm's series finds is a multiple of 1/2 if it is as near."""
POWERS = (sp.Rational(1), sp.Rational(2), *map(sp.Rational, (-1, -2, half, -half, 3, -3, 4, -4, 3 * half, -3 * half, 5, -5)))
"""Of a coordinate that is a factor."""
LARGEST_POWER = 6
NEAR_ZERO = 0.02
"""Part of the largest value below which a factor is not divided by."""
STEP = 1e-5
"""Of the differences that give derivatives of the series, over the width of the box."""


@dataclass(frozen=True)
class Reduction:
    """The function in fewer coordinates: the new scatter, what its symbols stand for, and the error of its series.

    ``factor`` is what the new function is to be multiplied with.
    """

    data: Scatter
    meaning: dict[sp.Symbol, sp.Expr]
    numbers: tuple[Number, ...]
    error: float  # in the units of u
    how: str
    factor: sp.Expr = sp.S.One


@dataclass(frozen=True)
class Target:
    """What the series of structures are fitted to: u, or log |u| where that is simpler, weighted so that errors are of u."""

    values: Array  # (N,)
    weight: Array  # (N,)
    logarithm: bool
    whole: float  # error of the series in all coordinates

    def error(self, x: Array, more: Array | None = None) -> tuple[float, float]:  # (N, d), (N,)
        """Error of the series in these coordinates, with one more column; and that column's coefficient."""
        lower, upper = x.min(0), x.max(0)
        upper = np.where(upper > lower, upper, lower + 1.0)
        most = min(TERMS, max(4, int(SHARE * len(x))))
        columns = table(reference(x, lower, upper), terms((1.0,) * x.shape[1], most))
        if more is not None:
            columns = np.concatenate([more[:, None], columns], 1)
        _, coefficients, error, _, _ = solve(columns * self.weight[:, None], self.values)
        return error, float(coefficients[0])


def target(data: Scatter) -> Target:
    """u itself, or its logarithm if u has one sign and the logarithm the better series: products are sums then."""
    plain = Target(data.y, np.ones(len(data.y)), False, 0.0)
    found = [replace(plain, whole=plain.error(data.x)[0])]
    if (data.y > 0).all() or (data.y < 0).all():
        size = np.abs(data.y)
        logarithm = Target(np.log(size) * size, size, True, 0.0)
        found.append(replace(logarithm, whole=logarithm.error(data.x)[0]))
    return min(found, key=lambda t: t.whole)


def needed(data: Scatter) -> Scatter:
    """The function of those coordinates only that it depends on."""
    while len(data.symbols) > 1:
        aim = target(data)
        trials = [(aim.error(np.delete(data.x, i, 1))[0], i) for i in range(len(data.symbols))]
        error, i = min(trials)
        if error > NEEDLESS * aim.whole:
            break
        data = Scatter(data.symbols[:i] + data.symbols[i + 1 :], np.delete(data.x, i, 1), data.y, data.noise)
    return data


def factored(data: Scatter) -> Reduction | None:
    """u = x^k F(the others): the coordinate and the power that give the best series; None if none does."""
    d = len(data.symbols)
    if d < 2:
        return None
    aim = target(data)
    floor = 100 * ROUNDING * data.size
    allowed = max(WORSE * aim.whole, floor)
    found: list[tuple[float, int, sp.Rational]] = []
    for i in range(d):
        rest, size = np.delete(data.x, i, 1), np.abs(data.x[:, i])
        if aim.logarithm and (data.x[:, i] > 0).all():
            error, exponent = aim.error(rest, np.log(size))
            k = sp.Rational(round(2 * exponent), 2)
            if error <= allowed and k != 0 and abs(k) <= LARGEST_POWER and abs(float(k) - exponent) < NEAR_HALF:
                found.append((max(error, floor), i, k))
            continue
        away = size.min() >= NEAR_ZERO * size.max()
        whole_powers = [k for k in POWERS if k.is_integer and (k > 0 or away)]
        for k in POWERS if away and (data.x[:, i] > 0).all() else whole_powers:
            scale = data.x[:, i] ** float(k)
            error = replace(aim, values=data.y, weight=scale).error(rest)[0]
            if error <= allowed:
                found.append((max(error, floor), i, k))
    if not found:
        return None
    error, i, k = min(found, key=lambda f: (f[0], f[1]))
    power = data.x[:, i] ** float(k)
    good = np.abs(power) >= NEAR_ZERO * np.abs(power).max()
    noise = None if data.noise is None else data.noise / float(np.sqrt(np.mean(power[good] ** 2)))
    names = data.symbols[:i] + data.symbols[i + 1 :]
    child = Scatter(names, np.delete(data.x, i, 1)[good], (data.y / np.where(good, power, 1.0))[good], noise)
    return Reduction(child, {}, (), error, f"a multiple of {_shown(data.symbols[i] ** k)}", data.symbols[i] ** k)


def reductions(data: Scatter, budget: Budget) -> list[Reduction]:
    """Structures with one coordinate less, the best first."""
    d = len(data.symbols)
    if d < 2:
        return []
    aim = target(data)
    floor = 100 * ROUNDING * data.size
    allowed = max(WORSE * aim.whole, floor)
    found: list[Reduction] = []
    for search in (_named, _open, _covariant):  # with numbers in s only if nothing simpler is found
        for i, j in combinations(range(d), 2):
            if budget.left:
                found += [r for r in search(data, i, j, aim) if r.error <= allowed]
        if found and (d > SCANNED or search is _open):
            break
    return sorted(found, key=lambda r: (max(r.error, floor), len(r.numbers)))


def _named(data: Scatter, i: int, j: int, aim: Target) -> Iterator[Reduction]:
    """Differences, products and the like of two coordinates."""
    x, y = data.symbols[i], data.symbols[j]
    away = [bool((c > 0).all() or (c < 0).all()) for c in (data.x[:, i], data.x[:, j])]
    combined = [x - y, x + y, x * y, x**2 + y**2, x**2 - y**2, x**2 * y, x * y**2]
    combined += [x / y] if away[1] else [y / x] if away[0] else []
    for s in combined:
        yield _reduced(data, i, j, s, (), f"a function of {_shown(s)}", aim)


def _open(data: Scatter, i: int, j: int, aim: Target) -> Iterator[Reduction]:
    """x + k y and x y^k."""
    a, b = data.x[:, i], data.x[:, j]
    p, q = _slopes(data, i), _slopes(data, j)
    if len(data.symbols) <= SCANNED or _aligned(p, q):
        yield _line(data, i, j, float(p @ q) / max(float(p @ p), 1e-300), aim)
    if (a > 0).all() and (b > 0).all() and _aligned(a * p, b * q):
        yield _powers(data, i, j, float((a * p) @ (b * q) / (a * p @ (a * p))), aim)


def _covariant(data: Scatter, i: int, j: int, aim: Target) -> Iterator[Reduction]:
    """u = x^k F(x y) or x^k F(x / y): what the units of a physical formula make of two coordinates."""
    a, b = data.x[:, i], data.x[:, j]
    if not aim.logarithm or not ((a > 0).all() and (b > 0).all()) or len(data.symbols) == 2:
        return
    for s in (data.symbols[i] / data.symbols[j], data.symbols[i] * data.symbols[j]):
        plain = _reduced(data, i, j, s, (), "", aim)
        error, exponent = aim.error(plain.data.x, np.log(a))
        k = sp.Rational(round(2 * exponent), 2)
        if k != 0 and abs(k) <= LARGEST_POWER and abs(float(k) - exponent) < NEAR_HALF:
            scale = a ** float(k)
            noise = None if data.noise is None else data.noise / float(np.sqrt(np.mean(scale**2)))
            child = Scatter(plain.data.symbols, plain.data.x, data.y / scale, noise)
            power = data.symbols[i] ** k
            yield Reduction(child, plain.meaning, (), error, f"{_shown(power)} times a function of {_shown(s)}", power)


def _aligned(p: Array, q: Array) -> bool:
    return float(abs(p @ q)) > ALIGNED * max(float(np.linalg.norm(p) * np.linalg.norm(q)), 1e-300)


def _reduced(data: Scatter, i: int, j: int, s: sp.Expr, numbers: tuple[Number, ...], how: str, aim: Target) -> Reduction:
    """The scatter with s in the place of coordinate i and without j."""
    symbol = sp.Dummy("s", real=True)
    values = _evaluated(data, s, numbers)
    x = np.delete(data.x, j, 1)
    place = i - (j < i)
    x[:, place] = values
    names = [n for k, n in enumerate(data.symbols) if k != j]
    names[place] = symbol
    error = aim.error(x)[0]
    return Reduction(Scatter(tuple(names), x, data.y, data.noise), {symbol: s}, numbers, error, how)


def _evaluated(data: Scatter, s: sp.Expr, numbers: tuple[Number, ...]) -> Array:
    put = s.xreplace({n.symbol: sp.Float(n.value, 17) for n in numbers})
    return np.asarray(compiled(put, data.symbols)(*data.points), dtype=float)


def _shown(s: sp.Expr) -> str:
    return str(s).replace("**", "^")


def _slopes(data: Scatter, i: int) -> Array:  # (N,)
    """A derivative of the series at the data, by central differences."""
    series = data.series
    step = np.zeros(data.x.shape[1])
    step[i] = STEP * float(series.upper[i] - series.lower[i])
    return (series(data.x + step) - series(data.x - step)) / (2 * step[i])


def _line(data: Scatter, i: int, j: int, k: float, aim: Target) -> Reduction:
    """s = x + k y with the k that gives the best series."""

    def error(k: float) -> float:
        x = np.delete(data.x, j, 1)
        x[:, i - (j < i)] = data.x[:, i] + k * data.x[:, j]
        return aim.error(x)[0]

    width = 0.1 * abs(k) + 0.01
    if len(data.symbols) <= SCANNED:
        ratio = float(np.ptp(data.x[:, i]) / np.ptp(data.x[:, j]))
        angles = (np.arange(ANGLES) + 0.5) / ANGLES * np.pi
        k = min([k, *(ratio * np.tan(angles)).tolist()], key=error)
        width = (ratio + k * k / ratio) * np.pi / ANGLES  # to the next angle
    n = number(_best(error, k, width))
    return _reduced(data, i, j, data.symbols[i] + n.symbol * data.symbols[j], (n,), "a function of a linear combination", aim)


def _powers(data: Scatter, i: int, j: int, k: float, aim: Target) -> Reduction:
    """s = x y^k with the k that gives the best series."""
    sign = 1 if data.x[0, j] > 0 else -1

    def error(k: float) -> float:
        x = np.delete(data.x, j, 1)
        x[:, i - (j < i)] = data.x[:, i] * np.abs(data.x[:, j]) ** k
        return aim.error(x)[0]

    n = number(_best(error, k, 0.1 * abs(k) + 0.01))
    s = data.symbols[i] * (sign * data.symbols[j]) ** n.symbol
    return _reduced(data, i, j, s, (n,), "a function of a product of powers", aim)


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
