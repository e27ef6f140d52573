"""Values of a series by partial sums: many terms at once as a leading axis, until they no longer count.

A term such as sinh(n pi y)/sinh(n pi) is a quotient of two numbers beyond the range of float64 long before it is small itself.
The hyperbolic functions of a term are therefore written with exponentials of what is left of their arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.evaluate import FORMULAS, Program

Array = np.ndarray[Any, Any]

MOST_TERMS = 20_000
"""Terms after which a series is cut off: one whose terms fall as 1/n^2 has 4 digits then, as 1/n^4 has 12."""
AT_ONCE = 1 << 21
"""Values that one pass may hold."""
SMALL = 2e-17
"""A pass whose terms are all below this part of the sum is the last."""


@dataclass(frozen=True)
class Summed:
    """Values of a formula, and about how much the terms that were left out may add to one of them.

    The tail is infinite where the terms do not fall faster than 1/n, or where one of them has no value.
    """

    values: Array
    tail: float


def partial_sum(
    series: sp.Sum, arguments: Sequence[sp.Symbol], values: Sequence[Array], most: int = MOST_TERMS
) -> Summed:  # values broadcast to (...) -> (...)
    """The sum at points given by the values of ``arguments``; terms beyond the range of float64 count as zero.

    Factors with different arguments are evaluated apart: on a tensor grid a pass is one matrix product.
    """
    indices = [limit[0] for limit in series.limits]
    products = [_groups(stable(product), arguments) for product in _distributed(series.function, set(arguments))]
    programs = [Program(groups, [*indices, *arguments], complex_numbers=True) for groups in products]
    shape = np.broadcast_shapes(*(np.shape(v) for v in values)) if values else ()
    given = [np.reshape(v, (1, *(1,) * (len(shape) - np.ndim(v)), *np.shape(v))) for v in values]
    total: Array = np.zeros(shape)
    bounds: list[Array] = []
    defined = True
    for numbers in _passes(series, max(16, min(1024, AT_ONCE // max(1, *(v.size for v in given)))), most):
        spread = [n.reshape(-1, *(1,) * len(shape)) for n in numbers]
        sizes = np.zeros(len(numbers[0]))  # (terms,)
        for program in programs:
            with np.errstate(all="ignore"):
                raw = [_full(part, len(numbers[0]), len(shape)) for part in program(FORMULAS, [*spread, *given])]
            defined = defined and all(bool(np.isfinite(part).all()) for part in raw)
            found = [np.where(np.isfinite(part), part, 0.0) for part in raw]
            total = total + _contracted(found, shape)
            sizes += np.prod([np.abs(part).reshape(len(part), -1).max(1) for part in found], axis=0)
        bounds.append(sizes)
        if sizes.max() <= SMALL * float(np.abs(total).max(initial=0.0)):
            return Summed(total, 0.0 if defined else np.inf)
    return Summed(total, _tail(series, np.concatenate(bounds)) if defined else np.inf)


def _tail(series: sp.Sum, bounds: Array) -> float:  # (terms,)
    """The sum of what follows, if the terms go on to fall like a power of n; of several indices nothing is said."""
    if all(last is not sp.oo for *_, last in series.limits):
        return 0.0
    count = len(bounds)
    if len(series.limits) > 1 or count < 8:
        return np.inf
    late, early = bounds[3 * count // 4 :].max(), bounds[count // 4 : count // 2].max()
    power = np.log(early / late) / np.log(3) if late > 0 else np.inf
    return float(late * count / (power - 1)) if power > 1.05 else np.inf


def _distributed(term: sp.Expr, coordinates: set[sp.Symbol]) -> list[sp.Expr]:
    """A sum of products; brackets without coordinates stay, and so does every denominator (its exponentials may overflow)."""
    if isinstance(term, sp.Add):
        return [product for part in term.args for product in _distributed(part, coordinates)]
    for factor in sp.Mul.make_args(term):
        if isinstance(factor, sp.Add) and factor.free_symbols & coordinates:
            return [product for part in factor.args for product in _distributed(part * (term / factor), coordinates)]
    return [term]


def _groups(term: sp.Expr, arguments: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """The factors of a term, those with the same arguments together."""
    parts: dict[frozenset[sp.Symbol], sp.Expr] = {}
    for factor in sp.Mul.make_args(term):
        key = frozenset(factor.free_symbols & set(arguments))
        parts[key] = parts.get(key, sp.Integer(1)) * factor
    return list(parts.values())


def _full(values: Array, count: int, dimension: int) -> Array:  # (count, ...) with 1 where nothing varies
    array = np.asarray(values)
    return np.broadcast_to(array, (count, *array.shape[1:])) if array.ndim else np.full((count, *(1,) * dimension), array)


def _contracted(parts: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """The sum over the first axis of the product of the parts, each of which varies along some of the other axes."""
    operands: list[Any] = []
    for part in parts:
        axes = [i for i, n in enumerate(part.shape[1:]) if n > 1]
        operands += [part.reshape(len(part), *(part.shape[1 + i] for i in axes)), [0, *(1 + i for i in axes)]]
    varying = sorted({i for axes in operands[1::2] for i in axes} - {0})
    found = np.einsum(*operands, varying, optimize=True)
    return found.reshape([n if 1 + i in varying else 1 for i, n in enumerate(shape)])


def stable(term: sp.Expr) -> sp.Expr:
    """The term with hyperbolic functions as exponentials that cancel against each other before they overflow."""
    if not term.has(sp.sinh, sp.cosh, sp.sech, sp.csch):
        return term

    def grown(a: sp.Expr) -> sp.Expr:
        return sp.exp(sp.Abs(a))

    rules = {
        sp.cosh: lambda a: grown(a) * (1 + sp.exp(-2 * sp.Abs(a))) / 2,
        sp.sinh: lambda a: sp.sign(a) * grown(a) * (1 - sp.exp(-2 * sp.Abs(a))) / 2,
        sp.sech: lambda a: 2 / grown(a) / (1 + sp.exp(-2 * sp.Abs(a))),
        sp.csch: lambda a: 2 * sp.sign(a) / grown(a) / (1 - sp.exp(-2 * sp.Abs(a))),
    }
    for function, rule in rules.items():
        term = term.replace(function, rule)
    return sp.powsimp(sp.expand_power_base(term), combine="exp")


def _passes(series: sp.Sum, count: int, most: int) -> Iterator[list[Array]]:
    """The values of the indices, a pass of about ``count`` terms at a time; several indices grow together, as a cube does."""
    bounds = [(int(first), None if last is sp.oo else int(last)) for _, first, last in series.limits]
    if len(bounds) == 1:
        (first, last), done = bounds[0], 0
        while done < most and (last is None or first + done <= last):
            end = first + done + count if last is None else min(first + done + count, last + 1)
            numbers = np.arange(first + done, end, dtype=float)
            done += len(numbers)
            yield [numbers]
        return
    side, done, step = 0, 0, max(1, round(count ** (1 / len(bounds))))
    while done < most:
        grown = side + step
        axes = [np.arange(first, first + grown if last is None else min(first + grown, last + 1)) for first, last in bounds]
        grid = [g.ravel().astype(float) for g in np.meshgrid(*axes, indexing="ij")]
        new = np.max([g - first for g, (first, _) in zip(grid, bounds, strict=True)], axis=0) >= side
        if not new.any():
            return
        done += int(new.sum())
        side = grown
        yield [g[new] for g in grid]


def _apart(expression: sp.Expr) -> tuple[sp.Expr, Mapping[sp.Sum, sp.Dummy]]:
    """The expression with a symbol for each series that stands in no other."""
    sums = sorted(expression.atoms(sp.Sum), key=str)
    outer = [s for s in sums if not any(s is not o and o.has(s) for o in sums)]
    stand_ins = {s: sp.Dummy(f"s{i}") for i, s in enumerate(outer)}
    return expression.xreplace(stand_ins), stand_ins


def compiled(expression: sp.Expr, arguments: Sequence[sp.Symbol]) -> Any:
    """A function of arrays, one for each argument: the values of an expression that may contain series."""
    rest, stand_ins = _apart(expression)
    program = Program([rest], [*arguments, *stand_ins.values()], complex_numbers=True)

    def function(*values: Array) -> Array:
        with np.errstate(all="ignore"):
            known = [*values, *(partial_sum(s, arguments, values).values for s in stand_ins)]
            (found,) = program(FORMULAS, known)
        shape = np.broadcast_shapes(*(np.shape(v) for v in values))
        return np.broadcast_to(np.asarray(found), shape)

    return function


def evaluate_series(expression: sp.Expr, symbols: Sequence[sp.Symbol], points: Sequence[Array], most: int = MOST_TERMS) -> Summed:
    """A real expression at points, one array a coordinate, broadcast together, with what its series may be off by.

    NaN, and an infinite tail, where it has functions without a numerical counterpart.
    """
    shape = np.broadcast_shapes(*(p.shape for p in points))
    rest, stand_ins = _apart(expression)
    try:
        sums = [partial_sum(s, symbols, points, most) for s in stand_ins]
        program = Program([rest], [*symbols, *stand_ins.values()], complex_numbers=True)
        with np.errstate(all="ignore"):
            (found,) = program(FORMULAS, [*points, *(s.values for s in sums)])
    except UnsupportedProblem:
        return Summed(np.full(shape, np.nan), np.inf)
    return Summed(np.broadcast_to(np.real(found), shape), sum(s.tail for s in sums))


def with_limited_series(expression: sp.Expr, terms: int) -> sp.Expr:
    """The expression with every infinite series cut off after so many terms."""

    def limited(s: sp.Sum) -> sp.Sum:
        limits = [(n, first, first + terms - 1 if last is sp.oo else last) for n, first, last in s.limits]
        return sp.Sum(s.function, *limits)

    return expression.replace(lambda e: isinstance(e, sp.Sum), limited)
