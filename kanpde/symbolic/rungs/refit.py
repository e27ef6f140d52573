"""All numbers of a form, refined together on the values of the field.

What a derivative or a part of the field suggests is good to a few digits; the values know the numbers as well as they can be
known. Numbers that the values allow to be zero leave the form, and of numbers that the values cannot tell apart (a gauge freedom:
c e^(b + x)) one is set to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.least_squares import refine_numbers, spread
from kanpde.symbolic.form import Form, Number, compiled
from kanpde.symbolic.sample import Array
from kanpde.symbolic.view import ACCEPT, View

MOST_POINTS = 1600
"""Points on which the numbers are refined; the fit is judged on all."""
UNDETERMINED = 3e-6
"""Smallest singular value of the normalised Jacobian below which a direction of the numbers changes nothing; its difference
quotients are good to about 1e-6."""
NEARLY = 1e-3
"""A number is tried as zero if it is below this, or below a hundred times what it may be off by."""


def misfit_of(form: Form, view: View) -> float:
    """The root mean square of form - values, infinite where the form is not defined."""
    grids = np.meshgrid(*view.nodes, indexing="ij", sparse=True)
    found = form.values(view.symbols, grids) - view.values
    return float(np.sqrt(np.mean(found**2))) if np.isfinite(found).all() else float("inf")


def refit(form: Form, view: View) -> Form | None:
    """The form with its numbers refined, without those that may be zero; None if it does not fit within three sigma."""
    best = _refined(form, view)
    if best is None or misfit_of(best, view) > ACCEPT * view.sigma:
        return None
    allowed = max(view.sigma, 1.2 * misfit_of(best, view))
    changed = True
    while changed and view.budget.left:
        changed = False
        loose = undetermined(best, view)
        if loose is not None:
            simpler = _fixed(best, loose, (1, -1, 0), view, allowed)
            if simpler is None:
                return None  # a family of forms fits: not this structure
            best, changed = simpler, True
            continue
        for n in sorted(best.numbers, key=lambda n: abs(n.value)):
            if abs(n.value) > max(100 * n.slack, NEARLY):
                continue
            simpler = _fixed(best, n, (0,), view, allowed)
            if simpler is not None:
                best, changed = simpler, True
                break
    return _with_exponents(best, view, allowed)


def _with_exponents(form: Form, view: View, allowed: float) -> Form:
    """The form with exponents that are whole or half numbers for all that the data can say: x^1.0 is x."""
    for n in form.numbers:
        near = sp.Rational(round(2 * n.value), 2)
        powers = [e for e in form.expression.atoms(sp.Pow, sp.exp) if _is_exponent(n.symbol, e)]
        if powers and abs(n.value - float(near)) <= 10 * n.slack + 1e-9:
            form = _fixed(form, n, (near,), view, allowed) or form
    return form


def _is_exponent(symbol: sp.Dummy, power: sp.Expr) -> bool:
    """Whether the symbol is in the exponent of something: x^c, or exp(c log x)."""
    base, exponent = power.as_base_exp()
    if base != sp.E:
        return bool(exponent.has(symbol))
    return any(f.func == sp.log for f in sp.Mul.make_args(exponent)) and exponent.as_independent(sp.log)[0].has(symbol)


def _fixed(form: Form, fixed: Number, options: Sequence[sp.Rational | int], view: View, allowed: float) -> Form | None:
    """The form with one number at the first of the exact values that the other numbers can make up for."""
    for value in options:
        expression = form.expression.xreplace({fixed.symbol: sp.sympify(value, strict=True)})
        if expression.has(sp.nan, sp.zoo, sp.oo) or not expression.free_symbols & set(view.symbols):
            continue
        numbers = tuple(n for n in form.numbers if n.symbol != fixed.symbol and expression.has(n.symbol))
        trial = _refined(Form(expression, numbers, form.how), view)
        if trial is not None and misfit_of(trial, view) <= allowed:
            return trial
    return None


def _spread_out(view: View) -> tuple[list[Array], Array]:
    """A spread-out part of the samples: points (d times (N,)) and values (N,)."""
    grids = np.meshgrid(*view.nodes, indexing="ij")
    count = grids[0].size
    step = max(1, count // MOST_POINTS)
    if len(grids) > 1:
        step += 1 - step % 2  # odd: it walks through all columns of a grid with an even number of nodes
    chosen = slice(0, None, step)
    return [grid.ravel()[chosen] for grid in grids], view.values.ravel()[chosen]


def _refined(form: Form, view: View) -> Form | None:
    if not form.numbers:
        return form
    points, values = _spread_out(view)
    names, start = [n.symbol for n in form.numbers], [n.value for n in form.numbers]
    found = refine_numbers(form.expression, view.symbols, names, start, points, values, 0.1)
    if found is None:
        return None
    off = spread(found[1], view.sigma, found[0])
    numbers = tuple(replace(n, value=float(v), slack=float(s)) for n, v, s in zip(form.numbers, found[0], off, strict=True))
    return replace(form, numbers=numbers)


def undetermined(form: Form, view: View) -> Number | None:
    """A number that can change together with others without any change of the values; None if there is none."""
    if len(form.numbers) < 2:
        return None
    points, _ = _spread_out(view)
    function = compiled(form.expression, (*view.symbols, *(n.symbol for n in form.numbers)))
    theta = np.array([n.value for n in form.numbers])
    columns = []
    for k in range(len(theta)):
        h = np.zeros(len(theta))
        h[k] = 1e-5 * max(abs(theta[k]), 0.1)  # central differences: 1e-10 relative
        with np.errstate(all="ignore"):
            up, down = (np.broadcast_to(np.real(function(*points, *(theta + s * h))), points[0].shape) for s in (1, -1))
        column = up - down
        if not np.isfinite(column).all():
            return None
        columns.append(column / max(float(np.linalg.norm(column)), 1e-300))
    _, sizes, right = np.linalg.svd(np.stack(columns, 1), full_matrices=False)
    if sizes[-1] > UNDETERMINED * sizes[0]:
        return None
    return form.numbers[int(np.argmax(np.abs(right[-1])))]
