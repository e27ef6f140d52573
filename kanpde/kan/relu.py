"""Powers of ReLUs, (relu(e - x) relu(x - s))^m, and a straight line, with all derivatives by Leibniz' rule."""

from __future__ import annotations

from math import comb, perm

import torch
from torch import Tensor

from kanpde.kan.translates import Translates

FLOORS = {0: 3e-2, 1: 1e-2, 2: 5e-3, 3: 3e-4, 4: 5e-5, 5: 1e-5}  # by degree, measured on sin(8 x + 0.4)


class ReLUPowers(Translates):
    """Bells (1 - t^2)_+^m = (relu(1 - t) relu(1 + t))^m with m = 2k + 2 over k + 4 intervals, and a straight line.

    Source: Qiu, Zhu, Gong, Qiu, Li & Yang (2024), ReLU-KAN, arXiv 2406.02075 (m = 2); So & Yung (2024), Higher-order-ReLU-KANs,
    arXiv 2409.14248 (any m). Theirs are three intervals shorter, and have no line: m = 2 leaves 1e-2 of sin(8 x + 0.4) at k = 3,
    5e-3 at k = 5, whatever the grid. The floor is 3e-4 and 1e-5 here.
    """

    name = "relu"

    def bell(self, t: Tensor, degree: int, order: int) -> Tensor:
        """(fg)^(q) = sum of C(q, s) f^(s) g^(q-s), with f = (1 + t)^m and g = (1 - t)^m; zero outside [-1, 1]."""
        m = 2 * degree + 2
        least = max(0, m - order)
        right, left = _powers(torch.relu(1 + t), least, m), _powers(torch.relu(1 - t), least, m)
        values = t.new_zeros(order + 1, *t.shape)
        torch.mul(right[m], left[m], out=values[0])
        for q in range(1, order + 1):
            for s in range(max(0, q - m), min(q, m) + 1):
                factor = comb(q, s) * perm(m, s) * perm(m, q - s) * (-1) ** (q - s)
                values[q].addcmul_(right[m - s], left[m - q + s], value=float(factor))
            if q >= m:  # a power of exponent zero is one outside, too
                values[q] *= t.abs() < 1
        return values

    def widths(self, intervals: int, degree: int, like: Tensor) -> Tensor:  # (K - 2,)
        """All alike: half of k + 4 intervals."""
        return like.new_full((self.size(intervals, degree) - 2,), (degree + 4) / 2)

    def floor(self, degree: int) -> float:
        """Set by the power: the Fourier transform of the bell falls as its power m + 1."""
        return FLOORS.get(degree, 3e-6)


def _powers(u: Tensor, least: int, most: int) -> dict[int, Tensor]:
    """u^least .. u^most by products: the power function of a float exponent is ten times slower."""
    power = torch.ones_like(u)
    for bit in bin(least)[2:]:
        power = power * power
        if bit == "1":
            power = power * u
    powers = {least: power}
    for exponent in range(least + 1, most + 1):
        powers[exponent] = powers[exponent - 1] * u
    return powers
