"""The forms that a textbook prints: shorter, and equal."""

from __future__ import annotations

from functools import cache

import pytest
import sympy as sp
from sympy import I, Rational, atan, cos, cosh, erf, erfc, exp, log, pi, sech, sin, sinh, sqrt, tanh

from kanpde.problem import symbol
from kanpde.symbolic.proof.reduce import vanishes
from kanpde.symbolic.proof.textbook import REWRITINGS, forms, length, oriented, squares

x, y, t, c, k, alpha, nu = map(symbol, ("x", "y", "t", "c", "k", "alpha", "nu"))
POINTS = [
    {
        x: Rational(n, 7), t: Rational(n, 11), y: Rational(n, 5), c: Rational(3 + n, 4),
        alpha: Rational(2 + n, 5), nu: Rational(1 + n, 9), k: Rational(n, 3),
    }
    for n in (1, 2, 3, 5)
]  # fmt: skip

s = sqrt(c) * x - c ** Rational(3, 2) * t
TAU = 1 + exp(6 * x - 72 * t) + 3 * exp(4 * x - 64 * t) + 3 * exp(2 * x - 8 * t)
D = (log(x) + (nu - k**2 / 2) * t) / (k * sqrt(2) * sqrt(t))
WRITTEN = {
    "soliton": (2 * c * exp(s) / (1 + exp(s)) ** 2, c / 2 * sech(sqrt(c) * (x - c * t) / 2) ** 2),
    "soliton in both": (1 / (exp(x / 2 - 2 * t) + exp(-x / 2 + 2 * t)) ** 2, sech(x / 2 - 2 * t) ** 2 / 4),
    "front": (
        Rational(7, 10) - Rational(4, 5) / (1 + exp(-(5 * x - 3 * t / 2) * Rational(2, 25) / nu)),
        Rational(3, 10) - Rational(2, 5) * tanh((10 * x - 3 * t) / (50 * nu)),
    ),
    "quotient": ((exp(2 * x) - 1) / (exp(2 * x) + 1), tanh(x)),
    "envelope": (2 * exp(I * t / 2) / (exp(x) + exp(-x)), exp(I * t / 2) * sech(x)),
    "breather": (
        4 * atan(8 * sin(3 * t / 5) / (3 * (exp(4 * x / 5) + exp(-4 * x / 5)))),
        4 * atan(4 * sin(3 * t / 5) * sech(4 * x / 5) / 3),
    ),
    "boundary values": ((exp(k * x) - exp(-k * x)) / (exp(k) - exp(-k)), sinh(k * x) / sinh(k)),
    "travelling wave": (sin(x) * cos(3 * t) - cos(x) * sin(3 * t), sin(x - 3 * t)),
    "phase": (sin(x) / 2 + sqrt(3) * cos(x) / 2, sin(x + pi / 3)),
    "complement": (3 - 3 * erf(x / (2 * sqrt(t))), 3 * erfc(x / (2 * sqrt(t)))),
    "grouped": (exp(x) * x**2 + exp(x) * y**2, (x**2 + y**2) * exp(x)),
    "joined": (4 * atan(exp(-3 * t / 4) * exp(5 * x / 4)), 4 * atan(exp((5 * x - 3 * t) / 4))),
    "power": (exp(y * log(x)), x**y),
    "front between two values": (
        (7 * exp(-2 * x / (5 * nu)) * exp(3 * t / (25 * nu)) / 10 - Rational(1, 10))
        / (exp(-2 * x / (5 * nu) + 3 * t / (25 * nu)) + 1),
        Rational(3, 10) - Rational(2, 5) * tanh((10 * x - 3 * t) / (50 * nu)),
    ),
    "two solitons": (
        -72 * (exp(6 * x - 72 * t) + 2 * exp(4 * x - 64 * t) + exp(2 * x - 8 * t)) ** 2 / TAU**2
        + 2 * (36 * exp(6 * x - 72 * t) + 48 * exp(4 * x - 64 * t) + 12 * exp(2 * x - 8 * t)) / TAU,
        12 * (3 + 4 * cosh(2 * x - 8 * t) + cosh(4 * x - 64 * t)) / (3 * cosh(x - 28 * t) + cosh(3 * x - 36 * t)) ** 2,
    ),
    "a call option": (
        c / 2 + (c * exp(nu * t) * erf(D + k * sqrt(t) / sqrt(2)) - erf(D)) * exp(-nu * t) / 2 - exp(-nu * t) / 2,
        c * (1 + erf(D + k * sqrt(t) / sqrt(2))) / 2 - exp(-nu * t) * (1 + erf(D)) / 2,
    ),
    "one radical": ((c / 4 - sqrt(c**2 / 4 + 4 * pi**2) / 2) * exp(x) / pi, (c - sqrt(c**2 + 16 * pi**2)) / (4 * pi) * exp(x)),
    "cosh": (exp(x) / 2 + exp(-x) / 2, cosh(x)),
}
KEPT = {
    "polynomial": x**4 + x**3 + x**2 + x,
    "logarithms": log(x + 1) + log(x**2 + 1),
    "modes": exp(-(pi**2) * t) * sin(pi * x) + exp(-9 * pi**2 * t) * sin(3 * pi * x) / 2,
    "standing wave": 2 * sin(x) * cos(y),
    "rational": 1 / (1 + x**2 + y**2),
    "moving bells": (exp(-((x - t) ** 2)) + exp(-((x + t) ** 2))) / 2,
}


@cache
def forms_of(name: str) -> list[sp.Expr]:
    """The ways to write it, sought once for both tests."""
    return forms(WRITTEN[name][0], POINTS)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_textbook_prints(name: str) -> None:
    _, wanted = WRITTEN[name]
    (first, *_) = forms_of(name)
    assert vanishes(first - wanted, POINTS)
    assert length(first) <= length(wanted)
    assert {type(f) for f in first.atoms(sp.Function)} == {type(f) for f in wanted.atoms(sp.Function)}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_a_textbook_form_already_stays(name: str) -> None:
    assert length(forms(KEPT[name], POINTS)[0]) == length(KEPT[name])


@pytest.mark.parametrize("name", WRITTEN)
def test_every_form_is_equal_to_the_given_one(name: str) -> None:
    given, _ = WRITTEN[name]
    assert all(vanishes(form - given, POINTS) for form in forms_of(name))


def test_rewritings_that_go_wrong_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanpde.symbolic.proof.textbook.REWRITINGS", [*REWRITINGS, (lambda e: x, 1.0, 400)])
    given, _ = WRITTEN["quotient"]
    assert x not in forms(given, POINTS)
    negative = [{s: -value for s, value in point.items()} for point in POINTS]
    assert forms(sqrt(x) * sqrt(t), negative) == [sqrt(x) * sqrt(t)]  # sqrt(x t) has the other sign there


def test_space_is_positive_in_arguments_and_even_powers() -> None:
    assert oriented(sech(sqrt(c) * (c * t - x) / 2) ** 2) == sech(sqrt(c) * (x - c * t) / 2) ** 2
    assert oriented(exp(-((t - x) ** 2))) == exp(-((x - t) ** 2))
    assert oriented(tanh((3 * t - 10 * x) / (50 * nu))) == -tanh((10 * x - 3 * t) / (50 * nu))
    assert oriented(sinh(k * (1 - x))) == sinh(k * (1 - x))


def test_a_square_rather_than_twice_the_angle() -> None:
    assert squares(1 / (1 + cosh(x))) == sech(x / 2) ** 2 / 2
    assert squares(c / (1 + cosh(2 * x)) ** 2) == c * sech(x) ** 4 / 4
    assert squares(1 / (2 + cosh(x))) == 1 / (2 + cosh(x))
