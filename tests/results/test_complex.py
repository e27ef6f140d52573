"""Complex functions: solved as two real fields, called as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made import spline_network

import kanpde
from kanpde.errors import ProblemError
from kanpde.export.tables import Points, values_at
from kanpde.plan import Plan
from kanpde.problem import read_text, real_form
from kanpde.results import Estimate, History, Solution

TEXT = """title: A polynomial wave
find: psi(x, t) complex
domain:
  x: [0, 1]
  t: [0, 2]
equation: i*psi_t + psi_xx = -2 - 3*t^2
initial: psi = x*(1 - x)
"""


@pytest.fixture
def wave() -> Solution:
    """psi = x (1 - x) + i t^3."""
    bounds = np.array([[0.0, 1.0], [0.0, 2.0]])
    network = spline_network(bounds, [[lambda x: x * (1 - x), np.ones_like], [np.ones_like, lambda t: t**3]], outputs=2)
    problem = real_form(read_text(TEXT, "wave.yaml").problem)
    return Solution(problem, Plan(), network, History(), "made", True, Estimate(1e-12, "made"), 0.0, 0.0, "cpu")


def truth(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    return x * (1 - x) + 1j * t**3


def test_values_are_complex_numbers(wave: Solution) -> None:
    x, t = np.linspace(0, 1, 9)[:, None], np.linspace(0, 2, 7)
    assert wave.functions == ("psi",)
    assert np.abs(wave(x=x, t=t) - truth(x, t)).max() < 1e-13
    assert np.abs(wave["psi"](x=x, t=t) - truth(x, t)).max() < 1e-13
    assert np.array_equal(wave["psi_im"](x=x, t=t), wave(x=x, t=t).imag)


def test_derivatives_are_complex_numbers(wave: Solution) -> None:
    x, t = np.linspace(0, 1, 9)[:, None], np.linspace(0, 2, 7)
    assert np.abs(wave.derivative("psi_x", x=x, t=t) - (1 - 2 * x)).max() < 1e-12
    assert np.abs(wave["psi"].derivative("t", x=x, t=t) - 3j * t**2).max() < 1e-11
    assert np.abs(wave.derivative("psi_re_xx", x=x, t=t) + 2).max() < 1e-10
    with pytest.raises(ProblemError, match="is no derivative of psi"):
        wave.derivative("phi_x", x=0.0, t=0.0)


def test_the_real_fields_are_what_is_stored(wave: Solution, tmp_path: Path) -> None:
    wave.save(tmp_path / "wave.h5")
    again = kanpde.Solution.load(tmp_path / "wave.h5")
    assert again.fields == ("psi_re", "psi_im")
    assert again.problem.parts == {"psi": ("psi_re", "psi_im")}
    assert again(x=0.25, t=1.5) == wave(x=0.25, t=1.5)
    assert "psi(x, t)" in repr(again)


def test_tables_have_a_column_for_each_part(wave: Solution) -> None:
    points = Points({"x": np.array([0.25, 0.5]), "t": np.array([1.0, 2.0])}, tensor=False)
    table = values_at(wave, points, ["psi_t", "psi_re_x"])
    assert list(table) == ["psi_re", "psi_im", "psi_re_t", "psi_im_t", "psi_re_x"]
    assert np.abs(table["psi_im_t"] - [3, 12]).max() < 1e-11
