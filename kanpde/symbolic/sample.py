"""A solution seen as numbers: values on Chebyshev nodes, their noise, and the rank that rises above it.

Only values are ever compared with the noise; derivatives amplify it and are never thresholded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

Array = np.ndarray[Any, np.dtype[np.float64]]
Sampler = Callable[..., Array]
"""Values of one field on a tensor grid: one array of nodes a coordinate, (n_1,) ... (n_d,) -> (n_1, ..., n_d)."""

NODES = {1: 160, 2: 64, 3: 32}
"""Nodes a coordinate by dimension: 64 resolve 10 waves to 1e-10; three dimensions then still are only 32768 values."""

MORE_NODES = {1: 320, 2: 128, 3: 48}
"""Where these do not resolve a field: a soliton in a long interval."""


@dataclass(frozen=True)
class Axis:
    """An interval with its Chebyshev nodes (of the first kind: none at the ends, where solvers are least accurate)."""

    lower: float
    upper: float
    n: int

    @property
    def nodes(self) -> Array:  # (n,)
        """The nodes, increasing."""
        return self.lower + (self.upper - self.lower) * (1 - np.cos((np.arange(self.n) + 0.5) * np.pi / self.n)) / 2

    @property
    def width(self) -> float:
        """The length of the interval."""
        return self.upper - self.lower

    def reference(self, x: Array) -> Array:
        """The points mapped to [-1, 1]."""
        return (2 * x - self.lower - self.upper) / self.width

    def coefficients(self, values: Array, axis: int = 0) -> Array:  # (..., n, ...) -> the same shape
        """The Chebyshev series through the values at the nodes, along one axis of the array."""
        transform = 2 / self.n * chebyshev.chebvander(self.reference(self.nodes), self.n - 1).T  # (n, n)
        transform[0] /= 2
        return np.moveaxis(np.tensordot(transform, values, (1, axis)), 0, axis)

    def significant(self, values: Array, sigma: float) -> int:  # (n, ...)
        """How many coefficients of the series stand out of the noise: what the data say, counted in numbers."""
        return int(np.sum(np.abs(self.coefficients(values)) > 3 * sigma))

    def evaluate(self, coefficients: Array, x: Array) -> Array:  # (k, ...), (N,) -> (N, ...)
        """The series at other points of the interval."""
        vandermonde = chebyshev.chebvander(self.reference(x), coefficients.shape[0] - 1)
        return np.tensordot(vandermonde, coefficients, (1, 0))


@dataclass(frozen=True)
class Samples:
    """A field on a tensor grid: its values and the size of the error in them (root mean square, in the field's units)."""

    axes: tuple[Axis, ...]
    values: Array  # (n_1, ..., n_d)
    sigma: float
    resolved: bool  # whether the Chebyshev series has reached the noise in every coordinate

    @property
    def size(self) -> float:
        """The root mean square of the values."""
        return float(np.sqrt(np.mean(self.values**2)))


def crop(samples: Samples, bounds: Sequence[tuple[float, float]]) -> Samples:
    """The same field on a smaller box, through its Chebyshev series: as many nodes, the same noise."""
    axes = tuple(Axis(lower, upper, axis.n) for (lower, upper), axis in zip(bounds, samples.axes, strict=True))
    values = samples.values
    for i, (old, new) in enumerate(zip(samples.axes, axes, strict=True)):
        if (old.lower, old.upper) != (new.lower, new.upper):
            moved = np.moveaxis(values, i, 0)
            values = np.moveaxis(old.evaluate(old.coefficients(moved), new.nodes), 0, i)
    return Samples(axes, np.ascontiguousarray(values), samples.sigma, samples.resolved)


Bounds = list[tuple[float, float]]


def parts(axes: Sequence[Axis], pieces: int, smallest: float = 0.25) -> Iterator[tuple[float, Bounds, tuple[slice, ...]]]:
    """Smaller boxes made of ``pieces`` of each interval, the largest first: volume (of 1), bounds, and the nodes inside."""
    edges = [np.searchsorted(a.nodes, a.lower + a.width * np.arange(pieces + 1) / pieces) for a in axes]  # (pieces + 1,) each
    spans = [(i, j) for i in range(pieces) for j in range(i + 1, pieces + 1) if j - i >= smallest * pieces]
    for box in sorted(product(spans, repeat=len(axes)), key=lambda box: (-np.prod([j - i for i, j in box]), box)):
        bounds = [(a.lower + a.width * i / pieces, a.lower + a.width * j / pieces) for (i, j), a in zip(box, axes, strict=True)]
        inside = tuple(slice(int(edge[i]), int(edge[j])) for (i, j), edge in zip(box, edges, strict=True))
        yield float(np.prod([(j - i) / pieces for i, j in box])), bounds, inside


def unfold(values: Array, axis: int) -> Array:  # (n_1, ..., n_d) -> (n_axis, product of the others)
    """The values as a matrix whose rows belong to one coordinate."""
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def sample(sampler: Sampler, bounds: Sequence[tuple[float, float]], sigma: float | None) -> Samples:
    """The field on Chebyshev nodes of a box, with its noise.

    ``sigma`` is what the solver says of its own error. The tail of the Chebyshev series corrects it upwards, by a factor of at
    most 30 (what an error estimate may be wrong by); with no estimate the tail alone decides. A tail that stands far above the
    estimate is no noise but a field that the nodes do not resolve: then more of them are tried, once.
    """
    first = _sampled(sampler, bounds, sigma, NODES[len(bounds)])
    if first.resolved:
        return first
    second = _sampled(sampler, bounds, sigma, MORE_NODES[len(bounds)])
    return second if second.resolved else first


def _sampled(sampler: Sampler, bounds: Sequence[tuple[float, float]], sigma: float | None, n: int) -> Samples:
    axes = tuple(Axis(lower, upper, n) for lower, upper in bounds)
    values = np.ascontiguousarray(sampler(*(axis.nodes for axis in axes)), dtype=np.float64)
    if values.shape != (n,) * len(axes):
        raise ValueError(f"the sampler gave values of shape {values.shape} on a grid of {(n,) * len(axes)}")
    series = values
    for i, axis in enumerate(axes):
        series = axis.coefficients(series, i)
    gain = np.sqrt(2 / n) ** len(axes)  # of a coefficient's deviation over that of white noise in the values
    corner = series[tuple(slice(3 * n // 4, None) for _ in axes)]
    tail = float(np.sqrt(np.mean(corner**2)) / gain)
    floor = 4 * np.finfo(float).eps * float(np.abs(values).max(initial=0.0))
    noise = max(tail, floor) if sigma is None else max(sigma, floor, min(tail, 30 * sigma))
    ends = [np.abs(unfold(series, i)[-max(2, n // 10) :]).max() for i in range(len(axes))]
    return Samples(axes, values, noise, bool(max(ends) < 30 * noise))


@dataclass(frozen=True)
class Family:
    """The functions of one coordinate that a field is made of, as far as they rise above its noise."""

    values: Array  # (n, r): an orthogonal basis, scaled so that column sizes are root mean squares in the field's units
    rank: int


def family(samples: Samples, axis: int, sigma: float) -> Family:
    """The leading singular vectors of an unfolding: arbitrary mixtures of the field's functions of one coordinate.

    A singular value counts when it exceeds what an error of root mean square ``sigma`` could make of zero, in the worst case.
    """
    matrix = unfold(samples.values, axis)  # (n, m)
    left, sizes, _ = np.linalg.svd(matrix, full_matrices=False)
    rank = int(np.sum(sizes > 3 * sigma * np.sqrt(matrix.size)))
    return Family(left[:, :rank] * sizes[:rank] / np.sqrt(matrix.shape[1]), rank)


def ranks(samples: Samples, sigma: float) -> tuple[int, ...]:
    """The numerical rank of every unfolding: how many functions of each coordinate a sum of products needs."""
    return tuple(_rank(unfold(samples.values, axis), sigma) for axis in range(len(samples.axes)))


def _rank(matrix: Array, sigma: float) -> int:  # (n, m)
    """The rank of ``family`` alone: without vectors, and in three coordinates (m = n^2) from the square factor of a QR."""
    square = np.linalg.qr(matrix.T, mode="r") if matrix.shape[1] > 2 * matrix.shape[0] else matrix
    return int(np.sum(np.linalg.svd(square, compute_uv=False) > 3 * sigma * np.sqrt(matrix.size)))
