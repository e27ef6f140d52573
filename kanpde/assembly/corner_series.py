"""Whether a polynomial can satisfy equations and conditions at a corner: no logarithm is needed where one can.

The coefficients of the fields' power series are sought together, up to one degree after the other, by Gauss-Newton steps on the
Taylor coefficients of all equations and conditions. The first degree without a solution is where w^m log w comes in (for a flow:
degree 0, velocities that jump; degree 1, slopes that disagree). One solution is enough: if the equation has lower terms, a
coefficient that the corner leaves free can be the one that makes the next degrees work, as it is in a smooth solution.

Taylor coefficients come from values on a circle of complex distances from the corner (Cauchy's formula), exact to round-off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import MultiIndex, Problem, Residual, normal_component, symbol

CIRCLE = 32
"""Points on the circle: coefficients up to degree 6 of functions whose own scale is three times its radius, to 1e-13."""

THRESHOLD = 1e-10
"""A row that is off by less, relative to its terms, is satisfied. Round-off is near 1e-14."""

STEPS = 12
"""Gauss-Newton steps; linear problems take one, and exp(u) six."""

START = 0.1
"""Where they begin, for each degree: generic values, as at zero the derivative by a coefficient that occurs squared vanishes."""

_ROUGH = (sp.Piecewise, sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.floor, sp.atan2, sp.re, sp.im)
"""Functions without a power series wherever their cases meet, or not defined for complex numbers."""

Key = tuple[str, MultiIndex]
Term = tuple[str, int, int]


@dataclass
class _Series:
    """Polynomials in X/radius and Y/radius: coefficients of X^i Y^(n - i) by (field, n, i)."""

    radius: float
    coefficients: dict[Term, float]

    def derivative(
        self,
        name: str,
        index: MultiIndex,
        directions: np.ndarray,  # (n, 2)
        s: np.ndarray,  # (CIRCLE,) complex
    ) -> np.ndarray:  # (n, CIRCLE)
        """A partial derivative at (X, Y) = s * radius * direction."""
        total = np.zeros((len(directions), len(s)), dtype=complex)
        for (field, n, i), c in self.coefficients.items():
            if field == name and c and (along := _along(index, n, i, directions, self.radius)) is not None:
                total += c * along[:, None] * s ** (n - sum(index))
        return total


def _along(
    index: MultiIndex,
    n: int,
    i: int,
    directions: np.ndarray,  # (n, 2)
    radius: float,
) -> np.ndarray | None:  # (n,)
    """The derivative of (X/radius)^i (Y/radius)^(n - i), divided by s^(n - order); None where it vanishes."""
    p, q = index
    if i < p or n - i < q:
        return None
    size = math.perm(i, p) * math.perm(n - i, q) / radius ** (p + q)
    return np.asarray(size * directions[:, 0] ** (i - p) * directions[:, 1] ** (n - i - q))


@dataclass
class _Row:
    """A residual and its slopes along one ray from the corner, or along several."""

    program: Program  # the residual, and its derivative by each key
    keys: tuple[Key, ...]
    drop: int  # degree n of the fields is seen at degree n - drop of the residual
    corner: np.ndarray
    directions: np.ndarray  # (n, 2)
    size: float = 0.0

    def taylor(self, series: _Series, degree: int) -> list[np.ndarray]:  # (n, degree + 1) each
        """The Taylor coefficients of the residual and of its slopes along the rays, in units of the radius."""
        s = np.exp(2j * np.pi * np.arange(CIRCLE) / CIRCLE)
        points = [c + s * series.radius * d[:, None] for c, d in zip(self.corner, self.directions.T, strict=True)]
        jets = [series.derivative(*key, self.directions, s) for key in self.keys]
        values = [np.broadcast_to(np.asarray(v, dtype=complex), points[0].shape) for v in self.program(NUMPY, [*points, *jets])]
        self.size = max(self.size, float(np.abs(values[0]).max()))
        powers = s[:, None] ** -np.arange(degree + 1.0)
        return [(v @ powers).real / CIRCLE for v in values]

    def column(self, slopes: Sequence[np.ndarray], term: Term, radius: float) -> np.ndarray:  # (n, degree + 1)
        """The derivative of the residual's Taylor coefficients by one coefficient of a field."""
        name, n, i = term
        total = np.zeros_like(slopes[0]) if slopes else np.zeros((len(self.directions), 0))
        for (field, index), slope in zip(self.keys, slopes, strict=True):
            along = _along(index, n, i, self.directions, radius) if field == name else None
            shift = n - sum(index)
            if along is not None and shift < slope.shape[1]:
                total[:, shift:] += along[:, None] * slope[:, : slope.shape[1] - shift]
        return total


def first_obstacle(
    problem: Problem,
    corner: np.ndarray,  # (2,)
    sides: Sequence[tuple[float, tuple[float, float], Sequence[Residual]]],  # direction, outward normal, conditions of each side
    radius: float,  # of the circle: a tenth of the distance over which equation and data vary
    highest: int = 6,
    offsets: Mapping[str, int] | None = None,  # {p: 1} where a field counts like the first derivatives of the others
) -> int | None:
    """The first degree at which no polynomial satisfies equations and conditions; None if there is none up to ``highest``.

    0 where it cannot be found out: cases, absolute values, functions that are not analytic.
    """
    offsets = offsets or {}
    rows: list[_Row] = []
    try:
        with np.errstate(all="ignore"):
            inside = (np.arange(highest + 2) + 0.5) * math.pi / (highest + 2)
            rows += [_row(problem, r, corner, inside, None, offsets) for r in problem.equations]
            for angle, normal, residuals in sides:
                rows += [_row(problem, r, corner, np.array([angle]), normal, offsets) for r in residuals]
            if _solvable(problem, rows, radius, offsets, highest):
                return None
            for degree in range(highest):
                if not _solvable(problem, rows, radius, offsets, degree):
                    return degree
            return highest
    except (UnsupportedProblem, TypeError, FloatingPointError):
        return 0


def _row(
    problem: Problem,
    residual: Residual,
    corner: np.ndarray,
    angles: np.ndarray,  # (n,) of the rays
    normal: tuple[float, float] | None,
    offsets: Mapping[str, int],
) -> _Row:
    names = problem.coordinates
    if normal is not None:
        residual = residual.on_boundary((0, 1), names)
    expression = problem.with_values(residual.expression)
    if normal is not None:
        expression = expression.xreplace({normal_component(c): sp.Float(n, 17) for c, n in zip(names, normal, strict=True)})
    if expression.has(*_ROUGH):
        raise UnsupportedProblem("a function without a power series")
    jets = {s: key for s, key in residual.jets.items() if expression.has(s)}
    drop = max((sum(index) + offsets.get(name, 0) for name, index in jets.values()), default=0)
    program = Program([expression, *(sp.diff(expression, s) for s in jets)], [*(symbol(c) for c in names), *jets])
    return _Row(program, tuple(jets.values()), drop, corner, np.stack([np.cos(angles), np.sin(angles)], 1))


def _solvable(problem: Problem, rows: Sequence[_Row], radius: float, offsets: Mapping[str, int], degree: int) -> bool:
    """Whether polynomials up to a degree satisfy all rows up to it."""
    terms = [(f.name, n, i) for f in problem.fields for n in range(degree + 1 - offsets.get(f.name, 0)) for i in range(n + 1)]
    active = [row for row in rows if degree >= row.drop and row.keys]
    if not terms or not active:
        return True
    series = _Series(radius, {term: START ** term[1] * math.cos(1 + k) for k, term in enumerate(terms)})
    count = [len(row.directions) * (degree - row.drop + 1) for row in active]
    matrix = np.zeros((sum(count), len(terms)))
    steps = np.zeros(len(terms))
    before = math.inf
    for step in range(STEPS):
        taylor = [row.taylor(series, degree - row.drop) for row in active]
        value = np.concatenate([t[0].ravel() for t in taylor])
        if not np.isfinite(value).all():
            return False
        sizes = np.maximum(np.repeat([row.size for row in active], count), np.abs(matrix * steps).max(1))
        left = float((np.abs(value) / np.maximum(sizes, 1e-300)).max())
        if left <= THRESHOLD:
            return True
        if step > 2 and left > 0.9 * before:
            return False
        before = left
        for j, term in enumerate(terms):
            matrix[:, j] = np.concatenate(
                [row.column(t[1:], term, radius).ravel() for row, t in zip(active, taylor, strict=True)]
            )
        weights = np.abs(matrix).max(1)
        weights[weights == 0] = 1.0
        steps = np.linalg.lstsq(matrix / weights[:, None], -value / weights, rcond=1e-9)[0]
        for term, change in zip(terms, steps, strict=True):
            series.coefficients[term] += change
    return False
