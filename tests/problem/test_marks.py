"""Every character of every value knows where it stands in the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanpde.errors import ProblemError
from kanpde.problem.marks import read_marks
from kanpde.problem.text import Mapping, Scalar, Sequence, suggest


def scalar(source: str) -> Scalar:
    node = read_marks(source, "f").get("a")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize(
    "source",
    [
        "a: x + y\n",
        "b: 1\na:   x + y   # comment\n",
        "a: 'x + y'\n",
        'a: "x + y"\n',
        "a: x\n  + y\n",
        "a: |\n  x\n  + y\n",
        "a: >\n  x\n  + y\n",
        "{b: 1, a: x + y}\n",
        "\r\n".join(["b: 1", "a: x + y", ""]),
    ],
)
def test_each_visible_character_is_found_at_its_mark(source: str) -> None:
    text = scalar(source).text
    lines = source.splitlines()
    assert "".join(text.value.split()) == "x+y"
    for letter, (line, column) in zip(text.value, text.marks, strict=False):
        if not letter.isspace():
            assert lines[line - 1][column - 1] == letter


words = st.text(st.sampled_from("ab'x+ "), min_size=1, max_size=20).map(str.strip).filter(bool)


@given(words)
def test_quoted_text_is_found_too(word: str) -> None:
    source = "a: '" + word.replace("'", "''") + "'\n"
    text = scalar(source).text
    assert text.value == word
    for letter, (_, column) in zip(text.value, text.marks, strict=False):
        if not letter.isspace():
            assert source[column - 1] == letter


def test_values_are_typed_by_yaml_1_2() -> None:
    root = read_marks("a: 1e-4\nb: no\nc: true\nd: [1, 2.5, x]\ne: {f: 3}\ng: '3'\nh:\n", "f")
    assert root.plain == {"a": 1e-4, "b": "no", "c": True, "d": [1, 2.5, "x"], "e": {"f": 3}, "g": "3", "h": None}
    assert isinstance(root.get("d"), Sequence)
    assert isinstance(root.get("e"), Mapping)


def test_doubled_keys_at_any_depth() -> None:
    with pytest.raises(ProblemError, match="the key 'c' is given twice"):
        read_marks("a:\n  b: {c: 1, c: 2}\n", "f")


def test_suggestions() -> None:
    assert suggest("boundry", ["boundary", "budget"]) == "did you mean 'boundary'?"
    assert suggest("nv", ["nu", "x"]) == "did you mean 'nu'?"
    assert suggest("qqq", ["nu", "x"]) is None


def test_a_long_line_is_shown_around_what_is_wrong() -> None:
    source = "a: " + "x+" * 200 + "@" + "+x" * 200 + "\n"
    text = scalar(source).text
    excerpt = text.error("wrong", 400, 401).span
    assert excerpt is not None
    shown, carets = excerpt.excerpt().splitlines()
    assert shown[carets.index("^")] == "@"
    assert len(shown) < 150
