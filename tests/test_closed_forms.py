"""The problems of ``problems/closed_forms``: each is read, has its solution, and some are solved and their formulas proved."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import mpmath as mp
import pytest
import sympy as sp

import kanpde
from kanpde.errors import ProblemError
from kanpde.problem import Problem, read_file
from kanpde.problem.types import symbol
from kanpde.results import Formula

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "problems" / "closed_forms"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NOWHERE = sorted(path.stem for path in (FOLDER / "none").glob("*.yaml"))
QUICK = (
    "heat_erf", "nguyen_11", "wave_gaussian", "kdv_soliton", "taylor_green", "schroedinger_soliton",
)  # fmt: skip
"""Solved and proved at every run of the tests, one of every kind; the others with the slow ones."""
ENDLESS = ("symbolic.seconds=600",)
"""Formulas that exist are found in seconds; a busy machine has its time all the same."""
SHORT = ("symbolic.seconds=10",)
"""Where nothing can be found, the search would use all the time that it is given."""
FUNCTIONS = {
    "exp": mp.exp, "log": mp.log, "sin": mp.sin, "cos": mp.cos, "tanh": mp.tanh, "sech": mp.sech, "atan": mp.atan,
    "erf": mp.erf, "erfc": mp.erfc, "besselj": mp.besselj, "sinh": mp.sinh, "cosh": mp.cosh, "Abs": mp.fabs, "tan": mp.tan,
    "re": mp.re, "im": mp.im, "conjugate": mp.conj, "csch": mp.csch, "coth": mp.coth, "cot": mp.cot, "csc": mp.csc, "sec": mp.sec,
}  # fmt: skip

LONG = ("kdv_two_solitons",)
"""Whose solution the reader proves in more than a second or two."""


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


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in NAMES])
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


def number_at(expression: sp.Expr, at: Mapping[sp.Symbol, mp.mpf]) -> mp.mpc:
    """The value of an expression, operation by operation: nothing of the search, of the proof or of sympy's evaluation."""
    if expression in at:
        return at[expression]
    if expression.is_Rational:
        return mp.mpf(expression.p) / expression.q
    constants = {sp.pi: mp.pi, sp.E: mp.e, sp.I: mp.mpc(0, 1), sp.EulerGamma: mp.euler}
    if expression in constants:
        return +constants[expression]
    arguments = [number_at(a, at) for a in expression.args]
    if expression.is_Add:
        return mp.fsum(arguments)
    if expression.is_Mul:
        return mp.fprod(arguments)
    if expression.is_Pow:
        return mp.power(*arguments)
    return FUNCTIONS[type(expression).__name__](*arguments)


def agrees(found: Mapping[str, sp.Expr], problem: Problem, points: Iterable[Mapping[sp.Symbol, sp.Expr]]) -> bool:
    """Whether the formula of every field is the known solution at the points, to 30 digits."""
    with mp.workdps(50):
        letters = {k: number_at(v, {}) for k, v in problem.constants.items()}
        for point in points:
            at = letters | {k: number_at(v, {}) for k, v in point.items()}
            for name, truth in problem.exact.items():
                right = number_at(truth, at)
                if not abs(number_at(found[name], at) - right) <= mp.mpf(10) ** -30 * (1 + abs(right)):
                    return False
    return True


def test_the_second_judge_sees_a_difference_in_the_last_digits(truth, benchmark):
    problem = truth.with_truth("schroedinger_soliton").problem
    points = benchmark.places(problem)
    right = problem.exact["psi"]
    assert agrees({"psi": right.rewrite(sp.exp)}, problem, points)
    assert not agrees({"psi": sp.conjugate(right)}, problem, points)
    assert not agrees({"psi": right * (1 + sp.Rational(1, 10**27))}, problem, points)


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in NAMES if n not in QUICK)])
def test_solved_and_proved(name, truth, benchmark):
    solution = kanpde.solve(truth.path_of(name), reference="none", progress=False, settings=ENDLESS)
    assert solution.converged, solution.outcome
    assert solution.formula.status == "proved", solution.formula.transcript
    problem = truth.with_truth(name).problem
    assert benchmark.same(solution.formula.expressions, problem, letters=True)
    assert agrees(solution.formula.expressions, problem, benchmark.places(problem, 23))


@pytest.mark.parametrize("name", ["heat_perturbed_data", "heat_perturbed_equation"])
def test_of_two_solutions_that_look_alike_the_wrong_one_is_never_proved(name, truth, benchmark):
    """Digits do not tell them apart: 1e-12 in the data is far below the error of the numbers. The equations do."""
    solution = kanpde.solve(truth.path_of(name), reference="none", progress=False, settings=ENDLESS)
    problem = truth.with_truth(name, truth.PERTURBED[name]).problem
    assert solution.formula.status == "proved"
    assert agrees(solution.formula.expressions, problem, benchmark.places(problem))
    nearly = {"u": sp.exp(-(sp.pi**2) * symbol("t")) * sp.sin(sp.pi * symbol("x"))}
    assert not agrees(nearly, problem, benchmark.places(problem))


@pytest.mark.parametrize(
    "name", ["conductivity_jump", "poisson_exp_sin_xy", pytest.param("burgers_sine", marks=pytest.mark.slow)]
)
def test_nothing_is_claimed_where_there_is_no_formula(name, truth):
    settings = () if name == "burgers_sine" else SHORT
    solution = kanpde.solve(truth.path_of(name), reference="none", progress=False, settings=settings)
    assert solution.converged, solution.outcome
    assert solution.formula.status == "not found"
    assert not solution.formula.expressions
