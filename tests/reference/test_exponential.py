"""The exponential integrator is of order 4, agrees with pieces and Radau, and says where it does not apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.manufactured import LINES, circle, true_error

from kanpde.problem import Problem, read_file, read_text
from kanpde.reference import exact, fresh_points, method_of_lines
from kanpde.reference.exponential import NotSuited, Waves, exponential, integrate, split
from kanpde.reference.line_problem import line_problem

FORCED = circle(
    "2*u_t + 2*u*u_x + u_xx/9 + u_xxxx/99 = f",
    "2*d(s, t) + 2*s*d(s, x) + d(s, x, x)/9 + d(s, x, x, x, x)/99",
    "exp(sin(pi*(x - t)))",
)
PROBLEMS = Path(__file__).parents[2] / "problems"


def waves(problem: Problem, steps: int, size: int = 128) -> Waves:
    reduced = line_problem(problem)
    found = integrate(reduced, split(problem, reduced), size, steps)
    assert found is not None
    assert found.smooth
    return found


def test_order_four() -> None:
    points = fresh_points(FORCED.domain.bounds, 2**10, 21)
    u = exact(FORCED).values(points)["u"]
    errors = [np.linalg.norm(waves(FORCED, steps)(points) - u) for steps in (400, 800, 1600)]
    slopes = -np.diff(np.log2(errors))
    assert np.abs(slopes - 4).max() < 0.2


def test_gradients_are_those_of_the_solution() -> None:
    points = fresh_points(FORCED.domain.bounds, 2**9, 22)
    found, exactly = waves(FORCED, 2000), exact(FORCED).gradients
    assert exactly is not None
    truth = exactly(points)["u"]
    for axis, order in enumerate(((1, 0), (0, 1))):
        assert np.abs(found(points, order) - truth[:, axis]).max() < 1e-8 * np.abs(truth).max()


def test_states_its_error() -> None:
    problem = circle("u_t + u_xxx/9 + u_xxxx/99 = f", "0", "exp(-pi^4*t/99)*sin(pi*x + pi^3*t/9)")
    reference = method_of_lines(problem)
    assert "ETDRK4" in reference.resolution
    assert true_error(problem, reference) < min(1e-12, 3 * reference.error)


@pytest.mark.slow
def test_korteweg_de_vries_agrees_with_pieces_and_radau() -> None:
    text = "find: u(x, t)\ndomain: {x: [-1, 1], t: [0, 1]}\nequation: u_t + u*u_x + 0.022^2*u_xxx = 0\ninitial: u = cos(pi*x)\n"
    problem = read_text(text + "boundary: {x: periodic}\n").problem
    points = fresh_points(problem.domain.bounds, 2**10, 23)
    pieces = method_of_lines(problem)
    assert "pieces" in pieces.resolution
    assert pieces.error < 1e-10
    u = pieces.values(points)["u"]
    assert np.linalg.norm(waves(problem, 16384, 512)(points) - u) < 1e-9 * np.linalg.norm(u)


CIRCLE = "find: u(x, t)\ndomain: {x: [-1, 1], t: [0, 1]}\nboundary: {x: periodic}\n"


@pytest.mark.parametrize(
    "words",
    [
        "equation: u_t = (1 + u^2)*u_xx\ninitial: u = sin(pi*x)\n",
        "equation: (2 + u)*u_t = u_xx\ninitial: u = sin(pi*x)\n",
        "equation: u_tt = u_xx\ninitial: u = sin(pi*x), u_t = 0\n",
    ],
)
def test_not_suited(words: str) -> None:
    problem = read_text(CIRCLE + words).problem
    with pytest.raises(NotSuited):
        exponential(problem, line_problem(problem), 10.0)


def test_two_ends_are_not_suited() -> None:
    with pytest.raises(NotSuited, match="periodic"):
        exponential(LINES["neumann"], line_problem(LINES["neumann"]), 10.0)


def test_a_kink_is_left_to_the_pieces() -> None:
    problem = read_file(PROBLEMS / "allen_cahn.yaml").problem
    with pytest.raises(NotSuited, match="do not resolve"):
        exponential(replace(problem, exact=None), line_problem(problem), 60.0)
