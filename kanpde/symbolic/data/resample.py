"""Values at arbitrary points of a line as samples on Chebyshev nodes: a least-squares series, and what its values are worth.

How many coefficients the data bear is decided by generalised cross-validation (Golub, Heath & Wahba 1979), which needs no noise;
what is left over is the noise. At the nodes the series is off by the noise times the norm of the map from data to nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from kanpde.symbolic.sample import NODES, Array, Axis, Samples

MOST_COEFFICIENTS = 120
CONDITION = 1e-8
"""Smallest diagonal entry of R, relative to the largest: beyond it equispaced points no longer determine a coefficient."""
ROUNDING = 4e-16
"""Noise below this part of the largest value is rounding."""
AMPLIFIED = 100.0
"""A series whose values at the nodes are off by more than this many times the noise says nothing there."""

MARGIN = 3.0
"""Standard deviations by which a sum of squares of white noise may exceed its expectation."""
RIM = 0.01
"""Part of the interval at either end where the series is not asked: data are on one side there, and it is off by much more."""


@dataclass(frozen=True)
class Resampled:
    """The samples, the noise of the data themselves (root mean square), and how many coefficients they bear.

    ``limit`` is the misfit that the right form is unlikely to exceed: white noise outside of the series' coefficients is left by
    any form, and within them at most K + 3 sqrt(2 K) of its squares. A stated noise is taken as it is.
    """

    samples: Samples
    noise: float
    coefficients: int
    limit: float


def resample(x: Array, y: Array, noise: float | None = None) -> Resampled:  # (N,), (N,)
    """The data on Chebyshev nodes of nearly the whole interval that holds them; raises ValueError for fewer than eight points."""
    order = np.argsort(x, kind="stable")
    x, y = np.asarray(x, dtype=float)[order], np.asarray(y, dtype=float)[order]
    if x.shape != y.shape or x.ndim != 1 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x and y are finite numbers, one y for each x")
    if len(np.unique(x)) < 8:
        raise ValueError("at least eight different points are needed to suggest a formula")
    axis = Axis(float(x[0]), float(x[-1]), NODES[1])
    inner = Axis(axis.lower + RIM * axis.width, axis.upper - RIM * axis.width, NODES[1])
    most = min(MOST_COEFFICIENTS, len(np.unique(x)) // 2)
    table = chebyshev.chebvander(axis.reference(x), most - 1)  # (N, K)
    q, r = np.linalg.qr(table)
    diagonal = np.abs(np.diag(r))
    most = max(4, int(np.argmin(np.append(diagonal > CONDITION * diagonal.max(), False))))
    q, r = q[:, :most], r[:most, :most]
    parts = q.T @ y
    outside = float(np.sum((y - q @ parts) ** 2))
    left = outside + np.append(np.cumsum(parts[::-1] ** 2)[::-1], 0.0)  # (K + 1,) squares left after k coefficients
    counts = np.arange(most + 1)
    floor = (ROUNDING * np.abs(y).max(initial=0.0)) ** 2 * len(x)
    score = (left + floor) / (len(x) - counts) ** 2
    best = int(np.argmin(score))
    found = float(np.sqrt(max(left[best], floor) / max(1, len(x) - best)))
    sigma = found if noise is None else max(noise, float(np.sqrt(floor / len(x))))
    while best > 1:
        nodes = chebyshev.chebvander(axis.reference(inner.nodes), best - 1)
        amplified = float(np.sqrt(np.mean(np.sum(np.linalg.solve(r[:best, :best].T, nodes.T) ** 2, axis=0))))
        if amplified <= AMPLIFIED:
            break
        best -= 1
    else:
        nodes, amplified = np.ones((inner.n, 1)), 1.0
    best = max(best, 1)
    values = np.asarray(nodes @ np.linalg.solve(r[:best, :best], parts[:best]), dtype=np.float64)
    reached = found <= 2 * sigma if noise is not None else best < most
    cut = float(np.sqrt(left[best] / (len(x) - best)))  # more than the noise if fewer coefficients were taken
    off = max(sigma * amplified, cut if cut > 1.5 * sigma else 0.0, ROUNDING * float(np.abs(y).max(initial=0.0)))
    share = best + MARGIN * float(np.sqrt(2 * best)) if noise is None else MARGIN * float(np.sqrt(2 * len(x)))
    limit = sigma * float(np.sqrt(1 + share / len(x)))
    return Resampled(Samples((inner,), values, off, bool(reached)), sigma, best, limit)
