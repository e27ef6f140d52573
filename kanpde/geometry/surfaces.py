"""The surfaces that solids are bounded by, as patches: quasi-uniform points with exact normals and area weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kanpde.geometry.shapes import Shape

Sampled = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x (N, 3), unit normal out of the solid (N, 3), area weight (N,)."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A face of a box, an end or the side of a cylinder, a whole sphere: what has one formula for its normal."""

    solid: Shape
    kind: str  # "plane", "disk", "sphere", "side"
    axis: int = 0  # of a plane or disk that is held at a coordinate
    sign: int = 1  # of the normal along it

    @property
    def name(self) -> str:
        """The shape it comes from."""
        return self.solid.name

    @property
    def names(self) -> tuple[str, ...]:
        """The same, as for pieces of plane boundaries."""
        return (self.solid.name,)

    @property
    def straight(self) -> bool:
        """Whether it is a part of a plane."""
        return self.kind in ("plane", "disk")

    @property
    def circle(self) -> None:
        """A patch is no arc."""
        return None

    @property
    def level(self) -> float:
        """The value of the coordinate that a plane or disk is held at."""
        return float(self.solid.bounds[self.axis, (self.sign + 1) // 2])

    def at(
        self,
        s: np.ndarray,  # (N,) from 0 to 1
    ) -> np.ndarray:  # (N, 3)
        """Some points of the whole patch, whatever is cut off it."""
        x = self.sample(float(np.cbrt(np.prod(self._extent()))), 3)[0]
        return x[(s * (len(x) - 1)).astype(int)]

    def _extent(self) -> np.ndarray:  # (3,)
        return np.asarray(self.solid.bounds[:, 1] - self.solid.bounds[:, 0])

    def distance(
        self,
        x: np.ndarray,  # (N, 3)
    ) -> np.ndarray:  # (N,)
        """The distance of points from the whole patch."""
        if self.kind == "sphere" or self.solid.kind == "halfspace":
            return np.abs(signed_distance(self.solid, x))
        low, high = self.solid.bounds.T
        beyond = np.maximum(np.maximum(low - x, x - high), 0)
        if self.solid.kind == "cylinder":
            rim = np.hypot(*(x[:, :2] - np.array(self.solid.arguments[0])[:2]).T) - self.solid.arguments[1]
            beyond = np.stack([np.abs(rim) if self.kind == "side" else np.maximum(rim, 0), 0 * rim, beyond[:, 2]], 1)
        if self.kind != "side":
            beyond[:, self.axis] = np.abs(x[:, self.axis] - self.level)
        return np.asarray(np.linalg.norm(beyond, axis=1))

    def sample(self, spacing: float, gauss: int) -> Sampled:
        """Points about ``spacing`` apart on the whole patch."""
        if self.solid.kind == "halfspace":
            raise ValueError("a half-space alone has no end")
        if self.kind == "sphere":
            centre, radius = self.solid.arguments
            return _sphere(np.array(centre), radius, spacing, gauss)
        if self.kind == "side":
            return _side(np.array(self.solid.arguments[0]), self.solid.arguments[1], self.solid.arguments[2], spacing, gauss)
        if self.kind == "disk":
            flat, weight = _disk(self.solid.arguments[1], spacing, gauss)
            flat = flat + np.array(self.solid.arguments[0])[:2]
        else:
            low, high = self.solid.bounds.T
            others = [axis for axis in range(3) if axis != self.axis]
            flat, weight = _rectangle(low[others], high[others], spacing, gauss)
        normal = np.zeros((len(flat), 3))
        normal[:, self.axis] = self.sign
        return np.insert(flat, self.axis, self.level, axis=1), normal, weight


def patches(solid: Shape) -> Iterator[Patch]:
    """The patches of a solid."""
    if solid.kind == "ball":
        yield Patch(solid, "sphere")
    elif solid.kind == "box":
        yield from (Patch(solid, "plane", axis, sign) for axis in range(3) for sign in (-1, 1))
    elif solid.kind == "cylinder":
        yield Patch(solid, "side")
        yield from (Patch(solid, "disk", 2, sign) for sign in (-1, 1))
    elif solid.kind == "halfspace":
        yield Patch(solid, "plane")
    else:
        raise ValueError(f"'{solid.name}' is a {solid.kind}, which is no solid")


def signed_distance(
    solid: Shape,
    x: np.ndarray,  # (N, 3)
) -> np.ndarray:  # (N,)
    """The distance from the surface of a solid, negative inside."""
    if solid.kind == "ball":
        centre, radius = solid.arguments
        return np.asarray(np.linalg.norm(x - centre, axis=1) - radius)
    if solid.kind == "halfspace":
        normal, offset = np.array(solid.arguments[0]), solid.arguments[1]
        return np.asarray((x @ normal - offset) / np.linalg.norm(normal))
    low, high = solid.bounds.T
    if solid.kind == "box":
        beyond = np.maximum(low - x, x - high)
    else:
        base, radius, _ = solid.arguments
        rim = np.hypot(*(x[:, :2] - np.array(base)[:2]).T) - radius
        beyond = np.stack([rim, np.maximum(low[2] - x[:, 2], x[:, 2] - high[2])], 1)
    return np.asarray(np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0))


def plane(
    solid: Shape,
    around: np.ndarray,  # (3, 2)
    spacing: float,
    gauss: int,
) -> Sampled:
    """The part of the plane of a half-space near a box."""
    normal, offset = np.array(solid.arguments[0]), solid.arguments[1]
    normal = normal / np.linalg.norm(normal)
    offset = offset / float(np.linalg.norm(solid.arguments[0]))
    middle = around.mean(1)
    foot = middle - (middle @ normal - offset) * normal
    first = np.eye(3)[np.abs(normal).argmin()]
    first = first - (first @ normal) * normal
    first = first / np.linalg.norm(first)
    frame = np.stack([first, np.cross(normal, first)])
    corners = np.stack(np.meshgrid(*around, indexing="ij"), -1).reshape(-1, 3)
    flat = (corners - foot) @ frame.T
    points, weight = _rectangle(flat.min(0), flat.max(0), spacing, gauss)
    x = foot + points @ frame
    axis = int(np.abs(normal).argmax())
    if np.abs(normal).max() == 1:  # x < 1/2 has its plane at x = 1/2 exactly
        x[:, axis] = offset * normal[axis]
    return x, np.broadcast_to(normal, x.shape), weight


def _line(low: float, high: float, spacing: float, gauss: int) -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss-Legendre points and weights about ``spacing`` apart, at least two intervals."""
    count = max(2, math.ceil((high - low) / (gauss * spacing) - 1e-9))
    nodes, weights = np.polynomial.legendre.leggauss(gauss)
    half = (high - low) / (2 * count)
    x = low + half * (2 * np.arange(count)[:, None] + 1 + nodes)
    return x.ravel(), np.tile(half * weights, count)


def _rectangle(low: np.ndarray, high: np.ndarray, spacing: float, gauss: int) -> tuple[np.ndarray, np.ndarray]:
    (x, u), (y, v) = (_line(a, b, spacing, gauss) for a, b in zip(low, high, strict=True))
    return np.stack([g.ravel() for g in np.meshgrid(x, y, indexing="ij")], 1), np.outer(u, v).ravel()


def _disk(radius: float, spacing: float, gauss: int) -> tuple[np.ndarray, np.ndarray]:
    """Rings at Gauss points of the radius, each evenly filled: the trapezoidal rule in the angle, turned from ring to ring."""
    points, weights = [], []
    for k, (r, w) in enumerate(zip(*_line(0, radius, spacing, gauss), strict=True)):
        count = max(5, math.ceil(2 * math.pi * r / spacing))
        angle = 2 * math.pi * (np.arange(count) + k * 0.618034) / count
        points.append(r * np.stack([np.cos(angle), np.sin(angle)], 1))
        weights.append(np.full(count, w * r * 2 * math.pi / count))
    return np.vstack(points), np.concatenate(weights)


def _side(base: np.ndarray, radius: float, height: float, spacing: float, gauss: int) -> Sampled:
    z, w = _line(0, height, spacing, gauss)
    count = max(6, math.ceil(2 * math.pi * radius / spacing))
    angle = 2 * math.pi * np.arange(count) / count
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
    normal = np.tile(ring, (len(z), 1))
    x = base + radius * normal
    x[:, 2] += np.repeat(z, count)
    return x, normal, np.repeat(w * 2 * math.pi * radius / count, count)


def _sphere(centre: np.ndarray, radius: float, spacing: float, gauss: int) -> Sampled:
    """The six faces of a cube, drawn onto the sphere at equal angles: nearly even, and without poles.

    (tan a, tan b, 1) normalised; its area element is (1 + tan^2 a)(1 + tan^2 b) / (1 + tan^2 a + tan^2 b)^(3/2).
    Source: Ronchi, Iacono & Paolucci (1996), The "cubed sphere", J. Comput. Phys. 124.
    """
    quarter = math.pi / 4
    flat, weight = _rectangle(np.full(2, -quarter), np.full(2, quarter), spacing / radius, gauss)
    p, q = np.tan(flat).T
    square = 1 + p**2 + q**2
    weight = weight * (1 + p**2) * (1 + q**2) / square**1.5 * radius**2
    face = np.stack([p, q, np.ones(len(p))], 1) / np.sqrt(square)[:, None]
    normal = np.vstack([sign * np.roll(face, k, 1) for k in range(3) for sign in (1, -1)])
    return centre + radius * normal, normal, np.tile(weight, 6)
