"""Named shapes and their combinations, read and checked; a later version solves on them.

Every shape knows its bounding box and which points it contains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Point = tuple[float, ...]
Inside = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Shape:
    """One solid: its name in the file, its kind, the numbers that make it, and its bounding box."""

    name: str
    kind: str
    arguments: tuple[Any, ...]
    bounds: np.ndarray | None  # (d, 2), or None for an outline that is still in its file
    inside: Inside | None = field(default=None, compare=False)

    @property
    def dimension(self) -> int | None:
        """The number of coordinates; None if it stands in a file."""
        return None if self.bounds is None else len(self.bounds)

    def contains(
        self,
        x: np.ndarray,  # (N, d)
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the shape."""
        if self.inside is None:
            raise ValueError(f"the shape '{self.name}' stands in a file that is not read yet")
        return self.inside(x)

    def names(self) -> tuple[str, ...]:
        """The names of all shapes in it."""
        return (self.name,)


@dataclass(frozen=True)
class Combination:
    """Shapes joined by ``+`` (union), ``&`` (intersection) or ``-`` (difference); ``pieces`` name parts of a box."""

    sign: str
    parts: tuple[Shape | Combination, ...]

    @property
    def dimension(self) -> int | None:
        """The number of coordinates."""
        return next((part.dimension for part in self.parts if part.dimension is not None), None)

    @property
    def bounds(self) -> np.ndarray | None:  # (d, 2)
        """A box around it: exact for unions, an outer bound for intersections and differences."""
        boxes = [part.bounds for part in self.parts]
        if self.sign == "-":
            return boxes[0]
        known = [box for box in boxes if box is not None]
        if not known or (self.sign != "&" and len(known) < len(boxes)):
            return None
        low, high = np.array([box[:, 0] for box in known]), np.array([box[:, 1] for box in known])
        if self.sign == "&":
            return np.stack([low.max(0), high.min(0)], 1)
        return np.stack([low.min(0), high.max(0)], 1)

    def contains(
        self,
        x: np.ndarray,  # (N, d)
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the combination."""
        masks = [part.contains(x) for part in self.parts]
        if self.sign == "-":
            return masks[0] & ~np.any(masks[1:], axis=0)
        return np.all(masks, axis=0) if self.sign == "&" else np.any(masks, axis=0)

    def names(self) -> tuple[str, ...]:
        """The names of all shapes in it."""
        return tuple(name for part in self.parts for name in part.names())


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"the {name} must be positive, not {value:g}")


def _corners(low: Point, high: Point, dimension: int) -> np.ndarray:  # (d, 2)
    if len(low) != dimension or len(high) != dimension:
        raise ValueError(f"a corner has {dimension} coordinates")
    if not all(a < b for a, b in zip(low, high, strict=True)):
        raise ValueError("the first corner is the lower one in every coordinate")
    return np.array([low, high]).T


def _between(
    x: np.ndarray,  # (N, d)
    bounds: np.ndarray,  # (d, 2)
) -> np.ndarray:  # (N,) bool
    return np.asarray(((x >= bounds[:, 0]) & (x <= bounds[:, 1])).all(1))


def rectangle(name: str, low: Point, high: Point) -> Shape:
    """rectangle([x0, y0], [x1, y1]): lower and upper corner."""
    box = _corners(low, high, 2)
    return Shape(name, "rectangle", (low, high), box, lambda x: _between(x, box))


def box(name: str, low: Point, high: Point) -> Shape:
    """box([x0, y0, z0], [x1, y1, z1]): lower and upper corner."""
    bounds = _corners(low, high, 3)
    return Shape(name, "box", (low, high), bounds, lambda x: _between(x, bounds))


def _round(name: str, kind: str, centre: Point, radii: tuple[float, ...], arguments: tuple[Any, ...]) -> Shape:
    if len(centre) != len(radii):
        raise ValueError(f"the centre has {len(radii)} coordinates")
    c, r = np.array(centre), np.array(radii)
    return Shape(name, kind, arguments, np.stack([c - r, c + r], 1), lambda x: (((x - c) / r) ** 2).sum(1) <= 1)


def disk(name: str, centre: Point, radius: float) -> Shape:
    """disk([x, y], radius): centre and radius."""
    _positive(radius=radius)
    return _round(name, "disk", centre, (radius, radius), (centre, radius))


def ball(name: str, centre: Point, radius: float) -> Shape:
    """ball([x, y, z], radius): centre and radius."""
    _positive(radius=radius)
    return _round(name, "ball", centre, (radius,) * 3, (centre, radius))


def ellipse(name: str, centre: Point, a: float, b: float) -> Shape:
    """ellipse([x, y], a, b): centre and half axes."""
    _positive(a=a, b=b)
    return _round(name, "ellipse", centre, (a, b), (centre, a, b))


def polygon(name: str, *corners: Point) -> Shape:
    """polygon([x0, y0], [x1, y1], [x2, y2], ...): its corners in order."""
    if len(corners) < 3 or any(not isinstance(p, tuple) or len(p) != 2 for p in corners):
        raise ValueError("a polygon has at least three corners [x, y]")
    p = np.array(corners)
    q = np.roll(p, -1, 0)

    def inside(x: np.ndarray) -> np.ndarray:
        """Even-odd rule: a ray to the right crosses the outline an odd number of times."""
        above = (p[:, 1] > x[:, 1:]) != (q[:, 1] > x[:, 1:])  # (N, corners)
        rise = np.where(q[:, 1] == p[:, 1], 1.0, q[:, 1] - p[:, 1])
        crossing = p[:, 0] + (x[:, 1:] - p[:, 1]) / rise * (q[:, 0] - p[:, 0])
        return (above & (x[:, :1] < crossing)).sum(1) % 2 == 1

    if abs(float((p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1]).sum())) < 1e-14 * float(np.ptp(p, 0).prod() or 1):
        raise ValueError("the corners of the polygon lie on a line")
    return Shape(name, "polygon", corners, np.stack([p.min(0), p.max(0)], 1), inside)


def sector(name: str, centre: Point, radius: float, start: float, end: float) -> Shape:
    """sector([x, y], radius, start, end): a slice of a disk between two angles in radians."""
    _positive(radius=radius)
    if len(centre) != 2:
        raise ValueError("the centre has 2 coordinates")
    if not 0 < end - start <= 2 * math.pi:
        raise ValueError("the second angle is larger than the first, by at most 2*pi")
    c = np.array(centre)

    def inside(x: np.ndarray) -> np.ndarray:
        angle = np.mod(np.arctan2(x[:, 1] - c[1], x[:, 0] - c[0]) - start, 2 * math.pi)
        return (np.hypot(*(x - c).T) <= radius) & (angle <= end - start)

    quarters = [k * math.pi / 2 for k in range(-16, 17) if start <= k * math.pi / 2 <= end]
    rim = np.array([(math.cos(a), math.sin(a)) for a in (start, end, *quarters)]) * radius + c
    points = np.vstack([c, rim])
    return Shape(name, "sector", (centre, radius, start, end), np.stack([points.min(0), points.max(0)], 1), inside)


def cylinder(name: str, base: Point, radius: float, height: float) -> Shape:
    """cylinder([x, y, z], radius, height): centre of its base, radius, and height along z."""
    _positive(radius=radius, height=height)
    if len(base) != 3:
        raise ValueError("the base has 3 coordinates")
    c = np.array(base)
    low, high = c - np.array([radius, radius, 0]), c + np.array([radius, radius, height])

    def inside(x: np.ndarray) -> np.ndarray:
        return (np.hypot(*(x - c).T[:2]) <= radius) & (x[:, 2] >= low[2]) & (x[:, 2] <= high[2])

    return Shape(name, "cylinder", (base, radius, height), np.stack([low, high], 1), inside)


SHAPES: Mapping[str, Callable[..., Shape]] = {
    "rectangle": rectangle,
    "disk": disk,
    "ellipse": ellipse,
    "polygon": polygon,
    "sector": sector,
    "box": box,
    "ball": ball,
    "cylinder": cylinder,
}
"""The shapes of the problem language; the first line of each docstring says how it is written."""
