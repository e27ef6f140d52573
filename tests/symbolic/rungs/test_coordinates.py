"""Waves in two directions, and what is simple along rotated or polar coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import thread_time
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import special

from kanpde.problem import read_text
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.rungs.coordinates import characteristic, polar
from kanpde.symbolic.sample import sample
from kanpde.symbolic.view import View

SYMBOLS = sp.symbols("x t", real=True)
sin, cos, exp, tanh = np.sin, np.cos, np.exp, np.tanh
Function = Callable[..., Any]
Bounds = list[tuple[float, float]]
UNIT = (0, 1)

WAVES: dict[str, tuple[Function, Bounds, int]] = {  # function, box, numbers of its form
    "d'Alembert's two pulses": (lambda x, t: (exp(-((x - t) ** 2)) + exp(-((x + t) ** 2))) / 2, [(-3, 3), UNIT], 5),
    "a sine and a pulse": (lambda x, t: sin(2 * x - 3 * t) + exp(-2 * (x + 1.5 * t) ** 2), [(-2, 2), UNIT], 5),
    "two Lorentz curves": (lambda x, t: 1 / (1 + (x - t) ** 2) + 1 / (1 + (x + t) ** 2), [(-2, 2), UNIT], 7),
    "two speeds": (lambda x, t: tanh(x - 2 * t) + exp(-((x + 0.5 * t) ** 2)), [(-2, 2), UNIT], 6),
    "a front at rest": (lambda x, t: tanh(2 * x) + exp(-((x + 0.5 * t) ** 2)), [(-1, 2), UNIT], 6),
    "from a velocity": (lambda x, t: special.erf(x + t) - special.erf(x - t), [(-2, 2), UNIT], 5),
}
PRODUCTS: dict[str, tuple[Function, Bounds]] = {
    "a rotated product": (lambda x, y: tanh(x + y) * exp(-((x - y) ** 2)), [(-1, 1), (-1, 1)]),
    "a rotated product of special functions": (lambda x, y: special.j0(2 * x + 2 * y) * special.erf(x - y), [(-1, 1), (-1, 1)]),
}
POLAR: dict[str, tuple[Function, Bounds]] = {
    "a corner": (lambda x, y: np.hypot(x, y) ** (2 / 3) * sin(2 / 3 * np.arctan2(y, x)), [(0.5, 2), (0.1, 1)]),
    "a membrane's second mode": (lambda x, y: special.jv(2, 3 * np.hypot(x, y)) * cos(2 * np.arctan2(y, x)), [(0.5, 2), UNIT]),
    "around the origin": (lambda x, y: special.jv(1, 3 * np.hypot(x, y)) * cos(np.arctan2(y, x)), [(-1, 1), (-1, 1)]),
    "a logarithm": (lambda x, y: (x**2 + y**2) * np.log(np.hypot(x, y)), [(0.5, 2), UNIT]),
}
OTHERS: dict[str, tuple[Function, Bounds]] = {
    "no wave": (lambda x, y: exp(sin(x * y)) + x, [UNIT, UNIT]),
    "a shock": (lambda x, t: -tanh(x / (0.1 + t)) * sin(np.pi * x) / (1 + t), [(-1, 1), UNIT]),
    "three Gaussians": (
        lambda x, y: exp(-4 * (x - 0.2) ** 2 - y**2) + exp(-6 * (x - 0.7) ** 2 - 9 * (y - 0.3) ** 2) + exp(-2 * (x + y - 1) ** 2),
        [UNIT, UNIT],
    ),
}


def seen(function: Function, bounds: Bounds, noise: float = 1e-10) -> View:
    """The function with white noise of the given relative size."""
    generator = np.random.default_rng(0)

    def sampler(*nodes: Any) -> Any:
        values = function(*np.meshgrid(*nodes, indexing="ij"))
        return values + noise * np.sqrt(np.mean(values**2)) * generator.standard_normal(values.shape)

    return View(SYMBOLS, sample(sampler, bounds, None), Budget(60, thread_time))


def off(form: Form, function: Function, bounds: Bounds) -> float:
    """The largest relative error of a form at points of its own."""
    points = [a + (b - a) * p for (a, b), p in zip(bounds, np.random.default_rng(1).uniform(0, 1, (2, 50)), strict=True)]
    expected = function(*points)
    return float(np.abs(form.values(SYMBOLS, points) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", WAVES)
def test_two_waves_are_told_apart(name: str) -> None:
    function, bounds, count = WAVES[name]
    form = next(characteristic(seen(function, bounds)))
    assert form.how.startswith("two waves")
    assert len(form.numbers) <= count
    assert off(form, function, bounds) < 1e-8


@pytest.mark.parametrize("noise", [1e-8, 1e-12])
def test_two_waves_through_more_and_less_noise(noise: float) -> None:
    function, bounds, count = WAVES["d'Alembert's two pulses"]
    form = next(characteristic(seen(function, bounds, noise)))
    assert len(form.numbers) <= count
    assert off(form, function, bounds) < 100 * noise


def test_the_speed_comes_from_the_equation() -> None:
    text = """
find: u(x, t)
domain:
  x: [-3, 3]
  t: [0, 1]
equation: u_tt = c^2*u_xx
where:
  c: 1.3
initial: u = exp(-x^2), u_t = 0
boundary: u = (exp(-(3 - c*t)^2) + exp(-(3 + c*t)^2))/2
"""
    problem = read_text(text, "test.yaml").problem
    function: Function = lambda x, t: (exp(-((x - 1.3 * t) ** 2)) + exp(-((x + 1.3 * t) ** 2))) / 2  # noqa: E731
    view = replace(seen(function, [(-3, 3), UNIT]), problem=problem)
    form = next(characteristic(view))
    assert off(form, function, [(-3, 3), UNIT]) < 1e-8
    assert min(abs(abs(n.value) - 1.3) for n in form.numbers) < 1e-8


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_in_rotated_coordinates(name: str) -> None:
    function, bounds = PRODUCTS[name]
    form = next(characteristic(seen(function, bounds)))
    assert off(form, function, bounds) < 1e-8


@pytest.mark.parametrize("name", POLAR)
def test_products_in_polar_coordinates(name: str) -> None:
    function, bounds = POLAR[name]
    form = next(polar(seen(function, bounds)))
    assert form.how == "products in polar coordinates"
    assert off(form, function, bounds) < 1e-8


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_turned_away(name: str) -> None:
    assert next(characteristic(seen(*OTHERS[name])), None) is None
