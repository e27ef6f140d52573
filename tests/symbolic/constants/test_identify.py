"""Forty digits become exact constants, as functions of the letters, and nothing that only comes near does."""

from __future__ import annotations

import mpmath as mp
import pytest
import sympy as sp

from kanpde.symbolic.constants.identify import identify

nu, Re, r, s, alpha, c = sp.symbols("nu Re r sigma alpha c", real=True)
R = sp.Rational
PLAIN = [
    sp.Integer(0),
    -(sp.pi**2) / 4,
    R(12, 23),
    sp.cos(R(1, 3)),
    sp.sqrt(sp.pi**2 - 1),
    R(1, 10**11) - sp.pi**2,
    1 + R(1, 10**12),
    sp.exp(-3),
    R(13, 7) * sp.sqrt(2),
    1 / sp.sqrt(4 * sp.pi),
    sp.cbrt(12),
    R(37, 400) * sp.pi**2,
    sp.sqrt(2) + sp.sqrt(3),
    (1 + sp.sqrt(5)) / 2,
    sp.log(3),
]
LETTERED = [
    (-3 / (25 * nu), {nu: R(23, 100)}),
    ((Re - sp.sqrt(Re**2 + 16 * sp.pi**2)) / 2, {Re: sp.Integer(40)}),
    ((Re - sp.sqrt(Re**2 + 16 * sp.pi**2)) / (4 * sp.pi), {Re: sp.Integer(40)}),
    (r / s + s / 2, {r: R(1, 20), s: R(1, 5)}),
    (1 / sp.sqrt(4 * sp.pi * alpha), {alpha: R(37, 100)}),
    (sp.sqrt(c) ** 3, {c: R(13, 10)}),
    (sp.exp(-alpha), {alpha: R(2, 5), c: R(13, 10)}),
    (-alpha * sp.pi**2 - c, {alpha: R(2, 5), c: R(13, 10)}),
    (sp.sqrt(alpha * sp.pi**2 - c**2 / 4), {alpha: R(2, 5), c: R(13, 10)}),
]


def _found(expression: sp.Expr, letters: dict[sp.Symbol, sp.Expr]) -> list[sp.Expr]:
    with mp.workdps(60):
        sets = 3 if letters else 1
        shifted = {
            name: [mp.mpf(sp.N(value, 60)) * (1 + j * mp.sqrt(3 + i) / 100) for j in range(sets)]
            for i, (name, value) in enumerate(letters.items())
        }
        function = sp.lambdify(list(letters), expression, "mpmath")
        values = [mp.mpmathify(function(*(v[j] for v in shifted.values()))) for j in range(sets)]
    unknown = sp.Dummy("v", real=True)
    return [constant.expression for constant in identify({unknown: values}, shifted, sets)[unknown]]


@pytest.mark.parametrize("expression", PLAIN, ids=str)
def test_a_constant_is_found_from_forty_digits(expression: sp.Expr) -> None:
    found = _found(expression, {})
    assert found
    assert abs(sp.N(found[0] - expression, 80)) < sp.Float("1e-60")


@pytest.mark.parametrize(("expression", "letters"), LETTERED, ids=str)
def test_a_constant_is_found_as_a_function_of_the_letters(expression: sp.Expr, letters: dict[sp.Symbol, sp.Expr]) -> None:
    found = _found(expression, letters)
    elsewhere = {name: value + R(1, 7) for name, value in letters.items()}
    assert found
    assert abs(sp.N((found[0] - expression).xreplace(elsewhere), 60)) < sp.Float("1e-50")


@pytest.mark.parametrize(
    "expression", [sp.EulerGamma, sp.zeta(3), sp.Float("0.860333589019379762483893424137662333", 40)], ids=str
)
def test_a_number_without_a_short_form_is_left_alone(expression: sp.Expr) -> None:
    assert _found(expression, {}) == []
