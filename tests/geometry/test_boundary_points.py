"""Quadrature on plane boundaries: integrals, and points that crowd where they are told to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanpde.geometry import Combination, Piece, boundary
from kanpde.geometry.curves import Arc
from kanpde.geometry.shapes import SHAPES

PLATE = SHAPES["rectangle"]("plate", (-1.0, -1.0), (1.0, 1.0))
HOLED = Combination("-", (PLATE, SHAPES["ellipse"]("hole", (0.1, 0.2), 0.5, 0.3), SHAPES["disk"]("bite", (1.0, -1.0), 0.4)))


@given(st.integers(0, 4), st.integers(0, 4))
def test_divergence_theorem(m: int, n: int) -> None:
    """The integral of x^m y^n over a shape, by its boundary in x and in y direction."""
    points = boundary(HOLED).points(0.01, 4)
    x, y = points.x.T
    along_x = (points.weight * points.normal[:, 0] * x ** (m + 1) * y**n).sum() / (m + 1)
    along_y = (points.weight * points.normal[:, 1] * x**m * y ** (n + 1)).sum() / (n + 1)
    assert along_x == pytest.approx(along_y, abs=1e-12)


@pytest.mark.parametrize("gauss", [2, 3, 4])
def test_the_order_of_the_quadrature(gauss: int) -> None:
    """A quarter of the spacing gains about 4^(2 gauss)."""
    border = boundary(HOLED)

    def integral(spacing: float) -> float:
        points = border.points(spacing, gauss)
        return float((points.weight * np.exp(points.x[:, 0] - 2 * points.x[:, 1])).sum())

    exact = integral(0.002)
    errors = [abs(integral(spacing) - exact) for spacing in (0.06, 0.015)]
    assert math.log2(errors[0] / errors[1]) / 2 > 2 * gauss - 1.2


def test_points_crowd_at_a_corner() -> None:
    """A spacing of a tenth of the distance from a corner, down to 1e-9: neighbours keep to it, and stay on the boundary."""
    border = boundary(Combination("-", (PLATE, SHAPES["rectangle"]("notch", (0.0, 0.0), (1.0, 1.0)))))

    def spacing(x: np.ndarray) -> np.ndarray:
        return 0.1 * np.maximum(np.hypot(*x.T), 1e-9)

    points = border.points(spacing)
    assert points.weight.sum() == pytest.approx(8, rel=1e-12)
    r = np.hypot(*points.x.T)
    assert r.min() < 1e-9
    assert (points.weight / spacing(points.x)).max() < 3
    assert 300 < points.count < 1000
    near = points.x[r < 1e-3]
    assert (near.min(1) == 0).all()  # on the axes themselves
    for k in range(2):
        side = np.sort(near[near[:, 1 - k] == 0, k])
        assert (np.diff(side) / spacing(np.stack([side[1:], 0 * side[1:]], 1))).max() < 4


def test_at_least_two_intervals_a_piece() -> None:
    points = boundary(PLATE).points(10.0)
    assert np.bincount(points.piece).tolist() == [3] * 4  # shorter than the spacing: one
    assert np.bincount(boundary(PLATE).points(1.9).piece).tolist() == [6] * 4


def test_kept_points() -> None:
    points = boundary(PLATE).points(0.1)
    kept = points.kept(points.x[:, 0] > 0)
    assert kept.count == (points.x[:, 0] > 0).sum()
    assert (kept.x[:, 0] > 0).all()


@pytest.mark.parametrize("spacing", [0.0, -1.0, lambda x: 0 * x[:, 0], lambda x: x[:, 0] * np.inf])
def test_wrong_spacings_are_refused(spacing: float) -> None:
    with pytest.raises(ValueError, match="must be positive"), np.errstate(invalid="ignore"):
        boundary(PLATE).points(spacing)


@given(st.floats(0.2, 3), st.floats(0.2, 3), st.floats(0, 6.2), st.floats(0.3, 6.2), st.integers(0, 10**6))
def test_distance_from_an_arc_of_an_ellipse(a: float, b: float, start: float, span: float, seed: int) -> None:
    """The distance from the nearest of very many points of it, which are close enough together."""
    piece = Piece(Arc(np.array([0.1, -0.2]), np.array([a, b])), start, start + span, False, ("arc",))
    x = np.random.default_rng(seed).uniform(-4, 4, (30, 2))
    on = piece.at(np.linspace(0, 1, 20_001))
    step = np.hypot(*np.diff(on, axis=0).T).max()
    bend = max(a, b) / min(a, b) ** 2
    expected = np.array([np.hypot(*(on - p).T).min() for p in x])
    found = piece.distance(x)
    assert (found <= expected + 1e-12).all()
    assert (found >= np.sqrt(np.maximum(expected**2 - (1 + bend * expected) * step**2, 0)) - 1e-12).all()
    s = np.linspace(0.01, 0.99, 50)
    gap = 0.1 * min(a, b) ** 2 / max(a, b)
    np.testing.assert_allclose(
        piece.distance(piece.at(s) + gap * np.cos(9 * s)[:, None] * piece.normal(s)), np.abs(gap * np.cos(9 * s)), atol=1e-14
    )
