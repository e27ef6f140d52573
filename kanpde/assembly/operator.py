"""A residual as a function of points and jets, with its linearisation: the one place where an equation becomes numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kanpde.assembly.torch_functions import TORCH
from kanpde.geometry import Face
from kanpde.problem.evaluate import Program
from kanpde.problem.types import MultiIndex, Problem, Residual, normal_component, symbol

Key = tuple[str, MultiIndex]
"""A partial derivative of a field: its name and how often to differentiate by each coordinate."""


class Operator:
    """F(x, u, u_x, u_xx, ...) and its derivatives by u, u_x, u_xx, ...

    ``keys`` lists the partial derivatives of the fields that the residual needs. The derivatives of F come from sympy once,
    and equal subexpressions of all of them are computed once.
    """

    def __init__(
        self, residual: Residual, problem: Problem, face: Face | None = None, normal: Sequence[int] | None = None
    ) -> None:
        """On a ``face`` of a box the normal is known; else ``normal`` lists the axes of its components, further arguments."""
        if face is not None:
            residual = residual.on_face(face, problem.coordinates)
        if normal is not None:
            residual = residual.on_boundary(normal, problem.coordinates)
        slopes = residual.partials
        self.residual = residual
        self.linear = residual.linear
        self.keys: list[Key] = list(slopes)
        arguments = [symbol(name) for name in problem.coordinates]
        arguments += [normal_component(problem.coordinates[axis]) for axis in normal or ()]
        arguments += [s for s, key in residual.jets.items() if key in slopes]
        self._keys_in_order = [key for key in residual.jets.values() if key in slopes]
        expressions = [residual.expression, *(slopes[key] for key in self.keys)]
        self._program = Program([problem.with_values(e) for e in expressions], arguments)

    def __call__(
        self,
        points: Sequence[Tensor],  # d tensors (and the components of the normal) that broadcast to the shape of the jets
        jets: Mapping[Key, Tensor],
    ) -> tuple[Tensor, dict[Key, Tensor]]:
        """The residual, and its slope by each key, all of the common broadcast shape."""
        values = [*points, *(jets[key] for key in self._keys_in_order)]
        shape = torch.broadcast_shapes(*(v.shape for v in values))
        like = values[0]

        def full(value: Tensor | float) -> Tensor:
            tensor = value if isinstance(value, Tensor) else like.new_tensor(float(value))
            return tensor.to(like).expand(shape)

        outputs = [full(v) for v in self._program(TORCH, values)]
        return outputs[0], dict(zip(self.keys, outputs[1:], strict=True))

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """The characteristic size of the linearised operator on functions that vary by order one over ``lengths``.

        max over partial derivatives of rms |dF/du_(q)| * prod (2 / L_i)^(q_i). Dividing a row by it makes the least squares
        problem independent of the units of coordinates and equation. At least the smallest positive float.
        """
        sizes = []
        for (_, index), slope in slopes.items():
            scale = 1.0
            for order, length in zip(index, lengths, strict=True):
                scale *= (2 / length) ** order
            sizes.append(float(slope.square().mean().sqrt()) * scale)
        return max([*sizes, torch.finfo(torch.float64).tiny])
