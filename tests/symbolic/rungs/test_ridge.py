"""Functions of one combined coordinate are found through noise, and others are turned away."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import special

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.rungs.refit import misfit_of, refit, undetermined
from kanpde.symbolic.rungs.ridge import ridges
from kanpde.symbolic.rungs.slopes import slopes
from kanpde.symbolic.sample import sample
from kanpde.symbolic.view import View

SYMBOLS = sp.symbols("x y z", real=True)
sin, cos, exp, tanh, sqrt = np.sin, np.cos, np.exp, np.tanh, np.sqrt
Function = Callable[..., Any]
Bounds = list[tuple[float, float]]

UNIT = (0, 1)
TABLE: dict[str, tuple[Function, Bounds, int]] = {  # function, box, numbers that its simplest form has
    "a Gaussian that travels": (lambda x, t: exp(-((x - 2 * t) ** 2)), [(-3, 3), UNIT], 3),
    "a soliton": (lambda x, t: 2 / np.cosh(x - 4 * t) ** 2, [(-3, 5), (0, 0.5)], 3),
    "a front": (lambda x, t: tanh((x - t) / 2), [(-3, 3), UNIT], 3),
    "erf of a wave": (lambda x, t: special.erf(x - 0.3 * t), [(-2, 2), UNIT], 3),
    "erf of a similarity variable": (lambda x, t: special.erf(x / (2 * sqrt(t))), [UNIT, (0.1, 1)], 2),
    "the potential of a point": (lambda x, y, z: 1 / sqrt(x**2 + y**2 + z**2), [(1, 2), (1, 2), UNIT], 3),
    "a Gaussian": (lambda x, y: exp(-(x**2) - y**2), [(-1, 1), (-1, 1)], 3),
    "a sine of squares": (lambda x, y: sin(x**2 + y**2), [(-1, 1), (-1, 1)], 3),
    "the potential of a line": (lambda x, y: np.log(x**2 + y**2), [(1, 2), UNIT], 2),
    "tanh of a sum": (lambda x, y: tanh(sin(np.pi * x) / 2 + y**2), [UNIT, UNIT], 4),
    "a sine of a product": (lambda x, y: sin(x * y), [(-2, 2), (-1, 2)], 2),
    "the angle": (lambda x, y: np.arctan(y / x), [(1, 2), UNIT], 2),
    "the distance": (lambda x, y: sqrt(x**2 + y**2), [(1, 2), UNIT], 2),
    "a round membrane": (lambda x, y: special.j0(3 * sqrt(x**2 + y**2)), [(-1, 1), (-1, 1)], 3),
    "a round membrane elsewhere": (lambda x, y: special.j0(5 * np.hypot(x - 0.5, y - 0.25)), [UNIT, UNIT], 5),
    "a spherical wave": (lambda x, y, z: np.sinc(4 / np.pi * sqrt(x**2 + y**2 + z**2)), [UNIT] * 3, 4),
    "a similarity solution": (lambda x, t: t**-0.25 * special.erf(x / sqrt(t)), [UNIT, (0.5, 2)], 3),
    "a front that decays": (lambda x, t: exp(-t / 2) * tanh(x - t), [(-2, 2), UNIT], 4),
    "a front on a tide": (lambda x, t: 3 * t + tanh(x - t), [(-2, 2), UNIT], 4),
    "a similarity variable with its own origin": (lambda x, t: special.erf((x - 0.25) / sqrt(t + 0.5)), [UNIT, UNIT], 4),
    "a parabola in Airy's function": (lambda x, t: special.airy(x + t**2)[0], [(-2, 2), UNIT], 3),
}
OTHERS: dict[str, tuple[Function, Bounds]] = {
    "no ridge": (lambda x, y: exp(sin(x * y)) + x, [UNIT, UNIT]),
    "a shock": (lambda x, t: -tanh(x / (0.1 + t)) * sin(np.pi * x) / (1 + t), [(-1, 1), UNIT]),
    "three Gaussians": (
        lambda x, y: exp(-4 * (x - 0.2) ** 2 - y**2) + exp(-6 * (x - 0.7) ** 2 - 9 * (y - 0.3) ** 2) + exp(-2 * (x + y - 1) ** 2),
        [UNIT, UNIT],
    ),
}


def seen(function: Function, bounds: Bounds, noise: float, sigma: float | None = None) -> View:
    """The function with white noise of the given relative size."""
    generator = np.random.default_rng(0)

    def sampler(*nodes: Any) -> Any:
        values = function(*np.meshgrid(*nodes, indexing="ij"))
        return values + noise * np.sqrt(np.mean(values**2)) * generator.standard_normal(values.shape)

    return View(SYMBOLS[: len(bounds)], sample(sampler, bounds, sigma), Budget(60, thread_time))


def off(form: Form, function: Function, bounds: Bounds) -> float:
    """The largest relative error of a form at points of its own."""
    points = [
        a + (b - a) * p for (a, b), p in zip(bounds, np.random.default_rng(1).uniform(0, 1, (len(bounds), 50)), strict=True)
    ]
    expected = function(*points)
    return float(np.abs(form.values(SYMBOLS[: len(bounds)], points) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", TABLE)
def test_the_function_is_found_with_its_numbers(name: str) -> None:
    function, bounds, count = TABLE[name]
    view = seen(function, bounds, 1e-10)
    form = next(ridges(view))
    assert len(form.numbers) <= count
    assert misfit_of(form, view) <= 3 * view.sigma
    assert off(form, function, bounds) < 1e-8
    assert undetermined(form, view) is None


@pytest.mark.parametrize("noise", [1e-8, 1e-12])
@pytest.mark.parametrize("name", ["a soliton", "the potential of a point", "a round membrane", "a front that decays"])
def test_more_and_less_noise(name: str, noise: float) -> None:
    function, bounds, count = TABLE[name]
    form = next(ridges(seen(function, bounds, noise)))
    assert len(form.numbers) <= count
    assert off(form, function, bounds) < 100 * noise


def test_numbers_lie_within_their_slack() -> None:
    form = next(ridges(seen(lambda x, t: 3 * sin(5 * (x - 0.7 * t)), [(-1, 1), UNIT], 1e-9)))
    assert sorted(abs(n.value) for n in form.numbers) == pytest.approx([0.7, 3, 5], abs=1e-7)
    for n in form.numbers:
        nearest = min((0.7, 3, 5), key=lambda v: abs(abs(n.value) - v))
        assert abs(abs(n.value) - nearest) <= 3 * n.slack


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_turned_away(name: str) -> None:
    assert next(ridges(seen(*OTHERS[name], 1e-10)), None) is None


def test_a_number_that_may_be_zero_leaves_and_a_gauge_is_fixed() -> None:
    from kanpde.symbolic.form import number

    view = seen(lambda x, y: 2 * exp(x - y), [UNIT, UNIT], 1e-10)
    a, b, c, d = (number(v) for v in (1.5, 0.3, 0.0003, -0.999))
    x, y, _ = SYMBOLS
    form = refit(Form(a.symbol * sp.exp(b.symbol + x + d.symbol * y) + c.symbol, (a, b, c, d)), view)
    assert form is not None
    assert len(form.numbers) == 2
    assert undetermined(form, view) is None
    assert off(form, lambda x, y: 2 * exp(x - y), [UNIT, UNIT]) < 1e-8


def test_slopes_are_derivatives_times_their_weight() -> None:
    view = seen(lambda x, y: sin(3 * x) * exp(y), [UNIT, (0, 2)], 1e-11)
    found = slopes(view.samples, [(1, 0), (0, 2)], 12)
    x, y = found.points
    weight = (1 - (2 * x - 1) ** 2) * (1 - (y - 1) ** 2)
    np.testing.assert_allclose(found.weight, weight, atol=1e-14)
    np.testing.assert_allclose(found.partials[1, 0], weight * 3 * cos(3 * x) * exp(y), atol=1e-7)
    np.testing.assert_allclose(found.partials[0, 2], weight * sin(3 * x) * exp(y), atol=1e-7)
