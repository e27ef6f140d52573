"""Quotients of polynomials in a chart: (1 + x)/(1 + x^2), x/(1 + log x), fewest numbers first.

p(z) - u q(z) = 0 is linear in the coefficients: the smallest singular vector of [T_i(z), -u T_j(z)].
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev
from numpy.polynomial.polynomial import Polynomial

from kanpde.symbolic.curves.basis import CHARTS
from kanpde.symbolic.curves.fit import ABRUPT, Curve, fitted, open_number
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Array
from kanpde.symbolic.view import ACCEPT

MOST_NUMBERS = 9
HIGHEST_BELOW = 4
"""Degree of a denominator."""
CHANCE = 25.0
"""Bits that the data must have beyond the numbers of a quotient: quotients approximate better than polynomials do."""
HIGHEST = 9
"""Degree of a polynomial."""


def rational(curve: Curve) -> Iterator[Form]:
    """The quotients p(z)/q(z) of the fewest coefficients that fit the curve, in each chart; polynomials included."""
    for name in ("x", "x^2", "sqrt x", "log x"):
        chart = CHARTS[name]
        if not chart.admits(curve.axis.lower, curve.axis.upper):
            continue
        found = _lowest(chart.forward(curve.nodes), curve)
        if found is None:
            continue
        above, below = found
        guesses: dict[sp.Dummy, float] = {}
        z = chart.expression(curve.symbol)
        numerator = sp.Add(*(open_number(c, guesses) * z**k for k, c in enumerate(above)))
        denominator = sp.Add(z ** (len(below) - 1), *(open_number(c, guesses) * z**k for k, c in enumerate(below[:-1])))
        kind = "polynomial" if len(below) == 1 else "quotient of polynomials"
        form = fitted(numerator / denominator, guesses, curve, kind + ("" if name == "x" else f" of {name}"))
        if form is not None and (len(below) == 1 or curve.surplus(len(form.numbers)) >= CHANCE):
            yield form


def _lowest(z: Array, curve: Curve) -> tuple[Array, Array] | None:
    """Coefficients of numerator and (monic) denominator, constant first; None if no quotient of the size fits."""
    scaled = (2 * z - z.min() - z.max()) / np.ptp(z)
    vandermonde = chebyshev.chebvander(scaled, HIGHEST)  # (n, HIGHEST + 1)
    u = curve.values / curve.size
    degrees = [(m, n) for m in range(HIGHEST + 1) for n in range(HIGHEST_BELOW + 1) if n == 0 or m + n + 1 <= MOST_NUMBERS]
    left: dict[int, float] = {}  # by the sum of the degrees: what the best quotient leaves
    for m, n in sorted(degrees, key=lambda pair: (pair[0] + pair[1], pair[1])):
        if n and m + n + 1 > curve.content - 1:
            continue
        system = np.concatenate([vandermonde[:, : m + 1], -u[:, None] * vandermonde[:, : n + 1]], 1)
        vector = np.linalg.svd(system, full_matrices=False)[2][-1]
        below = vandermonde[:, : n + 1] @ vector[m + 1 :]
        if not (below.min() > 0 or below.max() < 0):
            continue
        outside = (vandermonde[:, : m + 1] @ vector[: m + 1]) / below - u
        miss = rms(outside) * curve.size
        left[m + n] = min(miss, left.get(m + n, np.inf))
        if miss > 2 * ACCEPT * curve.sigma:
            continue
        if n and left.get(m + n - 1, np.inf) < ABRUPT * ACCEPT * curve.sigma:
            return None  # one of ever better approximations
        centre, half = float(z.min() + z.max()) / 2, float(np.ptp(z)) / 2
        line = Polynomial([-centre / half, 1 / half])
        p = Polynomial(chebyshev.cheb2poly(vector[: m + 1]))(line).coef
        q = Polynomial(chebyshev.cheb2poly(vector[m + 1 :]))(line).coef
        return p / q[-1] * curve.size, q / q[-1]
    return None
