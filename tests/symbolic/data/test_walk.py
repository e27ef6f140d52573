"""The formula of a network of known functions: composed as the network computes, with exact constants where data allow them."""

import numpy as np
import pytest
import sympy as sp
import torch

from kanpde.kan import KAN
from kanpde.kan.symbolic_edges import FUNCTIONS
from kanpde.problem.types import symbol
from kanpde.symbolic.data.walk import EXPRESSIONS, composed, formula_of_network

X, Y = symbol("x"), symbol("y")


def points(count=300, seed=0, inputs=2):
    return np.random.default_rng(seed).uniform(0.2, 1, (count, inputs))


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def values(net, x):
    return net(torch.as_tensor(x)).detach().numpy()


def test_every_function_of_an_edge_has_its_expression():
    assert set(EXPRESSIONS) == set(FUNCTIONS)
    z = np.linspace(0.1, 0.9, 7)
    for name, function in FUNCTIONS.items():
        expected = function(torch.as_tensor(z)).numpy()
        found = [float(EXPRESSIONS[name](sp.Float(v, 20))) for v in z]
        np.testing.assert_allclose(found, expected, rtol=1e-14, err_msg=name)


@pytest.mark.parametrize("arity", [2, 3])
def test_sums_and_products_are_composed_as_the_network_computes_them(arity):
    net = KAN([2, [1, 1], 2], arity=arity)
    names = ["sin", "x^2", "exp", "tanh", "x", "cos"]
    for n, (layer, inputs) in enumerate(zip(net.stack, (2, 2), strict=True)):
        for i in range(inputs):
            for j in range(layer.subnodes):
                affine = numbers(0.7 + 0.1 * i, 0.2 * j, 1.1, 0.3 - 0.1 * j)
                net = net.fixed(n, i, j, names[(2 * i + 3 * j + n) % len(names)], affine)
    x = points(40)
    expected = values(net, x)
    for k, (expression, found_numbers) in enumerate(composed(net, ("x", "y"))):
        at = expression.xreplace({n.symbol: sp.Float(n.value, 17) for n in found_numbers})
        found = sp.lambdify((X, Y), at, "numpy")(*x.T)
        np.testing.assert_allclose(found, expected[:, k], rtol=1e-12)


def test_constants_become_exact_where_the_data_allow_it():
    net = KAN([2, 1, 1]).fixed(0, 0, 0, "sin", numbers(np.pi, 0.0, 3.0, 0.5)).fixed(0, 1, 0, "x^2")
    net = net.fixed(1, 0, 0, "exp", numbers(1 / 3, -1 / 6, 1.0, 0.0))
    x = points()
    found = formula_of_network(net, x, values(net, x), ("x", "y"), ("u",))
    assert found.status == "verified numerically"
    assert sp.simplify(found.expressions["u"] - sp.exp(sp.sin(sp.pi * X) + Y**2 / 3)) == 0


def test_noise_leaves_numbers_open_but_the_structure_right():
    net = KAN([1, 1]).fixed(0, 0, 0, "sin", numbers(2.345, 0.3, 1.2345, 0.0))
    x = points(inputs=1)
    y = values(net, x)[:, 0] + 1e-3 * np.random.default_rng(1).standard_normal(len(x))
    found = formula_of_network(net, x, y, ("x",), ("u",), noise=1e-3)
    assert found.status == "verified numerically"
    np.testing.assert_allclose(found(x=x[:, 0]), values(net, x)[:, 0], atol=1e-3)


def test_nothing_is_said_of_a_network_that_does_not_agree_with_the_data():
    net = KAN([1, 1]).fixed(0, 0, 0, "sin")
    x = points(inputs=1)
    found = formula_of_network(net, x, np.exp(np.sin(9 * x[:, 0])), ("x",), ("u",))
    assert found.status == "not found"
    assert not found.expressions


def test_pruned_edges_are_no_splines():
    net = KAN([2, 1]).fixed(0, 0, 0, "x^2")
    with pytest.raises(ValueError, match="edges that are splines"):
        composed(net, ("x", "y"))
    net.edges[0].mask[1, 0] = 0
    ((expression, _),) = composed(net, ("x", "y"))
    assert expression.free_symbols & {X, Y} == {X}


def test_formulas_are_written_in_the_fewest_operations():
    net = KAN([2, 2, 1]).fixed(0, 0, 0, "x").fixed(0, 1, 0, "x", numbers(1, 0, 0.5, 0)).fixed(0, 0, 1, "x^2")
    net = net.fixed(0, 1, 1, "x^2", numbers(1, 0, 0.25, 0)).fixed(1, 0, 0, "x^2").fixed(1, 1, 0, "x", numbers(1, 0, -1, 0))
    x = points()
    found = formula_of_network(net, x, values(net, x), ("x", "y"), ("u",))
    assert found.text == "u = x*y"
    net = KAN([1, 1, 1]).fixed(0, 0, 0, "x^2", numbers(1, 0, 0.5, 1)).fixed(1, 0, 0, "log", numbers(1, 0, 1, np.log(2)))
    x = points(inputs=1)
    found = formula_of_network(net, x, values(net, x), ("x",), ("u",))
    assert found.text == "u = log(x^2 + 2)"
