"""Conjugates, absolute values, real and imaginary parts of complex formulas, written out so that they can be reduced.

A function that is real on the real axis obeys conj f(z) = f(conj z); so the conjugate of a formula in real symbols is the formula
with -i for i, as long as no branch of a root or logarithm is crossed. What is not certain stays as it is written.
"""

from __future__ import annotations

import sympy as sp

ENTIRE = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.erf, sp.erfc, sp.airyai, sp.airybi)
MEROMORPHIC = (sp.tan, sp.cot, sp.sec, sp.csc, sp.tanh, sp.coth, sp.sech, sp.csch)


def conjugated(e: sp.Expr) -> sp.Expr:
    """The conjugate, carried inwards as far as that is certain."""
    if e.is_extended_real:
        return e
    if e == sp.I:
        return -sp.I
    if isinstance(e, sp.Add | sp.Mul):
        return e.func(*(conjugated(a) for a in e.args))
    if isinstance(e, sp.conjugate):
        return e.args[0]
    if isinstance(e, ENTIRE + MEROMORPHIC):
        return e.func(*(conjugated(a) for a in e.args))
    if isinstance(e, sp.Pow):
        base, exponent = e.args
        if exponent.is_integer or base.is_positive:
            return conjugated(base) ** conjugated(exponent)
    return sp.conjugate(e)


def written_out(e: sp.Expr) -> sp.Expr:
    """The expression with conjugates carried inwards, |f|^2 = f conj f, re f = (f + conj f)/2, im f = (f - conj f)/(2i)."""
    return _written_out(e, {})


def _written_out(e: sp.Expr, known: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    if not e.args:
        return e
    if e not in known:
        known[e] = _rewritten(e, known)
    return known[e]


def _rewritten(e: sp.Expr, known: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    if isinstance(e, sp.Pow) and isinstance(e.base, sp.Abs) and e.exp.is_integer and e.exp.is_even:
        inner = _written_out(e.base.args[0], known)
        return (inner * conjugated(inner)) ** (e.exp / 2)
    arguments = [_written_out(a, known) if isinstance(a, sp.Expr) else a for a in e.args]
    if isinstance(e, sp.conjugate):
        return conjugated(arguments[0])
    if isinstance(e, sp.Abs) and not arguments[0].is_extended_real:
        return sp.sqrt(arguments[0] * conjugated(arguments[0]))
    if isinstance(e, sp.re):
        return (arguments[0] + conjugated(arguments[0])) / 2
    if isinstance(e, sp.im):
        return (arguments[0] - conjugated(arguments[0])) / (2 * sp.I)
    return e.func(*arguments) if any(a is not b for a, b in zip(arguments, e.args, strict=True)) else e
