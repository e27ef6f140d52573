"""Triangles that fit a plane domain and the lines inside it where coefficients jump, of sizes that vary as they must.

Nodes on the curves, nodes inside from a quadtree that follows the size wanted, Delaunay's triangulation of all, and a few steps
in which every inner node moves to the middle of its neighbours (Persson & Strang 2004 move them by forces). A part of a curve
that is no edge of the triangulation is halved until it is one (Ruppert 1995). Curved edges get their middle node on the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from kanpde.errors import UnsupportedProblem
from kanpde.geometry.curves import Curve

BEND = 2.5
"""A curve turns along one edge by at most this many radians over the edges in the domain's size: of 8, by 0.3. A parabola misses
the curve by the fourth power of that, so that it must shrink with the edges."""

SPREAD = 1.1
"""The size may grow over a unit of distance by this times the root of the largest edge in the domain's size: by 0.35 where it is
a tenth. Beside a corner every ring of triangles leaves the same relative error, so that the rings must become finer, too."""

SMOOTHINGS = 5
LARGEST = 60_000
"""Nodes: with polynomials of degree 4 there are eight unknowns each."""

Size = Callable[[np.ndarray], np.ndarray]
"""(N, 2) -> (N,): how long edges should be."""


@dataclass(frozen=True, eq=False)
class Wire:
    """A part of a curve that edges must follow, from vertex number ``first`` to ``last``."""

    curve: Curve
    low: float
    high: float
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Triangles:
    """Nodes (P, 2), triangles (T, 3) with ascending numbers, and of every edge on a wire its nodes, middle and wire."""

    nodes: np.ndarray
    triangles: np.ndarray
    edges: np.ndarray  # (E, 2) int, ascending
    middles: np.ndarray  # (E, 2)
    wires: np.ndarray  # (E,) int


def triangulate(
    wires: Sequence[Wire],
    vertices: np.ndarray,  # (V, 2)
    inside: Callable[[np.ndarray], np.ndarray],  # (N, 2) -> (N,) bool
    bounds: np.ndarray,  # (2, 2)
    coarsest: float,
    sources: np.ndarray,  # (V,): the size at each vertex
) -> Triangles:
    """The triangulation with edges of length ``coarsest`` at most."""
    length = float((bounds[:, 1] - bounds[:, 0]).max())
    turn = min(0.4, BEND * coarsest / length)
    parts = [_divided(wire, coarsest, turn) for wire in wires]
    size = _size(wires, parts, vertices, coarsest, sources, SPREAD * np.sqrt(coarsest / length))
    parts = [_graded(wire, size) for wire in wires]
    inner = _quadtree(size, coarsest, inside, bounds)
    for _ in range(30):
        nodes, edges, middles, owners = _on_wires(wires, parts, vertices)
        if len(nodes) + len(inner) > LARGEST:
            raise UnsupportedProblem(f"the triangulation would take more than {LARGEST} nodes")
        inner = _apart(inner, nodes, edges)
        free = _smoothed(nodes, inner, inside)
        free = _apart(free, nodes, edges)
        points = np.vstack([nodes, free])
        mesh = Delaunay(points)
        missing = _missing(mesh, edges)
        if not missing.any():
            return _clean(points, mesh, edges, middles, owners, inside)
        parts = [_halved(part, missing[owners == k]) for k, part in enumerate(parts)]
    raise UnsupportedProblem("no triangulation of the domain was found")


def _divided(wire: Wire, coarsest: float, turn: float) -> np.ndarray:  # (n + 1,) parameters
    length = wire.curve.length(wire.low, wire.high)
    middle = np.linspace(wire.low, wire.high, 65)
    bend = float(np.max(wire.curve.curvature(middle)))
    step = min(coarsest, turn / bend if bend > 0 else np.inf)
    return np.linspace(wire.low, wire.high, max(1, int(np.ceil(length / step))) + 1)


def _size(
    wires: Sequence[Wire],
    parts: Sequence[np.ndarray],
    vertices: np.ndarray,
    coarsest: float,
    sources: np.ndarray,
    spread: float,
) -> Size:
    """The smallest of: the coarsest, and what the curves and vertices ask for, growing with the distance from them."""
    places, sizes = [vertices], [sources]
    for wire, t in zip(wires, parts, strict=True):
        x = wire.curve.at((t[1:] + t[:-1]) / 2)
        h = wire.curve.length(float(t[0]), float(t[1]))
        if h < 0.9 * coarsest:
            places.append(x)
            sizes.append(np.full(len(x), h))
    at, own = np.vstack(places), np.concatenate(sizes)
    classes = np.floor(np.log2(own / own.max()))
    trees = [(float(own[classes == k].min()), cKDTree(at[classes == k])) for k in np.unique(classes)]  # thousands, in an outline

    def size(x: np.ndarray) -> np.ndarray:
        found = np.full(len(x), coarsest)
        for least, tree in trees:
            if least < coarsest:
                gap = tree.query(x, distance_upper_bound=(coarsest - least) / spread)[0]
                found = np.minimum(found, least + spread * gap)
        return found

    return size


def _graded(wire: Wire, size: Size) -> np.ndarray:
    """Parameters whose distances follow the size."""
    few = wire.curve.at(np.linspace(wire.low, wire.high, 5))
    if wire.curve.length(wire.low, wire.high) <= size(few).min():
        return np.array([wire.low, wire.high])
    span = wire.high - wire.low
    crowd = np.geomspace(1e-9, 1 / 400, 120)
    s = np.concatenate([[0.0], crowd, np.linspace(0, 1, 201)[1:-1], 1 - crowd[::-1], [1.0]])
    s = np.unique(s)
    middle = wire.low + span * (s[1:] + s[:-1]) / 2
    speed = np.hypot(*wire.curve.velocity(middle).T)
    total = np.concatenate([[0.0], np.cumsum(np.diff(s) * span * speed / size(wire.curve.at(middle)))])
    count = max(1, int(np.ceil(total[-1] - 1e-9)))
    found = wire.low + span * np.interp(np.linspace(0, total[-1], count + 1), total, s)
    found[0], found[-1] = wire.low, wire.high
    return np.asarray(found)


def _quadtree(
    size: Size, coarsest: float, inside: Callable[[np.ndarray], np.ndarray], bounds: np.ndarray
) -> np.ndarray:  # (N, 2)
    """Centres of squares about as large as the size there."""
    low, lengths = bounds[:, 0], bounds[:, 1] - bounds[:, 0]
    width = coarsest * 2 ** np.ceil(np.log2(float(lengths.max()) / coarsest))
    cells, found, count = np.array([low + lengths / 2]), [], 0
    while len(cells):
        fine = width <= 1.15 * size(cells)
        found.append(cells[fine])
        count += int(fine.sum())
        if count + 4 * int((~fine).sum()) > 4 * LARGEST:
            raise UnsupportedProblem(f"the triangulation would take more than {LARGEST} nodes")
        cells = (cells[~fine][:, None] + width / 4 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])).reshape(-1, 2)
        cells = cells[(np.abs(cells - low - lengths / 2) <= lengths / 2 + width / 4).all(axis=1)]
        width /= 2
    points = np.vstack(found)
    return points[inside(points)]


def _on_wires(
    wires: Sequence[Wire], parts: Sequence[np.ndarray], vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes on all wires, vertices first; the edges between them, their middles on the curves, and the wires of these."""
    nodes, edges, middles, owners = [vertices], [], [], []
    first = len(vertices)
    for k, (wire, t) in enumerate(zip(wires, parts, strict=True)):
        n = len(t) - 2
        chain = np.concatenate([[wire.first], first + np.arange(n), [wire.last]])
        nodes.append(wire.curve.at(t[1:-1]))
        edges.append(np.stack([chain[:-1], chain[1:]], axis=1))
        middles.append(wire.curve.at((t[1:] + t[:-1]) / 2))
        owners.append(np.full(n + 1, k))
        first += n
    return np.vstack(nodes), np.sort(np.vstack(edges), axis=1), np.vstack(middles), np.concatenate(owners)


def _apart(inner: np.ndarray, nodes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The inner points outside of the circles on the edges and off their nodes, which keeps the edges in the triangulation."""
    if not len(inner):
        return inner
    middle = nodes[edges].mean(axis=1)
    half = np.hypot(*(nodes[edges[:, 1]] - nodes[edges[:, 0]]).T) / 2
    keep = np.ones(len(inner), bool)
    gap, nearest = cKDTree(middle).query(inner, k=min(6, len(middle)))
    keep &= (gap.reshape(len(inner), -1) > 1.12 * half[nearest].reshape(len(inner), -1)).all(axis=1)
    return inner[keep]


def _smoothed(nodes: np.ndarray, inner: np.ndarray, inside: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Inner nodes in the middle of their neighbours."""
    for _ in range(SMOOTHINGS if len(inner) else 0):
        points = np.vstack([nodes, inner])
        t = Delaunay(points).simplices
        pairs = np.unique(np.sort(np.vstack([t[:, [0, 1]], t[:, [1, 2]], t[:, [0, 2]]]), axis=1), axis=0)
        total, count = np.zeros_like(points), np.zeros(len(points))
        for i, j in (pairs.T, pairs.T[::-1]):
            np.add.at(total, i, points[j])
            np.add.at(count, i, 1.0)
        moved = (total / np.maximum(count, 1)[:, None])[len(nodes) :]
        inner = np.where(inside(moved)[:, None], moved, inner)
    return inner


def _missing(mesh: Delaunay, edges: np.ndarray) -> np.ndarray:  # (E,) bool
    t = np.sort(mesh.simplices, axis=1)
    n = len(mesh.points)
    there = np.unique(np.concatenate([t[:, i] * n + t[:, j] for i, j in ((0, 1), (1, 2), (0, 2))]))
    return ~np.isin(edges[:, 0] * n + edges[:, 1], there)


def _halved(t: np.ndarray, which: np.ndarray) -> np.ndarray:
    return np.sort(np.concatenate([t, ((t[1:] + t[:-1]) / 2)[which]]))


def _clean(
    points: np.ndarray,
    mesh: Delaunay,
    edges: np.ndarray,
    middles: np.ndarray,
    owners: np.ndarray,
    inside: Callable[[np.ndarray], np.ndarray],
) -> Triangles:
    """Only the triangles of the domain, and the nodes that they use."""
    t = np.sort(mesh.simplices, axis=1)
    p, q, r = points[t[:, 0]], points[t[:, 1]], points[t[:, 2]]
    area = np.abs((q - p)[:, 0] * (r - p)[:, 1] - (q - p)[:, 1] * (r - p)[:, 0])
    longest = np.max([((a - b) ** 2).sum(axis=1) for a, b in ((p, q), (q, r), (p, r))], axis=0)
    t = t[(area > 1e-7 * longest) & inside((p + q + r) / 3)]
    used = np.unique(t)
    number = np.full(len(points), -1)
    number[used] = np.arange(len(used))
    mine = (number[edges] >= 0).all(axis=1)
    return Triangles(points[used], number[t], number[edges][mine], middles[mine], owners[mine])
