"""Spectral collocation in three coordinates, of space or of two and time, for one field.

Unknowns are the values at the tensor of Chebyshev points (equally spaced ones along a periodic coordinate). The equation holds
at the inner points, conditions at those of the faces, the initial value at the first time. Derivatives are matrices along each
axis, the Jacobian is never formed, and GMRES is preconditioned by finite differences on the same points, whose sparse factors
are close to it whatever the degree (Orszag 1980, J. Comput. Phys. 37, 70). In time these are backward differences.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, gmres, splu

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Face
from kanpde.problem.types import MultiIndex, Problem
from kanpde.problem.where import holds
from kanpde.reference.axes import Axis, ChebyshevAxis, FourierAxis
from kanpde.reference.pieces import lobatto
from kanpde.reference.pointwise import Pointwise
from kanpde.reference.resolutions import Level, confirm
from kanpde.reference.tensor import Tensor
from kanpde.reference.types import OutOfTime, Reference, Values

LEVELS = tuple(Level(n, 0.0) for n in (9, 13, 17, 21, 27, 33))
"""Points along each coordinate; the sparse factors of 33^3 take a gigabyte."""

ENOUGH = 1e-11
COST = 5.0
"""How much longer each level takes than the one before."""

POOREST = 1e-3
"""Relative error above which there is no reference."""


def cube(problem: Problem, seconds: float) -> Reference:
    """The reference in a box of three coordinates, confirmed by two numbers of points."""
    start = clock.perf_counter()
    if len(problem.fields) != 1 or any(c.kind == "constraint" for c in problem.conditions):
        raise UnsupportedProblem("spectral collocation in three coordinates is for one field, without constraints")
    equation, name = Pointwise(problem, problem.equations[0]), problem.fields[0].name
    time = problem.domain.time_axis
    orders = [equation.order(axis) for axis in range(3)]
    if any(order > (1 if axis == time else 2) for axis, order in enumerate(orders)):
        raise UnsupportedProblem("spectral collocation in three coordinates is for orders up to two in space and one in time")
    guess: Tensor | None = None
    took = 0.0

    def attempt(level: Level, deadline: Callable[[], bool]) -> Reference:
        nonlocal guess, took
        begin = clock.perf_counter()
        if deadline() or begin + COST * took > start + seconds:
            raise OutOfTime("spectral collocation would take longer than reference.seconds")
        with np.errstate(all="ignore"):
            found = guess = _solve(problem, equation, level.degree, guess)
        took = clock.perf_counter() - begin
        units: list[MultiIndex] = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]

        def values(points: np.ndarray) -> Values:
            return {name: found(points)}

        def gradients(points: np.ndarray) -> Values:
            return {name: np.stack([found(points, unit) for unit in units], axis=1)}

        words = " x ".join(str(a.size) for a in found.axes) + " points"
        return Reference("spectral", 1.0, 0.0, values, gradients, words)

    found = confirm(problem, attempt, LEVELS, start, seconds, ENOUGH)
    if found.error > POOREST:
        raise UnsupportedProblem(
            f"two resolutions of spectral collocation differ by {found.error:.0e}: the solution is not smooth"
        )
    return found


@dataclass(frozen=True, eq=False)
class _Line:
    """Points along one axis, and the first and second derivative there, exact for the basis and by differences."""

    axis: Axis
    x: np.ndarray  # (n,)
    to_coefficients: np.ndarray  # (n, n)
    exact: tuple[np.ndarray, ...]  # (n, n) each, by order
    differences: tuple[sparse.csr_matrix, ...]


def _line(problem: Problem, axis: int, n: int) -> _Line:
    low, high = (float(b) for b in problem.domain.bounds[axis])
    basis: Axis
    if problem.coordinates[axis] in problem.domain.periodic:
        basis = FourierAxis(low, high, n)
        x, _ = basis.inside(0)
    else:
        basis = ChebyshevAxis(low, high, n)
        x = low + (high - low) * (1 + lobatto(n - 1)[0]) / 2
        x[0], x[-1] = low, high
    inverse = np.linalg.inv(basis.table(x, 0))
    exact = tuple(basis.table(x, order) @ inverse for order in range(3))
    return _Line(
        basis, x, inverse, exact, _differences(x, isinstance(basis, FourierAxis), high - low, axis == problem.domain.time_axis)
    )


def _differences(x: np.ndarray, periodic: bool, length: float, backward: bool) -> tuple[sparse.csr_matrix, ...]:
    """Identity, first and second differences; one-sided at the ends."""
    n = len(x)
    first, second = sparse.lil_matrix((n, n)), sparse.lil_matrix((n, n))
    for i in range(n):
        before, after = (i - 1) % n, (i + 1) % n
        h, k = x[i] - x[before], x[after] - x[i]
        h, k = (h + length if h <= 0 else h), (k + length if k <= 0 else k)
        inner = periodic or 0 < i < n - 1
        if inner:
            second[i, before], second[i, i], second[i, after] = 2 / (h * (h + k)), -2 / (h * k), 2 / (k * (h + k))
        if (i == n - 1 and not periodic) or (backward and i > 0):
            first[i, before], first[i, i] = -1 / h, 1 / h
        elif i == 0 and not periodic:
            first[i, i], first[i, after] = -1 / k, 1 / k
        else:
            first[i, before], first[i, i], first[i, after] = -k / (h * (h + k)), (k - h) / (h * k), h / (k * (h + k))
    return sparse.identity(n, format="csr"), first.tocsr(), second.tocsr()


class _Rows:
    """Which residual holds at which point of the tensor, and the whole as a function of the values."""

    def __init__(self, problem: Problem, equation: Pointwise, n: int) -> None:
        self.problem, self.name = problem, problem.fields[0].name
        odd = n + 1 - n % 2
        periodic = [c in problem.domain.periodic for c in problem.coordinates]
        self.lines = [_line(problem, axis, odd if periodic[axis] else n) for axis in range(3)]
        self.shape = tuple(len(line.x) for line in self.lines)
        self.x = np.stack([g.ravel() for g in np.meshgrid(*(line.x for line in self.lines), indexing="ij")], axis=1)
        self.parts: list[tuple[Pointwise, np.ndarray]] = []
        free = np.ones(len(self.x), bool)
        offered: list[tuple[int, Pointwise, np.ndarray]] = []
        for condition in problem.conditions:
            for face in condition.place.faces:
                at = self._on(face)
                if condition.place.predicate not in (None, sp.true):
                    at = at & holds(condition.place, problem.domain, self.x)
                if len(condition.residuals) != 1:
                    raise UnsupportedProblem(
                        "the reference in three coordinates takes one condition at each place", condition.span
                    )
                row = Pointwise(problem, condition.residuals[0].on_face(face, problem.coordinates))
                offered.append((max(sum(index) for _, index in row.keys) if row.keys else 0, row, at))
        for _, row, at in sorted(offered, key=lambda o: o[0]):  # on an edge the value counts, not the derivative
            self.parts.append((row, np.flatnonzero(at & free)))
            free &= ~at
        self.parts.append((equation, np.flatnonzero(free)))
        ends = [self._on(face) for face in problem.domain.faces()]
        if (free & np.any(ends, axis=0)).any() if ends else False:
            raise UnsupportedProblem("there are too few boundary conditions for a unique solution")
        self.keys = {key[1] for row, _ in self.parts for key in row.keys}
        self.affine = all(row.affine for row, _ in self.parts)

    def _on(self, face: Face) -> np.ndarray:
        return self.x[:, face.axis] == self.problem.domain.position(face)

    def jet(self, u: np.ndarray, index: MultiIndex) -> np.ndarray:  # (M,) -> (M,)
        """A partial derivative at all points."""
        value = u.reshape(self.shape)
        for axis, order in enumerate(index):
            if order:
                value = np.moveaxis(np.tensordot(self.lines[axis].exact[order], value, (1, axis)), 0, axis)
        return value.ravel()

    def __call__(self, u: np.ndarray) -> tuple[np.ndarray, dict[MultiIndex, np.ndarray]]:  # (M,)
        """The residual, and its slope by each jet."""
        jets = {index: self.jet(u, index) for index in self.keys}
        value, slopes = np.zeros(len(u)), {index: np.zeros(len(u)) for index in self.keys}
        for row, at in self.parts:
            found, by = row(list(self.x[at].T), {key: jets[key[1]][at] for key in row.keys})
            value[at] = found
            for (_, index), s in by.items():
                slopes[index][at] = s
        return value, slopes

    def preconditioner(self, slopes: dict[MultiIndex, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """The solution with finite differences in place of derivatives; mixed ones are left out."""
        total = sparse.csr_matrix((len(self.x), len(self.x)))
        for index, slope in slopes.items():
            if sum(order > 0 for order in index) < 2:
                parts = [line.differences[order] for line, order in zip(self.lines, index, strict=True)]
                total = total + sparse.diags(slope) @ sparse.kron(sparse.kron(parts[0], parts[1]), parts[2])
        try:
            return splu(total.tocsc(), permc_spec="COLAMD").solve
        except RuntimeError as singular:  # scipy's splu: "Factor is exactly singular"
            raise UnsupportedProblem("the equation and its conditions leave part of the solution free") from singular


def _solve(problem: Problem, equation: Pointwise, n: int, guess: Tensor | None) -> Tensor:
    """Newton's method; each step by GMRES."""
    rows = _Rows(problem, equation, n)
    u = np.zeros(len(rows.x)) if guess is None else guess(rows.x)
    value, slopes = rows(u)
    solve = rows.preconditioner(slopes)
    for _ in range(30):

        def product(v: np.ndarray, slopes: dict[MultiIndex, np.ndarray] = slopes, solve: Callable = solve) -> np.ndarray:
            return np.asarray(solve(sum((s * rows.jet(v, index) for index, s in slopes.items()), np.zeros(len(v)))))

        right = solve(value)
        step, failed = gmres(LinearOperator((len(u), len(u)), product), right, rtol=1e-9, restart=80, maxiter=3)
        if failed and np.linalg.norm(product(step) - right) > 0.1 * np.linalg.norm(right):
            raise UnsupportedProblem("GMRES does not converge: the reference cannot judge this problem")
        size, fraction = float(np.linalg.norm(right)), 1.0
        while True:
            new_value, new_slopes = rows(u - fraction * step)
            if rows.affine or np.linalg.norm(solve(new_value)) <= (1 - 0.1 * fraction) * size or size < 1e-10 * np.linalg.norm(u):
                break
            fraction /= 2
            if fraction < 1e-3:
                raise UnsupportedProblem("Newton's method finds no solution from zero: the reference cannot judge this problem")
        u, value = u - fraction * step, new_value
        if np.linalg.norm(step) <= 1e-12 * np.linalg.norm(u):
            break
        if np.linalg.norm(step) > 1e-3 * np.linalg.norm(u) and not rows.affine:
            solve = rows.preconditioner(new_slopes)
        slopes = new_slopes
        if rows.affine and fraction == 1.0 and np.linalg.norm(step) <= 1e-9 * np.linalg.norm(u):
            break
    c = u.reshape(rows.shape)
    for axis, line in enumerate(rows.lines):
        c = np.moveaxis(np.tensordot(line.to_coefficients, c, (1, axis)), 0, axis)
    return Tensor(tuple(line.axis for line in rows.lines), c)
