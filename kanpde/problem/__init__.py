"""What to solve: the problem language, from text to equations, conditions and what is known about the solution. No torch."""

from kanpde.problem.reader import Document, read_file, read_text
from kanpde.problem.types import (
    Condition,
    Field,
    MultiIndex,
    Problem,
    Remark,
    Residual,
    jet_symbol,
    normal_symbol,
    symbol,
)

__all__ = [
    "Condition",
    "Document",
    "Field",
    "MultiIndex",
    "Problem",
    "Remark",
    "Residual",
    "jet_symbol",
    "normal_symbol",
    "read_file",
    "read_text",
    "symbol",
]
