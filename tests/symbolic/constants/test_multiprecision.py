"""Expressions at sixty digits, compared with sympy's own evaluation."""

from __future__ import annotations

import mpmath as mp
import pytest
import sympy as sp

from kanpde.symbolic.constants.multiprecision import Precise

x, y = sp.symbols("x y", real=True)
EXPRESSIONS = [
    sp.sqrt(x) * sp.erf(y) + sp.besselj(2, x) / sp.pi,
    sp.exp(sp.I * x) * sp.conjugate(y + sp.I * x),
    sp.Abs(x - y) + sp.Max(x, y) + sp.sign(y) + sp.airyaiprime(x),
    x**y + sp.log(x) ** sp.Rational(1, 3) + sp.Ei(y) + sp.sech(x),
    sp.Piecewise((x, x < y), (y, True)) + sp.Heaviside(x),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_values_have_sixty_digits(expression: sp.Expr) -> None:
    at = {x: sp.Rational(13, 7), y: sp.Rational(5, 11)}
    with mp.workdps(60):
        (value,) = Precise([expression], [x, y])([mp.mpf(v.p) / v.q for v in at.values()])
        expected = mp.mpmathify(sp.N(expression.xreplace(at), 60))
        assert abs(value - expected) < mp.mpf("1e-56") * abs(expected)


def test_what_has_no_value_is_refused() -> None:
    with pytest.raises(ValueError, match="no value"):
        Precise([x + y], [x])
    with pytest.raises(ValueError, match="not evaluated"):
        Precise([sp.Function("unknown")(x)], [x])
