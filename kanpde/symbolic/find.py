"""From a solution in numbers to a formula with its proof.

Sample, find the rank, rotate the family of each coordinate to modes or library functions, recognise the constants, choose among
equal-looking ones by the equations, and prove. ``problem.exact`` is never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from kanpde.symbolic.search import search_forms
from kanpde.symbolic.worker import Worker

if TYPE_CHECKING:
    from kanpde.results import Solution

TEXTBOOK_SECONDS = 4.0


def find_formula(solution: Solution, seconds: float = 30.0) -> Formula:
    """The closed form of a finished solution, or the status "not found", within about ``seconds`` seconds."""
    problem = solution.problem

    def sampler(*nodes: Array) -> Array:
        grid = np.meshgrid(*nodes, indexing="ij", sparse=True)
        return np.asarray(solution(**dict(zip(map(_keyword, problem.coordinates), grid, strict=True))), dtype=np.float64)

    return find_in_samples(problem, sampler, solution.estimate.value, seconds)


def _keyword(name: str) -> str:
    """The Python keyword argument of a coordinate: ``lambda`` is written ``lambda_``."""
    import keyword

    return f"{name}_" if keyword.iskeyword(name) else name


def find_in_samples(problem: Problem, sampler: Sampler, error: float | None, seconds: float = 30.0) -> Formula:
    """The closed form of a field given by its values; ``error`` is their relative error (L2), None if it is not known.

    A field that no formula of this kind can have is given up before any call into sympy.
    """
    budget = Budget(seconds)
    reason = _unread(problem)
    if reason:
        return Formula("not found", seconds=budget.spent, transcript=(reason,))
    transcript: list[str] = []
    with Worker() as worker:
        for form in search_forms(problem, sampler, error, budget, transcript):
            found = _settle(problem, form, worker, budget, transcript)
            if found is not None:
                status, expression, lines = found
                return Formula(status, {problem.fields[0].name: expression}, budget.spent, tuple(lines))
            if not budget.left:
                transcript.append(f"stopped after {seconds:g} seconds")
                break
    return Formula("not found", seconds=budget.spent, transcript=tuple(dict.fromkeys(transcript)))


def _unread(problem: Problem) -> str:
    """Why the search does not apply to a problem; empty if it does."""
    if len(problem.fields) != 1:
        return "formulas of several fields are not looked for yet"
    if problem.fields[0].complex or problem.fields[0].parameters or problem.unknowns or problem.parameters:
        return "formulas with unknown constants, parameters or complex values are not looked for yet"
    if problem.data is not None:
        return "a solution that follows measurements has no formula to prove"
    if problem.domain.shape is not None or problem.domain.dimension not in NODES:
        return f"formulas are looked for on boxes in {min(NODES)} to {max(NODES)} coordinates"
    try:
        claims(problem, {problem.fields[0].name: sp.Integer(0)})
    except Unprovable as error:
        return str(error)
    return ""


def _settle(
    problem: Problem, form: Form, worker: Worker, budget: Budget, transcript: list[str]
) -> tuple[FormulaStatus, sp.Expr, list[str]] | None:
    """The form with its constants chosen and proved: for all values of the letters if possible, else for the given ones."""
    name = problem.fields[0].name
    for perturbed in (True, False) if problem.constants else (False,):
        stated = claims(problem, {name: form.expression})
        for choice in choices(form, stated, problem, perturbed):
            expression = form.expression.xreplace(choice)
            if not perturbed:
                expression = problem.with_values(expression)
            found = _proved(problem, name, expression, perturbed, worker, budget)
            if found is None:
                continue
            verdict, written, lines = found
            if verdict == "proved":
                given = bool(problem.constants) and not perturbed
                return ("proved for the given parameters" if given else "proved"), written, lines
            if verdict == "verified" and (perturbed or not problem.constants):
                return "verified numerically", written, lines
            transcript.append(f"{name} = {expression}: {lines[0]}")
    return None


def _proved(
    problem: Problem, name: str, expression: sp.Expr, perturbed: bool, worker: Worker, budget: Budget
) -> tuple[str, sp.Expr, list[str]] | None:
    """The verdict on an expression, in the shortest of its forms that has it."""

    def stated(e: sp.Expr) -> list[Claim]:
        values: Mapping[sp.Symbol, sp.Expr] = {} if perturbed else problem.constants
        return [Claim(c.label, c.expression.xreplace(dict(values))) for c in claims(problem, {name: e})]

    verdict, lines = prove(worker, problem, stated(expression), perturbed, budget)
    if verdict == "refuted":
        return verdict, expression, lines
    ways = worker.call(budget.at_most(TEXTBOOK_SECONDS), "forms", expression, points(problem, perturbed)) or [expression]
    for written in ways:
        if written == expression:
            break
        again, retold = prove(worker, problem, stated(written), perturbed, budget)
        if again == verdict:
            return again, written, retold
    return verdict, expression, lines
