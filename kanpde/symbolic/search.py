"""The forms of one function, wherever the solver delivers it: on a box, in several materials, real or complex.

The rungs look at the same samples, first at the noise that the solver states, then at others: an error estimate may be wrong by
ten, and the proof forgives a wrong guess. What decays fast is only seen early, so that parts of the time interval follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.boxes import Box, Spots, sample_box
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.ladder import LADDER, ROUGH, RUNG_SECONDS, climb, complex_proposals, proposals
from kanpde.symbolic.rungs.piecewise import by_materials
from kanpde.symbolic.rungs.products import MOST_RANK
from kanpde.symbolic.sample import Sampler, ranks
from kanpde.symbolic.view import View

LEVELS = (1.0, 10.0, 0.1)
"""Factors on the noise."""
EARLY = (1.0, 1 / 8, 1 / 64)
"""Parts of the time interval that are sampled."""
AGAIN_SECONDS = 2.0
"""What a rung may compute where it has been before: at another level of noise, in a part of the time."""


def silent(text: str) -> None:
    """Tell nobody what is looked at."""


@dataclass(frozen=True)
class Source:
    """One real function as the solver delivers it: values on tensor grids and at scattered points."""

    sampler: Sampler
    spots: Spots


@dataclass(frozen=True)
class Search:
    """What the search for one function needs to know."""

    problem: Problem
    sources: Sequence[Source]  # one, or the real and the imaginary part
    error: float | None  # relative, of the values
    budget: Budget
    named: tuple[sp.Expr, ...] = ()
    transcript: list[str] | None = None
    report: Callable[[str], None] = silent

    def forms(self, box: Box) -> Iterator[Form]:
        """Forms of the function on a box, the likeliest first; each fits its samples."""
        size = max(float(np.abs(s.spots.values).max(initial=0.0)) for s in self.sources)
        if size == 0 or all(s.spots.size <= (self.error or 0.0) * size for s in self.sources):
            yield Form(sp.Integer(0), (), "zero")
            return
        seen: set[str] = set()
        for form in self._proposed(box):
            key = _key(form)
            if key not in seen:
                seen.add(key)
                yield form

    def _proposed(self, box: Box) -> Iterator[Form]:
        if box.region is not None:
            self.report("materials")
            view = self._views(box)[0]
            yield from by_materials(view, self.sources[0].sampler, climb, self._sigma(self.sources[0]))
            return
        time = self.problem.domain.time_axis
        for part in EARLY if time is not None else EARLY[:1]:
            views = self._views(box if part == 1.0 or time is None else box.cut(time, 0.0, part))
            for level in LEVELS if part == 1.0 else LEVELS[:1]:
                scaled = [v.of(replace(v.samples, sigma=level * v.sigma)) for v in views]
                yield from self._climbed(scaled, whole=level == 1.0 and part == 1.0)
            if time is not None and not _hopeful(views, time):
                return

    def _climbed(self, views: Sequence[View], whole: bool) -> Iterator[Form]:
        """The forms of all rungs, or, at other levels of noise and in parts of the time, of the cheap ones in less time."""
        if len(views) == 2:
            self.report("modulus and phase")
            yield from complex_proposals(views[0], views[1], self.budget)
            return
        for step in (*LADDER, *ROUGH):
            if len(views[0].symbols) in step.dimensions and (step.cheap or whole) and self.budget.left:
                self.report(step.name)
                yield from proposals(step, views[0], RUNG_SECONDS if whole else AGAIN_SECONDS)

    def _views(self, box: Box) -> list[View]:
        symbols = tuple(symbol(name) for name in self.problem.coordinates)
        lines = self.transcript if self.transcript is not None else []
        return [
            View(symbols, sample_box(s.sampler, box, self._sigma(s)), self.budget, self.problem, self.named, lines)
            for s in self.sources
        ]

    def _sigma(self, source: Source) -> float | None:
        return None if self.error is None else self.error * source.spots.size


def _hopeful(views: Sequence[View], time: int) -> bool:
    """Whether an earlier part of the time may show more: the families in space only grow there, and must still be small."""
    in_space = [rank for v in views for axis, rank in enumerate(ranks(v.samples, v.sigma)) if axis != time]
    return max(in_space, default=0) <= MOST_RANK  # of time alone: nothing grows


def _key(form: Form) -> str:
    """Equal for forms that differ in the last digits of their numbers only."""
    return str(form.expression.xreplace({n.symbol: sp.Float(f"{n.value:.5g}") for n in form.numbers}))
