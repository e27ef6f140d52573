"""The proof that a formula solves a problem: every equation and condition becomes a claim, and every claim is reduced to zero.

The letters of the problem (its named constants) stay letters, positive where their value is. The reduction is exact; a gate of
four points in 60 digits, with the letters at perturbed values, comes first and turns away what is only nearly true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import sympy as sp

from kanpde.errors import KanpdeError
from kanpde.problem.language import write_expression
from kanpde.problem.types import Problem
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.proof.claims import Claim, Unprovable, claim_points, claims, points
from kanpde.symbolic.proof.reduce import QUICK, REWRITINGS
from kanpde.symbolic.proof.twins import twins
from kanpde.symbolic.worker import Worker

__all__ = ["Claim", "Unprovable", "Verdict", "claim_points", "claims", "gate", "points", "prove"]

Verdict = Literal["proved", "verified", "refuted"]

GATE_SECONDS = 5.0
GATE_POINTS = 4
NORMAL_FORM_SECONDS = 15.0
REWRITING_SECONDS = 5.0
"""What one way of rewriting may take: those that succeed on textbook solutions need milliseconds."""
INTEGRAL_SECONDS = 10.0
LONGEST_LINE = 160


def gate(worker: Worker, problem: Problem, stated: Sequence[Claim], perturbed: bool, budget: Budget) -> str:
    """Which claim fails at one of its points, and how; empty if all hold."""
    for claim in stated:
        if claim.expression == 0 and not claim.sign:
            continue
        at = claim_points(problem, claim, perturbed, GATE_POINTS)
        if claim.sign:
            holds = worker.call(budget.at_most(GATE_SECONDS), "has_sign", claim.expression, at, claim.sign)
        else:
            holds = worker.call(budget.at_most(GATE_SECONDS), "vanishes", claim.expression, at)
        if not holds:
            wrong = "has the other sign" if claim.sign else "left - right is not zero"
            return f"{claim.label}: {'could not be evaluated in time' if holds is None else wrong}"
    return ""


def prove(
    worker: Worker, problem: Problem, stated: Sequence[Claim], perturbed: bool, budget: Budget
) -> tuple[Verdict, list[str]]:
    """The verdict on the claims and one numbered line of transcript for each.

    ``verified``: every claim holds at the points to 1e-30, but at least one was not reduced to zero exactly.
    """
    stated = [_integrated(worker, claim, budget) for claim in stated]
    failed = gate(worker, problem, stated, perturbed, budget)
    if failed:
        return "refuted", [failed]
    verdict: Verdict = "proved"
    transcript = []
    for number, claim in enumerate(stated, 1):
        if claim.sign:
            transcript.append(f"{number}. {claim.label}: holds, compared in numbers")
            continue
        how = _reduction(worker, problem, claim, budget)
        if how is None:
            verdict = "verified"
            transcript.append(f"{number}. {claim.label}: below 1e-30 at {GATE_POINTS} points, not reduced to zero")
        else:
            transcript.append(f"{number}. {claim.label}: {_shown(claim.expression)}{how}")
    return verdict, transcript


def _integrated(worker: Worker, claim: Claim, budget: Budget) -> Claim:
    """The claim with its integrals carried out, where that is possible in time."""
    if not claim.expression.has(sp.Integral):
        return claim
    value = worker.call(budget.at_most(INTEGRAL_SECONDS), "integrated", claim.expression)
    return claim if value is None else replace(claim, expression=value)


def _shown(expression: sp.Expr) -> str:
    """What left minus right became, if it is short enough to read."""
    if expression == 0 or sp.count_ops(expression) > LONGEST_LINE // 2:
        return "left - right = 0, "
    try:
        text = write_expression(expression)
    except (TypeError, ValueError, KanpdeError):
        text = str(expression).replace("**", "^")
    return f"left - right = {text} = 0, " if len(text) <= LONGEST_LINE else "left - right = 0, "


def _reduction(worker: Worker, problem: Problem, claim: Claim, budget: Budget) -> str | None:
    """How the expression is zero, or None."""
    if claim.expression == 0:
        return "as it stands"
    put = twins(problem.constants, claim)
    expression = claim.expression.xreplace(put)
    if expression == 0:
        return "as it stands"
    way = worker.call(budget.at_most(NORMAL_FORM_SECONDS), "quickly_zero", expression)
    if way:
        return str(way)
    for name, ends in claim.ranges.items():
        twin = put.get(name, name)
        x = -twin if twin.could_extract_minus_sign() else twin
        if expression.has(x):
            for at in ends:
                value = (at if x == twin else -at).xreplace(put)
                if worker.call(budget.at_most(REWRITING_SECONDS), "constant_and_zero", expression, x, value):
                    return f"its derivative by {name} and its value at {name} = {at} being zero"
    for way in REWRITINGS:
        if way not in QUICK and worker.call(budget.at_most(REWRITING_SECONDS), "rewrites_to_zero", expression, way):
            return way
    return None
