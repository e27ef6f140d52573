"""Gauss-Newton on systems that solve their own least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from kanpde.optimize.damped import gauss_newton


@dataclass
class Dense:
    """A small dense system r(c) with its Jacobian."""

    residual: Callable[[Tensor], Tensor]
    linear: bool = False

    def linearise(self, c: Tensor) -> DenseStep:
        r = self.residual(c)
        jacobian = torch.autograd.functional.jacobian(self.residual, c)
        return DenseStep(r, jacobian, float(r.norm()))


@dataclass
class DenseStep:
    r: Tensor
    jacobian: Tensor
    cost: float

    def step(self, damping: float = 0.0) -> Tensor:
        scale = self.jacobian.norm(dim=0)
        a = torch.cat([self.jacobian / scale, damping**0.5 * torch.eye(len(scale), dtype=self.r.dtype)])
        b = torch.cat([-self.r, torch.zeros(len(scale), dtype=self.r.dtype)])
        return torch.linalg.lstsq(a, b).solution / scale


def test_linear_system_takes_one_step():
    a = torch.tensor([[2.0, 1.0], [1.0, 3.0], [0.5, -1.0]], dtype=torch.float64)
    b = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    c, descent = gauss_newton(Dense(lambda c: a @ c - b, linear=True), torch.zeros(2, dtype=torch.float64), accuracy=1e-12)
    assert descent.steps == 1
    assert descent.converged
    torch.testing.assert_close(c, torch.linalg.lstsq(a, b).solution, rtol=1e-13, atol=0.0)


def test_rosenbrock_to_round_off():
    system = Dense(lambda c: torch.stack([10 * (c[1] - c[0] ** 2), 1 - c[0]]))
    c, descent = gauss_newton(system, torch.tensor([-1.2, 1.0], dtype=torch.float64), accuracy=1e-13)
    assert descent.converged
    torch.testing.assert_close(c, torch.ones(2, dtype=torch.float64), rtol=1e-12, atol=0.0)


def test_quadratic_convergence_is_not_cut_short():
    """sqrt(2) by Newton from 10: the result has all digits although the accuracy asked for has ten."""
    c, descent = gauss_newton(Dense(lambda c: c**2 - 2), torch.tensor([10.0], dtype=torch.float64), accuracy=1e-10)
    assert abs(float(c) - 2**0.5) < 1e-14
    assert descent.steps <= 9


def test_no_solution_is_no_convergence():
    """c^2 + 1 has no root: the iteration ends at the least residual, which the cost does not hide."""
    c, descent = gauss_newton(Dense(lambda c: c**2 + 1), torch.tensor([3.0], dtype=torch.float64), accuracy=1e-10, most=60)
    assert descent.cost >= 1.0
    assert abs(float(c)) < 0.2


@pytest.mark.filterwarnings("ignore")
def test_iterates_that_leave_the_numbers_are_reported():
    system = Dense(lambda c: torch.log(c) + 50)
    _, descent = gauss_newton(system, torch.tensor([-1.0], dtype=torch.float64), accuracy=1e-10)
    assert not descent.converged
