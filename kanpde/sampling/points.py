"""Points at which something is asked to hold, with quadrature weights; and what a sampler is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kanpde.geometry import Domain, Face


@dataclass(frozen=True, eq=False)
class Points:
    """``x`` (N, d) with positive ``weight`` (N,) of sum one: sum(weight * f(x)) is about the mean of f.

    On a face, ``normal`` (N, d) is the outward unit normal and ``condition`` names what is asked there.
    """

    x: np.ndarray  # (N, d)
    weight: np.ndarray  # (N,)
    normal: np.ndarray | None = None  # (N, d)
    condition: str = ""

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.weight.shape != (self.x.shape[0],):
            raise ValueError(f"points (N, d) need weights (N,), not {self.x.shape} and {self.weight.shape}")

    @property
    def count(self) -> int:
        """The number N of points."""
        return self.x.shape[0]

    def kept(self, mask: np.ndarray) -> Points:
        """The points for which ``mask`` (N,) holds, weights summing to one again. Raises ValueError if none is left."""
        if not mask.any():
            raise ValueError("no point is left")
        weight = self.weight[mask]
        normal = None if self.normal is None else self.normal[mask]
        return Points(self.x[mask], weight / weight.sum(), normal, self.condition)


Residual = Callable[[np.ndarray], np.ndarray]
"""(N, d) -> (N,): how badly the equation holds at points."""


@dataclass(frozen=True, eq=False)
class Request:
    """What a sampler is told: where, about how many, and, for those that use it, break points or the residual so far."""

    bounds: np.ndarray  # (d, 2)
    count: int
    seed: int = 0
    breaks: tuple[np.ndarray, ...] | None = None  # one array a coordinate
    residual: Residual | None = None

    def placed(self, unit: np.ndarray) -> Points:  # (N, d) in [0, 1]
        """Points of the unit cube in the box; with break points, every interval gets an equal share, weighted by its length."""
        if self.breaks is None:
            return equal_weights(self.bounds[:, 0] + unit * (self.bounds[:, 1] - self.bounds[:, 0]))
        x, weight = np.empty_like(unit), np.ones(len(unit))
        for axis, breaks in enumerate(self.breaks):
            intervals = len(breaks) - 1
            position = unit[:, axis] * intervals
            x[:, axis] = np.interp(position, np.arange(intervals + 1), breaks)
            weight *= np.diff(breaks)[np.minimum(position.astype(int), intervals - 1)]
        return Points(x, weight / weight.sum())


def equal_weights(x: np.ndarray) -> Points:
    """Points that all count alike."""
    return Points(x, np.full(x.shape[0], 1.0 / x.shape[0]))


def on_face(domain: Domain, face: Face, inner: Points, condition: str = "") -> Points:
    """Points (N, d - 1) of the other coordinates as points of a face of the box, with its normal."""
    x = np.insert(inner.x, face.axis, domain.position(face), axis=1)
    normal = np.zeros_like(x)
    normal[:, face.axis] = face.side
    return Points(x, inner.weight, normal, condition)
