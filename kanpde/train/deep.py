"""Deep networks by default settings: one on a box, or one a time window; what a problem file asks for with ``network: deep``."""

from __future__ import annotations

import time

import torch

from kanpde.errors import DivergedError
from kanpde.kan import KAN, Grid
from kanpde.kan.refine import with_intervals
from kanpde.kan.ridges import ridges
from kanpde.kan.windows import WindowedKAN
from kanpde.plan import DeepNetwork
from kanpde.results.history import StageRecord
from kanpde.sampling import Request, sobol
from kanpde.train.context import Context
from kanpde.train.deep_march import DeepMarch, fan
from kanpde.train.deep_stage import size, train_on

GRIDS = (8, 12, 18, 27, 40)  # intervals of all edges, stage after stage
STEPS, SLOW = 40, 2e-3  # of a round: there is no window to shorten instead
WORTH = 0.7  # the next grid is tried while the residual falls at least to this share
COSTLIER = 3.0  # how seconds of a stage grow from one grid to the next: with the cube of the parameters


def train_deep(context: Context) -> KAN | WindowedKAN:
    """A trained deep network, in windows where the problem has a time.

    Raises DivergedError where nothing usable is found.
    """
    domain = context.problem.domain
    if domain.time_axis is not None and domain.dimension > 1:
        return DeepMarch(context).run()
    return _box(context)


def _box(context: Context) -> KAN:
    """One network, on finer and finer grids while that helps; ridges in all directions are the start."""
    plan, problem = context.plan.network, context.problem
    assert isinstance(plan, DeepNetwork)
    bounds = problem.domain.bounds
    given = "grid" in plan.model_fields_set
    grids = tuple(g for g in GRIDS if g > plan.grid) if given else GRIDS[1:]
    first = plan.grid if given else GRIDS[0]
    ends = [torch.tensor([float(a), float(b)], dtype=context.dtype, device=context.device) for a, b in bounds]
    unit = ends[0].new_tensor([-1.0, 1.0])
    network = ridges(
        [Grid.uniform(float(a), float(b), first, plan.degree, context.dtype, context.device) for a, b in bounds],
        [(x, unit) for x in ends],
        torch.as_tensor(fan(plan.hidden[0], len(bounds), None)).to(unit),
        plan.hidden,
        len(problem.fields),
        first,
        plan.basis,
        None if plan.base == "zero" else plan.base,
    )
    probes = torch.as_tensor(sobol(Request(bounds, 1000, context.plan.seed)).x).to(unit)
    best: tuple[float, KAN] | None = None
    for number, _ in enumerate((first, *grids), 1):
        began = time.perf_counter()
        name = f"{number}: grid {network.intervals[0]}"
        context.tell("stage", name, grid=network.intervals)
        target = 0.1 * context.plan.tolerance * (best[1](probes).detach().square().mean().sqrt().item() if best else 0.0)
        trained = train_on(context, problem, network, None, target, 1.0, context.plan.seed + number, name, STEPS, SLOW)
        relative = trained.residual / max(size(trained.network, probes), torch.finfo(context.dtype).tiny)
        seconds = time.perf_counter() - began
        context.record(StageRecord(name, trained.network.intervals, trained.network.count, trained.steps, seconds, relative))
        better = best is None or relative < best[0]
        helped = best is None or relative < WORTH * best[0]
        if better:
            best = relative, trained.network
            context.network = trained.network
        if not helped or relative < 0.1 * context.plan.tolerance or context.left < COSTLIER * seconds or number > len(grids):
            break
        network = with_intervals(trained.network, grids[number - 1])
    if best is None or best[0] != best[0]:
        raise DivergedError("the residual of the deep network is not finite", hint="try another seed")
    return best[1]
