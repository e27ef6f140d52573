"""The table of figures, and how they are written."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from os import PathLike
from pathlib import Path

from matplotlib.figure import Figure

from kanpde.errors import ProblemError
from kanpde.export import replacing
from kanpde.report.convergence import draw_convergence
from kanpde.report.fields import draw_error, draw_solution
from kanpde.report.network import draw_network
from kanpde.report.style import DPI
from kanpde.results import Solution

FIGURES: dict[str, Callable[[Solution], Figure]] = {
    "solution": draw_solution,
    "error": draw_error,
    "network": draw_network,
    "convergence": draw_convergence,
}
"""Every figure of a run, by the name of its file."""

FORMATS = ("png", "pdf", "svg")


def draw(solution: Solution, kind: str) -> Figure:
    """One figure by its name."""
    if kind not in FIGURES:
        raise ProblemError(f"there is no figure '{kind}'; there are {', '.join(FIGURES)}")
    return FIGURES[kind](solution)


def write_figures(
    solution: Solution, folder: str | PathLike[str], suffix: str = "png", dpi: int = DPI, kinds: tuple[str, ...] = tuple(FIGURES)
) -> list[Path]:
    """Draw into ``figures/`` of a run folder; returns the files."""
    if suffix not in FORMATS:
        raise ProblemError(f"figures are written as {', '.join(FORMATS)}, not '{suffix}'")
    files = []
    for kind in kinds:
        path = Path(folder) / "figures" / f"{kind}.{suffix}"
        with replacing(path) as temporary:
            draw(solution, kind).savefig(temporary, dpi=dpi, format=suffix)
        files.append(path)
    return files


def as_png(figure: Figure, dpi: int = DPI) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = BytesIO()
    figure.savefig(buffer, dpi=dpi, format="png")
    return buffer.getvalue()
