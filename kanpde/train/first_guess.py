"""Where Gauss-Newton starts if it cannot start from zero: the harmonic function that fits the conditions.

An equation such as |grad u|^2 = 1 has no derivative at u = 0: there is no direction in which to go. Laplace's equation with the
same conditions is as smooth as the data, has their size, and no such place inside.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from kanpde.assembly.shape_rows import ShapeRows
from kanpde.assembly.tensor_space import TensorSpace
from kanpde.problem import Problem
from kanpde.problem.types import Residual, jet_symbol


def harmonic(rows: ShapeRows, space: TensorSpace) -> Tensor:
    """The coefficients of the harmonic functions, one a field, that fit the conditions of the problem best."""
    easy = ShapeRows(replace(rows.problem, equations=_laplace(rows.problem)), rows.terms, rows.device, rows.dtype)
    return easy.system(space).linearise(space.breaks[0].new_zeros(space.size + rows.border)).step()


def _laplace(problem: Problem) -> tuple[Residual, ...]:
    """lap(u) = 0 for every field."""
    names, axes = problem.coordinates, problem.domain.space_axes
    found = []
    for field in problem.fields:
        seconds = [tuple(2 * (axis == other) for other in range(len(names))) for axis in axes]
        jets = {jet_symbol(field.name, index, names): (field.name, index) for index in seconds}
        found.append(Residual(sum(jets), jets, f"lap({field.name}) = 0"))
    return tuple(found)
