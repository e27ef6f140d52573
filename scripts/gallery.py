"""Solves the problems of ``problems/`` by their defaults, and writes the gallery: pictures, figures and tables.

    python scripts/gallery.py                     every problem
    python scripts/gallery.py burgers poisson_l   some of them; the others keep what was measured before
    python scripts/gallery.py --tables            no problem: the tables again, from docs/gallery/figures.json

Written are the pictures, figures.json and README.md in docs/gallery, and the part of README.md between its two marks. Every
number is what ``kanpde solve problems/NAME.yaml`` says of itself: the error against its reference (never below the reference's
own), its estimate, and the seconds of training, compression and estimate, without imports, reference and search for a formula.
The seconds are those of the processor, one thread, so that others on the machine do not count; they depend on the machine.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from kanpde.errors import KanpdeError
from kanpde.problem import real_form
from kanpde.report import style
from kanpde.report.outline import grown, outline, trim
from kanpde.report.panels import panels
from kanpde.results import Solution
from kanpde.run import compare_with_reference, find_formula, make_plan, read, refuse_unsupported
from kanpde.train import solve

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "gallery"
FIGURES = FOLDER / "figures.json"
BEGIN, END = "<!-- gallery: python scripts/gallery.py -->", "<!-- end of the gallery -->"

CHOSEN = (
    "laplace_four_holes", "poisson_l_shape", "poisson_annulus", "two_materials",
    "lid_driven_cavity", "kovasznay", "taylor_green", "poisson_ball",
    "burgers", "kdv", "kuramoto_sivashinsky", "schroedinger",
)  # fmt: skip
"""Shown in README.md, ``ACROSS`` of them in a row; the others in docs/gallery/README.md."""
ACROSS = 4

FLOWS = ("lid_driven_cavity", "kovasznay", "taylor_green")
"""Shown as the speed of (u, v) with stream lines; every other problem by its first field."""

SIZE, DPI = (4.0, 3.0), 100  # inches, dots an inch: pictures of 400 by 300
COLOURS = 192  # of one picture: half of the bytes, and no visible difference
FINE = 321  # points along each axis
LINES = 10  # level lines: an even number leaves out zero, which on a boundary is round-off

Figures = dict[str, Any]
"""What was measured of one problem, in plain types."""


def measured(solution: Solution, seconds: float) -> Figures:
    """What a run says of itself; of several fields the one with the largest error."""
    judged = max(solution.comparison.fields.values(), key=lambda f: max(f.l2, f.error), default=None)
    formula = solution.formula
    return {
        "title": solution.problem.title,
        "solved": solution.converged,
        "outcome": solution.outcome,
        "tolerance": solution.plan.tolerance,
        "error": judged and judged.l2,
        "reference": judged and judged.method,
        "reference_error": judged and judged.error,
        "estimate": solution.estimate.value,
        "seconds": round(seconds, 2),
        "parameters": solution.parameters,
        "formula": formula.text if formula and formula.status.startswith("proved") else "",
        "status": formula.status if formula else "",
    }


# ---- pictures --------------------------------------------------------------------------------------------------------


def picture(name: str, solution: Solution) -> bytes:
    """One field of one slice as a small PNG without axes: in time-dependent planes halfway, in space through the middle."""
    domain = solution.problem.domain
    every = panels(solution)
    panel = every[len(every) // 2] if domain.time else every[0]
    names = ("u", "v") if name in FLOWS else solution.functions[:1]
    found = [panel.values(solution, field, FINE) for field in names]
    x, y, _ = found[0]
    fields = [np.abs(v) if np.iscomplexobj(v) else v for _, _, v in found]
    values = fields[0] if len(fields) == 1 else np.hypot(*fields)  # (N_up, N_across)

    figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white")
    ax = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    path = outline(domain) if {panel.across, panel.up} == {domain.coordinates[axis] for axis in domain.region_axes} else None
    shown = grown(values) if path is not None else values
    drawn = [style.image(ax, x, y, shown, *style.colours(values), label="", bar=False)]
    if len(fields) == 2:
        ax.streamplot(x, y, *fields, color="white", linewidth=0.6, density=0.8, arrowsize=0.6)
    elif domain.time not in (panel.across, panel.up):
        levels = np.linspace(*style.extremes(values), LINES + 2)[1:-1]
        known = np.ma.masked_invalid(shown)
        drawn.append(ax.contour(x, y, known, levels=levels, colors="black", linewidths=0.4, linestyles="solid"))
    if path is not None:
        trim(ax, path, *drawn)
    _bare(ax, x, y, stretched=domain.time in (panel.across, panel.up))
    return _png(figure)


def _bare(ax: Axes, x: np.ndarray, y: np.ndarray, stretched: bool) -> None:
    """No axes; true proportions in the plane, a full picture where one axis is time."""
    ax.set_axis_off()
    margin = 0.0 if stretched else 0.01
    ax.set_xlim(x[0] - margin * (x[-1] - x[0]), x[-1] + margin * (x[-1] - x[0]))
    ax.set_ylim(y[0] - margin * (y[-1] - y[0]), y[-1] + margin * (y[-1] - y[0]))
    ax.set_aspect("auto" if stretched else "equal")


def _png(figure: Figure) -> bytes:
    """The figure in few colours, and with nothing in the file that differs from run to run."""
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    image = Image.open(raw).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


# ---- tables ----------------------------------------------------------------------------------------------------------


def error_text(row: Figures) -> str:
    """The measured error; where the reference is no better than the solution, what the reference can tell."""
    if row["error"] is None:
        return "no reference"
    if row["error"] <= row["reference_error"]:
        return f"at most {row['reference_error']:.0e}"
    return f"{row['error']:.1e}"


def judge_text(row: Figures) -> str:
    """What the error was measured against."""
    if row["reference"] in (None, "exact"):
        return "exact solution" if row["reference"] else ""
    return f"{row['reference']}, good to {row['reference_error']:.0e}"


def seconds_text(row: Figures) -> str:
    """Two digits are as many as repeat."""
    return f"{row['seconds']:.2g}" if row["seconds"] < 10 else f"{row['seconds']:.0f}"


def whole(rows: dict[str, Figures]) -> str:
    """docs/gallery/README.md: every problem in a line of one table."""
    lines = [
        "# Gallery",
        "",
        "Made by `python scripts/gallery.py`, which says how. The numbers are those of `kanpde solve problems/NAME.yaml`, one",
        "run of each, by default settings, on one core of a shared virtual machine. Errors are relative L2 errors on points",
        "that the solver has not seen, of several fields the largest. Seconds are processor seconds of training, compression and",
        "estimate, without the reference and the search for a formula; they depend on the machine.",
        "",
        "| | problem | error | against | estimate | tolerance | seconds | parameters |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items()):
        about = f"**{row['title']}**<br>[{name}.yaml](../../problems/{name}.yaml)"
        if row["formula"]:
            about += f"<br>{row['status']}: `{row['formula']}`"
        if not row["solved"]:
            about += f"<br>*{row['outcome']}*"
        cells = [
            f'<img src="{name}.png" width="160" alt="{name}">',
            about,
            error_text(row),
            judge_text(row),
            f"{row['estimate']:.1e}",
            f"{row['tolerance']:.0e}",
            seconds_text(row),
            str(row["parameters"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def chosen(rows: dict[str, Figures], across: int = ACROSS) -> str:
    """The grid of README.md."""
    known = [name for name in CHOSEN if name in rows]
    lines = ["<table>"]
    for start in range(0, len(known), across):
        lines += ["<tr>", *(_cell(name, rows[name]) for name in known[start : start + across]), "</tr>"]
    return "\n".join([*lines, "</table>"])


def _cell(name: str, row: Figures) -> str:
    label = row["title"].split(",")[0]
    also = "<br>formula proved" if row["formula"] else "" if row["solved"] else "<br><i>tolerance missed</i>"
    image = f'<img src="docs/gallery/{name}.png" width="200" alt="{label}">'
    numbers = f"error {error_text(row)}, estimate {row['estimate']:.0e}, {seconds_text(row)} s{also}"
    return (
        f'<td width="{100 // ACROSS}%" valign="top"><a href="problems/{name}.yaml">{image}</a><br>{label}<br>'
        f"<sub>{numbers}</sub></td>"
    )


def write_tables(rows: dict[str, Figures]) -> None:
    """Both tables, from what was measured."""
    (FOLDER / "README.md").write_text(whole(rows), encoding="utf-8")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, other, after = rest.partition(END)
    if not mark or not other:
        raise SystemExit(f"README.md has no '{BEGIN}' followed by '{END}'")
    (ROOT / "README.md").write_text(f"{before}{BEGIN}\n{chosen(rows)}\n{END}{after}", encoding="utf-8")


def solved(name: str) -> tuple[Solution, float]:
    """What ``kanpde solve`` does, and the seconds of processor time of its first step."""
    document = read(ROOT / "problems" / f"{name}.yaml")
    refuse_unsupported(document.problem)
    plan = make_plan(document, {})
    began = time.process_time()
    solution = solve(real_form(document.problem), plan)
    seconds = time.process_time() - began
    compare_with_reference(solution)
    if plan.symbolic.enabled:
        find_formula(solution)
    return solution, seconds


def solve_all(names: Iterable[str], rows: dict[str, Figures]) -> bool:
    """Solves, draws, and notes after every problem, so that nothing is lost; returns whether all gave a solution."""
    complete = True
    solved("poisson")  # so that the first one does not pay for the imports
    for name in names:
        try:
            solution, seconds = solved(name)
        except KanpdeError as error:
            print(f"{name}: {error.message}", file=sys.stderr, flush=True)
            complete = False
            continue
        row = rows[name] = measured(solution, seconds)
        (FOLDER / f"{name}.png").write_bytes(picture(name, solution))
        FIGURES.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", encoding="utf-8")
        print(f"{name:<22} {error_text(row):>14} {row['estimate']:9.1e} {seconds:7.2f} s  {row['outcome']}", flush=True)
    return complete


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every problem gave a solution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="problems (default: all of them)")
    parser.add_argument("--tables", action="store_true", help="solve nothing")
    options = parser.parse_args(arguments)
    matplotlib.use("agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Figures] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    every = sorted(path.stem for path in (ROOT / "problems").glob("*.yaml"))
    rows = {name: row for name, row in rows.items() if name in every}
    complete = options.tables or solve_all(options.names or every, rows)
    write_tables(rows)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
