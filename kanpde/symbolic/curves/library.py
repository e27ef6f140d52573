"""Functions of the library f(a z + b) that lie in the span of a family, for what is no exponential mode.

The family's columns are arbitrary mixtures, so a single column equals no single function. But every function that the mixtures
are made of lies in their span (with the constant 1 added): its distance from the span is minimised over a and b.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.basis import CHARTS, Basis, Exponential
from kanpde.symbolic.curves.least_squares import misfit, refine, rms, spread
from kanpde.symbolic.sample import Array, Axis

STARTS = 3
"""How many of the best grid points of (a, b) are refined: the distance has few local minima once a and b are near."""
LARGEST = 1e100
"""Values beyond are a pole, or an exponential of an exponential."""
MOST_FUNCTIONS = 3
MOST_TRIALS = 10
"""Of the library functions nearest to the span, how many are tried, and in a span of how many dimensions at most."""


@dataclass(frozen=True)
class Entry:
    """A function of the library. Without ``scaled`` it is f(z + b), because f(a z) is a multiple of f(z), up to a constant."""

    name: str
    numeric: Callable[[Array], Array]
    expression: Callable[[sp.Expr], sp.Expr]
    scaled: bool = True
    shifted: bool = True
    mirrored: bool = False  # even or odd: a negative scale gives nothing new


def _special(name: str, *first: float) -> Callable[[Array], Array]:
    def evaluate(z: Array) -> Array:
        from scipy import special  # late: slow to import, and most families are modes

        values = getattr(special, name)(*first, z)
        return np.asarray(values[0] if isinstance(values, tuple) else values)

    return evaluate


def _lambert(z: Array) -> Array:
    from scipy import special

    found = special.lambertw(np.where(z > -np.exp(-1), z, np.nan))
    return np.asarray(found.real)


ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("log", np.log, sp.log, scaled=False),
        Entry("sqrt", np.sqrt, sp.sqrt, scaled=False),
        Entry("reciprocal", lambda z: 1 / z, lambda z: 1 / z, scaled=False),
        Entry("reciprocal square", lambda z: z**-2, lambda z: z**-2, scaled=False),
        Entry("reciprocal root", lambda z: z**-0.5, lambda z: 1 / sp.sqrt(z), scaled=False),
        Entry("power 3/2", lambda z: z**1.5, lambda z: z ** sp.Rational(3, 2), scaled=False),
        Entry("power -3/2", lambda z: z**-1.5, lambda z: z ** sp.Rational(-3, 2), scaled=False),
        Entry("cube root", lambda z: z ** (1 / 3), lambda z: z ** sp.Rational(1, 3), scaled=False),
        Entry("z log", lambda z: z * np.log(z), lambda z: z * sp.log(z), scaled=False),
        Entry("tanh", np.tanh, sp.tanh, mirrored=True),
        Entry("coth", lambda z: 1 / np.tanh(z), sp.coth, mirrored=True),
        Entry("sech", lambda z: 1 / np.cosh(z), sp.sech, mirrored=True),
        Entry("sech^2", lambda z: np.cosh(z) ** -2, lambda z: sp.sech(z) ** 2, mirrored=True),
        Entry("gauss", lambda z: np.exp(-z * z), lambda z: sp.exp(-(z**2)), mirrored=True),
        Entry("atan", np.arctan, sp.atan, mirrored=True),
        Entry("asin", np.arcsin, sp.asin, mirrored=True),
        Entry("asinh", np.arcsinh, sp.asinh, mirrored=True),
        Entry("atanh", np.arctanh, sp.atanh, mirrored=True),
        Entry("acosh", np.arccosh, sp.acosh),
        Entry("tan", np.tan, sp.tan, mirrored=True),
        Entry("sec", lambda z: 1 / np.cos(z), sp.sec, mirrored=True),
        Entry("sec^2", lambda z: np.cos(z) ** -2, lambda z: sp.sec(z) ** 2, mirrored=True),
        Entry("log cos", lambda z: np.log(np.cos(z)), lambda z: sp.log(sp.cos(z)), mirrored=True),
        Entry("log cosh", lambda z: np.log(np.cosh(z)), lambda z: sp.log(sp.cosh(z)), mirrored=True),
        Entry("lorentz", lambda z: 1 / (1 + z * z), lambda z: 1 / (1 + z**2), mirrored=True),
        Entry("log(1 + z^2)", lambda z: np.log1p(z * z), lambda z: sp.log(1 + z**2), mirrored=True),
        Entry("sqrt(1 + z^2)", lambda z: np.sqrt(1 + z * z), lambda z: sp.sqrt(1 + z**2), mirrored=True),
        Entry("sqrt(1 - z^2)", lambda z: np.sqrt(1 - z * z), lambda z: sp.sqrt(1 - z**2), mirrored=True),
        Entry("1/sqrt(1 + z^2)", lambda z: 1 / np.sqrt(1 + z * z), lambda z: 1 / sp.sqrt(1 + z**2), mirrored=True),
        Entry("exp(-exp)", lambda z: 1 / (1 + np.exp(z)), lambda z: 1 / (1 + sp.exp(z))),
        Entry("softplus", lambda z: np.logaddexp(0, z), lambda z: sp.log(1 + sp.exp(z))),
        Entry("gompertz", lambda z: np.exp(-np.exp(z)), lambda z: sp.exp(-sp.exp(z))),
        Entry("erf", _special("erf"), sp.erf, mirrored=True),
        Entry("erfi", _special("erfi"), sp.erfi, mirrored=True),
        Entry("J0", _special("j0"), lambda z: sp.besselj(0, z), shifted=False),
        Entry("J1", _special("j1"), lambda z: sp.besselj(1, z), shifted=False),
        Entry("J2", _special("jv", 2), lambda z: sp.besselj(2, z), shifted=False),
        Entry("Y0", _special("y0"), lambda z: sp.bessely(0, z), shifted=False),
        Entry("I0", _special("i0"), lambda z: sp.besseli(0, z), shifted=False),
        Entry("I1", _special("i1"), lambda z: sp.besseli(1, z), shifted=False),
        Entry("K0", _special("k0"), lambda z: sp.besselk(0, z), shifted=False),
        Entry("K1", _special("k1"), lambda z: sp.besselk(1, z), shifted=False),
        Entry("Ai", _special("airy"), sp.airyai),
        Entry("Ei", _special("expi"), sp.Ei, shifted=False),
        Entry("W", _lambert, sp.LambertW),
        Entry("exp(sin)", lambda z: np.exp(np.sin(z)), lambda z: sp.exp(sp.sin(z))),
        Entry("exp(cos)", lambda z: np.exp(np.cos(z)), lambda z: sp.exp(sp.cos(z)), shifted=False),
        Entry("sin(z)/z", lambda z: np.sinc(z / np.pi), lambda z: sp.sin(z) / z, shifted=False),
        Entry("cos(z)/z", lambda z: np.cos(z) / z, lambda z: sp.cos(z) / z, shifted=False),
        Entry("exp(z)/z", lambda z: np.exp(z) / z, lambda z: sp.exp(z) / z, shifted=False),
    )
}
"""What an edge is matched with, beyond sines, cosines, exponentials, powers and polynomials, which are modes."""


@dataclass(frozen=True)
class Shape:
    """A library function with the places of its scale and shift (None: 1 and 0)."""

    entry: str
    scale: int | None
    shift: int | None

    @property
    def uses(self) -> tuple[int, ...]:
        return tuple(i for i in (self.scale, self.shift) if i is not None)

    def values(self, z: Array, theta: Sequence[float]) -> Array:
        a = 1.0 if self.scale is None else theta[self.scale]
        b = 0.0 if self.shift is None else theta[self.shift]
        with np.errstate(all="ignore"):
            return ENTRIES[self.entry].numeric(a * z + b)

    def expression(self, z: sp.Expr, theta: Sequence[sp.Expr]) -> sp.Expr:
        a = sp.Integer(1) if self.scale is None else theta[self.scale]
        b = sp.Integer(0) if self.shift is None else theta[self.shift]
        return ENTRIES[self.entry].expression(a * z + b)


def library_basis(family: Array, axis: Axis, sigma: float) -> Basis | None:  # family (n, r)
    """A basis of the constant and at most r library functions whose span holds the family to 3 sigma, or None."""
    x = axis.nodes
    centred = family - family.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int(np.sum(sizes > 3 * sigma * np.sqrt(family.size)))
    if not 1 <= rank <= MOST_FUNCTIONS:
        return None
    span = left[:, :rank]
    allowed = 3 * sigma * np.sqrt(len(x)) / sizes[rank - 1]  # what the noise may turn the span by
    hits = sorted(
        (hit for number, entry in enumerate(ENTRIES.values()) for hit in _closest(entry, number, span, x)),
        key=lambda hit: (
            max(hit[0], allowed),
            abs(_parameters(hit[2], hit[3])[1]) > 1e-6,
            hit[1],
        ),  # simple ones before close ones
    )
    chosen: list[tuple[float, int, Entry, Array]] = []
    for hit in hits[:MOST_TRIALS]:
        trial = sorted([*chosen, hit], key=lambda h: h[1])
        if hit[0] > max(10 * allowed, 1e-11):
            break
        basis = _assemble([(entry, theta) for *_, entry, theta in trial], family, axis, sigma)
        columns = basis.values(x)
        sizes = np.linalg.norm(columns, axis=0)
        if not (np.isfinite(sizes).all() and sizes.all()) or np.linalg.cond(columns / sizes) > 1e7:
            continue
        if rms(misfit(basis.values(x), family)) <= 3 * sigma:
            return basis
        if len(chosen) < rank - 1:
            chosen.append(hit)
    return None


def _parameters(entry: Entry, theta: Array) -> tuple[float, float]:
    """Scale and shift from the numbers that an entry has."""
    numbers = list(theta)
    a = numbers.pop(0) if entry.scaled else 1.0
    return a, numbers.pop(0) if entry.shifted else 0.0


def _outside(entry: Entry, theta: Array, span: Array, x: Array) -> Array:  # (n,)
    """The part of the normalised, centred function outside the span: its size is the sine of the angle between them."""
    a, b = _parameters(entry, theta)
    with np.errstate(all="ignore"):
        values = np.asarray(entry.numeric(a * x + b), dtype=float)
    if not (np.abs(values) < LARGEST).all():
        return np.full(len(x), np.inf)
    values = values - values.mean()
    size = float(np.linalg.norm(values))
    if size == 0 or size < 1e-6 * np.sqrt(len(x)) * min(1.0, abs(a)):  # a flat piece: rounding, not a function
        return np.full(len(x), np.inf)
    values = values / size
    return values - span @ (span.T @ values)


def _closest(entry: Entry, number: int, span: Array, x: Array) -> list[tuple[float, int, Entry, Array]]:
    """The local minima of the distance between a library function and the span: (distance, number, entry, numbers)."""
    width, centre = float(np.ptp(x)), float(x.mean())
    scales = (
        [s * a for a in (0.25, 0.5, 1, np.sqrt(2), 2, np.e, np.pi, 4, 5, 2 * np.pi, 8, 12) for s in (1, -1)]
        if entry.scaled
        else [1.0]
    )
    if not entry.shifted or entry.mirrored:
        scales = [a for a in scales if a > 0]
    offsets = np.linspace(-1.5, 1.5, 13) * width if entry.shifted else np.zeros(1)
    starts = []
    for a in scales:
        for offset in offsets if entry.scaled else [0.0, 0.02, 0.1, 0.3, 1.0, 3.0]:
            b = -a * (centre + offset) if entry.scaled else offset * width - x.min()
            for shift in (b, 0.0) if entry.shifted else (0.0,):
                theta = np.array([v for v, has in ((a, entry.scaled), (shift, entry.shifted)) if has])
                starts.append((float(np.linalg.norm(_outside(entry, theta, span, x))), tuple(theta)))
    starts.sort()
    found: list[tuple[float, int, Entry, Array]] = []
    for distance, start in starts[:STARTS]:
        if not np.isfinite(distance) or distance > 0.5:
            break
        at = np.array(start)
        scale = np.array([v for v, has in ((abs(_parameters(entry, at)[0]), entry.scaled), (1.0, entry.shifted)) if has])
        at, _ = refine(lambda theta: _outside(entry, theta, span, x), at, scale)
        if entry.mirrored and at[0] < 0:
            at = -at
        if abs(_parameters(entry, at)[0]) * width < 0.02:
            continue  # the limit a -> 0 is a polynomial in disguise
        outside = float(np.linalg.norm(_outside(entry, at, span, x)))
        if not any(np.allclose(at, other, rtol=1e-4, atol=1e-4) for *_, other in found):
            found.append((outside, number, entry, at))
    return found


def _assemble(chosen: list[tuple[Entry, Array]], family: Array, axis: Axis, sigma: float) -> Basis:
    """The constant and the chosen functions, with all their numbers refined together on the family."""
    x = axis.nodes
    columns: list[Exponential | Shape] = [Exponential()]
    theta: list[float] = []
    for entry, numbers in chosen:
        places = iter(range(len(theta), len(theta) + len(numbers)))
        columns.append(Shape(entry.name, next(places) if entry.scaled else None, next(places) if entry.shifted else None))
        theta += [float(v) for v in numbers]
    start = np.array(theta)

    def values(at: Array) -> Array:
        return Basis(CHARTS["x"], tuple(at), (), tuple(columns)).values(x)

    best, J = refine(lambda at: misfit(values(at), family).ravel(), start, np.maximum(np.abs(start), 0.1))
    return Basis(CHARTS["x"], tuple(float(v) for v in best), tuple(float(v) for v in spread(J, sigma, best)), tuple(columns))
