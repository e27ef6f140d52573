"""A polynomial of several coordinates under a prior, by least squares: the leading products of the prior's columns as features.

Minimise |F w - y|^2 + lambda^2 |w|^2 by a singular value decomposition of F, which keeps the digits that F^T F would lose; lambda
is chosen on points that were held back. Linear, hence without starts, steps or luck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.chebyshev import chebvander

from kanpde.learn.choice.prior import factor, size_for
from kanpde.learn.choice.types import Array, Prior

MOST_FEATURES = 1200
PER_POINT = 1.25  # features for each point: the prior decides, so that there may be more than points
DAMPINGS = np.geomspace(1e-15, 1e1, 17)  # of the largest singular value
NEVER = 1e-40  # size of a column that no data can call for
CHUNK = 4096  # points whose features are held at once
DIRECT = 4 * CHUNK  # points beyond which they are reduced, chunk by chunk, to a triangle


@dataclass(frozen=True)
class Features:
    """The leading products of one column of each coordinate's matrix L: ``indices`` (p, d), ``factors`` L_i (K, K'_i)."""

    indices: np.ndarray  # (p, d) int
    factors: tuple[Array, ...]

    def __call__(self, x: Array) -> Array:  # (N, d) -> (N, p)
        """Their values at points of [-1, 1]^d."""
        result = np.ones((len(x), len(self.indices)))
        for column, matrix, index in zip(x.T, self.factors, self.indices.T, strict=True):
            result *= (chebvander(column, len(matrix) - 1) @ matrix)[:, index]
        return result

    def slopes(self, x: Array, axis: int) -> Array:  # (N, p)
        """Their derivatives along one coordinate."""
        result = np.ones((len(x), len(self.indices)))
        for i, (column, matrix, index) in enumerate(zip(x.T, self.factors, self.indices.T, strict=True)):
            held = np.polynomial.chebyshev.chebder(matrix, axis=0) if i == axis else matrix
            result *= (chebvander(column, len(held) - 1) @ held)[:, index]
        return result


@dataclass(frozen=True)
class Polynomial:
    """sum over p of weights (p, m) times features, plus ``mean`` (m,)."""

    features: Features
    weights: Array
    mean: Array

    def __call__(self, x: Array) -> Array:  # (N, d) -> (N, m)
        """Values at points of [-1, 1]^d."""
        return np.concatenate([self.features(part) @ self.weights for part in _parts(x)]) + self.mean


def features_for(prior: Prior, points: int) -> Features:
    """As many features as points can use, the largest under the prior first."""
    d = len(prior.scales)
    factors = tuple(factor(prior.family, scale, size_for(d, points)) for scale in prior.scales)
    sizes = [np.log(np.maximum(np.abs(f).max(0), NEVER)) for f in factors]
    return Features(_leading([s[0] - s for s in sizes], min(MOST_FEATURES, max(30, round(PER_POINT * points)))), factors)


def _leading(costs: list[Array], most: int) -> np.ndarray:  # (p, d)
    """The multi-indices of least total cost, at most ``most``; costs (K'_i,) begin with zero."""
    costs = [np.maximum.accumulate(c) for c in costs]

    def below(limit: float) -> list[tuple[int, ...]] | None:
        found: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
        for cost in costs:
            found = [((*head, k), spent + c) for head, spent in found for k, c in enumerate(cost[cost <= limit - spent].tolist())]
            if len(found) > most:
                return None
        return [index for index, _ in found]

    low, high, best = 0.0, 1.0 + sum(float(c[-1]) for c in costs), [(0,) * len(costs)]
    for _ in range(24):
        middle = (low + high) / 2
        found = below(middle)
        if found is None:
            high = middle
        else:
            low, best = middle, found
    return np.array(best)


class Solver:
    """The least squares problem of features at points, decomposed once for every damping: F = U S V^T."""

    def __init__(self, features: Features, x: Array, y: Array) -> None:  # (N, d), (N, m)
        self.features, self.mean = features, y.mean(0)
        f, right = _reduced(features, x, y - self.mean)
        self.u, self.s, self.vt = np.linalg.svd(f, full_matrices=False)
        self.right = self.u.T @ right  # (r, m)

    def weights(self, damping: float) -> Array:  # (p, m)
        """The minimiser for lambda = ``damping`` times the largest singular value."""
        shift = (damping * self.s[0]) ** 2
        return np.asarray(self.vt.T @ ((self.s / (self.s**2 + shift))[:, None] * self.right))

    def polynomial(self, damping: float) -> Polynomial:
        """The same as a function."""
        return Polynomial(self.features, self.weights(damping), self.mean)

    def choose(self, x: Array, y: Array, scale: Array) -> tuple[float, float]:
        """The damping with the least relative error on other points, and that error."""
        weights = np.stack([self.weights(d) for d in DAMPINGS])  # (D, p, m)
        squares, count = np.zeros(len(DAMPINGS)), 0
        for part in range(0, len(x), CHUNK):
            f = self.features(x[part : part + CHUNK])
            left = (f @ weights + self.mean - y[part : part + CHUNK]) / scale  # (D, n, m)
            squares += np.square(left).sum((1, 2))
            count += left[0].size
        best = int(np.argmin(squares))
        return float(DAMPINGS[best]), float(np.sqrt(squares[best] / max(count, 1)))


def _reduced(features: Features, x: Array, y: Array) -> tuple[Array, Array]:
    """Rows with the same normal equations: the features themselves, or a triangle for many points."""
    if len(x) <= DIRECT:
        return features(x), y
    stack = np.zeros((0, len(features.indices) + y.shape[1]))
    for start in range(0, len(x), CHUNK):
        rows = np.concatenate([features(x[start : start + CHUNK]), y[start : start + CHUNK]], 1)
        stack = np.asarray(np.linalg.qr(np.concatenate([stack, rows]), mode="r"))
    p = len(features.indices)
    return stack[:, :p], stack[:, p:]


def _parts(x: Array) -> list[Array]:
    return [x[start : start + CHUNK] for start in range(0, max(len(x), 1), CHUNK)]
