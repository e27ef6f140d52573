"""Modes and library functions: the numbers in them are found to within their stated spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from kanpde.symbolic.curves.least_squares import misfit, rms
from kanpde.symbolic.curves.library import library_basis
from kanpde.symbolic.curves.modes import modal_bases
from kanpde.symbolic.sample import Axis, family, sample, unfold

pi, sin, cos, exp = np.pi, np.sin, np.cos, np.exp
NOISE = 1e-10


def mixtures(functions: list[Callable[..., Any]], axis: Axis, seed: int = 1) -> Any:
    """As many random mixtures of the functions as there are functions, with noise: (n, r)."""
    generator = np.random.default_rng(seed)
    columns = np.stack([f(axis.nodes) for f in functions], 1)
    mixed = columns @ generator.uniform(0.5, 1.5, (len(functions),) * 2)
    return mixed + NOISE * generator.standard_normal(mixed.shape)


MODES: dict[str, tuple[list[Callable[..., Any]], tuple[float, float], str, list[float]]] = {
    "two sines": ([lambda x: sin(pi * x), lambda x: sin(3 * pi * x)], (0, 1), "x", [pi, 3 * pi]),
    "two decays": ([lambda x: exp(-(pi**2) * x), lambda x: exp(-9 * pi**2 * x)], (0, 1), "x", [-9 * pi**2, -(pi**2)]),
    "a damped wave": ([lambda x: exp(-2 * x) * sin(5 * x)], (0, 1), "x", [-2, 5]),
    "a double root": ([lambda x: x * exp(-3 * x)], (0, 1), "x", [-3]),
    "a polynomial": ([lambda x: x**4 - x + 1], (-1, 1), "x", []),
    "polynomial and exponential": ([lambda x: x**2 + exp(x), lambda x: x**3], (-1, 1), "x", [1]),
    "sine of a square": ([lambda x: sin(pi * x**2)], (-1, 1), "x^2", [pi]),
    "a power": ([lambda x: x**2.5], (1, 2), "log x", [2.5]),
    "a wave in the logarithm": ([lambda x: sin(3 * np.log(x))], (1, 4), "log x", [3]),
    "an exponential of a root": ([lambda x: exp(-2 * np.sqrt(x))], (1, 2), "sqrt x", [-2]),
    "an exponential of the reciprocal": ([lambda x: exp(-1 / x)], (1, 2), "1/x", [-1]),
    "five sines": ([lambda x, k=k: sin(k * pi * x) for k in range(1, 6)], (0, 1), "x", [k * pi for k in range(1, 6)]),
}


@pytest.mark.parametrize("name", MODES)
def test_exponents_are_found_within_their_spread(name: str) -> None:
    functions, (lower, upper), chart, exponents = MODES[name]
    axis = Axis(lower, upper, 64)
    mixed = mixtures(functions, axis)
    basis = next(modal_bases(mixed, axis, NOISE))
    assert basis.chart.name == chart
    assert len(basis.theta) == len(exponents)
    numbers = sorted(zip(basis.theta, basis.spread, strict=True))
    for (value, off), expected in zip(numbers, sorted(exponents), strict=True):
        assert abs(value - expected) <= 3 * off + 1e-12
        assert off < 1e-4 * abs(expected)
    assert rms(misfit(basis.values(axis.nodes), mixed)) <= 3 * NOISE


LIBRARY: dict[str, tuple[Callable[..., Any], list[float]]] = {
    "tanh": (lambda x: np.tanh(3 * x - 1), [3, -1]),
    "erf": (lambda x: special.erf(2 * x - 0.5), [2, -0.5]),
    "J0": (lambda x: special.j0(5 * x), [5]),
    "log": (lambda x: np.log(x + 1.5), [1.5]),
    "sqrt": (lambda x: np.sqrt(x + 0.25), [0.25]),
    "reciprocal": (lambda x: 1 / (x + 2), [2]),
    "gauss": (lambda x: exp(-((2 * x - 1) ** 2)), [2, -1]),
    "atan": (lambda x: np.arctan(4 * x), [4, 0]),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_library_functions_are_found_with_scale_and_shift(name: str) -> None:
    function, numbers = LIBRARY[name]
    axis = Axis(0, 1, 64)
    values = 2.5 * function(axis.nodes) + 0.75 + NOISE * np.random.default_rng(0).standard_normal(64)
    basis = library_basis(values[:, None], axis, NOISE)
    assert basis is not None
    assert [getattr(column, "entry", "1") for column in basis.columns] == ["1", name]
    np.testing.assert_allclose(basis.theta, numbers, rtol=0, atol=1e-7)


def test_modes_of_other_functions_are_not_sharp() -> None:
    axis = Axis(0, 1, 64)
    assert list(modal_bases(np.tanh(3 * axis.nodes - 1)[:, None], axis, NOISE)) == []


def test_the_library_does_not_fit_what_it_has_not() -> None:
    axis = Axis(0, 1, 64)
    assert library_basis(exp(sin(5 * axis.nodes + axis.nodes**2))[:, None], axis, NOISE) is None


def test_rank_counts_products_above_the_noise() -> None:
    def field(x: Any, y: Any) -> Any:
        x, y = x[:, None], y[None, :]
        return sin(x) * cos(y) + 1e-3 * x * y + 1e-12 * exp(x * y)

    samples = sample(field, [(0, 1), (0, 1)], 1e-10)
    assert [family(samples, axis, samples.sigma).rank for axis in (0, 1)] == [2, 2]
    assert family(samples, 0, 1e-2).rank == 1


@pytest.mark.parametrize("noise", [1e-4, 1e-7, 1e-10])
def test_white_noise_is_measured_in_the_tail_of_the_series(noise: float) -> None:
    generator = np.random.default_rng(0)

    def field(x: Any, y: Any) -> Any:
        return exp(x[:, None] * y) + noise * generator.standard_normal((len(x), len(y)))

    samples = sample(field, [(0, 1), (0, 2)], None)
    assert samples.resolved
    assert samples.sigma == pytest.approx(noise, rel=0.2)


def test_unfolding_keeps_rows_of_a_coordinate_together() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(unfold(values, 1)[2], values[:, 2, :].ravel())
