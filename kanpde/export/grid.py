"""The fields on a uniform grid, in the order in which files and pictures want them: t, y, x, the last coordinate first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import ProblemError
from kanpde.geometry import Domain
from kanpde.results import Solution

if TYPE_CHECKING:
    from xarray import Dataset

GridSize = Mapping[str, int] | int | None
"""Points along each coordinate, or along every one; None means as many as the plan's output section says."""

MOST = 300_000
"""Points of the stored grid in three coordinates or more, all together (65 along each of three, 23 of four)."""


def uniform_axes(domain: Domain, size: Mapping[str, int] | int) -> dict[str, np.ndarray]:  # {name: (N_i,)}
    """Equally spaced values of each coordinate, both ends included."""
    if isinstance(size, Mapping):
        unknown = [name for name in size if name not in domain.coordinates]
        if unknown:
            raise ProblemError(f"there is no coordinate '{unknown[0]}'; the grid is given by {', '.join(domain.coordinates)}")
    counts = {name: int(size.get(name, 201)) if isinstance(size, Mapping) else int(size) for name in domain.coordinates}
    for name, count in counts.items():
        if count < 1:
            raise ProblemError(f"the grid needs at least one point along {name}, not {count}")
    ends = {name: domain.bounds[axis].tolist() for axis, name in enumerate(domain.coordinates)}
    return {name: np.linspace(lower, upper, counts[name]) for name, (lower, upper) in ends.items()}


def output_axes(solution: Solution) -> dict[str, np.ndarray]:  # {name: (N_i,)}
    """The axes on which a run stores its fields: as many points as the plan says, but no more than ``MOST`` together.

    In the plane and on a line the plan's number is never too large; in space 201 points along each axis would be 8 million.
    """
    wanted, dimension = solution.plan.output.grid, solution.problem.domain.dimension
    return uniform_axes(solution.problem.domain, wanted if dimension <= 2 else min(wanted, _root(MOST, dimension)))


def _root(most: int, dimension: int) -> int:
    """The largest odd number whose power is at most ``most``: with a point in the middle."""
    count = int(most ** (1 / dimension) + 1e-9)
    return count - 1 + count % 2


def open_grid(axes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The axes shaped so that they broadcast to (..., N_t, N_y, N_x): numpy's ``ix_``, last coordinate first."""
    names = list(axes)
    return dict(zip(reversed(names), np.ix_(*(axes[name] for name in reversed(names))), strict=True))


def fields_on(solution: Solution, axes: Mapping[str, np.ndarray], names: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Every field (or the derivatives ``names``) on the tensor grid of the axes: {name: (..., N_t, N_y, N_x)}.

    NaN outside of the domain's shape.
    """
    grid = open_grid(axes)
    return {name: solution.on_grid(name, grid) for name in names or solution.fields}


def errors_on(solution: Solution, values: Callable[[np.ndarray], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Field minus reference on the output grid: {name: (..., N_t, N_y, N_x)}.

    ``values`` is the reference: points (N, d) to {name: (N,)}; fields that it does not know are left out. It is asked inside of
    the domain only.
    """
    fields = fields_on(solution, output_axes(solution))
    grid = open_grid(output_axes(solution))
    full = np.broadcast_arrays(*(grid[name] for name in solution.problem.coordinates))
    within = np.isfinite(next(iter(fields.values())))
    points = np.stack([x[within] for x in full], -1)  # (N, d)
    errors = {}
    for name, truth in values(points).items():
        if name in fields:
            errors[name] = fields[name].copy()
            errors[name][within] -= np.asarray(truth)
    return errors


def coordinate_attributes(name: str, domain: Domain) -> dict[str, str]:
    """CF attributes of a coordinate. Problems are dimensionless unless their author says otherwise, hence units 1."""
    if name == domain.time:
        return {"long_name": "time", "units": "1", "axis": "T"}
    axis = name.upper() if name in "xyz" else ""
    return {"long_name": f"coordinate {name}", "units": "1", **({"axis": axis} if axis else {})}


def field_attributes(name: str, solution: Solution) -> dict[str, str]:
    """CF attributes of a field, a derivative of one, or its error."""
    arguments = {f.name: f"{f.name}({', '.join(f.arguments)})" for f in solution.problem.fields}
    if name.endswith("_error"):
        return {"long_name": f"{name.removesuffix('_error')} minus the reference", "units": "1"}
    return {"long_name": arguments.get(name, name), "units": "1"}


def global_attributes(solution: Solution) -> dict[str, Any]:
    """What the whole file is: title, outcome, error. Booleans are 0 or 1, which every reader of netCDF understands."""
    from kanpde import __version__

    attributes: dict[str, Any] = {
        "Conventions": "CF-1.11",
        "title": solution.problem.title or "untitled",
        "source": f"kanpde {__version__}",
        "outcome": solution.outcome,
        "converged": int(solution.converged),
        "tolerance": float(solution.plan.tolerance),
        "estimated_error": float(solution.estimate.value),
        "estimate_method": solution.estimate.method,
        "estimate_at_roundoff": int(solution.estimate.at_roundoff),
        "residual": float(solution.residual),
        "seconds": float(solution.seconds),
        "device": solution.device,
        "seed": int(solution.plan.seed),
    }
    if solution.formula and solution.formula.text:
        attributes["formula"] = f"{solution.formula.text} ({solution.formula.status})"
    return attributes


def to_xarray(solution: Solution, grid: GridSize = None) -> Dataset:
    """The fields as an xarray dataset with named, ordered dimensions and CF attributes."""
    try:
        import xarray
    except ImportError:
        from kanpde.errors import MissingDependency

        raise MissingDependency("to_xarray needs the package xarray", hint="pip install xarray") from None

    domain = solution.problem.domain
    axes = output_axes(solution) if grid is None else uniform_axes(domain, grid)
    dimensions = tuple(reversed(domain.coordinates))
    variables = {
        name: (dimensions, values, field_attributes(name, solution)) for name, values in fields_on(solution, axes).items()
    }
    coordinates = {name: (name, values, coordinate_attributes(name, domain)) for name, values in axes.items()}
    return xarray.Dataset(variables, coordinates, global_attributes(solution))
