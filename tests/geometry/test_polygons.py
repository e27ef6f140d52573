"""Points in polygons, few sides and many; outlines that cross themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanpde.geometry.polygons import FEW, check_outline, in_polygon


@given(st.integers(3, 200), st.integers(0, 10**6))
def test_stars_by_their_radius(corners: int, seed: int) -> None:
    """A star around the origin, whose sides are straight between the angles of its corners."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * (np.arange(corners) + rng.uniform(0.1, 0.9, corners)) / corners
    star = rng.uniform(0.5, 1.5, corners)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    x = rng.uniform(-1.6, 1.6, (500, 2))
    p, q = star, np.roll(star, -1, 0)
    # in the wedge of one side, by the two barycentric coordinates
    cross = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    u = (x[:, :1] * q[:, 1] - x[:, 1:] * q[:, 0]) / cross
    v = (x[:, 1:] * p[:, 0] - x[:, :1] * p[:, 1]) / cross
    wedge = (np.sign(cross) * u >= 0) & (np.sign(cross) * v >= 0)
    expected = (wedge & (u + v <= 1) & (u >= 0) & (v >= 0)).any(1) if (cross > 0).all() else None
    if expected is not None:
        np.testing.assert_array_equal(in_polygon(star, x), expected)
    np.testing.assert_array_equal(in_polygon(star, x), in_polygon(star[::-1], x))
    check_outline(star)


def test_both_ways_of_counting_agree() -> None:
    angle = np.linspace(0, 2 * np.pi, FEW + 1)[:-1]
    few = (1 + 0.3 * np.cos(5 * angle))[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    many = np.concatenate([np.linspace(p, q, 4)[:-1] for p, q in zip(few, np.roll(few, -1, 0), strict=True)])
    x = np.random.default_rng(0).uniform(-1.4, 1.4, (20_000, 2))
    np.testing.assert_array_equal(in_polygon(few, x), in_polygon(many, x))


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        ([[0, 0], [1, 1], [1, 0], [0, 1]], "crosses itself: at the side that begins at \\[0, 0\\]"),
        ([[0, 0], [4, 0], [4, 3], [1, -1], [1, 3], [0, 3]], "crosses itself"),
        ([[0, 0.4], [0.2, 0.6], [0.1, 0.6], [0, 0.7], [0.4, 1.2]], "crosses itself"),  # through a corner
        ([[0, 0], [1, 1], [2, 2]], "on a line"),
        ([[1, 1], [1, 1], [1, 1]], "on a line"),
        ([[0, 0], [1, 0], [2, 0], [1, 0]], "on a line"),
        ([[0, 0], [1, 0], [1, np.inf]], "no number"),
    ],
)
def test_outlines_that_are_none(corners: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said), np.errstate(invalid="ignore"):
        check_outline(np.array(corners, float))


@pytest.mark.parametrize(
    "corners",
    [
        [[0, 0], [2, 0], [1, 0.5], [2, 1], [0, 1], [1, 0.5]],  # two triangles, corner to corner
        [[0, 0], [2, 0], [2, 1], [1, 0], [0, 1]],  # a corner on another side
        [[0, 0], [2, 0], [2, 0], [2, 1], [1, 0], [1, 0], [0, 1]],  # the same with repeated corners
        [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0.2, 0.2], [0.2, 0.8], [0.8, 0.8], [0.8, 0.2], [0.2, 0.2]],  # there and back
    ],
)
def test_outlines_may_touch_themselves(corners: list[list[float]]) -> None:
    check_outline(np.array(corners, float))
    check_outline(np.array(corners[::-1], float))
