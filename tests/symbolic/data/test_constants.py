"""Constants: the meant one is among the few that agree with a number, and accidents are not."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from kanpde.symbolic.data.constants import ALTERNATIVES, Constants

alpha, nu = sp.Symbol("alpha", real=True), sp.Symbol("nu", real=True)
pi = sp.pi

PLAIN = [
    sp.Rational(2, 3),
    sp.Integer(-7),
    sp.Rational(17, 40),
    3 * pi / 2,
    -9 * pi**2,
    1 / pi,
    sp.sqrt(2) / 2,
    sp.sqrt(sp.Rational(2, 3)),
    sp.E / 4,
    sp.log(2),
    sp.sqrt(pi**2 - 1),
    sp.sqrt(4 * pi**2 - sp.Rational(1, 4)),
    sp.exp(-sp.Rational(1, 2)),
]


@pytest.mark.parametrize("constant", PLAIN, ids=str)
def test_a_constant_is_the_first_choice(constant: sp.Expr) -> None:
    value = float(constant)
    assert sp.simplify(Constants({}).candidates(value * (1 + 1e-11), 1e-9 * abs(value))[0].expression - constant) == 0


@pytest.mark.parametrize(
    "constant", [-alpha * pi**2 / 4, pi * sp.sqrt(alpha) / 2, alpha**2, 3 / alpha, 1 / (2 * nu), -alpha * pi**2 - nu]
)
def test_letters_are_among_the_alternatives(constant: sp.Expr) -> None:
    values = {alpha: sp.Rational(2, 5), nu: 1 / (100 * pi)}
    found = Constants({k: v for k, v in values.items() if constant.has(k)})
    number = float(constant.xreplace(values))
    candidates = found.candidates(number, 1e-10 * abs(number))
    assert any(sp.simplify((c.expression - constant).subs(alpha, 3).subs(nu, 5)) == 0 for c in candidates)
    assert len(candidates) <= ALTERNATIVES


def test_every_candidate_agrees_with_the_number_and_they_are_sorted() -> None:
    letters = {alpha: sp.Rational(2, 5)}
    found = Constants(letters).candidates(-(float(pi) ** 2) / 10, 1e-8)
    assert len(found) >= 2
    assert [c.cost for c in found] == sorted(c.cost for c in found)
    for candidate in found:
        assert float(candidate.expression.xreplace(letters)) == pytest.approx(-(np.pi**2) / 10, abs=1e-8)


def test_a_number_without_meaning_has_no_candidate() -> None:
    generator = np.random.default_rng(0)
    hits = sum(bool(Constants({}).candidates(v, 1e-9 * v)) for v in generator.uniform(0.5, 20, 100))
    assert hits <= 2


def test_zero_within_the_error_is_zero() -> None:
    assert [c.expression for c in Constants({}).candidates(1e-12, 1e-10)] == [0]


def test_a_vague_number_is_not_recognised() -> None:
    assert Constants({}).candidates(2.345, 0.05) == [] or Constants({}).candidates(2.345, 0.05)[0].cost < 4
