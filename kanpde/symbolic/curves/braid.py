"""Single strands, and sums and products of two, with all constants free: variable projection from a grid of starts.

The coefficients of the columns and of a straight line are eliminated; the constants move together for all good starts at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.fit import Curve, fitted, open_number
from kanpde.symbolic.curves.modes import needed
from kanpde.symbolic.curves.scan import descended
from kanpde.symbolic.curves.strands import PRODUCTS, SINGLE, SUMS, Strand
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Array

POINTS = 40
STARTS = 8
PROMISING = 1e-6
"""Part of the function that the scan may leave, or ten times the noise."""
CHANCE = 25.0
"""Bits that the data must have beyond the numbers of the form."""
LARGEST = 1e60


@dataclass(frozen=True)
class Braid:
    """Strands whose columns are put side by side, or multiplied each with each."""

    strands: tuple[Strand, ...]
    multiplied: bool = False

    @property
    def name(self) -> str:
        return (" times " if self.multiplied else " and ").join(strand.name for strand in self.strands)

    def starts(self, x: Array) -> Array:  # (B, q)
        """The grid of first guesses."""
        return np.array(list(product(*(values for strand in self.strands for values in strand.starts(x)))), dtype=float)

    def columns(self, x: Array, theta: Array) -> Array:  # (n,), (B, q) -> (B, n, m)
        """The columns at points, for every row of constants."""
        groups: list[list[Array]] = []
        place = 0
        for strand in self.strands:
            count = len(strand.starts(x))
            columns = strand.numeric(x, *(theta[:, place + k : place + k + 1] for k in range(count)))
            groups.append([np.broadcast_to(c, (len(theta), len(x))) for c in columns])
            place += count
        if self.multiplied:
            return np.stack([f * g for f in groups[0] for g in groups[1]], 2)
        return np.stack([c for group in groups for c in group], 2)

    def expressions(self, x: sp.Symbol, numbers: list[sp.Dummy], counts: list[int]) -> list[sp.Expr]:
        """The columns as expressions."""
        places = iter(numbers)
        groups = [strand.columns(x, *(next(places) for _ in range(n))) for strand, n in zip(self.strands, counts, strict=True)]
        if self.multiplied:
            return [f * g for f in groups[0] for g in groups[1]]
        return [c for group in groups for c in group]


BRAIDS = (
    *(Braid((strand,)) for strand in SINGLE),
    *(Braid(pair, True) for pair in PRODUCTS),
    *(Braid(pair) for pair in SUMS),
)


def braided(curve: Curve) -> Iterator[Form]:
    """Forms made of one or two strands and a straight line that fit the curve."""
    if curve.surplus(3) < CHANCE:
        return
    step = max(1, len(curve.nodes) // POINTS)
    x, y = curve.nodes[::step], curve.values[::step]
    line, _ = np.linalg.qr(np.stack([np.ones_like(x), x], 1))
    rest = y - line @ (line.T @ y)
    size = float(np.linalg.norm(rest))
    limit = max(PROMISING, 10 * curve.sigma * np.sqrt(len(x)) / size)
    for braid in BRAIDS:
        if not curve.budget.left:
            return
        if x.min() <= 0 and any(strand.positive for strand in braid.strands):
            continue
        theta, left = _nearest(braid, x, line, rest / size)
        if left > limit:
            continue
        form = _form(braid, theta, curve)
        if form is not None and curve.surplus(len(form.numbers)) >= CHANCE:
            yield form


def _nearest(braid: Braid, x: Array, line: Array, rest: Array) -> tuple[Array, float]:
    """The constants that come nearest, and what they leave of the function."""

    def outside(theta: Array) -> Array:  # (B, q) -> (B, n)
        with np.errstate(all="ignore"):
            raw = np.asarray(braid.columns(x, theta), dtype=float)  # (B, n, m)
            bad = ~(np.abs(raw) < LARGEST).all((1, 2))
            raw = np.where(bad[:, None, None], 0.0, raw)
            sizes = np.linalg.norm(raw, axis=1, keepdims=True)
            raw = raw / np.where(sizes > 0, sizes, 1.0)
        bent = raw - line @ (line.T @ raw)
        q, r = np.linalg.qr(bent)
        q = q * (np.abs(np.einsum("bii->bi", r)) > 1e-7)[:, None, :]  # a flat column is rounding, not a function
        return rest - np.einsum("bnm,bm->bn", q, np.einsum("bnm,n->bm", q, rest))

    starts = braid.starts(x)
    far = np.linalg.norm(outside(starts), axis=1)
    best = starts[np.argsort(far, kind="stable")[:STARTS]]
    best = descended(outside, best)
    far = np.linalg.norm(outside(best), axis=1)
    k = int(np.argmin(far))
    return best[k], float(far[k])


def _form(braid: Braid, theta: Array, curve: Curve) -> Form | None:
    """The columns that the data need, with all numbers open."""
    x = curve.nodes
    with np.errstate(all="ignore"):
        columns = np.concatenate([braid.columns(x, theta[None])[0], np.ones((len(x), 1)), x[:, None]], 1)
    if not np.isfinite(columns).all():
        return None
    guesses: dict[sp.Dummy, float] = {}
    numbers = [open_number(float(v), guesses, "k") for v in theta]
    exact = [*braid.expressions(curve.symbol, numbers, [len(s.starts(x)) for s in braid.strands]), sp.Integer(1), curve.symbol]
    kept, coefficients = needed(columns, curve.values, max(3 * curve.sigma, 1e-6 * curve.size))
    expression = sp.Add(*(open_number(c, guesses) * exact[k] for k, c in zip(kept, coefficients, strict=True)))
    return fitted(expression, {s: v for s, v in guesses.items() if expression.has(s)}, curve, braid.name)
