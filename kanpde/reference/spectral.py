"""Spectral collocation with Newton's method for boundary value problems in one or two coordinates.

The unknowns are a tensor of Chebyshev (or Fourier) coefficients a field. The equations are collocated at Gauss points inside,
every condition at Gauss points of its face; at corners, and for equations of fourth order, that gives a few more rows than
unknowns, which a weighted least-squares solve takes without any rule for corners. With smooth data the error decreases
geometrically in the number of points.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from scipy.linalg import qr_multiply, solve_triangular

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain
from kanpde.problem.types import MultiIndex, Problem, Residual
from kanpde.reference.axes import Axis, ChebyshevAxis, FourierAxis
from kanpde.reference.compare import fresh_points, relative_differences
from kanpde.reference.pointwise import Function, Key, Pointwise, require_box
from kanpde.reference.resolutions import CHECK_POINTS, CHECK_SEED
from kanpde.reference.types import FLOOR, NOTHING, OutOfTime, Reference, Values

LARGEST = 6000
"""Unknowns of the largest system: its dense factorisation takes a gigabyte and ten seconds; 77 x 77 resolve 1/150."""

RETRY = 30
"""Coefficients an axis up to which a failure of Newton's method is put down to the coarseness of the tensor."""

TAIL = 1e-15
"""Coefficients relative to the largest below which an axis has enough of them: round-off."""


class NoConvergence(UnsupportedProblem):
    """Newton's method, from zero or from a coarser solution, does not converge."""


Tables = Mapping[Key, np.ndarray]
"""For every jet the matrix (M, n) from its field's coefficients to its values."""


@dataclass(frozen=True)
class _Rows:
    """One residual on its points: weights, and tables per jet."""

    residual: Pointwise
    points: list[np.ndarray]  # d arrays (M,)
    weight: np.ndarray  # (M,)
    tables: Tables
    columns: Mapping[str, slice]  # where the coefficients of each field stand

    def __call__(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (n,) -> (M,), (M, n)
        """The weighted residual and its Jacobian by the coefficients."""
        jets = {key: table @ c[self.columns[key[0]]] for key, table in self.tables.items()}
        value, slopes = self.residual(self.points, jets)
        jacobian = np.zeros((len(self.weight), len(c)))
        for key, table in self.tables.items():
            jacobian[:, self.columns[key[0]]] += (self.weight * slopes[key])[:, None] * table
        return self.weight * value, jacobian


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


Tensors = dict[str, Tensor]
"""A tensor a field."""


def spectral(problem: Problem, seconds: float = 120.0) -> Reference:
    """The reference for a boundary value problem on an interval or a rectangle, confirmed by two resolutions."""
    require_box(problem)
    if problem.domain.dimension > 2:
        raise UnsupportedProblem("spectral collocation is for one or two coordinates")
    start = clock.perf_counter()
    points = fresh_points(problem.domain.bounds, CHECK_POINTS, CHECK_SEED)
    best: Reference | None = None
    error, sizes, tails = np.inf, [13] * problem.domain.dimension, np.full(problem.domain.dimension, np.inf)
    tensors: Tensors | None = None
    done, took = False, 0.0
    errors: dict[str, float] = {}
    while (unknowns := len(problem.fields) * int(np.prod(sizes))) <= LARGEST:
        begin = clock.perf_counter()
        if begin + took > start + seconds:
            break
        try:
            tensors = collocate(problem, tuple(sizes), tensors)
        except NoConvergence:
            if max(sizes) > RETRY:
                raise
            sizes, tensors = [n + n // 3 // 2 * 2 for n in sizes], None  # too coarse a tensor may have no solution of its own
            continue
        finer = _as_reference(tensors)
        if best is not None:
            errors = relative_differences(best, finer, points)
            error = max(errors.values())
        best, before, tails = finer, tails, _tails(tensors)
        settled = (tails <= TAIL) | ((tails < 1e-11) & (tails > 0.3 * before))  # round-off stops the decrease of the coefficients
        if settled.all() and (done or error < 1e-13):
            break
        done = bool(settled.all())  # once more, so that the stated error is not that of a much coarser tensor
        sizes = [n + (2 if s else max(4, n // 3) // 2 * 2) for n, s in zip(sizes, settled, strict=True)]
        growth = len(problem.fields) * np.prod(sizes) / unknowns
        took = (clock.perf_counter() - begin) * growth**3  # what the next one will take
    if best is None or not np.isfinite(error):
        raise OutOfTime(f"no two resolutions could be compared within {seconds:g} s (reference.seconds)")
    stated = {name: max(e, FLOOR) for name, e in errors.items()}
    return replace(best, error=max(error, FLOOR), errors=stated, seconds=clock.perf_counter() - start)


def _tails(tensors: Tensors) -> np.ndarray:  # (d,)
    """The largest tail of any field that is more than round-off of the others."""
    most = max(float(np.abs(t.coefficients).max()) for t in tensors.values())
    found = [t.tails() for t in tensors.values() if np.abs(t.coefficients).max() > NOTHING * most]
    return np.max(found, axis=0) if found else np.zeros(next(iter(tensors.values())).coefficients.ndim)


def _as_reference(tensors: Tensors) -> Reference:
    axes = next(iter(tensors.values())).axes
    d = len(axes)

    def values(points: np.ndarray) -> Values:
        return {name: tensor(points) for name, tensor in tensors.items()}

    def gradients(points: np.ndarray) -> Values:
        units = [tuple(int(i == axis) for i in range(d)) for axis in range(d)]
        return {name: np.stack([tensor(points, unit) for unit in units], axis=1) for name, tensor in tensors.items()}

    words = " x ".join(str(a.size) for a in axes) + " coefficients" + (" a field" if len(tensors) > 1 else "")
    return Reference("spectral", 1.0, 0.0, values, gradients, words)


def collocate(problem: Problem, sizes: tuple[int, ...], guess: Tensors | None = None) -> Tensors:
    """The collocation solution with the given numbers of coefficients, by Newton from ``guess`` or from zero."""
    equations = [Pointwise(problem, r) for r in problem.equations]
    axes = _axes(problem, equations, sizes)
    starts = [guess[name].on(a) if guess else Tensor(a, np.zeros([i.size for i in a])) for name, a in axes.items()]
    rows, columns = _rows(problem, equations, sizes, axes)
    with np.errstate(all="ignore"):  # a trial step may leave the domain of log or sqrt; it is then halved
        c = _newton(rows, np.concatenate([t.coefficients.ravel() for t in starts]))
    return {name: Tensor(a, c[columns[name]].reshape([i.size for i in a])) for name, a in axes.items()}


def _axis(domain: Domain, axis: int, size: int) -> Axis:
    low, high = (float(b) for b in domain.bounds[axis])
    return FourierAxis(low, high, size) if domain.coordinates[axis] in domain.periodic else ChebyshevAxis(low, high, size)


def _axes(problem: Problem, equations: list[Pointwise], sizes: tuple[int, ...]) -> dict[str, tuple[Axis, ...]]:
    """The bases of every field. One without conditions on the boundary has as many coefficients as its equations have points.

    For the pressure that is the degree N - 2 where the velocity has N, without spurious modes (Bernardi & Maday 1992).
    """
    conditioned = {name for c in problem.conditions if c.place.faces for r in c.residuals for name in _names(problem, r)}
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


def _rows(
    problem: Problem, equations: list[Pointwise], sizes: tuple[int, ...], axes: dict[str, tuple[Axis, ...]]
) -> tuple[list[_Rows], dict[str, slice]]:
    ends = np.cumsum([0, *(int(np.prod([a.size for a in field])) for field in axes.values())])
    columns = {name: slice(int(low), int(high)) for name, low, high in zip(axes, ends[:-1], ends[1:], strict=True)}
    full = tuple(_axis(problem.domain, i, n) for i, n in enumerate(sizes))
    shared: dict[tuple[object, ...], np.ndarray] = {}
    found = []

    def add(residual: Pointwise, places: list[tuple[np.ndarray, np.ndarray]], mask: Function | None = None) -> None:
        found.append(_block(residual, axes, columns, places, mask, shared))

    for equation in equations:
        add(equation, [axis.inside(equation.order(i)) for i, axis in enumerate(full)])
    for condition in problem.conditions:
        predicate = condition.place.predicate
        for face in condition.place.faces:
            chosen = [axis.across() for axis in full]
            chosen[face.axis] = (np.array([problem.domain.position(face)]), np.ones(1))
            mask = None if predicate in (None, sp.true) else Function(problem, sp.Piecewise((1, predicate), (0, True)))
            for r in condition.residuals:
                add(Pointwise(problem, r.on_face(face, problem.coordinates)), chosen, mask)
        if condition.kind == "constraint":
            if condition.place.point is None:
                raise UnsupportedProblem(
                    f"the references know constraints at points only, not '{condition.name}'", condition.span
                )
            for r in condition.residuals:
                add(
                    Pointwise(problem, r),
                    [
                        axis.across() if x is None else (np.array([float(x)]), np.ones(1))
                        for x, axis in zip(condition.place.point, full, strict=True)
                    ],
                )
    if sum(len(r.weight) for r in found) < ends[-1]:
        raise UnsupportedProblem("there are too few boundary conditions for a unique solution")
    return found, columns


def _block(
    residual: Pointwise,
    axes: dict[str, tuple[Axis, ...]],
    columns: dict[str, slice],
    places: list[tuple[np.ndarray, np.ndarray]],  # points and weights along every axis
    mask: Function | None,
    shared: dict[tuple[object, ...], np.ndarray],  # tables made before, by basis, points and order
) -> _Rows:
    x = [points for points, _ in places]
    grids = [g.ravel() for g in np.meshgrid(*x, indexing="ij")]
    weight = np.sqrt(np.prod(np.stack([g.ravel() for g in np.meshgrid(*(w for _, w in places), indexing="ij")]), axis=0))
    tables: dict[Key, np.ndarray] = {}
    for name, index in residual.keys:
        key = (axes[name], tuple(points.tobytes() for points in x), index)
        if key not in shared:
            table = np.ones((1, 1))
            for axis, points, order in zip(axes[name], x, index, strict=True):
                table = np.kron(table, axis.table(points, order))
            shared[key] = table
        tables[name, index] = shared[key]
    if mask is not None:
        keep = mask(grids) > 0.5
        grids, weight, tables = [g[keep] for g in grids], weight[keep], {i: table[keep] for i, table in tables.items()}
    _, slopes = residual(grids, {key: np.zeros(len(weight)) for key in tables})
    lengths = [a.high - a.low for a in next(iter(axes.values()))]
    largest = [
        np.abs(s).max(initial=0.0) * np.prod([(2 / n) ** q for n, q in zip(lengths, i, strict=True)])
        for (_, i), s in slopes.items()
    ]
    size = max(largest, default=1.0)
    return _Rows(residual, grids, weight / (size if np.isfinite(size) and size > 0 else 1.0), tables, columns)


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
