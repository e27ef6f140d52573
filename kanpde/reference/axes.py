"""Global bases along one axis: Chebyshev polynomials, or sines and cosines where the axis closes on itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import roots_legendre

from kanpde.reference.pieces import chebyshev_table


class Axis(Protocol):
    """A basis along one coordinate, ordered from slow to fast."""

    @property
    def low(self) -> float:
        """The lower end."""

    @property
    def high(self) -> float:
        """The upper end."""

    @property
    def size(self) -> int:
        """The number of basis functions."""

    def table(self, x: np.ndarray, order: int) -> np.ndarray:
        """The derivative of the given order of every basis function: (N,) -> (N, size)."""

    def inside(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Where an equation of the given order is collocated, and quadrature weights that sum to one: (M,), (M,)."""

    def across(self) -> tuple[np.ndarray, np.ndarray]:
        """Where conditions on the faces that this axis runs along are collocated, and weights."""


@dataclass(frozen=True)
class ChebyshevAxis:
    """T_0 ... T_(size - 1) on [low, high]."""

    low: float
    high: float
    size: int

    def table(self, x: np.ndarray, order: int) -> np.ndarray:
        """The derivative of the given order of every polynomial: (N,) -> (N, size)."""
        half = (self.high - self.low) / 2
        xi = np.clip((np.asarray(x) - self.low) / half - 1, -1.0, 1.0)
        return chebyshev_table(xi, self.size - 1, order) / half**order

    def _gauss(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        xi, w = roots_legendre(count)  # numpy's leggauss is O(n^3)
        return self.low + (self.high - self.low) * (1 + xi) / 2, w / 2

    def inside(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """As many Gauss points as coefficients are left by ``order`` conditions."""
        return self._gauss(self.size - order)

    def across(self) -> tuple[np.ndarray, np.ndarray]:
        """As many Gauss points as coefficients."""
        return self._gauss(self.size)


@dataclass(frozen=True)
class FourierAxis:
    """1, cos, sin, cos 2, sin 2, ... of period high - low; ``size`` is odd."""

    low: float
    high: float
    size: int

    def table(self, x: np.ndarray, order: int) -> np.ndarray:
        """The derivative of the given order of every function: (N,) -> (N, size)."""
        base = 2 * np.pi / (self.high - self.low)
        k = base * ((np.arange(self.size) + 1) // 2)  # 0, 1, 1, 2, 2, ...
        phase = -np.pi / 2 * (np.arange(self.size) % 2 == 0) * (k > 0)  # sin z = cos(z - pi / 2)
        return k**order * np.cos((np.asarray(x)[:, None] - self.low) * k + phase + order * np.pi / 2)

    def inside(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Equally spaced points, as many as coefficients: no condition takes one away."""
        x = self.low + (self.high - self.low) * np.arange(self.size) / self.size
        return x, np.full(self.size, 1 / self.size)

    def across(self) -> tuple[np.ndarray, np.ndarray]:
        """The same points."""
        return self.inside(0)
