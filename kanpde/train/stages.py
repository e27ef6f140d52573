"""Training a network through the stages that the plan names: an optimiser, a number of steps, a grid, and where to sample.

Each stage begins with a finer grid: knots are inserted, which leaves u as it is; then the grids of hidden layers are fitted to
the values that their inputs take, whose change is reported. Time, where there is any, is one more coordinate of the box.
"""

from __future__ import annotations

import math
import time
from dataclasses import fields

import numpy as np
import torch

from kanpde.assembly.collocation import Collocation, pointwise_residual
from kanpde.errors import DivergedError
from kanpde.kan import KAN, Grid
from kanpde.kan.refine import adapt, random_separable, with_intervals
from kanpde.optimize import OPTIMIZERS, LevenbergMarquardt
from kanpde.plan import DeepNetwork, StagePlan
from kanpde.results.history import StageRecord
from kanpde.sampling import SAMPLERS, Request, composite, sobol
from kanpde.train.context import Context

OVERSAMPLING, AT_LEAST = 4.0, 400  # points a parameter, and beyond: with 2, deep networks overfit by a factor ten
ON_A_FACE = 60  # points at least, along one coordinate
RANK, DEGREE, GRID = 8, 7, 8  # of a separable network whose plan leaves them open
PROBES = 2000  # points at which u is compared before and after, and hidden values are looked at
DEFAULT = (
    StagePlan(optimizer="adam", steps=300),
    StagePlan(steps=100),
    StagePlan(steps=100, grid=10),
    StagePlan(steps=100, grid=20),
)
"""Stages of a deep network whose plan names none."""


def train_stages(context: Context) -> KAN:
    """The network after all stages, or as many as the budget allows.

    Raises DivergedError if the residual of a stage is not finite.
    """
    plan = context.plan
    stages = plan.train if isinstance(plan.train, tuple) else DEFAULT
    network = _first(context)
    probes = _probes(context, network)
    for number, stage in enumerate(stages, 1):
        context.network = network
        if context.left < 0:
            break
        network = _run(context, network, stage, number, probes)
    context.network = network
    return network


def _first(context: Context) -> KAN:
    plan, domain = context.plan.network, context.problem.domain
    generator = context.generator()
    if isinstance(plan, DeepNetwork):
        widths = [domain.dimension, *plan.hidden, len(context.problem.fields)]
        base = None if plan.base == "zero" else plan.base
        bounds = domain.bounds.tolist()
        return KAN(widths, plan.grid, plan.degree, plan.basis, base, bounds, generator, context.dtype, context.device)
    degree, intervals = plan.degree or DEGREE, plan.grid or GRID
    grids = [Grid.uniform(float(a), float(b), intervals, degree, context.dtype, context.device) for a, b in domain.bounds]
    return random_separable(grids, plan.rank or RANK, generator)


def _probes(context: Context, network: KAN) -> torch.Tensor:  # (N, d)
    bounds = context.problem.domain.bounds
    inside = sobol(Request(bounds, PROBES, context.plan.seed)).x
    edges = np.stack([g.ravel() for g in np.meshgrid(*(np.linspace(a, b, 9) for a, b in bounds), indexing="ij")], 1)
    return torch.as_tensor(np.concatenate([inside, edges])).to(next(network.parameters()).detach())


@torch.no_grad()
def _run(context: Context, network: KAN, stage: StagePlan, number: int, probes: torch.Tensor) -> KAN:
    began = time.perf_counter()
    name = f"{number}: {stage.optimizer}"
    network, change = _extended(context, network, stage, name, probes)
    problem = _collocate(context, network, stage)
    context.tell("stage", name, grid=network.intervals)

    def monitor(step: int, cost: float) -> bool:
        context.tell("step", name, grid=network.intervals, iteration=step, residual=cost)
        return context.left > 0

    kind = OPTIMIZERS[stage.optimizer]
    known = {f.name for f in fields(kind)} & stage.model_fields_set
    settings = {key: getattr(stage, key) for key in known}
    if kind is LevenbergMarquardt:
        settings["orthogonal"] = False
    outcome = kind(**settings)(problem, problem.theta, stage.steps, monitor)
    if not math.isfinite(outcome.cost):
        raise DivergedError(f"stage {name}: the residual is not finite", hint="lower the learning rate, or try another seed")
    trained = problem.network_at(outcome.theta)
    size = float(trained(probes).square().mean().sqrt())
    relative = outcome.cost / max(size, torch.finfo(context.dtype).tiny)
    seconds = time.perf_counter() - began
    context.record(StageRecord(name, trained.intervals, trained.count, outcome.steps, seconds, relative, None, change))
    context.tell("message", name, message=outcome.sentence)
    return trained


def _extended(context: Context, network: KAN, stage: StagePlan, name: str, probes: torch.Tensor) -> tuple[KAN, float | None]:
    """The network on the grid of a stage, and the change of u by the knot insertion (None if there was none)."""
    change = None
    if len(network.stack) > 1:
        network, moved = adapt(network, probes)
        context.tell("message", name, message=f"hidden grids fitted to the values of their inputs: u changed by {moved:.1e}")
    if stage.grid is not None and stage.grid > min(network.intervals):
        finer = with_intervals(network, stage.grid)
        before = network(probes)
        change = float((finer(probes) - before).abs().max() / before.abs().max().clamp(min=torch.finfo(probes.dtype).tiny))
        network = finer
        context.tell("extension", name, grid=network.intervals)
    return network, change


def _collocate(context: Context, network: KAN, stage: StagePlan) -> Collocation:
    """The problem at the points that the stage asks for; those on the faces are Gauss points on the input grids."""
    plan, domain = context.plan.sampling, context.problem.domain
    count = plan.points or int(OVERSAMPLING * network.count) + AT_LEAST
    breaks = _input_breaks(network)
    method = stage.sampling or plan.method
    tied = breaks if method == "gauss" else None
    request = Request(domain.bounds, count, context.plan.seed, tied, pointwise_residual(context.problem, network))
    rules = [composite(b, max(3, math.ceil(ON_A_FACE / (len(b) - 1)))) for b in breaks]
    return Collocation(context.problem, network, SAMPLERS[method](request), rules)


def _input_breaks(network: KAN) -> tuple[np.ndarray, ...]:
    """The break points of the first layer along each coordinate."""
    breaks: dict[int, np.ndarray] = {}
    for group, source in zip(network.stack[0].edges, network.stack[0].sources, strict=True):
        for i, axis in enumerate(source):
            breaks[axis] = group.breaks[i].cpu().double().numpy()
    return tuple(breaks[axis] for axis in range(network.inputs))
