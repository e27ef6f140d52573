"""The lifted form: u(x, y, ..) = sum c_ij.. B_i(x) T_j(y) .., splines along one coordinate, global functions along each other.

All fields of a system share the functions; their coefficients stand side by side in one block column. Chebyshev polynomials
serve a coordinate that ends, harmonics one that closes on itself: with them value and all derivatives agree at the seam.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kanpde.kan.bspline import insert_knots, local_basis, open_knots
from kanpde.kan.chebyshev import chebyshev, chebyshev_points


def harmonics(x: Tensor, size: int, lower: float, upper: float, order: int = 0) -> Tensor:  # (N,) -> (order + 1, size, N)
    """1, cos(theta), sin(theta), cos(2 theta), .. with theta = 2 pi (x - lower) / (upper - lower), and derivatives by x."""
    wave = 2 * math.pi / (upper - lower)
    number = torch.arange(size, device=x.device).add(1).div(2, rounding_mode="floor").to(x)  # 0, 1, 1, 2, 2, ..
    shift = torch.arange(size, device=x.device).remainder(2).to(x) * (math.pi / 2)  # sine of what is shifted is the cosine
    shift[0] = math.pi / 2
    theta = number[:, None] * (wave * (x - lower)) + shift[:, None]
    return torch.stack([(number[:, None] * wave) ** q * torch.sin(theta + q * math.pi / 2) for q in range(order + 1)])


@dataclass(frozen=True)
class Across:
    """The functions along one other coordinate: Chebyshev polynomials on an interval, or harmonics of it if ``periodic``."""

    axis: int  # the number of the coordinate
    interval: tuple[float, float]  # a time window, or the whole of the coordinate
    size: int  # r; odd for harmonics
    periodic: bool = False

    def table(self, y: Tensor, order: int = 0) -> Tensor:  # (n,) -> (order + 1, r, n)
        """All functions and their derivatives."""
        return (harmonics if self.periodic else chebyshev)(y, self.size, *self.interval, order)

    def points(self, count: int, like: Tensor) -> Tensor:  # (count,)
        """Zeros of a Chebyshev polynomial, or equal steps around the period."""
        if self.periodic:
            return self.levels(count, like)
        return chebyshev_points(count, *self.interval, dtype=like.dtype).to(like.device)

    def levels(self, count: int, like: Tensor) -> Tensor:  # (count,)
        """The middles of equal steps."""
        low, high = self.interval
        return low + (high - low) * (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / count

    @property
    def last(self) -> int:
        """How many of the last functions show how far the others reach: two degrees, or the two highest frequencies."""
        return min(4 if self.periodic else 2, self.size - 1)

    def widened(self, size: int) -> Across:
        """With at least so many functions."""
        return replace(self, size=size + (1 - size % 2 if self.periodic else 0))


@dataclass(frozen=True)
class LiftedSpace:
    """Splines of ``degree`` on ``breaks`` along coordinate ``axis``, times the functions of each other coordinate.

    Where every space coordinate is periodic, the first one has harmonics as well (``periodic``): one interval, ``degree`` + 1
    functions. ``across`` has time last; it is empty in one dimension.
    """

    breaks: Tensor  # (G + 1,)
    degree: int
    axis: int
    across: tuple[Across, ...] = ()
    fields: int = 1  # F
    periodic: bool = False

    @property
    def intervals(self) -> int:
        """G, the number of knot intervals."""
        return self.breaks.shape[0] - 1

    @property
    def functions(self) -> int:
        """K = G + k, the number of splines."""
        return self.intervals + self.degree

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers r of functions along the other coordinates."""
        return tuple(across.size for across in self.across)

    @property
    def size(self) -> int:
        """R, the product of ``sizes``; 1 in one dimension."""
        return math.prod(self.sizes)

    @property
    def block(self) -> int:
        """F R, the number of coefficients of one spline."""
        return self.fields * self.size

    @property
    def grid(self) -> tuple[int, ...]:
        """Intervals (or harmonics) along the splines, and functions along each other coordinate."""
        return (self.functions if self.periodic else self.intervals, *self.sizes)

    @property
    def window(self) -> tuple[float, float] | None:
        """The interval of the last other coordinate, which is time if there is one."""
        return self.across[-1].interval if self.across else None

    @property
    def columns(self) -> Tensor:  # (G, k + 1)
        """The splines that do not vanish on each interval."""
        start = torch.arange(self.intervals, device=self.breaks.device)
        return start[:, None] + torch.arange(self.degree + 1, device=self.breaks.device)

    def splines(self, x: Tensor, order: int = 0) -> Tensor:  # (N,) -> (order + 1, N, K)
        """All splines at points anywhere, dense."""
        if self.periodic:
            return harmonics(x, self.functions, float(self.breaks[0]), float(self.breaks[-1]), order).transpose(1, 2)
        first, values = local_basis(x[None], open_knots(self.breaks, self.degree)[None], self.degree, order)
        dense = x.new_zeros(order + 1, x.shape[0], self.functions)
        index = first[0][:, None] + torch.arange(self.degree + 1, device=x.device)  # (N, k + 1)
        return dense.scatter_(2, index.expand(order + 1, -1, -1), values[:, :, 0].transpose(1, 2))

    def local(self, x: Tensor, order: int) -> Tensor:  # (C, m) points, row c inside one interval -> (order + 1, C, m, k + 1)
        """The k + 1 splines of the interval at points of that interval, and their derivatives."""
        if self.periodic:
            return self.splines(x.reshape(-1), order).reshape(order + 1, *x.shape, self.functions)
        knots = open_knots(self.breaks, self.degree)
        _, values = local_basis(x.reshape(1, -1), knots[None], self.degree, order)
        return values[:, :, 0].transpose(1, 2).reshape(order + 1, *x.shape, self.degree + 1)

    def without_time(self) -> LiftedSpace:
        """The space of the values at one time."""
        return replace(self, across=self.across[:-1])


@dataclass(frozen=True)
class Lifted:
    """Functions of the lifted form, one a field: a space and their coefficients."""

    space: LiftedSpace
    c: Tensor  # (K, F R), those of the first field first, in each the last coordinate running fastest

    @property
    def tensor(self) -> Tensor:  # (K, F, r_1, ..)
        """The coefficients by field and coordinate."""
        return self.c.reshape(self.space.functions, self.space.fields, *self.space.sizes)

    def __call__(self, x: Tensor, ys: Sequence[Tensor], orders: Sequence[int] | None = None, field: int = 0) -> Tensor:
        """Values of a field on the tensor grid of x (N,) and the other coordinates (n_i,), or of a derivative: (N, n_1, ..).

        ``orders`` has one entry for the splines and one for each other coordinate.
        """
        along, *across = orders or [0] * (1 + len(ys))
        tables = [a.table(y, q)[q] for a, y, q in zip(self.space.across, ys, across, strict=True)]
        values = self.space.splines(x, along)[along] @ self.c.reshape(len(self.c), self.space.fields, -1)[:, field]
        return spread(values, tables)

    @property
    def parameters(self) -> int:
        """The number of coefficients."""
        return self.c.numel()

    def refined(self, inserted: Tensor) -> Lifted:
        """The same function on more knots."""
        c, breaks = insert_knots(self.c.T, self.space.breaks, inserted, self.space.degree)
        return Lifted(replace(self.space, breaks=breaks), c.T.contiguous())

    def widened(self, sizes: Sequence[int]) -> Lifted:
        """The same function among at least so many functions along each other coordinate."""
        across = tuple(a.widened(max(a.size, size)) for a, size in zip(self.space.across, sizes, strict=True))
        space = replace(self.space, across=across)
        padding = [n for new, old in zip(reversed(space.sizes), reversed(self.space.sizes), strict=True) for n in (0, new - old)]
        return Lifted(space, torch.nn.functional.pad(self.tensor, padding).reshape(space.functions, -1))

    def with_harmonics(self, count: int) -> Lifted:
        """The same function among at least so many harmonics along the first coordinate."""
        degree = count - count % 2
        c = torch.nn.functional.pad(self.c, (0, 0, 0, degree - self.space.degree))
        return Lifted(replace(self.space, degree=degree), c)


def spread(values: Tensor, tables: Sequence[Tensor]) -> Tensor:  # (.., r_1 r_2 ..), (r_i, n_i) each -> (.., n_1, n_2, ..)
    """Coefficients to values on a tensor grid, one coordinate after the other."""
    if not tables:
        return values[..., 0]
    if len(tables) == 1:
        return torch.matmul(values, tables[0])
    front = values.shape[:-1]
    rest = math.prod(table.shape[0] for table in tables[1:])
    values = values.reshape(-1, tables[0].shape[0], rest)
    values = torch.matmul(tables[0].T, values)  # (.., n_1, r_2 ..)
    return spread(values, tables[1:]).reshape(*front, *(table.shape[1] for table in tables))


def gathered(values: Tensor, tables: Sequence[Tensor]) -> Tensor:  # (.., n_1, n_2, ..) -> (.., r_1 r_2 ..)
    """The transpose of ``spread``."""
    if not tables:
        return values[..., None]
    if len(tables) == 1:
        return torch.matmul(values, tables[0].T)
    front = values.shape[: values.ndim - len(tables)]
    inner = gathered(values, tables[1:])  # (.., n_1, r_2 ..)
    return torch.matmul(tables[0], inner).reshape(*front, -1)
