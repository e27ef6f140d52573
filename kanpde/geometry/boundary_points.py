"""Points on a boundary with outward normals and quadrature weights: composite Gauss-Legendre on every piece.

Intervals follow a spacing that may vary by orders of magnitude along one piece, as it does towards a corner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kanpde.geometry.curves import Segment
from kanpde.geometry.pieces import Piece

Spacing = Callable[[np.ndarray], np.ndarray]
"""(N, d) -> (N,): the wanted distance of neighbouring points, a length."""

EVEN = 257  # samples along a piece for its spacing, beside those that crowd towards its ends
CROWDED = np.geomspace(1e-13, 0.5 / EVEN, 120)


@dataclass(frozen=True, eq=False)
class BoundaryPoints:
    """Points with unit normals out of the domain; sum(weight * f(x)) is the integral of f over the boundary."""

    x: np.ndarray  # (N, d)
    normal: np.ndarray  # (N, d)
    weight: np.ndarray  # (N,) arc length or area
    piece: np.ndarray  # (N,) int

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.x)

    def kept(
        self,
        mask: np.ndarray,  # (N,) bool
    ) -> BoundaryPoints:
        """Those for which ``mask`` holds."""
        return BoundaryPoints(self.x[mask], self.normal[mask], self.weight[mask], self.piece[mask])


def breaks(piece: Piece, spacing: float | Spacing, gauss: int) -> np.ndarray:  # (n + 1,) from 0 to 1
    """Where to divide a piece so that ``gauss`` points an interval are about ``spacing`` apart; at least two intervals.

    A piece shorter than the spacing is one interval: outlines from files have thousands.
    """
    if not callable(spacing) and (isinstance(piece.curve, Segment) or piece.circle is not None):
        density = piece.length / (gauss * spacing)
        return np.linspace(0, 1, _intervals(density, gauss) + 1)
    s = np.concatenate([[0], CROWDED, np.linspace(0, 1, EVEN)[1:-1], 1 - CROWDED[::-1], [1]])
    middle = (s[1:] + s[:-1]) / 2
    wanted = spacing(piece.at(middle)) if callable(spacing) else np.full(len(middle), spacing)
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise ValueError("the spacing of points on the boundary must be positive")
    share = np.hypot(*piece.velocity(middle).T) * np.diff(s) / (gauss * wanted)
    total = np.concatenate([[0], np.cumsum(share)])
    count = _intervals(float(total[-1]), gauss)
    found = np.interp(np.linspace(0, total[-1], count + 1), total, s)
    found[0], found[-1] = 0, 1
    return np.asarray(found)


def _intervals(wanted: float, gauss: int) -> int:
    return 1 if wanted * gauss < 1 else max(2, int(np.ceil(wanted - 1e-9)))


def points_on(pieces: Sequence[Piece], spacing: float | Spacing, gauss: int) -> BoundaryPoints:
    """Gauss points on every piece."""
    if gauss < 1 or (not callable(spacing) and not spacing > 0):
        raise ValueError("the spacing of points on the boundary must be positive")
    nodes, weights = np.polynomial.legendre.leggauss(gauss)
    x, normal, weight, number = [], [], [], []
    for k, piece in enumerate(pieces):
        ends = breaks(piece, spacing, gauss)
        half = np.diff(ends)[:, None] / 2
        s = (ends[:-1, None] + half * (nodes + 1)).ravel()
        x.append(piece.at(s))
        normal.append(piece.normal(s))
        weight.append((half * weights).ravel() * np.hypot(*piece.velocity(s).T))
        number.append(np.full(len(s), k))
    return BoundaryPoints(np.vstack(x), np.vstack(normal), np.concatenate(weight), np.concatenate(number))
