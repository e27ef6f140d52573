"""Collocation: a problem, any network and points as one nonlinear least squares problem in the network's parameters.

Every row is divided by the characteristic size of its operator, so that units do not matter, and weighted by the square root of
its quadrature weight; conditions weigh ``CONDITION`` times what the equation does. |r| is then a residual in the units of u.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
START = 10.0  # of the values with which a time window begins: they carry the errors of the window before, which need not be kept
PIECE = 2_000_000  # numbers of J^T handled at once where J as a whole does not fit: 16 MB stay in the cache

Rule = tuple[np.ndarray, np.ndarray]
"""Points and weights along one coordinate."""

Given = Callable[[np.ndarray], Sequence[Tensor]]
"""Points (N, d) -> one tensor (N,) for each of ``starts(problem)``: where a time window begins."""


@dataclass
class _Rows:
    """One equation at points: an operator's, or that a partial derivative of a field equals ``target``, or both ends of a seam.

    A seam has the points of both ends, the lower ones first, and subtracts.
    """

    operator: Operator | None
    x: Tensor  # (N, d)
    weight: Tensor  # (N,), square root of the quadrature weight times the condition's weight
    indices: tuple[MultiIndex, ...]
    scale: float | None = None
    field: int = 0  # of a target or a seam
    target: Tensor | None = None  # (N,)

    @property
    def seam(self) -> bool:
        """Whether the rows tie both ends of a periodic coordinate."""
        return self.operator is None and self.target is None

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.x) // 2 if self.seam else len(self.x)


class Collocation(LeastSquares):
    """The residual of ``problem`` at ``interior`` points and on the faces, as a function of the network's parameters.

    ``rules`` gives points and weights along each coordinate, from which those on faces and seams are made. The network itself is
    not touched: ``network_at(theta)`` gives a trained copy. Without ``interior`` only the conditions are asked for. With
    ``start``, a time window begins with the values that it gives, in place of the initial conditions. Row scales are fixed at
    the parameters that the network starts with.
    """

    def __init__(
        self,
        problem: Problem,
        network: KAN,
        interior: Points | None,
        rules: Sequence[Rule],
        start: Given | None = None,
    ) -> None:
        example = next(network.parameters()).detach()
        self.problem = problem
        self._network = copy.deepcopy(network)
        self._fields = [field.name for field in problem.fields]
        self._lengths = [float(v) for v in problem.domain.lengths]
        self._groups: list[_Rows] = []

        def add(operator: Operator, points: Points, factor: float) -> None:
            x, weight = (torch.as_tensor(v).to(example) for v in (points.x, factor * np.sqrt(points.weight)))
            self._groups.append(_Rows(operator, x, weight, tuple(index for _, index in operator.keys)))

        if interior is not None:
            for residual in problem.equations:
                add(Operator(residual, problem), interior, 1.0)
        for condition in problem.conditions:
            if condition.kind == "initial" and start is not None:
                continue
            for face in condition.place.faces:
                points = condition_points(problem, condition, face, rules)
                for residual in condition.residuals:
                    add(Operator(residual, problem, face), points, CONDITION)
            if condition.place.point is not None:
                points = _through(condition.place.point, rules)
                for residual in condition.residuals:
                    add(Operator(residual, problem), points, CONDITION)
        if start is not None:
            self._groups += self._starting(start, rules, example)
        for axis, name in enumerate(problem.coordinates):
            if name in problem.domain.periodic:
                self._groups += self._seams(axis, rules, example)
        self.rows = sum(group.count for group in self._groups)
        with torch.no_grad():
            for group in self._groups:
                if group.operator is not None:
                    _, slopes = self._evaluate(group, self._network.jet(group.x, group.indices))
                    group.scale = group.operator.size(slopes, self._lengths)

    def _starting(self, start: Given, rules: Sequence[Rule], example: Tensor) -> list[_Rows]:
        """What the start of a time window fixes, on its first face."""
        time = self.problem.domain.time_axis
        if time is None:
            raise ValueError("a problem without time has no start")
        points = on_face(self.problem.domain, Face(time, -1), _other(rules, time))
        x, weight = (torch.as_tensor(v).to(example) for v in (points.x, START * np.sqrt(points.weight)))
        rows = []
        for (field, order), target in zip(starts(self.problem), start(points.x), strict=True):
            index = tuple(order if i == time else 0 for i in range(self.problem.domain.dimension))
            scale = (2 / self._lengths[time]) ** order
            rows.append(_Rows(None, x, weight, (index,), scale, field, target.to(example)))
        return rows

    def _seams(self, axis: int, rules: Sequence[Rule], example: Tensor) -> list[_Rows]:
        """Values and derivatives of the fields are equal at both ends of a periodic coordinate."""
        domain = self.problem.domain
        low, high = (on_face(domain, Face(axis, side), _other(rules, axis)) for side in (-1, 1))
        x = torch.as_tensor(np.concatenate([low.x, high.x])).to(example)
        weight = torch.as_tensor(CONDITION * np.sqrt(low.weight)).to(example)
        rows = []
        for field, name in enumerate(self._fields):
            for order in range(_order(self.problem, name, axis)):
                index = tuple(order if i == axis else 0 for i in range(domain.dimension))
                rows.append(_Rows(None, x, weight, (index,), (2 / self._lengths[axis]) ** order, field))
        return rows

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
                columns.append(block[:, : group.count] + block[:, group.count :] if group.seam else block)
                start += len(group.x)
            yield torch.cat(residuals), torch.cat(columns, 1) if any(group.seam for group in batch) else jacobian

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
        if group.operator is not None:
            values = {(field, index): jets[index][self._fields.index(field)] for field, index in group.operator.keys}
            return group.operator(list(group.x.T), values)
        (index,) = group.indices
        value = jets[index][group.field]
        sign = torch.ones_like(value)
        key = (self._fields[group.field], index)
        if group.target is not None:
            return value - group.target, {key: sign}
        sign[: group.count] = -1
        return value[group.count :] - value[: group.count], {key: sign}

    def _weighted(self, group: _Rows, jets: dict[MultiIndex, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        residual, slopes = self._evaluate(group, jets)
        weight = group.weight / (group.scale or 1.0)
        both = weight.repeat(2) if group.seam else weight
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
    if not most or len(group.x) <= most or group.seam:
        yield group
        return
    for first in range(0, len(group.x), most):
        part = slice(first, first + most)
        target = None if group.target is None else group.target[part]
        yield replace(group, x=group.x[part], weight=group.weight[part], target=target)


def _order(problem: Problem, name: str, axis: int) -> int:
    """The highest order of differentiation of one field by one coordinate."""
    keys = [key for residual in problem.equations for key in residual.jets.values()]
    return max((index[axis] for field, index in keys if field == name), default=0)


def starts(problem: Problem) -> list[tuple[int, int]]:
    """What the start of a time window fixes: field number and order of the derivative in time."""
    time = problem.domain.time_axis
    if time is None:
        return []
    return [(i, order) for i, field in enumerate(problem.fields) for order in range(_order(problem, field.name, time))]


def _through(point: Sequence[float | None], rules: Sequence[Rule]) -> Points:
    """The one point, or points along the coordinates that it leaves free."""
    return tensor(
        [(np.array([value]), np.ones(1)) if value is not None else rule for value, rule in zip(point, rules, strict=True)]
    )


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
