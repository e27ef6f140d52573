"""Training in the lifted form: what a box and a time window share, and the driver for problems without time windows.

The grid starts coarse. After each solve the indicated errors say where it is too coarse: knots are inserted along the splines,
polynomials are added along the other coordinate. Both leave the function as it is, and training goes on from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from kanpde.assembly import Lifted, LiftedSpace, LiftedSystem, RowBuilder
from kanpde.errors import DivergedError
from kanpde.kan.bspline import insert_knots
from kanpde.optimize.damped import Descent, gauss_newton
from kanpde.results.history import StageRecord
from kanpde.train.context import Context
from kanpde.train.knots import density, insertions, spline_error

COARSE = 4  # intervals of the first grid; too few on purpose, so that the error decides where more are needed
POLYNOMIALS = 6  # of the first grid
GROWTH = 1.4  # of the number of polynomials at an extension
UNRESOLVED = 1e-2  # an indicated error above which the indicator itself is not to be trusted
MOST_UNKNOWNS = 60_000  # of one lifted system: beyond, a solve takes minutes and the rows gigabytes


def spline_degree(context: Context) -> int:
    """The degree of the edges: five more than the order of the equation in space, unless the plan says otherwise."""
    network = context.plan.network
    if network.degree is not None:
        return network.degree
    return 5 + max(2, max(residual.order for residual in context.problem.equations))


def spline_axis(context: Context) -> int:
    """The coordinate along which the lifted form has splines: a space coordinate, a periodic one if there is one.

    Polynomials need pi / 2 times as many unknowns as splines on functions that oscillate all along their axis.
    """
    domain = context.problem.domain
    periodic = [axis for axis in domain.space_axes if domain.coordinates[axis] in domain.periodic]
    return [*periodic, *domain.space_axes, 0][0]


def sampled(lifted: Lifted, count: int) -> Tensor:  # (K, count)
    """Spline coefficients of u at ``count`` levels of the other coordinate."""
    space = lifted.space
    if space.other is None:
        return lifted.c
    levels = torch.linspace(*space.other, count, dtype=lifted.c.dtype, device=lifted.c.device)
    return lifted.c @ space.polynomials(levels)[0]


def root_mean_square(lifted: Lifted, builder: RowBuilder, columns: slice = slice(None)) -> float:
    """The size of u, or of some of its polynomials' coefficients, in the root mean square over the box."""
    x, w = builder.gauss(lifted.space)
    values = lifted.space.splines(x.reshape(-1))[0] @ lifted.c[:, columns]  # (N, r)
    if columns == slice(None) and lifted.space.other is not None:
        low, high = lifted.space.other
        levels = low + (high - low) * (torch.arange(16, dtype=w.dtype, device=w.device) + 0.5) / 16
        values = values @ lifted.space.polynomials(levels)[0] / 4.0
    return float((values.square().sum(1) * w.reshape(-1)).sum().sqrt())


def extended(lifted: Lifted, inserted: Tensor) -> tuple[Lifted, float]:
    """The same function on more knots, and the largest change of u by the insertion relative to the size of u."""
    space = lifted.space
    c, breaks = insert_knots(lifted.c.T, space.breaks, inserted, space.degree)
    finer = Lifted(LiftedSpace(breaks, space.degree, space.axis, space.other, space.size), c.T.contiguous())
    x = torch.linspace(float(breaks[0]), float(breaks[-1]), 4 * space.intervals + 1, dtype=breaks.dtype, device=breaks.device)
    before, after = space.splines(x)[0] @ lifted.c, finer.space.splines(x)[0] @ finer.c
    size = float(before.abs().max())
    return finer, float((after - before).abs().max()) / size if size > 0 else 0.0


def descend(
    context: Context,
    system: LiftedSystem,
    start: Lifted,
    indicated: Callable[[Lifted], float],
    accuracy: float,
    stage: str,
) -> tuple[Lifted, Descent]:
    """Gauss-Newton on one grid, no further than a hundredth of what the grid itself can resolve."""
    space = start.space

    def wanted(c: Tensor) -> float:
        return max(0.1 * accuracy, 0.01 * indicated(Lifted(space, c)))

    def on_step(iteration: int, residual: float) -> None:
        context.tell("step", stage, grid=(space.intervals, space.size), iteration=iteration, residual=residual)

    c, descent = gauss_newton(system, start.c, accuracy=wanted, on_step=on_step)
    return Lifted(space, c), descent


def train_box(context: Context, builder: RowBuilder, accuracy: float, start: Lifted | None = None) -> Lifted:
    """Solves without time windows: boundary value problems, and equations in one coordinate.

    ``accuracy`` is the target for both indicated errors, relative to u. Raises DivergedError if no grid gave finite values.
    """
    solution = start or _first(context, builder, max(COARSE, context.plan.network.grid or COARSE))
    fooled = start is not None  # the indicators saw nothing to refine, and the estimate did
    change: float | None = None
    while True:
        began = time.perf_counter()
        space = solution.space
        name = f"grid {space.intervals}" + (f" x {space.size}" if space.other else "")
        system = builder.system(space, extra=4)

        def indicated(lifted: Lifted) -> float:
            scale = max(root_mean_square(lifted, builder), 1e-300)
            return max(_along(lifted) / scale, _across(lifted, builder) / scale)

        trained, descent = descend(context, system, solution, indicated, accuracy, name)
        if not math.isfinite(descent.cost) or not bool(torch.isfinite(trained.c).all()):
            raise DivergedError(
                f"Gauss-Newton left the finite numbers on the grid of {space.intervals} intervals",
                hint="check the signs of the equation, or start with a finer grid: --set network.grid=32",
            )
        solution = trained
        context.pieces = [solution]
        scale = max(root_mean_square(solution, builder), 1e-300)
        along, across = _along(solution) / scale, _across(solution, builder) / scale
        grid = (space.intervals, space.size) if space.other else (space.intervals,)
        context.record(
            StageRecord(
                name,
                grid,
                solution.parameters,
                descent.steps,
                time.perf_counter() - began,
                descent.cost / scale,
                max(along, across),
                change,
            )
        )
        if ((along < accuracy and across < 3 * accuracy) and not fooled) or context.left < 0:
            return solution
        if fooled and along < accuracy and across < 3 * accuracy:
            along, across, fooled = accuracy, 3 * accuracy, False
        settled = across < UNRESOLVED or along > across  # polynomials first: what they miss shows as roughness along the splines
        wider, change = _extend(
            solution, along >= accuracy and settled, across >= 3 * accuracy, accuracy * scale, along > UNRESOLVED
        )
        if wider.parameters > MOST_UNKNOWNS or wider.parameters == solution.parameters:
            return solution
        context.tell("extension", name, grid=(wider.space.intervals, wider.space.size), estimate=max(along, across))
        solution = wider


def _first(context: Context, builder: RowBuilder, intervals: int) -> Lifted:
    """Zero on a coarse, uniform grid."""
    problem = context.problem
    axis = builder.axis
    low, high = (float(v) for v in problem.domain.bounds[axis])
    breaks = torch.linspace(low, high, intervals + 1, dtype=context.dtype, device=context.device)
    other = None
    if problem.domain.dimension == 2:
        other = (float(problem.domain.bounds[1 - axis][0]), float(problem.domain.bounds[1 - axis][1]))
    space = LiftedSpace(breaks, spline_degree(context), axis, other, POLYNOMIALS if other else 1)
    return Lifted(space, breaks.new_zeros(space.functions, space.size))


def _along(lifted: Lifted) -> float:
    """The indicated error of the splines."""
    return spline_error(sampled(lifted, 2 * lifted.space.size), lifted.space.breaks, lifted.space.degree)


def _across(lifted: Lifted, builder: RowBuilder) -> float:
    """The size of the last two polynomials' coefficients; zero in one dimension."""
    return 0.0 if lifted.space.other is None else root_mean_square(lifted, builder, slice(-2, None))


def _extend(solution: Lifted, along: bool, across: bool, target: float, coarse: bool) -> tuple[Lifted, float | None]:
    """Knots where the splines are too coarse, polynomials where the other coordinate is."""
    space, change = solution.space, None
    if along:
        wanted = density(sampled(solution, 2 * space.size), space.breaks, space.degree, target)
        inserted = insertions(space.breaks, wanted, most=2 if coarse else 3)
        if len(inserted) == 0:
            inserted = (space.breaks[:-1] + space.breaks[1:]) / 2
        solution, change = extended(solution, inserted)
    if across:
        space = solution.space
        size = math.ceil(GROWTH * space.size)
        c = torch.cat([solution.c, solution.c.new_zeros(space.functions, size - space.size)], 1)
        solution = Lifted(LiftedSpace(space.breaks, space.degree, space.axis, space.other, size), c)
    return solution, change
