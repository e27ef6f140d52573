"""From a solution in numbers to a formula with its proof.

For each field: sample, find the rank, rotate the family of each coordinate to modes or library functions, recognise the
constants. For all together: choose among equal-looking constants by the equations, and prove. ``problem.exact`` is never
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem
from kanpde.results.types import Formula, FormulaStatus
from kanpde.symbolic.assemble import Form
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.choose import choices
from kanpde.symbolic.prove import Claim, Unprovable, claims, points, prove
from kanpde.symbolic.sample import NODES, Array, Sampler
from kanpde.symbolic.together import Functions, forms_together
from kanpde.symbolic.worker import Worker

if TYPE_CHECKING:
    from kanpde.results import Solution

TEXTBOOK_SECONDS = 4.0


def find_formula(solution: Solution, seconds: float = 30.0) -> Formula:
    """The closed form of a finished solution, or the status "not found", within about ``seconds`` seconds."""
    problem = solution.problem

    def sampler(field: str, *nodes: Array) -> Array:
        grid = np.meshgrid(*nodes, indexing="ij", sparse=True)
        points = dict(zip(map(_keyword, problem.coordinates), grid, strict=True))
        values = solution(**points) if len(problem.fields) == 1 else solution[field](**points)
        return np.asarray(values, dtype=np.float64)

    samplers = {f.name: partial(sampler, f.name) for f in problem.fields}
    return find_in_samples(problem, samplers, solution.estimate.value, seconds)


def _keyword(name: str) -> str:
    """The Python keyword argument of a coordinate: ``lambda`` is written ``lambda_``."""
    import keyword

    return f"{name}_" if keyword.iskeyword(name) else name


def find_in_samples(
    problem: Problem, sampler: Sampler | Mapping[str, Sampler], error: float | None, seconds: float = 30.0
) -> Formula:
    """The closed form of fields given by their values, a sampler each (one alone for a single field).

    ``error`` is the relative error of the values (L2), None if it is not known. Fields that no formula of this kind can have are
    given up before any call into sympy.
    """
    budget = Budget(seconds)
    reason = _unread(problem)
    if reason:
        return Formula("not found", seconds=budget.spent, transcript=(reason,))
    samplers = sampler if isinstance(sampler, Mapping) else {problem.fields[0].name: sampler}
    transcript: list[str] = []
    with Worker() as worker:
        for functions, form in forms_together(problem, samplers, error, budget, transcript):
            found = _settle(problem, functions, form, worker, budget, transcript)
            if found is not None:
                status, expressions, lines = found
                return Formula(status, expressions, budget.spent, tuple(lines))
            if not budget.left:
                transcript.append(f"stopped after {seconds:g} seconds")
                break
    return Formula("not found", seconds=budget.spent, transcript=tuple(dict.fromkeys(transcript)))


def _unread(problem: Problem) -> str:
    """Why the search does not apply to a problem; empty if it does."""
    if any(f.complex or f.parameters for f in problem.fields) or problem.unknowns or problem.parameters:
        return "formulas with unknown constants, parameters or complex values are not looked for yet"
    if problem.data is not None:
        return "a solution that follows measurements has no formula to prove"
    if problem.domain.shape is not None or problem.domain.dimension not in NODES:
        return f"formulas are looked for on boxes in {min(NODES)} to {max(NODES)} coordinates"
    try:
        claims(problem, {f.name: sp.Integer(0) for f in problem.fields})
    except Unprovable as error:
        return str(error)
    return ""


def _settle(
    problem: Problem, functions: Functions, form: Form, worker: Worker, budget: Budget, transcript: list[str]
) -> tuple[FormulaStatus, Functions, list[str]] | None:
    """The fields with their constants chosen and proved: for all values of the letters if possible, else for the given ones."""
    for perturbed in (True, False) if problem.constants else (False,):
        stated = claims(problem, functions)
        for choice in choices(form, stated, problem, perturbed):
            chosen = {name: e.xreplace(choice) for name, e in functions.items()}
            if not perturbed:
                chosen = {name: problem.with_values(e) for name, e in chosen.items()}
            found = _proved(problem, chosen, perturbed, worker, budget)
            if found is None:
                continue
            verdict, written, lines = found
            if verdict == "proved":
                given = bool(problem.constants) and not perturbed
                return ("proved for the given parameters" if given else "proved"), written, lines
            if verdict == "verified" and (perturbed or not problem.constants):
                return "verified numerically", written, lines
            transcript.append(f"{', '.join(f'{name} = {e}' for name, e in chosen.items())}: {lines[0]}")
    return None


def _proved(
    problem: Problem, functions: Functions, perturbed: bool, worker: Worker, budget: Budget
) -> tuple[str, Functions, list[str]] | None:
    """The verdict on expressions for the fields, each in the shortest of its forms that has it."""

    def stated(given: Functions) -> list[Claim]:
        values: Mapping[sp.Symbol, sp.Expr] = {} if perturbed else problem.constants
        return [Claim(c.label, c.expression.xreplace(dict(values))) for c in claims(problem, given)]

    verdict, lines = prove(worker, problem, stated(functions), perturbed, budget)
    if verdict == "refuted":
        return verdict, functions, lines
    written = dict(functions)
    for name, expression in functions.items():
        ways = worker.call(budget.at_most(TEXTBOOK_SECONDS), "forms", expression, points(problem, perturbed)) or [expression]
        for way in ways:
            if way == expression:
                break
            again, retold = prove(worker, problem, stated({**written, name: way}), perturbed, budget)
            if again == verdict:
                written[name], lines = way, retold
                break
    return verdict, written, lines
