"""The error estimate: defect correction in a richer space, marched through the time windows.

One Gauss-Newton step from the delivered network, in splines on 1.5 times the knots and more polynomials, gives a correction
delta. Its size is the estimate. Each window starts from the correction at the end of the one before, so that errors that
grow or accumulate in time are seen. Neither ``exact`` nor a reference is used. Source: Stetter (1978), Numer. Math. 29.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from kanpde.assembly import Key, Lifted, LiftedSpace, RowBuilder
from kanpde.kan import KAN
from kanpde.results.types import Estimate
from kanpde.train.context import Context
from kanpde.train.knots import equidistributed

METHOD = "defect correction in a richer space"
FLOOR = 1e-13  # float64 allows no smaller claim: evaluating a network alone costs some 1e-15, its derivatives more
RICHER = 1.5  # times the intervals
MORE = 4  # polynomials more in a time window; elsewhere 1.4 times as many
SAMPLES = 3  # points an interval at which the size of the correction is taken


def network_jets(network: KAN, axis: int) -> Callable[[Sequence[Key], Tensor, Tensor], Mapping[Key, Tensor]]:
    """The network's partial derivatives on tensor grids: from its factors where it is separable, point by point elsewhere."""
    factors = network.factors

    def jets(keys: Sequence[Key], x: Tensor, y: Tensor) -> Mapping[Key, Tensor]:
        indices = [index for _, index in keys]
        if not indices:
            return {}
        dimension = len(indices[0])
        if factors and dimension == 2:
            along = factors[axis].values(x, max(index[axis] for index in indices))  # (orders, R, N)
            across = factors[1 - axis].values(y, max(index[1 - axis] for index in indices))  # (orders, R, n)
            return {key: along[key[1][axis]].T @ across[key[1][1 - axis]] for key in keys}
        columns = [x[:, None].expand(-1, len(y)).reshape(-1)]
        if dimension == 2:
            columns.insert(1 - axis, y[None, :].expand(len(x), -1).reshape(-1))
        values = network.jet(torch.stack(columns, 1), indices)
        return {key: values[key[1]][0].reshape(len(x), len(y)) for key in keys}

    return jets


def estimate(context: Context, builder: RowBuilder, network: KAN, spaces: Sequence[LiftedSpace]) -> Estimate:
    """The estimated relative L2 error of a network. ``spaces`` are those of its training: one, or one a time window."""
    context.tell("estimate")
    offset = network_jets(network, builder.axis)
    timed = context.problem.domain.time_axis is not None and context.problem.domain.dimension == 2
    squares = sizes = 0.0
    state: list[Callable[[Tensor], Tensor]] | None = None
    for space in spaces:
        richer = _richer(space, timed)
        start = None if state is None else [_sum(builder, offset, function, space, order) for order, function in enumerate(state)]
        system = builder.system(richer, extra=2 if timed else 4, start=start, offset=offset)
        zero = richer.breaks.new_zeros(richer.functions, richer.size)
        correction = Lifted(richer, system.linearise(zero).step())
        change, size = _norms(correction, offset, builder)
        squares += change
        sizes += size
        if timed and space.other is not None:
            state = [_trace(correction, space.other[1], order) for order in range(max(1, builder.time_order))]
    if not math.isfinite(squares):
        return Estimate(math.inf, METHOD)
    relative = math.sqrt(squares / sizes) if sizes > 0 else math.sqrt(squares)
    return Estimate(max(relative, FLOOR), METHOD, relative < 1e-12)


def _richer(space: LiftedSpace, timed: bool) -> LiftedSpace:
    h = space.breaks.diff()
    breaks = equidistributed(space.breaks, RICHER / h, math.ceil(RICHER * space.intervals), 8192)
    size = 1 if space.other is None else space.size + MORE if timed else math.ceil(1.4 * space.size)
    return LiftedSpace(breaks, space.degree, space.axis, space.other, size)


def _trace(correction: Lifted, time: float, order: int) -> Callable[[Tensor], Tensor]:
    space = correction.space
    level = correction.c.new_tensor([time])
    c = correction.c @ space.polynomials(level, order)[order][:, 0]
    return lambda x: space.splines(x)[0] @ c


def _sum(
    builder: RowBuilder, offset: Callable, correction: Callable[[Tensor], Tensor], space: LiftedSpace, order: int
) -> Callable[[Tensor], Tensor]:
    """The corrected start of a window: the network, plus the correction at the end of the window before."""
    assert space.other is not None
    time = space.other[0]
    key = builder.key(0, order)
    return lambda x: offset([key], x, x.new_tensor([time]))[key][:, 0] + correction(x)


def _norms(correction: Lifted, offset: Callable, builder: RowBuilder) -> tuple[float, float]:
    """The squares of the L2 norms of the correction and of the network on the piece, up to one common factor."""
    space = correction.space
    x, w = builder.gauss(space)
    x, w = x.reshape(-1), w.reshape(-1)
    length, y = 1.0, x.new_zeros(1)
    if space.other is not None:
        low, high = space.other
        length = high - low
        count = 2 * space.size
        y = low + length * (torch.arange(count, dtype=x.dtype, device=x.device) + 0.5) / count
    key = builder.key()
    network = offset([key], x, y)[key]
    change = (correction(x, y).square().mean(1) * w).sum()
    return float(change) * length, float((network.square().mean(1) * w).sum()) * length
