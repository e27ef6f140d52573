"""Pictures of the solution and of its error: lines in one coordinate, maps in two, slices through more."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kanpde.export import fields_on, output_axes, uniform_axes
from kanpde.report import style
from kanpde.report.outline import grown, outline, trim
from kanpde.report.panels import Panel, panels, telling
from kanpde.report.table import error_line
from kanpde.results import Solution

_TIMES = 5  # time slices beside the map of a field in space and time
_FINE = 401  # points along each axis of a picture: what a page can show
_SMALL = 161  # of one of several small pictures


def draw_solution(solution: Solution) -> Figure:
    """Every field: a line in one coordinate, a map in two (with time slices beside it), slices in more."""
    dimension = solution.problem.domain.dimension
    if dimension > 2:
        return _slices(solution)
    names = solution.fields
    timed = solution.problem.domain.time is not None and dimension == 2
    figure = style.new_figure(9.0 if timed else 5.4, 3.7 * len(names))
    style.heading(figure, solution.problem.title or ", ".join(names))
    axes = uniform_axes(solution.problem.domain, _FINE)
    values = fields_on(solution, axes)
    for row, name in enumerate(names):
        if dimension == 1:
            _line(figure, row, len(names), axes, values[name], name)
        elif timed:
            _space_time(figure, row, len(names), solution, axes, values[name], name)
        else:
            ax = figure.add_subplot(len(names), 1, row + 1)
            first, second = axes
            _map(ax, solution, Panel(first, second), axes[first], axes[second], values[name], style.math(name))
    return figure


def _slices(solution: Solution) -> Figure:
    """A row for each field, a column for each slice; one range of colours a field."""
    names, columns = solution.fields, panels(solution)
    figure = style.new_figure(2.9 * len(columns) + 0.6, 2.7 * len(names) + 0.5)
    style.heading(figure, solution.problem.title or ", ".join(names))
    grid = figure.subplots(len(names), len(columns), squeeze=False)
    for row, name in enumerate(names):
        pictures = [panel.values(solution, name, _SMALL) for panel in columns]
        everything = np.concatenate([values.ravel() for _, _, values in pictures])
        scale = style.colours(everything)
        for ax, panel, (x, y, values) in zip(grid[row], columns, pictures, strict=True):
            last = panel is columns[-1]
            _map(ax, solution, panel, x, y, values, style.math(name) if last else "", scale, bar=last, lines=7)
            ax.set_title(panel.title if row == 0 or last else "", fontsize=style.SMALL, color=style.INK, loc="left")
    return figure


def _map(
    ax: Axes,
    solution: Solution,
    panel: Panel,
    x: np.ndarray,  # (N_across,)
    y: np.ndarray,  # (N_up,)
    values: np.ndarray,  # (N_up, N_across)
    label: str,
    scale: tuple[str, Normalize] | None = None,
    bar: bool = True,
    lines: int = 9,
) -> None:
    """One picture in the plane with level lines; cut off at the outline of the shape, where that is a plane one."""
    domain = solution.problem.domain
    path = outline(domain) if {panel.across, panel.up} == {domain.coordinates[axis] for axis in domain.region_axes} else None
    shown = values if path is None else grown(values)
    drawn = [style.image(ax, x, y, shown, *(scale or style.colours(values)), label=label, bar=bar)]
    levels = _levels(values, lines, scale)
    if len(levels):
        known = np.ma.masked_invalid(shown)
        drawn.append(ax.contour(x, y, known, levels=levels, colors="black", linewidths=0.35, alpha=0.5))
    if path is not None:
        trim(ax, path, *drawn)
    style.dress(ax, "", style.math(panel.across), style.math(panel.up))
    if domain.time not in (panel.across, panel.up):
        style.same_units(ax, x, y)


def _levels(values: np.ndarray, count: int, scale: tuple[str, Normalize] | None) -> np.ndarray:
    """Round values between the smallest and the largest; of one range of colours, where several pictures share one."""
    low, high = style.extremes(values)
    bottom, top = (low, high) if scale is None else (scale[1].vmin or 0.0, scale[1].vmax or 0.0)
    if not count or not high > low:
        return np.zeros(0)
    levels = np.array(list(MaxNLocator(count).tick_values(bottom, top)))
    return levels[(levels > low) & (levels < high)]


def _line(figure: Figure, row: int, count: int, axes: dict[str, np.ndarray], values: np.ndarray, name: str) -> None:
    (coordinate,) = axes
    ax = figure.add_subplot(count, 1, row + 1)
    ax.plot(axes[coordinate], values, color=style.BLUE, linewidth=1.6)
    style.dress(ax, "", style.math(coordinate), style.math(name), grid=True)
    ax.set_xlim(axes[coordinate][0], axes[coordinate][-1])


def _space_time(
    figure: Figure, row: int, count: int, solution: Solution, axes: dict[str, np.ndarray], values: np.ndarray, name: str
) -> None:
    (panel,) = panels(solution)
    x, t = axes[panel.across], axes[panel.up]
    values = panel.of(values, axes)  # time upwards
    left = figure.add_subplot(count, 2, 2 * row + 1)
    right = figure.add_subplot(count, 2, 2 * row + 2)
    style.image(left, x, t, values, *style.colours(values), label="")
    style.dress(left, style.math(name), style.math(panel.across), style.math(panel.up))
    shades = colormaps["viridis"](np.linspace(0.0, 0.9, _TIMES))
    for colour, position in zip(shades, telling(values, _TIMES), strict=True):
        right.plot(x, values[position], color=colour, linewidth=1.4, label=f"{style.math(panel.up)} = {t[position]:.4g}")
        left.axhline(t[position], color=colour, linewidth=0.9, alpha=0.9)
    style.dress(right, "", style.math(panel.across), style.math(name), grid=True)
    right.set_xlim(x[0], x[-1])
    right.legend(fontsize=style.SMALL, framealpha=0.85, edgecolor="none", loc="best")


def draw_error(solution: Solution) -> Figure:
    """The distance from the reference on the output grid; without a reference, what the solver itself says."""
    known = [name for name in solution.fields if name in solution.errors]
    if not known:
        return _no_reference(solution)
    axes = output_axes(solution)
    columns = panels(solution) if len(axes) > 1 else []
    width = max(len(columns), 1)
    figure = style.new_figure(5.8 if width == 1 else 2.9 * width + 0.6, (3.9 if width == 1 else 3.0) * len(known))
    style.heading(figure, "Error against the reference")
    grid = figure.subplots(len(known), width, squeeze=False)
    for row, name in enumerate(known):
        errors = np.abs(solution.errors[name])
        compared = solution.comparison.fields.get(name)
        title = fill(compared.sentence, 54) if compared else ""
        label = f"|{style.math(name)} - reference|"
        if len(axes) == 1:
            (coordinate,) = axes
            ax = grid[row, 0]
            ax.semilogy(axes[coordinate], np.maximum(errors, np.finfo(float).tiny), color=style.ORANGE, linewidth=1.2)
            style.dress(ax, title, style.math(coordinate), label, grid=True)
            continue
        scale = style.error_colours(errors)
        for ax, panel in zip(grid[row], columns, strict=True):
            last = panel is columns[-1]
            picture = panel.of(errors, axes)
            x, y = axes[panel.across], axes[panel.up]
            _map(ax, solution, panel, x, y, picture, label if last else "", scale, bar=last, lines=0)
            above = "\n".join(filter(None, (title if panel is columns[0] else "", panel.title)))
            ax.set_title(above, fontsize=style.NORMAL if width == 1 else style.SMALL, color=style.INK, loc="left")
    return figure


def _no_reference(solution: Solution) -> Figure:
    figure = style.new_figure(5.8, 1.6)
    style.heading(figure, "Error")
    estimate = solution.estimate
    text = f"No independent reference.\nEstimated relative error: {error_line(estimate)} ({estimate.method})."
    figure.text(0.01, 0.35, text, fontsize=style.NORMAL, color=style.INK, va="center")
    return figure
