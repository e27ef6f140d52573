"""A smooth function known at scattered points of several coordinates: a Chebyshev series by least squares.

How many terms the data bear is decided by generalised cross-validation (Golub, Heath & Wahba 1979), which needs no noise. Terms
are ordered by their total degree, so that one factorisation serves all lengths; a coordinate along which the function is richer
gets its degrees at a lower price. The series of a structure, such as f(x - y, z) or f(x) + g(y, z), is the same with other
coordinates: the structure is right if its series is no worse than that of a function of everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from kanpde.symbolic.sample import Array

MOST_TERMS = 420
"""Of a series: the factorisation of 1000 points takes 0.1 s."""
SHARE = 0.45
"""Terms over points at most: with more the series runs through the data and knows nothing between them."""
CONDITION = 1e-10
"""Smallest diagonal entry of R, relative to the largest, of a term that the points still determine."""
ROUNDING = 4e-16
PRICES = (0.5, 0.33, 2.0)
"""Tried of a degree of one coordinate, relative to the others; 2 for one along which the function is nearly straight."""
ROUNDS = 2
"""Of all coordinates: the prices of the others have changed since."""
GAIN = 0.8
"""What a change of prices must make of the error to be kept."""

Indices = np.ndarray[Any, np.dtype[np.int64]]


@lru_cache(maxsize=256)
def terms(prices: tuple[float, ...], most: int) -> Indices:  # (d,) -> (K, d)
    """The multi-indices of the lowest total degree at the given prices, low ones first, at most ``most``."""
    cost = np.asarray(prices, dtype=float)
    highest = 1.0
    while True:
        found = np.array(_below(prices, highest), dtype=np.int64)
        if len(found) >= most or highest > 200:
            break
        highest *= 1.2
    order = np.lexsort((*found.T, (found**2) @ cost, np.round(found @ cost, 9)))
    return np.asarray(found[order][:most])


def _below(prices: tuple[float, ...], cost: float) -> list[tuple[int, ...]]:
    """All multi-indices of at most this cost."""
    if not prices:
        return [()]
    first, *rest = prices
    return [(k, *more) for k in range(int(cost / first + 1e-9) + 1) for more in _below(tuple(rest), cost - k * first)]


@dataclass(frozen=True)
class Series:
    """A function as a Chebyshev series on a box, fitted to scattered values.

    ``error`` is its root mean square error between the data by cross-validation, noise included; ``noise`` what it leaves at the
    data, corrected for the number of its terms; ``own`` the part of the error that is the series' own, at the data.
    """

    lower: Array  # (d,)
    upper: Array  # (d,)
    indices: Indices  # (K, d)
    coefficients: Array  # (K,)
    error: float
    noise: float
    own: float
    prices: tuple[float, ...]

    def __call__(self, x: Array) -> Array:  # (N, d) -> (N,)
        """The values at points of the box."""
        return table(reference(x, self.lower, self.upper), self.indices) @ self.coefficients

    def on_grid(self, nodes: Sequence[Array]) -> Array:  # (n_i,) each -> (n_1, ..., n_d)
        """The values on a tensor grid."""
        top = self.indices.max(0)
        dense: Array = np.zeros(tuple(top + 1))
        dense[tuple(self.indices.T)] = self.coefficients
        for i, one in enumerate(nodes):
            z = (2 * one - self.lower[i] - self.upper[i]) / (self.upper[i] - self.lower[i])
            dense = np.moveaxis(np.tensordot(chebyshev.chebvander(z, int(top[i])), np.moveaxis(dense, i, 0), (1, 0)), 0, i)
        return dense


def reference(x: Array, lower: Array, upper: Array) -> Array:  # (N, d)
    """Points of a box mapped to [-1, 1]."""
    return (2 * x - lower - upper) / (upper - lower)


def table(z: Array, indices: Indices) -> Array:  # (N, d), (K, d) -> (N, K)
    """Products of Chebyshev polynomials at points of [-1, 1]^d."""
    result = np.ones((len(z), len(indices)))
    for i in range(z.shape[1]):
        if indices[:, i].any():
            result *= chebyshev.chebvander(z[:, i], int(indices[:, i].max()))[:, indices[:, i]]
    return result


def fit_series(x: Array, y: Array, prices: Sequence[float] | None = None, most: int = MOST_TERMS) -> Series:  # (N, d), (N,)
    """The series that cross-validation likes best, at given prices of degrees."""
    lower, upper = x.min(0), x.max(0)
    upper = np.where(upper > lower, upper, lower + 1.0)
    prices = tuple(prices or (1.0,) * x.shape[1])
    indices = terms(prices, min(most, max(4, int(SHARE * len(x)))))
    best, coefficients, error, noise, own = solve(table(reference(x, lower, upper), indices), y)
    return Series(lower, upper, indices[:best], coefficients, error, noise, own, prices)


def solve(columns: Array, y: Array) -> tuple[int, Array, float, float, float]:  # (N, K), (N,)
    """Least squares by the first columns, as many as cross-validation likes: count, coefficients, error, noise, own error."""
    n = len(y)
    q, r = np.linalg.qr(columns[:, : max(1, 2 * n // 3)])
    diagonal = np.abs(np.diag(r))
    most = max(1, int(np.argmin(np.append(diagonal > CONDITION * diagonal.max(), False))))
    parts = (q.T @ y)[:most]
    rest = y - q[:, :most] @ parts
    left = float(rest @ rest) + np.append(np.cumsum(parts[::-1] ** 2)[::-1], 0.0)  # (most + 1,)
    floor = (ROUNDING * float(np.abs(y).max(initial=0.0))) ** 2 * n
    counts = np.arange(most + 1)
    score = (left + floor) / (n - counts) ** 2
    best = max(1, int(np.argmin(score)))
    noise = float(np.sqrt((left[best] + floor) / (n - best)))
    error = float(np.sqrt(n * score[best]))
    coefficients = np.linalg.solve(r[:best, :best], parts[:best])
    return best, np.asarray(coefficients), error, noise, noise * float(np.sqrt(best / n))


def adapted(x: Array, y: Array) -> Series:
    """The series with prices of the coordinates' degrees that suit the function."""
    best = fit_series(x, y)
    floor = 30 * ROUNDING * float(np.abs(y).max(initial=0.0))
    if x.shape[1] == 1:
        return best
    for _ in range(ROUNDS):
        before = best.error
        for i in range(x.shape[1]):
            if best.error <= floor:
                return best
            for factor in PRICES:
                prices = list(best.prices)
                prices[i] *= factor
                trial = fit_series(x, y, prices)
                if trial.error < GAIN * best.error:
                    best = trial
        if best.error > GAIN * before:
            break
    return best
