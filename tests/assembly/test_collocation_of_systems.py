"""Collocation of several fields: every field has its conditions, seams, points and starts of a time window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from made import spline_network
from torch import Tensor

from kanpde.assembly.collocation import Collocation, Given, starts
from kanpde.kan import KAN
from kanpde.problem import read_text
from kanpde.problem.types import Problem
from kanpde.sampling import Request, composite, sobol

# u = 1 + t, v = 2 - t, everywhere in x
RING = """
find: u(x, t), v(x, t)
domain: {x: [-1, 1], t: [0, 1]}
equations:
  - u_t = u_xx + v - 1 + t
  - v_tt = v_xx + u - 1 - t
initial: u = 1, v = 2, v_t = -1
boundary: {x: periodic}
"""

# a level fixed at one point
LEVEL = """
find: u(x, y), p(x, y)
domain: {x: [0, 1], y: [0, 1]}
equations:
  - lap(u) = p_x + 2 - 2*x
  - lap(p) = 0
boundary:
  x = 0: u = 0, p_n = 0
  elsewhere: u = x^2, p_n = 0
constraints: {level: "p(1/2, 1/4) = 3/16"}
"""


def _rows(problem: Problem, net: KAN, start: Given | None = None) -> Collocation:
    rules = [composite(np.linspace(*bounds, 4), 3) for bounds in problem.domain.bounds]
    return Collocation(problem, net, sobol(Request(problem.domain.bounds, 200)), rules, start)


def _ring(bounds: np.ndarray) -> KAN:
    """The exact solution of RING, both fields as sums of two products."""
    one = np.ones_like
    return spline_network(bounds, [[one] * 4, [one, lambda t: t, lambda t: 2 + 0 * t, lambda t: -t]], outputs=2)


def _given(value: float) -> Given:
    def given(x: np.ndarray) -> list[Tensor]:
        t = torch.as_tensor(x[:, 1])
        return [1 + t + value, 2 - t, -torch.ones_like(t)]

    return given


def test_what_the_start_of_a_window_fixes() -> None:
    assert starts(read_text(RING, "case.yaml").problem) == [(0, 0), (1, 0), (1, 1)]


def test_rows_of_a_system_vanish_on_the_exact_solution_alone() -> None:
    problem = read_text(RING, "case.yaml").problem
    rows = _rows(problem, _ring(problem.domain.bounds))
    assert float(rows.residual(rows.theta).norm()) < 1e-10
    for i in range(0, len(rows.theta), 7):
        theta = rows.theta
        theta[i] += 1e-3
        assert float(rows.residual(theta).norm()) > 1e-7, f"no row sees parameter {i}"


def test_a_window_begins_with_given_values_in_place_of_the_initial_ones() -> None:
    problem = read_text(RING, "case.yaml").problem
    bounds = np.array([[-1.0, 1.0], [0.5, 0.75]])
    window = replace(problem, domain=replace(problem.domain, bounds=bounds))
    net = _ring(bounds)
    good, bad = _rows(window, net, _given(0.0)), _rows(window, net, _given(1e-3))
    assert float(good.residual(good.theta).norm()) < 1e-10
    assert float(bad.residual(bad.theta).norm()) == pytest.approx(10 * 1e-3, rel=1e-6)  # the weight of a start is 10


@pytest.mark.parametrize("text", [RING, LEVEL])
def test_the_jacobian_of_a_system(text: str) -> None:
    problem = read_text(text, "case.yaml").problem
    bounds = problem.domain.bounds
    net = KAN([2, 3, 2], grid=3, degree=5, domain=bounds.tolist(), generator=torch.Generator().manual_seed(3))
    rows = _rows(problem, net)
    theta = rows.theta
    r, transposed = rows.linearise(theta)
    assert r.shape == (rows.rows,)
    v = torch.randn(len(theta), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    difference = (rows.residual(theta + 1e-6 * v) - rows.residual(theta - 1e-6 * v)) / 2e-6
    assert float((v @ transposed - difference).norm()) < 1e-6 * float(difference.norm())
    _, squares, gradient = rows.normal(theta)
    torch.testing.assert_close(squares, transposed @ transposed.T, rtol=1e-10, atol=1e-10 * float(squares.max()))
    torch.testing.assert_close(gradient, transposed @ r, rtol=1e-10, atol=1e-10 * float(gradient.abs().max()))


def test_a_value_at_a_point_is_one_row() -> None:
    problem = read_text(LEVEL, "case.yaml").problem
    net = KAN([2, 3, 2], grid=3, degree=5, domain=problem.domain.bounds.tolist(), generator=torch.Generator().manual_seed(3))
    without = replace(problem, conditions=tuple(c for c in problem.conditions if c.kind != "constraint"))
    assert _rows(problem, net).rows == _rows(without, net).rows + 1
    x = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    all_rows, others = (_rows(p, net) for p in (problem, without))
    point = all_rows.residual(all_rows.theta).square().sum() - others.residual(others.theta).square().sum()
    assert float(point) == pytest.approx(900 * float(net(x).detach()[0, 1] - 3 / 16) ** 2, rel=1e-6)
