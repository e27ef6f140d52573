"""A formula as a Python function that needs nothing but numpy and scipy: what a reader copies into a program of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from keyword import iskeyword
from textwrap import wrap
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from kanpde.errors import UnsupportedProblem
from kanpde.problem import order_of_print
from kanpde.problem.arranged import arranged
from kanpde.results.series import stable

_NUMPY = {
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sign", "floor")},
    **{"a" + name: "arc" + name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    "Abs": "abs", "conjugate": "conj", "re": "real", "im": "imag",
}  # fmt: skip
_SCIPY = {"besselj": "jv", "bessely": "yv", "besseli": "iv", "besselk": "kv", "erf": "erf", "erfc": "erfc", "gamma": "gamma"}
_INVERSE = {"sec": "cos", "csc": "sin", "cot": "tan", "coth": "tanh", "csch": "sinh"}
_HELPERS = {
    "sech": '''def sech(x):
    """1/cosh(x) without overflow."""
    e = np.exp(-np.abs(x))
    return 2 * e / (1 + e * e)
'''
}
_TAKEN = {"np", "special", "terms", "sech", "self"}


def argument(name: str) -> str:
    """The Python name of a coordinate or a letter: ``lambda`` is written ``lambda_``."""
    return f"{name}_" if iskeyword(name) or name in _TAKEN or name in _HELPERS else name


class _Printer(StrPrinter):
    def __init__(self) -> None:
        super().__init__({"order": "none"})
        self.helpers: set[str] = set()

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[sp.Expr]:
        return order_of_print.terms(expr)

    def _print_Mul(self, expr: Any) -> str:
        return order_of_print.product(self, expr)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        half = sp.Rational(1, 2)
        if expr.exp == half:
            return f"np.sqrt({self._print(expr.base)})"
        if expr.exp == -half:
            return f"1/np.sqrt({self._print(expr.base)})"
        return str(super()._print_Pow(expr, rational))

    def _print_Symbol(self, expr: Any) -> str:
        return argument(expr.name)

    def _print_Pi(self, expr: Any) -> str:
        return "np.pi"

    def _print_Exp1(self, expr: Any) -> str:
        return "np.e"

    def _print_ImaginaryUnit(self, expr: Any) -> str:
        return "1j"

    def _print_Function(self, expr: Any) -> str:
        name = type(expr).__name__
        arguments = ", ".join(self._print(a) for a in expr.args)
        if name in _NUMPY:
            return f"np.{_NUMPY[name]}({arguments})"
        if name in _SCIPY:
            return f"special.{_SCIPY[name]}({arguments})"
        if name in _INVERSE:
            return f"(1/np.{_INVERSE[name]}({arguments}))"
        if name in _HELPERS:
            self.helpers.add(name)
            return f"{name}({arguments})"
        if name in ("airyai", "airyaiprime"):
            return f"special.airy({arguments})[{int(name == 'airyaiprime')}]"
        raise UnsupportedProblem(f"the function '{name}' has no Python source")

    _print_Abs = _print_Function
    _print_conjugate = _print_Function

    def _print_Heaviside(self, expr: Any) -> str:
        return f"np.heaviside({self._print(expr.args[0])}, 0.5)"

    def _print_Max(self, expr: Any) -> str:
        return self._folded("np.maximum", expr.args)

    def _print_Min(self, expr: Any) -> str:
        return self._folded("np.minimum", expr.args)

    def _folded(self, name: str, arguments: Sequence[sp.Expr]) -> str:
        text = self._print(arguments[0])
        for other in arguments[1:]:
            text = f"{name}({text}, {self._print(other)})"
        return str(text)

    def _print_Sum(self, expr: Any) -> str:
        text = self._print(stable(expr.function))
        for index, first, last in expr.limits:
            end = f"{self._print(first)} + terms" if last is sp.oo else self._print(last + 1)
            text = f"sum({text} for {argument(index.name)} in range({self._print(first)}, {end}))"
        return str(text)

    def _print_Piecewise(self, expr: Any) -> str:
        text = ""
        for value, condition in reversed(expr.args):
            if not text:
                otherwise = self._print(value)
                text = otherwise if condition == sp.true else f"np.where({self._print(condition)}, {otherwise}, np.nan)"
            else:
                text = f"np.where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_And(self, expr: Any) -> str:
        return " & ".join(f"({self._print(a)})" for a in expr.args)

    def _print_Or(self, expr: Any) -> str:
        return " | ".join(f"({self._print(a)})" for a in expr.args)

    def _print_Not(self, expr: Any) -> str:
        return f"~({self._print(expr.args[0])})"

    def _print_Relational(self, expr: Any) -> str:
        low = PRECEDENCE["Relational"]
        return f"{self.parenthesize(expr.lhs, low)} {expr.rel_op} {self.parenthesize(expr.rhs, low)}"


def python_source(
    expressions: Mapping[str, sp.Expr], coordinates: Sequence[str], letters: Mapping[str, sp.Expr], said: str
) -> str:
    """One function a field, with the letters that it contains as keyword arguments; ``said`` goes into every docstring."""
    printer = _Printer()
    functions = []
    for name, expression in expressions.items():
        used = {s.name for s in expression.free_symbols}
        defaults = [f"{argument(letter)}={printer.doprint(value)}" for letter, value in letters.items() if letter in used]
        defaults += [f"{argument(letter)}" for letter in sorted(used - set(letters) - set(coordinates))]
        series = any(last is sp.oo for s in expression.atoms(sp.Sum) for _, _, last in s.limits)
        functions.append(_function(printer, name, expression, coordinates, defaults + ["terms=500"] * series, said))
    body = "\n\n".join([*(_HELPERS[name] for name in sorted(printer.helpers)), *functions])
    imports = ["import numpy as np", *(["from scipy import special"] if "special." in body else [])]
    return "\n".join(imports) + "\n\n\n" + body


def _function(
    printer: _Printer, name: str, expression: sp.Expr, coordinates: Sequence[str], keywords: Iterable[str], said: str
) -> str:
    places = [argument(c) for c in coordinates]
    signature = ", ".join([*places, *(["*", *keywords] if keywords else [])])
    text = printer.doprint(arranged(expression))
    if not {s.name for s in expression.free_symbols} >= set(coordinates):
        sizes = ", ".join(f"np.shape({place})" for place in places)
        text = f"{text} + np.zeros(np.broadcast_shapes({sizes}))"
    lines = wrap(f"{name}({', '.join(coordinates)}): {said}".replace("\\", "/").replace('"', "'"), 110)
    document = f'    """{lines[0]}"""' if len(lines) == 1 else '    """' + "\n    ".join(lines) + '\n    """'
    floats = ", ".join(places) + ("," if len(places) == 1 else "")
    convert = f"    {floats} = (np.asarray(value, dtype=float) for value in ({floats}))"
    return f"def {argument(name)}({signature}):\n{document}\n{convert}\n    return {text}\n"
