"""Parts that act apart: T(u) = f(x) + g(y, z), and u = f(x) g(y, z), each part a series of its own coordinates.

Both are linear least squares: the sum at once, the product in turn for either factor. The structure is right if its series is no
worse than that of u in all coordinates. A part is then looked at by itself, with what noise there is: its values are those of
T(u) without the other part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.curves.transforms import TRANSFORMS, Transform, error_weight
from kanpde.symbolic.data.judge import Scatter
from kanpde.symbolic.data.reductions import WORSE
from kanpde.symbolic.data.scattered import ROUNDING, reference, solve, table, terms
from kanpde.symbolic.form import Array

TERMS = {1: 32, 2: 120}
"""Of the series of a part, by the number of its coordinates; of more, ``MOST``."""
MOST = 160
TURNS = 25
LARGE = 0.2
"""A factor is divided by where it is at least so large, relative to its largest value."""
SPARE = 1.1
"""A part's noise is that of the whole and what the other part's series is off."""
MODERATE = 5.0
"""Points at which the transform makes the noise more than so many times its typical size are left out."""
DEAREST = 2.5
"""Bits of the rarest transform that is tried for each split in more than two coordinates."""


@dataclass(frozen=True)
class Split:
    """Two parts of a function: which coordinates each has, its scatter, and how they are put together."""

    first: Scatter
    second: Scatter
    transform: Transform
    sign: int
    product: bool
    error: float  # of the series of the structure, in the units of u


Chosen = np.ndarray[Any, np.dtype[np.bool_]]


def splits(data: Scatter, budget: Budget) -> list[Split]:
    """Sums under transforms, and products, the best first."""
    d = len(data.symbols)
    floor = 100 * ROUNDING * data.size
    allowed = max(WORSE * data.series.error, floor)
    found = []
    for count in range(1, d // 2 + 1):
        for group in combinations(range(d), count):
            if 2 * count == d and 0 not in group:
                continue
            others = tuple(i for i in range(d) if i not in group)
            found += [one for one in _sums(data, group, others) if one.error <= allowed]
            one_product = _product(data, group, others)
            if one_product is not None and one_product.error <= allowed:
                found.append(one_product)
            if not budget.left:
                break
    return sorted(found, key=lambda s: (max(s.error, floor), s.transform.bits, s.product))


def _sums(data: Scatter, group: Sequence[int], others: Sequence[int]) -> Iterator[Split]:
    z = reference(data.x, data.x.min(0), data.x.max(0))
    d = z.shape[1]
    parts = []
    for chosen in (group, others):
        own = terms((1.0,) * len(chosen), TERMS.get(len(chosen), MOST))[1:]
        wide = np.zeros((len(own), d), dtype=np.int64)
        wide[:, list(chosen)] = own
        parts.append(wide)
    indices = np.concatenate([np.zeros((1, d), dtype=np.int64), *parts])
    order = np.argsort(indices.sum(1), kind="stable")
    indices = indices[order]
    columns = table(z, indices)
    of_first = np.asarray(indices[:, list(group)].any(1), dtype=bool)
    for t in TRANSFORMS:
        if t.bits > DEAREST and d > 2:
            continue
        for sign in (1, -1) if t.signed else (1,):
            u = sign * data.y
            with np.errstate(all="ignore"):
                v, slope = t.forward(u), np.abs(t.slope(u))
            if not ((u > t.domain[0]) & (u < t.domain[1]) & np.isfinite(v) & np.isfinite(slope)).all() or np.abs(v).max() > 1e10:
                continue
            weight = error_weight(slope)
            best, coefficients, error, _, _ = solve(columns * weight[:, None], v * weight)
            whole = columns[:, :best] * coefficients
            first, second = whole[:, of_first[:best]].sum(1), whole[:, ~of_first[:best]].sum(1)
            rest = v - first - second
            good = weight >= float(np.median(weight)) / MODERATE
            noise = SPARE * max(rms(rest[good]), ROUNDING * float(np.abs(v).max()))
            yield Split(
                _part(data, group, good, (first + rest)[good], noise), _part(data, others, good, (second + rest)[good], noise),
                t, sign, False, error,
            )  # fmt: skip


def _part(data: Scatter, group: Sequence[int], good: Chosen, values: Array, noise: float) -> Scatter:
    return Scatter(tuple(data.symbols[i] for i in group), data.x[good][:, list(group)], values, noise)


def _product(data: Scatter, group: Sequence[int], others: Sequence[int]) -> Split | None:
    """The product of two series, each found in turn with the other fixed."""
    z = reference(data.x, data.x.min(0), data.x.max(0))
    tables = [table(z[:, list(g)], terms((1.0,) * len(g), TERMS.get(len(g), MOST))) for g in (group, others)]
    g = np.ones(len(data.y)) + 0.3 * z[:, list(others)].sum(1)
    f, before, error = g, np.inf, np.inf
    for turn in range(TURNS):
        counts = 0
        for k in range(2):
            fixed = g if k == 0 else f
            best, coefficients, _, _, _ = solve(tables[k] * fixed[:, None], data.y)
            values = tables[k][:, :best] @ coefficients
            counts += best
            if k == 0:
                f = values / max(rms(values), 1e-300)
            else:
                g = values
        left = rms(data.y - f * g)
        n = len(data.y)
        error = left * n / max(1, n - counts)
        if left > 0.999 * before and turn > 2:
            break
        if turn == 6 and left > 0.3 * float(np.std(data.y)):
            return None
        before = left
    rest = data.y - f * g
    scatters = []
    for chosen, own, other in ((group, f, g), (others, g, f)):
        good = np.abs(other) >= LARGE * float(np.abs(other).max())
        if good.sum() < 50:
            return None
        partial = rest / np.where(good, other, 1.0)
        noise = SPARE * max(rms(partial[good]), ROUNDING * rms(own))
        scatters.append(_part(data, chosen, good, (own + partial)[good], noise))
    identity = TRANSFORMS[0]
    return Split(scatters[0], scatters[1], identity, 1, True, max(error, ROUNDING * data.size))
