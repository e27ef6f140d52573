"""Fits of harmonic functions and waves are as good as they say, with every shape and condition, and know what is not theirs."""

from __future__ import annotations

import numpy as np
import pytest
from reference.shapes import ANNULUS, BOX, DISK, LSHAPE, SHAPES, shaped

from kanpde.errors import UnsupportedProblem
from kanpde.reference import exact, fresh_points
from kanpde.reference.harmonic import Size, fitted, harmonic, outline, plane_equation
from kanpde.reference.particular import particular
from kanpde.reference.rational import Laurent, Polynomial


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "pentagon, screened" else n for n in SHAPES])
def test_manufactured(name: str) -> None:
    problem = SHAPES[name]
    points = fresh_points(problem.domain, 2**10, 3)
    found, truth = harmonic(problem), exact(problem)
    size = np.linalg.norm(truth.values(points)["u"])
    off = np.linalg.norm(found.values(points)["u"] - truth.values(points)["u"]) / size
    assert off < 1e-11
    assert off < 3 * found.error
    assert found.error < 1e-9
    assert found.gradients is not None
    assert truth.gradients is not None
    assert np.linalg.norm(found.gradients(points)["u"] - truth.gradients(points)["u"]) < 1e-8 * size


def test_a_corner_singularity() -> None:
    """r^(2/3) sin(2 theta / 3), theta from the side of the notch on the y axis: harmonic, with unbounded gradients."""
    angle = "(atan2(-x, y) + piecewise(atan2(-x, y) < -1e-9, 2*pi, 0))"  # from 0 on the one side of the notch to 3 pi / 2
    problem = shaped(LSHAPE, "lap(u) = 0", f"  square, notch: u = (x^2 + y^2)^(1/3)*sin(2*{angle}/3)\n")
    found = harmonic(problem)
    points = fresh_points(problem.domain, 2**10, 3)
    theta = np.arctan2(-points[:, 0], points[:, 1]) % (2 * np.pi)
    truth = np.hypot(*points.T) ** (2 / 3) * np.sin(2 * theta / 3)
    off = np.linalg.norm(found.values(points)["u"] - truth) / np.linalg.norm(truth)
    assert off < 1e-10
    assert off < 3 * found.error


def test_root_exponential_convergence_at_a_corner() -> None:
    """The error falls like exp(-c sqrt(n)): each step of sqrt(n) by 2 gains at least two digits."""
    problem = shaped(LSHAPE, "-lap(u) = 1", "  square, notch: u = 0\n")
    equation, border = plane_equation(problem), outline(problem)
    points = fresh_points(problem.domain, 2**9, 3)
    rest = particular(lambda p: -np.ones(len(p)), 0.0, problem.domain.bounds, points)
    finest = fitted(equation, border, rest, Size(100, 80, 0))(points)[0]
    errors = [
        np.linalg.norm(fitted(equation, border, rest, Size(n, 12 + n // 2, 0))(points)[0] - finest) / np.linalg.norm(finest)
        for n in (9, 25, 49)
    ]
    assert errors[1] < 1e-2 * errors[0]
    assert errors[2] < 1e-2 * errors[1]


def test_polynomials_keep_their_digits_and_derivatives() -> None:
    w = np.exp(2j * np.pi * np.arange(300) / 300) * 0.7 + 0.3
    q, d = Polynomial(w, 80)(w)
    assert np.abs(q.conj().T @ q / 300 - np.eye(81)).max() < 1e-12
    c = np.linalg.lstsq(q, np.exp(3 * w))[0]
    assert np.abs(d @ c - 3 * np.exp(3 * w)).max() < 1e-10
    f, slope = Laurent(w + 5, 5.3, 6)(w + 5)
    h = 1e-6
    assert np.abs((Laurent(w + 5, 5.3, 6)(w + 5 + h)[0] - f) / h - slope).max() < 1e-4 * np.abs(slope).max()


@pytest.mark.parametrize("q", [0.0, 9.0, -4.0])
def test_particular_solutions_solve_the_equation(q: float) -> None:
    points = np.random.default_rng(1).uniform(0, 1, (200, 2))

    def f(x: np.ndarray) -> np.ndarray:
        return np.exp(x[:, 0]) * np.sin(4 * x[:, 1])

    u = particular(f, q, np.array([[0.0, 1.0], [0.0, 1.0]]), points)
    left = u(points, (2, 0)) + u(points, (0, 2)) + q * u(points)
    assert np.abs(left - f(points)).max() < 1e-10
    h = 1e-5
    step = np.array([h, 0.0])
    assert np.abs((u(points + step) - u(points - step)) / (2 * h) - u(points, (1, 0))).max() < 1e-8


@pytest.mark.parametrize(
    ("domain", "equation", "boundary", "message"),
    [
        (DISK, "lap(u) = u^2", "  plate: u = 1\n", "constant q"),
        (DISK, "lap(u) = x*u", "  plate: u = 1\n", "constant q"),
        (DISK, "lap(u) = abs(x)", "  plate: u = 1\n", "not smooth"),
        (DISK, "lap(u) = 1", "  plate: u_n = 3/4\n", "part of the solution free"),
        (ANNULUS, "lap(u) = 1", "  hole: u = 1\n", "no condition is given"),
        (ANNULUS, "lap(u) = 1", "  hole: u_n = 0\n  plate: u_nn = 0\n", "first derivatives"),
        (BOX, "lap(u) = 1", "  x = 0: u = 0, u_n = 1\n  elsewhere: u = 0\n", "fit the conditions"),
    ],
)
def test_what_is_not_theirs(domain: str, equation: str, boundary: str, message: str) -> None:
    with pytest.raises(UnsupportedProblem, match=message):
        harmonic(shaped(domain, equation, boundary))
