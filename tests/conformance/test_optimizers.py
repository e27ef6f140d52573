"""Every optimiser goes through this suite: new ones join by their line in ``OPTIMIZERS``."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.optimize import OPTIMIZERS, LeastSquares

STEPS = {"levenberg-marquardt": 200, "gauss-newton": 200, "adam": 5000, "lbfgs": 1000, "broyden": 1000}
ACCURACY = {"levenberg-marquardt": 1e-9, "gauss-newton": 1e-12, "adam": 0.1, "lbfgs": 1e-7, "broyden": 1e-7}


class Linear(LeastSquares):
    """Overdetermined, with columns of very different size."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.matrix = torch.randn(30, 6, generator=generator, dtype=torch.float64)
        self.matrix *= torch.tensor([1.0, 3.0, 0.3, 1.0, 2.0, 0.5], dtype=torch.float64)
        self.right = torch.randn(30, generator=generator, dtype=torch.float64)
        self.start = torch.zeros(6, dtype=torch.float64)
        self.solution = torch.linalg.lstsq(self.matrix, self.right).solution

    def residual(self, theta: Tensor) -> Tensor:
        return self.matrix @ theta - self.right

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self.residual(theta), self.matrix.T


class Rosenbrock(LeastSquares):
    """More, Garbow & Hillstrom (1981), problem 1: the curved valley, solution (1, 1)."""

    def __init__(self) -> None:
        self.start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
        self.solution = torch.ones(2, dtype=torch.float64)

    def residual(self, theta: Tensor) -> Tensor:
        return torch.stack([10 * (theta[1] - theta[0] ** 2), 1 - theta[0]])

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        zero, one = theta.new_zeros(()), theta.new_ones(())
        return self.residual(theta), torch.stack([torch.stack([-20 * theta[0], -one]), torch.stack([10 * one, zero])])


PROBLEMS = {"linear": Linear, "rosenbrock": Rosenbrock}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_reaches_the_solution(name: str, problem: str) -> None:
    task = PROBLEMS[problem]()
    outcome = OPTIMIZERS[name]()(task, task.start, STEPS[name])
    assert float((outcome.theta - task.solution).norm() / task.solution.norm()) < ACCURACY[name]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_cost_is_that_of_theta_and_never_above_the_start(name: str, problem: str) -> None:
    task = PROBLEMS[problem]()
    outcome = OPTIMIZERS[name]()(task, task.start, 20)
    assert outcome.cost == pytest.approx(float(task.residual(outcome.theta).norm()), rel=1e-12, abs=1e-15)
    assert outcome.cost <= outcome.history[0]
    assert outcome.sentence
    assert outcome.steps <= 20


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_stops_when_the_monitor_says_so(name: str) -> None:
    task = Rosenbrock()
    outcome = OPTIMIZERS[name]()(task, task.start, 1000, lambda step, cost: False)
    assert outcome.steps <= 10
    assert outcome.sentence == "interrupted"
    assert not outcome.converged


class Remembering(Rosenbrock):
    """Knows where it was evaluated last."""

    def residual(self, theta: Tensor) -> Tensor:
        self.last = theta.clone()
        return super().residual(theta)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_monitor_can_ask_where_the_accepted_point_is(name: str) -> None:
    task = Remembering()
    seen = []

    def monitor(step: int, cost: float) -> bool:
        seen.append((cost, float(Rosenbrock().residual(task.last).norm())))
        return len(seen) < 30

    OPTIMIZERS[name]()(task, task.start, 300, monitor)
    assert seen
    for cost, there in seen:
        assert cost == pytest.approx(there, rel=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equal_starts_give_equal_results(name: str) -> None:
    task = Rosenbrock()
    first, second = (OPTIMIZERS[name]()(task, task.start, 15) for _ in range(2))
    assert torch.equal(first.theta, second.theta)
    assert first.history == second.history


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_start_at_the_solution_stays(name: str) -> None:
    task = Rosenbrock()
    outcome = OPTIMIZERS[name]()(task, task.solution, 50)
    assert float((outcome.theta - task.solution).norm()) < 1e-14
