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
RISE = 1e-6  # of the cost, relative to it, that is taken for round-off
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


@dataclass(frozen=True)
class Refined:
    """The minimiser found with an approximate inverse, how many steps it took, and the reduction of the gradient's norm."""

    x: Tensor
    steps: int
    reduction: float


def refined_cgls(
    forward: Callable[[Tensor], list[Tensor]],  # x -> A x, in parts
    backward: Callable[[list[Tensor]], Tensor],  # the transpose
    inverse: Callable[[Tensor], Tensor],  # about (A^T A + damping)^-1, symmetric and positive definite
    right: list[Tensor],
    *,
    damping: float = 0.0,
    reduction: float,
    most: int,
    little: float = 0.0,  # gain in the cost, relative to it, with which the iteration ends
) -> Refined | None:
    """The x that minimises |A x - right|^2 + damping |x|^2, by conjugate gradients on the normal equations that see the rows.

    The same iteration with the preconditioner in one piece, as a Cholesky factor of the normal equations gives it: a few steps
    restore what those lost. The cost falls with each step in exact arithmetic; where it rises, the factor was spoilt by
    round-off: None.
    """
    rows = list(right)
    g = backward(rows)
    x = torch.zeros_like(g)
    z = inverse(g)
    p = z
    gamma = first = float(g @ z)
    cost = sum(float((row * row).sum()) for row in rows)
    steps = 0
    while steps < most and gamma > reduction**2 * first:
        steps += 1
        image = forward(p)
        curvature = sum(float((v * v).sum()) for v in image) + damping * float(p @ p)
        alpha = gamma / curvature
        x = x + alpha * p
        rows = [row - alpha * v for row, v in zip(rows, image, strict=True)]
        now = sum(float((row * row).sum()) for row in rows) + damping * float(x @ x)
        if not now <= cost * (1 + RISE):
            return None
        gained, cost = cost - now, now
        if gained < little * cost:
            break  # what is left lies in directions that the rows hardly see, below the errors of the rows themselves
        g = backward(rows) - damping * x
        z = inverse(g)
        before, gamma = gamma, float(g @ z)
        p = z + (gamma / before) * p
    return Refined(x, steps, (max(gamma, 0.0) / first) ** 0.5 if first > 0 else 0.0)
