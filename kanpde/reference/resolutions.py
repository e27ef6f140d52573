"""Solving at finer and finer resolutions until two agree: where a reference's statement of its own error comes from."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from kanpde.errors import UnsupportedProblem
from kanpde.problem.types import Problem
from kanpde.reference.compare import fresh_points, relative_differences
from kanpde.reference.types import FLOOR, OutOfTime, Reference

CHECK_POINTS = 2**11
"""Where two resolutions are compared: the difference is smooth in the mean, a few per cent of its norm are enough."""

CHECK_SEED = 77


STALLED = 10
"""How much longer than the level before one may take: more means that it struggles with round-off."""


class Level(NamedTuple):
    """One resolution: polynomial degree and tolerance, or what plays their part."""

    degree: int
    tolerance: float


Attempt = Callable[[Level, Callable[[], bool]], Reference]
"""Solves at one level; raises OutOfTime when the second argument says that time is up."""


def confirm(
    problem: Problem, attempt: Attempt, levels: Sequence[Level], start: float, seconds: float, enough: float = 0.0
) -> Reference:
    """The finest solution that time allows, with its difference from the one before as its error; no finer than ``enough``.

    The difference is the error of the coarser one, so the statement errs on the safe side. OutOfTime if not even two were done.
    """
    points = fresh_points(problem.domain, CHECK_POINTS, CHECK_SEED)
    best: Reference | None = None
    errors: dict[str, float] = {}
    longest = np.inf
    for level in levels:
        begin = clock.perf_counter()
        try:
            finer = attempt(level, partial(_late, min(start + seconds, begin + longest)))
        except OutOfTime:
            break
        except UnsupportedProblem:
            if errors:  # a jump at the start stops the finest levels at round-off: the pair that was done still stands
                break
            raise
        if best is not None:
            errors = {name: max(e, FLOOR) for name, e in relative_differences(best, finer, points).items()}
        best = finer
        longest = max(STALLED * (clock.perf_counter() - begin), 5.0)
        if errors and max(errors.values()) <= enough:
            break
    if best is None or not np.isfinite(list(errors.values()) or np.inf).all():
        raise OutOfTime(f"no two resolutions could be compared within {seconds:g} s (reference.seconds)")
    return replace(best, error=max(errors.values()), errors=errors, seconds=clock.perf_counter() - start)


def _late(deadline: float) -> bool:
    return clock.perf_counter() > deadline
