"""Straight-line programs give the values that sympy gives."""

import numpy as np
import pytest
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import symbol

x, y = symbol("x"), symbol("y")
POINTS = np.random.default_rng(0).uniform(0.1, 0.9, (2, 7))

EXPRESSIONS = [
    x**2 * y - 3 / (1 + y) + sp.pi,
    sp.sqrt(x) + 1 / sp.sqrt(x + y) + x**y + x ** sp.Rational(1, 3),
    sp.sin(x) * sp.cos(y) * sp.tan(x * y) + sp.exp(-x) + sp.log(y),
    sp.sinh(x) + sp.cosh(y) + sp.tanh(x * y) + sp.sech(x) + sp.csch(y) + sp.coth(x) + sp.sec(x) + sp.csc(y) + sp.cot(x),
    sp.asin(x) + sp.acos(y) + sp.atan(x / y) + sp.asinh(x) + sp.acosh(1 + y) + sp.atanh(x) + sp.atan2(y, x),
    sp.erf(x) + sp.erfc(y) + sp.besselj(0, x) + sp.bessely(1, y) + sp.besseli(2, x) + sp.besselk(0, y) + sp.gamma(x + 1),
    sp.Abs(x - y) + sp.sign(x - y) + sp.Max(x, y, sp.Rational(1, 2)) + sp.Min(x, y) + sp.Heaviside(x - y) + sp.floor(4 * x),
    sp.Piecewise((x, sp.And(x < y, y > sp.Rational(1, 3))), (y**2, sp.Or(x > sp.Rational(3, 4), sp.Not(y < x))), (-1, True)),
    sp.Integer(3),
]


@pytest.mark.parametrize("e", EXPRESSIONS, ids=lambda e: str(e)[:30])
def test_values(e: sp.Expr) -> None:
    (values,) = Program([e], [x, y])(NUMPY, list(POINTS))
    wanted = [float(sp.N(e.subs({x: sp.Float(a, 30), y: sp.Float(b, 30)}), 25)) for a, b in POINTS.T]
    np.testing.assert_allclose(np.broadcast_to(values, (7,)), wanted, rtol=1e-13)


def test_shared_parts_are_computed_once() -> None:
    calls = []
    functions = {**NUMPY, "sin": lambda v: calls.append(1) or np.sin(v)}
    Program([sp.sin(x) + 1, sp.sin(x) ** 2, sp.cos(sp.sin(x))], [x, y])(functions, list(POINTS))
    assert len(calls) == 1


def test_what_has_no_value_says_so() -> None:
    with pytest.raises(UnsupportedProblem, match="no value is given for 'y'"):
        Program([x + y], [x])
    with pytest.raises(UnsupportedProblem, match="integral"):
        Program([sp.Function("integral")(x)], [x])(NUMPY, [POINTS[0]])
