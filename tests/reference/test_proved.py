"""A proved formula as a judge: its values, its gradients, and the rounding that it admits."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem import read_text, real_form, symbol
from kanpde.reference import FLOOR, proved_formula
from kanpde.results import Formula

X, T, ALPHA = symbol("x"), symbol("t"), symbol("alpha")
HEAT = read_text("""find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t = alpha*u_xx
where: {alpha: 0.1}
initial: u = sin(pi*x)
boundary: u = 0
""").problem
POINTS = np.array([[0.3, 0.2], [0.75, 0.9]])


def test_values_and_gradients_are_those_of_the_formula():
    formula = Formula("proved", {"u": sp.exp(-ALPHA * sp.pi**2 * T) * sp.sin(sp.pi * X)})
    judge = proved_formula(HEAT, formula)
    x, t = POINTS.T
    decay = np.exp(-0.1 * np.pi**2 * t)
    assert judge.method == "proved formula"
    assert judge.error == FLOOR
    assert np.allclose(judge.values(POINTS)["u"], decay * np.sin(np.pi * x), rtol=1e-14)
    slopes = np.stack([np.pi * decay * np.cos(np.pi * x), -0.1 * np.pi**2 * decay * np.sin(np.pi * x)], 1)
    assert np.allclose(judge.gradients(POINTS)["u"], slopes, rtol=1e-13)


def test_cancellation_is_part_of_the_error():
    """(1 - cos(1e-5 x))/1e-10 loses eleven digits to cancellation."""
    small = sp.Rational(1, 10**5)
    judge = proved_formula(HEAT, Formula("proved", {"u": (1 - sp.cos(small * X)) / small**2}))
    assert 1e-8 < judge.error < 1e-4


def test_a_series_judges_too():
    n = sp.Symbol("n", integer=True, positive=True)
    k = (2 * n - 1) * sp.pi
    series = sp.Sum(8 * sp.sin(k * X) * sp.exp(-ALPHA * k**2 * T) / k**3, (n, 1, sp.oo))
    judge = proved_formula(HEAT, Formula("proved", {"u": series}))
    assert judge.values(np.array([[0.5, 0.0]]))["u"] == pytest.approx(0.25, abs=1e-11)
    assert judge.error < 1e-12


def test_a_complex_formula_judges_the_parts():
    text = "find: psi(x, t) complex\ndomain: {x: [0, 1], t: [0, 1]}\nequation: i*psi_t = -psi_xx\n"
    problem = real_form(read_text(text + "initial: psi = exp(i*x)\nboundary: psi = exp(i*(x - t))\n").problem)
    judge = proved_formula(problem, Formula("proved", {"psi": sp.exp(sp.I * (X - T))}))
    found = judge.values(POINTS)
    assert np.allclose(found["psi_re"] + 1j * found["psi_im"], np.exp(1j * (POINTS[:, 0] - POINTS[:, 1])))
    assert np.allclose(judge.gradients(POINTS)["psi_im"][:, 0], np.cos(POINTS[:, 0] - POINTS[:, 1]))


def test_what_is_not_proved_does_not_judge():
    for formula in (Formula("not found"), Formula("verified numerically", {"u": X}), Formula("proved", {"v": X})):
        with pytest.raises(UnsupportedProblem):
            proved_formula(HEAT, formula)
