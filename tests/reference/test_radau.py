"""The stepper has the order that it declares, holds algebraic equations exactly, and is stable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.sparse import csc_matrix

from kanpde.reference.radau import ImplicitSystem, RadauCollocation, tableau


class Pendulum:
    """theta'' = -sin(theta) as a first-order system."""

    constant = False

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:
        return np.stack([rate[:, 0] - y[:, 1], rate[:, 1] + np.sin(y[:, 0])], axis=1)

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[csc_matrix, csc_matrix]:
        return csc_matrix([[0.0, -1.0], [np.cos(y[0]), 0.0]]), csc_matrix(np.eye(2))

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        return np.array([y[1], -np.sin(y[0])])


class Constrained:
    """y' = -y + z, 0 = z - z^3 / 9 - sin(t): an algebraic row with no derivative."""

    constant = False

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:
        return np.stack([rate[:, 0] + y[:, 0] - y[:, 1], y[:, 1] - y[:, 1] ** 3 / 9 - np.sin(t)], axis=1)

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[csc_matrix, csc_matrix]:
        return csc_matrix([[1.0, -1.0], [0.0, 1 - y[1] ** 2 / 3]]), csc_matrix([[1.0, 0.0], [0.0, 0.0]])

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        return np.zeros(2)


class Stiff:
    """y' = -1e8 (y - cos t) - sin t, whose solution is cos t."""

    constant = True

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:
        return rate + 1e8 * (y - np.cos(t)[:, None]) + np.sin(t)[:, None]

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[csc_matrix, csc_matrix]:
        return csc_matrix([[1e8]]), csc_matrix([[1.0]])

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        return np.zeros(1)


def largest(change: np.ndarray, states: np.ndarray) -> float:
    """The norm of the tests."""
    return float(np.abs(change).max())


def newton_only(change: np.ndarray, states: np.ndarray) -> float:
    """Blind to the error of a step (a single vector), so that every step is accepted, but not to Newton's changes."""
    return largest(change, states) if change.ndim == 2 else 0.0


def integrate(system: ImplicitSystem, y0: list[float], end: float, tolerance: float, **options: Any) -> Any:
    """solve_ivp with the stepper; the explicit right-hand side that it asks for is not used."""
    options = {"system": system, "tolerance": tolerance, "size": largest, **options}
    return solve_ivp(lambda t, y: y, (0.0, end), y0, method=RadauCollocation, dense_output=True, **options)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_order_at_the_steps(stages: int) -> None:
    method = tableau(stages)
    fine = integrate(Pendulum(), [1.0, 0.0], 2.0, 1e-13)
    errors = []
    for steps in (8, 16, 32):
        h = 2.0 / steps
        result = integrate(Pendulum(), [1.0, 0.0], 2.0, 1e-13, size=newton_only, first_step=h, max_step=h, stages=stages)
        assert len(result.t) == steps + 1
        errors.append(np.abs(result.y[:, -1] - fine.y[:, -1]).max())
    slopes = np.diff(np.log2(errors))
    assert abs(-slopes[-1] - method.order) < 0.2


@pytest.mark.parametrize("stages", [2, 3, 5, 8, 9])
def test_tableau_integrates_polynomials_exactly(stages: int) -> None:
    """y' = k t^(k - 1) gives t^k at the end for k up to 2s - 1, and not for k = 2s."""
    method = tableau(stages)
    weights = np.linalg.inv(method.inverse)[-1]  # the last row of A
    powers = np.arange(1, 2 * stages)
    assert np.abs((weights * method.c ** (powers[:, None] - 1)).sum(axis=1) * powers - 1).max() < 1e-12
    assert abs((weights * method.c ** (2 * stages - 1)).sum() * 2 * stages - 1) > 1e-14


def test_algebraic_rows_hold_at_every_step() -> None:
    result = integrate(Constrained(), [1.0, 0.0], 3.0, 1e-11)
    z = result.y[1]
    assert np.abs(z - z**3 / 9 - np.sin(result.t)).max() < 1e-13
    t = np.linspace(0, 3, 101)
    z = result.sol(t)[1]
    assert np.abs(z - z**3 / 9 - np.sin(t)).max() < 1e-9


def test_stiff_and_the_dense_output() -> None:
    result = integrate(Stiff(), [1.0], 6.0, 1e-11)
    t = np.linspace(0, 6, 201)
    assert np.abs(result.sol(t)[0] - np.cos(t)).max() < 1e-11
    assert len(result.t) < 40  # a step as long as accuracy allows, not as stiffness would


def test_agrees_with_an_explicit_method_of_scipy() -> None:
    mine = integrate(Pendulum(), [2.0, 0.0], 5.0, 1e-12)
    theirs = solve_ivp(lambda t, y: [y[1], -np.sin(y[0])], (0, 5), [2.0, 0.0], method="DOP853", rtol=1e-12, atol=1e-13)
    assert np.abs(mine.y[:, -1] - theirs.y[:, -1]).max() < 1e-10
