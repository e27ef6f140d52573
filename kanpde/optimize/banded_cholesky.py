"""Block-banded least squares by normal equations, made as good as QR by conjugate gradients on the matrix itself.

Wide block columns make the sequential QR costly; the normal equations of an interval are one matrix product. Their Cholesky
factor alone loses half of the digits, so it serves as the preconditioner of CGLS, which works with the rows and not with
their products: a few steps restore what was lost. Source: Bjorck (1996), Numerical Methods for Least Squares Problems, sec. 7.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.optimize.cgls import refined_cgls

SHIFTS = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)  # added to the diagonal (columns have norm one), until it factorises
STEPS = 60  # of CGLS at most; 0 to 10 are usual
REDUCTION = 1e-12  # of the preconditioned gradient's norm, at which CGLS ends
LITTLE = 1e-13  # gain in the cost, relative to it, with which CGLS ends: round-off
SETTLED = 1e-4  # reduction without which the answer is none


@dataclass(frozen=True)
class CellRows:
    """Rows of consecutive intervals, as many for each: ``matrix`` (C, n, (k + 1) b), ``right`` (C, n), ``border`` (n, nb)."""

    cells: slice
    matrix: Tensor
    right: Tensor
    border: Tensor | None = None  # the same for each interval of the slice


@dataclass(frozen=True)
class _Factor:
    """L L^T of the shifted normal equations: per interval its own columns, their coupling to the next ones and to the border."""

    own: list[Tensor]  # (b, b) lower triangles; the last one takes all columns that are left
    next: list[Tensor]  # (w - b, b)
    edge: list[Tensor]  # (nb, b)
    border: Tensor  # (nb, nb) lower triangle of the Schur complement


def solve_banded_by_cholesky(
    groups: Sequence[CellRows],
    columns: Tensor,  # (G, k + 1) the splines of each interval
    block: int,  # b, coefficients of one spline
    border: int = 0,  # nb
    damping: float = 0.0,
) -> Tensor | None:  # ((G + k) b,)
    """The x that minimises |A x - right|^2 + damping |x|^2; None where it cannot be had this way, and QR must do it.

    Columns must have norm one (or zero).
    """
    normal, coupling, corner = _normal_equations(groups, columns, block, border)
    for shift in SHIFTS:
        factor = _factorise(normal, coupling, corner, block, shift + damping)
        if factor is not None:
            return _refine(groups, columns, block, border, factor, damping)
    return None


def _normal_equations(
    groups: Sequence[CellRows], columns: Tensor, block: int, border: int
) -> tuple[Tensor, Tensor, Tensor]:  # (G, w, w), (G, w, nb), (nb, nb)
    intervals, width = columns.shape[0], columns.shape[1] * block
    example = groups[0].matrix
    normal = example.new_zeros(intervals, width, width)
    coupling = example.new_zeros(intervals, width, border)
    corner = example.new_zeros(border, border)
    rows: list[list[Tensor]] = [[] for _ in range(intervals)]
    for group in groups:
        for i, e in enumerate(range(*group.cells.indices(intervals))):
            rows[e].append(group.matrix[i])
        if group.border is not None:
            coupling[group.cells] += group.matrix.transpose(1, 2) @ group.border
            corner += group.matrix.shape[0] * (group.border.T @ group.border)
    for e, parts in enumerate(rows):  # one product an interval: sums of many small ones cost more than the products
        stacked = torch.cat(parts)
        torch.mm(stacked.T, stacked, out=normal[e])
    return normal, coupling, corner


def _factorise(normal: Tensor, coupling: Tensor, corner: Tensor, block: int, shift: float) -> _Factor | None:
    intervals, width, border = coupling.shape
    work, cross = normal[0].clone(), coupling[0].clone()
    schur = corner.clone()
    own, following, edge = [], [], []
    for e in range(intervals):
        done = block if e < intervals - 1 else width
        work.diagonal()[:done] += shift
        triangle, info = torch.linalg.cholesky_ex(work[:done, :done])
        if int(info) != 0:
            return None
        down = torch.linalg.solve_triangular(triangle, work[:done, done:], upper=False).T  # (w - done, done)
        side = torch.linalg.solve_triangular(triangle, cross[:done], upper=False).T  # (nb, done)
        own.append(triangle)
        following.append(down)
        edge.append(side)
        schur -= side @ side.T
        if e < intervals - 1:
            after, cross_after = normal[e + 1].clone(), coupling[e + 1].clone()
            after[: width - done, : width - done] += work[done:, done:] - down @ down.T
            cross_after[: width - done] += cross[done:] - down @ side.T
            work, cross = after, cross_after
    if border:
        schur.diagonal().add_(shift)
        schur, info = torch.linalg.cholesky_ex(schur)
        if int(info) != 0:
            return None
    return _Factor(own, following, edge, schur)


def _apply_inverse(factor: _Factor, block: int, g: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Solves L L^T (x, y) = (g, h)."""
    x, right, edge = g.clone(), [], h.clone()
    for e, (own, following, side) in enumerate(zip(factor.own, factor.next, factor.edge, strict=True)):
        start, done = e * block, own.shape[0]
        value = torch.linalg.solve_triangular(own, x[start : start + done, None], upper=False)[:, 0]
        right.append(value)
        x[start + done : start + done + following.shape[0]] -= following @ value
        edge -= side @ value
    if len(edge):
        edge = torch.cholesky_solve(edge[:, None], factor.border)[:, 0]
    for e in reversed(range(len(right))):
        own, following, side = factor.own[e], factor.next[e], factor.edge[e]
        start, done = e * block, own.shape[0]
        value = right[e] - following.T @ x[start + done : start + done + following.shape[0]] - side.T @ edge
        x[start : start + done] = torch.linalg.solve_triangular(own.T, value[:, None], upper=True)[:, 0]
    return x, edge


def _refine(
    groups: Sequence[CellRows], columns: Tensor, block: int, border: int, factor: _Factor, damping: float
) -> Tensor | None:
    """CGLS in the coefficients of the splines and of the border, one after the other; None if it does not get there."""
    size = (int(columns[-1, -1]) + 1) * block
    index = (columns[:, :, None] * block + torch.arange(block, device=columns.device)).reshape(columns.shape[0], -1)  # (G, w)

    def forward(v: Tensor) -> list[Tensor]:
        values = []
        for group in groups:
            value = torch.matmul(group.matrix, v[index[group.cells]][:, :, None])[:, :, 0]
            values.append(value if group.border is None else value + group.border @ v[size:])
        return values

    def backward(rows: list[Tensor]) -> Tensor:
        g = columns.new_zeros(size + border, dtype=rows[0].dtype)
        for group, row in zip(groups, rows, strict=True):
            part = torch.matmul(group.matrix.transpose(1, 2), row[:, :, None])
            g.index_add_(0, index[group.cells].reshape(-1), part.reshape(-1))
            if group.border is not None:
                g[size:] += group.border.T @ row.sum(0)
        return g

    def inverse(v: Tensor) -> Tensor:
        return torch.cat(_apply_inverse(factor, block, v[:size], v[size:]))

    right = [group.right for group in groups]
    refined = refined_cgls(forward, backward, inverse, right, damping=damping, reduction=REDUCTION, most=STEPS, little=LITTLE)
    return refined.x[:size] if refined is not None and refined.reduction <= SETTLED else None
