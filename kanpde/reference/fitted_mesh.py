"""The triangulation of a problem's domain: which lines it follows, how fine it is where, and what holds in which part of it.

It is finest in corners, where conditions change, and where an interface ends: a solution there is like r^a, and smallest
triangles of size h leave an error of h^(1 + a) beside them, a being pi by the angle, and half of that where conditions change.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree
from skfem import MeshTri1, MeshTri2

from kanpde.geometry.arrangement import arrange
from kanpde.geometry.curves import Arc, Curve
from kanpde.geometry.shapes import rectangle
from kanpde.problem.materials import Materials
from kanpde.reference.outline import Outline, masks
from kanpde.reference.triangles import Wire, triangulate

SAME = 1e-9
"""Points nearer than this part of the domain are one."""

SMALLEST = 5e-7
"""The smallest triangles, relative to the domain: Delaunay's test sees the square of it beside one."""

JUNCTION = 1 / 3
"""The power of r where an interface ends or bends: materials that differ much have smaller ones, at the price of their error."""


@dataclass(frozen=True, eq=False)
class FittedMesh:
    """A mesh with curved edges, the edges of each piece of the boundary, and the region of each triangle."""

    mesh: MeshTri2
    facets: tuple[np.ndarray, ...]  # by piece of the boundary: (n,) int
    region: np.ndarray  # (T,) int


def fitted_mesh(border: Outline, materials: Materials | None, coarsest: float, accuracy: float) -> FittedMesh:
    """The mesh with edges of ``coarsest`` at most, so fine at singular points that they leave errors of ``accuracy``."""
    inner = [] if materials is None else _interfaces(border, materials)
    pieces = border.boundary.pieces
    tolerance = SAME * border.size
    ends, junctions = _junctions(border, inner, tolerance)
    parts: list[tuple[Curve, float, float]] = []
    owner: list[int] = []
    for k, piece in enumerate(pieces):
        cuts = [piece.low, piece.high, *([(piece.low + piece.high) / 2] if piece.closed else [])]
        if len(ends):
            on = ends[piece.distance(ends) < tolerance]
            t = piece.curve.parameter(on)
            if isinstance(piece.curve, Arc):
                t = piece.low + np.mod(t - piece.low + 1e-9, 2 * np.pi) - 1e-9
            cuts += [float(s) for s in t if piece.low + 1e-9 * (piece.high - piece.low) < s < piece.high - 1e-9]
        cuts = sorted(cuts)
        parts += [(piece.curve, low, high) for low, high in pairwise(cuts)]
        owner += [k] * (len(cuts) - 1)
    parts += inner
    owner += [-1] * len(inner)
    both = np.vstack([curve.at(np.array([low, high])) for curve, low, high in parts])  # (2 W, 2)
    vertices = _distinct(both, tolerance)
    number = cKDTree(vertices).query(both)[1].reshape(-1, 2)
    wires = [Wire(*part, int(i), int(j)) for part, (i, j) in zip(parts, number, strict=True)]
    sources = _sources(border, vertices, junctions, coarsest, accuracy)
    found = triangulate(wires, vertices, border.domain.contains, border.domain.bounds, coarsest, sources)
    mesh = MeshTri2.from_mesh(MeshTri1(found.nodes.T.copy(), found.triangles.T.copy()))
    n = len(found.nodes)
    keys = mesh.facets[0] * n + mesh.facets[1]
    order = np.argsort(keys)
    facet = order[np.searchsorted(keys[order], found.edges[:, 0] * n + found.edges[:, 1])]
    mesh.doflocs[:, n + facet] = found.middles.T
    centres = found.nodes[found.triangles].mean(axis=1)
    region = np.zeros(len(centres), int) if materials is None else materials.number(centres)
    of = np.array(owner)[found.wires]
    return FittedMesh(mesh, tuple(facet[of == k] for k in range(len(pieces))), region)


def _interfaces(border: Outline, materials: Materials) -> list[tuple[Curve, float, float]]:
    """The curves in the domain with different regions on their two sides."""
    domain = border.domain
    whole = rectangle("box", *map(tuple, domain.bounds.T.tolist())) if domain.is_box else domain.shape
    plan = arrange([whole, *materials.sides])
    left, right = plan.covered(whole)
    found = []
    for edge, one, other in zip(plan.edges, left, right, strict=True):
        middle = np.array([(edge.low + edge.high) / 2])
        along = edge.curve.velocity(middle)[0]
        step = 1e-6 * border.size * np.array([-along[1], along[0]]) / np.hypot(*along)
        sides = materials.number(edge.curve.at(middle) + np.stack([step, -step]))
        if one and other and sides[0] != sides[1]:
            found.append((edge.curve, edge.low, edge.high))
    return found


def _junctions(
    border: Outline, inner: list[tuple[Curve, float, float]], tolerance: float
) -> tuple[np.ndarray, np.ndarray]:  # (n, 2), (m, 2)
    """The ends of all interfaces; and those of them where the solution is singular: not where one continues smoothly."""
    if not inner:
        return np.zeros((0, 2)), np.zeros((0, 2))
    points = np.vstack([c.at(np.array([low, high])) for c, low, high in inner])
    inward = np.vstack([c.velocity(np.array([low, high])) * [[1], [-1]] for c, low, high in inner])
    inward /= np.hypot(*inward.T)[:, None]
    ends = _distinct(points, tolerance)
    owner = cKDTree(ends).query(points)[1]
    singular = border.boundary.distance(ends) < tolerance
    for k in range(len(ends)):
        rays = inward[owner == k]
        singular[k] |= len(rays) != 2 or float(np.abs(rays.sum(axis=0)).max()) > SAME
    return ends, ends[singular]


def _sources(border: Outline, vertices: np.ndarray, junctions: np.ndarray, coarsest: float, accuracy: float) -> np.ndarray:
    """The size of triangles at every vertex."""
    found = np.full(len(vertices), coarsest)
    tree = cKDTree(vertices)
    pieces = border.boundary.pieces
    middles = np.vstack([piece.at(np.array([0.5])) for piece in pieces])
    held = np.array([mask for _, mask in masks(border.problem, border.boundary, middles, np.arange(len(pieces)))])  # (C, pieces)
    singular = [(point, JUNCTION, 1.0) for point in junctions]
    for corner in border.boundary.corners:
        alike = bool((held[:, corner.before] == held[:, corner.after]).all())
        power = np.pi / corner.angle if alike else np.pi / (2 * corner.angle)
        strength = min(1.0, abs(1 - power)) if alike else 1.0  # a corner that is nearly straight is nearly none
        singular.append((corner.point, power, strength))
    for point, power, strength in singular:
        at = tree.query(point)[1]
        size = (accuracy / max(strength, accuracy)) ** (1 / (1 + power))
        found[at] = min(found[at], border.size * max(size, SMALLEST))
    return found


def _distinct(points: np.ndarray, tolerance: float) -> np.ndarray:  # (N, 2) -> (V, 2)
    """Each point once."""
    first = [min(near) == i for i, near in enumerate(cKDTree(points).query_ball_point(points, tolerance))]
    return points[np.array(first)]
