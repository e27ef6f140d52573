"""Steps of a lifted system in three coordinates by conjugate gradients on rows that are applied and never formed.

A row costs what its jets cost, one coordinate after the other; the block of an interval would cost the square of the number of
polynomials times that. Two preconditioners: fast diagonalisation for one field, and blocks of waves for what is periodic in two
coordinates, of any number of fields. Where each equation belongs to one field by its highest derivatives, and conditions do not
mix them, fast diagonalisation serves field by field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kanpde.assembly.operator import Key
from kanpde.assembly.space import LiftedSpace, gathered
from kanpde.optimize.cgls import preconditioned_cgls
from kanpde.optimize.fast_diagonal import Axis, FastDiagonal, FieldByField
from kanpde.optimize.fourier_blocks import Block, FourierBlocks, Term

if TYPE_CHECKING:
    from kanpde.assembly.lifted import LiftedSystem, RowGroup

CONSTANT = 1e-9  # relative change of a coefficient along a face, below which it is one number

Parts = Sequence[tuple[Tensor, Mapping[Key, Tensor]]]
"""The weighted residual of each group of rows, and its weighted slopes."""


def solve_unformed(system: LiftedSystem, parts: Parts, damping: float, reduction: float) -> Tensor | None:  # (K, F R)
    """The p that minimises |r + J p|^2; None where no preconditioner suits the operator, or the iteration does not get there."""
    rows = _Unformed(system, parts)
    space = system.space
    lifted = parts[0][0].new_zeros(space.functions * space.block)
    preconditioner: FourierBlocks | FieldByField
    if space.periodic and space.across[0].periodic:
        name, preconditioner = "blocks of waves", rows.waves()
    else:
        axes = rows.axes()
        if axes is None:
            return None
        name, preconditioner = "fast diagonalisation", FieldByField([FastDiagonal(*three) for three in axes])
        lifted = rows.lifted(axes)
    if not preconditioner.good:
        return None
    right = [-residual - row for (residual, _), row in zip(parts, rows.forward(lifted), strict=True)]
    outcome = preconditioned_cgls(rows.forward, rows.backward, right, preconditioner, damping, reduction)
    if not outcome.settled:
        return None
    system.solver = f"CGLS preconditioned by {name}, {outcome.steps} steps"
    return (lifted + outcome.x).reshape(space.functions, -1)


class _Unformed:
    """The rows of a linearised system as a linear map, and what preconditioners need to know of them."""

    def __init__(self, system: LiftedSystem, parts: Parts) -> None:
        self.system, self._parts = system, parts

    def lifted(self, axes: list[list[Axis]]) -> Tensor:
        """Smooth coefficients that meet the conditions at the ends of the coordinates; what is left obeys homogeneous ones."""
        space = self.system.space
        p = self._parts[0][0].new_zeros(space.functions, space.fields, *space.sizes)
        for place in range(3):
            rows = self.forward(p.reshape(-1))
            for field, three in enumerate(axes):
                wanted = [
                    -(self._parts[number][0] + rows[number]).flatten(0, 1).select(place, 0)  # (N, N') along the face
                    for number in self._faces(place, field)
                ]
                if wanted:
                    free = [axis.nearest if i < place else axis.projection for i, axis in enumerate(three) if i != place]
                    data = free[0] @ torch.stack(wanted) @ free[1].T  # (m, n, n')
                    p[:, field] += torch.tensordot(three[place].lift, data, 1).movedim(0, place)
        return p.reshape(-1)

    def _faces(self, place: int, field: int) -> list[int]:
        """The groups of rows that are conditions on a field where one coordinate is held."""
        space = self.system.space
        axis = [space.axis, *(across.axis for across in space.across)][place]
        return [
            number
            for number, (group, (_, slopes)) in enumerate(zip(self.system.groups, self._parts, strict=True))
            if group.face == axis and field in {self.system.number[key[0]] for key in slopes}
        ]

    def forward(self, p: Tensor) -> list[Tensor]:
        """J p, group by group."""
        local = self.system.local(p)
        rows = []
        for group, (residual, slopes) in zip(self.system.groups, self._parts, strict=True):
            row = torch.zeros_like(residual)
            for key, slope in slopes.items():
                row.addcmul_(slope, self.system.jet(group, local, key))
            rows.append(row)
        return rows

    def backward(self, rows: list[Tensor]) -> Tensor:
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

    def axes(self) -> list[list[Axis]] | None:
        """For each field its own operator as a sum: coefficients replaced by means over coordinates other than the derivative's.

        What couples the fields is left out. None where an equation belongs to no field, or a condition is not constant.
        """
        inside = [(group, slopes) for group, (_, slopes) in zip(self.system.groups, self._parts, strict=True) if group.inside]
        owners = [self._owner(slopes) for _, slopes in inside]
        if sorted(owners) != list(range(self.system.space.fields)):
            return None
        made: list[list[Axis] | None] = [None] * len(owners)
        for owner, (group, slopes) in zip(owners, inside, strict=True):
            made[owner] = self._sum(group, {key: s for key, s in slopes.items() if self.system.number[key[0]] == owner}, owner)
        return None if any(three is None for three in made) else [three for three in made if three is not None]

    def _owner(self, slopes: Mapping[Key, Tensor]) -> int:
        """The field whose derivatives in an equation are of the highest order, along each coordinate; -1 if there is none."""
        orders: dict[int, list[int]] = {}
        for name, index in slopes:
            mine = orders.setdefault(self.system.number[name], [0] * len(index))
            orders[self.system.number[name]] = [max(pair) for pair in zip(mine, index, strict=True)]
        highest = [max(column) for column in zip(*orders.values(), strict=True)]
        owners = [field for field, mine in orders.items() if mine == highest]
        return owners[0] if len(owners) == 1 else -1

    def _sum(self, group: RowGroup, slopes: Mapping[Key, Tensor], field: int) -> list[Axis] | None:
        space = self.system.space
        means = {key: (slope / group.weight).expand(group.shape) for key, slope in slopes.items()}
        tables = [_dense(group, space), *(table.transpose(1, 2) for table in group.tables)]  # (orders, N, n)
        count = math.prod(group.shape[2:])
        roots = [(group.weight * math.sqrt(count)).expand(group.shape).flatten(0, 1).flatten(1)[:, 0]]
        roots += [roots[0].new_full((n,), n**-0.5) for n in group.shape[2:]]
        made = []
        for place, axis in enumerate([space.axis, *(across.axis for across in space.across)]):
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
            ends = self._ends(place, field)
            if ends is None:
                return None
            made.append(Axis(root * tables[place][0], root * operator, ends))
        return made

    def _ends(self, place: int, field: int) -> Tensor | None:  # (m, n)
        """The rows of a field's conditions at the ends of a coordinate, without the weights of the others.

        None unless their coefficients are constant, and their derivatives along that coordinate and of that field alone.
        """
        system, space = self.system, self.system.space
        axis = [space.axis, *(across.axis for across in space.across)][place]
        rows = []
        for number in self._faces(place, field):
            group, (_, slopes) = system.groups[number], self._parts[number]
            table = _dense(group, space)[:, 0] if place == 0 else group.tables[place - 1][:, :, 0]  # (orders, n)
            row = torch.zeros_like(table[0])
            for key, slope in slopes.items():
                value = slope / group.weight
                mean = value.mean()
                constant = float((value - mean).abs().max()) <= CONSTANT * float(mean.abs())
                if not constant or sum(key[1]) != key[1][axis] or system.number[key[0]] != field:
                    return None
                row = row + group.factor * mean * table[key[1][axis]]
            rows.append(row)
        like = self._parts[0][0]
        return torch.stack(rows) if rows else like.new_zeros(0, (space.functions, *space.sizes)[place])

    def waves(self) -> FourierBlocks:
        """Blocks of waves along the first two coordinates; coefficients are replaced by their means over them."""
        system, space = self.system, self.system.space
        last = space.across[1].axis
        blocks, pins = [], {}
        for group, (_, slopes) in zip(system.groups, self._parts, strict=True):
            root = group.factor / math.sqrt(group.shape[3])
            terms = []
            for key, slope in slopes.items():
                mean = (slope / group.weight).expand(group.shape).flatten(0, 2).mean(0)  # (N,)
                table = root * mean[:, None] * group.tables[1][key[1][last]].T
                terms.append(Term(system.number[key[0]], (key[1][space.axis], key[1][space.across[0].axis]), table))
            point = not group.inside and group.face is None
            blocks.append(Block(terms, constant=point))
            if point and [term.orders for term in terms] == [(0, 0)]:
                pins[terms[0].field] = torch.outer(group.splines[0, 0, 0], group.tables[0][0, :, 0])
        low, high = space.across[0].interval
        lengths = (float(space.breaks[-1] - space.breaks[0]), high - low)
        return FourierBlocks((space.functions, space.across[0].size), lengths, space.fields, blocks, pins)


def _dense(group: RowGroup, space: LiftedSpace) -> Tensor:  # (orders, C m, K)
    """The splines of a group's points among all splines."""
    orders, cells, m, near = group.splines.shape
    columns = space.columns[group.cells][:, None].expand(cells, m, near).reshape(1, cells * m, near)
    dense = group.splines.new_zeros(orders, cells * m, space.functions)
    return dense.scatter_(2, columns.expand(orders, -1, -1), group.splines.reshape(orders, cells * m, near))
