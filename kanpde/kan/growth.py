"""Inputs beyond the grid: how many there are, and grids that grow to hold them without changing the function.

Outside its grid a spline is its last polynomial piece: an extrapolation that nothing has confirmed. ``outside`` tells where that
happens, at prediction too; ``grown`` gives the new range intervals of its own, on which training can act, and says what it did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.kan.bases import BASES, table
from kanpde.kan.edges import Edges
from kanpde.kan.grid import Grid
from kanpde.kan.network import KAN
from kanpde.kan.projection import least_squares
from kanpde.kan.prolongation import prolonged

SITES = 4  # points per function at which a family without exact continuation is fitted on the old range, as in Edges.projected

ROOM = 1e-9  # of what lies beyond: hidden values move by round-off when the layers before them are prolonged


@dataclass(frozen=True)
class Reach:
    """One input of a layer (0: the inputs of the network) whose values left its grid, in the units of those values."""

    layer: int
    node: int
    share: float  # of the points, beyond the grid
    before: tuple[float, float]
    after: tuple[float, float]

    def __str__(self) -> str:
        place = f"input {self.node}" if self.layer == 0 else f"node {self.node} of layer {self.layer}"
        (a, b), (low, high) = self.before, self.after
        return (
            f"{place}: {100 * self.share:.3g} % of the points lie outside [{a:.6g}, {b:.6g}], where u is extrapolated; "
            f"the grid now reaches over [{low:.6g}, {high:.6g}]"
        )


@dataclass(frozen=True)
class Growth:
    """What grew, and the largest change: of an edge on its old range, or of u at the points that lay inside all grids, relative
    to its largest value there. It is round-off for splines, which are the same functions elsewhere too."""

    reaches: tuple[Reach, ...]
    change: float

    def __bool__(self) -> bool:
        return bool(self.reaches)

    def __str__(self) -> str:
        if not self.reaches:
            return "all points lie inside the grids"
        return "; ".join(str(reach) for reach in self.reaches) + f"; inside, u changed by {self.change:.1e}"


@torch.no_grad()
def outside(net: KAN, x: Tensor) -> list[Tensor]:
    """The share of the points x (N, d) whose values lie beyond the grid, for each input of each layer: (d,) first, then (nodes,).

    A node whose edges are all pruned or symbolic has no grid that matters: its share is zero.
    """
    shares = []
    for layer, values in zip(net.stack, net.activations(x), strict=False):
        share = x.new_zeros(values.shape[1])
        for group, source in zip(layer.edges, layer.sources, strict=True):
            rows = values[:, list(source)].T  # (n_in, N)
            beyond = ((rows < group.breaks[:, :1]) | (rows > group.breaks[:, -1:])) & group.alive[:, None]
            share[list(source)] = torch.maximum(share[list(source)], beyond.to(x).mean(1))
        shares.append(share)
    return shares


@torch.no_grad()
def grown(net: KAN, x: Tensor, most: int | None = None, hidden: bool = True) -> tuple[KAN, Growth]:
    """The same function on grids that hold all values that occur at x (N, d), and the report of what was outside.

    New intervals are as long as the mean of the old ones, longer where there would be more than ``most`` (as many as the grid
    has) at one end; families without break points get the range that occurs, and as many functions more as it is longer. Splines
    are continued exactly (``prolongation``): u stays the same function everywhere, old break points and the coefficients away
    from the ends stay to the bit. Other families are fitted anew to what they were on the old range. Without ``hidden`` only the
    grids of the inputs grow.
    """
    values = net.activations(x) if hidden else [x]
    known = torch.ones(len(x), dtype=torch.bool, device=x.device)  # inside all grids
    groups, reaches, index, change = net.edges, [], 0, 0.0
    for depth, layer in enumerate(net.stack if hidden else net.stack[:1]):
        for group, source in zip(layer.edges, layer.sources, strict=True):
            rows = values[depth][:, list(source)].T  # (n_in, N)
            longer = [
                _longer(grid, row, most or grid.intervals, group) if alive else grid
                for grid, row, alive in zip(group.grids, rows, group.alive.tolist(), strict=True)
            ]
            for node, grid, new, row in zip(source, group.grids, longer, rows, strict=True):
                if new.lower < grid.lower or new.upper > grid.upper:
                    beyond = (row < grid.lower) | (row > grid.upper)
                    known &= ~beyond
                    share = float(beyond.double().mean())
                    reaches.append(Reach(depth, node, share, (grid.lower, grid.upper), (new.lower, new.upper)))
            if any(new is not grid for grid, new in zip(group.grids, longer, strict=True)):
                groups[index], moved = _prolonged(group, longer)
                change = max(change, moved)
            index += 1
    if not reaches:
        return net, Growth((), 0.0)
    result = net.with_edges(groups)
    before, after = net(x[known]), result(x[known])
    if bool(before.any()):
        change = max(change, float((after - before).abs().max() / before.abs().max()))
    return result, Growth(tuple(reaches), change)


def _longer(grid: Grid, values: Tensor, most: int, group: Edges) -> Grid:
    """The grid with further intervals at each end beyond which there are values; itself if there are none."""
    low, high = float(values.min()), float(values.max())
    if grid.lower <= low and high <= grid.upper:
        return grid
    length = grid.upper - grid.lower
    if not BASES[group.basis].local:
        room = ROOM * length
        a, b = min(grid.lower, low - room), max(grid.upper, high + room)
        modes = max(grid.intervals, grid.degree)  # their sum is the number of functions, and one of them is usually small
        more = min(math.ceil(modes * ((b - a) / length - 1) - ROOM), 2 * max(most, modes))
        return Grid.uniform(a, b, grid.intervals + more, grid.degree, grid.breaks.dtype, grid.breaks.device)
    mean = length / grid.intervals
    breaks = [grid.breaks]
    for end, far in ((grid.upper, high), (grid.lower, low)):
        excess = far - end if end == grid.upper else end - far
        if excess <= 0:
            continue
        excess *= 1 + ROOM
        wanted = math.ceil(excess / mean)
        length = mean if wanted <= most else excess / most
        steps = torch.arange(1, min(wanted, most) + 1, dtype=grid.breaks.dtype, device=grid.breaks.device) * length
        breaks = [*breaks, end + steps] if end == grid.upper else [(end - steps).flip(0), *breaks]
    return Grid(torch.cat(breaks), grid.degree)


def _prolonged(group: Edges, longer: list[Grid]) -> tuple[Edges, float]:
    """The group on longer grids, all of them cut to the same number of intervals, and its relative change on the old ones."""
    count = max(grid.intervals for grid in longer)
    even = [grid.with_intervals(count) for grid in longer]
    result = group.like(torch.stack([grid.breaks for grid in even]))
    if group.basis == "bspline":
        for i, (grid, finer) in enumerate(zip(longer, even, strict=True)):
            c = prolonged(group.coefficients.data[i], group.breaks[i], grid.breaks, group.degree)
            result.coefficients.data[i] = BASES["bspline"].extend(c, grid.breaks, finer.breaks, group.degree)
        return result, 0.0
    basis = BASES[group.basis]
    parts = SITES * math.ceil(result.size / group.size)
    sites = basis.sites(group.breaks, group.degree)
    ends = torch.cat([group.breaks[:, :1], sites, group.breaks[:, -1:]], 1)
    steps = torch.arange(parts, dtype=ends.dtype, device=ends.device) / parts
    z = torch.cat([(ends[:, :-1, None] + ends.diff(dim=1)[..., None] * steps).flatten(1), ends[:, -1:]], 1)
    old = group.coefficients.data @ table(z, group.breaks, basis, group.degree)[0]  # (n_in, n_out, M)
    new = table(z, result.breaks, basis, group.degree)[0]  # (n_in, K', M)
    # Functions beyond the old range are not seen by these rows: the shortest of all solutions leaves them at zero.
    result.coefficients.data = least_squares(new.mT, old.mT).mT.contiguous()
    change = (result.coefficients.data @ new - old).abs().amax() / old.abs().amax().clamp(min=torch.finfo(old.dtype).tiny)
    return result, float(change)
