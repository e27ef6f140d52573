"""Samplers put positive weights of sum one on points inside the box, and integrate as well as they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kanpde.geometry import Domain, Face
from kanpde.sampling import SAMPLERS, Points, Request, composite, on_face, tensor

BOUNDS = np.array([[-1.0, 2.0], [0.0, 0.5]])


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_lie_inside_and_weights_sum_to_one(name: str) -> None:
    points = SAMPLERS[name](Request(BOUNDS, 400, seed=3, residual=lambda x: x[:, 0]))
    assert ((points.x > BOUNDS[:, 0]) & (points.x < BOUNDS[:, 1])).all()
    assert points.weight.sum() == pytest.approx(1.0, abs=1e-13)
    assert (points.weight > 0).all()
    assert 200 <= points.count <= 800


@pytest.mark.parametrize("name", SAMPLERS)
def test_equal_seeds_give_equal_points(name: str) -> None:
    request = Request(BOUNDS, 100, seed=5, residual=lambda x: x[:, 1])
    assert (SAMPLERS[name](request).x == SAMPLERS[name](request).x).all()


@pytest.mark.parametrize(("name", "accuracy"), [("gauss", 1e-14), ("sobol", 1e-3), ("uniform", 5e-2)])
def test_means(name: str, accuracy: float) -> None:
    """The mean of x^2 cos(y) over the box, exactly 1 * sin(1/2) / (1/2)."""
    points = SAMPLERS[name](Request(BOUNDS, 4000))
    mean = points.weight @ (points.x[:, 0] ** 2 * np.cos(points.x[:, 1]))
    assert mean == pytest.approx(2 * math.sin(0.5), abs=accuracy)


def test_gauss_points_follow_the_intervals() -> None:
    breaks = np.array([0.0, 0.1, 0.15, 1.0])
    x, w = composite(breaks, 3)
    assert np.histogram(x, breaks)[0].tolist() == [3, 3, 3]
    assert w @ x**5 == pytest.approx(1 / 6, abs=1e-15)
    assert w @ x**6 != pytest.approx(1 / 7, abs=1e-9)


@pytest.mark.parametrize("name", ["sobol", "uniform", "gauss"])
def test_points_follow_graded_breaks_and_still_integrate(name: str) -> None:
    breaks = (np.array([-1.0, -0.99, -0.9, 0.0, 2.0]), np.array([0.0, 0.4, 0.5]))
    points = SAMPLERS[name](Request(BOUNDS, 2**14, breaks=breaks))
    shares = np.histogram2d(points.x[:, 0], points.x[:, 1], breaks)[0] / points.count
    assert shares == pytest.approx(np.full((4, 2), 1 / 8), abs=0.02)
    mean = points.weight @ (points.x[:, 0] ** 2 * np.cos(points.x[:, 1]))
    assert mean == pytest.approx(2 * math.sin(0.5), abs=2e-2)


def test_adaptive_points_crowd_where_the_residual_is_large() -> None:
    request = Request(BOUNDS, 500, residual=lambda x: np.where(x[:, 0] > 1.0, 10.0, 0.0))
    share = (SAMPLERS["residual-adaptive"](request).x[:, 0] > 1.0).mean()
    # p ~ |r| / mean + 1 with mean 10/3 puts 4 : 1 on a third of the box: 2/3 of the drawn half, 1/3 of the even half
    assert share == pytest.approx(1 / 2, abs=0.05)


def test_a_residual_that_vanishes_gives_uniform_points() -> None:
    points = SAMPLERS["residual-adaptive"](Request(BOUNDS, 500, residual=lambda x: 0 * x[:, 0]))
    assert points.x.mean(0) == pytest.approx(BOUNDS.mean(1), abs=0.1)


def test_points_on_a_face_lie_on_it() -> None:
    domain = Domain(("x", "y"), BOUNDS)
    for axis in (0, 1):
        for side in (-1, 1):
            face = Face(axis, side)
            inner = tensor([composite(BOUNDS[1 - axis], 4)])
            points = on_face(domain, face, inner, "boundary")
            assert (points.x[:, axis] == domain.position(face)).all()
            assert points.normal is not None
            assert (points.normal[:, axis] == side).all()
            assert (np.abs(points.normal).sum(1) == 1).all()


def test_the_face_of_an_interval_is_a_point() -> None:
    points = on_face(Domain(("x",), BOUNDS[:1]), Face(0, 1), tensor([]))
    assert points.x.tolist() == [[2.0]]
    assert points.weight.tolist() == [1.0]


def test_dropping_points_keeps_the_sum_of_weights() -> None:
    points = Points(np.array([[0.0], [1.0], [2.0]]), np.array([0.2, 0.3, 0.5]))
    kept = points.kept(points.x[:, 0] > 0.5)
    assert kept.weight.tolist() == pytest.approx([0.375, 0.625])
    with pytest.raises(ValueError, match="no point is left"):
        points.kept(points.x[:, 0] > 5)
