"""A problem on a shape, or on a box, as the rows of a tensor space: equations inside, conditions on the true boundary.

Points are tied to the grid: Gauss points in every cell, those of cut cells denser and kept where they lie inside; composite
Gauss points along the boundary, an interval about as long as the cells. Rows are divided by the characteristic size of their
operator; conditions weigh ``CONDITION`` times what the equation does. In time, the space is one window: points in space times
Gauss points in the window, and rows for its start.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly.cell_points import Side, gauss_in, numbers, on_face, points_a_cell, smallest
from kanpde.assembly.cells import CellSystem, Given, PointGroup, Trimmed, Whole, point_groups
from kanpde.assembly.in_regions import InPiece, Tie, Value, in_piece
from kanpde.assembly.lifted import Equation
from kanpde.assembly.operator import Operator
from kanpde.assembly.rows import CONDITION, GAUSS
from kanpde.assembly.tensor_space import TensorSpace
from kanpde.geometry import Place
from kanpde.kan.terms import Terms
from kanpde.problem.materials import Region, materials
from kanpde.problem.orders import time_orders
from kanpde.problem.places import holds
from kanpde.problem.types import Problem, Residual

INTEGRAL = 4  # Gauss points more a cell where an integral is taken: exact to degree 13
GRADING, NEAREST = 0.25, 1e-4  # spacing by the distance from a corner with terms; and, of the domain, at the corner
MOST_POINTS = 20_000  # on the boundary: a grid much finer along one axis than the other asks for no more
PER_TERM = 5  # points on the boundary of a hole for each term around it; fewer, and the terms follow the points
CUT, FEWER = 5, 2  # Gauss points more, along each axis, in cells that the boundary cuts; in three coordinates, and in time


class ShapeRows:
    """Builds the systems of one problem on tensor spaces; compiles each equation once."""

    def __init__(self, problem: Problem, terms: Terms | None, device: torch.device, dtype: torch.dtype) -> None:
        self.problem = problem
        self.device, self.dtype = device, dtype
        self.terms = terms
        self.axes = problem.domain.space_axes
        self.time = problem.domain.time_axis
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

        self.initial = [
            Operator(residual, problem) for c in problem.conditions if c.kind == "initial" for residual in c.residuals
        ]

    def interfaces_along(self, axis: int) -> list[float]:
        """Where interfaces between regions cut the axis at one place, inside the box: a knot of the grid belongs there."""
        found = []
        for side in () if self.materials is None else self.materials.sides:
            if side.kind == "halfspace" and axis in self.axes:
                normal, offset = np.array(side.arguments[0], dtype=float), float(side.arguments[1])
                own = self.axes.index(axis)
                if normal[own] and not np.delete(normal, own).any():
                    found.append(offset / float(normal[own]))
        low, high = self.problem.domain.bounds[axis]
        return sorted({place for place in found if low < place < high})

    @property
    def starts(self) -> list[tuple[str, int]]:
        """What the start of a time window fixes: field and order of the derivative in time."""
        orders = time_orders(self.problem) if self.time is not None else {}
        return [(name, order) for name, most in orders.items() for order in range(most)]

    @cached_property
    def holes(self) -> list[tuple[np.ndarray, float, float]]:
        """Around each hole with terms: its middle, how far from it points belong to it, and the spacing that tells terms apart.

        Five points for each term at one centre; with fewer, the terms follow the points.
        """
        if self.terms is None or not self.problem.domain.region_axes:
            return []
        boundary = self.problem.domain.boundary
        most = max(Counter(monomial.centre for monomial in self.terms.monomials).values())
        found = []
        for loop in boundary.loops:
            if loop.hole:
                around = sum(boundary.pieces[i].length for i in loop.pieces)
                ends = np.concatenate([boundary.pieces[i].at(np.linspace(0, 1, 9)) for i in loop.pieces])
                middle = ends.mean(0)
                reach = 1.01 * float(np.linalg.norm(ends - middle, axis=1).max())
                found.append((middle, reach, around / (PER_TERM * most)))
        return found

    def _graded(self, spacing: float) -> float | Callable[[np.ndarray], np.ndarray]:
        """Points that crowd towards corners with singular terms.

        Terms satisfy conditions on bent sides only to leading order: combinations of them that are large near a corner alone,
        where uniform points do not see them, would stay undetermined.
        """
        if self.terms is None:
            return spacing
        centres = np.unique([monomial.centre for monomial in self.terms.monomials], axis=0)  # (V, 2)
        least = NEAREST * float(self.problem.domain.lengths.max())

        def at(x: np.ndarray) -> np.ndarray:  # (N, 2) -> (N,)
            distance = np.linalg.norm(x[:, None] - centres, axis=2).min(1)
            wanted = np.minimum(spacing, np.maximum(GRADING * distance, least))
            for middle, reach, closest in self.holes:
                near = np.linalg.norm(x - middle, axis=1) <= reach
                wanted[near] = np.minimum(wanted[near], closest)
            return wanted

        return at

    @property
    def border(self) -> int:
        """The number of singular terms."""
        return 0 if self.terms is None else len(self.terms.coefficients)

    def interior(self, space: TensorSpace, more: int = 0, at: float | None = None) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Region, points (N, d) and weights (N,) of whole cells, and of cut cells; all weights together sum to one.

        ``more`` Gauss points along each axis than collocation takes; all of them ``at`` one time, if it is given.
        """
        domain = self.problem.domain
        breaks = numbers(space)
        count = [n + more for n in self._count(space)]
        cut = CUT if len(self.axes) < 3 and self.time is None else FEWER
        dense = [n + cut * (axis in self.axes) for axis, n in enumerate(count)]
        if at is not None and self.time is not None:
            breaks[self.time], count[self.time], dense[self.time] = np.array([at, at]), 1, 1
        cells = np.array(list(np.ndindex(*space.intervals)))  # (C, d)
        x, w = gauss_in(cells, breaks, count, self.time if at is not None else None)
        d = x.shape[-1]
        inside = domain.contains(x.reshape(-1, d)).reshape(w.shape) if domain.region_axes else np.ones(w.shape, dtype=bool)
        region = np.zeros(w.shape, dtype=int) if self.number is None else self.number(x.reshape(-1, d)).reshape(w.shape)
        whole = inside.all(1) & (region == region[:, :1]).all(1)
        parts = [(x[whole].reshape(-1, d), w[whole].reshape(-1), region[whole].reshape(-1))]
        if not whole.all():
            near = ~whole & (self._touched(cells, breaks, inside) if domain.region_axes else True)
            x, w = gauss_in(cells[near], breaks, dense, self.time if at is not None else None)
            x, w = x.reshape(-1, d), w.reshape(-1)
            kept = domain.contains(x) if domain.region_axes else np.ones(len(x), dtype=bool)
            x, w = x[kept], w[kept]
            parts.append((x, w, np.zeros(len(x), dtype=int) if self.number is None else self.number(x)))
        total = sum(float(w.sum()) for _, w, _ in parts)
        return [(p, x[region == p], w[region == p] / total) for x, w, region in parts for p in np.unique(region).tolist()]

    def _count(self, space: TensorSpace) -> list[int]:
        """Gauss points a cell along each axis: three, or as many as give every region a point for each of its splines.

        A region that is n cells wide has n + k splines along that axis, however fine the grid is elsewhere.
        """
        count = [points_a_cell(space, axis) for axis in range(len(space.breaks))]
        if self.materials is None:
            return count
        breaks = numbers(space)
        middles = np.stack(np.meshgrid(*((b[1:] + b[:-1]) / 2 for b in breaks), indexing="ij"), -1)  # (G_1, .., G_d, d)
        region = self.materials.number(middles.reshape(-1, len(breaks))).reshape(space.intervals)
        for axis, k in enumerate(space.degrees):
            others = tuple(a for a in range(len(breaks)) if a != axis)
            wide = [int((region == p).any(others).sum()) for p in range(len(self.materials.regions))]
            least = max(min(wide), 1)
            count[axis] = max(count[axis], min(math.ceil((least + k) / least), k + 1))
        return count

    def _touched(self, cells: np.ndarray, breaks: Sequence[np.ndarray], inside: np.ndarray) -> np.ndarray:  # (C,)
        """Cells that may hold a piece of the domain: with a Gauss point inside, or with a boundary point."""
        x = self.problem.domain.boundary.points(smallest([breaks[axis] for axis in self.axes])).x
        mine = [breaks[axis] for axis in self.axes]
        found = [np.clip(np.searchsorted(b, x[:, a], side="right") - 1, 0, len(b) - 2) for a, b in enumerate(mine)]
        hit = np.zeros(tuple(len(b) - 1 for b in mine), dtype=bool)
        hit[tuple(found)] = True
        return np.asarray(inside.any(1) | hit[tuple(cells[:, axis] for axis in self.axes)])

    def system(self, space: TensorSpace, given: Given | None = None, start: Trimmed | None = None) -> CellSystem:
        """The rows of the problem on a space; ``given`` is a function that the unknown one is added to.

        In time: with ``start``, the window begins where that function ends; else with the initial conditions.
        """
        lengths = self._lengths(space)
        groups: list[PointGroup] = []
        for piece, x, w in self.interior(space):
            points, weight = self._tensor(x), self._tensor(np.sqrt(w))
            groups += self._groups(space, self.equations[piece], points, weight, (), given)
        groups += self._boundary(space, given)
        groups += self._interfaces(space)
        groups += self._begin(space, given, start)
        for piece, found in enumerate(self.points):
            for place, op in found:
                point = np.array([list(place)], dtype=float)
                if self.number is None or int(self.number(point)[0]) == piece:
                    at = self._tensor(point)
                    groups += self._groups(space, [op], at, at.new_full((1,), CONDITION), (), given)
        return CellSystem(space, groups, lengths, self.names, self.border, self._wholes(space, given))

    def _lengths(self, space: TensorSpace) -> list[float]:
        lengths = [float(v) for v in self.problem.domain.lengths]
        if self.time is not None:
            lengths[self.time] = float(space.breaks[self.time][-1] - space.breaks[self.time][0])
        return lengths

    def _begin(self, space: TensorSpace, given: Given | None, start: Trimmed | None) -> list[PointGroup]:
        """The start of a time window: the initial conditions, or value and derivatives of the window before."""
        if self.time is None:
            return []
        begin, length = float(space.breaks[self.time][0]), self._lengths(space)[self.time]
        groups = []
        for _, x, w in self.interior(space, at=begin):
            points, weight = self._tensor(x), self._tensor(CONDITION * np.sqrt(w))
            if start is None:
                groups += self._groups(space, self.initial, points, weight, (), given)
                continue
            for name, order in self.starts:
                key = name, tuple(order * (axis == self.time) for axis in range(x.shape[1]))
                asked = Value(key, unit=(2 / length) ** order)
                groups += self._groups(space, [asked], points, weight, [start([key], points)[key]], given)
        return groups

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
        return CellSystem(space, groups, self._lengths(space), self.names, self.border)

    def _boundary(self, space: TensorSpace, given: Given | None) -> list[PointGroup]:
        """The conditions, on the sides of a box or on the pieces of a shape's boundary."""
        size = self._side()
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

    def _side(self) -> float:
        """The size of a side of the box in space."""
        lengths = self.problem.domain.lengths[list(self.axes)]
        return float(np.prod(lengths)) ** (1 - 1 / len(lengths))

    def _interfaces(self, space: TensorSpace) -> list[PointGroup]:
        """Value and flux are the same on both sides where two regions meet."""
        if self.materials is None:
            return []
        size = self._side()
        groups = []
        for interface in self.materials.interfaces(smallest(numbers(space)) / max(self._count(space)), GAUSS):
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
            spacing = smallest([numbers(space)[axis] for axis in self.axes]) / GAUSS
            boundary = domain.boundary.points(self._graded(max(spacing, domain.boundary.length / MOST_POINTS)), GAUSS)
            x, normal, weight = boundary.x, boundary.normal, boundary.weight
            piece = boundary.piece
            if self.time is not None:
                nodes, shares = self._in_time(space)
                n = len(nodes)
                x = np.insert(np.repeat(x, n, 0), self.time, np.tile(nodes, len(x)), axis=1)
                normal, piece = np.repeat(normal, n, 0), np.repeat(piece, n)
                weight = np.repeat(weight, n) * np.tile(shares, len(weight))
            names = [domain.boundary.pieces[i].name for i in piece]
            yield Side(x, normal, weight), holds(place, domain, x, names)
            return
        for face in place.faces:
            side = on_face(space, domain, face)
            everywhere = np.ones(len(side.x), dtype=bool)
            yield side, everywhere if place.predicate is None else holds(place, domain, side.x, None)

    def _in_time(self, space: TensorSpace) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,)
        """Gauss points of the window, and weights that sum to one."""
        assert self.time is not None
        x, w = gauss_in(np.zeros((1, 1), dtype=int), [numbers(space)[self.time]], [points_a_cell(space, self.time)])
        return x.reshape(-1), w.reshape(-1) / w.sum()

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
