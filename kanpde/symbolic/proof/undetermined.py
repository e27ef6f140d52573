"""Undetermined coefficients: constants that no table has, solved from what the problem states.

With the form put in, a claim is a polynomial in functions of the coordinates; each of its coefficients is zero, and these are
polynomials in the unknown constants. They are factored, the factor that vanishes at the known digits is kept, and unknowns are
eliminated one by one: lambda = (Re - sqrt(Re^2 + 16 pi^2))/2 is a root of lambda^2 - Re lambda - 4 pi^2. Runs in the worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import mpmath as mp
import sympy as sp

from kanpde.symbolic.constants.multiprecision import Precise
from kanpde.symbolic.proof.claims import Claim
from kanpde.symbolic.proof.generators import Unsupported
from kanpde.symbolic.proof.normal_form import numerator
from kanpde.symbolic.proof.twins import twins

DIGITS = 50
AGREES = mp.mpf("1e-28")
"""Relative size of what vanishes, with numbers of forty digits put in."""
MOST = 4
HIGHEST_DEGREE = 4
LONGEST = 400
"""Terms of a polynomial that is worth factoring."""

Numbers = Mapping[sp.Basic, Any]


def undetermined(
    claims: Sequence[Claim], unknowns: Mapping[sp.Symbol, Any], letters: Mapping[sp.Symbol, sp.Expr]
) -> dict[sp.Symbol, sp.Expr] | None:
    """Exact values of the unknown constants, in letters and numbers; None if the claims do not give them.

    ``unknowns`` has the numbers to forty digits, at the values of ``letters``.
    """
    if not 0 < len(unknowns) <= MOST:
        return None
    with mp.workdps(DIGITS):
        given: dict[sp.Basic, Any] = {s: mp.mpmathify(v) for s, v in unknowns.items()}
        given |= {s: mp.mpmathify(sp.N(v, DIGITS)) for s, v in letters.items()}
        solved: dict[sp.Symbol, sp.Expr] = {}
        stated = sorted((c for c in claims if not c.sign), key=lambda c: sp.count_ops(c.expression))
        while left := set(unknowns) - set(solved):  # rates first, so that their exponentials are numbers for the coefficients
            system: list[sp.Expr] = []
            for claim in stated:
                if claim.expression.has(*left):
                    system += _coefficients(claim.with_values(solved), left, letters, given)
            found = _solved(list(dict.fromkeys(system)), left, given)
            if not found:
                return None
            solved = {s: e.xreplace(found) for s, e in solved.items()} | found
        result = {s: _shortest(e) for s, e in solved.items()}
        for s, e in result.items():
            value = _value(e, given)
            if value is None or abs(value - given[s]) > AGREES * abs(given[s]):
                return None
        return result


def _coefficients(
    claim: Claim, unknowns: set[sp.Symbol], letters: Mapping[sp.Symbol, sp.Expr], given: Numbers
) -> Iterator[sp.Expr]:
    """The coefficients, of all functions of the coordinates in a claim, that contain unknowns."""
    put = twins(letters, claim)
    back = {twin if twin.is_Symbol else -twin: s if twin.is_Symbol else -s for s, twin in put.items()}
    try:
        found = numerator(claim.expression.xreplace(put))
    except Unsupported:
        return
    running = {(put.get(s, s) if put.get(s, s).is_Symbol else -put[s]) for s in claim.ranges}
    moving = [bool(e.free_symbols & running) for e in found.meaning]
    if any(e.free_symbols & unknowns and not e.is_Symbol for e, moves in zip(found.meaning, moving, strict=True) if not moves):
        return  # an exponential of an unknown: no polynomial
    groups: dict[tuple[int, ...], sp.Expr] = {}
    for monomial, coefficient in found.top.terms():
        key = tuple(power if moves else 0 for power, moves in zip(monomial, moving, strict=True))
        factors = [e**power for e, power, moves in zip(found.meaning, monomial, moving, strict=True) if not moves]
        value = found.top.ring.domain.to_sympy(coefficient) * sp.Mul(*factors)
        groups[key] = groups.get(key, sp.Integer(0)) + value.xreplace(back)
    for e in groups.values():
        if e.has(*unknowns) and (factor := _vanishing(e, unknowns, given)) is not None:
            yield factor


def _vanishing(e: sp.Expr, unknowns: set[sp.Symbol], given: Numbers) -> sp.Expr | None:
    """The factor that is zero at the numbers and contains an unknown."""
    if len(sp.Add.make_args(e)) > LONGEST:
        return None
    _, factors = sp.factor_list(e)
    for factor, _ in sorted(factors, key=lambda pair: sp.count_ops(pair[0])):
        if factor.has(*unknowns) and _is_zero_at(factor, given):
            return sp.expand(factor)
    return None


def _is_zero_at(e: sp.Expr, given: Numbers) -> bool:
    terms = [_value(term, given) for term in sp.Add.make_args(sp.expand(e))]
    if any(t is None for t in terms):
        return False
    return bool(abs(mp.fsum(terms)) <= AGREES * max(abs(t) for t in terms))


def _value(e: sp.Expr, given: Numbers) -> Any:
    """The number that an expression is; None if it has none."""
    symbols = sorted(e.free_symbols, key=str)
    if not set(symbols) <= set(given):
        return None
    try:
        return mp.mpmathify(Precise([e], symbols)([given[s] for s in symbols])[0])
    except (ArithmeticError, ValueError, TypeError):
        return None


def _solved(system: list[sp.Expr], unknowns: set[sp.Symbol], given: Numbers) -> dict[sp.Symbol, sp.Expr]:
    """Unknowns one by one: first polynomials in one unknown, then linear ones, then resultants of two. Those that come out."""
    solved: dict[sp.Symbol, sp.Expr] = {}
    while left := unknowns - set(solved):
        step = next(_steps(system, left, given), None)
        if step is None:
            break
        s, value = step
        solved = {u: e.xreplace({s: value}) for u, e in solved.items()} | {s: value}
        rest = []
        for e in system:
            if e.has(s):
                top = sp.numer(sp.together(e.xreplace({s: value})))
                factor = _vanishing(sp.expand(top), left - {s}, given) if top.has(*(left - {s})) else None
                rest += [factor] if factor is not None else []
            else:
                rest.append(e)
        system = list(dict.fromkeys(rest))
    return {s: e for s, e in solved.items() if not e.has(*(unknowns - set(solved)))} if unknowns - set(solved) else solved


def _steps(system: Sequence[sp.Expr], left: set[sp.Symbol], given: Numbers) -> Iterator[tuple[sp.Symbol, sp.Expr]]:
    ranked = sorted(system, key=lambda e: (len(e.free_symbols & left), sp.count_ops(e)))
    single = [(e, s) for e in ranked for s in e.free_symbols & left if len(e.free_symbols & left) == 1]
    for e, s in sorted(single, key=lambda pair: sp.degree(pair[0], pair[1])):
        if (value := _root(e, s, given)) is not None:
            yield s, value
    for e in ranked:
        for s in sorted(e.free_symbols & left, key=str):
            if len(e.free_symbols & left) > 1 and sp.degree(e, s) == 1:
                polynomial = sp.Poly(e, s)
                if not _is_zero_at(polynomial.LC(), given):
                    yield s, -polynomial.nth(0) / polynomial.LC()
    for one, other in combinations(ranked, 2):
        common = one.free_symbols & other.free_symbols & left
        if len((one.free_symbols | other.free_symbols) & left) == 2 and len(common) == 2:
            for s in sorted(common, key=str):
                (kept,) = common - {s}
                factor = _vanishing(sp.expand(sp.resultant(one, other, s)), {kept}, given)
                if factor is not None and (value := _root(factor, kept, given)) is not None:
                    yield kept, value


def _root(e: sp.Expr, s: sp.Symbol, given: Numbers) -> sp.Expr | None:
    """The root of a polynomial that is the known number."""
    polynomial = sp.Poly(e, s)
    if polynomial.degree() > HIGHEST_DEGREE:
        return None
    if polynomial.degree() == 2:
        a, b, c = (polynomial.nth(k) for k in (2, 1, 0))
        radical = sp.sqrt(sp.factor(b**2 - 4 * a * c))
        options = [(-b + sign * radical) / (2 * a) for sign in (1, -1)]
    else:
        options = list(sp.roots(polynomial))
    for option in options:
        value = _value(option, given)
        if value is not None and abs(value - given[s]) <= AGREES * abs(given[s]):
            return sp.cancel(option) if polynomial.degree() == 1 else option
    return None


def _shortest(e: sp.Expr) -> sp.Expr:
    """The shortest of some ways to write a constant."""
    ways = [e, sp.cancel(e), sp.factor_terms(e), sp.factor(e), sp.radsimp(e)]
    if sp.count_ops(e) < LONGEST // 4:
        ways.append(sp.simplify(e))
    return min(ways, key=sp.count_ops)
