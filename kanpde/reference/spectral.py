"""Spectral collocation with Newton's method for scalar boundary value problems in one or two coordinates.

The unknown is a tensor of Chebyshev (or Fourier) coefficients. The equation is collocated at Gauss points inside, every
condition at Gauss points of its face; at corners, and for equations of fourth order, that gives a few more rows than
unknowns, which a weighted least-squares solve takes without any rule for corners. With smooth data the error decreases
geometrically in the number of points.
"""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from scipy.linalg import qr_multiply, solve_triangular

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain
from kanpde.problem.types import MultiIndex, Problem
from kanpde.reference.axes import Axis, ChebyshevAxis, FourierAxis
from kanpde.reference.compare import fresh_points, relative_difference
from kanpde.reference.pointwise import Function, Pointwise, require_scalar
from kanpde.reference.resolutions import CHECK_POINTS, CHECK_SEED
from kanpde.reference.types import FLOOR, OutOfTime, Reference, Values

LARGEST = 3600
"""Unknowns of the largest tensor: its dense factorisation takes a gigabyte and a few seconds; 60 x 60 resolve 1/100."""

RETRY = 30
"""Coefficients an axis up to which a failure of Newton's method is put down to the coarseness of the tensor."""

TAIL = 1e-15
"""Coefficients relative to the largest below which an axis has enough of them: round-off."""


class NoConvergence(UnsupportedProblem):
    """Newton's method, from zero or from a coarser solution, does not converge."""


@dataclass(frozen=True)
class _Rows:
    """One residual on its points: weights, and tables per jet."""

    residual: Pointwise
    points: list[np.ndarray]  # d arrays (M,)
    weight: np.ndarray  # (M,)
    tables: dict[MultiIndex, np.ndarray]  # (M, n)

    def __call__(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (n,) -> (M,), (M, n)
        """The weighted residual and its Jacobian by the coefficients."""
        value, slopes = self.residual(self.points, {index: table @ c for index, table in self.tables.items()})
        jacobian = sum(((self.weight * slopes[index])[:, None] * table for index, table in self.tables.items()), np.zeros((1, 1)))
        return self.weight * value, np.broadcast_to(jacobian, (len(self.weight), len(c)))


class Tensor:
    """A function on a box as coefficients in the product of one basis an axis."""

    def __init__(self, axes: tuple[Axis, ...], coefficients: np.ndarray) -> None:
        self.axes = axes
        self.coefficients = coefficients  # (n_1, ..., n_d)

    def __call__(self, points: np.ndarray, index: MultiIndex | None = None) -> np.ndarray:  # (N, d) -> (N,)
        """Values, or a partial derivative, at scattered points."""
        index = index or (0,) * len(self.axes)
        found = []
        for part in np.array_split(points, max(1, len(points) // 4096)):
            value = self.axes[0].table(part[:, 0], index[0]) @ self.coefficients.reshape(self.axes[0].size, -1)  # (N, n_2)
            if len(self.axes) == 2:
                value = value * self.axes[1].table(part[:, 1], index[1])
            found.append(value.sum(axis=1))
        return np.concatenate(found)

    def tails(self) -> np.ndarray:  # (d,)
        """The last coefficients along each axis, relative to the largest."""
        size = np.abs(self.coefficients)
        largest = max(float(size.max()), np.finfo(float).tiny)
        return np.array([np.moveaxis(size, axis, 0)[-3:].max() / largest for axis in range(size.ndim)])

    def on(self, axes: tuple[Axis, ...]) -> Tensor:
        """The same function with more coefficients."""
        padded = np.zeros(tuple(a.size for a in axes))
        padded[tuple(slice(0, n) for n in self.coefficients.shape)] = self.coefficients
        return Tensor(axes, padded)


def spectral(problem: Problem, seconds: float = 120.0) -> Reference:
    """The reference for a boundary value problem on an interval or a rectangle, confirmed by two resolutions."""
    require_scalar(problem)
    if problem.domain.dimension > 2:
        raise UnsupportedProblem("spectral collocation is for one or two coordinates")
    start = clock.perf_counter()
    points = fresh_points(problem.domain.bounds, CHECK_POINTS, CHECK_SEED)
    name = problem.fields[0].name
    best: Reference | None = None
    error, sizes, tails = np.inf, [13] * problem.domain.dimension, np.full(problem.domain.dimension, np.inf)
    tensor: Tensor | None = None
    done = False
    while np.prod(sizes) <= LARGEST:
        if clock.perf_counter() - start > seconds:
            break
        try:
            tensor = collocate(problem, tuple(sizes), tensor)
        except NoConvergence:
            if max(sizes) > RETRY:
                raise
            sizes, tensor = [n + n // 3 // 2 * 2 for n in sizes], None  # too coarse a tensor may have no solution of its own
            continue
        finer = _as_reference(name, tensor)
        error = np.inf if best is None else relative_difference(best, finer, points)
        best, before, tails = finer, tails, tensor.tails()
        settled = (tails <= TAIL) | ((tails < 1e-11) & (tails > 0.3 * before))  # round-off stops the decrease of the coefficients
        if settled.all() and (done or error < 1e-13):
            break
        done = bool(settled.all())  # once more, so that the stated error is not that of a much coarser tensor
        sizes = [n + (2 if s else max(4, n // 3) // 2 * 2) for n, s in zip(sizes, settled, strict=True)]
    if best is None or not np.isfinite(error):
        raise OutOfTime(f"no two resolutions could be compared within {seconds:g} s (reference.seconds)")
    return replace(best, error=max(error, FLOOR), seconds=clock.perf_counter() - start)


def _as_reference(name: str, tensor: Tensor) -> Reference:
    d = len(tensor.axes)

    def values(points: np.ndarray) -> Values:
        return {name: tensor(points)}

    def gradients(points: np.ndarray) -> Values:
        units = [tuple(int(i == axis) for i in range(d)) for axis in range(d)]
        return {name: np.stack([tensor(points, unit) for unit in units], axis=1)}

    return Reference("spectral", 1.0, 0.0, values, gradients, " x ".join(str(a.size) for a in tensor.axes) + " coefficients")


def collocate(problem: Problem, sizes: tuple[int, ...], guess: Tensor | None = None) -> Tensor:
    """The collocation solution with the given numbers of coefficients, by Newton from ``guess`` or from zero."""
    domain = problem.domain
    axes = tuple(_axis(domain, i, n) for i, n in enumerate(sizes))
    rows = _rows(problem, axes)
    c = (guess.on(axes) if guess else Tensor(axes, np.zeros(sizes))).coefficients.ravel()
    with np.errstate(all="ignore"):  # a trial step may leave the domain of log or sqrt; it is then halved
        return Tensor(axes, _newton(rows, c).reshape(sizes))


def _axis(domain: Domain, axis: int, size: int) -> Axis:
    low, high = (float(b) for b in domain.bounds[axis])
    return FourierAxis(low, high, size) if domain.coordinates[axis] in domain.periodic else ChebyshevAxis(low, high, size)


def _rows(problem: Problem, axes: tuple[Axis, ...]) -> list[_Rows]:
    equation = Pointwise(problem, problem.equations[0])
    orders = [max((index[i] for index in equation.indices), default=0) for i in range(len(axes))]
    inside = [axis.inside(order) for axis, order in zip(axes, orders, strict=True)]
    found = [_block(equation, axes, [x for x, _ in inside], [w for _, w in inside], None)]
    for condition in problem.conditions:
        predicate = condition.place.predicate
        for face in condition.place.faces:
            chosen = [axis.across() for axis in axes]
            chosen[face.axis] = (np.array([problem.domain.position(face)]), np.ones(1))
            mask = None if predicate in (None, sp.true) else Function(problem, sp.Piecewise((1, predicate), (0, True)))
            for r in condition.residuals:
                residual = Pointwise(problem, r.on_face(face, problem.coordinates))
                found.append(_block(residual, axes, [x for x, _ in chosen], [w for _, w in chosen], mask))
    if sum(len(r.weight) for r in found) < int(np.prod([a.size for a in axes])):
        raise UnsupportedProblem("there are too few boundary conditions for a unique solution")
    return found


def _block(residual: Pointwise, axes: tuple[Axis, ...], x: list[np.ndarray], w: list[np.ndarray], mask: Function | None) -> _Rows:
    grids = [g.ravel() for g in np.meshgrid(*x, indexing="ij")]
    weight = np.sqrt(np.prod(np.stack([g.ravel() for g in np.meshgrid(*w, indexing="ij")]), axis=0))
    tables = {}
    for index in residual.indices:
        table = np.ones((1, 1))
        for axis, points, order in zip(axes, x, index, strict=True):
            table = np.kron(table, axis.table(points, order))
        tables[index] = table
    if mask is not None:
        keep = mask(grids) > 0.5
        grids, weight, tables = [g[keep] for g in grids], weight[keep], {i: table[keep] for i, table in tables.items()}
    _, slopes = residual(grids, {i: np.zeros(len(weight)) for i in tables})
    lengths = [a.high - a.low for a in axes]
    sizes = [
        np.abs(s).max(initial=0.0) * np.prod([(2 / n) ** q for n, q in zip(lengths, i, strict=True)]) for i, s in slopes.items()
    ]
    size = max(sizes, default=1.0)
    return _Rows(residual, grids, weight / (size if np.isfinite(size) and size > 0 else 1.0), tables)


def _newton(rows: list[_Rows], c: np.ndarray) -> np.ndarray:
    """Gauss-Newton with halving of the step while the residual does not decrease.

    With more rows than unknowns the residual does not end at zero, so the end is told by the step: the error after a step is of
    the order of its square for a nonlinear problem, and a second step refines the round-off of a linear one.
    """
    value, jacobian = _assemble(rows, c)
    for _ in range(40):
        step = _least_squares(jacobian, value)
        size, fraction = float(np.linalg.norm(value)), 1.0
        last = np.abs(step).max() <= 1e-9 * np.abs(c).max()
        while True:
            trial = c - fraction * step
            new_value, new_jacobian = _assemble(rows, trial)
            if last or np.linalg.norm(new_value) <= (1 - 0.1 * fraction) * size:
                break
            predicted = float(np.linalg.norm(value - fraction * (jacobian @ step)))
            if fraction == 1.0 and np.linalg.norm(new_value) <= 1.1 * predicted:
                break  # as good as the linear model promised: what is left is the least-squares residual
            fraction /= 2
            if fraction < 1e-3:
                raise NoConvergence("Newton's method finds no solution from zero: the reference cannot judge this problem")
        c, value, jacobian = trial, new_value, new_jacobian
        if last:
            return c
    raise NoConvergence("Newton's method does not converge from zero: the reference cannot judge this problem")


def _assemble(rows: list[_Rows], c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = [r(c) for r in rows]
    return np.concatenate([p[0] for p in parts]), np.vstack([p[1] for p in parts])


def _least_squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """min |a x - b| by QR of the scaled columns: the scaling undoes the growth of derivatives with the degree."""
    scale = np.sqrt(np.einsum("ij,ij->j", a, a))
    if not (scale > 0).all():
        raise UnsupportedProblem("the equation and its conditions leave part of the solution free")
    rotated, r = qr_multiply(a / scale, b, mode="right")
    diagonal = np.abs(np.diag(r))
    if diagonal.min() < 1e-13 * diagonal.max():
        raise UnsupportedProblem("the equation and its conditions leave part of the solution free")
    return solve_triangular(r, rotated) / scale
