"""What the command line says, and the exit codes: the only place of kanpde that prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from kanpde.export.tables import Points
    from kanpde.results import Formula, Report

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


def say_values(options: argparse.Namespace, points: Points, values: dict[str, np.ndarray]) -> None:
    """Values at points: where they were written, as JSON, or as CSV on standard output."""
    from kanpde.export.tables import write_csv

    if options.to and not (options.quiet or options.json):
        say(f"{options.to}: {', '.join(values)} at {next(iter(values.values())).size} points")
    if options.json:
        arrays = {name: array.tolist() for name, array in {**points.coordinates, **values}.items()}
        say_json({"file": options.to} if options.to else arrays)
    elif not options.to:
        write_csv(sys.stdout, points, values)


@contextmanager
def reporting(options: argparse.Namespace, title: str) -> Iterator[Report]:
    """Where the events of a command go: nowhere if it is to be quiet, to a bar on a terminal, else to lines."""
    from kanpde.report.progress import bar, lines
    from kanpde.results import silent

    if options.quiet or options.json:
        yield silent
    elif (terminal := console(stderr=True)).is_terminal:
        with bar(terminal, title) as report:
            yield report
    else:
        yield lines(terminal)


def complain(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr)
