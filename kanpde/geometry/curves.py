"""The curves that plane shapes are bounded by: straight segments and arcs of ellipses, each with exact tangents and normals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kanpde.geometry.shapes import Shape

TURN = 2 * math.pi


@dataclass(frozen=True, eq=False)
class Segment:
    """``start + t*(end - start)`` for t from 0 to 1."""

    start: np.ndarray  # (2,)
    end: np.ndarray  # (2,)
    low: float = 0.0
    high: float = 1.0

    @property
    def speed(self) -> float:
        """Length that a unit of t covers."""
        return float(np.hypot(*(self.end - self.start)))

    def at(
        self,
        t: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N, 2)
        """Points of the line."""
        return self.start + np.asarray(t)[:, None] * (self.end - self.start)

    def velocity(
        self,
        t: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N, 2)
        """The derivative by t."""
        return np.broadcast_to(self.end - self.start, (len(t), 2))

    def curvature(
        self,
        t: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N,)
        """Zero: a line does not bend."""
        return np.zeros(len(t))

    def parameter(
        self,
        x: np.ndarray,  # (N, 2)
    ) -> np.ndarray:  # (N,)
        """The t of the nearest point of the whole line."""
        along = self.end - self.start
        return np.asarray((x - self.start) @ along / (along @ along))

    def length(self, low: float, high: float) -> float:
        """Arc length between two parameters."""
        return self.speed * (high - low)

    def swept(self, low: float, high: float, origin: np.ndarray) -> float:
        """Integral of (x dy - y dx)/2 between two parameters: twice the area between the curve and the origin, halved."""
        p, q = self.at(np.array([low, high])) - origin
        return float(p[0] * q[1] - p[1] * q[0]) / 2

    def extremes(self, low: float, high: float) -> np.ndarray:  # (n, 2)
        """Points between which the curve's bounding box lies."""
        return self.at(np.array([low, high]))


@dataclass(frozen=True, eq=False)
class Arc:
    """``centre + (a cos t, b sin t)`` for t from ``low`` to ``high``, counterclockwise; t is the angle where a = b."""

    centre: np.ndarray  # (2,)
    radii: np.ndarray  # (2,): a, b
    low: float = 0.0
    high: float = TURN

    @property
    def speed(self) -> float:
        """The largest length that a unit of t covers."""
        return float(self.radii.max())

    @property
    def whole(self) -> bool:
        """Whether it closes on itself."""
        return self.high - self.low > TURN - 1e-12

    @property
    def circular(self) -> bool:
        """Whether both half axes are equal."""
        return bool(self.radii[0] == self.radii[1])

    def at(
        self,
        t: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N, 2)
        """Points of the ellipse."""
        return self.centre + self.radii * np.stack([np.cos(t), np.sin(t)], 1)

    def velocity(
        self,
        t: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N, 2)
        """The derivative by t."""
        return self.radii * np.stack([-np.sin(t), np.cos(t)], 1)

    def curvature(
        self,
        t: np.ndarray,  # (N,)
    ) -> np.ndarray:  # (N,)
        """a b / |velocity|^3, positive: the curve turns left."""
        return np.asarray(self.radii.prod() / np.hypot(*self.velocity(t).T) ** 3)

    def parameter(
        self,
        x: np.ndarray,  # (N, 2)
    ) -> np.ndarray:  # (N,)
        """The t in [low, low + 2 pi) of the points of the ellipse in the directions of x (of x itself, where it lies on it)."""
        u, v = ((x - self.centre) / self.radii).T
        return self.low + np.mod(np.arctan2(v, u) - self.low, TURN)

    def length(self, low: float, high: float) -> float:
        """Arc length between two parameters; elliptic, so by Gauss-Legendre quadrature in 32 parts, exact to rounding."""
        if self.circular:
            return self.speed * (high - low)
        nodes, weights = np.polynomial.legendre.leggauss(16)
        half = (high - low) / 64
        t = low + half * (2 * np.arange(32)[:, None] + 1 + nodes)  # (32, 16)
        return float((np.hypot(*self.velocity(t.ravel()).T).reshape(t.shape) @ weights).sum() * half)

    def swept(self, low: float, high: float, origin: np.ndarray) -> float:
        """Integral of (x dy - y dx)/2 between two parameters, seen from the origin."""
        (cx, cy), (a, b) = self.centre - origin, self.radii
        bend = cx * b * (math.sin(high) - math.sin(low)) - cy * a * (math.cos(high) - math.cos(low))
        return float(a * b * (high - low) + bend) / 2

    def extremes(self, low: float, high: float) -> np.ndarray:  # (n, 2)
        """Both ends, and the points between them where a coordinate is largest or smallest."""
        first = math.ceil(low / (math.pi / 2))
        quarters = [k * math.pi / 2 for k in range(first, first + 9) if k * math.pi / 2 <= high]
        points = self.at(np.array([low, *quarters, high]))
        for k, t in enumerate(quarters, 1):  # cos(pi/2) is 6e-17, and an extreme point is exact
            points[k] = self.centre + self.radii * [round(math.cos(t)), round(math.sin(t))]
        return points


Curve = Segment | Arc


def closed_line(corners: np.ndarray) -> Iterator[Segment]:
    """The sides of a polygon."""
    for p, q in zip(corners, np.roll(corners, -1, 0), strict=True):
        yield Segment(p, q)


def outline(
    shape: Shape,
    around: np.ndarray,  # (2, 2) bounds of everything of interest, for what has no end
) -> Sequence[Curve]:
    """The boundary of a plane shape as curves with the shape on their left."""
    if shape.kind == "rectangle":
        (x0, y0), (x1, y1) = shape.arguments
        return tuple(closed_line(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])))
    if shape.kind in ("disk", "ellipse"):
        centre, *radii = shape.arguments
        return (Arc(np.array(centre), np.array([radii[0], radii[-1]])),)
    if shape.kind in ("polygon", "file"):
        return tuple(closed_line(counterclockwise(np.array(shape.corners))))
    if shape.kind == "sector":
        centre, radius, start, end = shape.arguments
        c = np.array(centre)
        rim = Arc(c, np.array([radius, radius]), start, end)
        if rim.whole:
            return (Arc(c, rim.radii),)
        p, q = rim.at(np.array([start, end]))
        return Segment(c, p), rim, Segment(q, c)
    if shape.kind == "halfspace":
        return (_edge_of_half_plane(shape, around),)
    raise ValueError(f"'{shape.name}' is a {shape.kind}, which is no plane shape")


def counterclockwise(corners: np.ndarray) -> np.ndarray:  # (n, 2)
    """The corners in the order that has the polygon on the left, without those that repeat or lie on a straight side."""
    p = corners - corners.mean(0)
    q = np.roll(p, -1, 0)
    ordered = corners if (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum() > 0 else corners[::-1]
    scale = np.ptp(ordered, 0).max()
    while True:
        back, ahead = ordered - np.roll(ordered, 1, 0), np.roll(ordered, -1, 0) - ordered
        cross = back[:, 0] * ahead[:, 1] - back[:, 1] * ahead[:, 0]
        far = np.hypot(*back.T) > 1e-13 * scale
        straight = (np.abs(cross) <= 1e-13 * np.hypot(*back.T) * np.hypot(*ahead.T)) & ((back * ahead).sum(1) > 0)
        bends = far & ~straight
        if bends.all():
            return ordered
        if not far.all():
            bends = far  # repeated points first: they have no direction
        ordered = ordered[bends]


def _edge_of_half_plane(shape: Shape, around: np.ndarray) -> Segment:
    """The part of the line ``normal . x = offset`` near everything of interest, with ``normal . x < offset`` on its left."""
    normal, offset = np.array(shape.arguments[0]), shape.arguments[1]
    middle = around.mean(1)
    reach = 2 * float(np.hypot(*(around[:, 1] - around[:, 0])))
    foot = middle - (middle @ normal - offset) * normal / (normal @ normal)
    foot[normal == 0] = middle[normal == 0]
    for axis in (0, 1):  # x < 1/2 has its line at x = 1/2 exactly
        if normal[1 - axis] == 0:
            foot[axis] = offset / normal[axis]
    along = np.array([-normal[1], normal[0]]) / np.hypot(*normal) * reach
    return Segment(foot - along, foot + along)
