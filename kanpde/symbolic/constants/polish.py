"""The open numbers of a form, to forty digits: Gauss-Newton on the equations and conditions of the problem themselves.

The data give a number to eight or ten digits; the claims (every equation and condition with the form put in, zero for the right
numbers) give it to as many as one likes. Then a constant is recognised without doubt, and a form that only resembles the
solution is refuted, because no numbers make its claims zero. At slightly other values of the problem's letters the same form
gives other numbers: so a number becomes a function of the letters.

Residuals are evaluated in mpmath; the Jacobian only steers and is used in double precision: every step then gains about ten
digits. These functions call into sympy and mpmath and run in the worker process.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from kanpde.symbolic.constants.multiprecision import Precise
from kanpde.symbolic.form import Array

DIGITS = 50
SETTLED = 36
"""Digits to which the last step must have gone."""
HOLDS = 34
"""Digits, relative to the largest term, to which every claim must then hold."""
SMALLEST = mp.mpf("1e-10")
"""Terms below this are measured against it: a condition on the boundary may consist of one term that is zero."""
STEPS = 20
DEFICIENT = 1e-11
"""Singular values of the scaled Jacobian below this, relative to the largest, are a direction that nothing determines."""

Ranges = Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]
"""Where each free coordinate of a claim lies; the ends may contain letters."""
Stated = tuple[sp.Expr, Ranges, Sequence[Sequence[sp.Rational]]]
"""A claim, the ranges of its symbols, and places in these ranges (from 0 to 1) where it is made; anywhere if there are none."""
Values = dict[sp.Symbol, Any]
"""mpmath numbers by symbol."""


@dataclass(frozen=True)
class Polished:
    """The numbers at one set of letters; ``fixed`` are exact values chosen for numbers that nothing determines."""

    letters: Values
    numbers: Values
    fixed: Mapping[sp.Symbol, sp.Expr]
    failure: str = ""


@dataclass(frozen=True)
class _System:
    """Claims as functions of coordinates, letters and numbers: the terms of each, so that cancellation can be judged."""

    functions: list[tuple[Precise, list[sp.Symbol], list[dict[sp.Symbol, Any]], bool]]
    letters: list[sp.Symbol]
    unknowns: list[sp.Symbol]

    def residuals(self, letters: Values, numbers: Values) -> tuple[list[Any], list[Any]]:
        """Every claim at every point, and the size of its largest term; complex claims count twice."""
        values, sizes = [], []
        given = [letters[s] for s in self.letters]
        given += [numbers[s] for s in self.unknowns]
        for function, symbols, points, is_complex in self.functions:
            for point in points:
                terms = function([*(point[s] for s in symbols), *given])
                total = mp.fsum(terms)
                size = max((abs(t) for t in terms), default=mp.mpf(0))
                if not mp.isfinite(total) or (mp.im(total) != 0 and not is_complex):
                    raise ValueError("a value that is not real")
                values += [mp.re(total), mp.im(total)] if is_complex else [mp.re(total)]
                sizes += [size, size] if is_complex else [size]
        return values, sizes


def polish(
    stated: Sequence[Stated],
    start: Mapping[sp.Symbol, float],
    letters: Mapping[sp.Symbol, sp.Expr],
    perturbations: Sequence[float] = (0.0, 0.013, -0.021),
) -> list[Polished]:
    """The numbers at the given letters and at perturbed ones (relative changes of about ``perturbations``).

    The list ends at the first failure, whose ``failure`` says what was left; without letters there is one entry.
    """
    found: list[Polished] = []
    unknowns = dict(start)
    fixed: dict[sp.Symbol, sp.Expr] = {}
    claims = [claim for claim in stated if claim[0] != 0]
    for k, size in enumerate(perturbations if letters else (0.0,)):
        with mp.workdps(DIGITS + 10):
            at = _letters(letters, size, k)
            first = {s: mp.mpf(v) for s, v in unknowns.items()} if not found else dict(found[0].numbers)
            for s in fixed:
                first.pop(s, None)
            result = _solve(claims, first, at, fixed, deficient_allowed=not found)
        found.append(result)
        fixed = dict(result.fixed)
        if result.failure:
            break
    return found


def _letters(letters: Mapping[sp.Symbol, sp.Expr], size: float, seed: int) -> Values:
    """The letters as numbers, perturbed by irrational amounts: no rational relation then holds among them by accident."""
    source = random.Random(seed + 1)
    at: Values = {}
    for name, value in letters.items():
        shift = mp.mpf(source.getrandbits(200)) / mp.mpf(2) ** 200
        at[name] = mp.mpf(sp.N(value, DIGITS + 10)) * (1 + mp.mpf(size) * (mp.mpf(1) / 2 + shift))
    return at


def _system(claims: Sequence[Stated], unknowns: Sequence[sp.Symbol], letters: Values) -> _System:
    """Claims compiled, each with its points: enough of them to determine the unknowns."""
    source = random.Random(7)
    count = max(3, math.ceil(2 * (len(unknowns) + 1) / max(1, len(claims))) + 1)
    functions = []
    names = sorted(letters, key=str)
    for expression, ranges, places in claims:
        symbols = [s for s in ranges if expression.has(s)]
        terms = list(sp.Add.make_args(expression))
        function = Precise(terms, [*symbols, *names, *unknowns])
        ends = {s: tuple(_number(e, letters) for e in ranges[s]) for s in symbols}
        points = []
        for _ in range(count if symbols else 1):
            place = source.choice(places) if places else [sp.Rational(source.getrandbits(60) + 1, 2**60) for _ in ranges]
            at = dict(zip(ranges, (mp.mpf(int(f.p)) / int(f.q) for f in place), strict=True))
            points.append({s: ends[s][0] + (ends[s][1] - ends[s][0]) * at[s] for s in symbols})
        functions.append((function, symbols, points, expression.has(sp.I)))
    return _System(functions, names, list(unknowns))


def _number(expression: sp.Expr, letters: Values) -> Any:
    """An end of a range as a number."""
    return mp.mpf(sp.N(expression.xreplace({s: sp.Float(v, DIGITS + 10) for s, v in letters.items()}), DIGITS + 10))


def _solve(
    claims: Sequence[Stated], start: Values, letters: Values, fixed: Mapping[sp.Symbol, sp.Expr], deficient_allowed: bool
) -> Polished:
    """Gauss-Newton from ``start``; numbers that nothing determines are fixed at the nearest simple value."""
    fixed = dict(fixed)
    numbers = dict(start)
    put = [(e.xreplace(fixed), ranges, places) for e, ranges, places in claims]
    system = _system(put, sorted(numbers, key=str), letters)
    inverse: Array | None = None
    exact: list[list[Any]] | None = None
    felt: list[Any] = []  # what a noticeable change of the numbers does to each claim: a single term has no other measure
    scale = _scales(numbers)
    last = math.inf
    for step_number in range(STEPS):
        try:
            r, sizes = system.residuals(letters, numbers)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError, mp.NoConvergence) as error:
            return Polished(letters, numbers, fixed, f"the claims cannot be evaluated: {error}")
        felt = felt or [SMALLEST] * len(r)
        left = max((abs(v) / max(s, f, SMALLEST) for v, s, f in zip(r, sizes, felt, strict=True)), default=mp.mpf(0))
        if not system.unknowns or (left <= mp.mpf(10) ** -HOLDS and last <= 10.0**-SETTLED):
            failure = "" if left <= mp.mpf(10) ** -HOLDS else f"the claims are left at {mp.nstr(left, 2)}"
            return Polished(letters, numbers, fixed, failure)
        if step_number > 1 and last > 0.5:
            break
        if inverse is None or last > 1e-9:
            J = _jacobian(system, letters, numbers, scale, r)
            if J is None or not np.isfinite(J).all():
                break
            felt = [mp.mpf(v) for v in np.abs(J).max(1, initial=0.0)]
            rows = np.array([1 / float(max(s, f, SMALLEST)) for s, f in zip(sizes, felt, strict=True)])
            left_vectors, singular, right = np.linalg.svd(J * rows[:, None], full_matrices=False)
            if len(singular) < len(system.unknowns) or singular[-1] <= DEFICIENT * singular[0]:
                symbol = _undetermined(right[-1], system.unknowns, numbers) if deficient_allowed else None
                if symbol is None:
                    return Polished(letters, numbers, fixed, "the claims do not determine the numbers")
                fixed[symbol] = _simple(numbers.pop(symbol))
                return _solve(claims, numbers, letters, fixed, deficient_allowed)
            inverse = (right.T / singular) @ left_vectors.T * rows  # (q, M)
        step = _apply(inverse, r) if exact is None else _solved(exact, r, [max(s, f) for s, f in zip(sizes, felt, strict=True)])
        change = [s * d for s, d in zip(scale, step, strict=True)]
        for s, d in zip(system.unknowns, change, strict=True):
            numbers[s] -= d
        new = float(max(abs(d) for d in step))
        if not new < 1e3 or (step_number > 5 and new > 0.3 * last and new > 1e-30):
            break
        lost = exact is None and step_number > 1 and new > 1e-5 * last  # numbers hardly told apart: double precision is lost
        if lost or (exact is not None and new > 1e-12):  # again until it is the Jacobian at the numbers themselves
            exact = _columns(system, letters, numbers, scale)
        last = new
    return Polished(letters, numbers, fixed, f"no numbers near make the claims hold (residual {mp.nstr(left, 2)} left)")


def _scales(numbers: Values) -> list[Any]:
    """The size of a noticeable relative change of each number."""
    return [max(abs(numbers[s]), mp.mpf("0.01")) for s in sorted(numbers, key=str)]


def _jacobian(system: _System, letters: Values, numbers: Values, scale: list[Any], r: list[Any]) -> Array | None:  # (M, q)
    """By differences of 1e-15 in sixty digits: good to double precision."""
    h = mp.mpf(10) ** -15
    columns = []
    for s, size in zip(system.unknowns, scale, strict=True):
        try:
            moved, _ = system.residuals(letters, {**numbers, s: numbers[s] + h * size})
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return None
        if len(moved) != len(r):
            return None
        columns.append([float((a - b) / h) for a, b in zip(moved, r, strict=True)])
    return np.array(columns).T


def _columns(system: _System, letters: Values, numbers: Values, scale: list[Any]) -> list[list[Any]]:
    """The Jacobian to thirty digits, as columns: by central differences of 1e-30 in a hundred digits."""
    h = mp.mpf(10) ** -30
    columns = []
    with mp.workdps(100):
        for s, size in zip(system.unknowns, scale, strict=True):
            ahead, _ = system.residuals(letters, {**numbers, s: numbers[s] + h * size})
            behind, _ = system.residuals(letters, {**numbers, s: numbers[s] - h * size})
            columns.append([(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)])
    return columns


def _solved(columns: list[list[Any]], r: list[Any], sizes: list[Any]) -> list[Any]:
    """The least-squares step by the normal equations in a hundred digits."""
    with mp.workdps(100):
        weights = [1 / max(s, SMALLEST) ** 2 for s in sizes]
        weighted = [[w * v for w, v in zip(weights, column, strict=True)] for column in columns]
        normal = mp.matrix([[mp.fdot(a, b) for b in columns] for a in weighted])
        right = mp.matrix([mp.fdot(a, r) for a in weighted])
        return list(mp.lu_solve(normal, right))


def _apply(inverse: Array, r: list[Any]) -> list[Any]:
    """The step in sixty digits: the residual may be far below what a float can hold beside its size."""
    return [mp.fdot((mp.mpf(float(a)) for a in row), r) for row in inverse]


def _undetermined(null: Array, unknowns: list[sp.Symbol], numbers: Values) -> sp.Symbol | None:
    """Of the numbers that may move without any claim noticing, the one nearest to a simple value."""
    free = [s for s, size in zip(unknowns, np.abs(null), strict=True) if size > 0.1 * np.abs(null).max()]
    return min(free, key=lambda s: abs(float(numbers[s]) - float(_simple(numbers[s]))), default=None)


def _simple(value: Any) -> sp.Expr:
    """The simple rational nearest to a number."""
    return sp.Rational(round(float(value) * 12), 12)
