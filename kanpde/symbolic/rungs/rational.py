"""Rational functions of the coordinates: u = P/Q with polynomials P and Q of few terms.

u Q - P = 0 is linear in the coefficients: they are the null vector of the columns u m_j, m_j over all monomials up to a degree.
At the lowest degree that has a null vector it is the only one. Terms that the values do not need are dropped; the lowest term of
Q gets the coefficient 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import sympy as sp

from kanpde.symbolic.form import Form, number
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.sample import Array
from kanpde.symbolic.view import View

DEGREES = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (2, 4), (3, 3), (4, 4))
"""Total degrees of P and Q."""
MOST_TERMS = 9
"""Terms of P and Q together: quotients of long polynomials approximate anything."""
GAP = 1e-3
"""A null vector's singular value over the next: for an approximation they fall off evenly."""
MOST_POINTS = 3000

Monomial = tuple[int, ...]


def rationals(view: View) -> Iterator[Form]:
    """Forms P/Q, the lowest degrees first; at most one."""
    step = max(1, view.values.size // MOST_POINTS)
    step += 1 - step % 2  # odd: it walks through all columns of a grid with an even number of nodes
    grid = np.meshgrid(*view.nodes, indexing="ij")
    points = [g.ravel()[::step] for g in grid]
    u = view.values.ravel()[::step]
    size = float(np.sqrt(np.mean(u**2)))
    scales = [float(np.abs(p).max()) for p in points]
    for above, below in DEGREES:
        if not view.budget.left:
            return
        terms = [(m, False) for m in _monomials(len(points), above)] + [(m, True) for m in _monomials(len(points), below)]
        columns = np.stack([_column(m, points, scales) * (u / size if lower else 1.0) for m, lower in terms], 1)
        found = _null(columns, view.sigma / size)
        if found is None:
            continue
        form = _sparse(view, columns, terms, scales, size)
        if form is not None:
            yield form
        return


def _monomials(d: int, degree: int) -> list[Monomial]:
    """Exponents of all monomials up to a total degree, low ones first."""
    return sorted((m for m in product(range(degree + 1), repeat=d) if sum(m) <= degree), key=lambda m: (sum(m), m))


def _column(m: Monomial, points: list[Array], scales: list[float]) -> Array:
    return np.prod([(p / s) ** k for p, s, k in zip(points, scales, m, strict=True)], axis=0)


def _null(columns: Array, sigma: float) -> Array | None:
    """The only null vector of the columns; None if there is none, or more than one."""
    _, singular, right = np.linalg.svd(np.linalg.qr(columns, mode="r"))
    if singular[-1] > 3 * sigma * np.sqrt(len(columns)) or singular[-1] > GAP * singular[-2]:
        return None
    return np.asarray(right[-1])


def _sparse(view: View, columns: Array, terms: list[tuple[Monomial, bool]], scales: list[float], size: float) -> Form | None:
    """The form with the terms that are needed, the smallest coefficients left out first as long as a null vector is left."""
    keep = list(range(len(terms)))
    vector = _null(columns, view.sigma / size)
    while vector is not None and len(keep) > 2:
        weakest = int(np.argmin(np.abs(vector)))
        if abs(vector[weakest]) > 1e-2 * np.abs(vector).max():
            break
        smaller = keep[:weakest] + keep[weakest + 1 :]
        trial = _null(columns[:, smaller], view.sigma / size)
        if trial is None:
            break
        keep, vector = smaller, trial
    below = [k for k in keep if terms[k][1]]
    if vector is None or len(keep) > MOST_TERMS or not any(sum(terms[k][0]) for k in below):
        return None
    first = below[0]
    coefficients = dict(zip(keep, vector / vector[keep.index(first)], strict=True))
    parts: dict[bool, list[sp.Expr]] = {True: [], False: []}
    numbers = []
    unit = float(np.prod([s ** terms[first][0][i] for i, s in enumerate(scales)])) * size
    for k in keep:
        m, lower = terms[k]
        value = coefficients[k] * unit / float(np.prod([s**e for s, e in zip(scales, m, strict=True)])) / (size if lower else 1.0)
        monomial = sp.Mul(*(x**e for x, e in zip(view.symbols, m, strict=True)))
        if k == first:
            parts[True].append(monomial)
        else:
            numbers.append(number(value if lower else -value))
            parts[lower].append(numbers[-1].symbol * monomial)
    if not parts[False]:
        return None
    return refit(Form(sp.Add(*parts[False]) / sp.Add(*parts[True]), tuple(numbers), "rational"), view)
