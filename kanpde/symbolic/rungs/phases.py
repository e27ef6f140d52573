"""One wave with a phase for a sine and a cosine: a sin z + b cos z = c sin(z + phi).

Where a problem says sin(t + 1/2), the phase is a simple number, and a and b are not. Which of the two a problem means, only its
constants tell: both are handed on.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from kanpde.symbolic.form import Form, Number, number


def phased(form: Form) -> Form | None:
    """The form with every pair of a sine and a cosine as one wave; None if there is no such pair."""
    values = {n.symbol: n.value for n in form.numbers}
    new: list[Number] = []

    def walk(e: sp.Expr) -> sp.Expr:
        if not e.args:
            return e
        e = e.func(*(walk(a) for a in e.args))
        return _joined(e) if isinstance(e, sp.Add) else e

    def _joined(e: sp.Add) -> sp.Expr:
        rest: list[sp.Expr] = []
        waves: dict[tuple[sp.Expr, sp.Expr], list[tuple[float, sp.Expr, type, bool]]] = {}
        for term in e.args:
            known, others = term.as_independent(*(form.expression.free_symbols - set(values)), as_Add=False)
            wave = [f for f in sp.Mul.make_args(others) if isinstance(f, (sp.sin, sp.cos))]
            if len(wave) != 1 or not all(s in values for s in known.free_symbols):
                rest.append(term)
                continue
            value = float(known.xreplace({s: sp.Float(values[s], 17) for s in known.free_symbols}))
            waves.setdefault((others / wave[0], wave[0].args[0]), []).append(
                (value, term, type(wave[0]), bool(known.free_symbols))
            )
        for (cofactor, z), found in waves.items():
            kinds = {kind: value for value, _, kind, _ in found}
            if len(found) != 2 or len(kinds) != 2:
                rest += [term for _, term, *_ in found]
                continue
            a, b = kinds[sp.sin], kinds[sp.cos]
            sign = 1 if a > 0 else -1
            phi = number(float(np.arctan2(sign * b, sign * a)), name="phi")  # between -pi/2 and pi/2
            new.append(phi)
            size: sp.Expr = sp.Integer(sign)  # where one of the two had no number, another factor takes the size
            if all(own for *_, own in found):
                new.append(c := number(sign * float(np.hypot(a, b))))
                size = c.symbol
            rest.append(size * cofactor * sp.sin(z + phi.symbol))
        return sp.Add(*rest)

    expression = walk(form.expression)
    if not new:
        return None
    return Form(expression, tuple(n for n in (*form.numbers, *new) if expression.has(n.symbol)), form.how)
