"""The course of a run: residual and estimated error after each stage, and the grids, whose extensions are marked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kanpde.kan import smooth_part
from kanpde.report import style
from kanpde.report.progress import grid_text
from kanpde.results import Solution, StageRecord

_LABELS = 8  # grids written out beside their marks; more would overlap


def draw_convergence(solution: Solution) -> Figure:
    """Above, residual and estimate by iterations, with every extension of the grid marked; below, the intervals of each grid."""
    stages = solution.history.stages
    figure = style.new_figure(6.4, 4.4)
    seconds, count = solution.seconds, solution.history.iterations
    windows = f", {solution.history.windows} time windows" if solution.history.windows > 1 else ""
    style.heading(figure, f"Convergence: {count} iterations, {seconds:.2g} s{windows}")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.2])
    ends = np.cumsum([stage.iterations for stage in stages]) if stages else np.array([])
    starts = np.concatenate([[0], ends[:-1]]) if stages else ends
    finer = [i for i in range(1, len(stages)) if _extended(stages[i - 1], stages[i])]
    for i in finer:
        for ax in (upper, lower):
            ax.axvline(starts[i], color=style.FAINT, linewidth=0.6, linestyle=(0, (2, 2)))
    for n, run in enumerate(_runs(stages)):  # a line joins the stages of one time window
        drawn = [_positive(stages[i].residual) for i in run]
        upper.semilogy(ends[run], drawn, "o-", color=style.BLUE, ms=4, lw=1.0, label="residual" if n == 0 else None)
    known = [(end, s.estimate) for end, s in zip(ends, stages, strict=True) if s.estimate is not None]
    if known:
        upper.semilogy(
            *zip(*known, strict=True), "s", color=style.ORANGE, ms=4, mfc="none", label="estimate that drives the grid"
        )
    upper.axhline(solution.plan.tolerance, color=style.GREEN, linewidth=1.0, linestyle="--", label="tolerance")
    if np.isfinite(solution.estimate.value) and solution.estimate.value > 0:
        last = ends[-1] if stages else 0
        upper.semilogy([last], [solution.estimate.value], "D", color=style.PINK, ms=6, label="estimated error of the result")
    style.dress(upper, "", "", "relative", grid=True)
    upper.legend(fontsize=style.SMALL, frameon=False, loc="upper right", ncols=2)
    _make_room(upper)
    _grids(lower, stages, starts, ends, _entries(solution))
    if len(finer) <= _LABELS:
        for i in finer:
            upper.annotate(
                grid_text(stages[i].grid), (starts[i], 0.0), xycoords=("data", "axes fraction"), fontsize=6.5, color=style.INK,
                ha="left", va="bottom", rotation=90, xytext=(2, 2), textcoords="offset points",
            )  # fmt: skip
    style.dress(lower, "", "iterations (dotted: the grid was extended)", "intervals", grid=True)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _extended(before: StageRecord, after: StageRecord) -> bool:
    """Whether a stage began with more intervals than the one before it had, along some coordinate."""
    return any(new > old for old, new in zip(before.grid, after.grid, strict=False))


def _entries(solution: Solution) -> list[str]:
    """What the entries of a grid belong to: coordinates of a separable network, layers of a deep one."""
    if smooth_part(solution.network).factors:
        return [style.math(name) for name in solution.problem.coordinates]
    return [f"layer {number}" for number, _ in enumerate(solution.network.stack, 1)]


def _runs(stages: list[StageRecord]) -> Iterator[list[int]]:
    """The numbers of the stages, one list a time window."""
    for _, run in groupby(range(len(stages)), key=lambda i: stages[i].window):
        yield list(run)


def _grids(ax: Axes, stages: list[StageRecord], starts: np.ndarray, ends: np.ndarray, labels: list[str]) -> None:
    """Intervals by iteration, a line for each entry of the grids."""
    for entry, label in enumerate(labels):
        levels = [stage.grid[entry] if len(stage.grid) > entry else math.nan for stage in stages]
        if not levels or all(map(math.isnan, levels)):
            continue
        colour = (style.BLUE, style.ORANGE, style.GREEN, style.PINK, style.SKY)[entry % 5]
        x = np.append(starts, ends[-1])
        ax.step(x, [*levels, levels[-1]], where="post", color=colour, linewidth=1.3, label=label)
    if stages:
        ax.legend(fontsize=style.SMALL, frameon=False, loc="upper right", ncols=len(labels))
    ax.set_ylim(0, 1.4 * max((max(stage.grid, default=1) for stage in stages), default=1))


def _make_room(ax: Axes) -> None:
    """Head room for the legend: a fifth of the decades shown."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.2)


def _positive(value: float) -> float:
    return value if value > 0 else math.nan
