"""Functions of one variable: modes in charts and under transforms, library functions, combinations of a dictionary.

Solutions of ordinary equations, the factors of products, the pieces of ridges and the edges of networks all come through here.
The stages go from cheap to dear; a form of few bits is handed out at once, a long one waits until the other stages had their say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from kanpde.symbolic.curves.basis import CHARTS, Basis
from kanpde.symbolic.curves.braid import braided
from kanpde.symbolic.curves.dictionary import combined
from kanpde.symbolic.curves.fit import Curve, bits, fitted, open_number
from kanpde.symbolic.curves.modes import modal_bases, needed
from kanpde.symbolic.curves.quotients import rational
from kanpde.symbolic.curves.scan import scanned
from kanpde.symbolic.curves.transforms import transformed
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Samples
from kanpde.symbolic.view import ACCEPT, View

MOST_FORMS = 6
"""Each form that is handed out costs an attempt at a proof."""
ORDERS = range(1, 9)
"""Of the differential equation of the modes: one function of one variable with more than four waves is a series."""
INNER = range(1, 6)
FEW = range(1, 4)
COMMON = 2.0
"""Under a transform fewer modes are looked for, and under rare transforms (of more bits) only those of x and x^2."""
LONGER = 14.0
"""Bits above the shortest form of the function beyond which a form is another way to write it, or a limit of something else."""
CLEAR_BITS = 40.0
"""A form of fewer bits is handed out before the later stages have looked."""


def univariate(view: View, effort: str = "full") -> Iterator[Form]:
    """Forms of a function of one variable, the likeliest first, at most six.

    ``effort`` "cheap" stops after modes and library functions without transforms: a tenth of the time, for factors of products.
    """
    curve = Curve.of(view)
    waiting: list[tuple[float, Form]] = []
    given: list[sp.Expr] = []
    best = float("inf")
    stages = [_plain, _library] if effort == "cheap" else [_plain, _library, _under_transforms, _dictionary, _free]

    for stage in stages:
        if not view.budget.left or (stage is _free and (waiting or given)):
            break
        waiting += [(bits(form), form) for form in stage(view, curve)]
        waiting.sort(key=lambda pair: pair[0])
        best = min([best, *(cost for cost, _ in waiting[:1])])
        while waiting and waiting[0][0] <= min(CLEAR_BITS, best + LONGER) and len(given) < MOST_FORMS:
            yield from _new(waiting.pop(0)[1], given)
    for cost, form in waiting:
        if len(given) == MOST_FORMS or cost > best + LONGER:
            return
        yield from _new(form, given)


def _new(form: Form, given: list[sp.Expr]) -> Iterator[Form]:
    """The form, unless one of the same shape was handed out before."""
    if form.shape not in given:
        given.append(form.shape)
        yield form


def _plain(view: View, curve: Curve) -> Iterator[Form]:
    """The function itself as modes, or as a quotient of polynomials."""
    yield from rational(curve)
    for basis in _bases(view.samples):
        form = _modal(basis, curve)
        if form is not None:
            yield form


def _library(view: View, curve: Curve) -> Iterator[Form]:
    """Library functions of a chart, with scale and shift."""
    yield from scanned(curve)


def _under_transforms(view: View, curve: Curve) -> Iterator[Form]:
    """Modes of a transform of the function."""
    for t in transformed(view):
        if t.name == "u":
            continue
        if not view.budget.left:
            return
        inner = Curve.of(t.view)
        bases = [*_bases(t.view.samples, INNER, ("x", "x^2"))]
        bases += [*_bases(t.view.samples, FEW, ("log x", "sqrt x", "1/x"))] if t.bits <= COMMON else []
        for basis in bases:
            form = _modal(basis, inner)
            if form is None:
                continue
            back = t.inverse(form)
            outer = fitted(back.expression, {n.symbol: n.value for n in back.numbers}, curve, back.how)
            if outer is not None:
                yield outer


def _dictionary(view: View, curve: Curve) -> Iterator[Form]:
    """Sums of atoms with simple constants."""
    yield from combined(curve, view.harvested)


def _free(view: View, curve: Curve) -> Iterator[Form]:
    """One or two functions with constants of any size; the last resort."""
    yield from braided(curve)


def _bases(samples: Samples, orders: range = ORDERS, charts: Sequence[str] = tuple(CHARTS)) -> Iterator[Basis]:
    if samples.resolved:
        chosen = [CHARTS[name] for name in charts]
        yield from modal_bases(samples.values[:, None], samples.axes[0], samples.sigma, orders, charts=chosen)


def _modal(basis: Basis, curve: Curve) -> Form | None:
    """The sum of those columns of a basis that the data need."""
    columns = basis.values(curve.nodes)
    kept, coefficients = needed(columns, curve.values, ACCEPT * curve.sigma)
    guesses: dict[sp.Dummy, float] = {}
    theta = [open_number(value, guesses, "k") for value in basis.theta]
    exact = basis.expressions(curve.symbol, theta)
    expression = sp.Add(*(open_number(c, guesses) * exact[k] for k, c in zip(kept, coefficients, strict=True)))
    used = {s: v for s, v in guesses.items() if expression.has(s)}
    where = "" if basis.chart.name == "x" else f" of {basis.chart.name}"
    return fitted(expression, used, curve, ("modes" if basis.theta else "polynomial") + where)
