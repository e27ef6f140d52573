"""Where break points should stand: at quantiles of values, or so that every interval bears an equal share of a density.

Both are mixed with equal intervals, as in the KAN paper (Liu et al. 2024, arXiv 2404.19756, appendix A, where the share is called
grid_eps): the mix keeps every interval longer than that share of the mean, however the values crowd. Lengths are in the units of
the values.
"""

from __future__ import annotations

import torch
from torch import Tensor


def quantiles(
    values: Tensor,  # (N,)
    lower: float,
    upper: float,
    intervals: int,
    uniform: float,
) -> Tensor:  # (G + 1,)
    """Break points from ``lower`` to ``upper``, which enclose the values, with as many values in every interval; ``uniform`` is
    the share, above 0 up to 1, of equal intervals in the mix."""
    levels = torch.linspace(0, 1, intervals + 1, dtype=values.dtype, device=values.device)
    ordered = values.sort().values
    place = levels * (len(ordered) - 1)  # torch.quantile refuses more than 16 million values, and is no faster
    below = place.floor().long().clamp(max=max(len(ordered) - 2, 0))
    share = place - below
    crowded = ordered[below] * (1 - share) + ordered[(below + 1).clamp(max=len(ordered) - 1)] * share
    return _mixed(crowded, lower, upper, uniform)


def equidistributed(
    breaks: Tensor,  # (G + 1,)
    density: Tensor,  # (G,) wanted intervals per unit length, up to a factor
    intervals: int,
    uniform: float,
) -> Tensor:  # (intervals + 1,)
    """Break points between the same ends, such that every interval has the same integral of the density; then the mix."""
    lower, upper = float(breaks[0]), float(breaks[-1])
    share = torch.cat([breaks.new_zeros(1), torch.cumsum(density * breaks.diff(), 0)])
    if not float(share[-1]) > 0:
        return torch.linspace(lower, upper, intervals + 1, dtype=breaks.dtype, device=breaks.device)
    wanted = torch.linspace(0, 1, intervals + 1, dtype=breaks.dtype, device=breaks.device) * share[-1]
    i = (torch.searchsorted(share, wanted, right=True) - 1).clamp(0, len(density) - 1)
    rise = share[i + 1] - share[i]
    within = torch.where(rise > 0, (wanted - share[i]) / rise.clamp(min=torch.finfo(rise.dtype).tiny), torch.zeros_like(rise))
    return _mixed(breaks[i] + within * (breaks[i + 1] - breaks[i]), lower, upper, uniform)


def bearable(
    breaks: Tensor,  # (G + 1,)
    density: Tensor,  # (G,) wanted intervals per unit length, up to a factor
    values: Tensor,  # (N,)
    intervals: int,
    each: int,
) -> Tensor:  # (G,)
    """The density cut where ``intervals`` by it would get fewer than ``each`` values, the rest raised to make up for it.

    Where there are few points, what a fit looks like between them says nothing, and more knots would make it worse.
    """
    h = breaks.diff()
    share = density * h
    most = counted(breaks, values).to(share) / (each * intervals)  # of all intervals, that the points of one can bear
    if not float(share.sum()) > 0 or float(most.sum()) <= 1:
        return most / h
    low, high = 0.0, 1.0 / float(share.sum())
    while float(torch.minimum(high * share, most).sum()) < 1 - 1e-9 and high < 1e300:  # some of what is wanted is cut
        high *= 2
    for _ in range(60):  # bisection to the last bit
        middle = (low + high) / 2
        low, high = (middle, high) if float(torch.minimum(middle * share, most).sum()) < 1 else (low, middle)
    return torch.minimum(high * share, most) / h


def counted(breaks: Tensor, values: Tensor) -> Tensor:  # (G + 1,), (N,) -> (G,)
    """How many values lie in each interval; those beyond the ends count for the first or the last."""
    return torch.bincount(places(breaks, values), minlength=len(breaks) - 1)


def places(breaks: Tensor, values: Tensor) -> Tensor:  # (G + 1,), (N,) -> (N,)
    """The interval in which each value lies."""
    return (torch.searchsorted(breaks, values.contiguous(), right=True) - 1).clamp(0, len(breaks) - 2)


def _mixed(crowded: Tensor, lower: float, upper: float, uniform: float) -> Tensor:
    if not 0 < uniform <= 1:
        raise ValueError(f"the share of equal intervals must lie in (0, 1], not {uniform}: without them break points coincide")
    equal = torch.linspace(lower, upper, len(crowded), dtype=crowded.dtype, device=crowded.device)
    mixed = uniform * equal + (1 - uniform) * crowded
    mixed[0], mixed[-1] = lower, upper
    return mixed


def highest_derivative(
    c: Tensor,  # (K, n) coefficients of n splines on open knots
    breaks: Tensor,  # (G + 1,)
    degree: int,
) -> Tensor:  # (G,)
    """An estimate of max over the splines of |u^(k + 1)| on each interval, from the jumps of the k-th derivative.

    Source: de Boor, A Practical Guide to Splines (2001), chapter XII (NEWNOT), where the mean is taken, here the larger.
    """
    k = degree
    knots = torch.cat([breaks[:1].expand(k), breaks, breaks[-1:].expand(k)])
    for p in range(k, 0, -1):
        first = k - p + 1
        count = c.shape[0] - 1
        spread = knots[first + p : first + p + count] - knots[first : first + count]
        c = p * (c[1:] - c[:-1]) / spread[:, None]
    h = breaks.diff()  # c is now the k-th derivative, constant on each interval: (G, n)
    if c.shape[0] < 2:
        return torch.zeros_like(h)
    jumps = (2 * c.diff(dim=0).abs() / (h[1:] + h[:-1])[:, None]).amax(1)  # (G - 1,)
    return torch.maximum(torch.cat([jumps[:1], jumps]), torch.cat([jumps, jumps[-1:]]))
