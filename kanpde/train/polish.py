"""Polishing: all edges of a finished network trained once more together, over the whole domain, by damped Gauss-Newton steps.

What was trained window by window, or compressed, is so brought to a minimum of one residual. Only steps that lower the residual
are taken, so that the result is never worse by that measure.
"""

from __future__ import annotations

import time

import torch

from kanpde.assembly.collocation import Collocation
from kanpde.assembly.tensor_collocation import TensorCollocation
from kanpde.kan import KAN
from kanpde.optimize import LevenbergMarquardt
from kanpde.results.history import StageRecord
from kanpde.sampling import composite, tensor
from kanpde.train.context import Context

STEPS = 10
DAMPING = 1e-10  # near the minimum already: steps are nearly those of Gauss-Newton
SLOW, PATIENCE = 0.02, 1  # one step that lowers |r|^2 by less than 2 percent ends it: each costs seconds
PER_INTERVAL = 3  # Gauss points; as in lifted training
MOST_PARAMETERS = 8000  # J^T J of 0.5 GB, and minutes for its factorisations


@torch.no_grad()
def polish(context: Context, network: KAN) -> KAN:
    """The network after a few steps on all of its edges; itself where none lowers the residual, or where it is too large."""
    if not network.factors or network.inputs > 2 or network.count > MOST_PARAMETERS or context.left < 0:
        context.tell("message", "polish", message=f"not polished: {network.inputs} coordinates, {network.count} parameters")
        return network
    began = time.perf_counter()
    context.tell("stage", "polish", grid=network.intervals)
    problem = _collocate(context, network)

    def monitor(step: int, cost: float) -> bool:
        context.tell("step", "polish", grid=network.intervals, iteration=step, residual=cost)
        return context.left > 0

    optimizer = LevenbergMarquardt(damping=DAMPING, slow=SLOW, patience=PATIENCE, orthogonal=False)
    start = problem.theta
    outcome = optimizer(problem, start, STEPS, monitor)
    polished = problem.network_at(outcome.theta) if outcome.cost < outcome.history[0] else network
    size = float(polished(_probes(context, network)).square().mean().sqrt())
    relative = outcome.cost / max(size, torch.finfo(context.dtype).tiny)
    seconds = time.perf_counter() - began
    context.record(StageRecord("polish", network.intervals, network.count, outcome.steps, seconds, relative))
    context.tell("message", "polish", message=f"residual {outcome.history[0]:.2e} -> {outcome.cost:.2e}: {outcome.sentence}")
    return polished


def _collocate(context: Context, network: KAN) -> Collocation | TensorCollocation:
    if network.inputs == 2:
        return TensorCollocation(context.problem, network, PER_INTERVAL)
    rules = [composite(f.breaks[0].cpu().double().numpy(), PER_INTERVAL) for f in network.factors]
    return Collocation(context.problem, network, tensor(rules), rules)


def _probes(context: Context, network: KAN) -> torch.Tensor:  # (N, d)
    points = tensor([composite(bounds, 20) for bounds in context.problem.domain.bounds])
    return torch.as_tensor(points.x).to(network.factors[0].breaks)
