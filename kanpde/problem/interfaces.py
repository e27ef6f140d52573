"""Points on the interfaces between regions, with unit normals that point from one region into the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kanpde.geometry import Combination, Domain, Shape, boundary
from kanpde.problem.sides import whole_box
from kanpde.problem.types import Residual

STEP = 1e-7
"""How far beside an interface, relative to the domain, the region of a point is looked up: far above round-off."""

MAX_CUTS = 4
"""Other sides up to which an interface is cut where they cross it, which takes two boundaries for each."""

TRIED = 50
"""Points along each coordinate that tell whether a cell is empty."""

Number = Callable[[np.ndarray], np.ndarray]
"""(N, d) points -> (N,) numbers of their regions."""


@dataclass(frozen=True, eq=False)
class Interface:
    """Where two regions meet, as points in space; in time, at every time.

    Of each pair in ``ties`` the first, in the jets of region ``first``, equals the second, in those of region ``second``. Both
    may contain the components of the normal (``normal_component``), which points from ``first`` into ``second``.
    """

    first: int
    second: int
    x: np.ndarray  # (N, space)
    normal: np.ndarray  # (N, space), unit vectors
    weight: np.ndarray  # (N,) arc length or area that a point stands for; 1 in one coordinate
    ties: tuple[tuple[Residual, Residual], ...] = ()


def interfaces(
    domain: Domain,
    sides: Sequence[Shape],
    number: Number,
    spacing: float | Callable[[np.ndarray], np.ndarray],
    gauss: int = 3,
) -> list[Interface]:
    """The points on the boundaries of ``sides`` at which the region changes, for each pair of regions."""
    found: dict[tuple[int, int], list[np.ndarray]] = {}
    for shape in sides:
        rows = _edge(shape, sides, domain, spacing, gauss)  # (N, space + space + 1): point, normal, weight
        n = len(domain.space_axes)
        step = STEP * domain.lengths[list(domain.space_axes)].max() * rows[:, n : 2 * n]
        ends = [rows[:, :n] - step, rows[:, :n] + step]
        within = _inside(domain, ends[0]) & _inside(domain, ends[1])
        behind, before = (number(_full(domain, x)) for x in ends)
        rows[behind > before, n : 2 * n] *= -1
        pairs = np.sort(np.stack([behind, before], 1), 1)
        for first, second in np.unique(pairs, axis=0).tolist():
            own = within & (pairs == (first, second)).all(1)
            if first != second and own.any():
                found.setdefault((first, second), []).append(rows[own])
    return [_interface(first, second, np.concatenate(rows)) for (first, second), rows in sorted(found.items())]


def _interface(first: int, second: int, rows: np.ndarray) -> Interface:
    n = rows.shape[1] // 2
    return Interface(first, second, rows[:, :n], rows[:, n : 2 * n], rows[:, -1])


def _edge(
    shape: Shape,
    sides: Sequence[Shape],
    domain: Domain,
    spacing: float | Callable[[np.ndarray], np.ndarray],
    gauss: int,
) -> np.ndarray:  # (N, space + space + 1)
    """The boundary of one side within the domain: points, normals and weights."""
    if len(domain.space_axes) == 1:
        normal, offset = shape.arguments
        return np.array([[offset / normal[0], np.sign(normal[0]), 1.0]])
    own = replace(shape, name="interface")
    rows = []
    for cell in _cells(shape, sides, domain):
        edge = boundary(Combination("&", (own, cell)))
        points = edge.points(spacing, gauss)
        mask = np.array([piece.name == own.name for piece in edge.pieces])[points.piece]
        rows.append(np.hstack([points.x, points.normal, points.weight[:, None]])[mask])
    return np.concatenate(rows)


def _cells(shape: Shape, sides: Sequence[Shape], domain: Domain) -> list[Shape | Combination]:
    """The domain, cut by the other sides, so that points begin and end where these cross the interface."""
    whole = whole_box(domain)
    cells: list[Shape | Combination] = [whole if domain.is_box else domain.shape]
    others = [s for s in sides if s is not shape]
    if len(domain.space_axes) == 2 and len(others) <= MAX_CUTS:
        for other in others:
            cells = [Combination(sign, (cell, other)) for cell in cells for sign in "&-"]
    assert whole.bounds is not None
    lines = [low + (high - low) * (np.arange(TRIED) + 0.5) / TRIED for low, high in whole.bounds]
    x = np.stack([part.ravel() for part in np.meshgrid(*lines)], 1)
    return [cell for cell in cells if (cell.contains(x) & shape.contains(x)).any()]


def _full(
    domain: Domain,
    x: np.ndarray,  # (N, space)
) -> np.ndarray:  # (N, d)
    """Points of space as points of the domain, at the first time."""
    full = np.broadcast_to(domain.bounds[:, 0], (len(x), domain.dimension)).copy()
    full[:, list(domain.space_axes)] = x
    return full


def _inside(domain: Domain, x: np.ndarray) -> np.ndarray:
    return domain.contains(_full(domain, x))
