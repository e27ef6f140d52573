"""Gaussian radial functions exp(-t^2) and a straight line, with all derivatives by Hermite's recurrence."""

from __future__ import annotations

import torch
from torch import Tensor

from kanpde.kan.translates import Translates

SPREAD = 2.0  # t = (x - x_j) / sqrt(2 h^2): exp(-2 pi^2) = 3e-9 is left between the centres (Maz'ya & Schmidt 2007, eq. 2.13)
FLOORS = {0: 3e-2, 1: 1e-2, 2: 1e-2, 3: 1e-4, 4: 1e-4}  # by degree: the ends decide; measured on sin(8 x + 0.4)


class RBF(Translates):
    """Gaussians of width sqrt(2) h and a straight line, G + k + 2 functions for odd k: faster than any power down to a floor.

    The floor is 1e-6 of the function at k = 5, 1e-4 at k = 3; wider Gaussians would lower it, and square the condition number.
    """

    name = "rbf"

    def bell(self, t: Tensor, degree: int, order: int) -> Tensor:
        """g^(q) = -2 t g^(q-1) - 2 (q - 1) g^(q-2) (Abramowitz & Stegun 1964, eq. 22.7.13)."""
        g = t.new_empty(order + 1, *t.shape)
        g[0] = torch.exp(-t * t)
        for q in range(1, order + 1):
            g[q] = -2 * t * g[q - 1]
            if q > 1:
                g[q] -= 2 * (q - 1) * g[q - 2]
        return g

    def widths(self, intervals: int, degree: int, like: Tensor) -> Tensor:  # (K - 2,)
        """All alike."""
        return like.new_full((self.size(intervals, degree) - 2,), SPREAD**0.5)

    def floor(self, degree: int) -> float:
        """Set by the ends, where the degree says how many centres lie beyond."""
        return FLOORS.get(degree, 1e-6)
