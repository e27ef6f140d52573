"""Ordinary differential equations in time: what was put in is found, and a known constant of the motion kept."""

from __future__ import annotations

import numpy as np
import pytest
from reference.manufactured import true_error

from kanpde.errors import UnsupportedProblem
from kanpde.problem import Problem, read_text
from kanpde.reference import exact, fresh_points, reference


def ode(find: str, last: float, equations: str, initial: str, exact: str = "") -> Problem:
    """A problem on [0, last]; ``equations`` are those of the file, one a line."""
    rows = "".join(f"  e{n}: {text}\n" for n, text in enumerate(equations.split("; ")))
    truth = f"exact: {exact}\n" if exact else ""
    return read_text(f"find: {find}\ndomain: {{t: [0, {last}]}}\nequations:\n{rows}initial: {initial}\n{truth}").problem


CASES = {
    "logistic": ode("u(t)", 5, "u_t = u*(1 - u)", "u = 1/10", "u = 1/(1 + 9*exp(-t))"),
    "oscillator": ode("u(t)", 20, "u_tt + 4*u = 0", "u = 1, u_t = 2", "u = cos(2*t) + sin(2*t)"),
    "two masses": ode(
        "u(t), v(t)", 5, "u_tt = v - u; v_t = -2*v", "u = 4/5, u_t = -2/5, v = 1", "u = exp(-2*t)/5 + 3/5*cos(t), v = exp(-2*t)"
    ),
    "stiff": ode("u(t)", 2, "u_t = -1e5*(u - cos(t)) - sin(t)", "u = 1", "u = cos(t)"),
    "algebraic": ode("u(t), v(t)", 2, "u_t = -v; v = u", "u = 1", "u = exp(-t), v = exp(-t)"),
}


@pytest.mark.parametrize("name", CASES)
def test_closed_forms(name: str) -> None:
    problem = CASES[name]
    judge = reference(problem, "method of lines")
    assert judge is not None
    error = true_error(problem, judge)
    assert error < 1e-12
    assert error < 3 * judge.error
    points = fresh_points(problem.domain.bounds, 2**8, 41)
    exactly = exact(problem).gradients
    assert judge.gradients is not None
    assert exactly is not None
    slopes, truth = judge.gradients(points), exactly(points)
    assert all(np.abs(slopes[n] - s).max() < 1e-8 * np.abs(s).max() for n, s in truth.items())


def test_lotka_and_volterra_keep_their_constant() -> None:
    judge = reference(ode("u(t), v(t)", 30, "u_t = u*(1 - v); v_t = v*(u - 1)", "u = 2, v = 1"))
    assert judge is not None
    assert judge.error < 1e-11
    values = judge.values(np.linspace(0, 30, 500)[:, None])
    constant = values["u"] - np.log(values["u"]) + values["v"] - np.log(values["v"])
    assert np.ptp(constant) < 1e-11


def test_blow_up_is_no_reference() -> None:
    with pytest.raises(UnsupportedProblem, match="stopped at t = "):
        reference(ode("u(t)", 2, "u_t = u^2", "u = 1"))
