"""Complex fields: sums of products with complex coefficients and waves exp(i k x), or a modulus times exp(i phase).

Real and imaginary part have the same rates and frequencies, so they are looked at together: as one real field with one coordinate
more, that has two values. A soliton is no sum of products; its modulus and its phase are simple, each by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import sympy as sp

from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.products import COMBINATIONS, MOST_NUMBERS, MOST_RANK, Index, needed, transformed_products
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.rungs.spans import STAGES, Span, spans
from kanpde.symbolic.sample import Array, Axis, Samples, crop, family, parts
from kanpde.symbolic.view import View

PART = sp.Dummy("part", real=True)
"""The coordinate with two values: the real and the imaginary part."""
PARTS = Axis(-1.0, 1.0, 2)
FAINT = 1e-3
"""Where the modulus is below this part of its maximum, the phase is not looked at."""
FORMS = 2
"""Forms of the modulus, and of the phase, that are tried."""


@dataclass(frozen=True)
class Wave:
    """A function R(x) exp(i theta(x)) of one coordinate."""

    size: sp.Expr
    phase: sp.Expr


def complex_forms(real: View, imaginary: View) -> Iterator[Form]:
    """Forms of psi = real + i imaginary, given on the same grid; a form fits both parts within their noise."""
    sigma = max(real.sigma, imaginary.sigma)
    values = np.stack([real.values, imaginary.values], -1)
    samples = Samples((*real.samples.axes, PARTS), values, sigma, real.samples.resolved and imaginary.samples.resolved)
    both = real.of(samples, (*real.symbols, PART))
    yield from _sums(both)
    yield from _polar(both)


def _fitted(both: View, re: sp.Expr, im: sp.Expr, whole: sp.Expr, numbers: Sequence[Number], how: str) -> Form | None:
    """The form of psi with its numbers refined on both parts; ``whole`` is re + i im, as it is written."""
    switch = sp.sqrt(2) * PART  # -1 for the real part, 1 for the imaginary one
    kept = tuple(n for n in numbers if whole.has(n.symbol))
    if len(kept) > MOST_NUMBERS:
        return None
    form = refit(Form((re * (1 - switch) + im * (1 + switch)) / 2, kept, how), both)
    if form is None:
        return None
    left = {n.symbol for n in form.numbers}
    fixed = _exact(kept, left, form.expression, (re * (1 - switch) + im * (1 + switch)) / 2)
    return None if fixed is None else replace(form, expression=whole.xreplace(fixed))


def _exact(numbers: Sequence[Number], left: set[sp.Symbol], found: sp.Expr, before: sp.Expr) -> dict[sp.Symbol, sp.Expr] | None:
    """The exact values that numbers were given on the way from one expression to the other."""
    gone = [n.symbol for n in numbers if n.symbol not in left]
    for choice in product((sp.Integer(0), sp.Integer(1), sp.Integer(-1)), repeat=len(gone)):
        fixed = dict(zip(gone, choice, strict=True))
        if before.xreplace(fixed) == found:
            return fixed
    return None


def _sums(both: View) -> Iterator[Form]:
    """Sums of products of waves, with complex coefficients."""
    d = len(both.symbols) - 1
    families = [family(both.samples, axis, both.sigma) for axis in range(d)]
    if not 1 <= max(f.rank for f in families) <= 2 * MOST_RANK:
        return
    found: list[list[Span]] = [[] for _ in families]
    given: set[str] = set()
    for stage in STAGES:
        before = [len(f) for f in found]
        for axis, one in enumerate(families):
            if not before[axis] or not given:
                found[axis] += spans(both, axis, one, stage)
            if not both.budget.left:
                return
        new = [c for c in product(*(range(len(f)) for f in found)) if any(i >= n for i, n in zip(c, before, strict=True))]
        for choice in sorted(new, key=lambda c: (sum(c), c))[:COMBINATIONS]:
            form = _assembled(both, [f[i] for f, i in zip(found, choice, strict=True)])
            if form is not None and str(form.at_values) not in given:
                given.add(str(form.at_values))
                yield form
        if given:
            return


def _assembled(both: View, chosen: Sequence[Span]) -> Form | None:
    """The sum of the products of waves that psi needs; of each coordinate cos and sin, or exp(i z) and exp(-i z)."""
    psi = both.values[..., 0] + 1j * both.values[..., 1]
    options: list[list[tuple[list[Wave], Array]]] = []
    for span, axis in zip(chosen, both.samples.axes[:-1], strict=True):
        columns = span.values(axis.nodes)
        made, mixing = _waves(span.columns)
        plain = [Wave(column, sp.Integer(0)) for column in span.columns]
        options.append([(made, columns @ mixing), (plain, columns)] if made != plain else [(plain, columns)])
    best: tuple[list[list[Wave]], list[Index], list[complex]] | None = None
    for option in product(*options):
        found = needed(psi, [columns for _, columns in option], both.sigma)
        if found and (best is None or len(found[0]) < len(best[1])):
            best = ([waves for waves, _ in option], *found)
    if best is None:
        return None
    waves, terms, coefficients = best
    numbers: list[Number] = []
    re = im = whole = sp.Integer(0)
    for term, c in zip(terms, coefficients, strict=True):
        a, b = number(c.real), number(c.imag)
        numbers += [a, b]
        size = sp.Mul(*(w[k].size for w, k in zip(waves, term, strict=True)))
        phase = sp.Add(*(w[k].phase for w, k in zip(waves, term, strict=True)))
        re += size * (a.symbol * sp.cos(phase) - b.symbol * sp.sin(phase))
        im += size * (a.symbol * sp.sin(phase) + b.symbol * sp.cos(phase))
        whole += (a.symbol + sp.I * b.symbol) * size * sp.exp(sp.I * phase)
    count = f"{len(terms)} products" if len(terms) > 1 else "a product"
    return _fitted(both, re, im, whole, [*numbers, *(n for s in chosen for n in s.numbers)], f"{count} with complex coefficients")


def _waves(columns: Sequence[sp.Expr]) -> tuple[list[Wave], Array]:  # (p columns, p waves)
    """Pairs R cos(z), R sin(z) as R exp(i z), R exp(-i z); and the matrix that makes the waves of the columns."""
    places: dict[tuple[sp.Expr, sp.Expr], dict[type, int]] = {}
    for k, column in enumerate(columns):
        for factor in sp.Mul.make_args(column):
            if isinstance(factor, (sp.cos, sp.sin)):
                places.setdefault((column / factor, factor.args[0]), {})[type(factor)] = k
                break
    mixing = np.zeros((len(columns), len(columns)), dtype=complex)
    waves = [Wave(column, sp.Integer(0)) for column in columns]
    np.fill_diagonal(mixing, 1.0)
    for (size, phase), pair in places.items():
        if len(pair) == 2:
            c, s = pair[sp.cos], pair[sp.sin]
            waves[c], waves[s] = Wave(size, phase), Wave(size, -phase)
            mixing[[c, s], c] = 1.0, 1j
            mixing[[c, s], s] = 1.0, -1j
    return waves, mixing


def _polar(both: View) -> Iterator[Form]:
    """A modulus times exp(i phase), each a sum of products under a transform."""
    psi = both.values[..., 0] + 1j * both.values[..., 1]
    part = _bright(both, np.abs(psi))
    if part is None:
        return
    psi = part.values[..., 0] + 1j * part.values[..., 1]
    size = np.abs(psi)
    angle = np.angle(psi)
    for axis in range(angle.ndim):
        angle = np.unwrap(angle, axis=axis)
    origin = tuple(int(np.argmin(np.abs(axis.nodes))) for axis in part.axes[:-1])
    angle = angle - 2 * np.pi * np.round(angle[origin] / (2 * np.pi))
    symbols = both.symbols[:-1]
    blur = part.sigma / float(np.sqrt(1 / np.mean(size**-2.0)))
    phase = both.of(Samples(part.axes[:-1], angle, max(blur, 4e-16 * float(np.abs(angle).max())), True), symbols)
    modulus = both.of(Samples(part.axes[:-1], size, part.sigma, part.resolved), symbols)
    for count in range(1, FORMS + 1):  # the first of each, before more are looked for
        inner = next(islice(_phases(phase), count - 1, count), None)
        if inner is None:
            return
        for outer in islice(transformed_products(modulus), FORMS):
            r, theta = outer.expression, inner.expression
            whole = r * sp.exp(sp.I * theta)
            numbers = (*outer.numbers, *inner.numbers)
            form = _fitted(both, r * sp.cos(theta), r * sp.sin(theta), whole, numbers, f"modulus ({outer.how}) and phase")
            if form is not None:
                yield form


def _phases(phase: View) -> Iterator[Form]:
    """Forms of the phase, known up to a multiple of 2 pi; a constant phase is a number."""
    if float(np.std(phase.values)) <= 3 * phase.sigma:
        c = number(float(phase.values.mean()), phase.sigma)
        yield Form(c.symbol, (c,), "constant")
        return
    yield from transformed_products(phase)


def _bright(both: View, size: Array) -> Samples | None:
    """The largest part of the box where the phase is well known."""
    samples = both.samples
    bright = size >= FAINT * float(size.max())
    if bright.all():
        return samples
    if not samples.resolved:
        return None
    for _, bounds, inside in parts(samples.axes[:-1], 8 if size.ndim < 3 else 4):
        if bright[inside].all():
            return crop(samples, [*bounds, (-1.0, 1.0)])
    return None
