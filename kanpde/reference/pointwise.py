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
from kanpde.problem.types import MultiIndex, Problem, Residual, normal_component, symbol

Key = tuple[str, MultiIndex]
"""A partial derivative of a field: its name and multi-index."""


class Pointwise:
    """A residual F(x, {jet}) and its slopes dF/djet, a jet being a partial derivative of one of the fields.

    ``keys`` are those that really occur; ``expression`` carries no named constants any more. With ``normals`` the components of
    the outward normal (see ``Residual.on_boundary``) follow the coordinates wherever points are given.
    """

    def __init__(self, problem: Problem, residual: Residual, normals: bool = False) -> None:
        expression = sp.sympify(problem.with_values(residual.expression), strict=True)
        jets = {s: key for s, key in residual.jets.items() if expression.has(s)}
        self.text, self.span = residual.text, residual.span
        self.expression = expression
        self.symbols: dict[Key, sp.Symbol] = {key: s for s, key in jets.items()}
        self.keys: tuple[Key, ...] = tuple(self.symbols)
        self.coordinates = tuple(symbol(c) for c in problem.coordinates)
        places = [*self.coordinates, *(normal_component(c) for c in problem.coordinates if normals)]
        slopes = [sp.diff(expression, self.symbols[key]) for key in self.keys]
        self.slopes: dict[Key, sp.Expr] = dict(zip(self.keys, slopes, strict=True))
        self._program = Program([expression, *slopes], [*places, *self.symbols.values()])

    @property
    def affine(self) -> bool:
        """Whether the residual is affine in the fields and their derivatives."""
        return not any(slope.has(*self.symbols.values()) for slope in self.slopes.values())

    @property
    def constant_coefficients(self) -> bool:
        """Whether no slope varies with the point or with the fields."""
        return all(not slope.free_symbols for slope in self.slopes.values())

    def order(self, axis: int, field: str | None = None) -> int:
        """The highest order of differentiation by coordinate number ``axis``, of one field or of all."""
        return max((index[axis] for name, index in self.keys if field in (None, name)), default=0)

    def has(self, field: str) -> bool:
        """Whether the field or a derivative of it occurs."""
        return any(name == field for name, _ in self.keys)

    def __call__(
        self,
        points: Sequence[np.ndarray | float],  # d arrays that broadcast to (...), 2 d with normals
        jets: Mapping[Key, np.ndarray],  # (...) by key
    ) -> tuple[np.ndarray, dict[Key, np.ndarray]]:  # (...), (...) by key
        """The residual and its slopes."""
        inputs = [*points, *(jets[key] for key in self.keys)]
        shape = np.broadcast_shapes(*(np.shape(value) for value in inputs))
        residual, *slopes = self._program(NUMPY, inputs)
        spread = [np.broadcast_to(np.asarray(s, dtype=float), shape) for s in slopes]
        return np.broadcast_to(np.asarray(residual, dtype=float), shape), dict(zip(self.keys, spread, strict=True))


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


def require_box(problem: Problem) -> None:
    """Raise UnsupportedProblem unless there are real fields on a box, as many equations, and nothing else that is unknown."""
    require_known(problem)
    if not problem.domain.is_box:
        raise UnsupportedProblem("this reference is for boxes, and the problem has a domain that is no box")


def require_known(problem: Problem) -> None:
    """Raise UnsupportedProblem unless there are real fields, as many equations, and nothing else that is unknown."""
    equations, fields = len(problem.equations), len(problem.fields)
    reasons = {
        f"{equations} equations for {fields} fields": equations != fields,
        "a complex field": any(f.complex for f in problem.fields),
        "parameters or unknown constants": bool(
            problem.parameters or problem.unknowns or any(f.parameters for f in problem.fields)
        ),
        "measurements": problem.data is not None,
    }
    for remark in problem.unsupported:  # read, not solved yet: there may be more to it than the residual says, such as a jump
        raise UnsupportedProblem(remark.message, remark.span)
    for what, present in reasons.items():
        if present:
            raise UnsupportedProblem(f"the references here are for real fields, and the problem has {what}")
