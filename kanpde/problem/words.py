"""A problem from Python with the same words as in a file: the words become the text of a file, which is read like any other.

So both ways give the same ``Problem``, ``problem.source`` is a valid problem file, and errors show the line that was meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import sympy as sp

from kanpde.problem.language import write_expression
from kanpde.problem.reader import MATHEMATICS, read_text
from kanpde.problem.text import suggest
from kanpde.problem.types import Problem

PATH = "<python>"
"""What messages call a problem that is in no file; the paths of its data are relative to the working directory."""

_PLAIN = re.compile(r"(?![-?:](?: |\Z))[\w(.+\-/][^#:\n'\"]*(?<!\s)\Z")
_PLAIN_IN_LIST = re.compile(r"(?!-\Z)[\w.+\-/][\w.+\-/*^()]*\Z")


def problem_from_words(**words: Any) -> Problem:
    """``find``, ``domain``, ``equation``, ... as strings, numbers, lists, dictionaries or sympy expressions."""
    for name in words:
        if name not in MATHEMATICS:
            hint = suggest(name, MATHEMATICS) or f"there are {', '.join(MATHEMATICS)}"
            raise TypeError(f"a problem has no '{name}'; {hint}")
    text = "".join(_entry(name, words[name], 0) for name in MATHEMATICS if words.get(name) is not None)
    return read_text(text, PATH).problem


def _entry(key: str, value: Any, depth: int) -> str:
    head = "  " * depth + f"{_scalar(key)}:"
    if isinstance(value, Mapping):
        if not value:
            raise ValueError(f"'{key}' is an empty dictionary")
        return head + "\n" + "".join(_entry(_key(k), v, depth + 1) for k, v in value.items())
    if isinstance(value, str) or not isinstance(value, Sequence):
        return f"{head} {_scalar(_word(key, value))}\n"
    if any(isinstance(item, str) and "=" in item for item in value):
        return head + "\n" + "".join(f"{'  ' * (depth + 1)}- {_scalar(_word(key, item))}\n" for item in value)
    return f"{head} [{', '.join(_scalar(_word(key, item), _PLAIN_IN_LIST) for item in value)}]\n"


def _key(key: Any) -> str:
    return f"({', '.join(map(str, key))})" if isinstance(key, tuple) else str(key)


def _word(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, sp.Expr):
        return write_expression(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        return repr(value.item()) if hasattr(value, "item") else str(value)
    raise TypeError(f"'{key}' takes text, numbers or sympy expressions, not {type(value).__name__}")


def _scalar(text: str, plain: re.Pattern[str] = _PLAIN) -> str:
    """A value as YAML reads it back unchanged: quoted unless that is plainly unnecessary."""
    return text if plain.match(text) else "'" + text.replace("'", "''").replace("\n", " ") + "'"
