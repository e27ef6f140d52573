"""Boxes in which a formula is looked for, and its comparison with the solution everywhere else."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from made import BALL, MATERIALS, PLATE, POLYNOMIAL, corner_terms, solution_of, spline_network

from kanpde.geometry.shapes import SHAPES
from kanpde.problem import read_text, symbol
from kanpde.symbolic.boxes import (
    Box,
    agrees,
    boxes,
    deviation,
    inscribed,
    irregular,
    largest_block,
    one_by_one,
    sample_box,
    sampler_of,
    scattered_of,
    spots,
)
from kanpde.symbolic.form import Form, number

X, Y = symbol("x"), symbol("y")


def on(domain: str) -> list[Box]:
    text = f"find: u(x, y)\ndomain:\n  {domain}\nequation: lap(u) = 0\nboundary: u = x\n"
    return boxes(read_text(text, "box.yaml").problem)


def area(box: Box) -> float:
    return float(np.prod([high - low for low, high in box.bounds]))


def test_a_box_is_its_own() -> None:
    assert on("x: [0, 1]\n  y: [-1, pi]") == [Box(((0.0, 1.0), (-1.0, np.pi)))]


@pytest.mark.parametrize(
    ("shape", "largest"),
    [
        ("disk([0, 0], 1)", 2.0),
        ("ellipse([1, 1], 2, 1/2)", 2.0),
        ("polygon([0, 0], [2, 0], [0, 2])", 1.0),
        ("rectangle([0, 0], [3, 1])", 3.0),
        ("sector([0, 0], 1, 0, pi/2)", 0.5),
    ],
)
def test_nearly_the_largest_box_of_a_shape(shape: str, largest: float) -> None:
    (found,) = on(f"(x, y): {shape}")
    assert 0.93 * largest < area(found) <= largest * (1 + 1e-12)


def test_a_box_stays_out_of_holes_however_small() -> None:
    problem = read_text(PLATE.replace("0.3)", "0.004)"), "plate.yaml").problem
    (found,) = boxes(problem)
    (a, b), (c, d) = found.bounds
    fine = np.stack(np.meshgrid(np.linspace(a, b, 1001), np.linspace(c, d, 1001)), -1).reshape(-1, 2)
    assert problem.domain.contains(fine).all()
    assert area(found) > 2.2  # the larger part beside the hole: 2 x 1.25 = 2.5, or 2 x 1.5 = 3


def test_a_box_keeps_away_from_a_corner_that_enters_the_domain() -> None:
    (found,) = on("(x, y): polygon([-1, -1], [1, -1], [1, 0], [0, 0], [0, 1], [-1, 1])")
    nearest = [max(low - 0, 0 - high, 0.0) for low, high in found.bounds]
    assert np.hypot(*nearest) >= 0.15
    assert area(found) > 1.4


def test_solids_and_time() -> None:
    ball = read_text(BALL, "ball.yaml").problem
    (found,) = boxes(ball)
    corners = np.array(np.meshgrid(*found.bounds)).reshape(3, -1).T
    assert ball.domain.contains(corners).all()
    text = "find: u(x, y, t)\ndomain:\n  (x, y): disk([0, 0], 1)\n  t: [0, 3]\n"
    text += "equation: u_t = lap(u)\ninitial: u = 0\nboundary: u = t\n"
    (found,) = boxes(read_text(text, "disk.yaml").problem)
    assert found.bounds[2] == (0.0, 3.0)
    assert found.cut(2, 0, 1 / 8).bounds == (*found.bounds[:2], (0.0, 0.375))
    assert 1.86 < area(found) / 3 <= 2


def test_every_material_has_a_box() -> None:
    left, right = boxes(read_text(MATERIALS, "two.yaml").problem)
    assert (left, right) == (Box(((-1.0, 0.0), (0.0, 1.0)), 0), Box(((0.0, 1.0), (0.0, 1.0)), 1))


def test_a_core_and_what_surrounds_it() -> None:
    text = MATERIALS.replace("x: [-1, 1]\n  y: [0, 1]", "(x, y): disk([0, 0], 2)\n  core: disk([0, 0], 1)")
    problem = read_text(text.replace("x < 0", "inside(core)"), "core.yaml").problem
    core, around = boxes(problem)
    corners = np.array(np.meshgrid(*core.bounds)).reshape(2, -1).T
    assert (np.hypot(*corners.T) <= 1).all()
    assert area(core) > 1.86
    edge = np.stack(np.meshgrid(*(np.linspace(*b, 99) for b in around.bounds)), -1).reshape(-1, 2)
    assert (np.hypot(*edge.T) >= 1 - 1e-12).all()
    assert (np.hypot(*edge.T) <= 2).all()


def test_the_largest_block_of_a_raster_by_trying_all() -> None:
    marked = np.random.default_rng(3).random((7, 8, 6)) < 0.85

    def best(dimension: int) -> float:
        def size(block: list[tuple[int, int]]) -> float:
            inside = marked[(*(slice(a, b + 1) for a, b in block), *[0] * (3 - dimension))]
            return float(np.prod([b - a for a, b in block])) if inside.all() else 0.0

        blocks: list[list[tuple[int, int]]] = [[]]
        for n in marked.shape[:dimension]:
            blocks = [[*block, (a, b)] for block in blocks for a in range(n) for b in range(a + 1, n)]
        return max(map(size, blocks))

    for dimension, array in ((1, marked[:, 0, 0]), (2, marked[:, :, 0]), (3, marked)):
        block = largest_block(array)
        assert block is not None
        assert array[tuple(slice(a, b + 1) for a, b in block)].all()
        assert np.prod([b - a for a, b in block]) == best(dimension)
    assert largest_block(np.zeros((5, 5), bool)) is None


def test_nothing_is_found_in_nothing() -> None:
    assert inscribed(lambda x: np.zeros(len(x), bool), np.array([[0.0, 1.0], [0.0, 1.0]])) is None
    assert inscribed(SHAPES["box"]("b", (0.0, 0.0, 0.0), (1.0, 2.0, 3.0)), np.array([[0, 1], [0, 2], [0, 3.0]])) == (
        (0.0, 1.0),
        (0.0, 2.0),
        (0.0, 3.0),
    )


def test_irregular_points_fill_the_cube_evenly() -> None:
    """A smooth integral converges nearly like 1/N, far from the 1/sqrt(N) of random points."""
    for dimension in (1, 2, 3):
        x = irregular(4000, dimension)
        assert abs(np.prod(3 * x**2, axis=1).mean() - 1) < 7e-3  # random points: 0.03


def test_samples_of_a_solution_are_its_values() -> None:
    network = spline_network(np.array([[0.0, 1.0], [0.0, 2.0]]), [[lambda x: x * (1 - x)], [lambda t: 1 + t**3]])
    solution = solution_of(POLYNOMIAL, network)
    (box,) = boxes(solution.problem)
    samples = sample_box(sampler_of(solution, "u"), box.cut(1, 0, 0.5), 1e-12)
    x, t = (axis.nodes for axis in samples.axes)
    assert t.max() < 1
    np.testing.assert_allclose(samples.values, np.outer(x * (1 - x), 1 + t**3), atol=1e-13)
    found = spots(solution.problem, scattered_of(solution, "u"))
    assert agrees(found, Form(X * (1 - X) * (1 + symbol("t") ** 3)), 1e-14)
    assert not agrees(found, Form(X * (1 - X) * (1 + symbol("t") ** 2)), 1e-3)


def test_what_holds_in_the_box_only_is_turned_away() -> None:
    """Beside a corner function the plate's polynomial is the solution; at the scattered points it is not."""
    network = spline_network(np.array([[-1.0, 1.0], [-1.0, 1.0]]), [[lambda x: x], [lambda y: y**0]])
    network.terms = corner_terms((0.25, 0.5))
    solution = solution_of(PLATE, network)
    (box,) = boxes(solution.problem)
    samples = sample_box(sampler_of(solution, "u"), box, 1e-12)
    assert np.isfinite(samples.values).all()
    found = spots(solution.problem, scattered_of(solution, "u"))
    hole = np.hypot(found.points[:, 0] - 0.25, found.points[:, 1] - 0.5)
    assert (hole >= 0.3).all()
    assert (found.points[:, 1] > 0.85).any()
    assert len(found.points) > 250
    assert not agrees(found, Form(X), 1e-4)


def test_forms_at_scattered_points() -> None:
    problem = read_text(MATERIALS, "two.yaml").problem
    values = one_by_one(lambda x, y: np.abs(x)[:, None] * np.exp(y))
    found = spots(problem, values, 100)
    a = number(2.0)
    assert agrees(found, Form(sp.Piecewise((-X, X < 0), (X, True)) * sp.exp(Y)), 1e-14)
    assert agrees(found, Form(sp.Abs(X) * sp.exp(Y) * a.symbol / 2, (a,)), 1e-14)
    assert not agrees(found, Form(X * sp.exp(Y)), 1e-2)  # right in the right half only
    assert deviation(found, Form(sp.log(X) * Y)) == np.inf  # undefined in the left half
