"""Univariate functions with numbers still open, and how well a set of them spans a family of samples.

A basis fits a family if the family's columns are linear combinations of the basis' columns. The open numbers (rates, frequencies,
scales) are refined by variable projection (``least_squares``).
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
