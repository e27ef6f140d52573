"""An expression as people arrange it, for printers only: sin(x - c*t), (5*x - 3*t)/4, x/sqrt(6), 1/sqrt(pi*alpha*t).

sympy rewrites all of these when it builds them: -sin(c*t - x), 5*x/4 - 3*t/4, sqrt(6)*x/6, and so on. The trees here are
therefore built without evaluation; sympy makes the given expression of them again, which is what reading the text does.
"""

from __future__ import annotations

import sympy as sp

from kanpde.problem import order_of_print

ODD = (sp.sin, sp.tan, sp.sinh, sp.tanh, sp.asin, sp.atan, sp.asinh, sp.atanh, sp.erf, sp.csc, sp.cot, sp.csch, sp.coth)
EVEN = (sp.cos, sp.sec, sp.cosh, sp.sech)
LONGEST = 4
"""Terms that are put over one denominator; a long sum is read term by term."""
LARGE = 1000
"""A number so near to one is written 1 + 1/q."""
COORDINATES = ("x", "y", "z", "r", "t")


def arranged(e: sp.Basic) -> sp.Basic:
    """The same expression, unevaluated, with signs, denominators and roots where people write them."""
    if not isinstance(e, sp.Expr) or not e.args or (not e.free_symbols and not e.is_Add and not e.is_Mul):
        return e
    if e.is_Add:
        return _sum(e)
    if e.is_Mul:
        return _product([_termwise(f) if f.is_Add else arranged(f) for f in e.args])
    if isinstance(e, sp.exp):
        return sp.exp(arranged(e.exp), evaluate=False)
    if e.is_Pow:
        return _power(e)
    if isinstance(e, ODD + EVEN) and e.args[0].is_Add:
        return _turned(e)
    if isinstance(e, sp.Sum):
        return sp.Sum(arranged(e.function), *e.limits)
    if isinstance(e, sp.Piecewise):
        return sp.Piecewise(*((arranged(value), condition) for value, condition in e.args), evaluate=False)
    if isinstance(e, sp.Function) and len(e.args) == 1 and str(type(e).__module__).startswith("sympy.functions"):
        return e.func(arranged(e.args[0]), evaluate=False)
    return e


def _termwise(e: sp.Add) -> sp.Expr:
    return sp.Add(*(arranged(term) for term in e.args), evaluate=False)


def _sum(e: sp.Add) -> sp.Expr:
    """A sum; of few terms with one denominator as a fraction, unless it takes roots from their numerators."""
    split = [term.as_coeff_Mul() for term in e.args]
    below = {c.q for c, _ in split if c.is_Rational}
    if len(e.args) > LONGEST or len(below) != 1 or not all(c.is_Rational for c, _ in split):
        return _termwise(e)
    (q,) = below
    halves = [p for _, rest in split for p in rest.atoms(sp.Pow) if p.exp == sp.Rational(1, 2) and p.base.is_Integer]
    if q == 1 or any(q % p.base == 0 for p in halves):
        return _termwise(e)
    sign = -1 if all(c.is_negative for c, _ in split) else 1
    whole = sp.Add(*(arranged(sp.Mul(sign * c.p, rest)) for c, rest in split), evaluate=False)
    return sp.Mul(sp.Rational(sign, q), whole, evaluate=False)


def _product(parts: list[sp.Expr]) -> sp.Expr:
    """A product of arranged factors: one number, roots of numbers joined with the root of a symbol, signs in front."""
    number: sp.Rational = sp.S.One
    rest: list[sp.Expr] = []
    for part in parts:
        for f in sp.Mul.make_args(part):
            number, rest = (number * f, rest) if f.is_Rational else (number, [*rest, f])
    number, rest = _roots(number, rest)
    if not rest:
        return number
    if number.q > LARGE and 0 < number.p - number.q < number.q / LARGE:
        rest, number = [sp.Add(1, number - 1, evaluate=False), *rest], sp.S.One  # (1 + 1/1000000) x
    if number == 1:
        return rest[0] if len(rest) == 1 else sp.Mul(*rest, evaluate=False)
    return sp.Mul(number, *rest, evaluate=False)


def _roots(number: sp.Rational, rest: list[sp.Expr]) -> tuple[sp.Rational, list[sp.Expr]]:
    """sqrt(6)/6 as 1/sqrt(6), and then sqrt(a) sqrt(b) as sqrt(a b) where at most one of them is no number."""
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    others: list[sp.Expr] = []
    for f in rest:
        if f.is_Pow and abs(f.exp) == sp.Rational(1, 2) and (f.base.is_Integer or f.base is sp.pi or _letters(f.base)):
            (above if f.exp.is_positive else below).append(f.base)
        else:
            others.append(f)
    for b in [b for b in above if b.is_Integer and number.q % b == 0]:
        above.remove(b)
        below.append(b)
        number *= b
    for bases, half in ((above, sp.Rational(1, 2)), (below, -sp.Rational(1, 2))):
        known = [b for b in bases if b.is_number]
        letters = [b for b in bases if not b.is_number]
        groups = [[*known, *sp.Mul.make_args(letters[0])], *([b] for b in letters[1:])] if letters else [known] if known else []
        for group in groups:
            base = group[0] if len(group) == 1 else sp.Mul(*group, evaluate=False)
            others.append(sp.Pow(base, half, evaluate=False))
    return number, others


def _letters(base: sp.Expr) -> bool:
    """Whether a base is a product of symbols, which keeps its root when a number is put under it."""
    return all(f.is_Symbol for f in sp.Mul.make_args(base))


def _power(e: sp.Pow) -> sp.Expr:
    """A power; that of an odd function takes its sign to the front."""
    base = _termwise(e.base) if e.base.is_Add else arranged(e.base)
    if isinstance(e.base, ODD) and base.is_Mul and e.exp.is_Integer:
        power = sp.Pow(base.args[1], e.exp, evaluate=False)
        return sp.Mul(-1, power, evaluate=False) if e.exp % 2 else power
    return sp.Pow(base, arranged(e.exp), evaluate=False)


def _turned(e: sp.Function) -> sp.Expr:
    """An odd or even function whose argument begins with a positive coordinate, another carrying the minus."""
    (a,) = e.args
    if not backward(a, alone=isinstance(e, EVEN)):
        return e.func(arranged(a), evaluate=False)
    turned = e.func(arranged(-a), evaluate=False)
    return turned if isinstance(e, EVEN) else sp.Mul(-1, turned, evaluate=False)


def backward(e: sp.Add, alone: bool = False) -> bool:
    """Whether the first coordinate of a sum has a minus sign, another one standing in it too unless ``alone``."""
    places = {s.name for s in e.free_symbols} & set(COORDINATES)
    lead = next((term for term in order_of_print.in_order(e) if {s.name for s in term.free_symbols} & places), None)
    return lead is not None and order_of_print.negative(lead) and (alone or len(places) > 1)
