"""A preconditioner for sums of operators that act along one of three coordinates each: fast diagonalisation.

Two coordinates are turned into eigenfunctions of their own operators, with their boundary conditions; what is left is one small
least squares problem along the third for each pair of eigenvalues. What the conditions fix is lifted by functions orthogonal to
those that obey homogeneous conditions. Source: Lynch, Rice & Thomas (1964), Numer. Math. 6, 185-199.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

WORST = 1e8  # condition of eigenvectors beyond which they do not represent functions
SHIFTS = (1e-14, 1e-12, 1e-10, 1e-8)  # relative, until every small problem factorises


@dataclass(frozen=True)
class Axis:
    """One coordinate: functions and operator at weighted points, and the weighted rows of the conditions at its ends."""

    values: Tensor  # (N, n), whose Gram matrix is that of L2
    operator: Tensor  # (N, n)
    conditions: Tensor  # (m, n)

    def orthonormal(self) -> Tensor:  # (n, n)
        """Coefficients of functions that are orthonormal; only the first m of them are seen by the conditions."""
        triangle = torch.linalg.qr(self.values, mode="r").R
        inverse = torch.linalg.solve_triangular(triangle, torch.eye(triangle.shape[0]).to(triangle), upper=True)
        if len(self.conditions) == 0:
            return inverse
        return inverse @ torch.linalg.qr((self.conditions @ inverse).T, mode="complete").Q


class _Modal:
    """A coordinate in orthonormal functions: the first m carry the conditions, the others are turned into eigenfunctions."""

    def __init__(self, axis: Axis) -> None:
        self.basis = axis.orthonormal()
        m = self.m = len(axis.conditions)
        lift, own = self.basis[:, :m], self.basis[:, m:]
        self.fix = torch.linalg.inv(axis.conditions @ lift)  # (m, m), from values of the conditions
        test = (axis.values @ own).T
        self.reach = test @ (axis.operator @ lift)  # (n - m, m)
        values, vectors = torch.linalg.eig(test @ (axis.operator @ own))
        if float(values.imag.abs().max()) <= 1e-9 * float(values.abs().max()):
            values, vectors = values.real, vectors.real
        self.eigenvalues, self.vectors = values, vectors
        self.inverse = torch.linalg.inv(vectors)
        self.good = bool(torch.isfinite(self.inverse).all()) and float(torch.linalg.cond(vectors)) < WORST


class FastDiagonal:
    """P for ``preconditioned_cgls``; vectors are coefficients (n_1, n_2, n_3), flattened. Of no use unless ``good``."""

    def __init__(self, first: Axis, second: Axis, third: Axis) -> None:
        self.shape = (first.values.shape[1], second.values.shape[1], third.values.shape[1])
        self.first, self.second = _Modal(first), _Modal(second)
        self.third = Axis(third.values, third.operator, third.conditions[:0]).orthonormal()
        self.good = self.first.good and self.second.good
        sums = self.first.eigenvalues[:, None] + self.second.eigenvalues[None, :]
        values, operator = ((matrix @ self.third).to(sums.dtype) for matrix in (third.values, third.operator))
        conditions = (third.conditions @ self.third).to(sums.dtype)
        rows = operator + sums[..., None, None] * values  # (n, n', N, n_3)
        normal = rows.mH @ rows + conditions.mT @ conditions
        scale = normal.diagonal(dim1=-2, dim2=-1).real.clamp(min=torch.finfo(third.values.dtype).tiny).rsqrt()
        normal = normal * scale[..., :, None] * scale[..., None, :]
        identity = torch.eye(self.shape[2]).to(normal)
        for shift in SHIFTS:
            lower, info = torch.linalg.cholesky_ex(normal + shift * identity)
            failed = bool(info.any())
            if not failed:
                break
        self.good = self.good and not failed
        inverse = torch.linalg.solve_triangular(lower, identity.expand_as(lower), upper=False)
        self.solve = scale[..., :, None] * inverse.mH  # (n, n', n_3, n_3), R^-1 of each small problem
        self.follow = self.solve @ (self.solve.mH @ (rows.mH @ values))  # what answers a given residual

    def __call__(self, y: Tensor) -> Tensor:
        """P y."""
        one, two = self.first, self.second
        y = y.reshape(self.shape)
        face = _along_first(one.fix, y[: one.m])
        side = _along_second(two.fix, y[one.m :, : two.m])
        given = _along_first(one.reach, face[:, two.m :]) + _along_second(two.reach, side)
        free = _to_modes(one, two, y[one.m :, two.m :])
        inner = torch.matmul(self.solve, free[..., None]) - torch.matmul(self.follow, _to_modes(one, two, given)[..., None])
        inner = _real(_along_first(one.vectors, _along_second(two.vectors, inner[..., 0])))
        d = torch.cat([face, torch.cat([side, inner], 1)])
        return torch.matmul(_along_first(one.basis, _along_second(two.basis, d)), self.third.T).reshape(-1)

    def transposed(self, g: Tensor) -> Tensor:
        """P^T g."""
        one, two = self.first, self.second
        d = _along_first(one.basis.T, _along_second(two.basis.T, torch.matmul(g.reshape(self.shape), self.third)))
        inner = _along_first(one.vectors.T, _along_second(two.vectors.T, d[one.m :, two.m :].to(self.solve.dtype)))
        free = torch.matmul(self.solve.mT, inner[..., None])[..., 0]
        given = -torch.matmul(self.follow.mT, inner[..., None])[..., 0]
        free, given = (_real(_along_first(one.inverse.T, _along_second(two.inverse.T, v.to(_wider(one, two))))) for v in (free, given))
        side = d[one.m :, : two.m] + _along_second(two.reach.T, given)
        face = d[: one.m].clone()
        face[:, two.m :] += _along_first(one.reach.T, given)
        face, side = _along_first(one.fix.T, face), _along_second(two.fix.T, side)
        return torch.cat([face, torch.cat([side, free], 1)]).reshape(-1)


def _wider(one: _Modal, two: _Modal) -> torch.dtype:
    return torch.promote_types(one.vectors.dtype, two.vectors.dtype)


def _along_first(matrix: Tensor, values: Tensor) -> Tensor:  # (a, n) (n, j, l) -> (a, j, l)
    dtype = torch.promote_types(matrix.dtype, values.dtype)
    return (matrix.to(dtype) @ values.to(dtype).reshape(values.shape[0], -1)).reshape(-1, *values.shape[1:])


def _along_second(matrix: Tensor, values: Tensor) -> Tensor:  # (a, n) (i, n, l) -> (i, a, l)
    dtype = torch.promote_types(matrix.dtype, values.dtype)
    return torch.matmul(matrix.to(dtype), values.to(dtype))


def _to_modes(one: _Modal, two: _Modal, values: Tensor) -> Tensor:
    return _along_first(one.inverse, _along_second(two.inverse, values)).to(_wider(one, two))


def _real(values: Tensor) -> Tensor:
    return values.real if values.is_complex() else values
