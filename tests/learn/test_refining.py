"""Knots for fits, where they are needed."""

from __future__ import annotations

import numpy as np
import pytest

import kanpde

X = np.random.default_rng(0).uniform(-1, 1, 2000)
TEST = np.linspace(-1, 1, 4001)


def _front(x: np.ndarray) -> np.ndarray:
    return np.tanh(50 * x)


def _fit(grid: int) -> kanpde.Regression:
    return kanpde.fit(X, _front(X), widths=[1, 1], basis="bspline", grid=grid, base="zero", validation=0.0, smoothness=0.0)


def _rmse(fit: kanpde.Regression) -> float:
    return float(np.sqrt(np.mean((fit(TEST) - _front(TEST)) ** 2)))


def test_twice_as_many_intervals_change_nothing() -> None:
    fit = _fit(10)
    finer = fit.refine()
    assert finer.network.intervals == (20,)
    np.testing.assert_allclose(finer(TEST), fit(TEST), rtol=0, atol=1e-14)


@pytest.mark.parametrize("knots", ["curvature", "residual"])
def test_a_steep_front_needs_knots_where_it_is(knots: str) -> None:
    equal = _fit(40)
    fit = _fit(40 if knots == "curvature" else 12)
    while knots == "residual" and fit.network.intervals[0] < 34:
        fit = fit.refine(knots="residual").refit()
    for _ in range(3 if knots == "curvature" else 0):
        fit = fit.refine(knots="curvature").refit()
    assert fit.network.intervals[0] <= 42
    assert _rmse(fit) < _rmse(equal) / 1000


def test_knots_follow_values() -> None:
    fit = kanpde.fit(X**3, _front(X**3), widths=[1, 1], basis="bspline", grid=10, base="zero", validation=0.0, smoothness=0.0)
    moved = fit.refine(20, knots="values")
    lengths = moved.network.edges[0].breaks[0].diff()
    assert float(lengths[10]) < 0.1 * float(lengths[0])
    assert "the function changed by" in moved.outcome


def test_mistakes_are_explained() -> None:
    fit = _fit(5)
    with pytest.raises(ValueError, match="knots are put by one of equal, curvature, values, residual; got 'uniform'"):
        fit.refine(knots="uniform")
    with pytest.raises(ValueError, match=r"write refine\(knots='residual'\)"):
        fit.refine(10, knots="residual")
    with pytest.raises(ValueError, match="a number of intervals"):
        fit.refine(0)


def test_predictions_beyond_the_grid_are_counted() -> None:
    fit = kanpde.fit(X, _front(X), widths=[1, 1], basis="bspline", grid=5, base="zero", names=["t"], steps=5)
    assert fit.outside(np.array([0.0, 0.5, 1.5, -3.0])) == {"t": 0.5}
