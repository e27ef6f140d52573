"""Expressions that fit a field's samples, the likeliest first.

Everything here is numpy on a few thousand values. A field without a formula of this kind leaves after the rank, or as soon as a
coordinate's edges are neither modes nor in the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.assemble import Form, forms
from kanpde.symbolic.basis import Basis
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.constants import Constants
from kanpde.symbolic.library import library_basis
from kanpde.symbolic.modes import MOST_MODES, modal_bases
from kanpde.symbolic.sample import Family, Sampler, Samples, family, sample

MOST_RANK = 7
"""Products beyond which a field is given up: a shock has more at any useful noise, and no textbook prints eight terms."""
LEVELS = (1.0, 10.0, 0.1)
"""Factors on the noise: an error estimate may be wrong by as much, and the proof forgives a wrong guess."""
EARLY = (1.0, 1 / 8, 1 / 64)
"""Parts of the time interval that are sampled: what decays fast is only seen early."""
FEW_MODES = 3
"""Modes beyond two for each function of a family (a sine and a cosine) that are tried before the library."""
BASES_A_COORDINATE = 2
"""Bases that are tried for one coordinate: x^2 + 1 is a polynomial in x and in x^2."""


def search_forms(
    problem: Problem, sampler: Sampler, error: float | None, budget: Budget, transcript: list[str]
) -> Iterator[Form]:
    """Forms of the field, over parts of the time interval and guesses of the noise; why there is none goes to the transcript."""
    bounds = [(float(lower), float(upper)) for lower, upper in problem.domain.bounds]
    size = _size(sampler, bounds)
    if size <= (error or 0.0) * size:
        yield Form(sp.Integer(0), ())
        return
    sigma = None if error is None else error * size
    constants = _constants(problem)
    symbols = [symbol(name) for name in problem.coordinates]
    time = problem.domain.time_axis
    seen: set[str] = set()
    for part in EARLY if time is not None else EARLY[:1]:
        box = [(a, a + part * (b - a)) if i == time else (a, b) for i, (a, b) in enumerate(bounds)]
        samples = sample(sampler, box, sigma)
        hopeful = False
        for level in LEVELS if part == 1.0 else LEVELS[:1]:
            if not budget.left:
                return
            noise = level * samples.sigma
            families = [family(samples, axis, noise) for axis in range(len(box))]
            most = max(f.rank for f in families)
            if not 1 <= most <= MOST_RANK:
                transcript.append(f"rank {most} at noise {noise:.1e}: no sum of one to {MOST_RANK} products")
                continue
            failed: list[int] = []
            for bases in _bases(samples, families, noise, budget, failed):
                for form in forms(samples, families, bases, symbols, constants, noise):
                    key = str([form.expression, *([a.expression for a in p.alternatives] for p in form.placeholders)])
                    if key not in seen:
                        seen.add(key)
                        yield form
            hopeful |= all(axis == time for axis in failed)
            for axis in failed:
                edges = f"{families[axis].rank} edge{'s' if families[axis].rank > 1 else ''} of {problem.coordinates[axis]}"
                transcript.append(f"the {edges} are neither modes nor in the library, at noise {noise:.1e}")
        if not hopeful:
            return  # at earlier times the families in space only grow


def _size(sampler: Sampler, bounds: list[tuple[float, float]]) -> float:
    """The root mean square of the field."""
    return sample(sampler, bounds, None).size


def _constants(problem: Problem) -> Constants:
    """The recogniser with the letters that the problem's equations and conditions contain."""
    residuals = [*problem.equations, *(r for c in problem.conditions for r in c.residuals)]
    used = set().union(*(r.expression.free_symbols for r in residuals))
    return Constants({name: value for name, value in problem.constants.items() if name in used})


def _bases(
    samples: Samples, families: list[Family], noise: float, budget: Budget, failed: list[int]
) -> Iterator[list[list[Basis]]]:
    """Bases for every coordinate: modes, or the library where there are none. First one a coordinate, then more, if need be.

    A coordinate that has neither is put into ``failed``, and nothing is yielded.
    """
    searches: list[Iterator[Basis]] = []
    found: list[list[Basis]] = []
    for number, (member, axis) in enumerate(zip(families, samples.axes, strict=True)):
        few = min(2 * member.rank + FEW_MODES, MOST_MODES)
        search = modal_bases(member.values, axis, noise, range(1, few + 1))
        first = next(search, None)
        if first is None and budget.left:
            first = library_basis(member.values, axis, noise)
        if first is None and budget.left:
            search = modal_bases(member.values, axis, noise, range(few + 1, MOST_MODES + 1))
            first = next(search, None)
        if first is None:
            failed.append(number)
            return
        searches.append(search)
        found.append([first])
    yield found
    for search, options in zip(searches, found, strict=True):
        options += islice(search, BASES_A_COORDINATE - 1)
    if any(len(options) > 1 for options in found):
        yield found
