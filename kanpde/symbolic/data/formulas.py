"""Formulas of data: from values at scattered points of several coordinates to one exact formula, or to none.

Nothing is claimed beyond the data: "verified numerically" says that the formula leaves what noise leaves, and "not found" that no
formula did.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from kanpde.problem.types import symbol
from kanpde.results.types import Formula
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.data.edges import Suggestion, allowed, least_squares, snap
from kanpde.symbolic.data.judge import CLOSE, Judge, Scatter
from kanpde.symbolic.data.scan import Quest, search, silent
from kanpde.symbolic.data.written import written

SECONDS = 60.0
FEW = 40
"""Values of which none can be spared to be held back."""
HELD_BACK = 4.0
"""Standard deviations by which the misfit on values that were held back may exceed that on all."""


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
    lines = _said(found)
    return Formula(
        "verified numerically", {target: _with_floats(found)}, budget.spent, lines, how=found.how, coordinates=tuple(names)
    )


def _with_floats(found: Suggestion) -> sp.Expr:
    """The formula with its open numbers as the shortest decimals that mean them."""
    return found.expression.xreplace({n.symbol: sp.Float(repr(n.value)) for n in found.numbers})


def _said(found: Suggestion) -> tuple[str, ...]:
    """What is known of a formula: what it leaves, and how well its numbers are known."""
    size = max(float(np.std(found.values)), 1e-300)
    lines = [f"root mean square misfit {found.rms:.2e} on {len(found.values)} values, relative {found.rms / size:.1e}"]
    if found.rms <= CLOSE * rms(found.values):
        lines.append("what is left is rounding")
    else:
        lines.append(f"what is left looks like white noise of {found.noise:.2e}: other formulas may differ from this one by less")
    lines += [f"{n.value:.10g} is known to +- {n.slack:.1g}" for n in found.numbers]
    return tuple(lines)


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
    with np.errstate(all="ignore"):  # trial values overflow, and are then no candidates
        search(data, judge, Quest(budget, report, surrogate))
    if judge.best is None:
        reason = "no formula leaves only noise"
        return None, reason if budget.left else f"{reason} within {budget.seconds:.0f} s"
    if not _holds_back(judge.best):
        return None, "the best formula does not predict values that were held back"
    exact = snap(judge.best)
    if exact.rms > max(allowed(exact.noise, len(values)), 5 * data.rounding):
        exact = judge.best
    with np.errstate(all="ignore"):
        return _rounded(written(exact, budget)), ""


def _rounded(found: Suggestion) -> Suggestion:
    """Numbers to the digits that are known, and one more."""
    numbers = []
    for n in found.numbers:
        digits = 1 - math.floor(math.log10(n.slack)) if n.slack > 0 else 17
        numbers.append(replace(n, value=round(n.value, digits)) if digits < 15 else n)
    form = replace(found.form, numbers=tuple(numbers))
    misfit = rms(form.values(found.symbols, found.points) - found.values)
    return replace(found, numbers=form.numbers, rms=misfit) if misfit <= 1.001 * found.rms else found


def _holds_back(found: Suggestion) -> bool:
    """Whether the formula, fitted to four fifths of the values, predicts the others as well."""
    count = len(found.values)
    if count < FEW:
        return True
    back = np.random.default_rng(0).permutation(count) < count // 5
    seen = least_squares(found.form, found.symbols, [p[~back] for p in found.points], found.values[~back], found.noise)
    if seen is None:
        return False
    left = found.values[back] - seen.form.values(found.symbols, [p[back] for p in found.points])
    spare = 1 + HELD_BACK * math.sqrt(1 / (2 * back.sum()) + len(found.numbers) / count)
    return rms(left) <= max(spare * max(found.rms, found.noise), CLOSE * rms(found.values))
