"""Whether an expression is zero: tried at points in 45 digits, then proved by exact rewriting.

These functions call into sympy, which may hang; they run in the worker process, each call under a deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

DIGITS = 45
NEGLIGIBLE = sp.Float("1e-30")
"""A residual below this at every point, relative to its own terms, is zero as far as numbers can tell."""

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


def _exponentials(expression: sp.Expr) -> sp.Expr:
    """The normal form in exponentials: over a common denominator, multiplied out, equal exponents together."""
    numerator = sp.numer(sp.together(expression.rewrite(sp.exp)))
    expanded = sp.expand(numerator, power_exp=True, power_base=False)
    return sp.powsimp(sp.expand(sp.powsimp(expanded, combine="exp")))


def _angles(expression: sp.Expr) -> sp.Expr:
    return _exponentials(sp.expand_trig(expression))


def _logarithms(expression: sp.Expr) -> sp.Expr:
    return sp.simplify(sp.expand_log(expression.rewrite(sp.exp)))


REWRITINGS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "multiplied out": sp.expand,
    "in exponential normal form": _exponentials,
    "with the angles expanded": _angles,
    "simplified": sp.simplify,
    "with the logarithms expanded": _logarithms,
}
"""Ways to show that an expression is zero, the cheap ones first."""


def rewrites_to_zero(expression: sp.Expr, way: str) -> bool:
    """Whether one way of rewriting gives exactly zero."""
    return bool(REWRITINGS[way](expression) == 0)


def constant_and_zero(expression: sp.Expr, by: sp.Symbol, at: sp.Expr) -> bool:
    """Whether the derivative is zero and so is one value: then the expression is zero on the whole interval."""
    return bool(sp.simplify(sp.diff(expression, by)) == 0 and sp.simplify(expression.xreplace({by: at})) == 0)
