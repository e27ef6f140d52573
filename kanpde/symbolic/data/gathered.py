"""Numbers that stand together become one: what the values of an expression can tell, and no more.

Composing functions that each have a scale and a shift of their own leaves chains of numbers, of which a function's values know
only the products and sums.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from kanpde.symbolic.form import Number, number


def gathered(expression: sp.Expr, numbers: Mapping[sp.Symbol, Number]) -> tuple[sp.Expr, tuple[Number, ...]]:
    """The expression with numbers that stand together as one, which folds the affine maps between the layers.

    a (b f + c) + d is (a b) f + (a c + d): of five numbers the values know two. The same for exp(b f + c) = exp(c) exp(b f).
    """
    gather = _Gather({s: n.value for s, n in numbers.items()})
    result = gather.walk(expression)
    return result, tuple(number for s, number in gather.made.items() if result.has(s)) + tuple(
        n for s, n in numbers.items() if result.has(s)
    )


class _Gather:
    """Walks an expression from its leaves upwards; ``made`` are the numbers that were put together on the way."""

    def __init__(self, values: Mapping[sp.Symbol, float]) -> None:
        self.values = dict(values)
        self.made: dict[sp.Symbol, Number] = {}

    def walk(self, e: sp.Expr) -> sp.Expr:
        if e.is_Atom:
            return self._one(e) if isinstance(e, sp.Float) else e
        e = e.func(*(self.walk(a) for a in e.args))
        if isinstance(e, sp.exp):
            terms = sp.Add.make_args(e.args[0])
            shift = sp.Add(*(t for t in terms if self._is_number(t)))
            rest = sp.Add(*(t for t in terms if not self._is_number(t)))
            return sp.Mul(self._one(sp.exp(shift)), sp.exp(rest)) if shift != 0 and rest != 0 else e
        return self._sum(e) if isinstance(e, sp.Add | sp.Mul) else e

    def _sum(self, e: sp.Expr) -> sp.Expr:
        """Terms with the same function together, a number in front of each; numbers are multiplied into a sum."""
        parts: dict[sp.Expr, sp.Expr] = {}
        for term in sp.Add.make_args(e):
            front, behind = self._split(term)
            inner = sp.Add.make_args(behind) if front != 1 else (behind,)
            for one in inner:
                more, rest = self._split(one)
                parts[rest] = parts.get(rest, sp.Integer(0)) + front * more
        return sp.Add(*(self._one(c) * rest for rest, c in parts.items()))

    def _split(self, term: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        factors = sp.Mul.make_args(term)
        front = sp.Mul(*(f for f in factors if self._is_number(f)))
        return front, sp.Mul(*(f for f in factors if not self._is_number(f)))

    def _is_number(self, e: sp.Basic) -> bool:
        return bool(e.free_symbols <= self.values.keys())

    def _one(self, e: sp.Expr) -> sp.Expr:
        """A number made of others as a number of its own; exact ones stay."""
        if e.is_Symbol or not (e.free_symbols or e.has(sp.Float)):
            return e
        new = number(float(sp.N(e.xreplace({s: sp.Float(v, 17) for s, v in self.values.items()}))))
        self.values[new.symbol] = new.value
        self.made[new.symbol] = new
        return new.symbol
