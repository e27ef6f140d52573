"""A formula whose numbers change from line to line: numbers of a function of x at every t become functions of t.

Cole-Hopf potentials have coefficients c(t), Gaussians a centre and a width that move with t. Along one coordinate such a function
is simple, and every number that it has there is a function of the other coordinates, found by the rungs for those. The numbers of
the whole are then moved together until the form fits the values themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, product

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.modes import modal_bases
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.sample import Array, Axis, Samples
from kanpde.symbolic.view import ACCEPT, View

MOST_NUMBERS = 20
"""Open numbers of a form: what has more is a table, not a formula."""
EVEN = 30.0
"""Lines whose number is this much less certain than the best half know it too badly: it is looked for without them."""
KNOWN = 1e-3
"""Noise of a number relative to its size: worse known, it may be any function."""
SECONDS = 3.0
"""Time for the search of one number's function: those that have one are found at once."""
TRIALS = 2
"""Combinations of forms, one for each number, that are fitted to the values."""


def integral(axis: Axis, times: int = 1) -> Array:  # (n, n)
    """The matrix that integrates from the middle of the interval, values at the nodes to values at the nodes."""
    eye = axis.coefficients(np.eye(axis.n))  # (n, n): the series of each node's cardinal function
    series = chebyshev.chebint(eye, m=times, lbnd=0.0, scl=1.0, axis=0) * (axis.width / 2) ** times
    return axis.evaluate(np.asarray(series, dtype=np.float64), axis.nodes)


def functions(view: View, axis: int, values: Array, noise: Array) -> Iterator[Form]:
    """Forms of a number that was found on every line along ``axis``, as functions of the other coordinates.

    ``values`` and ``noise`` (root mean square) have the shape of the grid without ``axis``. Lines that know the number much worse
    than the others are left out, where one coordinate is left.
    """
    others = [i for i in range(len(view.symbols)) if i != axis]
    if not (np.isfinite(values).all() and np.isfinite(noise).all()):
        return
    noise = np.maximum(noise, 1e-15 * float(np.abs(values).max()) + 1e-300)
    typical = float(np.sqrt(np.mean(np.minimum(noise, EVEN * np.median(noise)) ** 2)))
    if float(np.sqrt(np.mean(values**2))) <= ACCEPT * typical:
        yield Form(sp.Integer(0))
        return
    centre = float(np.average(values, weights=noise**-2.0))
    if float(np.sqrt(np.mean(((values - centre) * typical / np.maximum(noise, typical)) ** 2))) <= ACCEPT * typical:
        constant = number(centre, ACCEPT * typical)
        yield Form(constant.symbol, (constant,))
        return
    if typical > KNOWN * float(np.sqrt(np.mean(values**2))):
        return
    axes = tuple(view.samples.axes[i] for i in others)
    if len(axes) == 1 and noise.max() > EVEN * np.median(noise):
        trimmed = _trimmed(axes[0], values, noise)
        if trimmed is None:
            return
        axes, values, typical = (trimmed[0],), trimmed[1], trimmed[2]
    rest = view.of(_denoised(axes, values, typical), [view.symbols[i] for i in others])
    yield from _rest(replace(rest, budget=Budget(view.budget.at_most(SECONDS))))


def fitting(view: View, expression: sp.Expr, numbers: Sequence[Number], how: str) -> Form | None:
    """The form with its numbers moved to fit the values best; None if it has too many or does not fit."""
    kept = tuple(n for n in numbers if expression.has(n.symbol))
    if len(kept) > MOST_NUMBERS or not view.budget.left:
        return None
    return refit(Form(expression, kept, how), view)


def _rest(view: View) -> Iterator[Form]:
    # Late: the rungs of one coordinate may themselves look along lines.
    if len(view.symbols) == 1:
        from kanpde.symbolic.curves.univariate import univariate

        modal = _modal(view)
        if modal is not None:
            yield modal
        yield from univariate(view, "cheap")
    else:
        from kanpde.symbolic.rungs.products import products

        yield from products(view)


def _modal(view: View) -> Form | None:
    """The first sum of at most four modes: what most numbers of lines are, and found ten times faster than anything else."""
    axis = view.samples.axes[0]
    for basis in modal_bases(view.values[:, None], axis, view.sigma, range(1, 5)):
        columns = basis.values(axis.nodes)
        sizes = np.linalg.norm(columns, axis=0)
        c = np.linalg.lstsq(columns / sizes, view.values, rcond=1e-14)[0] / sizes
        rates = [number(v, s) for v, s in zip(basis.theta, basis.spread, strict=True)]
        factors = [number(float(v)) for v in c]
        parts = basis.expressions(view.symbols[0], [n.symbol for n in rates])
        expression = sp.Add(*(n.symbol * part for n, part in zip(factors, parts, strict=True)))
        form = fitting(view, expression, [*rates, *factors], "modes")
        if form is not None:
            return form
    return None


def _denoised(axes: tuple[Axis, ...], values: Array, sigma: float) -> Samples:
    """Samples whose noise is what the tail of their series says, if that is up to 30 times more than expected."""
    series = values
    for i, axis in enumerate(axes):
        series = axis.coefficients(series, i)
    gain = float(np.prod([np.sqrt(2 / axis.n) for axis in axes]))
    tail = float(np.sqrt(np.mean(series[tuple(slice(3 * axis.n // 4, None) for axis in axes)] ** 2))) / gain
    floor = 4 * np.finfo(float).eps * float(np.abs(values).max())
    return Samples(axes, values, max(sigma, floor, min(tail, 30 * sigma)), True)


def _trimmed(axis: Axis, values: Array, noise: Array) -> tuple[Axis, Array, float] | None:
    """The longest run of lines of even noise, on Chebyshev nodes of its own: by a series of least squares, weighted."""
    good = noise <= EVEN * np.median(noise)
    runs = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int))).reshape(-1, 2)
    first, last = max(runs.tolist(), key=lambda run: run[1] - run[0])
    x, y, s = axis.nodes[first:last], values[first:last], noise[first:last]
    if last - first < 12:
        return None
    inner = Axis(float(x[0]), float(x[-1]), last - first)
    basis = chebyshev.chebvander(inner.reference(x), max(4, min(24, (last - first) // 2)))
    series = np.asarray(np.linalg.lstsq(basis / s[:, None], y / s, rcond=None)[0], dtype=np.float64)
    return inner, inner.evaluate(series, inner.nodes), float(np.sqrt(np.mean(s**2)))


def assembled(
    view: View,
    axis: int,
    strands: Sequence[tuple[Array, Array]],  # values and noise of each number, in the shape of the other coordinates
    build: Callable[[Sequence[sp.Expr]], sp.Expr],
    numbers: Sequence[Number],
    how: str,
) -> Iterator[Form]:
    """Forms of the field with the numbers of its lines replaced by functions of the other coordinates, fitted to the values.

    ``build`` makes the field's expression from one expression a number; ``numbers`` are the open ones of its own.
    """
    searches = [functions(view, axis, values, noise) for values, noise in strands]
    options: list[list[Form]] = [[] for _ in strands]

    def option(k: int, i: int) -> Form | None:
        """The i-th form of a number, looked for only now."""
        options[k] += islice(searches[k], max(0, i + 1 - len(options[k])))
        return options[k][i] if i < len(options[k]) else None

    order = sorted(product(range(2), repeat=len(strands)), key=lambda c: (sum(c), c))
    for choice in order[:TRIALS]:
        chosen = []
        for k, i in enumerate(choice):
            form = option(k, i)
            if form is None:
                break
            chosen.append(form)
        if len(chosen) < len(strands):
            if not sum(choice):
                return
            continue
        expression = build([form.expression for form in chosen])
        fitted = fitting(view, expression, [*numbers, *(n for form in chosen for n in form.numbers)], how)
        if fitted is not None:
            yield fitted
            return
