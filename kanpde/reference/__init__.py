"""The independent judge: references made by classical methods, and the comparison with them. No torch, no network."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping
from typing import Protocol

from kanpde.errors import UnsupportedProblem
from kanpde.problem.real_form import real_form
from kanpde.problem.types import Problem
from kanpde.reference.compare import compare, fresh_points
from kanpde.reference.exact import exact
from kanpde.reference.finite_elements import finite_elements
from kanpde.reference.harmonic import harmonic
from kanpde.reference.method_of_lines import method_of_lines
from kanpde.reference.proved import proved_formula
from kanpde.reference.spectral import spectral
from kanpde.reference.types import FLOOR, OutOfTime, Reference

REFERENCES: Mapping[str, Callable[[Problem, float], Reference]] = {
    "exact": exact,
    "finite elements": finite_elements,
    "harmonic": harmonic,
    "method of lines": method_of_lines,
    "spectral": spectral,
}
"""Every reference by its name in the file; each takes a problem and a time limit in seconds, and raises UnsupportedProblem."""


ENOUGH = 1e-8
"""The error at which ``auto`` looks for no better reference: what it takes to confirm eight digits of the solver."""


class Section(Protocol):
    """What is read of the method part: ``kanpde.plan.ReferencePlan`` has it."""

    @property
    def method(self) -> str:
        """A key of ``REFERENCES``, ``auto`` or ``none``."""

    @property
    def seconds(self) -> float:
        """The time limit."""


def choose(problem: Problem) -> str:
    """The first of ``candidates``."""
    return candidates(problem)[0]


def candidates(problem: Problem) -> tuple[str, ...]:
    """What ``auto`` tries, in this order: the exact solution, or what suits the domain and the equation.

    Where the conditions change along a side of a box the solution is singular, and polynomials come last.
    """
    if problem.exact and all(f.name in problem.exact for f in problem.fields):
        return ("exact",)
    if problem.domain.time is not None:
        return ("method of lines",) if problem.domain.dimension < 3 else ("spectral",)
    if not problem.domain.is_box:
        return "harmonic", "finite elements"
    if problem.domain.dimension != 2:
        return ("spectral",)
    if any(c.place.predicate is not None for c in problem.conditions if c.kind == "boundary"):
        return "harmonic", "finite elements", "spectral"
    return "spectral", "harmonic", "finite elements"


def reference(problem: Problem, section: Section | str = "auto", seconds: float = 120.0) -> Reference | None:
    """The reference that the method part asks for, or None for ``none``.

    A complex field is judged by its real and imaginary part, under the names that ``real_form`` gives them.
    Raises UnsupportedProblem with the reason where the method, or the one that ``auto`` picks, cannot judge the problem.
    ``seconds`` counts where the section is a word alone.
    """
    method, limit = (section, seconds) if isinstance(section, str) else (section.method, section.seconds)
    if method == "none":
        return None
    if method not in (*REFERENCES, "auto"):
        raise ValueError(f"no reference is called '{method}'; there are: auto, none, {', '.join(REFERENCES)}")
    problem = real_form(problem)
    if method != "auto":
        return REFERENCES[method](problem, limit)
    return _best(problem, limit)


def _best(problem: Problem, limit: float) -> Reference:
    """The first candidate that is good enough, else the best of those that time allows.

    Where none can judge the problem, the reason is that of the first.
    """
    start = clock.perf_counter()
    best: Reference | None = None
    why: UnsupportedProblem | None = None
    for name in candidates(problem):
        left = limit - (clock.perf_counter() - start)
        if best is not None and left < limit / 4:
            break
        try:
            found = REFERENCES[name](problem, left)
        except UnsupportedProblem as reason:
            why = why or reason
            continue
        if best is None or found.error < best.error:
            best = found
        if best.error <= ENOUGH:
            break
    if best is None:
        assert why is not None
        raise why
    return best


__all__ = [
    "FLOOR",
    "REFERENCES",
    "OutOfTime",
    "Reference",
    "choose",
    "compare",
    "exact",
    "finite_elements",
    "fresh_points",
    "harmonic",
    "method_of_lines",
    "proved_formula",
    "reference",
    "spectral",
]
