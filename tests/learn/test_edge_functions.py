"""Functions in the place of edges: the numbers are found from anywhere, and what is not the function is not said to be it."""

import math

import numpy as np
import pytest
import torch

from kanpde.kan import KAN
from kanpde.kan.symbolic_edges import FUNCTIONS
from kanpde.learn.edge_functions import EdgeFunction, curve, fitted, fitted_to, suggest_edge

Z = torch.rand(400, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1

AFFINE = {
    name: (1.7, 0.4, -2.0, 0.5)
    for name in FUNCTIONS
    if name not in ("1/x", "1/x^2", "1/x^3", "sqrt", "1/sqrt", "log", "asin", "acos", "atanh")
} | {
    **dict.fromkeys(("1/x", "1/x^2", "1/x^3", "sqrt", "1/sqrt", "log"), (0.8, 1.5, -2.0, 0.5)),
    **dict.fromkeys(("asin", "acos", "atanh"), (0.6, 0.2, -2.0, 0.5)),
}


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def edge(name, affine, z):
    a, b, c, d = affine
    return c * FUNCTIONS[name](a * z + b) + d


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "sign"])
def test_every_function_is_fitted_to_rounding_wherever_its_numbers_lie(name):
    y = edge(name, AFFINE[name], Z)
    (found,) = fitted_to(Z, y, (name,))
    assert found.relative < 1e-11
    # other numbers may stand for the same function, but only for the same
    torch.testing.assert_close(edge(name, found.affine, Z), y, rtol=1e-10, atol=1e-10)


def test_the_place_of_a_jump_is_found_to_the_width_of_the_scan():
    (found,) = fitted_to(Z, torch.sign(Z - 0.3), ("sign",))
    assert found.affine[1] == pytest.approx(-0.3, abs=0.04)


@pytest.mark.parametrize(("a", "b"), [(9.0, 2.0), (0.3, -1.0), (30.0, 0.1), (math.pi, 0.0)])
def test_sines_of_any_frequency_are_found_and_come_first(a, b):
    y = 3 * torch.sin(a * Z + b) - 1
    found = fitted_to(Z, y)
    assert found[0].function in ("sin", "cos")
    assert found[0].relative < 1e-11
    assert abs(found[0].affine[0]) == pytest.approx(a, rel=1e-9)


def test_intervals_far_from_zero_do_no_harm():
    z = 1000 + Z
    found = fitted_to(z, (z - 1000.3) ** 2)
    assert found[0].function == "x^2"
    assert found[0].affine[1] == pytest.approx(-1000.3, abs=1e-6)


def test_the_cheapest_of_equals_comes_first_and_limits_in_disguise_do_not_come():
    found = fitted_to(Z, 2 * Z**2 + Z)
    assert found[0].function == "x^2"
    assert not [one for one in found if one.function in ("cos", "cosh", "gaussian") and one.relative < 1e-6]
    assert fitted_to(Z, torch.tanh(2 * Z))[0].function == "tanh"  # and not the sigmoid, which is the same


def test_the_bessel_function_is_no_cosine():
    found = fitted_to(Z, torch.special.bessel_j0(2 * Z))
    assert found[0].relative > 1e-5
    assert "J0" not in [one.function for one in found]


def test_noise_is_averaged_over():
    noise = torch.randn(400, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = torch.exp(1.5 * Z) + 0.01 * noise
    found = {one.function: one for one in fitted_to(Z, y)}["exp"]
    assert found.affine[0] == pytest.approx(1.5, abs=5 * 0.01)
    assert found.misfit == pytest.approx(0.01, rel=0.15)


def test_what_means_nothing_is_refused():
    with pytest.raises(ValueError, match="constant at these points"):
        fitted_to(Z, torch.zeros_like(Z))
    with pytest.raises(ValueError, match="no function of an edge is called 'cosine'"):
        fitted_to(Z, Z, ("cosine",))
    with pytest.raises(ValueError, match="there is no edge"):
        curve(KAN([2, 1]), torch.zeros(3, 2, dtype=torch.float64), 1, 0, 0)


def network():
    """exp(sin(3 x) + y^2) as a network whose edges are straight lines but for one sine."""
    net = KAN([2, 1, 1], generator=torch.Generator().manual_seed(0))
    return net.fixed(0, 0, 0, "sin", numbers(3, 0, 1, 0)).fixed(1, 0, 0, "exp")


def test_suggestions_say_what_they_do_to_the_error():
    net = network().fixed(0, 1, 0, "x^2", numbers(1, 0, 1, 0.2))
    x = torch.stack([Z, Z.flip(0)], 1)
    y = net(x).detach()
    found = suggest_edge(net, x, 0, 1, 0, y)
    assert found[0].function == "x^2"
    assert found[0].status.startswith("as good")
    worse = [one for one in found if one.function != "x^2"]
    assert all("the error grows" in one.status for one in worse)
    for one in worse:
        trial = net.fixed(0, 1, 0, one.function, numbers(*one.affine))
        assert one.rmse == pytest.approx(float((trial(x) - y).detach().square().mean().sqrt()), rel=1e-9)
    assert suggest_edge(net, x, 0, 1, 0)[0].status.startswith("changes the output by")


def test_edges_inside_of_the_network_are_fitted_to_what_reaches_them():
    net = network()
    x = torch.stack([Z, Z.flip(0)], 1)
    found = fitted(net, x, 1, 0, 0, ("exp",))[0]
    assert found.relative < 1e-13
    z, y = curve(net, x, 1, 0, 0)
    np.testing.assert_allclose(torch.exp(z).numpy(), y.numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "affine", "text"),
    [
        ("sin", (math.pi, 0.0, 2.0, 0.5), "2 sin(3.142 z) + 0.5"),
        ("x^2", (1.0, -0.2, 3.0, 0.0), "3 (1 z - 0.2)^2"),
        ("1/x", (1.0, 2.0, -1.0, -1.0), "-1 / (1 z + 2) - 1"),
    ],
)
def test_candidates_can_be_read(name, affine, text):
    assert EdgeFunction(name, affine, 0.0, 0.0, 0.0).text == text
