"""Products of splines along every coordinate of a box, and least squares rows at points anywhere in it.

u_f(x) = sum_ij.. c_ij..f B_i(x) B_j(y) .. + sum_m kappa_m S_mf(x): the tensor product spline on the bounding box of a shape, and
singular terms S. Only the points know the shape: they lie inside it and on its true boundary ("trimmed splines"). Points are
sorted by the cell of the grid that holds them, so that the rows of a cell share their columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly.lifted import Equation
from kanpde.assembly.operator import Key
from kanpde.assembly.tensor_space import TensorSpace, contract
from kanpde.kan.terms import Terms
from kanpde.optimize.normal_equations import CellRows, DenseRows, solve_cells

SLIVER = 1e-6  # of the largest column norm; below it, the coefficient of a spline that hardly reaches the domain is held back

Given = Callable[[Sequence[Key], Tensor], Mapping[Key, Tensor]]
"""(keys, x (N, d)) -> the partial derivatives of a given function, (N,) each."""


@dataclass(frozen=True)
class Trimmed:
    """Functions of the trimmed form, one a field: splines and singular terms.

    Where coefficients jump, every region has its own functions, those of the first region first; ``number`` names the region of
    each point.
    """

    space: TensorSpace
    theta: Tensor  # (n + nb,) the coefficients of the splines, then those of the terms
    terms: Terms | None
    fields: tuple[str, ...]
    number: Callable[[np.ndarray], np.ndarray] | None = None  # (N, d) -> (N,)

    @property
    def c(self) -> Tensor:  # (n,)
        """The coefficients of the splines."""
        return self.theta[: self.space.size]

    @property
    def kappa(self) -> Tensor:  # (nb,)
        """The coefficients of the terms."""
        return self.theta[self.space.size :]

    @property
    def parameters(self) -> int:
        """The number of coefficients."""
        return len(self.theta)

    def __call__(self, keys: Sequence[Key], x: Tensor) -> dict[Key, Tensor]:  # (N, d) -> (N,) each
        """Partial derivatives at points anywhere in the box."""
        if self.number is None:
            return self.in_region(0, keys, x)
        values = {key: x.new_zeros(len(x)) for key in keys}
        region = torch.as_tensor(self.number(x.cpu().numpy()), device=x.device)
        for piece in torch.unique(region).tolist():
            mine = region == piece
            for key, value in self.in_region(piece, keys, x[mine]).items():
                values[key][mine] = value
        return values

    def in_region(self, piece: int, keys: Sequence[Key], x: Tensor) -> dict[Key, Tensor]:
        """Partial derivatives of the functions of one region."""
        space, first = self.space, piece * len(self.fields)
        tables = space.tables(x, [max((i[a] for _, i in keys), default=0) for a in range(x.shape[1])])
        local = self.c[space.cell(x)[:, None] + space.offsets].reshape(len(x), -1, space.fields)  # (N, W, F)
        values = {}
        for name, index in keys:
            number = first + self.fields.index(name)
            values[name, index] = contract(space, tables, local[:, None, :, number], index, True)[:, 0]
        if self.terms is not None and len(self.kappa):
            table = self.terms.table(x, list(dict.fromkeys(index for _, index in keys)))
            for name, index in keys:
                values[name, index] = values[name, index] + self.kappa @ table[index][:, first + self.fields.index(name)]
        return values


@dataclass
class PointGroup:
    """One equation at points, sorted by cell and filled up with points of no weight to M a cell."""

    equation: Equation
    first: Tensor  # (C,) the first column of each cell
    tables: list[Tensor]  # (orders, C, M, k + 1) an axis
    points: list[Tensor]  # (C, M): coordinates, then the components of the normal where there is one
    weight: Tensor  # (C, M) square root of the quadrature weight; zero for filling
    given: Mapping[Key, Tensor] = field(default_factory=dict)  # (C, M) jets of a given function that u is added to
    terms: Mapping[Key, Tensor] = field(default_factory=dict)  # (C, M, nb) jets of the singular terms
    scale: float | None = None  # characteristic size of the rows, fixed at the first evaluation


@dataclass
class Whole:
    """One row: the sum of ``parts`` over all their points equals ``value``. Weights are those of the quadrature, no roots."""

    parts: list[PointGroup]
    value: float
    weight: float
    scale: float | None = None


def point_groups(
    space: TensorSpace,
    equations: Sequence[Equation],
    x: Tensor,  # (N, d)
    weight: Tensor,  # (N,) square root of the quadrature weight
    extra: Sequence[Tensor] = (),  # further arguments of the equations, (N,) each: the normal
    terms: Terms | None = None,
    names: Sequence[str] = (),
    given: Given | None = None,
) -> list[PointGroup]:
    """The points sorted into their cells, once for all equations that hold there."""
    cells, order = torch.sort(space.cell(x), stable=True)
    first, counts = torch.unique_consecutive(cells, return_counts=True)
    starts = counts.cumsum(0) - counts
    slot = torch.arange(int(counts.max()), device=x.device)
    filled = slot[None, :] < counts[:, None]  # (C, M)
    number = order[starts[:, None] + torch.where(filled, slot[None, :], 0)]  # (C, M)
    values = [(name, (0,) * x.shape[1]) for name in names]
    keys = list(dict.fromkeys([*values, *(key for equation in equations for key in equation.keys)]))
    tables = space.tables(x[number], [max((i[a] for _, i in keys), default=0) for a in range(x.shape[1])])
    points = [*(x[number][..., a] for a in range(x.shape[1])), *(e[number] for e in extra)]
    jets: dict[Key, Tensor] = {}
    if terms is not None:
        table = terms.table(x, list(dict.fromkeys(index for _, index in keys)))  # (nb, F, N)
        jets = {key: table[key[1]][:, list(names).index(key[0])].T[number] for key in keys}
    old: dict[Key, Tensor] = {}
    if given is not None:
        old = {key: value[number] for key, value in given(keys, x).items()}
    return [PointGroup(equation, first, tables, points, weight[number] * filled, old, jets) for equation in equations]


class CellSystem:
    """The least squares problem of a tensor space: rows of equations and conditions, and their linearisation."""

    def __init__(
        self,
        space: TensorSpace,
        groups: list[PointGroup],
        lengths: Sequence[float],
        names: Sequence[str],
        border: int,
        wholes: Sequence[Whole] = (),
    ) -> None:
        self.space = space
        self.groups = groups
        self.wholes = list(wholes)
        self.lengths = tuple(lengths)
        self.number = {name: i for i, name in enumerate(names)}
        self.border = border
        self.linear = all(group.equation.linear for group in groups)
        self.solver = ""  # what the last step was computed by

    def linearise(self, theta: Tensor) -> LinearisedCells:
        """Residual and slopes at the coefficients (n + nb,)."""
        parts = []
        total = theta.new_zeros(())
        for group in self.groups:
            residual, slopes = self._evaluate(group, theta)
            if group.scale is None:
                group.scale = group.equation.size(slopes, self.lengths)
            weight = group.weight / group.scale
            weighted = residual * weight
            total = total + weighted.square().sum()
            parts.append((weighted, {key: slope * weight for key, slope in slopes.items()}))
        wholes = [self._whole(whole, theta) for whole in self.wholes]
        for residual, _ in wholes:
            total = total + residual.square()
        return LinearisedCells(self, parts, wholes, float(total.sqrt()))

    def _evaluate(self, group: PointGroup, theta: Tensor) -> tuple[Tensor, dict[Key, Tensor]]:
        """Residual and slopes of a group, (C, M) each."""
        local = theta[group.first[:, None] + self.space.offsets].reshape(len(group.first), -1, self.space.fields)
        jets = {}
        for key in group.equation.keys:
            value = contract(self.space, group.tables, local[..., self.number[key[0]]], key[1])
            if key in group.terms and self.border:
                value = value + group.terms[key] @ theta[self.space.size :]
            jets[key] = value + group.given[key] if key in group.given else value
        return group.equation(group.points, jets)

    def _whole(self, whole: Whole, theta: Tensor) -> tuple[Tensor, Tensor]:  # (), (n + nb,)
        """The residual of a row over the whole domain, and its slopes."""
        row, total = torch.zeros_like(theta), theta.new_tensor(-whole.value)
        for part in whole.parts:
            values, slopes = self._evaluate(part, theta)
            weighted = {key: slope * part.weight for key, slope in slopes.items()}
            total = total + (values * part.weight).sum()
            columns = (part.first[:, None] + self.space.offsets).reshape(-1)
            row.index_add_(0, columns, self.matrix(part, weighted).sum(1).reshape(-1))
            edge = self.border_of(part, weighted)
            if edge is not None:
                row[self.space.size :] += edge.sum((0, 1))
        if whole.scale is None:
            whole.scale = float(row.abs().max()) or 1.0
        factor = whole.weight / whole.scale
        return total * factor, row * factor

    def magnitude(self, theta: Tensor) -> float:
        """The largest value of a field at the points of the first group, whatever the coefficients of slivers are."""
        group = self.groups[0]
        local = theta[group.first[:, None] + self.space.offsets].reshape(len(group.first), -1, self.space.fields)
        largest = 0.0
        for name, number in self.number.items():
            key = name, (0,) * len(self.space.breaks)
            value = contract(self.space, group.tables, local[..., number], key[1])
            if self.border and key in group.terms:
                value = value + group.terms[key] @ theta[self.space.size :]
            largest = max(largest, float(value.abs().max()))
        return largest

    def matrix(self, group: PointGroup, slopes: Mapping[Key, Tensor]) -> Tensor:  # (C, M, w)
        """The rows of a group by the coefficients of the splines."""
        space = self.space
        first, *others = space.order
        cells, points = group.weight.shape
        matrix = group.weight.new_zeros(cells, points, *(space.degrees[axis] + 1 for axis in space.order), space.fields)
        factors: dict[tuple[int, int], Tensor] = {}  # by field and order along the slowest axis
        for (name, index), slope in slopes.items():
            term = slope[..., None]
            for axis in others:
                term = (term[..., None] * group.tables[axis][index[axis]][:, :, None, :]).flatten(2)
            place = (self.number[name], index[first])
            factors[place] = factors[place] + term if place in factors else term
        for (number, order), factor in factors.items():
            outer = group.tables[first][order][..., None] * factor[:, :, None, :]  # (C, M, k + 1, rest)
            matrix[..., number] += outer.reshape(matrix.shape[:-1])
        return matrix.reshape(cells, points, -1)

    def border_of(self, group: PointGroup, slopes: Mapping[Key, Tensor]) -> Tensor | None:  # (C, M, nb)
        """The rows of a group by the coefficients of the terms."""
        if not self.border:
            return None
        border = group.weight.new_zeros(*group.weight.shape, self.border)
        for key, slope in slopes.items():
            if key in group.terms:
                border += slope[..., None] * group.terms[key]
        return border


class LinearisedCells:
    """A cell system at one point: its cost |r| and the Gauss-Newton step."""

    def __init__(
        self,
        system: CellSystem,
        parts: list[tuple[Tensor, dict[Key, Tensor]]],
        wholes: list[tuple[Tensor, Tensor]],
        cost: float,
    ) -> None:
        self.system = system
        self.cost = cost
        self._parts = parts
        self._wholes = wholes

    def step(self, damping: float = 0.0) -> Tensor:  # (n + nb,)
        """The p that minimises |r + J p|^2 + damping |D p|^2, D the norms of the columns of J (Marquardt's scaling)."""
        system, space = self.system, self.system.space
        rows = []
        squares, edge = self._parts[0][0].new_zeros(space.size), self._parts[0][0].new_zeros(system.border)
        for group, (residual, slopes) in zip(system.groups, self._parts, strict=True):
            row = CellRows(group.first, system.matrix(group, slopes), -residual, system.border_of(group, slopes))
            squares.index_add_(0, (row.first[:, None] + space.offsets).reshape(-1), row.matrix.square().sum(1).reshape(-1))
            if row.border is not None:
                edge += row.border.square().sum((0, 1))
            rows.append(row)
        norms, edge = squares.sqrt(), edge.sqrt()
        norms, edge = norms.clamp(min=SLIVER * float(norms.max())), torch.where(edge > 0, edge, 1.0)
        for i, row in enumerate(rows):
            row.matrix.div_(norms[row.first[:, None] + space.offsets][:, None, :])
            if row.border is not None:
                rows[i] = replace(row, border=row.border / edge)
        dense = None
        if self._wholes:
            matrix = torch.stack([row for _, row in self._wholes]) / torch.cat([norms, edge])  # (q, n + nb)
            right = -torch.stack([residual for residual, _ in self._wholes])
            dense = DenseRows(matrix[:, : space.size], right, matrix[:, space.size :])
        solved = solve_cells(_joined(rows), space.offsets, space.size, system.border, damping, dense)
        if solved is None:
            return torch.full_like(torch.cat([norms, edge]), math.nan)
        system.solver = f"banded Cholesky, {solved.steps} CGLS steps"
        return torch.cat([solved.x / norms, solved.border / edge])


def _joined(rows: Sequence[CellRows]) -> list[CellRows]:
    """Rows of several equations at the same points as one group: fewer and larger matrix products."""
    same: dict[int, list[CellRows]] = {}
    for row in rows:
        same.setdefault(id(row.first), []).append(row)
    return [
        CellRows(
            parts[0].first,
            torch.cat([part.matrix for part in parts], 1),
            torch.cat([part.right for part in parts], 1),
            None if parts[0].border is None else torch.cat([part.border for part in parts if part.border is not None], 1),
        )
        for parts in same.values()
    ]
