"""Compression: a lifted solution, in one piece or many windows, as one separable network of the smallest rank.

The singular value decomposition in L2 gives the smallest rank for a given error (Eckart & Young 1936). Its left functions become
the splines of one coordinate, its right functions the splines of the other, over the whole time interval; all are ordinary
learnable edges. What the compression changes is part of every error that is reported, since those are measured on the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly import Lifted, RowBuilder
from kanpde.kan import KAN, Grid, separable
from kanpde.plan import SeparableNetwork
from kanpde.train.context import Context
from kanpde.train.fit import fit_adaptively
from kanpde.train.knots import density, equidistributed

DEGREE_ACROSS = 9  # of edges fitted to polynomials and to singular functions; a little above that of the solve
SHARE = 0.3  # of what a compression may lose, for each of its two fits


@dataclass(frozen=True)
class _Decomposition:
    """u(x, y) = sum_j left_j(x) right_j(y), ordered by size; left and right are orthonormal up to ``values``."""

    left: Callable[[Tensor], Tensor]  # (N,) -> (N, R), orthonormal
    right: Callable[[Tensor], Tensor]  # (n,) -> (n, R), orthonormal
    values: Tensor  # (R,)
    truncation: float  # relative

    @property
    def relative(self) -> Tensor:  # (R,)
        """The singular values relative to the size of the field; ones where the field is zero."""
        size = self.values.square().sum().sqrt()
        return self.values / size if float(size) > 0 else torch.ones_like(self.values)


def compress(context: Context, builder: RowBuilder, pieces: list[Lifted], accuracy: float, truncation: float) -> KAN:
    """The separable network of the smallest rank that loses no more than ``truncation``, relative to the size of each field.

    Its edges follow the singular functions to ``SHARE`` times the larger of ``accuracy`` and ``truncation``. The fields share the
    grids; each has as many product nodes as the one of the largest rank.
    """
    context.tell("compression")
    space = pieces[0].space
    given = context.plan.network.degree
    most = context.plan.network.rank if isinstance(context.plan.network, SeparableNetwork) else None
    if space.other is None:
        return separable([Grid(space.breaks, space.degree)], [pieces[0].c.T], outputs=space.fields)
    parts = [_decompose(pieces, builder, field, truncation, most) for field in range(space.fields)]
    tolerance = SHARE * max(accuracy, truncation)
    knots_along = space.breaks if len(pieces) == 1 else _merged(pieces, parts, accuracy)
    degree_along = given or (space.degree if len(pieces) == 1 else max(DEGREE_ACROSS, space.degree))
    degree_across = given or max(DEGREE_ACROSS, space.degree)

    def stacked(side: Callable[[_Decomposition], Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
        return lambda points: torch.cat([side(part)(points) * part.relative for part in parts], 1)  # (N, sum of ranks)

    along, breaks_along, _ = fit_adaptively(stacked(lambda part: part.left), knots_along, degree_along, tolerance)
    across, breaks_across, _ = fit_adaptively(stacked(lambda part: part.right), _levels(pieces), degree_across, tolerance)
    context.history.rank = max(len(part.values) for part in parts)
    context.history.truncation = max(part.truncation for part in parts)
    edges = [
        (Grid(breaks_along, degree_along), _padded(along, parts)),
        (Grid(breaks_across, degree_across), _padded(across, parts)),
    ]
    if builder.axis == 1:
        edges.reverse()
    return separable([grid for grid, _ in edges], [c for _, c in edges], outputs=space.fields)


def _padded(c: Tensor, parts: list[_Decomposition]) -> Tensor:  # (K, sum of ranks) -> (F R, K)
    """The fitted factors in the size that the network wants, every field with as many as the one of the largest rank."""
    most = max(len(part.values) for part in parts)
    rows = []
    for columns, part in zip(c.split([len(part.values) for part in parts], 1), parts, strict=True):
        factors = (columns / part.relative * part.values.sqrt()).T
        rows += [factors, factors.new_zeros(most - len(factors), c.shape[0])]
    return torch.cat(rows)


def _decompose(pieces: list[Lifted], builder: RowBuilder, field: int, tolerance: float, rank: int | None) -> _Decomposition:
    """Singular value decomposition in the L2 of the box; every window counts alike, so that short early ones are kept too."""
    longest = max(pieces, key=lambda p: p.space.intervals)
    x, w = _union_points(pieces, builder) if len(pieces) > 1 else builder.gauss(longest.space)
    x, w = x.reshape(-1), w.reshape(-1)
    nodes, weights = np.polynomial.legendre.leggauss(max(p.space.size for p in pieces))
    half_nodes = torch.as_tensor((nodes + 1) / 2).to(x)
    half_weights = torch.as_tensor(weights / 2).to(x) / len(pieces)
    grams, columns = [], []
    for piece in pieces:
        low, high = piece.space.other or (0.0, 1.0)
        table = piece.space.polynomials(low + (high - low) * half_nodes)[0]  # (r, n)
        gram = torch.linalg.cholesky((table * half_weights) @ table.T)  # (r, r), T T^T = L L^T
        grams.append(gram)
        columns.append(piece.field(field) @ gram)  # coefficients in polynomials orthonormal on the window
    stacked = torch.cat([p.space.splines(x)[0] @ c for p, c in zip(pieces, columns, strict=True)], 1)  # (N, sum r)
    _, s, vh = torch.linalg.svd(w.sqrt()[:, None] * stacked, full_matrices=False)
    tails = s.square().flip(0).cumsum(0).flip(0).sqrt()  # tails[j]: what is lost when only j are kept
    total = max(float(tails[0]), 1e-300)
    keep = max(1, int((tails > tolerance * total).sum()))
    keep = min(keep, rank or keep)
    v = vh[:keep].T  # (sum r, R)
    sizes = [c.shape[1] for c in columns]
    shares = torch.split(v, sizes)
    inverse = [torch.linalg.solve_triangular(gram.T, share, upper=True) for gram, share in zip(grams, shares, strict=True)]

    def left(points: Tensor) -> Tensor:
        value = sum(p.space.splines(points)[0] @ (c @ share) for p, c, share in zip(pieces, columns, shares, strict=True))
        assert isinstance(value, Tensor)
        return value / torch.where(s > 0, s, torch.ones_like(s))[:keep]

    ends = torch.tensor([p.space.other[1] for p in pieces[:-1] if p.space.other], dtype=x.dtype, device=x.device)

    def right(levels: Tensor) -> Tensor:
        values = levels.new_zeros(levels.shape[0], keep)
        owner = torch.searchsorted(ends, levels.contiguous(), right=False)
        for i in torch.unique(owner).tolist():
            mine = owner == i
            values[mine] = pieces[i].space.polynomials(levels[mine])[0].T @ inverse[i]
        return values

    return _Decomposition(left, right, s[:keep], float(tails[keep]) / total if keep < len(s) else 0.0)


def _union_points(pieces: list[Lifted], builder: RowBuilder) -> tuple[Tensor, Tensor]:
    """Gauss points on the intervals between all windows' knots, those closer than a quarter interval merged."""
    finest = max(pieces, key=lambda p: p.space.intervals).space
    breaks = torch.sort(torch.cat([p.space.breaks for p in pieces])).values
    gap = float(torch.stack([p.space.breaks.diff().min() for p in pieces]).min()) / 4
    kept = [float(breaks[0])]
    for value in breaks.tolist():
        if value - kept[-1] > gap:
            kept.append(value)
    kept[-1] = float(breaks[-1])
    merged = breaks.new_tensor(kept)
    return builder.gauss(type(finest)(merged, finest.degree, finest.axis, None, 1))


def _merged(pieces: list[Lifted], parts: list[_Decomposition], accuracy: float) -> Tensor:
    """First breaks for the merged edges: the largest of the windows' densities at each place, equidistributed."""
    degree = max(DEGREE_ACROSS, pieces[0].space.degree)
    fine = torch.sort(torch.cat([p.space.breaks for p in pieces])).values
    fine = fine[torch.cat([fine.new_ones(1, dtype=torch.bool), fine.diff() > 1e-12 * float(fine[-1] - fine[0])])]
    middle = (fine[:-1] + fine[1:]) / 2
    most = torch.zeros_like(middle)
    for piece in pieces:
        k, breaks = piece.space.degree, piece.space.breaks
        size = torch.stack([part.values.square().sum().sqrt() for part in parts]).clamp(min=1e-300)
        ends = piece.c.reshape(-1, piece.space.fields, piece.space.size).sum(2) / size  # (K, F), at the end of the window
        wanted = density(ends, breaks, k, accuracy)
        place = torch.searchsorted(breaks, middle.contiguous(), right=True).sub(1).clamp(0, len(wanted) - 1)
        most = torch.maximum(most, wanted[place])
    # a degree two higher wants fewer intervals: h^(k + 1) |u^(k + 1)| = tolerance, with |u^(k + 1)| growing as the density^k
    return equidistributed(fine, most * (pieces[0].space.degree + 1) / (degree + 1), 8, 4096)


def _levels(pieces: list[Lifted]) -> Tensor:
    """First breaks of the other coordinate: the ends of the windows, or eight intervals."""
    assert pieces[0].space.other is not None
    if len(pieces) == 1:
        low, high = pieces[0].space.other
        return torch.linspace(low, high, 9, dtype=pieces[0].c.dtype, device=pieces[0].c.device)
    ends = [pieces[0].space.other[0], *(p.space.other[1] for p in pieces if p.space.other)]
    return pieces[0].c.new_tensor(ends)
