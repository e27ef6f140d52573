"""A problem on a box as the rows of a lifted system: equation, conditions, seams, and the start of a time window.

Points are tied to the knots: Gauss points on every interval along the splines (with points that ignore the knots, graded grids
overfit), Chebyshev points along the other coordinates, equal steps around those that close on themselves. Every row is divided by
the characteristic size of its operator, so that units do not matter; conditions weigh ``CONDITION`` times what the equation does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly.lifted import Equation, LiftedSystem, Match, RowGroup
from kanpde.assembly.operator import Key, Operator
from kanpde.assembly.space import Across, LiftedSpace
from kanpde.assembly.torch_functions import TORCH
from kanpde.geometry import Face
from kanpde.problem.evaluate import Program
from kanpde.problem.types import Condition, Problem, symbol

CONDITION = 30.0  # 30 to 300 give the same errors, 3 loses a digit or two
GAUSS = 3  # points an interval; 2 lose a factor 10
SPARE = 4  # points beyond the number of global functions that they fix

Jets = Callable[[Sequence[Key], Tensor, Sequence[Tensor]], Mapping[Key, Tensor]]
"""(keys, x (N,) along the splines, the others (n_i,) in order) -> a given function's partial derivatives, (N, n_1, ..) each."""

Start = Callable[[Tensor, Sequence[Tensor]], Tensor]
"""(x (N,), the other space coordinates (n_i,)) -> what a time window starts from, (N, n_1, ..)."""


class RowBuilder:
    """Builds lifted systems for one problem; compiles each equation once."""

    def __init__(self, problem: Problem, axis: int, device: torch.device, dtype: torch.dtype) -> None:
        self.problem = problem
        self.axis = axis
        self.device, self.dtype = device, dtype
        self.names = tuple(field.name for field in problem.fields)
        self.equations = [Operator(residual, problem) for residual in problem.equations]
        self.orders = [self._order(name, axis) for name in self.names]  # along the splines, of each field
        self.conditions = [
            (condition, face, Operator(residual, problem, face))
            for condition in problem.conditions
            for face in condition.place.faces
            for residual in condition.residuals
        ]
        self.points = [
            (condition.place.point, Operator(residual, problem))
            for condition in problem.conditions
            if condition.place.point is not None
            for residual in condition.residuals
        ]

    def _order(self, name: str, axis: int) -> int:
        """The highest order of differentiation of one field by one coordinate."""
        keys = [key for residual in self.problem.equations for key in residual.jets.values()]
        return max((index[axis] for field, index in keys if field == name), default=0)

    @property
    def starts(self) -> list[tuple[int, int]]:
        """What the start of a time window fixes: field number and order of the derivative in time."""
        time = self.problem.domain.time_axis
        return (
            [] if time is None else [(i, order) for i, name in enumerate(self.names) for order in range(self._order(name, time))]
        )

    def key(self, field: int = 0, axis: int | None = None, order: int = 0) -> Key:
        """The partial derivative of a field of the given order along one coordinate."""
        index = [0] * self.problem.domain.dimension
        if axis is not None:
            index[axis] = order
        return self.names[field], tuple(index)

    def periodic(self, axis: int) -> bool:
        """Whether a coordinate closes on itself."""
        return self.problem.coordinates[axis] in self.problem.domain.periodic

    def across(self, axis: int, interval: tuple[float, float] | None = None, size: int = 1) -> Across:
        """Functions of another coordinate, on an interval of it or all of it: harmonics where it closes on itself."""
        low, high = interval or self.problem.domain.bounds[axis]
        return Across(axis, (float(low), float(high)), 1, self.periodic(axis)).widened(size)

    @property
    def others(self) -> list[int]:
        """The numbers of the coordinates other than that of the splines, time last."""
        domain = self.problem.domain
        return sorted((i for i in range(domain.dimension) if i != self.axis), key=lambda i: i == domain.time_axis)

    def gauss(self, space: LiftedSpace) -> tuple[Tensor, Tensor]:  # (G, m), (G, m)
        """Gauss points on every interval, and their weights; the weights sum to one.

        Three an interval; on very coarse grids as many as it takes to have one for every spline. Equal steps for harmonics.
        """
        h = space.breaks.diff()[:, None]
        if space.periodic:
            count = space.functions + SPARE
            steps = (torch.arange(count, dtype=h.dtype, device=h.device) + 0.5) / count
            return space.breaks[:1, None] + h * steps, torch.full_like(h * steps, 1 / count)
        nodes, weights = np.polynomial.legendre.leggauss(max(GAUSS, math.ceil(space.functions / space.intervals)))
        x = space.breaks[:-1, None] + h * torch.as_tensor((nodes + 1) / 2).to(h)
        return x, h * torch.as_tensor(weights / 2).to(h) / h.sum()

    def system(
        self,
        space: LiftedSpace,
        *,
        extra: int,  # points along each other coordinate beyond the number of functions
        start: Sequence[Start] | None = None,  # what ``starts`` names
        offset: Jets | None = None,  # a given function that the lifted one is added to
    ) -> LiftedSystem:
        """The rows of the problem on a space. Without ``start``, a window begins with the problem's own initial conditions."""
        x, w = self.gauss(space)
        ys = {across.axis: across.points(across.size + extra, x) for across in space.across}
        grid = _Grid(space, x, w, ys, offset)
        groups = []
        for op in self.equations:
            groups.append(self._group(grid, op))
            groups[-1].inside = True
        for condition, face, op in self.conditions:
            if condition.kind == "initial" and start is not None:
                continue
            groups.append(self._condition(grid, condition, face, op))
        groups += [self._point(grid, place, op) for place, op in self.points]
        for (field, order), function in zip(self.starts, start or (), strict=False):
            groups.append(self._start(grid, field, order, function))
        seams = 0
        if self.periodic(self.axis) and not space.periodic:
            for field, orders in enumerate(self.orders):
                for order in range(orders):
                    groups += self._seam(grid, field, order, seams)
                    seams += 1
        lengths = [float(v) for v in self.problem.domain.lengths]
        for across in space.across:
            lengths[across.axis] = across.interval[1] - across.interval[0]
        return LiftedSystem(space, groups, lengths, self.names, seams)

    def initial(self, space: LiftedSpace, time: float) -> LiftedSystem:
        """Only the initial conditions that fix u itself, on a space without time: the initial value in space."""
        x, w = self.gauss(space)
        axis = self.others[-1]
        ys = {across.axis: across.points(across.size + SPARE, x) for across in space.across}
        grid = _Grid(space, x, w, {**ys, axis: x.new_tensor([time])}, None)
        groups = []
        for condition, face, op in self.conditions:
            if condition.kind == "initial" and all(key[1][axis] == 0 for key in op.keys):
                groups.append(self._condition(grid, condition, face, op))
        return LiftedSystem(space, groups, [float(v) for v in self.problem.domain.lengths], self.names)

    def _group(self, grid: _Grid, equation: Equation, cells: slice = slice(None), factor: float = 1.0) -> RowGroup:
        """Rows at all points of a grid; ``factor`` times the square roots of their quadrature weights."""
        space, x = grid.space, grid.x

        def order(axis: int) -> int:
            return max((key[1][axis] for key in equation.keys), default=0)

        splines = self._local(space, x, order(self.axis), cells)
        tables = [across.table(grid.ys[across.axis], order(across.axis)) for across in space.across]
        levels = [grid.ys[across.axis] for across in space.across]
        given = None
        if grid.offset is not None:
            flat = grid.offset(equation.keys, x.reshape(-1), levels)
            given = {key: flat[key].reshape(*x.shape, *map(len, levels)) for key in equation.keys}
        depth = len(levels)
        weight = factor * grid.w.reshape(*grid.w.shape, *[1] * depth).sqrt() / math.sqrt(math.prod(map(len, levels)))
        return RowGroup(equation, cells, splines, tables, self._points(grid, depth), weight, given, factor=factor)

    def _local(self, space: LiftedSpace, x: Tensor, order: int, cells: slice) -> Tensor:
        if cells == slice(None):
            return space.local(x, order)
        dense = space.splines(x.reshape(-1), order)  # one end point: pick the splines of its interval
        columns = space.columns[cells][0]
        return dense[:, :, columns].reshape(order + 1, 1, 1, -1)

    def _points(self, grid: _Grid, depth: int) -> list[Tensor]:
        points: list[Tensor] = [grid.x] * self.problem.domain.dimension
        points[self.axis] = grid.x.reshape(*grid.x.shape, *[1] * depth)
        own = {across.axis: number for number, across in enumerate(grid.space.across)}
        for axis, y in grid.ys.items():
            shape = [1] * (2 + depth)
            if axis in own:
                shape[2 + own[axis]] = len(y)
            points[axis] = y.reshape(shape)
        return points

    def _at(self, grid: _Grid, value: Tensor) -> tuple[slice, _Grid]:
        """The interval that holds a value, and the grid held at that value along the splines."""
        space = grid.space
        cell = int(torch.searchsorted(space.breaks, value, right=True)) - 1
        cell = min(max(cell, 0), space.intervals - 1)
        one = value.reshape(1, 1)
        return slice(cell, cell + 1), replace(grid, x=one, w=torch.ones_like(one))

    def _held(self, grid: _Grid, axis: int, value: float) -> _Grid:
        """The grid held at a value of another coordinate."""
        return replace(grid, ys={**grid.ys, axis: grid.x.new_tensor([value])})

    def _point(self, grid: _Grid, place: Sequence[float | None], equation: Operator) -> RowGroup:
        """A constraint at a point, or along the coordinates that the point leaves free."""
        cells = slice(None)
        for across in grid.space.across:
            value = place[across.axis]
            grid = grid if value is None else self._held(grid, across.axis, value)
        along = place[self.axis]
        if along is not None:
            cells, grid = self._at(grid, grid.x.new_tensor(along))
        return self._group(grid, equation, cells, CONDITION)

    def _condition(self, grid: _Grid, condition: Condition, face: Face, equation: Operator) -> RowGroup:
        cells = slice(None)
        if face.axis == self.axis:
            cells, grid = self._at(grid, grid.space.breaks[0] if face.side < 0 else grid.space.breaks[-1])
        else:
            grid = self._held(grid, face.axis, self.problem.domain.position(face))
        group = self._group(grid, equation, cells, CONDITION)
        group.face = face.axis
        if condition.place.predicate is not None:
            program = Program([condition.place.predicate], [symbol(name) for name in self.problem.coordinates])
            group.weight = group.weight * program(TORCH, group.points)[0]
        return group

    def _start(self, grid: _Grid, field: int, order: int, function: Start) -> RowGroup:
        window = grid.space.across[-1]
        low, high = window.interval
        held = self._held(grid, window.axis, low)
        levels = [grid.ys[across.axis] for across in grid.space.across[:-1]]
        target = function(grid.x.reshape(-1), levels).reshape(*grid.x.shape, *map(len, levels), 1)
        group = self._group(
            held, Match(self.key(field, window.axis, order), target, (2 / (high - low)) ** order), factor=CONDITION
        )
        group.face = window.axis
        return group

    def _seam(self, grid: _Grid, field: int, order: int, seam: int) -> list[RowGroup]:
        """Both ends of a periodic spline axis equal one more unknown, in the value or a derivative of a field."""
        breaks = grid.space.breaks
        ends = torch.stack([breaks[1] - breaks[0], breaks[-1] - breaks[-2]])
        unit = (1 / float(ends.min())) ** order  # the size of the derivatives' round-off, which graded knots make large
        groups = []
        for end in (breaks[0], breaks[-1]):
            cells, held = self._at(grid, end)
            match = Match(self.key(field, self.axis, order), breaks.new_zeros(()), unit)
            group = self._group(held, match, cells, CONDITION)
            group.seam = seam
            groups.append(group)
        return groups


@dataclass(frozen=True)
class _Grid:
    """Where rows stand: points along the splines with their weights, and points along every other coordinate."""

    space: LiftedSpace
    x: Tensor  # (C, m)
    w: Tensor  # (C, m)
    ys: Mapping[int, Tensor]  # (n,) by the number of the coordinate
    offset: Jets | None
