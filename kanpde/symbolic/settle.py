"""From a form with open numbers to a formula with a status: polish, identify, prove.

The numbers go to forty digits by the equations themselves, at the given letters and at perturbed ones; exact constants take their
place; and what results is proved claim by claim, then written as a textbook would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy as sp

from kanpde.problem.types import Problem
from kanpde.results.types import FormulaStatus
from kanpde.symbolic.budget import Budget, Stopwatch
from kanpde.symbolic.constants.polish import Polished
from kanpde.symbolic.form import Form, Number
from kanpde.symbolic.fourier.series_proof import prove_series
from kanpde.symbolic.proof.claims import Claim, Unprovable, claims, letters_bound, points
from kanpde.symbolic.proof.exact_shapes import exact_domain
from kanpde.symbolic.proof.prove import prove
from kanpde.symbolic.rungs.piecewise import shorten
from kanpde.symbolic.worker import Worker

POLISH_SECONDS = 20.0
IDENTIFY_SECONDS = 10.0
UNDETERMINED_SECONDS = 10.0
TEXTBOOK_SECONDS = 4.0
SWITCHES = (sp.Piecewise, sp.Abs, sp.Heaviside, sp.sign, sp.Max, sp.Min)
MOST_PROOFS = 3
"""Choices of constants that are tried where several agree with the same forty digits."""

Functions = Mapping[str, sp.Expr]


@dataclass(frozen=True)
class Settled:
    """A formula for every field, its status, and how each claim was reduced to zero.

    ``wholes`` are the complex expressions whose parts the functions are, by the name of the part.
    """

    status: FormulaStatus
    functions: Functions
    transcript: tuple[str, ...]
    wholes: Functions = field(default_factory=dict)


@dataclass
class Court:
    """Everything that judges a form: the problem, the worker process, the time, and what was turned away."""

    problem: Problem
    worker: Worker
    budget: Budget
    watch: Stopwatch
    holds: Callable[[Functions], bool]  # whether exact functions agree with the solution everywhere
    transcript: list[str] = field(default_factory=list)

    @cached_property
    def letters(self) -> dict[sp.Symbol, sp.Expr]:
        """The named constants that equations, conditions, or the domain of the problem contain."""
        residuals = [*self.problem.equations, *(r for c in self.problem.conditions for r in c.residuals)]
        used: set[sp.Basic] = set().union(*(r.expression.free_symbols for r in residuals))
        used |= exact_domain(self.problem).letters
        return {name: value for name, value in self.problem.constants.items() if name in used}

    @property
    def _sizes(self) -> dict[sp.Expr, sp.Expr]:
        """|sigma| is sigma where the letter is positive, as it is in the proof."""
        return {sp.Abs(s): s for s, value in self.problem.constants.items() if value.is_positive}

    def settle(self, forms: Mapping[str, Form]) -> Settled | None:
        """The formula that forms of all fields lead to, or None; why not goes to the transcript."""
        if any(form.expression.has(sp.Sum) for form in forms.values()):
            with self.watch("proof"):
                return self._series({name: form.expression for name, form in forms.items()})
        numbers = {n.symbol: n for form in forms.values() for n in form.numbers}
        equal = _equal(list(numbers.values()))
        ways = [equal, {}] if equal else [{}]  # fewer numbers are better determined, if the guess is right
        tried = [(way, *self._polished(forms, way, numbers)) for way in ways[:1]]
        if ways[1:] and (not tried[0][2] or any(p.failure for p in tried[0][2])):
            tried.append((ways[1], *self._polished(forms, ways[1], numbers)))
        for perturbed in (True, False) if self.letters else (False,):
            for way, stated, polished in tried:
                if numbers and (not polished or any(p.failure for p in (polished if perturbed else polished[:1]))):
                    continue  # no such formula, or none at other values of the letters
                found = self._exact(forms, way, stated, polished if perturbed else polished[:1], perturbed)
                if found is not None:
                    return found
        reason = next((p[0].failure for _, _, p in tried[-1:] if p and p[0].failure), "no answer in time")
        if numbers and not any(p and not p[0].failure for _, _, p in tried):
            self.transcript.append(f"{_shown(forms)}: {reason}")
        return None

    def _polished(
        self, forms: Mapping[str, Form], equal: Mapping[sp.Symbol, sp.Symbol], numbers: Mapping[sp.Symbol, Number]
    ) -> tuple[list[Claim], list[Polished]]:
        """The claims, and the numbers to forty digits at all sets of letters, some numbers being put equal to others."""
        stated = claims(self.problem, {name: form.expression.xreplace(dict(equal)) for name, form in forms.items()}, moving=True)
        if not numbers:
            return stated, []
        with self.watch("polish"):
            start = {s: n.value for s, n in numbers.items() if s not in equal}
            given = [(c.expression, dict(c.ranges), c.fractions) for c in stated if not c.sign]
            found = self.worker.call(self.budget.at_most(POLISH_SECONDS), "polish", given, start, self.letters)
        return stated, found or []

    def _exact(
        self,
        forms: Mapping[str, Form],
        equal: Mapping[sp.Symbol, sp.Symbol],
        stated: Sequence[Claim],
        sets: Sequence[Polished],
        perturbed: bool,
    ) -> Settled | None:
        """The first choice of exact constants that is proved; none for all letters if branches were taken at the given ones."""
        if perturbed and letters_bound(stated):
            return None
        with self.watch("polish"):
            choices = self._constants(stated, sets, perturbed) if sets else [{}]
        for choice in choices[:MOST_PROOFS]:
            put = {**choice, **{s: choice[other] for s, other in equal.items() if other in choice}}
            values = dict(self._sizes) if perturbed else {**self._sizes, **self.problem.constants}

            def final(
                e: sp.Expr, put: Mapping[sp.Symbol, sp.Expr] = put, values: Mapping[sp.Symbol, sp.Expr] = values
            ) -> sp.Expr:
                return _without_poles(e.xreplace(dict(put))).xreplace(dict(values))

            with self.watch("proof"):
                found = self._judged({name: final(form.expression) for name, form in forms.items()}, perturbed)
            if found is not None:
                wholes = {name: final(form.whole) for name, form in forms.items() if form.whole is not None}
                return replace(found, wholes={name: self._shortest(e, perturbed) for name, e in wholes.items()})
        return None

    def _shortest(self, expression: sp.Expr, perturbed: bool) -> sp.Expr:
        """The textbook form of a complex expression, whose parts are proved: it is equal at points to 30 digits."""
        at = points(self.problem, perturbed)
        ways = self.worker.call(self.budget.at_most(TEXTBOOK_SECONDS), "forms", expression, at) or [expression]
        shortest: sp.Expr = ways[0]
        return shortest

    @property
    def _letters_in_switches(self) -> bool:
        """Whether a case distinction of the problem, such as max(x, a), depends on a letter."""
        residuals = [*self.problem.equations, *(r for c in self.problem.conditions for r in c.residuals)]
        switches = set().union(*(r.expression.atoms(*SWITCHES) for r in residuals))
        return any(s.free_symbols & set(self.letters) for s in switches)

    def _series(self, functions: Functions) -> Settled | None:
        """The status of Fourier series, which have no open numbers and a proof of their own."""
        bound = self._letters_in_switches  # whose branches the series takes at the given values
        for perturbed in (False,) if bound else (True, False) if self.letters else (True,):
            found = prove_series(self.problem, functions, self.worker, self.budget, perturbed)
            if found is not None and found[0] == "proved":
                status: FormulaStatus = "proved" if perturbed else "proved for the given parameters"
                return Settled(status, functions, tuple(found[1]))
            if found is not None and found[0] == "verified" and perturbed:
                return Settled("verified numerically", functions, tuple(found[1]))
        self.transcript.append(f"{_written(functions)}: a series that was not proved")
        return None

    def _constants(self, stated: Sequence[Claim], sets: Sequence[Polished], perturbed: bool) -> list[dict[sp.Symbol, sp.Expr]]:
        """Exact constants for the open numbers, the cheapest first; empty if a number remains a number."""
        values = {s: [p.numbers[s] for p in sets] for s in sets[0].numbers}
        letters = {s: [p.letters[s] for p in sets] for s in self.letters} if perturbed else {}
        found: Any = self.worker.call(self.budget.at_most(IDENTIFY_SECONDS), "identify", values, letters, len(sets))
        if found is None:
            return []
        choice = {s: constants[0].expression for s, constants in found.items() if constants} | dict(sets[0].fixed)
        missing = [s for s, constants in found.items() if not constants]
        if missing:
            solved = self._undetermined(stated, choice, {s: values[s][0] for s in missing}, perturbed)
            if solved is None:
                listed = ", ".join(f"{float(values[s][0]):.15g}" for s in missing)
                self.transcript.append(f"numbers without an exact form: {listed}")
                return []
            choice |= solved
        choices = [choice]
        for s, constants in found.items():
            choices += [{**choice, s: c.expression} for c in constants[1:]]
        return choices

    def _undetermined(
        self, stated: Sequence[Claim], known: Mapping[sp.Symbol, sp.Expr], missing: Mapping[sp.Symbol, Any], perturbed: bool
    ) -> dict[sp.Symbol, sp.Expr] | None:
        """What is left, solved from the claims."""
        put = [c.with_values(known if perturbed else {**known, **self.problem.constants}) for c in stated if not c.sign]
        solved: dict[sp.Symbol, sp.Expr] | None = self.worker.call(
            self.budget.at_most(UNDETERMINED_SECONDS), "undetermined", put, dict(missing), self.letters
        )
        return solved

    def _judged(self, functions: Functions, perturbed: bool) -> Settled | None:
        """The status of exact functions: proved for all letters, for the given ones, verified, or nothing."""
        if not self.holds({name: self.problem.with_values(e) for name, e in functions.items()}):
            self.transcript.append(f"{_written(functions)}: not the solution in the whole domain")
            return None
        if perturbed and letters_bound(claims(self.problem, functions)):
            return None  # the pass with the given letters comes next
        verdict, written, lines = self._proved(functions, perturbed)
        if verdict == "proved":
            given = bool(self.letters) and not perturbed
            return Settled("proved for the given parameters" if given else "proved", written, tuple(lines))
        if verdict == "verified" and (perturbed or not self.letters):
            return Settled("verified numerically", written, tuple(lines))
        self.transcript.append(f"{_written(functions)}: {lines[0] if lines else verdict}")
        return None

    def _proved(self, functions: Functions, perturbed: bool) -> tuple[str, Functions, list[str]]:
        """The verdict on exact functions, each in the shortest of its forms that has it."""

        def stated(given: Functions) -> list[Claim]:
            values: Mapping[sp.Symbol, sp.Expr] = {} if perturbed else self.problem.constants
            found = claims(self.problem, given)
            if perturbed and letters_bound(found):
                raise Unprovable("other values of the letters may take other branches")
            return [c.with_values(values) for c in found]

        verdict, lines = prove(self.worker, self.problem, stated(functions), perturbed, self.budget)
        if verdict == "refuted":
            return verdict, functions, lines
        written = dict(functions)
        for name, expression in functions.items():
            at = points(self.problem, perturbed)
            ways = self.worker.call(self.budget.at_most(TEXTBOOK_SECONDS), "forms", expression, at) or [expression]
            short = shorten(expression) if expression.has(sp.Piecewise) else expression
            ways = [short, *ways] if short != expression else ways
            for way in ways:
                if way == expression:
                    break
                try:
                    claimed = stated({**written, name: way})
                except Unprovable:  # |x - t| for sqrt((x - t)^2): a kink that the proof does not read
                    continue
                again, retold = prove(self.worker, self.problem, claimed, perturbed, self.budget)
                if again == verdict:
                    written[name], lines = way, retold
                    break
        return verdict, written, lines


def _equal(numbers: Sequence[Number]) -> dict[sp.Symbol, sp.Symbol]:
    """Numbers that agree with an earlier one as far as the data know them, with that one."""
    found: dict[sp.Symbol, sp.Symbol] = {}
    kept: list[Number] = []
    for n in numbers:
        near = [m for m in kept if abs(m.value - n.value) <= min(m.slack + n.slack, 1e-5 * abs(n.value)) + 1e-9 * abs(n.value)]
        if near:
            found[n.symbol] = near[0].symbol
        else:
            kept.append(n)
    return found


def _without_poles(e: sp.Expr) -> sp.Expr:
    """1 / (a csc x + b cot x) as sin x / (a + b cos x): the same function, with its values where the parts are infinite."""
    if not e.has(sp.csc, sp.sec, sp.cot):
        return e
    for function, meaning in _PARTS.items():
        e = e.replace(function, meaning)
    return sp.together(e)


_PARTS: dict[Any, Callable[[sp.Expr], sp.Expr]] = {
    sp.csc: lambda a: 1 / sp.sin(a),
    sp.sec: lambda a: 1 / sp.cos(a),
    sp.cot: lambda a: sp.cos(a) / sp.sin(a),
    sp.tan: lambda a: sp.sin(a) / sp.cos(a),
}


def _shown(forms: Mapping[str, Form]) -> str:
    """Forms with their numbers as floats."""
    return _short(", ".join(f"{name} = {sp.N(form.at_values, 6)}" for name, form in forms.items()))


def _written(functions: Functions) -> str:
    return _short(", ".join(f"{name} = {e}" for name, e in functions.items()))


def _short(text: str, most: int = 200) -> str:
    text = text.replace("**", "^")
    return text if len(text) <= most else text[: most - 4] + " ..."
