"""Levels that a field's own equation along a coordinate singles out: u_x = a + b u + c u^2 vanishes at two of them.

Solutions of such an equation are simple as seen from these levels: (u - p) / (u - q) is an exponential, 1 / (u - p) linear,
(u - p)^(-1/2) a hyperbolic cosine. Tested in integrated form, line by line, so that no noise is differentiated:
u = k + a x + b int u + c int u^2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from kanpde.symbolic.sample import Array, Axis, Samples, unfold

CURVED = 1e-4
"""The highest power must matter by this part of the whole and stand above the noise: linear equations are solved by modes."""
MARGIN = 3.0
"""Times the noise: what an equation may leave of the field. The noise of the integrals comes on top."""
SMOOTH = 16
"""A solver's error is smooth: as large as this many values that are off together, among those of a line and of all lines."""


@dataclass(frozen=True)
class Levels:
    """The zeros of the right-hand side of u_x = q(u) (``order`` 1) or u_xx = q(u) (``order`` 2), and how far they may be off."""

    axis: int
    order: int
    roots: tuple[complex, ...]
    slacks: tuple[float, ...]


def levels(samples: Samples) -> Iterator[Levels]:
    """The equations with constant coefficients that a field satisfies along a coordinate, at most one for each and each order."""
    if not samples.resolved:
        return
    for k, axis in enumerate(samples.axes):
        u = unfold(samples.values, k)  # (n, m)
        if np.std(u - u.mean(0)) < 1e-3 * np.std(u):
            continue
        for order, degree in ((1, 2), (2, 2), (2, 3)):
            found = _equation(u, axis, samples.sigma, order, degree)
            if found is not None:
                yield Levels(k, order, *_roots(*found))
                break


def _equation(u: Array, axis: Axis, sigma: float, order: int, degree: int) -> tuple[Array, Array] | None:
    """The coefficients (degree + 1,) of the right-hand side and how far they may be off; None if there is no such equation."""
    keep = np.eye(axis.n)
    if order:  # what the integrations leave free: 1, x
        low = np.linalg.qr(chebyshev.chebvander(axis.reference(axis.nodes), order - 1))[0]
        keep = keep - low @ low.T
    size = float(np.abs(u).max())
    powers = [(u / size) ** j for j in range(degree + 1)]
    columns = np.stack([(keep @ _integral(p, axis, order)).ravel() for p in powers], 1)  # (n m, degree + 1)
    norms = np.linalg.norm(columns, axis=0)
    right = (keep @ u).ravel()
    if not norms.all():
        return None
    left, sizes, v = np.linalg.svd(columns / norms, full_matrices=False)
    if sizes[-1] < 1e-9:
        return None
    inverse = (v.T / sizes) @ left.T / norms[:, None]  # (degree + 1, n m)
    c = inverse @ right
    through = sum(j * abs(c[j]) for j in range(degree + 1)) * axis.width**order / size  # noise of the integrals over that of u
    noise = MARGIN * sigma * (1 + through)
    if np.sqrt(np.mean((columns @ c - right) ** 2)) > noise:
        return None
    slack = sigma * (1 + through) * np.sqrt(len(right) / SMOOTH) * np.linalg.norm(inverse, axis=1)
    if abs(c[-1]) < 10 * slack[-1] or abs(c[-1]) * norms[-1] < CURVED * np.linalg.norm(right):
        return None
    scale = np.asarray(size ** -np.arange(degree + 1.0))
    return c * scale, slack * scale


def _integral(f: Array, axis: Axis, order: int) -> Array:  # (n, m) -> (n, m)
    series = chebyshev.chebint(axis.coefficients(f), order, scl=axis.width / 2)
    return axis.evaluate(np.asarray(series), axis.nodes)


def _roots(c: Array, slack: Array) -> tuple[tuple[complex, ...], tuple[float, ...]]:
    """The zeros of a polynomial with how far they may be off; two that may be one are one, and zero if that is possible."""

    def off(r: complex, order: int) -> float:  # of the order-th derivative's zero at r
        slope = float(abs(np.polyval(np.polyder(c[::-1], order + 1), r)))
        error = sum(s * (j if order else 1) * abs(r) ** (j - order) for j, s in enumerate(slack) if j >= order)
        return float(error) / slope if slope else float("inf")

    roots = sorted((complex(r) for r in np.roots(c[::-1])), key=lambda r: (r.real, r.imag))
    found: list[tuple[complex, float]] = []
    while roots:
        r = roots.pop(0)
        away = off(r, 0)
        near = [other for other in roots if abs(r - other) <= 6 * away]
        if near:
            roots.remove(near[0])
            r = (r + near[0]) / 2
            away = off(r, 1)
        if abs(r) <= 3 * away:
            r = 0j
        elif abs(r.imag) <= 3 * away:
            r = complex(r.real)
        found.append((r, away))
    return tuple(r for r, _ in found), tuple(s for _, s in found)
