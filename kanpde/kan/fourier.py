"""Cosines that need no periodic function, and two groups of end functions that make them converge at a high order.

On t in [0, 1]: cos(n pi t), n < G, are the modes of a function continued evenly beyond both ends; its derivatives of odd order
jump there, so that the series alone converges like 1/n. What the jumps leave out is, at the lower end, combinations of

    R_j(t) = sum over n >= G of cos(n pi t) / n^(2j),   j = 1 .. m,

and R_j(1 - t) at the upper one: a Bernoulli polynomial less its first modes. So the functions span the cosines and all
polynomials of degree 2m: the polynomial subtraction of Lanczos, in coordinates in which the condition number stays below a
hundred (polynomials themselves beside cosines would be all but dependent). Sources: Iserles & Norsett (2008), IMA Journal of
Numerical Analysis 28, 862-887 (modified Fourier series); Lanczos (1966), Discourse on Fourier Series (subtraction); Abramowitz &
Stegun (1964), eq. 23.1.18 (Bernoulli polynomials as series).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kanpde.kan.bspline import greville

BERNOULLI = (
    (1 / 6, -1.0, 1.0),
    (-1 / 30, 0.0, 1.0, -2.0, 1.0),
    (1 / 42, 0.0, -1 / 2, 0.0, 5 / 2, -3.0, 1.0),
)
"""B_2, B_4, B_6, lowest power first. Three, because R_j as a difference loses (2j - 1) log10 G digits."""


class Fourier:
    """G cosines and up to three end functions at each end, all polynomials of degree 2m among their sums: error O(h^(2m + 1)).

    m = (k + 1) / 2 rounded down, 3 at most: order 3 for k = 1 and 2, 5 for 3 and 4, 7 from 5 on. Outside the grid the cosines go
    on, and the end functions grow like a polynomial of degree 2m in units of h, as splines do.
    """

    name = "fourier"
    local = False
    nested = True

    def size(self, intervals: int, degree: int) -> int:
        """G + 2m."""
        return intervals + 2 * _ends(degree)

    def order(self, degree: int) -> float:
        """2m + 1 in the maximum norm: the coefficients of what is left fall like n^-(2m + 2)."""
        return 2 * _ends(degree) + 1

    def floor(self, degree: int) -> float:
        """None: convergence ends at round-off."""
        return 0.0

    def polynomials(self, degree: int) -> int:
        """2m, which is the degree or one more up to degree 6."""
        return 2 * _ends(degree)

    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor:  # (order + 1, n, K, N)
        """cos(n pi t), then R_j(t) and R_j(1 - t) by turns, scaled to size one.

        In float64 whatever the points are in: R_j is a small difference. (Where a device has no float64, in what it has.)
        """
        wide = x.dtype if x.device.type == "mps" else torch.float64
        lower, upper = breaks[:, :1].to(wide), breaks[:, -1:].to(wide)
        t = (x.to(wide) - lower) / (upper - lower)  # (n, N)
        intervals, m = breaks.shape[1] - 1, _ends(degree)
        n = torch.arange(intervals, dtype=wide, device=x.device)
        angle = math.pi * n[:, None] * t[:, None]  # (n, G, N)
        pair = torch.cos(angle), -torch.sin(angle) if order else None  # a derivative of cos turns by a quarter
        values = t.new_empty(order + 1, t.shape[0], intervals + 2 * m, t.shape[1])
        sums = _weights(intervals, m, n)  # (2m, G)
        inner = (t, 1 - t)
        for q in range(order + 1):
            turned = pair[q % 2]
            assert turned is not None
            waves = turned * ((math.pi * n) ** q * (-1) ** (q // 2))[:, None]
            values[q, :, :intervals] = waves
            rest = sums @ waves  # (n, 2m, N), the modes below G of the polynomials
            for j in range(1, m + 1):
                size = _size(intervals, j)
                for end in (0, 1):
                    row = 2 * (j - 1) + end
                    closed = (-1) ** (q * end) * _closed(inner[end], j, q)
                    values[q, :, intervals + row] = size * (closed - rest[:, row])
        scale = 1 / (upper - lower)[..., None]
        for q in range(1, order + 1):
            values[q] *= scale**q
        return values.to(x.dtype)

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Greville's points of degree 2m on equal intervals: as many, and closer near the ends."""
        parts = torch.linspace(0, 1, breaks.shape[1], dtype=breaks.dtype, device=breaks.device)
        return greville(breaks[:, :1] + (breaks[:, -1:] - breaks[:, :1]) * parts, 2 * _ends(degree))

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """cos 0."""
        coefficients = breaks.new_zeros(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))
        coefficients[:, 0] = 1
        return coefficients

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """2t - 1 = -(4 / pi^2) sum over all n of (1 - (-1)^n) cos(n pi t) / n^2."""
        intervals = breaks.shape[1] - 1
        n = torch.arange(1, intervals, dtype=torch.float64)
        row = torch.zeros(self.size(intervals, degree), dtype=torch.float64)
        row[1:intervals] = (1 - (-1) ** n) / n**2
        row[intervals] = 1 / _size(intervals, 1)
        row[intervals + 1] = -1 / _size(intervals, 1)
        return (-4 / math.pi**2 * row).to(breaks).repeat(breaks.shape[0], 1)

    def decay(self, size: int) -> Tensor:  # (K,)
        """1 / (1 + n^2): the second derivative of a mode has the size n^2. End functions come last, and are small."""
        return 1 / (1 + torch.arange(size, dtype=torch.float64) ** 2)

    def extend(self, coefficients: Tensor, breaks: Tensor, finer: Tensor, degree: int) -> Tensor:
        """What the end functions had of the further modes goes to those: exact."""
        old, new, m = breaks.shape[0] - 1, finer.shape[0] - 1, _ends(degree)
        c = coefficients.double()
        weights = _weights(new, m, torch.arange(new, dtype=c.dtype, device=c.device))[:, old:]  # (2m, G' - G)
        sizes = [(_size(old, j), _size(new, j)) for j in range(1, m + 1) for _ in (0, 1)]
        plain = c[:, old:] * c.new_tensor([before for before, _ in sizes])  # coefficients of R_j as it is
        ends = plain / c.new_tensor([after for _, after in sizes])
        return torch.cat([c[:, :old], plain @ weights, ends], 1).to(coefficients)


def _ends(degree: int) -> int:
    """m, the number of end functions at each end."""
    return min((degree + 1) // 2, len(BERNOULLI)) or 1


def _size(intervals: int, j: int) -> float:
    """One over R_j(0), which is about the integral of n^(-2j) from G - 1/2 on."""
    return (2 * j - 1) * (intervals - 0.5) ** (2 * j - 1)


def _weights(intervals: int, m: int, n: Tensor) -> Tensor:  # (2m, G)
    """n^(-2j) for R_j(t), (-1)^n n^(-2j) for R_j(1 - t); zero at n = 0, which no R_j has."""
    sign = torch.cos(math.pi * n)
    rows = []
    for j in range(1, m + 1):
        row = torch.where(n > 0, n.clamp(min=1) ** (-2 * j), 0)
        rows += [row, sign.round() * row]
    return torch.stack(rows)


def _closed(t: Tensor, j: int, q: int) -> Tensor:
    """The q-th derivative of the sum of cos(n pi t) / n^(2j) over all n >= 1, by its polynomial (-1)^(j+1) (2 pi)^(2j) B_2j(t/2)
    / (2 (2j)!) on [0, 2]."""
    factor = (-1) ** (j + 1) * (2 * math.pi) ** (2 * j) / (2 * math.factorial(2 * j))
    row = [factor * c / 2**power for power, c in enumerate(BERNOULLI[j - 1])]
    row = [c * math.perm(power, q) for power, c in enumerate(row)][q:] or [0.0]
    value = torch.full_like(t, row[-1])
    for c in row[-2::-1]:
        value = value * t + c
    return value
