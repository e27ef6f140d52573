"""Exponentials as a textbook writes them: joined, as powers, and in pairs as cosh, sinh, tanh and sech.

Each function rewrites an expression; whether the result is equal and shorter is seen to by ``textbook``.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

Rewriting = Callable[[sp.Expr], sp.Expr]

COORDINATES = ("x", "y", "z", "t", "r")


def replaced(e: sp.Expr, change: Rewriting) -> sp.Expr:
    """The expression with every part changed, from the inside out."""
    if not e.args:
        return e
    inner = [replaced(a, change) if isinstance(a, sp.Expr) else a for a in e.args]
    same = all(a is b for a, b in zip(inner, e.args, strict=True))
    return change(e if same else e.func(*inner))


def joined(e: sp.Expr) -> sp.Expr:
    """e^p e^q = e^(p + q), and e^(y log x) = x^y."""

    def one(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.exp):
            logs = [f for f in sp.Mul.make_args(e.exp) if isinstance(f, sp.log)]
            return logs[0].args[0] ** (e.exp / logs[0]) if len(logs) == 1 else e
        if not e.is_Mul:
            return e
        exponents = [f.exp for f in e.args if isinstance(f, sp.exp)]
        if len(exponents) < 2:
            return e
        rest = [f for f in e.args if not isinstance(f, sp.exp)]
        return sp.Mul(*rest, sp.exp(sp.expand(sp.Add(*exponents))))

    return replaced(e, one)


def hyperbolic(e: sp.Expr) -> sp.Expr:
    """A e^p + B e^q as 2 sqrt(AB) e^((p+q)/2) cosh((p-q)/2 + log(A/B)/2), with sinh for B = -A."""
    return _quotients(joined(replaced(joined(e), _pair)))


def _pair(e: sp.Expr) -> sp.Expr:
    if not (e.is_Add and len(e.args) == 2):
        return e
    (a, p), (b, q) = (_exponential(term) for term in e.args)
    if p is None or q is None or p == q or _gaussian(p) or _gaussian(q):
        return e
    if (p - q).could_extract_minus_sign():
        a, p, b, q = b, q, a, p
    ratio = sp.powsimp(sp.cancel(a / b), combine="exp")
    shift = sp.log(abs(ratio)) if ratio in (1, -1) else ratio.exp if isinstance(ratio, sp.exp) else None
    if shift is None and isinstance(-ratio, sp.exp):
        shift = (-ratio).exp
    if shift is None:
        return e
    half, middle = sp.expand((p - q + shift) / 2), sp.exp(sp.expand((p + q + shift) / 2))
    sinh = ratio == -1 or isinstance(-ratio, sp.exp)
    return -2 * b * middle * sp.sinh(half) if sinh else 2 * b * middle * sp.cosh(half)


def _gaussian(exponent: sp.Expr) -> bool:
    """Whether a coordinate stands squared in an exponent: sums of bells stay sums."""
    return any(p.exp == 2 and str(p.base) in COORDINATES for p in sp.expand(exponent).atoms(sp.Pow))


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


def balanced(e: sp.Expr) -> sp.Expr:
    """A quotient of sums of exponentials, each the same from both ends: 1 + 3 e^a + 3 e^b + e^(a+b) in cosh of a+b and a-b."""
    if not e.has(sp.exp):
        return e
    above, below = sp.fraction(sp.together(joined(e)))
    if not below.has(sp.exp):
        return e
    above = _balance(joined(sp.expand(above)))
    return sp.factor_terms(_quotients(joined(above / replaced(below, _balance))))


def _balance(e: sp.Expr) -> sp.Expr:
    """Terms c e^(m + k) + c e^(m - k) + ... around the mean m of all exponents."""
    if not e.is_Add:
        return e
    found = [_exponential(term) for term in e.args]
    exponents = [p for _, p in found if p is not None]
    if len(exponents) < len(found) or any(_gaussian(p) for p in exponents):
        return e
    middle = sp.expand(sp.Add(*exponents) / len(exponents))
    sizes = {sp.expand(p - middle): c for c, p in found if p is not None}
    if any(sizes.get(sp.expand(-k)) != c for k, c in sizes.items()):
        return e
    return sp.exp(middle) * sp.Add(*(c * sp.cosh(k) for k, c in sizes.items()))


def fronts(e: sp.Expr) -> sp.Expr:
    """(a + b w)/(1 + w) with w = e^z is (a + b)/2 + (b - a)/2 tanh(z/2)."""
    return _fronts(joined(e))


def _fronts(e: sp.Expr) -> sp.Expr:
    """From the outside in: a factor by itself may be a front, too, and is not to be taken out of a quotient."""
    if not e.has(sp.exp):
        return e
    changed = _front(e)
    return changed if changed != e or not e.args else e.func(*(_fronts(a) if isinstance(a, sp.Expr) else a for a in e.args))


def _front(e: sp.Expr) -> sp.Expr:
    if not (e.is_Mul or e.is_Pow) or not any(p.exp == -1 and p.base.is_Add and p.has(sp.exp) for p in e.atoms(sp.Pow)):
        return e
    exponents = {f.exp for f in e.atoms(sp.exp)}
    z = next(iter(sorted(exponents, key=str)))
    w = sp.Dummy("w", positive=True)
    powers = {sp.exp(p): sp.cancel(p / z) for p in exponents}
    if not all(n in (1, -1) for n in powers.values()):
        return e
    above, below = sp.fraction(sp.cancel(e.xreplace({f: w**n for f, n in powers.items()})))
    top, bottom = (part.as_poly(w) for part in (above, below))
    if top is None or bottom is None or top.degree() > 1 or bottom.degree() != 1:
        return e
    a, b, c, d = (poly.coeff_monomial(power) for poly in (top, bottom) for power in (1, w))
    if sp.cancel(c - d) != 0:
        return e
    return sp.cancel((a + b) / (2 * c)) + sp.cancel((b - a) / (2 * c)) * sp.tanh(sp.factor_terms(z / 2))


def squares(e: sp.Expr) -> sp.Expr:
    """1/(1 + cosh z) = sech^2(z/2)/2, and 1/cosh z = sech z."""

    def square(e: sp.Expr) -> sp.Expr:
        if e.is_Pow and e.exp.is_negative and e.base.is_Add and len(e.base.args) == 2:
            one, other = e.base.args
            if one == 1 and isinstance(other, sp.cosh):
                return sp.sech(sp.factor_terms(other.args[0] / 2)) ** (-2 * e.exp) * sp.Integer(2) ** e.exp
        return e

    return _quotients(replaced(e, square))


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

    return replaced(e, product)
