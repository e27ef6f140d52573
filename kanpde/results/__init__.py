"""What a run returns: the solution, its history, its own estimate and the comparison with an independent reference."""

from kanpde.results.history import Event, History, Report, StageRecord, silent
from kanpde.results.solution import FieldSolution, Solution
from kanpde.results.types import Comparison, Estimate, FieldComparison, Formula, FormulaStatus

__all__ = [
    "Comparison", "Estimate", "Event", "FieldComparison", "FieldSolution", "Formula", "FormulaStatus", "History", "Report",
    "Solution", "StageRecord", "silent",
]  # fmt: skip
