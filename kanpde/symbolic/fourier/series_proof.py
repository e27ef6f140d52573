"""The proof that a Fourier series solves a linear problem: for the general term, with the number n of the mode as a symbol.

Every term satisfies the homogeneous equation and the homogeneous conditions by itself. Where a condition has data, they and the
series have the same Fourier coefficients, for every n; since the modes are complete, the two are equal in L2. The integrals of
the coefficients are proved by differentiating their antiderivatives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy as sp

from kanpde.geometry import Face
from kanpde.problem.types import Problem
from kanpde.results.series import evaluate_series
from kanpde.symbolic.boxes import irregular
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.fourier.coefficients import Ends, Modes, antiderivative, coefficient, mean, of_parity, pieces, sine_or_cosine
from kanpde.symbolic.fourier.linear_plane import Law, Plane, plane
from kanpde.symbolic.worker import Worker

Verdict = Literal["proved", "verified", "refuted"]

SECONDS = 8.0
"""For one claim: those that are true are seen in milliseconds."""
NUMBERS = (1, 2, 3, 4, 7, 10)
"""Values of n at which a claim that is not reduced to zero is tried in 60 digits."""
LONGEST = 300
"""Operations of an expression that is worth being simplified in full."""
ORDER: tuple[Verdict, ...] = ("proved", "verified", "refuted")
SAID = {"proved": "left - right = 0", "verified": "left - right below 1e-30", "refuted": "left - right is not zero"}
SUMMABLE = 1e-2
"""What the rest of the series may be, in units of the whole: a series whose terms grow has no sum and solves nothing."""


def prove_series(
    problem: Problem, functions: Mapping[str, sp.Expr], worker: Worker, budget: Budget, perturbed: bool = True
) -> tuple[Verdict, list[str]] | None:
    """The verdict on a formula with one or more ``Sum`` over modes, and its transcript; None where it is no series of modes.

    ``verified``: all claims hold for six n to 1e-30, but not all are reduced to zero. Letters stay letters, unless ``perturbed``
    is False: then they have the values given.
    """
    whole = plane(problem)
    if whole is None or len(functions) != 1:
        return None
    ((field, expression),) = functions.items()
    rest, terms = sp.Integer(0), []
    for part in sp.Add.make_args(expression):
        sums = [factor for factor in sp.Mul.make_args(part) if isinstance(factor, sp.Sum)]
        if len(sums) != 1 or part.atoms(sp.Sum) != set(sums):
            rest += part
        elif len(sums[0].limits) != 1 or sums[0].limits[0][1:] != (1, sp.oo):
            return None
        else:
            terms.append((sums[0].function * (part / sums[0]), sums[0].limits[0][0]))
    if not terms or rest.has(sp.Sum):
        return None
    if not _has_a_sum(problem, whole, expression):
        return "refuted", ["the terms of the series do not fall: it has no sum"]
    court = _Court(whole, rest, terms, worker, budget, {} if perturbed else problem.constants)
    verdicts = []
    for label, verdict, how in court.claims():
        verdicts.append(verdict)
        court.lines.append(f"{len(court.lines) + 1}. {label}: {how}")
        if verdict == "refuted":
            return "refuted", [court.lines[-1]]
    court.lines.append(_sense(whole, terms, field, court.apart))
    return ("proved" if all(v == "proved" for v in verdicts) else "verified"), court.lines


def _has_a_sum(problem: Problem, whole: Plane, expression: sp.Expr) -> bool:
    low, high = np.asarray(problem.domain.bounds, float).T
    x = low + (high - low) * irregular(20, 2)
    found = evaluate_series(problem.with_values(expression), whole.symbols, list(x.T), most=2000)
    return bool(np.isfinite(found.values).all() and found.tail <= SUMMABLE * max(np.abs(found.values).max(), 1e-300))


def _sense(whole: Plane, terms: Sequence[tuple[sp.Expr, sp.Symbol]], field: str, apart: bool) -> str:
    """In which sense the series is differentiated; ``apart``: every term satisfies the equation by itself."""
    elliptic = whole.problem.domain.time is None
    if apart and (elliptic or all(_decays(term, n) for term, n in terms)):
        return f"{field} is differentiated term by term inside the domain, where the terms fall exponentially in n"
    return f"{field} is differentiated term by term in the sense of distributions: its terms do not fall fast enough for more"


def _decays(term: sp.Expr, n: sp.Symbol) -> bool:
    """Whether an exponential with n in it is a factor of the term."""
    return any(e.exp.has(n) for e in term.atoms(sp.exp))


Answer = tuple[str, Verdict, str]


@dataclass
class _Court:
    whole: Plane
    rest: sp.Expr
    terms: Sequence[tuple[sp.Expr, sp.Symbol]]
    worker: Worker
    budget: Budget
    given: Mapping[sp.Symbol, sp.Expr]

    def __post_init__(self) -> None:
        self.lines: list[str] = []
        self.apart = True

    def claims(self) -> Iterator[Answer]:
        """Everything that the problem states of its solution, one after the other."""
        problem = self.whole.problem
        yield self._law(self.whole.equation, {}, f"equation {problem.equations[0].text}")
        for face, laws in self.whole.conditions.items():
            name = problem.coordinates[face.axis]
            end = self.whole.limits(face.axis)[(face.side + 1) // 2]
            for law in laws:
                kind = "initial" if name == problem.domain.time else "boundary"
                label = f"{kind} {law.text} at {name} = {end}"
                yield self._law(law, {self.whole.symbols[face.axis]: end}, label, face)
        for name in problem.domain.periodic:
            yield from self._periodic(problem.coordinates.index(name))

    def _law(self, law: Law, where: Mapping[sp.Symbol, sp.Expr], label: str, face: Face | None = None) -> Answer:
        """A law for the part outside of the series and for every term, or for both together where there are data."""
        symbols = self.whole.symbols
        left = law.operate(self.rest, symbols).subs(where) - law.data
        terms = [(law.operate(term, symbols).subs(where), n) for term, n in self.terms]
        verdicts = [self._holds(e, n) for e, n in terms]
        open_terms = [pair for pair, verdict in zip(terms, verdicts, strict=True) if verdict == "refuted"]
        outside = self._holds(left, self.terms[0][1])
        if not open_terms and outside != "refuted":
            verdict = max([outside, *verdicts], key=ORDER.index)
            return label, verdict, f"{SAID[verdict]} for the part outside of the series and for every n"
        for i, s in enumerate(symbols):  # what does not change with a coordinate is what it is at its lower end
            if all(not e.has(s) or self._holds(sp.diff(e, s), n) == "proved" for e, n in [(left, self.terms[0][1]), *open_terms]):
                left = left.subs(s, self.whole.limits(i)[0])
                open_terms = [(sp.factor_terms(e.subs(s, self.whole.limits(i)[0])), n) for e, n in open_terms]
        free = [s for s in symbols if left.has(s) or any(e.has(s) for e, _ in open_terms)]
        self.apart &= face is not None
        verdict, how = "refuted", SAID["refuted"]
        for z in free if open_terms else ():
            verdict, how = self._expanded(-left, z, open_terms)
            if verdict != "refuted":
                break
        return label, verdict, how

    def _expanded(self, g: sp.Expr, z: sp.Symbol, terms: Sequence[tuple[sp.Expr, sp.Symbol]]) -> tuple[Verdict, str]:
        """Whether g is the sum of the terms: both have the same coefficient at every mode of a complete system."""
        values = self.whole.problem.constants
        axis = self.whole.symbols.index(z)
        start, end = self.whole.limits(axis)
        periodic = self.whole.problem.coordinates[axis] in self.whole.problem.domain.periodic
        systems = [_System(self.whole, axis, n, ends) for n in dict.fromkeys(n for _, n in terms) for ends in _systems(periodic)]
        if not systems:
            return "refuted", "left - right is not zero"
        for system in systems:
            placed = [system.place(e, z) for e, _ in terms]
            if all(p is not None for p in placed):
                break
        else:
            return "refuted", "the terms are no modes of one complete system"
        verdict: Verdict = "proved"
        told = []
        for modes in system.families:
            amount = coefficient(g, z, modes, values)
            integrals = None if amount is None else self._integrals(g, z, modes, values)
            if amount is None or integrals is None or integrals == "refuted":
                return "refuted", "the integrals of the Fourier coefficients have no antiderivative here"
            verdict = _worse(verdict, integrals)
            mine = [p for p in placed if p is not None and p[0] == modes.kind]
            for index, own in _by_index(mine, modes.n):
                found = self._holds(_at(amount, modes.n, index) - own, modes.n)
                verdict = _worse(verdict, found)
                if found == "refuted":
                    return "refuted", f"the coefficient of {modes.at_index(index).at(z)} is not that of the data"
            told.append(f"{_short(modes.at(z))} the coefficient {_short(amount)}")
        if system.constant:
            average = mean(g, z, start, end, values)
            integrals = self._integrals(g, z, None, values)
            found = "refuted" if average is None or integrals is None else self._holds(average, system.families[0].n)
            found = _worse(found, integrals or "refuted")
            verdict = _worse(verdict, found)
            if found == "refuted":
                return "refuted", "the mean is not that of the data"
        how = f"the data have at {' and at '.join(told)} for every n, and so has the series; these modes are complete in L2"
        return verdict, how

    def _integrals(self, g: sp.Expr, z: sp.Symbol, modes: Modes | None, values: Mapping[sp.Symbol, sp.Expr]) -> Verdict | None:
        """Whether the derivative of every antiderivative is the integrand; None where there is none."""
        verdict: Verdict = "proved"
        start, end = self.whole.limits(self.whole.symbols.index(z))
        mode = sp.Integer(1) if modes is None else modes.at(z)
        for _, _, piece in pieces(g, z, start, end, values) or []:
            whole = antiderivative(piece, z, modes)
            if whole is None:
                return None
            verdict = _worse(verdict, self._holds(sp.diff(whole, z) - piece * mode, self.terms[0][1]))
        return verdict

    def _periodic(self, axis: int) -> Iterator[Answer]:
        """Value and derivatives at both ends, for the part outside of the series and for every term."""
        z = self.whole.symbols[axis]
        lower, upper = self.whole.limits(axis)
        order = max(index[axis] for index in self.whole.equation.terms)
        for k in range(max(1, order)):
            jumps = [(sp.diff(e, z, k) if k else e, n) for e, n in [(self.rest, self.terms[0][1]), *self.terms]]
            verdicts = [self._holds(e.subs(z, upper) - e.subs(z, lower), n) for e, n in jumps]
            verdict = max(verdicts, key=ORDER.index)
            yield f"periodic in {z}, derivative {k}", verdict, f"{SAID[verdict]} for the part outside and for every n"

    def _holds(self, e: sp.Expr, n: sp.Symbol) -> Verdict:
        """Zero exactly for every n; or at some n and irregular values of letters and coordinates only; or not at all."""
        e = e.xreplace(dict(self.given))
        if e == 0 or self._zero(e.xreplace(self._twins(e))):
            return "proved"
        problem = self.whole.problem
        point = {s: v * (1 + sp.Rational(7 + 3 * i, 101)) for i, (s, v) in enumerate(problem.constants.items())}
        for i, (s, name) in enumerate(zip(self.whole.symbols, problem.coordinates, strict=True)):
            lower, upper = (end.xreplace(point) for end in self.whole.limits(i))
            point[s] = lower + (upper - lower) * sp.Rational(31 + 6 * i, 101) ** (3 if name == problem.domain.time else 1)
        for k in NUMBERS:
            value = e.subs(n, k)
            if value != 0 and not self.worker.call(self.budget.at_most(SECONDS), "vanishes", value, [point]):
                return "refuted"
        return "verified"

    def _zero(self, e: sp.Expr) -> bool:
        """Whether an expression is zero for every n, reduced exactly."""
        if self.worker.call(self.budget.at_most(SECONDS), "quickly_zero", e):
            return True
        short = e.count_ops() <= LONGEST
        return short and bool(self.worker.call(self.budget.at_most(SECONDS), "rewrites_to_zero", e, "simplified"))

    def _twins(self, e: sp.Expr) -> dict[sp.Basic, sp.Expr]:
        """Letters that are positive, as symbols that say so."""
        values = self.whole.problem.constants
        return {s: sp.Symbol(str(s), positive=True) for s in e.free_symbols & set(values) if values[s].is_positive}


def _worse(one: Verdict, other: Verdict) -> Verdict:
    return max(one, other, key=ORDER.index)


def _systems(periodic: bool) -> tuple[Ends | None, ...]:
    return (None,) if periodic else ("DD", "NN", "DN", "ND")


class _System:
    """A complete system of modes along one coordinate: sines, cosines with the constant, or both on a circle."""

    def __init__(self, whole: Plane, axis: int, n: sp.Symbol, ends: Ends | None) -> None:
        start, end = whole.limits(axis)
        self.constant = ends in (None, "NN")
        if ends is None:
            wave = 2 * n * sp.pi / (end - start)
            self.families = [Modes(kind, wave, start, end, n, sp.Integer(0)) for kind in ("cos", "sin")]
        else:
            self.families = [sine_or_cosine(ends, start, end, n)]
        self._even = ends in (None, "DD", "NN")

    def place(self, e: sp.Expr, z: sp.Symbol) -> tuple[str, sp.Expr, sp.Expr] | None:
        """A term as (sin or cos, number of the mode in terms of n, amount); None if it is no mode of this system."""
        amount, mode = sp.factor_terms(e).as_independent(z)
        if not isinstance(mode, sp.sin | sp.cos):
            return None
        for modes in self.families:
            if modes.kind != type(mode).__name__:
                continue
            for index in (modes.n, 2 * modes.n - 1, 2 * modes.n) if self._even else (modes.n,):
                if sp.expand(sp.together(mode.args[0] - modes.at_index(index).at(z).args[0])) == 0:
                    return modes.kind, index, amount
        return None


def _by_index(placed: Sequence[tuple[str, sp.Expr, sp.Expr]], n: sp.Symbol) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """What the series has at the modes of a family: for every n, or apart for odd and even ones."""
    if all(index == n for _, index, _ in placed):
        yield n, sp.Add(*(amount for _, _, amount in placed))
        return
    for own in (2 * n - 1, 2 * n):
        amounts = [a if index == own else a.subs(n, own) if index == n else sp.Integer(0) for _, index, a in placed]
        yield own, sp.Add(*amounts)


def _at(amount: sp.Expr, n: sp.Symbol, index: sp.Expr) -> sp.Expr:
    return amount if index == n else of_parity(amount, n, odd=index != 2 * n)


def _short(e: sp.Expr) -> str:
    return str(e).replace("**", "^")
