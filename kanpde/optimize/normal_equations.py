"""Sparse least squares by banded normal equations, made as good as QR by conjugate gradients on the rows themselves.

Rows come in cells: all rows of a cell have the same columns, whose offsets from the first one are the same in every cell, so
that the normal equations are one small matrix product a cell, added into a band. Their Cholesky factor alone loses half of the
digits; it serves as the preconditioner of CGLS, which works with the rows and not with their products: a few steps restore what
was lost. Dense further columns (a border) are first made orthogonal to the others.
Source: Bjorck (1996), Numerical Methods for Least Squares Problems, sec. 7.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from torch import Tensor

from kanpde.optimize.cgls import refined_cgls

SHIFTS = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)  # added to the diagonal (columns have norm one), until it factorises
STEPS = 80  # of CGLS at most; 0 to 10 are usual, 40 where boundaries cut cells
REDUCTION = 1e-16  # of the preconditioned gradient's norm, at which CGLS ends
NOTHING_NEW = 1e-10  # what a dense column must have beyond all others, relative to the largest such
LITTLE = 1e-9  # gain in the cost, relative to it, with which CGLS ends
CHUNK = 4_000_000  # numbers of cell matrices that are held at once


@dataclass(frozen=True)
class CellRows:
    """Rows of C cells, M a cell: the cell's columns begin at ``first`` (C,), and ``matrix`` (C, M, w) has a column an offset."""

    first: Tensor  # (C,) int64
    matrix: Tensor  # (C, M, w)
    right: Tensor  # (C, M)
    border: Tensor | None = None  # (C, M, nb)


@dataclass(frozen=True)
class DenseRows:
    """A few rows that every column takes part in: ``matrix`` (q, n), ``right`` (q,), ``border`` (q, nb)."""

    matrix: Tensor
    right: Tensor
    border: Tensor


@dataclass(frozen=True)
class Solved:
    """The minimiser, in columns and border, and how it was found."""

    x: Tensor  # (n,)
    border: Tensor  # (nb,)
    steps: int
    shift: float


class _Factor:
    """The Cholesky factor L of a shifted band, and solves with it."""

    def __init__(self, band: Tensor, shift: float) -> None:
        shifted = band.clone()
        shifted[:, 0] += shift
        # LAPACK's column-major band is this row-major array; no copy is made
        self._factor = cholesky_banded(shifted.cpu().numpy().T, lower=True, overwrite_ab=True, check_finite=False)
        self._like = band

    def solve(self, right: Tensor) -> Tensor:  # (n,)
        """L L^T x = right."""
        numbers = cho_solve_banded((self._factor, True), right.cpu().numpy(), check_finite=False)
        return torch.as_tensor(numbers).to(self._like)

    def solve_many(self, right: Tensor) -> Tensor:  # (n, m)
        """The same for many right sides: LAPACK takes them one by one, blocks of the bandwidth at matrix speed."""
        lower = torch.as_tensor(self._factor.T).to(self._like)  # (n, w + 1): column i of L from its diagonal on
        n, width = lower.shape[0], lower.shape[1] - 1
        step = max(width, 1)
        starts = range(0, n, step)
        blocks = [_block(lower, start, min(start + step, n), width) for start in starts]
        x = right.clone()
        for start, (own, below) in zip(starts, blocks, strict=True):
            end = start + own.shape[0]
            x[start:end] = torch.linalg.solve_triangular(own, x[start:end], upper=False)
            x[end : end + below.shape[0]] -= below @ x[start:end]
        for start, (own, below) in reversed(list(zip(starts, blocks, strict=True))):
            end = start + own.shape[0]
            known = x[start:end] - below.T @ x[end : end + below.shape[0]]
            x[start:end] = torch.linalg.solve_triangular(own.T, known, upper=True)
        return x


def _block(lower: Tensor, start: int, end: int, width: int) -> tuple[Tensor, Tensor]:
    """Columns start to end of L as dense blocks: on the diagonal, and below it."""
    size, rows = end - start, min(end + width, lower.shape[0]) - start
    below = torch.arange(rows, device=lower.device)[:, None] - torch.arange(size, device=lower.device)  # row minus column
    inside = (below >= 0) & (below <= width)
    column = torch.arange(start, end, device=lower.device).expand(rows, -1)
    dense = torch.where(inside, lower[column, below.clamp(0, width)], 0.0)
    return dense[:size], dense[size:]


@dataclass(frozen=True)
class _Border:
    """The dense columns made orthonormal, and orthogonal to the others: what they span beyond those."""

    rows: list[Tensor]  # (C, M, r) a group
    back: Tensor  # (nb, r): coefficients of the given columns from those of the orthonormal ones
    through: Tensor  # (n, nb): what the given columns take from the others


def _orthogonal(groups: Sequence[CellRows], offsets: Tensor, size: int, factor: _Factor) -> _Border | None:
    """Z - J (J^T J)^-1 J^T Z, twice since the factor is good to half of the digits only, then whitened."""
    if groups[0].border is None or not groups[0].border.shape[2]:
        return None
    rows = [group.border.clone() for group in groups if group.border is not None]
    count = rows[0].shape[2]
    through = rows[0].new_zeros(size, count)
    for _ in range(2):
        coupling = rows[0].new_zeros(size, count)
        for group, row in zip(groups, rows, strict=True):
            shared = torch.matmul(group.matrix.transpose(1, 2), row)  # (C, w, nb)
            coupling.index_add_(0, (group.first[:, None] + offsets).reshape(-1), shared.reshape(-1, count))
        taken = factor.solve_many(coupling)
        for group, row in zip(groups, rows, strict=True):
            row -= torch.matmul(group.matrix, taken[group.first[:, None] + offsets])
        through += taken
    triangle = torch.linalg.qr(torch.cat([row.reshape(-1, count) for row in rows]), mode="r").R
    _, values, vectors = torch.linalg.svd(triangle)
    kept = values > NOTHING_NEW * values.max()
    back = vectors[kept].T / values[kept]
    return _Border([row @ back for row in rows], back, through)


def solve_cells(
    groups: Sequence[CellRows],
    offsets: Tensor,  # (w,) int64, increasing from 0: the columns of a cell beyond its first
    size: int,  # n
    border: int = 0,  # nb
    damping: float = 0.0,
    dense: DenseRows | None = None,
) -> Solved | None:
    """The x that minimises |A x - right|^2 + damping |x|^2; None where round-off is in the way.

    Columns must have norm one (or zero).
    """
    band = _normal_equations(groups, offsets, size)
    for shift in SHIFTS:
        try:
            factor = _Factor(band, shift + damping)
        except LinAlgError:
            continue
        edge = _orthogonal(groups, offsets, size, factor) if border else None
        solved = _refine(groups, offsets, size, edge, factor, damping, shift, _Dense.made(dense, factor, edge))
        if solved is not None:
            return solved
    return None


@dataclass(frozen=True)
class _Dense:
    """Dense rows in the variables of CGLS, and how they correct the preconditioner: Woodbury's formula."""

    matrix: Tensor  # (q, n)
    border: Tensor  # (q, r)
    right: Tensor  # (q,)
    through: Tensor  # (n, q), the factor's solution for each row
    inverse: Tensor  # (q, q)

    @staticmethod
    def made(dense: DenseRows | None, factor: _Factor, edge: _Border | None) -> _Dense | None:
        """The rows for columns made orthonormal."""
        if dense is None:
            return None
        through = factor.solve_many(dense.matrix.T.contiguous())
        inverse = torch.linalg.inv(torch.eye(len(dense.right)).to(through) + dense.matrix @ through)
        border = dense.border[:, :0] if edge is None else (dense.border - dense.matrix @ edge.through) @ edge.back
        return _Dense(dense.matrix, border, dense.right, through, inverse)

    def correct(self, z: Tensor) -> Tensor:
        """From the factor's solution to that with these rows."""
        return z - self.through @ (self.inverse @ (self.matrix @ z))


def _normal_equations(groups: Sequence[CellRows], offsets: Tensor, size: int) -> Tensor:  # (n, bandwidth + 1) lower
    example = groups[0].matrix
    w, width = len(offsets), int(offsets[-1]) + 1
    band = example.new_zeros(size * width)
    rows, columns = torch.tril_indices(w, w, device=offsets.device)
    places = offsets[columns] * width + offsets[rows] - offsets[columns]  # in the flat band, from a cell's first column
    pairs = rows * w + columns
    for group in groups:
        step = max(1, CHUNK // (w * w))
        for start in range(0, len(group.first), step):
            matrix, first = group.matrix[start : start + step], group.first[start : start + step]
            products = torch.matmul(matrix.transpose(1, 2), matrix).reshape(len(first), -1)[:, pairs]
            band.index_add_(0, (first[:, None] * width + places).reshape(-1), products.reshape(-1))
    return band.reshape(size, width)


def _refine(
    groups: Sequence[CellRows],
    offsets: Tensor,
    size: int,
    edge: _Border | None,
    factor: _Factor,
    damping: float,
    shift: float,
    dense: _Dense | None,
) -> Solved | None:
    """CGLS in the coefficients and those of the orthonormal border, one after the other."""
    borders = [None] * len(groups) if edge is None else edge.rows
    count = 0 if edge is None else edge.back.shape[1]

    def forward(v: Tensor) -> list[Tensor]:
        x, y = v[:size], v[size:]
        values = []
        for group, border in zip(groups, borders, strict=True):
            value = torch.matmul(group.matrix, x[group.first[:, None] + offsets][:, :, None])[:, :, 0]
            values.append(value if border is None else value + border @ y)
        if dense is not None:
            values.append(dense.matrix @ x + dense.border @ y)
        return values

    def backward(rows: list[Tensor]) -> Tensor:
        g, h = rows[0].new_zeros(size), rows[0].new_zeros(count)
        for group, border, row in zip(groups, borders, rows, strict=False):
            part = torch.matmul(row[:, None, :], group.matrix)[:, 0]
            g.index_add_(0, (group.first[:, None] + offsets).reshape(-1), part.reshape(-1))
            if border is not None:
                h += border.reshape(-1, count).T @ row.reshape(-1)
        if dense is not None:
            g, h = g + dense.matrix.T @ rows[-1], h + dense.border.T @ rows[-1]
        return torch.cat([g, h])

    def inverse(v: Tensor) -> Tensor:
        z = factor.solve(v[:size])
        return torch.cat([z if dense is None else dense.correct(z), v[size:]])

    right = [group.right for group in groups] + ([] if dense is None else [dense.right])
    refined = refined_cgls(forward, backward, inverse, right, damping=damping, reduction=REDUCTION, most=STEPS, little=LITTLE)
    if refined is None:
        return None
    x, y = refined.x[:size], refined.x[size:]
    if edge is None:
        return Solved(x, y, refined.steps, shift)
    given = edge.back @ y
    return Solved(x - edge.through @ given, given, refined.steps, shift)
