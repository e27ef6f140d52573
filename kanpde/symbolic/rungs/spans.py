"""Functions of one coordinate whose linear combinations hold a family: modes, or whatever ``univariate`` makes of a single edge.

A sum of r products determines r functions of each coordinate only up to their mixtures. Modes and library functions are found in
the mixtures; a single function, or one beside the constant, is looked at as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.atoms import Atom, named, table
from kanpde.symbolic.curves.atoms import values as atom_values
from kanpde.symbolic.curves.basis import Basis
from kanpde.symbolic.curves.library import library_basis
from kanpde.symbolic.curves.modes import MOST_MODES, modal_bases
from kanpde.symbolic.curves.weighted import gaussian_basis
from kanpde.symbolic.form import Form, Number, compiled, number
from kanpde.symbolic.sample import Array, Axis, Family, Samples
from kanpde.symbolic.view import ACCEPT, View

FEW_MODES = 3
"""Modes beyond one for each function of a family that are tried before the library."""
BASES = 2
"""Bases of modes that are tried for one coordinate: x^2 + 1 is a polynomial in x and in x^2."""
HIGHEST = 8
"""The highest degree of a polynomial: beyond, it may stand for any smooth function."""
MOST_ATOMS = 4
"""Functions of a coordinate that are looked for in the dictionary."""
EDGES = 3
"""Forms of a single edge that are tried."""


@dataclass(frozen=True)
class Span:
    """Functions of one coordinate with open numbers, none of them with a factor of its own: that is the coefficient's."""

    symbol: sp.Symbol
    columns: tuple[sp.Expr, ...]
    numbers: tuple[Number, ...]
    how: str

    def values(self, x: Array, known: Mapping[sp.Symbol, float] | None = None) -> Array:  # (n,) -> (n, p)
        """The columns at points, with the numbers as given or as they are in ``known``."""
        theta = [n.value if known is None else known.get(n.symbol, n.value) for n in self.numbers]
        with np.errstate(all="ignore"):
            found = self._function(x, *theta)
        real = [np.where(np.abs(np.imag(v)) <= 1e-12 * np.abs(v), np.real(v), np.nan) for v in map(np.asarray, found)]
        return np.stack([np.broadcast_to(v, x.shape) for v in real], 1)

    @property
    def _function(self) -> Callable[..., Any]:
        return compiled(sp.Tuple(*self.columns), (self.symbol, *(n.symbol for n in self.numbers)))


STAGES = ("modes", "library", "edges")
"""From cheap to dear: exponential modes; library functions; single edges under transforms and from a dictionary."""


def spans(view: View, axis: int, family: Family, stage: str) -> Iterator[Span]:
    """Spans of one of the ``STAGES`` that hold the family of one coordinate to the noise, the likeliest first."""
    x, nodes = view.symbols[axis], view.samples.axes[axis]
    few = family.rank + FEW_MODES
    found = 0
    if family.rank == 1:
        if stage == "library":
            yield from _weighted(view, axis, family)
        else:
            yield from _edges(view, axis, family.values[:, 0], "full" if stage == "edges" else "cheap")
        return
    if stage == "modes":
        for basis in islice(modal_bases(family.values, nodes, view.sigma, range(1, few + 1), evidence=0), BASES):
            found += 1
            yield _of_basis(basis, x)
        if not found:
            weighted = list(_weighted(view, axis, family))
            found += len(weighted)
            yield from weighted
        degree = _degree(family.values, nodes, view.sigma)
        if not found and degree <= HIGHEST:
            yield Span(x, tuple(x**k for k in range(degree + 1)), (), "polynomials")
        return
    if family.rank == 2:
        rest = _beside_constant(family.values, nodes, view.sigma)
        if rest is not None:
            yield from _edges(view, axis, rest, "full" if stage == "edges" else "cheap", constant=True)
    if stage == "library":
        known = library_basis(family.values, nodes, view.sigma)
        if known is not None:
            yield _of_basis(known, x)
            return
        for late in islice(modal_bases(family.values, nodes, view.sigma, range(few + 1, MOST_MODES + 1)), 1):
            yield _of_basis(late, x)
    elif family.rank <= MOST_ATOMS:
        yield from _atoms(view, axis, family)


def _atoms(view: View, axis: int, family: Family) -> Iterator[Span]:
    """As many atoms of the dictionary in the family's span as it has dimensions: with open numbers, then as they are."""
    x, nodes = view.symbols[axis], view.samples.axes[axis].nodes
    q, sizes, _ = np.linalg.svd(family.values, full_matrices=False)
    within = min(0.3, ACCEPT * view.sigma * np.sqrt(len(nodes)) / sizes[-1])  # what the noise may turn the span by
    atoms: list[Atom | sp.Expr] = [sp.Integer(1), x, *named(view.harvested, x), *table()]
    raw = np.concatenate([np.stack([np.ones_like(nodes), nodes], 1), atom_values(atoms[2:], nodes)], 1)  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        raw = raw / np.linalg.norm(raw, axis=0)
        outside = np.linalg.norm(raw - q @ (q.T @ raw), axis=0)  # (atoms,): NaN where one is not defined
    chosen: list[int] = []
    for k in np.flatnonzero(outside <= max(within, 1e-12)):
        taken = raw[:, [*chosen, k]]
        if np.linalg.svd(taken, compute_uv=False)[-1] > max(100 * within, 1e-6):
            chosen.append(int(k))
        if len(chosen) == family.rank:
            break
    if len(chosen) < family.rank:
        return
    for opened in (True, False):
        guesses: dict[sp.Dummy, float] = {}
        columns = [
            a if isinstance(a, sp.Expr) else a.expression(x, guesses if opened else None) for a in (atoms[k] for k in chosen)
        ]
        yield Span(x, tuple(columns), tuple(Number(s, v) for s, v in guesses.items()), "dictionary")


def _weighted(view: View, axis: int, family: Family) -> Iterator[Span]:
    """Polynomials under a Gaussian."""
    x, nodes = view.symbols[axis], view.samples.axes[axis]
    found = gaussian_basis(family.values, nodes, view.sigma) if view.samples.resolved else None
    if found is None:
        return
    degree, values, slacks = found
    a, b = (number(v, s, "k") for v, s in zip(values, slacks, strict=True))
    tilted = abs(values[1]) > 1e-12 * abs(values[0]) * nodes.width
    weight = sp.exp(a.symbol * x**2 + b.symbol * x) if tilted else sp.exp(a.symbol * x**2)
    columns = tuple(x**k * weight for k in range(degree + 1))
    yield Span(x, columns, (a, b) if tilted else (a,), "polynomials under a Gaussian")


def _degree(family: Array, axis: Axis, sigma: float) -> int:
    """The lowest degree of polynomials that hold a family to the noise."""
    series = axis.coefficients(family)  # (n, r)
    beyond = np.sqrt(np.cumsum(series[::-1] ** 2, axis=0)[::-1] / 2).max(
        1
    )  # (n,): root mean square of what starts at each degree
    return int(np.argmax(np.append(beyond, 0.0) <= ACCEPT * sigma)) - 1


def _of_basis(basis: Basis, x: sp.Symbol) -> Span:
    numbers = tuple(number(v, s, "k") for v, s in zip(basis.theta, basis.spread, strict=True))
    where = "" if basis.chart.name == "x" else f" of {basis.chart.name}"
    return Span(x, tuple(basis.expressions(x, [n.symbol for n in numbers])), numbers, f"modes{where}")


def _beside_constant(family: Array, axis: Axis, sigma: float) -> Array | None:  # (n, 2) -> (n,)
    """The function f of a family that is spanned by 1 and f, zero at 0 or on average; None if the constant is not in it."""
    n = len(family)
    one = np.ones(n) / np.sqrt(n)
    left = np.linalg.svd(family, full_matrices=False)
    c, *_ = np.linalg.lstsq(family, one, rcond=None)
    if np.linalg.norm(family @ c - one) > ACCEPT * sigma * np.sqrt(n) * np.linalg.norm(c):
        return None
    other = left[0] @ np.array([-(left[0].T @ one)[1], (left[0].T @ one)[0]])  # in the span and orthogonal to the constant
    f = family @ (family.T @ other)
    size = float(np.sqrt(np.mean((family - family.mean(0)) ** 2, axis=0)).max())
    f = f * size / np.std(f)
    return np.asarray(f - level(f, axis))


def level(f: Array, axis: Axis) -> float:
    """A value to subtract from a function that is known up to a constant: at 0, where many vanish, or the mean."""
    if axis.lower <= 0 <= axis.upper:
        return float(axis.evaluate(axis.coefficients(f), np.zeros(1))[0])
    return float(f.mean())


def _edges(view: View, axis: int, values: Array, effort: str, constant: bool = False) -> Iterator[Span]:
    """Forms of a single edge, without their factor, and without their additive constant if it has a column of its own."""
    # Late: the rungs of one coordinate come back here through the transforms.
    from kanpde.symbolic.curves.univariate import univariate

    x, nodes = view.symbols[axis], view.samples.axes[axis]
    if np.ptp(values) <= ACCEPT * view.sigma:
        yield Span(x, (sp.Integer(1),), (), "constant")
        return
    edge = view.of(Samples((nodes,), values, view.sigma, view.samples.resolved), (x,))
    for form in islice(univariate(edge, effort), EDGES):
        yield span_of(form, x, nodes, constant)


def span_of(form: Form, x: sp.Symbol, axis: Axis, constant: bool = False) -> Span:
    """The span of a form's function, and of the constant if that is a function of its own."""
    if constant:
        form = without_constant(form)
    bare = unscaled(form, x, axis.nodes) or form
    columns = (sp.Integer(1), bare.expression) if constant else (bare.expression,)
    return Span(x, columns, bare.numbers, form.how)


def without_constant(form: Form) -> Form:
    """The form without the terms that no coordinate is in."""
    numbers = {n.symbol for n in form.numbers}
    terms = [t for t in sp.Add.make_args(form.expression) if t.free_symbols - numbers]
    expression = sp.Add(*terms)
    return Form(expression, tuple(n for n in form.numbers if expression.has(n.symbol)), form.how)


def unscaled(form: Form, x: sp.Symbol, nodes: Array) -> Form | None:
    """The form divided by the number that only scales it; None if there is no such number.

    c f(x) becomes f(x); a f(x) + b g(x) becomes f(x) + (b/a) g(x), for the larger of the terms; exp(c + f(x)) becomes exp(f(x)).
    """
    values = {n.symbol: n.value for n in form.numbers}
    slacks = {n.symbol: n.slack for n in form.numbers}

    def private(e: sp.Expr) -> set[sp.Symbol]:  # numbers that occur once
        seen = [node for node in sp.preorder_traversal(e) if node in values]
        return {s for s in seen if seen.count(s) == 1}

    lonely = private(form.expression)

    def bare(e: sp.Expr) -> sp.Expr | None:
        if e in lonely:
            return sp.Integer(1)
        if isinstance(e, sp.Mul):
            for factor in e.args:
                rest = bare(factor)
                if rest is not None:
                    return e / factor * rest
        if isinstance(e, sp.Add):
            return divided(e)
        if isinstance(e, sp.Pow) and not e.exp.free_symbols:
            rest = bare(e.base)
            return None if rest is None else rest**e.exp
        if isinstance(e, sp.exp):
            constants = [t for t in sp.Add.make_args(e.args[0]) if t in lonely]
            return None if not constants else sp.exp(e.args[0] - constants[0])
        return None

    def divided(e: sp.Add) -> sp.Expr | None:
        factors = []
        for term in e.args:
            own = [f for f in sp.Mul.make_args(term) if f in lonely]
            if not own:
                return None
            factors.append(own[0])
        terms = [term / f for term, f in zip(e.args, factors, strict=True)]
        sizes = [float(np.abs(values[f]) * _size(t, x, nodes, values)) for t, f in zip(terms, factors, strict=True)]
        largest = int(np.argmax(sizes))
        scale = values[factors[largest]]
        total = terms[largest] if scale > 0 else -terms[largest]  # never divided by a negative number: a root may stand around
        for k, (term, f) in enumerate(zip(terms, factors, strict=True)):
            if k != largest:
                values[f] /= abs(scale)
                slacks[f] = slacks[f] / abs(scale)
                total += f * term
        return total

    expression = bare(form.expression)
    if expression is None:
        return None
    kept = [n for n in form.numbers if expression.has(n.symbol)]
    return Form(expression, tuple(Number(n.symbol, values[n.symbol], slacks[n.symbol]) for n in kept), form.how)


def _size(e: sp.Expr, x: sp.Symbol, nodes: Array, values: Mapping[sp.Symbol, float]) -> float:
    symbols: Sequence[sp.Symbol] = [s for s in values if e.has(s)]
    with np.errstate(all="ignore"):
        found = np.abs(np.asarray(compiled(e, (x, *symbols))(nodes, *(values[s] for s in symbols))))
    return float(np.nan_to_num(np.sqrt(np.mean(found**2)), nan=0.0, posinf=0.0))
