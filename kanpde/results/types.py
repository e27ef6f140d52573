"""Plain results: how good the solution is, by its own estimate, by an independent reference, and by its proved formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kanpde.results.formula import Formula, FormulaStatus

PROVED = "proved formula"
"""What the comparison calls the judge that the search for a formula has found."""


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
        known = {"exact": "the exact solution", PROVED: "the proved formula"}
        judge = known.get(self.method, f"the reference ({self.method})")
        judge = f"the {self.method}" if self.method.startswith("run ") else judge
        if math.isnan(self.error):
            return f"relative L2 difference {self.l2:.1e} from {self.method}, largest {self.max:.1e}"
        if self.l2 <= self.error:
            return f"relative L2 error at most {self.error:.1e}, as far as {judge} can tell"
        return f"relative L2 error {self.l2:.1e} against {judge}, itself good to {self.error:.1e}"


@dataclass(frozen=True)
class Comparison:
    """The comparison of every field with a reference; empty where there is none.

    Where a formula was proved there may be two judges: ``fields`` has the one with the smaller error of its own, ``beside`` the
    other, so that what the independent reference says is never lost.
    """

    fields: Mapping[str, FieldComparison] = field(default_factory=dict)
    remark: str = ""
    beside: Mapping[str, FieldComparison] = field(default_factory=dict)


__all__ = ["PROVED", "Comparison", "Estimate", "FieldComparison", "Formula", "FormulaStatus"]
