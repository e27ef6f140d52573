"""Laplace, Poisson and Helmholtz equations in the plane by functions that satisfy them, fitted to the conditions on the boundary.

lap(u) + q u = f with constant q: a smooth particular solution, and then polynomials, their likes in holes, and poles that crowd
towards the corners (plane_waves.py, rational.py), by least squares on boundary points. There is no mesh: with analytic sides the
error falls like exp(-c n), with corners like exp(-c sqrt(n)), and what is left on the boundary bounds it inside.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import sympy as sp
from scipy.linalg import lapack, lstsq

from kanpde.errors import UnsupportedProblem
from kanpde.geometry.boundary_points import BoundaryPoints
from kanpde.problem.types import MultiIndex, Problem
from kanpde.reference.compare import fresh_points
from kanpde.reference.outline import Outline, outline
from kanpde.reference.particular import Particular, particular
from kanpde.reference.plane_waves import Family, Harmonic, Together, Waves
from kanpde.reference.pointwise import Function, Pointwise, require_known
from kanpde.reference.rational import Analytic, Laurent, Poles, Powers, crowded
from kanpde.reference.resolutions import CHECK_POINTS, CHECK_SEED
from kanpde.reference.types import FLOOR, OutOfTime, Reference, Values


class Size(NamedTuple):
    """Poles a corner, degree of the polynomial, degree around each hole."""

    poles: int
    degree: int
    around: int


SIZES = (Size(14, 20, 10), Size(30, 40, 18), Size(52, 64, 28), Size(80, 96, 40), Size(110, 136, 56), Size(140, 180, 76))
LARGEST = 4500
"""Columns of the largest fit: 10^4 rows by as many take a quarter of a minute."""

ENOUGH = 1e-11
"""Two fits that agree so well are good enough: the finer one is far better."""

MOST = 6e7
"""Entries of the largest matrix: half a gigabyte."""

POOREST = 1e-3
"""Relative error above which there is no reference."""

SIMPLE = 150
"""Operations up to which a formula is simplified: some milliseconds each."""

Evaluation = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(N, 2) -> u (N,), grad u (N, 2)."""


@dataclass(frozen=True, eq=False)
class PlaneEquation:
    """lap(u) + q u = f."""

    name: str
    q: float
    f: Function


@dataclass(frozen=True, eq=False)
class Fit:
    """A combination of functions that satisfy the equation, and what it leaves on the boundary, weighted as it was fitted."""

    family: Family
    coefficients: np.ndarray  # (m,)
    particular: Particular
    residual: float

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (N, 2) -> (N,), (N, 2)
        """Values and gradients."""
        values, slopes = np.empty(len(points)), np.empty((len(points), 2))
        for part in np.array_split(np.arange(len(points)), len(points) // 1024 + 1):
            if len(part):
                x = points[part]
                with np.errstate(all="ignore"):  # outside of the domain there are poles
                    u, dx, dy = (table @ self.coefficients for table in self.family(x))
                values[part] = u + self.particular(x)
                slopes[part] = np.stack([dx + self.particular(x, (1, 0)), dy + self.particular(x, (0, 1))], axis=1)
        return values, slopes


def harmonic(problem: Problem, seconds: float = 120.0) -> Reference:
    """The reference for lap(u) + q u = f in the plane, confirmed by two fits of different size.

    Its error is the larger of the difference of the two, which is the error of the coarser one, and what the finer one leaves on
    other boundary points than it was fitted on, relative to u; plus what the particular solution leaves of the equation.
    """
    start = clock.perf_counter()
    equation = plane_equation(problem)
    border = outline(problem)
    points = fresh_points(problem.domain, CHECK_POINTS, CHECK_SEED)
    rest = particular(_at(equation.f), equation.q, problem.domain.bounds, points)
    best: Fit | None = None
    before, error, took = np.zeros(0), np.inf, 0.0
    columns = 0
    for size in SIZES:
        begin = clock.perf_counter()
        if begin + 4 * took > start + seconds or 2 * (len(border.corners) * size.poles + size.degree) > LARGEST:
            break
        try:
            fit = fitted(equation, border, rest, size)
        except OutOfTime:
            break
        values = fit(points)[0]
        scale = _rms(values)
        if best is not None:
            difference = _rms(values - before) / scale if scale > 0 else _rms(values - before)
            stated = max(difference, fit.residual / scale if scale > 0 else fit.residual)
            if stated > error / 2 and (error < 1e-9 or size.poles > SIZES[2].poles):
                break  # round-off, or nothing that these functions can follow: the fit before is as good as it gets
            error = stated
        best, before, columns = fit, values, len(fit.coefficients)
        if error <= ENOUGH:
            break
        took = clock.perf_counter() - begin
    if best is None or not np.isfinite(error):
        raise OutOfTime(f"no two fits could be compared within {seconds:g} s (reference.seconds)")
    diameter = float(np.hypot(*problem.domain.lengths))
    error += rest.residual * diameter**2 / 8 / max(_rms(before), np.finfo(float).tiny)  # |u| <= max|f| d^2/8 where u = 0 outside
    if error > POOREST:
        raise UnsupportedProblem(f"functions that satisfy the equation fit the conditions to {error:.0e} only")
    words = f"{columns} functions, {len(border.corners)} corners, {len(border.holes)} holes"
    return _reference(equation.name, best, max(error, FLOOR), clock.perf_counter() - start, words)


def _reference(name: str, fit: Fit, error: float, seconds: float, words: str) -> Reference:
    def values(points: np.ndarray) -> Values:
        return {name: fit(points)[0]}

    def gradients(points: np.ndarray) -> Values:
        return {name: fit(points)[1]}

    return Reference("harmonic", error, seconds, values, gradients, words, {name: error})


def plane_equation(problem: Problem) -> PlaneEquation:
    """The equation as lap(u) + q u = f. Raises UnsupportedProblem where it is something else."""
    require_known(problem)
    domain = problem.domain
    if domain.dimension != 2 or domain.time is not None or domain.periodic or len(problem.fields) != 1:
        raise UnsupportedProblem("harmonic functions are for one field in the plane")
    equation = Pointwise(problem, problem.equations[0])
    name = problem.fields[0].name
    slopes = {index: equation.slopes[name, index] for _, index in equation.keys}
    second, zeroth = slopes.get((2, 0)), slopes.get((0, 0), 0)
    if (
        not set(slopes) <= {(2, 0), (0, 2), (0, 0)}
        or second is None
        or second != slopes.get((0, 2))
        or not second.is_number
        or not (zeroth == 0 or zeroth.is_number)
    ):
        raise UnsupportedProblem("harmonic functions are for lap(u) + q*u = f with a constant q")
    rest = equation.expression.xreplace(dict.fromkeys(equation.symbols.values(), 0))
    right = -rest / second
    if right.count_ops() < SIMPLE:
        right = sp.simplify(right)  # what is zero should be so where a hole hides a pole, too
    return PlaneEquation(name, float(zeroth / second), Function(problem, right))


def fitted(equation: PlaneEquation, border: Outline, rest: Particular, size: Size) -> Fit:
    """The fit of one size, by Gauss-Newton where a condition is nonlinear."""
    spacing = _spacing(border, size)
    nearest = 1e-2 * float(crowded(size.poles, 1.0)[0])
    samples = border.samples(spacing, nearest)
    if samples.count * 2 * (len(border.corners) * size.poles + size.degree + len(border.holes) * size.around) > MOST:
        raise OutOfTime("there are too many corners for a fit of harmonic functions")
    family = functions(equation.q, border, samples, size)
    system = _System(equation, border, rest, family, samples)
    c = np.zeros(system.columns)
    size_of_data = 0.0
    for _ in range(20):
        value, jacobian = system(c)
        size_of_data = max(size_of_data, float(np.linalg.norm(value)))
        step = _least_squares(jacobian, value)
        c = c - step
        if system.affine or np.linalg.norm(jacobian @ step) <= 1e-13 * size_of_data:
            break
    else:
        raise UnsupportedProblem("Newton's method does not converge from zero: the reference cannot judge this problem")
    check = _System(equation, border, rest, family, border.samples(spacing / 1.37, nearest))
    return Fit(family, c, rest, float(np.linalg.norm(check(c)[0])))


def _least_squares(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:  # (M, m), (M,) -> (m,)
    """By QR, and once more with pivots on the triangle: nearly dependent columns are left out.

    The first half is done by large matrix products, five times faster than pivots from the beginning.
    """
    scale = np.sqrt((matrix**2).sum(axis=0))
    scale[scale == 0] = 1.0
    columns = matrix.shape[1]
    whole = np.asfortranarray(np.column_stack([matrix / scale, right]))
    reflected = lapack.dgeqrf(whole, lwork=64 * (columns + 1), overwrite_a=True)[0]
    triangle = np.triu(reflected[:columns, :columns])
    found = lstsq(triangle, reflected[:columns, columns], cond=1e-15, lapack_driver="gelsy", check_finite=False)[0]
    return np.asarray(found / scale)


def _spacing(border: Outline, size: Size) -> np.ndarray:  # (pieces,)
    """How far apart points are: three a half wave of the polynomial outside, six a wave around each hole."""
    pieces = border.boundary.pieces
    found = np.full(len(pieces), border.boundary.length / (6 * size.degree))
    for _, around in border.holes:
        ring = sum(pieces[k].length for k in around)
        found[list(around)] = ring / max(6 * size.around, 3 * size.degree)
    return found


class _System:
    """Rows of the least-squares problem: every condition at every point that it holds at.

    Weights: arc length, times r^(-1/2) for conditions on u alone and r on others, r the distance from the nearest corner: u is
    continuous there, and derivatives may grow like 1/r^(3/4).
    """

    def __init__(
        self, equation: PlaneEquation, border: Outline, rest: Particular, family: Family, samples: BoundaryPoints
    ) -> None:
        self.family, self.samples = family, samples
        self.name = equation.name
        jets = ((0, 0), (1, 0), (0, 1))
        self.tables: dict[MultiIndex, np.ndarray] = dict(zip(jets, family(samples.x), strict=True))
        self.rest: dict[MultiIndex, np.ndarray] = {index: rest(samples.x, index) for index in jets}
        self.columns = self.tables[0, 0].shape[1]
        self.rows = border.conditions(samples)
        self.affine = all(row.affine for row, _ in self.rows)
        self.size = border.size
        self.weight = np.sqrt(samples.weight / samples.weight.sum())
        self.gap = border.gap(samples.x)
        self.levels = _levels(border.problem, equation, rest, family)
        held = bool(self.levels) or equation.q != 0
        for row, _ in self.rows:
            if not set(row.keys) <= {(self.name, index) for index in self.tables}:
                raise UnsupportedProblem("harmonic functions take conditions on u and its first derivatives", row.span)
            held = held or row.slopes.get((self.name, (0, 0)), 0) != 0
        if not held:
            raise UnsupportedProblem("the equation and its conditions leave part of the solution free")

    def __call__(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (m,) -> (M,), (M, m)
        """Weighted residuals and their derivatives by the coefficients."""
        values, jacobians = [], []
        for row, at in self.rows:
            x = self.samples.x[at]
            jets = {(n, i): self.tables[i][at] @ c + self.rest[i][at] for n, i in row.keys}
            value, slopes = row([*x.T, *self.samples.normal[at].T], jets)
            jacobian = sum((s[:, None] * self.tables[i][at] for (_, i), s in slopes.items()), np.zeros((len(at), self.columns)))
            steep = [np.abs(s) for (_, i), s in slopes.items() if i != (0, 0)]
            flat = np.abs(slopes.get((self.name, (0, 0)), np.zeros(len(at))))
            largest = np.max([flat, *(s / self.size for s in steep)], axis=0, initial=1e-300)
            weight = self.weight[at] / largest * (self.gap[at] ** (1.0 if steep else -0.25))
            values.append(weight * value)
            jacobians.append(weight[:, None] * jacobian)
        for level, direction in self.levels:
            values.append(np.array([direction @ c - level]))
            jacobians.append(direction[None])
        return np.concatenate(values), np.concatenate(jacobians)


def _levels(problem: Problem, equation: PlaneEquation, rest: Particular, family: Family) -> list[tuple[float, np.ndarray]]:
    """Constraints that give the value at a point, as numbers and rows."""
    found = []
    for condition in problem.conditions:
        if condition.kind != "constraint":
            continue
        point = condition.place.point
        if point is None or any(p is None for p in point):
            raise UnsupportedProblem(f"'{condition.name}' is no condition at a point", condition.span)
        x = np.array([point], dtype=float)
        for r in condition.residuals:
            row = Pointwise(problem, r)
            if row.keys != ((equation.name, (0, 0)),) or not row.affine:
                raise UnsupportedProblem("harmonic functions take constraints on the value at a point", condition.span)
            value, slopes = row(list(x.T), {row.keys[0]: np.zeros(1)})
            found.append((float(-value[0] / slopes[row.keys[0]][0] - rest(x)[0]), family(x)[0][0]))
    return found


def functions(q: float, border: Outline, samples: BoundaryPoints, size: Size) -> Family:
    """All functions of a fit."""
    poles, lengths = _poles(border, size.poles)
    centres = np.array([c for c, _ in border.holes], dtype=complex)
    z = samples.x[:, 0] + 1j * samples.x[:, 1]
    if q == 0:
        parts: list[Analytic] = [Powers(z, size.degree), *(Laurent(z, c, size.around) for c in centres)]
        if len(poles):
            parts.append(Poles(poles, lengths))
        return Harmonic(parts, centres, border.size)
    middle = np.array([[z.real.mean(), z.imag.mean()]])
    reach = np.array([np.abs(z - complex(*middle[0])).max()])
    families: list[Family] = [Waves(q, middle, size.degree, True, reach)]
    families += [
        Waves(q, _pairs(centres[[k]]), size.around, False, np.abs(z - c).min(keepdims=True)) for k, c in enumerate(centres)
    ]
    if len(poles):
        families.append(Waves(q, np.stack([poles.real, poles.imag], axis=1), 1, False, lengths))
    return Together(families)


def _poles(border: Outline, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places outside of the domain and distances from the corners that they crowd at."""
    places, lengths = [], []
    ray = border.size * np.geomspace(1e-4, 1.0, 400)
    for corner, outward in zip(border.corners, border.outward, strict=True):
        direction = np.exp(1j * outward)
        meets = border.domain.contains(_pairs(corner + direction * ray))
        distances = crowded(count, 0.6 * ray[np.argmax(meets)] if meets.any() else border.size)
        places.append(corner + direction * distances)
        lengths.append(distances)
    if not places:
        return np.zeros(0, complex), np.zeros(0)
    return np.concatenate(places), np.concatenate(lengths)


def _pairs(z: np.ndarray) -> np.ndarray:  # (N,) -> (N, 2)
    return np.stack([z.real, z.imag], axis=1)


def _at(f: Function) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: f(list(points.T))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
