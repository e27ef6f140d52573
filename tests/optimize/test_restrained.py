"""Restrained problems: both forms of the linearisation agree, and parameters that nothing feels stay."""

from __future__ import annotations

import torch
from torch import Tensor

from kanpde.optimize import LeastSquares, LevenbergMarquardt
from kanpde.optimize.restrained import Restrained


class _Line(LeastSquares):
    """r = theta_0^2 - 2 and theta_0 + theta_1 - 1; theta_2 is felt by nobody."""

    rows = 2

    def residual(self, theta: Tensor) -> Tensor:
        return torch.stack([theta[0] ** 2 - 2, theta[0] + theta[1] - 1])

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        jacobian = theta.new_zeros(3, 2)
        jacobian[0, 0], jacobian[0, 1], jacobian[1, 1] = 2 * theta[0], 1, 1
        return self.residual(theta), jacobian


def test_both_forms_agree() -> None:
    theta = torch.tensor([1.5, -0.3, 4.0], dtype=torch.float64)
    problem = Restrained(_Line(), 0.3, torch.tensor([1.0, 0.0, 7.0], dtype=torch.float64))
    r, transposed = problem.linearise(theta)
    again, squares, gradient = problem.normal(theta)
    assert torch.allclose(r, again)
    assert torch.equal(r, problem.residual(theta))
    assert torch.allclose(squares, transposed @ transposed.T)
    assert torch.allclose(gradient, transposed @ r)


def test_what_nothing_feels_stays() -> None:
    start = torch.tensor([1.0, 0.0, 7.0], dtype=torch.float64)
    theta = LevenbergMarquardt(orthogonal=False)(Restrained(_Line(), 1e-6, start), start, 30).theta
    assert torch.allclose(theta, torch.tensor([2**0.5, 1 - 2**0.5, 7.0], dtype=torch.float64), atol=1e-8)
