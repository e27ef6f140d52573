"""Splines on few intervals by truncated powers: one polynomial, and (z - t_j)_+^k for every inner break point t_j.

The fastest way to evaluate all edges of a layer: k + G - 1 functions and a constant instead of G + k, four vector operations for
most of them, and outside the grid the end polynomials continue by themselves. Powers grow with their distance from the break
point and then cancel, so they start from the middle interval, to either side, and are used while round-off is amplified little.
Source: Curry & Schoenberg's theorem in de Boor, A Practical Guide to Splines (2001), chapter VIII (the truncated power basis).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import torch
from torch import Tensor

from kanpde.kan.bspline import BSpline

LIMIT = 40.0
"""How much the powers may amplify round-off (the largest sum of their sizes for a B-spline of size one). Five equal intervals of
degree 3 have 26, and the result in single precision is off by 6e-7 of its size where B-splines are by 4e-7; six have 61."""


@dataclass(frozen=True)
class PowerColumns:
    """z, ..., z^k and truncated powers in z = (x - centre) * scale; ``left`` of them look to the left."""

    degree: int
    left: int
    centre: Tensor  # (n_in, 1), the middle of the middle interval
    scale: Tensor  # (n_in, 1), one over the mean length of an interval
    knots: Tensor  # (G - 1, n_in, 1), inner break points in z
    change: Tensor  # (n_in, T + 1, K), what each B-spline is in 1, z, ..., z^k and the truncated powers

    @classmethod
    def of(cls, breaks: Tensor, degree: int) -> PowerColumns | None:
        """On the grids ``breaks`` (n_in, G + 1), degree >= 2; None where round-off would be amplified too much."""
        k, exact = degree, breaks.double()
        intervals = exact.shape[1] - 1
        left = (intervals - 1) // 2
        length = (exact[:, -1:] - exact[:, :1]) / intervals
        middles = (exact[:, 1:] + exact[:, :-1]) / 2
        centre = middles[:, left : left + 1]
        table = BSpline().table(middles, exact, k, k)  # (k + 1, n_in, K, G)
        taylor = [table[q, :, :, left] * (length**q / factorial(q)) for q in range(k + 1)]
        jumps = (table[k] * (length[..., None] ** k / factorial(k))).diff(dim=2)  # (n_in, K, G - 1)
        jumps[..., :left] *= (-1.0) ** (k + 1)
        change = torch.cat([torch.stack(taylor, 1), jumps.mT], 1)  # (n_in, k + G, K)
        knots = (exact[:, 1:-1] - centre) / length
        ends = ((exact[:, [0, -1]] - centre) / length).abs()  # (n_in, 2)
        reach = torch.cat([(ends[:, :1] + knots)[:, :left], (ends[:, 1:] - knots)[:, left:]], 1) ** k
        sizes = torch.cat([torch.stack([ends.amax(1) ** q for q in range(k + 1)], 1), reach], 1)  # (n_in, k + G)
        amplification = (change.abs() * sizes[..., None]).sum(1).amax()
        if not bool(amplification <= LIMIT):
            return None
        scale = 1 / length
        parts = (t.to(breaks).contiguous() for t in (centre, scale, knots.T[..., None], change))
        return cls(degree, left, *parts)

    @property
    def count(self) -> int:
        """k + G - 1: all but the constant."""
        return self.change.shape[1] - 1

    @property
    def slopes(self) -> int:
        """As many: 1, ..., z^(k - 1) and powers of degree k - 1."""
        return self.count

    def weights(self, coefficients: Tensor) -> tuple[Tensor, Tensor | None]:
        """Taylor coefficients at the centre, and the jumps of the k-th derivative."""
        w = (coefficients @ self.change.mT).permute(1, 2, 0)  # (n_out, T + 1, n_in)
        return w[:, 1:], w[:, 0].sum(1)

    def slope_weights(self, coefficients: Tensor) -> Tensor:
        """The same times the exponents."""
        k = self.degree
        signs = [1.0] * (self.count - k)
        signs[: self.left] = [-1.0] * self.left
        exponents = self.scale.new_tensor([*range(1, k + 1), *(k * sign for sign in signs)])
        return self.weights(coefficients)[0] * (exponents[:, None] * self.scale.T)

    def pull(self, weights: Tensor, constant: Tensor) -> Tensor:
        """Through the change of basis."""
        full = torch.cat([constant[:, None, None].expand(-1, 1, weights.shape[2]), weights], 1)  # (n_out, T + 1, n_in)
        return full.permute(2, 0, 1) @ self.change

    def sweep(self, values: Tensor, derivatives: bool) -> _PowerSweep:
        """Elementwise operations on whole rows only."""
        return _PowerSweep(self, values, derivatives)


class _PowerSweep:
    def __init__(self, columns: PowerColumns, values: Tensor, derivatives: bool) -> None:
        self.columns, self.values = columns, values
        self.lower = torch.empty_like(values[columns.degree :]) if derivatives or columns.degree > 3 else None

    def fill(self, z: Tensor) -> None:
        columns, k, values = self.columns, self.columns.degree, self.values
        torch.sub(z, columns.centre, out=values[0]).mul_(columns.scale)
        for q in range(1, k):
            torch.mul(values[q - 1], values[0], out=values[q])
        powers, left = values[k:], columns.left
        torch.sub(columns.knots[:left], values[0], out=powers[:left])
        torch.sub(values[0], columns.knots[left:], out=powers[left:])
        powers.relu_()
        if self.lower is None:
            powers.pow_(k)  # 2 and 3 have vector code
            return
        torch.mul(powers, powers, out=self.lower) if k > 2 else self.lower.copy_(powers)
        for _ in range(k - 3):
            self.lower.mul_(powers)
        powers.mul_(self.lower)

    def weigh(self, products: Tensor) -> None:
        k = self.columns.degree
        products[1:k].mul_(self.values[: k - 1])
        if self.lower is not None:
            products[k:].mul_(self.lower)
