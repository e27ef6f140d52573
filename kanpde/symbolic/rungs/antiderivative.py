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
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.basis import CHARTS, Chart
from kanpde.symbolic.curves.least_squares import misfit, refine, rms
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.gaussians import TEMPLATES, Template, columns, expressions, on_line, refined
from kanpde.symbolic.rungs.lines import assembled, fitting, functions
from kanpde.symbolic.rungs.logarithmic import VANISHES, factors, logarithmic, potential, scaled, times, value_of
from kanpde.symbolic.sample import Array, Axis
from kanpde.symbolic.view import View

Mask = np.ndarray[Any, np.dtype[np.bool_]]

EVIDENCE = 3
"""Significant coefficients of a line beyond the numbers of the template."""
STRAY = 0.1
"""Part of the lines that may not be followed: early ones, too steep for the nodes."""
MOST_FACTORS = 2
"""Values of K in u = K theta_x / theta, where no equation gives one."""
SECONDS = 20.0
"""Time for the whole rung; what has no such form leaves it after some tenths of a second."""


@dataclass(frozen=True)
class Lines:
    """A function on the lines along one coordinate, and what it is there.

    ``target`` is none where the function is the field itself; else it is the field to be fitted, the logarithmic derivative of
    the function, which is then known up to a factor on every line.
    """

    view: View
    axis: int
    chart: Chart
    template: Template
    target: View | None = None

    @property
    def y(self) -> Array:  # (n,)
        """The nodes of a line, in the chart."""
        return self.chart.forward(self.view.nodes[self.axis])

    @property
    def values(self) -> Array:  # (n, lines)
        """The function, a column a line."""
        return np.moveaxis(self.view.values, self.axis, 0).reshape(len(self.view.nodes[self.axis]), -1)

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid of the lines."""
        return tuple(len(z) for i, z in enumerate(self.view.nodes) if i != self.axis)


def antiderivatives(view: View) -> Iterator[Form]:
    """Forms of one or two coordinates that on every line along one of them are integrals of Gaussians."""
    if len(view.symbols) > 2:
        return
    view = replace(view, budget=view.budget.part(SECONDS))
    for axis in _along_which(view):
        yield from _along(view, axis, None)


def spreading_quotients(view: View) -> Iterator[Form]:
    """Forms u = K theta_x / theta with Gaussians or their integrals for theta: N-waves and steps of Burgers' equation."""
    if len(view.symbols) != 2:
        return
    view = replace(view, budget=view.budget.part(SECONDS))
    for axis in _along_which(view):
        for K in factors(view.problem, view.symbols[axis])[:MOST_FACTORS]:
            theta = potential(view, axis, value_of(view.problem, K))
            if theta is not None:
                for form in _along(view.of(replace(theta, sigma=2 * theta.sigma)), axis, scaled(view, K)):
                    yield times(form, K, view.problem)


def _along_which(view: View) -> Iterator[int]:
    """The coordinates along which there are lines: any but time."""
    time = None if view.problem is None else view.problem.domain.time_axis
    named = "" if time is None or view.problem is None else view.problem.coordinates[time]
    return (axis for axis, x in enumerate(view.symbols) if len(view.symbols) == 1 or x.name != named)


def _along(view: View, axis: int, target: View | None) -> Iterator[Form]:
    """Forms with the lines along one coordinate, in each chart."""
    line = view.samples.axes[axis]
    for name in ("x", "log x"):
        if not CHARTS[name].admits(line.lower, line.upper):
            continue
        for template in TEMPLATES:
            lines = Lines(view, axis, CHARTS[name], template, target)
            middle = lines.values[:, lines.values.shape[1] // 2]
            content = line.significant(middle, view.sigma)
            if (name == "log x" and template.extra != "rate") or len(template.terms) + template.open + EVIDENCE > content:
                continue
            start = on_line(template, lines.y, middle, view.sigma) if view.budget.left else None
            form = None if start is None else _whole(lines, start)
            if form is not None:
                yield form
                return


def _whole(lines: Lines, start: Array) -> Form | None:
    """The form of the field with its numbers fitted to all values."""
    numbers, noise = _followed(lines, start)  # (q, lines) each
    good = np.asarray(np.isfinite(noise).all(0))
    if np.mean(good) < 1 - STRAY:
        return None
    noise = np.stack([_without(d, good) for d in noise])
    strands = [(numbers[0], noise[0]), (numbers[1] ** 2, _without(2 * numbers[1] * noise[1], good))]
    strands += zip(numbers[2:], noise[2:], strict=True)
    shape = lines.shape
    forms = [next(functions(lines.view, lines.axis, v.reshape(shape), d.reshape(shape)), None) for v, d in strands]
    found = [form for form in forms if form is not None]
    if len(found) < len(forms):
        return None
    found = _together(lines, found, good)
    plain = _with_coefficients(lines, found, good)
    origin = _origin(lines, found[1])
    moved = None if origin is None else _from_origin(lines, start, *origin)
    both = [form for form in (moved, plain) if form is not None]
    return min(both, key=lambda form: len(form.numbers), default=None)


def _without(noise: Array, good: Mask) -> Array:
    """The noise of a number on every line, too large to count on the lines that were lost."""
    return np.where(good, noise, 1e6 * float(np.median(noise[good])))


def _origin(lines: Lines, variance: Form) -> tuple[float, int] | None:
    """Where s^2 = 0, if s^2 is linear, and on which side of it the box lies: all spreading starts there."""
    if len(lines.view.symbols) == 1 or len(variance.numbers) != 2:
        return None
    t = lines.view.symbols[1 - lines.axis]
    values = {n.symbol: sp.Float(n.value) for n in variance.numbers}
    if sp.diff(variance.expression, t, 2) != 0:
        return None
    slope, at = (
        float(e.xreplace(values)) for e in (sp.diff(variance.expression, t), variance.expression.xreplace({t: sp.Integer(0)}))
    )
    return (-at / slope, 1 if slope > 0 else -1) if at and slope else None


def _from_origin(lines: Lines, start: Array, origin: float, side: int) -> Form | None:
    """The form as a function of the time since the origin (or until it: the expiry of an option)."""
    field, other = lines.target or lines.view, 1 - lines.axis
    t, tau = field.symbols[other], sp.Dummy("tau", positive=True)
    old = field.samples.axes[other]
    ends = sorted(side * (end - origin) for end in (old.lower, old.upper))
    if ends[0] < 0:
        return None

    def moved(view: View) -> View:
        axes, symbols = list(view.samples.axes), list(view.symbols)
        axes[other], symbols[other] = Axis(ends[0], ends[1], old.n), tau
        values = view.values if side > 0 else np.flip(view.values, other)
        return view.of(replace(view.samples, axes=tuple(axes), values=values), symbols)

    target = None if lines.target is None else moved(lines.target)
    form = _whole(replace(lines, view=moved(lines.view), target=target), start)
    if form is None:
        return None
    T = number(origin, name="T")
    return fitting(field, form.expression.xreplace({tau: side * (t - T.symbol)}), [*form.numbers, T], form.how)


def _numbers(lines: Lines, found: Sequence[Form]) -> Array:  # (q, lines)
    """m, s and what else is open on every line, from forms of m, s^2 and the rest."""
    view, axis = lines.view, lines.axis
    others = [i for i in range(len(view.symbols)) if i != axis]
    count = int(np.prod([len(view.nodes[i]) for i in others]))
    nodes = [view.nodes[i] for i in others]
    at = [np.broadcast_to(f.values([view.symbols[i] for i in others], nodes), (count,)) for f in found]
    return np.stack([at[0], np.sqrt(np.abs(at[1])), *at[2:]])


def _together(lines: Lines, found: list[Form], good: Mask) -> list[Form]:
    """The forms with their numbers moved to fit all lines at once, each line with coefficients of its own."""
    numbers = [n for form in found for n in form.numbers]
    y, values = lines.y, lines.values[:, good]

    def moved(theta: Array, slack: Array) -> list[Form]:
        at = {n.symbol: Number(n.symbol, float(v), float(s)) for n, v, s in zip(numbers, theta, slack, strict=True)}
        return [replace(form, numbers=tuple(at[n.symbol] for n in form.numbers)) for form in found]

    def residual(theta: Array) -> Array:
        table = np.stack(
            [columns(lines.template, y, at) for at in _numbers(lines, moved(theta, theta))[:, good].T]
        )  # (lines, n, p)
        if not np.isfinite(table).all():
            return np.full(values.size, np.inf)
        q, _ = np.linalg.qr(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-300))
        return (values.T - np.einsum("jnp,jmp,mj->jn", q, q, values, optimize=True)).ravel()

    start = np.array([n.value for n in numbers])
    if not numbers or not np.isfinite(residual(start)).all():
        return found
    theta, J = refine(residual, start, np.maximum(np.abs(start), 1e-2), steps=8)
    return moved(theta, lines.view.sigma * np.linalg.norm(np.linalg.pinv(J), axis=1))


def _followed(lines: Lines, start: Array) -> tuple[Array, Array]:
    """The open numbers of every line (q, lines), from the middle outwards, and their noise: infinite where they are lost."""
    template, y, values, sigma = lines.template, lines.y, lines.values, lines.view.sigma
    count = values.shape[1]
    numbers, noise = (np.full((len(start), count), value) for value in (0.0, np.inf))
    middle = count // 2
    for walk in (range(middle, count), range(middle, -1, -1)):
        guess = start
        for j in walk:
            found = refined(template, y, values[:, j], guess)
            if found is None or rms(misfit(columns(template, y, found[0]), values[:, [j]])) > 10 * sigma:
                break
            before = numbers[:, j - walk.step] if j != middle else found[0]
            numbers[:, j] = found[0]
            noise[:, j] = sigma * np.linalg.norm(np.linalg.pinv(found[1]), axis=1)
            guess = 2 * found[0] - before
            if guess[1] <= 0.5 * found[0][1]:
                guess = found[0]
    return numbers, noise


def _with_coefficients(lines: Lines, found: Sequence[Form], good: Mask) -> Form | None:
    """The terms that the lines need, with coefficients that are functions of the other coordinate."""
    template, y, u, sigma = lines.template, lines.y, lines.values, lines.view.sigma
    keep = list(range(len(template.terms)))
    theta = _numbers(lines, found)
    table = np.stack([columns(template, y, t) for t in theta.T])  # (lines, n, p)

    def left(chosen: list[int]) -> float:
        return max(rms(misfit(table[j][:, chosen], u[:, [j]])) for j in np.flatnonzero(good))

    allowed = max(3 * sigma, 1.5 * left(keep))
    for k in reversed(range(len(template.terms))):
        smaller = [i for i in keep if i != k]
        if smaller and left(smaller) <= allowed:
            keep = smaller
    if not any(template.terms[k].kind != "1" for k in keep):
        return None

    def coefficients(theta: Array) -> tuple[Array, Array]:  # (p, lines) each
        chosen = np.stack([columns(template, y, t)[:, keep] for t in theta.T])
        inverse = np.linalg.pinv(chosen, rcond=1e-14)  # (lines, p, n)
        values, noise = np.einsum("jpn,nj->pj", inverse, u), sigma * np.linalg.norm(inverse, axis=2).T
        if template.extra == "rate":  # the numeric terms are e^(a (y - mean))
            shifted = [template.terms[k].rate and template.terms[k].kind != "H" for k in keep]
            factor = np.exp(np.where(shifted, -1.0, 0.0)[:, None] * theta[2] * y.mean())
            values, noise = values * factor, noise * factor
        return values, noise

    values, noise = coefficients(theta)
    for i, form in enumerate(found):  # what the coefficients owe to the numbers inside the terms
        for k, n in enumerate(form.numbers):
            other = replace(form, numbers=(*form.numbers[:k], replace(n, value=n.value + n.slack), *form.numbers[k + 1 :]))
            noise = np.hypot(noise, coefficients(_numbers(lines, [*found[:i], other, *found[i + 1 :]]))[0] - values)
    noise = np.stack([_without(d, good) for d in noise])
    x = lines.view.symbols[lines.axis]
    z = lines.chart.expression(x)
    if lines.chart.name == "log x":
        found = [_in_logarithms(found[0]), *found[1:]]
    parts = expressions(template, z, *(f.expression for f in found), *([None] if len(found) == 2 else []))
    parts = [parts[k] for k in keep]
    numbers = [n for f in found for n in f.numbers]
    if lines.target is None:
        strands = [(v.reshape(lines.shape), d.reshape(lines.shape)) for v, d in zip(values, noise, strict=True)]
        return next(assembled(lines.view, lines.axis, strands, partial(_sum, parts), numbers, f"{template.name} in {z}"), None)
    sizes = np.abs(values)
    steady = [k for k in range(len(keep)) if sizes[k].min() > VANISHES * sizes[k].max()]
    for gauge in steady[:1]:
        ratios = values / values[gauge]
        doubt = (noise + np.abs(ratios) * noise[gauge]) / sizes[gauge]
        others = [k for k in range(len(keep)) if k != gauge]
        strands = [(ratios[k].reshape(lines.shape), doubt[k].reshape(lines.shape)) for k in others]
        build = partial(logarithmic, x, parts[gauge], [parts[k] for k in others])
        return next(assembled(lines.target, lines.axis, strands, build, numbers, f"quotient, {template.name} in {z}"), None)
    return None


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
