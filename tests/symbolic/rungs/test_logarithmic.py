"""Logarithmic derivatives are found from values alone, and what is no such quotient is turned away."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

import numpy as np
import pytest
import sympy as sp

from kanpde.problem import read_text
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.rungs.logarithmic import factors, quotients
from kanpde.symbolic.rungs.solitons import tau_functions
from kanpde.symbolic.sample import Array, sample
from kanpde.symbolic.view import View

x, y, t = (symbol(name) for name in "xyt")
SLOW = pytest.mark.slow
WAYS = [
    pytest.param(1e-8, "smooth", marks=SLOW),
    pytest.param(1e-10, "white", marks=SLOW),
    (1e-10, "smooth"),
    pytest.param(1e-12, "smooth", marks=SLOW),
]
"""Relative noise, and its kind: what a solver is off by is smooth."""


def problem(equation: str, letters: str = "") -> Problem:
    where = f"where:\n{letters}" if letters else ""
    text = f"""
title: test
find: u(x, t)
domain:
  x: [-1, 1]
  t: [0, 1]
equation: {equation}
{where}
initial: u = 0
"""
    return read_text(text, "test.yaml").problem


BURGERS = problem("u_t + u*u_x = nu*u_xx", "  nu: 0.1\n")
KDV = problem("u_t + 6*u*u_x + u_xxx = 0")


def seen(
    function: Callable[..., Array], box: list[tuple[float, float]], noise: float, kind: str, of: Problem | None = None
) -> View:
    def sampler(*nodes: Array) -> Array:
        grid = np.meshgrid(*nodes, indexing="ij")
        values = np.broadcast_to(function(*grid), grid[0].shape)
        size = np.sqrt(np.mean(values**2))
        if kind == "white":
            error = np.random.default_rng(0).standard_normal(values.shape)
        else:
            error = sum(np.cos(k * grid[0] + 3 * k * grid[-1] / (1 + k) + k) for k in range(1, 5)) / np.sqrt(2)
        return np.asarray(values + noise * size * error)

    return View((x, t) if len(box) == 2 else (x, y, t), sample(sampler, box, noise), Budget(30.0, thread_time), of)


def evaluated(expression: sp.Expr, symbols: tuple[sp.Symbol, ...] = (x, t)) -> Callable[..., Array]:
    return sp.lambdify(symbols, expression, modules=["scipy", "numpy"])


def agrees(form: Form, function: Callable[..., Array], view: View) -> bool:
    """Between the nodes, and as well as the data."""
    points = [np.linspace(*b, 17) for b in ((axis.lower, axis.upper) for axis in view.samples.axes)]
    grid = np.meshgrid(*points, indexing="ij")
    return bool(np.abs(form.values(view.symbols, grid) - function(*grid)).max() <= 100 * view.sigma)


def potential(theta: sp.Expr, K: float = -0.2) -> sp.Expr:
    return K * sp.diff(theta, x) / theta


THETAS = {
    "one mode": 2 + sp.exp(-0.1 * sp.pi**2 * t) * sp.cos(sp.pi * x),
    "three modes": 3 + sp.exp(-0.987 * t) * sp.cos(sp.pi * x) + sp.exp(-3.948 * t) * sp.sin(2 * sp.pi * x) / 2,
    "front": 1 + sp.exp(-5 * x + 2.5 * t),
    "two fronts": 1 + sp.exp(-5 * x + 2.5 * t) + 2 * sp.exp(-10 * x + 10 * t),
    "heat polynomial": 1 + x**2 + 0.2 * t,
    "cubic": x**3 + 0.6 * x * t + 5,
}


@pytest.mark.parametrize(("noise", "kind"), WAYS)
@pytest.mark.parametrize("name", THETAS)
def test_burgers_equation_under_cole_and_hopf(name, noise, kind):
    function = evaluated(potential(THETAS[name]))
    view = seen(function, [(-1, 1), (0, 1)], noise, kind, BURGERS)
    form = next(quotients(view), None)
    assert form is not None
    assert agrees(form, function, view)
    assert form.numbers[0].value == pytest.approx(-0.2, rel=1e-15)  # K holds a letter: an open number
    assert len(form.numbers) <= 7


@pytest.mark.parametrize(("noise", "kind"), [(1e-8, "smooth"), (1e-10, "white")])
def test_what_spreads_under_cole_and_hopf(noise, kind):
    similar = {
        "N-wave": 1 + sp.exp(-(x**2) / (0.4 * (t + 1))) / sp.sqrt(t + 1),
        "point source": 1 + sp.erfc(x / sp.sqrt(0.4 * (t + 0.1))),
    }
    for theta in similar.values():
        function = evaluated(potential(theta))
        view = seen(function, [(-1, 1), (0, 1)], noise, kind, BURGERS)
        form = next(quotients(view), None)
        assert form is not None
        assert agrees(form, function, view)
        assert len(form.numbers) <= 5


def test_the_factor_without_an_equation():
    theta = 1 + sp.exp(x - 2 * t) + sp.exp(-3 * x - t)
    function = evaluated(potential(theta, 2))
    view = seen(function, [(-1, 1), (0, 1)], 1e-10, "white")
    form = next(quotients(view), None)
    assert form is not None
    assert agrees(form, function, view)


def test_the_factor_from_the_equation():
    nu, a, b = symbol("nu"), symbol("a"), symbol("b")
    assert factors(BURGERS, x) == [-2 * nu]
    assert factors(BURGERS, t) == []
    assert factors(problem("a*u_t + b*u*u_x = nu*u_xx", "  nu: 0.1\n  a: 2\n  b: 3\n"), x) == [-2 * nu / b]
    assert factors(problem("a*u_x + b*u^2 = 1 + t", "  a: 2\n  b: 3\n"), x) == [a / b]
    assert factors(KDV, x) == []


def bessel_series(nu: float) -> Callable[..., Array]:
    """Burgers' equation from -sin(pi x): the integral of Cole and Hopf by Gauss and Hermite; theta is an infinite series."""
    points, weights = np.polynomial.hermite.hermgauss(120)

    def function(x: Array, t: Array) -> Array:
        z = x[..., None] - np.sqrt(4 * nu * t[..., None]) * points
        logs = -np.cos(np.pi * z) / (2 * np.pi * nu)
        f = np.exp(logs - logs.max(-1, keepdims=True)) * weights
        return -(np.sin(np.pi * z) * f).sum(-1) / f.sum(-1)

    return function


@pytest.mark.parametrize("nu", [0.1, 0.01 / np.pi])
@pytest.mark.parametrize("noise", [1e-8, 1e-10])
def test_an_infinite_series_is_turned_away(nu, noise):
    of = problem("u_t + u*u_x = nu*u_xx", f"  nu: {nu}\n")
    assert list(quotients(seen(bessel_series(nu), [(-1, 1), (0, 1)], noise, "white", of))) == []


@pytest.mark.parametrize(
    "function", [lambda x, t: np.cosh(x - 4 * t) ** -2, lambda x, t: np.exp(np.sin(3 * x + 2 * t)) * np.cos(x * t)]
)
def test_what_is_no_quotient_is_turned_away(function):
    assert list(quotients(seen(function, [(-1, 1), (0, 1)], 1e-10, "white", BURGERS))) == []


def solitons(k1: float, k2: float, A: float, C1: float = 1.0, C2: float = 1.0) -> sp.Expr:
    p, q = C1 * sp.exp(k1 * x - k1**3 * t), C2 * sp.exp(k2 * x - k2**3 * t)
    tau = 1 + p + q + A * p * q
    return 2 * (sp.diff(tau, x, 2) / tau - (sp.diff(tau, x) / tau) ** 2)


SOLITONS = {
    "far apart": (solitons(1, 2, 1 / 9), [(-15, 15), (-1, 1)], 5),
    "met": (solitons(1, 1.5, 1 / 25, np.e, np.exp(-2)), [(-10, 10), (0, 2)], 7),
    "from 6 sech^2": (solitons(2, 4, 1 / 9, 3, 3), [(-2, 2), (0, 0.1)], 7),
    "another A": (solitons(1, 2, 1 / 2), [(-8, 8), (-1, 1)], 7),
    "one": (2 * sp.sech(x - 4 * t) ** 2, [(-8, 8), (-1, 1)], 3),
}


@pytest.mark.parametrize(("noise", "kind"), WAYS)
@pytest.mark.parametrize("name", SOLITONS)
def test_solitons(name, noise, kind):
    expression, box, most = SOLITONS[name]
    function = evaluated(expression)
    view = seen(function, box, noise, kind, KDV)
    form = next(tau_functions(view), None)
    assert form is not None
    assert agrees(form, function, view)
    assert len(form.numbers) <= max(most, 7)


def test_solitons_of_kadomtsev_and_petviashvili():
    p = sp.exp(x + 0.2 * y - 1.12 * t)
    q = sp.exp(1.5 * x - 0.15 * y - 3.42 * t)
    tau = 1 + p + q + p * q / 38.5
    function = evaluated(2 * sp.diff(sp.log(tau), x, 2), (x, y, t))
    view = seen(function, [(-4, 4), (-1, 1), (-0.3, 0.3)], 1e-10, "white")
    form = next(tau_functions(view), None)
    assert form is not None
    assert agrees(form, function, view)
    assert sorted(round(n.value, 6) for n in form.numbers)[-2:] == [1.0, 1.5]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, t: np.exp(-((x - t) ** 2)),
        lambda x, t: np.sin(x) * np.exp(-t),
        lambda x, t: 2 * np.cosh(x - t) ** -2.0 + np.cosh(2 * x) ** -2.0 / (1 + t**2),
    ],
)
def test_what_is_no_soliton_is_turned_away(function):
    assert list(tau_functions(seen(function, [(-4, 4), (-1, 1)], 1e-10, "white", KDV))) == []
