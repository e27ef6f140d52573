"""Derivatives of a sampled field, good enough to see its structure, never compared with the noise.

The Chebyshev series is cut where it sinks into the noise and then differentiated. Near the ends of an interval the derivative of
T_n grows like n^2, inside only like n: values come with the weight sqrt(1 - x^2) for each order, and linear relations between
derivatives are looked for among weighted values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from kanpde.symbolic.sample import Array, Axis, Samples

CUT = 3.0
"""Coefficients below this many deviations of white noise are left out."""


@dataclass(frozen=True)
class Slopes:
    """Partial derivatives at the points of a coarser tensor grid, each multiplied by ``weight``."""

    points: tuple[Array, ...]  # d times (N,): the coordinates of the points
    weight: Array  # (N,)
    partials: dict[tuple[int, ...], Array]  # {order in each coordinate: (N,)}, weighted


def slopes(samples: Samples, orders: Sequence[tuple[int, ...]], count: int) -> Slopes:
    """The partial derivatives of the given orders on ``count`` Chebyshev nodes a coordinate."""
    d = len(samples.axes)
    series = samples.values
    gain = 1.0
    for i, axis in enumerate(samples.axes):
        series = axis.coefficients(series, i)
        gain *= np.sqrt(2 / axis.n)
    series = np.where(np.abs(series) > CUT * gain * samples.sigma, series, 0.0)
    nodes = [Axis(axis.lower, axis.upper, count).nodes for axis in samples.axes]
    grids = np.meshgrid(*nodes, indexing="ij")
    most = max(sum(order) for order in orders)
    weight = np.ones_like(grids[0])
    for axis, grid in zip(samples.axes, grids, strict=True):
        weight = weight * (1 - axis.reference(grid) ** 2) ** (most / 2)
    found = {}
    for order in orders:
        values = series
        for i in range(d):
            values = np.moveaxis(np.tensordot(_matrix(samples.axes[i], nodes[i], order[i]), values, (1, i)), 0, i)
        found[order] = (values * weight).ravel()
    return Slopes(tuple(grid.ravel() for grid in grids), weight.ravel(), found)


def _matrix(axis: Axis, x: Array, order: int) -> Array:  # (m, n)
    """The derivatives of the Chebyshev polynomials at points."""
    identity = np.eye(axis.n)
    series = chebyshev.chebder(identity, order, scl=2 / axis.width) if order else identity  # (n - order, n)
    return np.asarray(chebyshev.chebvander(axis.reference(x), series.shape[0] - 1) @ series)
