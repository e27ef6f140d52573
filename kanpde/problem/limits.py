"""Bounds on what an expression may become, so that a hostile file is refused in milliseconds and not computed for hours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import sympy as sp

from kanpde.problem.functions import GROWING

MAX_BITS = 4000
"""Size of an exact number; 1e300, the largest number that float64 can work with, has 1000."""

MAX_EXPONENT = 100
"""Largest exponent of an expression with names: higher powers are unheard of, and sympy would expand them."""

MAX_SIZE = 20_000
"""Nodes of one expression with all abbreviations expanded."""

MAX_DIFFERENTIATED = 2000
"""Nodes of the longest expression that is differentiated: each derivative takes sympy about 0.1 ms a node and lengthens it."""

MAX_VALUE = 1e300
"""Largest number: float64 ends at 1.8e308, and there must be room to multiply."""

MAX_ORDER = 8
"""Highest order of a partial derivative; twice what is solved."""


def bits(value: sp.Expr) -> int:
    """How long an exact rational number is; 1 for anything else."""
    return max(abs(int(value.p)).bit_length(), int(value.q).bit_length()) if isinstance(value, sp.Rational) else 1


def size(expression: sp.Basic, known: dict[sp.Basic, int] | None = None) -> int:
    """The nodes of an expression as a tree; shared parts are counted once to compute it, but as often as they stand."""
    known = {} if known is None else known
    if expression not in known:
        known[expression] = 1 + sum(size(argument, known) for argument in expression.args)
    return known[expression]


def check(value: sp.Expr, real: bool) -> str | None:
    """What is wrong with an expression, or None."""
    if value.is_Atom:
        if real and value is sp.I:
            return "this is not a real number"
        return None if value.is_finite is not False and value is not sp.nan else "this is infinite or undefined"
    if value.has(sp.zoo, sp.nan, sp.oo):
        return "this is infinite or undefined"
    if value.is_number and isinstance(value, sp.Rational):
        return "the number is too large" if bits(value) > MAX_BITS else None
    if not value.free_symbols and not value.has(sp.Function("integral")):
        if real and value.is_real is False:
            return "this is not a real number"
        if value.is_real and not abs(float(sp.N(value, 15))) < MAX_VALUE:
            return "the number is too large"
    if size(value) > MAX_SIZE:
        return "the expression is too long once its abbreviations are written out"
    return None


def check_power(base: sp.Expr, exponent: sp.Expr) -> str | None:
    """Whether a power can be formed at all. Nothing is computed here but logarithms."""
    if exponent.is_number and exponent.is_real:
        magnitude = abs(float(sp.N(exponent, 15)))
        if isinstance(base, sp.Rational):
            if magnitude * max(bits(base) - 1, bits(base) > 1) > MAX_BITS:
                return "the number is too large"
        elif base.is_number:
            height = abs(complex(sp.N(base, 15)))
            if (height and magnitude * abs(math.log2(height)) > MAX_BITS) or magnitude > MAX_BITS:
                return "the number is too large"
        elif magnitude > MAX_EXPONENT:
            return f"the exponent is too large: at most {MAX_EXPONENT}"
    return None


def check_call(name: str, arguments: Sequence[sp.Expr]) -> str | None:
    """Whether a function of numbers can be formed: exp(exp(exp(9))) cannot."""
    for value in arguments:
        if name in GROWING and not value.free_symbols and value.is_real and abs(float(sp.N(value, 15))) > 170:
            if (name == "exp" and value.is_negative and float(sp.N(value, 15)) > -690) or (
                name == "exp" and float(sp.N(value, 15)) < 690
            ):
                continue
            return "the number is too large"
    return None
