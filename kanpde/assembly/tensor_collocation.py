"""Collocation of a separable network in two coordinates on a tensor grid, with the sparsity of its Jacobian.

At a point only k + 1 splines of each coordinate do not vanish, so J has 2 (k + 1) R entries in a row, the same columns for all
points of one cell of the knots. J^T J is summed from small dense products, strip by strip; J itself is never formed. That makes
thousands of parameters on 1e5 points affordable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from kanpde.assembly.collocation import Collocation
from kanpde.assembly.operator import Key, Operator
from kanpde.kan import KAN, Edges, local_basis, open_knots
from kanpde.optimize import LeastSquares
from kanpde.problem.types import Problem
from kanpde.sampling import composite


@dataclass
class _Axis:
    """Gauss points along one coordinate, ``per`` on every interval, and the splines there."""

    edges: Edges
    x: Tensor  # (G m,)
    weight: Tensor  # (G m,), of sum one
    basis: Tensor  # (orders, k + 1, G m)
    first: Tensor  # (G m,), number of the first spline
    per: int

    @classmethod
    def of(cls, edges: Edges, per: int, order: int) -> _Axis:
        """The points and tables of one factor."""
        breaks = edges.breaks[0]
        x, weight = (torch.as_tensor(v).to(breaks) for v in composite(breaks.cpu().double().numpy(), per))
        first, basis = local_basis(x[None], open_knots(breaks, edges.degree)[None], edges.degree, order)
        return cls(edges, x, weight, basis[:, :, 0], first[0], per)

    def values(self) -> Tensor:  # (orders, R, G m)
        """The factors and their derivatives."""
        c = self.edges.coefficients.data[0]  # (R, K)
        columns = self.first + torch.arange(self.basis.shape[1], device=self.first.device)[:, None]  # (k + 1, G m)
        return torch.einsum("rjn,qjn->qrn", c[:, columns], self.basis)

    def columns(self) -> Tensor:  # (G, (k + 1) R)
        """Parameters that the points of an interval see: spline by spline, in each all products."""
        rank, size = self.edges.outputs, self.edges.size
        splines = self.first[:: self.per, None] + torch.arange(self.basis.shape[1], device=self.first.device)  # (G, k + 1)
        return (splines[:, :, None] + size * torch.arange(rank, device=self.first.device)).flatten(1)


class TensorCollocation(LeastSquares):
    """The residual of ``problem`` at Gauss points of every cell, conditions included, as a function of a separable network.

    Only ``residual`` and ``normal`` are meant to be called; ``linearise`` forms all of J.
    """

    def __init__(self, problem: Problem, network: KAN, per: int = 3) -> None:
        if len(network.factors) != 2:
            raise ValueError("a tensor collocation needs a separable network in two coordinates")
        rules = [composite(f.breaks[0].cpu().double().numpy(), per) for f in network.factors]
        self.conditions = Collocation(problem, network, None, rules)
        self._network = network.with_edges([edges.extended([edges.breaks[0]]) for edges in network.edges])  # a copy
        self._operators = [Operator(residual, problem) for residual in problem.equations]
        self._field = problem.fields[0].name
        order = max((max(index) for op in self._operators for _, index in op.keys), default=0)
        self._axes = [_Axis.of(edges, per, order) for edges in self._network.factors]
        along, across = self._axes
        self.rows = self.conditions.rows + len(self._operators) * len(along.x) * len(across.x)
        values = [axis.values() for axis in self._axes]
        lengths = [float(v) for v in problem.domain.lengths]
        whole = slice(0, len(along.x))
        self._scales = [op.size(self._apply(op, values, whole)[1], lengths) for op in self._operators]

    @property
    def theta(self) -> Tensor:
        """The parameters as last set (P,)."""
        return torch.cat([p.detach().reshape(-1) for p in self._network.parameters()])

    def network_at(self, theta: Tensor) -> KAN:
        """A copy of the network with the given parameters."""
        return self.conditions.network_at(theta)

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Not formed: use ``normal``."""
        raise NotImplementedError("the Jacobian of a tensor collocation is not formed; use normal()")

    @torch.no_grad()
    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (M,)
        """All weighted rows, the conditions first."""
        vector_to_parameters(theta, self._network.parameters())
        values = [axis.values() for axis in self._axes]
        whole = slice(0, len(self._axes[0].x))
        inside = [self._weighted(op, values, whole, s)[0].flatten() for op, s in zip(self._operators, self._scales, strict=True)]
        return torch.cat([self.conditions.residual(theta), *inside])

    @torch.no_grad()
    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (M,), (P, P), (P,)
        """Residual, J^T J and J^T r."""
        r, squares, gradient = self.conditions.normal(theta)
        vector_to_parameters(theta, self._network.parameters())
        values = [axis.values() for axis in self._axes]
        residuals = [r]
        for op, scale in zip(self._operators, self._scales, strict=True):
            residuals.append(self._add(op, values, scale, squares, gradient))
        return torch.cat(residuals), squares, gradient

    def _apply(self, op: Operator, values: list[Tensor], rows: slice) -> tuple[Tensor, dict[Key, Tensor]]:
        """Residual (n, N') and slopes at some points along the first coordinate and all along the second."""
        along, across = self._axes
        jets = {key: values[0][key[1][0]][:, rows].T @ values[1][key[1][1]] for key in op.keys}
        return op([along.x[rows, None], across.x[None, :]], jets)

    def _weighted(self, op: Operator, values: list[Tensor], rows: slice, scale: float) -> tuple[Tensor, dict[Key, Tensor]]:
        r, slopes = self._apply(op, values, rows)
        weight = (self._axes[0].weight[rows, None] * self._axes[1].weight[None, :]).sqrt() / scale
        return r * weight, {key: slope * weight for key, slope in slopes.items()}

    def _add(self, op: Operator, values: list[Tensor], scale: float, squares: Tensor, gradient: Tensor) -> Tensor:
        along, across = self._axes
        cut = along.edges.coefficients.numel()
        cells, width = across.edges.intervals, across.basis.shape[1] * across.edges.outputs
        columns = [along.columns(), across.columns() + cut]
        own = squares.new_zeros(cells, width, width)
        residuals = []
        for interval, (rows, r, first, second) in enumerate(self._strips(op, values, scale)):
            residuals.append(r.flatten())
            mine = columns[0][interval]
            flat = first.flatten(0, 1)  # (n, (k + 1) R)
            squares[mine[:, None], mine] += flat.T @ flat
            gradient[mine] += flat.T @ r.flatten()
            by_cell = [j.reshape(rows, cells, across.per, -1).transpose(0, 1).flatten(1, 2) for j in (first, second)]
            own += by_cell[1].mT @ by_cell[1]
            right = r.reshape(rows, cells, across.per).transpose(0, 1).flatten(1)[..., None]  # (G', m m', 1)
            gradient.index_add_(0, columns[1].flatten(), (by_cell[1].mT @ right).flatten())
            mixed = by_cell[0].mT @ by_cell[1]  # (G', (k + 1) R, (k' + 1) R)
            block = squares.new_zeros(len(mine), len(squares) - cut)
            block.index_add_(1, (columns[1] - cut).flatten(), mixed.transpose(0, 1).flatten(1))
            squares[mine, cut:] += block
            squares[cut:, mine] += block.T
        for cell in range(cells):
            theirs = columns[1][cell]
            squares[theirs[:, None], theirs] += own[cell]
        return torch.cat(residuals)

    def _strips(self, op: Operator, values: list[Tensor], scale: float) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
        """For each interval along the first coordinate: m, residual (m, N'), and both local Jacobians (m, N', (k + 1) R)."""
        along, across = self._axes
        for start in range(0, len(along.x), along.per):
            rows = slice(start, start + along.per)
            r, slopes = self._weighted(op, values, rows, scale)
            by_first: dict[int, Tensor] = {}
            by_second: dict[int, Tensor] = {}
            for (_, (p, q)), slope in slopes.items():
                left = slope[:, :, None] * values[1][q].T  # (m, N', R)
                right = slope[:, :, None] * values[0][p][:, rows].T[:, None]  # (m, N', R)
                by_first[p] = by_first[p] + left if p in by_first else left
                by_second[q] = by_second[q] + right if q in by_second else right
            first = sum(along.basis[p][:, rows].T[:, None, :, None] * w[:, :, None] for p, w in by_first.items())
            second = sum(across.basis[q].T[None, :, :, None] * w[:, :, None] for q, w in by_second.items())
            assert isinstance(first, Tensor)
            assert isinstance(second, Tensor)
            yield along.per, r, first.flatten(2), second.flatten(2)
