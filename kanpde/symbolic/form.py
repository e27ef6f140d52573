"""A form: an expression with numbers still open, known to the accuracy of the data it was found in.

Rungs of the ladder find forms; the equations then give their numbers to forty digits (``polish``), exact constants are put in
their place (``identify``), and the result is proved (``prove``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import FORMULAS, Program

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Number:
    """An open number of a form: its symbol, its value in the data's accuracy, and how far it may be off (absolute)."""

    symbol: sp.Dummy
    value: float
    slack: float = 0.0


def number(value: float, slack: float = 0.0, name: str = "c") -> Number:
    """A new open number with a symbol of its own."""
    return Number(sp.Dummy(name, real=True), float(value), float(slack))


@dataclass(frozen=True)
class Form:
    """An expression that fits the samples within their noise.

    ``numbers`` are those that occur in ``expression``; everything else in it is exact. ``how`` says in a few words where the form
    comes from, for the transcript: "sum of 2 products", "tan(u/4) is a product", "f(x - c t)". ``whole`` is the complex
    expression that ``expression`` is the real or imaginary part of.
    """

    expression: sp.Expr
    numbers: tuple[Number, ...] = ()
    how: str = ""
    whole: sp.Expr | None = None

    @property
    def shape(self) -> sp.Expr:
        """The expression without the values of its numbers: equal for forms that differ in these only."""
        return self.expression.xreplace({n.symbol: sp.Symbol(f"n{i}") for i, n in enumerate(self.numbers)})

    @property
    def at_values(self) -> sp.Expr:
        """The expression with the open numbers as floats."""
        return self.expression.xreplace({n.symbol: sp.Float(n.value, 17) for n in self.numbers})

    def values(self, symbols: Sequence[sp.Symbol], points: Sequence[Array]) -> Array:
        """The form at points: one array a coordinate, broadcast together; NaN where it is not defined or not real."""
        shape = np.broadcast_shapes(*(p.shape for p in points))
        numbers = {n.symbol: n.value for n in self.numbers}
        with np.errstate(all="ignore"):
            found = compiled(self.expression, (*symbols, *numbers))(*points, *numbers.values())
        return np.broadcast_to(real(found), shape)


def real(found: Any) -> Array:
    """Values as real numbers; NaN where the imaginary part is more than rounding."""
    values = np.asarray(found)
    if np.iscomplexobj(values):
        values = np.where(np.abs(values.imag) <= 1e-12 * np.abs(values), values.real, np.nan)
    return np.asarray(values, dtype=np.float64)


def compiled(expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Callable[..., Any]:
    """The expression (or a ``Tuple`` of them) as a function of arrays, with scipy's special functions; NaN where it has no value.

    Built in 0.1 ms, where source for ``lambdify`` takes 6: a search compiles hundreds of forms.
    """
    several = isinstance(expression, sp.Tuple)
    expressions = list(expression) if several else [expression]
    try:
        program = Program(expressions, list(symbols), complex_numbers=True)
    except UnsupportedProblem:  # infinite, or not a number
        return lambda *values: [np.nan for _ in expressions] if several else np.nan

    def function(*values: Any) -> Any:
        try:
            found = program(FORMULAS, values)
        except UnsupportedProblem:  # a function without a numerical counterpart
            found = [np.nan for _ in expressions]
        return found if several else found[0]

    return function
