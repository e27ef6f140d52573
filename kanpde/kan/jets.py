"""The calculus of jets: how the partial derivatives of a function pass through sums, products and univariate functions.

A jet holds the partial derivatives of n functions of d coordinates by multi-index; one that vanishes identically is None, so that
a function of one coordinate costs nothing in the others. Indices are closed downwards: with (2, 0) come (1, 0) and (0, 0).
Sources: Leibniz' rule; Faa di Bruno's formula as a sum over set partitions, Hardy (2006), Electr. J. Combin. 13, R1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from math import comb, prod

from torch import Tensor

MultiIndex = tuple[int, ...]
"""How often to differentiate by each coordinate."""

Jet = dict[MultiIndex, Tensor | None]
"""Partial derivatives (n, N) by multi-index; None where identically zero."""


def closure(indices: Iterable[MultiIndex]) -> tuple[MultiIndex, ...]:
    """All multi-indices below the given ones, by increasing order; the value itself comes first."""
    below = {beta for alpha in indices for beta in product(*(range(a + 1) for a in alpha))}
    return tuple(sorted(below, key=lambda beta: (sum(beta), beta)))


def _set_partitions(items: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
    if not items:
        yield ()
        return
    first, rest = items[0], items[1:]
    for blocks in _set_partitions(rest):
        yield ((first,), *blocks)
        for i, block in enumerate(blocks):
            yield (*blocks[:i], (first, *block), *blocks[i + 1 :])


@lru_cache(maxsize=4096)
def partitions(alpha: MultiIndex) -> tuple[tuple[int, tuple[MultiIndex, ...]], ...]:
    """Faa di Bruno: D^alpha phi(z) is the sum of count * phi^(m)(z) * product of D^beta z over the m blocks beta."""
    letters = [axis for axis, count in enumerate(alpha) for _ in range(count)]
    counts: Counter[tuple[MultiIndex, ...]] = Counter()
    for blocks in _set_partitions(tuple(range(len(letters)))):
        indices = [tuple(sum(letters[i] == axis for i in block) for axis in range(len(alpha))) for block in blocks]
        counts[tuple(sorted(indices))] += 1
    return tuple((count, blocks) for blocks, count in sorted(counts.items()))


@lru_cache(maxsize=4096)
def splits(alpha: MultiIndex) -> tuple[tuple[int, MultiIndex, MultiIndex], ...]:
    """Leibniz: D^alpha (a b) is the sum of count * D^beta a * D^(alpha - beta) b."""
    return tuple(
        (prod(comb(a, b) for a, b in zip(alpha, beta, strict=True)), beta, tuple(a - b for a, b in zip(alpha, beta, strict=True)))
        for beta in product(*(range(a + 1) for a in alpha))
    )


def add(total: Tensor | None, term: Tensor | None) -> Tensor | None:
    """The sum of two channels, either of which may vanish identically."""
    return term if total is None else total if term is None else total + term


def multiply(a: Jet, b: Jet) -> Jet:
    """The jet of the product of two functions."""
    y: Jet = {}
    for alpha in a:
        total: Tensor | None = None
        for count, beta, gamma in splits(alpha):
            left, right = a[beta], b[gamma]
            if left is not None and right is not None:
                total = add(total, left * right if count == 1 else count * left * right)
        y[alpha] = total
    return y


def multiply_adjoint(weights: Jet, other: Jet, like: Jet) -> Jet:
    """The adjoint of ``multiply`` by one factor, given the jet of the other; only where that factor, ``like``, is not zero."""
    result: Jet = dict.fromkeys(like)
    for alpha, weight in weights.items():
        if weight is None:
            continue
        for count, beta, gamma in splits(alpha):
            right = other[gamma]
            if right is not None and like[beta] is not None:
                result[beta] = add(result[beta], weight * right if count == 1 else count * weight * right)
    return result


def derivative_factors(alpha: MultiIndex, jet: Jet) -> dict[int, Tensor | None]:
    """Faa di Bruno's sum sorted by the derivative of the outer function: m -> (n, N), the factor of phi^(m); None means one."""
    result: dict[int, Tensor | None] = {}
    for count, blocks in partitions(alpha):
        if not blocks:
            return {0: None}
        parts = [jet[beta] for beta in blocks]
        if any(part is None for part in parts):
            continue
        term: Tensor | None = prod((part for part in parts[1:] if part is not None), start=parts[0])  # type: ignore[type-var]
        term = term if count == 1 or term is None else count * term
        result[len(blocks)] = add(result.get(len(blocks)), term)
    return result


def partition_slopes(alpha: MultiIndex, jet: Jet) -> Iterator[tuple[MultiIndex, int, Tensor | float]]:
    """How D^alpha phi(z) hangs on the derivatives of z: (beta, m, factor), d/d(D^beta z) is the sum of phi^(m) * factor."""
    for count, blocks in partitions(alpha):
        parts = [jet[beta] for beta in blocks]
        if not blocks or any(part is None for part in parts):
            continue
        for beta in set(blocks):
            rest = list(parts)
            rest.pop(blocks.index(beta))
            yield beta, len(blocks), prod((p for p in rest if p is not None), start=count * blocks.count(beta))
