"""Finished runs that every suite may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from made import BALL, BLOCK, LINE, MATERIALS, PLANE, PLATE, POLYNOMIAL, SHEET, corner_terms, solution_of, spline_network

from kanpde.geometry import halfspace
from kanpde.kan import KAN, PiecewiseKAN
from kanpde.problem import symbol
from kanpde.results import Comparison, FieldComparison, Formula, Solution

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def rod() -> Solution:
    """u = x (1 - x) (1 + t^3) on [0, 1] x [0, 2], compared and with its formula."""
    x, t = symbol("x"), symbol("t")
    network = spline_network(np.array([[0.0, 1.0], [0.0, 2.0]]), [[lambda x: x * (1 - x)], [lambda t: 1 + t**3]])
    solution = solution_of(POLYNOMIAL, network)
    solution.comparison = Comparison({"u": FieldComparison(2e-12, 5e-12, None, "exact", 1e-15, 0.01)})
    solution.formula = Formula("proved", {"u": x * (1 - x) * (1 + t**3)}, 0.5, ("equation: 0, as it stands",)).named(
        solution.problem
    )
    grid = np.linspace(0, 1, solution.plan.output.grid)
    solution.errors = {"u": 1e-12 * np.sin(7 * grid[None, :] + 3 * grid[:, None])}
    return solution


@pytest.fixture
def plane() -> Solution:
    """u = (1 - x^2) y (1 - y) on [-1, 1] x [0, 1], without reference and formula."""
    bounds = np.array([[-1.0, 1.0], [0.0, 1.0]])
    return solution_of(PLANE, spline_network(bounds, [[lambda x: 1 - x**2], [lambda y: y * (1 - y)]]))


@pytest.fixture
def line() -> Solution:
    """u = x^2 on [-1, 1]."""
    return solution_of(LINE, spline_network(np.array([[-1.0, 1.0]]), [[lambda x: x**2]]))


@pytest.fixture
def deep() -> Solution:
    """A random network of sum nodes with two hidden layers."""
    generator = torch.Generator().manual_seed(3)
    network = KAN([2, 4, 3, 1], grid=4, degree=5, domain=[[-1.0, 1.0], [0.0, 1.0]], generator=generator)
    return solution_of(PLANE, network)


@pytest.fixture
def holed() -> Solution:
    """u = x y^2 plus two singular functions around the centre of the hole."""
    network = spline_network(np.array([[-1.0, 1.0], [-1.0, 1.0]]), [[lambda x: x], [lambda y: y**2]])
    return solution_of(PLATE, network.with_terms(corner_terms((0.25, 0.5))))


@pytest.fixture
def materials() -> Solution:
    """u = x y left of zero, 3 x y + x^2 right of it."""
    whole = spline_network(
        np.array([[-1.0, 1.0], [0.0, 1.0]]),
        [
            [lambda x: x, lambda x: 0 * x, lambda x: 3 * x, lambda x: x**2],
            [lambda y: y, lambda y: y, lambda y: y, lambda y: 1 + 0 * y],
        ],
        outputs=2,
    )
    return solution_of(MATERIALS, PiecewiseKAN(whole, [halfspace("left", (1.0, 0.0), 0.0).spec()]))


@pytest.fixture
def ball() -> Solution:
    """u = x + y z and v = x y z on half a ball with a hole."""

    def one(x: np.ndarray) -> np.ndarray:
        return 1 + 0 * x

    def same(x: np.ndarray) -> np.ndarray:
        return x

    factors = [[same, one, same, same], [one, same, same, one], [one, same, same, lambda z: 0 * z]]
    return solution_of(BALL, spline_network(np.array([[-1.0, 1.0], [-1.0, 1.0], [0.0, 1.0]]), factors, outputs=2))


@pytest.fixture
def block() -> Solution:
    """u = x (1 + y^2) z^3 in a box."""
    bounds = np.array([[0.0, 1.0], [0.0, 2.0], [-1.0, 1.0]])
    return solution_of(BLOCK, spline_network(bounds, [[lambda x: x], [lambda y: 1 + y**2], [lambda z: z**3]]))


@pytest.fixture
def sheet() -> Solution:
    """u = x y (1 + t^2) on a rectangle, in time."""
    bounds = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    return solution_of(SHEET, spline_network(bounds, [[lambda x: x], [lambda y: y], [lambda t: 1 + t**2]]))


@pytest.fixture
def run_folder(rod: Solution, tmp_path: Path) -> Path:
    """A run folder as ``kanpde solve`` leaves it, but for the report."""
    from kanpde.export import RunFolder

    folder = tmp_path / "runs" / "rod"
    RunFolder(folder).write(rod)
    return folder
