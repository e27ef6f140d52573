"""Integrals of Gaussians are found from values alone, and what is none is turned away."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

import numpy as np
import pytest
import sympy as sp
from scipy.special import erf, erfc
from seen import NOISES

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.rungs.antiderivative import antiderivatives
from kanpde.symbolic.rungs.gaussians import TEMPLATES, columns, expressions
from kanpde.symbolic.sample import Array, sample
from kanpde.symbolic.view import View

x, t = sp.symbols("x t", real=True)


def seen(function: Callable[..., Array], box: list[tuple[float, float]], noise: float, kind: str = "white") -> View:
    def sampler(*nodes: Array) -> Array:
        grid = np.meshgrid(*nodes, indexing="ij")
        values = function(*grid)
        size = np.sqrt(np.mean(values**2))
        if kind == "white":
            error = np.random.default_rng(0).standard_normal(values.shape)
        else:
            error = sum(np.cos(k * grid[0] + 3 * k * grid[-1] / (1 + k) + k) for k in range(1, 5)) / np.sqrt(2)
        return np.asarray(values + noise * size * error)

    first = sample(sampler, box, None)
    return View((x, t)[: len(box)], sample(sampler, box, noise * first.size), Budget(30.0, thread_time))


def agrees(form: Form, function: Callable[..., Array], view: View) -> bool:
    """Between the nodes, and as well as the data."""
    points = [np.linspace(axis.lower, axis.upper, 17) for axis in view.samples.axes]
    grid = np.meshgrid(*points, indexing="ij")
    return bool(np.abs(form.values(view.symbols, grid) - function(*grid)).max() <= 100 * view.sigma)


def option(x: Array, left: Array, strike: float, r: float, s: float, sign: int = 1) -> Array:
    """The price of a call (sign 1) or a put (-1) by Black and Scholes, ``left`` the time to expiry."""
    d1 = (np.log(x / strike) + (r + s**2 / 2) * left) / (s * np.sqrt(left))
    d2 = d1 - s * np.sqrt(left)
    phi = [(1 + erf(sign * d / np.sqrt(2))) / 2 for d in (d1, d2)]
    return np.asarray(sign * (x * phi[0] - strike * np.exp(-r * left) * phi[1]))


SPREADING: dict[str, tuple[Callable[..., Array], list[tuple[float, float]], int]] = {
    "given flux": (
        lambda x, t: 2 * np.sqrt(t / np.pi) * np.exp(-(x**2) / (4 * t)) - x * erfc(x / (2 * np.sqrt(t))),
        [(0, 3), (0.1, 1)],
        3,
    ),
    "growing flux": (
        lambda x, t: (t + x**2 / 2) * erfc(x / (2 * np.sqrt(t))) - x * np.sqrt(t / np.pi) * np.exp(-(x**2) / (4 * t)),
        [(0, 3), (0.1, 1)],
        4,
    ),
    "a call": (lambda x, t: option(x, t, 1, 0.05, 0.2), [(0.5, 2), (0.2, 1)], 7),
    "a call before its expiry": (lambda x, t: option(x, 1 - t, 100, 0.05, 0.2), [(50, 150), (0, 0.8)], 9),
    "a put": (lambda x, t: option(x, 2 - t, 1, 0.1, 0.4, -1), [(0.3, 3), (0, 1.5)], 9),
    "advection into a half space": (
        lambda x, t: (erfc((x - t) / np.sqrt(2 * t)) + np.exp(2 * x) * erfc((x + t) / np.sqrt(2 * t))) / 2,
        [(0, 2), (0.1, 1)],
        7,
    ),
    "exchange with the surroundings": (
        lambda x, t: erfc(x / (2 * np.sqrt(t))) - np.exp(x + t) * erfc(x / (2 * np.sqrt(t)) + np.sqrt(t)),
        [(0, 2), (0.1, 1)],
        6,
    ),
    "a hot piece": (
        lambda x, t: (erf((1 - x) / (2 * np.sqrt(t + 0.5))) + erf((1 + x) / (2 * np.sqrt(t + 0.5)))) / 2,
        [(-3, 3), (0, 1)],
        6,
    ),
    "two sources": (
        lambda x, t: (np.exp(-((x - 1) ** 2) / (4 * t)) + 2 * np.exp(-((x + 1) ** 2) / (4 * t))) / np.sqrt(t),
        [(-3, 3), (0.2, 1)],
        5,
    ),
    "decay and drift": (lambda x, t: np.exp(-t) * erf((x - 2 * t) / (2 * np.sqrt(t + 0.5))), [(-3, 3), (0, 1)], 5),
}


@pytest.mark.parametrize(
    ("noise", "kind"),
    [
        pytest.param(1e-8, "smooth", marks=pytest.mark.slow),
        (1e-10, "white"),
        pytest.param(1e-12, "smooth", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", SPREADING)
def test_what_spreads(name, noise, kind):
    function, box, numbers = SPREADING[name]
    view = seen(function, box, noise, kind)
    form = next(antiderivatives(view), None)
    assert form is not None
    assert agrees(form, function, view)
    assert len(form.numbers) <= numbers


@pytest.mark.parametrize("noise", [1e-8, 1e-10, 1e-12])
def test_one_coordinate(noise):
    view = seen(lambda x: x * erf(2 * x) + np.exp(-4 * x**2) / (2 * np.sqrt(np.pi)) + x / 3, [(-1, 2)], noise)
    form = next(antiderivatives(view), None)
    assert form is not None
    assert sorted(n.value for n in form.numbers) == pytest.approx([1 / 4, 1 / 3, 1], abs=100 * noise)


def test_the_strike_and_the_expiry_are_numbers():
    view = seen(lambda x, t: option(x, 1 - t, 100, 0.05, 0.2), [(50, 150), (0, 0.8)], 1e-10)
    values = [n.value for n in next(antiderivatives(view)).numbers]
    assert min(abs(v - 100) for v in values) < 1e-6
    assert min(abs(v - 1) for v in values) < 1e-7
    assert min(abs(v - 2 * 0.2**2) for v in values) < 1e-7


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_numbers_and_expressions_are_the_same_terms(template):
    theta = np.array([0.3, 0.7, -0.4][: template.open])
    z = np.linspace(-1, 2, 9)
    numeric = columns(template, z, theta)
    third = [sp.Float(theta[2])] if template.open == 3 else [None]
    exact = expressions(template, x, sp.Float(0.3), sp.Float(0.7) ** 2, *third)
    for k, (term, expression) in enumerate(zip(template.terms, exact, strict=True)):
        values = np.broadcast_to(sp.lambdify(x, expression, modules=["scipy", "numpy"])(z), z.shape)
        scale = np.exp(-theta[2] * z.mean()) if term.rate and term.kind != "H" else 1.0  # the numeric exponential is centred
        assert numeric[:, k] == pytest.approx(scale * values, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("times", [1, 2])
def test_the_terms_are_repeated_integrals(times):
    template = next(found for found in TEMPLATES if found.name == f"integral {times + 1} of a Gaussian")
    m, s = sp.Rational(1, 3), sp.Rational(3, 4)
    term = expressions(template, x, m, s**2, None)[-1]
    assert sp.simplify(sp.diff(term, x, times) - sp.erf((x - m) / s)) == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda x, t: np.tanh(x - t),
        lambda x, t: np.sin(3 * x) * np.exp(-9 * t),
        lambda x, t: 1 / (1 + x**2 + t),
        lambda x, t: np.exp(np.sin(3 * x + t)),
    ],
)
@pytest.mark.parametrize("noise", NOISES)
def test_what_is_no_gaussian_is_turned_away(function, noise):
    assert list(antiderivatives(seen(function, [(0, 3), (0.1, 1)], noise))) == []
