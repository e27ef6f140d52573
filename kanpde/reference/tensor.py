"""A function on a box as a tensor of coefficients in a product of global bases."""

from __future__ import annotations

import numpy as np

from kanpde.problem.types import MultiIndex
from kanpde.reference.axes import Axis


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
            value = self.axes[0].table(part[:, 0], index[0]) @ self.coefficients.reshape(self.axes[0].size, -1)  # (N, n_2 ...)
            for axis in range(1, len(self.axes)):
                table = self.axes[axis].table(part[:, axis], index[axis])  # (N, n)
                value = np.einsum("nk,nkm->nm", table, value.reshape(*table.shape, -1))
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
