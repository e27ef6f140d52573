"""The references of systems find what was put in, and know how well."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from reference.manufactured import true_error
from reference.systems import PLANES, SYSTEMS

from kanpde.errors import UnsupportedProblem
from kanpde.problem import Problem, read_file, read_text
from kanpde.reference import compare, exact, fresh_points, method_of_lines, reference, spectral
from kanpde.reference.corners import eddies
from kanpde.reference.pointwise import Pointwise

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


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "first order" else n for n in PLANES])
def test_in_space(name: str) -> None:
    problem = replace(PLANES[name], remarks=())
    judge = spectral(problem)
    error = true_error(problem, judge)
    assert error < 1e-12
    assert judge.error < 1e-11
    assert error < 3 * judge.error


@pytest.mark.parametrize("problem", [SYSTEMS["wave and heat"], PLANES["flow"]], ids=["in time", "in space"])
def test_gradients(problem: Problem) -> None:
    judge = reference(replace(problem, remarks=(), exact=None))
    assert judge is not None
    assert judge.gradients is not None
    exactly = exact(problem).gradients
    assert exactly is not None
    points = fresh_points(problem.domain.bounds, 2**9, 31)
    found, truth = judge.gradients(points), exactly(points)
    for name, slope in truth.items():
        assert np.abs(found[name] - slope).max() < 1e-9 * np.abs(slope).max()


def truths() -> ModuleType:
    """scripts/references.py, which shares no code with the package."""
    spec = importlib.util.spec_from_file_location("truths", ROOT / "scripts" / "references.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stated"), [("brusselator", 1e-9), ("schroedinger", 1e-9), ("kdv", 1e-8), ("kuramoto_sivashinsky", 1e-8)]
)
def test_examples_against_other_methods(name: str, stated: float) -> None:
    problem = read_file(ROOT / "problems" / f"{name}.yaml").problem
    points = fresh_points(problem.domain.bounds, 2**10, 32)
    truth, accuracy = getattr(truths(), {"kdv": "korteweg_de_vries"}.get(name, name))(*points.T)
    judge = reference(problem)
    assert judge is not None
    assert judge.error < stated
    off = np.linalg.norm(np.concatenate(list(judge.values(points).values())) - truth) / np.linalg.norm(truth)
    assert off < 3 * (accuracy + judge.error)


def test_kovasznay() -> None:
    problem = read_file(ROOT / "problems" / "kovasznay.yaml").problem
    judge = spectral(problem)
    assert judge.error < 1e-12
    assert true_error(problem, judge) < min(1e-13, 3 * judge.error)


CAVITY = (
    "find: u(x, y), v(x, y), p(x, y)\ndomain: {x: [0, 1], y: [0, 1]}\nequations:\n"
    "  momentum x: u*u_x + v*u_y = -p_x + lap(u)/100\n  momentum y: u*v_x + v*v_y = -p_y + lap(v)/100\n"
    "  continuity: u_x + v_y = 0\n"
    "boundary:\n  y = 1: u = 16*x^2*(1 - x)^2, v = 0\n  elsewhere: u = 0, v = 0\nconstraints:\n  level: p(0, 0) = 0\n"
)


def test_corner_eddies_are_flows_between_walls() -> None:
    """Each satisfies Stokes' equations exactly, vanishes on both walls of its corner, and its derivatives are its own."""
    problem = read_text(CAVITY).problem
    found = eddies(problem, [Pointwise(problem, r) for r in problem.equations])
    assert len(found) == 16
    x, h = list(np.random.default_rng(33).uniform(0.1, 0.9, (2, 40))), 1e-5
    for e in found:
        lap = {n: e(n, (2, 0), x) + e(n, (0, 2), x) for n in "uv"}
        size = np.abs(e("p", (1, 0), x)).max()
        assert np.abs(e("p", (1, 0), x) - lap["u"] / 100).max() < 1e-12 * size
        assert np.abs(e("p", (0, 1), x) - lap["v"] / 100).max() < 1e-12 * size
        assert np.abs(e("u", (1, 0), x) + e("v", (0, 1), x)).max() < 1e-12 * np.abs(e("u", (1, 0), x)).max()
        along = np.linspace(0, 1, 9)
        for wall in ([np.full(9, e.corner[0]), along], [along, np.full(9, e.corner[1])]):
            assert max(np.abs(e(n, (0, 0), wall)).max() for n in "uv") < 1e-12 * np.abs(e("u", (0, 0), x)).max()
        for name in "uvp":
            slope = (e(name, (0, 0), [x[0] + h, x[1]]) - e(name, (0, 0), [x[0] - h, x[1]])) / (2 * h)
            assert np.abs(slope - e(name, (1, 0), x)).max() < 1e-7 * np.abs(slope).max()


def test_corner_functions_are_for_flows_between_walls_only() -> None:
    other = PLANES["two reactions"]
    assert not eddies(other, [Pointwise(other, r) for r in other.equations])
    periodic = PLANES["flow, periodic in x"]
    assert not eddies(periodic, [Pointwise(periodic, r) for r in periodic.equations])


@pytest.mark.slow
def test_lid_driven_cavity_states_what_it_reaches() -> None:
    judge = spectral(read_text(CAVITY).problem)
    assert max(judge.errors["u"], judge.errors["v"]) < 1e-7
    assert judge.errors["p"] < 1e-5
    assert "corner functions" in judge.resolution


def test_compare_tells_the_fields_apart() -> None:
    problem = replace(PLANES["flow"], remarks=())
    truth = exact(problem)

    def wrong(points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        values = truth.values(np.stack(list(points.values()), axis=1))
        return {**values, "p": (1 + 1e-6) * values["p"]}

    fields = compare(wrong, None, problem, truth).fields
    assert fields["u"].l2 == fields["v"].l2 == 0
    assert fields["p"].l2 == pytest.approx(1e-6, rel=1e-6)
    judge = replace(truth, error=1e-3, errors={"u": 1e-9, "v": 1e-8, "p": 1e-3})
    stated = compare(wrong, None, problem, judge).fields
    assert [stated[name].error for name in "uvp"] == [1e-9, 1e-8, 1e-3]


def test_a_field_that_is_round_off_is_measured_by_the_others() -> None:
    """u_t = u_xx, v_t = v_xx + 1e-17 u from v = 0: nobody can be asked for the digits of v."""
    problem = read_text(
        "find: u(x, t), v(x, t)\ndomain: {x: [0, 1], t: [0, 0.1]}\nequations:\n  one: u_t = u_xx\n  two: v_t = v_xx + k*u\n"
        "where:\n  k: 1/10^17\ninitial: u = sin(pi*x), v = 0\nboundary: u = 0, v = 0\n"
    ).problem
    judge = method_of_lines(replace(problem, remarks=()))
    assert judge.error < 1e-11
    fields = compare(
        lambda at: {"u": judge.values(np.stack(list(at.values()), axis=1))["u"], "v": 0 * at["x"]}, None, problem, judge
    )
    assert fields.fields["v"].l2 < 1e-16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("equations:\n  a: u_t = u_xx\n  b: v_t = v_xx\nboundary: u = 0\n", r"orders \[2, 2\] in space needs 4 conditions"),
        ("equations:\n  a: u_t = u_xx\n  b: u_x = v*u_t\nboundary: u = 0\n", "no field|singular|stopped"),
    ],
)
def test_what_it_cannot_judge_it_refuses(text: str, message: str) -> None:
    start = "find: u(x, t), v(x, t)\ndomain: {x: [0, 1], t: [0, 1]}\ninitial: u = 0, v = 0\n"
    with pytest.raises(UnsupportedProblem, match=message):
        method_of_lines(replace(read_text(start + text).problem, remarks=()))
