"""Antiderivatives of Gaussians: repeated integrals of erf((y - m)/s), also with exponential factors.

The integrals are E = erf(z), (y - m) E + s/sqrt(pi) G, ... with z = (y - m)/s and G = e^(-z^2); integrals of a Gaussian with an
exponential bring e^(a y) erf((y - m + a s^2/2)/s). Heat conduction with a given flux, advection into a half space (Ogata and Banks 1961), the price
of an option (Black and Scholes 1973, y = log S) are such functions of y on every line, with m, s and coefficients that change
with time. On one line m, s and a come from a scan and variable projection; they are followed from line to line, and what they are
as functions of the other coordinate is for the rungs of one coordinate. No derivative of the values is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from kanpde.symbolic.basis import CHARTS, Chart, misfit, refine, rms, spread
from kanpde.symbolic.form import Form, Number
from kanpde.symbolic.lines import assembled, functions
from kanpde.symbolic.sample import Array
from kanpde.symbolic.view import View

MOST_POWER = 2
"""Integrals of a Gaussian beyond the first: three make a formula of eight terms."""
CENTRES = np.linspace(-0.5, 1.5, 21)
WIDTHS = np.geomspace(0.05, 3.0, 9)
"""Of the Gaussian, in units of the line: what is scanned for a first guess."""
RATES = (-1.0, 1.0, -2.0, 2.0, -0.5, 0.5)
STARTS = 3
"""How many of the best points of the scan are refined."""
EVIDENCE = 3
"""Significant coefficients of a line beyond the numbers of the template."""
SHARP = 0.05
"""Slack of width and centre, relative to the width, beyond which the Gaussian is a polynomial in disguise."""
STRAY = 0.1
"""Part of the lines that may not be followed: early ones, too steep for the nodes."""
SECONDS = 8.0


@dataclass(frozen=True)
class Term:
    """y^power, or the integral number ``power`` of E; times e^(a y) if ``rate``, with the E that belongs to it.

    "H" is e^(a (y - m) + (a s / 2)^2) erf((y - m)/s + a s/2) - erf((y - m)/s), whose derivative has no Gaussian but e^(a y) E.
    """

    kind: str  # "1", "E" or "H"
    power: int = 0
    rate: bool = False
    second: bool = False  # of a second Gaussian with the same width


@dataclass(frozen=True)
class Template:
    """A sum of terms on a line, with m, s (and a, or a second centre) open."""

    name: str
    terms: tuple[Term, ...]

    @property
    def extra(self) -> str:
        """What is open beside m and s: "rate", "centre" or nothing."""
        return "rate" if any(t.rate for t in self.terms) else "centre" if any(t.second for t in self.terms) else ""

    @property
    def open(self) -> int:
        """How many numbers of a line are not linear."""
        return 3 if self.extra else 2


def _repeated(times: int, before: int = 0) -> Template:
    """The integral number ``times`` of E with its polynomial, and the ``before`` integrals before it.

    With one before, shifts of m change little more than its coefficient: the highest alone is tried first.
    """
    powers = [Term("1", k) for k in range(times + 1)] + [Term("E", k) for k in range(times - before, times + 1)]
    return Template(f"integral {times + 1} of a Gaussian", tuple(powers))


TEMPLATES = (
    _repeated(0),
    _repeated(1),
    Template("two integrals of a Gaussian, with an exponential", (Term("1"), Term("1", rate=True), Term("H", rate=True))),
    Template("a Gaussian's integral, with an exponential", (Term("1"), Term("E"), Term("1", rate=True), Term("E", rate=True))),
    Template("integrals of two Gaussians", (Term("1"), Term("E"), Term("E", second=True))),
    _repeated(2),
    _repeated(1, before=1),
)


def _integral(erf: Any, gauss: Any, z: Any, times: int, root: Any) -> Any:
    """The repeated integral of erf(z), without constants of integration; arrays or expressions, ``root`` is sqrt(pi)."""
    if times == 0:
        return erf
    if times == 1:
        return z * erf + gauss / root
    return (2 * z**2 + 1) * erf / 4 + z * gauss / (2 * root)


def columns(template: Template, y: Array, theta: Array) -> Array:  # (n,), (q,) -> (n, p)
    """The terms at points of a line; theta is m, s and, if open, a or the second centre."""
    from scipy.special import erf  # late: slow to import

    m, s = theta[0], theta[1]
    a = theta[2] if template.extra == "rate" else 0.0
    found = []
    for term in template.terms:
        centre = theta[2] if term.second else m - a * s * s / 2 if term.rate else m
        z = (y - centre) / s
        value = (
            y**term.power if term.kind == "1" else s**term.power * _integral(erf(z), np.exp(-z * z), z, term.power, np.pi**0.5)
        )
        if term.kind == "H":
            value = np.exp(np.clip(a * (y - m) + (a * s / 2) ** 2, -200, 200)) * value - erf((y - m) / s)
        elif term.rate:
            value = value * np.exp(np.clip(a * (y - y.mean()), -100, 100))
        found.append(value)
    return np.stack(found, 1)


def expressions(template: Template, y: sp.Expr, m: sp.Expr, variance: sp.Expr, third: sp.Expr | None) -> list[sp.Expr]:
    """The terms as functions of the coordinate's expression y; ``variance`` is s^2."""
    found = []
    for term in template.terms:
        a = third if term.rate and third is not None else sp.Integer(0)
        centre = third if term.second and third is not None else m - a * variance / 2
        z = (y - centre) / sp.sqrt(variance)
        value = y**term.power
        if term.kind != "1":
            erf, gauss = sp.erf(z), sp.exp(-(z**2))
            value = sp.expand(sp.sqrt(variance) ** term.power * _integral(erf, gauss, z, term.power, sp.sqrt(sp.pi)), deep=False)
        if term.kind == "H":
            value = sp.exp(a * (y - m) + a**2 * variance / 4) * value - sp.erf((y - m) / sp.sqrt(variance))
        elif term.rate:
            value *= sp.exp(a * y)
        found.append(value)
    return found


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
        start = _on_line(template, y, lines[:, middle], view.sigma)
        if start is None:
            continue
        form = _whole(view, axis, chart, template, lines, start)
        if form is not None:
            yield form
            return


def _on_line(template: Template, y: Array, u: Array, sigma: float) -> Array | None:
    """m, s and what else is open on one line, from a scan; None if the template does not fit there."""
    width, target = float(np.ptp(y)), u[:, None]
    thirds = {
        "rate": [r / width * 2 for r in RATES] + [1.0, -1.0],
        "centre": [y.min() + c * width for c in CENTRES[::2]],
        "": [0.0],
    }
    scan = []
    coarse = slice(0, None, max(1, len(y) // 24))
    for third in thirds[template.extra]:
        for m in y.min() + CENTRES[:: 2 if template.extra else 1] * width:
            for s in WIDTHS[:: 2 if template.extra else 1] * width:
                if template.extra == "centre" and third <= m:
                    continue
                theta = np.array([m, s, third][: template.open])
                scan.append((rms(misfit(columns(template, y[coarse], theta), target[coarse])), tuple(theta)))
    for _, start in sorted(scan)[:STARTS]:
        found = _refined(template, y, u, np.array(start))
        if found is not None and rms(misfit(columns(template, y, found[0]), target)) <= 3 * sigma:
            off = spread(found[1], sigma, found[0])
            if off[0] <= SHARP * abs(found[0][1]) and off[1] <= SHARP * abs(found[0][1]):
                return found[0]
    return None


def _refined(template: Template, y: Array, u: Array, start: Array) -> tuple[Array, Array] | None:
    """The open numbers by variable projection, with the Jacobian; None where the line says nothing of them."""

    def residual(theta: Array) -> Array:
        if theta[1] <= 0:
            return np.full_like(u, np.inf)
        return misfit(columns(template, y, theta), u[:, None]).ravel()

    scale = np.array([start[1], start[1], 1 / np.ptp(y) if template.extra == "rate" else start[1]])[: len(start)]
    theta, J = refine(residual, start, scale)
    return (theta, J) if np.isfinite(theta).all() and np.isfinite(J).all() and theta[1] > 0 else None


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
    return _with_coefficients(view, axis, chart, template, lines, found)


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
            found = _refined(template, y, lines[:, j], guess)
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
    parts = expressions(template, z, *(f.expression for f in found), *([None] if len(found) == 2 else []))
    numbers: list[Number] = [n for f in found for n in f.numbers]
    build = partial(_sum, [parts[k] for k in keep])
    strands = [(v.reshape(shape), d.reshape(shape)) for v, d in zip(values, noise, strict=True)]
    return next(assembled(view, axis, strands, build, numbers, f"{template.name} in {z}"), None)


def _sum(columns: Sequence[sp.Expr], coefficients: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Add(*(c * column for c, column in zip(coefficients, columns, strict=True)))
