"""What there is: every table of the project as names, first sentences and defaults."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanpde.errors import KanpdeError, ProblemError


@dataclass(frozen=True)
class Entry:
    """One thing that can be named in a problem file, or a problem file itself."""

    name: str
    sentence: str
    defaults: str = ""


def _from_table(table: dict[str, Any]) -> Iterator[Entry]:
    for name, thing in table.items():
        described = thing if callable(thing) else type(thing)
        yield Entry(name, first_sentence(described.__doc__ or ""), _defaults(described))


def first_sentence(text: str) -> str:
    """A docstring up to its first full stop, in one line."""
    flat = " ".join(text.split())
    return re.split(r"(?<=[.:;])\s", flat, maxsplit=1)[0].rstrip(".:;")


def _defaults(thing: Callable[..., Any]) -> str:
    """Arguments that have a plain default, as ``name=value``."""
    try:
        arguments = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return ""
    return ", ".join(f"{a.name}={a.default}" for a in arguments if isinstance(a.default, (int, float, str)))


def _bases() -> Iterator[Entry]:
    from kanpde.kan import BASES

    return _from_table(dict(BASES))


def _optimizers() -> Iterator[Entry]:
    from kanpde.optimize import OPTIMIZERS

    return _from_table(dict(OPTIMIZERS))


def _references() -> Iterator[Entry]:
    from kanpde.reference import REFERENCES

    return _from_table(dict(REFERENCES))


def _shapes() -> Iterator[Entry]:
    from kanpde.geometry.shapes import SHAPES

    return _from_table(dict(SHAPES))


def _problems() -> Iterator[Entry]:
    from kanpde.problem.marks import read_marks

    for path in sorted(Path("problems").glob("*.yaml")):
        try:
            title = read_marks(path.read_text(encoding="utf-8"), str(path)).get("title")
        except KanpdeError as error:
            yield Entry(str(path), f"cannot be read: {error.message}")
            continue
        yield Entry(str(path), str(title.plain) if title is not None else "")


TABLES: dict[str, Callable[[], Iterator[Entry]]] = {
    "problems": _problems,
    "bases": _bases,
    "optimizers": _optimizers,
    "references": _references,
    "shapes": _shapes,
}
"""What ``kanpde list`` can list."""

NOTES = {"shapes": "joined by +, intersected by &, cut by -; {file: outline.csv} is a polygon from a file"}
"""What must be said with a list."""


def entries(kind: str) -> list[Entry]:
    """Everything of one kind."""
    if kind not in TABLES:
        raise ProblemError(f"there is no list of '{kind}'; there are {', '.join(TABLES)}")
    return list(TABLES[kind]())
