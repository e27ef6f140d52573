"""The proof that a formula solves a problem: every equation and condition becomes a claim, and every claim is reduced to zero.

The letters of the problem (its named constants) stay letters, positive where their value is. The reduction is exact; a gate of
four points in 45 digits, with the letters at perturbed values, comes first and turns away what is only nearly true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.claims import Claim, Unprovable, claim_points, claims, points
from kanpde.symbolic.reduce import REWRITINGS
from kanpde.symbolic.worker import Worker

__all__ = ["Claim", "Unprovable", "Verdict", "claim_points", "claims", "gate", "points", "positive", "prove"]

Verdict = Literal["proved", "verified", "refuted"]

GATE_SECONDS = 5.0
GATE_POINTS = 4
REWRITING_SECONDS = 5.0
"""What one way of rewriting may take: all that succeed on textbook solutions need less than one second."""
LONGEST_LINE = 160


def positive(problem: Problem) -> dict[sp.Symbol, sp.Symbol]:
    """Positive twins of the letters and coordinates that are positive throughout (an end at zero is a limit).

    A proof over the twins is one for every positive value: sqrt(alpha^2) = alpha.
    """
    names = [name for name, value in problem.constants.items() if value.is_positive]
    names += [symbol(name) for name in problem.coordinates if problem.with_values(problem.limits[name][0]).is_nonnegative]
    return {name: sp.Symbol(name.name, positive=True) for name in names}


def gate(worker: Worker, problem: Problem, stated: Sequence[Claim], perturbed: bool, budget: Budget) -> str:
    """Which claim fails at one of its points, and how; empty if all hold."""
    for claim in stated:
        if claim.expression == 0 and not claim.sign:
            continue
        at = claim_points(problem, claim, perturbed, GATE_POINTS)
        if claim.sign:
            holds = worker.call(budget.at_most(GATE_SECONDS), "has_sign", claim.expression, at, claim.sign)
            if not holds:
                return f"{claim.label}: {'could not be evaluated in time' if holds is None else 'does not hold'}"
            continue
        holds = worker.call(budget.at_most(GATE_SECONDS), "vanishes", claim.expression, at)
        if not holds:
            return f"{claim.label}: {'could not be evaluated in time' if holds is None else 'left - right is not zero'}"
    return ""


def prove(
    worker: Worker, problem: Problem, stated: Sequence[Claim], perturbed: bool, budget: Budget
) -> tuple[Verdict, list[str]]:
    """The verdict on the claims and one line of transcript for each.

    ``verified``: every claim holds at the points to 1e-30, but at least one was not reduced to zero exactly.
    """
    failed = gate(worker, problem, stated, perturbed, budget)
    if failed:
        return "refuted", [failed]
    verdict: Verdict = "proved"
    transcript = []
    twins = positive(problem)
    for claim in stated:
        if claim.sign:
            transcript.append(f"{claim.label}: holds, compared in numbers")
            continue
        how = _reduction(worker, problem, claim.expression.xreplace(twins), twins, budget)
        if how is None:
            verdict = "verified"
            transcript.append(f"{claim.label}: below 1e-30 at {GATE_POINTS} points, not reduced to zero")
        else:
            transcript.append(f"{claim.label}: {_shown(claim.expression)}{how}")
    return verdict, transcript


def _shown(expression: sp.Expr) -> str:
    """What left minus right became, if it is short enough to read."""
    text = str(expression).replace("**", "^")
    return f"left - right = {text} = 0, " if expression != 0 and len(text) <= LONGEST_LINE else "left - right = 0, "


def _reduction(
    worker: Worker, problem: Problem, expression: sp.Expr, twins: Mapping[sp.Symbol, sp.Symbol], budget: Budget
) -> str | None:
    """How the expression is zero, or None."""
    if expression == 0:
        return "as it stands"
    for way in REWRITINGS:
        if worker.call(budget.at_most(REWRITING_SECONDS), "rewrites_to_zero", expression, way):
            return way
    for name in problem.coordinates:
        x = twins.get(symbol(name), symbol(name))
        if expression.has(x):
            for at in problem.limits[name]:
                if worker.call(budget.at_most(REWRITING_SECONDS), "constant_and_zero", expression, x, at.xreplace(dict(twins))):
                    return f"its derivative by {name} and its value at {name} = {at} being zero"
    return None
