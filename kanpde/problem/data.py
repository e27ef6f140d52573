"""Measurements: what ``data`` and measured fields name, and the columns of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kanpde.problem.region import read_number
from kanpde.problem.scope import Scope
from kanpde.problem.text import Mapping, Node, Scalar, suggest
from kanpde.problem.types import Remark


@dataclass(frozen=True)
class Data:
    """A file of measurements. ``noise`` is the standard deviation, in the field's units or, if ``relative``, of its rms."""

    file: Path
    columns: tuple[str, ...]
    noise: float | None = None
    relative: bool = False


def read_data(node: Node, scope: Scope, path: str) -> tuple[Data, tuple[Remark, ...]]:
    """``data: {file: sensors.csv, noise: 1%}``; a file that is not there yet is a remark, wrong columns are an error."""
    if not isinstance(node, Mapping):
        raise node.error("data are written {file: sensors.csv, noise: 0.01}")
    for key, _ in node:
        if key.text.value not in ("file", "noise"):
            hint = suggest(key.text.value, ("file", "noise")) or "there are file and noise"
            raise key.error(f"there is no key '{key.text.value}' in 'data'", hint)
    file = node.get("file")
    if not isinstance(file, Scalar):
        raise node.error("'data' names no file", "write {file: sensors.csv}")
    noise, relative = None, False
    if (given := node.get("noise")) is not None:
        noise, relative = _noise(given, scope)
    columns, remarks = read_columns(file, (*scope.coordinates, *scope.fields), path)
    if columns and not set(columns) & set(scope.fields):
        raise file.error(f"no column of '{file.text.value}' is named like an unknown ({', '.join(scope.fields)})")
    _need_coordinates(columns, scope, file)
    return Data(_beside(path, file.text.value), columns, noise, relative), remarks


def check_measured(where: Node | None, scope: Scope, path: str) -> tuple[Remark, ...]:
    """The files of measured fields under ``where``; a field is known of the coordinates that its file has columns for."""
    remarks: tuple[Remark, ...] = ()
    for key, value in where if isinstance(where, Mapping) else ():
        if not isinstance(value, Mapping):
            continue
        name = key.text.value
        file = value.get("file")
        assert isinstance(file, Scalar)
        columns, more = read_columns(file, (*scope.coordinates, name), path)
        remarks += more
        if columns and name not in columns:
            raise file.error(f"'{file.text.value}' has no column '{name}'", f"its columns are {', '.join(columns)}")
        if columns:
            scope.measured[name] = tuple(c for c in scope.coordinates if c in columns)
    return remarks


def read_columns(file: Scalar, known: tuple[str, ...], path: str) -> tuple[tuple[str, ...], tuple[Remark, ...]]:
    """The names in the first line of a comma-separated file; all must be known. None, and a remark, if it is not there."""
    name = file.text.value
    place = _beside(path, name)
    try:
        with place.open(encoding="utf-8-sig") as lines:
            heading = lines.readline(10_000)
    except FileNotFoundError:
        return (), (Remark(f"there is no file '{name}'", file.span, f"it is sought at {place}"),)
    except (OSError, UnicodeDecodeError):
        raise file.error(f"'{name}' cannot be read as text") from None
    columns = tuple(column.strip().strip('"') for column in heading.split(","))
    for column in columns:
        if column not in known:
            hint = suggest(column, known) or f"columns are named {', '.join(known)}"
            raise file.error(f"the column '{column}' of '{name}' is no coordinate and no field", hint)
    if len(set(columns)) < len(columns):
        raise file.error(f"a column of '{name}' is given twice")
    return columns, ()


def _need_coordinates(columns: tuple[str, ...], scope: Scope, file: Scalar) -> None:
    missing = [name for name in scope.coordinates if columns and name not in columns]
    if missing:
        raise file.error(f"'{file.text.value}' has no column '{missing[0]}'", f"its columns are {', '.join(columns)}")


def _beside(path: str, name: str) -> Path:
    """Paths are relative to the problem file."""
    return Path(path).parent / name


def _noise(node: Node, scope: Scope) -> tuple[float, bool]:
    if not isinstance(node, Scalar):
        raise node.error("the noise is a number, or a percentage such as 1%")
    text = node.text.value.strip()
    if text.endswith("%"):
        try:
            noise, relative = float(text[:-1]) / 100, True
        except ValueError:
            raise node.error(f"'{text}' is no percentage", "write 1%") from None
    else:
        noise, relative = float(read_number(node, scope)), False
    if not noise >= 0:
        raise node.error(f"the noise is a standard deviation and not negative: {text}")
    return noise, relative
