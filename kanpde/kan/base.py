"""The base function of an edge, and its derivatives of any order: the smooth part that carries the gradient at the start."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=64)
def _chain(order: int, slope: tuple[float, ...]) -> tuple[float, ...]:
    """The polynomial p with y^(order) = p(y), lowest power first, for a function y with y' = slope(y)."""
    polynomial: tuple[float, ...] = (0.0, 1.0)
    for _ in range(order):
        derivative = [n * c for n, c in enumerate(polynomial)][1:] or [0.0]
        product = [0.0] * (len(derivative) + len(slope) - 1)
        for i, a in enumerate(derivative):
            for j, b in enumerate(slope):
                product[i + j] += a * b
        polynomial = tuple(product)
    return polynomial


def _evaluate(polynomial: tuple[float, ...], y: Tensor) -> Tensor:
    value = torch.full_like(y, polynomial[-1])
    for c in polynomial[-2::-1]:
        value = value * y + c
    return value


def _silu(x: Tensor, order: int) -> Tensor:
    """x s(x) with the sigmoid s, s' = s - s^2: the q-th derivative is x s^(q) + q s^(q-1)."""
    s = torch.sigmoid(x)
    sigmoids = [_evaluate(_chain(q, (0.0, 1.0, -1.0)), s) for q in range(order + 1)]
    return torch.stack([x * sigmoids[q] + (q * sigmoids[q - 1] if q else 0) for q in range(order + 1)])


def _tanh(x: Tensor, order: int) -> Tensor:
    y = torch.tanh(x)
    return torch.stack([_evaluate(_chain(q, (1.0, 0.0, -1.0)), y) for q in range(order + 1)])


def _identity(x: Tensor, order: int) -> Tensor:
    return torch.stack([x, torch.ones_like(x), *[torch.zeros_like(x)] * (order - 1)][: order + 1])


BASE_FUNCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "silu": _silu,
    "tanh": _tanh,
    "identity": _identity,
}
"""Base functions by name: (x (n, N), order) -> (order + 1, n, N). An edge without one has the base ``zero``."""
