"""Formulas of data: suggested within the noise, snapped where the data can tell, proved only by equations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

from kanpde.problem import read_text
from kanpde.problem.types import symbol
from kanpde.symbolic.data.edges import Suggestion, allowed, prove, snap, suggest
from kanpde.symbolic.data.resample import resample
from kanpde.symbolic.form import Array, Form, number

x = symbol("x")
Function = Callable[[Array], Array]


def data(function: Function, lower: float, upper: float, noise: float, count: int = 300, seed: int = 0) -> tuple[Array, Array]:
    source = np.random.default_rng(seed)
    points = np.sort(source.uniform(lower, upper, count))
    return points, function(points) + noise * source.standard_normal(count)


CURVES: list[tuple[Function, float, float, sp.Expr]] = [
    (lambda s: np.exp(-s / 2) * 3, -1, 4, 3 * sp.exp(-x / 2)),
    (lambda s: np.exp(-(s**2) / 2) / np.sqrt(2 * np.pi), -3, 3, sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)),
    (lambda s: np.tanh(2 * s - 1), -2, 3, sp.tanh(2 * x - 1)),
    (lambda s: s**3 - s + 0.25, -2, 2, x**3 - x + sp.Rational(1, 4)),
    (lambda s: np.sqrt(s + 1), -0.9, 3, sp.sqrt(x + 1)),
    (lambda s: 1 / (1 + s**2), -3, 3, 1 / (1 + x**2)),
    (lambda s: np.exp(np.sin(3 * s)), -2, 2, sp.exp(sp.sin(3 * x))),
    (lambda s: 2 * np.sin(3 * s + 0.5) + 1, 0, 3, 2 * sp.sin(3 * x + sp.Rational(1, 2)) + 1),
]


@pytest.mark.parametrize(("function", "lower", "upper", "truth"), CURVES, ids=[str(c[-1]) for c in CURVES])
def test_the_cheapest_suggestion_becomes_the_truth(function: Function, lower: float, upper: float, truth: sp.Expr) -> None:
    points, values = data(function, lower, upper, 1e-9)
    found = suggest(points, values)
    assert found
    best = found[0]
    assert best.rms <= allowed(best.noise, len(values))
    assert best.noise == pytest.approx(1e-9, rel=0.2)
    assert all(one.bits >= best.bits for one in found)
    exact = snap(best)
    assert not exact.numbers
    at = np.linspace(lower, upper, 50)
    values_of = np.array([float(exact.expression.xreplace({x: sp.Float(s, 30)})) for s in at])
    assert np.abs(values_of - function(at)).max() < 1e-13 * np.abs(values_of).max() + 1e-14
    assert exact.rms <= allowed(1e-9, len(values)) * 1.05


def test_noise_of_a_thousandth_hides_nothing_simple() -> None:
    for function, lower, upper, truth in CURVES[:1] + CURVES[4:6]:
        points, values = data(function, lower, upper, 1e-3)
        exact = snap(suggest(points, values)[0])
        assert sp.simplify(exact.at_values - truth) == 0


def test_data_without_a_formula_get_none() -> None:
    points, values = data(lambda s: np.exp(np.sin(s * np.exp(s))) + np.cos(7 * s**2) / (2 + np.sin(s)), -2, 2, 1e-8, 1500)
    assert suggest(points, values, seconds=3) == []
    shuffled = np.random.default_rng(1).standard_normal(200)
    assert all(
        one.how == "polynomial" and not one.expression.has(x) for one in suggest(np.linspace(0, 1, 200), shuffled, seconds=3)
    )


def test_a_stated_noise_is_believed() -> None:
    """exp(0.1 x) with an error of 1 % is no straight line to someone who knows the noise to be 1e-6."""
    points, values = data(lambda s: np.exp(s / 10), 0, 1, 0.0)
    loose, strict = suggest(points, values, noise=1e-3), suggest(points, values, noise=1e-7)
    assert sp.Poly(loose[0].at_values, x).degree() == 1
    assert not any(one.at_values.is_polynomial(x) and sp.Poly(one.at_values, x).degree() == 1 for one in strict)


def test_a_constant_is_snapped_only_where_it_is_earned() -> None:
    """1.00000289 is 1 at a noise of 1e-4, and itself at a noise of 1e-9."""
    points, clean = data(lambda s: 1.00000289 * np.exp(s), 0, 1, 0.0)
    source = np.random.default_rng(3)
    for noise, simple in ((1e-4, True), (1e-9, False)):
        values = clean + noise * source.standard_normal(len(clean))
        found = snap(sp.Float(1.0000029) * sp.exp(x), [points], values, noise)
        assert (found.expression == sp.exp(x)) == simple
        assert len(found.numbers) == (0 if simple else 1)


def test_letters_are_among_the_constants() -> None:
    points, values = data(lambda s: np.exp(-0.03 * np.pi**2 * s), 0, 2, 1e-11)
    nu = symbol("nu")
    found = snap(suggest(points, values)[0], letters={nu: sp.Rational(3, 100)})
    assert found.expression == sp.exp(-nu * sp.pi**2 * x)


def test_data_prove_nothing() -> None:
    points, values = data(lambda s: np.tanh(s), -2, 2, 1e-6)
    best = suggest(points, values)[0]
    formula = prove(best)
    assert formula.status == "verified numerically"
    assert "misfit" in formula.transcript[0]
    assert formula(x=0.5) == pytest.approx(np.tanh(0.5), abs=1e-5)
    worse = Suggestion(best.expression, best.symbols, best.numbers, 1e-3, 1e-6, best.bits, "", best.points, best.values)
    assert prove(worse).status == "not found"


def test_the_equations_of_a_problem_prove() -> None:
    text = "find: u(x, t)\ndomain: {x: [0, 1], t: [0, 1]}\nequation: u_t = u_xx\ninitial: u = sin(pi*x)\nboundary: u = 0\n"
    problem = read_text(text).problem
    t, a, k = symbol("t"), number(1.00001, 1e-4), number(-9.8697, 1e-3)
    formula = prove({"u": Form(a.symbol * sp.exp(k.symbol * t) * sp.sin(sp.pi * x), (a, k), "by hand")}, problem)
    assert formula.status == "proved"
    assert formula.expressions["u"] == sp.exp(-(sp.pi**2) * t) * sp.sin(sp.pi * x)
    assert prove({"u": sp.exp(-9 * t) * sp.sin(sp.pi * x)}, problem).status == "not found"


def test_the_noise_of_data_is_found() -> None:
    for noise in (1e-10, 1e-4, 1e-2):
        points, values = data(np.sin, 0, 5, noise, 500)
        found = resample(points, values)
        assert found.noise == pytest.approx(noise, rel=0.15)
        (axis,) = found.samples.axes
        off = float(np.sqrt(np.mean((found.samples.values - np.sin(axis.nodes)) ** 2)))
        assert off < 3 * found.samples.sigma
        assert found.samples.sigma < noise  # many data, few coefficients


def test_too_few_data_are_refused() -> None:
    with pytest.raises(ValueError, match="at least eight"):
        suggest([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="finite"):
        suggest(np.arange(10.0), [np.nan] * 10)
    with pytest.raises(ValueError, match="give points"):
        snap(sp.exp(x))
    with pytest.raises(ValueError, match="does not agree"):
        snap(sp.Float(3.3) * x, [np.linspace(0, 1, 20)], np.exp(np.linspace(0, 1, 20)), 1e-6)
