"""Every shape: its area by random points, and its bounding box."""

import json
import math

import numpy as np
import pytest

from kanpde.geometry.shapes import SHAPES, Combination, Shape, halfspace, outline_file, shape_from_spec

MEASURES = [
    (SHAPES["rectangle"]("s", (0.0, -1.0), (2.0, 1.0)), 4.0),
    (SHAPES["disk"]("s", (1.0, 1.0), 0.5), math.pi / 4),
    (SHAPES["ellipse"]("s", (0.0, 0.0), 2.0, 0.5), math.pi),
    (SHAPES["polygon"]("s", (0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 0.5), (0.0, 1.0)), 1.5),
    (SHAPES["sector"]("s", (0.0, 0.0), 1.0, 0.0, 1.5 * math.pi), 0.75 * math.pi),
    (SHAPES["box"]("s", (0.0, 0.0, 0.0), (1.0, 2.0, 3.0)), 6.0),
    (SHAPES["ball"]("s", (0.0, 0.0, 1.0), 1.0), 4 / 3 * math.pi),
    (SHAPES["cylinder"]("s", (0.0, 0.0, 1.0), 0.5, 2.0), math.pi / 2),
]


def measure(shape: Shape | Combination) -> float:
    """Area or volume by 200,000 random points around it: good to about a percent."""
    assert shape.bounds is not None
    low, high = shape.bounds[:, 0] - 0.1, shape.bounds[:, 1] + 0.1
    points = np.random.default_rng(0).uniform(low, high, (200_000, len(low)))
    return float(shape.contains(points).mean() * np.prod(high - low))


@pytest.mark.parametrize(("shape", "size"), MEASURES, ids=[shape.kind for shape, _ in MEASURES])
def test_measure_and_bounding_box(shape: Shape, size: float) -> None:
    assert measure(shape) == pytest.approx(size, rel=0.02)
    assert shape.bounds is not None
    low, high = shape.bounds[:, 0], shape.bounds[:, 1]
    points = np.random.default_rng(1).uniform(low - 1, high + 1, (20_000, len(low)))
    found = points[shape.contains(points)]
    assert (found >= low).all()
    assert (found <= high).all()


def test_every_shape_is_measured_here() -> None:
    assert {shape.kind for shape, _ in MEASURES} == set(SHAPES)
    assert all(function.__doc__ and function.__doc__.startswith(name + "(") for name, function in SHAPES.items())


def test_combinations_of_sets() -> None:
    a = SHAPES["rectangle"]("a", (0.0, 0.0), (2.0, 2.0))
    b = SHAPES["rectangle"]("b", (1.0, 1.0), (3.0, 3.0))
    union, both, rest = (Combination(sign, (a, b)) for sign in "+&-")
    assert measure(union) == pytest.approx(7.0, rel=0.02)
    assert measure(both) == pytest.approx(1.0, rel=0.02)
    assert measure(rest) == pytest.approx(3.0, rel=0.02)
    assert union.names() == ("a", "b")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("rectangle", ((1.0, 0.0), (0.0, 1.0))),
        ("disk", ((0.0, 0.0, 0.0), 1.0)),
        ("disk", ((0.0, 0.0), 0.0)),
        ("polygon", ((0.0, 0.0), (1.0, 1.0), (2.0, 2.0))),
        ("sector", ((0.0, 0.0), 1.0, 1.0, 0.0)),
        ("cylinder", ((0.0, 0.0), 1.0, 1.0)),
    ],
)
def test_degenerate_shapes_are_refused(kind: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        SHAPES[kind]("s", *arguments)


@pytest.mark.parametrize("shape", [*(shape for shape, _ in MEASURES), halfspace("s", (1.0, -2.0), 0.5)], ids=lambda s: s.kind)
def test_shapes_are_made_again_from_plain_types(shape: Shape) -> None:
    both = Combination("-", (shape, Combination("+", (shape, shape))))
    points = np.random.default_rng(2).uniform(-3, 3, (2000, shape.dimension or 2))
    for one in (shape, both):
        again = shape_from_spec(json.loads(json.dumps(one.spec())))
        assert again == one
        assert hash(again) == hash(one)
        np.testing.assert_array_equal(again.contains(points), one.contains(points))


def test_an_outline_carries_its_corners() -> None:
    lake = outline_file("lake", "lake.csv", ((0.0, 0.0), (2.0, 0.0), (0.0, 1.0)))
    again = shape_from_spec(json.loads(json.dumps(lake.spec())))
    assert isinstance(again, Shape)
    assert again.corners == lake.corners
    assert again.contains(np.array([[0.5, 0.5], [1.5, 0.5]])).tolist() == [True, False]


def test_a_half_space_has_no_end() -> None:
    left = halfspace("x < 0", (1.0, 0.0), 0.0)
    assert left.contains(np.array([[-1.0, 5.0], [0.0, 0.0], [1.0, -5.0]])).tolist() == [True, True, False]
    assert left.bounds is not None
    assert np.isinf(left.bounds).all()
    with pytest.raises(ValueError, match="not zero"):
        halfspace("h", (0.0, 0.0), 1.0)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="no shape 'torus'"):
        shape_from_spec({"shape": "torus", "name": "t", "arguments": []})
