"""Formulas of data: from values at scattered points of several coordinates to one exact formula, or to none.

Nothing is claimed beyond the data: "verified numerically" says that the formula leaves what noise leaves, and "not found" that no
formula did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kanpde.problem.types import symbol
from kanpde.results.types import Formula
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.data.edges import Suggestion, allowed, snap
from kanpde.symbolic.data.judge import Judge, Scatter
from kanpde.symbolic.data.scan import Quest, search, silent
from kanpde.symbolic.data.written import written

SECONDS = 60.0


def formula_of_data(
    X: Any,  # (N, d)
    y: Any,  # (N,)
    names: Sequence[str] | None = None,
    noise: float | None = None,
    surrogate: Callable[[Any], Any] | None = None,
    seconds: float = SECONDS,
    report: Callable[[str], None] = silent,
    target: str | None = None,
) -> Formula:
    """The formula that data follow: status "verified numerically", or "not found" with the reason in ``how``.

    ``names`` are those of the columns of X (x1, x2, ... by default), ``target`` that of the values (y, or f if a column has that
    name). ``noise`` is the root mean square error of y in its units; None estimates it. ``surrogate`` maps points (M, d) to
    values (M,), as a network that was trained on the data does: the search asks it between the data. ``seconds`` are counted as
    this thread computes them, so that a busy machine finds the same; ``report`` hears what is tried. Raises ValueError for input
    that is no data.
    """
    names = _names(X, names)
    target = target or next(n for n in ("y", "f", "target") if n not in names)
    budget = Budget(seconds, time.thread_time)
    found, reason = _searched(X, y, names, noise, surrogate, budget, report)
    if found is None:
        return Formula("not found", {}, budget.spent, (reason,), how=reason, coordinates=tuple(names))
    left = f"root mean square misfit {found.rms:.2e} on {len(found.values)} values"
    line = f"{left}, relative {found.rms / max(float(np.std(found.values)), 1e-300):.1e}"
    return Formula(
        "verified numerically", {target: found.at_values}, budget.spent, (line,), how=found.how, coordinates=tuple(names)
    )


def suggestion_of_data(
    X: Any,
    y: Any,
    names: Sequence[str] | None = None,
    noise: float | None = None,
    surrogate: Callable[[Any], Any] | None = None,
    seconds: float = SECONDS,
    report: Callable[[str], None] = silent,
) -> Suggestion | None:
    """The same as a suggestion, whose numbers that are no exact constants are open and have a slack; None if there is none."""
    return _searched(X, y, _names(X, names), noise, surrogate, Budget(seconds, time.thread_time), report)[0]


def _names(X: Any, names: Sequence[str] | None) -> tuple[str, ...]:
    x = np.asarray(X, dtype=float)
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2:
        raise ValueError(f"X has the shape {x.shape}; give one row a point and one column a coordinate, (N, d)")
    if names is None:
        return tuple(f"x{i + 1}" for i in range(x.shape[1])) if x.shape[1] > 1 else ("x",)
    if len(names) != x.shape[1]:
        raise ValueError(f"{len(names)} names for the {x.shape[1]} columns of X; give one name a column")
    if len(set(names)) != len(names):
        raise ValueError(f"names of columns must differ: {', '.join(names)}")
    return tuple(names)


def _searched(
    X: Any,
    y: Any,
    names: tuple[str, ...],
    noise: float | None,
    surrogate: Callable[[Any], Any] | None,
    budget: Budget,
    report: Callable[[str], None],
) -> tuple[Suggestion | None, str]:
    x, values = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != x.shape[:1]:
        raise ValueError(f"y has the shape {values.shape}, and X has {len(x)} rows; give one value a row")
    if not (np.isfinite(x).all() and np.isfinite(values).all()):
        raise ValueError("X and y must be finite numbers; leave out rows with missing values")
    if len(x) < 8:
        raise ValueError(f"{len(x)} points are too few for a formula; give at least eight")
    if noise is not None and not noise >= 0:
        raise ValueError(f"noise is {noise}; give the root mean square error of y, or None to estimate it")
    data = Scatter(tuple(symbol(name) for name in names), x, values, noise)
    judge = Judge(data)
    search(data, judge, Quest(budget, report, surrogate))
    if judge.best is None:
        reason = "no formula leaves only noise"
        return None, reason if budget.left else f"{reason} within {budget.seconds:.0f} s"
    best = judge.best
    exact = snap(best)
    if exact.rms > max(allowed(exact.noise, len(values)), 5 * data.rounding):
        exact = best
    return written(exact, budget), ""
