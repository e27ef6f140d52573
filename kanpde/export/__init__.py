"""Results as files: the run file, the run folder, tables of values."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from kanpde.errors import ProblemError
from kanpde.export.atomic import replacing, write_text
from kanpde.export.fields import write_csv_of_fields, write_netcdf, write_vtkhdf
from kanpde.export.folder import RunFolder
from kanpde.export.formula import as_tex, as_transcript, write_formula
from kanpde.export.grid import errors_on, fields_on, open_grid, output_axes, to_xarray, uniform_axes
from kanpde.export.hdf5 import read_solution as load
from kanpde.export.hdf5 import write_solution
from kanpde.export.programs import solution_as_onnx, solution_as_pt2
from kanpde.export.summary import as_json, plain, summary, versions
from kanpde.results import Solution

EXPORTERS: dict[str, Callable[[Solution, Path], None]] = {
    ".h5": write_solution,
    ".py": write_formula,
    ".tex": write_formula,
    ".c": write_formula,
    ".csv": write_csv_of_fields,
    ".nc": write_netcdf,
    ".vtkhdf": write_vtkhdf,
    ".pt2": solution_as_pt2,
    ".onnx": solution_as_onnx,
}
"""What a solution can be written as, by the suffix of the file: all of it, its formula, its fields, its network."""


def save(solution: Solution, path: str | PathLike[str]) -> None:
    """Write the solution in the format that the suffix of the path names."""
    suffix = Path(path).suffix
    if suffix not in EXPORTERS:
        known = ", ".join(EXPORTERS)
        raise ProblemError(f"a solution cannot be written as '{suffix or path}'; this version writes {known}")
    EXPORTERS[suffix](solution, Path(path))


__all__ = [
    "EXPORTERS", "RunFolder", "as_json", "as_tex", "as_transcript", "errors_on", "fields_on", "load", "open_grid", "output_axes",
    "plain", "replacing", "save", "summary", "to_xarray", "uniform_axes", "versions", "write_text",
]  # fmt: skip
