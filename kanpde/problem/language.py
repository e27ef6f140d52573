"""Writes sympy expressions in the problem language, so that what is written can be read again."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from kanpde.problem import order_of_print
from kanpde.problem.arranged import arranged

_NAMES = {"Abs": "abs", "Max": "max", "Min": "min", "Heaviside": "heaviside", "conjugate": "conj"}


class _Printer(StrPrinter):
    """sympy's own text in reading order, with ``^`` for powers, and the language's names for functions and constants."""

    def __init__(self) -> None:
        super().__init__({"order": "none"})  # keep the order of the factors that are handed over

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[sp.Expr]:
        return order_of_print.terms(expr)

    def _print_Mul(self, expr: Any) -> str:
        return order_of_print.product(self, expr)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        return str(super()._print_Pow(expr, rational)).replace("**", "^")

    def _print_Exp1(self, expr: Any) -> str:
        return "exp(1)"

    def _print_ImaginaryUnit(self, expr: Any) -> str:
        return "i"

    def _print_Function(self, expr: Any) -> str:
        name = type(expr).__name__
        arguments = expr.args[:1] if name == "Heaviside" else expr.args
        return f"{_NAMES.get(name, name)}({', '.join(self._print(a) for a in arguments)})"

    _print_Abs = _print_Function
    _print_Max = _print_Function
    _print_Min = _print_Function
    _print_Heaviside = _print_Function
    _print_conjugate = _print_Function

    def _print_Sum(self, expr: Any) -> str:
        text = self._print(expr.function)
        for index, first, last in expr.limits:
            text = f"sum({text}, {index}, {self._print(first)}, {'infinity' if last is sp.oo else self._print(last)})"
        return text

    def _print_Piecewise(self, expr: Any) -> str:
        *cases, (last, _) = expr.args
        parts = [text for value, condition in cases for text in (self._print(condition), self._print(value))]
        return f"piecewise({', '.join([*parts, self._print(last)])})"

    def _print_And(self, expr: Any) -> str:
        return "(" + " and ".join(self._print(a) for a in expr.args) + ")"

    def _print_Or(self, expr: Any) -> str:
        return "(" + " or ".join(self._print(a) for a in expr.args) + ")"

    def _print_Not(self, expr: Any) -> str:
        return f"(not ({self._print(expr.args[0])}))"

    def _print_Relational(self, expr: Any) -> str:
        sign = {"==": "=", "!=": "!="}.get(expr.rel_op, expr.rel_op)
        return f"{self._print(expr.lhs)} {sign} {self._print(expr.rhs)}"


def write_expression(expression: sp.Basic) -> str:
    """The expression in the problem language: ``read_expression(write_expression(e), problem) == e``.

    A series is written ``sum(term, n, 1, infinity)``, which is read in formulas only.
    """
    return str(_Printer().doprint(arranged(expression)))
