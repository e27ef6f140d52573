"""From a file of data to a run folder, a step a line: read, fit, prune, look for a formula, write; for the command line."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import DivergedError, ProblemError
from kanpde.results import Event, FieldComparison, Formula, Report, silent
from kanpde.results.formula import INTERRUPTED

if TYPE_CHECKING:
    from kanpde.learn.columns import Columns
    from kanpde.learn.data import Data
    from kanpde.learn.regression import Regression

PRUNED = 1.1
"""The error may grow by a tenth when nodes are taken out and the rest is trained again; else the whole network is kept."""

LEFT_OVER = 0.1
"""Of the error: edges and nodes that change the function by less may go without anybody noticing."""

SIMPLE = 1e-2
"""Relative error that a smaller network may have on the coarse grid, before the finer ones; that of a picture on a screen."""

FINER = (2, 4, 8)
"""Grids of the smaller network, in those of the larger one; training stops at the first that brings nothing."""

MOST_EDGES = 12
"""Edges that are tried as known functions, each with several; more take longer than the search in the data."""

FORMULA_SECONDS = 30.0
"""For the search of a formula, unless told otherwise."""


def fit_file(
    path: str | PathLike[str],
    *,
    targets: Sequence[str] = (),
    inputs: Sequence[str] = (),
    names: Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    prune: bool = True,
    seconds: float = FORMULA_SECONDS,
    noise: float | None = None,
    settings: Iterable[str] = (),
    progress: bool = True,
    report: Report | None = None,
    **words: Any,
) -> Regression:
    """Fit a network to columns of a file, simplify it, look for a formula, and write the run folder ``out`` if one is named.

    ``targets`` names what is predicted (the last column if empty), ``inputs`` what from (all others), ``names`` renames all
    columns; ``seconds`` bounds the search for a formula (0: none is looked for), ``noise`` is the error of the values where it is
    known; ``words`` and ``settings`` ("steps=50") are those of ``kanpde.fit``. Raises ProblemError for input that does not fit.
    """
    from kanpde.report.progress import shown

    x, y, inputs, targets = read_data(path, targets, inputs, names)
    words = _words(words, settings)
    with shown(report, progress, Path(path).name) as said:
        return _pipeline(x, y, inputs, targets, words, prune, seconds, noise, out, said)


def read_data(
    path: str | PathLike[str], targets: Sequence[str] = (), inputs: Sequence[str] = (), names: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], tuple[str, ...]]:  # (N, d), (N, m), d names, m names
    """Inputs and targets of a file of columns, and what they are called; raises ProblemError."""
    from kanpde.learn.columns import read_columns

    if both := [name for name in inputs if name in targets]:
        raise ProblemError(f"the column '{both[0]}' is an input and a target; it can be one of them")
    wanted = (*inputs, *targets) if inputs and targets and not names else ()
    table = _renamed(read_columns(path, wanted), names, str(path))
    if len(table.names) < 2:
        raise ProblemError(f"'{path}' has one column; a fit needs at least one input and a target")
    chosen = [table.place(name, str(path)) for name in targets] or [len(table.names) - 1]
    given = [table.place(name, str(path)) for name in inputs] or [n for n in range(len(table.names)) if n not in chosen]
    if same := set(given) & set(chosen):
        raise ProblemError(f"the column '{table.names[min(same)]}' is an input and a target; it can be one of them")
    if not given:
        raise ProblemError("every column is a target, so that there is nothing to predict from", hint="leave one out of --target")
    called = table.names
    if not (table.named or names or targets):
        called = (*called[:-1], "y")
    return table.values[:, given], table.values[:, chosen], tuple(called[n] for n in given), tuple(called[n] for n in chosen)


def _renamed(table: Columns, names: Sequence[str], path: str) -> Columns:
    from kanpde.learn.columns import Columns

    if not names:
        return table
    if len(names) != len(table.names) or len(set(names)) < len(names):
        raise ProblemError(f"{path} has {len(table.names)} columns; --names needs as many different names, not {','.join(names)}")
    return Columns(tuple(names), table.values, True)


def _words(words: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """The words of ``kanpde.fit`` that were given, checked."""
    from kanpde.kan import BASES
    from kanpde.learn.fit import fit
    from kanpde.optimize import OPTIMIZERS
    from kanpde.plan import apply_setting

    found = {name: value for name, value in words.items() if value is not None}
    known = [name for name in inspect.signature(fit).parameters if name not in ("X", "y", "settings", "progress", "report")]
    for setting in settings:
        name = setting.partition("=")[0].strip()
        if "=" not in setting or name not in known:
            raise ProblemError(f"'{setting}' is no setting of a fit", hint=f"write --set steps=50; there are {', '.join(known)}")
        found = apply_setting(found, setting)
    for word, table in (("basis", BASES), ("optimizer", OPTIMIZERS)):  # said before anything is computed or written
        if (name := found.get(word, "auto")) not in ("auto", *table):
            raise ProblemError(f"there is no {word} '{name}'; there are {', '.join(table)}")
    return found


def _pipeline(
    x: np.ndarray,
    y: np.ndarray,
    inputs: tuple[str, ...],
    targets: tuple[str, ...],
    words: dict[str, Any],
    prune: bool,
    seconds: float,
    noise: float | None,
    out: str | PathLike[str] | None,
    said: Report,
) -> Regression:
    from kanpde import export
    from kanpde.export.regression import write_fit
    from kanpde.learn.fit import fit
    from kanpde.report.fits import write_report
    from kanpde.report.progress import timed

    folder = export.RunFolder(out) if out is not None else None

    def heard(event: Event) -> None:
        said(event)
        if folder is not None:
            folder.log(event)

    report = timed(heard)
    try:
        try:
            found = fit(x, y, names=inputs, targets=targets, report=report, **words)
        except ValueError as error:
            raise ProblemError(str(error)) from error
        if not np.isfinite(found.rmse):
            raise DivergedError("training found no network with finite values", hint="other units, or --optimizer adam, may help")
        found = replace(found, versions=export.versions())
        stopped = False
        try:
            if prune:
                found = simpler(found, report)
        except KeyboardInterrupt:  # the fit is whole without what follows
            stopped = True
        if seconds > 0:
            found = (
                replace(found, formula=Formula("not found", how=INTERRUPTED))
                if stopped
                else with_formula(found, seconds, noise, report)
            )
        if folder is not None:
            report(Event("message", "files", message=f"writing {folder.path}"))
            write_fit(found, folder.path)
            write_report(found, folder.path)
        return found
    finally:
        if folder is not None:
            folder.close()


def simpler(found: Regression, report: Report = silent) -> Regression:
    """The fit without what hardly matters; of a trained network, the smallest that learns the data nearly as well.

    Fewer nodes leave room for more intervals: a network of the right shape becomes more accurate by them, and no other does. A
    fit that holds no points back was chosen by its size already.
    """
    report(Event("stage", "prune"))
    bare = found.prune(change=LEFT_OVER * found.relative(found.data))
    if bare.live_edges < found.live_edges:
        report(Event("message", "prune", message=bare.outcome))
        found = replace(bare, outcome=found.outcome)
    return found if found.validation is None else _smaller(found, found.validation, report)


def _smaller(found: Regression, judge: Data, report: Report) -> Regression:
    budget = float(found.settings.get("budget") or 60.0)
    small = found.simplify(max(SIMPLE, found.relative(judge)), budget / 2)
    if small.parameters >= found.parameters:
        report(Event("message", "prune", message=small.outcome))
        return found
    report(Event("message", "prune", message=small.outcome))
    largest = max(small.network.intervals)
    fine = small.refit(report=report, budget=budget / 2, grids=[largest * factor for factor in FINER])
    if fine.relative(judge) > PRUNED * found.relative(judge):
        report(Event("message", "prune", message="the smaller network is worse: the larger one is kept"))
        return found
    return replace(fine, outcome=f"{fine.outcome}; {small.outcome.partition(', relative')[0]}")


def with_formula(found: Regression, seconds: float, noise: float | None = None, report: Report = silent) -> Regression:
    """The fit with the formula of its data, or else of its network, should all edges be known functions.

    Ctrl-C ends the search alone, and a fault in it is said by the formula's ``how``.
    """
    report(Event("stage", "formula"))
    began = time.perf_counter()
    try:
        found = found.find_formula(seconds, noise, report)
        left = seconds - (time.perf_counter() - began)
        if not (found.formula and found.formula.expressions) and found.live_edges <= MOST_EDGES and left > 1:
            report(Event("search", "formula", message="edges as known functions"))
            named = found.auto_symbolic(left)
            found = named if named.formula and named.formula.expressions else found
    except KeyboardInterrupt:
        found = replace(found, formula=Formula("not found", how=INTERRUPTED))
    except Exception as error:  # the fit is not lost to a fault in what comes after: it is said, and nothing is claimed
        found = replace(found, formula=Formula("not found", how=f"internal error, {type(error).__name__}: {error}"))
    assert found.formula is not None
    report(Event("message", "formula", message=found.formula.text or found.formula.sentence))
    return found


def symbolic(
    run: str | PathLike[str], seconds: float | None = None, noise: float | None = None, report: Report = silent
) -> Regression:
    """Look for a formula of a finished fit, and write it into the run; a formula that it has already stays if none is found."""
    from kanpde.export.regression import load, write_fit, write_regression
    from kanpde.report.fits import write_report
    from kanpde.report.progress import timed

    before = load(run)
    found = with_formula(before, FORMULA_SECONDS if seconds is None else seconds, noise, timed(report))
    if before.formula is not None and before.formula.expressions and not (found.formula and found.formula.expressions):
        return before
    if Path(run).is_dir():
        write_fit(found, Path(run))
        write_report(found, run)
    else:
        write_regression(found, run)
    return found


def is_good(found: Regression) -> bool:
    """Whether the relative error that was asked for was reached, on the points held back where there are any."""
    judge = found.validation if found.validation is not None else found.data
    tolerance = float(found.settings.get("tolerance") or 0.0)
    return tolerance == 0 or found.relative(judge) <= tolerance


def compare(run: str | PathLike[str], other: str | PathLike[str] | None) -> dict[str, FieldComparison]:
    """A fit against values in a file with columns of its inputs and targets: {target: how far it is}."""
    from kanpde.export.regression import load
    from kanpde.learn.columns import read_columns

    found = load(run)
    if other is None:
        raise ProblemError("a fit has no reference", hint="name a file with values: kanpde compare RUN test.csv")
    names = (*found.names, *found.targets)
    table = read_columns(other, names, unnamed=names)
    columns = {name: table.values[:, table.place(name, str(other))] for name in names}
    values = found.values(columns)
    return {name: _compared(values[name], columns[name], str(other)) for name in found.targets}


def _compared(found: np.ndarray, given: np.ndarray, file: str) -> FieldComparison:  # (N,), (N,)
    size, largest, difference = np.linalg.norm(given), np.abs(given).max(), found - given
    l2, most = float(np.linalg.norm(difference) / (size or 1.0)), float(np.abs(difference).max() / (largest or 1.0))
    return FieldComparison(l2, most, None, file, math.nan, 0.0)


def plot(
    run: str | PathLike[str], suffix: str = "png", dpi: int | None = None, out: str | PathLike[str] | None = None
) -> list[Path]:
    """Draw the figures of a finished fit again, in another format or resolution; returns the files."""
    from kanpde.export.regression import load
    from kanpde.report.figures import DPI, write_figures
    from kanpde.report.fits import rendered

    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    return write_figures(rendered(load(run), suffix, dpi or DPI), out or folder, suffix)
