"""Networks whose break points move to where they are needed: to the values that occur, to curvature, or to the residual.

``by_values`` and ``by_curvature`` move break points: every edge is projected (``Edges.projected``), and the change of u is
returned. ``by_residual`` only inserts: u stays as it is. All of them take points x (N, d), in the units of the inputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kanpde.kan.edges import Edges
from kanpde.kan.grid import Grid
from kanpde.kan.network import KAN
from kanpde.kan.placement import bearable, counted, equidistributed, highest_derivative, places, quantiles

UNIFORM = 0.02  # the share of equal intervals among those that follow values: the KAN paper's default of grid_eps
CALM = 0.05  # the same for curvature; tanh(50 x) on 40 intervals: 5e-6 with 0.05, 2e-5 with 0.1, 3e-4 with 0.2, 4e-2 with 1
MARGIN = 0.05  # room for hidden values to move, relative to their range, on both sides
BULK = 0.5  # share of the squared residual whose intervals are halved: Doerfler (1996), SIAM J. Numer. Anal. 33, 1106-1124
ENOUGH = 4  # points in an interval that is halved: two for each half, which gets one coefficient more
BORNE = 3  # points to an interval where curvature asks for many: without, gaps in the data attract knots and fits blow up


@torch.no_grad()
def by_values(
    net: KAN, x: Tensor, intervals: int | None = None, uniform: float = UNIFORM, margin: float = MARGIN
) -> tuple[KAN, float]:
    """Grids whose break points are a mix of quantiles of the values that occur at x and of equal intervals (share ``uniform``).

    Hidden grids take the range of their values and a margin; those of the inputs keep their ends, lengthened to hold x. Returns
    the network and the largest change of u at x, relative to its largest value. Source: the KAN paper (arXiv 2404.19756),
    appendix A.
    """

    def moved(group: Edges, values: Tensor, depth: int) -> Edges:  # values (n_in, N)
        count = group.intervals if intervals is None else intervals
        rows = []
        for grid, row in zip(group.grids, values, strict=True):
            low, high = float(row.min()), float(row.max())
            if depth:
                room = margin * max(high - low, 0.1)  # a node that is nearly constant keeps a grid of finite length
                low, high = low - room, high + room
            else:
                low, high = min(grid.lower, low), max(grid.upper, high)
            rows.append(quantiles(row, low, high, count, uniform))
        return group.projected(torch.stack(rows))[0]

    return _through(net, x, moved)


@torch.no_grad()
def by_curvature(net: KAN, x: Tensor, intervals: int | None = None, uniform: float = CALM) -> tuple[KAN, float]:
    """Grids between the same ends on which |phi^(k + 1)|^(1 / (k + 1)) has equal integrals over all intervals, where the error of
    splines of degree k is about the same in each, as far as there are at least three points to each; mixed with equal intervals.

    Only B-splines have such break points: other groups stay as they are. Returns the network and the largest change of u at x,
    relative to its largest value; training has to follow, and two or three rounds of both. Noise does not harm: tanh(50 x) with
    one per cent of it, 2000 points, 40 intervals: 1.5e-3, with equal ones 3.9e-2. Source: de Boor (2001), chapter XII (NEWNOT).
    """

    def moved(group: Edges, values: Tensor, depth: int) -> Edges:
        if group.basis != "bspline":
            return group
        count = group.intervals if intervals is None else intervals
        rows = []
        living = group.coefficients.data if group.mask is None else group.coefficients.data * group.mask[:, :, None]
        for c, breaks, row in zip(living, group.breaks, values, strict=True):
            density = highest_derivative(c.T, breaks, group.degree) ** (1 / (group.degree + 1))
            rows.append(equidistributed(breaks, bearable(breaks, density, row, count, BORNE), count, uniform))
        return group.projected(torch.stack(rows))[0]

    return _through(net, x, moved)


@torch.no_grad()
def by_residual(
    net: KAN,
    x: Tensor,
    residual: Tensor,  # (N,) or (N, n_out): of the data, in any units
    share: float = BULK,
) -> tuple[KAN, float]:
    """Halves, on every edge, the intervals that hold ``share`` of the squared residual, where at least four points lie in them.

    A squared residual belongs to the interval of each edge into which its point falls. The inputs of a group have grids of equal
    size: where one needs more halvings than another, the other's worst or longest intervals are halved too. Knots are inserted:
    the change that is returned is round-off, but for families whose finer grids do not contain the coarser ones' functions.
    """
    squares = residual.detach().reshape(len(x), -1).square().sum(1)
    if squares.shape != (len(x),) or not bool(torch.isfinite(squares).all()):
        raise ValueError("by_residual takes one finite row of residuals for each point")

    def halved(group: Edges, values: Tensor, depth: int) -> Edges:
        marked = [_marked(grid, row, squares, share) for grid, row in zip(group.grids, values, strict=True)]
        most = max(need for need, _ in marked)
        rows = []
        for grid, (_, order) in zip(group.grids, marked, strict=True):
            middles = (grid.breaks[:-1] + grid.breaks[1:]) / 2
            rows.append(grid.inserted(middles[order[:most]]).with_intervals(grid.intervals + most).breaks)
        return group.extended(rows) if most else group

    return _through(net, x, halved)


def _marked(grid: Grid, values: Tensor, squares: Tensor, share: float) -> tuple[int, Tensor]:
    """How many intervals hold the share, and all intervals with points enough, the worst first."""
    mass = squares.new_zeros(grid.intervals).index_add_(0, places(grid.breaks, values), squares)
    points = counted(grid.breaks, values)
    order = mass.argsort(descending=True)
    order = order[points[order] >= ENOUGH]
    total = float(mass.sum())
    if not total > 0:
        return 0, order
    need = int((mass[order].cumsum(0) < share * total).sum()) + 1
    return min(need, len(order)), order


def _through(net: KAN, x: Tensor, change: Callable[[Edges, Tensor, int], Edges]) -> tuple[KAN, float]:
    """Every group of edges changed in turn, layer by layer, given the values of its inputs after the changes before it."""
    before = net(x)
    groups = net.edges
    start = 0
    for depth, layer in enumerate(net.stack):
        values = net.with_edges(groups).activations(x)[depth].T  # (nodes, N)
        for i, source in enumerate(layer.sources):
            groups[start + i] = change(groups[start + i], values[list(source)], depth)
        start += len(layer.edges)
    result = net.with_edges(groups)
    largest = before.abs().max().clamp(min=torch.finfo(x.dtype).tiny)
    return result, float((result(x) - before).abs().max() / largest)
