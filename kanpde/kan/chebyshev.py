"""Chebyshev polynomials of the first kind on an interval, with all derivatives, by the three-term recurrence."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def chebyshev(
    x: Tensor,  # (..., N)
    size: int,
    lower: float | Tensor,
    upper: float | Tensor,
    order: int = 0,
) -> Tensor:  # (order + 1, size, ..., N)
    """T_0 .. T_{size-1} of x scaled from [lower, upper] to [-1, 1], and their derivatives by x. Ends broadcast to x.

    Differentiating T_n = 2 z T_{n-1} - T_{n-2} q times gives T_n^(q) = 2 z T_{n-1}^(q) + 2 q T_{n-1}^(q-1) - T_{n-2}^(q).
    """
    z = (2 * x - lower - upper) / (upper - lower)
    values = x.new_zeros(order + 1, size, *x.shape)
    values[0, 0] = 1
    if size > 1:
        values[0, 1] = z
        if order >= 1:
            values[1, 1] = 1
    for n in range(2, size):
        values[:, n] = 2 * z * values[:, n - 1] - values[:, n - 2]
        for q in range(1, order + 1):
            values[q, n] += 2 * q * values[q - 1, n - 1]
    scale = 2 / (upper - lower)
    for q in range(1, order + 1):
        values[q] *= scale**q
    return values


def chebyshev_points(count: int, lower: float, upper: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """The zeros of T_count on [lower, upper], increasing: (count,)."""
    angles = math.pi * (torch.arange(count, dtype=dtype) + 0.5) / count
    return (lower + upper) / 2 - (upper - lower) / 2 * torch.cos(angles)


class Chebyshev:
    """Polynomials of degree below G + k on the whole grid: as many functions as splines have; faster than any power if smooth.

    Only the ends of the grid matter. Source: Trefethen (2013), Approximation Theory and Approximation Practice, theorems 7.2
    and 8.2.
    """

    name = "chebyshev"
    local = False
    nested = True

    def size(self, intervals: int, degree: int) -> int:
        """G + k, so that a finer grid has more modes."""
        return intervals + degree

    def order(self, degree: int) -> float:
        """Infinite: geometric convergence for analytic functions."""
        return math.inf

    def floor(self, degree: int) -> float:
        """None: convergence ends at round-off."""
        return 0.0

    def polynomials(self, degree: int) -> int:
        """Up to the degree on one interval, more on more."""
        return degree

    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor:  # (order + 1, n, K, N)
        """All polynomials; the rescaled recurrence."""
        size = self.size(breaks.shape[1] - 1, degree)
        return chebyshev(x, size, breaks[:, :1], breaks[:, -1:], order).transpose(1, 2).contiguous()

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The zeros of the first polynomial that is left out."""
        size = self.size(breaks.shape[1] - 1, degree)
        z = chebyshev_points(size, -1.0, 1.0, breaks.dtype).to(breaks.device)
        lower, upper = breaks[:, :1], breaks[:, -1:]
        return (lower + upper) / 2 + (upper - lower) / 2 * z

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """T_0."""
        coefficients = breaks.new_zeros(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))
        coefficients[:, 0] = 1
        return coefficients

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """T_1."""
        coefficients = breaks.new_zeros(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))
        coefficients[:, 1:2] = 1
        return coefficients

    def decay(self, size: int) -> Tensor:  # (K,)
        """1 / (1 + n^4): T_n'' has the size n^4 at the ends."""
        return 1 / (1 + torch.arange(size, dtype=torch.float64) ** 4)

    def extend(self, coefficients: Tensor, breaks: Tensor, finer: Tensor, degree: int) -> Tensor:
        """More modes, all zero; the ends must stay."""
        return torch.nn.functional.pad(coefficients, (0, finer.shape[0] - breaks.shape[0]))
