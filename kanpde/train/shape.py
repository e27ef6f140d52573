"""Training in the trimmed form, without time: shapes, singular terms, jumping coefficients, conditions on parts of a side.

The grid is uniform and grows by about a quarter. Every solve is the correction of the one before in a richer space: their
difference is the error of the coarser one, and the rate at which these differences fall says what is left in the finer one.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.stats import qmc
from torch import Tensor

from kanpde.assembly.cells import CellSystem, Trimmed
from kanpde.assembly.shape_rows import ShapeRows
from kanpde.assembly.singular import singular_terms
from kanpde.assembly.tensor_space import TensorSpace
from kanpde.errors import DivergedError
from kanpde.kan import KAN, Grid, Network, PiecewiseKAN, separable
from kanpde.kan.terms import Terms
from kanpde.optimize.damped import Descent, gauss_newton
from kanpde.problem.materials import materials
from kanpde.problem.types import Problem
from kanpde.results.history import StageRecord
from kanpde.results.types import Estimate
from kanpde.train.context import Context
from kanpde.train.first_guess import harmonic
from kanpde.train.lifted import VANISHING

METHOD = "defect correction in a richer space"
COARSE = {1: 6, 2: 6, 3: 4}  # by dimension: intervals of the first grid along the longest axis
FEWEST = 3  # intervals along any axis
GROWTH = (
    1.25  # of the number of intervals; the error falls by a factor 5 to 50: more, and differences say little of the finer one
)
FASTEST = 1.4  # growth where the rate of convergence says that much more is wanted
SHARE = 0.7  # of the rate just seen, by which the finer solution is taken to be better than their difference ...
BETTER = 4.0  # ... but by no more than this; and not at all for systems, whose levels (of a pressure) hang on one point
TRIED = (6.0, 8.0, 10.0)  # grids that tell whether splines do without singular terms
SMALL = 1e-3  # difference of the last two of them, above which a rate says nothing
FAST = 7.0  # rate from which they do: corners with r^2 log r give 3, the eddies of a driven cavity 4
STUCK, STILL = 1e-4, 0.9  # a relative residual that large, which a finer grid leaves as it is, belongs to no solution ...
HARDLY = 0.1  # ... nor does one that is hardly below that of zero
PATIENCE = 3  # grids on which Gauss-Newton may fail before it is given up
PATIENT = 16  # intervals below which a slow rate says nothing yet
SLOW = 1.5  # rate below which, twice in a row, finer grids are given up
POLES = 20  # negative powers around a hole: beyond, splines of the usual grids resolve what is left
PROBES = 4096  # points at which solutions are compared
MOST_NUMBERS = 4e8  # of the band of the normal equations: 3 GB
ROUND_OFF = 1e-13


@dataclass(frozen=True)
class Result:
    """The best solution, its estimated relative error, and what kept it from the tolerance (empty if nothing did)."""

    solution: Trimmed
    network: Network
    estimate: Estimate
    limit: str


def terms_for(context: Context) -> Terms | None:
    """The singular terms that training takes: those that geometry and equations allow, unless splines alone converge fast.

    Around holes splines converge fast too, but only on grids much finer than terms want: there terms are always taken.
    """
    problem, domain = context.problem, context.problem.domain
    if domain.time is not None or domain.dimension != 2 or domain.periodic or materials(problem) is not None:
        return None
    terms = singular_terms(problem, count=POLES)
    holes = bool(domain.region_axes) and any(loop.hole for loop in domain.boundary.loops)
    return terms if terms is None or holes or not _smooth(context) else None


def trimmed(problem: Problem, terms: Terms | None) -> bool:
    """Whether the trimmed form is the one for this problem.

    It is on shapes; and on boxes without time where coefficients jump, conditions change along a side, an integral is given, or
    corners make the solution singular.
    """
    domain = problem.domain
    if domain.region_axes or terms is not None:
        return True
    if domain.time is not None or domain.periodic or domain.dimension > 2:
        return False
    if any((c.place.predicate is not None and c.place.faces) or c.integrals for c in problem.conditions):
        return True
    return materials(problem) is not None


def _smooth(context: Context) -> bool:
    """Whether splines alone converge fast on coarse grids: geometry and equations say what may be singular, not what is."""
    rows = ShapeRows(context.problem, None, context.device, context.dtype)
    points = probes(rows)
    before: Trimmed | None = None
    differences: list[tuple[float, float]] = []
    for intervals in TRIED:
        system = rows.system(_space(context, rows, intervals))
        theta, descent = gauss_newton(system, _start(before, system, rows), accuracy=1e-4, magnitude=system.magnitude)
        if not bool(torch.isfinite(theta).all()) or not descent.converged:
            return True  # terms would not help either; the lifted form has more to say
        now = Trimmed(system.space, theta, None, rows.fields)
        if before is not None:
            differences.append((intervals, _difference(now, before, points)))
        before = now
    return (_rate(differences) > FAST and differences[-1][1] < SMALL) or differences[-1][1] < ROUND_OFF


def shape_degree(context: Context) -> int:
    """The degree of the splines: seven more than the order of the equation (five in three coordinates), or as the plan says."""
    given = context.plan.network.degree
    beyond = 7 if context.problem.domain.dimension < 3 else 5  # cells of (k + 1)^3 functions are costly
    return given if given is not None else beyond + max(r.order for r in context.problem.equations)


def train_shape(context: Context, rows: ShapeRows) -> Result:
    """Solves on finer and finer grids until the estimate meets the tolerance, or no longer falls.

    Raises DivergedError if no grid gave finite values.
    """
    tolerance = context.plan.tolerance
    points = probes(rows)
    before: Trimmed | None = None
    best: Result | None = None
    stuck, nothing = False, 1.0  # whether the residual stays; that of zero
    failures = 0  # grids in a row on which Gauss-Newton did not converge
    differences: list[tuple[float, float]] = []  # number of intervals, difference from the solution before
    intervals = context.plan.network.grid or COARSE[context.problem.domain.dimension]
    while True:
        began = time.perf_counter()
        space = _space(context, rows, intervals)
        system = rows.system(space)
        start = _start(before, system, rows)
        name = "grid " + " x ".join(map(str, space.intervals))
        last = differences[-1][1] if differences else 1.0

        def on_step(iteration: int, residual: float, name: str = name, grid: tuple[int, ...] = space.intervals) -> None:
            context.tell("step", name, grid=grid, iteration=iteration, residual=residual)

        accuracy = max(0.01 * tolerance, 1e-3 * min(last, 1.0))
        theta, descent = gauss_newton(
            system, start, accuracy=accuracy, on_step=on_step, magnitude=system.magnitude, near=before is not None
        )
        if before is None and not _finite(theta, descent) and rows.materials is None:  # zero is no place to start from
            system = rows.system(space)  # the rows' scales belong to the start
            start = harmonic(rows, space)
            theta, descent = gauss_newton(system, start, accuracy=accuracy, on_step=on_step, magnitude=system.magnitude)
        if not _finite(theta, descent):
            if best is None:
                raise DivergedError(
                    f"Gauss-Newton left the finite numbers on the {name}",
                    hint="check the signs of the equation, or start with a finer grid: --set network.grid=16",
                )
            return replace(best, limit="a finer grid failed by round-off")
        now = Trimmed(space, theta, rows.terms, rows.fields, rows.number)
        failures = 0 if descent.converged else failures + 1
        if failures > PATIENCE and best is None:
            raise DivergedError(
                f"Gauss-Newton ends on the {name} with a relative residual of {descent.cost:.1e}: {descent.outcome}",
                hint="the problem may have no solution; check the signs of the equation and the conditions",
            )
        context.pieces = [now]
        seconds = time.perf_counter() - began
        estimate = None
        residual = descent.cost / max(_size(now, points), 1e-300)
        if before is not None and not failures:
            difference = _difference(now, before, points)
            differences.append((intervals, difference))
            estimate = extrapolated(differences, BETTER if len(rows.fields) == 1 else 1.0)
            nothing = system.linearise(torch.zeros_like(theta)).cost
            large = residual > STUCK or descent.cost > HARDLY * nothing
            stuck = large and residual > STILL * context.history.stages[-1].residual
        context.record(
            StageRecord(name, space.intervals, now.parameters, descent.steps, seconds, residual, estimate, solver=system.solver)
        )
        if estimate is not None and (best is None or estimate < best.estimate.value):
            value = max(estimate, ROUND_OFF, min(1.0, descent.cost / nothing) if stuck and nothing > 0 else 0.0)
            best = Result(now, network_of(now, rows), Estimate(value, METHOD, value <= ROUND_OFF), "")
        limit = limit_of(context, differences)
        if estimate is not None and stuck and estimate <= tolerance:
            limit = f"the relative residual stays at {residual:.1e} on every grid: equation and conditions contradict each other"
        if best is not None and (best.estimate.value <= tolerance or limit):
            return replace(best, limit=limit)
        before = now if descent.converged else None
        growth = next_growth(differences, tolerance)
        wider = _space(context, rows, more_intervals(intervals, growth))
        cost = (wider.size / space.size) * (int(wider.offsets[-1]) / int(space.offsets[-1])) ** 2
        if best is not None and seconds * cost > context.left:
            context.short = True
            return replace(best, limit=f"the budget of {context.plan.budget:g} s is spent")
        if best is not None and wider.size * float(wider.offsets[-1]) > MOST_NUMBERS:
            return replace(best, limit="a finer grid would take more memory than a solve may")
        context.tell("extension", name, grid=wider.intervals, estimate=estimate)
        intervals = more_intervals(intervals, growth)
        while _space(context, rows, intervals).intervals == space.intervals:
            intervals += 1  # pieces between interfaces round to the same grid


def _finite(theta: Tensor, descent: Descent) -> bool:
    return bool(torch.isfinite(theta).all()) and math.isfinite(descent.cost)


def uniform_breaks(context: Context, rows: ShapeRows, intervals: float) -> list[Tensor]:
    """Breaks of about square cells along the axes of space, with interfaces along an axis among them; of time, both ends."""
    domain = context.problem.domain
    longest = domain.lengths[list(domain.space_axes)].max()
    breaks = []
    for axis, (low, high) in enumerate(domain.bounds):
        stops = torch.tensor([low, *rows.interfaces_along(axis), high], dtype=context.dtype, device=context.device)
        count = max(FEWEST, round(intervals * float((high - low) / longest))) if axis in domain.space_axes else 1
        parts = [torch.linspace(0, 1, max(1, round(count * float(h / (high - low)))) + 1).to(stops) for h in stops.diff()]
        pieces = [stops[i] + part[:-1] * (stops[i + 1] - stops[i]) for i, part in enumerate(parts)]
        breaks.append(torch.cat([*pieces, stops[-1:]]))
    return breaks


def _space(context: Context, rows: ShapeRows, intervals: float) -> TensorSpace:
    breaks = uniform_breaks(context, rows, intervals)
    return TensorSpace(tuple(breaks), (shape_degree(context),) * len(breaks), len(rows.names))


def _start(before: Trimmed | None, system: CellSystem, rows: ShapeRows) -> Tensor:
    """Where Gauss-Newton starts: the solution before in the new space; zero at first, and where no start matters.

    On a box, by least squares along each axis. On a shape, by a fit where the domain is: one on the whole box would take along
    what the splines do outside, where nothing holds them.
    """
    space = system.space
    zero = space.breaks[0].new_zeros(space.size + rows.border)
    if before is None or system.linear:
        return zero
    if rows.problem.domain.region_axes or rows.materials is not None:
        return rows.fit(space, before).linearise(zero).step()
    tensor = before.space.tensor(before.c)
    for axis, breaks in enumerate(space.breaks):
        inner = torch.linspace(0.05, 0.95, space.degrees[axis] + 1, dtype=breaks.dtype, device=breaks.device)
        x = (breaks[:-1, None] + breaks.diff()[:, None] * inner).reshape(-1)
        new, old = space.along(axis, x), before.space.along(axis, x)
        tensor = torch.tensordot(tensor, torch.linalg.lstsq(new, old).solution, dims=([1], [1]))  # its axis becomes the last
    return torch.cat([space.vector(tensor), before.kappa])


def probes(rows: ShapeRows) -> Tensor:  # (N, d)
    """Points of the domain that no grid uses."""
    domain = rows.problem.domain
    points = domain.bounds[:, 0] + qmc.Sobol(domain.dimension, rng=np.random.default_rng(0)).random(4 * PROBES) * domain.lengths
    inside = points[domain.contains(points)] if domain.region_axes else points
    return torch.as_tensor(inside[:PROBES]).to(rows.device, rows.dtype)


def _size(now: Trimmed, x: Tensor) -> float:
    """The root mean square of the largest field."""
    keys = [(name, (0,) * x.shape[1]) for name in now.fields]
    return max(float(value.square().mean().sqrt()) for value in now(keys, x).values())


def _difference(now: Trimmed, before: Trimmed, x: Tensor) -> float:
    """The relative L2 difference of the worst field."""
    keys = [(name, (0,) * x.shape[1]) for name in now.fields]
    new, old = now(keys, x), before(keys, x)
    sizes = torch.stack([new[key].square().mean().sqrt() for key in keys])
    errors = torch.stack([(new[key] - old[key]).square().mean().sqrt() for key in keys])
    return float((errors / torch.maximum(sizes, VANISHING * sizes.max()).clamp(min=1e-300)).max())


def _rate(differences: list[tuple[float, float]]) -> float:
    """The power of the number of intervals by which the last difference fell; 0 if it did not, or is the first."""
    if len(differences) < 2 or differences[-1][1] <= 0:
        return 0.0
    (coarse, d), (fine, e) = differences[-2:]
    return max(0.0, math.log(d / e) / math.log(fine / coarse))


def extrapolated(differences: list[tuple[float, float]], better: float = BETTER) -> float:
    """The estimated error of the finer of the last two solutions."""
    value = differences[-1][1]
    if len(differences) < 2:
        return value
    growth = differences[-1][0] / differences[-2][0]
    return float(value / min(growth ** (SHARE * _rate(differences)), better))


def next_growth(differences: list[tuple[float, float]], tolerance: float) -> float:
    """Of the number of intervals, so that the tolerance is met soon, and not passed by far."""
    rate = _rate(differences)
    if not rate:
        return GROWTH
    wanted = math.exp(min(math.log(max(differences[-1][1] / (BETTER * tolerance), 1e-300)) / rate, 1.0))
    return FASTEST if wanted > FASTEST else GROWTH


def more_intervals(intervals: int, growth: float) -> int:
    """Whole intervals, not fewer than a fifth more."""
    return max(math.ceil(1.2 * intervals), int(growth * intervals))


def limit_of(context: Context, differences: list[tuple[float, float]]) -> str:
    """Why a finer grid will not help; empty where it may."""
    if context.left < 0:
        return f"the budget of {context.plan.budget:g} s is spent"
    if len(differences) >= 3 and differences[-1][0] >= PATIENT and _rate(differences) < SLOW and _rate(differences[:-1]) < SLOW:
        if differences[-1][1] < 1e-9:
            return "finer grids no longer help: the round-off of double precision limits the error"
        if differences[-1][1] > 0.3:
            return "finer grids do not help: the problem may have no solution, more than one, or one that is not smooth"
        return "finer grids help too little: the solution is not smooth enough for splines of this degree"
    return ""


def network_of(solution: Trimmed, rows: ShapeRows) -> KAN | PiecewiseKAN:
    """The solution as a separable network with its singular terms: exactly, by singular value decompositions.

    Where coefficients jump, the network has one output a field and region, and every point sees those of its own region.
    """
    space = solution.space
    tensor = space.tensor(solution.c)  # (F, K_1, .., K_d)
    fields = [_factors(part) for part in tensor]
    rank = max(len(factors[0]) for factors in fields)
    coefficients = []
    for axis in range(len(space.breaks)):
        padded = [torch.cat([f[axis], f[axis].new_zeros(rank - len(f[axis]), f[axis].shape[1])]) for f in fields]
        coefficients.append(torch.cat(padded))  # (F R, K)
    grids = [Grid(b, k) for b, k in zip(space.breaks, space.degrees, strict=True)]
    terms = None
    if solution.terms is not None:
        old = solution.terms
        terms = Terms(old.monomials, old.mix, solution.kappa, old.axes)
    network = separable(grids, coefficients, outputs=space.fields, terms=terms)
    return network if rows.materials is None else PiecewiseKAN(network, rows.materials.specs)


def _factors(tensor: Tensor) -> list[Tensor]:  # (K_1, .., K_d) -> d times (R, K_a)
    """The tensor as a sum of R products of vectors, to round-off."""
    if tensor.ndim == 1:
        return [tensor[None]]
    flat = tensor.reshape(tensor.shape[0], -1)
    u, s, v = torch.linalg.svd(flat, full_matrices=False)
    keep = max(1, int((s > 1e-16 * s[0]).sum()))
    groups = [_factors((s[i] * v[i]).reshape(tensor.shape[1:])) for i in range(keep)]
    first = torch.cat([u[:, i].expand(len(group[0]), -1) for i, group in enumerate(groups)])
    return [first, *(torch.cat([group[a] for group in groups]) for a in range(tensor.ndim - 1))]
