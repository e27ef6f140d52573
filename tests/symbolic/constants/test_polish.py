"""The equations give the numbers of a form to forty digits, and refuse a form that only comes near."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mpmath as mp
import pytest
import sympy as sp

from kanpde.problem import read_file, read_text
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.constants.polish import Polished, polish
from kanpde.symbolic.proof.claims import claims

PROBLEMS = Path(__file__).parents[3] / "problems"
x, t = symbol("x"), symbol("t")
a, b, c, d = (sp.Dummy(name, real=True) for name in "abcd")


def _polished(problem: Problem, form: sp.Expr, start: dict[sp.Symbol, float]) -> Sequence[Polished]:
    stated = claims(problem, {"u": form}, moving=True)
    return polish([(c.expression, dict(c.ranges), c.fractions) for c in stated], start, dict(problem.constants))


def test_numbers_follow_the_letters_to_forty_digits() -> None:
    problem = read_file(PROBLEMS / "heat_insulated_end.yaml").problem
    found = _polished(problem, a * sp.exp(b * t) * sp.sin(c * x), {a: 1 + 1e-8, b: -0.98696, c: 1.570796})
    assert len(found) == 3
    assert not any(p.failure for p in found)
    for p in found:
        (alpha,) = p.letters.values()
        with mp.workdps(50):
            assert abs(p.numbers[a] - 1) < mp.mpf("1e-40")
            assert abs(p.numbers[b] + alpha * mp.pi**2 / 4) < mp.mpf("1e-38")
            assert abs(p.numbers[c] - mp.pi / 2) < mp.mpf("1e-40")


def test_a_term_that_is_not_there_gets_the_coefficient_zero() -> None:
    problem = read_file(PROBLEMS / "telegraph.yaml").problem
    form = sp.exp(a * t) * sp.sin(sp.pi * x) * (b * sp.cos(c * t) + d * sp.sin(c * t))
    (found,) = _polished(problem, form, {a: -1.0, b: 1.0, c: 2.978188, d: 1e-9})
    assert not found.failure
    assert abs(found.numbers[d]) < mp.mpf("1e-40")


@pytest.mark.parametrize(
    "text",
    [
        "equation: u_t = u_xx\ninitial: u = (1 + 1e-12)*sin(pi*x)\nboundary: u = 0\n",
        "equation: u_t = u_xx + 1e-11*u\ninitial: u = sin(pi*x)\nboundary: u = 0\n",
    ],
)
def test_a_form_that_solves_a_neighbouring_problem_moves_to_this_one(text: str) -> None:
    problem = read_text("find: u(x, t)\ndomain:\n  x: [0, 1]\n  t: [0, 1/10]\n" + text, "test.yaml").problem
    (found,) = _polished(problem, a * sp.exp(b * t) * sp.sin(sp.pi * x), {a: 1.0, b: -9.8696})
    assert not found.failure
    with mp.workdps(50):
        moved = max(abs(found.numbers[a] - 1), abs(found.numbers[b] + mp.pi**2))
        assert mp.mpf("0.9e-12") < moved < mp.mpf("1.1e-11")


def test_a_form_without_the_right_structure_is_refused() -> None:
    problem = read_file(PROBLEMS / "heat_insulated_end.yaml").problem
    (found,) = _polished(problem, a * sp.exp(b * t) * (1 - (x - 1) ** 2), {a: 1.0, b: -0.98})
    assert "hold" in found.failure


def test_a_number_that_nothing_determines_is_fixed_at_a_simple_value() -> None:
    problem = read_file(PROBLEMS / "heat_insulated_end.yaml").problem
    form = a * sp.exp(b * t + d) * sp.sin(c * x)
    found = _polished(problem, form, {a: 0.5, b: -0.98696, c: 1.570796, d: 0.6931})
    assert not found[0].failure
    assert len(found[0].fixed) == 1


def test_a_last_step_in_many_digits_goes_on_from_where_the_numbers_are() -> None:
    text = (
        "find: u(x, t)\ndomain:\n  x: [0, 1]\n  t: [0, 1]\nequation: u_t = nu^2*u_xx\nwhere:\n  nu: 1\n"
        "initial: u = sin(pi*x)\nboundary: u = 0\n"
    )
    problem = read_text(text, "test.yaml").problem
    found = _polished(problem, a * sp.exp(b * t) * sp.sin(c * x), {a: 1.0, b: -9.8696044, c: 3.1415927})
    assert [p.failure for p in found] == ["", "", ""]
    for p in found:
        (nu,) = p.letters.values()
        with mp.workdps(50):
            assert abs(p.numbers[b] / (nu * mp.pi) ** 2 + 1) < mp.mpf("1e-38")
