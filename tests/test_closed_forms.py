"""The problems of ``problems/closed_forms``: each is read, has its solution, and some are solved and their formulas proved."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sympy as sp

import kanpde
from kanpde.errors import ProblemError
from kanpde.problem import read_file
from kanpde.results import Formula

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "problems" / "closed_forms"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NOWHERE = sorted(path.stem for path in (FOLDER / "none").glob("*.yaml"))
QUICK = ("heat_one_mode", "heat_insulated_end", "nguyen_1", "poisson_sin_sin", "laplace_cubic")
"""Solved and proved at every run of the tests; the others with the slow ones."""


def script(name: str) -> ModuleType:
    """A script as a module; those that it imports by name stand beside it."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def truth() -> Iterator[ModuleType]:
    """What is known about the problems."""
    yield script("closed_forms_truth")
    del sys.modules["closed_forms_truth"]


@pytest.fixture(scope="module")
def benchmark(truth: ModuleType) -> Iterator[ModuleType]:
    """The judge of formulas."""
    yield script("benchmark_symbolic")
    del sys.modules["benchmark_symbolic"]


def test_every_file_has_its_solution(truth):
    assert sorted(truth.TRUTH) == NAMES
    assert set(NOWHERE) <= set(truth.NONE)
    assert all(path.exists() for path in truth.NONE.values())
    assert set(truth.PUBLISHED) <= set(truth.TRUTH)


@pytest.mark.parametrize("name", NAMES)
def test_the_known_solution_solves_the_problem(name, truth):
    """The reader proves it, or at least finds it right at random points; the file itself says nothing of it."""
    path = truth.path_of(name)
    assert read_file(path).problem.exact is None
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 25
    problem = truth.with_truth(name).problem
    assert set(problem.exact) == {f.name for f in problem.fields}


@pytest.mark.parametrize("name", NOWHERE)
def test_problems_without_a_formula_are_read(name, truth):
    assert read_file(truth.path_of(name)).problem.exact is None


@pytest.mark.parametrize("name", ["heat_perturbed_data", "heat_perturbed_equation"])
def test_what_is_nearly_a_solution_is_none(name, truth):
    with pytest.raises(ProblemError):
        truth.with_truth(name, truth.NEARLY[name])
    assert truth.with_truth(name, truth.PERTURBED[name]).problem.remarks == ()


def test_the_judge_sees_a_difference_in_the_last_digits(truth, benchmark):
    problem = truth.with_truth("heat_insulated_end").problem
    right = problem.exact["u"]
    assert benchmark.same({"u": sp.expand_trig(right)}, problem, letters=True)
    assert not benchmark.same({"u": right * (1 + sp.Rational(1, 10**30))}, problem, letters=True)


def test_the_judge_puts_other_values_for_the_letters(truth, benchmark):
    """With the number of the file in place of the letter, a formula is right for the given value only."""
    problem = truth.with_truth("heat_insulated_end").problem
    given = {"u": problem.with_values(problem.exact["u"])}
    assert benchmark.same(given, problem, letters=False)
    assert not benchmark.same(given, problem, letters=True)


def test_the_judge_compares_complex_fields_by_their_parts(truth, benchmark):
    problem = truth.with_truth("schroedinger_soliton").problem
    assert benchmark.same({"psi": sp.expand_complex(problem.exact["psi"])}, problem, letters=True)
    assert not benchmark.same({"psi": sp.conjugate(problem.exact["psi"])}, problem, letters=True)


@pytest.mark.parametrize(("name", "expected"), [("poisson_sin_sin", True), ("nguyen_10", True), ("laplace_log", False)])
def test_files_that_give_the_answer_away_are_known(name, expected, truth, benchmark):
    assert benchmark.gives_away(truth.with_truth(name).problem) is expected


def test_a_wrong_claim_is_counted(benchmark):
    x, t = sp.Symbol("x", real=True), sp.Symbol("t", real=True)
    row = benchmark.Row("heat_perturbed_data", True, None)
    benchmark.judged(row, Formula("proved", {"u": sp.exp(-(sp.pi**2) * t) * sp.sin(sp.pi * x)}))
    assert row.false
    row = benchmark.Row("poisson_l", True, None)
    benchmark.judged(row, Formula("not found"))
    assert not row.false


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in NAMES if n not in QUICK)])
def test_solved_and_proved(name, truth, benchmark):
    solution = kanpde.solve(truth.path_of(name), reference="none", progress=False)
    assert solution.converged, solution.outcome
    assert solution.formula.status == "proved", solution.formula.transcript
    assert benchmark.same(solution.formula.expressions, truth.with_truth(name).problem, letters=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOWHERE)
def test_nothing_is_claimed_where_there_is_no_formula(name, truth, benchmark):
    solution = kanpde.solve(truth.path_of(name), reference="none", progress=False)
    row = benchmark.Row(name, True, None)
    benchmark.judged(row, solution.formula)
    assert not row.false, row.formula
