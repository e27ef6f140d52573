"""The form of a formula that a textbook prints: among equal expressions, the one that is shortest to read.

Pairs of exponentials become cosh, sinh and tanh; sums in arguments are factored; 1 - erf is erfc; roots of one kind are joined.
Every rewriting is compared with the formula at points in 60 digits, and the proof is made again for what is chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import sympy as sp
from sympy.simplify.fu import TR8, TR9, TR10i

from kanpde.symbolic.proof.reduce import Point, vanishes

Rewriting = Callable[[sp.Expr], sp.Expr]

SECONDS = 2.0
"""No further rewriting is begun after so long; the process may be given four."""
ROUNDS, KEPT = 2, 4
"""Rewritings of rewritings, and how many of them are rewritten again."""
COORDINATES = ("x", "y", "z", "t", "r")
MIXED = 4.0
SHORT = 60
"""Operations up to which sympy's own simplification is tried."""


def hyperbolic(e: sp.Expr) -> sp.Expr:
    """A e^p + B e^q as 2 sqrt(AB) e^((p+q)/2) cosh((p-q)/2 + log(A/B)/2), with sinh for B = -A."""
    pairs = _replaced(e, _pair)
    return _quotients(sp.powsimp(pairs, combine="exp"))


def fronts(e: sp.Expr) -> sp.Expr:
    """1/(1 + e^z) = (1 - tanh(z/2))/2, multiplied out."""
    changed = _replaced(e, _front)
    return sp.expand(changed) if changed != e else e


def _pair(e: sp.Expr) -> sp.Expr:
    if not (e.is_Add and len(e.args) == 2):
        return e
    (a, p), (b, q) = (_exponential(term) for term in e.args)
    if p is None or q is None or p == q or _gaussian(p) or _gaussian(q):
        return e
    if (p - q).could_extract_minus_sign():
        a, p, b, q = b, q, a, p
    ratio = sp.cancel(a / b)
    half, middle = sp.expand((p - q) / 2), sp.exp(sp.expand((p + q) / 2))
    if ratio == 1:
        return 2 * a * middle * sp.cosh(half)
    if ratio == -1:
        return 2 * a * middle * sp.sinh(half)
    return e


def _gaussian(exponent: sp.Expr) -> bool:
    """Whether a coordinate stands squared in an exponent: sums of bells stay sums."""
    return any(p.exp == 2 and str(p.base) in COORDINATES for p in sp.expand(exponent).atoms(sp.Pow))


def squares(e: sp.Expr) -> sp.Expr:
    """1/(1 + cosh z) = sech^2(z/2)/2, and 1/cosh z = sech z."""

    def square(e: sp.Expr) -> sp.Expr:
        if e.is_Pow and e.exp.is_negative and e.base.is_Add and len(e.base.args) == 2:
            one, other = e.base.args
            if one == 1 and isinstance(other, sp.cosh):
                return sp.sech(_factored(other.args[0] / 2)) ** (-2 * e.exp) * sp.Integer(2) ** e.exp
        return e

    return _quotients(_replaced(e, square))


def _front(e: sp.Expr) -> sp.Expr:
    if not (e.is_Pow and e.exp == -1 and e.base.is_Add and len(e.base.args) == 2):
        return e
    (a, p), (b, q) = (_exponential(term) for term in e.base.args)
    if p is None or q is None or a != b:
        return e
    if p != 0:
        p, q = q, p
    return (1 - sp.tanh(q / 2)) / (2 * a) if p == 0 else e


def _exponential(term: sp.Expr) -> tuple[sp.Expr, sp.Expr | None]:
    """Factor and exponent of a term c e^p; for a number, p = 0. No exponent where the factor is no number or letter."""
    factors, exponents = [], []
    for f in sp.Mul.make_args(term):
        if isinstance(f, sp.exp):
            exponents.append(f.args[0])
        else:
            factors.append(f)
    factor = sp.Mul(*factors)
    if exponents or factor.is_number:
        return factor, sp.Add(*exponents)
    return factor, None


def _runs(e: sp.Expr) -> bool:
    """Whether a coordinate occurs: 1/cosh(k) in a coefficient stays."""
    return any(str(s) in COORDINATES for s in e.free_symbols)


def _quotients(e: sp.Expr) -> sp.Expr:
    """sinh/cosh as tanh, 1/cosh as sech."""

    def product(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Pow) and isinstance(e.base, sp.cosh) and e.exp.is_negative and _runs(e.base):
            return sp.sech(e.base.args[0]) ** -e.exp
        if not e.is_Mul:
            return e
        powers = e.as_powers_dict()
        for f in list(powers):
            if isinstance(f, sp.sinh):
                (z,) = f.args
                n = powers[f]
                below = [g for g in (sp.sech(z), sp.cosh(z)) if powers.get(g, 0) == (n if isinstance(g, sp.sech) else -n)]
                if n.is_positive and below:
                    return product(e / (f**n * below[0] ** powers[below[0]]) * sp.tanh(z) ** n)
        return e

    return _replaced(e, product)


def complements(e: sp.Expr) -> sp.Expr:
    """c - c erf(z) = c erfc(z)."""

    def pair(e: sp.Expr) -> sp.Expr:
        terms = list(sp.Add.make_args(e))
        for term in terms if e.is_Add else ():
            found = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.erf)]
            if len(found) == 1 and -term / found[0] in terms:
                rest = [other for other in terms if other not in (term, -term / found[0])]
                return sp.Add(*rest, -term / found[0] * sp.erfc(found[0].args[0]))
        return e

    return _replaced(e, pair)


def arguments(e: sp.Expr) -> sp.Expr:
    """The arguments of functions and the bases of powers, each in the shorter of a sum or a product: exp(-(x - t)^2)."""

    def shortest(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Function | sp.Pow) and not isinstance(e, sp.Piecewise):
            return e.func(*(_factored(a) for a in e.args))
        return e

    return _replaced(e, shortest)


def _factored(a: sp.Expr) -> sp.Expr:
    if not a.is_Add and not a.is_Mul:
        return a
    ways = [a, sp.factor_terms(a), sp.factor(a), sp.factor(a, deep=False, fraction=False)]
    return min(ways, key=length)


def roots(e: sp.Expr) -> sp.Expr:
    """sqrt(a) sqrt(b) = sqrt(a b), for letters and coordinates that are positive; the comparison at points sees to the others."""
    return sp.powsimp(e, combine="base", force=True)


def waves(e: sp.Expr) -> sp.Expr:
    """Products of sines and cosines as sums: sin x cos ct - cos x sin ct = sin(x - ct)."""
    return sp.expand(TR8(sp.expand(e)))


def phases(e: sp.Expr) -> sp.Expr:
    """Sums of sines and cosines of one angle as one: sin x + sqrt(3) cos x = 2 sin(x + pi/3)."""
    return TR10i(sp.expand(e))


def _cosh(e: sp.Expr) -> sp.Expr:
    """All exponentials as cosh and sinh, simplified."""
    return sp.simplify(sp.expand(e).rewrite(sp.cosh)) if e.has(sp.exp) else e


REWRITINGS: Sequence[tuple[Rewriting, float, int]] = (
    (arguments, 1.0, 400),
    (complements, 0.97, 400),
    (hyperbolic, 1.0, 400),
    (roots, 0.97, 400),
    (sp.factor_terms, 0.9, 400),
    (fronts, 0.97, 200),
    (sp.factor, 0.75, 200),
    (waves, 0.75, 200),
    (phases, 0.9, 120),
    (TR9, 0.75, 120),
    (_cosh, 0.75, SHORT),
    (sp.simplify, 0.75, SHORT),
)
"""What is tried, how much shorter it must be (log a + log b is not improved by log(ab)), and up to how many operations."""


def length(e: sp.Expr) -> float:
    """How long an expression is to read: its operations, functions counting half more than signs and powers.

    exp(2 t x) counts more: a bell that moves is exp(-(x - t)^2).
    """
    mixed = sum(_mixed(term) for a in e.atoms(sp.exp, sp.cosh, sp.sinh) for term in sp.Add.make_args(a.args[0]))
    return float(sp.count_ops(e)) + 0.5 * len(e.atoms(sp.Function)) + MIXED * mixed


def _mixed(term: sp.Expr) -> bool:
    """Whether two coordinates are multiplied with each other."""
    powers = term.as_powers_dict()
    return len({str(s) for s, power in powers.items() if str(s) in COORDINATES and power.is_positive}) > 1


def forms(e: sp.Expr, points: Sequence[Point]) -> list[sp.Expr]:
    """The ways to write an expression, shortest first; its own form wins a tie. Each is compared at the points."""
    start = time.monotonic()
    least = length(e)
    found: dict[sp.Expr, float] = {e: 1.0}
    rewritten: set[sp.Expr] = set()
    for _ in range(ROUNDS):
        for source in [w for w in sorted(found, key=length)[:KEPT] if w not in rewritten]:
            rewritten.add(source)
            for rewriting, shorter, most in REWRITINGS:
                if time.monotonic() - start > SECONDS:
                    break
                if sp.count_ops(source) <= most:
                    written = rewriting(source)
                    found[written] = max(found.get(written, 0.0), min(shorter, found[source]))
    ways = [w for w, shorter in found.items() if w != e and length(w) < least and length(w) <= shorter * least]
    ranked = [w for w in dict.fromkeys(map(squares, [*sorted(ways, key=length)[:KEPT], e])) if w != e]
    return [*(w for w in ranked if vanishes(w - e, points)), e]


def _replaced(e: sp.Expr, change: Rewriting) -> sp.Expr:
    """The expression with every part changed, from the inside out."""
    if not e.args:
        return e
    inner = [_replaced(a, change) if isinstance(a, sp.Expr) else a for a in e.args]
    same = all(a is b for a, b in zip(inner, e.args, strict=True))
    return change(e if same else e.func(*inner))
