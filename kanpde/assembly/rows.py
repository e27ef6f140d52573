"""A problem on a box as the rows of a lifted system: equation, conditions, seams, and the start of a time window.

Points are tied to the knots: Gauss points on every interval along the splines (with points that ignore the knots, graded grids
overfit), Chebyshev points along the other coordinate. Every row is divided by the characteristic size of its operator, so that
units do not matter; conditions weigh ``CONDITION`` times what the equation does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly.lifted import Equation, LiftedSpace, LiftedSystem, Match, RowGroup
from kanpde.assembly.operator import Key, Operator
from kanpde.assembly.torch_functions import TORCH
from kanpde.geometry import Face
from kanpde.kan.chebyshev import chebyshev_points
from kanpde.problem.evaluate import Program
from kanpde.problem.types import Condition, Problem, symbol

CONDITION = 30.0  # 30 to 300 give the same errors, 3 loses a digit or two
GAUSS = 3  # points an interval; 2 lose a factor 10

Jets = Callable[[Sequence[Key], Tensor, Tensor], Mapping[Key, Tensor]]
"""(keys, x (N,) along the splines, y (n,) along the other coordinate) -> a given function's partial derivatives, (N, n) each."""


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

    def key(self, along: int = 0, across: int = 0, field: int = 0) -> Key:
        """The partial derivative of a field of the given orders along the splines and along the other coordinate."""
        index = [across] * self.problem.domain.dimension
        index[self.axis] = along
        return self.names[field], tuple(index)

    def gauss(self, space: LiftedSpace) -> tuple[Tensor, Tensor]:  # (G, m), (G, m)
        """Gauss points on every interval, and their weights; the weights sum to one.

        Three an interval; on very coarse grids as many as it takes to have one for every spline.
        """
        nodes, weights = np.polynomial.legendre.leggauss(max(GAUSS, math.ceil(space.functions / space.intervals)))
        h = space.breaks.diff()[:, None]
        x = space.breaks[:-1, None] + h * torch.as_tensor((nodes + 1) / 2).to(h)
        return x, h * torch.as_tensor(weights / 2).to(h) / h.sum()

    def system(
        self,
        space: LiftedSpace,
        *,
        extra: int,  # points along the other coordinate beyond the number of polynomials
        start: Sequence[Callable[[Tensor], Tensor]] | None = None,  # what ``starts`` names, as functions of x (N,)
        offset: Jets | None = None,  # a given function that the lifted one is added to
    ) -> LiftedSystem:
        """The rows of the problem on a space. Without ``start``, a window begins with the problem's own initial conditions."""
        x, w = self.gauss(space)
        y = self._across(space, space.size + extra)
        groups = [self._group(space, op, x, y, (w[:, :, None] / len(y)).sqrt(), offset) for op in self.equations]
        for condition, face, op in self.conditions:
            if condition.kind == "initial" and start is not None:
                continue
            groups.append(self._condition(space, condition, face, op, x, w, y, offset))
        groups += [self._point(space, place, op, y, offset) for place, op in self.points]
        for (field, order), function in zip(self.starts, start or (), strict=False):
            groups.append(self._start(space, field, order, function, x, w, offset))
        seams = 0
        if self._periodic(self.axis):
            for field, orders in enumerate(self.orders):
                for order in range(orders):
                    groups += self._seam(space, field, order, seams, y, offset)
                    seams += 1
        if space.other is not None and self._periodic(1 - self.axis):
            groups += self._closed(space, x, w, offset)
        lengths = [float(v) for v in self.problem.domain.lengths]
        if space.other is not None:
            lengths[1 - self.axis] = space.other[1] - space.other[0]
        return LiftedSystem(space, groups, lengths, self.names, seams)

    def initial(self, space: LiftedSpace, time: float) -> LiftedSystem:
        """Only the initial conditions that fix u itself, on a space of one polynomial: the initial value as a spline."""
        x, w = self.gauss(space)
        axis = 1 - self.axis
        groups = []
        for condition, face, op in self.conditions:
            if condition.kind == "initial" and all(key[1][axis] == 0 for key in op.keys):
                groups.append(self._condition(space, condition, face, op, x, w, x.new_tensor([time]), None))
        return LiftedSystem(space, groups, [float(v) for v in self.problem.domain.lengths], self.names)

    def _periodic(self, axis: int) -> bool:
        return self.problem.coordinates[axis] in self.problem.domain.periodic

    def _across(self, space: LiftedSpace, count: int) -> Tensor:
        if space.other is None:
            return space.breaks.new_zeros(1)
        return chebyshev_points(count, *space.other, dtype=self.dtype).to(self.device)

    def _group(
        self,
        space: LiftedSpace,
        equation: Equation,
        x: Tensor,  # (C, m)
        y: Tensor,  # (n,)
        weight: Tensor,
        offset: Jets | None,
        cells: slice = slice(None),
    ) -> RowGroup:
        along = max(self._orders(key)[0] for key in equation.keys) if equation.keys else 0
        across = max(self._orders(key)[1] for key in equation.keys) if equation.keys else 0
        splines = self._local(space, x, along, cells)
        points = self._points(x, y)
        given = None
        if offset is not None:
            flat = offset(equation.keys, x.reshape(-1), y)
            given = {key: flat[key].reshape(*x.shape, len(y)) for key in equation.keys}
        return RowGroup(equation, cells, splines, space.polynomials(y, across), points, weight, given)

    def _orders(self, key: Key) -> tuple[int, int]:
        return key[1][self.axis], sum(key[1]) - key[1][self.axis]

    def _local(self, space: LiftedSpace, x: Tensor, order: int, cells: slice) -> Tensor:
        if cells == slice(None):
            return space.local(x, order)
        dense = space.splines(x.reshape(-1), order)  # one end point: pick the splines of its interval
        columns = space.columns[cells][0]
        return dense[:, :, columns].reshape(order + 1, 1, 1, -1)

    def _points(self, x: Tensor, y: Tensor) -> list[Tensor]:
        points = [x[:, :, None]]
        if self.problem.domain.dimension == 2:
            points.insert(1 - self.axis, y[None, None, :])
        return points

    def _at(self, space: LiftedSpace, value: Tensor) -> tuple[slice, Tensor]:
        """The interval that holds a value, and the value as a point there (1, 1)."""
        cell = int(torch.searchsorted(space.breaks, value, right=True)) - 1
        cell = min(max(cell, 0), space.intervals - 1)
        return slice(cell, cell + 1), value.reshape(1, 1)

    def _end(self, space: LiftedSpace, side: int) -> tuple[slice, Tensor]:
        """The first or last interval, and the end point there (1, 1)."""
        return self._at(space, space.breaks[0] if side < 0 else space.breaks[-1])

    def _point(
        self, space: LiftedSpace, place: Sequence[float | None], equation: Operator, y: Tensor, offset: Jets | None
    ) -> RowGroup:
        """A constraint at a point, or along the coordinate that the point leaves free."""
        along = place[self.axis]
        across = place[1 - self.axis] if space.other is not None else None
        levels = y if across is None else y.new_tensor([across])
        if along is None:
            x, w = self.gauss(space)
            return self._group(space, equation, x, levels, CONDITION * w[:, :, None].sqrt(), offset)
        cells, point = self._at(space, y.new_tensor(along))
        weight = y.new_full((1, 1, len(levels)), CONDITION / math.sqrt(len(levels)))
        return self._group(space, equation, point, levels, weight, offset, cells)

    def _condition(
        self,
        space: LiftedSpace,
        condition: Condition,
        face: Face,
        equation: Operator,
        x: Tensor,
        w: Tensor,
        y: Tensor,
        offset: Jets | None,
    ) -> RowGroup:
        if face.axis == self.axis:
            cells, end = self._end(space, face.side)
            weight = y.new_full((1, 1, len(y)), CONDITION / math.sqrt(len(y)))
            group = self._group(space, equation, end, y, weight, offset, cells)
        else:
            level = x.new_tensor([self.problem.domain.position(face)])
            group = self._group(space, equation, x, level, CONDITION * w[:, :, None].sqrt(), offset)
        if condition.place.predicate is not None:
            program = Program([condition.place.predicate], [symbol(name) for name in self.problem.coordinates])
            group.weight = group.weight * program(TORCH, group.points)[0]
        return group

    def _start(
        self,
        space: LiftedSpace,
        field: int,
        order: int,
        function: Callable[[Tensor], Tensor],
        x: Tensor,
        w: Tensor,
        offset: Jets | None,
    ) -> RowGroup:
        assert space.other is not None
        level = x.new_tensor([space.other[0]])
        unit = (2 / (space.other[1] - space.other[0])) ** order
        match = Match(self.key(0, order, field), function(x.reshape(-1)).reshape(*x.shape, 1), unit)
        return self._group(space, match, x, level, CONDITION * w[:, :, None].sqrt(), offset)

    def _seam(self, space: LiftedSpace, field: int, order: int, seam: int, y: Tensor, offset: Jets | None) -> list[RowGroup]:
        """Both ends of a periodic spline axis equal one more unknown, in the value or a derivative of a field."""
        weight = y.new_full((1, 1, len(y)), CONDITION / math.sqrt(len(y)))
        ends = torch.stack([space.breaks[1] - space.breaks[0], space.breaks[-1] - space.breaks[-2]])
        unit = (1 / float(ends.min())) ** order  # the size of the derivatives' round-off, which graded knots make large
        groups = []
        for side in (-1, 1):
            cells, end = self._end(space, side)
            match = Match(self.key(order, 0, field), y.new_zeros(()), unit)
            group = self._group(space, match, end, y, weight, offset, cells)
            group.seam = seam
            groups.append(group)
        return groups

    def _closed(self, space: LiftedSpace, x: Tensor, w: Tensor, offset: Jets | None) -> list[RowGroup]:
        """Value and derivatives at both ends of a periodic other coordinate are equal."""
        assert space.other is not None
        groups = []
        for field, name in enumerate(self.names):
            for order in range(self._order(name, 1 - self.axis)):
                unit = (2 / (space.other[1] - space.other[0])) ** order
                match = Match(self.key(0, order, field), x.new_zeros(()), unit)
                weight = CONDITION * w[:, :, None].sqrt()
                low, high = (self._group(space, match, x, x.new_tensor([end]), weight, offset) for end in space.other)
                high.polynomials = high.polynomials - low.polynomials
                if high.offset is not None and low.offset is not None:
                    high.offset = {key: value - low.offset[key] for key, value in high.offset.items()}
                groups.append(high)
        return groups
