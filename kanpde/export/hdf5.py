"""``solution.h5``: everything about a run in one file that h5py, xarray and ParaView open.

    /             CF attributes, outcome, error            /kanpde/problem    the text of the problem file
    /x, /t        coordinates (dimension scales)           /kanpde/plan       JSON
    /u, /u_error  fields, dimensions t, y, x               /kanpde/network    spec (JSON), state/<name>
    /VTKHDF       the image for ParaView, by hard links    /kanpde/history    one array a column, one row a stage
    /kanpde/outlines  corners of shapes that came from     /kanpde/comparison, formula, unknowns, versions
                      files, by the name of the file

Nothing in it is code: JSON, numbers and text in the problem's own language.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from kanpde.errors import ProblemError
from kanpde.export import grid as on_grid
from kanpde.export.atomic import replacing
from kanpde.export.stored import read_formula, read_history, read_network, write_formula, write_history, write_network
from kanpde.export.summary import versions
from kanpde.export.vtkhdf import add_image
from kanpde.results import Comparison, Estimate, FieldComparison, Formula, Solution

if TYPE_CHECKING:
    from kanpde.geometry import Domain
    from kanpde.problem import Document

FORMAT = 1
"""Number of the layout above; a reader refuses what it does not know."""

PROBLEM_FILES = (".yaml", ".yml")
"""Endings of what is solved, which somebody may name where its run is meant."""


def write_solution(solution: Solution, path: str | PathLike[str]) -> None:
    """Write the whole solution to ``path``, or nothing at all."""
    axes = on_grid.output_axes(solution)
    arrays = on_grid.fields_on(solution, axes)
    arrays |= {f"{name}_error": values for name, values in solution.errors.items() if values.shape == arrays[name].shape}
    # 'v110' as the newest format: what ParaView's and netCDF's HDF5 libraries are sure to read.
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
        file.attrs.update(on_grid.global_attributes(solution))
        file.attrs["kanpde_format"] = FORMAT
        write_fields(file, solution, axes, arrays)
        outside = ~np.isfinite(next(iter(arrays.values())))
        add_image(file, axes, list(arrays), solution.problem.domain.time, outside)
        group = file.create_group("kanpde")
        group["problem"] = solution.problem.source
        group["problem"].attrs["path"] = solution.problem.path
        group["plan"] = solution.plan.model_dump_json()
        _write_outlines(group.create_group("outlines"), solution.problem.domain)
        write_network(group.create_group("network"), solution.network)
        write_history(group.create_group("history"), solution.history)
        _write_comparison(group.create_group("comparison"), solution.comparison)
        write_formula(group.create_group("formula"), solution.formula)
        group.create_group("versions").attrs.update(dict(solution.versions) or versions())
        unknowns = group.create_group("unknowns")
        for name, (value, deviation) in solution.unknowns.items():
            unknowns[name] = np.array([value, deviation])


def write_fields(
    file: h5py.File,
    solution: Solution,
    axes: Mapping[str, np.ndarray],
    arrays: Mapping[str, np.ndarray],  # (..., N_t, N_y, N_x)
) -> None:
    """Arrays on a tensor grid, with their coordinates as dimension scales and CF attributes."""
    domain = solution.problem.domain
    for name, values in axes.items():
        scale = file.create_dataset(name, data=values)
        scale.make_scale(name)
        scale.attrs.update(on_grid.coordinate_attributes(name, domain))
    for name, values in arrays.items():
        data = file.create_dataset(name, data=values)
        for dimension, coordinate in enumerate(reversed(domain.coordinates)):
            data.dims[dimension].attach_scale(file[coordinate])
        data.attrs.update(on_grid.field_attributes(name, solution))


def _write_outlines(group: h5py.Group, domain: Domain) -> None:
    """What the text of the problem does not say by itself."""
    for number, shape in enumerate(shape for shape in domain.named.values() if shape.kind == "file"):
        corners = group.create_dataset(str(number), data=np.array(shape.corners))
        corners.attrs["file"] = shape.arguments[0]


def _read_outlines(group: h5py.Group) -> dict[str, tuple[tuple[float, ...], ...]]:
    return {data.attrs["file"]: tuple(map(tuple, data[...].tolist())) for data in group.values()}


def _write_comparison(group: h5py.Group, comparison: Comparison) -> None:
    group.attrs["remark"] = comparison.remark
    for name, found in comparison.fields.items():
        _write_compared(group.create_group(name), found)
    for name, found in comparison.beside.items():
        _write_compared(group[name].create_group("beside"), found)


def _write_compared(group: h5py.Group, found: FieldComparison) -> None:
    for item in dataclass_fields(FieldComparison):
        value = getattr(found, item.name)
        group.attrs[item.name] = math.nan if value is None else value


def read_solution(path: str | PathLike[str]) -> Solution:
    """The solution in a file, or in the run folder that holds ``solution.h5``; raises ProblemError if there is none."""
    from kanpde.plan import Plan
    from kanpde.problem import read_text, real_form

    source = Path(path) / "solution.h5" if Path(path).is_dir() else Path(path)
    if not source.is_file():
        raise ProblemError(f"there is no run at '{path}'", hint="'kanpde solve FILE' writes one to runs/<name of the file>")
    if source.suffix in PROBLEM_FILES:
        raise ProblemError(f"'{path}' is a problem file, not a run", hint=f"'kanpde solve {path}' writes its run; name that")
    try:
        with h5py.File(source, "r") as file:
            attributes = dict(file.attrs)
            if attributes.get("kanpde_format") != FORMAT:
                raise ProblemError(f"'{source}' was not written by this version of kanpde (format {FORMAT})")
            group = file["kanpde"]
            text, outlines = group["problem"], _read_outlines(group["outlines"]) if "outlines" in group else {}
            document = read_text(text.asstr()[()], text.attrs["path"], outlines)
            return Solution(
                problem=real_form(document.problem),
                plan=Plan.model_validate_json(group["plan"].asstr()[()]),
                network=read_network(group["network"]),
                history=read_history(group["history"]),
                outcome=attributes["outcome"],
                converged=bool(attributes["converged"]),
                estimate=Estimate(
                    float(attributes["estimated_error"]),
                    attributes["estimate_method"],
                    bool(attributes["estimate_at_roundoff"]),
                ),
                residual=float(attributes["residual"]),
                seconds=float(attributes["seconds"]),
                device=attributes["device"],
                comparison=_read_comparison(group["comparison"]),
                formula=_read_formula(group["formula"], document),
                errors={name.removesuffix("_error"): file[name][...] for name in file if name.endswith("_error")},
                unknowns={name: (float(pair[0]), float(pair[1])) for name, pair in group["unknowns"].items()},
                versions=dict(group["versions"].attrs),
            )
    except (OSError, KeyError) as error:
        raise ProblemError(f"'{source}' is no complete run file: {error}") from error


def _read_comparison(group: h5py.Group) -> Comparison:
    fields = {name: _read_compared(entry) for name, entry in group.items()}
    beside = {name: _read_compared(entry["beside"]) for name, entry in group.items() if "beside" in entry}
    return Comparison(fields, group.attrs["remark"], beside)


def _read_compared(group: h5py.Group) -> FieldComparison:
    found = group.attrs
    l2, most, h1, error, seconds = (float(found[key]) for key in ("l2", "max", "h1", "error", "seconds"))
    return FieldComparison(l2, most, None if math.isnan(h1) else h1, found["method"], error, seconds)


def _read_formula(group: h5py.Group, document: Document) -> Formula | None:
    from kanpde.problem.formula import read_expression

    formula = read_formula(group, (f.name for f in document.problem.fields), lambda text: read_expression(text, document))
    return formula and formula.named(document.problem)
