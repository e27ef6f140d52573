"""Time windows: the lifted form on one interval of time after the other, each starting from the end of the one before.

A window is accepted when its splines and its polynomials resolve the solution. Splines that do not are extended by knots where
the indicated error stands, before the length of the window is judged: noise in space would collapse the time step. The length
follows from the size of the last two polynomials' coefficients, as in a variable-step integrator.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from kanpde.assembly import Lifted, LiftedSpace, RowBuilder
from kanpde.errors import DivergedError
from kanpde.kan.bspline import insert_knots
from kanpde.kan.chebyshev import chebyshev_points
from kanpde.optimize.damped import Descent, gauss_newton
from kanpde.results.history import StageRecord
from kanpde.train.context import Context
from kanpde.train.fit import fit_spline
from kanpde.train.knots import density, equidistributed, insertions
from kanpde.train.lifted import COARSE, MOST_UNKNOWNS, along, descend, extended, sampled, scales, sizes, spline_degree, tail

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
    """Where a window begins: the fields and their derivatives in time, spline coefficients (K, F) each on ``breaks``."""

    breaks: Tensor
    derivatives: list[Tensor]

    def conditions(self, degree: int, wanted: list[tuple[int, int]]) -> list[Callable[[Tensor], Tensor]]:
        """The wanted derivatives (field, order) as functions of points along the splines."""
        space = LiftedSpace(self.breaks, degree, 0, None, 1)

        def function(c: Tensor) -> Callable[[Tensor], Tensor]:
            return lambda x: space.splines(x)[0] @ c

        return [function(self.derivatives[order][:, field]) for field, order in wanted]


@dataclass(frozen=True)
class _Judged:
    """A solved window and what is known of its errors, relative to the size of u."""

    window: Lifted
    descent: Descent
    along: float  # indicated error of the splines
    tail: float  # size of the last two polynomials' coefficients
    resolved: bool


class March:
    """Solves an equation in one space coordinate and time, window after window, to an accuracy relative to u."""

    def __init__(self, context: Context, builder: RowBuilder, accuracy: float) -> None:
        self.context, self.builder, self.accuracy = context, builder, accuracy
        self.degree = spline_degree(context)
        self.fine = accuracy * FINER ** max(0, max(builder.orders) - 2)  # the target for the splines
        self.begin, self.end = (float(v) for v in context.problem.domain.bounds[1 - builder.axis])
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
        start = _Start(value.space.breaks, [value.c])
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
            self.context.tell("window", f"t = {now:.4g}", grid=(window.space.intervals, SIZE), fraction=fraction)
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
        """The initial value as a spline: coarse knots, extended until the indicated error is below the accuracy."""
        low, high = (float(v) for v in self.context.problem.domain.bounds[self.builder.axis])
        intervals = max(COARSE, self.context.plan.network.grid or COARSE)
        breaks = torch.linspace(low, high, intervals + 1, dtype=self.context.dtype, device=self.context.device)
        space = LiftedSpace(breaks, self.degree, self.builder.axis, None, 1, self.fields)
        value = Lifted(space, breaks.new_zeros(space.functions, self.fields))
        change: float | None = None
        for _ in range(EXTENSIONS):
            began = time.perf_counter()
            c, descent = gauss_newton(self.builder.initial(value.space, self.begin), value.c, accuracy=1e-14)
            value = Lifted(value.space, c)
            scale = scales(sizes(value, self.builder))
            error = along(value, 1, scale)
            self._record("initial value", value, descent, began, scale, error, change)
            wanted = density(sampled(value, 1, scale), value.space.breaks, self.degree, self.accuracy)
            inserted = insertions(value.space.breaks, wanted, most=2 if error > 1e-2 else 3)
            if error < self.accuracy or len(inserted) == 0 or len(inserted) * SIZE > MOST_UNKNOWNS:
                break
            value, change = extended(value, inserted)
            self.context.tell("extension", "initial value", grid=(value.space.intervals,), estimate=error)
        return value

    def _window(self, start: _Start, now: float, length: float) -> _Judged | None:
        """One accepted window from ``now``, at most ``length`` long; None if the budget ended first."""
        conditions = start.conditions(self.degree, self.builder.starts) if self.windows else None
        space = LiftedSpace(start.breaks, self.degree, self.builder.axis, (now, now + length), SIZE, self.fields)
        window = Lifted(space, _taylor(space, start.derivatives))
        change: float | None = None
        extensions, before = 0, math.inf  # before: the indicated error of the splines before the last extension
        rejected: tuple[float, float] | None = None  # length and tail of the last rejected window
        while self.context.left > 0:
            judged = self._solve(window, conditions, change)
            change = None
            helped, before = judged.along < HELPFUL * before, judged.along
            unresolved = judged.along > ENOUGH * self.fine and judged.tail < 1e-4
            if judged.resolved and unresolved and helped and extensions < EXTENSIONS:
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

    def _solve(self, window: Lifted, conditions: list[Callable[[Tensor], Tensor]] | None, change: float | None) -> _Judged:
        """Gauss-Newton on one window, and the indicated errors of the result."""
        began = time.perf_counter()
        low, high = _interval(window)
        name = f"t = {low:.4g} .. {high:.4g}"

        def indicated(lifted: Lifted) -> float:
            return max(along(lifted, LEVELS, scales(self.scale)), tail(lifted, self.builder, scales(self.scale)))

        system = self.builder.system(window.space, extra=EXTRA, start=conditions)
        solved, descent = descend(self.context, system, window, indicated, self.accuracy, name)
        rough = cut = math.inf
        scale = scales(self.scale)
        if descent.converged and math.isfinite(descent.cost) and bool(torch.isfinite(solved.c).all()):
            scale = scales(torch.maximum(self.scale, sizes(solved, self.builder)))
            rough, cut = along(solved, LEVELS, scale), tail(solved, self.builder, scale)
        self._record(name, solved, descent, began, scale, max(rough, cut), change)
        resolved = math.isfinite(rough) and descent.cost < RESOLVED * float(scale.max())
        return _Judged(solved, descent, rough, cut, resolved)

    def _extended(self, judged: _Judged) -> tuple[Lifted, float] | None:
        """The window on more knots, and the change of u by the insertion; None where no interval wants any."""
        space = judged.window.space
        scale = scales(torch.maximum(self.scale, sizes(judged.window, self.builder)))
        wanted = density(sampled(judged.window, LEVELS, scale), space.breaks, self.degree, self.fine)
        inserted = insertions(space.breaks, wanted)
        if len(inserted) == 0 or (space.functions + len(inserted)) * space.block > MOST_UNKNOWNS:
            return None
        finer, change = extended(judged.window, inserted)
        self.context.tell("extension", grid=(finer.space.intervals, SIZE), estimate=judged.along)
        return finer, change

    def _shortened(self, judged: _Judged, start: _Start, now: float, length: float) -> Lifted:
        """A guess on a shorter window: the rejected solution where it means something, else the start."""
        space = judged.window.space
        shorter = replace(space, other=(now, now + length))
        if judged.resolved and judged.tail < 1e-2:
            return Lifted(shorter, _restricted(judged.window, shorter))
        known = set(start.breaks.tolist())
        added = space.breaks.new_tensor([v for v in space.breaks.tolist() if v not in known])
        moved = [insert_knots(c.T, start.breaks, added, self.degree)[0].T for c in start.derivatives]
        return Lifted(shorter, _taylor(shorter, moved))

    def _state(self, window: Lifted) -> _Start:
        """u and its derivatives in time at the end of a window."""
        end = window.c.new_tensor([_interval(window)[1]])
        polynomials = window.space.polynomials(end, TAYLOR)
        c = window.c.reshape(-1, self.fields, SIZE)
        return _Start(window.space.breaks, [c @ polynomials[order][:, 0] for order in range(TAYLOR + 1)])

    def _thinned(self, start: _Start) -> _Start:
        """Fewer, moved knots where the solution has become smoother: a least squares projection, with its change recorded."""
        scale = scales(self.scale)
        space = LiftedSpace(start.breaks, self.degree, self.builder.axis, None, 1)
        wanted = density(start.derivatives[0] / scale, start.breaks, self.degree, self.fine)
        breaks = equidistributed(start.breaks, wanted, COARSE, 4096)
        if len(breaks) - 1 >= SPARSE * space.intervals:
            return start
        stack = torch.cat(start.derivatives, 1)  # (K, orders F)
        moved = fit_spline(lambda x: space.splines(x)[0] @ stack, breaks, self.degree)
        target = LiftedSpace(breaks, self.degree, self.builder.axis, None, 1)
        x = torch.linspace(float(breaks[0]), float(breaks[-1]), 1001, dtype=breaks.dtype, device=breaks.device)
        before, after = space.splines(x)[0] @ start.derivatives[0], target.splines(x)[0] @ moved[:, : self.fields]
        change = float(((after - before).abs() / scale).max())
        if change > 2 * self.accuracy:
            return start
        history = self.context.history
        history.largest_projection = max(history.largest_projection, change)
        return _Start(breaks, list(moved.split(self.fields, 1)))

    def _factor(self, tail: float, rate: float = SIZE - 2) -> float:
        """The change of length that would bring the tail to its aim, where it falls like length^rate."""
        return 0.9 * (AIM * self.accuracy / max(tail, 1e-18)) ** (1 / rate) if math.isfinite(tail) else 0.0

    def _record(
        self, name: str, lifted: Lifted, descent: Descent, began: float, scale: Tensor, error: float, change: float | None
    ) -> None:
        space = lifted.space
        grid = (space.intervals,) if space.other is None else (space.intervals, space.size)
        seconds = time.perf_counter() - began
        estimate = error if math.isfinite(error) else None
        residual = descent.cost / float(scale.max())
        self.context.record(
            StageRecord(name, grid, lifted.parameters, descent.steps, seconds, residual, estimate, change, space.other)
        )


def _interval(window: Lifted) -> tuple[float, float]:
    assert window.space.other is not None
    return window.space.other


def _rate(before: tuple[float, float] | None, now: tuple[float, float]) -> float:
    """The power of the length with which the tail falls: r - 2 on smooth solutions, as seen where they are not."""
    if before is None:
        return SIZE - 2
    if now[1] <= 0 or before[1] <= now[1]:
        return 0.5
    return min(SIZE - 2, max(0.5, math.log(before[1] / now[1]) / math.log(before[0] / now[0])))


def _taylor(space: LiftedSpace, derivatives: list[Tensor]) -> Tensor:  # (K, F r)
    """Taylor's polynomials in the time of the window, from the derivatives (K, F) each at its start."""
    assert space.other is not None
    nodes = chebyshev_points(space.size, *space.other, dtype=derivatives[0].dtype).to(derivatives[0].device)
    values = derivatives[0].new_zeros(space.functions, space.fields, space.size)
    for order, c in enumerate(derivatives):
        values = values + c[:, :, None] * (nodes - space.other[0]) ** order / math.factorial(order)
    return _interpolated(values, space, nodes)


def _restricted(lifted: Lifted, shorter: LiftedSpace) -> Tensor:  # (K, F r)
    """The same polynomials written on a shorter window."""
    assert shorter.other is not None
    nodes = chebyshev_points(shorter.size, *shorter.other, dtype=lifted.c.dtype).to(lifted.c.device)
    values = lifted.c.reshape(-1, shorter.fields, shorter.size) @ lifted.space.polynomials(nodes)[0]
    return _interpolated(values, shorter, nodes)


def _interpolated(values: Tensor, space: LiftedSpace, nodes: Tensor) -> Tensor:  # (K, F, r) -> (K, F r)
    """Coefficients of the polynomials through values at as many nodes."""
    inverse = torch.linalg.inv(space.polynomials(nodes)[0])  # well conditioned: Chebyshev polynomials at their own nodes
    return (values @ inverse).reshape(space.functions, -1)
