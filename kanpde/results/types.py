"""Plain results: how good the solution is, by its own estimate and by an independent reference, and its formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

FormulaStatus = Literal["proved", "proved for the given parameters", "verified numerically", "not found"]


@dataclass(frozen=True)
class Estimate:
    """The solver's own estimate of its relative L2 error, computed without ``exact`` and without a reference."""

    value: float
    method: str
    at_roundoff: bool = False


@dataclass(frozen=True)
class FieldComparison:
    """How far one field is from an independent reference, relative to the reference's own size.

    ``error`` is the reference's estimate of its own relative error: no difference below it means anything. NaN where the other
    side does not say, as a file of measured values.
    """

    l2: float
    max: float
    h1: float | None
    method: str
    error: float
    seconds: float

    @property
    def sentence(self) -> str:
        """What may be claimed: never an error below the reference's own."""
        judge = {"exact": "the exact solution"}.get(self.method, f"the reference ({self.method})")
        judge = f"the {self.method}" if self.method.startswith("run ") else judge
        if math.isnan(self.error):
            return f"relative L2 difference {self.l2:.1e} from {self.method}, largest {self.max:.1e}"
        if self.l2 <= self.error:
            return f"relative L2 error at most {self.error:.1e}, as far as {judge} can tell"
        return f"relative L2 error {self.l2:.1e} against {judge}, itself good to {self.error:.1e}"


@dataclass(frozen=True)
class Comparison:
    """The comparison of every field with a reference; empty where there is none."""

    fields: Mapping[str, FieldComparison] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True)
class Formula:
    """A closed form of the solution, and how far it may be trusted."""

    status: FormulaStatus
    expressions: Mapping[str, sp.Expr] = field(default_factory=dict)  # in the problem's own symbols
    seconds: float = 0.0
    transcript: tuple[str, ...] = ()  # each equation and condition, and how it reduced to zero

    @property
    def text(self) -> str:
        """The formula as the problem language writes it, ``u = ...``; empty if none was found."""
        return ", ".join(f"{name} = {str(e).replace('**', '^')}" for name, e in self.expressions.items())

    @property
    def latex(self) -> str:
        """The formula in LaTeX; empty if none was found."""
        return r" \\ ".join(f"{name} = {sp.latex(e)}" for name, e in self.expressions.items())
