"""Functions of one variable: found under noise of three sizes with few numbers, or turned away."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.polynomial import chebyshev
from scipy import special

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Axis, Samples
from kanpde.symbolic.view import View

pi, sin, cos, exp, log, sqrt, tanh = np.pi, np.sin, np.cos, np.exp, np.log, np.sqrt, np.tanh
Function = Callable[[Any], Any]
X = sp.Symbol("x", real=True)


def seen(f: Function, bounds: tuple[float, float], noise: float, n: int = 160, smooth: bool = False) -> View:
    """The function on Chebyshev nodes with relative noise: white, or a random polynomial of degree 11."""
    axis = Axis(*bounds, n)
    values = f(axis.nodes)
    sigma = noise * float(np.sqrt(np.mean(values**2)))
    generator = np.random.default_rng(0)
    error = (
        chebyshev.chebval(axis.reference(axis.nodes), generator.standard_normal(12)) if smooth else generator.standard_normal(n)
    )
    values = values + sigma * error / np.sqrt(np.mean(error**2))
    resolved = bool(np.abs(axis.coefficients(values)[-n // 10 :]).max() < 30 * sigma)
    return View((X,), Samples((axis,), values, sigma, resolved), Budget(60, thread_time))


def assert_agrees(form: Form, f: Function, bounds: tuple[float, float], noise: float) -> None:
    """At points between the nodes the form is as near to the function as the noise; its numbers know how far they are off."""
    inside = np.linspace(*bounds, 203)[1:-1]
    truth = f(inside)
    assert np.abs(form.values((X,), [inside]) - truth).max() <= 5 * noise * np.sqrt(np.mean(truth**2))
    assert form.expression.free_symbols == {X, *(n.symbol for n in form.numbers)}
    assert all(0 < n.slack <= 1e-2 * max(abs(n.value), 1e-3) for n in form.numbers)


FOUND: dict[str, tuple[Function, tuple[float, float], int]] = {  # and the most numbers that the first form may have
    "a sine": (lambda x: sin(pi * x), (0, 1), 2),
    "a damped wave": (lambda x: exp(-2 * x) * sin(5 * x), (0, 1), 3),
    "a double root": (lambda x: x * exp(-3 * x) + 1, (0, 2), 3),
    "a phase": (lambda x: sin(3 * x + 0.7), (0, 2), 3),
    "a polynomial": (lambda x: x**4 - 2 * x + 1, (-1, 1), 3),
    "degree nine": (lambda x: x**9 - x**7 / 3 + x, (-1, 1), 3),
    "polynomial and exponential": (lambda x: x**2 + exp(x), (-1, 1), 3),
    "two sines": (lambda x: sin(pi * x) + sin(3 * pi * x) / 4, (0, 1), 4),
    "sine of a square": (lambda x: sin(pi * x**2), (-1, 1), 2),
    "x times a Gaussian": (lambda x: x * exp(-(x**2) / 2), (-2, 2), 2),
    "a Gaussian": (lambda x: exp(-2 * (x - 0.3) ** 2), (-1, 1), 3),
    "a power": (lambda x: x**2.3, (1, 2), 2),
    "exp(-1/x)": (lambda x: exp(-1 / x), (0.5, 2), 2),
    "heat kernel in time": (lambda x: x**-0.5 * exp(-1 / (4 * x)), (0.3, 1.3), 2),
    "exponential of a root": (lambda x: exp(-2 * sqrt(x)), (1, 2), 2),
    "Runge": (lambda x: 1 / (1 + x**2), (-1, 1), 2),
    "exponential of a sine": (lambda x: exp(sin(pi * x)), (0, 1), 3),
    "root of a square": (lambda x: sqrt(x**2 + 1), (0, 1), 2),
    "log of a square": (lambda x: log(x**2 + 1), (0, 1), 2),
    "tanh of a quadratic": (lambda x: tanh(x**2 - x + 0.5), (0, 2), 3),
    "logistic": (lambda x: 1 / (1 + 3 * exp(-2 * x)), (0, 2), 4),
    "tangent": (lambda x: tanh(1) * np.tan(0.8 * x + 0.2) + 1, (0, 1), 4),
    "quotient": (lambda x: (1 + x) / (1 + x**2), (0, 2), 3),
    "J0": (lambda x: special.j0(5 * x), (0, 1), 2),
    "J0 of a root": (lambda x: special.j0(2 * sqrt(x)), (0.01, 4), 2),
    "J1": (lambda x: 2 * special.j1(3.8317 * x), (0, 1), 2),
    "K0": (lambda x: special.k0(2 * x), (0.5, 2), 2),
    "Airy": (lambda x: special.airy(2 * x - 1)[0], (-1, 1), 3),
    "erf": (lambda x: special.erf(2 * x - 0.5), (0, 1), 3),
    "atan": (lambda x: np.arctan(4 * x), (0, 1), 2),
    "sech^2": (lambda x: np.cosh(2 * x - 1) ** -2 / 2, (0, 2), 3),
    "two logarithms": (lambda x: log(x + 1) + log(x**2 + 1), (0, 1), 4),
    "sin x + sin(x + x^2)": (lambda x: sin(x) + sin(x + x**2), (0, 1), 5),
    "sin(x^2) cos x - 1": (lambda x: sin(x**2) * cos(x) - 1, (0, 1), 4),
    "a root": (lambda x: sqrt(x), (0, 1), 1),
    "x log x": (lambda x: x * log(x), (0.2, 2), 2),
    "exp(x) sin(x^2)": (lambda x: exp(x) * sin(x**2), (0, 1), 3),
    "sin(x)/x": (lambda x: sin(x) / x, (0.1, 3), 2),
    "log(2 + cos x)": (lambda x: log(2 + cos(x)), (0, 3), 3),
    "sqrt(1 + sin^2 x)": (lambda x: sqrt(1 + sin(x) ** 2), (0, 3), 3),
    "tanh(sin x)": (lambda x: tanh(sin(x)), (0, 3), 2),
    "1/(2 + cos 2x)": (lambda x: 1.7 / (2 + cos(2 * x)), (0, 3), 3),
    "x^x": (lambda x: x**x, (0.5, 2), 2),
    "sin(3x)/(1 + x)": (lambda x: sin(3 * x) / (1 + x), (0, 1), 3),
    "a power of anything": (lambda x: (x + 1.5) ** 0.37, (0, 2), 3),
    "both Airy functions": (lambda x: special.airy(x)[0] + 0.3 * special.airy(x)[2], (0, 2), 3),
    "both Bessel functions": (lambda x: special.j0(3 * x) + 0.5 * special.y0(3 * x), (0.5, 2), 3),
    "any order": (lambda x: special.jv(0.7, 2.2 * x), (0.5, 3), 3),
    "a chirp": (lambda x: 0.7 * sin(1.37 * x**2 + 0.4 * x), (0, 2), 3),
    "scaled tanh of a sine": (lambda x: 2.3 * tanh(1.7 * sin(x)), (0, 3), 3),
    "Dawson": (lambda x: special.dawsn(2 * x), (0, 2), 3),
    "waves of x and of x^2": (lambda x: sin(1.37 * x) + 0.4 * cos(0.83 * x**2), (0, 2), 4),
    "x tanh x": (lambda x: x * tanh(x), (-1, 2), 2),
}


ALIKE = (
    "two sines", "polynomial and exponential", "root of a square", "log of a square", "tangent", "J0 of a root", "J1", "x^x",
    "sin x + sin(x + x^2)", "sin(x^2) cos x - 1", "log(2 + cos x)", "sqrt(1 + sin^2 x)", "tanh(sin x)", "1/(2 + cos 2x)",
    "both Airy functions", "waves of x and of x^2", "x tanh x",
)  # fmt: skip
"""Found as others of the table are: they run with the slow tests."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in ALIKE else n for n in FOUND])
def test_the_first_form_is_the_function_with_few_numbers(name: str) -> None:
    f, bounds, most = FOUND[name]
    noise = (1e-8, 1e-10, 1e-12)[list(FOUND).index(name) % 3]
    form = next(univariate(seen(f, bounds, noise)))
    assert_agrees(form, f, bounds, noise)
    assert len(form.numbers) <= most


@pytest.mark.parametrize("name", ["a damped wave", "J0", "heat kernel in time", "log(2 + cos x)", "sin x + sin(x + x^2)"])
def test_few_nodes_and_the_smooth_error_of_a_solver_do_not_matter(name: str) -> None:
    f, bounds, most = FOUND[name]
    form = next(univariate(seen(f, bounds, 1e-9, n=64, smooth=True)))
    assert_agrees(form, f, bounds, 1e-9)
    assert len(form.numbers) <= most


def random_series(seed: int, decay: float) -> Function:
    coefficients = np.random.default_rng(seed).standard_normal(60) * decay ** np.arange(60)
    return lambda x: chebyshev.chebval(x, coefficients)


REFUSED: dict[str, tuple[Function, tuple[float, float]]] = {
    "a sine of a chirp": (lambda x: exp(sin(5 * x + x**2)), (0, 1)),
    "a mixture": (lambda x: 1 / (1.3 + sin(x**2) * exp(x) / 3), (0.1, 1.5)),
    "a steepened sine": (lambda x: -sin(pi * x) / (1 + 0.3 * cos(pi * x) + 0.1 * exp(x) * x), (-1, 1)),
    "gamma": (special.gamma, (0.6, 2.5)),
    "zeta": (special.zeta, (1.3, 3)),
    "an elliptic integral": (special.ellipk, (0, 0.7)),
    "an integral of a Gaussian of a sine": (lambda x: exp(-(sin(3 * x) ** 2)) * log(2 + x**2 + cos(x)), (0, 2)),
    "an entire function": (random_series(5, 0.2), (-1, 1)),
    "a random series": (random_series(3, 0.4), (-1, 1)),
    "a rough series": (random_series(4, 0.65), (-1, 1)),
    "a sine of sines": (lambda x: sin(2 * sin(2 * x) + exp(0.4 * x)), (0, 1.5)),
}


SHOWN = ("a steepened sine", "gamma", "a random series", "a sine of sines")
"""Of each kind one, at every run of the tests."""


@pytest.mark.parametrize("name", [n if n in SHOWN else pytest.param(n, marks=pytest.mark.slow) for n in REFUSED])
def test_functions_without_a_short_form_are_turned_away(name: str) -> None:
    f, bounds = REFUSED[name]
    noise = (1e-10, 1e-8, 1e-12)[list(REFUSED).index(name) % 3]
    assert list(univariate(seen(f, bounds, noise))) == []


def test_limits_of_other_functions_are_refused() -> None:
    """Airy functions come close to exponentials, and Bessel functions to sines: never as the first form."""
    first = next(univariate(seen(lambda x: exp(-(pi**2) * x / 4), (0, 1), 1e-8)))
    assert first.expression.atoms(sp.Function) == first.expression.atoms(sp.exp)
    first = next(univariate(seen(lambda x: sin(pi * x / 2), (0, 1), 1e-8)))
    assert first.expression.atoms(sp.Function) == first.expression.atoms(sp.sin)


def test_cheap_effort_stops_after_modes_and_the_library() -> None:
    f, bounds, _ = FOUND["sin x + sin(x + x^2)"]
    assert list(univariate(seen(f, bounds, 1e-10), effort="cheap")) == []
    f, bounds, _ = FOUND["J0 of a root"]
    assert_agrees(next(univariate(seen(f, bounds, 1e-10), effort="cheap")), f, bounds, 1e-10)


def test_no_time_no_forms() -> None:
    view = seen(sin, (0, 1), 1e-10)
    assert list(univariate(View(view.symbols, view.samples, Budget(0)))) == []
