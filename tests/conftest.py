"""Finished runs that every suite may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from made import LINE, PLANE, POLYNOMIAL, solution_of, spline_network

from kanpde.kan import KAN
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
    solution.formula = Formula("proved", {"u": x * (1 - x) * (1 + t**3)}, 0.5, ("equation: 0, as it stands",))
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
def run_folder(rod: Solution, tmp_path: Path) -> Path:
    """A run folder as ``kanpde solve`` leaves it, but for the report."""
    from kanpde.export import RunFolder

    folder = tmp_path / "runs" / "rod"
    RunFolder(folder).write(rod)
    return folder
