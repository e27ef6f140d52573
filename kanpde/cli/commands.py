"""What each command calls, and how its answer is said. Holds no logic."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanpde.cli import fits
from kanpde.cli.say import (
    BAD_INPUT,
    MISSED,
    SOLVED,
    complain,
    console,
    reporting,
    say,
    say_formula,
    say_json,
    say_values,
)
from kanpde.errors import KanpdeError

if TYPE_CHECKING:
    from kanpde.results import Solution


def solve(options: argparse.Namespace) -> int:
    """Solve a problem file."""
    from kanpde import run
    from kanpde.report.table import print_table

    folder = Path(options.out or Path("runs") / Path(options.file).stem)
    settings = {key: getattr(options, key) for key in ("tolerance", "budget", "seed", "device", "dtype")}
    arguments: dict[str, Any] = {**settings, "settings": options.set, "out": folder}
    problem = run.read(options.file).problem
    for remark in problem.remarks:
        if not remark.unsupported:
            complain(str(remark))
    with reporting(options, options.file) as report:
        solution = run.solve(problem, report=report, **arguments)
    if options.json:
        from kanpde.export import summary

        say_json(summary(solution))
    elif not options.quiet:
        print_table(solution, console(), folder)
    return SOLVED if solution.converged else MISSED


def check(options: argparse.Namespace) -> int:
    """Read problem files and say what is wrong with them."""
    from kanpde import run

    verdicts = []
    for path in options.files:
        verdict: dict[str, Any] = {"file": path, "ok": True, "title": None, "warnings": [], "error": None}
        try:
            problem = run.check(path).problem
            verdict |= {"title": problem.title, "warnings": [str(remark) for remark in problem.remarks]}
        except (KanpdeError, OSError) as error:
            if options.debug:
                raise
            verdict |= {"ok": False, "error": str(error)}
        verdicts.append(verdict)
        if options.json:
            continue
        for text in [*verdict["warnings"], *([verdict["error"]] if verdict["error"] else [])]:
            complain(text)
        if verdict["ok"] and not options.quiet:
            count = len(verdict["warnings"])
            warned = f" ({count} warning{'s' * (count > 1)})" if count else ""
            say(f"{path}: ok" + (f", {verdict['title']}" if verdict["title"] else "") + warned)
    if options.json:
        say_json({"files": verdicts})
    return SOLVED if all(verdict["ok"] for verdict in verdicts) else BAD_INPUT


def show(options: argparse.Namespace) -> int:
    """A problem as mathematics, or what a run found."""
    from kanpde import run
    from kanpde.problem import Problem
    from kanpde.report.mathematics import as_latex, as_text
    from kanpde.results import Solution

    found = run.load(options.path)
    if isinstance(found, Solution):
        return _show_run(found, options)
    if not isinstance(found, Problem):
        return fits.show(found, options)
    if options.json:
        say_json({"title": found.title, "text": as_text(found), "latex": as_latex(found)})
    else:
        say(as_latex(found) if options.latex else as_text(found))
    return SOLVED


def _show_run(solution: Solution, options: argparse.Namespace) -> int:
    from kanpde.export import summary
    from kanpde.report.mathematics import as_latex, as_text, formula_as_latex
    from kanpde.report.table import print_table

    if options.json:
        say_json(summary(solution))
    elif options.latex:
        say("\n\n".join(filter(None, (as_latex(solution.problem), formula_as_latex(solution.formula)))))
    else:
        say(as_text(solution.problem) + "\n")
        print_table(solution, console(), Path(options.path) if Path(options.path).is_dir() else None)
        if solution.formula is not None:
            say("")
            say_formula(solution.formula)
    return SOLVED


def evaluate(options: argparse.Namespace) -> int:
    """Values of a run at points."""
    from kanpde import run
    from kanpde.export import load
    from kanpde.export.tables import read_points, values_at, write_table

    if run.is_fit(options.run):
        return fits.evaluate(options)
    solution = load(options.run)
    points = read_points(options.at, options.grid, solution)
    values = values_at(solution, points, [name.strip() for name in options.derivatives.split(",") if name.strip()])
    if options.to:
        write_table(options.to, solution, points, values)
    say_values(options, points, values)
    return SOLVED


def compare(options: argparse.Namespace) -> int:
    """The error of a run."""
    from kanpde import run

    if run.is_fit(options.run):
        return fits.compare(options)
    comparison = run.compare(options.run, options.other)
    if options.json:
        fields, beside = ({name: vars(c) for name, c in part.items()} for part in (comparison.fields, comparison.beside))
        say_json({"fields": fields, "remark": comparison.remark, **({"beside": beside} if beside else {})})
        return SOLVED
    for name, found in comparison.fields.items():
        h1 = "" if found.h1 is None else f", relative H1 {found.h1:.1e}"
        say(f"{name}: {found.sentence}; relative maximum {found.max:.1e}{h1}")
    for name, found in comparison.beside.items():
        say(f"{name}: beside that, {found.sentence}")
    if comparison.remark or not comparison.fields:
        say(comparison.remark or "no independent reference")
    return SOLVED


def symbolic(options: argparse.Namespace) -> int:
    """Search a formula of a finished run."""
    from kanpde import run

    if run.is_fit(options.run):
        return fits.symbolic(options)
    harvest = False if options.no_harvest else None
    with reporting(options, options.run) as report:
        solution = run.symbolic(options.run, options.seconds, harvest, report)
    if options.json:
        from kanpde.export import summary

        say_json(summary(solution)["formula"])
    elif solution.formula is not None and not options.quiet:
        say_formula(solution.formula)
    return SOLVED


def export(options: argparse.Namespace) -> int:
    """Write a run in another format."""
    from kanpde import run

    run.load_run(options.run).save(options.to)
    if options.json:
        say_json({"file": options.to})
    elif not options.quiet:
        say(options.to)
    return SOLVED


def plot(options: argparse.Namespace) -> int:
    """Draw the figures of a run again."""
    from kanpde import run, run_fit

    draw = run_fit.plot if run.is_fit(options.run) else run.plot
    files = draw(options.run, options.format, options.dpi, options.out)
    if options.json:
        say_json({"files": [str(path) for path in files]})
    elif not options.quiet:
        for path in files:
            say(str(path))
    return SOLVED


def list_tables(options: argparse.Namespace) -> int:
    """What there is."""
    from kanpde.report.catalogue import NOTES, TABLES, entries

    kinds = [options.kind] if options.kind else list(TABLES)
    found = {kind: entries(kind) for kind in kinds}
    if options.json:
        say_json({kind: [vars(entry) for entry in table] for kind, table in found.items()})
        return SOLVED
    for kind, table in found.items():
        if len(kinds) > 1 or kind in NOTES:
            say(f"{kind} ({NOTES[kind]}):" if kind in NOTES else f"{kind}:")
        width = max((len(entry.name) for entry in table), default=0)
        for entry in table:
            defaults = f"  [{entry.defaults}]" if entry.defaults else ""
            say(f"  {entry.name:<{width}}  {entry.sentence}{defaults}")
        if not table:
            say("  none in this folder")
    return SOLVED


def schema(options: argparse.Namespace) -> int:
    """The JSON Schema of the problem file."""
    from kanpde.plan.schema import schema

    say_json(schema())
    return SOLVED


def doctor(options: argparse.Namespace) -> int:
    """Versions, device and a self-test."""
    import torch

    from kanpde import run
    from kanpde.export import summary, versions

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    found = {**versions(), "cuda": device, "threads": str(torch.get_num_threads())}
    test = summary(run.self_test())
    error = test["fields"]["u"]["l2"]
    if options.json:
        say_json({"versions": found, "error": error, "seconds": test["seconds"], "ok": test["converged"]})
    else:
        for name, value in found.items():
            say(f"{name:<10}{value}")
        say(f"self-test {test['outcome']} (true error {error:.1e}, {test['seconds']:.2f} s)")
    return SOLVED if test["converged"] else MISSED
