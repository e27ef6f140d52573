"""Named stages: each runs on its grid with its optimiser, growing changes nothing, and the residual falls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kanpde.plan import make_plan
from kanpde.problem import read_text
from kanpde.train.context import Context
from kanpde.train.stages import train_stages

POISSON = """
title: a product
find: u(x, y)
domain: {x: [-1, 1], y: [-1, 1]}
equation: -lap(u) = 2*pi^2*sin(pi*x)*sin(pi*y)
boundary: u = 0
"""

HEAT = """
title: heat
find: u(x, t)
domain: {x: [0, 1], t: [0, 0.2]}
equation: u_t = u_xx
initial: u = sin(pi*x)
boundary: u = 0
"""


def _run(text: str, **method: object) -> tuple[torch.nn.Module, Context]:
    context = Context(read_text(text, "case.yaml").problem, make_plan(method))
    return train_stages(context), context


def _error(net: torch.nn.Module, bounds: np.ndarray, exact) -> float:
    x = np.random.default_rng(3).uniform(bounds[:, 0], bounds[:, 1], (2000, 2))
    truth = exact(*x.T)
    return float(np.linalg.norm(net(torch.as_tensor(x)).detach().numpy()[:, 0] - truth) / np.linalg.norm(truth))


def test_stages_run_as_named() -> None:
    stages = [
        {"optimizer": "adam", "steps": 50, "grid": 3},
        {"optimizer": "lbfgs", "steps": 20},
        {"optimizer": "levenberg-marquardt", "steps": 15, "grid": 6, "sampling": "sobol"},
        {"optimizer": "gauss-newton", "steps": 2, "grid": 7, "sampling": "residual-adaptive"},
    ]
    network = {"architecture": "deep", "hidden": [4], "degree": 5, "grid": 3}
    net, context = _run(POISSON, network=network, train=stages)
    records = context.history.stages
    assert [r.name.split(": ")[1] for r in records] == ["adam", "lbfgs", "levenberg-marquardt", "gauss-newton"]
    assert [r.grid[0] for r in records] == [3, 3, 6, 7]
    assert [r.iterations for r in records[:1]] == [50]
    assert records[2].residual < 0.1 * records[0].residual
    assert context.history.largest_change < 1e-12
    assert context.network is net


def test_time_is_one_more_coordinate() -> None:
    stages = [{"optimizer": "adam", "steps": 150}, {"steps": 60, "grid": 8}]
    net, context = _run(HEAT, network={"hidden": [4], "degree": 5, "grid": 4}, train=stages)
    assert _error(net, context.problem.domain.bounds, lambda x, t: np.exp(-(np.pi**2) * t) * np.sin(np.pi * x)) < 1e-3


def test_stages_train_separable_networks_too() -> None:
    net, context = _run(POISSON, network={"rank": 2, "degree": 7}, train=[{"steps": 40}, {"steps": 40, "grid": 16}])
    assert net.rank == 2
    assert _error(net, context.problem.domain.bounds, lambda x, y: np.sin(np.pi * x) * np.sin(np.pi * y)) < 1e-6


def test_chebyshev_edges_gain_modes() -> None:
    network = {"hidden": [3], "basis": "chebyshev", "degree": 3, "grid": 3, "base": "zero"}
    _, context = _run(POISSON, network=network, train=[{"steps": 30}, {"steps": 30, "grid": 5}])
    assert context.history.stages[1].grid == (5, 5)
    assert context.history.stages[1].change < 1e-12
    assert context.history.stages[1].residual < context.history.stages[0].residual


def test_a_spent_budget_leaves_a_network() -> None:
    net, context = _run(POISSON, network={"hidden": [3]}, train=[{"steps": 1000}, {"steps": 1000}], budget=1e-6)
    assert len(context.history.stages) <= 1
    assert torch.isfinite(net(torch.zeros(1, 2, dtype=torch.float64))).all()


@pytest.mark.slow
def test_the_deep_network_reaches_five_digits() -> None:
    stages = [
        {"optimizer": "adam", "steps": 500, "grid": 5},
        {"optimizer": "levenberg-marquardt", "steps": 100, "grid": 10},
        {"optimizer": "levenberg-marquardt", "steps": 100, "grid": 20, "sampling": "residual-adaptive"},
    ]
    net, context = _run(POISSON, network={"hidden": [8], "degree": 5}, train=stages)
    assert _error(net, context.problem.domain.bounds, lambda x, y: np.sin(np.pi * x) * np.sin(np.pi * y)) < 1e-5
