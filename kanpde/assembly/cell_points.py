"""Points tied to a grid: Gauss points in its cells, and on the sides of the box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kanpde.assembly.rows import GAUSS
from kanpde.assembly.tensor_space import TensorSpace
from kanpde.geometry import Domain, Face


@dataclass(frozen=True)
class Side:
    """Points on a part of the boundary."""

    x: np.ndarray  # (N, d)
    normal: np.ndarray  # (N, d)
    weight: np.ndarray  # (N,)


def on_face(space: TensorSpace, domain: Domain, face: Face) -> Side:
    """Gauss points on one side of a box, and its normal."""
    breaks = numbers(space)
    others = [axis for axis in range(len(breaks)) if axis != face.axis]
    cells = np.array(list(np.ndindex(*(space.intervals[axis] for axis in others))))  # (C, d - 1)
    x, w = gauss_in(cells, [breaks[axis] for axis in others], [points_a_cell(space, axis) for axis in others])
    inner = x.reshape(w.size, len(others))
    normal = np.zeros((len(inner), len(breaks)))
    normal[:, face.axis] = face.side
    return Side(np.insert(inner, face.axis, domain.position(face), axis=1), normal, w.reshape(-1))


def points_a_cell(space: TensorSpace, axis: int) -> int:
    """Gauss points a cell: three, or as many as give one for every spline."""
    return max(GAUSS, math.ceil(space.functions[axis] / space.intervals[axis]))


def numbers(space: TensorSpace) -> list[np.ndarray]:
    """The breaks as arrays."""
    return [b.cpu().numpy() for b in space.breaks]


def smallest(breaks: Sequence[np.ndarray]) -> float:
    """The shortest interval."""
    return float(min(np.diff(b).min() for b in breaks))


def gauss_in(
    cells: np.ndarray,  # (C, d)
    breaks: Sequence[np.ndarray],
    count: Sequence[int],
    fixed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # (C, M, d), (C, M)
    """Tensor products of Gauss points in cells, and their weights; an axis that is ``fixed`` to one place has weight one."""
    x, w = np.zeros((len(cells), 1, 0)), np.ones((len(cells), 1))
    for axis, (b, n) in enumerate(zip(breaks, count, strict=True)):
        nodes, weights = np.polynomial.legendre.leggauss(n)
        low, h = b[cells[:, axis]], np.diff(b)[cells[:, axis]]
        mine = low[:, None] + h[:, None] * (nodes + 1) / 2  # (C, n)
        m = x.shape[1]
        x = np.concatenate([np.repeat(x, n, 1), np.tile(mine, (1, m))[:, :, None]], 2)
        w = np.repeat(w, n, 1) * np.tile(np.ones((len(h), 1)) if axis == fixed else h[:, None] * weights / 2, (1, m))
    return x, w
