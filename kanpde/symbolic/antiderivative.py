"""Antiderivatives of Gaussians: repeated integrals of erf((y - m)/s), also with exponential factors.

The integrals are E = erf(z), (y - m) E + s/sqrt(pi) G, ... with z = (y - m)/s and G = e^(-z^2); integrals of a Gaussian with an
exponential bring e^(a y) erf((y - m + a s^2/2)/s). Heat conduction with a given flux, advection into a half space (Ogata and
Banks 1961), the price of an option (Black and Scholes 1973, y = log S) are such functions of y on every line, with m, s and
coefficients that change with time. On one line m, s and a come from a scan and variable projection; they are followed from line
to line, and what they are as functions of the other coordinate is for the rungs of one coordinate. No derivative of the values is
taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

from kanpde.symbolic.basis import CHARTS, Chart, misfit, refine, rms
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.gaussians import TEMPLATES, Template, columns, expressions, on_line, refined
from kanpde.symbolic.lines import assembled, fitting, functions
from kanpde.symbolic.sample import Array, Axis
from kanpde.symbolic.view import View

EVIDENCE = 3
"""Significant coefficients of a line beyond the numbers of the template."""
STRAY = 0.1
"""Part of the lines that may not be followed: early ones, too steep for the nodes."""
SECONDS = 8.0
"""Time for the whole rung; what has no such form leaves it after some tenths of a second."""


def antiderivatives(view: View) -> Iterator[Form]:
    """Forms of one or two coordinates that on every line along one of them are integrals of Gaussians."""
    if len(view.symbols) > 2:
        return
    view = replace(view, budget=view.budget.part(SECONDS))
    time = None if view.problem is None else view.problem.domain.time_axis
    for axis, x in enumerate(view.symbols):
        if len(view.symbols) == 2 and time is not None and view.problem is not None and x.name == view.problem.coordinates[time]:
            continue
        lines = np.moveaxis(view.values, axis, 0).reshape(len(view.nodes[axis]), -1)  # (n, lines)
        for name in ("x", "log x"):
            chart = CHARTS[name]
            line = view.samples.axes[axis]
            if chart.admits(line.lower, line.upper) and view.budget.left:
                yield from _along(view, axis, chart, lines)


def _along(view: View, axis: int, chart: Chart, lines: Array) -> Iterator[Form]:
    """Forms with the lines along one axis, in one chart."""
    y = chart.forward(view.nodes[axis])
    middle = lines.shape[1] // 2
    content = int(np.sum(np.abs(view.samples.axes[axis].coefficients(lines[:, middle])) > 3 * view.sigma))
    for template in TEMPLATES:
        if (chart.name == "log x" and template.extra != "rate") or len(template.terms) + template.open + EVIDENCE > content:
            continue
        if not view.budget.left:
            return
        start = on_line(template, y, lines[:, middle], view.sigma)
        if start is None:
            continue
        form = _whole(view, axis, chart, template, lines, start)
        if form is not None:
            yield form
            return


def _whole(view: View, axis: int, chart: Chart, template: Template, lines: Array, start: Array) -> Form | None:
    """The form of the field with its numbers fitted to all values."""
    y = chart.forward(view.nodes[axis])
    numbers, noise = _followed(template, y, lines, start, view.sigma)  # (q, lines) each
    good = np.isfinite(noise).all(0)
    if np.mean(good) < 1 - STRAY:
        return None
    numbers[:, ~good] = 0.0
    noise[:, ~good] = 1e6 * np.median(noise[:, good], axis=1, keepdims=True)
    strands = [(numbers[0], noise[0]), (numbers[1] ** 2, 2 * numbers[1] * noise[1]), *zip(numbers[2:], noise[2:], strict=True)]
    shape = tuple(len(z) for i, z in enumerate(view.nodes) if i != axis)
    forms = [next(functions(view, axis, v.reshape(shape), d.reshape(shape)), None) for v, d in strands]
    found = [form for form in forms if form is not None]
    if len(found) < len(forms):
        return None
    found = _together(view, axis, template, y, lines, found)
    origin = _origin(view, axis, found[1])
    if origin is not None:
        return _from_origin(view, axis, chart, template, lines, start, *origin)
    return _with_coefficients(view, axis, chart, template, lines, found)


def _origin(view: View, axis: int, variance: Form) -> tuple[float, int] | None:
    """Where s^2 = 0, if s^2 is linear, and on which side of it the box lies: all spreading starts there."""
    if len(view.symbols) == 1 or len(variance.numbers) != 2:
        return None
    t = view.symbols[1 - axis]
    values = {n.symbol: sp.Float(n.value) for n in variance.numbers}
    if sp.diff(variance.expression, t, 2) != 0:
        return None
    slope, at = (
        float(e.xreplace(values)) for e in (sp.diff(variance.expression, t), variance.expression.xreplace({t: sp.Integer(0)}))
    )
    return (-at / slope, 1 if slope > 0 else -1) if at and slope else None


def _from_origin(
    view: View, axis: int, chart: Chart, template: Template, lines: Array, start: Array, origin: float, side: int
) -> Form | None:
    """The form as a function of the time since the origin (or until it: the expiry of an option)."""
    t, tau = view.symbols[1 - axis], sp.Dummy("tau", positive=True)
    old = view.samples.axes[1 - axis]
    ends = sorted(side * (end - origin) for end in (old.lower, old.upper))
    if ends[0] < 0:
        return None
    axes, symbols = list(view.samples.axes), list(view.symbols)
    axes[1 - axis], symbols[1 - axis] = Axis(ends[0], ends[1], old.n), tau
    values = view.values if side > 0 else np.flip(view.values, 1 - axis)
    moved = view.of(replace(view.samples, axes=tuple(axes), values=values), symbols)
    form = _whole(moved, axis, chart, template, lines[:, ::side], start)
    if form is None:
        return None
    T = number(origin, name="T")
    return fitting(view, form.expression.xreplace({tau: side * (t - T.symbol)}), [*form.numbers, T], form.how)


def _numbers(view: View, axis: int, found: Sequence[Form]) -> Array:  # (q, lines)
    """m, s and what else is open on every line, from forms of m, s^2 and the rest."""
    others = [i for i in range(len(view.symbols)) if i != axis]
    count = int(np.prod([len(view.nodes[i]) for i in others]))
    nodes = [view.nodes[i] for i in others]
    at = [np.broadcast_to(f.values([view.symbols[i] for i in others], nodes), (count,)) for f in found]
    return np.stack([at[0], np.sqrt(np.abs(at[1])), *at[2:]])


def _together(view: View, axis: int, template: Template, y: Array, lines: Array, found: list[Form]) -> list[Form]:
    """The forms with their numbers moved to fit all lines at once, each line with coefficients of its own."""
    numbers = [n for form in found for n in form.numbers]

    def moved(theta: Array, slack: Array) -> list[Form]:
        values = {n.symbol: Number(n.symbol, float(v), float(s)) for n, v, s in zip(numbers, theta, slack, strict=True)}
        return [replace(form, numbers=tuple(values[n.symbol] for n in form.numbers)) for form in found]

    def residual(theta: Array) -> Array:
        table = np.stack([columns(template, y, at) for at in _numbers(view, axis, moved(theta, theta)).T])  # (lines, n, p)
        if not np.isfinite(table).all():
            return np.full(lines.size, np.inf)
        q, _ = np.linalg.qr(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-300))
        return (lines.T - np.einsum("jnp,jmp,mj->jn", q, q, lines, optimize=True)).ravel()

    start = np.array([n.value for n in numbers])
    if not numbers or not np.isfinite(residual(start)).all():
        return found
    theta, J = refine(residual, start, np.maximum(np.abs(start), 1e-2), steps=8)
    return moved(theta, view.sigma * np.linalg.norm(np.linalg.pinv(J), axis=1))


def _followed(template: Template, y: Array, lines: Array, start: Array, sigma: float) -> tuple[Array, Array]:
    """The open numbers of every line (q, lines), from the middle outwards, and their noise: infinite where they are lost."""
    numbers, noise = (np.full((len(start), lines.shape[1]), value) for value in (0.0, np.inf))
    middle = lines.shape[1] // 2
    for walk in (range(middle, lines.shape[1]), range(middle, -1, -1)):
        guess = start
        for j in walk:
            found = refined(template, y, lines[:, j], guess)
            if found is None or rms(misfit(columns(template, y, found[0]), lines[:, [j]])) > 10 * sigma:
                break
            before = numbers[:, j - walk.step] if j != middle else found[0]
            numbers[:, j] = found[0]
            noise[:, j] = sigma * np.linalg.norm(np.linalg.pinv(found[1]), axis=1)
            guess = 2 * found[0] - before
            if guess[1] <= 0.5 * found[0][1]:
                guess = found[0]
    return numbers, noise


def _with_coefficients(
    view: View, axis: int, chart: Chart, template: Template, lines: Array, found: Sequence[Form]
) -> Form | None:
    """The terms that the lines need, with coefficients that are functions of the other coordinate."""
    y = chart.forward(view.nodes[axis])
    keep = list(range(len(template.terms)))
    theta = _numbers(view, axis, found)
    table = np.stack([columns(template, y, t) for t in theta.T])  # (lines, n, p)

    def left(chosen: list[int]) -> float:
        return max(rms(misfit(table[j][:, chosen], lines[:, [j]])) for j in range(lines.shape[1]))

    allowed = max(3 * view.sigma, 1.5 * left(keep))
    for k in reversed(range(len(template.terms))):
        smaller = [i for i in keep if i != k]
        if smaller and left(smaller) <= allowed:
            keep = smaller
    if not any(template.terms[k].kind != "1" for k in keep):
        return None
    shape = tuple(len(z) for i, z in enumerate(view.nodes) if i != axis)

    def coefficients(theta: Array) -> tuple[Array, Array]:  # (p, lines) each
        chosen = np.stack([columns(template, y, t)[:, keep] for t in theta.T])
        inverse = np.linalg.pinv(chosen, rcond=1e-14)  # (lines, p, n)
        values, noise = np.einsum("jpn,nj->pj", inverse, lines), view.sigma * np.linalg.norm(inverse, axis=2).T
        if template.extra == "rate":  # the numeric terms are e^(a (y - mean))
            shifted = [template.terms[k].rate and template.terms[k].kind != "H" for k in keep]
            factor = np.exp(np.where(shifted, -1.0, 0.0)[:, None] * theta[2] * y.mean())
            values, noise = values * factor, noise * factor
        return values, noise

    values, noise = coefficients(theta)
    for i, form in enumerate(found):  # what the coefficients owe to the numbers inside the terms
        for k, n in enumerate(form.numbers):
            other = replace(form, numbers=(*form.numbers[:k], replace(n, value=n.value + n.slack), *form.numbers[k + 1 :]))
            noise = np.hypot(noise, coefficients(_numbers(view, axis, [*found[:i], other, *found[i + 1 :]]))[0] - values)
    z = chart.expression(view.symbols[axis])
    if chart.name == "log x":
        found = [_in_logarithms(found[0]), *found[1:]]
    parts = expressions(template, z, *(f.expression for f in found), *([None] if len(found) == 2 else []))
    numbers: list[Number] = [n for f in found for n in f.numbers]
    build = partial(_sum, [parts[k] for k in keep])
    strands = [(v.reshape(shape), d.reshape(shape)) for v, d in zip(values, noise, strict=True)]
    return next(assembled(view, axis, strands, build, numbers, f"{template.name} in {z}"), None)


def _in_logarithms(form: Form) -> Form:
    """A centre c + ... written as log C + ...: log x - log C is the logarithm of a ratio."""
    for n in form.numbers:
        rest = form.expression - n.symbol
        if not rest.has(n.symbol):
            inside = number(float(np.exp(n.value)), float(np.exp(n.value)) * n.slack, "C")
            return Form(rest + sp.log(inside.symbol), (inside, *(other for other in form.numbers if other is not n)), form.how)
    return form


def _sum(columns: Sequence[sp.Expr], coefficients: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Add(*(c * column for c, column in zip(coefficients, columns, strict=True)))
