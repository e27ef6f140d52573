"""The fields of a solution alone, on its output grid: a table (.csv), netCDF (.nc), a picture for ParaView (.vtkhdf)."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from kanpde.errors import ProblemError
from kanpde.export import grid as on_grid
from kanpde.export.atomic import replacing
from kanpde.export.hdf5 import write_fields
from kanpde.export.tables import Points, write_table
from kanpde.export.vtkhdf import LARGEST, add_image
from kanpde.results import Solution


def write_csv_of_fields(solution: Solution, path: Path) -> None:
    """A row for each point of the output grid: coordinates and fields; NaN outside of the domain."""
    axes = on_grid.output_axes(solution)
    write_table(path, solution, Points(axes, tensor=True), on_grid.fields_on(solution, axes))


def write_netcdf(solution: Solution, path: Path) -> None:
    """netCDF-4 with CF attributes; it is HDF5 with dimension scales, so that it needs no library of its own."""
    _write(solution, path, image=False)


def write_vtkhdf(solution: Solution, path: Path) -> None:
    """What ParaView opens: one image, or over time a series of them. Raises ProblemError for more axes than VTK draws."""
    domain = solution.problem.domain
    pictured = domain.dimension - (1 if domain.time is not None and domain.dimension > 2 else 0)
    if pictured > LARGEST:
        raise ProblemError(
            f"VTK draws at most {LARGEST} coordinates and time, and here are {', '.join(domain.coordinates)}",
            hint="write .nc, or .csv, and cut the fields",
        )
    _write(solution, path, image=True)


def _write(solution: Solution, path: Path, image: bool) -> None:
    axes = on_grid.output_axes(solution)
    arrays = on_grid.fields_on(solution, axes)
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=("earliest", "v110"), track_order=not image) as file:
        file.attrs.update(on_grid.global_attributes(solution))
        write_fields(file, solution, axes, arrays)
        if image:
            outside = ~np.isfinite(next(iter(arrays.values())))
            add_image(file, axes, list(arrays), solution.problem.domain.time, outside)
