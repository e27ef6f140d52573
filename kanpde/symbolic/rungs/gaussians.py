"""Integrals of a Gaussian as functions of one line: templates with centre m and width s open, and how they are fitted.

E = erf((y - m)/s) and its repeated integrals, with the polynomials that integrating brings, or with exponentials. Open numbers
are found by a scan and refined by variable projection; the coefficients are eliminated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.least_squares import misfit, refine, rms, spread
from kanpde.symbolic.sample import Array

CENTRES = np.linspace(-0.5, 1.5, 21)
WIDTHS = np.geomspace(0.05, 3.0, 9)
"""Of the Gaussian, in units of the line: what is scanned for a first guess."""
RATES = (-1.0, 1.0, -2.0, 2.0, -0.5, 0.5)
"""Of an exponential, in units of half the line: scanned together with 1 and -1 themselves."""
STARTS = 3
"""How many of the best points of the scan are refined."""
APART = 0.1
"""Two centres nearer than this, relative to the width, are one Gaussian and its derivative."""
SHARP = 0.05
"""Slack of width and centre, relative to the width, beyond which the Gaussian is a polynomial in disguise."""


@dataclass(frozen=True)
class Term:
    """y^power, or the integral number ``power`` of E; times e^(a y) if ``rate``, with the E that belongs to it.

    "H" is e^(a (y - m) + (a s / 2)^2) erf((y - m)/s + a s/2) - erf((y - m)/s), whose derivative has no Gaussian but e^(a y) E.
    """

    kind: str  # "1", "E", "H", or "G" for e^(-((y - m)/s)^2)
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
    Template("a Gaussian", (Term("1"), Term("G"))),
    _repeated(1),
    Template("two integrals of a Gaussian, with an exponential", (Term("1"), Term("1", rate=True), Term("H", rate=True))),
    Template("a Gaussian's integral, with an exponential", (Term("1"), Term("E"), Term("1", rate=True), Term("E", rate=True))),
    Template("integrals of two Gaussians", (Term("1"), Term("E"), Term("E", second=True))),
    Template("two Gaussians", (Term("1"), Term("G"), Term("G", second=True))),
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
        with np.errstate(divide="ignore", invalid="ignore"):  # s^2 = 0 where all spreading starts
            z = (y - centre) / s
        if term.kind == "1":
            value = y**term.power
        elif term.kind == "G":
            value = np.exp(-z * z)
        else:
            value = s**term.power * _integral(erf(z), np.exp(-z * z), z, term.power, np.pi**0.5)
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
        if term.kind == "G":
            value = sp.exp(-(z**2))
        elif term.kind != "1":
            erf, gauss = sp.erf(z), sp.exp(-(z**2))
            value = sp.expand(sp.sqrt(variance) ** term.power * _integral(erf, gauss, z, term.power, sp.sqrt(sp.pi)), deep=False)
        if term.kind == "H":
            value = sp.exp(a * (y - m) + a**2 * variance / 4) * value - sp.erf((y - m) / sp.sqrt(variance))
        elif term.rate:
            value *= sp.exp(a * y)
        found.append(value)
    return found


def on_line(template: Template, y: Array, u: Array, sigma: float) -> Array | None:
    """m, s and what else is open on one line, from a scan; None if the template does not fit there, or without its Gaussian."""
    width, target = float(np.ptp(y)), u[:, None]
    plain = [k for k, term in enumerate(template.terms) if term.kind == "1"]
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
        found = refined(template, y, u, np.array(start))
        if found is not None and rms(misfit(columns(template, y, found[0]), target)) <= 3 * sigma:
            off = spread(found[1], sigma, found[0])
            smooth = rms(misfit(columns(template, y, found[0])[:, plain], target)) <= 3 * sigma
            apart = template.extra != "centre" or abs(found[0][2] - found[0][0]) > APART * found[0][1]
            if not smooth and apart and off[0] <= SHARP * abs(found[0][1]) and off[1] <= SHARP * abs(found[0][1]):
                return found[0]
    return None


def refined(template: Template, y: Array, u: Array, start: Array) -> tuple[Array, Array] | None:
    """The open numbers by variable projection, with the Jacobian; None where the line says nothing of them."""

    def residual(theta: Array) -> Array:
        if theta[1] <= 0:
            return np.full_like(u, np.inf)
        return misfit(columns(template, y, theta), u[:, None]).ravel()

    scale = np.array([start[1], start[1], 1 / np.ptp(y) if template.extra == "rate" else start[1]])[: len(start)]
    theta, J = refine(residual, start, scale)
    return (theta, J) if np.isfinite(theta).all() and np.isfinite(J).all() and theta[1] > 0 else None
