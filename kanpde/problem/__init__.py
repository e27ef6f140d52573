"""What to solve: the problem language, from text to equations, conditions and what is known about the solution. No torch."""

from kanpde.problem.formula import read_expression
from kanpde.problem.language import write_expression
from kanpde.problem.reader import Document, check_degree, read_file, read_text
from kanpde.problem.real_form import real_form
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
    "check_degree",
    "jet_symbol",
    "normal_symbol",
    "read_expression",
    "read_file",
    "read_text",
    "real_form",
    "symbol",
    "write_expression",
]
