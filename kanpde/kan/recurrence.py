"""All B-splines of a grid at all points by Cox and de Boor's recurrence on whole rows: no index, no branch, any break points.

The recurrence starts from the hat functions of degree 1 and lets the first and the last interval reach to infinity, so the end
polynomials continue outside the grid. It does G / (k + 1) times the work of the local recurrence (``bspline.local_basis``), but
by vector instructions on contiguous memory. Source: de Boor, A Practical Guide to Splines (2001), chapter IX, eq. 14.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RecurrenceColumns:
    """B-splines of degree k >= 2 on any break points; their derivatives by those of degree k - 1."""

    breaks: Tensor  # (n_in, G + 1)
    degree: int
    knots: Tensor  # (G + 2k - 1, n_in, 1), the ends k-fold
    inverses: tuple[Tensor, ...]  # for p = 1..k, (G + p - 1, n_in, 1): one over the supports' lengths of degree p - 1

    @classmethod
    def of(cls, breaks: Tensor, degree: int) -> RecurrenceColumns:
        """On the grids ``breaks`` (n_in, G + 1)."""
        k, intervals = degree, breaks.shape[1] - 1
        places = torch.arange(1 - k, intervals + k, device=breaks.device).clamp(0, intervals)
        knots = breaks.T[places][..., None].contiguous()
        rows = [intervals + p - 1 for p in range(1, k + 1)]
        inverses = tuple(1 / (knots[k : k + n] - knots[k - p : k - p + n]) for p, n in enumerate(rows, 1))
        return cls(breaks, degree, knots, inverses)

    @property
    def count(self) -> int:
        """K = G + k."""
        return self.breaks.shape[1] - 1 + self.degree

    @property
    def slopes(self) -> int:
        """K - 1: splines of one degree less on the same grid."""
        return self.count - 1

    def weights(self, coefficients: Tensor) -> tuple[Tensor, Tensor | None]:
        """The coefficients."""
        return coefficients.permute(1, 2, 0), None

    def slope_weights(self, coefficients: Tensor) -> Tensor:
        """k times the differences (de Boor, eq. X.15); the lengths of the supports are in the functions."""
        return (coefficients.diff(dim=2) * self.degree).permute(1, 2, 0)

    def pull(self, weights: Tensor, constant: Tensor) -> Tensor:
        """The gradient as it is."""
        return weights.permute(2, 0, 1)

    def sweep(self, values: Tensor, derivatives: bool) -> _RecurrenceSweep:
        """One pass of the recurrence a chunk; the degree k - 1 is left over for the derivatives."""
        return _RecurrenceSweep(self, values)


class _RecurrenceSweep:
    def __init__(self, columns: RecurrenceColumns, values: Tensor) -> None:
        self.columns, self.values = columns, values
        self.distances = values.new_empty(columns.knots.shape[0], *values.shape[1:])
        self.rows = torch.empty_like(values), torch.empty_like(values)

    def fill(self, z: Tensor) -> None:
        k, inverses, distances = self.columns.degree, self.columns.inverses, self.distances
        intervals = self.columns.breaks.shape[1] - 1
        torch.sub(z, self.columns.knots, out=distances)
        # Where a point stands in each interval, cut to [0, 1] but for the outer sides of the first and the last.
        part = torch.mul(distances[k - 1 : k - 1 + intervals], inverses[0], out=self.rows[0][:intervals])
        if intervals > 1:
            part[0].clamp_(max=1)
            part[-1].clamp_(min=0)
            part[1:-1].clamp_(0, 1)
        row, free, other = self.rows[1][: intervals + 1], *self.rows  # the hat functions: differences of the parts
        torch.sub(1, part[0], out=row[0])
        torch.sub(part[:-1], part[1:], out=row[1:-1])
        row[-1].copy_(part[-1])
        for p in range(2, k + 1):
            n = len(row)
            row.mul_(inverses[p - 1])
            self.last = row
            higher = self.values if p == k else free[: n + 1]
            higher[0].zero_()
            torch.mul(distances[k - p : k - p + n], row, out=higher[1:])
            higher[:-1].addcmul_(distances[k : k + n], row, value=-1)
            row, free, other = higher, other, free

    def weigh(self, products: Tensor) -> None:
        products.mul_(self.last)
