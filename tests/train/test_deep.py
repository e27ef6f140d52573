"""Deep networks by default settings: windows in time, systems, an honest estimate; and where the ridges of the start point."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kanpde.errors import DivergedError
from kanpde.kan import WindowedKAN
from kanpde.plan import make_plan
from kanpde.problem import read_text
from kanpde.problem.types import Problem
from kanpde.train import deep
from kanpde.train.context import Context
from kanpde.train.deep import train_deep
from kanpde.train.deep_march import fan, first_start
from kanpde.train.solve import solve

DECAY = """
title: diffusion of two fields that change into each other
find: u(x, t), v(x, t)
domain: {x: [0, 1], t: [0, 0.1]}
equations:
  - u_t = u_xx + v
  - v_t = v_xx - u
initial: u = sin(pi*x), v = 0
boundary: u = 0, v = 0
"""

PLANE = """
title: Poisson's equation
find: u(x, y)
domain: {x: [-1, 1], y: [-1, 1]}
equation: -lap(u) = 2*pi^2*sin(pi*x)*sin(pi*y)
boundary: u = 0
"""


def _problem(text: str) -> Problem:
    return read_text(text, "case.yaml").problem


def _deep(**more: object) -> dict[str, object]:
    return {"network": {"architecture": "deep", "hidden": [4]}, **more}


def test_a_system_is_marched_and_the_estimate_is_honest() -> None:
    solution = solve(_problem(DECAY), make_plan(_deep(tolerance=1e-2)))
    assert isinstance(solution.network, WindowedKAN)
    assert len(solution.network.windows) == solution.history.windows > 1
    rng = np.random.default_rng(3)
    x, t = rng.uniform(0, 1, 2000), rng.uniform(0, 0.1, 2000)
    size = np.exp(-(np.pi**2) * t) * np.sin(np.pi * x)
    worst = 0.0
    for name, truth in (("u", size * np.cos(t)), ("v", -size * np.sin(t))):
        worst = max(worst, float(np.linalg.norm(solution[name](x=x, t=t) - truth) / np.linalg.norm(truth)))
    assert worst < 1e-2
    assert worst / 3 < solution.estimate.value < 30 * worst


def test_a_plane_problem_starts_from_ridges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "GRIDS", (8,))
    monkeypatch.setattr(deep, "STEPS", 12)
    context = Context(_problem(PLANE), make_plan(_deep(tolerance=1e-2)))
    with torch.no_grad():
        network = train_deep(context)
    x = np.random.default_rng(3).uniform(-1, 1, (2000, 2))
    truth = np.prod(np.sin(np.pi * x), 1)
    assert np.linalg.norm(network(torch.as_tensor(x)).detach().numpy()[:, 0] - truth) < 1e-2 * np.linalg.norm(truth)
    assert len(context.history.stages) == 1


def test_a_budget_that_ends_early_is_said() -> None:
    with pytest.raises(DivergedError, match="budget"):
        train_deep(Context(_problem(DECAY), make_plan(_deep(budget=1e-6))))


def test_initial_values_are_read_off_the_conditions() -> None:
    text = DECAY.replace("u = sin(pi*x), v = 0\n", "2*u = x + 1, v = x^2\n")
    start = first_start(_problem(text), Context(_problem(text), make_plan(_deep())))
    x = np.array([[0.25, 0.0], [0.5, 0.0]])
    assert start.values(x).tolist() == [[0.625, 0.75], [0.0625, 0.25]]
    assert not start.slopes(x).any()


def test_ridges_point_along_different_directions() -> None:
    for dimension, time_axis in ((2, None), (2, 0), (2, 1), (3, 2), (3, None)):
        directions = fan(6, dimension, time_axis)
        assert directions.shape == (6, dimension)
        cosines = directions @ directions.T / np.outer(*[np.linalg.norm(directions, axis=1)] * 2)
        assert np.abs(cosines - np.eye(6)).max() < 0.99
    assert (np.abs(fan(6, 2, 1)[:, 0]) > np.abs(fan(6, 2, 1)[:, 1])).all()
    assert (np.abs(fan(6, 2, 0)[:, 1]) > np.abs(fan(6, 2, 0)[:, 0])).all()
