"""Training in the lifted form: what a box and a time window share, and the driver for problems without time windows.

The grid starts coarse. After each solve the indicated errors say where it is too coarse: knots are inserted along the splines,
polynomials are added along the other coordinate. Both leave the function as it is, and training goes on from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

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
COSTLIER = 2.0  # power of the number of unknowns with which a stage takes longer: between 1 (knots) and 3 (polynomials)
GROWTH = 1.4  # of the number of polynomials at an extension
UNRESOLVED = 1e-2  # an indicated error above which the indicator itself is not to be trusted
VANISHING = 1e-8  # a field so much smaller than the largest is judged beside that one
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


def sampled(lifted: Lifted, count: int, scale: Tensor) -> Tensor:  # (K, F count)
    """Spline coefficients of every field, relative to its scale (F,), at ``count`` levels of the other coordinate."""
    space = lifted.space
    c = lifted.c.reshape(-1, space.fields, space.size) / scale[:, None]
    if space.other is not None:
        levels = torch.linspace(*space.other, count, dtype=c.dtype, device=c.device)
        c = c @ space.polynomials(levels)[0]
    return c.reshape(space.functions, -1)


def sizes(lifted: Lifted, builder: RowBuilder) -> Tensor:  # (F,)
    """The root mean square of every field over the box."""
    space = lifted.space
    x, w = builder.gauss(space)
    values = (space.splines(x.reshape(-1))[0] @ lifted.c).reshape(-1, space.fields, space.size)  # (N, F, r)
    if space.other is not None:
        low, high = space.other
        levels = low + (high - low) * (torch.arange(16, dtype=w.dtype, device=w.device) + 0.5) / 16
        values = values @ space.polynomials(levels)[0] / 4.0
    return (values.square().sum(2) * w.reshape(-1, 1)).sum(0).sqrt()


def scales(size: Tensor) -> Tensor:  # (F,) -> (F,)
    """What errors of the fields are relative to: their sizes, but for fields that vanish beside the others."""
    return torch.maximum(size, VANISHING * size.max()).clamp(min=1e-300)


def along(lifted: Lifted, count: int, scale: Tensor) -> float:
    """The indicated error of the splines, relative to the scales of the fields."""
    return spline_error(sampled(lifted, count, scale), lifted.space.breaks, lifted.space.degree)


def tail(lifted: Lifted, builder: RowBuilder, scale: Tensor) -> float:
    """The size of the last two polynomials' coefficients relative to the scales of the fields; zero in one dimension."""
    space = lifted.space
    if space.other is None:
        return 0.0
    x, w = builder.gauss(space)
    last = lifted.c.reshape(-1, space.fields, space.size)[:, :, -2:].reshape(space.functions, -1)
    values = (space.splines(x.reshape(-1))[0] @ last).reshape(-1, space.fields, 2)
    return float(((values.square().sum(2) * w.reshape(-1, 1)).sum(0).sqrt() / scale).max())


def extended(lifted: Lifted, inserted: Tensor) -> tuple[Lifted, float]:
    """The same function on more knots, and the largest change of u by the insertion relative to the size of u."""
    space = lifted.space
    c, breaks = insert_knots(lifted.c.T, space.breaks, inserted, space.degree)
    finer = Lifted(replace(space, breaks=breaks), c.T.contiguous())
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
            scale = scales(sizes(lifted, builder))
            return max(along(lifted, 2 * lifted.space.size, scale), tail(lifted, builder, scale))

        trained, descent = descend(context, system, solution, indicated, accuracy, name)
        if not math.isfinite(descent.cost) or not bool(torch.isfinite(trained.c).all()):
            raise DivergedError(
                f"Gauss-Newton left the finite numbers on the grid of {space.intervals} intervals",
                hint="check the signs of the equation, or start with a finer grid: --set network.grid=32",
            )
        solution = trained
        context.pieces = [solution]
        scale = scales(sizes(solution, builder))
        rough, cut = along(solution, 2 * space.size, scale), tail(solution, builder, scale)
        grid = (space.intervals, space.size) if space.other else (space.intervals,)
        seconds = time.perf_counter() - began
        residual = descent.cost / float(scale.max())
        context.record(StageRecord(name, grid, solution.parameters, descent.steps, seconds, residual, max(rough, cut), change))
        enough = rough < accuracy and cut < 3 * accuracy
        if (enough and not fooled) or context.left < 0:
            return solution
        if enough:
            rough, cut, fooled = accuracy, 3 * accuracy, False
        settled = cut < UNRESOLVED or rough > cut  # polynomials first: what they miss shows as roughness along the splines
        finer = _finer(solution, scale, accuracy, rough > UNRESOLVED) if rough >= accuracy and settled else None
        wider, change = finer or (solution, None)
        if cut >= 3 * accuracy and space.other is not None:
            wider = _wider(wider)
        if wider.parameters > MOST_UNKNOWNS or wider.parameters == solution.parameters:
            return solution
        if seconds * (wider.parameters / solution.parameters) ** COSTLIER > context.left:
            context.short = True
            return solution
        context.tell("extension", name, grid=(wider.space.intervals, wider.space.size), estimate=max(rough, cut))
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
    space = LiftedSpace(breaks, spline_degree(context), axis, other, POLYNOMIALS if other else 1, len(problem.fields))
    return Lifted(space, breaks.new_zeros(space.functions, space.block))


def _finer(solution: Lifted, scale: Tensor, accuracy: float, coarse: bool) -> tuple[Lifted, float]:
    """The same function with knots where the splines are too coarse, and its change by the insertion."""
    space = solution.space
    wanted = density(sampled(solution, 2 * space.size, scale), space.breaks, space.degree, accuracy)
    inserted = insertions(space.breaks, wanted, most=2 if coarse else 3)
    if len(inserted) == 0:
        inserted = (space.breaks[:-1] + space.breaks[1:]) / 2
    return extended(solution, inserted)


def _wider(solution: Lifted) -> Lifted:
    """The same function among more polynomials."""
    space = solution.space
    more = math.ceil(GROWTH * space.size)
    c = solution.c.new_zeros(space.functions, space.fields, more)
    c[:, :, : space.size] = solution.c.reshape(-1, space.fields, space.size)
    return Lifted(replace(space, size=more), c.reshape(space.functions, -1))
