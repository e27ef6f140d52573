"""What every shape of the language does: its boundary encloses what it contains, alone and in combinations."""

import json

import numpy as np
import pytest

from kanpde.geometry import Combination, Shape, boundary, shape_from_spec
from kanpde.geometry.shapes import SHAPES

EXAMPLES = {
    "rectangle": ((-0.5, -0.25), (0.5, 0.75)),
    "disk": ((0.25, 0.0), 0.5),
    "ellipse": ((0.0, 0.25), 0.75, 0.25),
    "polygon": ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (0.0, 0.0), (-0.5, 0.75)),
    "sector": ((0.0, 0.0), 0.75, 0.5, 5.0),
    "box": ((-0.5, -0.25, -0.5), (0.5, 0.75, 0.25)),
    "ball": ((0.25, 0.0, 0.0), 0.5),
    "cylinder": ((0.0, 0.25, -0.5), 0.5, 0.75),
}
"""The arguments of one shape of every kind, within [-1, 1] in every coordinate."""


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param](request.param, *EXAMPLES[request.param])


def around(shape: Shape) -> Shape:
    """The square or cube from -1 to 1."""
    low, high = (-1.0,) * (shape.dimension or 0), (1.0,) * (shape.dimension or 0)
    return SHAPES["rectangle" if shape.dimension == 2 else "box"]("around", low, high)


def test_the_boundary_encloses_what_it_contains(shape: Shape) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400_000, shape.dimension or 0))
    inside = shape.contains(x)
    size = 2.0 ** x.shape[1]
    found = boundary(shape)
    assert found.area == pytest.approx(inside.mean() * size, rel=0.01)
    points = found.points(0.02 if x.shape[1] == 2 else 0.05)
    for axis in range(x.shape[1]):  # the integral of a coordinate over the shape, by that of x_k^2/2 n_k over its boundary
        first = (points.weight * points.normal[:, axis] * points.x[:, axis] ** 2).sum() / 2
        assert first == pytest.approx((x[:, axis] * inside).mean() * size, abs=0.005)


def test_the_sides_of_the_boundary(shape: Shape) -> None:
    points = boundary(shape).points(0.02 if shape.dimension == 2 else 0.1)
    assert shape.contains(points.x - 1e-6 * points.normal).all()
    assert not shape.contains(points.x + 1e-6 * points.normal).any()
    np.testing.assert_allclose(boundary(shape).distance(points.x), 0, atol=1e-14)


def test_the_box_around_it(shape: Shape) -> None:
    assert shape.bounds is not None
    np.testing.assert_allclose(boundary(shape).bounds, shape.bounds, atol=1e-15)


def test_what_is_left_around_it(shape: Shape) -> None:
    whole = around(shape)
    rest = boundary(Combination("-", (whole, shape)))
    assert rest.area + boundary(shape).area == pytest.approx(2.0 ** (shape.dimension or 0), rel=1e-6)
    assert rest.length == pytest.approx(boundary(whole).length + boundary(shape).length, rel=1e-6)
    both = boundary(Combination("&", (whole, shape)))
    assert both.area == pytest.approx(boundary(shape).area, rel=1e-6)
    assert {piece.name for piece in both.pieces} == {shape.kind}
    union = boundary(Combination("+", (whole, shape)))
    assert union.area == pytest.approx(boundary(whole).area, rel=1e-12)
    with pytest.raises(ValueError, match="empty"):
        boundary(Combination("-", (shape, whole)))


def test_twice_the_same_is_the_same(shape: Shape) -> None:
    again = SHAPES[shape.kind]("again", *EXAMPLES[shape.kind])
    for sign in "+&":
        assert boundary(Combination(sign, (shape, again))).length == pytest.approx(boundary(shape).length, rel=1e-12)
    with pytest.raises(ValueError, match="empty"):
        boundary(Combination("-", (shape, again)))


def test_it_is_made_again_from_plain_types(shape: Shape) -> None:
    assert shape_from_spec(json.loads(json.dumps(shape.spec()))) == shape
