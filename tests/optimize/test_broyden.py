"""The update of self-scaled Broyden keeps what quasi-Newton methods need; the line search keeps its promises."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.optimize.broyden import CURVATURE, SUFFICIENT, Broyden, _scaling, _search, _updated
from kanpde.optimize.least_squares import LeastSquares

UPDATES = ("broyden", "bfgs")


def pair(seed, n=6):
    """A positive definite matrix H, and s, y with s.y > 0; s along -H g as after a step."""
    generator = torch.Generator().manual_seed(seed)
    root, bend = (torch.randn(n, n, generator=generator, dtype=torch.float64) for _ in range(2))
    inverse = root @ root.T + 0.1 * torch.eye(n, dtype=torch.float64)
    s = torch.randn(n, generator=generator, dtype=torch.float64)
    y = (bend @ bend.T + 0.01 * torch.eye(n, dtype=torch.float64)) @ s
    return inverse, s, y, float(s @ torch.linalg.solve(inverse, s))


@pytest.mark.parametrize("update", UPDATES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_update_knows_the_last_step_and_stays_positive(update, seed):
    inverse, s, y, bent = pair(seed)
    new = _updated(inverse.clone(), s, y, bent, update)
    assert torch.allclose(new @ y, s, atol=1e-9 * float(s.norm()))
    assert torch.allclose(new, new.T, atol=1e-9 * float(new.abs().max()))
    assert float(torch.linalg.eigvalsh((new + new.T) / 2).min()) > 0


def test_bfgs_without_scaling_is_the_textbook_formula():
    """Nocedal & Wright (2006), eq. 6.17; with b <= 1 nothing is scaled."""
    inverse, s, y, bent = pair(3)
    y = y * (2 * bent / float(y @ s))  # now b = 1/2
    rho = 1 / float(y @ s)
    left = torch.eye(len(s), dtype=s.dtype) - rho * torch.outer(s, y)
    assert torch.allclose(_updated(inverse.clone(), s, y, bent, "bfgs"), left @ inverse @ left.T + rho * torch.outer(s, s))


@given(b=st.floats(1e-3, 1e3), a=st.floats(1e-6, 1e3), n=st.integers(1, 500))
def test_the_scaling_lies_in_the_interval_of_al_baali(b, a, n):
    tau, phi = _scaling(b, (1 + a) / b, n)
    assert 0 < tau <= 1
    theta = (1 - phi) / (1 + a * phi)  # the inverse of phi(theta), which is its own inverse
    assert theta > -1 / a  # the update is positive definite
    assert math.isfinite(phi)


@pytest.mark.parametrize("start", [-3.0, -0.4, 0.2, 40.0])
def test_the_line_search_meets_the_strong_wolfe_conditions(start):
    def f(x):
        return math.log(math.cosh(x - 1.3)) + 0.05 * math.sin(5 * x)

    def df(x):
        return math.tanh(x - 1.3) + 0.25 * math.cos(5 * x)

    slope = -df(start) * math.copysign(1.0, df(start))
    direction = -math.copysign(1.0, df(start))
    seen = []

    def line(length):
        seen.append(length)
        x = start + direction * length
        return f(x), direction * df(x), torch.tensor([df(x)])

    length, value, _ = _search(line, f(start), slope)
    assert seen[-1] == length
    assert value <= f(start) + SUFFICIENT * length * slope
    assert abs(df(start + direction * length)) <= CURVATURE * abs(slope)


def test_no_step_is_found_uphill():
    assert _search(lambda t: (t, 1.0, torch.ones(1)), 0.0, -1.0) is None


class Stiff(LeastSquares):
    """r_i = a_i (x_i + x_i^3 / 10) with a_i over four decades, rotated: quadratic only near the minimum at zero."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.turn = torch.linalg.qr(torch.randn(8, 8, generator=generator, dtype=torch.float64)).Q
        self.size = torch.logspace(0, -4, 8, dtype=torch.float64)
        self.start = torch.ones(8, dtype=torch.float64)
        self.evaluations = 0

    def residual(self, theta):
        z = self.turn @ theta
        return self.size * (z + z**3 / 10)

    def linearise(self, theta):
        self.evaluations += 1
        z = self.turn @ theta
        return self.residual(theta), self.turn.T * (self.size * (1 + 0.3 * z**2))


@pytest.mark.parametrize("update", UPDATES)
def test_eigenvalues_over_eight_decades(update):
    task = Stiff()
    outcome = Broyden(update=update)(task, task.start, 300)
    assert outcome.cost < 1e-9
    assert float(outcome.theta.norm()) < 1e-4
    assert task.evaluations < 600
