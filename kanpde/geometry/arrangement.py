"""The plane cut up by the outlines of several shapes: edges between vertices, and in which shapes each side of an edge lies.

Whether an edge bounds a combination of the shapes is then a matter of logic on booleans, without any further distances: sides
that coincide, circles that touch and corners that meet are found once, with one tolerance, and treated alike ever
after.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kanpde.geometry.crossings import crossings
from kanpde.geometry.curves import Arc, Curve, outline
from kanpde.geometry.polygons import near_pairs
from kanpde.geometry.shapes import Combination, Shape, leaves

TOUCHING = 1e-11
"""Curves nearer than this part of the whole touch: 1e5 roundings, so that 0.1 + 0.2 meets 0.3, far below what anybody draws."""


@dataclass(frozen=True, eq=False)
class Edge:
    """The part of ``curve`` (number ``number``) from ``low`` to ``high``, between two vertices, that nothing else meets.

    ``left`` and ``right`` (L,) bool say in which of the shapes its two sides lie; ``owners`` are the shapes it bounds.
    """

    curve: Curve
    number: int
    low: float
    high: float
    first: int
    last: int
    owners: tuple[int, ...]
    left: np.ndarray  # (L,) bool
    right: np.ndarray  # (L,) bool


@dataclass(frozen=True, eq=False)
class Arrangement:
    """All edges of the outlines of ``shapes``, each once, and the vertices (V, 2) between them."""

    shapes: tuple[Shape, ...]
    edges: tuple[Edge, ...]
    vertices: np.ndarray  # (V, 2)

    def covered(self, shape: Shape | Combination) -> tuple[np.ndarray, np.ndarray]:  # (E,) bool, (E,) bool
        """Whether the left and the right side of each edge lie in a combination of the shapes."""
        sides = [np.array([getattr(e, side) for e in self.edges]).reshape(-1, len(self.shapes)) for side in ("left", "right")]
        left, right = (evaluate(shape, dict(zip(self.shapes, side.T, strict=True))) for side in sides)
        return left, right


def evaluate(shape: Shape | Combination, inside: dict[Shape, np.ndarray]) -> np.ndarray:  # (N,) bool
    """A combination from what is known of its shapes."""
    if isinstance(shape, Shape):
        return inside[shape]
    return shape.joined([evaluate(part, inside) for part in shape.parts])


def arrange(shapes: Sequence[Shape | Combination]) -> Arrangement:
    """The arrangement of all plane shapes that occur in some combinations."""
    solids = tuple(dict.fromkeys(leaf for shape in shapes for leaf in leaves(shape)))
    boxes = [leaf.bounds for leaf in solids if np.isfinite(leaf.bounds).all()]
    if not boxes:
        raise ValueError("a shape of half-planes alone has no end")
    around = np.stack([np.min([b[:, 0] for b in boxes], 0), np.max([b[:, 1] for b in boxes], 0)], 1)
    tolerance = TOUCHING * float(max(np.abs(around).max(), np.ptp(around, 1).max()))
    curves: list[Curve] = []
    owner: list[int] = []
    for number, solid in enumerate(solids):
        found = outline(solid, around)
        curves += found
        owner += [number] * len(found)
    cuts = _cuts(curves, tolerance)
    parts, vertices = _parts(curves, cuts, tolerance)
    return Arrangement(solids, tuple(_edges(parts, curves, owner, solids, tolerance)), vertices)


def _cuts(curves: list[Curve], tolerance: float) -> list[list[float]]:
    """The parameters at which each curve meets another, its ends included."""
    cuts = [[c.low, c.high, *([c.low + math.pi] if isinstance(c, Arc) and c.whole else [])] for c in curves]
    for i, j in _near(curves, tolerance):
        for s, t in crossings(curves[i], curves[j], tolerance):
            cuts[i].append(s)
            cuts[j].append(t)
    return cuts


def _near(curves: list[Curve], tolerance: float) -> Iterator[tuple[int, int]]:
    """Pairs of curves whose bounding boxes meet."""
    extremes = [c.extremes(c.low, c.high) for c in curves]
    low = np.array([e.min(0) for e in extremes]) - tolerance
    high = np.array([e.max(0) for e in extremes]) + tolerance
    for i, others in near_pairs(low, high):
        yield from ((min(i, j), max(i, j)) for j in others.tolist())


Part = tuple[int, float, float, int, int]
"""Number of the curve, low and high parameter, first and last vertex."""


def _parts(curves: list[Curve], cuts: list[list[float]], tolerance: float) -> tuple[list[Part], np.ndarray]:
    """Every curve between its cuts, and the vertices (V, 2)."""
    ordered = [sorted(set(c)) for c in cuts]
    points = np.vstack([curve.at(np.array(t)) for curve, t in zip(curves, ordered, strict=True)])
    labels = _clusters(points, 4 * tolerance)
    _, representative = np.unique(labels, return_index=True)
    parts: list[Part] = []
    at = 0
    for number, t in enumerate(ordered):
        ends: list[tuple[float, int]] = []
        for k, value in enumerate(t):
            vertex = int(labels[at + k])
            if ends and ends[-1][1] == vertex:
                if value == curves[number].high:  # the curve's own end is its exact one
                    ends[-1] = (value, vertex)
                continue
            ends.append((value, vertex))
        parts += [(number, p, q, v, w) for (p, v), (q, w) in pairwise(ends)]
        at += len(t)
    return parts, points[representative]


def _clusters(
    points: np.ndarray,  # (K, 2)
    tolerance: float,
) -> np.ndarray:  # (K,) int
    """Numbers that are equal for points that lie together: split at every gap in x, then in y, until nothing splits."""
    labels = np.zeros(len(points), int)
    while True:
        before = labels.max(initial=0)
        for axis in (0, 1):
            order = np.lexsort((points[:, axis], labels))
            new = (np.diff(points[order, axis]) > tolerance) | (np.diff(labels[order]) > 0)
            labels = labels.copy()
            labels[order] = np.concatenate([[0], np.cumsum(new)])
        if labels.max(initial=0) == before:
            return labels


def _edges(
    parts: list[Part], curves: list[Curve], owner: list[int], solids: tuple[Shape, ...], tolerance: float
) -> Iterator[Edge]:
    """Parts that coincide made one edge, each side known."""
    middles = np.vstack([curves[n].at(np.array([(p + q) / 2])) for n, p, q, _, _ in parts])
    groups: dict[tuple[int, int], list[list[int]]] = {}
    for k, (_, _, _, v, w) in enumerate(parts):
        together = groups.setdefault((min(v, w), max(v, w)), [])
        for group in together:
            if np.abs(middles[group[0]] - middles[k]).max() <= 10 * tolerance:
                group.append(k)
                break
        else:
            together.append([k])
    edges = sorted(group for together in groups.values() for group in together)
    at = middles[[group[0] for group in edges]]  # (E, 2)
    inside = np.stack([solid.contains(at) for solid in solids], 1)  # (E, L)
    for row, group in zip(inside, edges, strict=True):
        number, low, high, first, last = parts[group[0]]
        turns: dict[int, int] = {}
        for k in group:
            turns[owner[parts[k][0]]] = turns.get(owner[parts[k][0]], 0) + (1 if parts[k][3] == first else -1)
        left, right = row.copy(), row.copy()
        for solid, turn in turns.items():
            if turn:
                left[solid], right[solid] = turn > 0, turn < 0
            else:  # an outline that runs along here twice, there and back: the same on both sides
                along = curves[number].velocity(np.array([(low + high) / 2]))[0]
                aside = middles[group[0]] + 1e-6 * (high - low) * np.array([-along[1], along[0]])
                left[solid] = right[solid] = bool(solids[solid].contains(aside[None])[0])
        yield Edge(curves[number], number, low, high, first, last, tuple(sorted(turns)), left, right)
