"""Scales by evidence: those under which the values that were measured are most likely, before any coefficient is determined.

Unlike an error on few points that were held back it sees every point, and it does not reward a lucky fit. Minimised coordinate by
coordinate in logarithms; the size of the function is eliminated exactly. Source: Rasmussen & Williams (2006), eq. 2.30 and 5.8.
"""

from __future__ import annotations

from math import log, prod

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from scipy.linalg import cho_solve, cholesky

from kanpde.learn.choice.prior import FAMILIES, factor, size_for
from kanpde.learn.choice.types import Array, Prior

MOST_POINTS = 500  # of which the evidence is computed; its cost grows with the cube
NOISE_LEAST = 1e-13  # round-off: below it no Cholesky decomposition succeeds
STARTS = (1e-12, 1e-5, 1e-2)  # noise at which the search for scales begins
STEPS = (1.7, 1.3)  # factors by which a scale is tried larger and smaller
SCALES = (0.02, 12.0)  # bounds: finer than the points can tell, and as good as constant


class _Evidence:
    """The evidence on given points, with the covariance of each coordinate kept while others change."""

    def __init__(self, x: Array, y: Array, family: str) -> None:  # (N, d), (N, m)
        self.y, self.family, self.size = y, family, size_for(x.shape[1], len(x))
        self.vandermonde = [chebvander(column, self.size - 1) for column in x.T]
        self.kept: dict[tuple[int, float], Array] = {}

    def covariance(self, axis: int, scale: float) -> Array:  # (N, N)
        key = axis, scale
        if key not in self.kept:
            if len(self.kept) > 4 * len(self.vandermonde):
                self.kept.pop(next(iter(self.kept)))
            features = self.vandermonde[axis] @ factor(self.family, scale, self.size)
            self.kept[key] = features @ features.T
        return self.kept[key]

    def badness(self, scales: tuple[float, ...], noise: float) -> float:
        """Minus the logarithm of the evidence, up to a constant; infinite where round-off spoils it."""
        covariance = prod((self.covariance(i, s) for i, s in enumerate(scales)), start=np.ones(()))
        size = float(np.trace(covariance)) / len(covariance)
        try:
            root = cholesky(covariance + noise * size * np.eye(len(covariance)), lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return np.inf
        spread = np.einsum("nm,nm->m", self.y, cho_solve((root, True), self.y, check_finite=False))
        if not (spread > 0).all():
            return np.inf
        n, m = self.y.shape
        return float(n / 2 * np.log(spread).sum() + m * np.log(np.diag(root)).sum())


def likely(x: Array, y: Array, family: str, sweeps: int = 2) -> Prior:  # (N, d) in [-1, 1], (N, m) without mean
    """The scales and the noise of a family that make the values most likely."""
    step, d = max(1, -(-len(x) // MOST_POINTS)), x.shape[1]
    spread = y.std(0)
    varying = spread > np.finfo(float).eps * spread.max(initial=0.0)
    if not varying.any():
        return Prior(family, (SCALES[1],) * d, NOISE_LEAST, 0.0)
    evidence = _Evidence(x[::step], y[::step, varying] / spread[varying], family)
    scales, noise, best = (1.0,) * d, STARTS[-1], np.inf
    for start in STARTS:
        for scale in FAMILIES[family]:
            value = evidence.badness((scale,) * d, start)
            if value < best:
                scales, noise, best = (scale,) * d, start, value
    for factor_of_step in STEPS[:sweeps]:
        for axis in range(d):
            for sign in (1, -1):
                while True:
                    trial = scales[axis] * factor_of_step**sign
                    moved = (*scales[:axis], trial, *scales[axis + 1 :])
                    value = evidence.badness(moved, noise) if SCALES[0] < trial < SCALES[1] else np.inf
                    if not value < best - 1e-3 * abs(log(factor_of_step)):
                        break
                    scales, best = moved, value
        for sign in (1, -1):
            while True:
                trial = noise * 10.0**sign
                value = evidence.badness(scales, trial) if NOISE_LEAST <= trial < 10 else np.inf
                if not value < best:
                    break
                noise, best = trial, value
    units = len(evidence.y) * float(np.log(spread[varying]).sum())  # the density is that of the values in their own units
    return Prior(family, scales, noise, best + units)
