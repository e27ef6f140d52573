"""Collocation: a problem, any network and points as one nonlinear least squares problem in the network's parameters.

Every row is divided by the characteristic size of its operator, so that units do not matter, and weighted by the square root of
its quadrature weight; conditions weigh ``CONDITION`` times what the equation does. |r| is then a residual in the units of u.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from kanpde.assembly.operator import Key, Operator
from kanpde.geometry import Domain, Face
from kanpde.kan import KAN
from kanpde.optimize import LeastSquares
from kanpde.optimize.least_squares import add_square, symmetrised
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import Condition, MultiIndex, Problem, symbol
from kanpde.sampling import Points, on_face, tensor

CONDITION = 30.0  # 30 to 300 give the same errors, 3 loses a digit or two (design: numerics)
PIECE = 2_000_000  # numbers of J^T handled at once where J as a whole does not fit: 16 MB stay in the cache

Rule = tuple[np.ndarray, np.ndarray]
"""Points and weights along one coordinate."""


@dataclass
class _Rows:
    """One equation at points. A seam has the points of both ends, the lower ones first, and subtracts."""

    operator: Operator | None  # None: a seam
    x: Tensor  # (N, d)
    weight: Tensor  # (N,), square root of the quadrature weight times the condition's weight
    indices: tuple[MultiIndex, ...]
    scale: float | None = None

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.x) if self.operator is not None else len(self.x) // 2


class Collocation(LeastSquares):
    """The residual of ``problem`` at ``interior`` points and on the faces, as a function of the network's parameters.

    ``rules`` gives points and weights along each coordinate, from which those on faces and seams are made. The network itself is
    not touched: ``network_at(theta)`` gives a trained copy. Without ``interior`` only the conditions are asked for. Row scales
    are fixed at the parameters that the network starts with.
    """

    def __init__(self, problem: Problem, network: KAN, interior: Points | None, rules: Sequence[Rule]) -> None:
        example = next(network.parameters())
        self.problem = problem
        self._network = copy.deepcopy(network)
        self._fields = [field.name for field in problem.fields]
        self._lengths = [float(v) for v in problem.domain.lengths]
        self._groups: list[_Rows] = []

        def add(
            operator: Operator | None, x: np.ndarray, weight: np.ndarray, indices: Sequence[MultiIndex], scale: float | None
        ) -> None:
            as_tensor = torch.as_tensor(x).to(example.detach()), torch.as_tensor(weight).to(example.detach())
            self._groups.append(_Rows(operator, *as_tensor, tuple(indices), scale))

        for residual in problem.equations:
            if interior is None:
                break
            operator = Operator(residual, problem)
            add(operator, interior.x, np.sqrt(interior.weight), [index for _, index in operator.keys], None)
        for condition in problem.conditions:
            for face in condition.place.faces:
                points = condition_points(problem, condition, face, rules)
                for residual in condition.residuals:
                    operator = Operator(residual, problem, face)
                    add(operator, points.x, CONDITION * np.sqrt(points.weight), [index for _, index in operator.keys], None)
        for axis, name in enumerate(problem.coordinates):
            if name in problem.domain.periodic:
                low, high = (on_face(problem.domain, Face(axis, side), _other(rules, axis)) for side in (-1, 1))
                x = np.concatenate([low.x, high.x])
                for order in range(max(residual.order_in(axis) for residual in problem.equations)):
                    index = tuple(order if i == axis else 0 for i in range(problem.domain.dimension))
                    add(None, x, CONDITION * np.sqrt(low.weight), [index], (2 / self._lengths[axis]) ** order)
        self.rows = sum(group.count * (len(self._fields) if group.operator is None else 1) for group in self._groups)
        with torch.no_grad():
            for group in self._groups:
                if group.operator is not None and group.scale is None:
                    _, slopes = self._evaluate(group, self._network.jet(group.x, group.indices))
                    group.scale = group.operator.size(slopes, self._lengths)

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
    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (M,)
        """All weighted rows."""
        vector_to_parameters(theta, self._network.parameters())
        parts = []
        for batch in self._batches(0):
            jets = self._network.jet(torch.cat([g.x for g in batch]), batch[0].indices)
            parts += [self._weighted(group, own)[0] for group, own in _shared(batch, jets)]
        return torch.cat(parts)

    @torch.no_grad()
    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M,), (P, M)
        """All weighted rows and the Jacobian transposed."""
        residuals, jacobians = zip(*self._pieces(theta, 0), strict=True)
        return torch.cat(residuals), torch.cat(jacobians, 1)

    @torch.no_grad()
    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (M,), (P, P), (P,)
        """Residual, J^T J and J^T r, summed over pieces of J."""
        squares = theta.new_zeros(len(theta), len(theta))
        gradient = torch.zeros_like(theta)
        residuals = []
        for r, transposed in self._pieces(theta, max(1, PIECE // len(theta))):
            add_square(squares, transposed)
            gradient.addmv_(transposed, r)
            residuals.append(r)
        return torch.cat(residuals), symmetrised(squares), gradient

    def _pieces(self, theta: Tensor, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Residual and Jacobian transposed, batch by batch; no batch has more than about ``most`` points (0: any number)."""
        vector_to_parameters(theta, self._network.parameters())
        for batch in self._batches(most):
            jets, pullback = self._network.linearise(torch.cat([g.x for g in batch]), batch[0].indices)
            weights = {index: torch.zeros_like(jet) for index, jet in jets.items()}
            residuals = []
            start = 0
            for group, own in _shared(batch, jets):
                r, slopes = self._weighted(group, own)
                for (field, index), slope in slopes.items():
                    weights[index][self._fields.index(field), start : start + len(group.x)] = slope
                residuals.append(r)
                start += len(group.x)
            jacobian = pullback(weights)
            columns = []
            start = 0
            for group in batch:
                block = jacobian[:, start : start + len(group.x)]
                columns.append(block if group.operator is not None else block[:, : group.count] + block[:, group.count :])
                start += len(group.x)
            yield torch.cat(residuals), jacobian if len(batch) == 1 and batch[0].operator is not None else torch.cat(columns, 1)

    def _batches(self, most: int) -> Iterator[list[_Rows]]:
        """Groups that need the same derivatives together, so that the network runs once for all of them."""
        together: dict[tuple[MultiIndex, ...], list[_Rows]] = {}
        for group in self._groups:
            for piece in _cut(group, most):
                together.setdefault(tuple(sorted(group.indices)), []).append(piece)
        for batch in together.values():
            if most and sum(len(group.x) for group in batch) > most:
                yield from ([group] for group in batch)
            else:
                yield batch

    def _evaluate(self, group: _Rows, jets: dict[MultiIndex, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        """Residual and slopes at the points of one group; of a seam, the jump, and slopes -1 and 1."""
        if group.operator is None:
            (index,) = group.indices
            value = jets[index][0]
            sign = torch.ones_like(value)
            sign[: group.count] = -1
            return value[group.count :] - value[: group.count], {(self._fields[0], index): sign}
        values = {(field, index): jets[index][self._fields.index(field)] for field, index in group.operator.keys}
        return group.operator(list(group.x.T), values)

    def _weighted(self, group: _Rows, jets: dict[MultiIndex, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        residual, slopes = self._evaluate(group, jets)
        weight = group.weight / (group.scale or 1.0)
        both = weight if group.operator is not None else weight.repeat(2)
        return residual * weight, {key: slope * both for key, slope in slopes.items()}


def pointwise_residual(problem: Problem, network: KAN) -> Callable[[np.ndarray], np.ndarray]:
    """|residual| of the equations at points (N, d) -> (N,), relative to the characteristic size of each."""
    operators = [Operator(residual, problem) for residual in problem.equations]
    names = [field.name for field in problem.fields]
    lengths = [float(v) for v in problem.domain.lengths]
    like = next(network.parameters()).detach()

    @torch.no_grad()
    def residual(x: np.ndarray) -> np.ndarray:
        points = torch.as_tensor(x).to(like)
        total = like.new_zeros(len(points))
        for operator in operators:
            jets = network.jet(points, [index for _, index in operator.keys])
            values = {(field, index): jets[index][names.index(field)] for field, index in operator.keys}
            r, slopes = operator(list(points.T), values)
            total += (r / operator.size(slopes, lengths)).square()
        return total.sqrt().cpu().double().numpy()

    return residual


def _shared(batch: list[_Rows], jets: dict[MultiIndex, Tensor]) -> Iterator[tuple[_Rows, dict[MultiIndex, Tensor]]]:
    start = 0
    for group in batch:
        yield group, {index: jet[:, start : start + len(group.x)] for index, jet in jets.items()}
        start += len(group.x)


def _cut(group: _Rows, most: int) -> Iterator[_Rows]:
    if not most or len(group.x) <= most or group.operator is None:
        yield group
        return
    for x, weight in zip(group.x.split(most), group.weight.split(most), strict=True):
        yield _Rows(group.operator, x, weight, group.indices, group.scale)


def _other(rules: Sequence[Rule], axis: int) -> Points:
    return tensor([rule for i, rule in enumerate(rules) if i != axis])


def condition_points(problem: Problem, condition: Condition, face: Face, rules: Sequence[Rule]) -> Points:
    """Points on a face of the box, or on the part of it that the condition's predicate leaves."""
    domain: Domain = problem.domain
    points = on_face(domain, face, _other(rules, face.axis), condition.name)
    if condition.place.predicate is None:
        return points
    program = Program([condition.place.predicate], [symbol(name) for name in problem.coordinates])
    mask = np.broadcast_to(program(NUMPY, list(points.x.T))[0], (points.count,))
    return points.kept(np.asarray(mask, dtype=bool))
