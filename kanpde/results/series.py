"""Values of a series by partial sums: many terms at once as a leading axis, until they no longer count.

A term such as sinh(n pi y)/sinh(n pi) is a quotient of two numbers beyond the range of float64 long before it is small itself.
The hyperbolic functions of a term are therefore written with exponentials of what is left of their arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from kanpde.problem.evaluate import NUMPY, Program

Array = np.ndarray[Any, Any]

MOST_TERMS = 20_000
"""Terms after which a series is cut off: one whose terms fall as 1/n^2 has 4 digits then, as 1/n^4 has 12."""
AT_ONCE = 1 << 21
"""Values that one pass may hold."""
SMALL = 2e-17
"""A pass whose terms are all below this part of the sum is the last."""


def partial_sum(
    series: sp.Sum, arguments: Sequence[sp.Symbol], values: Sequence[Array], most: int = MOST_TERMS
) -> Array:  # values broadcast to (...) -> (...)
    """The sum at points given by the values of ``arguments``; terms beyond the range of float64 count as zero.

    Factors with different arguments are evaluated apart: on a tensor grid a pass is one matrix product.
    """
    indices = [limit[0] for limit in series.limits]
    groups = _groups(stable(series.function), arguments)
    program = Program(groups, [*indices, *arguments], complex_numbers=True)
    shape = np.broadcast_shapes(*(np.shape(v) for v in values)) if values else ()
    given = [np.reshape(v, (1, *(1,) * (len(shape) - np.ndim(v)), *np.shape(v))) for v in values]
    total: Array = np.zeros(shape)
    for numbers in _passes(series, max(16, min(1024, AT_ONCE // max(1, *(v.size for v in given)))), most):
        spread = [n.reshape(-1, *(1,) * len(shape)) for n in numbers]
        with np.errstate(all="ignore"):
            found = [_finite(part, len(numbers[0]), len(shape)) for part in program(NUMPY, [*spread, *given])]
        total = total + _contracted(found, shape)
        sizes = np.prod([np.abs(part).reshape(len(part), -1).max(1) for part in found], axis=0)  # (terms,)
        if sizes.max() <= SMALL * float(np.abs(total).max(initial=0.0)):
            break
    return total


def _groups(term: sp.Expr, arguments: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """The factors of a term, those with the same arguments together."""
    parts: dict[frozenset[sp.Symbol], sp.Expr] = {}
    for factor in sp.Mul.make_args(term):
        key = frozenset(factor.free_symbols & set(arguments))
        parts[key] = parts.get(key, sp.Integer(1)) * factor
    return list(parts.values())


def _finite(values: Array, count: int, dimension: int) -> Array:  # (count, ...) with 1 where nothing varies
    array = np.asarray(values)
    array = np.broadcast_to(array, (count, *array.shape[1:])) if array.ndim else np.full((count, *(1,) * dimension), array)
    return np.where(np.isfinite(array), array, 0.0)


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


def compiled(expression: sp.Expr, arguments: Sequence[sp.Symbol]) -> Any:
    """A function of arrays, one for each argument: the values of an expression that may contain series."""
    sums = sorted(expression.atoms(sp.Sum), key=str)
    outer = [s for s in sums if not any(s is not o and o.has(s) for o in sums)]
    stand_ins: Mapping[sp.Sum, sp.Dummy] = {s: sp.Dummy(f"s{i}") for i, s in enumerate(outer)}
    program = Program([expression.xreplace(stand_ins)], [*arguments, *stand_ins.values()], complex_numbers=True)

    def function(*values: Array) -> Array:
        with np.errstate(all="ignore"):
            known = [*values, *(partial_sum(s, arguments, values) for s in outer)]
            (found,) = program(NUMPY, known)
        shape = np.broadcast_shapes(*(np.shape(v) for v in values))
        return np.broadcast_to(np.asarray(found), shape)

    return function


def with_limited_series(expression: sp.Expr, terms: int) -> sp.Expr:
    """The expression with every infinite series cut off after so many terms."""

    def limited(s: sp.Sum) -> sp.Sum:
        limits = [(n, first, first + terms - 1 if last is sp.oo else last) for n, first, last in s.limits]
        return sp.Sum(s.function, *limits)

    return expression.replace(lambda e: isinstance(e, sp.Sum), limited)
