"""Positive twins of symbols that have one sign throughout: sqrt(alpha^2) = alpha."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from kanpde.symbolic.proof.claims import Claim


def twins(letters: Mapping[sp.Symbol, sp.Expr], claim: Claim) -> dict[sp.Symbol, sp.Expr]:
    """What to put for letters, coordinates and angles that have one sign: a positive twin, or minus one.

    A proof over the twins is one for every positive value. An end at zero is a limit.
    """
    found: dict[sp.Symbol, sp.Expr] = {}
    values = dict(letters)
    ends = {s: (value, value) for s, value in letters.items()}
    ends |= {s: (low.xreplace(values), high.xreplace(values)) for s, (low, high) in claim.ranges.items()}
    for s, (low, high) in ends.items():
        twin = sp.Symbol(str(s), positive=True)
        if low.is_zero and high.is_zero:
            continue
        if low.is_nonnegative and high.is_nonnegative:
            found[s] = twin
        elif low.is_nonpositive and high.is_nonpositive:
            found[s] = -twin
    return found
