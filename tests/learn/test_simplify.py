"""Networks that shrink to what the data ask for, and edges that become functions only where nothing is lost."""

import numpy as np
import pytest
import torch

from kanpde.kan import KAN
from kanpde.learn.auto_symbolic import auto_symbolic, spline_edges
from kanpde.learn.data import Data
from kanpde.learn.simplify import simplified
from kanpde.learn.training import train
from kanpde.symbolic.data.walk import formula_of_network


def data(function, count=400, seed=0, inputs=2):
    x = np.random.default_rng(seed).uniform(-1, 1, (count, inputs))
    return Data.of(x, function(*x.T))


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def network(widths, seed=0, grid=5):
    return KAN(widths, grid, 3, base=None, generator=torch.Generator().manual_seed(seed))


def walked(function, widths, seed=0, **options):
    given = data(function, seed=seed)
    held = data(function, 200, seed + 1000)
    small = simplified(network(widths, seed), given, held)
    fine = train(small.network, given, held, grids=(10,), steps=40)
    return given, held, small, auto_symbolic(fine.network, given, held, **options)


def test_hidden_nodes_that_nothing_needs_are_taken_out():
    small = simplified(network([2, 4, 1]), data(lambda x, y: np.exp(np.sin(2 * x) + y**2)))
    assert small.widths == (2, 1, 1)
    assert small.error < 1e-2
    assert "3 hidden nodes were taken out" in small.sentence


def test_hidden_nodes_that_are_needed_stay():
    small = simplified(network([2, 3, 1]), data(lambda x, y: x * y, 200))  # two squares
    assert small.widths == (2, 2, 1)
    assert small.error < 1e-2


def test_inputs_that_do_nothing_lose_their_edges():
    given = data(lambda x, y, z: np.sin(3 * x) * 1.0 + y, inputs=3)
    small = simplified(network([3, 2, 1]), given)
    assert not [edge for edge in spline_edges(small.network, given.x) if edge[:2] == (0, 2)]


def test_a_walk_ends_at_the_function_to_rounding():
    given, _, _, found = walked(lambda x, y: np.exp(np.sin(2 * x) + y**2), [2, 2, 1])
    assert found.complete
    assert {one.function for one in found.replaced.values()} <= {"sin", "cos", "x^2", "exp"}
    assert found.error < 1e-13
    formula = formula_of_network(found.network, given.x.numpy(), given.y.numpy(), ("x", "y"), ("f",))
    assert formula.status == "verified numerically"
    assert formula.text == "f = exp(y^2 + sin(2*x))"


@pytest.mark.slow
def test_an_edge_that_is_no_known_function_stays_a_spline_and_says_so():
    from scipy.special import jv

    _, _, _, found = walked(lambda x, y: np.exp(jv(0, 4 * x + 1) + y**2), [2, 1, 1])
    assert not found.complete
    (place,) = [edge for edge in found.stayed if edge[1] == 0 and edge[0] == 0]
    assert place == (0, 0, 0)
    assert "stays a spline" in found.sentence
    assert found.replaced[0, 1, 0].function == "x^2"


@pytest.mark.slow
def test_the_error_never_grows():
    given, held = data(lambda x, y: np.abs(np.sin(5 * x + y))), data(lambda x, y: np.abs(np.sin(5 * x + y)), 200, 9)
    before = train(network([2, 1, 1]), given, held, steps=15)
    found = auto_symbolic(before.network, given, held, steps=15)
    values = found.network(held.x).detach()
    error = float(((values - held.y) / given.scale).square().mean().sqrt())
    assert error <= 1.1 * before.validation


def test_a_network_with_splines_left_has_no_formula():
    net, x = network([2, 1]), data(lambda x, y: x + y)
    found = formula_of_network(net.fixed(0, 0, 0, "sin"), x.x.numpy(), x.y.numpy(), ("x", "y"), ("f",))
    assert found.status == "not found"
    assert "splines" in found.sentence


@pytest.mark.parametrize("seed", [0, 1])
def test_a_formula_that_leaves_more_than_noise_is_none(seed):
    given = data(lambda x, y: np.sin(3 * x) + 0.01 * np.sin(20 * y), seed=seed)
    net = network([2, 1]).fixed(0, 0, 0, "sin", numbers(3.0, 0.0, 1.0, 0.0)).fixed(0, 1, 0, "x", numbers(1.0, 0, 0, 0))
    found = formula_of_network(net, given.x.numpy(), given.y.numpy(), ("x", "y"), ("f",))
    assert found.status == "not found"
