"""Sums of products of functions of one coordinate each, in any dimension, and what becomes one under a transform.

The numerical rank of each unfolding says how many functions of a coordinate there are; a span of named functions is found for
each; the products that the values need are kept, with their coefficients, and all numbers are refined on the values together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, product
from typing import Any

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.transforms import Transformed, transformed
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.phases import phased
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.rungs.spans import MOST_ATOMS, STAGES, Span, level, spans, without_constant
from kanpde.symbolic.sample import Array, Samples, family, ranks
from kanpde.symbolic.view import ACCEPT, View

MOST_RANK = 7
"""Products beyond which a field is given up: a shock has more at any useful noise, and no textbook prints eight terms."""
FIRST = 1
"""Spans of a coordinate that are looked at before the library is opened: a sine needs no second opinion."""
MOST_TERMS = 80
"""Products that are looked at; more have the smallest coefficients and are dropped before the elimination."""
MOST_NUMBERS = 20
"""Open numbers of a form: what has more is a table, not a formula."""
CLEAR = 2
"""A field of at most this rank is tried as it is first."""
FEW_NUMBERS = 10
"""Forms with more numbers than this wait until the simpler ones have been seen."""
COMBINATIONS = 8
"""Of the spans of all coordinates, how many are tried together."""
BIT = 0.7
"""A transform of one bit must save more than this many functions of a coordinate to be looked at first."""
ALIKE = 6
"""Digits in which two forms of the same shape are the same."""
SMOOTH = 0.3
"""A solver's error is smooth: it sits in few coefficients, each as large as this part of it."""
PARTS = 2
"""Forms of each part of a sum or product that are tried."""
SPARSE = 2.0
"""Without a term that is not needed, the root mean square is still within this many sigma: they are only an estimate."""

Index = tuple[int, ...]


def products(view: View, most_rank: int = MOST_RANK) -> Iterator[Form]:
    """Forms of a field as a sum of products; one coordinate alone is left to ``univariate``."""
    if len(view.symbols) == 1:
        yield from _one(view)
        return
    families = [family(view.samples, axis, view.sigma) for axis in range(len(view.symbols))]
    rank = max(f.rank for f in families)
    if not 1 <= rank <= most_rank:
        return
    found: list[list[Span]] = [[] for _ in families]
    seen: set[sp.Expr] = set()
    for stage in STAGES:
        if stage != "modes":
            for form in chain(sums(view), factors(view)) if stage == "library" else ():
                if form.shape not in seen:
                    seen.add(form.shape)
                    yield form
        before = [len(f) for f in found]
        for axis, one in enumerate(families):
            if not before[axis] or not seen:
                found[axis] += islice(spans(view, axis, one, stage), FIRST if stage == "modes" else None)
            if not found[axis] and not _hopeful(one.rank, stage):
                edges = f"{one.rank} edge{'s' if one.rank > 1 else ''} of {view.symbols[axis]}"
                view.transcript.append(f"the {edges} have no formula, at noise {view.sigma:.1e}")
                return
            if not view.budget.left:
                return
        new = [c for c in product(*(range(len(f)) for f in found)) if any(i >= n for i, n in zip(c, before, strict=True))]
        for choice in sorted(new, key=lambda c: (sum(c), c))[:COMBINATIONS]:
            whole = assembled(view, [f[i] for f, i in zip(found, choice, strict=True)])
            if whole is not None and whole.shape not in seen:
                seen.add(whole.shape)
                yield whole


def _hopeful(rank: int, stage: str) -> bool:
    """Whether a later stage may still find a span."""
    return stage == "modes" or (stage == "library" and rank <= MOST_ATOMS)


def sums(view: View) -> Iterator[Form]:
    """Forms f(x) + g(the others), if the field is such a sum: each part is then looked for by itself."""
    values = view.values
    for axis, nodes in enumerate(view.samples.axes):
        others = tuple(i for i in range(values.ndim) if i != axis)
        along = values.mean(others)  # (n,)
        across = values.mean(axis)
        shaped = np.expand_dims(along, others)
        mixed = values - shaped - np.expand_dims(across, axis) + values.mean()
        if min(np.std(along), np.std(across)) <= 3 * view.sigma or np.sqrt(np.mean(mixed**2)) > 3 * view.sigma:
            continue
        single = view.of(Samples((nodes,), along - level(along, nodes), view.sigma, view.samples.resolved), (view.symbols[axis],))
        for one in islice(_one(single), PARTS):
            one = without_constant(one)
            rest = values - np.expand_dims(one.values((view.symbols[axis],), (nodes.nodes,)), others)
            axes = tuple(view.samples.axes[i] for i in others)
            remainder = view.of(
                Samples(axes, rest.mean(axis), view.sigma, view.samples.resolved), [view.symbols[i] for i in others]
            )
            for other in islice(transformed_products(remainder), PARTS):
                how = f"sum of a function of {view.symbols[axis]} and one of {', '.join(map(str, remainder.symbols))}"
                form = refit(Form(one.expression + other.expression, (*one.numbers, *other.numbers), how), view)
                if form is not None:
                    yield form
        if values.ndim == 2:
            return


def factors(view: View) -> Iterator[Form]:
    """Forms f(x) g(y, z): of three coordinates, one that has a single edge; g may then be a sum of products under a transform."""
    if view.values.ndim < 3:
        return
    for axis, nodes in enumerate(view.samples.axes):
        one = family(view.samples, axis, view.sigma)
        if one.rank != 1:
            continue
        edge = one.values[:, 0] / np.sqrt(np.mean(one.values[:, 0] ** 2))  # (n,)
        rest = np.tensordot(edge, view.values, (0, axis)) / nodes.n
        others = [i for i in range(view.values.ndim) if i != axis]
        axes = tuple(view.samples.axes[i] for i in others)
        remainder = view.of(Samples(axes, rest, view.sigma, view.samples.resolved), [view.symbols[i] for i in others])
        for span in chain(spans(view, axis, one, "modes"), spans(view, axis, one, "edges")):
            for other in islice(transformed_products(remainder), PARTS):
                scale = number(1.0, name="c")
                bare = unscaled_values(span, nodes.nodes, edge)
                expression = scale.symbol * span.columns[0] * other.expression
                form = refit(
                    Form(
                        expression,
                        (Number(scale.symbol, bare), *span.numbers, *other.numbers),
                        f"function of {view.symbols[axis]} times {other.how}",
                    ),
                    view,
                )
                if form is not None:
                    yield form
            break


def unscaled_values(span: Span, x: Array, edge: Array) -> float:
    """The factor that makes the first function of a span the edge."""
    values = span.values(x)[:, 0]
    return float(values @ edge / (values @ values))


def _one(view: View) -> Iterator[Form]:
    from kanpde.symbolic.curves.univariate import univariate  # late: it looks at transforms of its own

    yield from univariate(view)


def assembled(view: View, chosen: Sequence[Span]) -> Form | None:
    """The sum of the products that the values need, all numbers refined together; None if it does not fit."""
    terms: list[Index] | None = None
    known: dict[sp.Symbol, float] = {}
    form: Form | None = None
    for _ in range(2):  # again: the last digits of the numbers needed terms of their own
        columns = [span.values(axis.nodes, known) for span, axis in zip(chosen, view.samples.axes, strict=True)]
        found = needed(view.values, columns, view.sigma, terms)
        if not found or (terms is not None and len(found) == len(terms)):
            break
        terms, coefficients = found
        numbers = [number(c) for c in coefficients]
        expression = sp.Add(
            *(
                sp.Mul(n.symbol, *(span.columns[k] for span, k in zip(chosen, term, strict=True)))
                for n, term in zip(numbers, terms, strict=True)
            )
        )
        everything = [*numbers, *(n for span in chosen for n in span.numbers)]
        kept = tuple(n for n in everything if expression.has(n.symbol))
        if len(kept) > (FEW_NUMBERS if 3 * len(kept) > content(view.samples) else MOST_NUMBERS):
            return None
        how = f"sum of {len(terms)} products" if len(terms) > 1 else "product"
        form = refit(Form(expression, kept, how), view)
        if form is None:
            return None
        known = {n.symbol: n.value for n in form.numbers}
    return form


def needed(
    values: Array, columns: Sequence[Array], sigma: float, among: list[Index] | None = None
) -> tuple[list[Index], list[Any]] | None:
    """The products (of ``among``, or of all) that the values need, with their coefficients: the least needed leave first.

    Values and columns may be complex.
    """
    if not all(np.isfinite(c).all() for c in columns):
        return None
    norms = [np.linalg.norm(c, axis=0) for c in columns]
    if not all(n.all() for n in norms):
        return None
    columns = [c / n for c, n in zip(columns, norms, strict=True)]
    terms = among or _largest(values, columns)
    N = values.size
    q, r = np.linalg.qr(_matrix(columns, terms))
    v = values.ravel()
    projected = q.conj().T @ v
    beyond = float(np.sum(np.abs(v - q @ projected) ** 2))
    keep = list(range(len(terms)))
    allowed = N * min(max((SPARSE * sigma) ** 2, 1.5 * beyond / N), (ACCEPT * sigma) ** 2)
    c = projected
    while keep:
        left, singular, right = np.linalg.svd(r[:, keep], full_matrices=False)
        inverse = right.conj().T / np.maximum(singular, 1e-14 * singular[0])  # (k, k)
        c = inverse @ (left.conj().T @ projected)
        lost = beyond + float(np.sum(np.abs(projected - r[:, keep] @ c) ** 2))
        if len(keep) == len(terms) and lost > N * (ACCEPT * sigma) ** 2:
            return None
        increase = np.abs(c) ** 2 / np.sum(np.abs(inverse) ** 2, axis=1)
        weakest = int(np.argmin(increase))
        if lost + increase[weakest] > max(allowed, 1.0001 * lost):
            break
        keep.pop(weakest)
    order = sorted(range(len(keep)), key=lambda k: terms[keep[k]])
    chosen = [terms[keep[k]] for k in order]
    sizes = [float(np.prod([norms[axis][i] for axis, i in enumerate(term)])) for term in chosen]
    return chosen, [c[k] / size for k, size in zip(order, sizes, strict=True)]


def _matrix(columns: Sequence[Array], terms: Sequence[Index]) -> Array:  # (N, k)
    """The products as columns over all samples."""
    result = []
    for term in terms:
        value = columns[0][:, term[0]]
        for axis in range(1, len(columns)):
            value = np.multiply.outer(value, columns[axis][:, term[axis]])
        result.append(value.ravel())
    return np.stack(result, 1)


def _largest(values: Array, columns: Sequence[Array]) -> list[Index]:
    """The products with the largest coefficients in a fit by all of them."""
    for axis, c in enumerate(columns):
        values = np.moveaxis(np.tensordot(np.linalg.pinv(c, rcond=1e-13), values, (1, axis)), 0, axis)
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:MOST_TERMS]
    return [tuple(int(i) for i in np.unravel_index(flat, values.shape)) for flat in order]


def transformed_products(view: View, fewest: int = 1, most: int = MOST_RANK) -> Iterator[Form]:
    """Forms T^-1(sum of products), over the transforms T that leave a rank of ``fewest`` to ``most``, the lowest rank first.

    A transform has to lower the rank: a square or an exponential of a sum of products is a longer sum of products.
    """
    if len(view.symbols) == 1:
        yield from products(view)
        return
    waiting: list[Form] = []
    seen: set[str] = set()
    limit = most
    plain = max(ranks(view.samples, view.sigma))
    as_it_is = products(view, limit)

    def handed(form: Form) -> Iterator[Form]:
        look = str(form.expression.xreplace({n.symbol: sp.Float(n.value, ALIKE) for n in form.numbers}))
        if look in seen:
            return
        seen.add(look)
        if len(form.numbers) <= FEW_NUMBERS:
            yield form
            yield from _with_phases(form, view)
        else:
            waiting.append(form)

    if fewest == 1 and plain > CLEAR and len(view.symbols) == 3:  # what splits off is no matter of transforms
        for form in chain(sums(view), factors(view)):
            limit = 0
            yield from handed(form)
    if fewest <= plain <= CLEAR:  # before the transforms are even made
        for form in islice(as_it_is, 1):
            limit = plain
            yield from handed(form)
    for rank, t in sorted(_ranked(view), key=lambda pair: (pair[0] + BIT * pair[1].bits, pair[1].bits)):
        if not fewest <= rank <= limit or (t.name != "u" and rank >= plain) or not view.budget.left:
            continue
        for inner in as_it_is if t.name == "u" else products(t.view, limit):
            back = inner if t.name == "u" else refit(t.inverse(inner), view)
            if back is not None:
                limit = min(limit, rank)
                yield from handed(back)
    yield from waiting


def _with_phases(form: Form, view: View) -> Iterator[Form]:
    """The form once more, with one wave for a sine and a cosine."""
    waves = phased(form)
    again = None if waves is None else refit(waves, view)
    if again is not None:
        yield again


def _ranked(view: View) -> Iterator[tuple[int, Transformed]]:
    for t in transformed(view):
        yield max(ranks(t.view.samples, t.view.sigma)), t


def content(samples: Samples) -> int:
    """How many coefficients of the Chebyshev series stand out of the noise: what the data say, counted in numbers."""
    series = samples.values
    gain = 1.0
    for i, axis in enumerate(samples.axes):
        series = axis.coefficients(series, i)
        gain *= np.sqrt(2 / axis.n)
    return int(np.sum(np.abs(series) > ACCEPT * max(gain, SMOOTH) * samples.sigma))
