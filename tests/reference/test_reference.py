"""Every reference of the table obeys the same rules; 'auto' picks, 'none' switches off; nothing here needs torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from reference.manufactured import LINES, PLANES, POISSON, plane, true_error
from reference.shapes import BOX, DISK, shaped

from kanpde.errors import UnsupportedProblem
from kanpde.plan import ReferencePlan
from kanpde.problem import Problem, read_file, read_text
from kanpde.reference import FLOOR, REFERENCES, Reference, choose, reference

ROOT = Path(__file__).parents[2]
SUITED: dict[str, Problem] = {
    "exact": LINES["neumann"],
    "finite elements": plane("lap(u) = u + f", POISSON + " - s", "u = s", "exp(x*y/4)"),
    "harmonic": PLANES["neumann on two faces"],
    "method of lines": LINES["neumann"],
    "spectral": PLANES["dirichlet"],
}


@pytest.mark.parametrize("name", REFERENCES)
def test_conformance(name: str) -> None:
    problem = SUITED[name]
    judge = reference(problem, ReferencePlan(method=name))
    assert isinstance(judge, Reference)
    assert judge.method == name
    assert judge.error >= FLOOR
    assert judge.seconds >= 0
    assert judge.resolution
    assert true_error(problem, judge) < 3 * judge.error
    points = problem.domain.bounds.mean(axis=1)[None, :]
    assert judge.values(points)["u"].shape == (1,)
    assert judge.gradients is not None
    assert judge.gradients(points)["u"].shape == (1, 2)
    corners = np.array(np.meshgrid(*problem.domain.bounds)).reshape(2, -1).T
    assert np.isfinite(judge.values(corners)["u"]).all()
    again = reference(problem, name)
    assert again is not None
    assert (again.values(corners)["u"] == judge.values(corners)["u"]).all()


@pytest.mark.parametrize("name", REFERENCES)
def test_the_names_are_those_of_the_plan(name: str) -> None:
    assert ReferencePlan(method=name).method == name


def test_auto_prefers_exact_then_the_class_of_the_problem() -> None:
    assert choose(LINES["neumann"]) == "exact"
    assert choose(replace(LINES["neumann"], exact=None)) == "method of lines"
    assert choose(replace(PLANES["dirichlet"], exact=None)) == "spectral"


def test_auto_without_the_exact_solution_finds_it() -> None:
    for problem in (LINES["robin in time"], PLANES["nonlinear"]):
        judge = reference(replace(problem, exact=None))
        assert judge is not None
        assert true_error(problem, judge) < 1e-12


def test_none_switches_off() -> None:
    assert reference(LINES["neumann"], "none") is None
    assert reference(LINES["neumann"], ReferencePlan(method="none")) is None


def test_what_no_method_judges() -> None:
    problem = read_text(
        "find: u(x, y, z)\ndomain:\n  (x, y, z): solid\n  solid: ball([0, 0, 0], 1)\nequation: lap(u) = 1\nboundary: u = 0\n"
    ).problem
    problem = replace(problem, remarks=())
    for method in ("auto", *set(REFERENCES) - {"exact"}):
        with pytest.raises(UnsupportedProblem):
            reference(problem, method)
    with pytest.raises(UnsupportedProblem, match="no 'exact'"):
        reference(problem, "exact")
    with pytest.raises(ValueError, match="no reference is called 'oracle'"):
        reference(problem, "oracle")


def test_a_reference_states_an_error() -> None:
    with pytest.raises(ValueError, match="states an error"):
        Reference("mine", 0.0, 0.0, lambda points: {})
    with pytest.raises(ValueError, match="states an error"):
        Reference("mine", float("nan"), 0.0, lambda points: {})


def test_exact_gradients_are_those_of_the_formula() -> None:
    judge = reference(read_file(ROOT / "problems" / "poisson.yaml").problem)
    assert judge is not None
    assert judge.gradients is not None
    x, y = np.random.default_rng(1).uniform(-1, 1, (2, 50))
    slope = judge.gradients(np.stack([x, y], axis=1))["u"]
    assert np.abs(slope[:, 0] - np.pi * np.cos(np.pi * x) * np.sin(np.pi * y)).max() < 1e-14 * 10
    assert np.abs(slope[:, 1] - np.pi * np.sin(np.pi * x) * np.cos(np.pi * y)).max() < 1e-14 * 10


def test_the_judge_needs_no_torch() -> None:
    code = (
        "import sys\nfrom kanpde.problem import read_file\nimport kanpde.reference as r\n"
        f"p = read_file({str(ROOT / 'problems' / 'poisson.yaml')!r}).problem\n"
        "j = r.reference(p, 'spectral')\nprint(j.error < 1e-12, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_auto_in_the_plane_takes_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Harmonic functions where conditions change along a side; finite elements where a coefficient varies in a shape."""
    monkeypatch.setattr(import_module("kanpde.reference.finite_elements"), "ENOUGH", 5e-6)
    mixed = shaped(BOX, "lap(u) = 1", "  y = 0 and x < 1/2: u_n = 0\n  elsewhere: u = 0\n")
    assert choose(mixed) == "harmonic"
    judge = reference(mixed, seconds=60.0)
    assert judge is not None
    assert judge.method == "harmonic"
    assert judge.error < 1e-5
    varying = shaped(DISK, "div((2 + x)*grad(u)) = 1", "  plate: u = 0\n")
    assert choose(varying) == "harmonic"
    judge = reference(varying, seconds=60.0)
    assert judge is not None
    assert judge.method == "finite elements"
    assert judge.error < 1e-5
