"""Functions of a sum: u = f(g(x) + h(y)), and f(g + h + k) in three coordinates.

From u_x h'(y) = u_y g'(x), linear in the unknown g' and h': polynomials times known weights, found as the smallest singular
vector of [T_i(x) u_y, -T_j(y) u_x]. Nothing is divided by, so zeros of derivatives do no harm. With the weight 1/x the
polynomials also hold g = log x: f is then a function of the product x^a y^b.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.combined import Combination, choices, polynomials, recognised, structure
from kanpde.symbolic.rungs.slopes import Slopes, slopes
from kanpde.symbolic.rungs.symmetry import symmetries
from kanpde.symbolic.sample import Array, Samples
from kanpde.symbolic.view import View

COUNT = {2: 28, 3: 10}
"""Points a coordinate at which the derivatives are compared."""
HIGHEST = 20
DEGREES = (2, 3, 5, 8, 11, 15, 20)
"""Of g' and h', where they are neither constant nor linear."""
SMALL, GAP = 3e-3, 0.1
"""The smallest singular value over the largest, and over the second smallest. The values decide; this only saves time, and must
let pass what the nodes do not resolve: a soliton in a long channel is seen to 1e-3."""
FLAT = 1e-6
"""A coordinate on which the field depends less than this (relative to the others) is left out."""
VAGUE = 1e-4
"""What a polynomial of s may leave of the field (relative) while g and h are only known from derivatives."""
INNER_FORMS = 2


@dataclass(frozen=True)
class Inner:
    """Derivatives of the parts of s: polynomials in Chebyshev coefficients, divided by x where ``powers``."""

    active: tuple[int, ...]  # coordinates that s depends on
    series: tuple[Array, ...]  # one (degree + 1,) an active coordinate
    small: float  # smallest singular value, relative


def ridges(view: View) -> Iterator[Form]:
    """Forms f(g(x) + h(y) + ...), the simplest s first: linear, quadratic, a product of powers, anything."""
    d = len(view.symbols)
    if d not in COUNT:
        return
    first = [tuple(int(i == j) for j in range(d)) for i in range(d)]
    found = slopes(view.samples, [(0,) * d, *first], COUNT[d])
    for combination in _combinations(view, found):
        fitting = structure(combination, view) if view.budget.left else None
        if fitting:
            yield from recognised(fitting, view)
            return
    if d == 3:
        from kanpde.symbolic.rungs.separated import separated  # late: it looks for ridges of two coordinates

        yield from separated(view)


def _combinations(view: View, found: Slopes) -> Iterator[Combination]:
    """Candidates for s, the simplest first."""
    plain = Null(view, found, powers=False)
    if len(plain.active) < 2:
        return
    straight = plain.inner(0)
    if straight:
        yield _linear(view, straight)
    curved = plain.inner(1)
    if curved:
        yield _quadratic(view, curved)
    powers = Null(view, found, powers=True).inner(0)
    power = _power(view, powers) if powers else None
    if power:
        yield power
    if len(view.symbols) == 2:
        yield from symmetries(view, found)
    general = plain.best()
    if general:
        yield from _general(view, general)


class Null:
    """The smallest singular vectors of the system for g', h', ... at every degree up to ``HIGHEST``."""

    def __init__(self, view: View, found: Slopes, powers: bool) -> None:
        d = len(view.symbols)
        moved = []
        for i in range(d):
            order = tuple(int(i == j) for j in range(d))
            moved.append(found.partials[order] * (found.points[i] if powers else 1))
        sizes = np.array([np.sqrt(np.mean(m**2)) for m in moved])
        extents = [axis.width for axis in view.samples.axes] if not powers else [1.0] * d
        self.active = tuple(i for i in range(d) if sizes[i] * extents[i] > FLAT * max(sizes * extents))
        self.sizes = sizes
        if len(self.active) < 2:
            return
        rows = []
        tables = {i: _chebyshev(view, i, found.points[i]) for i in self.active}
        width = HIGHEST + 1
        for i, j in combinations(self.active, 2):
            block = np.zeros((len(found.weight), len(self.active) * width))
            a, b = self.active.index(i), self.active.index(j)
            block[:, a * width : (a + 1) * width] = tables[i] * (moved[j] / sizes[j])[:, None]
            block[:, b * width : (b + 1) * width] = -tables[j] * (moved[i] / sizes[i])[:, None]
            rows.append(block)
        self.r = np.linalg.qr(np.concatenate(rows))[1]

    def inner(self, degree: int) -> Inner | None:
        """The derivatives of this degree, if there are some and only those."""
        columns = np.concatenate([np.arange(degree + 1) + k * (HIGHEST + 1) for k in range(len(self.active))])
        _, singular, right = np.linalg.svd(self.r[:, columns], full_matrices=False)
        if singular[-1] > SMALL * singular[0] or singular[-1] > GAP * singular[-2]:
            return None
        series = right[-1].reshape(len(self.active), degree + 1)
        scaled = tuple(row * self.sizes[i] for row, i in zip(series, self.active, strict=True))
        return Inner(self.active, scaled, float(singular[-1] / singular[0]))

    def best(self) -> Inner | None:
        """The lowest degree that does as well as any."""
        found = [inner for inner in map(self.inner, DEGREES) if inner]
        if not found:
            return None
        least = min(inner.small for inner in found)
        return next(inner for inner in found if inner.small <= 3 * least)


def _chebyshev(view: View, i: int, x: Array) -> Array:
    return np.asarray(chebyshev.chebvander(view.samples.axes[i].reference(x), HIGHEST))


def _linear(view: View, inner: Inner) -> Combination:
    """s = x + k y + ...: the first coordinate's coefficient is 1."""
    slopes_ = [float(series[0]) for series in inner.series]
    s: sp.Expr = view.symbols[inner.active[0]]
    numbers = []
    for i, slope in list(zip(inner.active, slopes_, strict=True))[1:]:
        n = number(slope / slopes_[0])
        numbers.append(n)
        s += n.symbol * view.symbols[i]
    return Combination((s,), tuple(numbers), how="a function of a linear combination of the coordinates")


def _quadratic(view: View, inner: Inner) -> Combination:
    """s = (x - a)^2 + k (y - b)^2, or s = (x - a)^2 + k y."""
    lines = []  # g' = slope x + constant
    for i, series in zip(inner.active, inner.series, strict=True):
        axis = view.samples.axes[i]
        slope = float(series[1]) * 2 / axis.width
        lines.append((slope, float(series[0]) - slope * (axis.lower + axis.upper) / 2))
    curvature = max(abs(slope) * view.samples.axes[i].width for i, (slope, _) in zip(inner.active, lines, strict=True))
    s: sp.Expr = sp.Integer(0)
    numbers: list[Number] = []
    scale = 0.0
    for i, (slope, constant) in zip(inner.active, lines, strict=True):
        x = view.symbols[i]
        if abs(slope) * view.samples.axes[i].width < 1e-3 * curvature:
            term, leading = x, constant
        else:
            centre = number(-constant / slope)
            numbers.append(centre)
            term, leading = (x - centre.symbol) ** 2, slope / 2
        if scale:
            k = number(leading / scale)
            numbers.append(k)
            s += k.symbol * term
        else:
            scale = leading
            s += term
    return Combination((s,), tuple(numbers), how="a function of a sum of squares")


def _power(view: View, inner: Inner) -> Combination | None:
    """s = x^a y^b ...: exponent 1 for what comes nearest to zero, whole numbers where a coordinate changes its sign."""
    exponents = [float(series[0]) for series in inner.series]
    bounds = [(view.samples.axes[i].lower, view.samples.axes[i].upper) for i in inner.active]
    crossing = [k for k, (lower, upper) in enumerate(bounds) if lower < 0 < upper]
    near = [min(map(abs, ends)) / max(map(abs, ends)) for ends in bounds]
    lead = crossing[0] if crossing else near.index(min(near))
    if abs(exponents[lead]) < 1e-6 * max(map(abs, exponents)):
        return None
    relative = [e / exponents[lead] for e in exponents]
    s: sp.Expr = sp.Integer(1)
    numbers = []
    multiple = next((m for m in (1, 2, 3, 4) if all(abs(m * relative[k] - round(m * relative[k])) < 1e-4 for k in crossing)), 0)
    if not multiple:
        return None
    for k, (i, ratio) in enumerate(zip(inner.active, relative, strict=True)):
        x = view.symbols[i]
        exponent = multiple * ratio
        if k in crossing or k == lead:
            s *= x ** round(exponent)
        else:
            n = number(exponent)
            numbers.append(n)
            s *= (x if bounds[k][0] >= 0 else -x) ** n.symbol
    return Combination((s,), tuple(numbers), how="a function of a product of powers")


def _general(view: View, inner: Inner) -> Iterator[Combination]:
    """s = g(x) + h(y) + ...: every part is a function of one coordinate, known up to a constant."""
    parts = []
    grids = np.meshgrid(*view.nodes, indexing="ij", sparse=True)
    total = np.zeros(view.values.shape)
    scale = max(float(np.abs(_integral(view, i, series)).max()) for i, series in zip(inner.active, inner.series, strict=True))
    for i, series in zip(inner.active, inner.series, strict=True):
        values = _integral(view, i, series) / scale
        parts.append(values)
        total = total + values.reshape([-1 if k == i else 1 for k in range(len(grids))])
    noise = _noise(view, total)
    if noise is None:
        return
    searches = []
    for i, values in zip(inner.active, parts, strict=True):
        one = view.of(Samples((view.samples.axes[i],), values, noise, True), (view.symbols[i],))
        searches.append(univariate(replace(one, problem=None, harvested=())))
    recognised = False
    for chosen in islice(choices(searches, INNER_FORMS), 3):
        recognised = True
        yield _sum(inner.active, chosen, view)
    if not recognised:
        view.transcript.append("u is a function of a sum whose parts are not recognised")


def _integral(view: View, i: int, series: Array) -> Array:  # (n_i,)
    """The part of s of one coordinate at its nodes, zero at the lower end."""
    axis = view.samples.axes[i]
    return np.asarray(chebyshev.chebval(axis.reference(axis.nodes), chebyshev.chebint(series, scl=axis.width / 2, lbnd=-1)))


def _noise(view: View, s: Array) -> float | None:  # s (n_1, ..., n_d)
    """How far s may be off: what a polynomial of s leaves of the field, over the slope of f; None if it is no such function."""
    values = view.values.ravel()
    step = max(1, len(values) // 6400)
    step += 1 - step % 2
    columns = polynomials([s.ravel()[::step]], 64)
    if not columns:
        return None
    v = values[::step]
    q = np.linalg.qr(columns[0])[0]
    left = float(np.sqrt(np.mean((v - q @ (q.T @ v)) ** 2)))
    if left > VAGUE * float(v.std()):
        return None
    slope = float(v.std()) / float(s.std())  # a typical slope of f
    return 3 * max(left, view.sigma) / slope


def _sum(active: Sequence[int], chosen: Sequence[Form], view: View) -> Combination:
    """s from forms of its parts, without their additive constants and with one coefficient set to 1."""
    terms: list[tuple[float, sp.Expr]] = []  # coefficient, rest
    inside: list[Number] = []
    for i, form in zip(active, chosen, strict=True):
        x = view.symbols[i]
        numbers = {n.symbol: sp.Float(n.value, 17) for n in form.numbers}
        for term in sp.Add.make_args(form.expression):
            coefficient, rest = term.as_independent(x, as_Add=False)
            if rest.has(x):
                terms.append((float(coefficient.xreplace(numbers)), rest))
        inside += form.numbers
    plainest = min(range(len(terms)), key=lambda k: (terms[k][1].count_ops(), k))
    scale = terms[plainest][0]
    s: sp.Expr = sp.Integer(0)
    coefficients = []
    for k, (value, rest) in enumerate(terms):
        if k == plainest:
            s += rest
        else:
            n = number(value / scale)
            coefficients.append(n)
            s += n.symbol * rest
    kept = tuple(n for n in (*inside, *coefficients) if s.has(n.symbol))
    parts = ", ".join(form.how for form in chosen)
    return Combination((s,), kept, how=f"a function of a sum ({parts})")
