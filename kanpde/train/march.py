"""Time windows: the lifted form on one interval of time after the other, each starting from the end of the one before.

A window is accepted when its splines and its polynomials resolve the solution. Splines that do not are extended by knots where
the indicated error stands, before the length of the window is judged: noise in space would collapse the time step. The length
follows from the size of the last two polynomials' coefficients, as in a variable-step integrator.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kanpde.assembly import Lifted, LiftedSpace, RowBuilder
from kanpde.errors import DivergedError
from kanpde.kan.bspline import insert_knots
from kanpde.kan.chebyshev import chebyshev_points
from kanpde.optimize.damped import gauss_newton
from kanpde.results.history import StageRecord
from kanpde.train.context import Context
from kanpde.train.fit import fit_spline
from kanpde.train.knots import density, equidistributed, insertions, spline_error
from kanpde.train.lifted import COARSE, descend, extended, root_mean_square, sampled, spline_degree

SIZE = 12  # polynomials a window: fewer make more windows, more make wider blocks
EXTRA = 2  # points in time beyond the number of polynomials
FIRST = 1 / 16  # of the time interval, the first window tried
TAYLOR = 4  # derivatives in time from which the next window is guessed
ENOUGH = 1.5  # times the accuracy: an indicated error of the splines above it extends them
REJECT = 10.0  # times the accuracy: a tail above it rejects the window
AIM = 5.0  # times the accuracy: the tail that the next window aims at
GROW, SHRINK = 3.0, 0.5  # bounds of the change of length from one accepted window to the next
EXTENSIONS = 8  # of one window's splines
HELPFUL = 0.3  # an extension is followed by another if it reduced the indicated error to less than this share
SPARSE = 0.8  # knots are moved when so much smaller a share of them would do
SHORTEST = 1e-12  # of the time interval


@dataclass
class March:
    """The windows of a finished march, in order."""

    windows: list[Lifted] = field(default_factory=list)
    scale: float = 0.0  # the largest root mean square of u over the windows
    reached: float = 0.0  # the time reached

    @property
    def parameters(self) -> int:
        """All coefficients together."""
        return sum(window.parameters for window in self.windows)


def march(context: Context, builder: RowBuilder, accuracy: float) -> March:
    """Solves an equation in one space coordinate and time, window after window.

    ``accuracy`` is the target for the indicated errors, relative to u. Raises DivergedError if windows shrink to nothing.
    """
    low, high = (float(v) for v in context.problem.domain.bounds[1 - builder.axis])
    result = March(reached=low)
    start = _initial(context, builder, accuracy, low)
    result.scale = root_mean_square(start, builder)
    breaks, derivatives = start.space.breaks, None
    state = [start.c[:, 0]]  # spline coefficients of u, u_t, ... at the start of the window, on ``breaks``
    length = (high - low) * FIRST
    while result.reached < high - 1e-13 * (high - low) and context.left > 0:
        begin = result.reached
        rest = high - begin
        length = rest if rest < 1.2 * length else min(length, rest)
        window, length, factor = _window(context, builder, accuracy, result, breaks, state, derivatives, begin, length)
        result.windows.append(window)
        context.pieces = result.windows
        result.scale = max(result.scale, root_mean_square(window, builder))
        result.reached = begin + length
        context.tell(
            "window", f"t = {result.reached:.4g}", grid=(window.space.intervals, SIZE), fraction=(result.reached - low) / (high - low)
        )
        end = torch.tensor([result.reached], dtype=context.dtype, device=context.device)
        orders = max(1, builder.time_order)
        polynomials = window.space.polynomials(end, TAYLOR)
        derivatives = [window.c @ polynomials[order][:, 0] for order in range(TAYLOR + 1)]
        state, breaks = derivatives[:orders], window.space.breaks
        breaks, state, derivatives = _thinned(context, result, window.space, state, derivatives, accuracy)
        length *= factor
    context.history.windows = len(result.windows)
    return result


def _initial(context: Context, builder: RowBuilder, accuracy: float, begin: float) -> Lifted:
    """The initial value as a spline: coarse knots, extended until the indicated error is below the accuracy."""
    low, high = (float(v) for v in context.problem.domain.bounds[builder.axis])
    intervals = context.plan.network.grid or COARSE
    breaks = torch.linspace(low, high, intervals + 1, dtype=context.dtype, device=context.device)
    space = LiftedSpace(breaks, spline_degree(context), builder.axis, None, 1)
    value = Lifted(space, breaks.new_zeros(space.functions, 1))
    change: float | None = None
    for _ in range(EXTENSIONS):
        began = time.perf_counter()
        space = value.space
        c, descent = gauss_newton(builder.initial(space, begin), value.c, accuracy=1e-14)
        value = Lifted(space, c)
        scale = max(root_mean_square(value, builder), 1e-300)
        error = spline_error(c, space.breaks, space.degree) / scale
        context.record(
            StageRecord(
                "initial value",
                (space.intervals,),
                value.parameters,
                descent.steps,
                time.perf_counter() - began,
                descent.cost / scale,
                error,
                change,
            )
        )
        if error < accuracy:
            break
        inserted = insertions(space.breaks, density(c, space.breaks, space.degree, accuracy * scale), most=2 if error > 1e-2 else 3)
        if len(inserted) == 0:
            break
        value, change = extended(value, inserted)
        context.tell("extension", "initial value", grid=(value.space.intervals,), estimate=error)
    return value


def _window(
    context: Context,
    builder: RowBuilder,
    accuracy: float,
    result: March,
    breaks: Tensor,
    state: list[Tensor],
    derivatives: list[Tensor] | None,
    begin: float,
    length: float,
) -> tuple[Lifted, float, float]:
    """One accepted window, its length, and the factor for the length of the next."""
    total = float(context.problem.domain.lengths[1 - builder.axis])
    degree = spline_degree(context)
    given = LiftedSpace(breaks, degree, builder.axis, None, 1)
    first = not result.windows
    start = None if first else [_evaluator(given, c) for c in state]
    space = LiftedSpace(breaks, degree, builder.axis, (begin, begin + length), SIZE)
    window = Lifted(space, _guess(space, state, derivatives))
    change: float | None = None
    extensions = 0
    before = math.inf  # the indicated error of the splines before the last extension
    failed: tuple[float, float] | None = None  # length and tail of the last rejected window
    while True:
        began = time.perf_counter()
        space = window.space
        name = f"t = {begin:.4g} .. {begin + length:.4g}"

        def indicated(lifted: Lifted) -> float:
            size = max(result.scale, 1e-300)
            return max(_along(lifted) / size, root_mean_square(lifted, builder, slice(-2, None)) / size)

        trained, descent = descend(context, builder.system(space, extra=EXTRA, start=start), window, indicated, accuracy, name)
        usable = math.isfinite(descent.cost) and bool(torch.isfinite(trained.c).all()) and descent.converged
        scale = max(result.scale, root_mean_square(trained, builder), 1e-300) if usable else max(result.scale, 1e-300)
        along = _along(trained) / scale if usable else math.inf
        tail = root_mean_square(trained, builder, slice(-2, None)) / scale if usable else math.inf
        context.record(
            StageRecord(
                name,
                (space.intervals, SIZE),
                trained.parameters,
                descent.steps,
                time.perf_counter() - began,
                descent.cost / scale if usable else math.inf,
                max(along, tail) if usable else None,
                change,
                (begin, begin + length),
            )
        )
        change = None
        helped = along < HELPFUL * before  # where knots do not help, the window is too long
        before = along
        if usable and descent.cost < 0.1 * scale and along > ENOUGH * accuracy and tail < 1e-4 and helped and extensions < EXTENSIONS:
            wanted = density(sampled(trained, 4), space.breaks, degree, accuracy * scale)
            inserted = insertions(space.breaks, wanted)
            if len(inserted):
                window, change = extended(trained, inserted)
                extensions += 1
                context.tell("extension", name, grid=(window.space.intervals, SIZE), estimate=along)
                continue
        if usable and tail <= REJECT * accuracy:
            return trained, length, min(GROW, max(SHRINK, _factor(accuracy, tail)))
        context.history.rejected += 1
        if usable and descent.cost < 0.1 * scale:
            rate = _rate(failed, (length, tail))
            failed = (length, tail)
            length *= min(0.7, max(0.01 if rate < SIZE - 2 else 0.1, _factor(accuracy, tail, rate)))
        else:
            length *= 0.25
        if length < SHORTEST * total:
            raise DivergedError(
                f"the time windows shrink to nothing at t = {begin:.6g}",
                hint="the solution may blow up or be discontinuous there, or initial and boundary conditions may contradict each other",
            )
        if context.left < 0:
            return trained, length, 1.0
        before = math.inf
        shorter = LiftedSpace(space.breaks, degree, builder.axis, (begin, begin + length), SIZE)
        if usable and tail < 1e-2:
            window = Lifted(shorter, _restricted(trained, shorter))
        else:
            fresh = [_moved(given, c, shorter.breaks) for c in state]
            window = Lifted(shorter, _guess(shorter, fresh, None))


def _factor(accuracy: float, tail: float, rate: float = SIZE - 2) -> float:
    """The change of length that would bring the tail to its aim, where it falls like length^rate."""
    return 0.9 * (AIM * accuracy / max(tail, 1e-18)) ** (1 / rate) if math.isfinite(tail) else 0.0


def _rate(before: tuple[float, float] | None, now: tuple[float, float]) -> float:
    """The power of the length with which the tail falls: r - 2 on smooth solutions, as seen where they are not."""
    if before is None or now[1] <= 0 or before[1] <= now[1]:
        return SIZE - 2 if before is None else 0.5
    return min(SIZE - 2, max(0.5, math.log(before[1] / now[1]) / math.log(before[0] / now[0])))


def _along(lifted: Lifted) -> float:
    return spline_error(sampled(lifted, 4), lifted.space.breaks, lifted.space.degree)


def _evaluator(space: LiftedSpace, c: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: space.splines(x)[0] @ c


def _guess(space: LiftedSpace, state: list[Tensor], derivatives: list[Tensor] | None) -> Tensor:  # (K, r)
    """Taylor's polynomial of the start in the time of the window; of what is known at the start."""
    assert space.other is not None
    nodes = chebyshev_points(space.size, *space.other, dtype=state[0].dtype).to(state[0].device)
    values = sum(
        c[:, None] * (nodes - space.other[0]) ** order / math.factorial(order) for order, c in enumerate(derivatives or state)
    )
    assert isinstance(values, Tensor)
    return torch.linalg.solve(space.polynomials(nodes)[0].T, values.T).T


def _restricted(lifted: Lifted, shorter: LiftedSpace) -> Tensor:  # (K, r)
    """The same polynomials written on a shorter window."""
    assert shorter.other is not None
    nodes = chebyshev_points(SIZE, *shorter.other, dtype=lifted.c.dtype).to(lifted.c.device)
    values = lifted.c @ lifted.space.polynomials(nodes)[0]
    return torch.linalg.solve(shorter.polynomials(nodes)[0].T, values.T).T


def _moved(space: LiftedSpace, c: Tensor, breaks: Tensor) -> Tensor:
    """Spline coefficients on breaks that contain those of the space."""
    if len(breaks) == len(space.breaks):
        return c
    known = set(space.breaks.tolist())
    added = breaks.new_tensor([v for v in breaks.tolist() if v not in known])
    return insert_knots(c, space.breaks, added, space.degree)[0]


def _thinned(
    context: Context, result: March, space: LiftedSpace, state: list[Tensor], derivatives: list[Tensor], accuracy: float
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Fewer, moved knots where the solution has become smoother: a least squares projection, with its change recorded."""
    scale = max(result.scale, 1e-300)
    wanted = density(state[0][:, None], space.breaks, space.degree, accuracy * scale)
    breaks = equidistributed(space.breaks, wanted, COARSE, 4096)
    if len(breaks) - 1 >= SPARSE * space.intervals:
        return space.breaks, state, derivatives
    stack = torch.stack(derivatives, 1)  # (K, orders)
    moved = fit_spline(lambda x: space.splines(x)[0] @ stack, breaks, space.degree)
    target = LiftedSpace(breaks, space.degree, space.axis, None, 1)
    x = torch.linspace(float(breaks[0]), float(breaks[-1]), 1001, dtype=breaks.dtype, device=breaks.device)
    change = float((target.splines(x)[0] @ moved[:, 0] - space.splines(x)[0] @ state[0]).abs().max()) / scale
    if change > 2 * accuracy:
        return space.breaks, state, derivatives
    context.history.largest_projection = max(context.history.largest_projection, change)
    derivatives = list(moved.unbind(1))
    return breaks, derivatives[: len(state)], derivatives
