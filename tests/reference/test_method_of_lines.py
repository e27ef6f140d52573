"""The method of lines finds what was put in, whatever the equation, its ends and its order, and knows how well."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from reference.manufactured import LINES, line, true_error

from kanpde.errors import UnsupportedProblem
from kanpde.problem import read_file, read_text
from kanpde.reference import OutOfTime, exact, fresh_points, method_of_lines
from kanpde.reference.line_problem import line_problem
from kanpde.reference.line_system import LineSystem
from kanpde.reference.method_of_lines import LEVELS, integrate
from kanpde.reference.pieces import Pieces
from kanpde.reference.resolutions import Level

ROOT = Path(__file__).parents[2]


def truths() -> ModuleType:
    """scripts/references.py, which shares no code with the package."""
    spec = importlib.util.spec_from_file_location("truths", ROOT / "scripts" / "references.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", LINES)
def test_manufactured(name: str) -> None:
    problem = LINES[name]
    reference = method_of_lines(problem)
    error = true_error(problem, reference)
    assert error < 1e-11
    assert reference.error < 1e-10
    assert error < 3 * reference.error


@pytest.mark.parametrize("name", ["nonlinear ends", "beam", "diffusion on a circle"])
def test_gradients_are_those_of_the_solution(name: str) -> None:
    problem = LINES[name]
    points = fresh_points(problem.domain.bounds, 2**9, 12)
    gradients = method_of_lines(problem).gradients
    assert gradients is not None
    exactly = exact(problem).gradients
    assert exactly is not None
    truth = exactly(points)["u"]
    assert np.abs(gradients(points)["u"] - truth).max() < 1e-9 * np.abs(truth).max()


@pytest.mark.parametrize("name", ["heat", "heat_insulated_end", "wave"])
def test_agrees_with_the_exact_solution_of_the_examples(name: str) -> None:
    problem = read_file(ROOT / "problems" / f"{name}.yaml").problem
    reference = method_of_lines(problem)
    assert true_error(problem, reference) < min(1e-12, 3 * reference.error)


def test_two_resolutions_estimate_the_error_of_the_coarser_one() -> None:
    problem = read_file(ROOT / "problems" / "heat.yaml").problem
    reduced = line_problem(problem)
    points = fresh_points(problem.domain.bounds, 2**11, 3)
    u = exact(problem).values(points)["u"]
    errors = [np.linalg.norm(integrate(reduced, level)(points) - u) / np.linalg.norm(u) for level in LEVELS]
    assert errors[0] > 1e-12
    assert all(fine < coarse / 3 for coarse, fine in pairwise(errors))


def test_converges_geometrically_in_the_degree() -> None:
    problem = line("u_t = u_xx/5 + f", "d(s, t) - d(s, x, x)/5", "u = s", "u = s", s="(1 + t)/(3 + 2*x)")
    reduced = line_problem(problem)
    points = fresh_points(problem.domain.bounds, 2**9, 4)
    u = exact(problem).values(points)["u"]
    errors = []
    for degree in (5, 7, 9, 11):  # a tolerance of 1 lets no interval be divided; the steps are then short by their maximum
        solution = integrate(reduced, Level(degree, 1.0))
        assert solution.epochs[0].pieces.count == 2
        errors.append(np.linalg.norm(solution(points) - u) / np.linalg.norm(u))
    slopes = np.diff(np.log(errors)) / 2
    # the pole at x = -3/2 lies at 1 + 6 half-lengths from the first piece: 7 + sqrt(48) = 13.9 is the ratio of its series
    assert np.abs(-slopes[:2] / np.log(7 + np.sqrt(48)) - 1).max() < 0.2


def test_burgers_against_cole_and_hopf() -> None:
    problem = read_file(ROOT / "problems" / "burgers.yaml").problem
    points = fresh_points(problem.domain.bounds, 2**11, 6)
    points[: 2**10, 0] *= 0.03  # half of them at the shock
    truth, accuracy = truths().burgers(*points.T, sizes=(201, 301))
    assert accuracy < 1e-13
    reference = method_of_lines(problem)
    difference = reference.values(points)["u"] - truth
    assert reference.error < 1e-11
    assert np.linalg.norm(difference) / np.linalg.norm(truth) < min(1e-11, 3 * reference.error)
    assert np.abs(difference).max() < 1e-11


@pytest.mark.slow
def test_allen_cahn_with_its_kink_against_an_exponential_integrator() -> None:
    problem = read_file(ROOT / "problems" / "allen_cahn.yaml").problem
    bounds = np.array([[-1.0, 1.0], [0.01, 1.0]])
    points = fresh_points(bounds, 2**11, 7)
    truth, accuracy = truths().allen_cahn(*points.T, resolutions=((1536, 3000), (1536, 6000)))
    assert accuracy < 1e-8
    reduced = line_problem(problem)
    difference = integrate(reduced, LEVELS[2])(points) - truth
    assert np.linalg.norm(difference) / np.linalg.norm(truth) < 1e-9


def test_a_kink_at_the_seam_is_resolved_by_small_pieces() -> None:
    problem = read_text(
        "find: u(x, t)\ndomain: {x: [-1, 1], t: [0, 0.1]}\nequation: u_t = u_xx/10\ninitial: u = x^2\nboundary: {x: periodic}\n"
    ).problem
    points = fresh_points(problem.domain.bounds, 2**10, 8)
    x, t = points.T
    n = np.arange(1, 4000)[:, None]  # x^2 = 1/3 + sum 4 (-1)^n / (n pi)^2 cos(n pi x)
    late = t > 1e-3
    x, t = x[late], t[late]
    u = 1 / 3 + (4 * (-1.0) ** n / (n * np.pi) ** 2 * np.cos(n * np.pi * x) * np.exp(-((n * np.pi) ** 2) * t / 10)).sum(axis=0)
    solution = integrate(line_problem(problem), LEVELS[2])
    assert solution.epochs[0].pieces.half.min() < 1e-5
    assert np.abs(solution(points[late]) - u).max() < 1e-9


def test_heating_from_zero() -> None:
    """u_t = u_xx + 1 from u = 0: the boundary layers of the first instants are resolved, though u is tiny there."""
    text = "find: u(x, t)\ndomain: {x: [0, 1], t: [0, 0.2]}\nequation: u_t = u_xx + 1\ninitial: u = 0\nboundary: u = 0\n"
    problem = read_text(text).problem
    points = fresh_points(problem.domain.bounds, 2**9, 9)
    x, t = points.T
    k = np.pi * np.arange(1, 4000, 2)[:, None]
    u = x * (1 - x) / 2 - (4 / k**3 * np.sin(k * x) * np.exp(-(k**2) * t)).sum(axis=0)
    reference = method_of_lines(problem)
    error = np.linalg.norm(reference.values(points)["u"] - u) / np.linalg.norm(u)
    assert error < min(1e-11, 3 * reference.error)


def test_no_mode_grows() -> None:
    """The eigenvalues of the discretised diffusion, dispersion and plate have no positive real part, graded pieces or not."""
    import scipy.linalg

    for equation, periodic, breaks, degree, size in (
        ("u_t = u_xx", False, [-1, -0.5, -0.25, 0, 1], 14, 1e3),
        ("u_t = u_xx", True, [-1, -0.5, -0.25, 0, 1], 14, 1e3),
        ("u_t + u_xxxx = 0", True, [-1, -0.5, -0.25, 0, 1], 10, 1e6),
        ("u_t + u_x = 0", True, [-1, -0.5, 0.5, 1], 15, 1.0),
        ("u_t + u_xxx/2000 = 0", True, [-1, -1 / 3, 1 / 3, 1], 15, 1.0),
    ):
        boundary = "boundary:\n  x: periodic\n" if periodic else "boundary: u = 0\n"
        text = f"find: u(x, t)\ndomain: {{x: [-1, 1], t: [0, 1]}}\nequation: {equation}\ninitial: u = 0\n{boundary}"
        problem = read_text(text).problem
        system = LineSystem(line_problem(problem), Pieces(np.array(breaks, dtype=float), degree))
        zero = np.zeros(system.size_of_state)
        by_y, by_rate = system.jacobians(0.0, zero, zero)
        values = scipy.linalg.eigvals(-by_y.toarray(), by_rate.toarray())
        finite = values[np.isfinite(values) & (np.abs(values) < 1e12)]
        assert finite.real.max() < 1e-9 * size, equation


def test_the_time_limit_is_kept() -> None:
    with pytest.raises(OutOfTime, match="no two resolutions"):
        method_of_lines(LINES["nonlinear ends"], seconds=1e-9)


LINE = "find: u(x, t)\ndomain: {x: [0, 1], t: [0, 1]}\nequation: u_t = u_xx\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("find: u(x, y)\ndomain: {x: [0, 1], y: [0, 1]}\nequation: lap(u) = 1\nboundary: u = 0\n", "one space coordinate"),
        (LINE + "initial: u = 0\nboundary: {'x = 0': u = 0}\n", "needs 2 conditions"),
        (LINE + "initial: u^2 = 1\nboundary: u = 1\n", "does not give 'u' directly"),
    ],
)
def test_what_it_cannot_judge_it_refuses(text: str, message: str) -> None:
    with pytest.raises(UnsupportedProblem, match=message):
        method_of_lines(read_text(text).problem)
