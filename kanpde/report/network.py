"""Pictures of the network: every edge is a function of one variable, so it can be looked at. Knots stand below as ticks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from kanpde.kan import Edges
from kanpde.report import style
from kanpde.results import Solution

_PRODUCTS = 4  # product nodes shown one by one
_NODES = 10  # edges a row in a deep network
_POINTS = 400


def draw_network(solution: Solution) -> Figure:
    """The factors of the largest products of a separable network, or all edges of a deep one, a column a node."""
    return _separable(solution) if solution.network.factors else _deep(solution)


def _line(lower: float, upper: float, edges: Edges) -> torch.Tensor:
    return torch.linspace(lower, upper, _POINTS, dtype=edges.breaks.dtype, device=edges.breaks.device)


def _knots(axes: Axes, breaks: np.ndarray) -> None:
    """One tick for each knot, on the lower edge of the picture."""
    marks: dict[str, Any] = {"color": style.INK, "markersize": 5, "markeredgewidth": 0.5, "clip_on": False}
    axes.plot(breaks, np.zeros_like(breaks), "|", transform=axes.get_xaxis_transform(), **marks)


@torch.no_grad()
def _separable(solution: Solution) -> Figure:
    network, names = solution.network, solution.problem.coordinates
    bounds = solution.problem.domain.bounds
    lines, values = [], []
    for axis, edges in enumerate(network.factors):
        x = _line(float(bounds[axis, 0]), float(bounds[axis, 1]), edges)
        lines.append(x.cpu().numpy())
        values.append(edges.values(x)[0].cpu().double().numpy())  # (R, N)
    sizes = np.prod([np.sqrt((v**2).mean(1)) for v in values], axis=0)  # (R,) root mean square of each product
    order = np.argsort(-sizes)
    shown = min(_PRODUCTS, len(order))
    several = len(order) > 1
    figure = style.new_figure(max(2.1 * shown + 2.4 * several, 5.6), 1.75 * len(names) + 0.7)
    total = f"the {shown} largest of {len(order)} products" if len(order) > shown else f"{shown} product{'s' * several}"
    total = total if len(names) > 1 else "one spline"
    style.heading(figure, f"Network: {total}, factors scaled to 1, knots as ticks")
    grid = figure.add_gridspec(len(names), shown + several, width_ratios=[1.0] * shown + [0.9] * several)
    letters = "abcdefg"
    for column, node in enumerate(order[:shown]):
        for axis, name in enumerate(names):
            ax = figure.add_subplot(grid[axis, column])
            factor = values[axis][node]
            ax.axhline(0, color=style.FAINT, linewidth=0.5)
            ax.plot(lines[axis], _scaled(factor), color=(style.BLUE, style.ORANGE, style.GREEN)[axis % 3], linewidth=1.4)
            _knots(ax, network.factors[axis].breaks[0].cpu().numpy())
            label = f"${letters[axis]}_{{{column + 1}}}({name})$"
            style.dress(ax, label if axis else f"{label}   size {sizes[node]:.2g}", style.math(name))
            ax.set_ylim(-1.12, 1.12)
            if column:
                ax.set_yticklabels([])
    if several:
        ax = figure.add_subplot(grid[:, shown])
        ax.semilogy(np.arange(1, len(order) + 1), sizes[order], "o-", color=style.INK, markersize=3.5, linewidth=0.8)
        style.dress(ax, "size of each product", "product", "", grid=True)
        ax.set_ylim(10 ** np.floor(np.log10(sizes[order[-1]])), 10 ** np.ceil(np.log10(sizes[order[0]])))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _scaled(values: np.ndarray) -> np.ndarray:
    """Largest size 1, and the sign by which the function (an odd one: its right half) is positive: a product's gauge is free."""
    largest = np.abs(values).max()
    mean = values.mean() if abs(values.mean()) > 0.05 * np.abs(values).mean() else values[len(values) // 2 :].mean()
    return values / (largest if mean >= 0 else -largest) if largest else values


@torch.no_grad()
def _deep(solution: Solution) -> Figure:
    rows: list[tuple[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]] = []
    names = list(solution.problem.coordinates)
    for number, layer in enumerate(solution.network.stack):
        last = number == len(solution.network.stack) - 1
        targets = list(solution.fields) if last else [f"node {i + 1}" for i in range(layer.nodes)]
        for edges in layer.edges:
            ends = edges.breaks[:, [0, -1]]
            x = torch.stack([_line(float(a), float(b), edges) for a, b in ends])  # (n_in, N)
            phi = edges.functions(x)[0].cpu().double().numpy()  # (n_in, n_out, N)
            points, breaks = x.cpu().numpy(), edges.breaks.cpu().numpy()
            if last:  # a row per output keeps every column with its node
                rows += [
                    (f"to {targets[o]}", [(points[i], phi[i, o], breaks[i]) for i in range(len(points))])
                    for o in range(phi.shape[1])
                ]
            else:
                rows += [
                    (f"from {names[i]}", [(points[i], phi[i, o], breaks[i]) for o in range(phi.shape[1])])
                    for i in range(phi.shape[0])
                ]
        names = targets
    columns = min(_NODES, max(len(edges) for _, edges in rows))
    rows = rows if len(rows) <= _NODES else [*rows[: _NODES - 1], rows[-1]]
    figure = style.new_figure(1.15 * columns + 0.9, 1.2 * len(rows) + 0.6)
    style.heading(figure, "Network: every edge is a learned function; a column is a node, knots as ticks")
    for row, (label, edges_of_row) in enumerate(rows):
        for column, (z, curve, knots) in enumerate(edges_of_row[:columns]):
            ax = figure.add_subplot(len(rows), columns, row * columns + column + 1)
            ax.axhline(0, color=style.FAINT, linewidth=0.4)
            ax.plot(z, curve, color=style.BLUE if row < len(rows) - len(solution.fields) else style.ORANGE, linewidth=1.2)
            _knots(ax, knots)
            style.dress(ax, ylabel=label if column == 0 else "")
            ax.tick_params(labelsize=5.5, pad=1)
            ax.locator_params(nbins=3)
            # Hidden nodes seldom reach the ends of their grids, where a spline that nobody asks may be anything.
            first = row < len(solution.problem.coordinates)
            size = float(1.15 * np.abs(curve).max() if first else 1.5 * np.quantile(np.abs(curve), 0.85))
            if math.isfinite(size) and size > 0:
                ax.set_ylim(-size, size)
    return figure
