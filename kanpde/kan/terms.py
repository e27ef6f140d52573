"""Singular terms of a network: what splines cannot say near a corner or around a hole, as sums of monomials in w and conj(w)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kanpde.kan.jets import MultiIndex
from kanpde.kan.monomials import Monomial, by_frame, wirtinger

_CHUNK = 1 << 17
"""Complex numbers of one table that are in work at a time: 2 MB stay in the cache."""


class Terms(nn.Module):
    """Field f of the terms is the sum over m of coefficients[m] * Re sum over e of mix[m, f, e] * monomial_e(x, y).

    ``coefficients`` (n,) are learnt. ``mix`` (n, F, E) says which functions are added; it is kept as two real arrays
    (``mixture``), so that a change of the number type leaves it whole. ``axes`` are the columns of the points that are x and y.
    """

    mixture: Tensor  # (2, n, F, E), real and imaginary part

    def __init__(
        self,
        monomials: Sequence[Monomial],
        mix: Tensor,  # (n, F, E) complex
        coefficients: Tensor,  # (n,)
        axes: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__()
        if mix.ndim != 3 or mix.shape[2] != len(monomials) or mix.shape[0] != coefficients.shape[0] or coefficients.ndim != 1:
            raise ValueError(
                f"{len(monomials)} monomials and coefficients {tuple(coefficients.shape)} need a mix of shape"
                f" (n, fields, {len(monomials)}), not {tuple(mix.shape)}"
            )
        if not monomials:
            raise ValueError("terms need at least one monomial")
        self.monomials, self.axes = tuple(monomials), (int(axes[0]), int(axes[1]))
        like = coefficients.detach()
        self.register_buffer("mixture", torch.stack([mix.real, mix.imag if mix.is_complex() else torch.zeros_like(mix)]).to(like))
        self.coefficients = nn.Parameter(like.clone())

    @property
    def mix(self) -> Tensor:  # (n, F, E)
        """The complex weights of the monomials in each term and field."""
        return torch.complex(self.mixture[0], self.mixture[1])

    @property
    def count(self) -> int:
        """The number n of terms, each with one learnable coefficient."""
        return int(self.coefficients.shape[0])

    @property
    def fields(self) -> int:
        """The number F of fields."""
        return int(self.mixture.shape[2])

    def table(self, x: Tensor, indices: Iterable[MultiIndex]) -> dict[MultiIndex, Tensor]:  # (N, d) -> (n, F, N) each
        """Every term's partial derivatives with coefficient one, exact and of any order, differentiable by x."""
        wanted = list(dict.fromkeys(indices))
        plane, others = self._sorted(wanted)
        shape = (self.count, self.fields, x.shape[0])
        if torch.is_grad_enabled() and x.requires_grad:
            values = _Table.apply(x, self.mix, self.monomials, self.axes, tuple(plane.values()))
        else:
            values = _derivatives(x, self.mix, self.monomials, self.axes, tuple(plane.values()))
        result = dict(zip(plane, values, strict=True)) | {alpha: x.new_zeros(shape) for alpha in others}
        return {alpha: result[alpha] for alpha in wanted}

    def jet(self, x: Tensor, indices: Iterable[MultiIndex]) -> dict[MultiIndex, Tensor]:  # (N, d) -> (F, N) each
        """The partial derivatives of the fields, differentiable by x and by the coefficients."""
        if torch.is_grad_enabled() and (x.requires_grad or self.coefficients.requires_grad):
            return {alpha: torch.einsum("m,mfn->fn", self.coefficients, t) for alpha, t in self.table(x, indices).items()}
        wanted = list(dict.fromkeys(indices))
        plane, others = self._sorted(wanted)
        summed = torch.einsum("m,mfe->fe", self.coefficients.detach().to(self.mix), self.mix)[None]  # (1, F, E)
        values = _derivatives(x, summed, self.monomials, self.axes, tuple(plane.values()))[:, 0]
        result = dict(zip(plane, values, strict=True)) | {alpha: x.new_zeros(self.fields, x.shape[0]) for alpha in others}
        return {alpha: result[alpha] for alpha in wanted}

    def _sorted(self, indices: list[MultiIndex]) -> tuple[dict[MultiIndex, tuple[int, int]], list[MultiIndex]]:
        """Orders by x and y of the indices that do not vanish, and those that do: the terms are constant along other axes."""
        a, b = self.axes
        plane = {alpha: (alpha[a], alpha[b]) for alpha in indices if sum(alpha) == alpha[a] + alpha[b]}
        return plane, [alpha for alpha in indices if alpha not in plane]

    def spec(self) -> dict[str, Any]:
        """What the terms are, without their weights, in plain types."""
        monomials = []
        for m in self.monomials:
            numbers = (*m.centre, m.direction, m.scale), complex(m.power)
            other = () if m.other is None else m.other
            monomials.append([*map(float, numbers[0]), int(m.conj), numbers[1].real, numbers[1].imag, int(m.log), *other])
        return {"monomials": monomials, "terms": self.count, "fields": self.fields, "axes": list(self.axes)}

    @classmethod
    def from_spec(cls, spec: dict[str, Any], dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> Terms:
        """The terms that ``spec()`` describes, with all weights zero: then ``load_state_dict``."""
        monomials = [
            Monomial((cx, cy), direction, scale, conj, complex(re, im), log, (other[0], other[1], other[2]) if other else None)
            for cx, cy, direction, scale, conj, re, im, log, *other in spec["monomials"]
        ]
        zero = torch.zeros(spec["terms"], spec["fields"], len(monomials), dtype=dtype, device=device)
        return cls(monomials, zero, zero.new_zeros(spec["terms"]), (spec["axes"][0], spec["axes"][1]))


def _expansion(i: int, j: int, highest: int) -> list[tuple[int, int, int]]:
    """(d/dx)^i (d/dy)^j = i^j times the sum of count * d^m d*^n over the returned (count, m, n), n <= highest."""
    order = i + j
    result = []
    for n in range(min(order, highest) + 1):
        count = sum(math.comb(i, n - s) * math.comb(j, s) * (-1) ** s for s in range(max(0, n - i), min(n, j) + 1))
        if count:
            result.append((count, order - n, n))
    return result


def _derivatives(
    x: Tensor,  # (N, d)
    mix: Tensor,  # (n, F, E) complex
    monomials: tuple[Monomial, ...],
    axes: tuple[int, int],
    orders: tuple[tuple[int, int], ...],  # by x and y
) -> Tensor:  # (len(orders), n, F, N)
    """The real derivatives of all terms, a cache full of points at a time."""
    points = x.shape[0]
    n, fields, size = mix.shape
    result = x.new_empty(len(orders), n * fields, points)
    highest = max(m.conj for m in monomials)
    expansions = [_expansion(i, j, highest) for i, j in orders]
    needed = sorted({(m, n) for expansion in expansions for _, m, n in expansion})
    columns = [number for _, numbers in by_frame(monomials) for number in numbers]
    mixed = _Mix(mix.reshape(n * fields, size)[:, columns])
    step = max(256, _CHUNK // size)
    for start in range(0, points, step):
        part = x[start : start + step]
        tables = wirtinger(monomials, part[:, axes[0]].contiguous(), part[:, axes[1]].contiguous(), needed)
        fine = {order: mixed(table) for order, table in tables.items()}  # (nF, N) complex
        for number, ((_, j), expansion) in enumerate(zip(orders, expansions, strict=True)):
            target = result[number, :, start : start + step]
            if not expansion:
                target.zero_()
            for at, (count, m, k) in enumerate(expansion):  # Re(i^j h) is Re h, -Im h, -Re h, Im h
                value = fine[m, k].imag if j % 2 else fine[m, k].real
                factor = count * (1, -1, -1, 1)[j % 4]
                if at:
                    target.add_(value, alpha=factor)
                else:
                    torch.mul(value, factor, out=target)
    return result.view(len(orders), n, fields, points)


class _Mix:
    """A complex matrix (R, E) applied to tables (E, N): row by row where it has few entries, as is usual, else as a product."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        entries = matrix != 0
        most = int(entries.sum(1).max())
        self.sparse = int(entries.sum()) * 4 <= matrix.numel() or most <= 1
        self.passes: list[tuple[Tensor, Tensor, Tensor]] = []  # rows, columns, weights of the k-th entry of each row
        rank = entries.cumsum(1)
        for k in range(1, most + 1 if self.sparse else 1):
            rows, columns = (entries & (rank == k)).nonzero(as_tuple=True)
            self.passes.append((rows, columns, matrix[rows, columns][:, None]))

    def __call__(self, table: Tensor) -> Tensor:  # (E, N) -> (R, N)
        if not self.sparse:
            return self.matrix @ table
        result: Tensor | None = None
        for rows, columns, weights in self.passes:
            part = table[columns].mul_(weights)
            if result is None and len(rows) == len(self.matrix):
                result = part
                continue
            if result is None:
                result = table.new_zeros(len(self.matrix), table.shape[1])
            result.index_add_(0, rows, part)
        return table.new_zeros(len(self.matrix), table.shape[1]) if result is None else result


class _Table(torch.autograd.Function):
    """The derivatives with the derivative that is already known: one order more. Differentiable by x any number of times."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mix: Tensor,
        monomials: tuple[Monomial, ...],
        axes: tuple[int, int],
        orders: tuple[tuple[int, int], ...],
    ) -> Tensor:
        ctx.save_for_backward(x, mix)
        ctx.detail = monomials, axes, orders
        return _derivatives(x, mix, monomials, axes, orders)

    @staticmethod
    def backward(ctx: Any, *weights: Any) -> tuple[Tensor, None, None, None, None]:
        x, mix = ctx.saved_tensors
        monomials, axes, orders = ctx.detail
        raised = tuple((i + 1, j) for i, j in orders) + tuple((i, j + 1) for i, j in orders)
        slopes = _Table.apply(x, mix, monomials, axes, raised).view(2, *weights[0].shape)
        by_axis = dict(zip(axes, (weights[0] * slopes).sum((1, 2, 3)), strict=True))  # {axis: (N,)}
        zero = x.new_zeros(x.shape[0])
        return torch.stack([by_axis.get(axis, zero) for axis in range(x.shape[1])], 1), None, None, None, None
