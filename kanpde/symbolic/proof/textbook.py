"""The form of a formula that a textbook prints: among equal expressions, the one that is shortest to read.

Pairs of exponentials become cosh, sinh and tanh; sums in arguments are factored; 1 - erf is erfc; roots of one kind are joined.
Every rewriting is compared with the formula at points in 60 digits, and the proof is made again for what is chosen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import sympy as sp
from sympy.simplify.fu import TR8, TR9, TR10i

from kanpde.problem.arranged import backward
from kanpde.symbolic.proof.exponentials import COORDINATES, Rewriting, balanced, fronts, hyperbolic, joined, replaced, squares
from kanpde.symbolic.proof.reduce import Point, vanishes

SECONDS = 2.0
"""No further rewriting is begun after so long; the process may be given four."""
ROUNDS, KEPT = 2, 4
"""Rewritings of rewritings, and how many of them are rewritten again."""
MIXED = 4.0
SHORT = 60
"""Operations up to which sympy's own simplification is tried."""


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

    return replaced(e, pair)


def halves(e: sp.Expr) -> sp.Expr:
    """c + c erf(z) = c (1 + erf(z)), the distribution function of the normal law."""
    if not e.has(sp.erf):
        return e
    outside = sp.Add(*(sp.expand(term, deep=False) for term in sp.Add.make_args(joined(e))))
    terms = list(sp.Add.make_args(joined(outside)))
    grouped: list[sp.Expr] = []
    while terms:
        term = terms.pop()
        (found, *more) = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.erf)] or [None]
        if found is None or more or term / found not in terms:
            grouped.append(term)
            continue
        terms.remove(term / found)
        grouped.append(term / found * (1 + found))
        terms, grouped = terms + [g for g in grouped if not g.has(sp.erf)], [g for g in grouped if g.has(sp.erf)]
    return _logarithms(sp.Add(*grouped))


def _logarithms(e: sp.Expr) -> sp.Expr:
    """Arguments of the error function with a plain logarithm: (log x + (r + sigma^2/2) t)/(sigma sqrt(2 t))."""

    def plain(e: sp.Expr) -> sp.Expr:
        if not isinstance(e, sp.erf):
            return e
        numbers = [f for f in sp.Mul.make_args(e.args[0]) if f.is_Add and f.has(sp.log)]
        logs = [term for f in numbers[:1] for term in f.args if isinstance(term.as_coeff_Mul()[1], sp.log)]
        if len(logs) != 1:
            return e
        coefficient, _ = logs[0].as_coeff_Mul()
        inner = sp.collect(sp.expand(numbers[0] / coefficient), sp.Symbol("t", real=True))
        return sp.erf(coefficient * inner * (e.args[0] / numbers[0]))

    return replaced(e, plain)


def oriented(e: sp.Expr) -> sp.Expr:
    """x - c t rather than c t - x in even powers and in factors of arguments; a number is multiplied into a sum."""

    def turn(e: sp.Expr) -> sp.Expr:
        if e.is_Mul and len(e.args) == 2 and e.args[0].is_Rational and e.args[1].is_Add:
            return sp.expand(e, deep=False)
        if e.is_Pow and e.exp.is_Integer and e.exp % 2 == 0 and e.base.is_Add and backward(e.base):
            return (-e.base) ** e.exp
        if isinstance(e, sp.Function) and len(e.args) == 1 and e.args[0].is_Mul:
            return e.func(sp.Mul(*_turned(e.args[0].args)))
        return e

    return replaced(e, turn)


def _turned(factors: Sequence[sp.Expr]) -> list[sp.Expr]:
    backwards = [f for f in factors if f.is_Add and backward(f)]
    sign = sp.Integer((-1) ** len(backwards))
    return [sign, *(-f if f in backwards else f for f in factors)]


def radicals(e: sp.Expr) -> sp.Expr:
    """sqrt(a^2/4 + 4 b) = sqrt(a^2 + 16 b)/2, with what is common to a sum in front."""

    def root(e: sp.Expr) -> sp.Expr:
        if e.is_Pow and e.exp == sp.Rational(1, 2) and e.base.is_Add:
            number, rest = e.base.primitive()
            if sp.sqrt(number).is_Rational:
                return sp.sqrt(number) * sp.sqrt(rest)
        return sp.factor_terms(e) if e.is_Add and not e.has(sp.Function) else e

    return replaced(e, root) if any(p.exp == sp.Rational(1, 2) and p.base.is_Add for p in e.atoms(sp.Pow)) else e


def arguments(e: sp.Expr) -> sp.Expr:
    """The arguments of functions and the bases of powers, each in the shorter of a sum or a product: exp(-(x - t)^2)."""

    def shortest(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Function | sp.Pow) and not isinstance(e, sp.Piecewise):
            return e.func(*(_factored(a) for a in e.args))
        return e

    return replaced(e, shortest)


def _factored(a: sp.Expr) -> sp.Expr:
    if not a.is_Add and not a.is_Mul:
        return a
    ways = [a, sp.factor_terms(a)]
    if sp.count_ops(a) <= SHORT:
        ways += [sp.factor(a), sp.factor(a, deep=False, fraction=False)]
    return min(ways, key=length)


def roots(e: sp.Expr) -> sp.Expr:
    """sqrt(a) sqrt(b) = sqrt(a b), for letters and coordinates that are positive; the comparison at points sees to the others."""
    return sp.powsimp(e, combine="base", force=True)


def waves(e: sp.Expr) -> sp.Expr:
    """Products of sines and cosines as sums: sin x cos ct - cos x sin ct = sin(x - ct)."""
    return sp.expand(TR8(sp.expand(e))) if e.has(sp.sin, sp.cos) else e


def phases(e: sp.Expr) -> sp.Expr:
    """Sums of sines and cosines of one angle as one: sin x + sqrt(3) cos x = 2 sin(x + pi/3)."""
    return TR10i(sp.expand(e)) if e.has(sp.sin, sp.cos) else e


def products(e: sp.Expr) -> sp.Expr:
    """sin a + sin b = 2 sin((a + b)/2) cos((a - b)/2)."""
    return TR9(e) if e.has(sp.sin, sp.cos) else e


def simplified(e: sp.Expr) -> sp.Expr:
    """sympy's own simplification, which takes seconds on quotients of hyperbolic functions."""
    return e if e.has(sp.cosh, sp.sinh, sp.tanh, sp.sech) else sp.simplify(e)


def _cosh(e: sp.Expr) -> sp.Expr:
    """All exponentials as cosh and sinh, simplified."""
    return sp.simplify(sp.expand(e).rewrite(sp.cosh)) if e.has(sp.exp) else e


REWRITINGS: Sequence[tuple[Rewriting, float, int]] = (
    (joined, 1.0, 400),
    (balanced, 0.97, 400),
    (arguments, 1.0, 400),
    (complements, 0.97, 400),
    (halves, 1.0, 200),
    (radicals, 1.0, 400),
    (hyperbolic, 1.0, 400),
    (roots, 0.97, 400),
    (sp.factor_terms, 0.9, 400),
    (fronts, 0.97, 200),
    (sp.factor, 0.75, 200),
    (waves, 0.75, 200),
    (phases, 0.9, 120),
    (products, 0.75, 120),
    (_cosh, 0.75, SHORT),
    (simplified, 0.75, SHORT),
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


def _finished(e: sp.Expr) -> sp.Expr:
    return oriented(squares(e))


def forms(e: sp.Expr, points: Sequence[Point]) -> list[sp.Expr]:
    """The ways to write an expression, shortest first; its own form wins a tie. Each is compared at the points."""
    start = time.thread_time()  # a busy machine finds the same ways
    least = length(e)
    found: dict[sp.Expr, float] = {e: 1.0}
    rewritten: set[sp.Expr] = set()
    for _ in range(ROUNDS):
        for source in [w for w in sorted(found, key=length)[:KEPT] if w not in rewritten]:
            rewritten.add(source)
            for rewriting, shorter, most in REWRITINGS:
                if time.thread_time() - start > SECONDS:
                    break
                if sp.count_ops(source) <= most:
                    written = rewriting(source)
                    found[written] = max(found.get(written, 0.0), min(shorter, found[source]))
                    if length(written) < length(source) / 2 and vanishes(written - e, points):
                        break  # what else may be made of the long one is not worth the time
    ways = [w for w, shorter in found.items() if w != e and length(w) < least and length(w) <= shorter * least]
    ranked = [w for w in dict.fromkeys(map(_finished, [*sorted(ways, key=length)[:KEPT], e])) if w != e]
    return [*(w for w in ranked if vanishes(w - e, points)), e]
