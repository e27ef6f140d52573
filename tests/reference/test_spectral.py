"""Spectral collocation converges geometrically, with every kind of equation and condition, and knows its error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.manufactured import PLANES, plane, true_error

from kanpde.errors import UnsupportedProblem
from kanpde.problem import Problem, read_file, read_text
from kanpde.reference import exact, fresh_points, spectral
from kanpde.reference.axes import ChebyshevAxis, FourierAxis
from kanpde.reference.spectral import collocate

ROOT = Path(__file__).parents[2]


def error(problem: Problem, sizes: tuple[int, ...]) -> float:
    """Relative L2 error of one resolution."""
    points = fresh_points(problem.domain.bounds, 2**10, 5)
    u = exact(problem).values(points)["u"]
    return float(np.linalg.norm(collocate(problem, sizes)("u", points) - u) / np.linalg.norm(u))


@pytest.mark.parametrize("name", PLANES)
def test_manufactured(name: str) -> None:
    problem = PLANES[name]
    reference = spectral(problem)
    off = true_error(problem, reference)
    assert off < 1e-12
    assert reference.error < 1e-11
    assert off < 3 * max(reference.error, 1e-15)


@pytest.mark.parametrize("name", ["poisson", "poisson_kan_paper", "helmholtz", "poisson_nonlinear"])
def test_examples(name: str) -> None:
    problem = read_file(ROOT / "problems" / f"{name}.yaml").problem
    reference = spectral(problem)
    assert true_error(problem, reference) < 1e-13
    assert reference.error < 1e-12


def test_converges_geometrically() -> None:
    """1 / (3/2 - x) has a pole at 3/2: the error falls by 3/2 + sqrt(5/4) = 2.62 for every coefficient more."""
    problem = plane("lap(u) = f", "d(s, x, x) + d(s, y, y)", "u = s", "exp(y)/(3/2 - x)")
    sizes = np.array([8, 12, 16, 20, 24])
    errors = np.array([error(problem, (int(n), 16)) for n in sizes])
    slopes = -np.diff(np.log(errors)) / np.diff(sizes)
    assert np.abs(slopes / np.log(1.5 + np.sqrt(1.25)) - 1).max() < 0.2


def test_fourier_axis_converges_geometrically() -> None:
    problem = PLANES["strip, periodic in x"]
    errors = [error(problem, (n, 16)) for n in (7, 13, 25)]
    assert errors[1] < 1e-3 * errors[0]
    assert errors[2] < 1e-5 * errors[1]


@pytest.mark.parametrize("axis", [ChebyshevAxis(-1.0, 2.0, 9), FourierAxis(-1.0, 2.0, 9)])
def test_tables_are_derivatives_of_each_other(axis: ChebyshevAxis | FourierAxis) -> None:
    x, h = np.linspace(-0.9, 1.9, 7), 1e-5
    for order in range(4):
        slope = (axis.table(x + h, order) - axis.table(x - h, order)) / (2 * h)
        table = axis.table(x, order + 1)
        assert np.abs(slope - table).max() < 1e-7 * max(np.abs(table).max(), np.abs(axis.table(x, order)).max())


def test_gradients() -> None:
    problem = PLANES["nonlinear"]
    points = fresh_points(problem.domain.bounds, 2**8, 6)
    gradients, exactly = spectral(problem).gradients, exact(problem).gradients
    assert gradients is not None
    assert exactly is not None
    assert np.abs(gradients(points)["u"] - exactly(points)["u"]).max() < 1e-11


def test_a_condition_on_half_a_face() -> None:
    faces = "\n  y = 0 and x < 0: u = s\n  y = 0 and x >= 0: u_n = -d(s, y)\n  elsewhere: u = s"
    problem = plane("lap(u) = f", "d(s, x, x) + d(s, y, y)", faces, "sin(x)*exp(y)")
    problem = replace(problem, remarks=())  # the solver may not know it yet, the judge does
    assert true_error(problem, spectral(problem)) < 1e-12


def test_a_solution_that_is_not_unique_is_no_reference() -> None:
    problem = read_text(
        "find: u(x, y)\ndomain: {x: [0, 1], y: [0, 1]}\nequation: lap(u) = cos(pi*x)\nboundary: u_n = 0\n"
    ).problem
    with pytest.raises(UnsupportedProblem, match="leave part of the solution free"):
        spectral(problem)


def test_no_solution_is_no_reference() -> None:
    """Bratu's problem beyond its fold at lambda = 6.81: Newton's method must not return a number."""
    problem = read_text(
        "find: u(x, y)\ndomain: {x: [0, 1], y: [0, 1]}\nequation: lap(u) + 9*exp(u) = 0\nboundary: u = 0\n"
    ).problem
    with pytest.raises(UnsupportedProblem, match="Newton"):
        spectral(problem)
