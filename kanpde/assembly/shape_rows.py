"""A problem on a shape, or on a box, as the rows of a tensor space: equations inside, conditions on the true boundary.

Points are tied to the grid: Gauss points in every cell, those of cut cells denser and kept where they lie inside; composite
Gauss points along the boundary, an interval about as long as the cells. Rows are divided by the characteristic size of their
operator; conditions weigh ``CONDITION`` times what the equation does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly.cells import CellSystem, Given, PointGroup, TensorSpace, Trimmed, Whole, point_groups
from kanpde.assembly.lifted import Equation
from kanpde.assembly.operator import Key, Operator
from kanpde.assembly.rows import CONDITION, GAUSS
from kanpde.geometry import Domain, Face, Place
from kanpde.kan.terms import Terms
from kanpde.problem.materials import Region, materials
from kanpde.problem.places import holds
from kanpde.problem.types import Problem, Residual

INTEGRAL = 4  # Gauss points more a cell where an integral is taken: exact to degree 13
PER_TERM = 5  # points on the boundary of a hole for each term around it; fewer, and the terms follow the points
CUT = 2  # Gauss points more, along each axis, in cells that the boundary cuts


def in_piece(name: str, piece: int) -> str:
    """The name of a field's copy in one region: the field's own in the first."""
    return f"{name}@{piece}" if piece else name


@dataclass
class InPiece:
    """An equation in one region: it sees that region's copies of the fields."""

    inner: Operator
    piece: int

    def __post_init__(self) -> None:
        self.linear = self.inner.linear
        self._own = {key: (in_piece(key[0], self.piece), key[1]) for key in self.inner.keys}
        self.keys = list(self._own.values())

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        residual, slopes = self.inner(points, {key: jets[own] for key, own in self._own.items()})
        return residual, {self._own[key]: slope for key, slope in slopes.items()}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """That of the equation."""
        return self.inner.size(slopes, lengths)


@dataclass
class Tie:
    """The same expression on both sides of an interface: their difference vanishes."""

    one: InPiece
    other: InPiece

    def __post_init__(self) -> None:
        self.linear = self.one.linear and self.other.linear
        self.keys = [*self.one.keys, *self.other.keys]

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        (a, slopes), (b, others) = self.one(points, jets), self.other(points, jets)
        return a - b, slopes | {key: -slope for key, slope in others.items()}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """The larger of both sides'."""
        return self.one.inner.size(slopes, lengths)


@dataclass
class Value:
    """Asks a field for given values, the last of the points' arguments."""

    key: Key
    linear: bool = True

    def __post_init__(self) -> None:
        self.keys = [self.key]

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        return jets[self.key] - points[-1], {self.key: torch.ones_like(points[-1])}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """One: values have the units of the field."""
        return 1.0


@dataclass(frozen=True)
class Side:
    """Points on a part of the boundary."""

    x: np.ndarray  # (N, d)
    normal: np.ndarray  # (N, d)
    weight: np.ndarray  # (N,)


class ShapeRows:
    """Builds the systems of one problem on tensor spaces; compiles each equation once."""

    def __init__(self, problem: Problem, terms: Terms | None, device: torch.device, dtype: torch.dtype) -> None:
        self.problem = problem
        self.device, self.dtype = device, dtype
        self.terms = terms
        self.axes = problem.domain.space_axes
        self.fields = tuple(f.name for f in problem.fields)
        self.materials = materials(problem)
        self.number = None if self.materials is None else self.materials.number
        regions = [None] if self.materials is None else list(self.materials.regions)
        self.names = tuple(in_piece(name, piece) for piece in range(len(regions)) for name in self.fields)
        self.equations: list[list[Equation]] = []  # by region
        self.conditions: list[list[tuple[Place, list[Equation]]]] = []
        self.points: list[list[tuple[tuple[float | None, ...], Equation]]] = []
        for piece, region in enumerate(regions):

            def made(residual: Residual, piece: int = piece, region: Region | None = region, normal: bool = False) -> Equation:
                resolved = residual if region is None else region.resolve(residual)
                return InPiece(Operator(resolved, problem, normal=self.axes if normal else None), piece)

            equations = problem.equations if region is None else region.equations
            self.equations.append([InPiece(Operator(residual, problem), piece) for residual in equations])
            self.conditions.append(
                [
                    (condition.place, [made(residual, normal=True) for residual in condition.residuals])
                    for condition in problem.conditions
                    if condition.kind == "boundary"
                ]
            )
            self.points.append(
                [
                    (condition.place.point, made(residual))
                    for condition in problem.conditions
                    if condition.place.point is not None
                    for residual in condition.residuals
                ]
            )

    @cached_property
    def closest(self) -> float:
        """The spacing on the boundary that tells the terms apart: five points for each term at one centre around a hole."""
        if self.terms is None or not self.problem.domain.region_axes:
            return math.inf
        boundary = self.problem.domain.boundary
        most = max(Counter(monomial.centre for monomial in self.terms.monomials).values())
        holes = [sum(boundary.pieces[i].length for i in loop.pieces) for loop in boundary.loops if loop.hole]
        return min(holes, default=math.inf) / (PER_TERM * most)

    @property
    def border(self) -> int:
        """The number of singular terms."""
        return 0 if self.terms is None else len(self.terms.coefficients)

    def interior(self, space: TensorSpace, more: int = 0) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Region, points (N, d) and weights (N,) of whole cells, and of cut cells; all weights together sum to one.

        ``more`` Gauss points along each axis than collocation takes.
        """
        domain = self.problem.domain
        breaks = _numbers(space)
        count = [_points(space, axis) + more for axis in range(len(breaks))]
        cells = np.array(list(np.ndindex(*space.intervals)))  # (C, d)
        x, w = _gauss_in(cells, breaks, count)
        d = x.shape[-1]
        inside = domain.contains(x.reshape(-1, d)).reshape(w.shape) if domain.region_axes else np.ones(w.shape, dtype=bool)
        region = np.zeros(w.shape, dtype=int) if self.number is None else self.number(x.reshape(-1, d)).reshape(w.shape)
        whole = inside.all(1) & (region == region[:, :1]).all(1)
        parts = [(x[whole].reshape(-1, d), w[whole].reshape(-1), region[whole].reshape(-1))]
        if not whole.all():
            near = ~whole & (self._touched(cells, breaks, inside) if domain.region_axes else True)
            x, w = _gauss_in(cells[near], breaks, [c + CUT for c in count])
            x, w = x.reshape(-1, d), w.reshape(-1)
            kept = domain.contains(x) if domain.region_axes else np.ones(len(x), dtype=bool)
            x, w = x[kept], w[kept]
            parts.append((x, w, np.zeros(len(x), dtype=int) if self.number is None else self.number(x)))
        total = sum(float(w.sum()) for _, w, _ in parts)
        return [(p, x[region == p], w[region == p] / total) for x, w, region in parts for p in np.unique(region).tolist()]

    def _touched(self, cells: np.ndarray, breaks: Sequence[np.ndarray], inside: np.ndarray) -> np.ndarray:  # (C,)
        """Cells that may hold a piece of the domain: with a Gauss point inside, or with a boundary point."""
        touched = inside.any(1)
        x = self.problem.domain.boundary.points(_spacing(breaks)).x
        found = [np.clip(np.searchsorted(b, x[:, a], side="right") - 1, 0, len(b) - 2) for a, b in enumerate(breaks)]
        shape = tuple(len(b) - 1 for b in breaks)
        hit = np.zeros(shape, dtype=bool)
        hit[tuple(found)] = True
        return np.asarray(touched | hit[tuple(cells.T)])

    def system(self, space: TensorSpace, given: Given | None = None) -> CellSystem:
        """The rows of the problem on a space; ``given`` is a function that the unknown one is added to."""
        lengths = [float(v) for v in self.problem.domain.lengths]
        groups: list[PointGroup] = []
        for piece, x, w in self.interior(space):
            points, weight = self._tensor(x), self._tensor(np.sqrt(w))
            groups += self._groups(space, self.equations[piece], points, weight, (), given)
        groups += self._boundary(space, given)
        groups += self._interfaces(space)
        for piece, found in enumerate(self.points):
            for place, op in found:
                point = np.array([list(place)], dtype=float)
                if self.number is None or int(self.number(point)[0]) == piece:
                    at = self._tensor(point)
                    groups += self._groups(space, [op], at, at.new_full((1,), CONDITION), (), given)
        return CellSystem(space, groups, lengths, self.names, self.border, self._wholes(space, given))

    def _wholes(self, space: TensorSpace, given: Given | None) -> list[Whole]:
        """One row for each integral that is given. Gauss points are exact for splines on whole cells only: on boxes."""
        wholes = []
        area = float(np.prod(self.problem.domain.lengths))
        for condition in self.problem.conditions:
            for integral in condition.integrals:
                parts = []
                for piece, x, w in self.interior(space, INTEGRAL):
                    op = InPiece(Operator(integral.integrand, self.problem), piece)
                    parts += self._groups(space, [op], self._tensor(x), self._tensor(w * area), (), given)
                wholes.append(Whole(parts, float(self.problem.with_values(integral.value)), CONDITION))
        return wholes

    def fit(self, space: TensorSpace, function: Trimmed) -> CellSystem:
        """The rows that ask for the values of a given function at the points inside and on the boundary."""
        value = (0,) * len(space.breaks)
        groups = []
        for piece, x, w in self.interior(space):
            points, weight = self._tensor(x), self._tensor(np.sqrt(w))
            values = function.in_region(piece, [(name, value) for name in self.fields], points)
            for name in self.fields:
                asked = [Value((in_piece(name, piece), value))]
                groups += point_groups(space, asked, points, weight, [values[name, value]], self.terms, self.names)
        return CellSystem(space, groups, [float(v) for v in self.problem.domain.lengths], self.names, self.border)

    def _boundary(self, space: TensorSpace, given: Given | None) -> list[PointGroup]:
        """The conditions, on the sides of a box or on the pieces of a shape's boundary."""
        domain = self.problem.domain
        size = float(np.prod(domain.lengths)) ** (1 - 1 / domain.dimension)  # of a side of the box
        groups = []
        for piece, conditions in enumerate(self.conditions):
            for place, ops in conditions:
                for points, mask in self._where(space, place):
                    mine = mask if self.number is None else mask & (self.number(points.x) == piece)
                    if mine.any():
                        weight = self._tensor(CONDITION * np.sqrt(points.weight[mine] / size))
                        normal = [self._tensor(points.normal[mine, i]) for i in range(len(self.axes))]
                        groups += self._groups(space, ops, self._tensor(points.x[mine]), weight, normal, given)
        return groups

    def _interfaces(self, space: TensorSpace) -> list[PointGroup]:
        """Value and flux are the same on both sides where two regions meet."""
        if self.materials is None:
            return []
        size = float(np.prod(self.problem.domain.lengths)) ** (1 - 1 / self.problem.domain.dimension)
        groups = []
        for interface in self.materials.interfaces(_spacing(_numbers(space)) / GAUSS, GAUSS):
            weight = self._tensor(CONDITION * np.sqrt(interface.weight / size))
            normal = [self._tensor(interface.normal[:, i]) for i in range(len(self.axes))]
            ties: list[Equation] = [
                Tie(
                    InPiece(Operator(one, self.problem, normal=self.axes), interface.first),
                    InPiece(Operator(other, self.problem, normal=self.axes), interface.second),
                )
                for one, other in interface.ties
            ]
            groups += self._groups(space, ties, self._tensor(interface.x), weight, normal, None)
        return groups

    def _where(self, space: TensorSpace, place: Place) -> Iterator[tuple[Side, np.ndarray]]:
        """Points on the boundary, and which of them a place means: sides of a box, or pieces of a shape's boundary."""
        domain = self.problem.domain
        if domain.region_axes:
            boundary = domain.boundary.points(min(_spacing(_numbers(space)) / GAUSS, self.closest), GAUSS)
            names = [domain.boundary.pieces[i].name for i in boundary.piece]
            yield Side(boundary.x, boundary.normal, boundary.weight), holds(place, domain, boundary.x, names)
            return
        for face in place.faces:
            side = on_face(space, domain, face)
            everywhere = np.ones(len(side.x), dtype=bool)
            yield side, everywhere if place.predicate is None else holds(place, domain, side.x, None)

    def _groups(
        self,
        space: TensorSpace,
        ops: Sequence[Equation],
        x: Tensor,
        weight: Tensor,
        normal: Sequence[Tensor],
        given: Given | None,
    ) -> list[PointGroup]:
        return point_groups(space, ops, x, weight, normal, self.terms, self.names, given)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values)).to(self.device, self.dtype)


def on_face(space: TensorSpace, domain: Domain, face: Face) -> Side:
    """Gauss points on one side of a box, and its normal."""
    breaks = _numbers(space)
    others = [axis for axis in range(len(breaks)) if axis != face.axis]
    cells = np.array(list(np.ndindex(*(space.intervals[axis] for axis in others))))  # (C, d - 1)
    x, w = _gauss_in(cells, [breaks[axis] for axis in others], [_points(space, axis) for axis in others])
    inner = x.reshape(w.size, len(others))
    normal = np.zeros((len(inner), len(breaks)))
    normal[:, face.axis] = face.side
    return Side(np.insert(inner, face.axis, domain.position(face), axis=1), normal, w.reshape(-1))


def _points(space: TensorSpace, axis: int) -> int:
    """Gauss points a cell: three, or as many as give one for every spline."""
    return max(GAUSS, math.ceil(space.functions[axis] / space.intervals[axis]))


def _numbers(space: TensorSpace) -> list[np.ndarray]:
    return [b.cpu().numpy() for b in space.breaks]


def _spacing(breaks: Sequence[np.ndarray]) -> float:
    return float(min(np.diff(b).min() for b in breaks))


def _gauss_in(
    cells: np.ndarray,  # (C, d)
    breaks: Sequence[np.ndarray],
    count: Sequence[int],
) -> tuple[np.ndarray, np.ndarray]:  # (C, M, d), (C, M)
    """Tensor products of Gauss points in cells, and their weights."""
    x, w = np.zeros((len(cells), 1, 0)), np.ones((len(cells), 1))
    for axis, (b, n) in enumerate(zip(breaks, count, strict=True)):
        nodes, weights = np.polynomial.legendre.leggauss(n)
        low, h = b[cells[:, axis]], np.diff(b)[cells[:, axis]]
        mine = low[:, None] + h[:, None] * (nodes + 1) / 2  # (C, n)
        m = x.shape[1]
        x = np.concatenate([np.repeat(x, n, 1), np.tile(mine, (1, m))[:, :, None]], 2)
        w = np.repeat(w, n, 1) * np.tile(h[:, None] * weights / 2, (1, m))
    return x, w
