"""Where coefficients jump or have a kink: the comparisons of coordinates in an equation, and the equation on one side of them.

A switch is a comparison that coordinates alone decide: the condition of a ``piecewise``, the sign that ``abs``, ``sign`` and
``heaviside`` take, the larger of the arguments of ``max`` and ``min``, and ``inside(name)``. Comparisons with an unknown or with
time are none: they do not hold still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from itertools import combinations

import sympy as sp
from sympy.core.relational import Relational

INSIDE = "inside("
"""How the symbol of ``inside(name)`` begins."""

_BENT = (sp.Abs, sp.Heaviside, sp.sign)
_CHOICE = (sp.Max, sp.Min)

Where = Mapping[sp.Symbol, float | bool]
"""A point: the value of each coordinate, and of each ``inside(name)`` whether it is true there."""


def inside_symbol(s: sp.Basic) -> bool:
    """Whether a symbol is ``inside(name)``."""
    return isinstance(s, sp.Symbol) and s.name.startswith(INSIDE)


def inside_name(s: sp.Symbol) -> str:
    """The name of the shape in ``inside(name)``."""
    return s.name[len(INSIDE) : -1]


def switches(expression: sp.Expr, space: Set[sp.Symbol]) -> list[sp.Expr]:
    """What the switches of an expression compare with zero, each once: ``x - 1/2``, or the symbol ``inside(core)``.

    ``space`` are the symbols of the coordinates; named constants have their values put in already.
    """
    found: dict[sp.Expr, None] = {}
    for atom in sorted(expression.atoms(sp.Piecewise, *_BENT, *_CHOICE), key=str):
        for difference in _compared(atom):
            if inside_symbol(difference):
                found[difference] = None
            elif difference.free_symbols and difference.free_symbols <= space:
                found[_normalised(difference)] = None
    return list(found)


def _compared(atom: sp.Expr) -> Iterator[sp.Expr]:
    if isinstance(atom, sp.Piecewise):
        for _, condition in atom.args:
            yield from sorted(filter(inside_symbol, condition.free_symbols), key=str)
            for relation in sorted(condition.atoms(Relational), key=str):
                if not isinstance(relation, sp.Eq | sp.Ne):  # a single point or line, where no equation is posed
                    yield relation.lhs - relation.rhs
    elif isinstance(atom, _CHOICE):
        for one, other in combinations(atom.args, 2):
            yield one - other
    else:
        yield atom.args[0]


def _normalised(difference: sp.Expr) -> sp.Expr:
    """The same switch in the same words: x - 1/2 for 1 - 2*x."""
    expanded = sp.expand(difference)
    terms = [term for term in sp.Add.make_args(expanded) if term.free_symbols]
    factor, _ = max(terms, key=sp.default_sort_key).as_coeff_Mul()
    return sp.expand(expanded / factor)


def resolved(expression: sp.Expr, where: Where) -> sp.Expr:
    """The expression with every switch set as it is at a point, and left a formula: smooth where no switch changes."""
    return _resolved(expression, where, {})


def _resolved(e: sp.Expr, where: Where, known: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    if not e.args:
        return e
    if e not in known:
        known[e] = _branch(e, where, known)
    return known[e]


def _branch(e: sp.Expr, where: Where, known: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    if isinstance(e, sp.Piecewise):
        cases = []
        for value, condition in e.args:
            truth = _truth(condition, where)
            if truth != sp.false:
                cases.append((_resolved(value, where, known), truth))
            if truth == sp.true:
                break
        return cases[0][0] if cases and cases[0][1] == sp.true else sp.Piecewise(*cases)
    arguments = [_resolved(a, where, known) for a in e.args]
    if isinstance(e, _BENT) and (value := _value(e.args[0], where)) is not None:
        positive = value > 0
        if isinstance(e, sp.Abs):
            return arguments[0] if positive else -arguments[0]
        return sp.Integer(int(positive)) if isinstance(e, sp.Heaviside) else sp.Integer(1 if positive else -1)
    if isinstance(e, _CHOICE):
        values = [value for a in e.args if (value := _value(a, where)) is not None]
        if len(values) == len(e.args):
            return arguments[values.index(max(values) if isinstance(e, sp.Max) else min(values))]
    return e.func(*arguments) if any(a is not b for a, b in zip(arguments, e.args, strict=True)) else e


def _value(e: sp.Expr, where: Where) -> float | None:
    """The value at the point; None for what coordinates alone do not decide."""
    if not e.free_symbols <= set(where) or any(map(inside_symbol, e.free_symbols)):
        return None
    return float(sp.N(resolved(e, where).xreplace({s: sp.Float(float(where[s]), 17) for s in e.free_symbols})))


def _truth(condition: sp.Basic, where: Where) -> sp.Basic:
    """A condition with all that coordinates decide put in."""
    decided: dict[sp.Basic, sp.Basic] = {
        s: sp.true if where[s] else sp.false for s in condition.free_symbols & set(where) if inside_symbol(s)
    }
    for relation in condition.atoms(Relational):
        if relation.free_symbols and (difference := _value(relation.lhs - relation.rhs, where)) is not None:
            if isinstance(relation, sp.Eq | sp.Ne):
                decided[relation] = sp.true if isinstance(relation, sp.Ne) else sp.false
            else:
                below = isinstance(relation, sp.StrictLessThan | sp.LessThan)
                decided[relation] = sp.true if (difference < 0) == below else sp.false
    return condition.xreplace(decided)
