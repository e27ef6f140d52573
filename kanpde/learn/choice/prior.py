"""How rough a function may be along one coordinate, as weights on Chebyshev polynomials: what helps where points are few.

A family and a scale give a matrix L: the function along z in [-1, 1] is sum_m c_m T_m(z) with c = L w, where the entries of w are
independent and of size one. Columns of L come by decreasing size, so that the leading ones are what few points can determine.
Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), sections 2.1 (the view by weights) and 4.3.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kanpde.learn.choice.types import Array

FAMILIES = {
    "rates": (0.1, 0.25, 0.6, 1.2, 2.5),
    "gaussian": (0.2, 0.45, 1.0, 2.2, 5.0),
    "cauchy": (0.3, 0.7, 1.5, 3.0, 7.0),
}
"""The families and where the search for their scales begins, dimensionless (coordinates run from -1 to 1).

``rates``: c_m falls like exp(-scale m), functions analytic in an ellipse; ``gaussian``: entire functions, covariance
exp(-r^2 / 2), r = (z - z') / scale, alike everywhere; ``cauchy``: functions with poles at a distance, covariance 1 / (1 + r^2).
"""

SMALLEST = 1e-8  # of the largest column: an eigenvalue is its square, known to round-off


@lru_cache(maxsize=512)
def factor(family: str, scale: float, size: int) -> Array:  # (size, K')
    """The matrix L for polynomials of degree below ``size``."""
    if family == "rates":
        return np.diag(np.exp(-scale * np.arange(size)))
    z, weights = np.polynomial.legendre.leggauss(2 * size)
    r = (z[:, None] - z) / scale
    covariance = np.exp(-r * r / 2) if family == "gaussian" else 1 / (1 + r * r)
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(root[:, None] * covariance * root)
    kept = np.nonzero(values > SMALLEST**2 * values[-1])[0][::-1][:size]
    eigenfunctions = vectors[:, kept] / root[:, None] * np.sqrt(values[kept])  # at the nodes, each of its size
    return _interpolation(size) @ eigenfunctions


@lru_cache(maxsize=16)
def _interpolation(size: int) -> Array:  # (size, 2 size)
    """Values at Gauss's nodes -> Chebyshev coefficients of the nearest polynomial."""
    z, weights = np.polynomial.legendre.leggauss(2 * size)
    root = np.sqrt(weights)[:, None]
    return np.asarray(np.linalg.pinv(root * np.polynomial.chebyshev.chebvander(z, size - 1)) * root.T)


def size_for(dimension: int, points: int) -> int:
    """How many polynomials a coordinate has: enough that the prior, and not this number, limits what can be represented."""
    return max(4, min({1: 256, 2: 64, 3: 40}.get(dimension, 24), points))
