"""Univariate functions with numbers still open, and how well a set of them spans a family of samples.

A basis fits a family if the family's columns are linear combinations of the basis' columns. The open numbers (rates, frequencies,
scales) are refined by variable projection: the linear coefficients are eliminated, and Levenberg-Marquardt moves the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import sympy as sp

from kanpde.symbolic.sample import Array

OVERFLOW = 300.0
"""Exponents are clipped here: exp(300) squared is still a float, and no coefficient beyond it would be recognised."""


@dataclass(frozen=True)
class Chart:
    """A change of variable z(x) under which a family may become simple: sin(pi x^2) is a sine in z = x^2."""

    name: str
    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    expression: Callable[[sp.Expr], sp.Expr]
    admits: Callable[[float, float], bool]  # whether z is defined and finite on [lower, upper]


CHARTS: dict[str, Chart] = {
    "x": Chart("x", lambda x: x, lambda z: z, lambda x: x, lambda a, b: True),
    "x^2": Chart("x^2", np.square, np.sqrt, lambda x: x**2, lambda a, b: True),
    "log x": Chart("log x", np.log, np.exp, sp.log, lambda a, b: a > 0),
    "sqrt x": Chart("sqrt x", np.sqrt, np.square, sp.sqrt, lambda a, b: a >= 0),
    "1/x": Chart("1/x", np.reciprocal, np.reciprocal, lambda x: 1 / x, lambda a, b: a > 0),
}


class Column(Protocol):
    """One function of z with places for numbers from a basis' ``theta``."""

    @property
    def uses(self) -> tuple[int, ...]:
        """The places of ``theta`` that the column depends on."""

    def values(self, z: Array, theta: Sequence[float]) -> Array:
        """The function at points."""

    def expression(self, z: sp.Expr, theta: Sequence[sp.Expr]) -> sp.Expr:
        """The function with exact (or symbolic) numbers."""


@dataclass(frozen=True)
class Exponential:
    """z^power e^(a z) times 1, cos(b z) or sin(b z); ``rate`` and ``frequency`` are the places of a and b, None for zero."""

    power: int = 0
    rate: int | None = None
    frequency: int | None = None
    odd: bool = False  # sine rather than cosine

    @property
    def uses(self) -> tuple[int, ...]:
        return tuple(i for i in (self.rate, self.frequency) if i is not None)

    def values(self, z: Array, theta: Sequence[float]) -> Array:
        result: Array = z**self.power
        if self.rate is not None:
            result = result * np.exp(np.clip(theta[self.rate] * z, -2 * OVERFLOW, OVERFLOW))
        if self.frequency is not None:
            result = result * (np.sin if self.odd else np.cos)(theta[self.frequency] * z)
        return result

    def expression(self, z: sp.Expr, theta: Sequence[sp.Expr]) -> sp.Expr:
        result = z**self.power
        if self.rate is not None:
            result *= sp.exp(theta[self.rate] * z)
        if self.frequency is not None:
            result *= (sp.sin if self.odd else sp.cos)(theta[self.frequency] * z)
        return result


@dataclass(frozen=True)
class Basis:
    """Functions of one coordinate whose span holds a family, with the open numbers and how far each may be off."""

    chart: Chart
    theta: tuple[float, ...]
    spread: tuple[float, ...]
    columns: tuple[Column, ...]

    def values(self, x: Array) -> Array:  # (n,) -> (n, p)
        """The columns at points of the coordinate itself."""
        z = self.chart.forward(x)
        return np.stack([np.broadcast_to(column.values(z, self.theta), z.shape) for column in self.columns], 1)

    def expressions(self, x: sp.Symbol, numbers: Sequence[sp.Expr]) -> list[sp.Expr]:
        """The columns as functions of the coordinate's symbol."""
        z = self.chart.expression(x)
        return [column.expression(z, numbers) for column in self.columns]


def misfit(columns: Array, family: Array) -> Array:  # (n, p), (n, r) -> (n, r)
    """What of the family the columns cannot express."""
    sizes = np.linalg.norm(columns, axis=0)
    scaled = columns / np.where(sizes > 0, sizes, 1.0)
    if not np.isfinite(scaled).all():
        return np.full_like(family, np.inf)
    return family - scaled @ np.linalg.lstsq(scaled, family, rcond=1e-13)[0]


def rms(residual: Array) -> float:
    """The root mean square of the worst column."""
    return float(np.sqrt(np.mean(residual**2, axis=0)).max(initial=0.0))


def refine(
    residual: Callable[[Array], Array],
    theta: Array,  # (q,)
    scale: Array,  # (q,) a change of this size is noticeable but small; for the difference quotients
    steps: int = 40,
) -> tuple[Array, Array]:  # theta (q,), Jacobian (M, q)
    """Least squares by Levenberg-Marquardt with Marquardt's column scaling; deterministic, for a handful of unknowns."""

    def slope(at: Array, r: Array, step: Array) -> Array:
        for sign in (1, -1):  # backwards where the function ends: log(x + b) at b = 0
            moved = residual(at + sign * step)
            if np.isfinite(moved).all():
                return sign * (moved - r) / float(step.sum())
        return np.zeros_like(r)

    def jacobian(at: Array, r: Array) -> Array:
        h = 1e-6 * scale  # error of the quotient about 1e-6 relative: enough, convergence stays nearly quadratic
        return np.stack([slope(at, r, step) for step in np.diag(h)], 1)

    r = residual(theta)
    J = jacobian(theta, r)
    damping = 1e-3
    idle = 0
    for _ in range(steps):
        norms = np.linalg.norm(J, axis=0)
        norms = np.where(norms > 0, norms, 1.0)
        left, sizes, right = np.linalg.svd(J / norms, full_matrices=False)
        step = -(right.T @ (sizes / (sizes**2 + damping) * (left.T @ r))) / norms
        trial = residual(theta + step)
        if np.isfinite(trial).all() and np.abs(trial).max(initial=0.0) < 1e150 and trial @ trial < r @ r:
            idle = idle + 1 if trial @ trial > 0.999 * (r @ r) else 0
            theta, r, damping = theta + step, trial, max(damping / 10, 1e-14)
            J = jacobian(theta, r)
            if idle == 3:
                break  # at the noise, or in a valley that leads nowhere
        else:
            damping = max(4 * damping, 1e-10)
            if damping > 1e6:
                break
        if np.all(np.abs(step) <= 1e-14 * np.abs(theta) + 1e-300):
            break
    return theta, J


def spread(J: Array, sigma: float, theta: Array) -> Array:  # (M, q), (q,) -> (q,)
    """How far each number can be off if the data are off by ``sigma`` (root mean square), in the worst direction.

    The error of a solver is smooth, not white: the bound is sigma sqrt(M) times the row norms of J^+, not the standard deviation.
    """
    bound = sigma * np.sqrt(J.shape[0]) * np.linalg.norm(np.linalg.pinv(J), axis=1)
    return np.clip(bound, 1e-13 * np.abs(theta), None)
