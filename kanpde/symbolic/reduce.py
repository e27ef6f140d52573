"""Whether an expression is zero: tried at points in 45 digits, then proved by exact rewriting.

These functions call into sympy, which may hang; they run in the worker process, each call under a deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

from kanpde.symbolic.generators import Unsupported
from kanpde.symbolic.normal_form import is_zero

DIGITS = 45
NEGLIGIBLE = sp.Float("1e-30")
"""A residual below this at every point, relative to its own terms, is zero as far as numbers can tell."""

SHORT = 400
"""Operations of an expression that is worth multiplying out as it is."""

Point = Mapping[sp.Symbol, sp.Expr]


def vanishes(expression: sp.Expr, points: Sequence[Point]) -> bool:
    """Whether |expression| < 1e-30, and 1e-30 of its largest term, at every point.

    The second condition matters where all terms are tiny: exp(-9 pi^2 t) is below 1e-30 at t = 0.8 for any coefficient.
    """
    for point in points:
        value = _value(expression, point)
        sizes = [size for term in sp.Add.make_args(expression) if (size := _value(term, point)) is not None]
        if value is None or not sizes:
            return False
        if value != 0 and not value < NEGLIGIBLE * min(sp.Float(1), max(sizes)):
            return False
    return True


def has_sign(expression: sp.Expr, points: Sequence[Point], sign: int) -> bool:
    """Whether an expression is positive (sign = 1) or negative (-1) at every point."""
    values = [expression.xreplace(dict(point)).evalf(DIGITS) for point in points]
    return all(bool((sign * value).is_positive) for value in values)


def _value(expression: sp.Expr, point: Point) -> sp.Expr | None:
    """The absolute value at a point; None if it is no finite number. Exact cancellation to 100 digits counts as zero."""
    value = expression.evalf(DIGITS, subs=dict(point), maxn=100)
    if not value.is_number or not value.is_finite:
        return None
    size = sp.Abs(value).evalf(DIGITS)
    if size._prec == 1:  # evalf's mark for "no digit is known": every one of 100 digits cancelled
        return sp.Float(0)
    return size


def _multiplied_out(e: sp.Expr) -> bool:
    return bool(sp.count_ops(e) <= SHORT and sp.expand(e) == 0)


def _normal_form(e: sp.Expr) -> bool:
    try:
        return is_zero(e)
    except Unsupported:
        return False


def _logarithms(e: sp.Expr) -> bool:
    return bool(e.has(sp.log) and sp.simplify(sp.expand_log(e.rewrite(sp.exp))) == 0)


REWRITINGS: dict[str, Callable[[sp.Expr], bool]] = {
    "multiplied out": _multiplied_out,
    "as a polynomial in exponentials, roots and functions": _normal_form,
    "simplified": lambda e: bool(sp.simplify(e) == 0),
    "with the logarithms expanded": _logarithms,
}
"""Ways to show that an expression is zero, the cheap ones first."""

QUICK = ("multiplied out", "as a polynomial in exponentials, roots and functions")
"""Ways that take milliseconds on the solutions of textbooks."""


def rewrites_to_zero(expression: sp.Expr, way: str) -> bool:
    """Whether one way of rewriting gives exactly zero."""
    return REWRITINGS[way](expression)


def quickly_zero(expression: sp.Expr) -> str:
    """The way by which an expression is quickly seen to be zero; empty if it is not."""
    return next((way for way in QUICK if REWRITINGS[way](expression)), "")


def constant_and_zero(expression: sp.Expr, by: sp.Symbol, at: sp.Expr) -> bool:
    """Whether the derivative is zero and so is one value: then the expression is zero on the whole interval."""
    if not quickly_zero(sp.diff(expression, by)):
        return False
    value = expression.xreplace({by: at})
    if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        return False
    return bool(value == 0 or quickly_zero(value) or sp.simplify(value) == 0)


def integrated(expression: sp.Expr) -> sp.Expr | None:
    """The expression with its integrals carried out; None where one has no closed form."""
    result = expression.doit()
    return None if result.has(sp.Integral, sp.nan, sp.zoo, sp.oo, -sp.oo) else result
