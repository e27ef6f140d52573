"""Turns sympy expressions into a short list of array operations that numpy and torch can both run.

A straight-line program, not generated source: every distinct subexpression is one step, computed once. The caller passes the
functions (``{"sin": numpy.sin, ...}``), so that this module needs neither torch nor ``exec``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem

Array = Any

_RELATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
    "Equality": operator.eq,
    "Unequality": operator.ne,
}


class Program:
    """The values of ``expressions`` as a function of ``arguments``.

    ``Program([x**2 + sin(x)], [x])(NUMPY, [values of x])`` gives a list with one array (or a float, for a constant expression).
    Numbers that are not real are refused unless ``complex_numbers``.
    """

    def __init__(self, expressions: Sequence[sp.Expr], arguments: Sequence[sp.Symbol], complex_numbers: bool = False) -> None:
        self.arguments = tuple(arguments)
        self._complex = complex_numbers
        self._slots: dict[Any, int] = {s: i for i, s in enumerate(self.arguments)}
        self._steps: list[tuple[str, Any, tuple[int, ...]]] = []
        self._outputs = [self._compile(sp.sympify(e, strict=True)) for e in expressions]

    def __call__(self, functions: Mapping[str, Callable[..., Array]], values: Sequence[Array]) -> list[Array]:
        slots: list[Array] = list(values)
        for kind, detail, operands in self._steps:
            inputs = [slots[i] for i in operands]
            slots.append(_run(kind, detail, inputs, functions))
        return [slots[i] for i in self._outputs]

    def _emit(self, expression: Any, kind: str, detail: Any, operands: tuple[int, ...] = ()) -> int:
        self._steps.append((kind, detail, operands))
        self._slots[expression] = len(self.arguments) + len(self._steps) - 1
        return self._slots[expression]

    def _compile(self, e: Any) -> int:
        if e in self._slots:
            return self._slots[e]
        if isinstance(e, sp.Symbol):
            raise UnsupportedProblem(f"no value is given for '{e}'")
        if not e.free_symbols and not isinstance(e, (sp.Piecewise, sp.logic.boolalg.Boolean)):
            value = sp.N(e, 25)
            if value.is_real:
                return self._emit(e, "constant", float(value))
            if not (self._complex and value.is_complex):
                raise UnsupportedProblem(f"'{e}' is not a real number")
            return self._emit(e, "constant", complex(value))
        if e in (sp.true, sp.false):
            return self._emit(e, "constant", bool(e))
        if isinstance(e, sp.Add):
            return self._emit(e, "add", None, tuple(self._compile(a) for a in e.args))
        if isinstance(e, sp.Mul):
            return self._emit(e, "mul", None, tuple(self._compile(a) for a in e.args))
        if isinstance(e, sp.Pow):
            base, exponent = e.args
            if exponent.is_Integer:
                return self._emit(e, "power", int(exponent), (self._compile(base),))
            if exponent == sp.Rational(1, 2):
                return self._emit(e, "call", "sqrt", (self._compile(base),))
            if exponent == -sp.Rational(1, 2):
                root = self._compile(sp.sqrt(base))
                return self._emit(e, "power", -1, (root,))
            return self._emit(e, "pow", None, (self._compile(base), self._compile(exponent)))
        if isinstance(e, sp.Piecewise):
            operands = tuple(self._compile(part) for branch in e.args for part in branch.args)
            return self._emit(e, "piecewise", None, operands)
        name = type(e).__name__
        operands = tuple(self._compile(a) for a in e.args)
        if name in _RELATIONS:
            return self._emit(e, "relation", name, operands)
        return self._emit(e, "call", name, operands)


def _run(kind: str, detail: Any, inputs: list[Array], functions: Mapping[str, Callable[..., Array]]) -> Array:
    if kind == "constant":
        return detail
    if kind == "add":
        return reduce(operator.add, inputs)
    if kind == "mul":
        return reduce(operator.mul, inputs)
    if kind == "power":
        return inputs[0] * inputs[0] if detail == 2 else 1.0 / inputs[0] if detail == -1 else inputs[0] ** detail
    if kind == "pow":
        return inputs[0] ** inputs[1]
    if kind == "relation":
        return _RELATIONS[detail](*inputs)
    if kind == "piecewise":
        return functions["piecewise"](*inputs)
    if detail not in functions:
        raise UnsupportedProblem(f"the function '{detail}' cannot be evaluated here")
    return functions[detail](*inputs)


def _piecewise_numpy(*branches: Array) -> Array:
    values, conditions = branches[0::2], branches[1::2]
    return np.select([np.broadcast_to(c, np.broadcast_shapes(*map(np.shape, branches))) for c in conditions], values, np.nan)


def _special(name: str, part: int | None = None) -> Callable[..., Array]:
    """A function of scipy.special, imported at the first call: most problems need none, and the import takes 0.3 s."""

    def call(*arguments: Array) -> Array:
        from scipy import special

        value = getattr(special, name)(*arguments)
        return value if part is None else value[part]

    return call


def _sech(x: Array) -> Array:
    """1/cosh(x) without overflow."""
    e = np.exp(-np.abs(x))
    return 2 * e / (1 + e * e)


def _csch(x: Array) -> Array:
    """1/sinh(x) without overflow."""
    e = np.abs(x)
    return np.sign(x) * 2 * np.exp(-e) / -np.expm1(-2 * e)


def _numpy_functions() -> dict[str, Callable[..., Array]]:
    table: dict[str, Callable[..., Array]] = {
        name: getattr(np, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "sign")
    }
    table |= {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "Abs": np.abs}
    table |= {"asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh}
    table |= {"sech": _sech, "csch": _csch, "coth": lambda x: 1 / np.tanh(x)}
    table |= {"sec": lambda x: 1 / np.cos(x), "csc": lambda x: 1 / np.sin(x), "cot": lambda x: 1 / np.tan(x)}
    table |= {name: _special(name) for name in ("erf", "erfc", "gamma")}
    table |= {"besselj": _special("jv"), "bessely": _special("yv"), "besseli": _special("iv"), "besselk": _special("kv")}
    table |= {"airyai": _special("airy", 0), "airyaiprime": _special("airy", 1), "floor": np.floor}
    table |= {"Max": lambda *a: reduce(np.maximum, a), "Min": lambda *a: reduce(np.minimum, a), "Heaviside": np.heaviside}
    table |= {"And": lambda *a: reduce(np.logical_and, a), "Or": lambda *a: reduce(np.logical_or, a), "Not": np.logical_not}
    table |= {"piecewise": _piecewise_numpy, "conjugate": np.conjugate, "re": np.real, "im": np.imag}
    return table


NUMPY: Mapping[str, Callable[..., Array]] = _numpy_functions()
"""The functions of the problem language on numpy arrays."""

FORMULAS: Mapping[str, Callable[..., Any]] = {
    **NUMPY,
    **{name: _special(name) for name in ("erfinv", "erfcinv", "erfi", "zeta", "digamma")},
    "acoth": lambda x: np.arctanh(1 / x),
    "asech": lambda x: np.arccosh(1 / x),
    "acsch": lambda x: np.arcsinh(1 / x),
    "acot": lambda x: np.arctan(1 / x),
    "Ei": _special("expi"),
    "expint": _special("expn"),
    "Si": _special("sici", 0),
    "Ci": _special("sici", 1),
    "fresnels": _special("fresnel", 0),
    "fresnelc": _special("fresnel", 1),
    "airybi": _special("airy", 2),
    "airybiprime": _special("airy", 3),
    "LambertW": lambda x, k=0: np.real(_special("lambertw")(x, k)),
    "legendre": _special("eval_legendre"),
    "hermite": _special("eval_hermite"),
    "laguerre": _special("eval_laguerre"),
    "chebyshevt": _special("eval_chebyt"),
    "loggamma": _special("gammaln"),
}
"""What formulas may be made of, beyond the language of problems."""
