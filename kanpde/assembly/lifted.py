"""The lifted form: u(x, y) = sum_ij c_ij B_i(x) T_j(y), splines along one coordinate and polynomials along the other.

All fields of a system share the splines and the polynomials; their coefficients stand side by side in one block column.
This is the separable network with one coordinate's edges free and the other's spanning a complete space, so that a linear
equation is one least squares problem and a nonlinear one a few Gauss-Newton steps. Rows are ordered by the intervals of the
splines, whose Jacobian blocks form a band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from kanpde.assembly.operator import Key
from kanpde.kan.bspline import local_basis, open_knots
from kanpde.kan.chebyshev import chebyshev
from kanpde.optimize.banded import Rows, solve_banded
from kanpde.optimize.banded_cholesky import CellRows, solve_banded_by_cholesky

WIDE = 500  # columns of an interval above which normal equations with CGLS are quicker than QR, and as good
IDLE = 1e-26  # damping of coefficients that no row depends on, beside columns of norm one


@dataclass(frozen=True)
class LiftedSpace:
    """Splines of ``degree`` on ``breaks`` along coordinate ``axis``, times Chebyshev polynomials along the other.

    ``other`` is the interval of the other coordinate (a time window, or the whole of it) and None in one dimension.
    """

    breaks: Tensor  # (G + 1,)
    degree: int
    axis: int
    other: tuple[float, float] | None
    size: int  # r, polynomials along the other coordinate; 1 in one dimension
    fields: int = 1  # F

    @property
    def intervals(self) -> int:
        """G, the number of knot intervals."""
        return self.breaks.shape[0] - 1

    @property
    def functions(self) -> int:
        """K = G + k, the number of splines."""
        return self.intervals + self.degree

    @property
    def block(self) -> int:
        """F r, the number of coefficients of one spline."""
        return self.fields * self.size

    @property
    def columns(self) -> Tensor:  # (G, k + 1)
        """The splines that do not vanish on each interval."""
        start = torch.arange(self.intervals, device=self.breaks.device)
        return start[:, None] + torch.arange(self.degree + 1, device=self.breaks.device)

    def splines(self, x: Tensor, order: int = 0) -> Tensor:  # (N,) -> (order + 1, N, K)
        """All splines at points anywhere, dense."""
        first, values = local_basis(x[None], open_knots(self.breaks, self.degree)[None], self.degree, order)
        dense = x.new_zeros(order + 1, x.shape[0], self.functions)
        index = first[0][:, None] + torch.arange(self.degree + 1, device=x.device)  # (N, k + 1)
        return dense.scatter_(2, index.expand(order + 1, -1, -1), values[:, :, 0].transpose(1, 2))

    def local(self, x: Tensor, order: int) -> Tensor:  # (C, m) points, row c inside one interval -> (order + 1, C, m, k + 1)
        """The k + 1 splines of the interval at points of that interval, and their derivatives."""
        knots = open_knots(self.breaks, self.degree)
        _, values = local_basis(x.reshape(1, -1), knots[None], self.degree, order)
        return values[:, :, 0].transpose(1, 2).reshape(order + 1, *x.shape, self.degree + 1)

    def polynomials(self, y: Tensor, order: int = 0) -> Tensor:  # (n,) -> (order + 1, r, n)
        """The functions of the other coordinate; the constant 1 in one dimension."""
        if self.other is None:
            ones = y.new_zeros(order + 1, 1, y.shape[0])
            ones[0] = 1
            return ones
        return chebyshev(y, self.size, self.other[0], self.other[1], order)


@dataclass(frozen=True)
class Lifted:
    """Functions of the lifted form, one a field: a space and their coefficients."""

    space: LiftedSpace
    c: Tensor  # (K, F r), those of the first field first

    def field(self, number: int) -> Tensor:  # (K, r)
        """The coefficients of one field."""
        return self.c[:, number * self.space.size : (number + 1) * self.space.size]

    def __call__(self, x: Tensor, y: Tensor, orders: tuple[int, int] = (0, 0), field: int = 0) -> Tensor:  # (N, n)
        """Values of a field on the tensor grid of x (N,) and y (n,), or of its derivative; orders along splines, and across."""
        space = self.space
        return space.splines(x, orders[0])[orders[0]] @ self.field(field) @ space.polynomials(y, orders[1])[orders[1]]

    @property
    def parameters(self) -> int:
        """The number of coefficients."""
        return self.c.numel()


class Equation(Protocol):
    """What a group of rows asks of the jets: an ``Operator``, or a ``Match``."""

    linear: bool
    keys: list[Key]

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        """Residual and slopes."""

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """The characteristic size by which rows are divided."""


@dataclass
class Match:
    """Asks one partial derivative to equal given values: the start of a time window, or two ends of a periodic coordinate."""

    key: Key
    target: Tensor  # broadcasts to (C, m, n)
    unit: float = 1.0  # rows are divided by it
    linear: bool = True

    def __post_init__(self) -> None:
        self.keys = [self.key]

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        value = jets[self.key]
        return value - self.target, {self.key: torch.ones_like(value)}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """The given unit."""
        return self.unit


@dataclass
class RowGroup:
    """One equation at the points (cells x m) along the splines times n points along the other coordinate."""

    equation: Equation
    cells: slice  # of the intervals
    splines: Tensor  # (orders, C, m, k + 1)
    polynomials: Tensor  # (orders, r, n)
    points: list[Tensor]  # one a coordinate, each broadcasts to (C, m, n)
    weight: Tensor  # square root of the quadrature weight, broadcasts to (C, m, n)
    offset: Mapping[Key, Tensor] | None = None  # jets of a given function that u is added to
    seam: int | None = None  # the number of the seam unknown that the row ties an end to, if it is such a row
    scale: float | None = None  # characteristic size of the rows, fixed at the first evaluation

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, m, n)."""
        return self.splines.shape[1], self.splines.shape[2], self.polynomials.shape[2]


class LiftedSystem:
    """The least squares problem of a lifted space: rows of equations, conditions and seams, and their linearisation.

    ``names`` are the fields in the order of their coefficients. ``seams`` is the number of values and derivatives of fields tied
    across a periodic spline axis: each is a further unknown function of the other coordinate (a border of the band), which
    both ends are asked to equal.
    """

    def __init__(
        self, space: LiftedSpace, groups: list[RowGroup], lengths: Sequence[float], names: Sequence[str], seams: int = 0
    ) -> None:
        self.space = space
        self.number = {name: i for i, name in enumerate(names)}
        self.groups = groups
        self.lengths = tuple(lengths)
        self.seams = seams
        self.linear = all(group.equation.linear for group in groups)

    def linearise(self, c: Tensor) -> Linearised:
        """Residual and slopes at the coefficients c (K, F r)."""
        parts = []
        total = c.new_zeros(())
        local = c.reshape(-1, self.space.fields, self.space.size)[self.space.columns]  # (G, k + 1, F, r)
        for group in self.groups:
            jets = {key: self._jet(group, local, key) for key in group.equation.keys}
            if group.offset is not None:
                jets = {key: value + group.offset[key] for key, value in jets.items()}
            residual, slopes = group.equation(group.points, jets)
            if group.seam is not None:
                residual = residual - self._seam_value(group.seam, local)
            if group.scale is None:
                group.scale = group.equation.size(slopes, self.lengths)
            weight = group.weight / group.scale
            weighted = (residual * weight).expand(group.shape)
            total = total + weighted.square().sum()
            parts.append((weighted, {key: slope * weight for key, slope in slopes.items()}))
        return Linearised(self, parts, float(total.sqrt()))

    def _orders(self, key: Key) -> tuple[int, int]:
        index = key[1]
        along = index[self.space.axis]
        return along, sum(index) - along

    def _jet(self, group: RowGroup, local: Tensor, key: Key) -> Tensor:  # (C, m, n)
        along, across = self._orders(key)
        mine = local[group.cells, :, self.number[key[0]]]  # (C, k + 1, r)
        return torch.matmul(torch.matmul(group.splines[along], mine), group.polynomials[across])

    def _seam_value(self, seam: int, local: Tensor) -> Tensor:  # (1, 1, n)
        """The seam unknown at its best value, the mean of both ends; with it the border starts from zero."""
        ends = [group for group in self.groups if group.seam == seam]
        values = []
        for group in ends:
            value = self._jet(group, local, group.equation.keys[0])
            values.append(value + group.offset[group.equation.keys[0]] if group.offset is not None else value)
        return sum(values[1:], values[0]) / len(values)


class Linearised:
    """A lifted system at one point: its cost |r| and the Gauss-Newton step."""

    def __init__(self, system: LiftedSystem, parts: list[tuple[Tensor, dict[Key, Tensor]]], cost: float) -> None:
        self.system = system
        self.cost = cost
        self._parts = parts

    def step(self, damping: float = 0.0) -> Tensor:  # (K, F r)
        """The p that minimises |r + J p|^2 + damping |D p|^2, D the norms of the columns of J (Marquardt's scaling)."""
        space = self.system.space
        width, k, intervals = space.block, space.degree, space.intervals
        blocks = [self._block(group, slopes) for group, (_, slopes) in zip(self.system.groups, self._parts, strict=True)]
        squares = blocks[0].new_zeros(space.functions, width)
        for group, block in zip(self.system.groups, blocks, strict=True):
            columns = space.columns[group.cells].reshape(-1)
            squares.index_add_(0, columns, block.square().sum(1).reshape(-1, width))
        norms = squares.sqrt()
        if bool((norms == 0).any()):  # a coefficient that no row depends on keeps its value
            norms, damping = torch.where(norms > 0, norms, torch.ones_like(norms)), max(damping, IDLE)
        scaling = norms[space.columns].reshape(intervals, 1, (k + 1) * width)
        scaled = [block / scaling[group.cells] for group, block in zip(self.system.groups, blocks, strict=True)]
        if (k + 1) * width > WIDE:
            x = self._by_cholesky(scaled, damping)
            if x is not None:
                return x.reshape(space.functions, width) / norms
        return self._by_qr(scaled, damping).reshape(space.functions, width) / norms

    def _by_cholesky(self, scaled: list[Tensor], damping: float) -> Tensor | None:
        space = self.system.space
        groups = [
            CellRows(group.cells, block, -residual.reshape(residual.shape[0], -1), self._border(group))
            for group, block, (residual, _) in zip(self.system.groups, scaled, self._parts, strict=True)
        ]
        return solve_banded_by_cholesky(groups, space.columns, space.block, self.system.seams * space.size, damping)

    def _by_qr(self, scaled: list[Tensor], damping: float) -> Tensor:
        space = self.system.space
        cells: list[list[Rows]] = [[] for _ in range(space.intervals)]
        for group, block, (residual, _) in zip(self.system.groups, scaled, self._parts, strict=True):
            right = -residual.reshape(residual.shape[0], -1, 1)
            border = self._border(group)
            for i, e in enumerate(range(*group.cells.indices(space.intervals))):
                cells[e].append(Rows(block[i], right[i], border))
        return solve_banded(cells, space.block, space.degree, border=self.system.seams * space.size, damping=damping)[0]

    def _block(self, group: RowGroup, slopes: Mapping[Key, Tensor]) -> Tensor:  # (C, m n, (k + 1) F r)
        cells, m, n = group.shape
        space, number = self.system.space, self.system.number
        factors: dict[tuple[int, int], Tensor] = {}  # by field and order across: (C, m, n, k + 1)
        for key, slope in slopes.items():
            along, across = self.system._orders(key)
            term = slope.expand(group.shape)[..., None] * group.splines[along][:, :, None, :]
            place = (number[key[0]], across)
            factors[place] = factors[place] + term if place in factors else term
        block = group.splines.new_zeros(cells, m, n, space.degree + 1, space.fields, space.size)
        for (field, across), factor in factors.items():
            table = group.polynomials[across].T[:, None, :]  # (n, 1, r)
            block[..., field, :].addcmul_(factor[..., None], table)
        return block.reshape(cells, m * n, -1)

    def _border(self, group: RowGroup) -> Tensor | None:
        if group.seam is None:
            return None
        r, n = self.system.space.size, group.shape[2]
        border = group.weight.new_zeros(n, self.system.seams * r)
        weight = (group.weight / (group.scale or 1.0)).expand(group.shape).reshape(n, 1)
        border[:, group.seam * r : (group.seam + 1) * r] = -group.polynomials[0].T * weight
        return border
