"""Singular solutions near a corner and around a hole, known in closed form: for the Laplacian and for Stokes' operator.

All are sums of conj(w)^c w^p (log w)^l with w = z exp(-i direction), z measured from the corner: harmonic functions are Re f(w),
biharmonic ones Re(conj(w) phi(w) + chi(w)) (Goursat). The angle from the first side is psi = arg w + offset.

Sources: Grisvard (1985), Elliptic Problems in Nonsmooth Domains, section 4.4; Moffatt (1964), J. Fluid Mech. 18, eq. 2.10;
Muskhelishvili (1953), section 31.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

Kind = Literal["D", "N"]
"""What holds on a side: the value is given, or the derivative along the normal (with or without a multiple of the value)."""


class Part(NamedTuple):
    """factor * conj(w)^conj * w^power * (log w)^log * w0^inner, w0 measured from another point; what counts is the real part."""

    conj: int
    power: complex
    log: int
    factor: complex
    inner: float = 0.0


Sum = tuple[Part, ...]

SAME = 1e-9
"""Two exponents that are closer than this are one: angles come from arctan2 and are exact to 1e-15."""

NEAR = 1e-4
"""An exponent this close to an integer gives a function that is a polynomial to four digits: see ``_apart_from_polynomial``."""


@dataclass(frozen=True)
class Wedge:
    """A corner as its functions see it: ``angle`` of the domain, ``offset`` = psi - arg w, and what holds on both sides.

    The first side lies at psi = 0, the second at psi = angle, the domain between them.
    """

    angle: float
    offset: float
    first: Kind
    second: Kind

    def exponents(self, highest: float) -> Iterator[float]:
        """lambda > 0 with r^lambda sin or cos(lambda psi) that vanishes, or has no slope along the normal, on both sides."""
        shift = 0.0 if self.first == self.second else 0.5
        n = 1
        while (value := (n - shift) * math.pi / self.angle) < highest:
            yield value
            n += 1

    def phase(self, power: complex) -> complex:
        """a, so that Re(a w^lambda) is r^lambda sin(lambda psi) where ``first`` is D, r^lambda cos(lambda psi) where it is N."""
        turn = cmath.exp(1j * power * self.offset)
        return -1j * turn if self.first == "D" else turn


def integer(value: float) -> int | None:
    """The integer that an exponent is close to, or None."""
    nearest = round(value)
    return nearest if nearest > 0 and abs(value - nearest) < SAME else None


def _apart_from_polynomial(power: float, factor: complex) -> Sum:
    """w^power, less w^m and divided by power - m where power is close to the integer m: splines have w^m already.

    The limit is w^m log w. Below ``NEAR`` from the series of exp(delta log w), whose fourth term is less than 1e-13 there;
    above, cancellation costs four digits at most.
    """
    nearest = round(power)
    delta = power - nearest
    if nearest < 1 or abs(delta) > 0.05:
        return (Part(0, power, 0, factor),)
    if abs(delta) < NEAR:
        return tuple(Part(0, nearest, k, factor * delta ** (k - 1) / math.factorial(k)) for k in (1, 2, 3) if delta or k == 1)
    return Part(0, power, 0, factor / delta), Part(0, nearest, 0, -factor / delta)


def harmonic(
    wedge: Wedge,
    highest: float,  # exponents below this one
    logarithms: float = 0.0,  # integer exponents from this one on come with log w
) -> list[tuple[float, Sum]]:  # (exponent, function), by exponent
    """The harmonic functions that are singular in a corner and satisfy homogeneous conditions on both its sides.

    Where the exponent is an integer m the power is a polynomial, which splines have; then w^m log w, whose boundary values are
    polynomials, answers for an equation or data that no polynomial satisfies. m = 0 is the angle itself: data that jump.
    """
    found: list[tuple[float, Sum]] = []
    if logarithms <= 0 and wedge.first == wedge.second == "D":
        found.append((0.0, (Part(0, 0.0, 1, -1j),)))
    for power in wedge.exponents(highest):
        m = integer(power)
        if m is None:
            found.append((power, _apart_from_polynomial(power, wedge.phase(power))))
        elif m >= logarithms:
            found.append((float(m), (Part(0, float(m), 1, wedge.phase(m)),)))
    return found


def companions(
    wedge: Wedge,
    leading: Sequence[tuple[float, Sum]],
    highest: float,
    coupling: Literal["value", "slope", "shape"],
) -> list[tuple[float, Sum]]:
    """What lower terms of the equation, or bent sides, add to the leading functions; sorted by degree.

    ``value``: terms in the value itself, lap(u) = c u, add conj(w) w^(lambda + 1), of the same phase: its Laplacian is
    4 (lambda + 1) w^lambda. ``slope``: terms in the slopes, or coefficients that vary, add conj(w)^j w^(lambda + k - j), real and
    imaginary part. ``shape``: bent sides and Robin's condition add w^(lambda + k), again both, and a logarithm where lambda + k
    is an exponent of the corner itself.
    """
    found: list[tuple[float, Sum]] = []
    own = list(wedge.exponents(highest + 1))
    seen: set[tuple[int, complex, int, bool]] = set()

    def add(conj: int, power: float, log: int, factors: Sequence[complex]) -> None:
        degree = conj + power
        smooth = integer(power) is not None and not log
        if degree >= highest or smooth:
            return
        for factor in factors:
            key = conj, complex(round(power, 9)), log, len(factors) > 1 and factor == 1j
            if key not in seen:
                seen.add(key)
                found.append((degree, (Part(conj, power, log, factor),)))

    for _, parts in leading:
        part = parts[0]
        power = part.power.real
        for k in range(1, math.ceil(highest - power) + 1):
            if coupling == "value":
                if k % 2 == 0:
                    add(k // 2, power + k // 2, part.log, (part.factor,))
                continue
            resonant = any(abs(power + k - other) < SAME for other in own)
            for j in range(k + 1 if coupling == "slope" else 1):
                add(j, power + k - j, part.log, (1.0, 1j))
            if resonant and not part.log:
                add(0, power + k, 1, (1.0, 1j))
    return sorted(found, key=lambda item: item[0])


def around_inner(
    wedge: Wedge,
    highest: float,
    logarithms: float,
    distance: float,  # of the inner point from the corner, in units of the scale
    mixed: float,  # with conj(w)^j too, up to this degree: what lower terms of the equation ask for
) -> list[tuple[float, Sum, Sum]]:  # (exponent, function about the corner, what is added about the inner point)
    """Harmonic functions of a corner of a hole, with a cut that ends at a point in the hole: w^(lambda + k) w0^-lambda.

    w0 = w + distance is measured from the inner point, and positive at the corner. The conditions on the sides hold to leading
    order only, so that both parts of the powers after the first are needed. In place of log w stands log w - log w0, and
    w^m log w0 is multiplied out in powers of w0.
    """
    found: list[tuple[float, Sum, Sum]] = []
    if logarithms <= 0 and wedge.first == wedge.second == "D":
        found.append((0.0, (Part(0, 0.0, 1, -1j),), (Part(0, 0.0, 1, 1j),)))
    classes: list[float] = []
    for power in wedge.exponents(highest):
        m = integer(power)
        if m is not None:
            if m >= logarithms:
                a = wedge.phase(m)
                inner = [Part(0, float(k), 1, -a * math.comb(m, k) * (-distance) ** (m - k)) for k in range(m + 1)]
                found.append((float(m), (Part(0, float(m), 1, a),), tuple(inner)))
        elif not any(integer(1 + power - other) is not None for other in classes):
            classes.append(power)
            found.append((power, (Part(0, power, 0, wedge.phase(power), -power),), ()))
            for k in range(1, math.ceil(highest - power)):
                for j in range(k + 1 if power + k < mixed else 1):
                    found += [(power + k, (Part(j, power + k - j, 0, factor, -power),), ()) for factor in (1.0, -1j)]
    return sorted(found, key=lambda item: item[0])


# ---- Stokes and the biharmonic equation ----------------------------------------------------------------------------------------


class Goursat(NamedTuple):
    """phi and chi of the stream function psi = Re(conj(w) phi(w) + chi(w)); the conj of their parts is 0."""

    phi: Sum
    chi: Sum


def clamped_exponents(angle: float, highest: float) -> list[tuple[complex, int]]:
    """mu with sin(mu angle) = -+ mu sin(angle), 0 < Re mu < highest, Im mu >= 0: psi ~ r^(mu + 1) has no slope on both sides.

    The sign is returned too: -1 for functions that are even about the middle of the corner, +1 for odd ones. Newton's method from
    a grid of starts: neighbouring roots lie about pi / angle apart and their imaginary part grows like log(mu) / angle.
    """
    found: list[tuple[complex, int]] = []
    top = (math.log(4 * highest + 4) + 1) / angle
    re, im = np.meshgrid(np.arange(0.05, highest + 0.5, 0.3 / angle), np.linspace(0, top, 9))
    for sign in (-1, 1):
        mu = (re + 1j * im).ravel()
        with np.errstate(all="ignore"):
            for _ in range(40):
                f = np.sin(mu * angle) - sign * mu * math.sin(angle)
                mu = mu - f / (angle * np.cos(mu * angle) - sign * math.sin(angle))
            f = np.abs(np.sin(mu * angle) - sign * mu * math.sin(angle))
        for root in mu[np.isfinite(mu) & (f < 1e-12 * (1 + np.abs(mu)))]:
            value = complex(root.real, abs(root.imag))
            value = complex(value.real, 0.0) if value.imag < 1e-7 else value
            trivial = abs(value - 1) < 1e-6 or value.real < 1e-6  # a rotation or a displacement of the whole
            if value.real < highest and not trivial and not any(abs(value - r) < 1e-6 and sign == s for r, s in found):
                found.append((value, sign))
    return sorted(found, key=lambda item: (item[0].real, item[0].imag))


def clamped(angle: float, offset: float, highest: float) -> list[tuple[float, Goursat]]:
    """The stream functions (clamped plates) that vanish with their slope on both sides; real and imaginary part of each exponent.

    r^(mu + 1) (a cos((mu + 1) t) + b cos((mu - 1) t)) with t measured from the middle of the corner, and the same with sines. The
    degree returned is that of the velocity, Re mu.
    """
    found: list[tuple[float, Goursat]] = []
    middle = offset - angle / 2  # t = arg w + middle
    half = angle / 2
    for mu, sign in clamped_exponents(angle, highest):
        if mu.imag == 0 and integer(mu.real) is not None:
            continue  # polynomials
        wave, slope = (cmath.cos, lambda t: -cmath.sin(t)) if sign < 0 else (cmath.sin, cmath.cos)
        rows = np.array(
            [
                [wave((mu + 1) * half), wave((mu - 1) * half)],
                [(mu + 1) * slope((mu + 1) * half), (mu - 1) * slope((mu - 1) * half)],
            ]
        )
        a, b = np.linalg.svd(rows)[2][-1].conj()
        choices = (1.0, -1j) if mu.imag else (1.0,)
        found += [(mu.real, _angular(mu, complex(a * c), complex(b * c), sign, middle)) for c in choices]
    return found


def _angular(mu: complex, a: complex, b: complex, sign: int, middle: float) -> Goursat:
    """Re r^(mu + 1) (a cos((mu + 1) t) + b cos((mu - 1) t)), or with sines, as phi and chi.

    cos(q t) = (e^(iqt) + e^(-iqt)) / 2; a term in conj(w) alone is the conjugate of one in w with conjugate factor and exponent.
    """
    plus, minus = (0.5, 0.5) if sign < 0 else (-0.5j, 0.5j)
    conjugate = mu.conjugate()

    def pair(factor: complex, shift: int) -> Sum:
        """Both exponentials of order q = mu + shift, with w^(mu + 1) from |w|^(mu + 1) e^(iqt) for shift = 1, w^mu for -1."""
        power = mu + 1 if shift == 1 else mu
        first = Part(0, power, 0, factor * plus * cmath.exp(1j * middle * (mu + shift)))
        other = complex(factor * minus * cmath.exp(-1j * middle * (mu + shift))).conjugate()
        second = Part(0, conjugate + 1 if shift == 1 else conjugate, 0, other)
        if mu.imag == 0:
            return (Part(0, power, 0, first.factor + second.factor),)
        return first, second

    return Goursat(pair(b, -1), pair(a, 1))


def driven(level: float) -> list[tuple[float, Goursat]]:
    """Stream functions of walls that move: psi = r t cos t, r t sin t for a velocity that jumps, r^2 t for slopes that disagree.

    Taylor's scraper and what comes next; t = arg w. ``level`` is the degree of the data that no polynomial flow satisfies.
    """
    found: list[tuple[float, Goursat]] = []
    if level <= 0:
        found.append((0.0, Goursat((Part(0, 0.0, 1, -1j),), (Part(0, 1.0, 1, -1j),))))
        found.append((0.0, Goursat((Part(0, 0.0, 1, 1.0),), (Part(0, 1.0, 1, -1.0),))))
    if level <= 1:
        found.append((1.0, Goursat((Part(0, 1.0, 1, -1j),), ())))
    return found


def stream(g: Goursat) -> Sum:
    """psi itself: the deflection of a plate."""
    return (*(p._replace(conj=1) for p in g.phi), *g.chi)


def flow(g: Goursat, direction: float, scale: float, viscosity: float) -> tuple[Sum, Sum, Sum]:
    """u = psi_y, v = -psi_x and the pressure, all times the scale of w.

    u - i v = 2i d(psi)/dz = i e^(-i direction) (conj(w) phi' + conj(phi) + chi'). lap(psi) = Re F with F = 4 phi', and grad p =
    viscosity * (lap(u), lap(v)) makes p = -viscosity Im F: Re(4i viscosity phi') / scale.
    """
    kappa = 1j * cmath.exp(-1j * direction)
    d_phi, d_chi = _slope(g.phi), _slope(g.chi)

    def velocity(k: complex) -> Sum:
        return (
            *(p._replace(conj=1, factor=k * p.factor) for p in d_phi),
            *(p._replace(factor=k.conjugate() * p.factor) for p in g.phi),
            *(p._replace(factor=k * p.factor) for p in d_chi),
        )

    pressure = tuple(p._replace(factor=4j * viscosity / scale * p.factor) for p in d_phi)
    return velocity(kappa), velocity(1j * kappa), pressure


def _slope(parts: Sum) -> Sum:
    """d/dw of a sum of powers and logarithms."""
    found: list[Part] = []
    for p in parts:
        found.append(Part(0, p.power - 1, p.log, p.factor * p.power))
        if p.log:
            found.append(Part(0, p.power - 1, p.log - 1, p.factor * p.log))
    return tuple(p for p in found if p.factor)


# ---- holes ---------------------------------------------------------------------------------------------------------------------


def poles(count: int, coupled: bool) -> list[Sum]:
    """log|w| and Re, Im w^-n, n = 1, ..., count, around a hole; ``coupled``: what terms in the value add to them.

    The Laplacian of conj(w) w^(1-n) is 4 (1 - n) w^-n; for n = 1, of conj(w) log|w|, which has one value where its arg has many;
    for log|w|, of |w|^2 log|w|.
    """
    found: list[Sum] = [(Part(0, 0.0, 1, 1.0),)]
    found += [(Part(0, float(-n), 0, factor),) for n in range(1, count + 1) for factor in (1.0, -1j)]
    if coupled:
        found.append((Part(1, 1.0, 1, 1.0),))
        for factor in (1.0, -1j):
            found.append((Part(1, 0.0, 1, factor / 2), Part(0, 1.0, 1, complex(factor).conjugate() / 2)))
        found += [(Part(1, float(1 - n), 0, factor),) for n in range(2, count + 1) for factor in (1.0, -1j)]
    return found


def flow_poles(count: int) -> list[Goursat]:
    """Stokes flows around a hole with one-valued velocity and pressure: forces, rotation, source, and their derivatives.

    For phi = A log w, conj(phi) + chi' is one-valued if chi' = conj(A) log w + ...; chi = conj(A) (w log w - w).
    """
    found: list[Goursat] = []
    for a in (1.0 + 0j, 1j):
        b = a.conjugate()
        found.append(Goursat((Part(0, 0.0, 1, a),), (Part(0, 1.0, 1, b), Part(0, 1.0, 0, -b))))
    found += [Goursat((), (Part(0, 0.0, 1, factor),)) for factor in (1.0, -1j)]
    for n in range(1, count + 1):
        for factor in (1.0, -1j):
            found.append(Goursat((Part(0, float(-n), 0, factor),), ()))
            found.append(Goursat((), (Part(0, float(-n), 0, factor),)))
    return found
