"""A preconditioner for systems that are periodic in two of three coordinates: one small problem for each wave.

With coefficients that depend on the third coordinate alone, waves exp(i (k x + l y)) do not see each other: all fields of one
wave are a small least squares problem along the third coordinate, whose triangle is inverted. Coefficients that vary are
replaced by their means, and conjugate gradients do the rest. A field that is given at a point, as a pressure is, has its
constant tied to its waves there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SHIFTS = (1e-14, 1e-12, 1e-10, 1e-8)  # relative, until every small problem factorises


@dataclass(frozen=True)
class Term:
    """One derivative of one field in a group of rows: its orders along the periodic coordinates, its table along the third."""

    field: int
    orders: tuple[int, int]
    table: Tensor  # (N, r), coefficient and weight included


@dataclass(frozen=True)
class Block:
    """Rows that are the sum of terms, for every wave; or for the constant alone, as of a value at one point."""

    terms: Sequence[Term]
    constant: bool = False


class FourierBlocks:
    """P of ``preconditioned_cgls``; P y are coefficients (n_1, F, n_2, r) of harmonics 1, cos, sin, .., flattened."""

    def __init__(
        self,
        sizes: tuple[int, int],
        lengths: tuple[float, float],
        fields: int,
        blocks: Sequence[Block],
        pins: Mapping[int, Tensor],  # by field: the values (n_1, n_2) of all harmonics at the point where it is given
    ) -> None:
        self.pins = pins
        like = blocks[0].terms[0].table
        r = like.shape[1]
        self.shape = (sizes[0], fields, sizes[1], r)
        waves = [_waves(n, length, like) for n, length in zip(sizes, lengths, strict=True)]
        complex_type = torch.complex128 if like.dtype == torch.float64 else torch.complex64
        normal = like.new_zeros(*sizes, fields * r, fields * r, dtype=complex_type)
        for block in blocks:
            count = block.terms[0].table.shape[0]
            rows = like.new_zeros(*sizes, count, fields, r, dtype=complex_type)
            for term in block.terms:
                symbol = ((1j * waves[0]) ** term.orders[0])[:, None] * ((1j * waves[1]) ** term.orders[1])[None, :]
                rows[..., term.field, :] += symbol[..., None, None] * term.table
            rows = rows.flatten(3)
            if block.constant:
                normal[0, 0] += rows[0, 0].mH @ rows[0, 0]
            else:
                normal += rows.mH @ rows
        scale = normal.diagonal(dim1=-2, dim2=-1).real.clamp(min=torch.finfo(like.dtype).tiny).rsqrt()
        normal = normal * scale[..., :, None] * scale[..., None, :]
        identity = torch.eye(fields * r).to(normal)
        for shift in SHIFTS:
            lower, info = torch.linalg.cholesky_ex(normal + shift * identity)
            self.good = not bool(info.any())
            if self.good:
                break
        inverse = torch.linalg.solve_triangular(lower, identity.expand_as(lower), upper=False)
        self.solve = scale[..., :, None] * inverse.mH  # (n_1, n_2, F r, F r), R^-1
        self.first, self.second = (_exponentials(n, like).to(complex_type) for n in sizes)

    def __call__(self, y: Tensor) -> Tensor:
        """P y."""
        z = torch.matmul(self.solve, self._to_waves(y, False)[..., None])[..., 0]
        c = self._from_waves(z, True).reshape(self.shape)
        for field, values in self.pins.items():  # the constant makes up for what the other waves do at the point
            c[0, field, 0] -= torch.einsum("ij,ijl->l", values, c[:, field]) - values[0, 0] * c[0, field, 0]
        return c.reshape(-1)

    def transposed(self, g: Tensor) -> Tensor:
        """P^T g."""
        g = g.reshape(self.shape).clone()
        for field, values in self.pins.items():
            own = g[0, field, 0].clone()
            g[:, field] -= values[:, :, None] * own
            g[0, field, 0] = own
        z = torch.matmul(self.solve.mH, self._to_waves(g, True)[..., None])[..., 0]
        return self._from_waves(z, False)

    def _to_waves(self, y: Tensor, scaled: bool) -> Tensor:  # (n_1, n_2, F r)
        n, f, m, r = self.shape
        y = y.reshape(n, f, m, r).transpose(1, 2).reshape(n, m, f * r)
        if scaled:
            y = y * _norms(n, y)[:, None, None] * _norms(m, y)[:, None]
        z = torch.matmul(self.second.mH, y.to(self.second.dtype))
        return (self.first.mH @ z.flatten(1)).reshape(z.shape)

    def _from_waves(self, z: Tensor, scaled: bool) -> Tensor:
        n, f, m, r = self.shape
        y = (self.first @ torch.matmul(self.second, z).flatten(1)).real.reshape(n, m, f * r)
        if scaled:
            y = y * _norms(n, y)[:, None, None] * _norms(m, y)[:, None]
        return y.reshape(n, m, f, r).transpose(1, 2).reshape(-1)


def _waves(size: int, length: float, like: Tensor) -> Tensor:  # (n,): 0, k, -k, 2 k, -2 k, ..
    number = torch.arange(size, device=like.device)
    sign = torch.where(number % 2 == 1, 1, -1)
    return ((number + 1) // 2 * sign).to(like) * (2 * torch.pi / length)


def _norms(size: int, like: Tensor) -> Tensor:  # (n,): factors that give harmonics the norm one
    norms = like.new_full((size,), 2**0.5)
    norms[0] = 1
    return norms


def _exponentials(size: int, like: Tensor) -> Tensor:  # (n, n), unitary
    """Columns are exp(i k x) in harmonics of norm one: cosine plus i times sine."""
    matrix = torch.zeros(size, size, dtype=torch.complex128, device=like.device)
    matrix[0, 0] = 1
    root = 0.5**0.5
    for k in range(1, size, 2):
        matrix[k, k] = matrix[k, k + 1] = root
        matrix[k + 1, k], matrix[k + 1, k + 1] = 1j * root, -1j * root
    return matrix
