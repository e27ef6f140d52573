"""A formula of data as a textbook writes it: |x| is x where the data have no negative x, and pairs of exponentials are cosh.

Rewritings that hold where the data are need not hold elsewhere: sqrt((x - 1)^2) is 1 - x for data with x < 1. What is rewritten
agrees with the data as well as before, and the shorter form is the likelier one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.fit import bits
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.data.edges import Suggestion
from kanpde.symbolic.form import Array, Form, compiled

WORTH = 5
"""Operations from which a second process is asked for shorter forms."""
SECONDS = 4.0
POINTS = 4
SHORT = 60
"""Operations of a radicand up to which it is factored."""


def written(found: Suggestion, budget: Budget) -> Suggestion:
    """The same formula in the shortest form that is known."""
    best = _on_data(found)
    if best.expression.count_ops() >= WORTH and budget.left:
        for way in _ways(best, budget):
            trial = _checked(best, way)
            if trial is not None and _length(trial.expression) < _length(best.expression):
                best = trial
                break
    return best


def _length(e: sp.Expr) -> float:
    return float(e.count_ops()) + 0.5 * len(e.atoms(sp.Function))


def _checked(found: Suggestion, expression: sp.Expr) -> Suggestion | None:
    """The suggestion with another expression; None if it does not agree with the data as well."""
    if expression == found.expression or expression.has(sp.I, sp.zoo, sp.nan, sp.oo):
        return None
    numbers = tuple(n for n in found.numbers if expression.has(n.symbol))
    form = Form(expression, numbers, found.how)
    left = form.values(found.symbols, found.points) - found.values
    if not np.isfinite(left).all():
        return None
    misfit = rms(left)
    if misfit > found.rms * (1 + 1e-6) + 1e-15 * rms(found.values):
        return None
    return replace(found, expression=expression, numbers=numbers, rms=misfit, bits=bits(form))


def _on_data(found: Suggestion) -> Suggestion:
    """Signs that are the same at all data taken as known."""
    positive = {
        s: sp.Dummy(s.name, positive=True) for s, p in zip(found.symbols, found.points, strict=True) if float(p.min()) > 0
    }
    fixed = {n.symbol: sp.Dummy("c", positive=True) for n in found.numbers if n.value > 0}
    back = {new: old for given in (positive, fixed) for old, new in given.items()}
    e = found.expression.xreplace({**positive, **fixed})
    values = dict(zip((positive.get(s, s) for s in found.symbols), found.points, strict=True))
    values |= {fixed.get(n.symbol, n.symbol): np.full(len(found.values), n.value) for n in found.numbers}
    e = e.replace(lambda a: isinstance(a, sp.Abs), lambda a: _signed(a.args[0], values) or a)
    e = e.replace(lambda a: isinstance(a, sp.Pow) and not a.exp.is_integer and a.exp.is_Rational, lambda a: _radical(a, values))
    trial = _checked(found, e.xreplace(back))
    return found if trial is None or _length(trial.expression) > _length(found.expression) else trial


def _signed(e: sp.Expr, values: dict[sp.Symbol, Array]) -> sp.Expr | None:
    """|e| without the bars, where e has one sign at all data."""
    at = np.asarray(compiled(e, tuple(values))(*values.values()), dtype=float)
    return e if (at >= 0).all() else -e if (at <= 0).all() else None


def _radical(power: sp.Expr, values: dict[sp.Symbol, Array]) -> sp.Expr:
    """((x - 1)^2 / s)^(1/2) as (1 - x) / s^(1/2), for factors of one sign."""
    base, k = power.args
    if base.count_ops() > SHORT or not base.has(sp.Mul, sp.Pow):
        return power
    inside: sp.Expr = sp.Integer(1)
    outside: sp.Expr = sp.Integer(1)
    for factor in sp.Mul.make_args(sp.factor(base, deep=False)):
        b, m = factor.as_base_exp()
        if isinstance(factor, sp.exp):
            outside *= sp.exp(factor.args[0] * k)
        elif m.is_integer and (m * k).is_integer and m.is_even and (plain := _signed(b, values)) is not None:
            outside *= plain ** (m * k)
        else:
            inside *= factor
    if outside == 1:
        return power
    above, below = (sp.expand(part) for part in sp.fraction(inside))
    if _signed(below, values) == -below:
        above, below = sp.expand(-above), sp.expand(-below)
    return outside * above**k / below**k


def _ways(found: Suggestion, budget: Budget) -> list[sp.Expr]:
    """Shorter forms that are equal at points to sixty digits, from the process that may be stopped."""
    from kanpde.symbolic.worker import Worker  # late: only long formulas need it

    picked = np.linspace(0, len(found.values) - 1, POINTS + 2).astype(int)[1:-1]
    points = []
    for i in picked:
        point = {s: sp.Rational(float(p[i])).limit_denominator(997) for s, p in zip(found.symbols, found.points, strict=True)}
        points.append(point | {n.symbol: sp.Rational(n.value).limit_denominator(997) for n in found.numbers})
    with Worker() as worker:
        ways: list[sp.Expr] | None = worker.call(min(SECONDS, max(1.0, budget.left)), "forms", found.expression, points)
    return ways or []
