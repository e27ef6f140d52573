"""Where a function has a kink or a jump: the places that the problem itself names, and those that the samples show.

A break is seen by growing a window of nodes until no polynomial fits it any more. Between the two nodes it lies where the
polynomials of both sides meet (a kink), or somewhere (a jump), and is one of few simple numbers in either case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from kanpde.problem.jumps import inside_symbol, switches
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.sample import Array

DEGREE = 12
"""Of the polynomials on either side: what half the nodes can carry without blowing up the noise."""
FEWEST = 16
"""Nodes of a piece: fewer than DEGREE + 4 are fitted by anything."""
MOST = 6
"""Breaks along one coordinate; more are no piecewise formula but a function that the polynomials do not resolve."""
DENOMINATOR = 64
NEAR = 1e-5
"""Part of the width within which a kink is one of the simple numbers."""


@dataclass(frozen=True)
class Break:
    """A place of one coordinate: its value, exactly where it is known, and the index of the first node to its right."""

    value: float
    exact: sp.Expr | None
    index: int


def named_breaks(problem: Problem) -> dict[str, list[sp.Expr]]:
    """The places of each coordinate at which the problem's own equations and conditions switch, exactly, with its letters."""
    coordinates = {symbol(name) for name in problem.coordinates}
    known = coordinates | set(problem.constants)
    found: dict[str, list[sp.Expr]] = {name: [] for name in problem.coordinates}
    residuals = [*problem.equations, *(r for c in problem.conditions for r in c.residuals)]
    for switch in {s: None for r in residuals for s in switches(r.expression, known)}:
        own = switch.free_symbols & coordinates
        if inside_symbol(switch) or len(own) != 1:
            continue
        (x,) = own
        if not switch.is_polynomial(x) or sp.degree(switch, x) > 2:
            continue
        for root in sp.roots(sp.Poly(switch, x)):
            if problem.with_values(root).is_real and root not in found[x.name]:
                found[x.name].append(root)
    return found


def breaks(
    nodes: Array,  # (n,)
    values: Array,  # (n, m): functions of the coordinate, all with the same breaks
    noise: float,
    candidates: Sequence[tuple[float, sp.Expr]] = (),
) -> list[Break] | None:
    """The kinks and jumps along a coordinate, from left to right; None if there are none, or too many to be kinks and jumps."""
    starts = _starts(nodes, values, noise)
    if not starts or len(starts) > MOST:
        return None
    edges = [0, *starts, len(nodes)]
    fits = [_polynomial(nodes[a:b], values[a:b]) for a, b in pairwise(edges)]
    found = []
    for k, index in enumerate(starts):
        lower, upper = float(nodes[index - 1]), float(nodes[index])
        meeting = _meeting(fits[k], fits[k + 1], lower, upper)
        slack = (upper - lower) / 2 if meeting is None else NEAR * float(nodes[-1] - nodes[0])
        value = (lower + upper) / 2 if meeting is None else meeting
        exact = simple_number(value, slack, candidates)
        found.append(Break(value if exact is None else float(sp.N(_number(exact, candidates), 17)), exact, index))
    return found


def _number(exact: sp.Expr, candidates: Sequence[tuple[float, sp.Expr]]) -> sp.Expr:
    """The value of a place that may have letters in it."""
    return next((sp.Float(value, 17) for value, expression in candidates if expression == exact), exact)


def simple_number(value: float, slack: float, candidates: Sequence[tuple[float, sp.Expr]] = ()) -> sp.Expr | None:
    """The simplest number near a value: one that the problem names, a rational, or a rational multiple of pi; None if none is."""
    near = [(abs(number - value), expression) for number, expression in candidates if abs(number - value) <= slack]
    if near:
        return min(near, key=lambda pair: pair[0])[1]
    options: list[tuple[int, sp.Expr]] = []
    for unit, expression, penalty in ((1.0, sp.Integer(1), 0), (np.pi, sp.pi, 2)):
        for denominator in range(1, DENOMINATOR + 1):
            numerator = round(value / unit * denominator)
            if abs(numerator * unit / denominator - value) <= slack:
                fraction = Fraction(numerator, denominator)
                cost = penalty + denominator + abs(numerator) // 8
                options.append((cost, sp.Rational(fraction.numerator, fraction.denominator) * expression))
                break
    return min(options, key=lambda pair: pair[0])[1] if options else None


def _starts(nodes: Array, values: Array, noise: float) -> list[int]:
    """The first node of every piece but the first: where the window that began at the last break stops to be a polynomial."""
    found: list[int] = []
    start = 0
    while len(found) <= MOST:
        if _fits(nodes[start:], values[start:], noise):
            return found
        low, high = FEWEST, len(nodes) - start  # the window of low nodes may fit, that of high ones does not
        if high <= low or not _fits(nodes[start : start + low], values[start : start + low], noise):
            return [*found, *range(MOST + 1)]  # not even a short window fits: no piecewise formula
        while high - low > 1:
            middle = (low + high) // 2
            if _fits(nodes[start : start + middle], values[start : start + middle], noise):
                low = middle
            else:
                high = middle
        start += low
        if len(nodes) - start < FEWEST:
            return [*found, *range(MOST + 1)]
        found.append(start)
    return found


def _polynomial(nodes: Array, values: Array) -> tuple[float, float, Array]:  # -> middle, half width, (k, m) coefficients
    middle, half = (nodes[0] + nodes[-1]) / 2, (nodes[-1] - nodes[0]) / 2
    vandermonde = chebyshev.chebvander((nodes - middle) / half, min(DEGREE, len(nodes) - 4))
    return float(middle), float(half), np.asarray(np.linalg.lstsq(vandermonde, values, rcond=None)[0], dtype=np.float64)


def evaluate(fit: tuple[float, float, Array], x: Array) -> Array:  # (N,) -> (N, m)
    """The values of a polynomial of one piece."""
    middle, half, coefficients = fit
    return np.asarray(chebyshev.chebvander((x - middle) / half, len(coefficients) - 1) @ coefficients)


def _fits(nodes: Array, values: Array, noise: float) -> bool:
    residual = evaluate(_polynomial(nodes, values), nodes) - values
    return bool(np.sqrt(np.mean(residual**2)) <= 3 * noise)


def _meeting(left: tuple[float, float, Array], right: tuple[float, float, Array], lower: float, upper: float) -> float | None:
    """Where the functions of both sides meet between two nodes; None if they do not."""
    beyond = upper - lower
    x = np.linspace(lower - beyond / 100, upper + beyond / 100, 201)
    gap = evaluate(left, x) - evaluate(right, x)  # (201, m)
    gap = gap[:, np.abs(gap[-1] - gap[0]).argmax()]
    changes = np.flatnonzero(np.sign(gap[:-1]) != np.sign(gap[1:]))
    if len(changes) != 1:
        return None
    k = int(changes[0])
    return float(x[k] - gap[k] * (x[k + 1] - x[k]) / (gap[k + 1] - gap[k]))


def refitted(nodes: Array, values: Array, targets: Array) -> Array:  # (n,), (n, m), (N,) -> (N, m)
    """The function of one piece at other nodes of it, as the polynomial that fits it."""
    return evaluate(_polynomial(nodes, values), targets)
