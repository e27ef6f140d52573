"""Boxes inside the domain on which the solution is smooth: where a formula is looked for.

An analytic formula that is found in one box is then proved for the whole domain, so a large box is enough. A box is cut out of a
shape by marking the nodes of a grid that lie in it, away from re-entrant corners, and taking the largest block of marked nodes.
Where materials meet, each has a box of its own. Before any proof, a formula is compared with the solution at scattered points of
the whole domain: that turns away what holds in the box only.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Combination, Domain, Shape
from kanpde.problem.materials import Materials, materials
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Array, Sampler, Samples, sample

if TYPE_CHECKING:
    from kanpde.results import Solution

Interval = tuple[float, float]
Contains = Callable[[Array], np.ndarray[Any, np.dtype[np.bool_]]]
"""Which of the points (N, d) lie in a set."""
Scattered = Callable[[Array], Array]
"""Values of one field at points: (N, d) -> (N,)."""

GRID = {1: 401, 2: 81, 3: 25}
"""Nodes a coordinate of the grid on which the largest block is sought: it loses at most a node on each side."""
CHECKED = 2000
"""Points at which a block is checked for holes between its nodes."""
AWAY = 0.1
"""Distance from a re-entrant corner, as a part of the domain's width: near it a Chebyshev series converges slowly."""
ATTEMPTS = 20
PRIMES = (2, 3, 5, 7)
TOLERANCE = 30.0
"""What an error at scattered points may be in units of the noise: solvers are less accurate near rims and corners."""


@dataclass(frozen=True)
class Box:
    """An interval for each coordinate of the problem, and the number of the material that it lies in, None if there are none."""

    bounds: tuple[Interval, ...]
    region: int | None = None

    def cut(self, axis: int, start: float, end: float) -> Box:
        """The part of the box from one fraction of a coordinate's interval to another: ``cut(t, 0, 1/8)`` is an early window."""
        lower, upper = self.bounds[axis]
        width = upper - lower
        part = (lower + start * width, upper if end == 1 else lower + end * width)
        return replace(self, bounds=(*self.bounds[:axis], part, *self.bounds[axis + 1 :]))


def boxes(problem: Problem) -> list[Box]:
    """One box for a domain in one piece of one material, else one for each material, in the order of ``materials``.

    Empty where no smooth part of the domain is known: a coefficient jumps across something that has no shape.
    """
    domain = problem.domain
    whole = tuple((float(lower), float(upper)) for lower, upper in domain.bounds)
    try:
        found = materials(problem)
    except UnsupportedProblem:
        return []
    if found is None:
        if domain.is_box:
            return [Box(whole)]
        axes = domain.region_axes
        inner = inscribed(_away(domain, domain.shape.contains), np.array([whole[axis] for axis in axes]))
        return [] if inner is None else [Box(_with(whole, axes, inner))]
    return [box for number in range(len(found.regions)) if (box := _of_region(domain, found, number, whole)) is not None]


def _of_region(domain: Domain, found: Materials, number: int, whole: Sequence[Interval]) -> Box | None:
    """The box of one material: in its shape, and in that of the domain."""
    region = found.regions[number]
    axes = region.axes

    def contains(x: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        inside = np.asarray(region.shape.contains(x), bool)
        return inside if domain.is_box else inside & np.asarray(domain.shape.contains(x), bool)

    inner = inscribed(_away(domain, contains), np.array([whole[axis] for axis in axes]))
    return None if inner is None else Box(_with(whole, axes, inner), number)


def _with(whole: Sequence[Interval], axes: Sequence[int], inner: Sequence[Interval]) -> tuple[Interval, ...]:
    result = list(whole)
    for axis, interval in zip(axes, inner, strict=True):
        result[axis] = interval
    return tuple(result)


def _away(domain: Domain, contains: Contains) -> Contains:
    """The same set without discs around the re-entrant corners of the domain."""
    if domain.is_box or len(domain.region_axes) != 2:
        return contains
    corners = [corner.point for corner in domain.boundary.corners if corner.angle > np.pi]
    radius = AWAY * float(domain.lengths[list(domain.region_axes)].min())

    def kept(x: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        inside = np.array(contains(x), bool)
        for corner in corners:
            inside &= np.hypot(*(x - corner).T) > radius
        return inside

    return kept


def inscribed(
    contains: Contains | Shape | Combination,
    bounds: Array,  # (d, 2), the box around the set
) -> tuple[Interval, ...] | None:
    """A large box within a set: the largest block of grid nodes in it with no hole between them; None if there is none."""
    inside: Contains = contains.contains if isinstance(contains, Shape | Combination) else contains
    dimension = len(bounds)
    nodes = [np.linspace(lower, upper, GRID[dimension]) for lower, upper in bounds]
    grid = np.stack(np.meshgrid(*nodes, indexing="ij"), -1)  # (n, ..., n, d)
    marked = inside(grid.reshape(-1, dimension)).reshape(grid.shape[:-1])
    fractions = irregular(CHECKED, dimension)  # (CHECKED, d)
    for _ in range(ATTEMPTS):
        block = largest_block(marked)
        if block is None:
            return None
        low, high = (np.array([x[pair[k]] for x, pair in zip(nodes, block, strict=True)]) for k in (0, 1))
        points = low + fractions * (high - low)
        missed = points[~inside(points)]
        if not len(missed):
            return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))
        for point in missed:  # a hole between the nodes: none of those around it may be in a block
            around = tuple(
                slice(max(int(np.searchsorted(x, value)) - 1, 0), int(np.searchsorted(x, value)) + 1)
                for x, value in zip(nodes, point, strict=True)
            )
            marked[around] = False
    return None


def largest_block(
    marked: np.ndarray,  # (n_1, ..., n_d) bool
) -> tuple[tuple[int, int], ...] | None:
    """First and last index along each axis of the largest block of marked nodes; None if none has two along each axis."""
    best: tuple[float, tuple[tuple[int, int], ...]] = (0.0, ())
    if marked.ndim <= 2:
        rows = marked if marked.ndim == 2 else marked[None]
        for first in range(len(rows)):
            both = np.minimum.accumulate(rows[first:], axis=0)  # (m, n): marked in all rows from the first on
            length, last = _longest_runs(both)
            height = np.arange(len(both)) if marked.ndim == 2 else np.ones(1)
            areas = height * (length - 1.0)
            k = int(areas.argmax())
            if areas[k] > best[0]:
                run = (int(last[k] - length[k] + 1), int(last[k]))
                best = (float(areas[k]), ((first, first + k), run) if marked.ndim == 2 else (run,))
        return best[1] or None
    for first in range(len(marked)):
        layers = marked[first]
        for last_layer in range(first + 1, len(marked)):
            layers = layers & marked[last_layer]
            if (last_layer - first) * layers.sum() <= best[0]:
                continue
            inner = largest_block(layers)
            if inner is not None:
                size = float((last_layer - first) * np.prod([b - a for a, b in inner]))
                if size > best[0]:
                    best = (size, ((first, last_layer), *inner))
    return best[1] or None


def _longest_runs(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (m, n) bool -> (m,) lengths, (m,) last index
    run = np.zeros(len(rows), int)
    length, last = run.copy(), run.copy()
    for k in range(rows.shape[1]):
        run = (run + 1) * rows[:, k]
        longer = run > length
        length[longer] = run[longer]
        last[longer] = k
    return length, last


def irregular(count: int, dimension: int) -> Array:  # (count, dimension)
    """Points that fill the unit cube evenly without the pattern of a grid: multiples of square roots of primes, modulo 1."""
    return np.asarray((0.5 + np.outer(np.arange(1, count + 1), np.sqrt(PRIMES[:dimension]))) % 1)


def sampler_of(solution: Solution, field: str) -> Sampler:
    """A field of a solution on tensor grids; of a complex field, ask for the names of its real and imaginary part."""
    names = [_keyword(name) for name in solution.problem.coordinates]

    def sampler(*nodes: Array) -> Array:
        grid = np.meshgrid(*nodes, indexing="ij", sparse=True)
        return np.asarray(solution[field](**dict(zip(names, grid, strict=True))), dtype=np.float64)

    return sampler


def scattered_of(solution: Solution, field: str) -> Scattered:
    """A field of a solution at points."""
    names = [_keyword(name) for name in solution.problem.coordinates]

    def values(x: Array) -> Array:
        return np.asarray(solution[field](**dict(zip(names, x.T, strict=True))), dtype=np.float64)

    return values


def one_by_one(sampler: Sampler) -> Scattered:
    """A sampler of tensor grids at scattered points: a grid of one node for each of them."""
    return lambda x: np.array([float(np.ravel(sampler(*(np.array([c]) for c in point)))[0]) for point in x])


def _keyword(name: str) -> str:
    """The Python keyword argument of a coordinate: ``lambda`` is written ``lambda_``."""
    return f"{name}_" if keyword.iskeyword(name) else name


def sample_box(sampler: Sampler, box: Box, sigma: float | None) -> Samples:
    """The field on the Chebyshev nodes of a box, with its noise; ``sigma`` is the solver's own estimate of its absolute error."""
    return sample(sampler, box.bounds, sigma)


@dataclass(frozen=True)
class Spots:
    """Values of a field at scattered points of the whole domain, all its materials, and around its holes."""

    symbols: tuple[sp.Symbol, ...]
    points: Array  # (N, d)
    values: Array  # (N,)

    @property
    def size(self) -> float:
        """The root mean square of the values."""
        return float(np.sqrt(np.mean(self.values**2)))


def spots(problem: Problem, values: Scattered, count: int = 300) -> Spots:
    """About ``count`` values of a field (fewer for shapes that fill little of their box)."""
    domain = problem.domain
    tried = irregular(2 * count, domain.dimension)
    bounds = np.asarray(domain.bounds, float)
    inside = bounds[:, 0] + tried * (bounds[:, 1] - bounds[:, 0])
    inside = inside[domain.contains(inside)][:count]
    return Spots(tuple(symbol(name) for name in domain.coordinates), inside, np.asarray(values(inside), float))


def deviation(found: Spots, form: Form) -> float:
    """The root mean square of form minus values over the scattered points; infinite where the form is undefined at one of them.

    For a form whose numbers are known well (polished): those of a small window need not hold outside of it.
    """
    difference = form.values(found.symbols, list(found.points.T)) - found.values
    return float(np.sqrt(np.mean(difference**2))) if np.isfinite(difference).all() else np.inf


def agrees(found: Spots, form: Form, sigma: float, tolerance: float = TOLERANCE) -> bool:
    """Whether a form is the solution in the whole domain, as far as its noise can tell: necessary for a proof, and cheap."""
    return deviation(found, form) <= tolerance * sigma
