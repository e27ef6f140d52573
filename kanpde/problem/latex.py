r"""Expressions in LaTeX as a textbook prints them: \frac{c}{2} \operatorname{sech}^2 rather than one long fraction."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from kanpde.problem import order_of_print
from kanpde.problem.arranged import arranged


class _Printer(LatexPrinter):
    def __init__(self) -> None:
        super().__init__({"inv_trig_style": "full"})

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[sp.Expr]:
        return order_of_print.terms(expr)

    def _print_Mul(self, expr: Any) -> str:
        """A product: simple factors over the denominator first, functions behind the fraction if nothing else stands below."""
        minus, above, below = order_of_print.fraction(expr)
        sign = "- " if minus else ""
        if not below:
            return sign + (self._product(above, alone=not minus) or "1")
        behind = [f for f in above if not order_of_print.simple(f)] if all(map(order_of_print.simple, below)) else []
        front = [f for f in above if f not in behind]
        if not front and (not all(f.is_Rational for f in below) or isinstance(behind[0], sp.Add)):
            front, behind = behind, []  # (x - t)/2 and sin(n x)/n are one fraction, 1/2 sin(x) is not
        fraction = rf"\frac{{{self._product(front) or '1'}}}{{{self._product(below)}}}"
        return f"{sign}{fraction} {self._product(behind, alone=False)}" if behind else sign + fraction

    def _product(self, parts: list[sp.Expr], alone: bool = True) -> str:
        """Factors side by side; sums in brackets unless one is all there is."""
        several = len(parts) > 1 or not alone
        texts: list[str] = []
        for i, part in enumerate(parts):
            text = str(self._print(part))
            bracket = several and self._needs_mul_brackets(part, first=i == 0, last=i == len(parts) - 1)
            if texts and text[0].isdigit() and texts[-1][-1].isdigit():
                texts.append(r"\cdot")
            texts.append(rf"\left({text}\right)" if bracket else text)
        return " ".join(texts)


def latex(expression: sp.Basic) -> str:
    """The expression in LaTeX."""
    return str(_Printer().doprint(arranged(expression)))
