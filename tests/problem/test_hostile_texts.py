"""A hostile or mangled file ends in a ProblemError that points somewhere, never in anything else, and runs no code."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.errors import KanpdeError, ProblemError
from kanpde.plan import make_plan
from kanpde.problem import read_text

HEAD = "find: u(x, y)\ndomain:\n  x: [0, 1]\n  y: [0, 1]\nboundary: u = 0\n"
LAUGHS = "where:\n" + "".join(f"  a{i + 1}: a{i}*a{i} + a{i}\n" for i in range(40)) + "  a0: x + y\n"


@pytest.mark.parametrize(
    "equation",
    [
        "lap(u) = 9^9^9^9",
        "lap(u) = 10^10^5",
        "lap(u) = x^100000",
        "lap(u) = (1/3)^99999",
        "lap(u) = exp(exp(exp(9)))",
        "lap(u) = gamma(1000000)",
        "lap(u) = sinh(1e6)",
        "lap(u) = 1e999999999",
        "lap(u) = " + "9" * 1000,
        "lap(u) = " + "(" * 1000 + "x" + ")" * 1000,
        "lap(u) = " + "-" * 1000 + "x",
        "lap(u) = " + "sin(" * 500 + "x" + ")" * 500,
        "lap(u) = " + "x^" * 500 + "x",
        "lap(u) = " + "x+" * 10000 + "x",
        "lap(" * 50 + "u" + ")" * 50 + " = 1",
        "u_" + "x" * 2000 + " = 1",
        "lap(u) = __import__('os').system('true')",
        "lap(u) = ().__class__.__bases__[0]",
        "lap(u) = exec(1)",
        "lap(u) = Symbol(x)",
        "lap(u) = 1/0",
        "lap(u) = 0^-1",
        "lap(u) = log(0)",
        "lap(u) = sqrt(-1)",
        "lap(u) = (x - x)^(y - y - 1)",
    ],
    ids=lambda text: text[:30],
)
def test_hostile_equations(equation: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read_text(HEAD + f"equation: {equation}\n", "hostile.yaml")
    assert caught.value.span is not None
    assert max(map(len, str(caught.value).splitlines())) < 250


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "equation: lap(u) = a40\n" + LAUGHS,
        HEAD + "equation: &a [*a, *a]\n",
        HEAD + "equation: !!python/object/apply:os.system ['true']\n",
        HEAD + "equation: " + "[" * 5000 + "\n",
        HEAD + "equation: " + "{a: " * 500 + "\n",
        HEAD + "".join(f"{' ' * i}a:\n" for i in range(500)),
        "a" * 300_000,
        "\x00",
        "- " * 2000,
        HEAD + "equation: lap(u) = f\nwhere:\n  f(s): f(s + 1)\n",
        HEAD + "equation: lap(u) = f\nwhere:\n  f: g\n  g: h\n  h: f\n",
        HEAD + "equation: lap(lap(lap(s))) = u\nwhere:\n  s: exp(sin(x*y))*exp(cos(x + y^2))*sin(exp(x)*y)^9*tan(exp(x*y))\n",
    ],
    ids=[
        "laughs",
        "alias",
        "tag",
        "brackets",
        "braces",
        "indents",
        "length",
        "nul",
        "lists",
        "recursion",
        "circle",
        "derivatives",
    ],
)
def test_hostile_files(text: str) -> None:
    with pytest.raises(ProblemError):
        read_text(text, "hostile.yaml")


SEEDS = [file.read_text(encoding="utf-8") for file in sorted((Path(__file__).parents[2] / "problems").glob("*.yaml"))]
SEEDS += [file.read_text(encoding="utf-8") for file in sorted((Path(__file__).parent / "examples").glob("*.yaml"))]
PIECES = [*"uxt()[]{},=^*/-\n:'\"&<~;|\\%@\t", "u_n", "- ", ": ", " #", "1e9", " and ", " not ", "elsewhere", "periodic"]
PIECES += ["piecewise(", "lap(", "div(", "integral(", "inside("]
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(PIECES)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), edits)
def test_mangled_files(text: str, changes: list[tuple[float, int, str]]) -> None:
    for where, removed, piece in changes:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + removed :]
    error = refusal(text)
    if error is not None:
        assert error.span is not None
        assert str(error).startswith("mangled.yaml:")


def refusal(text: str) -> KanpdeError | None:
    try:
        document = read_text(text, "mangled.yaml")
        make_plan(document.method, document.span_of)
    except KanpdeError as error:
        return error
    return None
