"""Gauss-Newton for systems that solve their own linear least squares, damped by Levenberg and Marquardt where it must be.

The loop sees only a cost and a step; how the step is computed (banded QR here) is the system's business. It stops when the step
that would follow is below the accuracy asked for, not when a step was slow: an early stop gives false solutions near folds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

DAMPING = (1e-8, 1e-5, 1e-3, 1e-1, 10.0)  # tried in turn where the plain step fails; columns have norm one
ROUNDOFF = 1e-8  # relative change of c below which a cost that does not fall is at its round-off
CLOSE, QUADRATIC = 1e-2, 10.0  # from a near start, a first step s below the one is followed by one of the other times s^2
SHORTEST = 1 / 16  # of a step; below, damping does better than a shorter step


class Linear(Protocol):
    """A system linearised at one point."""

    cost: float

    def step(self, damping: float = 0.0) -> Tensor:
        """The minimiser of |r + J p|^2 + damping |D p|^2."""


class System(Protocol):
    """What Gauss-Newton needs."""

    linear: bool

    def linearise(self, c: Tensor) -> Linear:
        """The cost |r(c)|, and steps from c."""


@dataclass(frozen=True)
class Descent:
    """How an iteration ended. ``cost`` is |r| at the result; ``step`` the largest relative change by the last step."""

    cost: float
    steps: int
    step: float
    converged: bool
    outcome: str


def gauss_newton(
    system: System,
    c: Tensor,
    *,
    accuracy: float | Callable[[Tensor], float],  # relative change of c that need not be resolved
    most: int = 30,
    on_step: Callable[[int, float], None] | None = None,
    magnitude: Callable[[Tensor], float] | None = None,  # of the function that coefficients make; the largest of them if None
    near: bool = False,  # the start is a solution on another grid: convergence is quadratic from the first step on
) -> tuple[Tensor, Descent]:
    """Iterates from c until the next step would change c by less than ``accuracy`` times its size.

    The predicted size of the next step is s^2.5 / s_before^1.5, between linear and quadratic convergence. A system that is
    linear takes one step.
    """
    measured = magnitude or (lambda v: float(v.abs().max()))
    here = system.linearise(c)
    before = relative = math.inf
    if not math.isfinite(here.cost):
        return c, Descent(here.cost, 0, relative, False, "the residual is not finite at the start")
    for count in range(1, most + 1):
        p = here.step()
        size = measured(c + p)
        relative = measured(p) / size if size > 0 else 0.0
        if not math.isfinite(relative):
            return c, Descent(here.cost, count - 1, relative, False, "the iterates are no longer finite")
        trial, there, ok = _descend(system, c, here, p)
        if not ok:
            return c, Descent(here.cost, count - 1, relative, relative < ROUNDOFF, "no step reduces the residual any further")
        c, here = trial, there
        if on_step:
            on_step(count, here.cost)
        wanted = accuracy(c) if callable(accuracy) else accuracy
        ahead = relative * min(1.0, relative / before) ** 1.5 if math.isfinite(before) else relative
        if near and count == 1 and relative < CLOSE:
            ahead = QUADRATIC * relative**2
        if system.linear or ahead < wanted:
            return c, Descent(here.cost, count, relative, True, "converged")
        if count > 2 and relative < ROUNDOFF and relative > 0.3 * before:
            return c, Descent(here.cost, count, relative, True, "at round-off")
        before = relative
    return c, Descent(here.cost, most, relative, False, f"{most} steps were not enough")


def _descend(system: System, c: Tensor, here: Linear, p: Tensor) -> tuple[Tensor, Linear, bool]:
    """One accepted step: the full one p, shorter ones, then damped ones."""
    fraction = 1.0
    while fraction >= SHORTEST:
        trial = c + fraction * p
        there = system.linearise(trial)
        if system.linear or there.cost <= here.cost * (1 + 1e-9):
            return trial, there, True
        if float(p.abs().max()) <= ROUNDOFF * float(c.abs().max()):
            return c, here, False  # the cost is at its round-off: neither shorter nor damped steps mean anything
        fraction /= 2
    for damping in DAMPING:
        trial = c + here.step(damping)
        there = system.linearise(trial)
        if there.cost < here.cost:
            return trial, there, True
    return c, here, False
