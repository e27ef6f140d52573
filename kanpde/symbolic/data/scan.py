"""The search for the formula of a scatter: rungs from the cheap and likely to the dear and rare."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.data.edges import suggest
from kanpde.symbolic.data.judge import Judge, Scatter
from kanpde.symbolic.ladder import climb
from kanpde.symbolic.sample import NODES, Axis, Samples
from kanpde.symbolic.view import View

RIM = 0.02
"""Part of the points at either end of a coordinate where a series is not asked: it has data on one side there."""


def silent(text: str) -> None:
    """Tell nobody what is looked at."""


def search(
    data: Scatter, judge: Judge, budget: Budget, report: Callable[[str], None], surrogate: Callable[..., np.ndarray] | None = None
) -> None:
    """Offer forms to the judge until one leaves nothing to be desired, or the time is over."""
    d = len(data.symbols)
    if d == 1:
        report("functions of one variable")
        one_variable(data, judge, budget)
    if d in (2, 3):
        report("the ladder on a series")
        on_grid(data, judge, budget)


def one_variable(data: Scatter, judge: Judge, budget: Budget) -> None:
    """What the engine for curves suggests."""
    for one in suggest(data.x[:, 0], data.y, data.noise, budget.at_most(10.0), data.symbols[0].name):
        judge.offer(one.form)


def on_grid(data: Scatter, judge: Judge, budget: Budget) -> None:
    """What the ladder finds in the values of the series on a grid."""
    series = data.series
    lower, upper = np.quantile(data.x, RIM, axis=0), np.quantile(data.x, 1 - RIM, axis=0)
    axes = tuple(Axis(float(a), float(b), NODES[len(lower)]) for a, b in zip(lower, upper, strict=True))
    values = series.on_grid([axis.nodes for axis in axes])
    sigma = max(3 * series.own, 1e-15 * data.size)
    view = View(data.symbols, Samples(axes, values, sigma, True), budget.part(20.0))
    for form in islice(climb(view), 6):
        judge.offer(form)
        if judge.exact:
            return
