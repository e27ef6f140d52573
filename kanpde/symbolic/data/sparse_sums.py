"""Sums of a few products of simple functions, under a transform: T(u) = c_0 + c_1 f(s) g(t) + ..., found by regression.

Tens of thousands of products f(s) g(t), of coordinates and of simple combinations of two of them, are compared with the values
under all transforms at once; the best are kept and a further term is looked for in what they leave (orthogonal forward selection:
Chen, Billings & Luo, Int. J. Control 50 (1989), with a beam; the size of the dictionary is in the spirit of SISSO, Ouyang et al.,
Phys. Rev. Materials 2 (2018)). Values that are noisy carry this well: nothing is differentiated, and few numbers are fitted. The
simple constants inside of the functions become numbers once a form is near.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.transforms import TRANSFORMS, Transform, error_weight
from kanpde.symbolic.data.judge import Scatter
from kanpde.symbolic.data.simple_functions import COMBINED, SINGLE, Simple
from kanpde.symbolic.form import Array, Form, Number, compiled, number

SCREENED = 320
"""Points that the products are compared at; the best are fitted to all."""
MOST_TERMS = 3
BEAM = 36
OF_EACH = 3
"""Sums of one transform that are extended in any case: the first term of two may say little."""
BEST = 24
"""Sums that are fitted to all points."""
TOGETHER = 1200
"""Of the simplest products, all pairs are compared."""
OF_BOTH = 6
MOST_COMBINED = 30
"""Combined coordinates; with six coordinates there are more, and the structure has to be simplified before."""
CHUNK = 4096
DEPENDENT = 1e-8
"""Squared sine of the angle between a product and those chosen before, below which it is one of them."""
LARGEST = 1e8
MOST_PRODUCTS = 60_000
TERM_BITS = 9.0
"""What a further term must save at least, as a first guess of its cost."""


@dataclass(frozen=True)
class Atom:
    """A function of a coordinate or of a combination of two."""

    function: Simple
    coordinate: sp.Expr
    of: frozenset[int]


@dataclass(frozen=True)
class Chosen:
    """A sum: the transform and the products (pairs of atoms, the second -1 where there is none)."""

    transform: int
    products: tuple[tuple[int, int], ...]
    misfit: float


@dataclass(frozen=True)
class Target:
    """The values under a transform at the screened points, with weights that bring errors back to those of u."""

    transform: Transform
    sign: int
    values: Array  # (n,)
    weight: Array  # (n,)


def sparse_sums(data: Scatter, budget: Budget) -> Iterator[Form]:
    """Forms T^-1(c_0 + sum of products), the most promising first."""
    n = min(SCREENED, len(data.y))
    picked = np.linspace(0, len(data.y) - 1, n).astype(int)
    atoms, table = _atoms(data, picked)
    pairs = _pairs(atoms)
    targets = _targets(data, picked)
    if not targets or not len(pairs):
        return
    beam = [Chosen(k, (), float(np.sqrt(np.mean((t.weight * t.values) ** 2)))) for k, t in enumerate(targets)]
    known: list[Chosen] = []
    given = 0
    few = _simplest(pairs, atoms)
    for terms in range(1, MOST_TERMS + 1):
        beam = _extended(beam, targets, table, pairs, budget)
        beam += _both(targets, table, few, budget) if terms == 2 else []
        known += beam
        known.sort(key=lambda c: _cost(c, targets, data))
        beam = _diverse(beam)
        for one in [c for c in known[:BEST] if len(c.products) == terms][: BEST // 2]:
            given += 1
            yield _form(data, one, targets, atoms)
        if not budget.left or (beam and beam[0].misfit <= 30 * data.rounding):
            return


def _diverse(beam: Sequence[Chosen]) -> list[Chosen]:
    """The best of all, and the best of each transform."""
    ranked = sorted(beam, key=lambda c: c.misfit)
    kept = ranked[:BEAM]
    for k in {c.transform for c in ranked}:
        kept += [c for c in ranked if c.transform == k][:OF_EACH]
    return list(dict.fromkeys(kept))


def _cost(c: Chosen, targets: Sequence[Target], data: Scatter) -> float:
    left = len(data.y) * np.log2(max(c.misfit, data.level) / data.size)
    return float(left + TERM_BITS * len(c.products) + 4 * targets[c.transform].transform.bits)


def combined(symbols: Sequence[sp.Symbol], x: Array) -> list[tuple[sp.Expr, frozenset[int], bool]]:
    """Combinations of two coordinates: expression, which ones, and whether the order of a difference or quotient is turned."""
    found: list[tuple[sp.Expr, frozenset[int], bool]] = []
    away = [bool((x[:, i] > 0).all() or (x[:, i] < 0).all()) for i in range(len(symbols))]
    for i, j in combinations(range(len(symbols)), 2):
        a, b, of = symbols[i], symbols[j], frozenset((i, j))
        found += [(a * b, of, False), (a - b, of, False), (a + b, of, False), (a**2 + b**2, of, False)]
        if away[j]:
            found.append((a / b, of, False))
        elif away[i]:
            found.append((b / a, of, False))
    return found


def _atoms(data: Scatter, picked: Array) -> tuple[list[Atom], Array]:
    """All atoms that are defined at all points, and their values at the screened ones, (n, A)."""
    atoms: list[Atom] = []
    columns: list[Array] = []
    d = len(data.symbols)
    coordinates = [(s, frozenset((i,)), data.x[:, i], SINGLE) for i, s in enumerate(data.symbols)]
    for expression, of, _ in combined(data.symbols, data.x)[:MOST_COMBINED] if d > 1 else ():
        values = np.asarray(compiled(expression, data.symbols)(*data.points), dtype=float)
        coordinates.append((expression, of, values, COMBINED))
    with np.errstate(all="ignore"):
        for expression, of, values, functions in coordinates:
            for f in functions:
                found = f.numeric(values)
                if np.isfinite(found).all() and np.abs(found).max() < LARGEST and np.ptp(found) > 0:
                    atoms.append(Atom(f, expression, of))
                    columns.append(found[picked])
    return atoms, np.stack(columns, 1) if columns else np.zeros((len(picked), 0))


def _pairs(atoms: Sequence[Atom]) -> Array:  # (P, 2)
    """Single atoms (second index -1), and products of two of different coordinates."""
    found = [(a, -1) for a in range(len(atoms))]
    for b in range(len(atoms)):
        for a in range(b):
            p, q = atoms[a], atoms[b]
            if p.of == q.of:
                continue
            if len(p.of) > 1 and len(q.of) > 1:
                continue
            if p.of & q.of and not (p.function.plain or q.function.plain or len(atoms) < 300):
                continue
            found.append((a, b))
    return np.array(found[:MOST_PRODUCTS], dtype=int).reshape(-1, 2)


def _targets(data: Scatter, picked: Array) -> list[Target]:
    """The values under every transform in whose domain they lie."""
    found = []
    for t in TRANSFORMS:
        for sign in (1, -1) if t.signed else (1,):
            u = sign * data.y
            with np.errstate(all="ignore"):
                v, slope = t.forward(u), np.abs(t.slope(u))
            inside = (u > t.domain[0]).all() and (u < t.domain[1]).all() and np.isfinite(v).all() and np.isfinite(slope).all()
            if not inside or np.abs(v).max() > 1e10 or not np.ptp(v) > 0:
                continue
            weight = error_weight(slope)
            found.append(Target(t, sign, v[picked], weight[picked]))
    return found


def _extended(beam: Sequence[Chosen], targets: Sequence[Target], table: Array, pairs: Array, budget: Budget) -> list[Chosen]:
    """Every sum of the beam with one more term, the best of each."""
    bases, rests, rows = [], [], []
    for c in beam:
        t = targets[c.transform]
        columns = np.stack([np.ones(len(t.values)), *(_product(table, p) for p in c.products)], 1) * t.weight[:, None]
        q = np.linalg.qr(columns)[0]
        rest = t.values * t.weight
        rest = rest - q @ (q.T @ rest)
        rest = rest - q @ (q.T @ rest)
        bases.append(q * t.weight[:, None])
        rests.append(rest)
        rows.append(t.weight**2)
    r = np.stack([rest * targets[c.transform].weight for rest, c in zip(rests, beam, strict=True)])  # (B, n)
    norms = np.stack(rows)  # (B, n)
    stacked = np.concatenate([b.T for b in bases])  # (sum of widths, n)
    edges = np.cumsum([0, *(b.shape[1] for b in bases)])
    keep = 8 if len(beam) < BEAM else 6
    best: list[list[tuple[float, int]]] = [[] for _ in beam]
    for start in range(0, len(pairs), CHUNK):
        block = pairs[start : start + CHUNK]
        phi = table[:, block[:, 0]] * np.where(block[:, 1] >= 0, table[:, block[:, 1]], 1.0)  # (n, C)
        phi = phi / np.sqrt(np.mean(phi**2, axis=0))
        top = r @ phi  # (B, C)
        length = norms @ phi**2
        inside = np.add.reduceat((stacked @ phi) ** 2, edges[:-1], axis=0)
        outside = np.maximum(length - inside, 0.0)
        gain = np.where(outside > DEPENDENT * length, top**2 / np.maximum(outside, 1e-300), 0.0)
        for k in range(len(beam)):
            for c in np.argpartition(-gain[k], min(keep, gain.shape[1] - 1))[:keep]:
                best[k].append((float(gain[k, c]), start + int(c)))
        if not budget.left:
            break
    found: dict[tuple[int, frozenset[tuple[int, int]]], Chosen] = {}
    for k, c in enumerate(beam):
        for _, p in sorted(best[k], reverse=True)[:keep]:
            products = (*c.products, (int(pairs[p, 0]), int(pairs[p, 1])))
            key = (c.transform, frozenset(products))
            if key in found or len(set(products)) < len(products):
                continue
            t = targets[c.transform]
            found[key] = Chosen(c.transform, products, _misfit(t, table, products))
    return sorted(found.values(), key=lambda c: c.misfit)


def _simplest(pairs: Array, atoms: Sequence[Atom]) -> Array:  # (P, 2) -> (S, 2)
    """The products that are shortest to write."""
    length = np.array([*(a.function.length + 2 * (len(a.of) - 1) for a in atoms), 0])
    return pairs[np.argsort(length[pairs[:, 0]] + length[pairs[:, 1]], kind="stable")[:TOGETHER]]


def _both(targets: Sequence[Target], table: Array, few: Array, budget: Budget) -> list[Chosen]:
    """The best sums of two of the simplest products, all pairs compared: the first of two may say nothing by itself."""
    phi = table[:, few[:, 0]] * np.where(few[:, 1] >= 0, table[:, few[:, 1]], 1.0)  # (n, S)
    phi = phi - phi.mean(0)
    phi = phi / np.maximum(np.linalg.norm(phi, axis=0), 1e-300)
    gram = phi.T @ phi  # (S, S)
    independent = 1 - gram**2
    usable = np.triu(independent > DEPENDENT, 1)
    inverse = np.where(usable, 1 / np.maximum(independent, DEPENDENT), 0.0)
    found = []
    for k, t in enumerate(targets):
        if not budget.left:
            break
        v = t.values - t.values.mean()
        b = phi.T @ (v / np.linalg.norm(v))  # (S,)
        squares = (b**2)[:, None] + (b**2)[None, :] - (2 * b[:, None] * b[None, :]) * gram
        squares *= inverse
        for p in np.argpartition(-squares, OF_BOTH, axis=None)[:OF_BOTH]:
            i, j = divmod(int(p), len(few))
            products = tuple((int(a), int(b)) for a, b in few[[i, j]])
            found.append(Chosen(k, products, _misfit(t, table, products)))
    return found


def _product(table: Array, pair: tuple[int, int]) -> Array:
    return table[:, pair[0]] * (table[:, pair[1]] if pair[1] >= 0 else 1.0)


def _misfit(t: Target, table: Array, products: Sequence[tuple[int, int]]) -> float:
    """Root mean square of what is left, in the units of u."""
    columns = np.stack([np.ones(len(t.values)), *(_product(table, p) for p in products)], 1) * t.weight[:, None]
    sizes = np.linalg.norm(columns, axis=0)
    c = np.linalg.lstsq(columns / sizes, t.values * t.weight, rcond=None)[0]
    rest = t.values * t.weight - columns / sizes @ c
    return float(np.sqrt(rest @ rest / max(1, len(rest) - len(c))))


def _form(data: Scatter, c: Chosen, targets: Sequence[Target], atoms: Sequence[Atom]) -> Form:
    """The sum as a form; what it takes for constants inside of functions to become numbers is left to ``opened``."""
    t = targets[c.transform]
    expressions = []
    for a, b in c.products:
        one = atoms[a].function.expression(atoms[a].coordinate)
        expressions.append(one * atoms[b].function.expression(atoms[b].coordinate) if b >= 0 else one)
    columns = np.stack(
        [np.ones(len(data.y)), *(np.asarray(compiled(e, data.symbols)(*data.points), dtype=float) for e in expressions)], 1
    )
    with np.errstate(all="ignore"):
        v, slope = t.transform.forward(t.sign * data.y), np.abs(t.transform.slope(t.sign * data.y))
    weight = error_weight(slope)
    sizes = np.linalg.norm(columns * weight[:, None], axis=0)
    coefficients = np.linalg.lstsq(columns * weight[:, None] / sizes, v * weight, rcond=None)[0] / sizes
    numbers: list[Number] = []
    terms: list[sp.Expr] = []
    for value, e in zip(coefficients, [sp.Integer(1), *expressions], strict=True):
        numbers.append(number(float(value)))
        terms.append(numbers[-1].symbol * e)
    how = f"sum of {len(c.products)} simple functions" if len(c.products) > 1 else "simple function"
    name = "" if t.transform.name == "u" else f"{t.transform.name}: "
    if t.transform.name == "log u":  # exp(c + k log s + f) = e^c s^k exp(f)
        front = number(float(np.exp(coefficients[0])))
        whole: sp.Expr = t.sign * front.symbol
        for n, e in zip(numbers[1:], expressions, strict=True):
            whole *= e.args[0] ** n.symbol if isinstance(e, sp.log) else sp.exp(n.symbol * e)
        return Form(whole, (front, *numbers[1:]), f"{name}{how}")
    return Form(t.sign * t.transform.inverse(sp.Add(*terms)), tuple(numbers), f"{name}{how}")
