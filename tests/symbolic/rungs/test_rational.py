"""Rational functions are found from values alone; what they only approximate is turned away."""

from __future__ import annotations

from time import thread_time

import numpy as np
import pytest
import sympy as sp
from seen import NOISES

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.rungs.rational import rationals
from kanpde.symbolic.sample import Array, sample
from kanpde.symbolic.view import View

x, y, t = sp.symbols("x y t", real=True)
BOX = {x: (-1.0, 2.0), y: (-2.0, 2.0), t: (0.0, 1.0)}


def seen(expression: sp.Expr, symbols: tuple[sp.Symbol, ...], noise: float) -> View:
    function = sp.lambdify(symbols, expression, modules=["numpy"])

    def sampler(*nodes: Array) -> Array:
        values = function(*np.meshgrid(*nodes, indexing="ij"))
        size = np.sqrt(np.mean(values**2))
        return np.asarray(values + noise * size * np.random.default_rng(0).standard_normal(values.shape))

    return View(symbols, sample(sampler, [BOX[s] for s in symbols], None), Budget(30.0, thread_time))


FOUND = {
    "similarity": (x / (1 + t), (x, t)),
    "first degrees": ((1 + 2 * x * t) / (3 + t**2 + x), (x, t)),
    "second degrees": ((x**2 - t) / (x**2 + t**2 + 1), (x, t)),
    "a lump": (4 * (1 - x**2 + y**2) / (1 + x**2 + y**2) ** 2, (x, y)),
    "one coordinate": ((x**2 - 1) / (x**3 + x + 20), (x,)),
    "three coordinates": ((x - y) / (1 + x**2 + y**2 + t), (x, y, t)),
}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", FOUND)
def test_rational_functions(name, noise):
    expression, symbols = FOUND[name]
    form = next(rationals(seen(expression, symbols, noise)), None)
    assert form is not None
    exact = {n.symbol: sp.nsimplify(n.value, rational=True, tolerance=1e4 * noise) for n in form.numbers}
    assert sp.simplify(form.expression.xreplace(exact) - expression) == 0


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("expression", [sp.exp(x - t), sp.tanh(x - t), sp.sin(2 * x) * sp.exp(-t), sp.sqrt(3 + x + t)])
def test_what_they_only_approximate(expression, noise):
    assert list(rationals(seen(expression, (x, t), noise))) == []


def test_polynomials_are_for_others():
    assert list(rationals(seen(x**2 * t + 1, (x, t), 1e-10))) == []
