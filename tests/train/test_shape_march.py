"""Time windows on shapes: first and second order in time, to their tolerance, with honest estimates, delivered in windows."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
import torch

import kanpde
from kanpde.errors import DivergedError
from kanpde.kan import KAN, WindowedKAN, network_from_spec
from kanpde.problem import read_text
from kanpde.reference import exact, fresh_points
from kanpde.report.network import draw_network
from kanpde.results import Solution

HEAT = """
find: u(x, y, t)
domain:
  (x, y): d
  d: disk([0, 0], 1)
  t: [0, 0.2]
equation: u_t = lap(u)
initial: u = exp(x)*cos(y/2)
boundary:
  y > 0: u_n = x*u - y/2*exp(x + 3/4*t)*sin(y/2)
  elsewhere: u = exp(x + 3/4*t)*cos(y/2)
exact: u = exp(x + 3/4*t)*cos(y/2)
"""
DRUM = """
find: u(x, y, t)
domain:
  (x, y): d
  d: ellipse([0, 0], 1, 0.8)
  t: [0, 0.5]
equation: u_tt = lap(u)
initial: u = cos(x)*cos(y), u_t = 0
boundary: u = cos(x)*cos(y)*cos(sqrt(2)*t)
exact: u = cos(x)*cos(y)*cos(sqrt(2)*t)
"""


@cache
def solved(text: str, **method: float) -> Solution:
    """Without reference and formula, each once."""
    problem = read_text("title: test\n" + text).problem
    return kanpde.solve(problem, progress=False, reference="none", symbolic="none", network={"degree": 6}, **method)


@pytest.mark.parametrize("text", [HEAT, DRUM], ids=["heat, two kinds of conditions", "wave"])
def test_solved_to_the_tolerance_with_an_honest_estimate(text):
    solution = solved(text, tolerance=1e-5)
    assert solution.converged, solution.outcome
    points = fresh_points(solution.problem.domain, 2**11, 5)
    truth = exact(solution.problem).values(points)["u"]
    values = solution.values(dict(zip("xyt", points.T, strict=True)))["u"]
    error = float(np.linalg.norm(values - truth) / np.linalg.norm(truth))
    assert error <= 3e-5
    assert error / 3 <= solution.estimate.value
    assert solution.history.windows == (len(solution.network.windows) if isinstance(solution.network, WindowedKAN) else 1)
    assert [stage.solver.split(",")[0] for stage in solution.history.stages] == ["banded Cholesky"] * len(solution.history.stages)


def test_windows_are_one_module_that_loads_safely_and_can_be_drawn():
    solution = solved(HEAT, tolerance=1e-5)
    network = solution.network
    assert isinstance(network, (KAN, WindowedKAN))
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    buffer.seek(0)
    again = network_from_spec(network.spec())
    again.load_state_dict(torch.load(buffer, weights_only=True))
    x = torch.as_tensor(fresh_points(solution.problem.domain, 64, 1))
    assert torch.equal(again(x), network(x))
    assert draw_network(solution).axes


def test_a_budget_that_ends_before_time_does_says_so():
    with pytest.raises(DivergedError, match="did not reach the end of time"):
        solved(HEAT, tolerance=1e-9, budget=0.01)
