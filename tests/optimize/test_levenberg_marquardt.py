"""What makes Levenberg-Marquardt work on networks: scaling, damping, and both ways to the same step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.optimize import LeastSquares, LevenbergMarquardt
from kanpde.optimize import levenberg_marquardt as module


class Exponentials(LeastSquares):
    """a exp(-b t) + c exp(-d t) fitted to itself; ``units`` rescales the parameters."""

    def __init__(self, units: Tensor) -> None:
        self.t = torch.linspace(0, 3, 40, dtype=torch.float64)
        self.units = units
        self.rows = 40
        self.right = self.model(torch.tensor([2.0, 0.5, 1.0, 3.0], dtype=torch.float64) / units)

    def model(self, theta: Tensor) -> Tensor:
        a, b, c, d = theta * self.units
        return a * torch.exp(-b * self.t) + c * torch.exp(-d * self.t)

    def residual(self, theta: Tensor) -> Tensor:
        return self.model(theta) - self.right

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        a, b, c, d = theta * self.units
        first, second = torch.exp(-b * self.t), torch.exp(-d * self.t)
        rows = torch.stack([first, -a * self.t * first, second, -c * self.t * second])
        return self.residual(theta), rows * self.units[:, None]


START = torch.tensor([1.0, 0.2, 0.5, 2.0], dtype=torch.float64)


def test_units_of_the_parameters_do_not_matter() -> None:
    plain = Exponentials(torch.ones(4, dtype=torch.float64))
    scaled = Exponentials(torch.tensor([1e3, 1e-3, 1.0, 10.0], dtype=torch.float64))
    first = LevenbergMarquardt()(plain, START, 8)
    second = LevenbergMarquardt()(scaled, START / scaled.units, 8)
    torch.testing.assert_close(first.theta, second.theta * scaled.units, rtol=1e-6, atol=1e-9)


def test_orthogonal_and_normal_steps_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Exponentials(torch.ones(4, dtype=torch.float64))
    by_qr = LevenbergMarquardt()(problem, START, 6)
    monkeypatch.setattr(module, "ORTHOGONAL", 0)
    by_cholesky = LevenbergMarquardt()(problem, START, 6)
    torch.testing.assert_close(by_qr.theta, by_cholesky.theta, rtol=1e-6, atol=1e-9)


def test_a_flat_residual_is_no_slow_step() -> None:
    """A minimum with a residual that stays is recognised by the angle between r and J, not by the size of a step."""

    class Stays(LeastSquares):
        def residual(self, theta: Tensor) -> Tensor:
            return torch.stack([theta[0] - 3, theta[0] ** 2 * 0 + 1])

        def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
            return self.residual(theta), torch.tensor([[1.0, 0.0]], dtype=torch.float64)

    outcome = LevenbergMarquardt()(Stays(), torch.zeros(1, dtype=torch.float64), 50)
    assert outcome.converged
    assert outcome.cost == pytest.approx(1.0, abs=1e-12)
    assert outcome.theta.item() == pytest.approx(3.0, abs=1e-7)


def test_more_parameters_than_rows() -> None:
    class Short(LeastSquares):
        def residual(self, theta: Tensor) -> Tensor:
            return torch.stack([theta.sum() - 1])

        def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
            return self.residual(theta), torch.ones(3, 1, dtype=torch.float64)

    outcome = LevenbergMarquardt()(Short(), torch.zeros(3, dtype=torch.float64), 50)
    assert outcome.cost < 1e-12


@pytest.mark.parametrize("orthogonal", [True, False])
def test_parameters_that_no_row_depends_on_keep_every_bit(orthogonal: bool) -> None:
    seen = [1, 2, 4, 5]
    inner = Exponentials(torch.ones(4, dtype=torch.float64))

    class Blind(LeastSquares):
        """Two more parameters, in front and between, that the residual does not see."""

        def residual(self, theta: Tensor) -> Tensor:
            return inner.residual(theta[seen])

        def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
            r, rows = inner.linearise(theta[seen])
            whole = rows.new_zeros(6, rows.shape[1])
            whole[seen] = rows
            return r, whole

    start = torch.tensor([0.1, 1.0, 0.2, 1 / 3, 0.5, 2.0], dtype=torch.float64)
    outcome = LevenbergMarquardt(orthogonal=orthogonal)(Blind(), start, 30)
    alone = LevenbergMarquardt(orthogonal=orthogonal)(inner, START, 30)
    assert torch.equal(outcome.theta[[0, 3]], start[[0, 3]])
    torch.testing.assert_close(outcome.theta[seen], alone.theta, rtol=1e-9, atol=1e-9)


def test_a_residual_that_depends_on_nothing() -> None:
    class Fixed(LeastSquares):
        def residual(self, theta: Tensor) -> Tensor:
            return torch.ones(5, dtype=torch.float64)

        def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
            return self.residual(theta), torch.zeros(3, 5, dtype=torch.float64)

    outcome = LevenbergMarquardt()(Fixed(), torch.ones(3, dtype=torch.float64), 5)
    assert outcome.converged
    assert outcome.steps == 0
