"""Pictures of the network: every edge is a function of one variable, so it can be looked at. Knots stand below as ticks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from kanpde.export import fields_on, uniform_axes
from kanpde.kan import KAN, Edges, PiecewiseKAN, WindowedKAN, smooth_part
from kanpde.report import style
from kanpde.report.outline import grown, outline, trim
from kanpde.report.panels import Panel
from kanpde.results import Solution

_PRODUCTS = 4  # product nodes shown one by one
_NODES = 10  # edges a row in a deep network
_POINTS = 400
_ROWS = 10  # of a deep network
_TERMS = 201  # points along each axis of the map of singular terms
_SMALLEST = 1e-20  # of the largest size, in the picture of all sizes


def draw_network(solution: Solution) -> Figure:
    """The factors of the largest products of a separable network, or all edges of a deep one, a column a node.

    Beside the factors, a map of the sum of the singular terms, where there are any.
    """
    return _separable(solution) if _drawn(solution).factors else _deep(solution)


def _drawn(solution: Solution) -> KAN | WindowedKAN:
    """The network whose edges are shown: of separable windows the last one."""
    network = smooth_part(solution.network)
    if isinstance(network, WindowedKAN) and network.windows[-1].with_terms(None).factors:
        return network.windows[-1].with_terms(None)
    return network


def _shown_as(solution: Solution) -> list[str]:
    """What each output of the edges is: a field, or a field in one piece."""
    network = solution.network
    if isinstance(network, PiecewiseKAN):
        return [f"{name} in piece {piece + 1}" for piece in range(network.pieces) for name in solution.fields]
    return list(solution.fields)


def _line(lower: float, upper: float, edges: Edges) -> torch.Tensor:
    return torch.linspace(lower, upper, _POINTS, dtype=edges.breaks.dtype, device=edges.breaks.device)


def _knots(axes: Axes, breaks: np.ndarray) -> None:
    """One tick for each knot, on the lower edge of the picture."""
    marks: dict[str, Any] = {"color": style.INK, "markersize": 5, "markeredgewidth": 0.5, "clip_on": False}
    axes.plot(breaks, np.zeros_like(breaks), "|", transform=axes.get_xaxis_transform(), **marks)


@torch.no_grad()
def _separable(solution: Solution) -> Figure:
    network, names = _drawn(solution), solution.problem.coordinates
    lines, values = [], []
    for edges in network.factors:
        x = _line(float(edges.breaks[0, 0]), float(edges.breaks[0, -1]), edges)
        lines.append(x.cpu().numpy())
        values.append(edges.values(x)[0].cpu().double().numpy())  # (R, N)
    sizes = np.prod([np.sqrt((v**2).mean(1)) for v in values], axis=0)  # (R,) root mean square of each product
    order = np.argsort(-sizes)
    shown = min(_PRODUCTS, len(order))
    several, mapped = int(len(order) > 1), int(solution.network.terms is not None)
    figure = style.new_figure(max(2.1 * shown + 2.4 * several + 3.4 * mapped, 5.6), 1.75 * len(names) + 0.7)
    total = f"the {shown} largest of {len(order)} products" if len(order) > shown else f"{shown} product{'s' * several}"
    total = total if len(names) > 1 else "one spline"
    extra = ", and singular terms" if mapped else ""
    style.heading(figure, f"Network: {total}, factors scaled to 1, knots as ticks{extra}")
    ratios = [1.0] * shown + [0.9] * several + [1.6] * mapped
    grid = figure.add_gridspec(len(names), len(ratios), width_ratios=ratios)
    letters = "abcdefg"
    outputs = _shown_as(solution)
    for column, node in enumerate(order[:shown]):
        of = f"{outputs[node * len(outputs) // len(order)]}: " if len(outputs) > 1 else ""
        for axis, name in enumerate(names):
            ax = figure.add_subplot(grid[axis, column])
            factor = values[axis][node]
            ax.axhline(0, color=style.FAINT, linewidth=0.5)
            ax.plot(lines[axis], _scaled(factor), color=(style.BLUE, style.ORANGE, style.GREEN)[axis % 3], linewidth=1.4)
            _knots(ax, network.factors[axis].breaks[0].cpu().numpy())
            label = f"${letters[axis]}_{{{column + 1}}}({name})$"
            style.dress(ax, label if axis else f"{of}{label}   size {sizes[node]:.2g}", style.math(name))
            ax.set_ylim(-1.12, 1.12)
            if column:
                ax.set_yticklabels([])
    if several:
        _sizes(figure.add_subplot(grid[:, shown]), sizes[order])
    if mapped:
        _terms(figure.add_subplot(grid[:, shown + several]), solution)
    return figure


def _sizes(ax: Axes, sizes: np.ndarray) -> None:
    """The sizes (R,) of all products, the largest first."""
    drawn = np.maximum(sizes, _SMALLEST * max(float(sizes[0]), _SMALLEST))
    ax.semilogy(np.arange(1, len(drawn) + 1), drawn, "o-", color=style.INK, markersize=3.5, linewidth=0.8)
    style.dress(ax, "size of each product", "product", "", grid=True)
    ax.set_ylim(10 ** np.floor(np.log10(drawn[-1])), 10 ** np.ceil(np.log10(drawn[0])))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _terms(ax: Axes, solution: Solution) -> None:
    """A map of the sum of all singular terms, of the field in which they are largest, and the points that they belong to."""
    values = terms_on(solution, _TERMS)  # (F, N_y, N_x)
    sizes = [style.extremes(np.abs(field))[1] for field in values]
    field = int(np.argmax(sizes))
    domain, network = solution.problem.domain, solution.network
    terms = network.terms
    if terms is None:
        return
    across, up = (domain.coordinates[axis] for axis in terms.axes)
    axes = uniform_axes(domain, _TERMS)
    path = outline(domain)
    drawn = style.image(ax, axes[across], axes[up], grown(values[field]), *style.colours(values[field]), label="")
    if path is not None:
        trim(ax, path, drawn)
    lower, upper = domain.bounds[list(terms.axes)].T
    points = np.array(sorted({m.centre for m in terms.monomials}))
    near = points[((points >= lower) & (points <= upper)).all(1)]
    ax.plot(*near.T, "o", color=style.ORANGE, markersize=4, markeredgecolor="white", markeredgewidth=0.5, clip_on=False)
    style.dress(ax, f"{terms.count} singular terms of {solution.fields[field]}", style.math(across), style.math(up))
    style.same_units(ax, axes[across], axes[up])


def terms_on(solution: Solution, count: int) -> np.ndarray:  # (F, N_y, N_x)
    """The singular terms alone on a uniform grid of their two coordinates, NaN outside; the others stand in the middle."""
    network, domain = solution.network, solution.problem.domain
    edges = [group.extended(list(group.breaks)) for group in network.edges]
    for group in edges:  # the same network with edges of zero: what is left are the terms
        for weights in group.parameters():
            weights.data.zero_()
    alone = replace(solution, network=network.with_edges(edges))
    middle = domain.bounds.mean(1)
    axes = uniform_axes(domain, count)
    plane = [domain.coordinates[axis] for axis in (network.terms.axes if network.terms is not None else ())]
    axes = {name: x if name in plane else np.array([middle[i]]) for i, (name, x) in enumerate(axes.items())}
    panel = Panel(plane[0], plane[1], {name: float(x[0]) for name, x in axes.items() if name not in plane})
    return np.stack([panel.of(values, axes) for values in fields_on(alone, axes).values()])


def _scaled(values: np.ndarray) -> np.ndarray:
    """Largest size 1, and the sign by which the function (an odd one: its right half) is positive: a product's gauge is free."""
    largest = np.abs(values).max()
    mean = values.mean() if abs(values.mean()) > 0.05 * np.abs(values).mean() else values[len(values) // 2 :].mean()
    return values / (largest if mean >= 0 else -largest) if largest else values


@torch.no_grad()
def _deep(solution: Solution) -> Figure:
    rows: list[tuple[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]] = []
    names = list(solution.problem.coordinates)
    outputs = _shown_as(solution)
    stack = solution.network.stack
    for number, layer in enumerate(stack):
        last = number == len(stack) - 1
        targets = outputs if last else [f"node {i + 1}" for i in range(layer.nodes)]
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
    rows = rows if len(rows) <= _ROWS else [*rows[: _ROWS - 1], rows[-1]]
    figure = style.new_figure(1.15 * columns + 0.9, 1.2 * len(rows) + 0.6)
    style.heading(figure, "Network: every edge is a learned function; a column is a node, knots as ticks")
    for row, (label, edges_of_row) in enumerate(rows):
        for column, (z, curve, knots) in enumerate(edges_of_row[:columns]):
            ax = figure.add_subplot(len(rows), columns, row * columns + column + 1)
            ax.axhline(0, color=style.FAINT, linewidth=0.4)
            ax.plot(z, curve, color=style.BLUE if row < len(rows) - len(outputs) else style.ORANGE, linewidth=1.2)
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
