"""A field that is simple in combined coordinates: u = factor * (f(s) + ...) + plus, with s, factor and plus given up to numbers.

The numbers are refined before f is known: f is a polynomial of s that variable projection eliminates. Then f itself is a
function of one variable, resampled on Chebyshev nodes of s, for ``univariate`` to recognise. Of two functions f(r) + g(s) each
has its own combined coordinate: waves that run in two directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from kanpde.symbolic.curves.least_squares import refine, spread
from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.form import Form, Number, compiled, number
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.sample import NODES, Array, Axis, Samples
from kanpde.symbolic.view import ACCEPT, View

LOOSE = 3e-2
"""A first guess of s must leave less of the field's variation than this to a polynomial of s."""
DEGREES = (8, 16, 32, 64, 128)
"""Of the polynomial that stands for f while s is refined; the last only where the others leave more than noise."""
FINEST = (4, 6, 9, 13, 18, 25, 35, 50, 70, 100, 140)
"""Of the polynomial that f is resampled from. A field that its nodes do not resolve may well resolve a function of s."""
MOST_POINTS = 1600
FEW = 50
"""Below this degree the polynomials are independent on the values that any s takes."""
CORNER = 0.01
"""Part of the samples beyond the end of a range of s, where s is one of several."""
OUTER = sp.Dummy("s", real=True)
"""The combined coordinate while f is sought."""
FORMS = 2
TRIALS = 5
"""How many forms of f are given on, at most; and of how many the fit is tried."""
DOUBTFUL = 2.0
"""A structure that only fits to so many sigma says that sigma is too small: one trial, and more at another level of noise."""


@dataclass(frozen=True)
class Combination:
    """u = factor * (f(s[0]) + g(s[1]) + ...) + plus, with f, g unknown; ``numbers`` are those of all these expressions."""

    s: tuple[sp.Expr, ...]
    numbers: tuple[Number, ...] = ()
    factor: sp.Expr = sp.S.One
    plus: sp.Expr = sp.S.Zero
    how: str = ""


@dataclass(frozen=True)
class Structure:
    """A combination that fits a field, its functions as views of one coordinate, and the root mean square that is left."""

    combination: Combination
    functions: tuple[View, ...]
    misfit: float


Parts = tuple[list[Array], Array, Array]
"""s (one (N,) each), factor (N,) and plus (N,) at points."""


def points_of(view: View, most: int) -> tuple[list[Array], Array]:
    """A spread-out part of the samples: the points (d times (N,)) and the values (N,)."""
    grids = np.meshgrid(*view.nodes, indexing="ij")
    step = max(1, grids[0].size // most)
    if len(grids) > 1:
        step += 1 - step % 2  # odd: it walks through all columns of a grid with an even number of nodes
    return [grid.ravel()[::step] for grid in grids], view.values.ravel()[::step]


def polynomials(s: Sequence[Array], degree: int) -> list[Array]:  # (N,) each -> (N, degree + 1), then (N, degree) each
    """Chebyshev polynomials on the range of each s, the constant only once; none where an s is no coordinate."""
    columns = []
    for k, one in enumerate(s):
        lower, upper = float(one.min()), float(one.max())
        if not (np.isfinite(lower) and np.isfinite(upper) and upper - lower > 1e-12 * max(abs(lower), abs(upper))):
            return []
        reference = (2 * one - lower - upper) / (upper - lower)
        highest = degree if degree < FEW else min(degree, len(np.unique(np.round(reference, 9))) - 1)  # s = x: 64 values
        columns.append(np.asarray(chebyshev.chebvander(reference, highest)[:, min(k, 1) :], dtype=np.float64))
    return columns


def _at(combination: Combination, symbols: Sequence[sp.Symbol]) -> Callable[[list[Array], Array], Parts | None]:
    """The combination as a function of points and of its numbers; None where it is not defined."""
    function = compiled(
        sp.Tuple(*combination.s, combination.factor, combination.plus), (*symbols, *(n.symbol for n in combination.numbers))
    )

    def evaluate(points: list[Array], theta: Array) -> Parts | None:
        with np.errstate(all="ignore"):
            found = [np.broadcast_to(np.asarray(a, dtype=float), points[0].shape) for a in function(*points, *theta)]
        return (found[:-2], found[-2], found[-1]) if all(np.isfinite(a).all() for a in found) else None

    return evaluate


def aligned(combination: Combination, view: View) -> Combination | None:
    """The combination with its numbers refined on the values, or None where u has no such form."""
    points, values = points_of(view, MOST_POINTS)
    evaluate = _at(combination, view.symbols)

    def residual(theta: Array, degree: int) -> Array:
        parts = evaluate(points, theta)
        columns = polynomials(parts[0], degree) if parts else []
        if parts is None or not columns:
            return np.full_like(values, np.inf)
        q, _ = np.linalg.qr(np.concatenate(columns, 1) * parts[1][:, None])
        left: Array = values - parts[2]
        return left - q @ (q.T @ left)

    def size(theta: Array, degree: int) -> float:
        return float(np.sqrt(np.mean(residual(theta, degree) ** 2)))

    theta = np.array([n.value for n in combination.numbers])
    sizes = [size(theta, degree) for degree in DEGREES[:-1]]
    if not sizes[-1] <= LOOSE * float(values.std()):
        return None
    if not len(theta):
        return combination
    degree = next(k for k, found in zip(DEGREES, sizes, strict=False) if found <= max(2 * sizes[-1], view.sigma))
    for _ in DEGREES:
        theta, J = refine(partial(residual, degree=degree), theta, np.maximum(np.abs(theta), 0.1), 15)
        now = size(theta, degree)
        if now <= view.sigma or not view.budget.left:
            break
        finer = next((k for k in DEGREES[DEGREES.index(degree) + 1 :] if size(theta, k) < 0.8 * now), None)
        if finer is None:
            break
        degree = finer
    off = spread(J, view.sigma, theta)
    numbers = tuple(replace(n, value=float(v), slack=float(d)) for n, v, d in zip(combination.numbers, theta, off, strict=True))
    return replace(combination, numbers=numbers)


def outer(combination: Combination, view: View) -> Structure | None:
    """Each f on Chebyshev nodes of its s, if u has this form to three sigma; the numbers stay as they are.

    Of several functions each is known up to a constant, and less well where its s is seen in a corner only: the range of s is cut
    there, and the constant chosen so that each function but the first is zero at the flatter end.
    """
    points, values = points_of(view, 2 * MOST_POINTS)
    parts = _at(combination, view.symbols)(points, np.array([n.value for n in combination.numbers]))
    if parts is None:
        return None
    s, factor, plus = parts
    target = values - plus
    size, widths = np.inf, [0]
    for degree in FINEST:  # until one more changes nothing
        columns = polynomials(s, degree)
        if not columns or sum(c.shape[1] for c in columns) > len(values) / 8:
            break
        q, r = np.linalg.qr(np.concatenate(columns, 1) * factor[:, None])
        widths = [c.shape[1] for c in columns]
        before, size = size, float(np.sqrt(np.mean((target - q @ (q.T @ target)) ** 2)))
        if size <= view.sigma or 0.9 * before < size <= ACCEPT * view.sigma:
            break
    if size > ACCEPT * view.sigma:
        return None
    left, singular, right = np.linalg.svd(r)
    # directions that hardly show in u are left out as far as u can do without them: they would only amplify the noise
    weights = left.T @ (q.T @ target)
    lost = size**2 + np.append(np.cumsum(weights[::-1] ** 2)[::-1], 0.0) / len(values)  # (k + 1,) with so many kept
    kept = int(np.argmax(lost <= max(view.sigma, 1.1 * size) ** 2))
    inverse = right[:kept].T / np.maximum(singular[:kept], 1e-13 * singular[0]) @ left[:, :kept].T
    noise = max(view.sigma, size) * max(1.0, 1 / float(np.median(np.abs(factor))))
    views = []
    for k, one in enumerate(s):
        whole = Axis(float(one.min()), float(one.max()), NODES[1])
        ends = (whole.lower, whole.upper) if len(s) == 1 else tuple(float(v) for v in np.quantile(one, (CORNER, 1 - CORNER)))
        axis = Axis(ends[0], ends[1], NODES[1])
        table = chebyshev.chebvander(whole.reference(axis.nodes), widths[k] - 1 + min(k, 1))[:, min(k, 1) :]
        rows = table @ inverse[sum(widths[:k]) : sum(widths[: k + 1])]
        f = rows @ (q.T @ target)
        worst = float(np.linalg.norm(rows, axis=1).max())  # deviation at the worst node under white noise of size 1
        if len(s) > 1:
            f = f - min((abs(f[0] - f[4]), f[0]), (abs(f[-1] - f[-5]), f[-1]))[1]
        samples = Samples((axis,), f, noise * max(1.0, worst), True)
        views.append(replace(view.of(samples, (OUTER,)), problem=None, harvested=()))
    return Structure(combination, tuple(views), size)


def structure(combination: Combination, view: View) -> Structure | None:
    """The field as such a combination, whatever its functions are; None if it is none."""
    refined = aligned(combination, view)
    return outer(refined, view) if refined else None


def recognised(found: Structure, view: View) -> Iterator[Form]:
    """Forms of the field with this structure, from forms of its functions."""
    given: list[str] = []
    combination = found.combination
    searches = [univariate(one) for one in found.functions]
    trials = 1 if found.misfit > DOUBTFUL * view.sigma else TRIALS
    for chosen in islice(choices(searches, TRIALS if len(searches) == 1 else FORMS), trials):
        whole = refit(_whole(combination, chosen), view)
        if whole is not None and (look := _look(whole)) not in given:
            given.append(look)
            yield whole
        if len(given) == FORMS or not view.budget.left:
            return
    if not given:
        view.transcript.append(f"{combination.how}, but of which is not recognised")


def choices(searches: Sequence[Iterator[Form]], most: int) -> Iterator[tuple[Form, ...]]:
    """One form from each search, at most ``most`` of each; the first of each at once: second thoughts are dear."""
    if len(searches) == 1:
        for form in islice(searches[0], most):
            yield (form,)
        return
    found: list[list[Form]] = []
    for search in searches:
        found.append(list(islice(search, 1)))
        if not found[-1]:
            return
    yield tuple(one[0] for one in found)
    for one, search in zip(found, searches, strict=True):
        one += islice(search, most - 1)
    yield from islice(product(*found), 1, None)


def _whole(combination: Combination, chosen: Sequence[Form]) -> Form:
    """The form of the field; of several additive constants one is kept."""
    total: sp.Expr = sp.S.Zero
    constants = 0.0
    for s, form in zip(combination.s, chosen, strict=True):
        expression = form.expression
        if len(chosen) > 1:
            constant, expression = expression.as_independent(OUTER, as_Add=True)
            constants += float(constant.xreplace({n.symbol: sp.Float(n.value, 17) for n in form.numbers}))
        total += expression.xreplace({OUTER: s})
    free = [number(constants)] if constants else []
    expression = combination.factor * (total + sp.Add(*(n.symbol for n in free))) + combination.plus
    numbers = [*combination.numbers, *(n for form in chosen for n in form.numbers), *free]
    return Form(expression, tuple(n for n in numbers if expression.has(n.symbol)), combination.how)


def _look(form: Form) -> str:
    """The form with rounded numbers: exp(-s^2) is found as a mode of s^2 and as a Gaussian."""
    rounded = {n.symbol: sp.Rational(round(2 * n.value), 2) for n in form.numbers if abs(2 * n.value - round(2 * n.value)) < 1e-5}
    return str(form.expression.xreplace({n.symbol: sp.Float(n.value, 5) for n in form.numbers} | rounded))
