"""Products of splines along every coordinate of a box, numbered so that their normal equations make a narrow band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from kanpde.kan.bspline import local_basis, open_knots


@dataclass(frozen=True)
class TensorSpace:
    """Products of splines on ``breaks[a]`` of degree ``degrees[a]``, for F fields.

    Unknowns are numbered with the field running fastest and the axis of the most functions slowest, which makes the band narrow.
    """

    breaks: tuple[Tensor, ...]  # (G_a + 1,) each
    degrees: tuple[int, ...]
    fields: int = 1

    @property
    def intervals(self) -> tuple[int, ...]:
        """G_a along each axis."""
        return tuple(len(b) - 1 for b in self.breaks)

    @property
    def functions(self) -> tuple[int, ...]:
        """K_a = G_a + k_a along each axis."""
        return tuple(g + k for g, k in zip(self.intervals, self.degrees, strict=True))

    @property
    def size(self) -> int:
        """The number of coefficients, all fields."""
        return math.prod(self.functions) * self.fields

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The axes from the slowest to the fastest."""
        return tuple(sorted(range(len(self.breaks)), key=lambda a: (-self.functions[a], a)))

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """How far apart neighbours along each axis stand."""
        strides, step = [0] * len(self.breaks), self.fields
        for axis in reversed(self.order):
            strides[axis] = step
            step *= self.functions[axis]
        return tuple(strides)

    @cached_property
    def offsets(self) -> Tensor:  # (w,), w = F prod (k_a + 1)
        """The columns of a cell beyond its first: axes in ``order``, then the fields."""
        offsets = torch.zeros(1, dtype=torch.int64, device=self.breaks[0].device)
        for axis in self.order:
            steps = torch.arange(self.degrees[axis] + 1, device=offsets.device) * self.strides[axis]
            offsets = (offsets[:, None] + steps).reshape(-1)
        return (offsets[:, None] + torch.arange(self.fields, device=offsets.device)).reshape(-1)

    def cell(self, x: Tensor) -> Tensor:  # (N, d) -> (N,)
        """The number of a point's cell: its first column."""
        first = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for axis, breaks in enumerate(self.breaks):
            span = torch.searchsorted(breaks, x[:, axis].contiguous(), right=True) - 1
            first += span.clamp(0, len(breaks) - 2) * self.strides[axis]
        return first

    def tables(self, x: Tensor, orders: Sequence[int]) -> list[Tensor]:  # (.., d) -> (order + 1, .., k_a + 1) each
        """The splines that do not vanish at each point and their derivatives, axis by axis."""
        tables = []
        for axis, (breaks, k, order) in enumerate(zip(self.breaks, self.degrees, orders, strict=True)):
            flat = x[..., axis].reshape(1, -1)
            _, values = local_basis(flat, open_knots(breaks, k)[None], k, order)  # (order + 1, k + 1, 1, N)
            tables.append(values[:, :, 0].transpose(1, 2).reshape(order + 1, *x.shape[:-1], k + 1))
        return tables

    def along(self, axis: int, x: Tensor) -> Tensor:  # (N,) -> (N, K_a)
        """All splines of one axis at points, dense."""
        line = TensorSpace((self.breaks[axis],), (self.degrees[axis],))
        dense = x.new_zeros(len(x), line.size)
        return dense.scatter_(1, line.cell(x[:, None])[:, None] + line.offsets, line.tables(x[:, None], [0])[0][0])

    def tensor(self, c: Tensor) -> Tensor:  # (n,) -> (F, K_1, .., K_d)
        """The coefficients by field and axis."""
        shaped = c.reshape(*(self.functions[axis] for axis in self.order), self.fields)
        positions = [self.order.index(axis) for axis in range(len(self.breaks))]
        return shaped.permute(len(self.breaks), *positions)

    def vector(self, tensor: Tensor) -> Tensor:  # (F, K_1, .., K_d) -> (n,)
        """The inverse of ``tensor``."""
        return tensor.permute(*(1 + axis for axis in self.order), 0).reshape(-1)


def contract(
    space: TensorSpace, tables: Sequence[Tensor], local: Tensor, index: Sequence[int], pointwise: bool = False
) -> Tensor:
    """sum over the local coefficients (C, W), or (N, 1, W) point by point, of products of splines: (C, M)."""
    widths = [space.degrees[axis] + 1 for axis in space.order]
    if pointwise:
        value = local.reshape(local.shape[0], *widths)
        for axis in reversed(space.order):
            weights = tables[axis][index[axis]]  # (N, k + 1)
            value = (value * weights.reshape(len(weights), *(1,) * (value.ndim - 2), -1)).sum(-1)
        return value[:, None]
    first, *others = space.order
    value = torch.matmul(tables[first][index[first]], local.reshape(local.shape[0], widths[0], -1))  # (C, M, rest)
    for axis in reversed(others):
        weights = tables[axis][index[axis]]  # (C, M, k + 1)
        value = torch.matmul(value.reshape(*weights.shape[:2], -1, weights.shape[2]), weights[..., None])[..., 0]
    return value[..., 0] if value.ndim == 3 else value
