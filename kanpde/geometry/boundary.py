"""What really bounds a combination of shapes: its smooth pieces, the corners between them, and points on it.

The outlines of all shapes are cut at their common points (``arrangement``); an edge is on the boundary where exactly one of its
sides lies in the combination.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kanpde.geometry.arrangement import Arrangement, Edge, arrange
from kanpde.geometry.boundary_points import BoundaryPoints, Spacing, points_on
from kanpde.geometry.curves import TURN, Arc
from kanpde.geometry.pieces import Piece
from kanpde.geometry.polygons import in_polygon
from kanpde.geometry.shapes import Combination, Shape

FLAT = 1e-9
"""Angles nearer than this (in radians) are equal: a corner of pi is none, and two sides that leave alike touch each other."""


@dataclass(frozen=True, eq=False)
class Corner:
    """A point where two pieces meet at an angle.

    The domain lies counterclockwise from the direction ``start`` to ``start + angle`` (radians); piece ``after`` leaves along the
    first, and piece ``before`` arrives along the second. ``straight``: both are segments.
    """

    point: np.ndarray  # (2,)
    angle: float  # of the domain, in (0, 2 pi]; not pi, but where the boundary is divided on purpose
    start: float
    before: int
    after: int
    straight: bool


@dataclass(frozen=True, eq=False)
class Loop:
    """A closed curve of the boundary: the numbers of its pieces in order, and the area in it, negative around a hole."""

    pieces: tuple[int, ...]
    area: float

    @property
    def hole(self) -> bool:
        """Whether the domain lies around it."""
        return self.area < 0


@dataclass(frozen=True, eq=False)
class Boundary:
    """Pieces with the domain on their left; ``cusps`` (n, 2) are points where two of them leave with the domain's angle zero."""

    pieces: tuple[Piece, ...]
    corners: tuple[Corner, ...]
    loops: tuple[Loop, ...]
    cusps: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def length(self) -> float:
        """The length of the whole boundary."""
        return sum(piece.length for piece in self.pieces)

    @property
    def area(self) -> float:
        """The area of the domain."""
        return sum(loop.area for loop in self.loops)

    @cached_property
    def bounds(self) -> np.ndarray:  # (2, 2)
        """The smallest box around the domain."""
        extremes = np.vstack([piece.extremes() for piece in self.pieces])
        return np.stack([extremes.min(0), extremes.max(0)], 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The shapes whose outlines bound the domain somewhere."""
        return tuple(dict.fromkeys(name for piece in self.pieces for name in piece.names))

    def points(self, spacing: float | Spacing, gauss: int = 3) -> BoundaryPoints:
        """Composite Gauss-Legendre points on every piece, about ``spacing`` apart (a length, or one for each point)."""
        return points_on(self.pieces, spacing, gauss)

    def distance(
        self,
        x: np.ndarray,  # (N, 2)
    ) -> np.ndarray:  # (N,)
        """The distance of points from the boundary, on either side."""
        least = np.full(len(x), np.inf)
        for piece in self.pieces:
            np.minimum(least, piece.distance(x), out=least)
        return least

    def divided(
        self,
        label: Callable[[np.ndarray, np.ndarray], np.ndarray],  # x (N, 2), piece (N,) -> (N,) numbers
        samples: int = 200,
    ) -> Boundary:
        """The same boundary with every piece cut where ``label`` changes along it; the cuts are corners of angle pi.

        So are the points where one piece goes over into another smoothly, and the label changes there.

        Changes are looked for between ``samples`` points a piece and found to rounding by bisection.
        """
        from kanpde.geometry.divide import divided

        return divided(self, label, samples)


def boundary(shape: Shape | Combination) -> Boundary:
    """The boundary of a shape or combination. Raises ValueError if nothing or something endless is left of it."""
    if shape.dimension == 3:
        from kanpde.geometry.solids import solid_boundary

        return solid_boundary(shape)
    plan = arrange([shape])
    left, right = plan.covered(shape)
    on = np.flatnonzero(left != right)
    if not len(on):
        raise ValueError("the shape is empty")
    return bounded(plan, [(plan.edges[k], bool(right[k])) for k in on])


def bounded(plan: Arrangement, sides: Sequence[tuple[Edge, bool]]) -> Boundary:
    """The boundary that edges form; True for those that are followed backwards, to have the domain on their left."""
    names = [tuple(dict.fromkeys(plan.shapes[k].name for k in edge.owners)) for edge, _ in sides]
    runs, ends = _runs(sides, names)
    pieces = []
    for run, closed in runs:
        edge, reverse = sides[run[0]]
        spans = [sides[k][0].high - sides[k][0].low for k in run]
        low = sides[run[-1 if reverse else 0]][0].low
        high = low + TURN if closed else low + sum(spans) if len(run) > 1 else edge.high
        pieces.append(Piece(edge.curve, low, high, reverse, names[run[0]], closed))
    corners, cusps, follows = _corners(pieces, ends, plan.vertices)
    return Boundary(tuple(pieces), corners, _loops(pieces, follows), cusps)


def _runs(
    sides: Sequence[tuple[Edge, bool]], names: list[tuple[str, ...]]
) -> tuple[list[tuple[list[int], bool]], list[tuple[int, int]]]:
    """Edges that continue each other on one curve, joined; whether they close; and the vertices at both ends."""
    first = [edge.last if back else edge.first for edge, back in sides]
    last = [edge.first if back else edge.last for edge, back in sides]
    leaving: dict[int, list[int]] = {}
    arriving: dict[int, list[int]] = {}
    for k in range(len(sides)):
        leaving.setdefault(first[k], []).append(k)
        arriving.setdefault(last[k], []).append(k)
    ahead: dict[int, int] = {}
    for vertex, (k, *others) in arriving.items():
        following = leaving.get(vertex, [])
        if others or len(following) != 1:
            continue
        (m,) = following
        (a, back), (b, also) = sides[k], sides[m]
        if a.number == b.number and back == also and names[k] == names[m]:
            ahead[k] = m
    behind = {m: k for k, m in ahead.items()}
    runs: list[tuple[list[int], bool]] = []
    seen: set[int] = set()
    for k in [*(k for k in range(len(sides)) if k not in behind), *range(len(sides))]:
        if k in seen:
            continue
        run = [k]
        while ahead.get(run[-1], k) != k:
            run.append(ahead[run[-1]])
        seen.update(run)
        runs.append((run, ahead.get(run[-1]) == k))
    runs.sort(key=lambda run: min(run[0]))
    return runs, [(-1, -1) if closed else (first[run[0]], last[run[-1]]) for run, closed in runs]


def _corners(
    pieces: list[Piece], ends: list[tuple[int, int]], vertices: np.ndarray
) -> tuple[tuple[Corner, ...], np.ndarray, dict[int, int]]:
    """The corners, the cusps, and which piece follows each piece around the domain."""
    meeting: dict[int, list[tuple[int, bool]]] = {}  # vertex: (piece, whether it leaves)
    for k, (first, last) in enumerate(ends):
        if first >= 0:
            meeting.setdefault(first, []).append((k, True))
            meeting.setdefault(last, []).append((k, False))
    corners: list[Corner] = []
    cusps: list[np.ndarray] = []
    follows: dict[int, int] = {}
    for vertex, rays in meeting.items():
        if sum(1 if leaves else -1 for _, leaves in rays):
            raise ValueError("the region has no end: its boundary does not close")
        for after, before, angle, start in _sectors(pieces, rays):
            follows[before] = after
            if angle == 0:
                cusps.append(vertices[vertex])
            elif abs(angle - math.pi) > FLAT:
                straight = pieces[before].straight and pieces[after].straight
                corners.append(Corner(vertices[vertex], angle, start, before, after, straight))
    return tuple(corners), np.array(cusps).reshape(-1, 2), follows


def _sectors(pieces: list[Piece], rays: list[tuple[int, bool]]) -> list[tuple[int, int, float, float]]:
    """The sectors of the domain at a vertex: (piece after, piece before, angle, direction of the first).

    Sorted by direction and, of equal directions, by curvature, the pieces that leave and those that arrive take turns.
    """
    directions, bends = [], []
    for k, leaves in rays:
        s = np.array([0.0 if leaves else 1.0])
        along = pieces[k].velocity(s)[0] * (1 if leaves else -1)
        directions.append(math.atan2(along[1], along[0]))
        bends.append(float(pieces[k].curvature(s)[0]) * (1 if leaves else -1))
    angles = np.mod(np.array(directions) - directions[0], TURN)
    angles[angles > TURN - FLAT] = 0.0
    by_angle = np.argsort(angles, kind="stable")
    levels = np.zeros(len(rays), int)
    levels[by_angle[1:]] = np.cumsum(np.diff(angles[by_angle]) > FLAT)
    order = np.lexsort((np.array(bends), levels))
    found = []
    for k, ray in enumerate(order):
        if rays[ray][1]:
            following = order[(k + 1) % len(order)]
            if rays[following][1]:  # equal curvature, too: the one that arrives is meant
                following = next(int(r) for r in np.roll(order, -k - 1) if not rays[r][1])
            angle = float(np.mod(directions[following] - directions[ray], TURN))
            if levels[following] == levels[ray]:
                angle = 0.0 if k + 1 < len(order) else TURN
            found.append((rays[ray][0], rays[following][0], angle, directions[ray]))
    return found


def _loops(pieces: list[Piece], follows: dict[int, int]) -> tuple[Loop, ...]:
    loops: list[Loop] = []
    seen: set[int] = set()
    for k in range(len(pieces)):
        if k in seen:
            continue
        run = [k]
        while (following := follows.get(run[-1], k)) != k and following not in run:
            run.append(following)
        seen.update(run)
        origin = pieces[k].start
        loops.append(Loop(tuple(run), sum(pieces[m].swept(origin) for m in run)))
    return tuple(loops)


def centre_of(loop: Loop, pieces: Sequence[Piece]) -> np.ndarray:  # (2,)
    """A point well inside a loop: the centre of an ellipse, else the point of a fine grid farthest from the loop."""
    only = pieces[loop.pieces[0]].curve
    if len(loop.pieces) == 1 and isinstance(only, Arc):
        return only.centre
    line = np.vstack([pieces[k].at(np.linspace(0, 1, 2 if pieces[k].straight else 33)[:-1]) for k in loop.pieces])
    low, high = line.min(0), line.max(0)
    cells = (np.arange(41) + 0.5) / 41
    grid = np.stack(np.meshgrid(*(low + np.outer(cells, high - low)).T, indexing="ij"), -1).reshape(-1, 2)
    grid = grid[in_polygon(line, grid)]
    distance = np.min([pieces[k].distance(grid) for k in loop.pieces], 0)
    return np.asarray(grid[distance.argmax()])
