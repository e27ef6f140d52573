"""What an equation is in its highest derivatives: the Laplacian of one field, a viscous flow, a clamped plate.

Only that decides which functions are singular in a corner; everything else in the equation follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy as sp

from kanpde.assembly.corners import slopes
from kanpde.problem.types import MultiIndex, Problem, Residual

SAME = 1e-12

Coupling = Literal["value", "slope"]


@dataclass(frozen=True)
class Laplacian:
    """A field with a(x) lap(field) in an equation of its own; ``coupling``: what the rest of the equation contains."""

    field: str
    equation: Residual
    coupling: Coupling | None


@dataclass(frozen=True)
class Plate:
    """A field with lap(lap(field)) in an equation of its own."""

    field: str


@dataclass(frozen=True)
class Flow:
    """Velocity and pressure of -grad p + viscosity * lap(u, v) + lower terms, with a velocity free of divergence."""

    u: str
    v: str
    p: str
    viscosity: float


Role = Laplacian | Plate | Flow


def roles(problem: Problem) -> list[Role]:
    """The fields whose singular functions are known; the others, such as those of elasticity, are left out."""
    found: list[Role] = []
    flow = _flow(problem)
    taken = {flow.u, flow.v, flow.p} if flow else set()
    if flow:
        found.append(flow)
    for r in problem.equations:
        top = {key for key in r.partials if sum(key[1]) == r.order}
        fields = {name for name, _ in top}
        if len(fields) != 1 or (name := next(iter(fields))) in taken:
            continue
        if r.order == 2:
            taken.add(name)
            found.append(Laplacian(name, r, _coupling(problem, r)))
        elif r.order == 4 and _is_plate(problem, r, name):
            taken.add(name)
            found.append(Plate(name))
    return found


def isotropic(problem: Problem, role: Laplacian, point: np.ndarray) -> bool:
    """Whether the second derivatives of the field form a multiple of its Laplacian at a point, or for all values of the field."""
    partials = role.equation.partials
    a, b, c = (sp.sympify(partials.get((role.field, index), 0), strict=True) for index in ((2, 0), (1, 1), (0, 2)))
    if sp.expand(b).is_zero and sp.expand(a - c).is_zero:
        return True
    top = {index: value for index, value in slopes(problem, role.equation, role.field, point).items() if sum(index) == 2}
    at, mixed, other = (top.get(index, 0.0) for index in ((2, 0), (1, 1), (0, 2)))
    return bool(abs(at - other) <= SAME * abs(at) and abs(mixed) <= SAME * abs(at) and at != 0)  # NaN, where u occurs: no


def _coupling(problem: Problem, residual: Residual) -> Coupling | None:
    """Whether slopes occur, or coefficients of the second derivatives that vary; else whether values of fields do."""
    coupling: Coupling | None = None
    for (_, index), slope in residual.partials.items():
        if sum(index) == 1 or (sum(index) == 2 and problem.with_values(slope).free_symbols):
            return "slope"
        if sum(index) == 0:
            coupling = "value"
    return coupling


def _constants(problem: Problem, residual: Residual) -> dict[tuple[str, MultiIndex], float | None]:
    """The slopes of a residual that are numbers; None for those that vary."""
    values = {key: sp.sympify(problem.with_values(slope), strict=True) for key, slope in residual.partials.items()}
    return {key: float(value) if not value.free_symbols else None for key, value in values.items()}


def _is_plate(problem: Problem, residual: Residual, name: str) -> bool:
    top = {index: c for (_, index), c in _constants(problem, residual).items() if sum(index) == 4}
    a = top.get((4, 0))
    return a is not None and a != 0 and top == {(4, 0): a, (2, 2): 2 * a, (0, 4): a}


def _flow(problem: Problem) -> Flow | None:
    """The first two fields u, v with an equation c (u_x + v_y) = 0, and a third whose gradient drives both."""
    tables = [_constants(problem, r) for r in problem.equations]
    for table in tables:
        if sorted(index for _, index in table) != [(0, 1), (1, 0)] or len(set(table.values())) > 1 or None in table.values():
            continue
        u, v = (next(name for name, index in table if index == wanted) for wanted in ((1, 0), (0, 1)))
        for p in (f.name for f in problem.fields if f.name not in (u, v)):
            values = [_viscosity(tables, name, p, gradient) for name, gradient in ((u, (1, 0)), (v, (0, 1)))]
            a, b = values
            if u != v and a is not None and b is not None and a > 0 and abs(a - b) <= SAME * a:
                return Flow(u, v, p, a)
    return None


def _viscosity(
    tables: list[dict[tuple[str, MultiIndex], float | None]], name: str, pressure: str, gradient: MultiIndex
) -> float | None:
    """nu of an equation with nu lap(name) - d(pressure) and no other second derivative."""
    for table in tables:
        second = {key: value for key, value in table.items() if sum(key[1]) == 2}
        first = {index: value for (field, index), value in table.items() if field == pressure}
        a = second.get((name, (2, 0)))
        if a and second == {(name, (2, 0)): a, (name, (0, 2)): a} and set(first) == {gradient} and (b := first[gradient]):
            return -a / b
    return None
