"""The command ``fit``, and what the other commands do with the run of a fit. Holds no logic."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanpde.cli.say import MISSED, SOLVED, console, reporting, say, say_formula, say_json, say_values
from kanpde.errors import ProblemError

if TYPE_CHECKING:
    from kanpde.learn.regression import Regression

WORDS = ("widths", "grid", "degree", "basis", "optimizer", "l1", "validation", "tolerance", "budget", "seed", "device", "dtype")
"""Options that are words of ``kanpde.fit``."""


def fit(options: argparse.Namespace) -> int:
    """Fit a network to columns of a file."""
    from kanpde import run_fit
    from kanpde.report.table import print_rows

    folder = Path(options.out or Path("runs") / Path(options.file).stem)
    arguments: dict[str, Any] = {name: getattr(options, name) for name in WORDS}
    arguments |= {"targets": _names(options.target), "inputs": _names(options.inputs), "names": _names(options.names)}
    arguments |= {"out": folder, "settings": options.set, "prune": not options.no_prune, "noise": options.noise}
    if options.seconds is not None:
        arguments["seconds"] = options.seconds
    with reporting(options, options.file) as report:
        found = run_fit.fit_file(options.file, report=report, **arguments)
    good = run_fit.is_good(found)
    if options.json:
        say_json(found.summary())
    elif not options.quiet:
        print_rows(found.rows(), console(), folder, good)
    return SOLVED if good else MISSED


def _names(given: list[str] | None) -> list[str]:
    """``--target u --target v`` and ``--target u,v`` say the same."""
    return [name.strip() for text in given or [] for name in text.split(",") if name.strip()]


def widths(text: str) -> list[int | list[int]] | str:
    """``2,5,1``, with ``3+2`` for three sums and two products, or ``auto``."""
    if text == "auto":
        return text
    try:
        parts = [[int(n) for n in part.split("+")] for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) < 2 or any(len(part) > 2 for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of widths; write 2,5,1, or 2,3+2,1 for two products")
    return [part[0] if len(part) == 1 else part for part in parts]


def grid(text: str) -> int | list[int] | str:
    """``10``, ``5,10,20`` for successive stages, or ``auto``."""
    if text == "auto":
        return text
    try:
        stages = [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no grid; write 10, or 5,10,20 for stages") from None
    return stages[0] if len(stages) == 1 else stages


def degree(text: str) -> int | str:
    """``3``, or ``auto``."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no degree; write 3, or auto") from None


def show(found: Regression, options: argparse.Namespace) -> int:
    """What a fit found."""
    from kanpde.report.table import print_rows

    if options.json:
        say_json(found.summary())
    elif options.latex:
        if found.formula is None or not found.formula.latex:
            raise ProblemError("no formula was found for this fit, so that there is no LaTeX of it")
        say(found.formula.latex)
    else:
        print_rows(found.rows(), console(), Path(options.path) if Path(options.path).is_dir() else None)
        if found.formula is not None:
            say("")
            say_formula(found.formula)
    return SOLVED


def evaluate(options: argparse.Namespace) -> int:
    """Values of a fit at points."""
    from kanpde.export.fit_tables import read_points, values_at, write_table
    from kanpde.export.regression import load

    found = load(options.run)
    points = read_points(options.at, options.grid, found)
    values = values_at(found, points, options.derivatives)
    if options.to:
        write_table(options.to, points, values)
    say_values(options, points, values)
    return SOLVED


def compare(options: argparse.Namespace) -> int:
    """A fit against values in a file."""
    from kanpde import run_fit

    found = run_fit.compare(options.run, options.other)
    if options.json:
        say_json({"fields": {name: vars(one) for name, one in found.items()}, "remark": ""})
        return SOLVED
    for name, one in found.items():
        say(f"{name}: {one.sentence}")
    return SOLVED


def symbolic(options: argparse.Namespace) -> int:
    """Search a formula of a finished fit."""
    from kanpde import run_fit

    with reporting(options, options.run) as report:
        found = run_fit.symbolic(options.run, options.seconds, report=report)
    if options.json:
        say_json(found.summary()["formula"])
    elif found.formula is not None and not options.quiet:
        say_formula(found.formula)
    return SOLVED
