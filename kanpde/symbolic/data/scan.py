"""The search for the formula of a scatter: rungs from the cheap and likely to the dear and rare, and structures in between.

A structure (fewer coordinates, parts that act apart) makes simpler functions of which the same is asked. What is found for them
is put together and offered as a whole: its numbers are refined on all data, and only these judge.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.data.edges import suggest
from kanpde.symbolic.data.judge import Judge, Scatter
from kanpde.symbolic.data.rational import rationals
from kanpde.symbolic.data.reductions import Reduction, factored, needed, reductions
from kanpde.symbolic.data.separations import Split, splits
from kanpde.symbolic.data.sparse_sums import sparse_sums
from kanpde.symbolic.form import Array, Form
from kanpde.symbolic.ladder import climb
from kanpde.symbolic.sample import NODES, Axis, Samples
from kanpde.symbolic.view import View

RIM = 0.02
"""Part of the points at either end of a coordinate where a series is not asked: it has data on one side there."""
RESOLVED = 1e-3
"""Error of a series, relative to the function, up to which the ladder is asked: it is made for solutions of equations."""
AFTERWARDS = 2.0
"""Seconds for simpler forms when an exact one is known."""
GOOD = 40.0
AMONG_OTHERS = 1.0
"""Where there is noise, a formula of so few bits need not be the best: the search goes on for so many seconds, and a twentieth of
its time."""
MANY = 100
"""Points of which those at the rims can be spared: combined coordinates have few of them there."""
DEEPEST = 9
STRUCTURES = 3
"""Structures of one kind that are followed."""
PART_FORMS = 3
PLAIN = 20.0
"""Bits of an exact form beyond which no simpler one is looked for."""

Sink = Callable[[Form], bool]
"""Takes a form; True ends the search."""


def silent(text: str) -> None:
    """Tell nobody what is looked at."""


@dataclass(frozen=True)
class Quest:
    """What all parts of a search share."""

    budget: Budget
    report: Callable[[str], None] = silent
    surrogate: Callable[[Array], Array] | None = None
    depth: int = 0

    def deeper(self, seconds: float | None = None) -> Quest:
        """For a structure: one level below, with a part of the time."""
        budget = self.budget if seconds is None else self.budget.part(seconds)
        return replace(self, budget=budget, depth=self.depth + 1, surrogate=None)


@dataclass
class _Clock:
    """Seconds that this thread has computed; put forward once to end a search earlier."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.thread_time() + self.ahead


def search(data: Scatter, judge: Judge, quest: Quest) -> None:
    """Offer forms to the judge until one leaves nothing to be desired, or the time is over."""

    clock = _Clock()
    budget = Budget(quest.budget.left, clock)
    longer = AMONG_OTHERS + 0.05 * quest.budget.left

    def sink(form: Form) -> bool:
        judge.offer(form)
        if judge.best is None:
            return False
        if judge.exact:
            clock.ahead += max(0.0, budget.left - AFTERWARDS)
            return judge.best.bits <= PLAIN or not budget.left
        if judge.best.bits <= GOOD:
            clock.ahead += max(0.0, budget.left - longer)
        return not budget.left

    _explore(data, sink, replace(quest, budget=budget))


def _explore(data: Scatter, sink: Sink, quest: Quest) -> bool:
    """All rungs for one function; True if the search is over."""
    small = needed(data)
    if quest.surrogate is not None and small is not data:
        quest = replace(quest, surrogate=None)  # it knows points of all coordinates only
    if len(small.symbols) == 1:
        return _rational(small, sink, quest) or _one_variable(small, sink, quest)
    d = len(small.symbols)
    rungs: list[Callable[[Scatter, Sink, Quest], bool]] = [_rational]
    rungs += [_sparse, _factored, _reduced, _on_grid, _split] if d == 2 else [_factored, _reduced, _sparse, _on_grid, _split]
    for rung in rungs:
        if not quest.budget.left:
            return False
        if rung(small, sink, quest):
            return True
    return False


def _one_variable(data: Scatter, sink: Sink, quest: Quest) -> bool:
    """What the engine for curves suggests."""
    quest.report("functions of one variable")
    x, y, done = data.x[:, 0], data.y, False
    rims = (RIM, 0.0, 0.1) if len(y) >= MANY else (0.0,)
    noises = (data.noise, None) if quest.depth and data.noise is not None else (data.noise,)  # of a part it is only estimated
    for noise, rim in product(noises, rims):
        lower, upper = np.quantile(x, [rim, 1 - rim])
        inside = (x >= lower) & (x <= upper)
        found = suggest(x[inside], y[inside], noise, quest.budget.at_most(6.0), "z")
        for one in found:
            form = replace(one.form, expression=one.expression.xreplace({one.symbols[0]: data.symbols[0]}))
            done = sink(form) or done
        if found or not quest.budget.left:
            break
    return done


def _rational(data: Scatter, sink: Sink, quest: Quest) -> bool:
    quest.report("rational functions")
    return any(sink(form) for form in rationals(data, quest.budget))


def _sparse(data: Scatter, sink: Sink, quest: Quest) -> bool:
    quest.report("sums of simple functions")
    return any(sink(form) for form in sparse_sums(data, quest.budget))


def _factored(data: Scatter, sink: Sink, quest: Quest) -> bool:
    """A power of a coordinate as a factor."""
    one = factored(data)
    return one is not None and quest.depth < DEEPEST and _followed(one, sink, quest)


def _reduced(data: Scatter, sink: Sink, quest: Quest) -> bool:
    """Structures with one coordinate less."""
    if quest.depth >= DEEPEST:
        return False
    found = reductions(data, quest.budget)
    return any(_followed(one, sink, quest) for one in found[: max(1, STRUCTURES - quest.depth)])


def _followed(one: Reduction, sink: Sink, quest: Quest) -> bool:
    """The search in fewer coordinates; what is found there is a form of the whole."""
    quest.report(one.how)

    def lifted(form: Form) -> bool:
        expression = one.factor * form.expression.xreplace(one.meaning)
        numbers = tuple(n for n in (*form.numbers, *one.numbers) if expression.has(n.symbol))
        return sink(Form(expression, numbers, f"{one.how}: {form.how}"))

    return quest.budget.left > 0 and _explore(one.data, lifted, quest.deeper())


def _on_grid(data: Scatter, sink: Sink, quest: Quest) -> bool:
    """What the ladder finds in the values of the series on a grid."""
    d = len(data.symbols)
    if d > 3:
        return False
    lower, upper = np.quantile(data.x, RIM, axis=0), np.quantile(data.x, 1 - RIM, axis=0)
    axes = tuple(Axis(float(a), float(b), NODES[d]) for a, b in zip(lower, upper, strict=True))
    nodes = [axis.nodes for axis in axes]
    values = data.series.on_grid(nodes)
    sigma = rms(values - data.half_series.on_grid(nodes))
    if quest.surrogate is not None and (off := rms(quest.surrogate(data.x) - data.y)) < sigma:
        grid = np.stack([g.ravel() for g in np.meshgrid(*nodes, indexing="ij")], 1)
        values, sigma = np.asarray(quest.surrogate(grid), dtype=float).reshape(values.shape), off
    if sigma > RESOLVED * data.size:
        return False
    quest.report("the ladder on a grid")
    sigma = max(sigma, 1e-15 * data.size)
    names = tuple(sp.Symbol(f"z{i}", real=True) for i in range(d))
    back = dict(zip(names, data.symbols, strict=True))
    view = View(names, Samples(axes, values, sigma, True), quest.budget.part(15.0))
    found = (replace(form, expression=form.expression.xreplace(back)) for form in islice(climb(view), 5))
    return any(map(sink, found))


def _split(data: Scatter, sink: Sink, quest: Quest) -> bool:
    """Parts that act apart."""
    if quest.depth >= DEEPEST:
        return False
    for one in splits(data, quest.budget)[:STRUCTURES]:
        kind = "a product" if one.product else f"{one.transform.name} is a sum"
        groups = " and ".join(", ".join(str(s) for s in part.symbols) for part in (one.first, one.second))
        quest.report(f"{kind} of parts in {groups}")
        parts = [_forms_of(part, quest) for part in (one.first, one.second)]
        for f in parts[0]:
            for g in parts[1]:
                if sink(_together(f, g, one)):
                    return True
    return False


def _forms_of(part: Scatter, quest: Quest) -> list[Form]:
    """The best forms of a part by itself."""
    judge = Judge(part)
    search(part, judge, quest.deeper(quest.budget.left / 3))
    return [s.form for s in judge.found[:PART_FORMS]]


def _together(f: Form, g: Form, split: Split) -> Form:
    numbers = (*f.numbers, *g.numbers)
    if split.product:
        return Form(f.expression * g.expression, numbers, f"product ({f.how}; {g.how})")
    t = split.transform
    apart = t.name == "log u"  # exp(f + g) is a product
    whole = sp.exp(f.expression) * sp.exp(g.expression) if apart else t.inverse(f.expression + g.expression)
    name = "" if t.name == "u" else f"{t.name}: "
    return Form(split.sign * whole, numbers, f"{name}sum ({f.how}; {g.how})")
