"""Residuals on torch: values, slopes, and the functions of the problem language."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch

from kanpde.assembly import Operator
from kanpde.assembly.torch_functions import TORCH
from kanpde.problem import read_text
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import symbol

ONE = sorted(
    set(NUMPY) - {"piecewise", "And", "Or", "Not", "atan2", "Max", "Min", "besselj", "bessely", "besseli", "besselk", "Heaviside"}
)


@pytest.mark.parametrize("name", ONE)
def test_torch_and_numpy_functions_agree(name):
    x = np.linspace(0.1, 0.9, 17) + (1.0 if name == "acosh" else 0.0)
    np.testing.assert_allclose(TORCH[name](torch.tensor(x)).numpy(), NUMPY[name](x), rtol=1e-13)


@pytest.mark.parametrize("name", ["besselj", "bessely", "besseli", "besselk"])
def test_bessel_functions_agree(name):
    x = np.linspace(0.3, 4, 9)
    np.testing.assert_allclose(TORCH[name](2, torch.tensor(x)).numpy(), NUMPY[name](2, x), rtol=1e-13)


def test_programs_agree_on_piecewise_and_logic():
    x, y = symbol("x"), symbol("y")
    e = sp.Piecewise((x**2, (x < 0) & (y > 0)), (sp.Max(x, y), x >= y), (sp.sqrt(1 + y**2) ** -1, True))
    points = np.random.default_rng(0).uniform(-1, 1, (2, 50))
    program = Program([e, sp.diff(x**3 * sp.sin(y), x)], [x, y])
    for ours, numpys in zip(program(TORCH, [torch.tensor(v) for v in points]), program(NUMPY, list(points)), strict=True):
        np.testing.assert_allclose(ours.numpy(), numpys, rtol=1e-14)


def test_slopes_are_the_derivatives():
    problem = read_text(
        "title: t\nfind: u(x, t)\ndomain: {x: [0, 1], t: [0, 1]}\nequation: u_t + u^2*u_x*exp(x) = sin(u_xx) + nu*u_xxxx*t\n"
        "where: {nu: 0.3}\ninitial: u = 0\nboundary: u = 0, u_xx = 0\n",
        "slopes.yaml",
    ).problem
    operator = Operator(problem.equations[0], problem)
    rng = np.random.default_rng(1)
    points = [torch.tensor(rng.uniform(size=6)) for _ in range(2)]
    jets = {key: torch.tensor(rng.normal(size=6)) for key in operator.keys}
    _, slopes = operator(points, jets)
    h = 1e-6
    for key in operator.keys:
        up, down = ({**jets, key: jets[key] + s * h} for s in (1, -1))
        difference = (operator(points, up)[0] - operator(points, down)[0]) / (2 * h)
        torch.testing.assert_close(slopes[key], difference, rtol=1e-7, atol=1e-7)


def test_outward_normal_changes_sign_with_the_side():
    problem = read_text(
        "title: t\nfind: u(x)\ndomain: {x: [0, 2]}\nequation: u_xx = 3\nboundary:\n  x = 0: u_n = 3\n  x = 2: u_n = 3\n",
        "normal.yaml",
    ).problem
    values = []
    for condition in problem.conditions:
        operator = Operator(condition.residuals[0], problem, condition.place.faces[0])
        assert operator.keys == [("u", (1,))]
        values.append(float(operator([torch.zeros(1)], {("u", (1,)): torch.ones(1, dtype=torch.float64)})[0]))
    assert sorted(values) == [-4.0, -2.0]  # u_x = 1 is u_n = -1 on the left and +1 on the right
