"""Values at chosen points as tables: points from a file, from words, or on a grid; CSV or HDF5 out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from kanpde.errors import ProblemError
from kanpde.export.atomic import replacing
from kanpde.export.grid import coordinate_attributes, field_attributes, global_attributes, open_grid, output_axes, uniform_axes
from kanpde.results import Solution


@dataclass(frozen=True)
class Points:
    """Where to evaluate: one array a coordinate, all (N,), or the axes (N_i,) of a tensor grid."""

    coordinates: Mapping[str, np.ndarray]
    tensor: bool = False

    def arrays(self) -> dict[str, np.ndarray]:
        """What to call a solution with: arrays that broadcast."""
        return open_grid(self.coordinates) if self.tensor else dict(self.coordinates)


def points_in_words(text: str, coordinates: tuple[str, ...]) -> Points:
    """``"x=0.5,t=1"``: one point."""
    values: dict[str, np.ndarray] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = np.array([float(number)])
        except ValueError:
            equals = ""
        if not equals:
            example = ",".join(f"{coordinate}=0.5" for coordinate in coordinates)
            raise ProblemError(f"'{part.strip()}' is no value of a coordinate", hint=f'write --at "{example}" or a .csv file')
    return Points(values)


def points_in_file(path: str | Path, coordinates: tuple[str, ...]) -> Points:
    """The points of a CSV file whose columns are named by the coordinates."""
    return Points(columns_in_file(path, coordinates))


def columns_in_file(path: str | Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Columns of a CSV file by the names in its first line; others are left alone. Lines from # on are comments."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(line for line in file if line.strip() and not line.startswith("#"))
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in names if name not in header]
        if missing:
            raise ProblemError(
                f"{path} has no column '{missing[0]}'", hint=f"the first line names the columns: {','.join(names)}"
            )
        columns: dict[str, list[float]] = {name: [] for name in names}
        for number, row in enumerate(reader, 2):
            try:
                for name in names:
                    columns[name].append(float(row[header.index(name)]))
            except (ValueError, IndexError):
                raise ProblemError(f"{path}: row {number} is not a row of numbers: {','.join(row)}") from None
    return {name: np.array(values) for name, values in columns.items()}


def points_on_grid(text: str, solution: Solution) -> Points:
    """``"201x101"``: that many points along each coordinate, in the order of the problem."""
    names = solution.problem.coordinates
    try:
        counts = [int(number) for number in text.lower().replace("*", "x").split("x")]
    except ValueError:
        counts = []
    if len(counts) != len(names) or min(counts) < 1:
        example = "x".join(["201", "101", "51"][: len(names)])
        raise ProblemError(f"'{text}' is no grid for {', '.join(names)}", hint=f"write --grid {example}")
    return Points(uniform_axes(solution.problem.domain, dict(zip(names, counts, strict=True))), tensor=True)


def read_points(at: str | None, grid: str | None, solution: Solution) -> Points:
    """The points that a command line asks for; the output grid of the plan if it asks for none."""
    names = solution.problem.coordinates
    if at is not None:
        return points_in_words(at, names) if "=" in at else points_in_file(at, names)
    return Points(output_axes(solution), tensor=True) if grid is None else points_on_grid(grid, solution)


def values_at(solution: Solution, points: Points, derivatives: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Every field and the derivatives asked for: (N,) at points, (..., N_t, N_y, N_x) on a grid. Complex ones by their parts.

    Points outside of the domain are refused one by one, and NaN on a grid.
    """
    names = dict.fromkeys([*solution.fields, *(real for name in derivatives for real in _real_names(name, solution))])
    if points.tensor:
        return {name: solution.on_grid(name, points.arrays()) for name in names}
    return {name: solution.derivative(name, **points.arrays()) for name in names}


def _real_names(name: str, solution: Solution) -> tuple[str, ...]:
    """``psi_re_x`` and ``psi_im_x`` for the derivative ``psi_x`` of a complex function, and any other name as it is."""
    function, _ = solution.partial(name)
    return tuple(part + name[len(function) :] for part in solution.problem.parts.get(function, (function,)))


def write_csv(stream: IO[str], points: Points, values: Mapping[str, np.ndarray]) -> None:
    """One row a point, with 17 digits: the number that is read back is the number that was written."""
    arrays = points.arrays()
    columns = {name: arrays[name] for name in points.coordinates} | dict(values)
    flat = [np.ravel(x) for x in np.broadcast_arrays(*columns.values())]
    stream.write(in_one_line(columns) + "\n")
    for row in zip(*flat, strict=True):
        stream.write(",".join(repr(float(value)) for value in row) + "\n")


def in_one_line(names: Iterable[str]) -> str:
    """The first line of a CSV file; names that hold a comma stand in quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(list(names))
    return line.getvalue()


def _csv_file(path: Path, solution: Solution, points: Points, values: Mapping[str, np.ndarray]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        write_csv(stream, points, values)


def _hdf5_file(path: Path, solution: Solution, points: Points, values: Mapping[str, np.ndarray]) -> None:
    domain = solution.problem.domain
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
        file.attrs.update(global_attributes(solution))
        if not points.tensor:
            file.create_dataset("point", data=np.arange(len(next(iter(points.coordinates.values()))))).make_scale("point")
        for name, x in points.coordinates.items():
            data = file.create_dataset(name, data=x)
            data.attrs.update(coordinate_attributes(name, domain))
            if points.tensor:
                data.make_scale(name)
            else:
                data.dims[0].attach_scale(file["point"])
        for name, value in values.items():
            data = file.create_dataset(name, data=value)
            data.attrs.update(field_attributes(name, solution))
            if not points.tensor:
                data.attrs["coordinates"] = " ".join(domain.coordinates)
            for axis, scale in enumerate(reversed(domain.coordinates) if points.tensor else ["point"]):
                data.dims[axis].attach_scale(file[scale])


TABLES: dict[str, Callable[[Path, Solution, Points, Mapping[str, np.ndarray]], None]] = {".csv": _csv_file, ".h5": _hdf5_file}
"""How values at points are written, by the suffix of the file."""


def write_table(path: str | Path, solution: Solution, points: Points, values: Mapping[str, np.ndarray]) -> None:
    """Write values at points in the format that the suffix names."""
    suffix = Path(path).suffix
    if suffix not in TABLES:
        raise ProblemError(f"values cannot be written as '{suffix or path}'; this version writes {', '.join(TABLES)}")
    TABLES[suffix](Path(path), solution, points, values)
