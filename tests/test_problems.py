"""Every problem of ``problems/`` by its defaults: solved to its tolerance, with an honest estimate, and its formula proved."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch

import kanpde
from kanpde.problem import read_file, read_text
from kanpde.problem.types import symbol
from kanpde.reference import exact, fresh_points
from kanpde.results import Solution

FOLDER = Path(__file__).parents[1] / "problems"
QUICK = (
    "poisson", "poisson_kan_paper", "poisson_nonlinear", "helmholtz", "heat", "heat_insulated_end", "wave",
    "klein_gordon", "telegraph", "biharmonic", "kovasznay", "poisson_box", "heat_square", "taylor_green",
    "poisson_ellipse", "poisson_annulus", "poisson_disk", "poisson_l", "poisson_l_shape", "two_materials",
)  # fmt: skip
NO_FORMULA = ("poisson_l", "poisson_l_shape")
"""Neither a file nor a textbook has one: nothing may be claimed."""
UNNAMED = ("two_materials",)
"""The file does not say what its solution is, but there is one."""
LONG = (
    "burgers", "allen_cahn", "poisson_deep", "brusselator", "kdv", "kuramoto_sivashinsky", "schroedinger",
    "laplace_four_holes", "lid_driven_cavity", "poisson_ball",
)  # fmt: skip

LIKE_OTHERS = ("poisson_l_shape", "poisson_box", "taylor_green", "poisson_disk", "telegraph", "poisson_kan_paper")
"""Of QUICK, what runs with the slow tests only: others are solved and proved in the same way."""

solved: dict[str, Solution] = {}


def marked(names: Iterable[str]) -> list[Any]:
    """The names, some with the mark of the slow tests."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in (*LONG, *LIKE_OTHERS) else name for name in names]


def search(name: str) -> str:
    """The time for the formula: without an end where there is one, for a busy machine; short where there is none."""
    return f"symbolic.seconds={4 if name in (*NO_FORMULA, *LONG) else 600}"


def solution_of(name: str) -> Solution:
    """The solved problem, solved once for all tests."""
    if name not in solved:
        solved[name] = kanpde.solve(FOLDER / f"{name}.yaml", progress=False, settings=[search(name)])
    return solved[name]


def test_every_problem_has_its_test():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*QUICK, *LONG}


@pytest.mark.parametrize("name", marked((*QUICK, *LONG)))
def test_solved_by_the_defaults_with_an_honest_estimate(name):
    solution = solution_of(name)
    assert solution.converged, solution.outcome
    assert solution.comparison.fields, solution.comparison.remark
    judged = solution.comparison.fields.values()
    least = max(field.l2 - field.error for field in judged)  # the error lies between these two: the reference has its own
    most = max(1e-13, *(field.l2 + field.error for field in judged))
    if name == "allen_cahn":  # its initial value has a kink at the seam: judged at t > 0.01
        assert solution.estimate.value <= solution.plan.tolerance
    else:
        assert max(field.error for field in judged) <= 3 * solution.plan.tolerance
        assert least <= 3 * solution.plan.tolerance
        assert max(least, 1e-13) / 3 <= solution.estimate.value <= 30 * most
    assert len(solution.history.grids) >= 2
    assert solution.history.largest_change < 1e-12


@pytest.mark.parametrize("name", marked(name for name in QUICK if name not in (*NO_FORMULA, *UNNAMED)))
def test_the_formula_of_the_textbook_is_proved(name):
    solution = solution_of(name)
    assert solution.formula.status == "proved", solution.formula.transcript
    problem = read_file(FOLDER / f"{name}.yaml").problem
    for field, expected in problem.exact.items():
        found, expected = (solution.problem.with_values(e) for e in (solution.formula.expressions[field], expected))
        assert (found - expected).equals(0) or sp.simplify(found - expected) == 0
        assert sp.count_ops(found) <= 1.5 * sp.count_ops(expected)  # as short as the one that was asked for


def test_a_formula_that_the_file_does_not_name_is_proved():
    """Two conductors: a mode in y, and in x two exponentials on either side, by continuity of value and flux."""
    solution = solution_of(UNNAMED[0])
    assert solution.formula.status == "proved", solution.formula.transcript
    up, down = np.exp(np.pi), np.exp(-np.pi)
    rows = [[down, up, 0, 0], [1, 1, -1, -1], [1, -1, -10, 10], [0, 0, up, down]]
    a, b, c, d = np.linalg.solve(rows, [1, 0, 0, 0])
    x, y = np.linspace(-0.9, 0.9, 12), np.linspace(0.05, 0.95, 12)
    mode = np.where(x < 0, a * np.exp(np.pi * x) + b * np.exp(-np.pi * x), c * np.exp(np.pi * x) + d * np.exp(-np.pi * x))
    expression = solution.problem.with_values(solution.formula.expressions["u"])
    found = [float(expression.subs({symbol("x"): p, symbol("y"): q})) for p, q in zip(x, y, strict=True)]
    assert np.abs(found - mode * np.sin(np.pi * y)).max() < 1e-12


@pytest.mark.parametrize("name", marked(NO_FORMULA))
def test_nothing_is_claimed_where_there_is_no_formula(name):
    assert solution_of(name).formula.status == "not found"


@pytest.mark.parametrize("name", ["poisson", "heat_insulated_end"])
def test_neither_the_exact_solution_nor_a_reference_is_looked_at(name):
    """Without them, network, estimate and formula are the same to the bit."""
    known = solution_of(name)
    text = "\n".join(line for line in (FOLDER / f"{name}.yaml").read_text().splitlines() if not line.startswith("exact"))
    blind = kanpde.solve(read_text(text + "\n").problem, reference="none", progress=False, settings=[search(name)])
    assert blind.problem.exact is None
    assert blind.estimate == known.estimate
    assert blind.formula.expressions == known.formula.expressions
    assert blind.formula.status == known.formula.status
    assert blind.network.spec() == known.network.spec()
    for mine, theirs in zip(blind.network.state_dict().values(), known.network.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_derivatives_of_the_delivered_network_are_those_of_the_solution():
    solution = solution_of("heat")
    truth = exact(solution.problem)
    points = fresh_points(solution.problem.domain.bounds, 512, 7)  # (N, d)
    slopes = truth.gradients(points)["u"]
    found = solution.gradients({"x": points[:, 0], "t": points[:, 1]})["u"]
    assert np.linalg.norm(found - slopes) < 1e-8 * np.linalg.norm(slopes)
    u_xx = solution.derivative("u_xx", x=points[:, 0], t=points[:, 1])
    assert np.linalg.norm(u_xx - slopes[:, 1]) < 1e-7 * np.linalg.norm(slopes[:, 1])  # u_t = u_xx


def test_a_delivered_network_is_a_module_that_loads_safely():
    network = solution_of("heat").network
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    buffer.seek(0)
    again = kanpde.KAN.from_spec(network.spec())
    again.load_state_dict(torch.load(buffer, weights_only=True))
    x = torch.rand(64, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(again(x), network(x))


def test_a_tolerance_below_round_off_ends_honestly():
    solution = kanpde.solve(FOLDER / "poisson.yaml", tolerance=1e-20, progress=False, symbolic="none")
    assert not solution.converged
    assert "missed" in solution.outcome
    assert solution.comparison.fields["u"].l2 < 1e-11
    assert solution.estimate.value > 1e-20


def test_equal_plan_and_seed_give_an_equal_run():
    one = kanpde.solve(FOLDER / "poisson_nonlinear.yaml", progress=False, symbolic="none", reference="none")
    two = solution_of("poisson_nonlinear")
    x = np.linspace(-1, 1, 41)
    assert (one(x=x, y=x[:, None]) == two(x=x, y=x[:, None])).all()
    assert one.estimate == two.estimate
