"""Where two curves meet: crossings, touching points, and the ends of stretches that they share."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from kanpde.geometry.curves import TURN, Arc, Curve, Segment

Meeting = tuple[float, float]
"""The parameter of a common point on the one curve and on the other."""

PARALLEL = 1e-13  # sine of the angle below which two lines have the same direction: a few hundred roundings


def crossings(a: Curve, b: Curve, tolerance: float) -> list[Meeting]:
    """All points that two curves share, as parameters; of a shared stretch, its ends.

    Curves nearer than ``tolerance`` (a length, far above rounding and far below every feature) count as touching.
    """
    if isinstance(a, Segment) and isinstance(b, Segment):
        return _segments(a, b, tolerance)
    if isinstance(a, Arc) and isinstance(b, Arc):
        return _touching_ends(a, b, tolerance) + _on_both(a, b, _arcs(a, b, tolerance), tolerance)
    if isinstance(a, Arc):
        return [(t, s) for s, t in crossings(b, a, tolerance)]
    assert isinstance(b, Arc)
    return _on_both(a, b, _segment_and_ellipse(a, b, tolerance), tolerance)


def within(curve: Curve, t: float, tolerance: float) -> float | None:
    """The parameter moved into the curve's own range where it lies in it but for the tolerance, else None."""
    slack = tolerance / curve.speed if isinstance(curve, Segment) else tolerance / float(curve.radii.min())
    if isinstance(curve, Arc):
        t = curve.low + (t - curve.low) % TURN
        if t > curve.high + slack and t - TURN >= curve.low - slack:
            t -= TURN
    if not curve.low - slack <= t <= curve.high + slack:
        return None
    if abs(t - curve.low) <= slack:
        return curve.low
    return curve.high if abs(t - curve.high) <= slack else t


def _on_both(a: Curve, b: Curve, found: list[Meeting], tolerance: float) -> list[Meeting]:
    pairs = ((within(a, s, tolerance), within(b, t, tolerance)) for s, t in found)
    return [(s, t) for s, t in pairs if s is not None and t is not None]


def _ends_on(a: Curve, b: Curve, tolerance: float) -> list[Meeting]:
    """The ends of ``a`` that lie on ``b``."""
    if isinstance(a, Arc) and a.whole:
        return []
    ends = np.array([a.low, a.high])
    x = a.at(ends)
    t = b.parameter(x)
    near = np.hypot(*(b.at(t) - x).T) <= tolerance
    return _on_both(a, b, [(float(s), float(u)) for s, u, n in zip(ends, t, near, strict=True) if n], tolerance)


def _touching_ends(a: Curve, b: Curve, tolerance: float) -> list[Meeting]:
    return _ends_on(a, b, tolerance) + [(s, t) for t, s in _ends_on(b, a, tolerance)]


def _segments(a: Segment, b: Segment, tolerance: float) -> list[Meeting]:
    touching = _touching_ends(a, b, tolerance)
    if touching:  # two lines that meet at an end of one meet nowhere else, but along a shared stretch, which ends so too
        return touching
    u, v, w = a.end - a.start, b.end - b.start, b.start - a.start
    cross = float(u[0] * v[1] - u[1] * v[0])
    if abs(cross) <= PARALLEL * a.speed * b.speed:
        return []
    s, t = float(w[0] * v[1] - w[1] * v[0]) / cross, float(w[0] * u[1] - w[1] * u[0]) / cross
    return [(s, t)] if 0 < s < 1 and 0 < t < 1 else []


def _segment_and_ellipse(a: Segment, b: Arc, tolerance: float) -> list[Meeting]:
    """A cos t + B sin t = C, from putting the ellipse into the equation of the line; then t = atan2(B, A) +- acos(C / |A, B|)."""
    along = a.end - a.start
    normal = np.array([along[1], -along[0]]) / a.speed
    A, B = normal * b.radii
    C = float(normal @ (a.start - b.centre))
    reach, middle = math.hypot(A, B), math.atan2(B, A)
    if abs(abs(C) - reach) <= tolerance:
        angles = [middle if C > 0 else middle + math.pi]
    elif abs(C) > reach:
        return []
    else:
        # sqrt((reach - C)(reach + C)) keeps the digits that acos loses near tangents
        swing = math.atan2(math.sqrt((reach - C) * (reach + C)), C)
        angles = [middle - swing, middle + swing]
    return list(zip(map(float, a.parameter(b.at(np.array(angles)))), angles, strict=True))


def _arcs(a: Arc, b: Arc, tolerance: float) -> list[Meeting]:
    apart = float(np.hypot(*(a.centre - b.centre)))
    if apart <= tolerance and (np.abs(a.radii - b.radii) <= tolerance).all():
        # the same ellipse: the whole ones are cut at 0 and pi wherever they stand, the others at their ends
        return [(t, t) for t in (0.0, math.pi)]
    if a.circular and b.circular:
        return _circles(a, b, apart, tolerance)
    angles = _ellipse_on_ellipse(a, b, tolerance)
    return list(zip(angles, map(float, b.parameter(a.at(np.array(angles)))), strict=True)) if angles else []


def _circles(a: Arc, b: Arc, apart: float, tolerance: float) -> list[Meeting]:
    r, s = float(a.radii[0]), float(b.radii[0])
    if apart > r + s + tolerance or apart < abs(r - s) - tolerance or apart <= tolerance:
        return []
    towards = b.centre - a.centre
    middle = math.atan2(towards[1], towards[0])
    if abs(apart - (r + s)) <= tolerance:
        return [(middle, middle + math.pi)]
    if abs(apart - abs(r - s)) <= tolerance:
        return [(middle, middle)] if r > s else [(middle + math.pi, middle + math.pi)]
    # Heron's product instead of acos: full digits for flat triangles too
    height = math.sqrt((apart + r + s) * (apart + r - s) * (apart - r + s) * (r + s - apart)) / (2 * apart)
    foot = ((apart - s) * (apart + s) + r * r) / (2 * apart)
    at_a, at_b = math.atan2(height, foot), math.atan2(height, foot - apart)
    return [(middle + at_a, middle + at_b), (middle - at_a, middle - at_b)]


def _ellipse_on_ellipse(a: Arc, b: Arc, tolerance: float) -> list[float]:
    """The zeros of F(t) = |(a(t) - centre of b) / radii of b|^2 - 1, a trigonometric polynomial of degree 2.

    Between two zeros of F' it is monotone, so it has a zero there or none: no double zero is missed or taken for two.
    """
    (p, q), (c, s) = (a.centre - b.centre) / b.radii, a.radii / b.radii

    def value(t: float) -> float:
        return (p + c * math.cos(t)) ** 2 + (q + s * math.sin(t)) ** 2 - 1

    def slope(t: float) -> float:
        return 2 * (s * math.cos(t) * (q + s * math.sin(t)) - c * math.sin(t) * (p + c * math.cos(t)))

    # F' = (s^2 - c^2) sin 2t + 2 s q cos t - 2 c p sin t, written in z = exp(i t): a quartic
    even, cosine, sine = (s * s - c * c) / 2j, s * q, -c * p / 1j
    roots = np.roots([even, cosine + sine, 0, cosine - sine, -even] if even else [cosine + sine, 0, cosine - sine])
    turning = sorted({float(np.angle(z)) for z in roots if abs(abs(z) - 1) < 1e-5})
    scale = 2 * tolerance / float(b.radii.min())  # F changes by about 2/radius a length
    found = [t for t in turning if abs(value(t)) <= scale]
    ends = [*turning, turning[0] + TURN] if turning else []
    for low, high in pairwise(ends):
        if abs(value(low)) > scale and abs(value(high)) > scale and value(low) * value(high) < 0:
            found.append(_zero(value, slope, low, high))
    return found


def _zero(value: Callable[[float], float], slope: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a monotone function: bisection, then two steps of Newton for the last digits."""
    rising = value(high) > 0
    for _ in range(50):
        middle = (low + high) / 2
        if (value(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    t = (low + high) / 2
    for _ in range(2):
        t -= value(t) / slope(t) if slope(t) else 0.0
    return t
