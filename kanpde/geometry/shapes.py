"""Named shapes and their combinations.

Every shape knows its bounding box and which points it contains; ``boundary`` finds what bounds a combination.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kanpde.geometry.polygons import check_outline, in_polygon

Point = tuple[float, ...]
Inside = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Shape:
    """One solid: its name in the file, its kind, the numbers that make it, and its bounding box."""

    name: str
    kind: str
    arguments: tuple[Any, ...]
    bounds: np.ndarray = field(compare=False)  # (d, 2), infinite where it has no end
    inside: Inside = field(compare=False)

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return len(self.bounds)

    def contains(
        self,
        x: np.ndarray,  # (N, d)
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the shape."""
        return self.inside(x)

    def names(self) -> tuple[str, ...]:
        """The names of all shapes in it."""
        return (self.name,)

    @property
    def corners(self) -> tuple[Point, ...]:
        """The corners of a polygon or of an outline from a file, in their order."""
        return self.arguments if self.kind == "polygon" else self.arguments[1] if self.kind == "file" else ()

    def spec(self) -> dict[str, Any]:
        """The shape as plain JSON types; ``shape_from_spec`` makes it again."""
        return {"shape": self.kind, "name": self.name, "arguments": _plain(self.arguments)}


@dataclass(frozen=True)
class Combination:
    """Shapes joined by ``+`` (union), ``&`` (intersection) or ``-`` (difference); ``pieces`` name parts of a box."""

    sign: str
    parts: tuple[Shape | Combination, ...]

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return self.parts[0].dimension

    @property
    def bounds(self) -> np.ndarray:  # (d, 2)
        """A box around it: exact for unions, an outer bound for intersections and differences (``boundary`` knows better)."""
        if self.sign == "-":
            return self.parts[0].bounds
        low, high = (np.array([part.bounds[:, k] for part in self.parts]) for k in (0, 1))
        if self.sign == "&":
            return np.stack([low.max(0), high.min(0)], 1)
        return np.stack([low.min(0), high.max(0)], 1)

    def contains(
        self,
        x: np.ndarray,  # (N, d)
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the combination."""
        return self.joined([part.contains(x) for part in self.parts])

    def joined(
        self,
        masks: list[np.ndarray],  # one (N,) bool a part
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the combination, from which points lie in its parts."""
        if self.sign == "-":
            return masks[0] & ~np.any(masks[1:], axis=0)
        return np.all(masks, axis=0) if self.sign == "&" else np.any(masks, axis=0)

    def names(self) -> tuple[str, ...]:
        """The names of all shapes in it."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names()))

    def spec(self) -> dict[str, Any]:
        """The combination as plain JSON types; ``shape_from_spec`` makes it again."""
        return {"sign": self.sign, "parts": [part.spec() for part in self.parts]}


def leaves(shape: Shape | Combination) -> Iterator[Shape]:
    """All single shapes in a combination, in their order."""
    if isinstance(shape, Shape):
        yield shape
    else:
        for part in shape.parts:
            yield from leaves(part)


def shape_from_spec(spec: Mapping[str, Any]) -> Shape | Combination:
    """The shape that ``spec()`` described."""
    if "sign" in spec:
        return Combination(str(spec["sign"]), tuple(shape_from_spec(part) for part in spec["parts"]))
    kinds: dict[str, Callable[..., Shape]] = {**SHAPES, "file": outline_file, "halfspace": halfspace}
    if spec["shape"] not in kinds:
        raise ValueError(f"there is no shape '{spec['shape']}'")
    return kinds[spec["shape"]](spec["name"], *_hashable(spec["arguments"]))


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _hashable(value: Any) -> Any:
    return tuple(_hashable(v) for v in value) if isinstance(value, (list, tuple)) else value


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
    inside = np.ones(len(x), bool)
    for values, (low, high) in zip(x.T, bounds, strict=True):  # a coordinate at a time: numpy's sums over two are slow
        inside &= (values >= low) & (values <= high)
    return inside


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

    def inside(x: np.ndarray) -> np.ndarray:
        return sum((((values - m) / s) ** 2 for values, m, s in zip(x.T, c, r, strict=True)), np.zeros(len(x))) <= 1

    return Shape(name, kind, arguments, np.stack([c - r, c + r], 1), inside)


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
    return _polygon(name, "polygon", corners, corners)


def outline_file(name: str, path: str, corners: tuple[Point, ...]) -> Shape:
    """{file: outline.csv}: a polygon whose corners stand in the lines of a file."""
    return _polygon(name, "file", (path, corners), corners)


def _polygon(name: str, kind: str, arguments: tuple[Any, ...], corners: tuple[Point, ...]) -> Shape:
    p = np.array(corners)
    check_outline(p)
    return Shape(name, kind, arguments, np.stack([p.min(0), p.max(0)], 1), lambda x: in_polygon(p, x))


def halfspace(name: str, normal: Point, offset: float) -> Shape:
    """The points with normal . x <= offset: one side of an interface. The language writes it as a predicate."""
    n = np.array(normal)
    if not np.any(n):
        raise ValueError("the normal of a half-space is not zero")
    endless = np.stack([np.full(len(n), -np.inf), np.full(len(n), np.inf)], 1)
    return Shape(name, "halfspace", (normal, offset), endless, lambda x: x @ n <= offset)


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
