"""Where a smooth expression is positive and where it is negative on a box: every sign that it has, never by samples.

Of one symbol: exact roots of polynomials (of cos and sin by the tangent of the half angle), else roots that interval arithmetic
isolates. Of several: a sign is left out only where it certainly does not occur. There may be too many, never too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product

import sympy as sp
from mpmath import iv

from kanpde.symbolic.proof.enclosures import Interval, NoEnclosure, enclosure, interval

Ranges = Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]
Affine = tuple[dict[sp.Symbol, sp.Expr], sp.Expr]
"""Coefficients and constant of an expression that is positive."""

DEEPEST = 60
MOST_BOXES = 600
MOST_DEGREE = 24
NARROW = sp.Rational(1, 10**24)
"""Of a bracket around a root that has no formula, relative to the range."""


class Undecided(Exception):
    """The signs could not be found exactly."""


def sign_of(e: sp.Expr) -> int:
    """The sign of an exact number."""
    if e.is_Rational:
        return int(bool(e > 0)) - int(bool(e < 0))
    if e.is_zero or sp.expand(e) == 0:
        return 0
    value = e.evalf(50)
    if value.is_Float and abs(value) > sp.Float("1e-40"):
        return 1 if value > 0 else -1
    raise Undecided(f"the sign of {e} is not known")


def exact(e: sp.Expr) -> sp.Expr:
    """The same with every floating point number as the fraction that it is."""
    return e.xreplace({f: sp.Rational(f) for f in e.atoms(sp.Float)})


def rational_form(e: sp.Expr, symbols: Sequence[sp.Symbol]) -> tuple[sp.Poly, sp.Poly, dict[sp.Symbol, sp.Symbol]] | None:
    """Numerator and denominator as polynomials of the symbols; an angle is replaced by the tangent of its half. Or None."""
    halves: dict[sp.Symbol, sp.Symbol] = {}
    names = []
    for s in symbols:
        waves = [w for w in e.atoms(sp.sin, sp.cos) if w.has(s)]
        if not waves or any(w.args[0] != s for w in waves):
            names.append(s)
            continue
        w = halves[s] = sp.Dummy(f"tan half {s}", real=True)
        names.append(w)
        e = e.xreplace({sp.cos(s): (1 - w**2) / (1 + w**2), sp.sin(s): 2 * w / (1 + w**2)})
        if e.has(s):
            return None
    if not names or (e.has(sp.sin, sp.cos) and any(a.free_symbols & set(names) for a in e.atoms(sp.sin, sp.cos))):
        return None
    numerator, denominator = sp.fraction(sp.together(e))
    try:
        found = sp.Poly(numerator, *names), sp.Poly(denominator, *names)
    except sp.PolynomialError:
        return None
    return (*found, halves) if not any(p.free_symbols_in_domain for p in found) else None


def vanishes(e: sp.Expr) -> bool:
    """Whether an expression is zero for all values of its symbols, as far as polynomials of them, of cos and of sin tell."""
    symbols = sorted(e.free_symbols, key=str)
    if e == 0 or sp.expand(e) == 0:
        return True
    form = rational_form(e, symbols) if symbols else None
    return form is not None and form[0].is_zero


def roots(e: sp.Expr, s: sp.Symbol) -> list[sp.Expr] | None:
    """Every real place where an expression of one symbol may change its sign, in order; None where there is no exact list.

    Angles: those between 0 and 2 pi.
    """
    form = rational_form(e, [s])
    if form is None:
        return None
    found: set[sp.Expr] = set()
    for p in form[:2]:
        own = _polynomial_roots(p)
        if own is None:
            return None
        found |= set(own)
    if form[2]:
        angles = {2 * sp.atan(w) for w in found}
        found = {a if sign_of(a) >= 0 else a + 2 * sp.pi for a in angles} | {sp.pi}
    return sorted(found, key=lambda r: r.evalf(40))


def _polynomial_roots(p: sp.Poly) -> list[sp.Expr] | None:
    if p.is_ground:
        return []
    coefficients = p.all_coeffs()
    while coefficients and sp.expand(coefficients[0]) == 0:
        coefficients = coefficients[1:]
    if len(coefficients) == 2:
        return [-coefficients[1] / coefficients[0]]
    if len(coefficients) == 3:
        a, b, c = coefficients
        inner = sp.expand(b**2 - 4 * a * c)
        if sign_of(inner) < 0:
            return []
        return [sp.expand((-b + k * sp.sqrt(inner)) / (2 * a)) for k in (-1, 1)]
    if not all(c.is_Rational for c in coefficients) or len(coefficients) > MOST_DEGREE:
        return None
    return list(dict.fromkeys(sp.Poly(coefficients, p.gens[0], domain="QQ").real_roots()))


def signs(
    e: sp.Expr, ranges: Ranges, others: Sequence[sp.Expr] = ()
) -> list[tuple[int, dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]]]:
    """The signs of ``e`` on an open box of exact ranges, each with the part of it outside of which it has the other sign.

    Parts without inside are left out. ``others`` are affine expressions that are positive there. Raises Undecided.
    """
    symbols = sorted(e.free_symbols, key=str)
    if not symbols:
        sign = sign_of(e)
        return [(sign, {})] if sign else [(1, {}), (-1, {})]
    if len(symbols) == 1:
        (s,) = symbols
        return [(sign, {s: part}) for sign, part in _of_one(e, s, *ranges[s])]
    found = _affine(e, symbols)
    if found is not None:
        known = [c for other in others if (c := _affine(other, sorted(other.free_symbols, key=str))) is not None]
        known += [c for s, (low, high) in ranges.items() for c in (({s: sp.Integer(1)}, -low), ({s: sp.Integer(-1)}, high))]
        minus: Affine = ({s: -c for s, c in found[0].items()}, -found[1])
        return [(sign, {}) for sign, own in ((1, found), (-1, minus)) if _feasible([own, *known])]
    fixed = _fixed(e, {s: ranges[s] for s in symbols})
    return [(fixed, {})] if fixed else [(1, {}), (-1, {})]


def _affine(e: sp.Expr, symbols: Sequence[sp.Symbol]) -> Affine | None:
    try:
        p = sp.Poly(e, *symbols)
    except sp.PolynomialError:
        return None
    if p.total_degree() > 1 or p.free_symbols_in_domain:
        return None
    return {s: p.coeff_monomial(s) for s in symbols}, p.coeff_monomial(1)


def _feasible(constraints: Sequence[Affine]) -> bool:
    """Whether expressions can all be positive together: Fourier and Motzkin's elimination, one symbol after the other."""
    symbols = sorted(set().union(*(c[0] for c in constraints)), key=str)
    left = list(constraints)
    for s in symbols:
        sides: dict[int, list[Affine]] = {-1: [], 0: [], 1: []}
        for coefficients, constant in left:
            sides[sign_of(coefficients.get(s, sp.Integer(0)))].append((coefficients, constant))
        left = [({k: c for k, c in co.items() if k != s}, constant) for co, constant in sides[0]]
        for (up, a), (down, b) in product(sides[1], sides[-1]):
            p, q = -down[s], up[s]
            mixed = {k: sp.expand(p * up.get(k, 0) + q * down.get(k, 0)) for k in {*up, *down} - {s}}
            left.append((mixed, sp.expand(p * a + q * b)))
        if len(left) > MOST_BOXES:
            return True  # not known
    return all(sign_of(constant) > 0 for _, constant in left)


def _of_one(e: sp.Expr, s: sp.Symbol, low: sp.Expr, high: sp.Expr) -> list[tuple[int, tuple[sp.Expr, sp.Expr]]]:
    """The signs between the roots of an expression of one symbol, from left to right."""
    places = roots(e, s)
    if places is None:
        return _merged(list(_isolated(e, s, low, high)))
    ends = [low, *(r for r in places if sign_of(r - low) > 0 and sign_of(high - r) > 0), high]
    found = []
    for a, b in pairwise(ends):
        sign = sign_of(e.xreplace({s: _between(a, b)}))
        if not sign:
            raise Undecided(f"the sign of {e} between {a} and {b} is not known")
        found.append((sign, (a, b)))
    return _merged(found)


def _between(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """A fraction between two numbers, near the middle."""
    middle = ((a + b) / 2).evalf(60)
    width = (b - a).evalf(30)
    if not width > sp.Float("1e-30"):
        raise Undecided("two places at which something changes are too near to each other")
    return sp.Rational(sp.Float(middle, 60))


def _merged(found: Sequence[tuple[int, tuple[sp.Expr, sp.Expr]]]) -> list[tuple[int, tuple[sp.Expr, sp.Expr]]]:
    merged: list[tuple[int, tuple[sp.Expr, sp.Expr]]] = []
    for sign, (a, b) in found:
        if merged and merged[-1][0] == sign:
            merged[-1] = sign, (merged[-1][1][0], b)
        else:
            merged.append((sign, (a, b)))
    return merged


def _isolated(
    e: sp.Expr, s: sp.Symbol, low: sp.Expr, high: sp.Expr, depth: int = 0
) -> Iterator[tuple[int, tuple[sp.Expr, sp.Expr]]]:
    """Intervals that have one sign, from left to right; they overlap by the bracket of a root."""
    if depth > DEEPEST:
        raise Undecided(f"where {e} changes its sign is not known")
    sign = _sign_on(e, {s: (low, high)})
    if sign:
        yield sign, (low, high)
        return
    slope = _sign_on(sp.diff(e, s), {s: (low, high)})
    if slope:
        first, last = (sign_of(e.xreplace({s: end})) for end in (low, high))
        if first * last >= 0:
            yield first or last or slope, (low, high)
            return
        a, b = low, high
        while sign_of(b - a - NARROW * (high - low)) > 0:
            middle = sp.Rational(((a + b) / 2).evalf(40))
            at = sign_of(e.xreplace({s: middle}))
            a, b = (middle, b) if at == first else (a, middle)
        yield first, (low, b)
        yield last, (a, high)
        return
    middle = sp.Rational(((low + high) / 2).evalf(40))
    yield from _isolated(e, s, low, middle, depth + 1)
    yield from _isolated(e, s, middle, high, depth + 1)


def _sign_on(e: sp.Expr, ranges: Ranges) -> int:
    """The sign that interval arithmetic sees on a whole box, or 0."""
    try:
        found: Interval = enclosure(e, {s: interval(*pair) for s, pair in ranges.items()})
    except NoEnclosure:
        return 0
    return 1 if found.a > 0 else -1 if found.b < 0 else 0


def _fixed(e: sp.Expr, ranges: Ranges) -> int:
    """The one sign that an expression of several symbols has, proved by corners or by interval arithmetic; 0 if it is not."""
    symbols = list(ranges)
    form = rational_form(e, symbols)
    if form is not None and not form[2] and form[1].is_ground and all(d <= 1 for d in form[0].degree_list()):
        corners = {sign_of(e.xreplace(dict(zip(symbols, corner, strict=True)))) for corner in product(*ranges.values())}
        if not {1, -1} <= corners and corners != {0}:
            return max(corners) or min(corners)
        return 0
    try:
        boxes = [{s: interval(*pair) for s, pair in ranges.items()}]
        seen: set[int] = set()
        for count in range(MOST_BOXES):
            if not boxes:
                return seen.pop()
            box = boxes.pop()
            value = enclosure(e, box)
            if value.a > 0 or value.b < 0:
                seen.add(1 if value.a > 0 else -1)
                if len(seen) > 1:
                    return 0
                continue
            widest = symbols[count % len(symbols)]
            a, b, m = box[widest].a, box[widest].b, box[widest].mid
            boxes += [{**box, widest: iv.mpf([a, m])}, {**box, widest: iv.mpf([m, b])}]
    except NoEnclosure:
        pass
    return 0
