"""Is this expression zero? Proved by exact rewriting, refuted by numbers, or left open; never by sympy's open-ended simplify.

simplify may run for minutes. What is needed here is short: expand, write trigonometric and hyperbolic functions as exponentials,
bring to one denominator, expand again. That decides every identity between polynomials, exponentials and sines of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.limits import size

LONGEST = 4000
"""Nodes of the longest expression that is rewritten; beyond, only numbers are compared."""

POINTS = 12
DIGITS = 40
"""Digits of the second look at random points, when float64 finds nothing: 1 + 1e-12 is not 1."""

ROUND_OFF = 1e-9
"""Relative size below which float64 leaves the question open: thousands of operations of relative error 1e-16 each."""


class Verdict(Enum):
    """What is known about an expression."""

    ZERO = "zero"
    NOT_ZERO = "not zero"
    OPEN = "zero at random points, not proved"


def decide(
    expression: sp.Expr,
    ranges: Mapping[sp.Symbol, tuple[float, float]],
    constants: Mapping[sp.Symbol, sp.Expr],
) -> tuple[Verdict, dict[sp.Symbol, float]]:
    """The verdict, and, where it is not zero, a point that shows it.

    ``ranges`` bounds the free variables; ``constants`` has the values of the letters, tried only if the letters are not enough.
    """
    if expression.is_zero:
        return Verdict.ZERO, {}
    numeric = expression.xreplace(dict(constants))
    witness = _witness(numeric, ranges)
    if witness is not None:
        return Verdict.NOT_ZERO, witness
    if size(expression) <= LONGEST:
        for attempt in (expression, numeric) if numeric != expression else (expression,):
            if any(step.is_zero for step in rewritten(attempt)):
                return Verdict.ZERO, {}
    witness = _witness_in_many_digits(numeric, ranges)
    return (Verdict.OPEN, {}) if witness is None else (Verdict.NOT_ZERO, witness)


def rewritten(expression: sp.Expr) -> Iterator[sp.Expr]:
    """Equal expressions (up to a factor), each in a form in which more cancels than in the one before."""
    e = sp.expand(expression)
    yield e
    if e.has(sp.Piecewise, sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside):
        return
    if e.has(sp.atan, sp.acos, sp.asin):
        e = sp.expand(sp.expand_trig(e))
        yield e
        e = sp.expand(sp.fraction(sp.together(e))[0])
        yield e
    if e.has(sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch):
        e = sp.expand(e.rewrite(sp.exp), power_exp=False)
        yield e
    if any(p.exp.could_extract_minus_sign() for p in e.atoms(sp.Pow)):
        e = sp.expand(sp.fraction(sp.together(e))[0], power_exp=False)
        yield e
    yield sp.expand(sp.powsimp(e), power_exp=False)


def _terms(expression: sp.Expr) -> Sequence[sp.Expr]:
    return sp.Add.make_args(expression)


def _witness(expression: sp.Expr, ranges: Mapping[sp.Symbol, tuple[float, float]]) -> dict[sp.Symbol, float] | None:
    """A random point where the value is far larger than its terms' round-off, in float64; None if there is none."""
    symbols = sorted(expression.free_symbols, key=str)
    if not set(symbols) <= set(ranges):
        return None
    generator = np.random.default_rng(1)
    low, high = (np.array([ranges[s][side] for s in symbols]).reshape(-1, 1) for side in (0, 1))
    points = low + (high - low) * generator.random((len(symbols), POINTS))
    terms = _terms(expression)
    try:
        with np.errstate(all="ignore"):
            values = Program([expression, *terms], symbols)(NUMPY, list(points))
    except (UnsupportedProblem, TypeError, OverflowError):
        return None
    total, *parts = (np.broadcast_to(np.asarray(v, float), (POINTS,)) for v in values)
    scale = np.sum(np.abs(parts), axis=0)
    wrong = np.isfinite(total) & np.isfinite(scale) & (np.abs(total) > ROUND_OFF * np.maximum(scale, 1e-290))
    if not wrong.any():
        return None
    at = int(np.argmax(np.where(wrong, np.abs(total), -1)))
    return {s: float(points[i, at]) for i, s in enumerate(symbols)}


def _witness_in_many_digits(
    expression: sp.Expr, ranges: Mapping[sp.Symbol, tuple[float, float]]
) -> dict[sp.Symbol, float] | None:
    """The same with ``DIGITS`` digits at three points."""
    symbols = sorted(expression.free_symbols, key=str)
    if not set(symbols) <= set(ranges) or size(expression) > LONGEST:
        return None
    generator = np.random.default_rng(2)
    for _ in range(3):
        point = {s: sp.Rational(round(1000 * generator.uniform(*ranges[s])), 1000) for s in symbols}
        try:
            total = sp.N(expression.xreplace(point), DIGITS)
            scale = sum(abs(sp.N(term.xreplace(point), DIGITS)) for term in _terms(expression))
        except (ValueError, TypeError, ZeroDivisionError, OverflowError):
            continue
        if total.is_number and total.is_finite and abs(total) > sp.Float(10) ** (8 - DIGITS) * max(scale, sp.Float(1e-290)):
            return {s: float(value) for s, value in point.items()}
    return None
