"""Rational functions of scattered data: T(u) = P/Q with polynomials of few terms in any number of coordinates.

T(u) Q - P = 0 is linear in the coefficients: they are the smallest singular vector of the columns, weighted with the Q of the
round before so that the misfit is that of T(u) itself (Sanathanan & Koerner, IEEE Trans. Autom. Control 8 (1963)). Terms that are
within the uncertainty of zero leave one after the other, the most doubtful first, as in backward elimination.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.curves.transforms import TRANSFORMS, Transform, error_weight
from kanpde.symbolic.data.judge import Scatter, predictable
from kanpde.symbolic.form import Array, Form, Number, number

DEGREES = (
    *((1, 0), (2, 0), (1, 1), (3, 0), (2, 1), (1, 2), (4, 0), (2, 2), (3, 1)),
    *((5, 0), (3, 2), (2, 3), (6, 0), (3, 3), (4, 2), (4, 4)),
)
"""Total degrees of P and Q."""
SHARE = 0.3
"""Columns over points at most."""
MOST_COLUMNS = 130
"""And in any case: what so many cannot say in few coordinates is said after the structure is known."""
MOST_TERMS = 14
DOUBT = 3.3
"""Standard deviations below which a coefficient is left out: what it explains is worth less than the bits it costs."""
DOUBTFUL = 9.0
"""Standard deviations of what polynomials still see in the residual; the weights of a transform are only about right."""
ROUNDS = 3
HOPELESS = 0.5
"""Misfit over that of the constant, above which a pair of degrees is not looked at any further."""
CANDIDATES = 2
UNDER = ("u", "u^2", "u^(-2)", "exp u", "exp(2 u)")
"""Transforms; 1/u is rational if u is, and what u^(1/2) makes rational is rational already."""

Monomial = tuple[int, ...]


@dataclass(frozen=True)
class Columns:
    """The monomials of P and of Q as columns."""

    upper: list[Monomial]
    lower: list[Monomial]
    above: Array  # (N, P)
    below: Array  # (N, Q)

    def kept(self, keep: Array) -> Columns:  # (P + Q,) of bool
        """Without the others."""
        p = len(self.upper)
        return Columns(
            [m for m, k in zip(self.upper, keep[:p], strict=True) if k],
            [m for m, k in zip(self.lower, keep[p:], strict=True) if k],
            self.above[:, keep[:p]],
            self.below[:, keep[p:]],
        )


def rationals(data: Scatter, budget: Budget) -> Iterator[Form]:
    """Forms T^-1(P/Q), the most promising first."""
    scales = np.maximum(np.abs(data.x).max(0), 1e-300)
    z = data.x / scales
    found: list[tuple[float, Transform, int, Columns, Array]] = []
    for t in TRANSFORMS:
        if t.name not in UNDER:
            continue
        prepared = _through(data, t)
        if prepared is None:
            continue
        v, weight, sign = prepared
        best = np.inf
        for p, q in DEGREES:
            count = comb(p + z.shape[1], p) + comb(q + z.shape[1], q)
            if (
                count > min(SHARE * len(v), MOST_COLUMNS)
                or not budget.left
                or (t.name != "u" and p + q > (4 if z.shape[1] > 3 else 6))
            ):
                continue
            columns = Columns(
                upper := _monomials(z.shape[1], p), lower := _monomials(z.shape[1], q), _table(z, upper), _table(z, lower)
            )
            solved = _solve(columns, v, weight)
            misfit = rms((v - _values(columns, solved)) * weight)
            if not misfit < HOPELESS * float(np.std(data.y)):
                continue
            cost = len(v) * np.log2(max(misfit, data.level) / data.size) + 5.0 * (count - 1) + 4 * t.bits
            found.append((cost, t, sign, columns, solved))
            if misfit <= max(30 * data.rounding, data.noise or 0.0):
                break
            best = min(best, misfit)
        if found and min(f[0] for f in found) < len(v) * np.log2(30 * data.rounding / data.size):
            break
    found.sort(key=lambda f: f[0])
    for _, t, sign, columns, solved in found[:CANDIDATES]:
        prepared = _through(data, t)
        if prepared is not None:
            v, weight, _ = prepared
            left = (v - _values(columns, solved)) * weight
            if rms(left) > max(30 * data.rounding, data.noise or 0.0) and predictable(data.x, left) > DOUBTFUL:
                continue  # more than noise: no term of it is to be left out as well
            sparse = _eliminated(columns, solved, v, weight, data.level)
            if sparse is not None:
                yield _form(data, t, sign, *sparse, scales)


def _through(data: Scatter, t: Transform) -> tuple[Array, Array, int] | None:
    """T(u), the factor that brings its errors back to those of u, and the sign of u; None outside of the domain."""
    for sign in (1, -1) if t.signed else (1,):
        u = sign * data.y
        with np.errstate(all="ignore"):
            v, slope = t.forward(u), np.abs(t.slope(u))
        if np.isfinite(v).all() and (u > t.domain[0]).all() and (u < t.domain[1]).all() and np.abs(v).max() < 1e12:
            return v, error_weight(slope), sign
        if t.name == "u^2":  # in whose domain u may be of both signs
            return None
    return None


def _monomials(d: int, degree: int) -> list[Monomial]:
    """Exponents of all monomials up to a total degree, low ones first."""
    return sorted((m for m in product(range(degree + 1), repeat=d) if sum(m) <= degree), key=lambda m: (sum(m), m))


def _table(z: Array, monomials: list[Monomial]) -> Array:
    return np.stack([np.prod(z ** np.array(m), axis=1) for m in monomials], 1)


def _values(columns: Columns, c: Array) -> Array:
    with np.errstate(all="ignore"):
        values = (columns.above @ c[: len(columns.upper)]) / (columns.below @ c[len(columns.upper) :])
    return np.where(np.isfinite(values), values, 1e150)


def _solve(columns: Columns, v: Array, weight: Array) -> Array:
    """The coefficients, P's before Q's; Q's have length one."""
    if len(columns.lower) == 1:
        c = np.linalg.lstsq(columns.above * weight[:, None], v * weight, rcond=None)[0]
        return np.append(c, 1.0)
    divided = weight
    best, least = None, np.inf
    for _ in range(ROUNDS):
        # P is eliminated: what is left of v Q must be small for a Q of length one
        above = columns.above * divided[:, None]
        below = columns.below * (v * divided)[:, None]
        q = np.linalg.qr(above)[0]
        rest = below - q @ (q.T @ below)
        normal = columns.below * divided[:, None]
        r: Array = np.linalg.qr(normal)[1]
        # Q is normalised by its own size at the points, not by its coefficients
        small = np.linalg.svd(np.linalg.solve(r.T, rest.T).T, full_matrices=False)[2][-1]
        lower = np.linalg.solve(r, small)
        upper = np.linalg.lstsq(above, below @ lower, rcond=None)[0]
        c = np.concatenate([upper, lower]) / np.linalg.norm(lower)
        misfit = rms((v - _values(columns, c)) * weight)
        if misfit < least:
            best, least = c, misfit
        size = np.abs(columns.below @ c[len(columns.upper) :])
        divided = weight / np.maximum(size, 1e-3 * float(np.median(size)))
    return np.asarray(c if best is None else best)


def _eliminated(columns: Columns, c: Array, v: Array, weight: Array, rounding: float) -> tuple[Columns, Array, Array] | None:
    """The terms that the values need, their coefficients and standard deviations; None if there remain too many."""
    while True:
        c, off, misfit = _newton(columns, c, v, weight, rounding)
        p = len(columns.upper)
        certain = np.abs(c) / off
        size = np.concatenate([np.abs(columns.above).max(0), np.abs(columns.below).max(0)]) * np.abs(c)
        certain = np.where(size < 1e-9 * size.max(), 0.0, certain)
        if len(columns.lower) == 1:
            certain[-1] = np.inf
        else:
            certain[p + int(np.argmax(size[p:]))] = np.inf  # held fixed, as the scale of P/Q is free
        if p == 1:
            certain[0] = np.inf
        weakest = int(np.argmin(certain))
        if certain[weakest] > DOUBT:
            break
        keep = np.ones(len(c), dtype=bool)
        keep[weakest] = False
        columns, c = columns.kept(keep), c[keep]
    return (columns, c, off) if len(c) <= MOST_TERMS and misfit < 1e100 else None


def _newton(columns: Columns, c: Array, v: Array, weight: Array, rounding: float) -> tuple[Array, Array, float]:
    """Gauss-Newton on the misfit with Q's largest coefficient fixed: coefficients, standard deviations, misfit."""
    p = len(columns.upper)
    best, least, off = c, np.inf, np.full(len(c), np.inf)
    for _ in range(6):
        below = columns.below @ c[p:]
        values = _values(columns, c)
        r = (v - values) * weight
        misfit = rms(r)
        if not misfit < least * (1 - 1e-6):
            break
        least, best = misfit, c
        J = np.concatenate([columns.above, -columns.below * values[:, None]], 1) / below[:, None] * weight[:, None]
        held = p + int(np.argmax(np.abs(columns.below).max(0) * np.abs(c[p:])))
        free = np.delete(np.arange(len(c)), held)
        sizes = np.linalg.norm(J[:, free], axis=0)
        left, s, right = np.linalg.svd(J[:, free] / sizes, full_matrices=False)
        s = np.maximum(s, 1e-14 * s[0])
        noise = max(misfit, rounding) * np.sqrt(len(v) / max(1, len(v) - len(free)))
        off = np.full(len(c), 1e-300)
        off[free] = noise * np.linalg.norm(right.T / s, axis=1) / sizes
        step = right.T @ ((left.T @ r) / s) / sizes
        c = c.copy()
        c[free] += step
    return best, np.maximum(off, 1e-16 * np.abs(best)), least


def _form(data: Scatter, t: Transform, sign: int, columns: Columns, c: Array, off: Array, scales: Array) -> Form:
    """P/Q with one coefficient 1: the one that makes most of the others simple."""
    units = np.array([np.prod(scales ** np.array(m)) for m in (*columns.upper, *columns.lower)])
    c, off = c / units, off / units
    p = len(columns.upper)
    first = max(range(len(c)), key=lambda k: (_simple(c / c[k], off / abs(c[k])), k >= p, -k)) if len(columns.lower) > 1 else p
    numbers: list[Number] = []
    parts: list[sp.Expr] = []
    for k, m in enumerate((*columns.upper, *columns.lower)):
        monomial = sp.Mul(*(x**e for x, e in zip(data.symbols, m, strict=True)))
        if k == first:
            parts.append(monomial)
        else:
            numbers.append(number(float(c[k] / c[first]), float(off[k] / abs(c[first]))))
            parts.append(numbers[-1].symbol * monomial)
    quotient = sp.Add(*parts[:p]) / sp.Add(*parts[p:])
    how = "polynomial" if len(columns.lower) == 1 else "rational"
    return Form(sign * t.inverse(quotient), tuple(numbers), how if t.name == "u" else f"{t.name}: {how}")


def _simple(c: Array, off: Array) -> int:
    """How many coefficients may be small whole numbers or fractions."""
    near = [float(Fraction(float(v)).limit_denominator(6)) for v in c]
    return int(sum(abs(v - n) <= 3 * s + 1e-9 * abs(v) and n != 0 for v, n, s in zip(c, near, off, strict=True)))
