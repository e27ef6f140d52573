"""Piecewise polynomials in one coordinate: Chebyshev series on intervals that are halved where the series decays too slowly.

One polynomial on the whole interval would need thousands of terms for the shock of Burgers' equation (pole at distance
0.01); halving towards it needs a dozen intervals. The unknowns are Chebyshev coefficients, so that the decay of the series,
by which intervals are chosen, is there for free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev as ch
from scipy import sparse

DEEPEST = 2.0**-26
"""No interval is halved below this part of the domain: a kink is then 1e-8 wide, which is what round-off leaves to resolve."""


def chebyshev_table(xi: np.ndarray, degree: int, order: int = 0) -> np.ndarray:  # (N,) -> (N, degree + 1)
    """The derivative of the given order of T_0 ... T_degree at xi in [-1, 1]."""
    table = np.eye(degree + 1)
    derived = (
        ch.chebder(table, order) if order else table
    )  # (degree + 1 - order, degree + 1): coefficients of each T_k's derivative
    return ch.chebvander(xi, derived.shape[0] - 1) @ derived


@lru_cache(maxsize=64)
def lobatto(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev points of the second kind (degree + 1,), increasing, and the matrix from values there to coefficients."""
    xi = -np.cos(np.pi * np.arange(degree + 1) / degree)
    xi[degree // 2] = 0.0 if degree % 2 == 0 else xi[degree // 2]
    return xi, np.linalg.inv(ch.chebvander(xi, degree))


@lru_cache(maxsize=256)
def gauss_table(degree: int, points: int, order: int) -> np.ndarray:  # (points, degree + 1)
    """``chebyshev_table`` at the Gauss-Legendre points."""
    return chebyshev_table(np.polynomial.legendre.leggauss(points)[0], degree, order)


@dataclass(frozen=True)
class Pieces:
    """Intervals ``breaks`` (K + 1,), increasing, each with a polynomial of ``degree``; coefficients are (..., K, degree + 1)."""

    breaks: np.ndarray
    degree: int

    @property
    def count(self) -> int:
        """The number of intervals K."""
        return len(self.breaks) - 1

    @property
    def size(self) -> int:
        """The number of coefficients, K (degree + 1)."""
        return self.count * (self.degree + 1)

    @property
    def half(self) -> np.ndarray:  # (K,)
        """Half of each interval's length: dx / dxi."""
        return np.diff(self.breaks) / 2

    def gauss(self, points: int, more: int = 0, first: bool = False) -> np.ndarray:  # (K * points + more,)
        """Gauss-Legendre points of every interval, where collocation converges fastest (de Boor & Swartz 1973).

        The last interval, or the first, has ``more`` of them.
        """
        middle = (self.breaks[:-1] + self.breaks[1:]) / 2
        parts = [
            m + h * np.polynomial.legendre.leggauss(n)[0]
            for m, h, n in zip(middle, self.half, self._counts(points, more, first), strict=True)
        ]
        return np.concatenate(parts)

    def at_gauss(
        self, points: int, order: int, more: int = 0, first: bool = False
    ) -> sparse.csr_matrix:  # (K * points + more, size)
        """Coefficients to the derivative of the given order at the Gauss points."""
        counts = self._counts(points, more, first)
        parts = [gauss_table(self.degree, n, order) / h**order for n, h in zip(counts, self.half, strict=True)]
        return sparse.block_diag(parts, format="csr")

    def _counts(self, points: int, more: int, first: bool) -> list[int]:
        same = [points] * (self.count - 1)
        return [points + more, *same] if first else [*same, points + more]

    def at_end(self, side: int, order: int) -> sparse.csr_matrix:  # (1, size)
        """Coefficients to the derivative of the given order at the lower (-1) or upper (+1) end of the domain."""
        piece = 0 if side < 0 else self.count - 1
        row = sparse.lil_matrix((1, self.size))
        first = piece * (self.degree + 1)
        row[0, first : first + self.degree + 1] = (
            chebyshev_table(np.array([float(side)]), self.degree, order) / self.half[piece] ** order
        )
        return row.tocsr()

    def continuity(self, order: int, periodic: bool) -> sparse.csr_matrix:  # (order * joints, size)
        """Jumps of the derivatives 0 ... order - 1 between neighbours, scaled by the length; across the seam too if periodic."""
        n = self.degree + 1
        rows = [chebyshev_table(np.array([-1.0, 1.0]), self.degree, q) for q in range(order)]
        joints = [(i, i + 1) for i in range(self.count - 1)] + ([(self.count - 1, 0)] if periodic else [])
        matrix = sparse.lil_matrix((order * len(joints), self.size))
        for j, (left, right) in enumerate(joints):
            scale = min(self.half[left], self.half[right])
            for q in range(order):
                r = j * order + q
                for piece, sign, end in ((left, 1.0, 1), (right, -1.0, 0)):
                    matrix[r, piece * n : piece * n + n] = (
                        matrix[r, piece * n : piece * n + n].toarray() + sign * rows[q][end] * (scale / self.half[piece]) ** q
                    )
        return matrix.tocsr()

    def locate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (N,) -> (N,), (N,)
        """The interval that each point lies in, and its place there in [-1, 1]."""
        piece = np.clip(np.searchsorted(self.breaks, x, side="right") - 1, 0, self.count - 1)
        middle = (self.breaks[:-1] + self.breaks[1:]) / 2
        return piece, np.clip((x - middle[piece]) / self.half[piece], -1.0, 1.0)

    def sample(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:  # (K, degree + 1)
        """Coefficients that interpolate a function at the Chebyshev points of every interval."""
        xi, to_coefficients = lobatto(self.degree)
        middle = (self.breaks[:-1] + self.breaks[1:]) / 2
        x = middle[:, None] + self.half[:, None] * xi
        x[:, 0], x[:, -1] = self.breaks[:-1], self.breaks[1:]
        return function(x.ravel()).reshape(x.shape) @ to_coefficients.T

    def tails(self, coefficients: np.ndarray) -> np.ndarray:  # (..., K, degree + 1) -> (..., K)
        """What the series of each interval leaves out, judged by its last three coefficients."""
        return np.abs(coefficients[..., -3:]).max(axis=-1)

    def divided(self, which: np.ndarray, parts: int = 2) -> Pieces:  # (K,) bool
        """The same domain with some intervals cut into equal parts."""
        cuts = self.breaks[:-1][which, None] + 2 * self.half[which, None] * np.arange(1, parts) / parts
        return Pieces(np.sort(np.concatenate([self.breaks, cuts.ravel()])), self.degree)

    def transfer(self, coefficients: np.ndarray, other: Pieces) -> np.ndarray:  # (K, degree + 1) -> (K', degree + 1)
        """The coefficients of the same function on other pieces; exact (to round-off) where ``other`` only divides."""
        middle = (other.breaks[:-1] + other.breaks[1:]) / 2
        origin = np.clip(np.searchsorted(self.breaks, middle, side="right") - 1, 0, self.count - 1)  # (K',)
        xi, to_coefficients = lobatto(other.degree)
        x = middle[:, None] + other.half[:, None] * xi  # (K', degree + 1)
        centre = (self.breaks[:-1] + self.breaks[1:]) / 2
        local = np.clip((x - centre[origin][:, None]) / self.half[origin][:, None], -1.0, 1.0)
        values = np.einsum("ijk,ik->ij", ch.chebvander(local, self.degree), coefficients[origin])
        return values @ to_coefficients.T


def resolve(
    function: Callable[[np.ndarray], np.ndarray],
    pieces: Pieces,
    tolerance: float,  # relative to the function's maximum
    deepest: float = DEEPEST,  # no interval is divided below this part of the domain
    parts: int = 2,
) -> Pieces:
    """Pieces on which a function is resolved to ``tolerance``, by dividing those given."""
    while True:
        coefficients = pieces.sample(function)  # (K, degree + 1)
        scale = max(float(np.abs(coefficients).max()), np.finfo(float).tiny)
        length = pieces.breaks[-1] - pieces.breaks[0]
        coarse = (pieces.tails(coefficients) > tolerance * scale) & (pieces.half > deepest * length)
        if not coarse.any():
            return pieces
        pieces = pieces.divided(coarse, parts)
