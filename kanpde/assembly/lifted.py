"""The least squares problem of a lifted space: groups of rows, their linearisation, and the step that minimises it.

A linear equation is one least squares problem and a nonlinear one a few Gauss-Newton steps. Rows are ordered by the intervals of
the splines, whose Jacobian blocks form a band. Three ways to a step, by cost: QR of the band where blocks are narrow; Cholesky of
the band's normal equations with conjugate gradients where they are wide; in three coordinates conjugate gradients on rows that
are never formed, preconditioned by fast diagonalisation, where the operator is one of a single field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from kanpde.assembly.operator import Key
from kanpde.assembly.space import LiftedSpace, spread
from kanpde.assembly.unformed import solve_unformed
from kanpde.errors import DivergedError
from kanpde.optimize.banded import Rows, solve_banded
from kanpde.optimize.banded_cholesky import CellRows, solve_banded_by_cholesky
from kanpde.optimize.cgls import REDUCTION

WIDE = 500  # columns of an interval above which normal equations with CGLS are quicker than QR, and as good
VAST = 200  # columns of an interval above which conjugate gradients on rows that are not formed are tried
MOST_ENTRIES = 2.5e8  # of the rows that are formed: 2 GB, and as much again for their scaled copy
IDLE = 1e-26  # damping of coefficients that no row depends on, beside columns of norm one


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
    target: Tensor  # broadcasts to (C, m, n_1, ..)
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
    """One equation at the points (cells x m) along the splines times n_i points along each other coordinate."""

    equation: Equation
    cells: slice  # of the intervals
    splines: Tensor  # (orders, C, m, k + 1)
    tables: list[Tensor]  # (orders, r_i, n_i) for each other coordinate
    points: list[Tensor]  # one a coordinate, each broadcasts to (C, m, n_1, ..)
    weight: Tensor  # square root of the quadrature weight, broadcasts to (C, m, n_1, ..)
    offset: Mapping[Key, Tensor] | None = None  # jets of a given function that u is added to
    seam: int | None = None  # the number of the seam unknown that the row ties an end to, if it is such a row
    face: int | None = None  # the coordinate that is held, where it is one; None inside, and at single points
    factor: float = 1.0  # what the weight has beside the quadrature
    inside: bool = False  # whether the rows are those of an equation
    scale: float | None = None  # characteristic size of the rows, fixed at the first evaluation

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, m, n_1, ..)."""
        return self.splines.shape[1], self.splines.shape[2], *(table.shape[2] for table in self.tables)


class LiftedSystem:
    """The least squares problem of a lifted space: rows of equations, conditions and seams, and their linearisation.

    ``names`` are the fields in the order of their coefficients. ``seams`` is the number of values and derivatives of fields tied
    across a periodic spline axis: each is a further unknown function of the other coordinates (a border of the band), which
    both ends are asked to equal. ``solver`` says in words how the last step was computed.
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
        self.solver = ""

    def linearise(self, c: Tensor) -> Linearised:
        """Residual and slopes at the coefficients c (K, F R)."""
        parts = []
        total = c.new_zeros(())
        local = self.local(c)
        for group in self.groups:
            jets = {key: self.jet(group, local, key) for key in group.equation.keys}
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

    def local(self, c: Tensor) -> Tensor:  # (G, k + 1, F, R)
        """The coefficients that each interval sees."""
        return c.reshape(-1, self.space.fields, self.space.size)[self.space.columns]

    def tables(self, group: RowGroup, key: Key) -> list[Tensor]:  # (r_i, n_i)
        """The functions along the other coordinates, differentiated as the key says."""
        return [table[key[1][across.axis]] for across, table in zip(self.space.across, group.tables, strict=True)]

    def jet(self, group: RowGroup, local: Tensor, key: Key) -> Tensor:  # (C, m, n_1, ..)
        """A partial derivative at the points of a group."""
        mine = local[group.cells, :, self.number[key[0]]]  # (C, k + 1, R)
        return spread(torch.matmul(group.splines[key[1][self.space.axis]], mine), self.tables(group, key))

    def _seam_value(self, seam: int, local: Tensor) -> Tensor:  # (1, 1, n_1, ..)
        """The seam unknown at its best value, the mean of both ends; with it the border starts from zero."""
        ends = [group for group in self.groups if group.seam == seam]
        values = []
        for group in ends:
            value = self.jet(group, local, group.equation.keys[0])
            values.append(value + group.offset[group.equation.keys[0]] if group.offset is not None else value)
        return sum(values[1:], values[0]) / len(values)


class Linearised:
    """A lifted system at one point: its cost |r| and the Gauss-Newton step."""

    def __init__(self, system: LiftedSystem, parts: list[tuple[Tensor, dict[Key, Tensor]]], cost: float) -> None:
        self.system = system
        self.cost = cost
        self._parts = parts

    def step(self, damping: float = 0.0, reduction: float = REDUCTION) -> Tensor:  # (K, F R)
        """The p that minimises |r + J p|^2 + damping |D p|^2, D the norms of the columns of J (Marquardt's scaling).

        Where it is found by iteration, the gradient falls by ``reduction``.
        """
        space = self.system.space
        if len(space.across) == 2 and (space.degree + 1) * space.block > VAST and not self.system.seams:
            p = solve_unformed(self.system, self._parts, damping, reduction)
            if p is not None:
                return p
        return self._direct(damping)

    def _direct(self, damping: float) -> Tensor:
        space = self.system.space
        entries = sum(math.prod(group.shape) for group in self.system.groups) * (space.degree + 1) * space.block
        if entries > MOST_ENTRIES:
            raise DivergedError(
                f"a step on the grid of {' x '.join(map(str, space.grid))} needs a matrix of {entries:.1g} numbers",
                hint="loosen the tolerance; without such a matrix go equations each of which belongs to one field by its order",
            )
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
                self.system.solver = "banded Cholesky with CGLS"
                return x.reshape(space.functions, width) / norms
        self.system.solver = "banded QR"
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

    def _block(self, group: RowGroup, slopes: Mapping[Key, Tensor]) -> Tensor:  # (C, m N, (k + 1) F R)
        cells, m = group.shape[:2]
        space, number = self.system.space, self.system.number
        factors: dict[tuple[int, ...], Tensor] = {}  # by field and orders across: (C, m, N, k + 1)
        tables: dict[tuple[int, ...], Tensor] = {}  # (N, R)
        for key, slope in slopes.items():
            splines = group.splines[key[1][space.axis]]
            term = slope.expand(group.shape).reshape(cells, m, -1, 1) * splines[:, :, None, :]
            place = (number[key[0]], *(key[1][across.axis] for across in space.across))
            factors[place] = factors[place] + term if place in factors else term
            tables[place] = _product(self.system.tables(group, key), splines)
        block = group.splines.new_zeros(cells, m, math.prod(group.shape[2:]), space.degree + 1, space.fields, space.size)
        for place, factor in factors.items():
            block[..., place[0], :].addcmul_(factor[..., None], tables[place][:, None, :])
        return block.reshape(cells, -1, (space.degree + 1) * space.block)

    def _border(self, group: RowGroup) -> Tensor | None:
        if group.seam is None:
            return None
        r, n = self.system.space.size, math.prod(group.shape[2:])
        border = group.weight.new_zeros(n, self.system.seams * r)
        weight = (group.weight / (group.scale or 1.0)).expand(group.shape).reshape(n, 1)
        values = _product([table[0] for table in group.tables], group.splines)
        border[:, group.seam * r : (group.seam + 1) * r] = -values * weight
        return border


def _product(tables: Sequence[Tensor], like: Tensor) -> Tensor:  # (r_i, n_i) -> (N, R)
    """The values of all products at all points across."""
    result = like.new_ones(1, 1)
    for table in tables:
        result = torch.kron(result, table.T.contiguous())
    return result
