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
from kanpde.assembly.space import LiftedSpace, gathered, spread
from kanpde.optimize.banded import Rows, solve_banded
from kanpde.optimize.banded_cholesky import CellRows, solve_banded_by_cholesky
from kanpde.optimize.cgls import REDUCTION, preconditioned_cgls
from kanpde.optimize.fast_diagonal import Axis, FastDiagonal

WIDE = 500  # columns of an interval above which normal equations with CGLS are quicker than QR, and as good
VAST = 800  # columns of an interval above which conjugate gradients on rows that are not formed are tried
CONSTANT = 1e-9  # relative change of a coefficient along a face, below which it is one number
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
        if len(space.across) == 2 and (space.degree + 1) * space.block > VAST and space.fields == 1 and not self.system.seams:
            p = self._by_diagonalisation(damping, reduction)
            if p is not None:
                return p
        return self._direct(damping)

    def _direct(self, damping: float) -> Tensor:
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

    def _by_diagonalisation(self, damping: float, reduction: float) -> Tensor | None:
        """Rows are applied, never formed; None where the operator is no sum over the coordinates, or nearly so.

        Conditions at the ends of the first two coordinates are met first, by functions that are as smooth as can be; what is
        left obeys the homogeneous ones.
        """
        axes = self._axes()
        if axes is None:
            return None
        preconditioner = FastDiagonal(*axes)
        if not preconditioner.good:
            return None
        lifted = self._lifted(axes)
        right = [-residual - row for (residual, _), row in zip(self._parts, self._forward(lifted), strict=True)]
        outcome = preconditioned_cgls(self._forward, self._backward, right, preconditioner, damping, reduction)
        if not outcome.settled:
            return None
        self.system.solver = f"CGLS preconditioned by fast diagonalisation, {outcome.steps} steps"
        return (lifted + outcome.x).reshape(self.system.space.functions, -1)

    def _lifted(self, axes: list[Axis]) -> Tensor:
        """Coefficients that meet the conditions at the ends of the first two coordinates."""
        space = self.system.space
        coordinates = [space.axis, *(across.axis for across in space.across)]
        p = self._parts[0][0].new_zeros(space.functions * space.size)
        for place in range(3):
            rows = self._forward(p)
            wanted = [
                -(residual + row).flatten(0, 1).select(place, 0)  # (N, N') along the two coordinates that the face leaves free
                for group, (residual, _), row in zip(self.system.groups, self._parts, rows, strict=True)
                if group.face == coordinates[place]
            ]
            if not wanted:
                continue
            free = [axis.nearest if i < place else axis.projection for i, axis in enumerate(axes) if i != place]
            data = free[0] @ torch.stack(wanted) @ free[1].T  # (m, n, n')
            p = p + torch.tensordot(axes[place].lift, data, 1).movedim(0, place).reshape(-1)
        return p

    def _forward(self, p: Tensor) -> list[Tensor]:
        """J p, group by group."""
        local = self.system.local(p)
        rows = []
        for group, (residual, slopes) in zip(self.system.groups, self._parts, strict=True):
            row = torch.zeros_like(residual)
            for key, slope in slopes.items():
                row.addcmul_(slope, self.system.jet(group, local, key))
            rows.append(row)
        return rows

    def _backward(self, rows: list[Tensor]) -> Tensor:
        """J^T applied to rows."""
        system, space = self.system, self.system.space
        local = rows[0].new_zeros(space.intervals, space.degree + 1, space.fields, space.size)
        for group, row, (_, slopes) in zip(system.groups, rows, self._parts, strict=True):
            for key, slope in slopes.items():
                inner = gathered(row * slope, system.tables(group, key))  # (C, m, R)
                splines = group.splines[key[1][space.axis]].transpose(1, 2)
                local[group.cells, :, system.number[key[0]]] += torch.matmul(splines, inner)
        p = local.new_zeros(space.functions, space.block)
        return p.index_add_(0, space.columns.reshape(-1), local.reshape(-1, space.block)).reshape(-1)

    def _axes(self) -> list[Axis] | None:
        """The operator as a sum: every coefficient replaced by its mean over the coordinates other than the derivative's own."""
        system, space = self.system, self.system.space
        inside = [(group, slopes) for group, (_, slopes) in zip(system.groups, self._parts, strict=True) if group.inside]
        if len(inside) != 1:
            return None
        group, slopes = inside[0]
        means = {key: (slope / group.weight).expand(group.shape) for key, slope in slopes.items()}
        axes = [space.axis, *(across.axis for across in space.across)]
        tables = [_dense(group, space), *(table.transpose(1, 2) for table in group.tables)]  # (orders, N, n)
        count = math.prod(group.shape[2:])
        roots = [(group.weight * math.sqrt(count)).expand(group.shape).flatten(0, 1).flatten(1)[:, 0]]
        roots += [roots[0].new_full((n,), n**-0.5) for n in group.shape[2:]]
        made = []
        for place, axis in enumerate(axes):
            operator = torch.zeros_like(tables[place][0])
            for key, mean in means.items():
                order = key[1][axis]
                if sum(key[1]) != order:
                    continue
                own = mean.flatten(0, 1).movedim(place, 0).flatten(1).mean(1)  # (N,)
                if order == 0 and place < 2:
                    own = own - own.mean()  # the mean of a term without derivatives belongs to the third coordinate
                operator = operator + own[:, None] * tables[place][order]
            root = roots[place][:, None]
            ends = self._ends(axis, place)
            if ends is None:
                return None
            made.append(Axis(root * tables[place][0], root * operator, ends))
        return made

    def _ends(self, axis: int, place: int) -> Tensor | None:  # (m, n)
        """The rows of the conditions at the ends of a coordinate, without the weights of the others; None unless they are constant."""
        system, space = self.system, self.system.space
        rows = []
        for group, (_, slopes) in zip(system.groups, self._parts, strict=True):
            if group.face != axis:
                continue
            table = _dense(group, space)[:, 0] if place == 0 else group.tables[place - 1][:, :, 0]  # (orders, n)
            row = torch.zeros_like(table[0])
            for key, slope in slopes.items():
                value = slope / group.weight
                mean = value.mean()
                if sum(key[1]) != key[1][axis] or float((value - mean).abs().max()) > CONSTANT * float(mean.abs()):
                    return None
                row = row + group.factor * mean * table[key[1][axis]]
            rows.append(row)
        like = self._parts[0][0]
        return torch.stack(rows) if rows else like.new_zeros(0, (space.functions, *space.sizes)[place])

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


def _dense(group: RowGroup, space: LiftedSpace) -> Tensor:  # (orders, C m, K)
    """The splines of a group's points among all splines."""
    orders, cells, m, near = group.splines.shape
    columns = space.columns[group.cells][:, None].expand(cells, m, near).reshape(1, cells * m, near)
    dense = group.splines.new_zeros(orders, cells * m, space.functions)
    return dense.scatter_(2, columns.expand(orders, -1, -1), group.splines.reshape(orders, cells * m, near))
