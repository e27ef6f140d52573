"""Expressions evaluated in mpmath, at the digits of the moment: a list of steps, each shared part once, and no source."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import sympy as sp

Step = tuple[Callable[..., Any], tuple[int, ...]]

_NAMES = {"Abs": "fabs", "conjugate": "conj", "Ei": "ei", "Si": "si", "Ci": "ci", "LambertW": "lambertw", "Heaviside": ""}
_SPECIAL: dict[str, Callable[..., Any]] = {
    "airyaiprime": lambda z: mp.airyai(z, derivative=1),
    "airybiprime": lambda z: mp.airybi(z, derivative=1),
    "Max": max,
    "Min": min,
    "Heaviside": lambda x, half=0.5: mp.mpf(1) if x > 0 else mp.mpf(half if x == 0 else 0),
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
    "Equality": operator.eq,
    "Unequality": operator.ne,
    "And": lambda *a: all(a),
    "Or": lambda *a: any(a),
    "Not": operator.not_,
}


class Precise:
    """``Precise([x**2 + sin(x)], [x])([value])`` is a list of mpmath numbers, with as many digits as mpmath works with."""

    def __init__(self, expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> None:
        self._slots: dict[sp.Basic, int] = {s: k for k, s in enumerate(symbols)}
        self._count = len(symbols)
        self._steps: list[Step] = []
        self._outputs = [self._place(e) for e in expressions]

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        slots = list(values)
        for function, operands in self._steps:
            slots.append(function(*(slots[k] for k in operands)))
        return [slots[k] for k in self._outputs]

    def _place(self, e: sp.Basic) -> int:
        if e not in self._slots:
            function, arguments = _step(e)
            operands = tuple(self._place(a) for a in arguments)
            self._steps.append((function, operands))
            self._slots[e] = self._count + len(self._steps) - 1
        return self._slots[e]


def _step(e: sp.Basic) -> tuple[Callable[..., Any], Sequence[sp.Basic]]:
    """How a node is computed, and from what."""
    if isinstance(e, sp.Symbol):
        raise ValueError(f"no value is given for '{e}'")
    if e in (sp.true, sp.false):
        return (lambda: e == sp.true), ()
    if e == sp.I:
        return (lambda: mp.mpc(0, 1)), ()
    if isinstance(e, sp.Rational):
        return (lambda: mp.mpf(int(e.p)) / int(e.q)), ()
    if not e.args or isinstance(e, sp.Integral):
        return (lambda: mp.mpmathify(sp.N(e, mp.mp.dps + 5))), ()
    if isinstance(e, sp.Add):
        return (lambda *a: mp.fsum(a)), e.args
    if isinstance(e, sp.Mul):
        return (lambda *a: mp.fprod(a)), e.args
    if isinstance(e, sp.Pow):
        base, exponent = e.args
        if exponent.is_Integer:
            n = int(exponent)
            return (lambda b: b**n), (base,)
        return (mp.sqrt, (base,)) if exponent == sp.Rational(1, 2) else (mp.power, (base, exponent))
    if isinstance(e, sp.Piecewise):
        return _branch, [part for pair in e.args for part in pair.args]
    name = type(e).__name__
    function = _SPECIAL.get(name) or getattr(mp, _NAMES.get(name, name), None)
    if function is None:
        raise ValueError(f"the function '{name}' is not evaluated")
    return function, e.args


def _branch(*parts: Any) -> Any:
    return next((value for value, holds in zip(parts[0::2], parts[1::2], strict=True) if holds), mp.nan)
