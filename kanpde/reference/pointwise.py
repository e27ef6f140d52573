"""A residual as a function of numbers: coordinates and partial derivatives in, residual and its slopes out.

Every method here asks the same of an equation: its value and its derivative by each jet, on arrays. The method of lines, the
exponential integrator and the spectral solver differ only in where the jets come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import MultiIndex, Problem, Residual, symbol


class Pointwise:
    """A scalar residual F(x, {u_index}) and its slopes dF/du_index.

    ``indices`` are the multi-indices that really occur; ``expression`` carries no named constants any more.
    """

    def __init__(self, problem: Problem, residual: Residual) -> None:
        name = problem.fields[0].name
        expression = sp.sympify(problem.with_values(residual.expression), strict=True)
        jets = {s: index for s, (field, index) in residual.jets.items() if expression.has(s)}
        if any(field != name for s, (field, _) in residual.jets.items() if s in jets):
            raise UnsupportedProblem(f"'{residual.text}' couples several fields", residual.span)
        self.expression = expression
        self.symbols: dict[MultiIndex, sp.Symbol] = {index: s for s, index in jets.items()}
        self.indices: tuple[MultiIndex, ...] = tuple(self.symbols)
        self.coordinates = tuple(symbol(c) for c in problem.coordinates)
        slopes = [sp.diff(expression, self.symbols[index]) for index in self.indices]
        self.slopes: dict[MultiIndex, sp.Expr] = dict(zip(self.indices, slopes, strict=True))
        self._program = Program([expression, *slopes], [*self.coordinates, *self.symbols.values()])

    @property
    def affine(self) -> bool:
        """Whether the residual is affine in u and its derivatives."""
        return not any(slope.has(*self.symbols.values()) for slope in self.slopes.values())

    @property
    def constant_coefficients(self) -> bool:
        """Whether no slope varies with the point or with u."""
        return all(not slope.free_symbols for slope in self.slopes.values())

    def __call__(
        self,
        points: Sequence[np.ndarray | float],  # d arrays that broadcast to (...)
        jets: Mapping[MultiIndex, np.ndarray],  # (...) by index
    ) -> tuple[np.ndarray, dict[MultiIndex, np.ndarray]]:  # (...), (...) by index
        """The residual and its slopes."""
        inputs = [*points, *(jets[index] for index in self.indices)]
        shape = np.broadcast_shapes(*(np.shape(value) for value in inputs))
        residual, *slopes = self._program(NUMPY, inputs)
        spread = [np.broadcast_to(np.asarray(s, dtype=float), shape) for s in slopes]
        return np.broadcast_to(np.asarray(residual, dtype=float), shape), dict(zip(self.indices, spread, strict=True))


class Function:
    """A formula in the coordinates as a function of points."""

    def __init__(self, problem: Problem, expression: sp.Expr) -> None:
        self.expression = sp.sympify(problem.with_values(expression), strict=True)
        self._program = Program([self.expression], [symbol(c) for c in problem.coordinates])

    def __call__(self, points: Sequence[np.ndarray | float]) -> np.ndarray:
        """The value at points given coordinate by coordinate."""
        shape = np.broadcast_shapes(*(np.shape(p) for p in points))
        (value,) = self._program(NUMPY, list(points))
        return np.array(np.broadcast_to(np.asarray(value, dtype=float), shape))


def require_scalar(problem: Problem) -> None:
    """Raise UnsupportedProblem unless there is one real field, one equation and nothing else that is unknown."""
    reasons = {
        "several fields": len(problem.fields) != 1 or len(problem.equations) != 1,
        "a complex field": any(f.complex for f in problem.fields),
        "parameters or unknown constants": bool(
            problem.parameters or problem.unknowns or any(f.parameters for f in problem.fields)
        ),
        "measurements": problem.data is not None,
        "a domain that is no box": problem.domain.shape is not None,
        "constraints": any(c.kind == "constraint" for c in problem.conditions),
    }
    for remark in problem.unsupported:  # read, not solved yet: there may be more to it than the residual says, such as a jump
        raise UnsupportedProblem(remark.message, remark.span)
    for what, present in reasons.items():
        if present:
            raise UnsupportedProblem(f"the references here are for one real field on a box, and the problem has {what}")
