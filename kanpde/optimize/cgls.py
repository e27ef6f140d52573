"""Conjugate gradients for least squares with a preconditioner from the right: the matrix is only ever applied, never formed.

With x = P y, the singular values of A P decide the number of steps, and the rows themselves decide the digits, not their
normal equations. Source: Bjorck (1996), Numerical Methods for Least Squares Problems, sec. 7.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

REDUCTION = 1e-13  # of the preconditioned gradient's norm, at which the iteration ends
SETTLED = 1e-8  # reduction that is taken for an answer where round-off allows no more, or the steps end
STALLED = 4  # steps in a row without a new least gradient, below SETTLED: round-off


class Preconditioner(Protocol):
    """A square matrix P that makes A P well conditioned."""

    def __call__(self, y: Tensor) -> Tensor:
        """P y."""

    def transposed(self, g: Tensor) -> Tensor:
        """P^T g."""


@dataclass(frozen=True)
class Outcome:
    """The minimiser found, and how many steps it took."""

    x: Tensor
    steps: int
    settled: bool  # whether the gradient fell as far as asked, or to round-off


def preconditioned_cgls(
    forward: Callable[[Tensor], list[Tensor]],  # x -> A x, in parts
    backward: Callable[[list[Tensor]], Tensor],  # the transpose
    right: list[Tensor],
    preconditioner: Preconditioner,
    damping: float = 0.0,
    reduction: float = REDUCTION,
    most: int = 150,
) -> Outcome:
    """The x = P y that minimises |A x - right|^2 + damping |y|^2."""
    rows = list(right)
    gradient = preconditioner.transposed(backward(rows))
    y = torch.zeros_like(gradient)
    p = gradient
    gamma = first = least = float((gradient * gradient).sum())
    best, idle, steps = y, 0, 0
    while steps < most and gamma > reduction**2 * first:
        steps += 1
        image = forward(preconditioner(p))
        curvature = sum(float((v * v).sum()) for v in image) + damping * float((p * p).sum())
        if not curvature > 0:
            break
        alpha = gamma / curvature
        y = y + alpha * p
        rows = [row - alpha * v for row, v in zip(rows, image, strict=True)]
        gradient = preconditioner.transposed(backward(rows)) - damping * y
        before, gamma = gamma, float((gradient * gradient).sum())
        if gamma < least:
            least, best, idle = gamma, y, 0
        else:
            idle += 1
        if not gamma < float("inf") or (idle >= STALLED and least < SETTLED**2 * first):
            break
        p = gradient + (gamma / before) * p
    return Outcome(preconditioner(best), steps, least <= max(reduction, SETTLED) ** 2 * first)
