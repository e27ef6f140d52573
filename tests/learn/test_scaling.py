"""Errors of fits fall with the grid as splines allow, and small data are interpolated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0
from scipy.stats import qmc

import kanpde


def _errors(function, widths: list[int], x: np.ndarray, grids: tuple[int, ...], degree: int = 3) -> np.ndarray:
    """The root mean square errors on points of their own, each grid starting from the network of the one before."""
    test = np.random.default_rng(1).uniform(-1, 1, (5000, widths[0]))
    network, errors = None, []
    for grid in grids:
        made = (
            {"widths": widths, "degree": degree, "basis": "bspline", "base": "zero"} if network is None else {"network": network}
        )
        fit = kanpde.fit(x, function(x), grid=grid, **made, validation=0.0, smoothness=0.0)
        network = fit.network
        errors.append(np.sqrt(np.mean((fit(test) - function(test)) ** 2)))
    return np.array(errors)


def _slope(grids: tuple[int, ...], errors: np.ndarray) -> float:
    return float(np.polyfit(np.log(grids), np.log(errors), 1)[0])


def test_one_edge_has_the_order_of_splines() -> None:
    grids = (5, 10, 20, 50, 100)  # 20 to 50 is no extension: the knots are others
    errors = _errors(lambda x: j0(20 * x[:, 0]), [1, 1], np.linspace(-1, 1, 1501)[:, None], grids)
    assert _slope(grids, errors) < -3.7
    assert (np.diff(errors) < 0).all()


@pytest.mark.parametrize(("degree", "steepest"), [(3, -3.8), pytest.param(5, -5.7, marks=pytest.mark.slow)])
def test_two_layers_have_it_too(degree: int, steepest: float) -> None:
    def function(x: np.ndarray) -> np.ndarray:
        return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)

    inside, side = 2 * qmc.Sobol(2, seed=0).random(1024) - 1, np.linspace(-1, 1, 65)
    ends = [np.stack(pair, 1) for end in (-1.0, 1.0) for pair in ((side, 0 * side + end), (0 * side + end, side))]
    grids = (5, 10, 25)
    errors = _errors(function, [2, 1, 1], np.concatenate([inside, *ends]), grids, degree)
    assert _slope(grids, errors) < steepest


def test_four_points_are_interpolated() -> None:
    """Exclusive or, which no sum of functions of x and of y can give."""
    x = np.array([[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]])
    y = np.array([0.25, 0.75, 0.75, 0.25])
    fit = kanpde.fit(x, y, widths=[2, 2, 1], grid=5, basis="bspline", validation=0.0, smoothness=0.0)
    np.testing.assert_allclose(fit(x), y, rtol=0, atol=1e-13)
