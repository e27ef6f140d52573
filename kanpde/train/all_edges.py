"""Training all edges of a separable network at once, from random initial values, by Levenberg-Marquardt.

It starts with few products on a coarse grid, and grows where it falls short: knots are inserted where the indicated error of the
splines stands, products are added while the smallest singular value of u is not negligible. Growth leaves u as it is (new
products are small), so that every stage starts near its end. Between stages the products are turned into the singular functions
of u and the idle ones cut: without that, products that nearly cancel each other make the next stage crawl, and their roughness
asks for knots that u does not need.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.assembly.collocation import Collocation
from kanpde.assembly.tensor_collocation import TensorCollocation
from kanpde.errors import DivergedError
from kanpde.kan import KAN, Edges, Grid, separable
from kanpde.kan.refine import random_separable, widen
from kanpde.optimize import LevenbergMarquardt
from kanpde.results.history import StageRecord
from kanpde.results.types import Estimate
from kanpde.sampling import Request, composite, sobol, tensor
from kanpde.train.context import Context
from kanpde.train.knots import density, insertions, spline_error

DEGREE = 9  # of the edges: one digit better than 7 at equal time
RANK, GRID = 4, 8  # of the first stage
MORE_PRODUCTS = 4  # at a growth of the rank
RESOLVED = 1e-2  # residual relative to u above which the indicators mean nothing: products first
PER_INTERVAL = 3  # Gauss points; Sobol points, two a parameter, overfit: residual 1e-8 with an error of 1e-3 was seen
OVERSAMPLING, AT_LEAST = 4.0, 200  # Sobol points a parameter, and beyond
FIRST_DAMPING, DAMPING = 1e-4, 1e-8  # from random values, and from a trained network
SLOW, PATIENCE = 0.1, 2  # a stage ends when |r|^2 falls by less than a tenth in two steps: the next grid does better
STEPS = 40  # of one stage
SMALL = 1e-3  # size of a new product relative to u, or to the residual where that is smaller
SHARE = 0.3  # of the tolerance for each indicator
PROMISING = (
    500.0  # residual over tolerance below which the error is worth estimating: an equation of order two is that much rougher
)
TIGHTER, ROUNDOFF = 0.1, 1e-15  # factor of the accuracy when the indicators see nothing and the estimate does; its end
NOISE = 3e-3  # of the residual: products of such a size are noise, since u is better than the residual by more than that
REACH = 1e-3  # of the indicated error, for one extension: about what halving an interval gains
BALANCE = 0.03  # an indicated error below this share of the other kind is left alone
MOST_PARAMETERS = 6000
TINY = 1e-300  # of a solution that vanishes
HOPELESS = 3  # stages in a row that do not halve the residual


def train_all_edges(context: Context, judge: Callable[[KAN], Estimate]) -> KAN:
    """A separable network trained until ``judge`` estimates its error below the tolerance, or nothing more can be gained.

    Raises DivergedError if no stage gave a finite residual.
    """
    generator = context.generator()
    network = _first(context, generator)
    rough, change, best, idle = True, None, math.inf, 0
    accuracy = SHARE * context.plan.tolerance
    while True:
        context.network = network
        network, cost = _stage(context, network, rough, change)
        if not math.isfinite(cost):
            raise DivergedError("the residual of the first stage is not finite", hint="try another seed, or train: lifted")
        idle = 0 if cost < 0.5 * best or cost > RESOLVED else idle + 1
        best = min(best, cost)
        trained, network = network.rank, pruned(network, NOISE * cost)
        full = network.rank == trained
        need = _needs(context, network, cost, accuracy, full)
        if cost < RESOLVED and (need.nothing or cost < PROMISING * context.plan.tolerance):
            value = judge(network).value
            context.tell("estimate", estimate=value)
            if value <= context.plan.tolerance:
                return network
            while need.nothing and accuracy > ROUNDOFF:  # the indicators are content, the estimate is not
                accuracy *= TIGHTER
                need = _needs(context, network, cost, accuracy, full)
        if context.left < 0 or idle >= HOPELESS:
            return network
        grown, change = _grow(context, network, need, cost, generator)
        if grown.count > MOST_PARAMETERS or grown.count == network.count:
            return network
        context.tell("extension", f"rank {grown.rank}", grid=grown.intervals, residual=cost)
        network, rough = grown, cost > RESOLVED


def _first(context: Context, generator: torch.Generator) -> KAN:
    plan = context.plan.network
    degree = plan.degree or DEGREE
    intervals = getattr(plan, "grid", None) or GRID
    rank = min(RANK, getattr(plan, "rank", None) or RANK) if context.problem.domain.dimension > 1 else 1
    bounds = context.problem.domain.bounds
    grids = [Grid.uniform(float(a), float(b), intervals, degree, context.dtype, context.device) for a, b in bounds]
    return random_separable(grids, rank, generator)


def _stage(context: Context, network: KAN, rough: bool, change: float | None) -> tuple[KAN, float]:
    """Levenberg-Marquardt on one grid; the trained network and its residual relative to the size of u.

    A ``rough`` start, far from any solution, takes damped steps and more patience.
    """
    began = time.perf_counter()
    name = f"rank {network.rank}, grid {' x '.join(map(str, network.intervals))}"
    context.tell("stage", name, grid=network.intervals)
    problem = collocate(context, network)

    def monitor(step: int, cost: float) -> bool:
        context.tell("step", name, grid=network.intervals, iteration=step, residual=cost)
        return context.left > 0

    damping, slow, patience = (FIRST_DAMPING, SLOW / 3, 2 * PATIENCE) if rough else (DAMPING, SLOW, PATIENCE)
    optimizer = LevenbergMarquardt(damping=damping, slow=slow, patience=patience, orthogonal=False)
    outcome = optimizer(problem, problem.theta, STEPS, monitor)
    trained = problem.network_at(outcome.theta)
    relative = outcome.cost / max(size(trained), torch.finfo(context.dtype).tiny)
    seconds = time.perf_counter() - began
    context.record(StageRecord(name, trained.intervals, trained.count, outcome.steps, seconds, relative, None, change))
    return trained, relative


def collocate(context: Context, network: KAN) -> Collocation | TensorCollocation:
    """The problem at Gauss points of every cell of the knots; beyond two coordinates at Sobol points that follow the knots."""
    if network.inputs == 2:
        return TensorCollocation(context.problem, network, PER_INTERVAL)
    breaks = tuple(factor.breaks[0].cpu().double().numpy() for factor in network.factors)
    rules = [composite(b, PER_INTERVAL) for b in breaks]
    if network.inputs == 1:
        return Collocation(context.problem, network, tensor(rules), rules)
    request = Request(context.problem.domain.bounds, int(OVERSAMPLING * network.count) + AT_LEAST, context.plan.seed, breaks)
    return Collocation(context.problem, network, sobol(request), rules)


@dataclass
class _Needs:
    """Where a network falls short: knots to insert along each coordinate, and whether to add products."""

    inserted: list[Tensor]
    products: bool

    @property
    def nothing(self) -> bool:
        return not self.products and all(len(new) == 0 for new in self.inserted)


def _needs(context: Context, network: KAN, cost: float, accuracy: float, full: bool) -> _Needs:
    """``accuracy`` is the target of the indicated errors relative to u; ``full`` says that no product was idle."""
    none = [factor.breaks.new_zeros(0) for factor in network.factors]
    most = getattr(context.plan.network, "rank", None) or 512
    if network.inputs > 1 and cost > RESOLVED and network.rank < 2 * RANK <= most and full:
        return _Needs(none, True)
    scale = size(network)
    cuts = [sections(network, axis) for axis in range(network.inputs)]
    errors = [spline_error(c, f.breaks[0], f.degree) / max(scale, TINY) for c, f in zip(cuts, network.factors, strict=True)]
    values = singular_values(network)
    tail = float(values[-1]) / max(float(values[0]), TINY) if full and network.inputs > 1 and network.rank < most else 0.0
    inserted = []
    for axis, factor in enumerate(network.factors):
        breaks, new = factor.breaks[0], none[axis]
        if errors[axis] > max(accuracy, REACH * max(errors)):
            reach = max(accuracy, REACH * errors[axis]) * scale
            new = insertions(breaks, density(cuts[axis], breaks, factor.degree, reach), most=2)
        inserted.append(new)
    return _Needs(inserted, cost < RESOLVED and tail > max(accuracy, BALANCE * max(errors)))


def _grow(context: Context, network: KAN, need: _Needs, cost: float, generator: torch.Generator) -> tuple[KAN, float | None]:
    """The same function in a larger network; the change is that by the knot insertion, relative to the largest value."""
    grids = [f.grids[0].inserted(new) for f, new in zip(network.factors, need.inserted, strict=True)]
    change = None
    if any(grid.intervals > factor.intervals for grid, factor in zip(grids, network.factors, strict=True)):
        finer = network.extend(grids)
        bounds = context.problem.domain.bounds
        x = torch.as_tensor(sobol(Request(bounds, 1000, context.plan.seed)).x).to(network.factors[0].breaks)
        before = network(x).detach()
        change = float((finer(x).detach() - before).abs().max() / before.abs().max().clamp(min=torch.finfo(x.dtype).tiny))
        network = finer
    if need.products:
        most = getattr(context.plan.network, "rank", None) or 512
        network = widen(network, min(most, network.rank + MORE_PRODUCTS), generator, SMALL * min(1.0, cost) * size(network))
    return network, change


def sections(network: KAN, axis: int, count: int = 24) -> Tensor:  # (K, n)
    """Spline coefficients along one coordinate of u at ``count`` levels of the others (on the diagonal, if several)."""
    factor = network.factors[axis]
    weights: Tensor | None = None
    for other, group in enumerate(network.factors):
        if other != axis:
            grid = group.grids[0]
            levels = torch.linspace(grid.lower, grid.upper, count, dtype=group.breaks.dtype, device=group.breaks.device)
            values = group.values(levels)[0].detach()  # (R, n)
            weights = values if weights is None else weights * values
    c = factor.coefficients.data[0].T  # (K, R)
    return c.sum(1, keepdim=True) if weights is None else c @ weights


def _weighted(factor: Edges) -> Tensor:  # (N, R)
    """The factors at Gauss points, times the square root of the weight: columns whose products are those of L2."""
    x, w = composite(factor.breaks[0].cpu().double().numpy(), factor.degree + 1)
    values = factor.values(torch.as_tensor(x).to(factor.breaks))[0].detach().T
    return values * torch.as_tensor(w).to(values).sqrt()[:, None]


def singular_values(network: KAN) -> Tensor:  # (R,)
    """The sizes of the products: in two coordinates the singular values of u in L2, else their norms, decreasing."""
    factors = [_weighted(factor) for factor in network.factors]
    if len(factors) == 2:
        left, right = (torch.linalg.qr(f, mode="r")[1] for f in factors)
        return torch.linalg.svdvals(left @ right.T)[: network.rank]
    norms = torch.stack([f.norm(dim=0) for f in factors]).prod(0)
    return norms.sort(descending=True).values


def pruned(network: KAN, share: float) -> KAN:
    """A separable network in two coordinates without its small products: singular values below ``share`` of the first are cut.

    What is left are the singular functions of u, so that no product is the difference of large ones. Networks in other than two
    coordinates are returned as they are.
    """
    if len(network.factors) != 2:
        return network
    sides = [torch.linalg.qr(_weighted(factor)) for factor in network.factors]
    u, s, vh = torch.linalg.svd(sides[0].R @ sides[1].R.T)
    keep = max(1, int((s > share * s[0]).sum()))
    if keep > network.rank:
        return network
    # Factors A and B with A B^T = u: A R_A^-1 U sqrt(s), and B R_B^-1 V sqrt(s).
    # R_A^-1 U = R_B^T V / s, which needs no inverse.
    turned = [
        (side.R.T @ directions[:, :keep]) / s[:keep].sqrt() for side, directions in zip(reversed(sides), (vh.T, u), strict=True)
    ]
    coefficients = [t.T @ f.coefficients.data[0] for t, f in zip(turned, network.factors, strict=True)]
    return separable([f.grids[0] for f in network.factors], coefficients)


def size(network: KAN) -> float:
    """The root mean square of a separable network over its box."""
    gram: Tensor | None = None
    for factor in network.factors:
        values = _weighted(factor)
        own = values.T @ values
        gram = own if gram is None else gram * own
    return 0.0 if gram is None else math.sqrt(max(0.0, float(gram.sum())))
