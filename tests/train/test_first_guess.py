"""Equations that have no direction at u = 0 start from a harmonic function."""

from __future__ import annotations

import numpy as np
import pytest

import kanpde
from kanpde.errors import DivergedError

EIKONAL = """title: The time to walk outwards in an annulus
find: u(x, y)
domain:
  (x, y): outer - inner
  outer: disk([0, 0], 2)
  inner: disk([0, 0], 1)
equation: u_x^2 + u_y^2 = 1
boundary:
  outer: u = 2
  inner: u = {inner}
tolerance: 1e-6
reference: none
symbolic: none
"""


def solved(tmp_path, text):
    path = tmp_path / "eikonal.yaml"
    path.write_text(text, encoding="utf-8")
    return kanpde.solve(path, progress=False)


def test_the_distance_is_found_from_its_two_circles(tmp_path):
    solution = solved(tmp_path, EIKONAL.format(inner=1))
    assert solution.converged, solution.outcome
    angle = np.linspace(0, 6, 40)
    x, y = 1.4 * np.cos(angle), 1.4 * np.sin(angle)
    assert np.abs(solution(x=x, y=y) - 1.4).max() < 1e-5


def test_a_start_from_nothing_is_still_refused(tmp_path):
    """Both circles at the same height: the harmonic function is flat too."""
    with pytest.raises(DivergedError):
        solved(tmp_path, EIKONAL.format(inner=2))
