"""How figures look: sizes, colours that colour-blind readers tell apart, axes without ornament. No global matplotlib state."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
"""Okabe & Ito (2008), Color Universal Design."""

INK, FAINT = "#222222", "#9a9a9a"
SMALL, NORMAL, LARGE = 8.0, 9.5, 11.0  # points
DPI = 160

SEQUENTIAL, DIVERGING, ERRORS = "viridis", "RdBu_r", "magma"
"""Perceptually even maps; the diverging one for fields that change sign, white at zero."""


def new_figure(width: float, height: float) -> Figure:  # inches
    """An empty figure that draws to memory."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, title: str = "", xlabel: str = "", ylabel: str = "", grid: bool = False) -> None:
    """Labels in one size, thin spines, ticks outside."""
    axes.set_title(title, fontsize=NORMAL, color=INK, loc="left")
    axes.set_xlabel(xlabel, fontsize=NORMAL, color=INK)
    axes.set_ylabel(ylabel, fontsize=NORMAL, color=INK)
    axes.tick_params(labelsize=SMALL, colors=INK, width=0.6, length=3)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
        spine.set_color(INK)
    if grid:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)


def heading(figure: Figure, text: str) -> None:
    """The title of the whole figure, broken where the figure is too narrow for it."""
    wide = int(figure.get_figwidth() / 0.088)  # inches a letter of the large size
    figure.suptitle(fill(text, wide), fontsize=LARGE, color=INK, x=0.01, ha="left")


def math(name: str) -> str:
    """A coordinate or field in italics; Greek names as letters."""
    greek = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "nu", "phi", "psi", "rho", "sigma", "tau", "omega")
    return f"$\\{name}$" if name in greek else f"${name}$" if len(name) == 1 else f"$\\mathrm{{{name}}}$"


def colours(values: np.ndarray) -> tuple[str, Normalize]:
    """A map and its range: symmetric about zero for a field that clearly changes sign."""
    low, high = extremes(values)
    largest = max(abs(low), abs(high))
    if low < -0.02 * largest and high > 0.02 * largest:
        return DIVERGING, Normalize(-largest, largest)
    return SEQUENTIAL, Normalize(low, high if high > low else low + 1.0)


def extremes(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest number; zeros if there is none, as in a slice beside the domain."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def error_colours(errors: np.ndarray, decades: int = 5) -> tuple[str, LogNorm]:
    """A logarithmic scale that ends at the largest error; what is far smaller is shown alike."""
    _, largest = extremes(np.abs(errors))
    top = largest if largest > 0 else 1e-16
    return ERRORS, LogNorm(top * 10.0**-decades, top, clip=True)


def image(
    axes: Axes,
    x: np.ndarray,  # (N_x,)
    y: np.ndarray,  # (N_y,)
    values: np.ndarray,  # (N_y, N_x)
    cmap: str | Colormap,
    norm: Normalize,
    label: str,
    bar: bool = True,
) -> Any:
    """A map of the values, NaN left white, with a colour bar unless told otherwise."""
    half_x, half_y = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (float(x[0] - half_x), float(x[-1] + half_x), float(y[0] - half_y), float(y[-1] + half_y))
    drawn = axes.imshow(values, origin="lower", extent=extent, cmap=cmap, norm=norm, interpolation="bilinear", aspect="auto")
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(float(y[0]), float(y[-1]))
    figure = axes.get_figure()
    if bar and isinstance(figure, Figure):
        scale = figure.colorbar(drawn, ax=axes, pad=0.02, fraction=0.05)
        scale.ax.tick_params(labelsize=SMALL, width=0.6, length=3, colors=INK)
        scale.set_label(label, fontsize=NORMAL, color=INK)
        scale.outline.set_linewidth(0.6)  # type: ignore[operator]
    return drawn


def same_units(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Draw a plane region in its true proportions, unless it is more than four times as long as wide."""
    axes.locator_params(nbins=6)
    ratio = (x[-1] - x[0]) / (y[-1] - y[0])
    if 0.25 <= ratio <= 4:
        axes.set_aspect("equal")
