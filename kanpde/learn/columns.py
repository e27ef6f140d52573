"""Columns of numbers from a file that somebody else wrote: comma, semicolon, tab or blanks between them, with or without names.

What a file means is decided by its first lines; every line that does not fit is an error with its number, none is left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from kanpde.errors import ProblemError, Span

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?", "."))
"""What people write, in any case, where they have no value."""

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?\Z")
_RESERVED = frozenset(("pi", "i", "and", "or", "not", "infinity", "elsewhere", "periodic", "z"))


@dataclass(frozen=True)
class Columns:
    """Named columns of a file: ``values`` (N, columns) as numbers; ``named`` says whether the names come from the file."""

    names: tuple[str, ...]
    values: np.ndarray
    named: bool

    def place(self, name: str, path: str) -> int:
        """Where a column stands, by its name or by its number from 1 on; raises ProblemError."""
        if name in self.names:
            return self.names.index(name)
        if name.lstrip("-").isdigit() and 1 <= int(name) <= len(self.names):
            return int(name) - 1
        raise ProblemError(f"{path} has no column '{name}'", hint=f"its columns are {', '.join(self.names)}, or 1, 2, ...")


def read_columns(path: str | PathLike[str], wanted: Sequence[str] = (), unnamed: Sequence[str] = ()) -> Columns:
    """The columns of a text file, or of a ``.npz`` of arrays; if ``wanted`` names some, only these, and only they are numbers.

    In a text file lines from # on are comments, and the first line may name the columns; ``unnamed`` are their names if it does
    not and there are as many. Raises ProblemError, which names the
    line, for a value that is missing, not finite or no number, and for a line of another length.
    """
    if Path(path).suffix in (".npz", ".npy"):
        return _from_numpy(Path(path))
    try:
        source = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ProblemError(f"'{path}' is no text in UTF-8", hint="save it as CSV in UTF-8, or as .npz") from None
    lines = [(number, line) for number, line in enumerate(source.splitlines(), 1) if line.strip()]
    comments = [line.lstrip("#% ") for _, line in lines if line.startswith(("#", "%"))]
    rows = [(number, line) for number, line in lines if not line.startswith(("#", "%"))]
    if not rows:
        raise ProblemError(f"'{path}' holds no numbers", hint="a line for each point, with the inputs first and the result last")
    separator = _separator([line for _, line in rows[:2]])
    cells = [_cells(line, separator) for _, line in rows]
    heading = not any(_is_number(cell, separator) or cell.lower() in MISSING - {""} for cell in cells[0])
    names = tuple(cells[0]) if heading else _names_in_comment(comments, len(cells[0]), separator)
    names = tuple(unnamed) if not names and len(unnamed) == len(cells[0]) else names
    if heading:
        rows, cells = rows[1:], cells[1:]
    if not rows:
        raise ProblemError(f"'{path}' names columns, but holds no numbers")
    named = bool(names)
    names = tuple(name or f"x{n}" for n, name in enumerate(names or [""] * len(cells[0]), 1))
    for name in names:
        if names.count(name) > 1:
            raise ProblemError(f"{path}: two columns are called '{name}'", hint="give each column a name of its own")
    for (number, line), row in zip(rows, cells, strict=True):
        if len(row) != len(names):
            message = f"this line has {len(row)} value{'s' * (len(row) != 1)}, and there are {len(names)} columns"
            raise ProblemError(message, Span(str(path), number, 1, len(line), source), f"the columns are {', '.join(names)}")
    table = Columns(names, np.zeros((len(rows), 0)), named)
    chosen = sorted({table.place(name, str(path)) for name in wanted}) or range(len(names))
    values = np.stack([_column(n, names[n], rows, cells, separator, str(path), source) for n in chosen], 1)  # (N, columns)
    return Columns(tuple(names[n] for n in chosen), values, named)


def identifier(name: str, taken: Iterable[str] = ()) -> str:
    """The name as a formula can use it: letters, digits and underscores; 'wind speed [m/s]' becomes wind_speed_m_s."""
    from kanpde.problem.functions import known_functions

    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "x"
    plain = f"x{plain}" if plain[0].isdigit() else plain
    plain = f"{plain}_" if plain in _RESERVED or plain in known_functions() else plain
    used, number, fresh = set(taken), 1, plain
    while fresh in used:
        number += 1
        fresh = f"{plain}{number}" if not plain[-1].isdigit() else f"{plain}_{number}"
    return fresh


def formula_names(names: Sequence[str], targets: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of inputs and targets as a formula can use them, no two alike."""
    found: list[str] = []
    for name in (*names, *targets):
        found.append(identifier(name, found))
    return tuple(found[: len(names)]), tuple(found[len(names) :])


def _separator(lines: Sequence[str]) -> str:
    """What stands between the values; empty for blanks. A semicolon or a tab is never part of a number, a comma may be."""
    for mark in (";", "\t", ","):
        if all(mark in line for line in lines):
            return mark
    return ""


def _cells(line: str, separator: str) -> list[str]:
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True)) if separator else line.split()
    return [cell.strip().strip('"') for cell in cells]


def _number(cell: str, separator: str) -> float:
    """The number in a cell; between semicolons, tabs and blanks it may have a decimal comma. Raises ValueError."""
    if separator != "," and _DECIMAL_COMMA.match(cell):
        cell = cell.replace(",", ".")
    if "_" in cell:  # Python reads 1_000, and nobody else does
        raise ValueError(cell)
    return float(cell)


def _is_number(cell: str, separator: str) -> bool:
    try:
        _number(cell, separator)
    except ValueError:
        return False
    return True


def _names_in_comment(comments: Sequence[str], count: int, separator: str) -> tuple[str, ...]:
    """As ``numpy.savetxt`` writes them: a comment with as many words as there are columns, none of them a number."""
    for comment in reversed(comments):
        words = _cells(comment, separator) if separator and separator in comment else comment.replace(",", " ").split()
        if len(words) == count and not any(_is_number(word, separator) for word in words):
            return tuple(words)
    return ()


def _column(
    n: int,
    name: str,
    rows: Sequence[tuple[int, str]],
    cells: Sequence[Sequence[str]],
    separator: str,
    path: str,
    source: str,
) -> np.ndarray:  # (N,)
    values = np.empty(len(rows))
    for at, ((number, line), row) in enumerate(zip(rows, cells, strict=True)):
        cell = row[n]
        try:
            values[at] = _number(cell, separator)
        except ValueError:
            values[at] = np.nan
        if not np.isfinite(values[at]):
            missing = cell.lower() in MISSING
            message = f"the value of '{name}' is missing" if missing else f"'{cell}' is no finite number for '{name}'"
            hint = (
                "leave the line out, or give the value" if missing else "columns of words are left out by --inputs and --target"
            )
            place = max(line.find(cell), 0) if cell else 0
            raise ProblemError(message, Span(path, number, place + 1, max(len(cell), 1), source), hint)
    return values


def _from_numpy(path: Path) -> Columns:
    """Arrays (N,) or (N, columns) by their names; X or x and y stand for inputs and result."""
    loaded = np.load(path, allow_pickle=False)
    arrays = dict(loaded) if path.suffix == ".npz" else {"x": loaded}
    ordered = sorted(arrays, key=lambda name: (name in ("y", "Y"), list(arrays).index(name)))  # the result comes last
    names: list[str] = []
    parts = []
    for name in ordered:
        array = np.asarray(arrays[name])
        if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
            raise ProblemError(
                f"the array '{name}' of '{path}' has shape {array.shape}; (N,) or (N, columns) of numbers is wanted"
            )
        array = array.reshape(len(array), -1)
        parts.append(array.astype(float))
        names += [name] if array.shape[1] == 1 else [f"{name.lower()}{n}" for n in range(1, array.shape[1] + 1)]
    if len({len(part) for part in parts}) != 1:
        raise ProblemError(
            f"the arrays of '{path}' have different lengths: {', '.join(f'{n} {len(arrays[n])}' for n in ordered)}"
        )
    values = np.concatenate(parts, 1)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise ProblemError(f"'{path}': row {bad[0][0]} of '{names[bad[0][1]]}' is not finite", hint="rows count from 0")
    return Columns(tuple(names), values, path.suffix == ".npz")
