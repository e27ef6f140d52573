"""Growing a network: finer grids and more nodes without changing the function, and grids that follow their inputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kanpde.kan.bases import BASES
from kanpde.kan.edges import Edges
from kanpde.kan.grid import Grid
from kanpde.kan.network import KAN, separable


def extend(net: KAN, grids: int | Sequence[Grid]) -> KAN:
    """The same function on finer grids: every interval cut into ``grids`` parts, or one new grid for each group of edges.

    A new grid contains the old one; a group of several inputs can only be cut. Exact to round-off on the grid (knot insertion);
    ``adapt`` first if hidden values lie beyond it.
    """
    if isinstance(grids, int):
        return net.with_edges([group.extended([g.divided(grids).breaks for g in group.grids]) for group in net.edges])
    groups = net.edges
    if len(grids) != len(groups) or any(group.inputs != 1 for group in groups):
        raise ValueError("one grid for each group of edges, and only groups of one input; pass a factor instead")
    return net.with_edges([group.extended([grid.breaks]) for group, grid in zip(groups, grids, strict=True)])


def with_intervals(net: KAN, intervals: int) -> KAN:
    """The same function with at least ``intervals`` grid intervals on every edge: the longest intervals are halved."""
    groups = [group.extended([g.with_intervals(intervals).breaks for g in group.grids]) for group in net.edges]
    return net.with_edges(groups)


@torch.no_grad()
def regrid(net: KAN, intervals: int) -> tuple[KAN, float]:
    """The network on equal intervals between the ends of each grid, and the largest change of an edge relative to its group.

    Exact (knot insertion) where the new break points contain the old ones, as from 5 to 10 to 20; else, as from 20 to 50, the
    nearest functions in the sense of least squares at points that lie in every interval: it has full rank whatever data there
    are, unlike a fit to the edge's values at training points. Raises ValueError for fewer than one interval.
    """
    if intervals < 1:
        raise ValueError(f"a grid has one interval or more, not {intervals}")
    moved = [_regridded(group, intervals) for group in net.edges]
    return net.with_edges([group for group, _ in moved]), max(change for _, change in moved)


def _regridded(group: Edges, intervals: int) -> tuple[Edges, float]:
    rows = [_equal(grid, intervals) for grid in group.grids]
    if all(bool(torch.isin(grid.breaks, row).all()) for grid, row in zip(group.grids, rows, strict=True)):
        return group.extended(rows), 0.0
    return group.projected(torch.stack(rows))


@torch.no_grad()
def finer(net: KAN, intervals: int) -> KAN:
    """At least ``intervals`` intervals on every edge: equal ones on grids that have equal ones now (``regrid``), which for smooth
    functions are the better ones; else the longest are halved (``with_intervals``), and knots that were put somewhere stay."""
    groups = []
    for group in net.edges:
        if group.intervals >= intervals:
            groups.append(group)
        elif all(_is_even(grid) for grid in group.grids):
            groups.append(_regridded(group, intervals)[0])
        else:
            groups.append(group.extended([g.with_intervals(intervals).breaks for g in group.grids]))
    return net.with_edges(groups)


def _is_even(grid: Grid) -> bool:
    lengths = grid.breaks.diff()
    size = max(abs(grid.lower), abs(grid.upper))
    return float(lengths.max() - lengths.min()) <= 16 * torch.finfo(lengths.dtype).eps * size  # of break points, by round-off


def _equal(grid: Grid, intervals: int) -> Tensor:  # (intervals + 1,)
    """Equal intervals, with the old break points in the place of those that differ by round-off."""
    breaks = Grid.uniform(grid.lower, grid.upper, intervals, grid.degree, grid.breaks.dtype, grid.breaks.device).breaks
    near = (torch.searchsorted(grid.breaks, breaks) - 1).clamp(0, grid.intervals - 1)
    left, right = grid.breaks[near], grid.breaks[near + 1]
    nearest = torch.where(breaks - left < right - breaks, left, right)
    size = breaks.abs().max().clamp(min=breaks[-1] - breaks[0])
    return torch.where((breaks - nearest).abs() < 8 * torch.finfo(breaks.dtype).eps * size, nearest, breaks)


def widen(net: KAN, rank: int, generator: torch.Generator | None, size: float) -> KAN:
    """A separable network with more product nodes; the new ones are random and smooth, of size about ``size``.

    Each new factor is one Chebyshev mode of random degree below 8, roughened: plain noise is too rough for a residual of high
    order, and a product of two zero factors has no gradient.
    """
    groups = []
    for group in net.factors:
        extra = _random_factors(group, rank - group.outputs, generator) * size ** (1 / len(net.factors))
        groups.append(torch.cat([group.coefficients.data[0], extra]))
    return separable([group.grids[0] for group in net.factors], groups, net.factors[0].basis)


def random_separable(grids: Sequence[Grid], rank: int, generator: torch.Generator | None, size: float = 1.0) -> KAN:
    """A separable network of smooth random factors: four Chebyshev modes of decreasing size, and a little noise."""
    coefficients = []
    for grid in grids:
        basis = BASES["bspline"]
        z = basis.linear(grid.breaks[None], grid.degree)  # (1, K): spline coefficients of the coordinate scaled to [-1, 1]
        like = grid.breaks
        c = 0.02 * _normal((rank, z.shape[1]), generator, like)
        for m in range(4):
            c = c + 0.5 / (1 + m) * _normal((rank, 1), generator, like) * torch.cos(m * torch.acos(z.clamp(-1, 1)))
        coefficients.append(c * size ** (1 / len(grids)))
    return separable(grids, coefficients)


def _random_factors(group: Edges, count: int, generator: torch.Generator | None) -> Tensor:  # (count, K)
    basis = BASES[group.basis]
    z = basis.linear(group.breaks, group.degree)
    degrees = torch.randint(0, 8, (count, 1), generator=generator).to(z)
    modes = torch.cos(degrees * torch.acos(z.clamp(-1, 1)))
    return modes + 0.3 * basis.decay(group.size).to(z) * _normal((count, group.size), generator, z)


def _normal(shape: tuple[int, ...], generator: torch.Generator | None, like: Tensor) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(like)


def follow(net: KAN, x: Tensor, margin: float = 0.05) -> tuple[KAN, float]:
    """``adapt`` for fits to data: a hidden grid of equal intervals stays one, over the new range; edges are projected onto it.

    The projection changes more than ``adapt`` does, about as much as the grid is coarse, which the next steps of training undo;
    in return no intervals are added, and fits are 2.5 times closer on 100 intervals than on grids with longer ones at the ends.
    """
    return adapt(net, x, margin, even=True)


def adapt(net: KAN, x: Tensor, margin: float = 0.05, even: bool = False) -> tuple[KAN, float]:
    """The network with the grids of hidden layers cut or lengthened to the values that occur at x (N, d), and the change of u.

    Break points inside the new range stay, so that the splines on it are the same functions, to the round-off of a least squares
    fit; what falls short of intervals is halved. ``margin`` leaves room for the values to move, relative to their range. The
    change is that of u at x, relative to its largest value. With ``even``, grids of equal intervals are treated as in ``follow``.
    """
    before = net(x).detach()
    groups = net.edges
    start = len(net.stack[0].edges)
    for depth, layer in enumerate(net.stack[1:], 1):
        ranges = _ranges(net.with_edges(groups), x, depth)  # (nodes, 2)
        for i, (group, source) in enumerate(zip(layer.edges, layer.sources, strict=True)):
            if even and all(_is_even(grid) for grid in group.grids):
                ends = [_with_room(float(ranges[n, 0]), float(ranges[n, 1]), margin) for n in source]
                new = [Grid.uniform(a, b, group.intervals, group.degree).breaks for a, b in ends]
                groups[start + i], _ = group.projected(torch.stack(new).to(group.breaks))
                continue
            fitted = [
                _fitted(g, float(ranges[n, 0]), float(ranges[n, 1]), margin) for g, n in zip(group.grids, source, strict=True)
            ]
            if not BASES[group.basis].local:
                fitted = [Grid.uniform(g.lower, g.upper, group.intervals, group.degree) for g in fitted]
            most = max(group.intervals, *(g.intervals for g in fitted))
            groups[start + i], _ = group.projected(torch.stack([g.with_intervals(most).breaks for g in fitted]))
        start += len(layer.edges)
    moved = net.with_edges(groups)
    change = (moved(x).detach() - before).abs().max() / before.abs().max().clamp(min=torch.finfo(x.dtype).tiny)
    return moved, float(change)


def _fitted(grid: Grid, lower: float, upper: float, margin: float) -> Grid:
    """The grid's own break points inside a range, and its ends; no end interval is shorter than a fifth of the mean."""
    lower, upper = _with_room(lower, upper, margin)
    inner = [b for b in grid.breaks.tolist() if lower < b < upper]
    shortest = 0.2 * (upper - lower) / grid.intervals
    if inner:
        lower, upper = min(lower, inner[0] - shortest), max(upper, inner[-1] + shortest)
    return Grid(grid.breaks.new_tensor([lower, *inner, upper]), grid.degree)


def _with_room(lower: float, upper: float, margin: float) -> tuple[float, float]:
    room = margin * max(upper - lower, 0.1)  # a node that is nearly constant keeps a grid of finite length
    return lower - room, upper + room


@torch.no_grad()
def _ranges(net: KAN, x: Tensor, layers: int) -> Tensor:  # (nodes, 2)
    zero = (0,) * net.inputs
    jet: dict[tuple[int, ...], Tensor | None] = {zero: x.T.contiguous()}
    for layer in net.stack[:layers]:
        jet, _ = layer.push(jet)
    values = jet[zero]
    if values is None:
        raise ValueError("the network has no nodes")
    return torch.stack([values.amin(1), values.amax(1)], 1)
