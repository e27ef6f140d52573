"""Proved zero, shown not to be zero, or open: never a wrong verdict."""

import pytest
import sympy as sp

from kanpde.problem.types import symbol
from kanpde.problem.zero import Verdict, decide

x, t, c = map(symbol, "xtc")
RANGES = {x: (0.0, 1.0), t: (0.0, 1.0)}

IDENTITIES = [
    sp.Integer(0),
    (x + t) ** 3 - x**3 - 3 * x**2 * t - 3 * x * t**2 - t**3,
    sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1,
    sp.sin(2 * x) - 2 * sp.sin(x) * sp.cos(x),
    sp.cos(3 * x) - 4 * sp.cos(x) ** 3 + 3 * sp.cos(x),
    sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
    1 / (1 + x) + 1 / (1 - x) - 2 / (1 - x**2),
    sp.exp(x + t) - sp.exp(x) * sp.exp(t),
    sp.tanh(x) - (sp.exp(2 * x) - 1) / (sp.exp(2 * x) + 1),
    sp.sech(x) ** 2 - 1 + sp.tanh(x) ** 2,
    sp.exp(-c * t) * (c - c) + (x + c) ** 2 - x**2 - 2 * c * x - c**2,
]


@pytest.mark.parametrize("e", IDENTITIES, ids=str)
def test_identities_are_proved(e: sp.Expr) -> None:
    assert decide(e, RANGES, {c: sp.Rational(2, 5)})[0] is Verdict.ZERO


@pytest.mark.parametrize("e", IDENTITIES[1:], ids=str)
@pytest.mark.parametrize("size", [1, sp.Rational(1, 10**6), sp.Rational(1, 10**13), sp.Rational(1, 10**25)])
def test_nothing_near_zero_passes_for_zero(e: sp.Expr, size: sp.Expr) -> None:
    verdict, point = decide(e + size * sp.exp(x * t), RANGES, {c: sp.Rational(2, 5)})
    assert verdict is Verdict.NOT_ZERO
    assert set(point) <= {x, t}


def test_what_holds_for_the_given_constants_only() -> None:
    e = (c - 1) * sp.sin(x)
    assert decide(e, RANGES, {c: sp.Integer(1)})[0] is Verdict.ZERO
    assert decide(e, RANGES, {c: sp.Integer(2)})[0] is Verdict.NOT_ZERO


def test_an_identity_of_special_functions_is_left_open() -> None:
    e = sp.besselj(0, x) + sp.besselj(2, x) - 2 * sp.besselj(1, x) / x
    assert decide(e, {x: (0.1, 1.0)}, {})[0] is Verdict.OPEN
