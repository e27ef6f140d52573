"""Chebyshev polynomials of the first kind on an interval, with all derivatives, by the three-term recurrence."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def chebyshev(
    x: Tensor,  # (N,)
    size: int,
    lower: float,
    upper: float,
    order: int = 0,
) -> Tensor:  # (order + 1, size, N)
    """T_0 .. T_{size-1} of x scaled from [lower, upper] to [-1, 1], and their derivatives by x.

    Differentiating T_n = 2 z T_{n-1} - T_{n-2} q times gives T_n^(q) = 2 z T_{n-1}^(q) + 2 q T_{n-1}^(q-1) - T_{n-2}^(q).
    """
    z = (2 * x - lower - upper) / (upper - lower)
    values = x.new_zeros(order + 1, size, x.shape[0])
    values[0, 0] = 1
    if size > 1:
        values[0, 1] = z
        if order >= 1:
            values[1, 1] = 1
    for n in range(2, size):
        values[:, n] = 2 * z * values[:, n - 1] - values[:, n - 2]
        for q in range(1, order + 1):
            values[q, n] += 2 * q * values[q - 1, n - 1]
    scale = (2 / (upper - lower)) ** torch.arange(order + 1, dtype=x.dtype, device=x.device)
    return values * scale[:, None, None]


def chebyshev_points(count: int, lower: float, upper: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """The zeros of T_count on [lower, upper], increasing: (count,)."""
    angles = math.pi * (torch.arange(count, dtype=dtype) + 0.5) / count
    return (lower + upper) / 2 - (upper - lower) / 2 * torch.cos(angles)
