"""Collocation on a rectangle: which functions stand for each field, and one row for every equation, condition and point.

A field is a tensor of coefficients in a product of global bases, and, beside it, functions that know of the corners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain
from kanpde.problem.types import Problem, Residual
from kanpde.reference.axes import Axis, ChebyshevAxis, FourierAxis
from kanpde.reference.corners import Eddy
from kanpde.reference.pointwise import Function, Key, Pointwise

Place = list[tuple[np.ndarray, np.ndarray]]
"""Points and weights along every axis."""


@dataclass(frozen=True)
class Rows:
    """One residual on its points: weights, and tables per jet."""

    residual: Pointwise
    points: list[np.ndarray]  # d arrays (M,)
    weight: np.ndarray  # (M,)
    tables: Mapping[Key, np.ndarray]  # (M, n_f): from a field's coefficients to the values of a jet
    special: Mapping[Key, np.ndarray]  # (M, S): the same jet of the corner functions
    columns: Mapping[str, slice]  # where the coefficients of each field stand; those of the corner functions are the last

    def __call__(self, c: np.ndarray, wanted: bool = True) -> tuple[np.ndarray, np.ndarray | None]:  # (n,) -> (M,), (M, n)
        """The weighted residual, and its Jacobian by the coefficients if it is wanted."""
        first = max(s.stop for s in self.columns.values())
        jets = {key: table @ c[self.columns[key[0]]] + self.special[key] @ c[first:] for key, table in self.tables.items()}
        value, slopes = self.residual(self.points, jets)
        if not wanted:
            return self.weight * value, None
        jacobian = np.zeros((len(self.weight), len(c)))
        for key, table in self.tables.items():
            weight = (self.weight * slopes[key])[:, None]
            jacobian[:, self.columns[key[0]]] += weight * table
            jacobian[:, first:] += weight * self.special[key]
        return self.weight * value, jacobian


class Collocation:
    """All rows of a problem with bases of given sizes."""

    def __init__(self, problem: Problem, equations: list[Pointwise], sizes: tuple[int, ...], corners: tuple[Eddy, ...]) -> None:
        self.problem, self.corners = problem, corners
        self.full = tuple(_axis(problem.domain, i, n) for i, n in enumerate(sizes))
        self.axes = _axes(problem, equations, sizes)
        ends = np.cumsum([0, *(int(np.prod([a.size for a in field])) for field in self.axes.values())])
        self.columns = {n: slice(int(low), int(high)) for n, low, high in zip(self.axes, ends[:-1], ends[1:], strict=True)}
        self.size = int(ends[-1]) + len(corners)
        self.rows: list[Rows] = []
        self._tables: dict[tuple[object, ...], np.ndarray] = {}
        more = 1 if corners else 0  # square systems cannot tell corner functions from polynomials: by symmetry some are square
        for equation in equations:
            self._add(equation, [axis.inside(max(0, equation.order(i) - more)) for i, axis in enumerate(self.full)])
        for condition in problem.conditions:
            predicate = condition.place.predicate
            for face in condition.place.faces:
                chosen = [axis.across() for axis in self.full]
                chosen[face.axis] = (np.array([problem.domain.position(face)]), np.ones(1))
                mask = None if predicate in (None, sp.true) else Function(problem, sp.Piecewise((1, predicate), (0, True)))
                for r in condition.residuals:
                    self._add(Pointwise(problem, r.on_face(face, problem.coordinates)), chosen, mask)
            if condition.kind == "constraint":
                point = condition.place.point
                if point is None:
                    raise UnsupportedProblem(f"'{condition.name}' is no condition at a point", condition.span)
                at = [
                    axis.across() if x is None else (np.array([float(x)]), np.ones(1))
                    for x, axis in zip(point, self.full, strict=True)
                ]
                for r in condition.residuals:
                    self._add(Pointwise(problem, r), at)
        self._tables.clear()
        if sum(len(r.weight) for r in self.rows) < self.size:
            raise UnsupportedProblem("there are too few boundary conditions for a unique solution")

    def __call__(self, c: np.ndarray, wanted: bool) -> tuple[np.ndarray, np.ndarray | None]:  # (n,) -> (M,), (M, n)
        """The residual of all rows, and its Jacobian."""
        values = np.empty(sum(len(r.weight) for r in self.rows))
        jacobian = np.empty((len(values), len(c))) if wanted else None
        first = 0
        for r in self.rows:
            part = slice(first, first + len(r.weight))
            values[part], own = r(c, wanted)
            if jacobian is not None:
                jacobian[part] = own
            first = part.stop
        return values, jacobian

    def _add(self, residual: Pointwise, place: Place, mask: Function | None = None) -> None:
        x = [points for points, _ in place]
        grids = [g.ravel() for g in np.meshgrid(*x, indexing="ij")]
        weight = np.sqrt(np.prod(np.stack([g.ravel() for g in np.meshgrid(*(w for _, w in place), indexing="ij")]), axis=0))
        tables = {key: self._table(key, x) for key in residual.keys}
        if mask is not None:
            keep = mask(grids) > 0.5
            grids, weight, tables = [g[keep] for g in grids], weight[keep], {i: table[keep] for i, table in tables.items()}
        special = {key: self._special(key, grids) for key in tables}
        _, slopes = residual(grids, {key: np.zeros(len(weight)) for key in tables})
        largest = [
            np.abs(s).max(initial=0.0) * np.prod([(2 / n) ** q for n, q in zip(self.problem.domain.lengths, i, strict=True)])
            for (_, i), s in slopes.items()
        ]
        size = float(max(largest, default=1.0))
        weight = weight / (size if np.isfinite(size) and size > 0 else 1.0)
        self.rows.append(Rows(residual, grids, weight, tables, special, self.columns))

    def _special(self, key: Key, grids: list[np.ndarray]) -> np.ndarray:  # (M, S)
        return np.array([corner(*key, grids) for corner in self.corners]).reshape(len(self.corners), len(grids[0])).T

    def _table(self, key: Key, x: list[np.ndarray]) -> np.ndarray:  # (M, n_f)
        """Kept by basis, points and order while the rows are made: u and v share theirs."""
        name, index = key
        known = (self.axes[name], tuple(points.tobytes() for points in x), index)
        if known not in self._tables:
            table = np.ones((1, 1))
            for axis, points, order in zip(self.axes[name], x, index, strict=True):
                table = np.kron(table, axis.table(points, order))
            self._tables[known] = table
        return self._tables[known]


def _axis(domain: Domain, axis: int, size: int) -> Axis:
    low, high = (float(b) for b in domain.bounds[axis])
    return FourierAxis(low, high, size) if domain.coordinates[axis] in domain.periodic else ChebyshevAxis(low, high, size)


def _axes(problem: Problem, equations: list[Pointwise], sizes: tuple[int, ...]) -> dict[str, tuple[Axis, ...]]:
    """The bases of every field. One without conditions on the boundary has as many coefficients as its equations have points.

    For the pressure that is the degree N - 2 where the velocity has N, without spurious modes (Bernardi & Maday 1992). A
    condition such as u_n = p belongs to the field of the highest order in it.
    """
    order = {
        f.name: max((sum(index) for e in equations for name, index in e.keys if name == f.name), default=0)
        for f in problem.fields
    }
    conditioned = set()
    for condition in problem.conditions:
        for r in condition.residuals if condition.place.faces else ():
            names = _names(problem, r)
            conditioned |= {name for name in names if order[name] == max(order[n] for n in names)}
    found: dict[str, tuple[Axis, ...]] = {}
    for field in problem.fields:
        mine = [e for e in equations if e.has(field.name)]
        fewer = [0 if field.name in conditioned else max((e.order(i) for e in mine), default=0) for i in range(len(sizes))]
        found[field.name] = tuple(
            _axis(problem.domain, i, n - less if problem.coordinates[i] not in problem.domain.periodic else n)
            for i, (n, less) in enumerate(zip(sizes, fewer, strict=True))
        )
    return found


def _names(problem: Problem, residual: Residual) -> set[str]:
    """The fields that a condition speaks of, by their values or by their derivatives along the normal."""
    symbols = {str(s).partition("_")[0] for s in residual.expression.free_symbols}
    return {name for name, _ in residual.jets.values()} | {f.name for f in problem.fields if f.name in symbols}
