"""A network's misfit to data as nonlinear least squares: one row for each value, and the rows of the penalties.

A row is (u(x) - y) / (scale sqrt(N m)), so that |r| is the root mean square error in units of the spread of y. The Jacobian is
written down by the network; sums over all points are taken piece by piece, so that memory does not grow with their number.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from kanpde.kan import KAN
from kanpde.learn.data import Data
from kanpde.learn.penalties import NONE, Penalty, by_parameters
from kanpde.optimize.least_squares import LeastSquares, add_square, symmetrised

PIECE = 8_000_000  # numbers of a Jacobian that are held at once where sums are taken (64 MB)
LEAST = 64  # points of a piece at least


class Misfit(LeastSquares):
    """The rows of ``data`` and of ``penalty`` for a network, whose parameters theta are ordered as ``parameters_to_vector`` does.

    Errors are measured by ``scale``. ``batch`` cuts the points into mini-batches for optimisers that take them; ``generator`` (on
    the CPU) draws them anew in every epoch. ``last`` is the point at which the rows were last evaluated: inside a monitor, the
    one that was just accepted.
    """

    def __init__(
        self,
        network: KAN,
        data: Data,
        penalty: Penalty = NONE,
        scale: Tensor | None = None,  # (m,), of the data themselves if None
        batch: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self._network = copy.deepcopy(network)
        self._data, self._penalty = data, penalty
        self._weight = 1 / ((data.scale if scale is None else scale) * (data.points * data.outputs) ** 0.5)  # (m,)
        self._order: Tensor | None = None  # of the points in this epoch
        self._generator = generator
        self._batch = data.points if batch is None else min(batch, data.points)
        self.batches = -(-data.points // self._batch)
        self.rows = data.points * data.outputs + penalty.rows
        self.last = self.theta

    @property
    def theta(self) -> Tensor:  # (P,)
        """The parameters that the network has now."""
        return parameters_to_vector(self._network.parameters()).detach().clone()

    def network_at(self, theta: Tensor) -> KAN:
        """A copy of the network with the given parameters."""
        network = copy.deepcopy(self._network)
        vector_to_parameters(theta, network.parameters())
        return network

    @torch.no_grad()
    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (M,)
        """All rows: of the first value at all points, of the second, ..., of the penalties."""
        network = self._set(theta)
        parts = [self._misfit(network(x), y) for x, y in self._pieces()]  # (m, n) each
        return torch.cat([torch.cat(parts, 1).flatten(), self._penalty.residual(theta)])

    @torch.no_grad()
    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M,), (P, M)
        """All rows and the Jacobian transposed."""
        r, transposed = self._linear(self._set(theta), self._data.x, self._data.y)
        if not self._penalty.rows:
            return r.flatten(), transposed
        more, below = self._penalty.linearise(theta)
        return torch.cat([r.flatten(), more]), torch.cat([transposed, below], 1)

    @torch.no_grad()
    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (M,), (P, P), (P,)
        """All rows, J^T J and J^T r, summed over pieces of the points."""
        network = self._set(theta)
        squares, gradient = theta.new_zeros(len(theta), len(theta)), torch.zeros_like(theta)
        parts = []
        for x, y in self._pieces():
            r, transposed = self._linear(network, x, y)
            add_square(squares, transposed)
            gradient += transposed @ r.flatten()
            parts.append(r)
        more, below = self._penalty.linearise(theta)
        if self._penalty.rows:
            add_square(squares, below)
            gradient += below @ more
        return torch.cat([torch.cat(parts, 1).flatten(), more]), symmetrised(squares), gradient

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M,), (P,)
        """All rows and J^T r, by reverse differentiation."""
        network = self._set(theta)
        parts, total = [], torch.zeros_like(theta)
        for x, y in self._pieces():
            r, gradient = self._backward(network, x, y)
            parts.append(r)
            total += gradient
        more, gradient = self._penalty.gradient(theta)
        return torch.cat([torch.cat(parts, 1).flatten(), more]), total + gradient

    def sample(self, theta: Tensor, step: int) -> tuple[Tensor, Tensor]:  # (M',), (P,)
        """Rows and J^T r of the mini-batch of a step, weighted as if they were all: their squares estimate |r|^2."""
        if self.batches == 1:
            return self.gradient(theta)
        number = step % self.batches
        points = self._data.points
        if number == 0 or self._order is None:
            self._order = torch.randperm(points, generator=self._generator).to(self._data.x.device)
        which = self._order[number * self._batch : (number + 1) * self._batch]
        share = points / len(which)
        network = self._set(theta)
        parts, total = [], torch.zeros_like(theta)
        for piece in which.split(self._piece):
            r, gradient = self._backward(network, self._data.x[piece], self._data.y[piece])
            parts.append(r)
            total += gradient
        more, gradient = self._penalty.gradient(theta)
        return torch.cat([share**0.5 * torch.cat(parts, 1).flatten(), more]), share * total + gradient

    @property
    def _piece(self) -> int:
        return max(LEAST, PIECE // max(1, self._network.count * self._data.outputs))

    def _pieces(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(self._data.x.split(self._piece), self._data.y.split(self._piece), strict=True)

    def _set(self, theta: Tensor) -> KAN:
        self.last = theta.detach()
        vector_to_parameters(self.last, self._network.parameters())
        return self._network

    def _misfit(self, values: Tensor, y: Tensor) -> Tensor:  # (n, m), (n, m) -> (m, n)
        return ((values - y) * self._weight).T

    def _linear(self, network: KAN, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:  # (m, n), (P, m n)
        zero = (0,) * network.inputs
        jets, pullback = network.linearise(x, [zero])
        r = self._misfit(jets[zero].T, y)
        if len(r) == 1:
            return r, pullback({zero: self._weight[0].expand(x.shape[0])})
        rows = torch.diag(self._weight)  # (m, m)
        return r, torch.cat([pullback({zero: row[:, None].expand(-1, x.shape[0])}) for row in rows], 1)

    def _backward(self, network: KAN, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:  # (m, n), (P,)
        with torch.enable_grad():
            r = self._misfit(network(x), y)
            return r.detach(), by_parameters(r.square().sum() / 2, network)
