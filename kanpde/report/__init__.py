"""Results for people: figures, one self-contained page, tables, and the problem as mathematics."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kanpde.results import Solution


def figure(solution: Solution, kind: str = "solution") -> Figure:
    """One of the figures of ``FIGURES`` as a matplotlib Figure, without any global state."""
    from kanpde.report.figures import draw

    return draw(solution, kind)


def write_report(solution: Solution, folder: str | PathLike[str]) -> None:
    """The figures and the page of a run, as far as the plan's output section wants them."""
    from kanpde.report.figures import rendered, write_figures
    from kanpde.report.page import write_page

    output = solution.plan.output
    pictures = rendered(solution) if output.figures or output.report else {}
    if output.figures:
        write_figures(pictures, folder)
    if output.report:
        write_page(solution, pictures, folder)


__all__ = ["figure", "write_report"]
