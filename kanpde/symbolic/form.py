"""A form: an expression with numbers still open, known to the accuracy of the data it was found in.

Rungs of the ladder find forms; the equations then give their numbers to forty digits (``polish``), exact constants are put in
their place (``identify``), and the result is proved (``prove``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

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
    comes from, for the transcript: "sum of 2 products", "tan(u/4) is a product", "f(x - c t)".
    """

    expression: sp.Expr
    numbers: tuple[Number, ...] = ()
    how: str = ""

    @property
    def at_values(self) -> sp.Expr:
        """The expression with the open numbers as floats."""
        return self.expression.xreplace({n.symbol: sp.Float(n.value, 17) for n in self.numbers})

    def values(self, symbols: Sequence[sp.Symbol], points: Sequence[Array]) -> Array:
        """The form at points: one array a coordinate, broadcast together; NaN where it is not defined or not real."""
        shape = np.broadcast_shapes(*(p.shape for p in points))
        numbers = {n.symbol: n.value for n in self.numbers}
        with np.errstate(all="ignore"):
            found = np.asarray(compiled(self.expression, (*symbols, *numbers))(*points, *numbers.values()))
        if np.iscomplexobj(found):
            found = np.where(np.abs(found.imag) <= 1e-12 * np.abs(found), found.real, np.nan)
        return np.broadcast_to(np.asarray(found, dtype=np.float64), shape)


def compiled(expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Callable[..., Any]:
    """The expression as a function of arrays, with scipy's special functions."""
    function: Callable[..., Any] = sp.lambdify(list(symbols), expression, modules=["scipy", "numpy"])
    return function


def substituted(form: Form, replacements: Mapping[sp.Symbol, sp.Expr]) -> Form:
    """The form with symbols replaced by expressions, keeping only the numbers that are left."""
    expression = form.expression.xreplace(dict(replacements))
    return Form(expression, tuple(n for n in form.numbers if expression.has(n.symbol)), form.how)
