"""Training in the lifted form: what a box and a time window share, and the driver for problems without time windows.

The grid starts coarse. After each solve the indicated errors say where it is too coarse: knots are inserted along the splines,
polynomials or harmonics are added along each other coordinate whose own last ones are not negligible. Both leave the function as
it is, and training goes on from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kanpde.assembly import Lifted, LiftedSpace, LiftedSystem, RowBuilder, spread
from kanpde.errors import DivergedError
from kanpde.optimize.damped import Descent, gauss_newton
from kanpde.results.history import StageRecord
from kanpde.train.context import Context
from kanpde.train.knots import density, insertions, spline_error

COARSE = 4  # intervals of the first grid; too few on purpose, so that the error decides where more are needed
POLYNOMIALS = 6  # of the first grid
HARMONICS = 5  # of the first grid: two frequencies
COSTLIER = 2.0  # power of the number of unknowns with which a stage takes longer: between 1 (knots) and 3 (polynomials)
GROWTH = 1.4  # of the number of polynomials at an extension
LOOSEST = 1e-3  # relative change by a step that is not resolved, however coarse the grid: what is indicated must mean something
UNRESOLVED = 1e-2  # an indicated error above which the indicator itself is not to be trusted
VANISHING = 1e-8  # a field so much smaller than the largest is judged beside that one
MOST_UNKNOWNS = 60_000  # of one lifted system: beyond, a solve takes minutes and the rows gigabytes
MOST_UNFORMED = 600_000  # in three coordinates, where rows are not formed


def spline_degree(context: Context) -> int:
    """The degree of the edges: five more than the order of the equation in space, unless the plan says otherwise."""
    network = context.plan.network
    if network.degree is not None:
        return network.degree
    return 5 + max(2, max(residual.order for residual in context.problem.equations))


def spline_axis(context: Context) -> int:
    """The coordinate along which the lifted form has splines: a space coordinate.

    In two coordinates a periodic one if there is one: polynomials need pi / 2 times as many unknowns as splines on functions that
    oscillate all along their axis. In three, one that ends, if there is one: harmonics serve the others with fewer unknowns.
    """
    domain = context.problem.domain
    wanted = [axis for axis in domain.space_axes if (domain.coordinates[axis] in domain.periodic) == (domain.dimension == 2)]
    return [*wanted, *domain.space_axes, 0][0]


def too_large(context: Context, lifted: Lifted) -> bool:
    """Whether a space has more unknowns than one system may have; if so, the context knows it as its limit."""
    most = MOST_UNKNOWNS if len(lifted.space.across) < 2 else MOST_UNFORMED
    if lifted.parameters <= most:
        return False
    grid = " x ".join(map(str, lifted.space.grid))
    context.limit = f"the next grid, {grid}, has {lifted.parameters} unknowns, more than {most}"
    return True


def windowed(context: Context) -> bool:
    """Whether time is marched in: where there is time, and space."""
    domain = context.problem.domain
    return domain.time_axis is not None and domain.dimension > 1


def first_space(context: Context, builder: RowBuilder, intervals: int, others: Sequence[int]) -> LiftedSpace:
    """A coarse, uniform space over the given other coordinates."""
    problem = context.problem
    low, high = (float(v) for v in problem.domain.bounds[builder.axis])
    periodic = problem.domain.dimension > 2 and builder.periodic(builder.axis)
    breaks = torch.linspace(low, high, 2 if periodic else intervals + 1, dtype=context.dtype, device=context.device)
    degree = HARMONICS - 1 if periodic else spline_degree(context)
    across = tuple(builder.across(axis, None, HARMONICS if builder.periodic(axis) else POLYNOMIALS) for axis in others)
    return LiftedSpace(breaks, degree, builder.axis, across, len(problem.fields), periodic)


def sampled(lifted: Lifted, counts: Sequence[int], scale: Tensor) -> Tensor:  # (K, F n_1 ..)
    """Spline coefficients of every field, relative to its scale (F,), at so many levels of each other coordinate."""
    space = lifted.space
    tables = []
    for across, count in zip(space.across, counts, strict=True):
        levels = torch.linspace(*across.interval, count, dtype=lifted.c.dtype, device=lifted.c.device)
        tables.append(across.table(levels)[0])
    c = lifted.c.reshape(-1, space.fields, space.size) / scale[:, None]
    return spread(c, tables).reshape(space.functions, -1)


def levels_of(space: LiftedSpace) -> list[int]:
    """How many levels of each other coordinate show the splines: many where there is one, few where products are many."""
    return [2 * size for size in space.sizes] if len(space.sizes) < 2 else [min(2 * size, 12) for size in space.sizes]


def sizes(lifted: Lifted, builder: RowBuilder) -> Tensor:  # (F,)
    """The root mean square of every field over the box."""
    space = lifted.space
    x, w = builder.gauss(space)
    values = (space.splines(x.reshape(-1))[0] @ lifted.c).reshape(-1, space.fields, space.size)  # (N, F, R)
    values = spread(values, [across.table(across.levels(16, x))[0] / 4.0 for across in space.across])
    return (values.reshape(len(values), space.fields, -1).square().sum(2) * w.reshape(-1, 1)).sum(0).sqrt()


def scales(size: Tensor) -> Tensor:  # (F,) -> (F,)
    """What errors of the fields are relative to: their sizes, but for fields that vanish beside the others."""
    return torch.maximum(size, VANISHING * size.max()).clamp(min=1e-300)


def along(lifted: Lifted, counts: Sequence[int], scale: Tensor) -> float:
    """The indicated error of the splines, relative to the scales of the fields; of harmonics in their place, their tail."""
    space = lifted.space
    if space.periodic:
        last = lifted.tensor[-min(4, space.degree) :].flatten(2)  # (4, F, R)
        return float((last.square().sum((0, 2)).sqrt() / scale).max())
    return spline_error(sampled(lifted, counts, scale), space.breaks, space.degree)


def tails(lifted: Lifted, builder: RowBuilder, scale: Tensor) -> list[float]:
    """For each other coordinate, the size of its last functions' coefficients relative to the scales of the fields."""
    space = lifted.space
    x, w = builder.gauss(space)
    values = torch.tensordot(space.splines(x.reshape(-1))[0], lifted.tensor, 1)  # (N, F, r_1, ..)
    result = []
    for place, across in enumerate(space.across):
        last = values.narrow(2 + place, across.size - across.last, across.last)
        squares = last.square().flatten(2).sum(2)  # (N, F)
        result.append(float(((squares * w.reshape(-1, 1)).sum(0).sqrt() / scale).max()))
    return result


def extended(lifted: Lifted, inserted: Tensor) -> tuple[Lifted, float]:
    """The same function on more knots, and the largest change of u by the insertion relative to the size of u."""
    space = lifted.space
    finer = lifted.refined(inserted)
    breaks = finer.space.breaks
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
        return max(0.1 * accuracy, min(0.01 * indicated(Lifted(space, c)), LOOSEST))

    def on_step(iteration: int, residual: float) -> None:
        context.tell("step", stage, grid=space.grid, iteration=iteration, residual=residual)

    c, descent = gauss_newton(system, start.c, accuracy=wanted, on_step=on_step)
    return Lifted(space, c), descent


def train_box(context: Context, builder: RowBuilder, accuracy: float, start: Lifted | None = None) -> Lifted:
    """Solves without time windows: boundary value problems, and equations in one coordinate.

    ``accuracy`` is the target for both indicated errors, relative to u. Raises DivergedError if no grid gave finite values.
    """
    if start is None:
        space = first_space(context, builder, max(COARSE, context.plan.network.grid or COARSE), builder.others)
        start, fooled = Lifted(space, space.breaks.new_zeros(space.functions, space.block)), False
    else:
        fooled = True  # the indicators saw nothing to refine, and the estimate did
    solution = start
    change: float | None = None
    while True:
        began = time.perf_counter()
        space = solution.space
        name = f"grid {' x '.join(map(str, space.grid))}"
        system = builder.system(space, extra=4)

        def indicated(lifted: Lifted) -> float:
            scale = scales(sizes(lifted, builder))
            return max([along(lifted, levels_of(lifted.space), scale), *tails(lifted, builder, scale)])

        try:
            trained, descent = descend(context, system, solution, indicated, accuracy, name)
        except DivergedError as error:  # the grid is too large for a step
            if not context.pieces:
                raise
            context.limit = error.message
            return context.pieces[0]
        if not math.isfinite(descent.cost) or not bool(torch.isfinite(trained.c).all()):
            raise DivergedError(
                f"Gauss-Newton left the finite numbers on the grid of {space.intervals} intervals",
                hint="check the signs of the equation, or start with a finer grid: --set network.grid=32",
            )
        solution = trained
        context.pieces = [solution]
        scale = scales(sizes(solution, builder))
        rough, cuts = along(solution, levels_of(space), scale), tails(solution, builder, scale)
        cut = max(cuts, default=0.0)
        seconds = time.perf_counter() - began
        residual = descent.cost / float(scale.max())
        context.record(
            StageRecord(
                name,
                space.grid,
                solution.parameters,
                descent.steps,
                seconds,
                residual,
                max(rough, cut),
                change,
                None,
                system.solver,
            )
        )
        enough = rough < accuracy and cut < 3 * accuracy
        if (enough and not fooled) or context.left < 0:
            return solution
        if enough:
            rough, cuts, fooled = accuracy, [3 * accuracy] * len(cuts), False
        settled = max(cuts, default=0.0) < UNRESOLVED or rough > cut  # what others miss shows as roughness along the splines
        finer = _finer(solution, scale, accuracy, rough > UNRESOLVED) if rough >= accuracy and settled else None
        wider, change = finer or (solution, None)
        wanted = [
            more(across.size, across.periodic) if tail >= 3 * accuracy else across.size
            for across, tail in zip(space.across, cuts, strict=True)
        ]
        wider = wider.widened(wanted)
        if too_large(context, wider) or wider.parameters == solution.parameters:
            return solution
        if seconds * (wider.parameters / solution.parameters) ** COSTLIER > context.left:
            context.short = True
            return solution
        context.tell("extension", name, grid=wider.space.grid, estimate=max(rough, cut))
        solution = wider


def _finer(solution: Lifted, scale: Tensor, accuracy: float, coarse: bool) -> tuple[Lifted, float | None]:
    """The same function with knots where the splines are too coarse, and its change by the insertion."""
    space = solution.space
    if space.periodic:
        return solution.with_harmonics(more(space.functions, True)), None
    wanted = density(sampled(solution, levels_of(space), scale), space.breaks, space.degree, accuracy)
    inserted = insertions(space.breaks, wanted, most=2 if coarse else 3)
    if len(inserted) == 0:
        inserted = (space.breaks[:-1] + space.breaks[1:]) / 2
    return extended(solution, inserted)


def more(size: int, periodic: bool) -> int:
    """How many functions follow at an extension: of harmonics two frequencies more at least."""
    return max(math.ceil(GROWTH * size), size + 4 if periodic else 0)
