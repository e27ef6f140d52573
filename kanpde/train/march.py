"""Time windows: the lifted form on one interval of time after the other, each starting from the end of the one before.

A window is accepted when its splines and its polynomials resolve the solution. Splines that do not are extended by knots where
the indicated error stands, before the length of the window is judged: noise in space would collapse the time step. So are the
polynomials or harmonics of a second space coordinate. The length follows from the size of the last two polynomials' coefficients
in time, as in a variable-step integrator.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from kanpde.assembly import Lifted, LiftedSpace, RowBuilder, Start, spread
from kanpde.errors import DivergedError
from kanpde.optimize.damped import Descent, gauss_newton
from kanpde.results.history import StageRecord
from kanpde.train.context import Context
from kanpde.train.fit import fit_spline
from kanpde.train.knots import density, equidistributed, insertions
from kanpde.train.lifted import (
    COARSE,
    MOST_UNFORMED,
    MOST_UNKNOWNS,
    along,
    descend,
    extended,
    first_space,
    more,
    sampled,
    scales,
    sizes,
    spline_degree,
    tails,
    too_large,
)

SIZE = 12  # polynomials a window: fewer make more windows, more make wider blocks
EXTRA = 2  # points in time beyond the number of polynomials
FIRST = 1 / 16  # of the time interval, the first window tried
TAYLOR = 4  # derivatives in time from which the next window is guessed
ENOUGH = 1.5  # times the accuracy: an indicated error of the splines above it extends them
REJECT = 10.0  # times the accuracy: a tail above it rejects the window
AIM = 5.0  # times the accuracy: the tail that the next window aims at
GROW, SHRINK = 3.0, 0.5  # bounds of the change of length from one accepted window to the next
FINER = 0.05  # share of the accuracy for the splines, for each order above two: what acts is a derivative of their error
LEVELS = 4  # times of a window at which its splines are judged
STUCK, HOPELESS = 5, 1e6  # windows in a row that do not grow, and how many more of them are beyond hope
EXTENSIONS = 8  # of one window's splines
HELPFUL = 0.3  # an extension is followed by another if it reduced the indicated error to less than this share
RESOLVED = 0.1  # relative residual above which a window is too long for any statement about its error
SPARSE = 0.8  # knots are moved when so much smaller a share of them would do
SHORTEST = 1e-12  # of the time interval


@dataclass(frozen=True)
class _Start:
    """Where a window begins: the fields and their derivatives in time, coefficients (K, F R) each of a space without time."""

    space: LiftedSpace
    derivatives: list[Tensor]

    def conditions(self, wanted: list[tuple[int, int]]) -> list[Start]:
        """The wanted derivatives (field, order) as functions of points in space."""

        def function(field: int, order: int) -> Start:
            return lambda x, ys: Lifted(self.space, self.derivatives[order])(x, ys, field=field)

        return [function(field, order) for field, order in wanted]

    def wider(self, target: LiftedSpace) -> _Start:
        """The same on a richer space: more knots, more functions across."""
        moved = [_moved(Lifted(self.space, c), target).c for c in self.derivatives]
        return _Start(target, moved)


@dataclass(frozen=True)
class _Judged:
    """A solved window and what is known of its errors, relative to the size of u."""

    window: Lifted
    descent: Descent
    along: float  # indicated error of the splines
    across: tuple[float, ...]  # sizes of the last functions' coefficients of other space coordinates
    tail: float  # size of the last two polynomials' coefficients in time
    resolved: bool


class March:
    """Solves an equation in one or two space coordinates and time, window after window, to an accuracy relative to u."""

    def __init__(self, context: Context, builder: RowBuilder, accuracy: float) -> None:
        self.context, self.builder, self.accuracy = context, builder, accuracy
        self.degree = spline_degree(context)
        self.fine = accuracy * FINER ** max(0, max(builder.orders) - 2)  # the target for the splines
        self.begin, self.end = (float(v) for v in context.problem.domain.bounds[builder.others[-1]])
        self.windows: list[Lifted] = []
        self.fields = len(context.problem.fields)
        self.scale = torch.zeros(self.fields, dtype=context.dtype, device=context.device)  # largest sizes over the windows

    @property
    def complete(self) -> bool:
        """Whether the last window ends at the end of the time interval."""
        return bool(self.windows) and _interval(self.windows[-1])[1] >= self.end - 1e-9 * (self.end - self.begin)

    def run(self) -> March:
        """Solves all windows, or as many as the budget allows. Raises DivergedError if windows shrink to nothing."""
        value = self._initial_value()
        self.scale = sizes(value, self.builder)
        start = _Start(value.space, [value.c])
        now, length = self.begin, FIRST * (self.end - self.begin)
        while not self.complete and self.context.left > 0:
            rest = self.end - now
            length = rest if rest < 1.2 * length else length
            judged = self._window(start, now, length)
            if judged is None:
                break
            window = judged.window
            self.windows.append(window)
            self.context.pieces = self.windows
            self.scale = torch.maximum(self.scale, sizes(window, self.builder))
            now, length = _interval(window)[1], _interval(window)[1] - now
            fraction = (now - self.begin) / (self.end - self.begin)
            self.context.tell("window", f"t = {now:.4g}", grid=window.space.grid, fraction=fraction)
            self._hopeful(now)
            start = self._thinned(self._state(window))
            length *= min(GROW, max(SHRINK, self._factor(judged.tail)))
        self.context.history.windows = len(self.windows)
        return self

    def _hopeful(self, now: float) -> None:
        """Raises DivergedError where the last windows have not grown, and at their pace no budget is enough for the rest."""
        lengths = [high - low for low, high in map(_interval, self.windows[-STUCK:])]
        shrinking = len(lengths) == STUCK and all(later <= earlier for earlier, later in pairwise(lengths))
        if shrinking and lengths[0] * HOPELESS < self.end - now:
            raise DivergedError(
                f"the time windows stay shorter than {lengths[0]:.1g} at t = {now:.6g}",
                hint="the problem may be ill-posed, as a heat equation backward in time is, or the solution may blow up there",
            )

    def _initial_value(self) -> Lifted:
        """The initial value in space: coarse knots, extended until the indicated error is below the accuracy."""
        space = first_space(
            self.context, self.builder, max(COARSE, self.context.plan.network.grid or COARSE), self.builder.others[:-1]
        )
        value = Lifted(space, space.breaks.new_zeros(space.functions, space.block))
        change: float | None = None
        most = self.fields * (MOST_UNKNOWNS if len(self.builder.others) < 2 else MOST_UNFORMED)
        for _ in range(EXTENSIONS):
            began = time.perf_counter()
            system = self.builder.initial(value.space, self.begin)
            c, descent = gauss_newton(system, value.c, accuracy=1e-14)
            value = Lifted(value.space, self._known(value.space, c))
            space, scale = value.space, scales(sizes(value, self.builder))
            error, cuts = along(value, self._levels(value), scale), tails(value, self.builder, scale)
            self._record("initial value", value, descent, began, scale, max([error, *cuts]), change, system.solver)
            finer, change = value, None
            if error >= self.accuracy:
                finer, change = self._finer(value, scale, self.accuracy, most=2 if error > 1e-2 else 3)
            finer = finer.widened(self._sizes(space, cuts, self.accuracy))
            if finer.parameters == value.parameters or finer.parameters * SIZE > most:
                break
            value = finer
            self.context.tell("extension", "initial value", grid=value.space.grid, estimate=error)
        return value

    def _known(self, space: LiftedSpace, c: Tensor) -> Tensor:
        """Only what initial conditions fix; a pressure has none."""
        known = {field for field, _ in self.builder.starts}
        mask = c.new_tensor([float(field in known) for field in range(self.fields)])
        return (c.reshape(-1, self.fields, space.size) * mask[:, None]).reshape(c.shape)

    def _finer(self, lifted: Lifted, scale: Tensor, accuracy: float, most: int) -> tuple[Lifted, float | None]:
        """On more knots, or more harmonics in their place, where the indicated error asks for them; and the change by that."""
        space = lifted.space
        if space.periodic:
            return lifted.with_harmonics(more(space.functions, True)), None
        wanted = density(sampled(lifted, self._levels(lifted), scale), space.breaks, self.degree, accuracy)
        inserted = insertions(space.breaks, wanted, most)
        return extended(lifted, inserted) if len(inserted) else (lifted, None)

    def _sizes(self, space: LiftedSpace, cuts: Sequence[float], accuracy: float) -> list[int]:
        """Functions along the other space coordinates, more of them where the last ones are not negligible."""
        pairs = zip(space.across, cuts, strict=False)  # time has none
        return [more(across.size, across.periodic) if cut > accuracy else across.size for across, cut in pairs]

    def _window(self, start: _Start, now: float, length: float) -> _Judged | None:
        """One accepted window from ``now``, at most ``length`` long; None if the budget ended first."""
        conditions = start.conditions(self.builder.starts) if self.windows else None
        space = self._windowed(start.space, now, length)
        window = Lifted(space, _taylor(space, start.derivatives))
        change: float | None = None
        extensions, before = 0, math.inf  # before: the indicated error of the splines before the last extension
        rejected: tuple[float, float] | None = None  # length and tail of the last rejected window
        while self.context.left > 0:
            judged = self._solve(window, conditions, change)
            change = None
            indicated = max([judged.along, *judged.across])
            helped, before = indicated < HELPFUL * before, indicated
            unresolved = judged.along > ENOUGH * self.fine or max(judged.across, default=0.0) > ENOUGH * self.fine
            settled = judged.tail < max(1e-4, *judged.across, judged.along if window.space.periodic else 0.0)
            if judged.resolved and unresolved and settled and helped and extensions < EXTENSIONS:
                finer = self._extended(judged)
                if finer is not None:
                    window, change = finer
                    extensions += 1
                    continue
            if judged.resolved and judged.tail <= REJECT * self.accuracy:
                return judged
            self.context.history.rejected += 1
            before = math.inf
            factor = 0.25
            if judged.resolved:
                rate = _rate(rejected, (length, judged.tail))
                rejected = (length, judged.tail)
                factor = min(0.7, max(0.01 if rate < SIZE - 2 else 0.1, self._factor(judged.tail, rate)))
            length *= factor
            if length < SHORTEST * (self.end - self.begin):
                raise DivergedError(
                    f"the time windows shrink to nothing at t = {now:.6g}",
                    hint="the solution may blow up or jump there, or initial and boundary conditions may contradict each other",
                )
            window = self._shortened(judged, start, now, length)
        return None

    def _solve(self, window: Lifted, conditions: list[Start] | None, change: float | None) -> _Judged:
        """Gauss-Newton on one window, and the indicated errors of the result."""
        began = time.perf_counter()
        low, high = _interval(window)
        name = f"t = {low:.4g} .. {high:.4g}"

        def indicated(lifted: Lifted) -> float:
            scale = scales(self.scale)
            return max([along(lifted, self._levels(lifted), scale), *tails(lifted, self.builder, scale)])

        system = self.builder.system(window.space, extra=EXTRA, start=conditions)
        solved, descent = descend(self.context, system, window, indicated, self.accuracy, name)
        rough = cut = math.inf
        across = [math.inf] * (len(window.space.across) - 1)
        scale = scales(self.scale)
        if descent.converged and math.isfinite(descent.cost) and bool(torch.isfinite(solved.c).all()):
            scale = scales(torch.maximum(self.scale, sizes(solved, self.builder)))
            rough = along(solved, self._levels(solved), scale)
            *across, cut = tails(solved, self.builder, scale)
        self._record(name, solved, descent, began, scale, max([rough, *across, cut]), change, system.solver)
        resolved = math.isfinite(rough) and descent.cost < RESOLVED * float(scale.max())
        return _Judged(solved, descent, rough, tuple(across), cut, resolved)

    def _levels(self, lifted: Lifted) -> list[int]:
        """How many levels of each other coordinate show the splines: a few times, more places."""
        return [LEVELS if across.axis == self.builder.others[-1] else 2 * LEVELS for across in lifted.space.across]

    def _windowed(self, space: LiftedSpace, now: float, length: float) -> LiftedSpace:
        """A space of the values at one time, times polynomials in time."""
        return replace(space, across=(*space.across, self.builder.across(self.builder.others[-1], (now, now + length), SIZE)))

    def _extended(self, judged: _Judged) -> tuple[Lifted, float | None] | None:
        """The window on more knots, and the change of u by the insertion; None where nothing wants any."""
        space = judged.window.space
        scale = scales(torch.maximum(self.scale, sizes(judged.window, self.builder)))
        finer, change = judged.window, None
        if judged.along > ENOUGH * self.fine:
            finer, change = self._finer(judged.window, scale, self.fine, most=3)
        finer = finer.widened([*self._sizes(space, judged.across, ENOUGH * self.fine), SIZE])
        if finer.parameters == judged.window.parameters or too_large(self.context, finer):
            return None
        self.context.tell("extension", grid=finer.space.grid, estimate=judged.along)
        return finer, change

    def _shortened(self, judged: _Judged, start: _Start, now: float, length: float) -> Lifted:
        """A guess on a shorter window: the rejected solution where it means something, else the start."""
        shorter = self._windowed(judged.window.space.without_time(), now, length)
        if judged.resolved and judged.tail < 1e-2:
            return Lifted(shorter, _restricted(judged.window, shorter))
        return Lifted(shorter, _taylor(shorter, start.wider(shorter.without_time()).derivatives))

    def _state(self, window: Lifted) -> _Start:
        """u and its derivatives in time at the end of a window."""
        time = window.space.across[-1]
        ends = time.table(window.c.new_tensor([time.interval[1]]), TAYLOR)  # (orders, r, 1)
        space = window.space.without_time()
        return _Start(space, [(window.tensor @ end[:, 0]).reshape(space.functions, -1) for end in ends])

    def _thinned(self, start: _Start) -> _Start:
        """Fewer, moved knots where the solution has become smoother: a least squares projection, with its change recorded."""
        scale, space = scales(self.scale), start.space
        if space.periodic:
            return start
        levels = [2 * LEVELS] * len(space.across)
        wanted = density(sampled(Lifted(space, start.derivatives[0]), levels, scale), space.breaks, self.degree, self.fine)
        breaks = equidistributed(space.breaks, wanted, COARSE, 4096)
        if len(breaks) - 1 >= SPARSE * space.intervals:
            return start
        stack = torch.cat(start.derivatives, 1)  # (K, orders F R)
        moved = fit_spline(lambda x: space.splines(x)[0] @ stack, breaks, self.degree).split(space.block, 1)
        target = replace(space, breaks=breaks)
        x = torch.linspace(float(breaks[0]), float(breaks[-1]), 1001, dtype=breaks.dtype, device=breaks.device)
        before, after = space.splines(x)[0] @ start.derivatives[0], target.splines(x)[0] @ moved[0]
        change = float(((after - before).abs().reshape(len(x), self.fields, -1) / scale[:, None]).max())
        if change > 2 * self.accuracy:
            return start
        history = self.context.history
        history.largest_projection = max(history.largest_projection, change)
        return _Start(target, list(moved))

    def _factor(self, tail: float, rate: float = SIZE - 2) -> float:
        """The change of length that would bring the tail to its aim, where it falls like length^rate."""
        return 0.9 * (AIM * self.accuracy / max(tail, 1e-18)) ** (1 / rate) if math.isfinite(tail) else 0.0

    def _record(
        self,
        name: str,
        lifted: Lifted,
        descent: Descent,
        began: float,
        scale: Tensor,
        error: float,
        change: float | None,
        solver: str,
    ) -> None:
        seconds = time.perf_counter() - began
        estimate = error if math.isfinite(error) else None
        residual = descent.cost / float(scale.max())
        window = _interval(lifted) if len(lifted.space.across) == len(self.builder.others) else None
        grid = lifted.space.grid
        self.context.record(
            StageRecord(name, grid, lifted.parameters, descent.steps, seconds, residual, estimate, change, window, solver)
        )


def _interval(window: Lifted) -> tuple[float, float]:
    interval = window.space.window
    assert interval is not None
    return interval


def _rate(before: tuple[float, float] | None, now: tuple[float, float]) -> float:
    """The power of the length with which the tail falls: r - 2 on smooth solutions, as seen where they are not."""
    if before is None:
        return SIZE - 2
    if now[1] <= 0 or before[1] <= now[1]:
        return 0.5
    return min(SIZE - 2, max(0.5, math.log(before[1] / now[1]) / math.log(before[0] / now[0])))


def _moved(lifted: Lifted, target: LiftedSpace) -> Lifted:
    """The same function on a space with more knots, harmonics or functions across."""
    if target.periodic:
        lifted = lifted.with_harmonics(target.functions)
    else:
        known = set(lifted.space.breaks.tolist())
        lifted = lifted.refined(target.breaks.new_tensor([v for v in target.breaks.tolist() if v not in known]))
    return lifted.widened(target.sizes)


def _taylor(space: LiftedSpace, derivatives: list[Tensor]) -> Tensor:  # (K, F R)
    """Taylor's polynomials in the time of the window, from the derivatives (K, F R') each at its start."""
    time = space.across[-1]
    nodes = time.points(time.size, derivatives[0])
    values = derivatives[0].new_zeros(*derivatives[0].shape, time.size)
    for order, c in enumerate(derivatives):
        values = values + c[:, :, None] * (nodes - time.interval[0]) ** order / math.factorial(order)
    return _interpolated(values, space, nodes)


def _restricted(lifted: Lifted, shorter: LiftedSpace) -> Tensor:  # (K, F R)
    """The same polynomials written on a shorter window."""
    time = shorter.across[-1]
    nodes = time.points(time.size, lifted.c)
    return _interpolated(spread(lifted.tensor, [lifted.space.across[-1].table(nodes)[0]]), shorter, nodes)


def _interpolated(values: Tensor, space: LiftedSpace, nodes: Tensor) -> Tensor:  # (.., r) -> (K, F R)
    """Coefficients of the polynomials through values at as many nodes."""
    inverse = torch.linalg.inv(space.across[-1].table(nodes)[0])  # well conditioned: Chebyshev polynomials at their own nodes
    return (values @ inverse).reshape(space.functions, -1)
