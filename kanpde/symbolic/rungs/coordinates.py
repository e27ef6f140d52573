"""Changes of coordinates under which a field becomes simple: along characteristics, rotated, polar.

A second order equation with constant coefficients, a u_xx + b u_xt + c u_tt = 0, has the solutions f(x + k t) + g(x + m t) with
a + b k + c k^2 = 0: from the problem's equation, or from the data, where (a, b, c) is a vanishing combination of three known
columns. In other coordinates the field is resampled on an inscribed box, and what is a sum of products there is found there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.combined import Combination, recognised, structure
from kanpde.symbolic.rungs.products import products
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.rungs.slopes import slopes
from kanpde.symbolic.sample import NODES, Array, Axis, Samples, ranks
from kanpde.symbolic.view import View

COUNT = 28
"""Points a coordinate at which the second derivatives are compared."""
SMALL, GAP = 3e-3, 0.1
"""The smallest singular value over the largest, and over the second smallest; the values decide."""
APART = 1e-3
"""Two directions closer than this (relative) are one."""
FEWER = 3
"""Products that a field may need in other coordinates; it must need more in its own."""

Map = Callable[[Array, Array], tuple[Array, Array]]


def characteristic(view: View) -> Iterator[Form]:
    """Forms f(x + k t) + g(x + m t), then products in coordinates along the characteristics, and rotated ones."""
    if len(view.symbols) != 2:
        return
    pairs: list[tuple[float, float]] = []
    for k, m in (*_from_problem(view), *_from_data(view)):
        if any(abs(k - a) + abs(m - b) < APART * (abs(k) + abs(m)) for a, b in pairs):
            continue
        pairs.append((k, m))
        fitting = structure(_waves(view, k, m), view)
        if fitting:
            yield from recognised(fitting, view)
            return
        if not view.budget.left:
            return
    own = max(ranks(view.samples, view.sigma))
    if not view.samples.resolved or own < 2:
        return
    if (1.0, -1.0) not in pairs:
        pairs.append((1.0, -1.0))
    for k, m in pairs:
        yield from _along(view, k, m, own)


def _waves(view: View, k: float, m: float) -> Combination:
    """f(x + k t) + g(x + m t); one number where the directions are opposite, as the data know them."""
    x, t = view.symbols
    first = number(k)
    if abs(k + m) < APART * abs(k):
        return Combination((x + first.symbol * t, x - first.symbol * t), (first,), how="two waves in opposite directions")
    second = number(m)
    numbers = [n for n in (first, second) if abs(n.value) > APART * (abs(k) + abs(m))]
    arguments = tuple(x + n.symbol * t if n in numbers else x for n in (first, second))
    return Combination(arguments, tuple(numbers), how="two waves")


def _roots(a: float, b: float, c: float) -> Iterator[tuple[float, float]]:
    """The two real directions of a + b k + c k^2 = 0, if they are two; the larger first."""
    inside = b * b - 4 * a * c
    if abs(c) > 1e-6 * (abs(a) + abs(b)) and inside > (APART * (abs(b) + np.sqrt(abs(a * c)))) ** 2:
        root = float(np.sqrt(inside))
        first, second = sorted(((-b + root) / (2 * c), (-b - root) / (2 * c)))
        yield second, first


def _from_problem(view: View) -> Iterator[tuple[float, float]]:
    """Directions of the equations whose second derivatives have constant coefficients."""
    problem = view.problem
    if problem is None:
        return
    places = [problem.coordinates.index(str(s)) for s in view.symbols if str(s) in problem.coordinates]
    if len(places) != 2 or len(problem.coordinates) != 2:
        return
    for equation in problem.equations:
        if equation.order != 2:
            continue
        for field in problem.fields:
            values = [equation.partials.get((field.name, order), sp.S.Zero) for order in ((2, 0), (1, 1), (0, 2))]
            numbers = [problem.with_values(v) for v in values]
            if all(v.is_number for v in numbers) and any(numbers):
                a, b, c = (float(v) for v in numbers)
                yield from _roots(a, b, c)


def _from_data(view: View) -> Iterator[tuple[float, float]]:
    """Directions of the equation that the second derivatives of the field satisfy, if there is just one."""
    orders = ((2, 0), (1, 1), (0, 2))
    found = slopes(view.samples, orders, COUNT)
    columns = np.stack([found.partials[order] for order in orders], 1)  # (N, 3)
    sizes = np.sqrt(np.mean(columns**2, axis=0))
    if not sizes.all():
        return
    _, singular, right = np.linalg.svd(np.linalg.qr(columns / sizes)[1])
    if singular[-1] <= SMALL * singular[0] and singular[-1] <= GAP * singular[-2]:
        a, b, c = (float(v) for v in right[-1] / sizes)
        yield from _roots(a, b, c)


def _along(view: View, k: float, m: float, own: int) -> Iterator[Form]:
    """Sums of products of functions of x + k t and x + m t, on the largest box in these coordinates that fits into the view."""
    x_axis, t_axis = view.samples.axes
    # x = (k eta - m xi) / (k - m), t = (xi - eta) / (k - m), about the centre; half widths p of xi and q of eta
    ratio = np.geomspace(0.05, 20, 81)  # p / q
    reach = np.minimum(
        x_axis.width / 2 * abs(k - m) / (abs(m) * ratio + abs(k)), t_axis.width / 2 * abs(k - m) / (ratio + 1)
    )  # (81,): the largest q
    best = int(np.argmax(ratio * reach**2))
    q, p = 0.999 * reach[best], 0.999 * reach[best] * ratio[best]
    x0, t0 = (x_axis.lower + x_axis.upper) / 2, (t_axis.lower + t_axis.upper) / 2
    axes = tuple(Axis(c - h, c + h, NODES[2]) for c, h in ((x0 + k * t0, p), (x0 + m * t0, q)))
    inner = _resampled(view, axes, lambda xi, eta: ((k * eta - m * xi) / (k - m), (xi - eta) / (k - m)), ("xi", "eta"))
    x, t = view.symbols
    if abs(abs(k) - 1) + abs(abs(m) - 1) == 0:
        directions = [x + sp.Integer(int(c)) * t for c in (k, m)]
        yield from _back(view, inner, directions, (), own, "products in x + t and x - t")
        return
    numbers = tuple(number(c) for c in (k, m))
    yield from _back(view, inner, [x + n.symbol * t for n in numbers], numbers, own, "products along the characteristics")


def polar(view: View) -> Iterator[Form]:
    """Sums of products of functions of the distance from the origin and of the angle."""
    if len(view.symbols) != 2:
        return
    own = max(ranks(view.samples, view.sigma))
    box = _sector(view)
    if box is None:
        return
    inner = _resampled(view, box, lambda r, angle: (r * np.cos(angle), r * np.sin(angle)), ("r", "theta"))
    x, y = view.symbols
    yield from _back(view, inner, [sp.sqrt(x**2 + y**2), sp.atan2(y, x)], (), own, "products in polar coordinates")


def _sector(view: View) -> tuple[Axis, Axis] | None:
    """The largest box in (r, theta) inside the view; the origin itself is left out, for logarithms and powers."""
    (a, b), (c, d) = ((axis.lower, axis.upper) for axis in view.samples.axes)
    corners = np.array([np.arctan2(y, x) for x in (a, b) for y in (c, d) if x or y])
    around = a <= 0 <= b and c <= 0 <= d
    if around and a < 0 < b and c < 0 < d:
        angles = np.linspace(-np.pi, np.pi, 97)
    elif b <= 0 and c < 0 < d:
        return None  # across the cut of the angle
    else:
        angles = np.linspace(corners.min(), corners.max(), 97)
    cos, sin = np.cos(angles), np.sin(angles)
    with np.errstate(divide="ignore", invalid="ignore"):
        enter, leave = np.zeros(97), np.full(97, np.inf)
        for low, high, slope in ((a, b, cos), (c, d, sin)):
            flat = np.abs(slope) < 1e-12
            near, far = np.sort(np.stack([low / slope, high / slope]), axis=0)
            enter = np.where(flat, enter, np.maximum(enter, near))
            leave = np.where(flat, leave, np.minimum(leave, far))
    best, found = 0.0, None
    for i in range(0, 97, 2):
        inner, outer = np.maximum.accumulate(enter[i:]), np.minimum.accumulate(leave[i:])
        inner = np.maximum(inner, 0.05 * outer)
        area = np.where(outer > inner, (outer - inner) * (outer + inner) * (angles[i:] - angles[i]), 0.0)
        j = int(np.argmax(area))
        if area[j] > best:
            best = float(area[j])
            found = (
                Axis(1.001 * float(inner[j]), 0.999 * float(outer[j]), NODES[2]),
                Axis(float(angles[i]), float(angles[i + j]), NODES[2]),
            )
    return found


def _resampled(view: View, axes: tuple[Axis, ...], at: Map, names: tuple[str, str]) -> View:
    """The field on a tensor grid of other coordinates, through its Chebyshev series."""
    first, second = np.meshgrid(*(axis.nodes for axis in axes), indexing="ij")
    series = view.values
    for i, axis in enumerate(view.samples.axes):
        series = axis.coefficients(series, i)
    tables = [
        chebyshev.chebvander(axis.reference(p.ravel()), axis.n - 1)
        for axis, p in zip(view.samples.axes, at(first, second), strict=True)
    ]
    values = np.sum((tables[0] @ series) * tables[1], axis=1).reshape(first.shape)
    symbols = tuple(sp.Dummy(name, real=True) for name in names)
    return view.of(Samples(axes, values, view.sigma, view.samples.resolved), symbols)


def _back(view: View, inner: View, coordinates: list[sp.Expr], numbers: tuple[Number, ...], own: int, how: str) -> Iterator[Form]:
    """Products of the inner view, if they are fewer than in the view's own coordinates, as functions of these."""
    if not 1 <= max(ranks(inner.samples, inner.sigma)) <= min(FEWER, own - 1):
        return
    for form in products(inner):
        named = {sp.log(s): sp.log(c**2) / 2 for s, c in zip(inner.symbols, coordinates, strict=True) if c.func == sp.Pow}
        expression = form.expression.xreplace(named).xreplace(dict(zip(inner.symbols, coordinates, strict=True)))
        used = tuple(n for n in (*numbers, *form.numbers) if expression.has(n.symbol))
        whole = refit(Form(expression, used, how), view)
        if whole is not None:
            yield whole
            return
