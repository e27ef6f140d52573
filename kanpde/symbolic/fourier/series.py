"""Fourier series of linear problems, recognised as such: the whole series with a formula for its coefficients.

The problem itself says what the modes are and what starts them (``separation``); the samples decide whether that is the solution.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sympy as sp

from kanpde.problem.types import symbol
from kanpde.results.series import evaluate_series
from kanpde.symbolic.form import Form
from kanpde.symbolic.fourier.separation import separated
from kanpde.symbolic.view import ACCEPT, View

CORNERS = 1e-3
"""What the deviation may be where solvers suffer, near data that contradict each other; most values agree within the noise."""


def series(view: View) -> Iterator[Form]:
    """The series whose sum is the field, the shortest first. They contain the problem's letters and no open numbers."""
    problem = view.problem
    if problem is None or view.symbols != tuple(symbol(name) for name in problem.coordinates):
        return
    for expression in separated(problem):
        if not view.budget.left:
            return
        off = fit_of_series(view, expression)
        if off <= ACCEPT:
            yield Form(expression, (), "Fourier series")
        else:
            view.transcript.append(f"a Fourier series solves the problem formally, but deviates by {off:.1e} sigma")


def fit_of_series(view: View, expression: sp.Expr) -> float:
    """How far a formula with series in it is from the samples, in units of their noise and of the terms left out.

    The root mean square; the median where that is better and the rest is small, as near corners at which data jump.
    """
    assert view.problem is not None
    grid = np.meshgrid(*view.nodes, indexing="ij", sparse=True)
    summed = evaluate_series(view.problem.with_values(expression), view.symbols, grid)
    difference = np.abs(summed.values - view.values)
    if not np.isfinite(difference).all() or not np.isfinite(summed.tail):
        return np.inf
    allowed = view.sigma + summed.tail
    whole = float(np.sqrt(np.mean(difference**2)))
    most = float(np.median(difference))
    return min(whole, most) / allowed if whole <= CORNERS * view.samples.size else whole / allowed
