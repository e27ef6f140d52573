"""An expression as a rational function of generators: exponentials, roots, logarithms and other functions, each once.

Sines and hyperbolic functions are exponentials; exponents that depend on each other over the rational numbers share generators;
a root has its power as a relation; Bessel functions come down to two orders by their recurrences. Functions that stay (erf,
log, atan) are generators of their own. Each rewriting is an identity, so that what vanishes in the end is zero; that everything
zero vanishes is not claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import lcm

import sympy as sp

LARGEST_FACTORED = 200
"""Operations up to which the argument of a root or logarithm is factored."""

ODD = (sp.erf, sp.erfi, sp.atan, sp.asin, sp.Si)
HALF = sp.Rational(1, 2)


class Unsupported(Exception):
    """Something that has no place in a rational function of generators, such as a floating point number."""


def exponential(e: sp.Expr, known: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    """The expression with trigonometric and hyperbolic functions, and powers of variable exponents, as exponentials."""
    if not e.args:
        return e
    if e not in known:
        known[e] = _exponential(e, [exponential(a, known) for a in e.args])
    return known[e]


def _exponential(e: sp.Expr, arguments: list[sp.Expr]) -> sp.Expr:
    make = _AS_EXPONENTIALS.get(type(e))
    if make is not None:
        return make(arguments[0])
    if isinstance(e, sp.Abs) and e.args[0].is_extended_real:
        return sp.Pow(sp.expand(arguments[0] ** 2), HALF)
    if isinstance(e, sp.sign) and e.args[0].is_extended_real:
        return arguments[0] * sp.Pow(sp.expand(arguments[0] ** 2), -HALF)
    if isinstance(e, sp.Pow) and not e.exp.is_Rational and e.base != sp.E:
        return sp.exp(arguments[1] * sp.log(arguments[0]))
    return e.func(*arguments) if any(a is not b for a, b in zip(arguments, e.args, strict=True)) else e


def _cosh(a: sp.Expr) -> sp.Expr:
    return (sp.exp(a) + sp.exp(-a)) / 2


def _sinh(a: sp.Expr) -> sp.Expr:
    return (sp.exp(a) - sp.exp(-a)) / 2


def _tanh(a: sp.Expr) -> sp.Expr:
    return 1 - 2 / (sp.exp(2 * a) + 1)


def _tan(a: sp.Expr) -> sp.Expr:
    return -sp.I * (1 - 2 / (sp.exp(2 * sp.I * a) + 1))


_AS_EXPONENTIALS: dict[type, Callable[[sp.Expr], sp.Expr]] = {
    sp.cosh: _cosh,
    sp.sinh: _sinh,
    sp.tanh: _tanh,
    sp.sech: lambda a: 1 / _cosh(a),
    sp.csch: lambda a: 1 / _sinh(a),
    sp.coth: lambda a: 1 / _tanh(a),
    sp.cos: lambda a: _cosh(sp.I * a),
    sp.sin: lambda a: -sp.I * _sinh(sp.I * a),
    sp.tan: _tan,
    sp.sec: lambda a: 1 / _cosh(sp.I * a),
    sp.csc: lambda a: sp.I / _sinh(sp.I * a),
    sp.cot: lambda a: 1 / _tan(a),
    sp.erfc: lambda a: 1 - sp.erf(a),
    sp.atanh: lambda a: (sp.log(1 + a) - sp.log(1 - a)) / 2,
    sp.asinh: lambda a: sp.log(a + sp.sqrt(a**2 + 1)),
}


@dataclass
class Generators:
    """The generators met so far. ``flat`` turns an expression into a rational one of symbols and of these.

    ``exponents`` maps the symbol of an exponential to its exponent; ``roots`` that of a root of unknown degree to its base, with
    all degrees that occur; ``functions`` what else a symbol stands for.
    """

    exponents: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    roots: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    degrees: dict[sp.Symbol, int] = field(default_factory=dict)
    functions: dict[sp.Symbol, sp.Basic] = field(default_factory=dict)
    _named: dict[sp.Basic, sp.Symbol] = field(default_factory=dict)
    _known: dict[sp.Basic, sp.Expr] = field(default_factory=dict)

    def flat(self, e: sp.Expr) -> sp.Expr:
        """The expression in generators; exponentials and roots stay symbols for now."""
        if e.is_Rational or e.is_Symbol or e == sp.I:
            return e
        if e not in self._known:
            self._known[e] = self._flat(e)
        return self._known[e]

    def _flat(self, e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.NumberSymbol) and e != sp.E:
            return self._function(e)
        if e.is_Number or not isinstance(e, sp.Expr):
            raise Unsupported(str(e))
        if e.is_Add or e.is_Mul:
            return e.func(*(self.flat(a) for a in e.args))
        if isinstance(e, sp.exp) or e == sp.E:
            return self._exponent(e.args[0] if e.args else sp.Integer(1))
        if e.is_Pow:
            base, exponent = e.args
            if exponent.is_Integer:
                return self._power(self.flat(base), int(exponent))
            if exponent.is_Rational:
                return self._root(base, exponent)
            raise Unsupported(str(e))
        if isinstance(e, sp.log):
            return self._logarithm(e.args[0])
        if isinstance(e, sp.besselj | sp.bessely | sp.besseli | sp.besselk):
            return self._bessel(e)
        if (
            isinstance(e, sp.Function)
            and not e.has(sp.Integral, sp.Derivative)
            and not isinstance(e, sp.Piecewise | sp.conjugate)
        ):
            return self._other(e)
        raise Unsupported(str(e))

    def _function(self, e: sp.Basic) -> sp.Symbol:
        """The symbol of something that stays as it is."""
        if e not in self._named:
            self._named[e] = sp.Dummy("f")
            self.functions[self._named[e]] = e
        return self._named[e]

    @staticmethod
    def _power(base: sp.Expr, exponent: int) -> sp.Expr:
        """A power; of a denominator, the rational factor is put in front."""
        if exponent < 0 and base.is_Add:
            content, rest = base.primitive()
            return content**exponent * rest**exponent
        return base**exponent

    def _exponent(self, a: sp.Expr) -> sp.Expr:
        """A symbol for exp(a), the constant i pi q and logarithms taken out."""
        key = sp.expand(self.flat(sp.expand(a)))
        result, rest = sp.Integer(1), []
        for term in sp.Add.make_args(key):
            coefficient, factor = term.as_coeff_Mul()
            stands = self.functions.get(factor) if factor.is_Symbol else None
            if isinstance(stands, sp.log) and factor in self._logs:
                result *= self._root(self._logs[factor], coefficient, split=False)
                continue
            turned = _arc(factor, self.functions)
            if turned is not None and (2 * coefficient).is_Integer:
                result *= self._turned(turned, coefficient)
                continue
            parts = factor.as_independent(sp.I, as_Add=False)
            if parts[1] == sp.I and self.functions.get(parts[0]) is sp.pi:
                result *= self._unit(coefficient)
                continue
            rest.append(term)
        exponent = sp.Add(*rest)
        if exponent != 0:
            if exponent not in self._named:
                self._named[exponent] = sp.Dummy("e")
                self.exponents[self._named[exponent]] = exponent
            result *= self._named[exponent]
        return result

    def _turned(self, a: sp.Expr, coefficient: sp.Rational) -> sp.Expr:
        """exp(i c atan a) = ((1 + i a)/(1 - i a))^(c/2)."""
        n = coefficient
        if not n.is_Integer:
            raise Unsupported("half an arctangent in an exponent")
        ratio = (1 + sp.I * a) / (1 - sp.I * a)
        if n % 2 == 0:
            return ratio ** (n // 2)
        plain = self._unflat(a)
        return ratio ** ((n - 1) // 2) * (1 + sp.I * a) * self._root(1 + plain**2, -HALF)

    def _unit(self, q: sp.Rational) -> sp.Expr:
        """exp(i pi q), in roots where it has them."""
        value = sp.cos(sp.pi * q) + sp.I * sp.sin(sp.pi * q)
        if not value.has(sp.cos, sp.sin):
            return self.flat(value)
        if -1 not in self.roots.values():
            self._root_symbol(sp.Integer(-1))
        return self._degree(self._root_symbol(sp.Integer(-1)), sp.Rational(q) % 2)

    _logs: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)

    def _logarithm(self, b: sp.Expr) -> sp.Expr:
        """log of a product of positive factors as a sum; the factors stay."""
        total: sp.Expr = sp.Integer(0)
        for base, power in _factors(_tidy(b)):
            if base == sp.E:
                total += power
                continue
            if base.is_Integer and base > 1:
                for prime, k in sp.factorint(base).items():
                    total += k * power * self._log_symbol(sp.Integer(prime))
            elif base != 1:
                total += power * self._log_symbol(base)
        return total

    def _log_symbol(self, base: sp.Expr) -> sp.Expr:
        key = sp.log(sp.expand(self.flat(base)), evaluate=False)
        s = self._function(key)
        self._logs[s] = base
        return s

    def _root(self, base: sp.Expr, exponent: sp.Rational, split: bool = True) -> sp.Expr:
        """base^exponent: integer powers apart, positive factors each with a root of their own."""
        result: sp.Expr = sp.Integer(1)
        if base.is_Add and not base.free_symbols and exponent.q == 2:
            plain = sp.sqrtdenest(sp.sqrt(base))  # sqrt(5 + 2 sqrt 6) = sqrt 2 + sqrt 3
            if plain != sp.sqrt(base) and not isinstance(plain, sp.Pow):
                return self._power(self.flat(plain), int(2 * exponent))
        for factor, power in _factors(_tidy(base)) if split else [(base, sp.Integer(1))]:
            total = exponent * power
            if factor.is_Integer and factor > 1:
                for prime, k in sp.factorint(factor).items():
                    result *= self._degree(self._root_symbol(sp.Integer(prime)), total * k)
            elif factor == sp.E:
                result *= self._exponent(total)
            elif factor != 1:
                result *= self._degree(self._root_symbol(sp.expand(self.flat(sp.expand(factor)))), total)
        return result

    def _root_symbol(self, base: sp.Expr) -> sp.Symbol:
        """The symbol that stands for some root of a base; its degree is the least that all powers need."""
        key = sp.Tuple(base)
        if key not in self._named:
            s = self._named[key] = sp.Dummy("r")
            self.roots[s], self.degrees[s] = base, 1
        return self._named[key]

    def _degree(self, s: sp.Symbol, exponent: sp.Rational) -> sp.Expr:
        """s stands for the base itself until all degrees are known: a power with a rational exponent."""
        self.degrees[s] = lcm(self.degrees[s], int(sp.Rational(exponent).q))
        return s**exponent if not exponent.is_Integer else self.roots[s] ** exponent

    def _bessel(self, e: sp.Expr) -> sp.Expr:
        """Orders n and n + 1 for n from 0 to 1, by the recurrences (DLMF 10.6.1, 10.29.1)."""
        order, a = e.args
        kind = type(e)
        if not order.is_Rational:
            return self._other(e)
        if kind in (sp.besselj, sp.bessely) and (2 * order).is_Integer and not order.is_Integer:
            spherical = (sp.jn if kind is sp.besselj else sp.yn)(order - HALF, a)
            return self.flat(exponential(sp.sqrt(2 * a / sp.pi) * sp.expand_func(spherical), {}))
        if order.is_Integer and order < 0:
            sign = (-1) ** int(order) if kind in (sp.besselj, sp.bessely) else 1
            return sign * self._bessel(kind(-order, a, evaluate=False))
        low = order - sp.floor(order)
        pair = [self._other(kind(low + k, a, evaluate=False)) for k in (0, 1)]
        z = self.flat(a)
        for k in range(1, int(order - low)):
            n = low + k
            if kind in (sp.besselj, sp.bessely):
                pair.append(2 * n / z * pair[-1] - pair[-2])
            else:
                pair.append(pair[-2] + (2 if kind is sp.besselk else -2) * n / z * pair[-1])
        return pair[int(order - low)]

    def _other(self, e: sp.Expr) -> sp.Expr:
        """A function that stays, of an argument in normal form; odd ones with the sign in front."""
        arguments = [sp.expand(self.flat(sp.expand(_tidy(a)))) for a in e.args]
        if isinstance(e, ODD) and arguments[0].could_extract_minus_sign():
            return -self._function(e.func(-arguments[0], evaluate=False))
        return self._function(e.func(*arguments, evaluate=False))

    def _unflat(self, e: sp.Expr) -> sp.Expr:
        """The expression again that a flat one stands for."""
        back = {**self.functions, **{s: sp.exp(a) for s, a in self.exponents.items()}, **self.roots}
        while e.free_symbols & set(back):
            e = e.xreplace({s: back[s] for s in e.free_symbols & set(back)})
        return e


def _arc(factor: sp.Expr, functions: dict[sp.Symbol, sp.Basic]) -> sp.Expr | None:
    """a where a factor is i atan(a)."""
    rest = factor / sp.I
    stands = functions.get(rest) if rest.is_Symbol else None
    return stands.args[0] if isinstance(stands, sp.atan) else None


def _tidy(e: sp.Expr) -> sp.Expr:
    """cos^2 + sin^2 = 1 in an argument."""
    if e.has(sp.exp) and e.has(sp.I) and sp.count_ops(e) < LARGEST_FACTORED:
        return sp.expand(e)
    return e


def _factors(e: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Bases and exponents whose product is the expression; only factors that are positive are taken apart."""
    if e.is_Rational and e > 0:
        return [(sp.Integer(e.p), sp.Integer(1)), (sp.Integer(e.q), sp.Integer(-1))]
    if isinstance(e, sp.exp) and e.args[0].is_extended_real:
        return [(sp.E, e.args[0])] if e.args[0].is_Rational else [(e, sp.Integer(1))]
    if e.is_Add and sp.count_ops(e) < LARGEST_FACTORED:
        together = sp.factor(e)
        if together.is_Mul or together.is_Pow:
            e = together
        else:
            content, rest = e.primitive()
            return [*_factors(content), (rest, sp.Integer(1))] if content != 1 else [(e, sp.Integer(1))]
    if e.is_Pow and e.exp.is_Rational and e.base.is_positive:
        return [(base, power * e.exp) for base, power in _factors(e.base)]
    if e.is_Mul:
        positive = [a for a in e.args if a.is_positive]
        rest = sp.Mul(*(a for a in e.args if not a.is_positive))
        found = [pair for a in positive for pair in _factors(a)]
        return found + ([(sp.expand(rest), sp.Integer(1))] if rest != 1 else [])
    return [(e, sp.Integer(1))]
