"""Compression: a lifted solution, in one piece or many windows, as one separable network of a small rank.

In two coordinates the singular value decomposition in L2 gives the smallest rank for a given error (Eckart & Young 1936). Its
left functions become the splines of one coordinate, its right functions the splines of the other, over the whole time interval;
all are ordinary learnable edges. In three coordinates the right functions depend on two, and are decomposed in turn (see
``products``). What the compression changes is part of every error that is reported, since those are measured on the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly import Across, Lifted, LiftedSpace, RowBuilder
from kanpde.kan import KAN, Grid, separable
from kanpde.plan import SeparableNetwork
from kanpde.train.context import Context
from kanpde.train.fit import fit_adaptively
from kanpde.train.knots import density, equidistributed
from kanpde.train.products import kept_of, products

DEGREE_ACROSS = 9  # of edges fitted to polynomials and to singular functions; a little above that of the solve
SPLIT = 0.7  # of what may be lost, for each of two decompositions
SHARE = 0.3  # of what a compression may lose, for each of its two fits


@dataclass(frozen=True)
class _Decomposition:
    """u(x, y, ..) = sum_j left_j(x) middle_j(y) .. right_j(t), ordered by size; all are of norm one up to ``values``."""

    factors: list[Callable[[Tensor], Tensor]]  # (N,) -> (N, R): along the splines, then along each other coordinate
    values: Tensor  # (R,)
    truncation: float  # relative

    @property
    def relative(self) -> Tensor:  # (R,)
        """The singular values relative to the size of the field; ones where the field is zero."""
        size = self.values.square().sum().sqrt()
        return self.values / size if float(size) > 0 else torch.ones_like(self.values)


def compress(context: Context, builder: RowBuilder, pieces: list[Lifted], accuracy: float, truncation: float) -> KAN:
    """The separable network of a small rank that loses no more than ``truncation``, relative to the size of each field.

    Its edges follow the singular functions to ``SHARE`` times the larger of ``accuracy`` and ``truncation``. The fields share the
    grids; each has as many product nodes as the one of the largest rank.
    """
    context.tell("compression")
    space = pieces[0].space
    given = context.plan.network.degree
    most = context.plan.network.rank if isinstance(context.plan.network, SeparableNetwork) else None
    if not space.across:
        return separable([Grid(space.breaks, space.degree)], [pieces[0].c.T], outputs=space.fields)
    parts = [_decompose(pieces, builder, field, truncation, most) for field in range(space.fields)]
    tolerance = SHARE * max(accuracy, truncation)
    whole = len(pieces) == 1 and not space.periodic
    knots = space.breaks if whole else _steps(space.breaks) if space.periodic else _merged(pieces, parts, accuracy)
    first = [knots, *(_steps(space.breaks.new_tensor(across.interval)) for across in space.across[:-1]), _levels(pieces)]
    base = DEGREE_ACROSS if space.periodic else max(DEGREE_ACROSS, space.degree)
    degrees = [given or (space.degree if whole else base), *[given or base] * len(space.across)]

    def stacked(place: int) -> Callable[[Tensor], Tensor]:
        return lambda points: torch.cat([part.factors[place](points) * part.relative for part in parts], 1)  # (N, sum of ranks)

    context.history.rank = max(len(part.values) for part in parts)
    context.history.truncation = max(part.truncation for part in parts)
    edges: dict[int, tuple[Grid, Tensor]] = {}
    for place, axis in enumerate([space.axis, *(across.axis for across in space.across)]):
        c, breaks, _ = fit_adaptively(stacked(place), first[place], degrees[place], tolerance)
        edges[axis] = Grid(breaks, degrees[place]), _padded(c, parts, 1 / len(degrees))
    ordered = [edges[axis] for axis in sorted(edges)]
    return separable([grid for grid, _ in ordered], [c for _, c in ordered], outputs=space.fields)


def _padded(c: Tensor, parts: list[_Decomposition], share: float) -> Tensor:  # (K, sum of ranks) -> (F R, K)
    """The fitted factors in the size that the network wants, every field with as many as the one of the largest rank."""
    most = max(len(part.values) for part in parts)
    rows = []
    for columns, part in zip(c.split([len(part.values) for part in parts], 1), parts, strict=True):
        factors = (columns / part.relative * part.values**share).T
        rows += [factors, factors.new_zeros(most - len(factors), c.shape[0])]
    return torch.cat(rows)


def _decompose(pieces: list[Lifted], builder: RowBuilder, field: int, tolerance: float, rank: int | None) -> _Decomposition:
    """Singular value decomposition in the L2 of the box; every window counts alike, so that short early ones are kept too."""
    longest = max(pieces, key=lambda p: p.space.intervals)
    x, w = _union_points(pieces, builder) if len(pieces) > 1 and not longest.space.periodic else builder.gauss(longest.space)
    x, w = x.reshape(-1), w.reshape(-1)
    *between, _ = longest.space.across
    if between:
        between = [between[0].widened(max(p.space.sizes[0] for p in pieces))]
    middle = [_gram(across, x) for across in between]  # (r, r) each
    lasts = [_gram(p.space.across[-1], x) / len(pieces) ** 0.5 for p in pieces]
    columns = []  # (K, r_1 .. r) each: coefficients in orthonormal functions
    for piece, last in zip(pieces, lasts, strict=True):
        c = piece.widened([*(across.size for across in between), 0]).tensor[:, field] @ last
        for gram in middle:
            c = torch.matmul(gram.T, c)
        columns.append(c)
    stacked = torch.cat([torch.tensordot(p.space.splines(x)[0], c, 1) for p, c in zip(pieces, columns, strict=True)], -1)
    matrix = w.sqrt()[:, None] * stacked.reshape(len(x), -1)
    _, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    total = max(float(s.norm()), 1e-300)
    allowed = tolerance * total * (SPLIT if between else 1.0)
    keep = min(kept_of(s, allowed), rank or len(s))
    rights = vh[:keep].reshape(keep, *stacked.shape[1:])  # (R, r_1, sum r)
    if between:
        found = products(rights * s[:keep, None, None], allowed, rank)
        mix, values, inner, rights, lost = found.mix, found.values, found.middle, found.right, found.lost
    else:
        mix, values, inner, lost = torch.eye(keep, dtype=x.dtype, device=x.device), s[:keep], None, 0.0
    truncation = math.hypot(float(s[keep:].norm()), lost) / total
    chosen = vh[:keep].reshape(keep, *stacked.shape[1:])
    widths = [c.shape[-1] for c in columns]
    spots = [
        torch.tensordot(c.flatten(1), part.flatten(1).T, 1)  # (K, keep), the splines' coefficients of the left functions
        for c, part in zip(columns, chosen.split(widths, -1), strict=True)
    ]
    inverse = [
        torch.linalg.solve_triangular(gram.T, part.T, upper=True)
        for gram, part in zip(lasts, rights.split(widths, -1), strict=True)
    ]

    def left(points: Tensor) -> Tensor:
        value = sum(p.space.splines(points)[0] @ c for p, c in zip(pieces, spots, strict=True))
        assert isinstance(value, Tensor)
        return value / torch.where(s > 0, s, torch.ones_like(s))[:keep] @ mix

    ends = torch.tensor([p.space.across[-1].interval[1] for p in pieces[:-1]], dtype=x.dtype, device=x.device)

    def right(levels: Tensor) -> Tensor:
        found = levels.new_zeros(levels.shape[0], len(values))
        owner = torch.searchsorted(ends, levels.contiguous(), right=False)
        for i in torch.unique(owner).tolist():
            mine = owner == i
            found[mine] = pieces[i].space.across[-1].table(levels[mine])[0].T @ inverse[i]
        return found

    factors = [left, right]
    if inner is not None:
        coefficients = torch.linalg.solve_triangular(middle[0].T, inner.T, upper=True)  # (r_1, R)
        factors.insert(1, lambda levels: between[0].table(levels)[0].T @ coefficients)
    return _Decomposition(factors, values, truncation)


def _gram(across: Across, like: Tensor) -> Tensor:  # (r, r)
    """L with T T^T = L L^T in L2, relative to the length: coefficients times L are those of orthonormal functions."""
    low, high = across.interval
    nodes, weights = np.polynomial.legendre.leggauss(across.size if not across.periodic else 2 * across.size)
    table = across.table(low + (high - low) * torch.as_tensor((nodes + 1) / 2).to(like))[0]  # (r, n)
    return torch.linalg.cholesky((table * torch.as_tensor(weights / 2).to(like)) @ table.T)


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
    return builder.gauss(LiftedSpace(merged, finest.degree, finest.axis))


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
        ends = piece.tensor.sum(-1) / size.reshape(1, -1, *[1] * (len(piece.space.across) - 1))  # at the end of the window
        for across in piece.space.across[:-1]:
            ends = ends @ across.table(across.levels(8, breaks))[0]  # (K, F, 8)
        wanted = density(ends.flatten(1), breaks, k, accuracy)
        place = torch.searchsorted(breaks, middle.contiguous(), right=True).sub(1).clamp(0, len(wanted) - 1)
        most = torch.maximum(most, wanted[place])
    # a degree two higher wants fewer intervals: h^(k + 1) |u^(k + 1)| = tolerance, with |u^(k + 1)| growing as the density^k
    return equidistributed(fine, most * (pieces[0].space.degree + 1) / (degree + 1), 8, 4096)


def _levels(pieces: list[Lifted]) -> Tensor:
    """First breaks of the last coordinate: the ends of the windows, or equal steps."""
    interval = pieces[0].space.across[-1].interval
    if len(pieces) == 1:
        return _steps(pieces[0].c.new_tensor(interval))
    return pieces[0].c.new_tensor([interval[0], *(p.space.across[-1].interval[1] for p in pieces)])


def _steps(ends: Tensor) -> Tensor:
    """First breaks of edges about whose roughness nothing is known: eight intervals."""
    return torch.linspace(float(ends[0]), float(ends[-1]), 9, dtype=ends.dtype, device=ends.device)
