"""The functions of a group of edges as the rows of one matrix, chunk by chunk of the points, as a matrix product wants them.

An edge phi = sum_j c_j B_j may be written in any functions T_t of the same span: phi = sum_t w_t T_t + b with w linear in c. The
families differ in what they cost and where they are accurate; ``kan/product.py`` chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from kanpde.kan.bases import BASES


class Sweep(Protocol):
    """The values of all columns at one chunk of points after another, in the same memory."""

    def fill(self, z: Tensor) -> None:  # (n_in, m)
        """Evaluate at these points, into the tensor that the sweep was made with."""

    def weigh(self, products: Tensor) -> None:  # (S, n_in, m)
        """Multiply by the S functions of the derivatives, at the points of the last ``fill``."""


class Columns(Protocol):
    """T functions of each of n_in inputs that span the edges, and S functions that span their derivatives."""

    @property
    def count(self) -> int:
        """T."""

    @property
    def slopes(self) -> int:
        """S."""

    def weights(self, coefficients: Tensor) -> tuple[Tensor, Tensor | None]:  # (n_in, n_out, K) -> (n_out, T, n_in), (n_out,)
        """w, and what is constant, added up over the inputs (None: nothing)."""

    def slope_weights(self, coefficients: Tensor) -> Tensor:  # (n_in, n_out, K) -> (n_out, S, n_in)
        """The weights of the derivatives."""

    def pull(self, weights: Tensor, constant: Tensor) -> Tensor:  # (n_out, T, n_in), (n_out,) -> (n_in, n_out, K)
        """The adjoint of ``weights``: gradients by w and b to the gradient by the coefficients."""

    def sweep(self, values: Tensor, derivatives: bool) -> Sweep:  # (T, n_in, m)
        """Something that fills ``values``; with ``derivatives`` it can ``weigh``."""


@dataclass(frozen=True)
class TableColumns:
    """The basis functions themselves, of any family, by their ``table``."""

    breaks: Tensor  # (n_in, G + 1)
    degree: int
    basis: str

    @property
    def count(self) -> int:
        """K."""
        return BASES[self.basis].size(self.breaks.shape[1] - 1, self.degree)

    @property
    def slopes(self) -> int:
        """K: the derivatives of the same functions."""
        return self.count

    def weights(self, coefficients: Tensor) -> tuple[Tensor, Tensor | None]:
        """The coefficients."""
        return coefficients.permute(1, 2, 0), None

    def slope_weights(self, coefficients: Tensor) -> Tensor:
        """The coefficients."""
        return coefficients.permute(1, 2, 0)

    def pull(self, weights: Tensor, constant: Tensor) -> Tensor:
        """The gradient as it is."""
        return weights.permute(2, 0, 1)

    def sweep(self, values: Tensor, derivatives: bool) -> _TableSweep:
        """One call of ``table`` a chunk."""
        return _TableSweep(self, values, int(derivatives))


class _TableSweep:
    def __init__(self, columns: TableColumns, values: Tensor, order: int) -> None:
        self.columns, self.values, self.order = columns, values, order

    def fill(self, z: Tensor) -> None:
        columns = self.columns
        self.table = BASES[columns.basis].table(z, columns.breaks, columns.degree, self.order)  # (order + 1, n_in, K, m)
        self.values.copy_(self.table[0].transpose(0, 1))

    def weigh(self, products: Tensor) -> None:
        products.mul_(self.table[1].transpose(0, 1))
