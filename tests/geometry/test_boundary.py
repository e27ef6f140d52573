"""What bounds a combination of plane shapes: pieces, corners, loops; by known figures, and by random combinations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanpde.geometry import Boundary, Combination, Shape, boundary, halfspace
from kanpde.geometry.boundary import centre_of
from kanpde.geometry.shapes import SHAPES, outline_file

PI = math.pi
rectangle, disk, ellipse = SHAPES["rectangle"], SHAPES["disk"], SHAPES["ellipse"]
polygon, sector = SHAPES["polygon"], SHAPES["sector"]

PLATE = rectangle("plate", (-1.0, -1.0), (1.0, 1.0))
NOTCH = rectangle("notch", (0.0, 0.0), (1.0, 1.0))
L_SHAPE = Combination("-", (PLATE, NOTCH))
LENS = 2 * 0.09 * math.acos(2 / 3) - 2 * 0.2 * math.sqrt(0.05)  # two disks of radius 0.3 with centres 0.4 apart


def minus(*shapes: Shape) -> Combination:
    return Combination("-", shapes)


def plus(*shapes: Shape) -> Combination:
    return Combination("+", shapes)


# name: shape, perimeter, area, angles of the corners in degrees, signs of the loops, cusps
FIGURES = {
    "rectangle": (PLATE, 8, 4, [90] * 4, "+", 0),
    "disk": (disk("d", (0.3, 0.1), 0.5), PI, PI / 4, [], "+", 0),
    "L": (L_SHAPE, 8, 3, [90] * 5 + [270], "+", 0),
    "L with a hole": (minus(PLATE, NOTCH, disk("h", (-0.5, -0.5), 0.25)), 8 + PI / 2, 3 - PI / 16, [90] * 5 + [270], "+-", 0),
    "quarter disk cut out": (minus(PLATE, disk("h", (-1.0, -1.0), 0.5)), 7 + PI / 4, 4 - PI / 16, [90] * 5, "+", 0),
    "disk cuts a side": (minus(PLATE, disk("h", (1.0, 0.2), 0.5)), 7 + PI / 2, 4 - PI / 8, [90] * 6, "+", 0),
    "disk leans in": (
        minus(PLATE, disk("h", (1.25, 0.0), 0.5)),
        8 - math.sqrt(0.75) + PI / 3,
        4 - (PI / 12 - 0.25 * math.sqrt(0.1875)),
        [90] * 4 + [120] * 2,
        "+",
        0,
    ),
    "hole touches a side": (minus(PLATE, disk("h", (0.7, 0.2), 0.3)), 8 + 0.6 * PI, 4 - 0.09 * PI, [90] * 4, "+", 2),
    "holes touch": (
        minus(PLATE, disk("g", (-0.3, 0.2), 0.3), disk("h", (0.3, 0.2), 0.3)),
        8 + 1.2 * PI,
        4 - 0.18 * PI,
        [90] * 4,
        "+-",
        2,
    ),
    "disks touch": (plus(disk("g", (-0.3, 0.2), 0.3), disk("h", (0.3, 0.2), 0.3)), 1.2 * PI, 0.18 * PI, [], "++", 0),
    "hole touches from inside": (minus(disk("g", (0.0, 0.2), 0.6), disk("h", (0.3, 0.2), 0.3)), 1.8 * PI, 0.27 * PI, [], "+", 2),
    "crescent cut out": (
        minus(PLATE, minus(disk("g", (0.0, 0.0), 0.5), disk("h", (0.25, 0.0), 0.25))),
        8 + 1.5 * PI,
        4 - 0.1875 * PI,
        [90] * 4,
        "+-+",
        0,
    ),
    "half a crescent cut out": (
        minus(PLATE, minus(disk("g", (0.0, 0.0), 0.5), disk("h", (0.25, 0.0), 0.25), rectangle("r", (-1.0, -1.0), (1.0, 0.0)))),
        8.5 + 0.75 * PI,
        4 - 0.09375 * PI,
        [90] * 4 + [360, 270, 270],
        "+-",
        0,
    ),
    "two disks": (
        plus(disk("g", (-0.2, 0.0), 0.3), disk("h", (0.2, 0.0), 0.3)),
        1.2 * (PI - math.acos(2 / 3)),
        0.18 * PI - LENS,
        [360 - 2 * math.degrees(math.acos(2 / 3))] * 2,
        "+",
        0,
    ),
    "lens": (
        Combination("&", (disk("g", (-0.2, 0.0), 0.3), disk("h", (0.2, 0.0), 0.3))),
        1.2 * math.acos(2 / 3),
        LENS,
        [2 * math.degrees(math.acos(2 / 3))] * 2,
        "+",
        0,
    ),
    "side by side": (
        plus(rectangle("a", (0.0, 0.0), (1.0, 1.0)), rectangle("b", (1.0, 0.0), (2.0, 1.0))),
        6,
        2,
        [90] * 4,
        "+",
        0,
    ),
    "corner to corner": (
        plus(rectangle("a", (0.0, 0.0), (1.0, 1.0)), rectangle("b", (1.0, 1.0), (2.0, 2.0))),
        8,
        2,
        [90] * 8,
        "++",
        0,
    ),
    "stadium": (plus(PLATE, disk("a", (1.0, 0.0), 1.0), disk("b", (-1.0, 0.0), 1.0)), 4 + 2 * PI, 4 + PI, [], "+", 0),
    "three quarters": (sector("s", (0.0, 0.0), 1.0, 0.0, 1.5 * PI), 2 + 1.5 * PI, 0.75 * PI, [90, 90, 270], "+", 0),
    "whole sector": (sector("s", (0.0, 0.0), 1.0, 0.5, 0.5 + 2 * PI), 2 * PI, PI, [], "+", 0),
    "slit seen as none": (
        plus(sector("s", (0.0, 0.0), 1.0, 0.0, PI), sector("r", (0.0, 0.0), 1.0, PI, 2 * PI)),
        2 * PI,
        PI,
        [],
        "+",
        0,
    ),
    "clockwise": (
        polygon("p", (0.0, 0.0), (0.0, 2.0), (1.0, 0.0)),
        3 + math.sqrt(5),
        1,
        [90, 63.43494882292201, 26.56505117707799],
        "+",
        0,
    ),
    "repeated and straight corners": (
        polygon("p", (0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
        4,
        1,
        [90] * 4,
        "+",
        0,
    ),
    "keyhole": (
        polygon(
            "p",
            (0.0, 0.0),
            (1.0, 0.0),
            (1.0, 1.0),
            (0.0, 1.0),
            (0.0, 0.0),
            (0.2, 0.2),
            (0.2, 0.8),
            (0.8, 0.8),
            (0.8, 0.2),
            (0.2, 0.2),
        ),
        6.4,
        0.64,
        [90] * 4 + [270] * 4,
        "+-",
        0,
    ),
    "frame of rounded numbers": (
        minus(disk("a", (0.0, 0.0), 1.0), disk("b", (0.0, 0.0), 0.1 + 0.2), disk("c", (0.0, 0.0), 0.3)),
        2.6 * PI,
        0.91 * PI,
        [],
        "+-",
        0,
    ),
    "cut in two": (minus(PLATE, rectangle("slot", (-0.1, -2.0), (0.1, 2.0))), 11.6, 3.6, [90] * 8, "++", 0),
    "hole outside": (minus(PLATE, disk("h", (5.0, 0.0), 1.0)), 8, 4, [90] * 4, "+", 0),
    "hole on the rim outside": (minus(PLATE, rectangle("h", (1.0, -1.0), (2.0, 1.0))), 8, 4, [90] * 4, "+", 0),
    "half": (
        Combination("&", (disk("a", (0.0, 0.0), 1.0), halfspace("x < 1/2", (1.0, 0.0), 0.5))),
        4 * PI / 3 + math.sqrt(3),
        2 * PI / 3 + math.sqrt(3) / 4,
        [120] * 2,
        "+",
        0,
    ),
    "island in a hole": (
        plus(minus(PLATE, disk("a", (0.0, 0.0), 0.8)), disk("b", (0.0, 0.0), 0.5)),
        8 + 2.6 * PI,
        4 - 0.39 * PI,
        [90] * 4,
        "+-+",
        0,
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_known_figures(name: str) -> None:
    shape, length, area, angles, signs, cusps = FIGURES[name]
    found = boundary(shape)
    assert found.length == pytest.approx(length, abs=1e-12)
    assert found.area == pytest.approx(area, abs=1e-12)
    assert sorted(math.degrees(c.angle) for c in found.corners) == pytest.approx(sorted(angles), abs=1e-6)
    assert sorted("-" if loop.hole else "+" for loop in found.loops) == sorted(signs)
    assert len(found.cusps) == cusps
    holds_together(shape, found)


def holds_together(shape: Shape | Combination, found: Boundary) -> None:
    """The domain on one side of every point, normals out of it, corners where pieces end, loops that close."""
    points = found.points(float(np.ptp(found.bounds)) / 60)
    step = 1e-6
    np.testing.assert_allclose(np.hypot(*points.normal.T), 1, atol=1e-14)
    assert points.weight.sum() == pytest.approx(found.length, rel=1e-5)
    assert (points.weight * (points.x * points.normal).sum(1)).sum() / 2 == pytest.approx(found.area, abs=1e-5)
    others = np.array([piece.distance(points.x) for piece in found.pieces])
    np.testing.assert_allclose(others[points.piece, np.arange(points.count)], 0, atol=1e-13)
    others[points.piece, np.arange(points.count)] = np.inf
    alone = others.min(0) > 20 * step
    assert shape.contains(points.x - step * points.normal)[alone].all()
    assert not shape.contains(points.x + step * points.normal)[alone].any()
    for corner in found.corners:
        assert 0 < corner.angle <= 2 * PI
        before, after = found.pieces[corner.before], found.pieces[corner.after]
        np.testing.assert_allclose([after.start, before.end], [corner.point] * 2, atol=1e-10)
        leaving = after.velocity(np.zeros(1))[0]
        assert math.atan2(leaving[1], leaving[0]) == pytest.approx(corner.start, abs=1e-12)
        middle = corner.start + corner.angle / 2
        inner = corner.point + 1e-5 * np.array([math.cos(middle), math.sin(middle)])
        assert corner.angle < 0.01 or shape.contains(inner[None])[0]
    for loop in found.loops:
        for k, m in zip(loop.pieces, (*loop.pieces[1:], loop.pieces[0]), strict=True):
            np.testing.assert_allclose(found.pieces[k].end, found.pieces[m].start, atol=1e-10)
    assert sorted(k for loop in found.loops for k in loop.pieces) == list(range(len(found.pieces)))


TENTHS = st.integers(-6, 6).map(lambda k: k / 10)
SIZES = st.integers(1, 6).map(lambda k: k / 10)
POINTS = st.tuples(TENTHS, TENTHS)


@st.composite
def solids(draw: st.DrawFn) -> Shape:
    """Shapes on a coarse grid, so that sides coincide and circles touch all the time."""
    kind, at, a, b = draw(st.sampled_from("rdests")), draw(POINTS), draw(SIZES), draw(SIZES)
    name = f"{kind}{draw(st.integers(0, 10**6))}"
    if kind == "r":
        return rectangle(name, at, (at[0] + a, at[1] + b))
    if kind == "d":
        return disk(name, at, a)
    if kind == "e":
        return ellipse(name, at, a, b)
    if kind == "t":
        return polygon(name, at, (at[0], at[1] + b), (at[0] + a, at[1]))
    start = draw(st.integers(0, 7)) * PI / 4
    return sector(name, at, a, start, start + draw(st.integers(1, 8)) * PI / 4)


@given(st.lists(solids(), min_size=1, max_size=4), st.text("+-&", min_size=4, max_size=4))
def test_random_combinations(shapes: list[Shape], signs: str) -> None:
    shape: Shape | Combination = rectangle("plate", (-0.7, -0.7), (0.7, 0.7))
    for solid, sign in zip(shapes, signs, strict=False):
        shape = Combination(sign, (shape, solid))
    cells = (np.arange(150) + 0.4817) / 150 * 3 - 1.5
    grid = np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2)
    counted = shape.contains(grid).sum() * 0.02**2
    try:
        found = boundary(shape)
    except ValueError:
        assert counted < 1e-3
        return
    assert found.area == pytest.approx(counted, abs=0.03 * found.length)
    holds_together(shape, found)


@given(st.floats(-3, 3), st.floats(-1e3, 1e3), st.floats(0.01, 100))
def test_turned_moved_and_scaled(angle: float, shift: float, scale: float) -> None:
    """An L of rounded coordinates, its notch made of two pieces of the same line: nothing depends on where it lies."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) * scale

    def moved(*corners: tuple[float, float]) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(p) for p in (np.array(corners) @ turn.T + shift).tolist())

    plate = polygon("plate", *moved((0, 0), (2, 0), (2, 2), (0, 2)))
    notch = polygon("notch", *moved((1, 2), (1, 1), (2, 1), (2, 2)))
    found = boundary(minus(plate, notch))
    assert len(found.pieces) == 6
    assert sorted(c.angle for c in found.corners) == pytest.approx([PI / 2] * 5 + [1.5 * PI], abs=1e-9)
    assert found.area == pytest.approx(3 * scale**2, rel=1e-8)


def test_the_corner_of_an_l() -> None:
    found = boundary(L_SHAPE)
    (corner,) = [c for c in found.corners if c.angle > PI]
    np.testing.assert_array_equal(corner.point, [0, 0])
    assert corner.start == pytest.approx(PI / 2)
    assert corner.straight
    assert [found.pieces[k].name for k in (corner.before, corner.after)] == ["notch", "notch"]
    np.testing.assert_allclose(found.pieces[corner.after].end, [0, 1])
    np.testing.assert_allclose(found.pieces[corner.before].start, [1, 0])


def test_holes_and_rims_are_recognised() -> None:
    found = boundary(minus(PLATE, disk("hole", (0.25, 0.5), 0.125)))
    (hole,) = [piece for piece in found.pieces if piece.circle]
    assert hole.circle is not None
    assert (hole.name, hole.closed, hole.circle[1]) == ("hole", True, 0.125)
    np.testing.assert_array_equal(hole.circle[0], [0.25, 0.5])
    assert hole.curvature(np.zeros(1))[0] == pytest.approx(-8)
    assert [piece.name for piece in found.pieces] == ["plate"] * 4 + ["hole"]
    assert found.names == ("plate", "hole")


def test_where_outlines_coincide_both_names_hold() -> None:
    pair = Combination("&", (PLATE, rectangle("window", (-1.0, -0.5), (0.5, 0.5))))
    names = {piece.names for piece in boundary(pair).pieces}
    assert names == {("plate", "window"), ("window",)}


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        (minus(PLATE, rectangle("cut", (0.5, -1.0), (1.0, 1.0))), [[-1, 0.5], [-1, 1]]),
        (Combination("&", (PLATE, disk("d", (1.0, 0.0), 0.5))), [[0.5, 1], [-0.5, 0.5]]),
        (Combination("&", (disk("c", (0.0, 0.0), 0.5), disk("d", (0.6, 0.0), 0.5))), [[0.1, 0.5], [-0.4, 0.4]]),
        (sector("s", (0.0, 0.0), 1.0, 0.0, PI / 2), [[0, 1], [0, 1]]),
    ],
)
def test_the_box_around_is_tight(shape: Combination, box: list[list[float]]) -> None:
    np.testing.assert_allclose(boundary(shape).bounds, box, atol=1e-15)


def test_nothing_and_everything_have_no_boundary() -> None:
    with pytest.raises(ValueError, match="empty"):
        boundary(minus(PLATE, disk("d", (0.0, 0.0), 2.0)))
    with pytest.raises(ValueError, match="no end"):
        boundary(plus(PLATE, halfspace("h", (1.0, 0.0), 0.0)))
    with pytest.raises(ValueError, match="no end"):
        boundary(halfspace("h", (1.0, 0.0), 0.0))


def test_a_fine_outline_of_a_circle() -> None:
    angle = np.linspace(0, 2 * PI, 401)
    corners = np.stack([np.cos(angle), np.sin(angle)], 1)
    lake = outline_file("lake", "lake.csv", tuple(map(tuple, corners.tolist())))
    found = boundary(minus(lake, disk("island", (0.0, 0.0), 0.5)))
    assert found.area == pytest.approx(0.75 * PI, rel=1e-3)
    assert len(found.pieces) == 401
    assert found.points(0.05).count < 1300  # sides shorter than the spacing take one interval


@pytest.mark.parametrize("name", ["L with a hole", "island in a hole", "keyhole", "half a crescent cut out", "cut in two"])
def test_the_middle_of_a_loop_lies_in_it(name: str) -> None:
    shape = FIGURES[name][0]
    found = boundary(shape)
    for loop in found.loops:
        middle = centre_of(loop, found.pieces)
        assert min(found.pieces[k].distance(middle[None])[0] for k in loop.pieces) > 0.02
        if loop.hole and len(found.loops) < 3:
            assert not shape.contains(middle[None])[0]
