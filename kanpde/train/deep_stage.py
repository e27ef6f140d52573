"""One deep network on one box, trained in rounds: hidden grids that follow their values, points that follow the residual.

A round fits the hidden grids to the values that occur, draws points (half of them, after the first round, where the residual is
large), and runs Levenberg-Marquardt. The residual that is reported is that on points which no round has seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kanpde.assembly.collocation import Collocation, Given, Rule, pointwise_residual
from kanpde.kan import KAN
from kanpde.kan.refine import adapt
from kanpde.optimize import LevenbergMarquardt
from kanpde.optimize.restrained import Restrained
from kanpde.problem.types import Problem
from kanpde.sampling import Request, composite, residual_adaptive, sobol
from kanpde.train.context import Context

OVERSAMPLING, AT_LEAST = 6.0, 200  # points a parameter and field, and beyond: with 4, windows of Burgers' equation get rough
ON_A_FACE = 200  # points at least, along one coordinate: a composition is no spline on the input grid, and needs more
ROUNDS, STEPS = 3, 15  # of Levenberg-Marquardt; hidden values leave their grids in longer rounds
MARGIN = 0.1  # of the hidden grids
SLOW, PATIENCE = 1e-2, 3  # a round ends when |r|^2 falls by less in so many steps
DAMPING = 1e-5
RESTRAINT = 1e-7  # times the size of u: the pull on coefficients
STUCK = 0.7  # the last round is left out if one before reduced the residual by less
FRESH = 7919  # added to the seed for points that no round has seen
EDGES = 33  # probes along each coordinate, ends included, that tell which values hidden nodes take


@dataclass(frozen=True)
class Trained:
    """A network and its weighted residual on fresh points, in the units of u."""

    network: KAN
    residual: float
    steps: int


def train_on(
    context: Context,
    problem: Problem,  # the whole problem, or with the bounds of a time window
    network: KAN,
    start: Given | None = None,
    target: float = 0.0,  # a residual that is good enough
    scale: float = 1.0,  # the size of u
    seed: int = 0,
    name: str = "",
    steps: int = STEPS,
    slow: float = SLOW,
) -> Trained:
    """The network after the rounds, or as many as the budget allows."""
    breaks = input_breaks(network)
    count = int(OVERSAMPLING * network.count / len(problem.equations)) + AT_LEAST
    rules: list[Rule] = [composite(b, max(4, math.ceil(ON_A_FACE / (len(b) - 1)))) for b in breaks]
    bounds = problem.domain.bounds
    grid = np.meshgrid(*(np.linspace(a, b, EDGES) for a, b in bounds), indexing="ij") if len(bounds) < 3 else []
    fresh = sobol(Request(bounds, count, seed + FRESH, breaks))
    probed = np.concatenate([np.stack([g.ravel() for g in grid], 1), fresh.x]) if len(grid) else fresh.x
    probes = torch.as_tensor(probed).to(next(network.parameters()).detach())
    taken, before = 0, math.inf

    def monitor(step: int, cost: float) -> bool:
        context.tell("step", name, grid=network.intervals, iteration=taken + step, residual=cost)
        return context.left > 0

    for number in range(ROUNDS):
        network, _ = adapt(network, probes, MARGIN)
        draw = residual_adaptive if number else sobol
        residual = pointwise_residual(problem, network) if number else None
        points = draw(Request(bounds, count, seed + number, breaks, residual))
        collocation = Collocation(problem, network, points, rules, start)
        optimizer = LevenbergMarquardt(DAMPING, target, slow=slow, patience=PATIENCE, orthogonal=False)
        restrained = Restrained(collocation, RESTRAINT * scale, collocation.theta)
        outcome = optimizer(restrained, collocation.theta, steps, monitor)
        network = collocation.network_at(outcome.theta)
        taken += outcome.steps
        if outcome.cost <= target or context.left < 0 or outcome.cost > STUCK * before:
            break
        before = outcome.cost
    network, _ = adapt(network, probes, MARGIN)
    judge = Collocation(problem, network, fresh, rules, start)
    return Trained(network, float(judge.residual(judge.theta).norm()), taken)


def input_breaks(network: KAN) -> tuple[np.ndarray, ...]:
    """The break points of the first layer along each coordinate."""
    breaks: dict[int, np.ndarray] = {}
    for group, source in zip(network.stack[0].edges, network.stack[0].sources, strict=True):
        for i, axis in enumerate(source):
            breaks[axis] = group.breaks[i].cpu().double().numpy()
    return tuple(breaks[axis] for axis in range(network.inputs))


def size(network: KAN, x: torch.Tensor) -> float:
    """The root mean square of the largest field at points (N, d)."""
    return float(network(x).detach().square().mean(0).max().sqrt())


def point_grid(axes: Sequence[np.ndarray]) -> np.ndarray:  # (N, d)
    """All combinations of points along each coordinate."""
    return np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], 1)
