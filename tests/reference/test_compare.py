"""The comparison reports the error that is there, on points of its own, and claims nothing below the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kanpde.problem import read_file, read_text
from kanpde.reference import FLOOR, Reference, compare, exact, fresh_points

PROBLEM = read_file(Path(__file__).parents[2] / "problems" / "heat.yaml").problem
TRUTH = exact(PROBLEM)


def wrong(size: float):
    """The exact solution, off by a part of itself."""

    def evaluate(points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"u": (1 + size) * TRUTH.values(np.stack([points["x"], points["t"]], axis=1))["u"]}

    return evaluate


@pytest.mark.parametrize("size", [1e-2, 1e-6, 1e-10])
def test_a_wrong_solution_is_reported_as_wrong_as_it_is(size: float) -> None:
    field = compare(wrong(size), None, PROBLEM, TRUTH).fields["u"]
    assert field.l2 == pytest.approx(size, rel=1e-4)
    assert field.max == pytest.approx(size, rel=1e-4)
    assert field.h1 is None
    assert f"{size:.1e}" in field.sentence


def test_the_exact_solution_is_not_claimed_to_be_better_than_the_reference() -> None:
    field = compare(wrong(0.0), None, PROBLEM, TRUTH).fields["u"]
    assert field.l2 == 0.0
    assert field.error == FLOOR
    assert "at most" in field.sentence


def test_a_poor_reference_is_named_as_what_limits_the_claim() -> None:
    poor = Reference("poor", 1e-4, 0.0, lambda points: {"u": (1 + 1e-5) * TRUTH.values(points)["u"]})
    field = compare(wrong(0.0), None, PROBLEM, poor).fields["u"]
    assert field.l2 == pytest.approx(1e-5, rel=1e-3)
    assert "at most 1.0e-04" in field.sentence
    assert "poor" in field.sentence


def test_h1_sees_a_small_ripple() -> None:
    k = 200 * np.pi

    def evaluate(points: dict[str, np.ndarray]) -> np.ndarray:
        return TRUTH.values(np.stack([points["x"], points["t"]], axis=1))["u"] + 1e-6 * np.sin(k * points["x"])

    def gradient(points: dict[str, np.ndarray]) -> np.ndarray:
        assert TRUTH.gradients is not None
        slope = TRUTH.gradients(np.stack([points["x"], points["t"]], axis=1))["u"]
        slope[:, 0] += 1e-6 * k * np.cos(k * points["x"])
        return slope

    field = compare(evaluate, gradient, PROBLEM, TRUTH).fields["u"]
    # norms of u = e^(-pi^2 t) sin(pi x) + e^(-9 pi^2 t) sin(3 pi x) / 2 over the square, by hand: the exponentials end at 0
    a, b = 1 / (2 * np.pi**2), 1 / (18 * np.pi**2)
    u = (a + b / 4) / 2
    gradient_of_u = (a * np.pi**2 + b / 4 * 9 * np.pi**2) / 2 + (a * np.pi**4 + b / 4 * 81 * np.pi**4) / 2
    assert field.l2 == pytest.approx(1e-6 * np.sqrt(0.5 / u), rel=0.02)
    assert field.h1 == pytest.approx(1e-6 * np.sqrt(0.5 * (1 + k**2) / (u + gradient_of_u)), rel=0.02)


def test_points_are_new_seeded_and_in_the_domain() -> None:
    bounds = np.array([[-1.0, 1.0], [2.0, 5.0]])
    mine, again, others = fresh_points(bounds, 1000, 0), fresh_points(bounds, 1000, 0), fresh_points(bounds, 1000, 1)
    assert mine.shape == (1024, 2)
    assert (mine == again).all()
    assert not (mine == others).any()
    assert (mine >= bounds[:, 0]).all()
    assert (mine <= bounds[:, 1]).all()


def test_points_of_a_shape_lie_in_it_evenly() -> None:
    problem = read_text(
        "find: u(x, y, t)\ndomain:\n  (x, y): plate - hole\n  plate: disk([0, 0], 1)\n  hole: disk([1/5, 0], 1/2)\n  t: [1, 2]\n"
        "equation: u_t = lap(u)\ninitial: u = 0\nboundary: u = 0\n"
    ).problem
    points = fresh_points(problem.domain, 3000, 0)
    assert points.shape == (3000, 3)
    assert problem.domain.contains(points).all()
    assert np.hypot(points[:, 0] - 0.2, points[:, 1]).min() > 0.5
    upper, right = (points[:, 1] > 0).mean(), (points[:, 0] > 0.2).mean()
    assert abs(upper - 0.5) < 0.01
    plate = np.arccos(0.2) - 0.2 * np.sqrt(1 - 0.04)  # area of the disk right of x = 1/5
    assert abs(right - (plate - np.pi / 8) / (np.pi * 3 / 4)) < 0.01


def test_a_part_of_the_domain_may_be_judged_alone() -> None:
    def late(points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        u = TRUTH.values(np.stack([points["x"], points["t"]], axis=1))["u"]
        return {"u": np.where(points["t"] < 0.5, 2 * u, u)}

    assert compare(late, None, PROBLEM, TRUTH).fields["u"].l2 == pytest.approx(1, rel=1e-3)
    assert compare(late, None, PROBLEM, TRUTH, bounds=np.array([[0.0, 1.0], [0.5, 1.0]])).fields["u"].l2 == 0


def test_without_a_reference_the_comparison_says_so() -> None:
    comparison = compare(wrong(0.0), None, PROBLEM, None)
    assert not comparison.fields
    assert comparison.remark == "no reference: estimated error only"
