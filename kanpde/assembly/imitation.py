"""Imitation: a network asked to take given values at points, as a least squares problem in its parameters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from kanpde.kan import KAN
from kanpde.optimize import LeastSquares


class Imitation(LeastSquares):
    """r = (network(x) - values) / sqrt(N), field by field; the network itself is not touched."""

    def __init__(self, network: KAN, x: Tensor, values: Tensor) -> None:  # (N, d), (F, N)
        self._network = copy.deepcopy(network)
        self._x, self._values = x, values
        self._value = (0,) * network.inputs
        self.rows = values.numel()

    @property
    def theta(self) -> Tensor:
        """The parameters of the network as last set (P,)."""
        return torch.cat([p.detach().reshape(-1) for p in self._network.parameters()])

    def network_at(self, theta: Tensor) -> KAN:
        """A copy of the network with the given parameters."""
        network = copy.deepcopy(self._network)
        vector_to_parameters(theta, network.parameters())
        return network

    @torch.no_grad()
    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (F N,)
        """The differences of all fields."""
        vector_to_parameters(theta, self._network.parameters())
        found = self._network.jet(self._x, [self._value])[self._value]
        return (found - self._values).flatten() / len(self._x) ** 0.5

    @torch.no_grad()
    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (F N,), (P, F N)
        """The differences and their Jacobian transposed."""
        vector_to_parameters(theta, self._network.parameters())
        jets, pullback = self._network.linearise(self._x, [self._value])
        root = len(self._x) ** 0.5
        unit = torch.eye(len(self._values), dtype=theta.dtype, device=theta.device) / root
        columns = [pullback({self._value: row[:, None].expand_as(self._values)}) for row in unit]
        return (jets[self._value] - self._values).flatten() / root, torch.cat(columns, 1)
