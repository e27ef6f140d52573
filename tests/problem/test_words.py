"""A problem from Python with the same words is the same problem."""

from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.errors import ProblemError
from kanpde.problem import Problem, read_file, read_text
from kanpde.problem.marks import read_marks
from kanpde.problem.reader import MATHEMATICS
from kanpde.problem.words import _scalar

FILES = sorted((Path(__file__).parents[2] / "problems").glob("*.yaml"))
FILES += sorted(f for f in (Path(__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_words_of_every_file(file: Path) -> None:
    plain = read_marks(file.read_text(encoding="utf-8"), str(file)).plain
    ours, theirs = Problem(**{k: v for k, v in plain.items() if k in MATHEMATICS}), read_file(file).problem
    assert ours.title == theirs.title
    assert ours.fields == theirs.fields
    assert ours.limits == theirs.limits
    assert ours.constants == theirs.constants
    assert ours.exact == theirs.exact
    assert [r.expression for r in ours.equations] == [r.expression for r in theirs.equations]
    for mine, other in zip(ours.conditions, theirs.conditions, strict=True):
        assert (mine.name, mine.kind, mine.place) == (other.name, other.kind, other.place)
        assert [r.expression for r in mine.residuals] == [r.expression for r in other.residuals]
    assert ours.domain == theirs.domain
    assert isinstance(ours, Problem)


def test_the_source_is_a_problem_file() -> None:
    x = sp.Symbol("x", real=True)
    problem = Problem(
        title="one: two # three",
        find="u(x)",
        domain={"x": (0, sp.pi)},
        equation=["u_xx = max(x, 1)"],
        boundary={"x = 0": "u = 0", "x = pi": ["u_n = 0"]},
        where={"g": sp.sin(x) ** 2, "c": 0.1},
    )
    again = read_text(problem.source).problem
    assert again.title == "one: two # three"
    assert again.equations[0].expression == problem.equations[0].expression
    assert problem.path == "<python>"


def test_an_error_shows_the_line_that_was_meant() -> None:
    with pytest.raises(ProblemError) as caught:
        Problem(find="u(x)", domain={"x": [0, 1]}, equation="u_xx = v", boundary="u = 0")
    assert str(caught.value).splitlines()[:2] == ["<python>:4:18: 'v' is not known", " 4 | equation: u_xx = v"]


def test_an_unknown_word_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="did you mean 'equation'"):
        Problem(find="u(x)", domain={"x": [0, 1]}, equaton="u_xx = 1")


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30).map(str.strip).filter(bool))
def test_every_text_survives_its_quotes(text: str) -> None:
    assert read_marks(f"a: {_scalar(text)}\n", "f").get("a").text.value == text  # type: ignore[union-attr]
