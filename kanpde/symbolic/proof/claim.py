"""A claim: an expression that is zero where its symbols lie in their ranges; and points at which it may be tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.proof.reduce import Point


class Unprovable(Exception):
    """The problem has something that the proof does not read; the message says what."""


@dataclass(frozen=True)
class Claim:
    """An expression that is zero wherever its symbols lie in their ranges, if the formula is right.

    ``ranges`` are those of its own symbols: coordinates that run, angles on an outline. ``fractions`` are places in these ranges,
    between 0 and 1, where the claim is certainly made. With a ``sign`` of +1 or -1, the expression is to be positive or negative
    instead; it is compared in numbers. ``given``: it was read off at the given letters,
    and other values of them may ask for more.
    """

    label: str
    expression: sp.Expr
    ranges: Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]] = field(default_factory=dict)
    fractions: tuple[tuple[sp.Rational, ...], ...] = ()
    sign: int = 0
    given: bool = False

    def with_values(self, values: Mapping[sp.Symbol, sp.Expr]) -> Claim:
        """The same claim with symbols replaced, such as letters by their values."""
        ranges = {s: (low.xreplace(dict(values)), high.xreplace(dict(values))) for s, (low, high) in self.ranges.items()}
        return replace(self, expression=self.expression.xreplace(dict(values)), ranges=ranges)


def letters_bound(stated: Iterable[Claim]) -> bool:
    """Whether what is stated was read off at the given letters: then no proof from it holds for other values of them."""
    return any(claim.given for claim in stated)


END = sp.Rational(1, 1_000_003)
WHOLE = sp.Rational(3, 4)
"""A claim whose samples cover so much of a range is made up to its ends."""


def claim_points(problem: Problem, claim: Claim, perturbed: bool, count: int = 4, seed: int = 0) -> list[Point]:
    """Fixed, irregular points at which a claim is made; the letters as given, or each off by up to nine percent."""
    if not claim.fractions:
        return points(problem, perturbed, count)
    result: list[Point] = []
    for k in range(1 + seed * count, 1 + seed * count + count):
        point = _letters(problem, perturbed, k)
        row = claim.fractions[(7 * k + 3) % len(claim.fractions)]
        for (name, (lower, upper)), fraction in zip(claim.ranges.items(), row, strict=True):
            low, high = lower.xreplace(point), upper.xreplace(point)
            point[name] = low + (high - low) * fraction
        result.append(point)
    places = [row[0] for row in claim.fractions] if len(claim.ranges) == 1 else []
    if places and max(places) - min(places) > WHOLE:  # near the ends, where the wrong branch of a root or an arc begins
        ((name, (lower, upper)),) = claim.ranges.items()
        for k, fraction in enumerate((END, 1 - END)):
            point = _letters(problem, perturbed, k + 1)
            low, high = lower.xreplace(point), upper.xreplace(point)
            result.append({**point, name: low + (high - low) * fraction})
    return result


def points(problem: Problem, perturbed: bool, count: int = 4) -> list[Point]:
    """Fixed, irregular points of the box around the domain; the letters as given, or each off by up to nine percent.

    In time they crowd towards the beginning, where fast modes are still there to be judged.
    """
    result: list[Point] = []
    for k in range(1, count + 1):
        point = _letters(problem, perturbed, k)
        for i, name in enumerate(problem.coordinates):
            lower, upper = (limit.xreplace(point) for limit in problem.limits[name])
            fraction = sp.Rational((271 * k * (2 * i + 1) + 97 * i) % 613 + 17, 647) ** (3 if name == problem.domain.time else 1)
            point[symbol(name)] = lower + (upper - lower) * fraction
        result.append(point)
    return result


def _letters(problem: Problem, perturbed: bool, k: int) -> dict[sp.Symbol, sp.Expr]:
    shifts = [sp.Rational((37 * k * (i + 2) + 11 * i) % 89 + 3, 1009) if perturbed else 0 for i in range(len(problem.constants))]
    return {name: value * (1 + shift) for (name, value), shift in zip(problem.constants.items(), shifts, strict=True)}
