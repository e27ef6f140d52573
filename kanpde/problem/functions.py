"""The functions of the problem language: name in the file, sympy's function, how many arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

Function = tuple[Callable[..., Any], int, int]
"""What builds it, and the smallest and largest number of arguments."""

FUNCTIONS: Mapping[str, Function] = {
    **{name: (getattr(sp, name), 1, 1) for name in ("sin", "cos", "tan", "sec", "csc", "cot")},
    **{name: (getattr(sp, name), 1, 1) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
    **{"arc" + name: (getattr(sp, "a" + name), 1, 1) for name in ("sin", "cos", "tan")},
    **{name: (getattr(sp, name), 1, 1) for name in ("sinh", "cosh", "tanh", "sech", "csch", "coth")},
    **{name: (getattr(sp, name), 1, 1) for name in ("exp", "log", "sqrt", "sign", "erf", "erfc", "gamma", "floor", "airyai")},
    **{name: (getattr(sp, name), 2, 2) for name in ("besselj", "bessely", "besseli", "besselk", "atan2")},
    "ln": (sp.log, 1, 1),
    "abs": (sp.Abs, 1, 1),
    "heaviside": (lambda x: sp.Heaviside(x), 1, 1),
    "min": (sp.Min, 1, 8),
    "max": (sp.Max, 1, 8),
}
"""The usual functions of real numbers."""

COMPLEX_FUNCTIONS: Mapping[str, Function] = {
    "conj": (sp.conjugate, 1, 1),
    "re": (sp.re, 1, 1),
    "im": (sp.im, 1, 1),
}
"""What a problem with a complex field may use as well."""

GROWING = ("exp", "sinh", "cosh", "gamma", "besseli", "csch", "sech")
"""Functions whose value may be too large for any computer: their argument, if a number, is bounded."""

OPERATOR_NAMES = ("lap", "grad", "div", "curl", "dot", "d", "integral", "inside", "piecewise")
"""What is called like a function and is none; ``operators.OPERATORS`` builds them."""

INTEGRAL = sp.Function("integral")
"""The integral of an expression over the spatial domain, as an opaque term of a residual."""

POINT_VALUE = sp.Function("at")
"""at(u_x, 1/2, ...): the value of a partial derivative at a point, as an opaque term of a residual."""


def known_functions() -> list[str]:
    """Every name that can be called, for suggestions."""
    return [*FUNCTIONS, *COMPLEX_FUNCTIONS, *OPERATOR_NAMES]
