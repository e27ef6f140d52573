"""The final table of a run: error, formula, network, time, and where the files are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kanpde.report.progress import grid_text

if TYPE_CHECKING:
    from rich.console import Console

    from kanpde.results import Estimate, Solution

SHOWN = 72
"""Characters of a formula in a table; the whole of it stands in summary.json."""


def rows(solution: Solution) -> list[tuple[str, str]]:
    """What a reader wants to know about a run, most important first, as (name, value)."""
    estimate, history = solution.estimate, solution.history
    found = [
        ("outcome", solution.outcome),
        ("estimated error", error_line(estimate)),
    ]
    for name, compared in solution.comparison.fields.items():
        label = "checked error" if len(solution.comparison.fields) == 1 else f"checked {name}"
        found.append((label, compared.sentence))
        if name in solution.comparison.beside:
            found.append(("and", solution.comparison.beside[name].sentence))
    if not solution.comparison.fields:
        found.append(("checked error", solution.comparison.remark or "no independent reference"))
    for name, (value, deviation) in solution.unknowns.items():
        found.append((name, f"{value:.10g} ± {deviation:.1e}"))
    if solution.formula is not None:
        found.append(("formula", formula_line(solution)))
    found.append(("network", network_line(solution)))
    if len(history.grids) > 1:
        found.append(("grids", " -> ".join(grid_text(grid) for grid in _ends(history.grids))))
    windows = f" in {history.windows} time windows" if history.windows > 1 else ""
    found.append(("time", f"{solution.seconds:.2f} s, {history.iterations} iterations{windows} ({solution.device})"))
    return found


def error_line(estimate: Estimate) -> str:
    """The solver's own estimate, if it came to one."""
    if not math.isfinite(estimate.value):
        return "not known"
    return f"{estimate.value:.1e}" + (" (at round-off)" if estimate.at_roundoff else "")


def formula_line(solution: Solution) -> str:
    """The formula and its status in one line."""
    formula = solution.formula
    if formula is None or not formula.text:
        return formula.sentence if formula is not None else "not found"
    text = formula.text if len(formula.text) <= SHOWN else formula.text[: SHOWN - 4] + " ..."
    return f"{text}  ({formula.status})"


def network_line(solution: Solution) -> str:
    """The shape of the network in words."""
    from kanpde.kan import PiecewiseKAN, WindowedKAN, smooth_part

    network, smooth = solution.network, smooth_part(solution.network)
    parts = []
    if smooth.factors:
        coordinates = solution.problem.coordinates
        letters = "abcdefg"
        product = " ".join(f"{letters[i]}_j({name})" for i, name in enumerate(coordinates))
        rank = smooth.rank // smooth.outputs
        form = f"sum of {product}" if rank > 1 else product.replace("_j", "")
        form = f"rank {rank}: {form}" if len(coordinates) > 1 else form
        parts.append(form + (" a field" if smooth.outputs > 1 else ""))
        degrees = sorted({group.degree for group in smooth.factors})
        parts += [
            f"degree {', '.join(map(str, degrees))}",
            f"grid {' x '.join(str(group.intervals) for group in smooth.factors)}",
        ]
    else:
        widths = [smooth.inputs, *(layer.nodes for layer in smooth.stack)]
        basis = smooth.edges[0]
        parts.append(f"{' -> '.join(map(str, widths))}, {basis.basis} of degree {basis.degree}")
    if isinstance(network, WindowedKAN):
        parts.insert(0, f"{len(network.windows)} windows")
    if isinstance(network, PiecewiseKAN):
        parts.insert(0, f"{network.pieces} pieces")
    if network.terms is not None:
        places = len({m.centre for m in network.terms.monomials})
        parts.append(f"{network.terms.count} singular terms at {places} point{'s' * (places > 1)}")
    return f"{', '.join(parts)}, {solution.parameters} parameters"


def _ends(grids: list[tuple[int, ...]], shown: int = 4) -> list[tuple[int, ...]]:
    return grids if len(grids) <= shown else [*grids[: shown - 1], grids[-1]]


def print_table(solution: Solution, console: Console, folder: Path | None = None) -> None:
    """The rows on a terminal as a table without lines, on a pipe as plain text."""
    print_rows(rows(solution), console, folder, solution.converged)


def print_rows(rows: Iterable[tuple[str, str]], console: Console, folder: Path | None = None, good: bool = True) -> None:
    """Names and values, and the files of a run folder; the outcome in green if it is ``good``."""
    from rich.table import Table
    from rich.text import Text

    found = list(rows)
    if folder is not None:
        files = sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir() if not path.name.startswith("."))
        found.append(("files", f"{folder}/  ({', '.join(files)})"))
    if not console.is_terminal:
        for name, value in found:
            console.out(f"{name:<17}{value}", highlight=False)
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=None)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in found:
        style = "" if name != "outcome" else "bold green" if good else "bold yellow"
        table.add_row(name, Text(value, style=style))
    console.print(table)
