"""The families of univariate functions that an edge can be made of, behind one interface.

To add one: a file with a class that has the members of ``Basis``, and a line in ``BASES``. It then goes through the conformance
suite with no new test.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from kanpde.kan.bspline import BSpline
from kanpde.kan.chebyshev import Chebyshev
from kanpde.kan.fourier import Fourier
from kanpde.kan.jacobi import Jacobi, Legendre
from kanpde.kan.rational import Rational
from kanpde.kan.rbf import RBF
from kanpde.kan.relu import ReLUPowers
from kanpde.kan.wavelet import Wavelet


class Basis(Protocol):
    """K univariate functions on each of n independent grids of G intervals.

    ``grid`` and ``degree`` mean resolution and smoothness for every family. Constants and straight lines are among the functions,
    exactly. Values are finite outside the grid too; a class says how its functions go on there.
    """

    name: str
    local: bool  # whether break points inside the grid matter, or only its ends and their number
    nested: bool  # whether a finer grid has all functions of a coarser one, so that ``extend`` changes nothing

    def size(self, intervals: int, degree: int) -> int:
        """The number K of functions."""

    def order(self, degree: int) -> float:
        """The order of convergence in 1/G for smooth functions; infinite if faster than any power."""

    def floor(self, degree: int) -> float:
        """The error relative to the function at which convergence ends; 0 if that is round-off."""

    def polynomials(self, degree: int) -> int:
        """The highest degree of which all polynomials are among the functions, 1 at least."""

    def table(
        self,
        x: Tensor,  # (n, N)
        breaks: Tensor,  # (n, G + 1)
        degree: int,
        order: int,
    ) -> Tensor:  # (order + 1, n, K, N)
        """All functions and their derivatives up to ``order`` at the points."""

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Points at which interpolation is well conditioned, increasing."""

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The coefficients of the function one."""

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The coefficients of the function that rises from -1 to 1 over the grid."""

    def decay(self, size: int) -> Tensor:  # (K,)
        """Sizes of random coefficients that make functions of moderate derivatives."""

    def extend(
        self,
        coefficients: Tensor,  # (n_out, K)
        breaks: Tensor,  # (G + 1,)
        finer: Tensor,  # (G' + 1,), contains breaks
        degree: int,
    ) -> Tensor:  # (n_out, K')
        """The same functions on a finer grid: to round-off if ``nested``, else the nearest (``kan/projection.py``), as near to
        whatever the old grid resolved as the old grid came."""


BASES: dict[str, Basis] = {
    "bspline": BSpline(),
    "chebyshev": Chebyshev(),
    "legendre": Legendre(),
    "jacobi": Jacobi(),
    "fourier": Fourier(),
    "rbf": RBF(),
    "wavelet": Wavelet(),
    "relu": ReLUPowers(),
    "rational": Rational(),
}
"""Every basis that an edge can have, by the name that the problem file uses."""


class _Table(torch.autograd.Function):
    """``basis.table`` with the derivative that is already known: the next order. Differentiable any number of times.

    Autograd through the recurrence would store and visit every step of it.
    """

    @staticmethod
    def forward(x: Tensor, breaks: Tensor, basis: Basis, degree: int, order: int) -> Tensor:
        return basis.table(x, breaks, degree, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, breaks, *ctx.detail = inputs
        ctx.save_for_backward(x, breaks)
        ctx.save_for_forward(x, breaks)

    @staticmethod
    def backward(ctx: Any, *weights: Any) -> tuple[Tensor, None, None, None, None]:
        x, breaks = ctx.saved_tensors
        basis, degree, order = ctx.detail
        slopes = table(x, breaks, basis, degree, order + 1)[1:]  # (order + 1, n, K, N)
        return (weights[0] * slopes).sum((0, 2)), None, None, None, None


class _MappedTable(_Table):
    """The same for ``torch.func`` and forward mode; a compiler traces only what does without these rules."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, breaks = ctx.saved_tensors
        basis, degree, order = ctx.detail
        return table(x, breaks, basis, degree, order + 1)[1:] * tangents[0][:, None]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, breaks: Tensor, *detail: Any) -> tuple[Tensor, int]:
        """Many sets of points are more points; sets of grids go one after the other."""
        at_x, at_breaks = in_dims[:2]
        if at_breaks is None:
            assert at_x is not None  # something is mapped
            many = x.movedim(at_x, 1)  # (n, B, N)
            result: Tensor = _MappedTable.apply(many.flatten(1), breaks, *detail)
            return result.unflatten(3, many.shape[1:]), 3
        points = [x if at_x is None else x.select(at_x, n) for n in range(info.batch_size)]
        return torch.stack([_MappedTable.apply(z, breaks.select(at_breaks, n), *detail) for n, z in enumerate(points)]), 0


def table(
    x: Tensor,  # (n, N)
    breaks: Tensor,  # (n, G + 1)
    basis: Basis,
    degree: int,
    order: int = 0,
) -> Tensor:  # (order + 1, n, K, N)
    """Values and derivatives of all functions, differentiable by x."""
    kind = _Table if torch.compiler.is_compiling() else _MappedTable
    result: Tensor = kind.apply(x, breaks, basis, degree, order)
    return result
