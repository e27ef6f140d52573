"""Which points of a boundary a place means."""

from collections.abc import Callable

import numpy as np
import pytest

from kanpde.errors import ProblemError
from kanpde.problem import Problem, read_text, symbol
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.places import holds, region_masks

SHAPE = (
    "find: u(x, y)\ndomain:\n  (x, y): plate - notch - hole\n  plate: rectangle([-1, -1], [1, 1])\n"
    "  notch: rectangle([0, 0], [1, 1])\n  hole: disk([-1/2, -1/2], 1/4)\n{}equation: lap(u) = 1\n"
    "boundary:\n  {}: u = 1\n  elsewhere: u = 0\n"
)
BOX = "find: u(x, y)\ndomain:\n  x: [0, 1]\n  y: [0, 1]\n{}equation: lap(u) = 1\nboundary:\n  {}: u = 1\n  elsewhere: u = 0\n"


def places(text: str, place: str, parts: str = "") -> Problem:
    return read_text(text.format(parts, place)).problem


@pytest.mark.parametrize(
    ("place", "length", "expected"),
    [
        ("hole", np.pi / 2, lambda x, y: np.hypot(x + 0.5, y + 0.5) < 0.3),
        ("notch", 2, lambda x, y: ((x == 0) & (y > 0)) | ((y == 0) & (x > 0))),
        ("plate", 6, lambda x, y: np.maximum(abs(x), abs(y)) == 1),
        ("hole, notch", 2 + np.pi / 2, lambda x, y: np.maximum(abs(x), abs(y)) < 1),
        ("x = -1", 2, lambda x, y: x == -1),
        ("y = 0", 1, lambda x, y: (y == 0) & (x > 0)),  # not the point of the left side at that height
        ("x = 0, y = 0", 2, lambda x, y: ((x == 0) & (y > 0)) | ((y == 0) & (x > 0))),
        ("x = -1 and y > 1/2", 0.5, lambda x, y: (x == -1) & (y > 0.5)),
        ("x^2 + y^2 >= 2 and x < 0", 0, None),
        ("y > -1/2 and not x = -1 and not hole", 0, None),
        ("x < -0.5", 2 + 0.5 + 0.5 + np.pi / 4, lambda x, y: x < -0.5),
    ],
)
def test_places_on_a_shape(place: str, length: float, expected: Callable[..., np.ndarray] | None) -> None:
    if expected is None:
        with pytest.raises(ProblemError):
            places(SHAPE, place)
        return
    problem = places(SHAPE, place)
    border = problem.domain.boundary
    points = border.points(0.0123, 3)
    names = [border.pieces[k].names for k in points.piece]
    named, rest = (holds(c.place, problem.domain, points.x, names) for c in problem.conditions)
    np.testing.assert_array_equal(named, expected(*points.x.T))
    np.testing.assert_array_equal(named, ~rest)
    np.testing.assert_array_equal(named, holds(problem.conditions[0].place, problem.domain, points.x))
    np.testing.assert_array_equal(named, holds(problem.conditions[0].place, problem.domain, points.x, [n[0] for n in names]))
    assert points.weight[named].sum() == pytest.approx(length, abs=0.05)


def test_a_stretch_marked_by_a_named_part() -> None:
    """An electrode on a wall: the part of the boundary that lies in it, of a box and of a shape."""
    part = "  electrode: disk([-1, 0], 1/4)\n"
    problem = places(SHAPE, "electrode", part)
    points = problem.domain.boundary.points(0.01)
    named = holds(problem.conditions[0].place, problem.domain, points.x)
    np.testing.assert_array_equal(named, (points.x[:, 0] == -1) & (abs(points.x[:, 1]) < 0.25))
    box = places(BOX, "electrode", "  electrode: rectangle([0, 1/4], [1/4, 1/2])\n")
    x = np.array([[0.0, 0.3], [0.0, 0.1], [0.1, 0.3], [1.0, 0.3]])
    assert holds(box.conditions[0].place, box.domain, x).tolist() == [True, False, False, False]


def test_places_on_a_box() -> None:
    problem = places(BOX, "x = 0, y = 1 and x > 1/2")
    x = np.array([[0.0, 0.3], [1e-12, 0.3], [0.3, 1.0], [0.7, 1.0], [1.0, 0.5], [0.7, 0.5]])
    named, rest = (holds(c.place, problem.domain, x) for c in problem.conditions)
    assert named.tolist() == [True, True, False, True, False, False]
    assert rest.tolist() == [False, False, True, False, True, False]
    assert [len(c.place.faces) for c in problem.conditions] == [2, 3]


def test_where_a_coefficient_differs() -> None:
    text = SHAPE.replace("lap(u) = 1", "-div(k*grad(u)) = 1\nwhere:\n  k: piecewise(inside(core), 10, inside(hole), 3, 1)")
    problem = places(text, "hole", "  core: disk([-1/2, 1/2], 1/4)\n")
    assert [part.name for part in problem.domain.parts] == ["core"]
    slopes = next(iter(problem.equations[0].partials.values()))
    x = np.array([[-0.5, 0.6], [-0.5, 0.9], [-0.5, -0.4]])
    masks = region_masks(slopes, problem.domain, x)
    assert {str(s): m.tolist() for s, m in masks.items()} == {
        "inside(core)": [True, False, False],
        "inside(hole)": [False, False, True],
    }
    (values,) = Program([slopes], [symbol("x"), symbol("y"), *masks])(NUMPY, [*x.T, *masks.values()])
    assert np.abs(values).tolist() == [10, 1, 3]


def test_time_is_no_part_of_a_place() -> None:
    text = (
        SHAPE.replace("u(x, y)", "u(x, y, t)")
        .replace("domain:\n", "domain:\n  t: [0, 1]\n")
        .replace("lap(u) = 1", "u_t = lap(u)\ninitial: u = 0")
    )
    problem = places(text, "hole")
    points = problem.domain.boundary.points(0.02)
    x = np.column_stack([points.x, np.full(points.count, 0.7)])
    boundary = [c for c in problem.conditions if c.kind == "boundary"]
    np.testing.assert_array_equal(holds(boundary[0].place, problem.domain, x), points.piece == points.piece.max())
    assert problem.domain.contains(np.array([[-0.9, 0.9, 0.5], [-0.9, 0.9, 1.5], [0.5, 0.5, 0.5]])).tolist() == [
        True,
        False,
        False,
    ]


def test_faces_of_solids() -> None:
    text = (
        "find: u(x, y, z)\ndomain:\n  (x, y, z): cube - notch - ball([-0.5, -0.5, -0.5], 0.25)\n"
        "  cube: box([-1, -1, -1], [1, 1, 1])\n  notch: box([0, 0, 0], [1, 1, 1])\n"
        "equation: lap(u) = 1\nboundary:\n  z = 0: u = 1\n  cube: u = 2\n  elsewhere: u = 0\n"
    )
    problem = read_text(text).problem
    points = problem.domain.boundary.points(0.1)
    names = [problem.domain.boundary.pieces[k].name for k in points.piece]
    floor, cube, _ = (holds(c.place, problem.domain, points.x, names) for c in problem.conditions)
    assert points.weight[floor].sum() == pytest.approx(1, rel=0.1)
    assert (points.normal[floor] == [0, 0, 1]).all()
    assert points.weight[cube].sum() == pytest.approx(21, rel=0.05)


@pytest.mark.parametrize(("relation", "there"), [("y >= 0", True), ("y > 0", False), ("y <= 0", True), ("y < 0", False)])
def test_sides_along_the_line_of_a_relation(relation: str, there: bool) -> None:
    """The floor of the notch at y = 0, and points of other sides just above and below that height."""
    problem = places(SHAPE, relation)
    x = np.array([[0.3, 0.0], [0.7, 1e-13], [0.2, -1e-13], [-1.0, 1e-13], [-1.0, -1e-13], [-1.0, 0.5]])
    found = holds(problem.conditions[0].place, problem.domain, x)
    assert found.tolist() == [there] * 3 + ([True, False, True] if ">" in relation else [False, True, False])
    np.testing.assert_array_equal(found, ~holds(problem.conditions[1].place, problem.domain, x))


def test_a_side_is_divided_to_the_last_digit() -> None:
    problem = places(SHAPE, "y > 1/3")
    place = problem.conditions[0].place
    found = problem.domain.boundary.divided(lambda x, piece: holds(place, problem.domain, x))
    new = sorted(c.point.tolist() for c in found.corners if c.angle == np.pi)
    np.testing.assert_allclose(new, [[-1, 1 / 3], [0, 1 / 3]], atol=1e-15)
