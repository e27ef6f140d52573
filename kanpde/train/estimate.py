"""The error estimate: defect correction in a richer space, marched through the time windows.

One Gauss-Newton step from the solution, in splines on 1.5 times the knots and more polynomials, gives a better solution. Its
distance from the delivered network is the estimate. Each window starts from the corrected end of the one before, so that errors
that grow or accumulate in time are seen. Neither ``exact`` nor a reference is used. Source: Stetter (1978), Numer. Math. 29.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly import Jets, Key, Lifted, LiftedSpace, RowBuilder, Start, spread
from kanpde.kan import KAN
from kanpde.results.types import Estimate
from kanpde.train.context import Context
from kanpde.train.lifted import VANISHING, first_space, windowed

METHOD = "defect correction in a richer space"
FLOOR = {torch.float64: 1e-13, torch.float32: 1e-6}  # no smaller claim: derivatives alone lose so much to round-off
RICHER = 1.5  # times the intervals
MORE, SHARE = 4, 0.2  # polynomials more; without time windows at least that share of them
LEVELS = 4  # of spaces tried for a network of unknown roughness
ENOUGH = 1e-6  # reduction of the gradient for a correction found by iteration: of an error only the first digits matter
SETTLED = 0.3  # relative change of the estimate from one level to the next


def network_jets(network: KAN, builder: RowBuilder) -> Jets:
    """The network's partial derivatives on tensor grids: from its factors where it is separable, point by point elsewhere."""
    factors = network.factors
    axis, others, names = builder.axis, builder.others, builder.names
    number = {name: i for i, name in enumerate(names)}

    def jets(keys: Sequence[Key], x: Tensor, ys: Sequence[Tensor]) -> Mapping[Key, Tensor]:
        indices = [index for _, index in keys]
        if not indices:
            return {}
        axes = [axis, *others]
        if factors and ys:
            tables = {
                place: factors[place].values(points, max(index[place] for index in indices))  # (orders, F R, n)
                for place, points in zip(axes, [x, *ys], strict=True)
            }
            rank = tables[axis].shape[1] // len(names)
            rows = {name: slice(i * rank, (i + 1) * rank) for name, i in number.items()}
            return {(name, index): _product([tables[a][index[a], rows[name]] for a in axes]) for name, index in keys}
        grid = torch.meshgrid(x, *ys, indexing="ij")
        columns = [grid[axes.index(i)].reshape(-1) for i in range(len(axes))]
        values = network.jet(torch.stack(columns, 1), indices)
        return {key: values[key[1]][number[key[0]]].reshape(grid[0].shape) for key in keys}

    return jets


def _product(tables: Sequence[Tensor]) -> Tensor:  # (R, n_i) each -> (n_1, n_2, ..)
    """The sum of products of factors on a tensor grid."""
    first, *rest = tables
    if len(rest) == 1:
        return first.T @ rest[0]
    columns = rest[0]
    for table in rest[1:]:
        columns = (columns[:, :, None] * table[:, None, :]).flatten(1)  # (R, n_2 n_3 ..)
    return (first.T @ columns).reshape(first.shape[1], *(table.shape[1] for table in rest))


def estimate(context: Context, builder: RowBuilder, network: KAN, pieces: Sequence[Lifted]) -> Estimate:
    """The estimated relative L2 error of a network that was compressed from ``pieces``: one, or one a time window.

    The pieces are corrected, not the network, whose fine knots would alias on coarser points; the estimate is the size of the
    difference between the corrected pieces and the network, and so sees what the compression changed.
    """
    context.tell("estimate")
    network_at = network_jets(network, builder)
    return _march(context, builder, network_at, [(piece.space, _lifted_jets(piece, builder.names)) for piece in pieces])


def _march(context: Context, builder: RowBuilder, network: Jets, pieces: Sequence[tuple[LiftedSpace, Jets]]) -> Estimate:
    """Corrects every piece, each starting from the corrected end of the one before, and compares with the network."""
    timed = windowed(context)
    norms = pieces[0][0].breaks.new_zeros(2, 2, len(builder.names))
    start: list[Start] | None = None
    for space, offset in pieces:
        richer = _richer(space, timed)
        system = builder.system(richer, extra=2 if timed else 4, start=start, offset=offset)
        correction = Lifted(
            richer, system.linearise(space.breaks.new_zeros(richer.functions, richer.block)).step(reduction=ENOUGH)
        )
        norms += _norms(correction, offset, network, builder)
        if timed:
            start = [_end(builder, correction, offset, field, order) for field, order in builder.starts]
    return _stated(norms)


def estimate_afresh(context: Context, builder: RowBuilder, network: KAN) -> Estimate:
    """The estimated relative L2 error of a network that was not trained in the lifted form.

    The correction is computed on finer and finer spaces until its size settles.
    """
    timed = windowed(context)
    offset = network_jets(network, builder)
    context.tell("estimate")
    before: Estimate | None = None
    levels = LEVELS if len(builder.others) < 2 else 2
    for level in range(levels):
        first = first_space(context, builder, 16 * 2**level, builder.others)
        size = 12 * (level + 1)
        space = replace(first, across=tuple(across.widened(size) for across in first.across))
        if space.periodic:
            space = replace(space, degree=size)
        spaces = [space]
        if timed:
            begin, end = space.across[-1].interval
            count = 6 * 2**level
            ends = [begin + (end - begin) * i / count for i in range(count + 1)]
            time = builder.others[-1]
            spaces = [replace(space, across=(*space.across[:-1], builder.across(time, w, 10))) for w in pairwise(ends)]
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
    across = []
    for a in space.across:
        time = timed and a is space.across[-1]
        across.append(a.widened(a.size + max(MORE, 0 if time else math.ceil(SHARE * a.size))))
    if space.periodic:
        return replace(space, degree=space.degree + MORE, across=tuple(across))
    count = math.ceil(RICHER * space.intervals)
    places = np.interp(np.linspace(0, space.intervals, count + 1), np.arange(space.intervals + 1), space.breaks.cpu().numpy())
    return replace(space, breaks=torch.as_tensor(places).to(space.breaks), across=tuple(across))


def _end(builder: RowBuilder, correction: Lifted, offset: Jets, field: int, order: int) -> Start:
    """A field of the corrected solution, or a derivative of it in time, at the end of a window."""
    time = correction.space.across[-1]
    level = correction.c.new_tensor([time.interval[1]])
    key = builder.key(field, time.axis, order)
    orders = [0] * len(correction.space.across) + [order]
    return lambda x, ys: (offset([key], x, [*ys, level])[key] + correction(x, [*ys, level], orders, field))[..., 0]


def _lifted_jets(lifted: Lifted, names: Sequence[str]) -> Jets:
    """The partial derivatives of a lifted function on tensor grids."""
    space = lifted.space
    number = {name: i for i, name in enumerate(names)}

    def jets(keys: Sequence[Key], x: Tensor, ys: Sequence[Tensor]) -> Mapping[Key, Tensor]:
        most = [max((index[axis] for _, index in keys), default=0) for axis in (space.axis, *(a.axis for a in space.across))]
        along = space.splines(x, most[0])  # (orders, N, K)
        tables = [across.table(y, order) for across, y, order in zip(space.across, ys, most[1:], strict=True)]
        result = {}
        for key in keys:
            name, index = key
            mine = lifted.c.reshape(len(lifted.c), space.fields, -1)[:, number[name]]
            chosen = [table[index[across.axis]] for table, across in zip(tables, space.across, strict=True)]
            result[key] = spread(along[index[space.axis]] @ mine, chosen)
        return result

    return jets


def _norms(correction: Lifted, offset: Jets, network: Jets, builder: RowBuilder) -> Tensor:  # (2, 2, F)
    """The squares of the L2 norms of corrected solution minus network, and of the network, for every field on a piece.

    The first row is the L2 norm over the box. The second gives every knot interval the same weight: it stands for points that
    cluster where the solution is hard, as half of a critical reader's points would.
    """
    space = correction.space
    x, w = builder.gauss(space)
    x, w = x.reshape(-1), w.reshape(-1)
    length = 1.0 if not space.across else space.across[-1].interval[1] - space.across[-1].interval[0]
    ys = [across.levels(2 * across.size, x) for across in space.across]
    even = torch.full_like(w, 1 / len(w))
    fields = []
    for number in range(space.fields):
        key = builder.key(number)
        values = network([key], x, ys)[key]
        difference = offset([key], x, ys)[key] - values + correction(x, ys, field=number)
        squares = torch.stack([v.reshape(len(x), -1).square().mean(1) for v in (difference, values)])  # (2, N)
        fields.append(torch.stack([squares @ w, squares @ even]))
    return torch.stack(fields, 2) * length
