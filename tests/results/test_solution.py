"""A solution is a function: its values and derivatives are those of the polynomial that the network represents."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import POLYNOMIAL, solution_of, spline_network

from kanpde.errors import ProblemError
from kanpde.results import Solution

ROUND_OFF = 2e-12  # the derivatives here are of size 10, their condition about 100


def truth(x, t, order=(0, 0)):
    a = [x * (1 - x), 1 - 2 * x, -2 + 0 * x, 0 * x][order[0]]
    b = [1 + t**3, 3 * t**2, 6 * t, 6 + 0 * t][order[1]]
    return a * b


@pytest.mark.parametrize(
    ("name", "order"), [("u", (0, 0)), ("u_x", (1, 0)), ("u_t", (0, 1)), ("u_xt", (1, 1)), ("u_xxt", (2, 1)), ("u_txtx", (2, 2))]
)
def test_values_and_derivatives_are_those_of_the_polynomial(rod, name, order):
    rng = np.random.default_rng(1)
    x, t = rng.uniform(0, 1, (4, 5)), rng.uniform(0, 2, (4, 5))
    assert np.abs(rod.derivative(name, x=x, t=t) - truth(x, t, order)).max() < ROUND_OFF * 100 ** max(order)


def test_a_tensor_grid_gives_what_single_points_give(rod):
    x, t = np.linspace(0, 1, 7), np.linspace(0, 2, 5)
    fast = rod.derivative("u_xt", x=x, t=t[:, None])  # factors along each axis
    slow = rod.derivative("u_xt", x=np.tile(x, (5, 1)), t=np.tile(t[:, None], 7))  # point by point
    assert fast.shape == (5, 7)
    assert np.abs(fast - slow).max() < 1e-12
    assert np.abs(fast - truth(x, t[:, None], (1, 1))).max() < 1e-10


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_shapes_broadcast_as_in_numpy(n, m, outer):
    network = spline_network(np.array([[0.0, 1.0], [0.0, 2.0]]), [[lambda x: x * (1 - x)], [lambda t: 1 + t**3]])
    solution = solution_of(POLYNOMIAL, network)
    x = np.linspace(0, 1, n)[:, None] if outer else np.linspace(0, 1, n)
    t = np.linspace(0, 2, m) if outer else 0.5
    u = solution(x=x, t=t)
    assert u.shape == np.broadcast_shapes(np.shape(x), np.shape(t))
    assert np.abs(u - truth(x, t)).max() < 1e-12


def test_numbers_give_a_number_and_nothing_gives_nothing(rod):
    u = rod(x=0.5, t=1)
    assert isinstance(u, float)
    assert u == pytest.approx(0.5, abs=1e-13)
    assert rod(x=np.empty((0, 3)), t=1.0).shape == (0, 3)


def test_large_batches_go_in_chunks_and_stay_the_same(rod, monkeypatch):
    rng = np.random.default_rng(2)
    x, t = rng.uniform(0, 1, 100), rng.uniform(0, 2, 100)
    whole = rod(x=x, t=t)
    monkeypatch.setattr("kanpde.results.evaluation.CHUNK", 7)
    assert np.abs(rod(x=x, t=t) - whole).max() < 1e-14


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ({"x": 1.5, "t": 0}, "x = 1.5 is outside the domain, 0 <= x <= 1"),
        ({"x": 0.5, "t": np.array([0.0, -0.1])}, "t = -0.1 is outside the domain, 0 <= t <= 2"),
        ({"x": np.nan, "t": 0}, "x must be a finite number at every point"),
        ({"x": 0.5}, "a value is missing for t: the solution depends on x, t"),
        ({"x": 0.5, "t": 0, "z": 1}, "there is no coordinate 'z'; the solution depends on x, t"),
        ({"x": np.zeros(3), "t": np.zeros(4)}, "the coordinates have shapes (3,), (4,), which do not broadcast"),
    ],
)
def test_points_that_make_no_sense_are_refused(rod, points, message):
    with pytest.raises(ProblemError) as refused:
        rod(**points)
    assert refused.value.message == message


def test_a_point_outside_by_rounding_lies_on_the_boundary(rod):
    assert rod(x=1 + 1e-15, t=2.0) == rod(x=1.0, t=2.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("u_z", "'u' has no coordinate 'z'"),
        ("v_x", "'v_x' is no derivative of u"),
        ("u_xxxxx", "the network is 4 times continuously differentiable in x; u_xxxxx needs 5"),
    ],
)
def test_derivatives_that_do_not_exist_are_refused(rod, name, message):
    with pytest.raises(ProblemError) as refused:
        rod.derivative(name, x=0.5, t=1)
    assert refused.value.message == message


def test_a_deep_network_differentiates_like_autograd(deep):
    x = torch.tensor([[0.3, 0.2], [-0.7, 0.9]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(deep.network(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope[:, 0].sum(), x)
    points = {"x": x[:, 0].detach().numpy(), "y": x[:, 1].detach().numpy()}
    assert deep.derivative("u_x", **points) == pytest.approx(slope[:, 0].detach().numpy(), rel=1e-10)
    assert deep.derivative("u_xy", **points) == pytest.approx(second[:, 1].numpy(), rel=1e-9)


def test_a_periodic_axis_goes_round(rod):
    text = POLYNOMIAL.replace("boundary: u = 0", "boundary:\n  x: periodic").split("exact")[0]
    solution = solution_of(text, rod.network)
    x = np.array([0.25, 0.75])
    assert np.abs(solution(x=x + 3, t=1.0) - solution(x=x, t=1.0)).max() < 1e-13
    assert np.abs(solution(x=x - 1, t=1.0) - solution(x=x, t=1.0)).max() < 1e-13


def test_several_fields_are_called_by_name():
    text = POLYNOMIAL.replace("find: u(x, t)", "find: u(x, t), v(x, t)").split("equation")[0] + "equation: u_t = v, v_t = u_xx\n"
    text += "initial: u = x, v = 0\nboundary: u = 0, v = 0\n"
    factors = [[lambda x: x, lambda x: 1 + 0 * x], [lambda t: t, lambda t: t**2]]
    solution = solution_of(text, spline_network(np.array([[0.0, 1.0], [0.0, 2.0]]), factors, outputs=2))
    assert solution["u"](x=0.5, t=2.0) == pytest.approx(1.0)
    assert solution["v"](x=0.5, t=2.0) == pytest.approx(4.0)
    assert solution["v"].derivative("tt", x=0.5, t=1.0) == solution.derivative("v_tt", x=0.5, t=1.0) == pytest.approx(2.0)
    with pytest.raises(ProblemError, match="write solution"):
        solution(x=0.5, t=1.0)
    with pytest.raises(ProblemError, match="no field 'w'"):
        solution["w"]


def test_it_says_what_it_is(rod):
    text = repr(rod)
    assert "u(x, t)" in text
    assert "4.0e-12" in text
    assert "(proved)" in text


def test_gradients_stand_in_the_order_of_the_coordinates(rod):
    points = {"x": np.array([0.2, 0.4]), "t": np.array([1.0, 0.5])}
    slopes = rod.gradients(points)["u"]  # (N, 2)
    expected = np.stack([truth(points["x"], points["t"], (1, 0)), truth(points["x"], points["t"], (0, 1))], -1)
    assert np.abs(slopes - expected).max() < 1e-11


def test_a_saved_solution_is_the_same_function(rod, tmp_path):
    rod.save(tmp_path / "rod.h5")
    again = Solution.load(tmp_path / "rod.h5")
    x, t = np.linspace(0, 1, 9), np.linspace(0, 2, 9)
    assert (again(x=x, t=t) == rod(x=x, t=t)).all()
    assert (again.derivative("u_xxt", x=x, t=t) == rod.derivative("u_xxt", x=x, t=t)).all()
    for item in ("plan", "history", "outcome", "converged", "estimate", "residual", "seconds", "device", "comparison", "formula"):
        assert getattr(again, item) == getattr(rod, item)
    assert again.problem.source == rod.problem.source
    assert (again.errors["u"] == rod.errors["u"]).all()
