"""From text to syntax trees: the lark grammar, the bounds that refuse a hostile text in milliseconds, and errors that point."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import Literal

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from kanpde.errors import ProblemError
from kanpde.problem.functions import known_functions
from kanpde.problem.text import Text

MAX_LENGTH = 4000
"""Characters of one expression: ten times the longest forcing term in the example files."""

MAX_DEPTH = 60
"""Levels of nesting of one expression; deeper ones would exhaust Python's stack inside sympy."""

Start = Literal["expression", "expressions", "shape", "find"]
_PAIRS = {")": "(", "]": "["}


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = resources.files("kanpde.problem").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        start=["expression", "expressions", "shape", "find"],
        propagate_positions=True,
        maybe_placeholders=False,
    )


def parse(text: Text, start: Start = "expression") -> Tree[Token]:
    """The syntax tree of a text; its positions are those of the text's characters."""
    if len(text.value) > MAX_LENGTH:
        raise text.error(f"the expression has {len(text.value)} characters; at most {MAX_LENGTH} are read", 0, 1)
    if not text.value.strip():
        raise text.error("an expression is missing here", 0, 1)
    _check_brackets(text)
    try:
        tree = _parser().parse(text.value, start=start)
    except UnexpectedCharacters as error:
        raise _unexpected_letter(text, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        raise _unexpected_token(text, error, start) from None
    assert isinstance(tree, Tree)
    _check_depth(text, tree)
    return tree


def branches(tree: Tree[Token]) -> list[Tree[Token]]:
    """The subtrees of a node, without its tokens."""
    return [child for child in tree.children if isinstance(child, Tree)]


def position(tree: Tree[Token] | Token) -> tuple[int, int]:
    """Where a tree or token begins and ends in its text."""
    if isinstance(tree, Token):
        return tree.start_pos or 0, tree.end_pos or 0
    if tree.meta.empty:
        return 0, 0
    return tree.meta.start_pos, tree.meta.end_pos


def _check_brackets(text: Text) -> None:
    opened: list[tuple[str, int]] = []
    for i, letter in enumerate(text.value):
        if letter in "([":
            opened.append((letter, i))
            if len(opened) > MAX_DEPTH:
                raise text.error(f"brackets are nested more than {MAX_DEPTH} deep", i, i + 1)
        elif letter in ")]":
            if not opened or opened[-1][0] != _PAIRS[letter]:
                raise text.error(f"this '{letter}' closes nothing", i, i + 1, f"there is no '{_PAIRS[letter]}' before it")
            opened.pop()
    if opened:
        letter, i = opened[-1]
        raise text.error(
            f"the '{letter}' is never closed", i, i + 1, _cut_off(text) or f"a '{'])'[letter == '(']}' is missing after it"
        )


def _cut_off(text: Text) -> str | None:
    """Whether YAML took the rest of the line for a comment or split it at a comma: a hint that says so."""
    line_number, column = text.marks[-1]
    lines = text.source.splitlines()
    rest = lines[line_number - 1][column - 1 :] if line_number <= len(lines) else ""
    if rest.lstrip().startswith("#") and rest[:1].isspace():
        return "' #' begins a comment: put the value in quotes"
    if rest.lstrip()[:1] == ",":
        return "a list in [ ] splits at every comma: put the value in quotes, or write one entry a line with '- '"
    return None


def _unexpected_letter(text: Text, at: int) -> ProblemError:
    letter = text.value[at]
    hints = {
        "{": "use ( ) for brackets",
        "}": "use ( ) for brackets",
        "·": "multiplication is *",
        "\u00d7": "multiplication is *",
        "\u2212": "this is a typographic minus: write -",
        "²": "write ^2",
        "³": "write ^3",
        "∂": "derivatives are written u_x, u_xx, u_t",
        "∇": "write grad, div or lap",
        "'": "derivatives are written u_x, u_xx, u_t",
        ":": "one equation a line; piecewise(condition, value, ..., otherwise) for cases",
        ";": "separate with commas",
        "!": "write gamma(n + 1) for n!",
        ".": "numbers are written 0.5 or .5",
        "&": "write 'and'",
        "|": "write abs(...), or 'or'",
    }
    return text.error(f"'{letter}' has no meaning here", at, at + 1, hints.get(letter))


def _unexpected_token(text: Text, error: UnexpectedToken, start_rule: Start) -> ProblemError:
    token: Token = error.token
    if token.type == "$END":
        end = len(text.value.rstrip())
        return text.error(
            "the expression ends too early", max(end - 1, 0), end, _cut_off(text) or "something is missing after this"
        )
    start, end = position(token)
    if start_rule == "find":
        return text.error(
            f"'{token.value}' cannot stand here", start, end, "write u(x, t), psi(x, t) complex, u(x, t; nu), or nu"
        )
    before = text.value[:start].rstrip()[-1:]
    operand_before = before.isalnum() or before in ("_", ")", "]")
    if operand_before and token.type in ("NUMBER", "NAME", "LPAR", "LSQB"):
        left = before if before in ")]" else _last_word(text.value[:start])
        hint = f"multiplication is written {left}*{token.value}" if token.type != "LPAR" else "multiplication is written with *"
        power = re.search(r"([^\W\d]\w*)\s*(?:\^|\*\*)\s*\w+$", text.value[:start].rstrip())
        if left in known_functions():
            hint = f"write {left}({token.value})"
        elif token.type == "LPAR" and power and power.group(1) in known_functions():
            hint = f"write {power.group(1)}(...)^{left}"
        elif start_rule == "shape":
            one, other = left if left not in ")]" else "...", f"{token.value}"
            hint = f"{one} - {other} takes the second away, {one} + {other} joins both, {one} & {other} keeps what they share"
        elif left in ("on", "at"):
            hint = f"a place is written without '{left}': x = 0"
        elif token.value == "at":
            hint = "conditions at a place stand below 'boundary', as 'x = 0: u = 0'"
        elif left in ("and", "or", "not") or token.value in ("and", "or", "not"):
            hint = "comparisons are joined by 'and' and 'or'"
        return text.error("an operator is missing here", start, end, hint)
    if token.type == "RELATION":
        return text.error(f"'{token.value}' cannot stand here", start, end, "an equation is written left = right")
    if token.type == "COMMA":
        return text.error("a comma cannot stand here", start, end, "an expression is missing, or a bracket is closed too early")
    return text.error(f"'{token.value}' cannot stand here", start, end, "something is missing before it")


def _last_word(before: str) -> str:
    stripped = before.rstrip()
    i = len(stripped)
    while i and (stripped[i - 1].isalnum() or stripped[i - 1] in "_."):
        i -= 1
    return stripped[i:]


def _check_depth(text: Text, tree: Tree[Token]) -> None:
    stack: list[tuple[Tree[Token], int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            start, _ = position(node)
            raise text.error(f"the expression is nested more than {MAX_DEPTH} deep", start, start + 1)
        stack.extend((child, depth + 1) for child in node.children if isinstance(child, Tree))
