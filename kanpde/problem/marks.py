"""YAML with marks: a problem file as nodes that know where they stand, and YAML's traps said in plain words."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from kanpde.errors import ProblemError, Span
from kanpde.problem.text import Mapping, Node, Scalar, Sequence, Text

MAX_CHARACTERS = 200_000
"""The longest problem file: the longest that a person would write, a hundred times over."""

MAX_NESTING = 30
"""The deepest nesting of lists and mappings; a problem file needs four levels."""


def read_marks(source: str, path: str) -> Mapping:
    """The top level of a problem file."""
    start = Span(path, 1, 1, 1, source)
    if len(source) > MAX_CHARACTERS:
        raise ProblemError(f"the file has {len(source)} characters; at most {MAX_CHARACTERS} are read", Span(path, 1, 1))
    _refuse_deep_brackets(source, path)
    try:
        root = YAML().compose(source)
    except MarkedYAMLError as error:
        raise _plain_words(error, source, path) from None
    except (YAMLError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError) as error:
        # ruamel.yaml raises these too on malformed text; whatever it is, the user's file cannot be read.
        raise ProblemError(f"this is not YAML: {str(error).splitlines()[0] if str(error) else 'unreadable'}", start) from None
    if root is None:
        raise ProblemError("the file is empty", start, "a problem begins with 'find: u(x, y)'")
    node = _node(root, path, source, 0, False)
    if not isinstance(node, Mapping):
        raise ProblemError("a problem file is made of 'key: value' lines", node.span, "it begins with 'find: u(x, y)'")
    return node


def _refuse_deep_brackets(source: str, path: str) -> None:
    """ruamel.yaml recurses once per bracket: refuse what would exhaust the stack before it does."""
    for number, line in enumerate(source.splitlines(), 1):
        depth = 0
        for column, letter in enumerate(line, 1):
            depth += (letter in "[{") - (letter in "]}")
            if depth > MAX_NESTING or (column - 1 > 8 * MAX_NESTING and not line[:column].strip()):
                raise ProblemError("the nesting is too deep", Span(path, number, column, 1, source))
    if source.count("[") + source.count("{") > 5000:
        raise ProblemError("there are too many brackets", Span(path, 1, 1, 1, source))


def _node(node: Any, path: str, source: str, depth: int, in_flow: bool) -> Node:
    mark = node.start_mark
    flow = getattr(node, "flow_style", False) and node.end_mark.line == mark.line
    span = Span(path, mark.line + 1, mark.column + 1, node.end_mark.column - mark.column if flow else 1, source)
    if getattr(node, "anchor", None):
        raise ProblemError(
            "anchors and aliases (&name, *name) are not read", span, "write the value again, or name it under 'where'"
        )
    if source[mark.index : mark.index + 1] == "!":
        raise ProblemError("tags (!name) are not read", span, "a value that begins with ! wants quotes")
    if depth > MAX_NESTING:
        raise ProblemError("the nesting is too deep", span)
    in_flow = in_flow or bool(getattr(node, "flow_style", False))
    if isinstance(node, ScalarNode):
        return _scalar(node, path, source, in_flow)
    if isinstance(node, SequenceNode):
        return Sequence(tuple(_node(item, path, source, depth + 1, in_flow) for item in node.value), span)
    if not isinstance(node, MappingNode):
        raise ProblemError("this is not readable", span)
    entries: list[tuple[Scalar, Node]] = []
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = _node(key_node, path, source, depth + 1, in_flow)
        if not isinstance(key, Scalar):
            raise ProblemError("a key must be a word", key.span, "a key that begins with [ or { wants quotes")
        name = key.text.value
        if name in seen:
            raise ProblemError(f"the key '{name}' is given twice", key.span, f"it stands in line {seen[name]} already")
        seen[name] = key.span.line
        entries.append((key, _node(value_node, path, source, depth + 1, in_flow)))
    return Mapping(tuple(entries), span)


def _scalar(node: ScalarNode, path: str, source: str, in_flow: bool) -> Scalar:
    node.value = node.value.replace("\a", "")  # ruamel.yaml's own mark of a fold
    text = Text(node.value, _character_marks(node, source), path, source)
    return Scalar(text, _typed(node), in_flow)


def _character_marks(node: ScalarNode, source: str) -> tuple[tuple[int, int], ...]:
    """Line and column of each character of a scalar, found by walking value and source side by side.

    The two differ by quotes, escapes and folded line ends only, so each visible character is the next equal one.
    """
    line, column, index = node.start_mark.line + 1, node.start_mark.column + 1, node.start_mark.index
    end = node.end_mark.index
    marks: list[tuple[int, int]] = []

    def step() -> None:
        nonlocal line, column, index
        line, column = (line + 1, 1) if source[index : index + 1] == "\n" else (line, column + 1)
        index += 1

    if node.style in ("'", '"', "|", ">") and index < end:
        step()
    if node.style in ("|", ">"):
        while index < end and source[index - 1] != "\n":
            step()
    for letter in node.value:
        if not letter.isspace():
            ahead = source.find(letter, index, end)
            while index < ahead:
                step()
        marks.append((line, column))
        if (index < end and (source[index] == letter or not (letter.isspace() and source[index].isspace()))) or index < end:
            step()
    marks.append((line, column))
    return tuple(marks)


def _typed(node: ScalarNode) -> str | int | float | bool | None:
    """The value by the YAML 1.2 core schema: ``1e-4`` is a number, ``no`` a word."""
    kind = str(node.tag).rpartition(":")[2]
    value: str = node.value
    if node.style in ("'", '"', "|", ">"):
        return value
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return value.lower() == "true"
        if kind == "int":
            return int(value.replace("_", ""), 0) if len(value) < 400 else value
        if kind == "float":
            return float(value.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))
    except ValueError:
        return value
    return value


def _plain_words(error: MarkedYAMLError, source: str, path: str) -> ProblemError:
    """What YAML means by its complaint, for somebody who has never heard of block mappings."""
    mark = error.problem_mark or error.context_mark
    lines = source.splitlines()
    number = min(mark.line, max(0, len(lines) - 1)) if mark else 0
    column = mark.column if mark and mark.line == number else 0
    line = lines[number] if lines else ""
    span = Span(path, number + 1, column + 1, 1, source)
    problem = error.problem or ""
    key, colon, rest = line.partition(":")
    value = rest.strip()
    if "sequence entries are not allowed" in problem and value.startswith("- "):
        at = line.index("- ", len(key))
        return ProblemError(
            "a minus with a blank after it begins a list, not a value",
            Span(path, number + 1, at + 1, 2, source),
            f"write -{value[2:].split('=')[0].strip()}, without the blank",
        )
    if colon and value[:1] in ("[", "{") and "expected <block end>" in problem:
        at = line.index(value[0], len(key))
        kind = "a list" if value[0] == "[" else "a mapping"
        message = f"a value that begins with {value[0]} is read as {kind}"
        return ProblemError(message, Span(path, number + 1, at + 1, 1, source), f'put it in quotes: {key.strip()}: "{value}"')
    if "mapping values are not allowed" in problem:
        return ProblemError(
            "a second ': ' in one line", span, "put the value in quotes, or begin a new line for each 'key: value'"
        )
    if "expected ',' or" in problem or "expected the node content" in problem:
        return ProblemError(
            "a list in [ ] or { } is not closed", span, "lists in [ ] split at every comma; one entry a line with '- ' does not"
        )
    if "\\t" in problem or "tab" in problem:
        return ProblemError("a tab at the beginning of a line", span, "indent with blanks")
    if "another document" in problem:
        return ProblemError("a file holds one problem", span, "'---' and '...' begin and end documents: leave them out")
    if "undefined alias" in problem:
        return ProblemError("anchors and aliases (&name, *name) are not read", span, "a value that begins with * wants quotes")
    if "could not find expected ':'" in problem:
        return ProblemError(
            "a line without 'key: value'", span, "every entry is written 'key: value', with a blank after the colon"
        )
    if "cannot start any token" in problem:
        return ProblemError(f"a value cannot begin with {line[column : column + 1]!r}", span, "put the value in quotes")
    return ProblemError(
        f"this is not YAML: {problem or error.context or 'unreadable'}",
        span,
        "is the indentation the same for all keys of a level?",
    )
