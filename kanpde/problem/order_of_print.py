"""The order in which people write terms and factors: x - c*t, 1 - exp(-t)*cos(x), cos(x)*sin(y).

A printer of sympy sorts for uniqueness and prints -c*t + x and sin(y)*cos(x). Both orders here are total and depend on nothing
but the expression, so that what is written once is written the same again.
"""

from __future__ import annotations

import sympy as sp

LAST = "t"
"""The symbol that stands last in a sum of single symbols: time."""


def terms(e: sp.Expr) -> list[sp.Expr]:
    """The terms of a sum in reading order; it begins with a positive one if there is any."""
    found: list[sp.Expr] = list(e.as_ordered_terms() if len(e.args) < 1000 else e.args)
    if all(_multilinear(term) for term in found):
        found.sort(key=lambda term: (sp.Symbol(LAST, real=True) in term.free_symbols, len(term.free_symbols)))
    positive = [term for term in found if not negative(term)]
    if not positive or not negative(found[0]):
        return found
    if not negative(found[-1]):
        return found[::-1]
    return [positive[0], *(term for term in found if term is not positive[0])]


def negative(term: sp.Expr) -> bool:
    """Whether a term is written with a minus sign."""
    coefficient = term.as_coeff_Mul()[0]
    return bool(coefficient.is_extended_negative)


def factors(e: sp.Expr) -> list[sp.Expr]:
    """The factors of a product: numbers, the index of a series, symbols, roots and powers, sums, exponentials, functions."""
    known = sp.Mul.make_args(e)
    return sorted(known, key=_rank)


def simple(factor: sp.Expr) -> bool:
    """Whether a factor is made of numbers and symbols without any function or sum."""
    return not factor.has(sp.Function, sp.Add, sp.exp, sp.Sum, sp.Piecewise)


def _multilinear(term: sp.Expr) -> bool:
    rest = term.as_coeff_Mul()[1]
    return rest != 1 and all(factor.is_Symbol for factor in sp.Mul.make_args(rest))


def _rank(factor: sp.Expr) -> tuple[int, str, str]:
    base = factor.as_base_exp()[0] if not isinstance(factor, sp.exp) else factor
    if factor.is_Number:
        return 0, "", ""
    if not factor.free_symbols:
        return 1, "", str(factor)
    if base.free_symbols and all(s.is_integer for s in base.free_symbols) and not base.has(sp.Function):
        return 2, "", str(factor)  # the index of a series
    if base.is_Symbol:
        return 3, str(base), str(factor)
    if isinstance(factor, sp.exp) or (factor.is_Pow and factor.exp.free_symbols):
        return 6, "", str(factor)
    if isinstance(base, sp.Function | sp.Sum | sp.Piecewise):
        return 7, str(sorted(map(str, base.free_symbols))), str(factor)
    return 4 if simple(factor) else 5, "", str(factor)
