"""From bases for each coordinate to one expression: which products are present, and which exact constants they may carry.

A constant that several exact numbers agree with enters as a placeholder with its alternatives; ``choose`` settles which is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import sympy as sp

from kanpde.symbolic.basis import Basis, misfit, refine, rms, spread
from kanpde.symbolic.constants import Candidate, Constants
from kanpde.symbolic.sample import Array, Family, Samples

MOST_TERMS = 80
"""Products that are looked at; more have the smallest coefficients and are dropped before the elimination."""
ACCEPT = 3.0
"""A fit is accepted if its root mean square is within this many sigma; R^2 would accept Airy functions for exponentials."""


@dataclass(frozen=True)
class Placeholder:
    """An open constant and the exact numbers that agree with it. A ``group`` is of one kind: all decay rates in t."""

    symbol: sp.Symbol
    group: str
    alternatives: tuple[Candidate, ...]


@dataclass(frozen=True)
class Form:
    """An expression that fits the samples within the noise, with placeholders for its constants."""

    expression: sp.Expr
    placeholders: tuple[Placeholder, ...]
    size: float = 1.0  # root mean square of the field

    @property
    def cost(self) -> float:
        """Bits of the cheapest constants."""
        return sum(p.alternatives[0].cost for p in self.placeholders)


Index = tuple[int, ...]


def assemble(
    samples: Samples,
    families: Sequence[Family],
    bases: Sequence[Basis],
    symbols: Sequence[sp.Symbol],
    constants: Constants,
    sigma: float,
) -> Form | None:
    """The sum of products of basis functions that fits the samples, with exact constants; None if there is none."""
    terms = _terms(samples, bases, sigma)
    if not terms:
        return None
    reduced: list[Basis] = []
    for axis, basis in enumerate(bases):
        used = sorted({term[axis] for term in terms})
        terms = [(*term[:axis], used.index(term[axis]), *term[axis + 1 :]) for term in terms]
        reduced.append(_reduced(basis, used, families[axis], samples.axes[axis].nodes, sigma))
    snapped: list[Basis] = []
    placeholders: list[Placeholder] = []
    columns: list[list[sp.Expr]] = []
    for axis, (basis, x) in enumerate(zip(reduced, symbols, strict=True)):
        exact, numbers = _numbers(basis, axis, constants)
        if exact is None:
            return None
        placeholders += numbers
        snapped.append(exact)
        columns.append(basis.expressions(x, [p.symbol for p in numbers]))
    terms = _terms(samples, snapped, sigma, terms)  # again: the last digits of the numbers needed terms of their own
    coefficients = _coefficients(samples, snapped, terms, constants, sigma) if terms else None
    if not terms or coefficients is None:
        return None
    expression = sp.Integer(0)
    for term, coefficient in zip(terms, coefficients, strict=True):
        expression += sp.Mul(coefficient.symbol, *(columns[axis][k] for axis, k in enumerate(term)))
    return _settled(expression, [*placeholders, *coefficients], samples.size)


def _settled(expression: sp.Expr, placeholders: list[Placeholder], size: float) -> Form:
    """Constants with a single alternative are put in at once."""
    certain = {p.symbol: p.alternatives[0].expression for p in placeholders if len(p.alternatives) == 1}
    return Form(expression.xreplace(certain), tuple(p for p in placeholders if len(p.alternatives) > 1), size)


def _matrix(samples: Samples, columns: Sequence[Array], terms: Sequence[Index]) -> Array:  # (N, k)
    """The products as columns over all samples."""
    result = []
    for term in terms:
        value = columns[0][:, term[0]]
        for axis in range(1, len(columns)):
            value = np.multiply.outer(value, columns[axis][:, term[axis]])
        result.append(value.ravel())
    return np.stack(result, 1)


def _terms(samples: Samples, bases: Sequence[Basis], sigma: float, among: list[Index] | None = None) -> list[Index] | None:
    """The products (of ``among``, or of all) that the samples need: backward elimination, the least needed first."""
    columns = [basis.values(axis.nodes) for basis, axis in zip(bases, samples.axes, strict=True)]
    if not all(np.isfinite(c).all() for c in columns):
        return None
    columns = [c / np.linalg.norm(c, axis=0) for c in columns]
    terms = among or _largest(samples.values, columns)
    N = samples.values.size
    q, r = np.linalg.qr(_matrix(samples, columns, terms))
    v = samples.values.ravel()
    projected = q.T @ v
    beyond = float(np.sum((v - q @ projected) ** 2))
    keep = list(range(len(terms)))
    allowed = N * min(max(sigma**2, 1.5 * beyond / N), (ACCEPT * sigma) ** 2)
    while keep:
        left, singular, right = np.linalg.svd(r[:, keep], full_matrices=False)
        inverse = right.T / np.maximum(singular, 1e-14 * singular[0])  # (k, k)
        c = inverse @ (left.T @ projected)
        lost = beyond + float(np.sum((projected - r[:, keep] @ c) ** 2))
        if len(keep) == len(terms) and lost > N * (ACCEPT * sigma) ** 2:
            return None
        increase = c**2 / np.sum(inverse**2, axis=1)
        weakest = int(np.argmin(increase))
        if lost + increase[weakest] > max(allowed, 1.0001 * lost):
            break
        keep.pop(weakest)
    return [terms[k] for k in sorted(keep, key=lambda k: terms[k])]


def _largest(values: Array, columns: Sequence[Array]) -> list[Index]:
    """The products with the largest coefficients in a fit by all of them."""
    for axis, c in enumerate(columns):
        values = np.moveaxis(np.tensordot(np.linalg.pinv(c, rcond=1e-13), values, (1, axis)), 0, axis)
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:MOST_TERMS]
    return [tuple(int(i) for i in np.unravel_index(flat, values.shape)) for flat in order]


def _reduced(basis: Basis, used: list[int], family: Family, x: Array, sigma: float) -> Basis:
    """The basis with only the columns in use, its numbers refined again: fewer columns know them better."""
    columns = [basis.columns[k] for k in used]
    places = sorted({i for column in columns for i in column.uses})
    renumber = {old: new for new, old in enumerate(places)}
    moved = tuple(
        replace(column, **{name: renumber[value] for name, value in _places(column).items()})  # type: ignore[type-var]
        for column in columns
    )
    start = np.array([basis.theta[i] for i in places])
    trial = Basis(basis.chart, tuple(start), tuple(basis.spread[i] for i in places), moved)
    if not places:
        return trial

    def residual(theta: Array) -> Array:
        return misfit(replace(trial, theta=tuple(theta)).values(x), family.values).ravel()

    best, J = refine(residual, start, np.maximum(np.abs(start), 1 / np.ptp(trial.chart.forward(x))))
    return replace(trial, theta=tuple(float(v) for v in best), spread=tuple(float(v) for v in spread(J, sigma, best)))


def _places(column: object) -> dict[str, int]:
    """The fields of a column that are places of ``theta``."""
    names = ("rate", "frequency", "scale", "shift")
    return {name: value for name in names if (value := getattr(column, name, None)) is not None}


def _numbers(basis: Basis, axis: int, constants: Constants) -> tuple[Basis | None, list[Placeholder]]:
    """Placeholders for the numbers of a basis, and the basis at their cheapest values."""
    kinds: dict[int, str] = {place: name for column in basis.columns for name, place in _places(column).items()}
    placeholders: list[Placeholder] = []
    for place, (value, slack) in enumerate(zip(basis.theta, basis.spread, strict=True)):
        found = constants.candidates(value, max(3 * slack, 1e-12 * abs(value)))
        if not found:
            return None, []
        symbol = sp.Dummy(f"{kinds[place]}{axis}_{place}", real=True)
        placeholders.append(Placeholder(symbol, f"{kinds[place]} {axis}", tuple(found)))
    values = tuple(_value(p.alternatives[0].expression, constants.letters) for p in placeholders)
    return replace(basis, theta=values), placeholders


def _value(expression: sp.Expr, letters: Mapping[sp.Symbol, sp.Expr]) -> float:
    return float(expression.xreplace(dict(letters)))


def _coefficients(
    samples: Samples, bases: Sequence[Basis], terms: list[Index], constants: Constants, sigma: float
) -> list[Placeholder] | None:
    """Placeholders for the coefficients, largest contribution first; the others are fitted again after each is fixed."""
    matrix = _matrix(samples, [basis.values(axis.nodes) for basis, axis in zip(bases, samples.axes, strict=True)], terms)
    v = samples.values.ravel()
    sizes = np.linalg.norm(matrix, axis=0)
    if not (np.isfinite(sizes).all() and sizes.all()):
        return None
    q, r = np.linalg.qr(matrix / sizes)
    target = q.T @ v
    beyond = float(np.sum((v - q @ target) ** 2))
    limit = v.size * (ACCEPT * sigma) ** 2
    if beyond > limit:
        return None
    fixed: dict[int, float] = {}
    chosen: dict[int, Placeholder] = {}

    def fitted(known: Mapping[int, float]) -> tuple[Array, float, Array]:  # coefficients (k,), sum of squares, bounds (k,)
        free = [k for k in range(len(terms)) if k not in known]
        c = np.array([known.get(k, 0.0) for k in range(len(terms))])
        rest = target - r @ c
        bounds = np.zeros(len(terms))
        if free:
            inverse = np.linalg.pinv(r[:, free], rcond=1e-15)
            c[free] = inverse @ rest
            bounds[free] = ACCEPT * sigma * np.sqrt(v.size) * np.linalg.norm(inverse, axis=1)
            rest = rest - r[:, free] @ c[free]
        return c, beyond + float(rest @ rest), bounds

    c, _, _ = fitted({})
    for k in (int(i) for i in np.argsort(-np.abs(c), kind="stable")):
        c, _, bounds = fitted(fixed)
        value, slack = c[k] / sizes[k], bounds[k] / sizes[k]
        found = [
            candidate
            for candidate in constants.candidates(value, max(slack, 1e-13 * abs(value)))
            if fitted({**fixed, k: _value(candidate.expression, constants.letters) * sizes[k]})[1] <= limit
        ]
        if not found or found[0].expression == 0:
            return None
        fixed[k] = _value(found[0].expression, constants.letters) * sizes[k]
        chosen[k] = Placeholder(sp.Dummy(f"coefficient_{k}", real=True), "coefficient", tuple(found))
    return [chosen[k] for k in range(len(terms))]


def forms(
    samples: Samples,
    families: Sequence[Family],
    bases: Sequence[Sequence[Basis]],
    symbols: Sequence[sp.Symbol],
    constants: Constants,
    sigma: float,
) -> list[Form]:
    """The forms of the combinations of bases (several a coordinate), the first ones first."""
    combinations = sorted(product(*(range(len(b)) for b in bases)), key=lambda c: (sum(c), c))
    found = (
        assemble(samples, families, [b[i] for b, i in zip(bases, c, strict=True)], symbols, constants, sigma)
        for c in islice(combinations, 8)
    )
    return [form for form in found if form is not None]


__all__ = ["ACCEPT", "Form", "Placeholder", "assemble", "forms", "rms"]
