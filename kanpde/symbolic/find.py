"""From a solution in numbers to a formula with its proof.

Sample the solution where it is smooth, propose forms (``search``), and judge them (``settle``): the first that the equations
themselves accept is the formula. ``problem.exact`` is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import sympy as sp

from kanpde.problem.types import Problem
from kanpde.results.types import Formula
from kanpde.symbolic.boxes import Box, agrees, boxes, one_by_one, sampler_of, scattered_of, spots
from kanpde.symbolic.budget import Budget, Stopwatch
from kanpde.symbolic.form import Form
from kanpde.symbolic.proof.claims import Unprovable, claims
from kanpde.symbolic.rungs.named import named_functions
from kanpde.symbolic.sample import NODES, Sampler
from kanpde.symbolic.search import Source, silent
from kanpde.symbolic.settle import Court, Functions, Settled
from kanpde.symbolic.together import forms_together, parts_of
from kanpde.symbolic.worker import Worker

if TYPE_CHECKING:
    from kanpde.results import Solution

Report = Callable[[str], None]


def find_formula(solution: Solution, seconds: float = 30.0, harvest: bool = True, report: Report = silent) -> Formula:
    """The closed form of a finished solution, or the status "not found", within about ``seconds`` seconds.

    ``harvest``: whether functions that the problem itself names may be tried. ``report`` is told what is looked at.
    """
    problem = solution.problem
    sources = {
        f.name: Source(sampler_of(solution, f.name), spots(problem, scattered_of(solution, f.name))) for f in problem.fields
    }
    return _find(problem, sources, solution.estimate.value, seconds, harvest, report)


def find_in_samples(
    problem: Problem,
    sampler: Sampler | Mapping[str, Sampler],
    error: float | None,
    seconds: float = 30.0,
    harvest: bool = True,
) -> Formula:
    """The closed form of fields given by their values on tensor grids, a sampler each (one alone for a single field).

    ``error`` is the relative error of the values (L2), None if it is not known.
    """
    samplers = sampler if isinstance(sampler, Mapping) else {problem.fields[0].name: sampler}
    sources = {name: Source(s, spots(problem, one_by_one(s))) for name, s in samplers.items()}
    return _find(problem, sources, error, seconds, harvest, silent)


def _find(
    problem: Problem, sources: Mapping[str, Source], error: float | None, seconds: float, harvest: bool, report: Report
) -> Formula:
    """The search with its judges; fields that no formula can have are given up before any call into sympy."""
    budget, watch = Budget(seconds), Stopwatch()
    reason = _unread(problem)
    if reason:
        return Formula("not found", seconds=budget.spent, transcript=(reason,))
    transcript: list[str] = []
    named = named_functions(problem) if harvest else ()

    def holds(given: Functions) -> bool:
        return all(agrees(s.spots, Form(given[name]), (error or 1e-6) * _size(s)) for name, s in sources.items())

    with Worker() as worker:
        court = Court(problem, worker, budget, watch, holds, transcript)
        for box in boxes(problem)[:1]:
            found = _on_box(problem, sources, box, error, court, named, report)
            if found is not None:
                settled, how = found
                functions = _together(problem, settled)
                return Formula(settled.status, functions, budget.spent, settled.transcript, dict(watch.stages), how)
    if not budget.left:
        transcript.append(f"stopped after {seconds:g} seconds")
    return Formula("not found", seconds=budget.spent, transcript=tuple(dict.fromkeys(transcript)), stages=dict(watch.stages))


def _on_box(
    problem: Problem,
    sources: Mapping[str, Source],
    box: Box,
    error: float | None,
    court: Court,
    named: tuple[sp.Expr, ...],
    report: Report,
) -> tuple[Settled, str] | None:
    """The first form that is accepted, and which it was."""
    proposals = forms_together(problem, sources, box, error, court.budget, named, court.transcript, report)
    while True:
        with court.watch("search"):
            forms = next(proposals, None)
        if forms is None:
            return None
        report("proof")
        try:
            found = court.settle(forms)
        except Unprovable as reason:  # of this form; another may have no kinks
            court.transcript.append(str(reason))
            continue
        if found is not None:
            return found, "; ".join(dict.fromkeys(f.how for f in forms.values() if f.how))
        if not court.budget.left:
            return None


def _size(source: Source) -> float:
    """The root mean square of a field, never zero."""
    return source.spots.size or 1.0


def _together(problem: Problem, settled: Settled) -> Functions:
    """The functions as the file declares them: a complex one as it was found, before it was taken apart."""
    result: dict[str, sp.Expr] = {}
    for name, parts in parts_of(problem).items():
        first = settled.functions[parts[0]]
        result[name] = first if len(parts) == 1 else settled.wholes.get(parts[0], first + sp.I * settled.functions[parts[1]])
    return result


def _unread(problem: Problem) -> str:
    """Why the search does not apply to a problem; empty if it does."""
    if any(f.complex or f.parameters for f in problem.fields) or problem.unknowns or problem.parameters:
        return "formulas with unknown constants or parameters are not looked for yet"
    if problem.data is not None:
        return "a solution that follows measurements has no formula to prove"
    if problem.domain.dimension not in NODES:
        return f"formulas are looked for in {min(NODES)} to {max(NODES)} coordinates"
    try:
        claims(problem, {f.name: sp.Integer(0) for f in problem.fields})
    except Unprovable as error:
        return str(error)
    return ""


__all__ = ["find_formula", "find_in_samples"]
