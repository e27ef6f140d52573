"""The boundary in points, side by side, with the conditions that hold at each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kanpde.geometry import Domain, Face
from kanpde.problem.types import Condition, Problem
from kanpde.problem.where import holds

ON_A_LINE, ON_A_SQUARE = 40, 12
"""Gauss points along each coordinate of a side; even numbers, so that none lies in the middle, where conditions often change."""

ACROSS, ACROSS_IN_SPACE = 120, 24
"""Points across a shape that its outline gets."""


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a box (``x = 0``), or what the outline of one shape contributes to the boundary (``hole``).

    At points ``x`` in all coordinates, with unit normals out of the domain and weights of a quadrature; ``holds`` tells which of
    the boundary conditions hold at each.
    """

    text: str
    face: Face | None  # None on the outline of a shape
    x: np.ndarray  # (N, d)
    normal: np.ndarray  # (N, space)
    weight: np.ndarray  # (N,)
    holds: np.ndarray  # (N, conditions) bool
    conditions: tuple[Condition, ...]

    @cached_property
    def counts(self) -> np.ndarray:  # (N,) int
        """How many equations hold at each point."""
        return np.asarray(self.holds @ np.array([len(c.residuals) for c in self.conditions], int).reshape(-1))

    def where(self, mask: np.ndarray, problem: Problem) -> str:
        """The side in words, or the part of it where ``mask`` (N,) is true."""
        name = self.text if self.face is not None else f"'{self.text}'"
        if mask.all():
            return name
        return f"a part of {name}, near {point_text(self.x[np.flatnonzero(mask)[mask.sum() // 2]], problem)}"


def point_text(
    x: np.ndarray,  # (d,)
    problem: Problem,
) -> str:
    """``x = 0.25, y = 1``, without time."""
    return ", ".join(f"{problem.coordinates[a]} = {x[a] + 0.0:.3g}" for a in problem.domain.space_axes)


def rim(problem: Problem, at: float = 0.5, finer: int = 1) -> tuple[Side, ...]:
    """All sides of the boundary in space, ``at`` a part of the time, with ``finer`` times as many points along each coordinate.

    Nothing for a shape with another coordinate of space.
    """
    domain = problem.domain
    conditions = tuple(c for c in problem.conditions if c.kind == "boundary")
    if domain.is_box:
        return tuple(_side(face, problem, conditions, at, finer) for face in domain.faces())
    if domain.region_axes != domain.space_axes:
        return ()
    pieces = domain.boundary.pieces
    across = finer * (ACROSS if len(domain.region_axes) == 2 else ACROSS_IN_SPACE)
    spacing = float(np.ptp(domain.boundary.bounds, 1).max()) / across
    points = domain.boundary.points(spacing, 4)
    sides = []
    for name in dict.fromkeys(piece.name for piece in pieces):
        own = points.kept(np.array([piece.name == name for piece in pieces])[points.piece])
        x = full_points(domain, own.x, domain.space_axes, at)
        names = [pieces[k].names for k in own.piece]
        masks = [holds(c.place, domain, x, names) for c in conditions]
        sides.append(Side(name, None, x, own.normal, own.weight, _columns(masks, x), conditions))
    return tuple(sides)


def _side(face: Face, problem: Problem, conditions: tuple[Condition, ...], at: float, finer: int) -> Side:
    domain = problem.domain
    others = [axis for axis in domain.space_axes if axis != face.axis]
    nodes, weights = np.polynomial.legendre.leggauss(finer * (ON_A_LINE if len(others) == 1 else ON_A_SQUARE))
    lines = [domain.bounds[a].mean() + domain.lengths[a] / 2 * nodes for a in others]
    mesh = [part.ravel() for part in np.meshgrid(*lines, indexing="ij")]
    parts = np.meshgrid(*(domain.lengths[a] / 2 * weights for a in others), indexing="ij")
    weight = np.prod([part.ravel() for part in parts], 0) if others else np.ones(1)
    inner = np.stack(mesh, 1) if others else np.zeros((1, 0))
    x = full_points(domain, inner, tuple(others), at)
    x[:, face.axis] = domain.position(face)
    normal = np.zeros((len(x), len(domain.space_axes)))
    normal[:, domain.space_axes.index(face.axis)] = face.side
    masks = [holds(c.place, domain, x) if face in c.place.faces else np.zeros(len(x), bool) for c in conditions]
    return Side(face_text(face, problem), face, x, normal, np.asarray(weight), _columns(masks, x), conditions)


def _columns(masks: list[np.ndarray], x: np.ndarray) -> np.ndarray:  # (N, conditions)
    return np.array(masks, bool).reshape(len(masks), len(x)).T


def full_points(
    domain: Domain,
    inner: np.ndarray,  # (N, k)
    axes: tuple[int, ...],  # k of them
    at: float,
) -> np.ndarray:  # (N, d)
    """Points in all coordinates from those in some: the others are ``at`` a part of their interval."""
    full = np.broadcast_to(domain.bounds[:, 0] + at * domain.lengths, (len(inner), domain.dimension)).copy()
    full[:, list(axes)] = inner
    return full


def face_text(face: Face, problem: Problem) -> str:
    """``x = 0``."""
    name = problem.coordinates[face.axis]
    return f"{name} = {problem.limits[name][(face.side + 1) // 2]}"
