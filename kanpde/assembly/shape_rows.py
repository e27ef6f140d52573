"""A problem on a shape, or on a box, as the rows of a tensor space: equations inside, conditions on the true boundary.

Points are tied to the grid: Gauss points in every cell, those of cut cells denser and kept where they lie inside; composite
Gauss points along the boundary, an interval about as long as the cells. Rows are divided by the characteristic size of their
operator; conditions weigh ``CONDITION`` times what the equation does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly.cells import CellSystem, Given, PointGroup, TensorSpace, Trimmed, point_group
from kanpde.assembly.operator import Key, Operator
from kanpde.assembly.rows import CONDITION, GAUSS
from kanpde.geometry import Domain, Face, Place
from kanpde.kan.terms import Terms
from kanpde.problem.places import holds
from kanpde.problem.types import Problem

CUT = 2  # Gauss points more, along each axis, in cells that the boundary cuts


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
class FacePoints:
    """Points on a side of a box: what ``BoundaryPoints`` is for shapes."""

    x: np.ndarray  # (N, d)
    normal: np.ndarray  # (N, d)
    weight: np.ndarray  # (N,)


class ShapeRows:
    """Builds the systems of one problem on tensor spaces; compiles each equation once."""

    def __init__(self, problem: Problem, terms: Terms | None, device: torch.device, dtype: torch.dtype) -> None:
        self.problem = problem
        self.device, self.dtype = device, dtype
        self.terms = terms
        self.names = tuple(f.name for f in problem.fields)
        domain = problem.domain
        self.axes = domain.space_axes
        self.equations = [Operator(residual, problem) for residual in problem.equations]
        self.conditions = [
            (condition.place, Operator(residual, problem, normal=self.axes))
            for condition in problem.conditions
            if condition.kind == "boundary"
            for residual in condition.residuals
        ]
        self.points = [
            (condition.place.point, Operator(residual, problem))
            for condition in problem.conditions
            if condition.place.point is not None
            for residual in condition.residuals
        ]

    @property
    def border(self) -> int:
        """The number of singular terms."""
        return 0 if self.terms is None else len(self.terms.coefficients)

    def interior(self, space: TensorSpace) -> list[tuple[np.ndarray, np.ndarray]]:
        """Points (N, d) and weights (N,) of whole cells, and of cut cells; all weights together sum to one."""
        domain = self.problem.domain
        breaks = _numbers(space)
        count = [_points(space, axis) for axis in range(len(breaks))]
        cells = np.array(list(np.ndindex(*space.intervals)))  # (C, d)
        x, w = _gauss_in(cells, breaks, count)
        if not domain.region_axes:
            return [(x.reshape(-1, x.shape[-1]), w.reshape(-1) / w.sum())]
        inside = domain.contains(x.reshape(-1, x.shape[-1])).reshape(w.shape)
        whole = inside.all(1)
        parts = [(x[whole].reshape(-1, x.shape[-1]), w[whole].reshape(-1))]
        if not whole.all():
            near = ~whole & self._touched(cells, breaks, inside)
            x, w = _gauss_in(cells[near], breaks, [c + CUT for c in count])
            kept = domain.contains(x.reshape(-1, x.shape[-1]))
            parts.append((x.reshape(-1, x.shape[-1])[kept], w.reshape(-1)[kept]))
        total = sum(float(w.sum()) for _, w in parts)
        return [(x, w / total) for x, w in parts if len(w)]

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
        for x, w in self.interior(space):
            points, weight = self._tensor(x), self._tensor(np.sqrt(w))
            groups += [self._group(space, op, points, weight, (), given) for op in self.equations]
        groups += self._boundary(space, given)
        for place, op in self.points:
            point = self._tensor(np.array([[v for v in place]], dtype=float))
            groups.append(self._group(space, op, point, point.new_full((1,), CONDITION), (), given))
        return CellSystem(space, groups, lengths, self.names, self.border)

    def fit(self, space: TensorSpace, function: Trimmed) -> CellSystem:
        """The rows that ask for the values of a given function at the points inside and on the boundary."""
        value = (0,) * len(space.breaks)
        groups = []
        for x, w in self.interior(space):
            points, weight = self._tensor(x), self._tensor(np.sqrt(w))
            values = function([(name, value) for name in self.names], points)
            groups += [
                point_group(space, Value((name, value)), points, weight, [values[name, value]], self.terms, self.names)
                for name in self.names
            ]
        return CellSystem(space, groups, [float(v) for v in self.problem.domain.lengths], self.names, self.border)

    def _boundary(self, space: TensorSpace, given: Given | None) -> list[PointGroup]:
        """The conditions, on the sides of a box or on the pieces of a shape's boundary."""
        domain = self.problem.domain
        size = float(np.prod(domain.lengths)) ** (1 - 1 / domain.dimension)  # of a side of the box
        if domain.region_axes:
            boundary = domain.boundary.points(_spacing(_numbers(space)) / GAUSS, GAUSS)
            names = [domain.boundary.pieces[i].name for i in boundary.piece]
            found = [(op, boundary, holds(place, domain, boundary.x, names)) for place, op in self.conditions]
        else:
            found = [
                (op, on_face(space, domain, face), None if place.predicate is None else place)
                for place, op in self.conditions
                for face in place.faces
            ]
        groups = []
        for op, points, here in found:
            mask = here if isinstance(here, np.ndarray) else np.ones(len(points.x), dtype=bool)
            if isinstance(here, Place):
                mask = holds(here, domain, points.x, None)
            if mask.any():
                weight = self._tensor(CONDITION * np.sqrt(points.weight[mask] / size))
                normal = [self._tensor(points.normal[mask, i]) for i in range(len(self.axes))]
                groups.append(self._group(space, op, self._tensor(points.x[mask]), weight, normal, given))
        return groups

    def _group(
        self, space: TensorSpace, op: Operator, x: Tensor, weight: Tensor, normal: Sequence[Tensor], given: Given | None
    ) -> PointGroup:
        return point_group(space, op, x, weight, normal, self.terms, self.names, given)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values)).to(self.device, self.dtype)


def on_face(space: TensorSpace, domain: Domain, face: Face) -> FacePoints:
    """Gauss points on one side of a box, and its normal."""
    breaks = _numbers(space)
    others = [axis for axis in range(len(breaks)) if axis != face.axis]
    cells = np.array(list(np.ndindex(*(space.intervals[axis] for axis in others)))).reshape(-1, len(others))
    x, w = _gauss_in(cells, [breaks[axis] for axis in others], [_points(space, axis) for axis in others])
    inner = x.reshape(-1, len(others))
    normal = np.zeros((len(inner), len(breaks)))
    normal[:, face.axis] = face.side
    return FacePoints(np.insert(inner, face.axis, domain.position(face), axis=1), normal, w.reshape(-1))


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
