"""The proof that a formula solves a problem: every equation and condition becomes a claim, and every claim is reduced to zero.

The letters of the problem (its named constants) stay letters, positive where their value is. The reduction is exact; a gate of
four points in 45 digits, with the letters at perturbed values, comes first and turns away what is only nearly true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sympy as sp

from kanpde.geometry import Face
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.reduce import REWRITINGS, Point
from kanpde.symbolic.worker import Worker

Verdict = Literal["proved", "verified", "refuted"]

GATE_SECONDS = 5.0
REWRITING_SECONDS = 5.0
"""What one way of rewriting may take: all that succeed on textbook solutions need less than one second."""
LONGEST_LINE = 160


class Unprovable(Exception):
    """The problem has something that the proof does not read yet; the message says what."""


@dataclass(frozen=True)
class Claim:
    """An expression that is zero wherever its symbols lie in their ranges, if the formula is right."""

    label: str
    expression: sp.Expr


def claims(problem: Problem, functions: Mapping[str, sp.Expr]) -> list[Claim]:
    """Every equation, condition and periodicity of the problem with the formula put in, in the order of the file."""
    coordinates = problem.coordinates
    found = [Claim(f"equation {r.text}", r.evaluate(functions, coordinates)) for r in problem.equations]
    for condition in problem.conditions:
        if condition.place.point is not None:
            for residual in condition.residuals:
                value = residual.evaluate(functions, coordinates).xreplace(condition.position)
                found.append(Claim(f"constraint {residual.text}", value))
            continue
        if condition.kind == "constraint":
            raise Unprovable(f"the constraint '{condition.name}' is not read by the proof yet")
        for face in condition.place.faces:
            for residual in condition.residuals:
                value = residual.on_face(face, coordinates).evaluate(functions, coordinates)
                where = _position(problem, face)
                label = f"{condition.kind} {residual.text} at {coordinates[face.axis]} = {where}"
                found.append(Claim(label, value.xreplace({symbol(coordinates[face.axis]): where})))
    for name in problem.domain.periodic:
        found += _periodicity(problem, functions, name)
    return found


def _position(problem: Problem, face: Face) -> sp.Expr:
    return problem.limits[problem.coordinates[face.axis]][(face.side + 1) // 2]


def _periodicity(problem: Problem, functions: Mapping[str, sp.Expr], name: str) -> list[Claim]:
    """Value and derivatives below the order of the equations agree at the two ends."""
    axis = problem.coordinates.index(name)
    order = max((r.order_in(axis) for r in problem.equations), default=1)
    x, (lower, upper) = symbol(name), problem.limits[name]
    found = []
    for field, value in functions.items():
        for k in range(max(1, order)):
            slope = sp.diff(value, x, k) if k else value
            label = f"periodic {field}{'_' + name * k if k else ''} from {name} = {lower} to {upper}"
            found.append(Claim(label, slope.xreplace({x: upper}) - slope.xreplace({x: lower})))
    return found


def points(problem: Problem, perturbed: bool, count: int = 4) -> list[Point]:
    """Fixed, irregular points of the domain with values of the letters: as given, or each off by up to nine percent.

    In time they crowd towards the beginning, where fast modes are still there to be judged.
    """
    result: list[Point] = []
    for k in range(1, count + 1):
        point: dict[sp.Symbol, sp.Expr] = {}
        for i, (name, value) in enumerate(problem.constants.items()):
            shift = sp.Rational((37 * k * (i + 2) + 11 * i) % 89 + 3, 1009) if perturbed else sp.Integer(0)
            point[name] = value * (1 + shift)
        for i, name in enumerate(problem.coordinates):
            lower, upper = (limit.xreplace(point) for limit in problem.limits[name])
            fraction = sp.Rational((271 * k * (2 * i + 1) + 97 * i) % 613 + 17, 647) ** (3 if name == problem.domain.time else 1)
            point[symbol(name)] = lower + (upper - lower) * fraction
        result.append(point)
    return result


def positive(problem: Problem) -> dict[sp.Symbol, sp.Symbol]:
    """Positive twins of the letters and coordinates that are positive throughout (an end at zero is a limit).

    A proof over the twins is one for every positive value: sqrt(alpha^2) = alpha.
    """
    names = [name for name, value in problem.constants.items() if value.is_positive]
    names += [symbol(name) for name in problem.coordinates if problem.with_values(problem.limits[name][0]).is_nonnegative]
    return {name: sp.Symbol(name.name, positive=True) for name in names}


def gate(worker: Worker, stated: Sequence[Claim], at: Sequence[Point], budget: Budget) -> str:
    """Which claim fails at one of the points, and how; empty if all hold."""
    for claim in stated:
        if claim.expression == 0:
            continue
        holds = worker.call(budget.at_most(GATE_SECONDS), "vanishes", claim.expression, list(at))
        if not holds:
            return f"{claim.label}: {'could not be evaluated in time' if holds is None else 'left - right is not zero'}"
    return ""


def prove(
    worker: Worker, problem: Problem, stated: Sequence[Claim], perturbed: bool, budget: Budget
) -> tuple[Verdict, list[str]]:
    """The verdict on the claims and one line of transcript for each.

    ``verified``: every claim holds at the points to 1e-30, but at least one was not reduced to zero exactly.
    """
    at = points(problem, perturbed)
    failed = gate(worker, stated, at, budget)
    if failed:
        return "refuted", [failed]
    verdict: Verdict = "proved"
    transcript = []
    twins = positive(problem)
    for claim in stated:
        how = _reduction(worker, problem, claim.expression.xreplace(twins), twins, budget)
        if how is None:
            verdict = "verified"
            transcript.append(f"{claim.label}: below 1e-30 at {len(at)} points, not reduced to zero")
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
