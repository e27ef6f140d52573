"""The gate, the reductions to zero, and the process that they run in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import kanpde
from kanpde.problem import read_text
from kanpde.problem.types import symbol
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.proof.prove import Claim, claims, points, prove
from kanpde.symbolic.proof.reduce import REWRITINGS, constant_and_zero, rewrites_to_zero, vanishes
from kanpde.symbolic.proof.textbook import forms
from kanpde.symbolic.proof.twins import twins
from kanpde.symbolic.worker import Worker

x, t = symbol("x"), symbol("t")
POINTS = [{x: sp.Rational(k, 7), t: sp.Rational(k, 11)} for k in (1, 2, 3, 5)]

ZERO = [
    (x + 1) ** 2 - x**2 - 2 * x - 1,
    sp.sin(x + t) - sp.sin(x) * sp.cos(t) - sp.cos(x) * sp.sin(t),
    sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
    sp.exp(-(sp.pi**2) * t) * sp.exp(sp.pi**2 * t) - 1,
    sp.sin(2 * x) * sp.exp(-t) - 2 * sp.sin(x) * sp.cos(x) * sp.exp(-t),
    sp.tanh(x) - (sp.exp(2 * x) - 1) / (sp.exp(2 * x) + 1),
    sp.erf(x / 2).diff(x) - sp.exp(-(x**2) / 4) / sp.sqrt(sp.pi),
]


@pytest.mark.parametrize("expression", ZERO, ids=str)
def test_what_is_zero_passes_the_gate_and_is_reduced(expression: sp.Expr) -> None:
    assert vanishes(expression, POINTS)
    assert any(rewrites_to_zero(expression, way) for way in REWRITINGS)


@pytest.mark.parametrize("expression", ZERO, ids=str)
@pytest.mark.parametrize("off", [sp.Rational(1, 10**12), sp.Rational(1, 10**25)])
def test_what_is_nearly_zero_is_not(expression: sp.Expr, off: sp.Expr) -> None:
    nearly = expression + off * sp.sin(x)
    assert not vanishes(nearly, POINTS)
    assert not rewrites_to_zero(nearly, "multiplied out")


def test_tiny_terms_do_not_hide_a_wrong_one() -> None:
    small = sp.exp(-1000 * sp.pi**2 * (t + 1))
    assert not vanishes(small - (1 + sp.Rational(1, 10**9)) * small, POINTS)
    assert not vanishes(small, POINTS)


def test_no_value_is_no_zero() -> None:
    assert not vanishes(sp.log(x - x), POINTS)
    assert not vanishes(symbol("y"), POINTS)


def test_a_vanishing_derivative_and_one_value_prove_zero() -> None:
    y = sp.Symbol("y", positive=True)
    assert constant_and_zero(sp.atan(y) + sp.atan(1 / y) - sp.pi / 2, y, sp.Integer(1))
    assert not constant_and_zero(sp.atan(y) + sp.atan(1 / y) - sp.pi, y, sp.Integer(1))


def test_the_worker_computes_and_survives_its_deadline() -> None:
    endless = (x + t + symbol("y") + 1) ** 300  # four million terms
    with Worker() as worker:
        assert worker.call(10, "rewrites_to_zero", x - x, "multiplied out") is True
        assert worker.call(0.3, "rewrites_to_zero", endless, "multiplied out") is None
        assert worker.call(10, "rewrites_to_zero", x + 1, "multiplied out") is False
        assert worker.call(10, "no such function") is None
        assert worker.call(0, "ready") is None
        assert worker.call(10, "ready") is True


def test_the_worker_needs_no_main_guard(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sympy\nfrom kanpde.symbolic.worker import Worker\n"
        "with Worker() as worker:\n    x = sympy.Symbol('x')\n"
        "    print(worker.call(20, 'rewrites_to_zero', (x + 1)**2 - x**2 - 2*x - 1, 'multiplied out'))\n"
    )
    (tmp_path / "queue.py").write_text("raise RuntimeError('a module of the user was imported')\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(kanpde.__file__).parents[1])}
    command = [sys.executable, "-P", str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


INSULATED = """
title: insulated end
find: u(x, t)
domain: {x: [0, 1], t: [0, 0.5]}
equation: u_t = alpha*u_xx
where: {alpha: 0.4}
initial: u = sin(pi*x/2)
boundary: {x = 0: u = 0, x = 1: u_n = 0}
"""
PERIODIC = (
    "title: ring\nfind: u(x, t)\ndomain: {x: [0, 1], t: [0, 1]}\nequation: u_t = u_xx\ninitial: u = x\nboundary: {x: periodic}\n"
)


def test_every_equation_and_condition_is_a_claim() -> None:
    problem = read_text(INSULATED, "test.yaml").problem
    alpha = symbol("alpha")
    formula = sp.exp(-alpha * sp.pi**2 * t / 4) * sp.sin(sp.pi * x / 2)
    stated = claims(problem, {"u": formula})
    assert len(stated) == 4
    with Worker() as worker:
        assert prove(worker, problem, stated, True, Budget(30))[0] == "proved"
        for wrong in (
            formula.subs(alpha, sp.Rational(2, 5)),
            formula + t * x,
            formula * 2,
            formula + alpha * x * sp.Rational(1, 10**15),
        ):
            assert prove(worker, problem, claims(problem, {"u": wrong}), True, Budget(30))[0] == "refuted"


def test_periodicity_is_claimed_for_value_and_slope() -> None:
    problem = read_text(PERIODIC, "test.yaml").problem
    stated = claims(problem, {"u": x * (1 - x)})
    assert [claim.expression for claim in stated if claim.label.startswith("periodic")] == [0, -2]


def test_points_lie_inside_and_letters_move() -> None:
    problem = read_text(INSULATED, "test.yaml").problem
    alpha = symbol("alpha")
    for point in points(problem, perturbed=True):
        assert 0 < point[x] < 1
        assert 0 < point[t] < sp.Rational(1, 2)
        assert point[alpha] != sp.Rational(2, 5)
    assert {point[alpha] for point in points(problem, perturbed=False)} == {sp.Rational(2, 5)}


def test_the_textbook_form_is_shorter_and_equal() -> None:
    assert forms(sp.sin(x) * sp.cos(3 * t) - sp.cos(x) * sp.sin(3 * t), POINTS)[0] in (sp.sin(x - 3 * t), -sp.sin(3 * t - x))
    assert forms(sp.exp(x) / 2 + sp.exp(-x) / 2, POINTS)[0] == sp.cosh(x)
    assert forms(x**3 + x**2 + x, POINTS) == [x**3 + x**2 + x]


RING = """
find: u(x, y)
domain:
  (x, y): disk([0, 0], b) - disk([0, 0], a)
where: {a: 1, b: 2}
equation: lap(u) = 0
boundary:
  x^2 + y^2 < 2: u = 0
  elsewhere: u = 1
constraints: {sign: "u(3/2, 0) > 0"}
"""


def test_the_transcript_has_a_numbered_line_for_each_claim() -> None:
    problem = read_text(RING, "test.yaml").problem
    y, a, b = symbol("y"), symbol("a"), symbol("b")
    formula = sp.log(sp.sqrt(x**2 + y**2) / a) / sp.log(b / a)
    stated = claims(problem, {"u": formula})
    with Worker() as worker:
        verdict, lines = prove(worker, problem, stated, True, Budget(30))
        turned = prove(worker, problem, claims(problem, {"u": -formula}), True, Budget(30))
    assert verdict == "proved"
    assert [line.split(".")[0] for line in lines] == ["1", "2", "3", "4"]
    assert lines[0].startswith("1. equation lap(u) = 0: left - right = ")
    assert "on the circle x^2 + y^2 = b^2: x = b*cos(theta), y = b*sin(theta)" in lines[1] + lines[2]
    assert lines[3].endswith("holds, compared in numbers")
    assert turned[0] == "refuted"


def test_twins_have_the_sign_of_their_symbols() -> None:
    claim = Claim("", x, {x: (sp.Integer(-2), sp.Integer(0)), t: (sp.Integer(-1), sp.Integer(1))})
    put = twins({symbol("alpha"): sp.Rational(1, 2)}, claim)
    assert put[x].is_negative
    assert put[symbol("alpha")].is_positive
    assert t not in put
