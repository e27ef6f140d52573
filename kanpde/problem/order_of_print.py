"""The order in which people write terms and factors: x - c*t, 1 - exp(-t)*cos(x), cos(x)*sin(y).

A printer of sympy sorts for uniqueness and prints -c*t + x and sin(y)*cos(x). Both orders here are total and depend on nothing
but the expression, so that what is written once is written the same again.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.precedence import precedence

LAST = "t"
"""The symbol that stands last in a sum of single symbols: time."""
SPACE = ("x", "y", "z", "t")
"""Symbols that stand behind letters in a product: alpha*x*t."""


def terms(e: sp.Expr) -> list[sp.Expr]:
    """The terms of a sum in reading order; it begins with a positive one if there is any."""
    found = in_order(e)
    positive = [term for term in found if not negative(term)]
    if not positive or not negative(found[0]):
        return found
    if not negative(found[-1]):
        return found[::-1]
    return [positive[0], *(term for term in found if term is not positive[0])]


def in_order(e: sp.Expr) -> list[sp.Expr]:
    """The terms of a sum whatever their signs: space before time, numbers before functions, high powers before low ones."""
    found: list[sp.Expr] = list(e.as_ordered_terms() if len(e.args) < 1000 else e.args)
    time = sp.Symbol(LAST, real=True)
    if all(term.is_Rational for term in found):
        return sorted(found, reverse=True)  # 1 + 1/1000000
    if all(_multilinear(term) for term in found):
        found.sort(key=lambda term: (time in term.free_symbols, len(term.free_symbols)))
    elif all(term.is_number or term.has(sp.Function, sp.exp) for term in found):
        found.sort(key=lambda term: (not term.is_number, time in term.free_symbols))
    elif e.has(sp.log):
        found.sort(key=lambda term: time in term.free_symbols)  # log(x) + r t
    return found


def negative(term: sp.Expr) -> bool:
    """Whether a term is written with a minus sign."""
    coefficient = term.as_coeff_Mul()[0]
    return bool(coefficient.is_extended_negative)


def factors(e: sp.Expr) -> list[sp.Expr]:
    """The factors of a product: numbers, the index of a series, symbols, roots and powers, sums, exponentials, functions."""
    known = sp.Mul.make_args(e)
    return sorted(known, key=_rank)


def fraction(e: sp.Expr) -> tuple[bool, list[sp.Expr], list[sp.Expr]]:
    """Whether a product is negative, and the factors above and below its line."""
    minus, above, below = False, [], []
    for f in sp.Mul.make_args(e):
        if f.is_Rational:
            minus ^= bool(f.is_negative)
            above.append(sp.Integer(abs(f.p)))
            below.append(sp.Integer(f.q))
        elif f.is_Pow and not isinstance(f, sp.exp) and f.base is not sp.E and f.exp.is_Rational and f.exp.is_negative:
            below.append(f.base if f.exp == -1 else sp.Pow(f.base, -f.exp, evaluate=False))
        elif f.is_Number and f.is_negative:
            minus ^= True
            above.append(-f)
        else:
            above.append(f)
    return minus, sorted((f for f in above if f != 1), key=_rank), sorted((f for f in below if f != 1), key=_rank)


def product(printer: Any, e: sp.Expr) -> str:
    """A product as a line of text, printed by a printer for its factors: -2*x*exp(-t)/(3*c)."""
    minus, above, below = fraction(e)

    def joined(parts: list[sp.Expr], alone: bool) -> str:
        level = precedence(sp.Mul(sp.Symbol("a"), sp.Symbol("b")))
        if alone and len(parts) == 1:
            return str(printer.parenthesize(parts[0], level, strict=False)) if minus else str(printer._print(parts[0]))
        return "*".join(printer.parenthesize(part, level, strict=False) for part in parts)

    text = joined(above, alone=not below) or "1"
    if below:
        under = joined(below, alone=False)
        tight = len(below) == 1 and not (below[0].is_Mul or ("/" in under and under[-1] not in ")]"))
        text = f"{text}/{under}" if tight else f"{text}/({under})"
    return f"-{text}" if minus else text


def simple(factor: sp.Expr) -> bool:
    """Whether a factor is made of numbers and symbols without any function or sum."""
    return not factor.has(sp.Function, sp.Add, sp.exp, sp.Sum, sp.Piecewise)


def _multilinear(term: sp.Expr) -> bool:
    parts = [factor for factor in sp.Mul.make_args(term) if not factor.is_number]
    return bool(parts) and all(factor.is_Symbol for factor in parts)


def _rank(factor: sp.Expr) -> tuple[int, str, str]:
    base = factor.as_base_exp()[0] if not isinstance(factor, sp.exp) else factor
    if factor.is_Number:
        return 0, "", ""
    if not factor.free_symbols:
        return 1, "", str(factor)
    if base.free_symbols and all(s.is_integer for s in base.free_symbols) and not base.has(sp.Function):
        return 2, "", str(factor)  # the index of a series
    if base.is_Symbol and not factor.exp.free_symbols if factor.is_Pow else base.is_Symbol:
        return 3, _place(base), str(factor)
    if isinstance(factor, sp.exp) or (factor.is_Pow and factor.exp.free_symbols):
        return 6, "", str(factor)
    if isinstance(base, sp.Function | sp.Sum | sp.Piecewise):
        return 7, str(sorted(map(_place, base.free_symbols))), str(factor)
    return 4 if simple(factor) else 5, "", str(factor)


def _place(s: sp.Symbol) -> str:
    """Letters in the order of the alphabet, then coordinates, time last."""
    return f"~{SPACE.index(s.name)}" if s.name in SPACE else str(s.name)
