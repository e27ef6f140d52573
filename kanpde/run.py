"""The pipeline, a step a line: read, train, symbolify, compare, export, report; for the command line and ``kanpde.solve``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import DivergedError, KanpdeError, MissingDependency, ProblemError, UnsupportedProblem
from kanpde.results import Comparison, Event, FieldComparison, Formula, Report, silent
from kanpde.results.formula import INTERRUPTED

if TYPE_CHECKING:
    from kanpde.learn.regression import Regression
    from kanpde.plan import Plan
    from kanpde.problem import Document, Problem
    from kanpde.reference import Reference
    from kanpde.results import Solution

DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("float64", "float32")

PATIENCE = 10.0
"""Seconds that an independent reference of ``auto`` may take beside a proved formula, which is the better judge already."""


def solve(
    problem: str | PathLike[str] | Problem,
    *,
    tolerance: float | None = None,
    budget: float | None = None,
    seed: int | None = None,
    device: str = "auto",
    dtype: str = "float64",
    out: str | PathLike[str] | None = None,
    progress: bool = True,
    report: Report | None = None,
    settings: Iterable[str] = (),
    **method: Any,
) -> Solution:
    """Solve a problem file, or a ``kanpde.Problem``, to a tolerance for the estimated relative error.

    ``tolerance``, ``budget`` (seconds) and ``seed`` take the place of what the file says, and so does every section of the method
    part given by its name (``network={"degree": 9}``, ``reference="none"``). ``progress`` shows a bar on a terminal; ``report``
    takes the events instead. Files are written only if ``out`` names a folder. Whether the tolerance was reached is said by
    ``solution.outcome``, not by an exception; DivergedError means that there is nothing usable to return, ProblemError,
    UnsupportedProblem and MissingDependency that nothing was tried.
    """
    given = {"tolerance": tolerance, "budget": budget, "seed": seed, **method}
    document = read(problem)
    plan = make_plan(document, {key: value for key, value in given.items() if value is not None}, settings)
    refuse_unsupported(document.problem)
    device = resolve_device(device)
    if dtype not in DTYPES:
        raise ProblemError(f"the number type is one of {', '.join(DTYPES)}, not '{dtype}'")

    from kanpde.problem import real_form
    from kanpde.report.progress import shown

    with shown(report, progress, document.problem.title) as said:
        return _pipeline(real_form(document.problem), plan, device, dtype, out, said)


def _pipeline(problem: Problem, plan: Plan, device: str, dtype: str, out: str | PathLike[str] | None, said: Report) -> Solution:
    from kanpde import export, train
    from kanpde.report import write_report
    from kanpde.report.progress import timed

    folder = export.RunFolder(out) if out is not None else None
    found: Solution | None = None

    def heard(event: Event) -> None:
        said(event)
        if folder is not None:
            folder.log(event)

    report = timed(heard)

    def checkpoint(so_far: Solution) -> None:
        nonlocal found
        found = so_far

    try:
        found = train.solve(problem, plan, device=device, dtype=dtype, report=report, checkpoint=checkpoint)
        found.versions = export.versions()
        if plan.symbolic.enabled:
            find_formula(found, report)
        compare_with_reference(found, report)
        if folder is not None:
            report(Event("message", "files", message=f"writing {folder.path}"))
            folder.write(found)
            write_report(found, folder.path)
        return found
    except (KeyboardInterrupt, DivergedError) as stop:
        if found is None or folder is None:
            raise
        found.converged = False
        if isinstance(stop, DivergedError):
            folder.write(found)
            raise DivergedError(f"{stop.message}; what was found so far is in {folder.path}", stop.span, stop.hint) from None
        if not found.outcome.startswith("interrupted"):
            found.outcome = f"interrupted after training: {found.outcome}"
        folder.write(found)
        raise KeyboardInterrupt(f"what was found so far is in {folder.path}") from None
    finally:
        if folder is not None:
            folder.close()


def compare_with_reference(solution: Solution, report: Report = silent) -> None:
    """Fill in ``comparison`` and ``errors`` from an independent reference, if the plan asks for one and there is one.

    A proved formula judges as well. Of two judges the one that is more accurate itself comes first, the other stands beside it.
    """
    from kanpde import reference
    from kanpde.export import errors_on

    report(Event("stage", "reference"))
    formula, section = _formula_as_judge(solution), solution.plan.reference
    if formula is not None and section.method == "auto":
        section = section.model_copy(update={"seconds": min(section.seconds, PATIENCE)})
    judge, remark = None, ""
    try:
        judge = reference.reference(solution.problem, section)
    except KanpdeError as error:  # the solution stands without its judge
        remark = f"no reference: {error.message}"
    judges = sorted((j for j in (judge, formula) if j is not None), key=lambda j: j.error)
    first, second = (*judges, None, None)[:2]
    found = reference.compare(solution.values, solution.gradients, solution.problem, first, solution.plan.seed)
    beside = reference.compare(solution.values, solution.gradients, solution.problem, second, solution.plan.seed)
    solution.comparison = Comparison(found.fields, remark or found.remark, beside.fields)
    solution.errors = errors_on(solution, first.values) if first is not None else {}


def _formula_as_judge(solution: Solution) -> Reference | None:
    """The proved formula as a reference, where there is one that numpy can evaluate; a slow series is no judge."""
    from kanpde.reference.proved import proved_formula

    if solution.formula is None or not solution.formula.proved or solution.formula.is_series:
        return None
    try:
        return proved_formula(solution.problem, solution.formula)
    except KanpdeError:
        return None


def find_formula(solution: Solution, report: Report = silent) -> None:
    """Fill in ``formula``: the search sees the trained network and the problem without ``exact``.

    Ctrl-C ends the search alone: the solution is whole without it, and what follows is still done. The same goes for a fault in
    the search, which the formula's ``how`` then names.
    """
    from kanpde import symbolic

    report(Event("stage", "formula"))
    plan = solution.plan.symbolic

    def said(text: str) -> None:
        report(Event("search", "formula", message=text))

    try:
        formula = symbolic.find_formula(solution, plan.seconds, plan.harvest, said)
    except KeyboardInterrupt:
        formula = Formula("not found", how=INTERRUPTED, transcript=("the search was interrupted",))
    except (
        Exception
    ) as error:  # hours of training are not lost to a fault in what comes after: it is said, and nothing is claimed
        formula = Formula("not found", how=f"internal error, {type(error).__name__}: {error}")
    solution.formula = formula.named(solution.problem)
    report(Event("message", "formula", message=solution.formula.text or solution.formula.sentence))


def read(problem: str | PathLike[str] | Problem) -> Document:
    """The problem and the method part of a file, or a Problem made in Python with an empty method part."""
    from kanpde.problem import Problem, read_file, read_text

    if isinstance(problem, Problem):
        return replace(read_text(problem.source, problem.path), problem=problem)
    return read_file(Path(problem))


def make_plan(document: Document, given: dict[str, Any], settings: Iterable[str] = ()) -> Plan:
    """The plan of a document, with what the caller gave (by name, or as ``network.degree=5``) in place of what the file says."""
    from kanpde.plan import apply_setting
    from kanpde.plan import make_plan as make
    from kanpde.problem import check_degree

    method = {**document.method, **given}
    for setting in settings:
        method = apply_setting(method, setting)
    plan = make(method, document.span_of)
    if plan.network.degree is not None:
        check_degree(document.problem, plan.network.degree, document.span_of(("network", "degree")))
    return plan


def check(path: str | PathLike[str]) -> Document:
    """Read and check a problem file with its method part, without solving it; raises ProblemError."""
    document = read(path)
    make_plan(document, {})
    return document


def refuse_unsupported(problem: Problem) -> None:
    """Raise UnsupportedProblem for the first construct that is read but not solved by this version."""
    for remark in problem.unsupported:
        raise UnsupportedProblem(remark.message, remark.span, remark.hint)


def resolve_device(device: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is the CPU, on which problems of two coordinates are faster than a GPU can start.

    Raises MissingDependency for a GPU that is not there.
    """
    if device not in DEVICES:
        raise ProblemError(f"the device is one of {', '.join(DEVICES)}, not '{device}'")
    if device != "cuda":
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise MissingDependency("no CUDA device is available here; leave --device out, or say --device cpu")
    return "cuda"


def compare(run: str | PathLike[str], other: str | PathLike[str] | None = None) -> Comparison:
    """A finished run against its reference, against another run, or against values in a CSV file (columns x, t, u)."""
    from kanpde import export, reference

    solution = export.load(run)
    if other is None:
        if not solution.comparison.fields:
            compare_with_reference(solution)
        return solution.comparison
    if Path(other).suffix == ".csv":
        return _compare_with_file(solution, Path(other))
    judge = export.load(other)
    if judge.problem.coordinates != solution.problem.coordinates or judge.fields != solution.fields:
        raise ProblemError(f"'{run}' and '{other}' have different unknowns or coordinates, and cannot be compared")
    low = np.maximum(solution.problem.domain.bounds[:, 0], judge.problem.domain.bounds[:, 0])
    high = np.minimum(solution.problem.domain.bounds[:, 1], judge.problem.domain.bounds[:, 1])
    if not (low < high).all():
        raise ProblemError(f"'{run}' and '{other}' have no part of their domains in common")
    names = solution.problem.coordinates
    as_reference = reference.Reference(
        method=f"run {other}",
        error=max(judge.estimate.value, reference.FLOOR),
        seconds=judge.seconds,
        values=lambda points: judge.values(dict(zip(names, points.T, strict=True))),
        gradients=lambda points: judge.gradients(dict(zip(names, points.T, strict=True))),
    )
    bounds = np.stack([low, high], -1)
    return reference.compare(
        solution.values, solution.gradients, solution.problem, as_reference, solution.plan.seed, bounds=bounds
    )


def _compare_with_file(solution: Solution, path: Path) -> Comparison:
    """At the points of the file; its own error is not known."""
    from kanpde.export.tables import columns_in_file

    columns = columns_in_file(path, (*solution.problem.coordinates, *solution.fields))
    values = solution.values({name: columns[name] for name in solution.problem.coordinates})
    fields = {}
    for name, found in values.items():
        size, largest = np.linalg.norm(columns[name]), np.abs(columns[name]).max()
        difference = found - columns[name]
        l2, most = float(np.linalg.norm(difference) / (size or 1.0)), float(np.abs(difference).max() / (largest or 1.0))
        fields[name] = FieldComparison(l2, most, None, str(path), math.nan, 0.0)
    return Comparison(fields)


def symbolic(
    run: str | PathLike[str], seconds: float | None = None, harvest: bool | None = None, report: Report = silent
) -> Solution:
    """Search and prove a closed form of a finished run, and write it into the run.

    ``seconds`` and ``harvest`` (whether to try the functions that the problem itself names) take the place of the run's plan.
    A run that has a formula already keeps it if the search finds none.
    """
    from kanpde import export
    from kanpde.report import write_report
    from kanpde.report.progress import timed

    solution = export.load(run)
    given = {key: value for key, value in (("seconds", seconds), ("harvest", harvest)) if value is not None}
    section = solution.plan.symbolic.model_copy(update=given)
    solution.plan = solution.plan.model_copy(update={"symbolic": section})
    before, dated = solution.formula, timed(report)
    find_formula(solution, dated)
    assert solution.formula is not None
    if before is not None and before.expressions and not solution.formula.expressions:
        return solution
    if solution.formula.proved:
        compare_with_reference(solution, dated)
    if Path(run).is_dir():
        export.RunFolder(run).write(solution)
        write_report(solution, run)
    else:
        export.save(solution, run)
    return solution


def plot(
    run: str | PathLike[str], suffix: str = "png", dpi: int | None = None, out: str | PathLike[str] | None = None
) -> list[Path]:
    """Draw the figures of a finished run again, in another format or resolution; returns the files."""
    from kanpde import export
    from kanpde.report.figures import DPI, rendered, write_figures

    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    return write_figures(rendered(export.load(run), suffix, dpi or DPI), out or folder, suffix)


_SELF_TEST = """
title: Self-test
find: u(x, y)
domain: {x: [0, 1], y: [0, 1]}
equation: -lap(u) = 2*pi^2*sin(pi*x)*sin(pi*y)
boundary: u = 0
exact: u = sin(pi*x)*sin(pi*y)
symbolic: none
"""


def self_test() -> Solution:
    """Solve a small Poisson problem whose solution is known."""
    from kanpde.problem import read_text

    return solve(read_text(_SELF_TEST, "<self-test>").problem, progress=False)


def load(path: str | PathLike[str]) -> Solution | Regression | Problem:
    """A finished run (its folder or file) as a Solution or a Regression, or a problem file as a Problem."""
    source = Path(path)
    return read(source).problem if source.suffix in (".yaml", ".yml") else load_run(source)


def load_run(path: str | PathLike[str]) -> Solution | Regression:
    """What a folder or a file holds: the solution of a problem, or a fit to data."""
    from kanpde import export
    from kanpde.export import regression

    return regression.load(path) if is_fit(path) else export.load(path)


def is_fit(path: str | PathLike[str]) -> bool:
    """Whether a run is a fit to data, and not the solution of a problem."""
    from kanpde.export.regression import is_regression

    return is_regression(path)
