"""The table of figures, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TypeVar

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


def rendered(solution: Solution, suffix: str = "png", dpi: int = DPI) -> dict[str, bytes]:
    """Every figure as the bytes of a file in one of ``FORMATS``."""
    return as_files(FIGURES, solution, suffix, dpi)


Drawn = TypeVar("Drawn")


def as_files(figures: Mapping[str, Callable[[Drawn], Figure]], what: Drawn, suffix: str, dpi: int) -> dict[str, bytes]:
    """Every figure of a table as the bytes of a file, drawn of one thing."""
    if suffix not in FORMATS:
        raise ProblemError(f"figures are written as {', '.join(FORMATS)}, not '{suffix}'")
    pictures = {}
    for kind, draw_one in figures.items():
        buffer = BytesIO()
        draw_one(what).savefig(buffer, dpi=dpi, format=suffix)
        pictures[kind] = buffer.getvalue()
    return pictures


def write_figures(pictures: Mapping[str, bytes], folder: str | PathLike[str], suffix: str = "png") -> list[Path]:
    """Rendered figures into ``figures/`` of a run folder; returns the files."""
    files = [Path(folder) / "figures" / f"{kind}.{suffix}" for kind in pictures]
    for path, picture in zip(files, pictures.values(), strict=True):
        with replacing(path) as temporary:
            temporary.write_bytes(picture)
    return files
