"""Sums of one, two or three atoms of a dictionary, with a straight line: all of them are tried.

With the atoms' Gram matrix the best fit by any two of them is a formula, so that millions of pairs are a few matrix products. The
formula loses half of the digits; the best pairs are then fitted properly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import sympy as sp

from kanpde.symbolic.curves.atoms import Atom, named, table, values
from kanpde.symbolic.curves.fit import Curve, fitted, open_number
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Array
from kanpde.symbolic.view import ACCEPT

POINTS = 80
BLOCK = 256
LARGEST = 1e8
"""Atoms beyond have a pole next to the interval."""
ALIKE = 1e-7
"""1 - cos^2 of the angle between two atoms below which the formula for pairs is rounding error."""
TRIALS = 60
TRIPLES = 400
"""The first atoms of the table, of which also all triples are tried."""
NEARBY = 1e-5
FEW = 2
"""Part of the function that atoms with simple constants may leave, and how often their constants are then set free."""
CHANCE = {1: 15.0, 2: 30.0, 3: 45.0}
"""Bits that the data must have beyond the numbers of a fit: thousands of atoms, millions of pairs and triples were tried."""


def combined(curve: Curve, harvested: Sequence[sp.Expr] = (), most: int = 3) -> Iterator[Form]:
    """Forms c_1 f_1(x) + ... + c_k f_k(x) + d + e x with at most ``most`` (1 to 3) atoms, fewest first."""
    step = max(1, len(curve.nodes) // POINTS)
    x, y = curve.nodes[::step], curve.values[::step]
    atoms = [*named(harvested, curve.symbol), *table()]
    columns, which = _columns(atoms, x)
    line, _ = np.linalg.qr(np.stack([np.ones_like(x), x], 1))  # (n, 2)
    y = y - line @ (line.T @ y)
    size = float(np.linalg.norm(y))
    tolerance = ACCEPT * curve.sigma * np.sqrt(len(x))
    if size <= 10 * tolerance:
        return
    y = y / size
    b = columns.T @ y  # (atoms,)
    limit = max(1.2 * tolerance / size, 1e-13)
    for count in range(1, most + 1):
        if not curve.budget.left or curve.surplus(count + 1) < CHANCE[count]:
            return
        found, attempts = 0, 0
        candidates = [
            (chosen, _left(columns[:, chosen], y)) for chosen in {1: _singles, 2: _pairs, 3: _triples}[count](columns, b)
        ]
        if count == 3 and sum(left <= limit for _, left in candidates) > 1:
            return  # several triples fit: the data cannot tell, and most likely it is none of them
        for chosen, left in candidates:
            if left > max(limit, NEARBY) or (left > limit and attempts == FEW):
                continue
            attempts += left > limit
            members = [atoms[which[k]] for k in chosen]
            form = _form(members, curve) if _needed(members, curve) else None
            if form is not None:
                found += 1
                yield form
            if found == 4:
                break
        if found:
            return


def _columns(atoms: Sequence[Atom], x: Array) -> tuple[Array, Array]:  # (n, k) orthogonal to the line, of size one; (k,)
    raw = values(atoms, x)
    line, _ = np.linalg.qr(np.stack([np.ones_like(x), x], 1))
    usable = np.flatnonzero((np.abs(raw) < LARGEST).all(0))
    raw = raw[:, usable]
    bent = raw - line @ (line.T @ raw)
    sizes = np.linalg.norm(bent, axis=0)
    kept = sizes > 1e-7 * np.linalg.norm(raw, axis=0)
    return bent[:, kept] / sizes[kept], usable[kept]


def _left(columns: Array, y: Array) -> float:  # (n, k), (n,)
    return float(np.linalg.norm(y - columns @ np.linalg.lstsq(columns, y, rcond=1e-14)[0]))


def _singles(columns: Array, b: Array) -> list[list[int]]:
    return [[int(k)] for k in np.argsort(-np.abs(b), kind="stable")[:TRIALS]]


def _pairs(columns: Array, b: Array) -> list[list[int]]:
    """The pairs that come nearest: 1 - (b_i^2 + b_j^2 - 2 g b_i b_j) / (1 - g^2) is what they leave."""
    best: list[tuple[float, int, int]] = []
    for start in range(0, len(b), BLOCK):
        rows = slice(start, min(start + BLOCK, len(b)))
        g = columns[:, rows].T @ columns[:, start:]  # (block, the rest)
        best += _lowest(g, b[rows], b[start:], 1 - g * g, TRIALS, start, start)
        best = sorted(best)[:TRIALS]
    return [[i, j] for _, i, j in best]


def _lowest(
    g: Array, p: Array, q: Array, apart: Array, count: int, i0: int, j0: int, had: float = 0.0
) -> list[tuple[float, int, int]]:
    """The smallest of what pairs leave, with their places; ``had`` is what a third atom explains."""
    with np.errstate(all="ignore"):
        gain = (p[:, None] ** 2 + q**2 - 2 * g * p[:, None] * q) / apart
    gain = np.where((apart > ALIKE) & (np.arange(len(p))[:, None] < np.arange(len(q))), gain, -1.0)
    flat = gain.ravel()
    top = np.argpartition(-flat, min(count, len(flat) - 1))[:count]
    return [(1 - float(flat[k]), i0 + int(k) // len(q), j0 + int(k) % len(q)) for k in top if had + flat[k] > 0.99]


def _triples(columns: Array, b: Array) -> list[list[int]]:
    """The triples that come nearest: pairs of what is left when each atom in turn is projected out."""
    columns, b = columns[:, :TRIPLES], b[:TRIPLES]
    gram = columns.T @ columns
    best: list[tuple[float, int, int, int]] = []
    for i in range(len(b) - 2):
        u = gram[i, i + 1 :]  # (m,)
        size = 1 - u * u
        scale = 1 / np.sqrt(np.maximum(size, ALIKE))
        g = (gram[i + 1 :, i + 1 :] - np.outer(u, u)) * np.outer(scale, scale)
        p = (b[i + 1 :] - u * b[i]) * scale
        apart = np.where((size[:, None] > ALIKE) & (size > ALIKE), 1 - g * g, 0.0)
        worst = best[-1][0] if len(best) == TRIALS else np.inf
        found = [(left - b[i] ** 2, i, j, k) for left, j, k in _lowest(g, p, p, apart, 10, i + 1, i + 1, float(b[i] ** 2))]
        if found and min(found)[0] < worst:
            best = sorted([*best, *found])[:TRIALS]
    return [[i, j, k] for _, i, j, k in best]


def _needed(atoms: Sequence[Atom], curve: Curve) -> bool:
    """Whether each atom, and each two of them, explain more than chance would let some atoms of the table explain."""
    columns = values(atoms, curve.nodes)  # (n, k)
    if not np.isfinite(columns).all():
        return False
    line = np.stack([np.ones_like(curve.nodes), curve.nodes], 1)
    for count in range(1, len(atoms) + 1):
        for removed in combinations(range(len(atoms)), count):
            others = np.delete(columns / np.linalg.norm(columns, axis=0), removed, axis=1)
            if curve.surplus(count, np.concatenate([line, others], 1)) < CHANCE[count]:
                return False
    return True


def _form(atoms: Sequence[Atom], curve: Curve) -> Form | None:
    """The combination with numbers for its simple constants; with the simple ones themselves where the data do not know them.

    Three atoms always have their constants open: where the data do not know these, three of many would fit anything.
    """
    name = " + ".join(str(atom.expression(curve.symbol, None)) for atom in atoms)
    for opened in (True, False) if len(atoms) < 3 else (True,):
        guesses: dict[sp.Dummy, float] = {}
        shapes = [atom.expression(curve.symbol, guesses if opened else None) for atom in atoms]
        plain = np.stack([*values(atoms, curve.nodes).T, np.ones_like(curve.nodes), curve.nodes], 1)
        if not np.isfinite(plain).all():
            return None
        c = np.linalg.lstsq(plain, curve.values, rcond=None)[0]
        shapes += [sp.Integer(1), curve.symbol]
        expression = sp.Add(*(open_number(v, guesses) * shape for v, shape in zip(c, shapes, strict=True)))
        form = fitted(expression, guesses, curve, f"dictionary: {name}")
        if form is not None:
            return form
    return None
