"""Where curves meet: on both of them, and nowhere forgotten."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanpde.geometry.crossings import crossings
from kanpde.geometry.curves import Arc, Curve, Segment

TOLERANCE = 1e-11
numbers = st.floats(-1, 1)
points = st.tuples(numbers, numbers).map(np.array)
radii = st.floats(0.2, 1)
segments = st.tuples(points, points).filter(lambda p: np.hypot(*(p[1] - p[0])) > 0.01).map(lambda p: Segment(*p))
arcs = st.builds(
    lambda c, a, b, t, w: Arc(c, np.array([a, b]), t, t + w), points, radii, radii, st.floats(0, 6), st.floats(0.1, 6.2)
)
circles = st.builds(lambda c, r: Arc(c, np.array([r, r])), points, radii)
curves = st.one_of(segments, arcs, circles)


@given(curves, curves)
def test_common_points_lie_on_both(a: Curve, b: Curve) -> None:
    for s, t in crossings(a, b, TOLERANCE):
        assert a.low <= s <= a.high
        assert b.low <= t <= b.high
        np.testing.assert_allclose(a.at(np.array([s])), b.at(np.array([t])), atol=3e-11)


@given(curves, st.one_of(segments, circles, st.builds(lambda c, p, q: Arc(c, np.array([p, q])), points, radii, radii)))
def test_every_change_of_side_is_a_crossing(a: Curve, b: Curve) -> None:
    """Along a, between two neighbouring samples on different sides of b, there is a common point."""
    s = np.linspace(a.low, a.high, 400)
    x = a.at(s)
    if isinstance(b, Segment):
        along = b.end - b.start
        side = ((x - b.start) @ np.array([-along[1], along[0]])) / b.speed
        reach = b.parameter(x)
        clear = (reach > 1e-6) & (reach < 1 - 1e-6)
    else:
        side = (((x - b.centre) / b.radii) ** 2).sum(1) - 1
        clear = np.ones(len(x), bool)
    clear &= np.abs(side) > 1e-9
    found = np.array([u for u, _ in crossings(a, b, TOLERANCE)])
    for k in range(399):
        if clear[k] and clear[k + 1] and side[k] * side[k + 1] < 0:
            assert ((found > s[k]) & (found < s[k + 1])).any()


@pytest.mark.parametrize("apart", [0.5, 0.1, 0.3])
def test_touching_circles_have_one_common_point(apart: float) -> None:
    """r + s and r - s in floating point numbers, which are not quite the distance."""
    a = Arc(np.array([0.1, 0.2]), np.array([0.7, 0.7]))
    for radius in (apart, 0.7 - apart):
        x = 0.1 + (0.7 + radius if radius == apart else apart)
        found = crossings(a, Arc(np.array([x, 0.2]), np.array([radius, radius])), TOLERANCE)
        assert len(found) == 1
        np.testing.assert_allclose(a.at(np.array([found[0][0]])), [[0.8, 0.2]], atol=1e-14)


def test_flat_crossings_keep_their_digits() -> None:
    """A chord of height 1e-8 in a unit circle: both ends to rounding, where acos alone would lose half the digits."""
    circle = Arc(np.zeros(2), np.ones(2))
    height = 1 - 1e-8
    found = crossings(Segment(np.array([-2.0, height]), np.array([2.0, height])), circle, TOLERANCE)
    half = math.sqrt((1 - height) * (1 + height))
    np.testing.assert_allclose(sorted(4 * s - 2 for s, _ in found), [-half, half], rtol=1e-11)


def test_shared_stretches_give_their_ends() -> None:
    a, b = Segment(np.array([0.0, 0.3]), np.array([1.0, 0.3])), Segment(np.array([2.0, 0.1 + 0.2]), np.array([0.5, 0.1 + 0.2]))
    assert sorted(s for s, _ in crossings(a, b, TOLERANCE)) == [0.5, 1.0]
    rim = Arc(np.zeros(2), np.ones(2), 0.0, 2.0)
    other = Arc(np.zeros(2), np.ones(2), 1.0, 3.0)
    assert {round(s, 9) for s, _ in crossings(rim, other, TOLERANCE)} == {1.0, 2.0}


def test_parallel_lines_do_not_meet() -> None:
    a, b = Segment(np.zeros(2), np.ones(2)), Segment(np.array([0.0, 0.1]), np.array([1.0, 1.1]))
    assert crossings(a, b, TOLERANCE) == []


def test_ellipses_that_touch_in_two_points() -> None:
    a, b = Arc(np.zeros(2), np.array([2.0, 1.0])), Arc(np.zeros(2), np.array([1.0, 1.0]))
    at = a.at(np.array([s for s, _ in crossings(a, b, TOLERANCE)]))
    np.testing.assert_allclose(sorted(at[:, 1]), [-1, 1], atol=1e-14)
    np.testing.assert_allclose(at[:, 0], 0, atol=1e-14)
