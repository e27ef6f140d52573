"""Polynomials under a Gaussian, x^k exp(a x^2 + b x): the states of an oscillator, moments of a heat kernel.

A family of such functions satisfies no equation with constant coefficients; the two numbers are found by trying, and refined by
variable projection.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from kanpde.symbolic.curves.least_squares import misfit, refine, rms, spread
from kanpde.symbolic.sample import Array, Axis

STARTS = (-64.0, -32.0, -16.0, -8.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0)
"""Of a, on an interval of length 2: narrower Gaussians are not resolved, wider ones are polynomials."""
MORE = 4
"""Degree beyond the lowest possible one."""
NEAR = 0.3
"""A start must leave less of the family than this."""
SHARP = 1e-3
"""Slack of a and b, on an interval of length 2."""


def gaussian_basis(family: Array, axis: Axis, sigma: float) -> tuple[int, tuple[float, float], tuple[float, float]] | None:
    """The lowest degree of the polynomials, a and b, and how far these may be off; None if the family (n, r) is none of these."""
    rank = family.shape[1]
    s = axis.reference(axis.nodes)
    content = axis.significant(family, sigma)

    def columns(theta: Array, degree: int) -> Array:  # (n, degree + 1)
        weight = np.exp(np.clip(theta[0] * s**2 + theta[1] * s, -300, 300))
        return weight[:, None] * np.polynomial.chebyshev.chebvander(s, degree)

    def left(theta: Array, degree: int) -> Array:
        return misfit(columns(theta, degree), family).ravel()

    for degree in range(rank - 1, rank + MORE):
        if (degree + 1) * rank + 2 > content:
            return None
        starts = [np.array([a, b]) for a in STARTS for b in ((0.0,) if degree else (-abs(a), 0.0, abs(a)))]
        best = min(starts, key=lambda theta: rms(misfit(columns(theta, degree), family)))
        if rms(misfit(columns(best, degree), family)) > NEAR * rms(family):
            continue
        best, J = refine(partial(left, degree=degree), best, np.ones(2))
        if rms(misfit(columns(best, degree), family)) > 3 * sigma:
            continue
        slack = spread(J, sigma, best)
        centred = np.array([best[0], 0.0])
        if abs(best[1]) <= 3 * slack[1] and rms(misfit(columns(centred, degree), family)) <= 3 * sigma:
            best = centred
        if slack.max() > SHARP or abs(best[0]) < 0.01:
            return None
        c, h = (axis.lower + axis.upper) / 2, axis.width / 2
        a, b = best[0] / h**2, best[1] / h - 2 * best[0] * c / h**2  # of x = c + h s
        return degree, (float(a), float(b)), (float(slack[0] / h**2), float(slack[1] / h + 2 * slack[0] * abs(c) / h**2))
    return None
