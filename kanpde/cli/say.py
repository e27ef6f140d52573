"""What the command line says, and the exit codes: the only place of kanpde that prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanpde.results import Formula

SOLVED, MISSED, BAD_INPUT, NO_SOLUTION, INTERRUPTED = 0, 1, 2, 3, 130


def console(stderr: bool = False) -> Any:
    """Where tables and progress are drawn."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def say(text: str) -> None:
    """A line on standard output."""
    print(text)


def say_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    import json

    from kanpde.export.summary import as_json

    say(as_json(value) if value else json.dumps(value))


def say_formula(formula: Formula) -> None:
    """The formula, what is known of it, and why."""
    for line in formula.lines:
        say(line)
    say(formula.sentence)
    for line in formula.transcript:
        say(f"  {line}")


def complain(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr)
