"""A field under a transform T(u): 1/(1 + x^2 + y^2) is no short sum of products, but its reciprocal is.

The noise goes through the transform with the values. Where a transform would blow it up (near zeros and poles), the largest part
of the box with usable noise is looked at instead: a formula found there has to fit the whole box all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.shifts import levels
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.sample import Array, Samples, crop, parts
from kanpde.symbolic.view import View

LOST = 1e-4
"""Of the digits that the values have, a transform may lose these: then it still tells one function from another."""
CLEAREST = 1e4
"""And a transformed field must stand so far above its noise in any case."""
PARTS = {1: 16, 2: 8, 3: 4}
"""Pieces that an interval is cut into when a part of the box is looked for, by dimension: a few hundred boxes to compare."""
SMALLEST = 0.25
"""The smallest part of an interval that is looked at: in a smaller one everything is a polynomial."""
FLATTEST = 1e-3
"""Of the typical slope of a transform: where it is flatter, errors are not told apart any further."""
INFINITE = float("inf")


@dataclass(frozen=True)
class Transform:
    """v = T(u), for u (or -u, if ``signed``) inside ``domain``; ``bits`` is what the way back adds to a formula's length.

    ``numbers`` are the open numbers in ``inverse`` (the levels of a shift), and ``drift`` what their slack makes of T(u).
    """

    name: str
    forward: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    inverse: Callable[[sp.Expr], sp.Expr]
    bits: float
    domain: tuple[float, float] = (-INFINITE, INFINITE)
    signed: bool = False
    numbers: tuple[Number, ...] = ()
    drift: Callable[[Array], Array] | None = None


def error_weight(slope: Array) -> Array:
    """The factors that bring errors of T(u) back to those of u, from |T'(u)| at all points."""
    return np.asarray(1 / np.maximum(slope, FLATTEST * float(np.median(slope))))


def _special(name: str) -> Callable[[Array], Array]:
    def evaluate(u: Array) -> Array:
        from scipy import special  # late: slow to import, and most fields leave earlier

        return np.asarray(getattr(special, name)(u))

    return evaluate


_erfinv = _special("erfinv")


def _erfinv_slope(u: Array) -> Array:
    return np.sqrt(np.pi) / 2 * np.exp(_erfinv(u) ** 2)


def _power(name: str, k: float, inverse: Callable[[sp.Expr], sp.Expr], bits: float) -> Transform:
    return Transform(name, lambda u: u**k, lambda u: k * u ** (k - 1), inverse, bits, (0.0, INFINITE), signed=True)


def _exponential(name: str, k: float, bits: float) -> Transform:
    scale = sp.Rational(1, 2) if abs(k) == 2 else sp.Integer(2) if abs(k) == 0.5 else sp.Integer(1)
    scale = scale if k > 0 else -scale
    return Transform(
        name, lambda u: np.exp(k * u), lambda u: k * np.exp(k * u), lambda v: scale * sp.log(v), bits, (-30 / abs(k), 30 / abs(k))
    )


def _tangent(name: str, k: int, bits: float) -> Transform:
    edge = k * np.pi / 2
    return Transform(
        name, lambda u: np.tan(u / k), lambda u: np.cos(u / k) ** -2 / k, lambda v: k * sp.atan(v), bits, (-edge, edge)
    )


IDENTITY = Transform("u", lambda u: u, np.ones_like, lambda v: v, 0.0)

TRANSFORMS: tuple[Transform, ...] = (
    IDENTITY,
    _power("1/u", -1, lambda v: 1 / v, 1.0),
    Transform("log u", np.log, lambda u: 1 / u, sp.exp, 1.0, (0.0, INFINITE), signed=True),
    _power("u^2", 2, sp.sqrt, 1.0),
    _exponential("exp u", 1, 1.5),
    _exponential("exp(-u)", -1, 2.0),
    _power("u^(-1/2)", -0.5, lambda v: v**-2, 2.0),
    _power("u^(-2)", -2, lambda v: 1 / sp.sqrt(v), 2.0),
    _power("sqrt u", 0.5, lambda v: v**2, 2.0),
    _tangent("tan(u/2)", 2, 2.5),
    _tangent("tan(u/4)", 4, 2.5),
    _tangent("tan u", 1, 2.5),
    _power("u^3", 3, sp.cbrt, 2.5),
    _exponential("exp(2 u)", 2, 2.5),
    _exponential("exp(-u/2)", -0.5, 2.5),
    _exponential("exp(u/2)", 0.5, 2.5),
    _exponential("exp(-2 u)", -2, 3.0),
    Transform("atanh u", np.arctanh, lambda u: 1 / (1 - u * u), sp.tanh, 2.5, (-1.0, 1.0)),
    Transform(
        "atanh(2 u - 1)",
        lambda u: np.arctanh(2 * u - 1),
        lambda u: 0.5 / (u - u * u),
        lambda v: (1 + sp.tanh(v)) / 2,
        3.5,
        (0, 1),
    ),
    Transform("atan u", np.arctan, lambda u: 1 / (1 + u * u), sp.tan, 2.5),
    Transform("asin u", np.arcsin, lambda u: (1 - u * u) ** -0.5, sp.sin, 2.5, (-1.0, 1.0)),
    Transform("acos u", np.arccos, lambda u: -((1 - u * u) ** -0.5), sp.cos, 2.5, (-1.0, 1.0)),
    Transform("acosh u", np.arccosh, lambda u: (u * u - 1) ** -0.5, sp.cosh, 3.0, (1.0, INFINITE), signed=True),
    Transform("asinh u", np.arcsinh, lambda u: (u * u + 1) ** -0.5, sp.sinh, 3.0),
    Transform("sin u", np.sin, np.cos, sp.asin, 3.0, (-np.pi / 2, np.pi / 2)),
    Transform("cos u", np.cos, lambda u: -np.sin(u), sp.acos, 3.0, (0.0, np.pi)),
    Transform("tanh u", np.tanh, lambda u: np.cosh(u) ** -2, sp.atanh, 3.0, (-30.0, 30.0)),
    Transform("cosh u", np.cosh, np.sinh, sp.acosh, 3.5, (0.0, 30.0), signed=True),
    Transform("sinh u", np.sinh, np.cosh, sp.asinh, 3.5, (-30.0, 30.0)),
    Transform("erfinv u", _erfinv, _erfinv_slope, sp.erf, 3.0, (-1.0, 1.0)),
    Transform("erfinv(1 - u)", lambda u: _erfinv(1 - u), lambda u: -_erfinv_slope(1 - u), sp.erfc, 3.0, (0.0, 2.0)),
    Transform(
        "erfinv(2 u - 1)",
        lambda u: _erfinv(2 * u - 1),
        lambda u: 2 * _erfinv_slope(2 * u - 1),
        lambda v: (1 + sp.erf(v)) / 2,
        3.5,
        (0.0, 1.0),
    ),
)
"""The first is u itself. Those of a free shift or scale come from the data: see ``shifts``."""


@dataclass(frozen=True)
class Transformed:
    """A view of v = T(u), and the way back: a form of v becomes one of u, with the numbers of T among its own."""

    view: View
    inverse: Callable[[Form], Form]
    name: str
    bits: float


def from_data(samples: Samples) -> list[Transform]:
    """Transforms that know the levels of the field's own equation along a coordinate: u_x = (u - p)(u - q) and the like."""
    found: list[Transform] = []
    u = samples.values
    seen: list[tuple[int, tuple[complex, ...]]] = []
    for equation in sorted(levels(samples), key=lambda e: max(e.slacks)):
        if any(order == equation.order and _alike(roots, equation.roots) for order, roots in seen):
            continue  # a front has the same levels along every coordinate
        seen.append((equation.order, equation.roots))
        numbers = [number(r.real, s, "level") for r, s in zip(equation.roots, equation.slacks, strict=True)]
        exact = [n.symbol if n.value else sp.Integer(0) for n in numbers]
        real = [i for i, r in enumerate(equation.roots) if r.imag == 0]
        if equation.order == 1 and len(equation.roots) == 2:
            if len(real) == 2:
                found += [_ratio(numbers[i], numbers[j], exact[i], exact[j]) for i, j in permutations((0, 1))]
            else:
                found.append(_turned(equation.roots[0], equation.slacks[0]))
            continue
        power = -1.0 if equation.order == 1 or len(equation.roots) == 3 else -0.5
        for i in real:
            if exact[i] != 0 and ((u > numbers[i].value).all() or (u < numbers[i].value).all()):
                found.append(_from_level(numbers[i], power, above=bool((u > numbers[i].value).all())))
    return found


def _alike(a: tuple[complex, ...], b: tuple[complex, ...]) -> bool:
    return len(a) == len(b) and all(abs(p - q) <= 1e-4 * max(abs(p), abs(q)) for p, q in zip(a, b, strict=True))


def _ratio(p: Number, q: Number, a: sp.Expr, b: sp.Expr) -> Transform:
    def drift(u: Array) -> Array:
        return np.abs(1 / (u - q.value)) * p.slack + np.abs((u - p.value) / (u - q.value) ** 2) * q.slack

    return Transform(
        "(u - p)/(u - q)",
        lambda u: (u - p.value) / (u - q.value),
        lambda u: (p.value - q.value) / (u - q.value) ** 2,
        lambda v: (a - b * v) / (1 - v),
        3.0,
        numbers=(p, q),
        drift=drift,
    )


def _turned(root: complex, slack: float) -> Transform:
    p, q = number(root.real, slack, "level"), number(abs(root.imag), slack, "level")
    a = p.symbol if p.value else sp.Integer(0)
    return Transform(
        "atan((u - p)/q)",
        lambda u: np.arctan((u - p.value) / q.value),
        lambda u: q.value / (q.value**2 + (u - p.value) ** 2),
        lambda v: a + q.symbol * sp.tan(v),
        3.5,
        numbers=(p, q),
        drift=lambda u: slack / np.hypot(q.value, u - p.value),
    )


def _from_level(p: Number, power: float, above: bool) -> Transform:
    sign = 1 if above else -1
    inverse = sp.Integer(-1) if power == -1 else sp.Integer(-2)
    return Transform(
        "1/(u - p)" if power == -1 else "(u - p)^(-1/2)",
        lambda u: np.abs(u - p.value) ** power,
        lambda u: sign * power * np.abs(u - p.value) ** (power - 1),
        lambda v: p.symbol + sign * v**inverse,
        3.0,
        numbers=(p,),
        drift=lambda u: p.slack * np.abs(power * np.abs(u - p.value) ** (power - 1)),
    )


def transformed(view: View) -> list[Transformed]:
    """The field under every transform of the table that its values allow, the simplest first; u itself is the first."""
    found = [apply(view, transform) for transform in (*TRANSFORMS, *from_data(view.samples))]
    return sorted((t for t in found if t is not None), key=lambda t: t.bits)


def apply(view: View, transform: Transform) -> Transformed | None:
    """The field under one transform, on the part of the box where that makes sense; None if there is hardly any."""
    if transform is IDENTITY:
        return Transformed(view, lambda form: form, "u", 0.0)
    best: tuple[float, Samples, int] | None = None
    for sign in (1, -1) if transform.signed else (1,):
        found = _part(view.samples, transform, sign)
        if found is not None and (best is None or found[0] > best[0]):
            best = (*found, sign)
    if best is None:
        return None
    _, samples, sign = best

    def inverse(form: Form) -> Form:
        return back(form, sign * transform.inverse(form.expression), transform.name, transform.numbers)

    return Transformed(view.of(samples), inverse, transform.name, transform.bits)


def back(form: Form, expression: sp.Expr, name: str, numbers: tuple[Number, ...] = ()) -> Form:
    """The form of u from that of v = T(u): its expression is put in, the transform's own numbers join those that are left."""
    kept = tuple(n for n in (*form.numbers, *numbers) if expression.has(n.symbol))
    return replace(form, expression=expression, numbers=kept, how=f"{name}: {form.how}" if form.how else name)


def _part(samples: Samples, transform: Transform, sign: int) -> tuple[float, Samples] | None:
    """The largest part of the box where the transform keeps enough digits: its volume (of 1), and v there."""
    noise = _noise(samples.values, samples.sigma, transform, sign)
    clear = max(CLEAREST, LOST * samples.size / samples.sigma)
    if np.isfinite(noise).all() and _clear(whole := _through(samples, transform, sign, noise), clear):
        return 1.0, whole
    values = np.where(np.isfinite(noise), samples.values, np.nan)
    for volume, bounds, cut in parts(samples.axes, PARTS[len(samples.axes)], SMALLEST) if samples.resolved else ():
        inside = noise[cut]
        if not np.isfinite(inside).all():
            continue
        v = transform.forward(sign * values[cut])
        if np.std(v) < clear * np.sqrt(np.mean(inside**2)):
            continue
        smaller = crop(samples, bounds)
        noise = _noise(smaller.values, smaller.sigma, transform, sign)
        if not (np.isfinite(noise).all() and _clear(part := _through(smaller, transform, sign, noise), clear / 10)):
            return None
        return volume, part
    return None


def _noise(u: Array, sigma: float, transform: Transform, sign: int) -> Array:
    """The noise of v at every node; infinite outside the domain, and closer to its ends than the noise."""
    lower, upper = transform.domain
    inside = (sign * u - 3 * sigma > lower) & (sign * u + 3 * sigma < upper)
    with np.errstate(all="ignore"):
        noise = np.abs(transform.slope(np.where(inside, sign * u, np.nan))) * sigma
        if transform.drift is not None:
            noise = noise + transform.drift(np.where(inside, sign * u, np.nan))
        rounding = 4 * np.finfo(float).eps * np.abs(transform.forward(np.where(inside, sign * u, np.nan)))
    return np.where(inside & np.isfinite(noise), np.maximum(noise, rounding), np.inf)


def _through(samples: Samples, transform: Transform, sign: int, noise: Array) -> Samples:
    values = transform.forward(sign * samples.values)
    return Samples(samples.axes, values, float(np.sqrt(np.mean(noise**2))), samples.resolved)


def _clear(through: Samples, clear: float) -> bool:
    return bool(np.std(through.values) >= clear * through.sigma)
