"""The form of a formula that a textbook prints: among equal expressions, the one that is shortest to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from sympy.simplify.fu import TR8

from kanpde.symbolic.reduce import Point, vanishes


def _waves(e: sp.Expr) -> sp.Expr:
    """Products of sines and cosines as sums: sin x cos ct - cos x sin ct = sin(x - ct)."""
    return sp.expand(TR8(sp.expand(e)))


def _hyperbolic(e: sp.Expr) -> sp.Expr:
    """Pairs of exponentials as cosh and sinh."""
    return sp.simplify(sp.expand(e).rewrite(sp.cosh))


FORMS: Sequence[Callable[[sp.Expr], sp.Expr]] = (sp.factor_terms, sp.factor, _waves, _hyperbolic, sp.simplify)


SHORTER = 0.75
"""A rewriting must be clearly shorter: log a + log b is not improved by log(ab)."""


def length(e: sp.Expr) -> float:
    """How long an expression is to read: its operations, functions counting half more than signs and powers."""
    return float(sp.count_ops(e)) + 0.5 * len(e.atoms(sp.Function))


def forms(e: sp.Expr, points: Sequence[Point]) -> list[sp.Expr]:
    """The ways to write an expression, shortest first; its own form wins a tie. Each is compared at the points in 45 digits."""
    ways = [e]
    for form in FORMS:
        written = form(e)
        if written not in ways and length(written) <= SHORTER * length(e) and vanishes(written - e, points):
            ways.append(written)
    return sorted(ways, key=length)
