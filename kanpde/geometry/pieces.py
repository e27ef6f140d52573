"""A smooth arc of a plane boundary: where it runs, its outward normals, its length."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kanpde.geometry.curves import Arc, Curve, Segment

SAMPLES = 65
"""Points of an arc of an ellipse from which the nearest one is sought."""

NEWTON = 12
"""Steps, of which a few may be halvings; the others double the digits."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of ``curve`` between two parameters, followed with the domain on its left; ``reverse``: against the curve's direction.

    ``names`` are the shapes whose outline runs here (more than one where outlines coincide), the first in the file first.
    """

    curve: Curve
    low: float
    high: float
    reverse: bool
    names: tuple[str, ...]
    closed: bool = False

    @property
    def name(self) -> str:
        """The shape it comes from."""
        return self.names[0]

    @property
    def straight(self) -> bool:
        """Whether it is a straight segment."""
        return isinstance(self.curve, Segment)

    @property
    def circle(self) -> tuple[np.ndarray, float] | None:
        """Centre (2,) and radius of an arc of a circle, else None."""
        curve = self.curve
        return (curve.centre, float(curve.radii[0])) if isinstance(curve, Arc) and curve.circular else None

    @cached_property
    def length(self) -> float:
        """Its arc length."""
        return self.curve.length(self.low, self.high)

    @property
    def start(self) -> np.ndarray:  # (2,)
        """Where it begins."""
        return self.at(np.zeros(1))[0]

    @property
    def end(self) -> np.ndarray:  # (2,)
        """Where it ends."""
        return self.at(np.ones(1))[0]

    def _parameter(self, s: np.ndarray) -> np.ndarray:  # (N,)
        return (self.high - s * (self.high - self.low)) if self.reverse else self.low + s * (self.high - self.low)

    def at(
        self,
        s: np.ndarray,  # (N,) from 0 (start) to 1 (end)
    ) -> np.ndarray:  # (N, 2)
        """Points on it."""
        return self.curve.at(self._parameter(s))

    def velocity(
        self,
        s: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N, 2)
        """The derivative of the points by s: along the piece, the domain on the left."""
        span = (self.low - self.high) if self.reverse else (self.high - self.low)
        return self.curve.velocity(self._parameter(s)) * span

    def normal(
        self,
        s: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N, 2)
        """Unit normals that point out of the domain."""
        along = self.curve.velocity(self._parameter(s))
        along = along / np.hypot(*along.T)[:, None] * (-1 if self.reverse else 1)
        return np.stack([along[:, 1], -along[:, 0]], 1)

    def curvature(
        self,
        s: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N,)
        """How fast it turns left, in radians per length: positive on the rim of a disk, negative on that of a hole."""
        return self.curve.curvature(self._parameter(s)) * (-1 if self.reverse else 1)

    def swept(self, origin: np.ndarray) -> float:
        """The area between it and the origin, positive counterclockwise."""
        area = self.curve.swept(self.low, self.high, origin)
        return -area if self.reverse else area

    def extremes(self) -> np.ndarray:  # (n, 2)
        """Points between which its bounding box lies."""
        return self.curve.extremes(self.low, self.high)

    def part(self, first: float, last: float) -> Piece:
        """The part from s = first to s = last."""
        low, high = sorted(float(t) for t in self._parameter(np.array([first, last])))
        return Piece(self.curve, low, high, self.reverse, self.names)

    def distance(
        self,
        x: np.ndarray,  # (N, 2)
    ) -> np.ndarray:  # (N,)
        """The distance of points from it."""
        curve = self.curve
        t = self._nearest_on_ellipse(x) if isinstance(curve, Arc) and not curve.circular else curve.parameter(x)
        if isinstance(curve, Arc):
            t = self.low + np.mod(t - self.low, 2 * np.pi)
        found = np.hypot(*(curve.at(np.clip(t, self.low, self.high)) - x).T)
        if isinstance(curve, Segment):
            return np.asarray(found)
        ends = curve.at(np.array([self.low, self.high]))
        return np.minimum(found, np.minimum(np.hypot(*(x - ends[0]).T), np.hypot(*(x - ends[1]).T)))

    def _nearest_on_ellipse(self, x: np.ndarray) -> np.ndarray:  # (N, 2) -> (N,)
        """The parameter of the nearest point: the nearest of some samples, then Newton's method between its neighbours.

        A point inside may have two nearest points on an ellipse but for a hair, and the samples tell which.
        """
        assert isinstance(self.curve, Arc)
        samples = np.linspace(self.low, self.high, SAMPLES)
        on = self.curve.at(samples)
        nearest = np.zeros(len(x), int)
        least = np.full(len(x), np.inf)
        for k, (p, q) in enumerate(on):
            distance = (x[:, 0] - p) ** 2 + (x[:, 1] - q) ** 2
            nearest[distance < least] = k
            np.minimum(least, distance, out=least)
        low, high = samples[np.maximum(nearest - 1, 0)], samples[np.minimum(nearest + 1, SAMPLES - 1)]
        t = samples[nearest]
        a, b = self.curve.radii
        u, v = (x - self.curve.centre).T
        for _ in range(NEWTON):  # zero of (point - x) . velocity, whose slope is positive at a minimum
            c, s = np.cos(t), np.sin(t)
            value = (b * s - v) * b * c - (a * c - u) * a * s
            slope = (a * s) ** 2 + (b * c) ** 2 - (a * c - u) * a * c - (b * s - v) * b * s
            down = value < 0
            low, high = np.where(down, t, low), np.where(down, high, t)
            with np.errstate(divide="ignore", invalid="ignore"):
                t = t - value / slope
            t = np.where((t >= low) & (t <= high), t, (low + high) / 2)
        return t
