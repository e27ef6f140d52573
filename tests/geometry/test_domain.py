"""Boxes and their faces."""

import numpy as np
import pytest

from kanpde.geometry import Combination, Domain, Face
from kanpde.geometry.shapes import SHAPES


def test_faces_lie_where_they_should() -> None:
    domain = Domain(("x", "t"), np.array([[-1.0, 2.0], [0.0, 1.0]]), time="t")
    assert domain.faces() == (Face(0, -1), Face(0, 1))
    assert [domain.position(face) for face in domain.faces()] == [-1.0, 2.0]
    assert domain.time_axis == 1
    assert domain.space_axes == (0,)
    np.testing.assert_array_equal(domain.lengths, [3.0, 1.0])


def test_periodic_axes_have_no_faces() -> None:
    domain = Domain(("x", "y"), np.array([[0.0, 1.0], [0.0, 1.0]]), periodic=("x",))
    assert domain.faces() == (Face(1, -1), Face(1, 1))


def test_domains_are_equal_by_value() -> None:
    def make(end: float) -> Domain:
        return Domain(("x",), np.array([[0.0, end]]))

    assert make(1.0) == make(1.0)
    assert hash(make(1.0)) == hash(make(1.0))
    assert make(1.0) != make(2.0)


@pytest.mark.parametrize("bounds", [[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]], [[0.0, float("nan")]]])
def test_empty_intervals_are_refused(bounds: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"interval|shape"):
        Domain(("x",), np.array(bounds))


def test_a_face_has_one_of_two_sides() -> None:
    with pytest.raises(ValueError, match="the side of a face"):
        Face(0, 0)


def test_a_shape_in_two_of_three_coordinates() -> None:
    shape = Combination("-", (SHAPES["rectangle"]("plate", (0.0, 0.0), (1.0, 1.0)), SHAPES["disk"]("hole", (0.5, 0.5), 0.25)))
    bounds = np.array([[0.0, 2.0], [0.0, 1.0], [0.0, 1.0]])
    domain = Domain(("t", "x", "y"), bounds, time="t", shape=shape)
    assert domain.region_axes == (1, 2)
    assert not domain.is_box
    x = np.array([[1.0, 0.1, 0.1], [1.0, 0.5, 0.5], [3.0, 0.1, 0.1], [0.0, 1.0, 0.9]])
    assert domain.contains(x).tolist() == [True, False, False, True]
    assert domain.boundary is domain.boundary
    assert domain.inside("hole", x).tolist() == [False, True, False, False]
    assert domain != Domain(("t", "x", "y"), bounds, time="t")
    assert hash(domain) == hash(Domain(("t", "x", "y"), bounds, time="t", shape=shape))
    assert Domain(("t", "x", "y"), bounds, time="t", shape=shape, region=("y", "x")).region_axes == (2, 1)


def test_named_parts_cut_nothing_off_a_box() -> None:
    core = SHAPES["disk"]("core", (0.5, 0.5), 0.25)
    domain = Domain(("x", "y"), np.array([[0.0, 1.0], [0.0, 1.0]]), shape=Combination("pieces", (core,)))
    assert domain.is_box
    assert domain.region_axes == ()
    assert domain.contains(np.array([[0.1, 0.1], [0.5, 0.5], [1.5, 0.5]])).tolist() == [True, True, False]
    assert domain.inside("core", np.array([[0.1, 0.1], [0.5, 0.5]])).tolist() == [False, True]
    with pytest.raises(ValueError, match="faces"):
        _ = domain.boundary
