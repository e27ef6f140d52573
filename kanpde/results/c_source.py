"""A formula as C functions (C99, nothing but math.h): what an embedded or compiled program takes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import sympy as sp
from sympy.printing.c import C99CodePrinter

from kanpde.errors import UnsupportedProblem
from kanpde.problem.arranged import arranged

_LANGUAGE = """auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main"""
_LIBRARY = """sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp log sqrt pow erf erfc tgamma fabs floor ceil fmax
    fmin j0 j1 jn y0 y1 yn gamma lgamma cbrt hypot round trunc abs atan2 exp2 expm1 log10 log1p log2 ldexp fmod ceil network"""
RESERVED = frozenset((*_LANGUAGE.split(), *_LIBRARY.split()))
"""Words of the language and functions of math.h, of which gcc warns if something else is called so."""

_KNOWN = {
    **{name: name for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    **{name: name for name in ("exp", "log", "erf", "erfc", "floor")},
    "gamma": "tgamma", "Abs": "fabs", "atan2": "atan2", "Max": "fmax", "Min": "fmin",
}  # fmt: skip
_INVERSE = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_LARGEST_POWER = 4  # written as a product; beyond, pow


def c_name(name: str) -> str:
    """The C name of a coordinate, a letter or a field: ``double`` is written ``double_``."""
    return f"{name}_" if name in RESERVED else name


def comment(text: str) -> list[str]:
    """A comment at the top of a file, in lines."""
    safe = text.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")
    return ["/* " + "\n   ".join(wrap(safe, 110)) + " */"]


class _Printer(C99CodePrinter):
    def __init__(self) -> None:
        super().__init__({"strict": False})

    def _print_Symbol(self, expr: Any) -> str:
        return c_name(expr.name)

    def _print_Pi(self, expr: Any) -> str:
        return "3.14159265358979323846"

    def _print_Exp1(self, expr: Any) -> str:
        return "2.71828182845904523536"

    def _print_Pow(self, expr: Any) -> str:
        base, exponent = expr.base, expr.exp
        if exponent == sp.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        if exponent == -sp.Rational(1, 2):
            return f"(1.0/sqrt({self._print(base)}))"
        if exponent.is_Integer and 0 < abs(int(exponent)) <= _LARGEST_POWER:
            text = self._print(base) if base.is_Atom and not base.is_negative else f"({self._print(base)})"
            power = "*".join([text] * abs(int(exponent)))
            # a product in brackets: it may stand behind a division sign
            return f"({power})" if exponent > 0 else f"(1.0/({power}))"
        return f"pow({self._print(base)}, {self._print(exponent)})"

    def _print_Function(self, expr: Any) -> str:
        name = type(expr).__name__
        if name in _KNOWN and len(expr.args) == (2 if name == "atan2" else 1):
            return f"{_KNOWN[name]}({', '.join(self._print(a) for a in expr.args)})"
        if name in _INVERSE:
            return f"(1.0/{_INVERSE[name]}({self._print(expr.args[0])}))"
        if name == "sign":
            z = self._print(expr.args[0])
            return f"(double)((({z}) > 0) - (({z}) < 0))"
        raise UnsupportedProblem(f"the function '{name}' has no C source: math.h does not have it", hint="write .py instead")

    _print_Abs = _print_Function
    _print_sign = _print_Function
    _print_gamma = _print_Function

    def _print_Max(self, expr: Any) -> str:
        return self._folded("fmax", expr.args)

    def _print_Min(self, expr: Any) -> str:
        return self._folded("fmin", expr.args)

    def _folded(self, name: str, arguments: Sequence[sp.Expr]) -> str:
        text = str(self._print(arguments[0]))
        for other in arguments[1:]:
            text = f"{name}({text}, {self._print(other)})"
        return text

    def _print_Heaviside(self, expr: Any) -> str:
        z = self._print(expr.args[0])
        return f"(({z}) > 0 ? 1.0 : ({z}) < 0 ? 0.0 : 0.5)"

    def _print_Piecewise(self, expr: Any) -> str:
        text = ""
        for value, condition in reversed(expr.args):
            if not text:
                text = str(self._print(value)) if condition == sp.true else "NAN"
                if condition == sp.true:
                    continue
            text = f"({self._print(condition)} ? {self._print(value)} : {text})"
        return text

    def _print_ImaginaryUnit(self, expr: Any) -> str:
        raise UnsupportedProblem("a complex formula has no C source here", hint="write .py instead")

    def _print_Sum(self, expr: Any) -> str:
        raise UnsupportedProblem("an infinite series has no C source", hint="write .py instead, which adds up its terms")

    def emptyPrinter(self, expr: Any) -> str:
        raise UnsupportedProblem(f"'{type(expr).__name__}' has no C source", hint="write .py instead")


def c_source(expressions: Mapping[str, sp.Expr], coordinates: Sequence[str], letters: Mapping[str, float], said: str) -> str:
    """One function a field: ``double u(double x, double t)``; letters with their values are constants above it.

    ``said`` stands in a comment at the top. Raises UnsupportedProblem for what math.h does not have.
    """
    printer = _Printer()
    lines = [*comment(said), "#include <math.h>", ""]
    used = {s.name for e in expressions.values() for s in e.free_symbols}
    lines += [f"static const double {c_name(name)} = {value!r};" for name, value in letters.items() if name in used]
    for name, expression in expressions.items():
        arguments = ", ".join(f"double {c_name(c)}" for c in coordinates) or "void"
        idle = [c_name(c) for c in coordinates if c not in {s.name for s in expression.free_symbols}]
        body = [f"    (void){c};" for c in idle]  # gcc warns of arguments without use
        lines += ["", f"double {c_name(name)}({arguments});", f"double {c_name(name)}({arguments})", "{", *body]
        lines += [f"    return {printer.doprint(arranged(expression))};", "}"]
    return "\n".join(lines) + "\n"
