"""The values of formulas that contain infinite series: terms are added until they no longer count.

The factors of a term that depend on different coordinates are computed apart, so that a grid costs little more than its edges.
The exponents of sinh, cosh and exp are added up before anything is exponentiated: sinh(n y)/sinh(n) overflows at n = 711.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.symbolic.form import compiled
from kanpde.symbolic.sample import Array

MOST_TERMS = 20_000
"""Terms that fall like n^-3 are then below 1e-13, and what is left out below 1e-9."""
FIRST_BLOCK = 16
LARGEST_BLOCK = 2048
NEGLIGIBLE = 1e-17


@dataclass(frozen=True)
class Summed:
    """Values of a formula, and about how much the terms that were left out may add to one of them."""

    values: Array
    tail: float


def evaluate_series(expression: sp.Expr, symbols: Sequence[sp.Symbol], points: Sequence[Array], most: int = MOST_TERMS) -> Summed:
    """A formula with ``Sum(term, (n, first, oo))`` in it at points, one array a coordinate, broadcast together.

    Infinite ``tail`` where the terms do not fall faster than 1/n, NaN where a term has no value.
    """
    shape = np.broadcast_shapes(*(p.shape for p in points))
    tail = 0.0
    sums: dict[sp.Dummy, Array] = {}
    replaced: dict[sp.Basic, sp.Basic] = {}
    for series in sorted(expression.atoms(sp.Sum), key=str):
        found = _summed(series, symbols, [p.reshape((1,) * (len(shape) - p.ndim) + p.shape) for p in points], shape, most)
        dummy = sp.Dummy()
        replaced[series], sums[dummy] = dummy, found.values
        tail += found.tail
    with np.errstate(all="ignore"):
        values = compiled(expression.xreplace(replaced), (*symbols, *sums))(*points, *sums.values())
    values = np.asarray(values)
    real = values.real if np.iscomplexobj(values) else values
    return Summed(np.broadcast_to(np.asarray(real, dtype=np.float64), shape), tail)


def _summed(series: sp.Sum, symbols: Sequence[sp.Symbol], points: Sequence[Array], shape: tuple[int, ...], most: int) -> Summed:
    term, (n, first, last) = series.function, series.limits[0]
    if last != sp.oo or len(series.limits) != 1 or not first.is_Integer:
        return Summed(np.full(shape, np.nan), np.inf)
    products = [_Product(product, n, symbols) for product in _distributed(term, set(symbols))]
    total = np.zeros(shape)
    start, block = int(first), FIRST_BLOCK
    bounds: list[Array] = []
    with np.errstate(all="ignore"):
        while start < most:
            index = np.arange(start, start + block, dtype=float).reshape(-1, *(1,) * len(shape))
            bound = np.zeros(block)
            for product in products:
                values, sizes = product.block(index, points)
                total = total + values
                bound += sizes
            bounds.append(bound)
            start, block = start + block, min(2 * block, LARGEST_BLOCK)
            if not np.isfinite(bound).all():
                return Summed(np.full(shape, np.nan), np.inf)
            if bound[-8:].max() <= NEGLIGIBLE * max(np.abs(total).max(initial=0.0), 1e-300):
                return Summed(total, 0.0)
    return Summed(total, _tail(np.concatenate(bounds)))


def _distributed(term: sp.Expr, coordinates: set[sp.Symbol]) -> list[sp.Expr]:
    """A sum of products; brackets without coordinates stay, and so does every denominator (its exponentials may overflow)."""
    if isinstance(term, sp.Add):
        return [product for part in term.args for product in _distributed(part, coordinates)]
    for factor in sp.Mul.make_args(term):
        if isinstance(factor, sp.Add) and factor.free_symbols & coordinates:
            return [product for part in factor.args for product in _distributed(part * (term / factor), coordinates)]
    return [term]


def _tail(bounds: Array) -> float:
    """The sum of what follows, if the terms go on to fall like a power of n."""
    count = len(bounds)
    late, early = bounds[3 * count // 4 :].max(), bounds[count // 4 : count // 2].max()
    power = np.log(early / late) / np.log(3) if late > 0 else np.inf
    return float(late * count / (power - 1)) if power > 1.05 else np.inf


class _Product:
    """One product of factors: those of n alone, and those of n and some coordinates, each compiled by itself."""

    def __init__(self, product: sp.Expr, n: sp.Symbol, symbols: Sequence[sp.Symbol]) -> None:
        groups: dict[frozenset[sp.Symbol], list[sp.Expr]] = {}
        for factor in sp.Mul.make_args(product):
            groups.setdefault(frozenset(factor.free_symbols & set(symbols)), []).append(factor)
        self._parts = [_Part(factors, n, symbols) for _, factors in sorted(groups.items(), key=lambda item: len(item[0]))]

    def block(self, index: Array, points: Sequence[Array]) -> tuple[Array, Array]:
        """The sum over a block of n at all points, and a bound of every term."""
        found = [part.values(index, points) for part in self._parts]
        values = [v for v, _ in found]
        exponents = [e for _, e in found if e is not None]
        if exponents:  # one exponential for all of them: the exponents of n alone make that of a coordinate small
            last = max(k for k, (_, e) in enumerate(found) if e is not None)
            values[last] = values[last] * np.exp(sum(exponents[1:], exponents[0]))
        sizes = np.ones(len(index))
        for v in values:
            sizes = sizes * np.abs(v).reshape(len(index), -1).max(1)
        values = [np.broadcast_to(v, (len(index), *v.shape[1:])) for v in values]
        rule = ",".join("n..." for _ in values) + "->..."
        return np.asarray(np.einsum(rule, *values)), sizes


class _Part:
    """Factors that depend on the same coordinates, as regular values and the exponent of what may overflow."""

    def __init__(self, factors: Sequence[sp.Expr], n: sp.Symbol, symbols: Sequence[sp.Symbol]) -> None:
        self._steep: list[tuple[str, int]] = []
        regular, arguments = [], []
        for factor in factors:
            base, power = factor.as_base_exp()
            if isinstance(factor, sp.exp):
                self._steep.append(("exp", 1))
                arguments.append(factor.exp)
            elif isinstance(base, sp.sinh | sp.cosh) and power.is_Integer:
                self._steep.append((type(base).__name__, int(power)))
                arguments.append(base.args[0])
            else:
                regular.append(factor)
        self._function = compiled(sp.Tuple(sp.Mul(*regular), *arguments), (n, *symbols))

    def values(self, index: Array, points: Sequence[Array]) -> tuple[Array, Array | None]:
        """Values of shape (block, ...) that stay in range, and the exponent of the rest, None if there is none."""
        regular, *arguments = self._function(index, *(p[None] for p in points))
        value = _full(regular, index)
        exponent: Array | None = None
        for (kind, power), argument in zip(self._steep, arguments, strict=True):
            z = _full(argument, index)
            size = z if kind == "exp" else np.abs(z)
            exponent = power * size if exponent is None else exponent + power * size
            if kind != "exp":
                rest = (1 + np.exp(-2 * size)) / 2 if kind == "cosh" else np.sign(z) * -np.expm1(-2 * size) / 2
                value = value * rest**power
        return value, exponent


def _full(values: Array, index: Array) -> Array:
    """An array with the axis of n in front."""
    array = np.asarray(values)
    array = array.real if np.iscomplexobj(array) else array
    return np.broadcast_to(array, np.broadcast_shapes(array.shape, index.shape))
