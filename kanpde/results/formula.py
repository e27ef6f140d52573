"""A closed form of the solution: mathematics in the problem's own symbols, a function of arrays, LaTeX and Python source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sympy as sp

from kanpde.errors import ProblemError
from kanpde.problem.language import write_expression
from kanpde.problem.latex import latex
from kanpde.problem.types import symbol
from kanpde.results.c_source import c_source
from kanpde.results.python_source import argument, python_source
from kanpde.results.series import compiled

if TYPE_CHECKING:
    from kanpde.problem import Problem

FormulaStatus = Literal["proved", "proved for the given parameters", "verified numerically", "not found"]

INTERRUPTED = "interrupted"
"""What ``how`` says when the user stopped the search; of a search that ended otherwise without a formula it says nothing."""


@dataclass(frozen=True)
class Formula:
    """A closed form of the solution, and how far it may be trusted: ``formula(x=..., t=...)``, ``formula["v"](x=..., y=...)``.

    Letters, such as ``nu``, are keywords as well and default to the problem's values. ``expressions`` holds an expression a
    field, in real symbols that are called as in the problem; that of a complex field contains i. ``how`` says in a few words
    which form it is, ``stages`` how many seconds the parts of the search took. What ``named`` fills in, the search may leave out.
    """

    status: FormulaStatus
    expressions: Mapping[str, sp.Expr] = field(default_factory=dict)  # in the problem's own symbols
    seconds: float = 0.0
    transcript: tuple[str, ...] = ()  # each equation and condition, and how it reduced to zero
    stages: Mapping[str, float] = field(default_factory=dict)
    how: str = ""
    coordinates: tuple[str, ...] = ()
    letters: Mapping[str, sp.Expr] = field(default_factory=dict)
    title: str = ""

    def named(self, problem: Problem) -> Formula:
        """The same formula with the coordinates, the letters and the title of its problem."""
        letters = {s.name: value for s, value in problem.constants.items()}
        return replace(self, coordinates=problem.coordinates, letters=letters, title=problem.title)

    @property
    def proved(self) -> bool:
        """Whether every equation and condition reduced to zero, at least for the problem's own values of the letters."""
        return self.status.startswith("proved") and bool(self.expressions)

    @property
    def is_series(self) -> bool:
        """Whether there is an infinite sum in it, whose terms are added until they no longer count."""
        return any(e.has(sp.Sum) for e in self.expressions.values())

    @property
    def sentence(self) -> str:
        """The status in words."""
        values = ", ".join(f"{name} = {write_expression(value)}" for name, value in self.letters.items())
        used = [name for name in self.letters if any(symbol(name) in e.free_symbols for e in self.expressions.values())]
        if self.status == "proved":
            claim = "proved: it satisfies every equation and condition of the problem"
            return f"{claim}, for all {', '.join(self._range(name) for name in used)}" if used else claim
        if self.status == "proved for the given parameters":
            return f"proved for the given parameters: it satisfies every equation and condition where {values}"
        if self.status == "verified numerically":
            return "verified numerically: at points it holds as far as numbers can tell, which is no proof"
        return "not found" + (f" ({self.how})" if self.how else "")

    def _range(self, name: str) -> str:
        """The values of a letter that the proof is for: those of the sign that it has in the problem."""
        value = self.letters[name]
        return f"{name} > 0" if value.is_positive else f"{name} < 0" if value.is_negative else f"values of {name}"

    @property
    def text(self) -> str:
        """The formula as the problem language writes it, ``u = ...``; empty if none was found."""
        return ", ".join(self.lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The formula of each field as the problem language writes it."""
        return tuple(f"{name} = {write_expression(e)}" for name, e in self.expressions.items())

    @property
    def latex(self) -> str:
        """The formula in LaTeX; empty if none was found."""
        return r" \\ ".join(f"{_latex_name(name)} = {latex(e)}" for name, e in self.expressions.items())

    @property
    def python(self) -> str:
        """The source of a Python module with one function a field, of the coordinates, the letters being keywords.

        Raises UnsupportedProblem for a function that neither numpy nor scipy has.
        """
        title = f" of the problem '{self.title}'" if self.title else ""
        said = f"the closed form{title}, {self.sentence}. Found by kanpde."
        return python_source(self.expressions, self._coordinates, self.letters, said) if self.expressions else ""

    @property
    def c(self) -> str:
        """The source of a C file (C99, math.h) with one function a field, of the coordinates; the letters are constants in it.

        Raises UnsupportedProblem for a function that math.h does not have, for complex values and infinite series.
        """
        if not self.expressions:
            return ""
        title = f" of the problem '{self.title}'" if self.title else ""
        said = f"The closed form{title}, {self.sentence}. Found by kanpde."
        return c_source(self.expressions, self._coordinates, {n: self._letter(n) for n in self.letters}, said)

    @property
    def _coordinates(self) -> tuple[str, ...]:
        """The coordinates; of a formula that was never named, its symbols."""
        if self.coordinates:
            return self.coordinates
        found = set().union(*(e.free_symbols for e in self.expressions.values()))
        return tuple(sorted(s.name for s in found if s.name not in self.letters))

    def __call__(self, **values: Any) -> Any:
        """The values at points, numpy in and numpy out; a dictionary by name if there are several fields."""
        if not self.expressions:
            raise ProblemError("no formula was found: there is nothing to evaluate", hint="solution(x=...) is the network")
        found = {name: self[name](**values) for name in self.expressions}
        return found if len(found) > 1 else next(iter(found.values()))

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The function of one field."""
        if name not in self.expressions:
            listed = ", ".join(self.expressions) or "no field"
            raise ProblemError(f"the formula has no field '{name}'; it gives {listed}")

        def function(**values: Any) -> Any:
            return self._value(name, values)

        return function

    @property
    def function(self) -> Callable[..., Any]:
        """The formula as a function of keywords, as calling it is."""
        return self.__call__

    @cached_property
    def _compiled(self) -> dict[str, Callable[..., Any]]:
        return {}

    def _value(self, name: str, given: Mapping[str, Any]) -> Any:
        keys = {argument(n): n for n in (*self._coordinates, *self.letters)}
        keys |= {n: n for n in keys.values()}
        for key in given:
            if key not in keys:
                known = ", ".join((*self._coordinates, *self.letters))
                raise ProblemError(f"the formula has no coordinate and no letter '{key}'; there are {known}")
        values = {keys[key]: value for key, value in given.items()}
        missing = [n for n in self._coordinates if n not in values]
        if missing:
            known = ", ".join(self._coordinates)
            raise ProblemError(f"a value is missing for {', '.join(missing)}: the formula depends on {known}")
        if self.status != "proved" and any(n in values for n in self.letters):
            raise ProblemError(f"the formula holds for the problem's own values only: {self.sentence}")
        for n, value in self.letters.items():
            if n in values and np.any(np.asarray(values[n], dtype=float) * float(value) < 0):
                raise ProblemError(f"the formula is proved for {self._range(n)} only, and was asked for another value of {n}")
        if name not in self._compiled:
            order = [*self._coordinates, *self.letters]
            self._compiled[name] = compiled(self.expressions[name], [symbol(n) for n in order])
        letters = [np.asarray(values.get(n, self._letter(n)), dtype=float) for n in self.letters]
        points = [np.asarray(values[n], dtype=float) for n in self._coordinates]
        return _plain(self._compiled[name](*points, *letters), self.expressions[name].has(sp.I))

    def _letter(self, name: str) -> float:
        """The number that a letter stands for; it may be given by other letters."""
        known = {symbol(n): value for n, value in self.letters.items()}
        value = self.letters[name]
        for _ in known:
            value = value.xreplace(known)
        return float(value)


def _plain(values: np.ndarray, complex_values: bool) -> Any:
    """Real numbers but for a complex field; a number in place of an array without axes."""
    values = np.array(values.astype(complex) if complex_values else np.real(values).astype(float))
    return values if values.ndim else values[()]


def _latex_name(name: str) -> str:
    return latex(symbol(name))
