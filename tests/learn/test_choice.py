"""The default recipe: scales by evidence, directions, last functions, and a network that is the function that was chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import kanpde
from kanpde.learn.choice import as_network, choose
from kanpde.learn.choice.directions import directions, refined, rounded
from kanpde.learn.choice.evidence import likely
from kanpde.learn.choice.outer import OUTERS
from kanpde.learn.choice.polynomial import Features, Solver, features_for
from kanpde.learn.choice.prior import FAMILIES, factor
from kanpde.learn.choice.products import products
from kanpde.learn.choice.types import Array, Prior

Function = Callable[[Array], Array]


def sample(function: Function, d: int, n: int = 400, seed: int = 0) -> tuple[Array, Array]:
    x = np.random.default_rng(seed).uniform(-1, 1, (n, d))
    return x, function(x)[:, None]


def chosen(function: Function, d: int, n: int = 400):
    x, y = sample(function, d, n)
    cut = 4 * n // 5
    return choose(x[:cut], y[:cut], (x[cut:], y[cut:]), np.ones(d))


def error(u: Callable[[Array], Array], function: Function, d: int) -> float:
    """The relative root mean square error at points that nobody has seen."""
    x, y = sample(function, d, 1000, seed=99)
    return float(np.sqrt(np.mean((u(x) - y) ** 2)) / y.std())


@pytest.mark.parametrize(("family", "scale"), [("gaussian", 0.7), ("gaussian", 2.0), ("cauchy", 0.8)])
def test_the_weights_have_the_covariance_of_the_family(family: str, scale: float) -> None:
    z = np.linspace(-1, 1, 9)
    features = np.polynomial.chebyshev.chebvander(z, 63) @ factor(family, scale, 64)
    r2 = ((z[:, None] - z) / scale) ** 2
    expected = np.exp(-r2 / 2) if family == "gaussian" else 1 / (1 + r2)
    np.testing.assert_allclose(features @ features.T, expected, atol=1e-10)


def test_evidence_finds_the_noise_and_the_coordinate_that_does_nothing() -> None:
    x, y = sample(lambda x: np.sin(4 * x[:, 0]), 2)
    noisy = y + 0.1 * np.random.default_rng(5).standard_normal(y.shape)
    prior = likely(x, noisy - noisy.mean(0), "gaussian")
    assert prior.scales[1] > 5 * prior.scales[0]
    assert 1e-4 < prior.noise < 1e-1  # of the prior's variance, which is larger than that of the values
    assert likely(x, y - y.mean(0), "gaussian").noise < 1e-10


def test_features_are_differentiated() -> None:
    features = features_for(Prior("cauchy", (0.7, 1.1), 0.0), 100)
    x, h = np.random.default_rng(1).uniform(-0.9, 0.9, (20, 2)), 1e-6
    for axis in range(2):
        step = h * np.eye(2)[axis]
        slope = (features(x + step) - features(x - step)) / (2 * h)
        np.testing.assert_allclose(features.slopes(x, axis), slope, atol=1e-5)


def test_many_points_are_reduced_without_loss(monkeypatch) -> None:
    x, y = sample(lambda x: np.exp(x[:, 0] * x[:, 1]), 2)
    features = features_for(Prior("rates", (1.0, 1.0), 0.0), 60)
    whole = Solver(features, x, y).polynomial(1e-13)
    monkeypatch.setattr("kanpde.learn.choice.polynomial.DIRECT", 50)
    monkeypatch.setattr("kanpde.learn.choice.polynomial.CHUNK", 64)
    np.testing.assert_allclose(Solver(features, x, y).polynomial(1e-13)(x), whole(x), atol=1e-11)


def test_directions_of_a_function_with_fewer_than_coordinates() -> None:
    def function(x: Array) -> Array:
        return np.exp(-((x[:, 0] - 2 * x[:, 1]) ** 2)) * np.cos(x[:, 2])

    x, y = sample(function, 3)
    way = directions(x, y - y.mean(0))
    assert way is not None
    assert way.matrix.shape == (2, 3)
    better, *_, left = refined(way, "gaussian", x[:320], y[:320], (x[320:], y[320:]))
    null = np.linalg.svd(better.matrix)[2][-1]
    np.testing.assert_allclose(np.abs(null), np.array([2, 1, 0]) / np.sqrt(5), atol=1e-6)
    assert left < 1e-5
    simple = rounded(better, np.ones(3))
    assert np.abs(simple.matrix @ np.array([2.0, 1.0, 0.0])).max() == 0


def test_no_directions_where_all_coordinates_count() -> None:
    x, y = sample(lambda x: x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]), 3)
    assert directions(x, y - y.mean(0)) is None


@pytest.mark.parametrize("outer", OUTERS, ids=lambda o: o.name)
def test_last_functions_have_their_inverses_and_slopes(outer) -> None:
    y = np.linspace(max(outer.lower, -1.5), min(outer.upper, 1.5), 9)[1:-1]
    assert outer.suits(y)
    np.testing.assert_allclose(outer.function(outer.inverse(y)), y, atol=1e-12)
    slope = (outer.inverse(y + 1e-6) - outer.inverse(y - 1e-6)) / 2e-6
    np.testing.assert_allclose(np.log(np.abs(slope)), outer.log_slope(y), atol=1e-6)
    assert not outer.suits(np.array([outer.lower, outer.upper]))


CASES: dict[str, tuple[Function, int, str, float]] = {
    "a product": (
        lambda x: np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2),
        2,
        "exp of a sum of functions of one variable",
        1e-11,
    ),
    "a sum": (lambda x: np.sin(3 * x[:, 0]) + np.cosh(x[:, 1]), 2, "a sum of functions of one variable", 1e-11),
    "a last function": (lambda x: np.arcsin(0.99 * x[:, 0] * np.sin(3 * x[:, 1])), 2, "asin of products", 1e-11),
    "a root": (lambda x: np.sqrt(2.1 + 2 * x[:, 0] * np.cos(3 * x[:, 1])), 2, "sqrt of products", 1e-11),
    "a direction": (lambda x: np.tanh(x[:, 0] - x[:, 1]) * x[:, 2], 3, "products in 2 directions", 1e-6),
    "one variable": (lambda x: np.sin(9 * x[:, 0]), 1, "products", 1e-11),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found_in_smooth_functions(name: str) -> None:
    function, d, words, bound = CASES[name]
    choice = chosen(function, d)
    assert error(choice, function, d) < bound
    assert words in choice.words
    domain = torch.tensor([[-1.0, 1.0]] * d, dtype=torch.float64)
    x = np.random.default_rng(3).uniform(-1, 1, (50, d))
    for basis, loss in (("chebyshev", 1e-13), ("bspline", max(1e-11, choice.best.error))):
        network = as_network(choice, domain, basis)
        with torch.no_grad():
            found = network(torch.as_tensor(x)).numpy()
        np.testing.assert_allclose(found, choice(x), atol=20 * loss * np.abs(choice(x)).max())


def test_products_of_three_coordinates_within_their_tolerance() -> None:
    function: Function = lambda x: 1 / (3 + x[:, 0] + x[:, 1] * x[:, 2])  # noqa: E731
    x, y = sample(function, 3, 800)
    prior = likely(x, y - y.mean(0), "rates")
    u = Solver(features_for(prior, 800), x, y).polynomial(1e-12)
    found = products(u, np.array([1e-6]))
    z = np.random.default_rng(4).uniform(-1, 1, (500, 3))
    assert np.sqrt(np.mean((found(z) - u(z)) ** 2)) < 2e-6
    assert found.rank <= 64
    four: Function = lambda x: np.exp(x[:, 0] * x[:, 1]) * np.cos(x[:, 2] - x[:, 3])  # noqa: E731
    x, y = sample(four, 4, 800)
    u = Solver(features_for(likely(x, y - y.mean(0), "rates"), 800), x, y).polynomial(1e-12)
    found, z = products(u, np.array([1e-3])), np.random.default_rng(4).uniform(-1, 1, (500, 4))
    assert np.sqrt(np.mean((found(z) - u(z)) ** 2)) < 2e-3


def test_noise_is_not_learned() -> None:
    def function(x: Array) -> Array:
        return np.sin(2 * x[:, 0]) * x[:, 1]

    x, y = sample(function, 2, 500)
    noisy = y + 0.1 * y.std() * np.random.default_rng(7).standard_normal(y.shape)
    choice = choose(x[:400], noisy[:400], (x[400:], noisy[400:]), np.ones(2))
    assert error(choice, function, 2) < 0.05  # half of the noise
    assert 0.07 < choice.best.error < 0.14  # and the error that is stated is that of the noisy values


def test_constants_and_several_outputs() -> None:
    x = np.random.default_rng(8).uniform(-1, 1, (100, 2))
    y = np.stack([np.full(100, 3.0), x[:, 0] * x[:, 1]], 1)
    choice = choose(x[:80], y[:80], (x[80:], y[80:]), np.ones(2))
    np.testing.assert_allclose(choice(x), y, atol=1e-10)
    assert choice.products.rank <= 4


def test_fit_without_settings_uses_the_recipe_and_says_so() -> None:
    x, y = sample(lambda x: np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2), 2, 500)
    model = kanpde.fit(3 + 2 * x, y[:, 0])
    assert "on points held back" in model.outcome
    assert model.data.points == 500
    np.testing.assert_allclose(model(3 + 2 * x), y[:, 0], rtol=1e-8)
    trained = model.refit(steps=2)  # its parameters are those of any network
    assert trained.rmse < 1e-8
    again = kanpde.fit(3 + 2 * x, y[:, 0])
    np.testing.assert_array_equal(model(3 + 2 * x), again(3 + 2 * x))


def test_no_family_is_without_a_start() -> None:
    assert set(FAMILIES) == {"rates", "gaussian", "cauchy"}
    assert isinstance(features_for(Prior("rates", (1.0,), 0.0), 10), Features)
