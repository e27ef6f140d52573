"""The table that every script in this folder prints: name, published value (and whose), ours, seconds, and a note.

    from table import Row, print_head, print_row     # the scripts are run as files, so their folder is on the path

    print_head("special functions, test RMSE")
    with clock() as spent:
        ours = ...
    print_row(Row("ellipj", 1.33e-4, "KAN paper, table 2", ours, spent.seconds))

Seconds are seconds of the processor (all threads of this process): they do not depend on what else runs on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

NAME, WHOSE = 34, 30  # characters of the two columns of words


@dataclass(frozen=True)
class Row:
    """One line: numbers are printed with three digits, None as a dash, words as they are."""

    name: str
    published: float | str | None  # the value that somebody printed
    whose: str  # paper and table, or "" where nothing was published
    ours: float | str | None
    seconds: float | None = None
    note: str = ""


@dataclass
class Spent:
    """Seconds of the processor, filled in when the block of ``clock`` ends."""

    seconds: float = 0.0


@contextmanager
def clock() -> Iterator[Spent]:
    """Measures the processor's seconds that a block takes."""
    spent, began = Spent(), time.process_time()
    try:
        yield spent
    finally:
        spent.seconds = time.process_time() - began


def print_head(title: str) -> None:
    """The title and the names of the columns."""
    print(f"\n{title}\n{'name':<{NAME}} {'published':>10} {'whose':<{WHOSE}} {'ours':>10} {'seconds':>8}  note", flush=True)


def print_row(row: Row) -> None:
    """One line, at once."""
    seconds = "-" if row.seconds is None else f"{row.seconds:.2f}"
    line = (
        f"{row.name:<{NAME}} {_number(row.published):>10} {row.whose:<{WHOSE}} {_number(row.ours):>10} {seconds:>8}  {row.note}"
    )
    print(line.rstrip(), flush=True)


def _number(value: float | str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.2e}"
