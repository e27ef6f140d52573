"""A polynomial as a network of product nodes: sums over j of products over the coordinates of functions of one variable.

In one coordinate it is one edge; in two, the singular value decomposition of its coefficients gives the fewest products; in
three, one after the other of the coordinates is split off so; in more, or where that gives too many, products are added a few at
a time and fitted in turn (alternating least squares), each coordinate a linear problem.
Source: Kolda & Bader (2009), SIAM Review 51, 455-500, section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from scipy.linalg import cho_factor, cho_solve

from kanpde.learn.choice.polynomial import Polynomial
from kanpde.learn.choice.types import Array

CHECKS = 2000  # points at which it is seen whether a polynomial is a sum
LINES = 20  # along which degrees are measured
SAMPLES = 20  # for each coefficient of one coordinate, in the alternating fit
MOST_SPLIT = 64  # products of three factors that splitting may give
MOST = 24  # products of the alternating fit; beyond, the polynomial is no sum of few
STALLED = 0.99  # of the error after a sweep: more products help more
SWEEPS = 20  # over the coordinates for each number of products
SHIFT = 1e-14  # of the normal equations, relative
GROWTH = 1.5  # of the number of products, from one attempt to the next
CUT = 1e-2  # of the tolerance: what a factor's last coefficients may be together


@dataclass(frozen=True)
class Products:
    """u_o(z) = sum over j of prod over i of f_oji(z_i): ``factors[i]`` (m, R, K_i) are Chebyshev coefficients on [-1, 1].

    If it is ``additive``, u_o(z) = sum over i of f_oi(z_i), and R is 1.
    """

    factors: tuple[Array, ...]
    change: float  # the largest root mean square of what was cut off, in the units of u
    additive: bool = False

    @property
    def rank(self) -> int:
        """The number R of products of each output."""
        return int(self.factors[0].shape[1])

    def __call__(self, z: Array) -> Array:  # (N, d) -> (N, m)
        """The values."""
        parts = [np.einsum("nk,mrk->nmr", chebvander(c, f.shape[2] - 1), f) for c, f in zip(z.T, self.factors, strict=True)]
        return np.asarray((np.sum(parts, axis=0) if self.additive else np.prod(parts, axis=0)).sum(2))


def products(u: Polynomial, tolerance: Array, doubt: Array | None = None) -> Products:  # (m,), (m,)
    """The polynomial as few products, up to a root mean square of about ``tolerance`` for each output.

    It becomes a sum of functions of one coordinate if it is one up to ``doubt``, the error that it has itself.
    """
    sums = _sums(u, tolerance, tolerance if doubt is None else np.maximum(tolerance, doubt))
    if sums is not None:
        return sums
    each = [_one(u, o, float(t)) for o, t in enumerate(tolerance)]
    rank = max(len(factors[0]) for factors, _ in each)
    factors = []
    for i in range(u.features.indices.shape[1]):
        width = max(f[i].shape[1] for f, _ in each)
        factors.append(np.stack([np.pad(f[i], ((0, rank - len(f[i])), (0, width - f[i].shape[1]))) for f, _ in each]))
    return Products(tuple(factors), max(change for _, change in each))


def _sums(u: Polynomial, tolerance: Array, doubt: Array) -> Products | None:
    """The sum of functions of one coordinate each that the polynomial may be: its values along the axes, less that at 0."""
    d = len(u.features.factors)
    if d == 1:
        return None
    z = np.random.default_rng(2).uniform(-1, 1, (CHECKS, d))
    middle = u(np.zeros((1, d)))
    total = middle + sum(u(z * axis) - middle for axis in np.eye(d))
    left = np.sqrt(np.mean((u(z) - total) ** 2, 0))
    if (left > doubt).any():
        return None
    factors: list[Array] = []
    for i, axis in enumerate(np.eye(d)):
        size = len(u.features.factors[i])
        nodes = np.cos(np.pi * (np.arange(size) + 0.5) / size)
        values = u(nodes[:, None] * axis) - (middle if i else 0.0)
        rows = np.asarray(np.linalg.solve(chebvander(nodes, size - 1), values).T, dtype=np.float64)  # (m, K)
        tails = np.cumsum(np.abs(rows[:, ::-1]), 1)[:, ::-1]
        factors.append(rows[:, None, : max(2, int((tails > CUT * tolerance[:, None]).any(0).sum()))])
    return Products(tuple(factors), float(left.max()), True)


def _one(u: Polynomial, output: int, tolerance: float) -> tuple[list[Array], float]:
    """The factors (R, K_i) of one output, and what was cut off."""
    index, weights = u.features.indices, u.weights[:, output]
    matrices = [f[:, : index[:, i].max() + 1] for i, f in enumerate(u.features.factors)]
    if index.shape[1] == 1:
        line = matrices[0] @ np.bincount(index[:, 0], weights, minlength=matrices[0].shape[1])
        line[0] += u.mean[output]
        return [_short(line[None], tolerance)], 0.0
    if index.shape[1] == 2:
        core = np.zeros((matrices[0].shape[1], matrices[1].shape[1]))
        core[index[:, 0], index[:, 1]] = weights
        whole = matrices[0] @ core @ matrices[1].T
        whole[0, 0] += u.mean[output]
        left, sizes, right = np.linalg.svd(whole, full_matrices=False)
        rank, lost = _rank(sizes, tolerance)
        root = np.sqrt(sizes[:rank])
        return [_short((left[:, :rank] * root).T, tolerance), _short((right[:rank].T * root).T, tolerance)], lost
    if index.shape[1] == 3:
        core = np.zeros(tuple(m.shape[1] for m in matrices))
        core[tuple(index.T)] = weights
        whole = np.einsum("abc,ia,jb,kc->ijk", core, *matrices, optimize=True)
        whole[0, 0, 0] += u.mean[output]
        found = min((_split(whole, axis, tolerance) for axis in range(3)), key=lambda split: len(split[0][0]))
        if len(found[0][0]) <= MOST_SPLIT:
            return found
    return _alternating(u, output, [len(m) for m in matrices], tolerance)


def _rank(sizes: Array, tolerance: float) -> tuple[int, float]:
    """How many singular values are kept, at least one, and the norm of the others."""
    tails = np.sqrt(np.cumsum(sizes[::-1] ** 2))[::-1]
    rank = max(1, int((tails > tolerance).sum()))
    return rank, float(tails[rank]) if rank < len(tails) else 0.0


def _split(whole: Array, axis: int, tolerance: float) -> tuple[list[Array], float]:
    """Three coordinates: one split off from the pair of the others, and each function of the pair split in turn."""
    front = np.moveaxis(whole, axis, 0)
    left, sizes, right = np.linalg.svd(front.reshape(len(front), -1), full_matrices=False)
    part = tolerance / np.sqrt(2)
    first, lost = _rank(sizes, part)
    rows: list[list[Array]] = [[], [], []]
    for one in range(first):
        a, inner, b = np.linalg.svd(sizes[one] * right[one].reshape(front.shape[1:]), full_matrices=False)
        rank, more = _rank(inner, part / np.sqrt(first))
        lost = float(np.hypot(lost, more))
        root = np.cbrt(inner[:rank, None])
        rows[0].append(np.repeat(left[None, :, one], rank, 0) * root)
        rows[1].append(a[:, :rank].T * root)
        rows[2].append(b[:rank] * root)
    parts = [_short(np.concatenate(r), tolerance) for r in rows]
    others = [i for i in range(3) if i != axis]
    placed = {axis: parts[0], others[0]: parts[1], others[1]: parts[2]}
    return [placed[i] for i in range(3)], lost


def _short(rows: Array, tolerance: float) -> Array:
    """Rows without the last coefficients that together stay below the tolerance."""
    others = np.maximum(np.abs(rows).sum(1, keepdims=True), np.finfo(float).tiny)
    tails = np.cumsum(np.abs(rows[:, ::-1]), 1)[:, ::-1] * others  # a partner in the product is about as large
    kept = max(1, int((tails.max(0) > CUT * tolerance).sum()))
    return rows[:, : max(kept, 2)]


def _alternating(u: Polynomial, output: int, sizes: list[int], tolerance: float) -> tuple[list[Array], float]:
    d = len(sizes)
    generator = np.random.default_rng(0)
    degrees = [_degree(u, output, i, tolerance) for i in range(d)]
    rank, factors, change = 1, [np.zeros((0, k)) for k in degrees], np.inf
    best: tuple[list[Array], float] | None = None
    while True:
        count = max(2000, SAMPLES * rank * max(degrees))
        z = generator.uniform(-1, 1, (count, d))
        z[::2] = np.sin(np.pi / 2 * z[::2])  # crowded at the ends, where polynomials are wild
        values = u(z)[:, output]
        tables = [chebvander(c, k - 1) for c, k in zip(z.T, degrees, strict=True)]
        factors = _widened(factors, rank, degrees, generator)
        for _ in range(SWEEPS):
            before = change
            change = _sweep(factors, tables, values)
            if change <= tolerance or change > STALLED * before:
                break
        if best is None or change < best[1]:
            best = [f.copy() for f in factors], change
        if change <= tolerance or rank >= MOST:
            return best
        rank = min(MOST, max(rank + 1, round(GROWTH * rank)))
        change = np.inf


def _degree(u: Polynomial, output: int, axis: int, tolerance: float) -> int:
    """How many Chebyshev coefficients a coordinate needs, from the polynomial along random lines."""
    size = len(u.features.factors[axis])
    nodes = np.cos(np.pi * (np.arange(size) + 0.5) / size)
    lines = np.repeat(np.random.default_rng(1).uniform(-1, 1, (LINES, 1, len(u.features.factors))), size, 1)
    lines[:, :, axis] = nodes
    values = u(lines.reshape(-1, lines.shape[2]))[:, output].reshape(LINES, size)
    rows = np.abs(np.linalg.solve(chebvander(nodes, size - 1), values.T)).max(1)  # (size,)
    tails = np.cumsum(rows[::-1])[::-1]
    return max(2, int((tails > tolerance).sum()))


def _widened(factors: list[Array], rank: int, degrees: list[int], generator: np.random.Generator) -> list[Array]:
    fresh = [
        0.3 * generator.standard_normal((rank - len(f), k)) / (1 + np.arange(k)) ** 2
        for f, k in zip(factors, degrees, strict=True)
    ]
    fresh = [f + np.eye(1, f.shape[1]) for f in fresh]
    fresh[0] = 1e-3 * fresh[0]  # new products start small, and as nearly constant functions
    return [np.concatenate([f, new]) for f, new in zip(factors, fresh, strict=True)]


def _sweep(factors: list[Array], tables: list[Array], values: Array) -> float:
    """Each coordinate's factors fitted in turn, in place; the root mean square that is left."""
    parts = [t @ f.T for t, f in zip(tables, factors, strict=True)]  # (N, R)
    left = values
    for i, table in enumerate(tables):
        others = np.prod([p for j, p in enumerate(parts) if j != i], axis=0)  # (N, R)
        rows = (others[:, :, None] * table[:, None]).reshape(len(values), -1)
        squares = rows.T @ rows
        scale = np.sqrt(np.maximum(squares.diagonal(), np.finfo(float).tiny))
        squares = squares / scale / scale[:, None]
        squares[np.diag_indices_from(squares)] += SHIFT * len(scale)
        solve = cho_factor(squares, check_finite=False)
        fitted = np.zeros(len(scale))
        for _ in range(2):  # the second time corrects the round-off of the normal equations
            fitted += cho_solve(solve, (rows.T @ (values - rows @ fitted)) / scale, check_finite=False) / scale
        factors[i] = fitted.reshape(factors[i].shape)
        norms = np.maximum(np.linalg.norm(factors[i], axis=1, keepdims=True), np.finfo(float).tiny)
        last = (i + 1) % len(factors)
        factors[i] = factors[i] / norms
        factors[last] = factors[last] * norms
        parts[i], parts[last] = table @ factors[i].T, tables[last] @ factors[last].T
        left = values - rows @ fitted
    return float(np.sqrt(np.mean(left**2)))
