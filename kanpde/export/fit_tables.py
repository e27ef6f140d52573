"""Values of a fit at chosen points: from a file, from words, or on a grid over the range of the data; CSV out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kanpde.errors import ProblemError
from kanpde.export.atomic import replacing
from kanpde.export.tables import Points, points_in_words, write_csv
from kanpde.learn.columns import read_columns
from kanpde.learn.regression import Regression

DEFAULT = 101
"""Points along an input of the grid where none is asked for; of several inputs all together no more than its square."""


def read_points(at: str | None, grid: str | None, regression: Regression) -> Points:
    """The points that a command line asks for; a grid over the data's range if it asks for none."""
    if at is None:
        return _on_grid(grid, regression)
    return points_in_words(at, regression.names) if "=" in at and not Path(at).exists() else _in_file(at, regression)


def _in_file(path: str, regression: Regression) -> Points:
    """The columns that are called like the inputs; of a file without names, its columns in the order of the inputs."""
    table = read_columns(path, regression.names, unnamed=regression.names)
    return Points({name: table.values[:, table.place(name, path)] for name in regression.names})


def _on_grid(text: str | None, regression: Regression) -> Points:
    names, ends = regression.names, regression.data.domain.tolist()
    example = "x".join(["201", "101", "51"][: len(names)] + ["5"] * (len(names) - 3))
    try:
        counts = [int(number) for number in text.lower().split("x")] if text is not None else _default(len(names))
    except ValueError:
        counts = []
    if len(counts) != len(names) or min(counts) < 1:
        raise ProblemError(f"'{text}' is no grid for {', '.join(names)}", hint=f"write --grid {example}")
    return Points({n: np.linspace(a, b, count) for n, (a, b), count in zip(names, ends, counts, strict=True)}, tensor=True)


def _default(inputs: int) -> list[int]:
    return [DEFAULT] if inputs == 1 else [max(2, int(DEFAULT ** (2 / inputs)))] * inputs


def values_at(regression: Regression, points: Points, derivatives: str = "") -> dict[str, np.ndarray]:
    """Every target at the points: (N,), or (..., N_2, N_1) on a grid."""
    if derivatives:
        raise ProblemError(
            "derivatives of a fit are not written to tables", hint="in Python: regression.network.jet(x, [(1, 0)])"
        )
    unknown = [name for name in points.coordinates if name not in regression.names]
    if unknown:
        raise ProblemError(f"the fit has no input '{unknown[0]}'; there are {', '.join(regression.names)}")
    try:
        return regression.values(points.arrays())
    except ValueError as error:
        raise ProblemError(str(error)) from None


def write_table(path: str | Path, points: Points, values: dict[str, np.ndarray]) -> None:
    """Write values at points as CSV."""
    if Path(path).suffix != ".csv":
        raise ProblemError(f"values of a fit cannot be written as '{Path(path).suffix or path}'; this version writes .csv")
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        write_csv(stream, points, values)
