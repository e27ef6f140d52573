"""The boundary of a plane domain as a judge samples it: its pieces, its corners, a point in each hole, and what is asked where.

Gauss points on intervals that shrink geometrically towards the ends of a piece that ends in a corner, because solutions there
behave like broken powers of the distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain
from kanpde.geometry.boundary import Boundary, boundary, centre_of
from kanpde.geometry.boundary_points import BoundaryPoints
from kanpde.geometry.shapes import rectangle
from kanpde.problem.types import Condition, Problem
from kanpde.problem.where import holds
from kanpde.reference.pointwise import Pointwise

NEAREST = 1e-14
"""The shortest interval, relative to a piece: distances below are round-off of the coordinates."""

GROWTH = 1.6
"""Each interval is at most this much longer than its neighbour towards the corner; poles are 1.3 apart and more."""

GAUSS = 4
"""Points an interval."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The boundary of a problem's domain, divided where its conditions change."""

    problem: Problem
    boundary: Boundary

    @property
    def domain(self) -> Domain:
        """Where the problem lives."""
        return self.problem.domain

    @property
    def size(self) -> float:
        """The longer side of the box around the domain."""
        return float(self.domain.lengths.max())

    @cached_property
    def corners(self) -> np.ndarray:  # (C,) complex
        """Where the pieces meet at an angle, or the conditions change."""
        return np.array([complex(*c.point) for c in self.boundary.corners], dtype=complex)

    @cached_property
    def outward(self) -> np.ndarray:  # (C,)
        """The direction at each corner of the bisector of what lies outside."""
        return np.array([c.start + c.angle / 2 + math.pi for c in self.boundary.corners])

    @cached_property
    def holes(self) -> tuple[tuple[complex, tuple[int, ...]], ...]:
        """A point in each hole, and the pieces around it."""
        pieces = self.boundary.pieces
        return tuple((complex(*centre_of(loop, pieces)), loop.pieces) for loop in self.boundary.loops if loop.hole)

    def samples(self, spacing: np.ndarray, nearest: float = NEAREST) -> BoundaryPoints:
        """Points ``spacing`` (pieces,) apart on each piece, and crowded towards the corners, down to ``nearest``."""
        nodes, weights = np.polynomial.legendre.leggauss(GAUSS)
        x, normal, weight, number = [], [], [], []
        for k, piece in enumerate(self.boundary.pieces):
            ends = (complex(*piece.start), complex(*piece.end))
            sharp = [bool(np.abs(self.corners - end).min(initial=np.inf) < 1e-9 * self.size) for end in ends]
            widest = min(GAUSS * spacing[k] / piece.length, 0.25)
            low, high = (_half(widest, max(nearest, NEAREST) if s else 0.0) for s in sharp)
            breaks = np.concatenate([low, 1 - high[-2::-1]])
            half = np.diff(breaks)[:, None] / 2
            s = (breaks[:-1, None] + half * (nodes + 1)).ravel()
            x.append(piece.at(s))
            normal.append(piece.normal(s))
            weight.append((half * weights).ravel() * np.hypot(*piece.velocity(s).T))
            number.append(np.full(len(s), k))
        return BoundaryPoints(np.vstack(x), np.vstack(normal), np.concatenate(weight), np.concatenate(number))

    def gap(self, x: np.ndarray) -> np.ndarray:  # (N, 2) -> (N,)
        """The distance to the nearest corner, relative to the size of the domain, between round-off and one."""
        z = x[:, 0] + 1j * x[:, 1]
        nearest = np.full(len(x), self.size)
        for corner in self.corners:
            nearest = np.minimum(nearest, np.abs(z - corner))
        return np.maximum(nearest / self.size, 1e-15)

    def conditions(self, points: BoundaryPoints) -> list[tuple[Pointwise, np.ndarray]]:
        """Every boundary condition with the numbers of the points that it holds at.

        Looked up in the middle of each piece: near its ends a point is on the neighbouring side as well, within the tolerance.
        """
        found, named = [], np.zeros(points.count, bool)
        pieces = self.boundary.pieces
        middles = np.vstack([piece.at(np.array([0.5])) for piece in pieces])
        for condition, held in masks(self.problem, self.boundary, middles, np.arange(len(pieces))):
            mask = held[points.piece]
            named |= mask
            for r in condition.residuals:
                residual = r.on_boundary((0, 1), self.problem.coordinates)
                found.append((Pointwise(self.problem, residual, normals=True), np.flatnonzero(mask)))
        if not named.all():
            place = ", ".join(f"{x:.3g}" for x in points.x[~named][0])
            raise UnsupportedProblem(f"no condition is given on the boundary at ({place})")
        return found


def outline(problem: Problem) -> Outline:
    """The outline of a problem in the plane, in a shape or in a box."""
    domain = problem.domain
    whole = boundary(rectangle("box", *map(tuple, domain.bounds.T.tolist()))) if domain.is_box else domain.boundary

    def label(x: np.ndarray, piece: np.ndarray) -> np.ndarray:
        held = [mask for _, mask in masks(problem, whole, x, piece)]
        return sum((2**k * mask for k, mask in enumerate(held)), np.zeros(len(x), int))

    return Outline(problem, whole.divided(label))


def masks(problem: Problem, whole: Boundary, x: np.ndarray, piece: np.ndarray) -> list[tuple[Condition, np.ndarray]]:
    """Every boundary condition, and at which of the points x (N, 2), on pieces (N,), it holds."""
    names = None if problem.domain.is_box else [whole.pieces[k].names for k in piece]
    conditions = [c for c in problem.conditions if c.kind == "boundary"]
    return [(c, np.asarray(holds(c.place, problem.domain, x, names))) for c in conditions]


def _half(widest: float, nearest: float) -> np.ndarray:
    """Break points from 0 to 1/2, graded towards 0 down to ``nearest``, if that is not zero."""
    if not nearest:
        return np.linspace(0.0, 0.5, max(2, math.ceil(0.5 / widest)) + 1)
    points = [0.0, nearest]
    while points[-1] < 0.5:
        points.append(points[-1] + min((GROWTH - 1) * points[-1], widest))
    if 0.5 - points[-2] < 0.3 * (points[-1] - points[-2]):
        points.pop()
    points[-1] = 0.5
    return np.array(points)
