"""The references of systems find what was put in, and know how well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.manufactured import true_error
from reference.systems import PLANES, SYSTEMS

from kanpde.errors import UnsupportedProblem
from kanpde.problem import read_file, read_text
from kanpde.reference import compare, exact, fresh_points, method_of_lines, reference, spectral

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SYSTEMS)
def test_in_time(name: str) -> None:
    problem = replace(SYSTEMS[name], remarks=())  # the solver may not know it yet, the judge does
    judge = method_of_lines(problem)
    error = true_error(problem, judge)
    assert error < 1e-11
    assert judge.error < 1e-9
    assert error < 3 * judge.error
    assert set(judge.errors) == {"u", "v"}


@pytest.mark.parametrize("name", PLANES)
def test_in_space(name: str) -> None:
    problem = replace(PLANES[name], remarks=())
    judge = spectral(problem)
    error = true_error(problem, judge)
    assert error < 1e-12
    assert judge.error < 1e-11
    assert error < 3 * judge.error


@pytest.mark.parametrize("problem", [SYSTEMS["wave and heat"], PLANES["flow"]], ids=["in time", "in space"])
def test_gradients(problem) -> None:
    judge = reference(replace(problem, remarks=(), exact=None))
    assert judge is not None
    assert judge.gradients is not None
    exactly = exact(problem).gradients
    assert exactly is not None
    points = fresh_points(problem.domain.bounds, 2**9, 31)
    found, truth = judge.gradients(points), exactly(points)
    for name, slope in truth.items():
        assert np.abs(found[name] - slope).max() < 1e-9 * np.abs(slope).max()
