"""Pictures of a fit: predicted against given values with what is left over, the course of training, and the network."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kanpde.errors import ProblemError
from kanpde.learn.data import Data
from kanpde.learn.regression import Regression
from kanpde.report import style
from kanpde.report.figures import as_files
from kanpde.report.progress import grid_text

_MOST = 4000  # points drawn of each part; more would only blacken the picture
_ROWS = 4  # targets drawn


def draw_fit(regression: Regression) -> Figure:
    """A row for each target: left the predicted against the given value, right what is left over, by the predicted value."""
    parts = [("training", regression.data, style.BLUE)]
    if regression.validation is not None:
        parts.append(("held back", regression.validation, style.ORANGE))
    shown = regression.targets[:_ROWS]
    figure = style.new_figure(8.0, 3.4 * len(shown) + 0.4)
    style.heading(figure, f"Fit: {regression.data.points} points, rmse {regression.rmse:.2g}{_held(regression)}")
    axes = figure.subplots(len(shown), 2, squeeze=False)
    for row, name in enumerate(shown):
        left, right = axes[row]
        ends = [float(f(regression.data.y[:, row].detach().cpu().numpy())) for f in (np.min, np.max)]
        left.plot(ends, ends, color=style.FAINT, linewidth=0.8)
        right.axhline(0, color=style.FAINT, linewidth=0.8)
        for label, data, colour in parts:
            given, found = _values(regression, data, row)
            marks = {"color": colour, "markersize": 2.5, "alpha": 0.6, "linestyle": "", "label": label}
            left.plot(given, found, ".", **marks)
            right.plot(found, given - found, ".", **marks)
        style.dress(left, f"{name}: predicted against given", "given", "predicted", grid=True)
        style.dress(right, "what is left over: given - predicted", "predicted", "", grid=True)
        left.legend(fontsize=style.SMALL, frameon=False, loc="upper left", markerscale=2)
    return figure


def _held(regression: Regression) -> str:
    error = regression.validation_rmse
    return "" if error is None else f", {error:.2g} on points held back"


def _values(regression: Regression, data: Data, target: int) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,)
    step = -(-data.points // _MOST)
    x, y = (tensor[::step].detach().cpu().double().numpy() for tensor in (data.x, data.y))
    return y[:, target], regression.predict(x).reshape(y.shape)[:, target]


def draw_training(regression: Regression) -> Figure:
    """The relative error after each stage, on the points of training and on those held back, with the grid of each stage.

    It begins at 1, the error of the mean.
    """
    stages = regression.history.stages
    figure = style.new_figure(6.4, 3.2)
    style.heading(figure, f"Training: {regression.history.iterations} iterations, {regression.seconds:.2g} s")
    axes = figure.subplots()
    assert isinstance(axes, Axes)
    ends = np.cumsum([stage.iterations for stage in stages])
    drawn = [1.0, *(_positive(stage.residual) for stage in stages)]
    axes.semilogy([0, *ends], drawn, "o-", color=style.BLUE, ms=4, lw=1.0, label="training")
    held = [(end, _positive(stage.estimate)) for end, stage in zip(ends, stages, strict=True) if stage.estimate is not None]
    if held:
        held.insert(0, (0, 1.0))
        axes.semilogy(*zip(*held, strict=True), "s--", color=style.ORANGE, ms=4, lw=1.0, mfc="none", label="held back")
    for end, stage in zip(ends, stages, strict=True):
        axes.annotate(
            f"grid {grid_text(stage.grid)}", (end, _positive(stage.residual)), (0, 7), "data", "offset points", ha="center",
            fontsize=6.5, color=style.INK,
        )  # fmt: skip
    style.dress(axes, "", "iterations", "relative rms error", grid=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.12, y=0.25)
    axes.legend(fontsize=style.SMALL, frameon=False)
    return figure


def _positive(value: float | None) -> float:
    return value if value is not None and value > 0 else np.nan


def draw_learned(regression: Regression) -> Figure:
    """The network as a graph: every edge is the function that it learned, the more visible the more it matters."""
    from kanpde.report.network_graph import draw_graph

    return draw_graph(regression.network, regression.data.x, regression.names, regression.targets)


def draw_computation(regression: Regression) -> Figure:
    """What is computed, operation by operation: the formula if there is one, else the network."""
    from kanpde.report.computation import draw_formula, draw_operations

    if regression.formula is not None and regression.formula.expressions:
        return draw_formula(regression.formula)
    return draw_operations(regression.network, regression.names, regression.targets)


FIGURES: dict[str, Callable[[Regression], Figure]] = {
    "network": draw_learned,
    "computation": draw_computation,
    "fit": draw_fit,
    "convergence": draw_training,
}
"""Every figure of a fit, by the name of its file."""

ALT = {
    "network": "The network, every edge with the function that it learned",
    "computation": "What is computed, operation by operation",
    "fit": "Predicted against given values, and what is left over",
    "convergence": "The error after each stage of training",
}


def figure(regression: Regression, kind: str = "network") -> Figure:
    """One figure by its name."""
    if kind not in FIGURES:
        raise ProblemError(f"there is no figure '{kind}' of a fit; there are {', '.join(FIGURES)}")
    return FIGURES[kind](regression)


def rendered(regression: Regression, suffix: str = "png", dpi: int = style.DPI) -> dict[str, bytes]:
    """Every figure as the bytes of a file in one of ``FORMATS``."""
    return as_files(FIGURES, regression, suffix, dpi)


def write_report(regression: Regression, folder: str | PathLike[str]) -> None:
    """The figures and the page of a fit into its run folder."""
    from kanpde.report.figures import write_figures
    from kanpde.report.fit_page import write_fit_page

    pictures = rendered(regression)
    write_figures(pictures, folder)
    write_fit_page(regression, pictures, folder)
