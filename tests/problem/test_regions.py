"""Domains with shapes are read and checked; a region is right where its points are."""

import numpy as np
import pytest

from kanpde.errors import ProblemError
from kanpde.problem import Problem, read_text


def region(shape: str) -> Problem:
    return read_text(f"find: u(x, y)\ndomain:\n  {shape}\nequation: lap(u) = 1\nboundary: u = 0\n").problem


def test_a_plate_with_a_notch_and_a_hole() -> None:
    problem = region(
        "(x, y): plate - notch - hole\n  plate: rectangle([-1, -1], [1, 1])\n  notch: rectangle([0, 0], [1, 1])\n"
        "  hole: disk([-0.5, -0.5], 0.25)"
    )
    inside = problem.domain.shape.contains(np.array([[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]))
    assert inside.tolist() == [True, False, False, True]
    np.testing.assert_array_equal(problem.domain.bounds, [[-1, 1], [-1, 1]])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("(x, y): disk([0, 0], -1)", "radius must be positive"),
        ("(x, y): ball([0, 0, 0], 1)", "3 dimensions, and 2 coordinates"),
        ("(x, y): a - b\n  a: disk([0, 0], 1)", "there is no shape 'b'"),
        ("(x, y): circle([0, 0], 1)", "there is no shape 'circle'"),
        ("(x, z): disk([0, 0], 1)", "'z' is no coordinate"),
        ("(x, y): a & b\n  a: rectangle([0, 0], [1, 1])\n  b: rectangle([2, 2], [3, 3])", "the shape is empty"),
        ("(x, y): polygon([0, 0], [1, 1])", "at least three corners"),
        ("x: [0, 1]\n  y: [1, 0]", "the interval of 'y' is empty"),
        ("x: [0, 1]", "does not say where 'y' lies"),
        ("x: [0, 1]\n  y: [0, x]", "'x' is none"),
    ],
)
def test_wrong_regions(shape: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        region(shape)


def test_a_part_with_another_coefficient() -> None:
    text = (
        "find: u(x, y)\ndomain:\n  x: [0, 1]\n  y: [0, 1]\n  core: disk([0.5, 0.5], 0.2)\nequation: -div(k*grad(u)) = 1\n"
        "where:\n  k: piecewise(inside(core), 10, 1)\nboundary: u = 0\n"
    )
    domain = read_text(text).problem.domain
    assert domain.is_box
    assert domain.inside("core", np.array([[0.5, 0.4], [0.5, 0.8]])).tolist() == [True, False]
    with pytest.raises(ProblemError, match="there is no shape 'cor'"):
        read_text(text.replace("inside(core)", "inside(cor)"))


@pytest.mark.parametrize("hole", ["disk([5, 0], 1)", "disk([0.5, 0.5], 0.1)"])
def test_a_hole_that_cuts_nothing_off_is_noticed(hole: str) -> None:
    """Outside of the plate, or in the notch."""
    plate = "  plate: rectangle([-1, -1], [1, 1])\n  notch: rectangle([0, 0], [1, 1])\n"
    problem = region(f"(x, y): plate - notch - hole\n{plate}  hole: {hole}")
    (remark,) = [remark for remark in problem.remarks if not remark.unsupported]
    assert remark.message == "nothing of the outline of 'hole' is on the boundary of the domain"
    assert remark.span is not None
    assert remark.span.line == 6
    inline = region(f"(x, y): plate - notch - {hole}\n{plate}")
    assert any(f"'{hole}'" in remark.message for remark in inline.remarks)
