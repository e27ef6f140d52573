"""Every problem file is read, its exact solution is proved, and a perturbed one is refused."""

import re
from pathlib import Path

import pytest

from kanpde.errors import ProblemError
from kanpde.plan import make_plan
from kanpde.problem import read_file, read_text

PROBLEMS = sorted((Path(__file__).parents[2] / "problems").glob("*.yaml"))
EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.yaml"))
WITH_EXACT = [file for file in [*PROBLEMS, *EXAMPLES] if "\nexact:" in file.read_text(encoding="utf-8")]

UNSOLVED = {
    "inverse_burgers": "the unknown constant 'nu'",
    "parametric_burgers": "the parameter 'nu'",
    "string_eigenvalue": "the unknown constant 'lambda'",
}
"""What of each example is read, not solved yet."""


@pytest.mark.parametrize("file", PROBLEMS, ids=lambda file: file.stem)
def test_a_problem_file_is_read_without_any_remark(file: Path) -> None:
    document = read_file(file)
    make_plan(document.method, document.span_of)
    assert document.problem.remarks == ()
    assert document.problem.title


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_read_and_says_what_is_not_solved_yet(file: Path) -> None:
    problem = read_file(file).problem
    first = [f"{UNSOLVED[file.stem]} is read, not solved yet"] if file.stem in UNSOLVED else []
    assert [remark.message for remark in problem.unsupported][:1] == first
    others = [remark.message for remark in problem.remarks if not remark.unsupported]
    assert others == (["there is no file 'data/burgers_sensors.csv'"] if file.stem == "inverse_burgers" else [])
    assert all(remark.span is not None for remark in problem.remarks)


PERTURBED = [(file, factor) for file in WITH_EXACT for factor in ("1.001", "(1 + 1e-12)")]
PERTURBED = [p for p in PERTURBED if p[0].stem != "string_eigenvalue" or p[1] == "1.001"]
"""Of the string, only an integral fixes the factor, and that is computed in float64."""


@pytest.mark.parametrize(("file", "factor"), PERTURBED, ids=lambda part: getattr(part, "stem", part))
def test_a_perturbed_exact_solution_is_refused(file: Path, factor: str) -> None:
    text = re.sub(r"(?m)^exact: u = (.*?)(, \w+ = .*)?$", rf"exact: u = {factor}*(\1)\2", file.read_text(encoding="utf-8"))
    with pytest.raises(ProblemError, match="the exact solution does not satisfy"):
        read_text(text, str(file))


def test_all_problems_of_the_first_version_are_there() -> None:
    names = {file.stem for file in PROBLEMS}
    assert names >= {"poisson", "poisson_kan_paper", "poisson_nonlinear", "helmholtz", "heat", "heat_insulated_end"}
    assert names >= {"burgers", "allen_cahn", "wave", "poisson_deep"}
