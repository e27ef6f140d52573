"""Intervals that certainly contain the values of an expression on a box: interval arithmetic, for what has no exact roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from mpmath import iv

DIGITS = 30

Interval = Any
"""An interval of mpmath."""


class NoEnclosure(Exception):
    """The expression has a function that interval arithmetic does not know, or a pole."""


_FUNCTIONS: Mapping[Any, Callable[[Interval], Interval]] = {
    sp.exp: lambda a: iv.exp(a),
    sp.log: lambda a: iv.log(_positive(a)),
    sp.sin: lambda a: iv.sin(a),
    sp.cos: lambda a: iv.cos(a),
    sp.sinh: lambda a: (iv.exp(a) - iv.exp(-a)) / 2,
    sp.cosh: lambda a: (iv.exp(a) + iv.exp(-a)) / 2,
    sp.tanh: lambda a: 1 - 2 / (iv.exp(2 * a) + 1),
}


def enclosure(e: sp.Expr, box: Mapping[sp.Symbol, Interval]) -> Interval:
    """An interval that contains every value of ``e`` where the symbols lie in the intervals of ``box``."""
    iv.dps = DIGITS
    try:
        return _enclosed(e, box)
    except (ZeroDivisionError, ValueError, OverflowError, NotImplementedError) as error:
        raise NoEnclosure(str(error)) from None


def interval(low: sp.Expr, high: sp.Expr) -> Interval:
    """From one exact number to another."""
    ends = enclosure(low, {}), enclosure(high, {})
    return iv.mpf([ends[0].a, ends[1].b])


def _enclosed(e: sp.Expr, box: Mapping[sp.Symbol, Interval]) -> Interval:
    if e in box:
        return box[e]
    if isinstance(e, sp.Rational):
        return iv.mpf(e.p) / iv.mpf(e.q)
    if e is sp.pi:
        return iv.pi
    if e is sp.E:
        return iv.e
    arguments = [_enclosed(a, box) for a in e.args]
    if isinstance(e, sp.Add):
        return sum(arguments[1:], arguments[0])
    if isinstance(e, sp.Mul):
        product = arguments[0]
        for a in arguments[1:]:
            product = product * a
        return product
    if isinstance(e, sp.Pow):
        base, power = arguments
        if isinstance(e.exp, sp.Integer):
            n = int(e.exp)
            if n < 0 and 0 in base:
                raise NoEnclosure("a pole")
            return base**n
        return iv.exp(power * iv.log(_positive(base)))
    if e.func in _FUNCTIONS:
        return _FUNCTIONS[e.func](arguments[0])
    raise NoEnclosure(f"{e.func} has no interval arithmetic here")


def _positive(a: Interval) -> Interval:
    if not a.a > 0:
        raise NoEnclosure("a logarithm or root of what may be negative")
    return a
