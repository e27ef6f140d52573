"""A field that is simple in one combined coordinate: u = factor * f(s) + plus, with s, factor and plus given up to their numbers.

The numbers are refined before f is known: f is a polynomial of s that variable projection eliminates. Then f itself is a
function of one variable, resampled on Chebyshev nodes of s, for ``univariate`` to recognise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from kanpde.symbolic.basis import refine, spread
from kanpde.symbolic.form import Form, Number, compiled
from kanpde.symbolic.refit import refit
from kanpde.symbolic.sample import NODES, Array, Axis, Samples
from kanpde.symbolic.univariate import univariate
from kanpde.symbolic.view import View

LOOSE = 3e-2
"""A first guess of s must leave less of the field's variation than this to a polynomial of s."""
DEGREES = (8, 16, 32, 64, 128)
"""Of the polynomial that stands for f while s is refined; the last only where the others leave more than noise."""
FINEST = (4, 6, 9, 13, 18, 25, 35, 50, 70, 100, 140)
"""Of the polynomial that f is resampled from. A field that its nodes do not resolve may well resolve a function of s."""
MOST_POINTS = 1600
ACCEPT = 3.0
OUTER = sp.Dummy("s", real=True)
"""The combined coordinate while f is sought."""
FORMS = 2
"""How many forms of f are given on, at most; and of how many the fit is tried."""
TRIALS = 5


@dataclass(frozen=True)
class Combination:
    """u = factor * f(s) + plus, with f unknown; ``numbers`` are those of the three expressions."""

    s: sp.Expr
    numbers: tuple[Number, ...] = ()
    factor: sp.Expr = sp.S.One
    plus: sp.Expr = sp.S.Zero
    how: str = ""


@dataclass(frozen=True)
class Outer:
    """A combination that fits, and f as a view of one coordinate."""

    combination: Combination
    view: View


def points_of(view: View, most: int) -> tuple[list[Array], Array]:
    """A spread-out part of the samples: the points (d times (N,)) and the values (N,)."""
    grids = np.meshgrid(*view.nodes, indexing="ij")
    step = max(1, grids[0].size // most)
    if len(grids) > 1:
        step += 1 - step % 2  # odd: it walks through all columns of a grid with an even number of nodes
    return [grid.ravel()[::step] for grid in grids], view.values.ravel()[::step]


def polynomial(s: Array, degree: int) -> Array | None:  # (N,) -> (N, degree + 1)
    """Chebyshev polynomials on the range of s."""
    lower, upper = float(s.min()), float(s.max())
    if not (np.isfinite(lower) and np.isfinite(upper) and upper - lower > 1e-12 * max(abs(lower), abs(upper))):
        return None
    return np.asarray(chebyshev.chebvander((2 * s - lower - upper) / (upper - lower), degree))


def aligned(combination: Combination, view: View) -> Combination | None:
    """The combination with its numbers refined on the values, or None where u is no function of such an s."""
    points, values = points_of(view, MOST_POINTS)
    symbols = (*view.symbols, *(n.symbol for n in combination.numbers))
    function = compiled(sp.Tuple(combination.s, combination.factor, combination.plus), symbols)

    def residual(theta: Array, degree: int) -> Array:
        with np.errstate(all="ignore"):
            s, factor, plus = (np.broadcast_to(np.asarray(a, dtype=float), values.shape) for a in function(*points, *theta))
        columns = polynomial(s, degree) if np.isfinite(s).all() else None
        if columns is None or not (np.isfinite(factor).all() and np.isfinite(plus).all()):
            return np.full_like(values, np.inf)
        q, _ = np.linalg.qr(columns * factor[:, None])
        left: Array = values - plus
        return left - q @ (q.T @ left)

    def size(theta: Array, degree: int) -> float:
        return float(np.sqrt(np.mean(residual(theta, degree) ** 2)))

    theta = np.array([n.value for n in combination.numbers])
    variation = float(values.std())
    sizes = [size(theta, degree) for degree in DEGREES[:-1]]
    if not sizes[-1] <= LOOSE * variation:
        return None
    if not len(theta):
        return combination
    degree = next(k for k, found in zip(DEGREES, sizes, strict=False) if found <= max(2 * sizes[-1], view.sigma))
    for _ in DEGREES:
        theta, J = refine(partial(residual, degree=degree), theta, np.maximum(np.abs(theta), 0.1), 15)
        now = size(theta, degree)
        if now <= view.sigma:
            break
        finer = next((k for k in DEGREES[DEGREES.index(degree) + 1 :] if size(theta, k) < 0.8 * now), None)
        if finer is None:
            break
        degree = finer
    off = spread(J, view.sigma, theta)
    numbers = tuple(replace(n, value=float(v), slack=float(d)) for n, v, d in zip(combination.numbers, theta, off, strict=True))
    return replace(combination, numbers=numbers)


def outer(combination: Combination, view: View, accept: float = ACCEPT) -> Outer | None:
    """f on Chebyshev nodes of s, if u is a function of s to ``accept`` sigma; s is taken with its numbers as they are."""
    points, values = points_of(view, 2 * MOST_POINTS)
    parts = _parts(combination, view, points)
    if parts is None:
        return None
    s, factor, plus = parts
    target = values - plus
    every = polynomial(s, FINEST[-1])
    if every is None:
        return None
    size = np.inf
    for degree in FINEST:  # until one more changes nothing
        q, r = np.linalg.qr(every[:, : degree + 1] * factor[:, None])
        before, size = size, float(np.sqrt(np.mean((target - q @ (q.T @ target)) ** 2)))
        if size <= view.sigma or 0.9 * before < size <= accept * view.sigma:
            break
    if size > accept * view.sigma:
        return None
    left, singular, right = np.linalg.svd(r)
    inverse = right.T / np.maximum(singular, 1e-13 * singular[0]) @ left.T
    axis = Axis(float(s.min()), float(s.max()), NODES[1])
    rows = chebyshev.chebvander(axis.reference(axis.nodes), degree) @ inverse  # (n, degree + 1)
    deviation = np.linalg.norm(rows, axis=1).max()  # of f under white noise of size 1, at the worst node
    noise = max(view.sigma, size) * max(1 / float(np.median(np.abs(factor))), float(deviation))
    samples = Samples((axis,), rows @ (q.T @ target), noise, True)
    return Outer(combination, replace(view.of(samples, (OUTER,)), problem=None, harvested=()))


def _parts(combination: Combination, view: View, points: list[Array]) -> list[Array] | None:
    """s, factor and plus at points."""
    function = compiled(
        sp.Tuple(combination.s, combination.factor, combination.plus),
        (*view.symbols, *(n.symbol for n in combination.numbers)),
    )
    with np.errstate(all="ignore"):
        found = function(*points, *(n.value for n in combination.numbers))
    parts = [np.broadcast_to(np.asarray(a, dtype=float), points[0].shape) for a in found]
    return parts if all(np.isfinite(a).all() for a in parts) else None


def forms(combination: Combination, view: View, accept: float = ACCEPT) -> Iterator[Form]:
    """Forms of the field whose s, factor and plus are the combination's."""
    refined = aligned(combination, view)
    if refined is None:
        return
    found = outer(refined, view, accept)
    if found is None:
        return
    given: list[str] = []
    for form in islice(univariate(found.view), TRIALS):
        expression = refined.factor * form.expression.xreplace({OUTER: refined.s}) + refined.plus
        numbers = tuple(n for n in (*refined.numbers, *form.numbers) if expression.has(n.symbol))
        whole = refit(Form(expression, numbers, refined.how), view)
        if whole is not None and (look := _look(whole)) not in given:
            given.append(look)
            yield whole
        if len(given) == FORMS or not view.budget.left:
            return


def _look(form: Form) -> str:
    """The form with rounded numbers: exp(-s^2) is found as a mode of s^2 and as a Gaussian."""
    rounded = {n.symbol: sp.Rational(round(2 * n.value), 2) for n in form.numbers if abs(2 * n.value - round(2 * n.value)) < 1e-5}
    return str(form.expression.xreplace({n.symbol: sp.Float(n.value, 5) for n in form.numbers} | rounded))
