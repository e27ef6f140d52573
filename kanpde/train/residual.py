"""The residual on points that were not trained on: how well the delivered network obeys the equation."""

from __future__ import annotations

import torch

from kanpde.assembly import Operator
from kanpde.kan import Network
from kanpde.problem.materials import materials
from kanpde.train.context import Context

POINTS = 4096
SEED = 7919  # added to the plan's seed, so that no sampler of the training draws the same points


def fresh_residual(context: Context, network: Network) -> float:
    """The root mean square of the equation's residual on fresh Sobol points, relative to its largest term."""
    problem = context.problem
    bounds = torch.as_tensor(problem.domain.bounds).to(context.device, context.dtype)
    engine = torch.quasirandom.SobolEngine(problem.domain.dimension, scramble=True, seed=context.plan.seed + SEED)
    unit = engine.draw(POINTS, dtype=torch.float64).to(bounds)
    x = bounds[:, 0] + unit * (bounds[:, 1] - bounds[:, 0])
    if problem.domain.region_axes:
        x = x[torch.as_tensor(problem.domain.contains(x.cpu().numpy()), device=x.device)]
    number = {field.name: i for i, field in enumerate(problem.fields)}
    regions = materials(problem)
    if regions is None:
        parts = [(problem.equations, x)]
    else:
        where = torch.as_tensor(regions.number(x.cpu().numpy()), device=x.device)
        parts = [(region.equations, x[where == i]) for i, region in enumerate(regions.regions)]
    worst = 0.0
    for equations, points in parts:
        for residual in equations if len(points) else ():
            operator = Operator(residual, problem)
            jets = network.jet(points, [index for _, index in operator.keys])
            values = {key: jets[key[1]][number[key[0]]] for key in operator.keys}
            r, slopes = operator(list(points.unbind(1)), values)
            terms = [float((slopes[key] * values[key]).square().mean().sqrt()) for key in operator.keys]
            worst = max(worst, float(r.square().mean().sqrt()) / max([*terms, 1e-300]))
    return worst
