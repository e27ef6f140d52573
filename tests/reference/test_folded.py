"""Coefficients that jump along one coordinate: parts with continuous values and fluxes, by the methods for systems in a box."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kanpde.errors import UnsupportedProblem
from kanpde.problem import Problem, read_text
from kanpde.reference import exact, finite_elements, fresh_points, method_of_lines, spectral


def jumping(text: str) -> Problem:
    """A problem that the solver need not know."""
    return replace(read_text(text).problem, remarks=())


TWO = jumping(
    "find: u(x, y)\ndomain: {x: [-1, 1], y: [0, 1]}\nequation: -div(k*grad(u)) = 0\nwhere:\n  k: piecewise(x < 0, 1, 10)\n"
    "boundary:\n  x = -1: u = sin(pi*y)\n  elsewhere: u = 0\n"
)


def conductors(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sin(pi y) times hyperbolic sines on both sides that meet in V = 1/(11 cosh(pi)), where the flux is continuous."""
    value, s = 1 / (11 * np.cosh(np.pi)), np.sinh(np.pi)
    left = (np.sinh(-np.pi * x) + value * np.sinh(np.pi * (x + 1))) / s
    return np.where(x < 0, left, value * np.sinh(np.pi * (1 - x)) / s) * np.sin(np.pi * y)


def test_two_conductors() -> None:
    points = fresh_points(TWO.domain, 2**10, 3)
    truth = conductors(*points.T)
    judge = spectral(TWO)
    assert np.linalg.norm(judge.values(points)["u"] - truth) < 1e-14 * np.linalg.norm(truth)
    assert judge.error < 1e-13
    assert judge.gradients is not None
    points = points[np.abs(points[:, 0]) > 1e-4]
    slopes = judge.gradients(points)["u"]
    for axis, h in ((0, 1e-5 * np.eye(2)[0]), (1, 1e-5 * np.eye(2)[1])):
        difference = (conductors(*(points + h).T) - conductors(*(points - h).T)) / 2e-5
        assert np.abs(slopes[:, axis] - difference).max() < 1e-8
    other = finite_elements(TWO, 12.0)
    values = other.values(points)["u"]
    assert np.linalg.norm(values - conductors(*points.T)) < 3 * other.error * np.linalg.norm(truth)


def test_three_layers_and_a_factor_outside() -> None:
    """With the factor outside of the divergence and a source that jumps, u and u_x are continuous."""
    problem = jumping(
        "find: u(x)\ndomain: {x: [0, 3]}\nequation: k*u_xx = piecewise(x < 1, k, x < 2, 3*k, -k)\nwhere:\n"
        "  k: piecewise(x < 1, 2, x < 2, 5, 1/7)\nboundary:\n  x = 0: u = 0\n  x = 3: u_n = 3\n"
    )
    x = fresh_points(problem.domain, 2**8, 3)
    # u'' = 1, 3, -1; u'(3) = 3, so u' = x, 1 + 3 (x - 1), 6 - x
    parts = [x**2 / 2, x - 0.5 + 1.5 * (x - 1) ** 2, 3 + 4 * (x - 2) - (x - 2) ** 2 / 2]
    truth = np.where(x < 1, parts[0], np.where(x < 2, parts[1], parts[2]))[:, 0]
    assert np.abs(spectral(problem).values(x)["u"] - truth).max() < 1e-12


def test_heat_through_two_layers() -> None:
    """u = exp(-t) times cosines of one frequency in each layer; c and k jump, the flux does not."""
    problem = jumping(
        "find: u(x, t)\ndomain: {x: [-1, 1], t: [0, 1]}\nequation: c*u_t = div(k*grad(u))\nwhere:\n"
        "  c: piecewise(x < 0, 1, 4)\n  k: piecewise(x < 0, 1, 1)\n  p: cos(x) + sin(x)\n  q: cos(2*x) + sin(2*x)/2\n"
        "  s: exp(-t)*piecewise(x < 0, p, q)\ninitial: u = s\nboundary: u = s\nexact: u = s\n"
    )
    points = fresh_points(problem.domain, 2**9, 3)
    truth = exact(problem).values(points)["u"]
    judge = method_of_lines(problem)
    off = np.linalg.norm(judge.values(points)["u"] - truth) / np.linalg.norm(truth)
    assert off < 1e-11
    assert off < 3 * judge.error


@pytest.mark.parametrize("k", ["piecewise(x + y < 0, 1, 2)", "piecewise(x < 0, 1, y < 1/2, 2, 3)"])
def test_what_has_no_parts(k: str) -> None:
    problem = jumping(
        f"find: u(x, y)\ndomain: {{x: [-1, 1], y: [0, 1]}}\nequation: div(k*grad(u)) = 1\nwhere:\n  k: {k}\nboundary: u = 0\n"
    )
    with pytest.raises(UnsupportedProblem, match="one coordinate only"):
        spectral(problem)
