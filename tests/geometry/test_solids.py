"""What bounds a combination of solids: areas, volumes, normals; only whole patches are exact."""

import math

import numpy as np
import pytest

from kanpde.geometry import Combination, Shape, boundary, halfspace
from kanpde.geometry.shapes import SHAPES
from kanpde.geometry.surfaces import patches, signed_distance

PI = math.pi
CUBE = SHAPES["box"]("cube", (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
BALL = SHAPES["ball"]("ball", (0.25, 0.0, 0.25), 0.5)
ROD = SHAPES["cylinder"]("rod", (0.0, 0.0, 1.0), 0.5, 1.0)
OCTANT = SHAPES["box"]("octant", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
SLAB = SHAPES["box"]("slab", (0.0, -1.0, -1.0), (1.0, 1.0, 1.0))

FIGURES = {  # shape, area, volume, number of patches, tolerance
    "cube": (CUBE, 24, 8, 6, 1e-12),
    "ball": (BALL, PI, PI / 6, 1, 1e-6),
    "cylinder": (ROD, 1.5 * PI, PI / 4, 3, 1e-12),
    "hollow cube": (Combination("-", (CUBE, BALL)), 24 + PI, 8 - PI / 6, 7, 1e-6),
    "notched cube": (Combination("-", (CUBE, OCTANT)), 24, 7, 9, 1e-12),
    "half a cube": (Combination("-", (CUBE, SLAB)), 16, 4, 6, 1e-12),
    "cube with a chimney": (Combination("+", (CUBE, ROD)), 24 + PI, 8 + PI / 4, 8, 5e-3),
    "half a ball": (Combination("&", (BALL, halfspace("x < 1/4", (1.0, 0.0, 0.0), 0.25))), 0.75 * PI, PI / 12, 2, 5e-3),
}


@pytest.mark.parametrize("name", FIGURES)
def test_known_solids(name: str) -> None:
    shape, area, volume, number, tolerance = FIGURES[name]
    found = boundary(shape)
    assert len(found.pieces) == number
    assert found.length == pytest.approx(area, rel=tolerance)
    assert found.area == pytest.approx(volume, rel=tolerance)
    assert found.corners == ()
    points = found.points(0.1)
    step = 1e-5
    np.testing.assert_allclose(np.linalg.norm(points.normal, axis=1), 1, atol=1e-14)
    assert shape.contains(points.x - step * points.normal).all()
    assert not shape.contains(points.x + step * points.normal).any()
    np.testing.assert_allclose(found.distance(points.x), 0, atol=1e-15 if "ball" not in name else 1e-14)


@pytest.mark.parametrize("solid", [CUBE, BALL, ROD], ids=lambda s: s.name)
def test_normals_are_gradients_of_the_distance(solid: Shape) -> None:
    rng = np.random.default_rng(0)
    for patch in patches(solid):
        x, normal, _ = patch.sample(0.2, 2)
        np.testing.assert_allclose(signed_distance(solid, x), 0, atol=1e-15)
        np.testing.assert_allclose(signed_distance(solid, x + 1e-3 * normal), 1e-3, rtol=1e-9)
        np.testing.assert_allclose(signed_distance(solid, x - 1e-3 * normal), -1e-3, rtol=1e-9)
    inside = rng.uniform(-2, 2, (5000, 3))
    np.testing.assert_array_equal(signed_distance(solid, inside) <= 0, solid.contains(inside))


@pytest.mark.parametrize("spacing", [0.2, 0.05])
def test_points_are_about_even(spacing: float) -> None:
    points = boundary(Combination("-", (CUBE, BALL))).points(spacing)
    assert points.count == pytest.approx((24 + PI) / spacing**2, rel=0.6)
    assert points.weight.max() < 8 * points.weight.min()


def test_a_spacing_that_varies() -> None:
    border = boundary(Combination("-", (CUBE, BALL)))
    finer = border.points(lambda x: np.where(np.abs(x).max(1) < 0.99, 0.05, 0.2))
    counts = np.bincount(finer.piece)
    assert counts[-1] == (border.points(0.05).piece == 6).sum()
    assert counts[0] == (border.points(0.2).piece == 0).sum()


def test_the_box_around_is_tight_where_faces_are() -> None:
    np.testing.assert_array_equal(boundary(Combination("-", (CUBE, SLAB))).bounds, [[-1, 0], [-1, 1], [-1, 1]])
    np.testing.assert_array_equal(boundary(Combination("&", (CUBE, BALL))).bounds, [[-0.25, 0.75], [-0.5, 0.5], [-0.25, 0.75]])


def test_nothing_left() -> None:
    with pytest.raises(ValueError, match="empty"):
        boundary(Combination("-", (BALL, CUBE)))
