"""The error estimate: defect correction in a richer space, marched through the time windows.

One Gauss-Newton step from the solution, in splines on 1.5 times the knots and more polynomials, gives a better solution. Its
distance from the delivered network is the estimate. Each window starts from the corrected end of the one before, so that errors
that grow or accumulate in time are seen. Neither ``exact`` nor a reference is used. Source: Stetter (1978), Numer. Math. 29.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly import Jets, Key, Lifted, LiftedSpace, RowBuilder
from kanpde.kan import KAN
from kanpde.results.types import Estimate
from kanpde.train.context import Context
from kanpde.train.lifted import VANISHING, spline_degree

METHOD = "defect correction in a richer space"
FLOOR = {torch.float64: 1e-13, torch.float32: 1e-6}  # no smaller claim: derivatives alone lose so much to round-off
RICHER = 1.5  # times the intervals
MORE, SHARE = 4, 0.2  # polynomials more; without time windows at least that share of them
LEVELS = 4  # of spaces tried for a network of unknown roughness
SETTLED = 0.3  # relative change of the estimate from one level to the next


def network_jets(network: KAN, axis: int, names: Sequence[str]) -> Jets:
    """The network's partial derivatives on tensor grids: from its factors where it is separable, point by point elsewhere."""
    factors = network.factors
    number = {name: i for i, name in enumerate(names)}

    def jets(keys: Sequence[Key], x: Tensor, y: Tensor) -> Mapping[Key, Tensor]:
        indices = [index for _, index in keys]
        if not indices:
            return {}
        dimension = len(indices[0])
        if factors and dimension == 2:
            along = factors[axis].values(x, max(index[axis] for index in indices))  # (orders, F R, N)
            across = factors[1 - axis].values(y, max(index[1 - axis] for index in indices))  # (orders, F R, n)
            rank = along.shape[1] // len(names)
            rows = {name: slice(i * rank, (i + 1) * rank) for name, i in number.items()}
            return {(name, index): along[index[axis], rows[name]].T @ across[index[1 - axis], rows[name]] for name, index in keys}
        columns = [x[:, None].expand(-1, len(y)).reshape(-1)]
        if dimension == 2:
            columns.insert(1 - axis, y[None, :].expand(len(x), -1).reshape(-1))
        values = network.jet(torch.stack(columns, 1), indices)
        return {key: values[key[1]][number[key[0]]].reshape(len(x), len(y)) for key in keys}

    return jets


def estimate(context: Context, builder: RowBuilder, network: KAN, pieces: Sequence[Lifted]) -> Estimate:
    """The estimated relative L2 error of a network that was compressed from ``pieces``: one, or one a time window.

    The pieces are corrected, not the network, whose fine knots would alias on coarser points; the estimate is the size of the
    difference between the corrected pieces and the network, and so sees what the compression changed.
    """
    context.tell("estimate")
    network_at = network_jets(network, builder.axis, builder.names)
    return _march(context, builder, network_at, [(piece.space, _lifted_jets(piece, builder.names)) for piece in pieces])


def _march(context: Context, builder: RowBuilder, network: Jets, pieces: Sequence[tuple[LiftedSpace, Jets]]) -> Estimate:
    """Corrects every piece, each starting from the corrected end of the one before, and compares with the network."""
    timed = context.problem.domain.time_axis is not None and context.problem.domain.dimension == 2
    norms = pieces[0][0].breaks.new_zeros(2, 2, len(builder.names))
    start: list[Callable[[Tensor], Tensor]] | None = None
    for space, offset in pieces:
        richer = _richer(space, timed)
        system = builder.system(richer, extra=2 if timed else 4, start=start, offset=offset)
        correction = Lifted(richer, system.linearise(space.breaks.new_zeros(richer.functions, richer.block)).step())
        norms += _norms(correction, offset, network, builder)
        if timed:
            start = [_end(builder, correction, offset, field, order) for field, order in builder.starts]
    return _stated(norms)


def estimate_afresh(context: Context, builder: RowBuilder, network: KAN) -> Estimate:
    """The estimated relative L2 error of a network that was not trained in the lifted form.

    The correction is computed on finer and finer spaces until its size settles.
    """
    domain = context.problem.domain
    timed = domain.time_axis is not None and domain.dimension == 2
    low, high = (float(v) for v in domain.bounds[builder.axis])
    offset = network_jets(network, builder.axis, builder.names)
    context.tell("estimate")
    before: Estimate | None = None
    for level in range(LEVELS):
        breaks = torch.linspace(low, high, 16 * 2**level + 1, dtype=context.dtype, device=context.device)
        spaces = [LiftedSpace(breaks, spline_degree(context), builder.axis, None, 1, len(builder.names))]
        if domain.dimension == 2:
            begin, end = (float(v) for v in domain.bounds[1 - builder.axis])
            pieces = 6 * 2**level if timed else 1
            ends = [begin + (end - begin) * i / pieces for i in range(pieces + 1)]
            size = 10 if timed else 12 * (level + 1)
            spaces = [replace(spaces[0], other=window, size=size) for window in pairwise(ends)]
        now = _march(context, builder, offset, [(space, offset) for space in spaces])
        if (before is not None and abs(now.value - before.value) < SETTLED * now.value) or context.left < 0:
            return now
        before = now
    return now


def _stated(norms: Tensor) -> Estimate:
    """The largest of the relative norms over the fields, not below what the precision can show."""
    change, size = norms.unbind(1)  # (2, F)
    size = torch.maximum(size, VANISHING**2 * size.amax(1, keepdim=True))
    if not bool(torch.isfinite(norms).all()):
        return Estimate(math.inf, METHOD)
    relative = float((change / torch.where(size > 0, size, torch.ones_like(size))).max().sqrt())
    floor = FLOOR[norms.dtype]
    return Estimate(max(relative, floor), METHOD, relative < 10 * floor)


def _richer(space: LiftedSpace, timed: bool) -> LiftedSpace:
    count = math.ceil(RICHER * space.intervals)
    places = np.interp(np.linspace(0, space.intervals, count + 1), np.arange(space.intervals + 1), space.breaks.cpu().numpy())
    breaks = torch.as_tensor(places).to(space.breaks)
    size = 1 if space.other is None else space.size + max(MORE, 0 if timed else math.ceil(SHARE * space.size))
    return replace(space, breaks=breaks, size=size)


def _end(builder: RowBuilder, correction: Lifted, offset: Jets, field: int, order: int) -> Callable[[Tensor], Tensor]:
    """A field of the corrected solution, or a derivative of it in time, at the end of a window."""
    assert correction.space.other is not None
    level = correction.c.new_tensor([correction.space.other[1]])
    key = builder.key(0, order, field)
    return lambda x: (offset([key], x, level)[key] + correction(x, level, (0, order), field))[:, 0]


def _lifted_jets(lifted: Lifted, names: Sequence[str]) -> Jets:
    """The partial derivatives of a lifted function on tensor grids."""
    space = lifted.space
    number = {name: i for i, name in enumerate(names)}

    def jets(keys: Sequence[Key], x: Tensor, y: Tensor) -> Mapping[Key, Tensor]:
        orders = {key: (key[1][space.axis], sum(key[1]) - key[1][space.axis]) for key in keys}
        along = space.splines(x, max((a for a, _ in orders.values()), default=0))  # (orders, N, K)
        across = space.polynomials(y, max((b for _, b in orders.values()), default=0))  # (orders, r, n)
        return {key: along[a] @ lifted.field(number[key[0]]) @ across[b] for key, (a, b) in orders.items()}

    return jets


def _norms(correction: Lifted, offset: Jets, network: Jets, builder: RowBuilder) -> Tensor:  # (2, 2, F)
    """The squares of the L2 norms of corrected solution minus network, and of the network, for every field on a piece.

    The first row is the L2 norm over the box. The second gives every knot interval the same weight: it stands for points that
    cluster where the solution is hard, as half of a critical reader's points would.
    """
    space = correction.space
    x, w = builder.gauss(space)
    x, w = x.reshape(-1), w.reshape(-1)
    length, y = 1.0, x.new_zeros(1)
    if space.other is not None:
        low, high = space.other
        length = high - low
        count = 2 * space.size
        y = low + length * (torch.arange(count, dtype=x.dtype, device=x.device) + 0.5) / count
    even = torch.full_like(w, 1 / len(w))
    fields = []
    for number in range(space.fields):
        key = builder.key(field=number)
        values = network([key], x, y)[key]
        difference = offset([key], x, y)[key] - values + correction(x, y, field=number)
        squares = torch.stack([difference.square().mean(1), values.square().mean(1)])  # (2, N)
        fields.append(torch.stack([squares @ w, squares @ even]))
    return torch.stack(fields, 2) * length
