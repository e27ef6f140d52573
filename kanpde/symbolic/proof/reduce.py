"""Whether an expression is zero: tried at points in 60 digits, then proved by exact rewriting.

These functions call into sympy, which may hang; they run in the worker process, each call under a deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath as mp
import sympy as sp

from kanpde.symbolic.constants.multiprecision import Precise
from kanpde.symbolic.proof.generators import Unsupported
from kanpde.symbolic.proof.normal_form import is_zero

DIGITS = (60, 150)
NEGLIGIBLE = mp.mpf("1e-30")
"""A residual below this at every point, relative to its own terms, is zero as far as numbers can tell."""

SHORT = 400
"""Operations of an expression that is worth multiplying out as it is."""

Point = Mapping[sp.Symbol, sp.Expr]
Evaluator = Callable[[Point], list[Any] | None]


def vanishes(expression: sp.Expr, points: Sequence[Point]) -> bool:
    """Whether |expression| < 1e-30, and 1e-30 of its largest term, at every point.

    The second condition matters where all terms are tiny: exp(-9 pi^2 t) is below 1e-30 at t = 0.8 for any coefficient.
    """
    values = _evaluator(sp.Add.make_args(expression))
    return values is not None and all(_below(values, point) for point in points)


def _below(values: Evaluator, point: Point) -> bool:
    """Whether the terms cancel at a point. More digits are taken where a term is a difference itself.

    A product with a factor log(cos^2 + sin^2) has no other term to be measured by; it is zero if it shrinks with the digits.
    """
    totals = []
    for digits in DIGITS:
        with mp.workdps(digits):
            found = values(point)
            if found is None:
                return False
            total, size = abs(mp.fsum(found)), max((abs(v) for v in found), default=mp.mpf(0))
            if not mp.isfinite(total):
                return False
            if total == 0 or total < NEGLIGIBLE * min(1, size):
                return True
        totals.append(total)
    return bool(totals[0] < NEGLIGIBLE and totals[1] < NEGLIGIBLE * totals[0])


def has_sign(expression: sp.Expr, points: Sequence[Point], sign: int) -> bool:
    """Whether an expression is positive (sign = 1) or negative (-1) at every point."""
    values = _evaluator([expression])
    if values is None:
        return False
    with mp.workdps(DIGITS[0]):
        found = [values(point) for point in points]
    return all(v is not None and mp.im(v[0]) == 0 and bool(sign * mp.re(v[0]) > 0) for v in found)


def _evaluator(terms: Sequence[sp.Expr]) -> Evaluator | None:
    """Expressions as a function of a point, in mpmath at the digits of the moment; None where they have no value anywhere."""
    if any(term.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for term in terms):
        return None
    symbols = sorted(set().union(*(term.free_symbols for term in terms)), key=str)
    try:
        function = Precise(terms, symbols)
    except ValueError:
        return None

    def values(point: Point) -> list[Any] | None:
        if not all(s in point for s in symbols):
            return None
        try:
            arguments = [mp.mpmathify(sp.N(point[s], mp.mp.dps + 5)) for s in symbols]
            return [mp.mpmathify(v) for v in function(arguments)]
        except (ArithmeticError, ValueError, TypeError, mp.NoConvergence):
            return None

    return values


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
    """Whether the derivative is zero and so is one value: then a continuous expression is zero on the whole interval."""
    if not continuous(expression) or not quickly_zero(sp.diff(expression, by)):
        return False
    value = expression.xreplace({by: at})
    if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        return False
    return bool(value == 0 or quickly_zero(value) or sp.simplify(value) == 0)


SMOOTH = (
    *(sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.sech, sp.atan, sp.asinh),
    *(sp.erf, sp.erfc, sp.airyai, sp.airybi, sp.airyaiprime, sp.airybiprime),
)
"""Functions that are continuous on the whole line."""


def continuous(e: sp.Expr) -> bool:
    """Whether an expression is certainly continuous in real symbols; False where that cannot be seen.

    atan(tan t) has derivative 1 and jumps at pi/2: no pole and no branch point may lie inside.
    """
    if e.is_number or e.is_Symbol:
        return bool(e.is_finite or e.is_Symbol)
    if e.is_Add or e.is_Mul or isinstance(e, SMOOTH):
        return all(continuous(a) for a in e.args)
    if e.is_Pow:
        base, power = e.args
        whole = bool(power.is_Integer and power.is_nonnegative)
        return continuous(base) and continuous(power) and (whole or bool(base.is_positive))
    if isinstance(e, sp.log):
        return continuous(e.args[0]) and bool(e.args[0].is_positive)
    if isinstance(e, (sp.besselj, sp.besseli)):
        return bool(e.args[0].is_Integer) and continuous(e.args[1])
    return False


def integrated(expression: sp.Expr) -> sp.Expr | None:
    """The expression with its integrals carried out; None where one has no closed form."""
    result = expression.doit()
    return None if result.has(sp.Integral, sp.nan, sp.zoo, sp.oo, -sp.oo) else result
