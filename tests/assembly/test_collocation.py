"""Collocation: rows vanish on exact solutions and on nothing else, J is their derivative, and units do not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from made import spline_network
from torch import Tensor

from kanpde.assembly import collocation as module
from kanpde.assembly.collocation import Collocation, pointwise_residual
from kanpde.assembly.tensor_collocation import TensorCollocation
from kanpde.kan import KAN, Grid
from kanpde.kan.refine import random_separable
from kanpde.problem import read_text
from kanpde.problem.types import Problem
from kanpde.sampling import Request, composite, sobol, tensor

ROBIN = """
find: u(x, t)
domain: {x: [0, 1], t: [0, 2]}
equation: u_t = u_xx + u^2 + f
where: {f: x^2 - 2*(1 + t) - x^4*(1 + t)^2}
initial: u = x^2
boundary:
  x = 0: u_n = 0
  x = 1: u_n + u^2 = 2*(1 + t) + (1 + t)^2
"""

TWICE = """
find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_tt = u_xx
initial:
  - u = x^2 - x
  - u_t = 0
boundary: u = t^2
"""

PERIODIC = """
find: u(x, t)
domain: {x: [-1, 1], t: [0, 1]}
equation: u_t + u*u_x = u_xxx + f
where: {f: 1}
initial: u = 2
boundary: {x: periodic}
"""

PART = """
find: u(x, y)
domain: {x: [0, 1], y: [0, 1]}
equation: lap(u) = 2
boundary:
  x = 0 and y < 1/2: u = 0
  elsewhere: u = x^2
"""

Function = Callable[[np.ndarray], np.ndarray]


def _problem(text: str) -> Problem:
    return read_text(text, "case.yaml").problem


def _case(name: str) -> tuple[Problem, list[list[Function]]]:
    """A problem, and the factors of its exact solution."""
    one: Function = np.ones_like
    if name == "robin":
        return _problem(ROBIN), [[lambda x: x**2], [lambda t: 1 + t]]
    if name == "second order in time":
        return _problem(TWICE), [[lambda x: x**2 - x, one], [one, lambda t: t**2]]
    return _problem(PART), [[lambda x: x**2], [one]]


def _collocation(problem: Problem, net: KAN, count: int = 300) -> Collocation:
    rules = [composite(np.linspace(*bounds, 4), 3) for bounds in problem.domain.bounds]
    return Collocation(problem, net, sobol(Request(problem.domain.bounds, count)), rules)


CASES = ["robin", "second order in time", "part of a face"]


@pytest.mark.parametrize("name", CASES)
def test_rows_vanish_on_the_exact_solution_and_not_beside_it(name: str) -> None:
    problem, factors = _case(name)
    net = spline_network(problem.domain.bounds, factors)
    rows = _collocation(problem, net)
    assert float(rows.residual(rows.theta).norm()) < 1e-10
    for i in range(len(rows.theta)):
        theta = rows.theta
        theta[i] += 1e-3
        assert float(rows.residual(theta).norm()) > 1e-7, f"no row sees parameter {i}"


def _random(problem: Problem, kind: str) -> KAN:
    generator = torch.Generator().manual_seed(3)
    bounds = problem.domain.bounds
    if kind == "separable":
        return random_separable(
            [Grid.uniform(a, b, g, 6) for (a, b), g in zip(bounds.tolist(), (4, 3), strict=True)], 3, generator
        )
    return KAN([2, [2, 1], 1], grid=3, degree=6, domain=bounds.tolist(), generator=generator)


@pytest.mark.parametrize("kind", ["separable", "deep"])
@pytest.mark.parametrize("name", CASES)
def test_the_jacobian_is_the_derivative_of_the_residual(name: str, kind: str) -> None:
    problem, _ = _case(name)
    rows = _collocation(problem, _random(problem, kind))
    theta = rows.theta
    r, transposed = rows.linearise(theta)
    assert r.shape == (rows.rows,)
    assert transposed.shape == (len(theta), rows.rows)
    torch.testing.assert_close(r, rows.residual(theta), rtol=1e-13, atol=1e-13)
    v = torch.randn(len(theta), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    difference = (rows.residual(theta + 1e-6 * v) - rows.residual(theta - 1e-6 * v)) / 2e-6
    assert float((v @ transposed - difference).norm()) < 1e-6 * float(difference.norm())


@pytest.mark.parametrize("name", CASES)
def test_normal_equations_agree_with_the_jacobian_however_it_is_cut(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, _ = _case(name)
    rows = _collocation(problem, _random(problem, "deep"))
    theta = rows.theta
    r, transposed = rows.linearise(theta)
    monkeypatch.setattr(module, "PIECE", 40 * len(theta))
    again, squares, gradient = rows.normal(theta)
    assert float(again.norm()) == pytest.approx(float(r.norm()), rel=1e-13)
    torch.testing.assert_close(squares, transposed @ transposed.T, rtol=1e-10, atol=1e-10 * float(squares.max()))
    torch.testing.assert_close(gradient, transposed @ r, rtol=1e-10, atol=1e-10 * float(gradient.abs().max()))


@pytest.mark.parametrize("name", CASES)
def test_the_tensor_form_is_the_same_problem(name: str) -> None:
    problem, _ = _case(name)
    net = _random(problem, "separable")
    rules = [composite(f.breaks[0].numpy(), 3) for f in net.factors]
    plain, sparse = Collocation(problem, net, tensor(rules), rules), TensorCollocation(problem, net)
    theta = plain.theta
    assert torch.equal(theta, sparse.theta)
    assert plain.rows == sparse.rows
    (r, squares, gradient), (mine, own, slope) = plain.normal(theta), sparse.normal(theta)
    assert float(mine.norm()) == pytest.approx(float(r.norm()), rel=1e-12)
    assert float(sparse.residual(theta).norm()) == pytest.approx(float(r.norm()), rel=1e-12)
    torch.testing.assert_close(own, squares, rtol=1e-10, atol=1e-10 * float(squares.max()))
    torch.testing.assert_close(slope, gradient, rtol=1e-10, atol=1e-10 * float(gradient.abs().max()))


def test_units_of_coordinates_do_not_matter() -> None:
    """The same rod in metres and in kilometres, seconds and hours."""
    text = "find: u(x, t)\ndomain: {{x: [0, {L}], t: [0, {T}]}}\nequation: u_t = {a}*u_xx\ninitial: u = 0\nboundary: u_n = 0\n"
    norms = []
    for length, time in ((1, 1), (1000, 3600)):
        problem = _problem(text.format(L=length, T=time, a=f"{length}^2/{time}"))
        net = spline_network(
            problem.domain.bounds, [[lambda x, s=length: np.sin(3 * x / s)], [lambda t, s=time: 1 + (t / s) ** 2]]
        )
        rows = _collocation(problem, net)
        norms.append(float(rows.residual(rows.theta).norm()))
    assert norms[0] == pytest.approx(norms[1], rel=1e-9)


def test_seams_tie_value_and_derivatives() -> None:
    problem = _problem(PERIODIC)
    net = spline_network(problem.domain.bounds, [[np.ones_like], [lambda t: 2 + t]])
    rows = _collocation(problem, net)
    assert rows.rows == 300 + 9 + 3 * 9  # equation, initial value, three derivatives at the seam
    assert float(rows.residual(rows.theta).norm()) < 1e-11
    open_ended = spline_network(
        problem.domain.bounds, [[lambda x: x**2], [np.ones_like]]
    )  # its slope jumps by 4, its curvature not
    groups = [g for g in rows._groups if g.operator is None]
    jumps = [_jump(_collocation(problem, open_ended), order) for order in range(len(groups))]
    assert jumps == pytest.approx([0.0, 4.0, 0.0], abs=1e-9)


def _jump(rows: Collocation, order: int) -> float:
    group = [g for g in rows._groups if g.operator is None][order]
    residual, _ = rows._evaluate(group, rows._network.jet(group.x, group.indices))
    return float(residual.detach().mean())


def test_a_predicate_keeps_its_part_of_a_face() -> None:
    problem, _ = _case("part of a face")
    rows = _collocation(problem, _random(problem, "deep"))
    left = [g.x for g in rows._groups if float(g.x[:, 0].abs().max()) == 0]
    assert sorted([(float(x[:, 1].min()) < 0.5, float(x[:, 1].max()) < 0.5) for x in left]) == [(False, False), (True, True)]


def test_pointwise_residual_is_zero_on_the_solution_only() -> None:
    problem, factors = _case("robin")
    x = sobol(Request(problem.domain.bounds, 50)).x
    exact = pointwise_residual(problem, spline_network(problem.domain.bounds, factors))(x)
    assert exact.shape == (50,)
    assert exact.max() < 1e-10
    assert pointwise_residual(problem, _random(problem, "deep"))(x).min() > 1e-6


def test_the_network_given_is_left_alone() -> None:
    problem, _ = _case("robin")
    net = _random(problem, "deep")
    before = [p.detach().clone() for p in net.parameters()]
    rows = _collocation(problem, net)
    rows.linearise(rows.theta + 1)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    moved = rows.network_at(torch.zeros_like(rows.theta))
    values: Tensor = moved(torch.rand(5, 2, dtype=torch.float64))
    assert not values.any()
