"""A preconditioner for least squares with a sum of operators that act along one of three coordinates each: fast diagonalisation.

With L = L_1 + L_2 + L_3 and functions that obey the homogeneous conditions, |L u|^2 = |L_1 u|^2 + |L_2 u|^2 + |L_3 u|^2 and mixed
terms. Eigenfunctions of |L_1 v|^2 against |v|^2, and of |L_2 v|^2, diagonalise all but the mixed terms, of which the diagonal is
kept: what is left is one small least squares problem along the third coordinate for each pair of eigenfunctions. Where the mixed
terms are not negative, as for elliptic and parabolic operators, the condition stays below a small number on any grid.
Source of the idea: Lynch, Rice & Thomas (1964), Numer. Math. 6, 185-199, there for L itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

SHIFTS = (1e-14, 1e-12, 1e-10, 1e-8)  # relative, until every small problem factorises
SLIGHT = 1e-10  # share of |v|^2 beside |L v|^2 by which the lifting functions are chosen where L leaves them open


@dataclass(frozen=True)
class Axis:
    """One coordinate: functions and operator at weighted points, and the weighted rows of the conditions at its ends."""

    values: Tensor  # (N, n), whose Gram matrix is that of L2
    operator: Tensor  # (N, n)
    conditions: Tensor  # (m, n), independent

    @cached_property
    def inverse(self) -> Tensor:  # (n, n)
        """Coefficients of orthonormal functions."""
        triangle = torch.linalg.qr(self.values, mode="r").R
        return torch.linalg.solve_triangular(triangle, torch.eye(triangle.shape[0]).to(triangle), upper=True)

    @cached_property
    def projection(self) -> Tensor:  # (n, N)
        """From weighted values at the points to the coefficients of the nearest function."""
        return self.inverse @ (self.values @ self.inverse).T

    @cached_property
    def own(self) -> Tensor:  # (n, n - m)
        """Orthonormal functions that obey the homogeneous conditions."""
        if len(self.conditions) == 0:
            return self.inverse
        return self.inverse @ torch.linalg.qr((self.conditions @ self.inverse).T, mode="complete").Q[:, len(self.conditions) :]

    @cached_property
    def nearest(self) -> Tensor:  # (n, N)
        """The same among functions that obey the homogeneous conditions."""
        return self.own @ (self.values @ self.own).T

    @cached_property
    def lift(self) -> Tensor:  # (n, m)
        """The smoothest functions with one condition equal to one, the others zero."""
        operator, values = self.operator @ self.inverse, self.values @ self.inverse
        size = SLIGHT**0.5 * operator.norm() / operator.shape[1] ** 0.5
        triangle = torch.linalg.qr(torch.cat([operator, size * values]), mode="r").R
        rows = torch.linalg.solve_triangular(triangle.T, (self.conditions @ self.inverse).T, upper=False)  # (n, m)
        q, r = torch.linalg.qr(rows)
        return self.inverse @ torch.linalg.solve_triangular(triangle, q @ torch.linalg.inv(r).T, upper=True)


class _Modes:
    """Eigenfunctions of |L v|^2 against |v|^2 among the functions of an axis that obey the homogeneous conditions."""

    def __init__(self, axis: Axis) -> None:
        operator = axis.operator @ axis.own
        _, squares, vectors = torch.linalg.svd(operator, full_matrices=False)
        if vectors.shape[0] < axis.own.shape[1]:
            raise ValueError("an axis needs at least as many points as functions")
        self.basis = axis.own @ vectors.T  # (n, n - m)
        mixed = ((axis.values @ self.basis) * (operator @ vectors.T)).sum(0)  # <v, L v>
        self.mean = mixed
        self.rest = (squares.square() - mixed.square()).clamp(min=0)  # |L v|^2 that is not along v


class FastDiagonal:
    """P of ``preconditioned_cgls`` for functions that obey the homogeneous conditions.

    P y are coefficients (n_1, n_2, n_3), flattened.
    """

    def __init__(self, first: Axis, second: Axis, third: Axis) -> None:
        one, two = _Modes(first), _Modes(second)
        self.shape = (first.values.shape[1], second.values.shape[1], third.values.shape[1])
        self.size = one.basis.shape[1] * two.basis.shape[1] * third.own.shape[1]  # of y
        self.first, self.second = one.basis, two.basis
        mean = one.mean[:, None] + two.mean[None, :]
        rest = one.rest[:, None] + two.rest[None, :]  # (i, j)
        values, operator = third.values @ third.own, third.operator @ third.own
        mixed = values.T @ operator
        normal = operator.T @ operator + mean[..., None, None] * (mixed + mixed.T)
        identity = torch.eye(values.shape[1]).to(values)
        normal = normal + (mean.square() + rest)[..., None, None] * identity  # (i, j, n_3, n_3)
        scale = normal.diagonal(dim1=-2, dim2=-1).clamp(min=torch.finfo(values.dtype).tiny).rsqrt()
        normal = normal * scale[..., :, None] * scale[..., None, :]
        for shift in SHIFTS:
            lower, info = torch.linalg.cholesky_ex(normal + shift * identity)
            self.good = not bool(info.any())
            if self.good:
                break
        inverse = torch.linalg.solve_triangular(lower, identity.expand_as(lower), upper=False)
        self.third = third.own @ (scale[..., :, None] * inverse.mT)  # (i, j, n_3, n_3 - m), R^-1 of each small problem

    def __call__(self, y: Tensor) -> Tensor:
        """P y."""
        d = torch.matmul(self.third, y.reshape(*self.third.shape[:2], -1, 1))[..., 0]
        d = torch.matmul(self.second, d)  # (i, n_2, n_3)
        return (self.first @ d.flatten(1)).reshape(-1)

    def transposed(self, g: Tensor) -> Tensor:
        """P^T g."""
        d = (self.first.T @ g.reshape(len(self.first), -1)).reshape(-1, len(self.second), self.third.shape[2])
        d = torch.matmul(self.second.T, d)
        return torch.matmul(self.third.mT, d[..., None]).reshape(-1)


class FieldByField:
    """One such P for each field; P y are coefficients (n_1, F, n_2, n_3), flattened."""

    def __init__(self, fields: Sequence[FastDiagonal]) -> None:
        self.fields = fields
        self.good = all(field.good for field in fields)

    def __call__(self, y: Tensor) -> Tensor:
        """P y."""
        parts = y.split([field.size for field in self.fields])
        return torch.stack([field(part).reshape(field.shape) for field, part in zip(self.fields, parts, strict=True)], 1).reshape(
            -1
        )

    def transposed(self, g: Tensor) -> Tensor:
        """P^T g."""
        n, m, r = self.fields[0].shape
        parts = g.reshape(n, len(self.fields), m, r).unbind(1)
        return torch.cat([field.transposed(part) for field, part in zip(self.fields, parts, strict=True)])
