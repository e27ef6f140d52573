"""Pictures of the solution and of its error: maps in the plane or in space and time, lines in one coordinate."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from kanpde.export import fields_on, uniform_axes
from kanpde.report import style
from kanpde.report.table import error_line
from kanpde.results import Solution

_TIMES = 5  # time slices beside the map of a field in space and time
_FINE = 401  # points along each axis of a picture: what a page can show


def draw_solution(solution: Solution) -> Figure:
    """Every field: a map in the plane, a map with time slices in space and time, a line in one coordinate."""
    axes = uniform_axes(solution.problem.domain, _FINE)
    values = fields_on(solution, axes)
    names = solution.fields
    timed = solution.problem.domain.time is not None and len(axes) == 2
    figure = style.new_figure(9.0 if timed else 5.4, 3.7 * len(names))
    style.heading(figure, solution.problem.title or ", ".join(names))
    for row, name in enumerate(names):
        if len(axes) == 1:
            _line(figure, row, len(names), axes, values[name], name)
        elif timed:
            _space_time(figure, row, len(names), solution, axes, values[name], name)
        else:
            _plane(figure, row, len(names), axes, values[name], name)
    return figure


def _line(figure: Figure, row: int, count: int, axes: dict[str, np.ndarray], values: np.ndarray, name: str) -> None:
    (coordinate,) = axes
    ax = figure.add_subplot(count, 1, row + 1)
    ax.plot(axes[coordinate], values, color=style.BLUE, linewidth=1.6)
    style.dress(ax, "", style.math(coordinate), style.math(name), grid=True)
    ax.set_xlim(axes[coordinate][0], axes[coordinate][-1])


def _plane(figure: Figure, row: int, count: int, axes: dict[str, np.ndarray], values: np.ndarray, name: str) -> None:
    (first, x), (second, y) = axes.items()
    ax = figure.add_subplot(count, 1, row + 1)
    style.image(ax, x, y, values, *style.colours(values), label=style.math(name))
    if np.ptp(values) > 0:
        ax.contour(x, y, values, levels=9, colors="black", linewidths=0.35, alpha=0.5)
    style.dress(ax, "", style.math(first), style.math(second))
    style.same_units(ax, x, y)


def _space_time(
    figure: Figure, row: int, count: int, solution: Solution, axes: dict[str, np.ndarray], values: np.ndarray, name: str
) -> None:
    time = solution.problem.domain.time or ""
    space = next(coordinate for coordinate in axes if coordinate != time)
    x, t = axes[space], axes[time]
    if next(iter(axes)) == time:  # the array is (..., last coordinate first); a picture has time upwards
        values = values.T
    left = figure.add_subplot(count, 2, 2 * row + 1)
    right = figure.add_subplot(count, 2, 2 * row + 2)
    style.image(left, x, t, values, *style.colours(values), label="")
    style.dress(left, style.math(name), style.math(space), style.math(time))
    shades = colormaps["viridis"](np.linspace(0.0, 0.9, _TIMES))
    for colour, position in zip(shades, _telling(values), strict=True):
        right.plot(x, values[position], color=colour, linewidth=1.4, label=f"{style.math(time)} = {t[position]:.4g}")
        left.axhline(t[position], color=colour, linewidth=0.9, alpha=0.9)
    style.dress(right, "", style.math(space), style.math(name), grid=True)
    right.set_xlim(x[0], x[-1])
    right.legend(fontsize=style.SMALL, framealpha=0.85, edgecolor="none", loc="best")


def _telling(values: np.ndarray) -> np.ndarray:  # (N_t, N_x) -> (_TIMES,)
    """Rows between which the field changes equally much, the first and the last among them."""
    change = np.append(0.0, np.sqrt(np.mean(np.diff(values, axis=0) ** 2, 1)).cumsum())
    rows = np.searchsorted(change, np.linspace(0, change[-1], _TIMES)).clip(0, len(values) - 1)
    rows[-1] = len(values) - 1
    even = np.linspace(0, len(values) - 1, _TIMES).round().astype(int)
    return rows if len(set(rows.tolist())) == _TIMES else even


def draw_error(solution: Solution) -> Figure:
    """The distance from the reference at every point of the output grid; without a reference, what the solver itself says."""
    known = [name for name in solution.fields if name in solution.errors]
    if not known:
        return _no_reference(solution)
    axes = uniform_axes(solution.problem.domain, solution.plan.output.grid)
    figure = style.new_figure(5.8, 3.9 * len(known))
    style.heading(figure, "Error against the reference")
    for row, name in enumerate(known):
        errors = np.abs(solution.errors[name])
        compared = solution.comparison.fields.get(name)
        title = compared.sentence if compared else ""
        ax = figure.add_subplot(len(known), 1, row + 1)
        label = f"|{style.math(name)} - reference|"
        if len(axes) == 1:
            (coordinate,) = axes
            ax.semilogy(axes[coordinate], np.maximum(errors, np.finfo(float).tiny), color=style.ORANGE, linewidth=1.2)
            style.dress(ax, fill(title, 54), style.math(coordinate), label, grid=True)
            continue
        (first, x), (second, y) = axes.items()
        swap = first == solution.problem.domain.time
        picture = errors.T if swap else errors
        across, up = (second, first) if swap else (first, second)
        style.image(ax, axes[across], axes[up], picture, *style.error_colours(errors), label=label)
        style.dress(ax, fill(title, 54), style.math(across), style.math(up))
        if solution.problem.domain.time is None:
            style.same_units(ax, x, y)
    return figure


def _no_reference(solution: Solution) -> Figure:
    figure = style.new_figure(5.8, 1.6)
    style.heading(figure, "Error")
    estimate = solution.estimate
    text = f"No independent reference.\nEstimated relative error: {error_line(estimate)} ({estimate.method})."
    figure.text(0.01, 0.35, text, fontsize=style.NORMAL, color=style.INK, va="center")
    return figure
