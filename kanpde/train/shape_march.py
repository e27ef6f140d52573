"""Time windows on shapes: splines in space that only the points trim, times polynomials in each window of time.

Every window is one least squares problem that starts from the end of the one before; its length follows the tail of the
Chebyshev coefficients in time. The whole march is done again on a finer grid with a finer tolerance in time, and the difference
of both is the estimate, as it is without time.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.assembly.cells import Trimmed
from kanpde.assembly.shape_rows import ShapeRows
from kanpde.assembly.tensor_space import TensorSpace
from kanpde.errors import DivergedError
from kanpde.kan import KAN, WindowedKAN
from kanpde.kan.chebyshev import chebyshev, chebyshev_points
from kanpde.optimize.damped import gauss_newton
from kanpde.results.history import StageRecord
from kanpde.results.types import Estimate
from kanpde.train.context import Context
from kanpde.train.lifted import VANISHING
from kanpde.train.shape import (
    GROWTH,
    MOST_NUMBERS,
    Result,
    extrapolated,
    limit_of,
    more_intervals,
    network_of,
    next_growth,
    probes,
    uniform_breaks,
)

METHOD = "defect correction in a richer space"
POLYNOMIALS = 10  # in a window
FIRST = 1 / 8  # of the whole time, the length of the first window tried
SAFETY, LONGEST = 0.9, 3.0  # factors of the next window's length
REJECT = 10.0  # tail, in units of what is wanted, above which a window is done again
SHRINKING = 1e-6  # of the whole time, a window so short that the march is given up
IN_TIME = 0.03  # accuracy in time relative to the error expected in space
ROUGH = 1e-4  # accuracy in time of the first march
DEGREE_BEYOND = 5  # of the splines, above the order of the equation
COARSE = 6  # intervals of the first grid along the longest axis
TAIL_PROBES = 256
ROUND_OFF = 1e-13


@dataclass(frozen=True)
class March:
    """Functions window after window, over the whole time."""

    windows: list[Trimmed]
    ends: Tensor  # (W + 1,)
    axis: int
    steps: int  # of Gauss-Newton, all windows
    residual: float  # the largest of the windows
    solver: str

    def __call__(self, name: str, x: Tensor) -> Tensor:  # (N, d) -> (N,)
        """The values of a field."""
        key = name, (0,) * x.shape[1]
        owner = torch.searchsorted(self.ends[1:-1].contiguous(), x[:, self.axis].contiguous(), right=True)
        values = x.new_zeros(len(x))
        for i in torch.unique(owner).tolist():
            mine = owner == i
            values[mine] = self.windows[i]([key], x[mine])[key]
        return values


def march_shape(context: Context, rows: ShapeRows) -> Result:
    """Marches on finer and finer grids until the estimate meets the tolerance, or no longer falls.

    Raises DivergedError if no march reached the end of time.
    """
    tolerance = context.plan.tolerance
    points = probes(rows)
    before: March | None = None
    best: Result | None = None
    differences: list[tuple[float, float]] = []
    intervals = context.plan.network.grid or COARSE
    while True:
        began = time.perf_counter()
        expected = differences[-1][1] if differences else ROUGH / IN_TIME
        accuracy = max(IN_TIME * min(expected, ROUGH / IN_TIME), IN_TIME * tolerance)
        now = _march(context, rows, intervals, accuracy)
        if now is None:
            if best is None:
                raise DivergedError(
                    "the march on the shape did not reach the end of time: its windows only shrink, or the budget is spent",
                    hint="raise the budget, loosen the tolerance, or check that initial and boundary values agree",
                )
            return Result(best.solution, best.network, best.estimate, f"the budget of {context.plan.budget:g} s is spent")
        seconds = time.perf_counter() - began
        space = now.windows[-1].space
        estimate = None
        if before is not None:
            differences.append((intervals, _difference(now, before, rows, points)))
            estimate = extrapolated(differences)
        name = "grid " + " x ".join(str(g) for axis, g in enumerate(space.intervals) if axis != rows.time)
        parameters = sum(window.parameters for window in now.windows)
        context.record(
            StageRecord(name, space.intervals, parameters, now.steps, seconds, now.residual, estimate, solver=now.solver)
        )
        if estimate is not None and (best is None or estimate < best.estimate.value):
            value = max(estimate, ROUND_OFF)
            best = Result(now.windows[-1], _network(now, rows), Estimate(value, METHOD, value <= ROUND_OFF), "")
        limit = limit_of(context, differences)
        if best is not None and (best.estimate.value <= tolerance or limit):
            return Result(best.solution, best.network, best.estimate, limit)
        growth = next_growth(differences, tolerance) if differences else GROWTH
        if best is not None and seconds * growth**5 > context.left:
            context.short = True
            return Result(best.solution, best.network, best.estimate, f"the budget of {context.plan.budget:g} s is spent")
        if best is not None and space.size * float(space.offsets[-1]) * growth**3 > MOST_NUMBERS:
            return Result(best.solution, best.network, best.estimate, "a finer grid would take more memory than a solve may")
        before = now
        intervals = more_intervals(intervals, growth)


def _march(context: Context, rows: ShapeRows, intervals: float, accuracy: float) -> March | None:
    """One march; None if the windows shrink to nothing or the budget ends."""
    problem = context.problem
    assert rows.time is not None
    begin, end = (float(v) for v in problem.domain.bounds[rows.time])
    degree = context.plan.network.degree or DEGREE_BEYOND + max(r.order for r in problem.equations)
    breaks = uniform_breaks(context, rows, intervals)
    degrees = [degree] * len(breaks)
    degrees[rows.time] = POLYNOMIALS - 1
    windows: list[Trimmed] = []
    steps, residual = 0, 0.0
    ends = [begin]
    length = FIRST * (end - begin)
    before: Trimmed | None = None
    while ends[-1] < end:
        if context.left < 0 or length < SHRINKING * (end - begin):
            return None
        stop = ends[-1] + length
        if stop > end - 0.1 * length:
            stop = end
        breaks[rows.time] = torch.tensor([ends[-1], stop], dtype=context.dtype, device=context.device)
        space = TensorSpace(tuple(breaks), tuple(degrees), len(rows.names))
        system = rows.system(space, start=before)
        theta, descent = gauss_newton(system, _guess(before, space, rows), accuracy=0.1 * accuracy, magnitude=system.magnitude)
        now = Trimmed(space, theta, None, rows.fields)
        steps += descent.steps
        tail = _tail(now, rows) if bool(torch.isfinite(theta).all()) else math.inf
        length = stop - ends[-1]
        if not math.isfinite(descent.cost) or not math.isfinite(tail):
            length /= 4
            continue
        fitting = length * min(LONGEST, SAFETY * (5 * accuracy / max(tail, 1e-300)) ** (1 / (POLYNOMIALS - 2)))
        if tail > REJECT * accuracy:
            length = min(fitting, length / 2)
            context.history.rejected += 1
            continue
        windows.append(now)
        residual = max(residual, descent.cost / max(system.magnitude(theta), 1e-300))
        ends.append(stop)
        context.pieces = [now]
        context.tell("window", "march", fraction=(stop - begin) / (end - begin), grid=space.intervals, residual=descent.cost)
        before, length = now, fitting
    context.history.windows = len(windows)
    return March(windows, breaks[0].new_tensor(ends), rows.time, steps, residual, system.solver)


def _guess(before: Trimmed | None, space: TensorSpace, rows: ShapeRows) -> Tensor:
    """The end of the window before at all times: the last function in time is the only one that does not vanish there."""
    assert rows.time is not None
    if before is None:
        return space.breaks[0].new_zeros(space.size)
    last = before.space.tensor(before.theta).select(1 + rows.time, -1)
    return space.vector(last.unsqueeze(1 + rows.time).repeat_interleave(POLYNOMIALS, 1 + rows.time))


def _tail(now: Trimmed, rows: ShapeRows) -> float:
    """The size of the last two Chebyshev coefficients in time, relative to the field, at points in space; the worst field."""
    assert rows.time is not None
    begin, end = (float(v) for v in now.space.breaks[rows.time])
    x = probes(rows)[:TAIL_PROBES]
    nodes = chebyshev_points(POLYNOMIALS, begin, end, dtype=x.dtype).to(x.device)
    everywhere = x.repeat_interleave(len(nodes), 0)
    everywhere[:, rows.time] = nodes.repeat(len(x))
    keys = [(name, (0,) * x.shape[1]) for name in rows.fields]
    values = now(keys, everywhere)
    basis = chebyshev(nodes, POLYNOMIALS, begin, end, 0)[0]  # (r, r)
    sizes, tails = [], []
    for key in keys:
        c = torch.linalg.solve(basis.T, values[key].reshape(len(x), -1).T)  # (r, N)
        sizes.append(values[key].square().mean().sqrt())
        tails.append(c[-2:].square().mean(1).sum().sqrt())
    size = torch.stack(sizes)
    return float((torch.stack(tails) / torch.maximum(size, VANISHING * size.max()).clamp(min=1e-300)).max())


def _difference(now: March, before: March, rows: ShapeRows, x: Tensor) -> float:
    """The relative L2 difference of the worst field."""
    new = torch.stack([now(name, x) for name in rows.fields])
    old = torch.stack([before(name, x) for name in rows.fields])
    sizes = new.square().mean(1).sqrt()
    errors = (new - old).square().mean(1).sqrt()
    return float((errors / torch.maximum(sizes, VANISHING * sizes.max()).clamp(min=1e-300)).max())


def _network(march: March, rows: ShapeRows) -> WindowedKAN | KAN:
    """One separable network a window."""
    networks = [network for window in march.windows if isinstance(network := network_of(window, rows), KAN)]
    return networks[0] if len(networks) == 1 else WindowedKAN(networks, march.ends, march.axis)
