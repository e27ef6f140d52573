"""One solution of lap(u) + q u = f, whatever its boundary values: a polynomial found on the box around the shape.

Chebyshev coefficients of u and f; the equation for all coefficients of f leaves those of u undetermined that conditions on the
boundary would fix, and the smallest ones are taken. No boundary value problem is solved: the corners of the box leave no trace.
For a polynomial f and q = 0 it is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev as ch
from scipy.linalg import qr, solve_triangular

from kanpde.errors import UnsupportedProblem
from kanpde.reference.pieces import chebyshev_table

DEGREES = (2, 4, 8, 14, 22, 32, 44)
LEAST = 1e-8
"""The residual, relative to max|f|, above which f does not count as smooth."""


@dataclass(frozen=True, eq=False)
class Particular:
    """sum c_ij T_i(x) T_j(y) on a box, and how far it is from the equation: max|lap(u) + q u - f|, on points of the shape."""

    bounds: np.ndarray  # (2, 2)
    coefficients: np.ndarray  # (n + 1, n + 1)
    residual: float = 0.0

    def __call__(self, points: np.ndarray, index: tuple[int, int] = (0, 0)) -> np.ndarray:  # (N, 2) -> (N,)
        """The value or a partial derivative."""
        left, right = (_table(points[:, i], self.bounds[i], self.coefficients.shape[i] - 1, index[i]) for i in range(2))
        return np.asarray(((left @ self.coefficients) * right).sum(axis=1))


def particular(
    f: Callable[[np.ndarray], np.ndarray],  # (N, 2) -> (N,)
    q: float,
    bounds: np.ndarray,  # (2, 2)
    inside: np.ndarray,  # (N, 2): points of the shape
) -> Particular:
    """A smooth solution of lap(u) + q u = f. Raises UnsupportedProblem where f is not smooth in the shape."""
    truth = f(inside)
    size = float(np.abs(truth).max())
    best: Particular | None = None
    if size == 0:
        return Particular(bounds, np.zeros((1, 1)))
    for degree in DEGREES:
        coefficients = _smallest(f, q, bounds, degree)
        if coefficients is None:
            break
        found = Particular(bounds, coefficients)
        lap = found(inside, (2, 0)) + found(inside, (0, 2)) + q * found(inside)
        residual = float(np.abs(lap - truth).max())
        if best is None or residual < best.residual:
            best = Particular(bounds, coefficients, residual)
        if residual <= size * (3e-14 + 1e-15 * degree**3):  # second derivatives of a polynomial carry more round-off than it
            return best
    if best is None or best.residual > LEAST * size:
        raise UnsupportedProblem("the right side of the equation is not smooth")
    return best


def _table(x: np.ndarray, interval: np.ndarray, degree: int, order: int) -> np.ndarray:  # (N,) -> (N, degree + 1)
    half = (interval[1] - interval[0]) / 2
    if order > degree:
        return np.zeros((len(x), degree + 1))
    return chebyshev_table((x - interval[0]) / half - 1, degree, order) / half**order


def _smallest(f: Callable[[np.ndarray], np.ndarray], q: float, bounds: np.ndarray, degree: int) -> np.ndarray | None:
    """Coefficients of total degree ``degree`` and least size, or None where f is infinite in the box.

    The Laplace operator maps total degree n onto total degree n - 2; what is left of the solution is harmonic.
    """
    n = degree + 1
    xi = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    half = (bounds[:, 1] - bounds[:, 0]) / 2
    x, y = (bounds[i].mean() + half[i] * xi for i in range(2))
    with np.errstate(all="ignore"):
        values = f(np.stack([g.ravel() for g in np.meshgrid(x, y, indexing="ij")], axis=1)).reshape(n, n)
    if not np.isfinite(values).all():
        return None
    to_coefficients = np.linalg.inv(ch.chebvander(xi, degree))
    right = to_coefficients @ values @ to_coefficients.T
    total = np.add.outer(np.arange(n), np.arange(n)).ravel()
    order = np.argsort(total, kind="stable")
    mine, rows = order[total[order] <= degree], order[total[order] <= degree - 2]
    same, second = np.eye(n), np.zeros((n, n))
    second[: n - 2] = ch.chebder(np.eye(n), 2)
    i, j = (np.unravel_index(mine, (n, n))[k] for k in range(2))
    k, m = (np.unravel_index(rows, (n, n))[k] for k in range(2))
    a = second[np.ix_(k, i)] * same[np.ix_(m, j)] / half[0] ** 2 + same[np.ix_(k, i)] * second[np.ix_(m, j)] / half[1] ** 2
    a += q * same[np.ix_(k, i)] * same[np.ix_(m, j)]  # (rows, mine)
    weight = 2.0 ** total[mine]  # high degrees are dear: q u has them too, and no equation
    orthogonal, triangle = qr((a / weight).T, mode="economic", check_finite=False)
    c = np.zeros(n * n)
    c[mine] = orthogonal @ solve_triangular(triangle, right.ravel()[rows], trans="T", check_finite=False) / weight
    return c.reshape(n, n)
