"""Sparse least squares by banded normal equations, made as good as QR by conjugate gradients on the rows themselves.

Rows come in cells: all rows of a cell have the same columns, whose offsets from the first one are the same in every cell, so
that the normal equations are one small matrix product a cell, added into a band. Their Cholesky factor alone loses half of the
digits; it serves as the preconditioner of CGLS, which works with the rows and not with their products: a few steps restore what
was lost. Dense further columns (a border) are eliminated by their Schur complement.
Source: Bjorck (1996), Numerical Methods for Least Squares Problems, sec. 7.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from torch import Tensor

SHIFTS = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)  # added to the diagonal (columns have norm one), until it factorises
STEPS = 80  # of CGLS at most; 0 to 10 are usual, 40 where boundaries cut cells
REDUCTION = 1e-13  # of the preconditioned gradient's norm, at which CGLS ends
CHUNK = 4_000_000  # numbers of cell matrices that are held at once


@dataclass(frozen=True)
class CellRows:
    """Rows of C cells, M a cell: the cell's columns begin at ``first`` (C,), and ``matrix`` (C, M, w) has a column an offset."""

    first: Tensor  # (C,) int64
    matrix: Tensor  # (C, M, w)
    right: Tensor  # (C, M)
    border: Tensor | None = None  # (C, M, nb)


@dataclass(frozen=True)
class Solved:
    """The minimiser, in columns and border, and how it was found."""

    x: Tensor  # (n,)
    border: Tensor  # (nb,)
    steps: int
    shift: float


class _Preconditioner:
    """The inverse of the shifted normal equations, band and border."""

    def __init__(self, band: Tensor, coupling: Tensor, corner: Tensor, shift: float) -> None:
        shifted = band.clone()
        shifted[:, 0] += shift
        # LAPACK's column-major band is this row-major array; no copy is made
        self._factor = cholesky_banded(shifted.cpu().numpy().T, lower=True, overwrite_ab=True, check_finite=False)
        self._like = band
        self._coupling = coupling  # (n, nb)
        if coupling.shape[1]:
            self._eliminated = self._solve(coupling)
            schur = corner - coupling.T @ self._eliminated
            values, vectors = torch.linalg.eigh((schur + schur.T) / 2)
            values = values.clamp(min=shift)  # terms that the splines reproduce are left to CGLS
            self._inverse = (vectors / values) @ vectors.T

    def _solve(self, right: Tensor) -> Tensor:
        numbers = cho_solve_banded((self._factor, True), right.cpu().numpy(), check_finite=False)
        return torch.as_tensor(np.ascontiguousarray(numbers)).to(self._like)

    def __call__(self, g: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # (n,), (nb,)
        x = self._solve(g)
        if not len(h):
            return x, h
        y = self._inverse @ (h - self._coupling.T @ x)
        return x - self._eliminated @ y, y


def solve_cells(
    groups: Sequence[CellRows],
    offsets: Tensor,  # (w,) int64, increasing from 0: the columns of a cell beyond its first
    size: int,  # n
    border: int = 0,  # nb
    damping: float = 0.0,
) -> Solved | None:
    """The x that minimises |A x - right|^2 + damping |x|^2; None where round-off is in the way.

    Columns must have norm one (or zero).
    """
    band, coupling, corner = _normal_equations(groups, offsets, size, border)
    for shift in SHIFTS:
        try:
            precondition = _Preconditioner(band, coupling, corner, shift + damping)
        except LinAlgError:
            continue
        solved = _cgls(groups, offsets, size, border, precondition, damping, shift)
        if solved is not None:
            return solved
    return None


def _normal_equations(
    groups: Sequence[CellRows], offsets: Tensor, size: int, border: int
) -> tuple[Tensor, Tensor, Tensor]:  # (n, bandwidth + 1) lower, (n, nb), (nb, nb)
    example = groups[0].matrix
    w, width = len(offsets), int(offsets[-1]) + 1
    band = example.new_zeros(size * width)
    rows, columns = torch.tril_indices(w, w, device=offsets.device)
    places = offsets[columns] * width + offsets[rows] - offsets[columns]  # in the flat band, from a cell's first column
    pairs = rows * w + columns
    coupling = example.new_zeros(size, border)
    corner = example.new_zeros(border, border)
    for group in groups:
        step = max(1, CHUNK // (w * w))
        for start in range(0, len(group.first), step):
            part = slice(start, start + step)
            matrix, first = group.matrix[part], group.first[part]
            transposed = matrix.transpose(1, 2)
            products = torch.matmul(transposed, matrix).reshape(len(first), -1)[:, pairs]
            band.index_add_(0, (first[:, None] * width + places).reshape(-1), products.reshape(-1))
            if group.border is not None and border:
                edge = group.border[part]
                shared = torch.matmul(transposed, edge)  # (C, w, nb)
                coupling.index_add_(0, (first[:, None] + offsets).reshape(-1), shared.reshape(-1, border))
                flat = edge.reshape(-1, border)
                corner += flat.T @ flat
    return band.reshape(size, width), coupling, corner


def _cgls(
    groups: Sequence[CellRows],
    offsets: Tensor,
    size: int,
    border: int,
    precondition: _Preconditioner,
    damping: float,
    shift: float,
) -> Solved | None:
    """Preconditioned conjugate gradients for least squares, until they stand still.

    The cost falls with each step in exact arithmetic; where it does not, the factor was spoilt by round-off: None.
    """

    def forward(x: Tensor, y: Tensor) -> list[Tensor]:
        values = []
        for group in groups:
            value = torch.matmul(group.matrix, x[group.first[:, None] + offsets][:, :, None])[:, :, 0]
            values.append(value + group.border @ y if group.border is not None and border else value)
        return values

    def backward(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
        g, h = rows[0].new_zeros(size), rows[0].new_zeros(border)
        for group, row in zip(groups, rows, strict=True):
            part = torch.matmul(row[:, None, :], group.matrix)[:, 0]
            g.index_add_(0, (group.first[:, None] + offsets).reshape(-1), part.reshape(-1))
            if group.border is not None and border:
                h += torch.einsum("cm,cmb->b", row, group.border)
        return g, h

    rows = [group.right.clone() for group in groups]
    x, y = rows[0].new_zeros(size), rows[0].new_zeros(border)
    g, h = backward(rows)
    z, w = precondition(g, h)
    p, q = z.clone(), w.clone()
    gamma = first = float(g @ z + h @ w)
    cost = sum(float((row * row).sum()) for row in rows)
    steps = 0
    while steps < STEPS and gamma > 0:
        steps += 1
        image = forward(p, q)
        curvature = sum(float((v * v).sum()) for v in image) + damping * float(p @ p + q @ q)
        alpha = gamma / curvature
        x, y = x + alpha * p, y + alpha * q
        rows = [row - alpha * v for row, v in zip(rows, image, strict=True)]
        now = sum(float((row * row).sum()) for row in rows) + damping * float(x @ x + y @ y)
        if not now <= cost * (1 + 1e-6):
            return None
        cost = now
        g, h = backward(rows)
        g, h = g - damping * x, h - damping * y
        z, w = precondition(g, h)
        before, gamma = gamma, float(g @ z + h @ w)
        if gamma <= REDUCTION**2 * first or (gamma <= 1e-6 * REDUCTION * first and gamma > 0.25 * before):
            break
        p, q = z + (gamma / before) * p, w + (gamma / before) * q
    return Solved(x, y, steps, shift)
