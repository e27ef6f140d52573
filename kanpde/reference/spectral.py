"""Spectral collocation with Newton's method for boundary value problems in one or two coordinates; cube.py has those in three.

The unknowns are a tensor of Chebyshev (or Fourier) coefficients a field. The equations are collocated at Gauss points inside,
every condition at Gauss points of its face; at corners, and for equations of fourth order, that gives a few more rows than
unknowns, which a weighted least-squares solve takes without any rule for corners. With smooth data the error decreases
geometrically in the number of points.
"""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, replace

import numpy as np

from kanpde.errors import UnsupportedProblem
from kanpde.problem.materials import materials
from kanpde.problem.types import MultiIndex, Problem
from kanpde.reference.collocation import Collocation
from kanpde.reference.compare import fresh_points, relative_differences
from kanpde.reference.corners import Eddy, eddies
from kanpde.reference.cube import cube
from kanpde.reference.folded import folded
from kanpde.reference.newton import NoConvergence, newton
from kanpde.reference.pointwise import Pointwise, require_box
from kanpde.reference.resolutions import CHECK_POINTS, CHECK_SEED
from kanpde.reference.tensor import Tensor
from kanpde.reference.types import FLOOR, NOTHING, OutOfTime, Reference, Values

LARGEST = 6200
"""Unknowns of the largest system: its dense factorisation takes a gigabyte and ten seconds; 77 x 77 resolve 1/150."""

RETRY = 30
"""Coefficients an axis up to which a failure of Newton's method is put down to the coarseness of the tensor."""

ROUGH, SMOOTH = 25, 1e-7
"""Coefficients an axis from which tails above the second number are put down to the corners: smooth data would be done."""

TAIL = 1e-15
"""Coefficients relative to the largest below which an axis has enough of them: round-off."""


@dataclass(frozen=True)
class Fields:
    """All fields: a tensor each, and what the corner functions add."""

    tensors: dict[str, Tensor]
    corners: tuple[Eddy, ...]
    strengths: np.ndarray  # (S,)

    def __call__(self, name: str, points: np.ndarray, index: MultiIndex | None = None) -> np.ndarray:  # (N, d) -> (N,)
        """Values, or a partial derivative, of one field."""
        tensor = self.tensors[name]
        index = index or (0,) * len(tensor.axes)
        value = tensor(points, index)
        for corner, strength in zip(self.corners, self.strengths, strict=True):
            value = value + strength * corner(name, index, list(points.T))
        return value

    def tails(self) -> np.ndarray:  # (d,)
        """The largest tail of any field that is more than round-off of the others."""
        most = max(float(np.abs(t.coefficients).max()) for t in self.tensors.values())
        found = [t.tails() for t in self.tensors.values() if np.abs(t.coefficients).max() > NOTHING * most]
        return np.max(found, axis=0) if found else np.zeros(next(iter(self.tensors.values())).coefficients.ndim)


def spectral(problem: Problem, seconds: float = 120.0) -> Reference:
    """The reference for a problem on a box, in three coordinates also with time, confirmed by two resolutions."""
    require_box(problem)
    regions = materials(problem)
    if regions is not None:
        parts = folded(problem, regions)
        return parts.unfold(spectral(parts.problem, seconds))
    if problem.domain.dimension == 3:
        return cube(problem, seconds)
    if problem.domain.dimension > 3:
        raise UnsupportedProblem("spectral collocation is for one, two or three coordinates")
    start = clock.perf_counter()
    points = fresh_points(problem.domain.bounds, CHECK_POINTS, CHECK_SEED)
    best: Reference | None = None
    error, sizes, tails = np.inf, [13] * problem.domain.dimension, np.full(problem.domain.dimension, np.inf)
    fields: Fields | None = None
    done, took, corners = False, 0.0, False
    errors: dict[str, float] = {}
    while (unknowns := len(problem.fields) * int(np.prod(sizes))) <= LARGEST:
        begin = clock.perf_counter()
        if begin + took > start + seconds:
            break
        try:
            fields = collocate(problem, tuple(sizes), fields, corners)
        except NoConvergence:
            if max(sizes) > RETRY:
                raise
            sizes, fields = [n + n // 3 // 2 * 2 for n in sizes], None  # too coarse a tensor may have no solution of its own
            continue
        finer = _as_reference(fields)
        if best is not None:
            errors = relative_differences(best, finer, points)
            error = max(errors.values())
        best, before, tails = finer, tails, fields.tails()
        corners = corners or (max(sizes) > ROUGH and tails.max() > SMOOTH)
        settled = (tails <= TAIL) | ((tails < 1e-11) & (tails > 0.3 * before))  # round-off stops the decrease of the coefficients
        if (settled.all() and (done or error < 1e-13)) or (fields.corners and error < 1e-11):
            break
        done = bool(settled.all())  # once more, so that the stated error is not that of a much coarser tensor
        sizes = [n + (2 if s else max(4, n // 3) // 2 * 2) for n, s in zip(sizes, settled, strict=True)]
        growth = len(problem.fields) * np.prod(sizes) / unknowns
        took = (clock.perf_counter() - begin) * growth**3  # what the next one will take
    if best is None or not np.isfinite(error):
        raise OutOfTime(f"no two resolutions could be compared within {seconds:g} s (reference.seconds)")
    stated = {name: max(e, FLOOR) for name, e in errors.items()}
    return replace(best, error=max(error, FLOOR), errors=stated, seconds=clock.perf_counter() - start)


def _as_reference(fields: Fields) -> Reference:
    names = list(fields.tensors)
    axes = fields.tensors[names[0]].axes
    d = len(axes)

    def values(points: np.ndarray) -> Values:
        return {name: fields(name, points) for name in names}

    def gradients(points: np.ndarray) -> Values:
        units = [tuple(int(i == axis) for i in range(d)) for axis in range(d)]
        return {name: np.stack([fields(name, points, unit) for unit in units], axis=1) for name in names}

    words = " x ".join(str(a.size) for a in axes) + " coefficients" + (" a field" if len(names) > 1 else "")
    words += f", {len(fields.corners)} corner functions" if fields.corners else ""
    return Reference("spectral", 1.0, 0.0, values, gradients, words)


def collocate(problem: Problem, sizes: tuple[int, ...], guess: Fields | None = None, corners: bool = False) -> Fields:
    """The collocation solution with the given numbers of coefficients, by Newton from ``guess`` or from zero.

    ``corners`` asks for corner functions beside the polynomials, where there are any for the problem.
    """
    equations = [Pointwise(problem, r) for r in problem.equations]
    rows = Collocation(problem, equations, sizes, eddies(problem, equations) if corners else ())
    start = np.zeros(rows.size)
    if guess is not None:
        parts = [guess.tensors[name].on(axes).coefficients.ravel() for name, axes in rows.axes.items()]
        strengths = guess.strengths if guess.corners else np.zeros(len(rows.corners))
        start = np.concatenate([*parts, strengths])
    affine = all(r.residual.affine for r in rows.rows)
    with np.errstate(all="ignore"):  # a trial step may leave the domain of log or sqrt; it is then halved
        c = newton(rows, start, affine, len(rows.corners))
    tensors = {name: Tensor(axes, c[rows.columns[name]].reshape([a.size for a in axes])) for name, axes in rows.axes.items()}
    return Fields(tensors, rows.corners, c[rows.size - len(rows.corners) :])
