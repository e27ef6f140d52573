"""Outlines from files: the corners of a polygon, a line each, under a header that names the coordinates."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from kanpde.geometry.shapes import Point, Shape, outline_file
from kanpde.problem.text import Node, Scalar, suggest

Outlines = Mapping[str, tuple[Point, ...]]
"""Corners by the name of the file that they came from."""

MOST = 10_000
"""Corners of one outline; every one may become a piece of the boundary with points of its own."""


def read_outline(name: str, node: Node, coordinates: tuple[str, ...], known: Outlines) -> Shape:
    """``{file: outline.csv}``, relative to the problem file; it closes by itself, and may run either way round.

    ``known`` are corners by the name of their file, which is not opened then.
    """
    file = node.get("file") if hasattr(node, "get") else None
    if not isinstance(file, Scalar) or len(node.entries) > 1:  # type: ignore[union-attr]
        raise node.error("a shape from a file is written {file: outline.csv}")
    if len(coordinates) != 2:
        raise file.error("an outline from a file has two coordinates")
    corners = known[file.text.value] if file.text.value in known else _corners(file, coordinates)
    try:
        return outline_file(name, file.text.value, corners)
    except ValueError as error:
        raise file.error(f"'{file.text.value}': {error}", "its lines are the corners in order, each once") from None


def _corners(file: Scalar, coordinates: tuple[str, ...]) -> tuple[Point, ...]:
    path = Path(file.text.path).parent / file.text.value
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise file.error(f"there is no file '{file.text.value}'", f"it is sought at {path}") from None
    except (OSError, UnicodeDecodeError):
        raise file.error(f"'{file.text.value}' cannot be read as text") from None
    rows = [(k, line) for k, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if len(rows) > MOST + 1:
        raise file.error(f"'{file.text.value}' has {len(rows) - 1} corners, and at most {MOST} are read")
    columns = _columns(file, rows[0][1] if rows else "", coordinates)
    corners: list[Point] = []
    for number, line in rows[1:]:
        corner = _corner(file, number, line, columns)
        if not corners or corner != corners[-1]:
            corners.append(corner)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    if len(corners) < 3:
        raise file.error(f"'{file.text.value}' has {len(corners)} different corners, and an outline has at least three")
    return tuple(corners)


def _columns(file: Scalar, header: str, coordinates: tuple[str, ...]) -> list[int]:
    """Where each coordinate stands in a line."""
    names = [name.strip().strip('"') for name in header.split(",")]
    wanted = ",".join(coordinates)
    if all(_number(name) is not None for name in names):
        raise file.error(f"the first line of '{file.text.value}' names no coordinates", f"it is: {wanted}")
    for name in names:
        if name not in coordinates:
            hint = suggest(name, coordinates) or f"the first line is: {wanted}"
            raise file.error(f"the column '{name}' of '{file.text.value}' is no coordinate of the shape", hint)
    if len(set(names)) < len(names):
        raise file.error(f"a column of '{file.text.value}' is given twice")
    for name in coordinates:
        if name not in names:
            raise file.error(f"'{file.text.value}' has no column '{name}'", f"the first line is: {wanted}")
    return [names.index(name) for name in coordinates]


def _corner(file: Scalar, number: int, line: str, columns: list[int]) -> Point:
    entries = next(csv.reader([line]))
    if len(entries) != len(columns):
        message = f"line {number} of '{file.text.value}' has {len(entries)} entries, and the first line has {len(columns)}"
        raise file.error(message, "a corner is a line such as 0.5,1.25")
    values = []
    for column in columns:
        value = _number(entries[column])
        if value is None or not abs(value) < 1e15:
            raise file.error(f"line {number} of '{file.text.value}': '{entries[column].strip()}' is no number")
        values.append(value)
    return tuple(values)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
