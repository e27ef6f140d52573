"""A picture of a Kolmogorov-Arnold network: its nodes, and every edge as a small frame with its function, inputs at the bottom.

Lines are as thick and as dark as their edge matters (``attribution``); edges that are known functions are coloured and named,
pruned ones are absent. The frames of a node stand together below it, in as many rows as the width asks for, in the order of the
nodes that they come from. What the network of a solution consists of, with knots and sizes, is drawn by ``report.network``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from kanpde.kan import KAN
from kanpde.kan.attribution import Attribution, attribution
from kanpde.kan.cutting import node_of
from kanpde.kan.layers import Layer
from kanpde.report import style

WIDEST = 12.0  # inches: what a page or a screen shows without scrolling
FRAMES = (0.86, 0.66, 0.5, 0.38)  # inches: sides of frames for few and for many edges
MANY = (10, 22, 60)  # frames side by side from which on the next smaller side is taken
HEIGHT = 0.78  # of a frame, in its sides
SAMPLES = 1000  # points of the domain where no data are given
CURVE = 120  # points of a curve
FAINTEST = 0.08  # opacity of an edge without any score
NAMES = {"x^2": "x²", "x^3": "x³", "x^4": "x⁴", "x^5": "x⁵", "1/x^2": "1/x²", "1/x^3": "1/x³", "sqrt": "√x", "1/sqrt": "1/√x"}


@dataclass
class _Edge:
    """One edge that is drawn: where it comes from and goes to, its curve in the unit square, its score, its name if any."""

    source: int
    target: int
    curve: np.ndarray  # (2, n)
    zero: float | None  # where zero lies in the frame
    score: float
    name: str
    x: float = 0.0
    y: float = 0.0


def draw_graph(
    network: KAN,
    x: torch.Tensor | None = None,  # (N, d)
    names: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """The network at points x, by default at points of its domain; inputs are called ``names`` and outputs ``targets``.

    Raises ValueError for a wrong number of names.
    """
    points = _points(network) if x is None else x
    names, targets = named(network, names, targets)
    scores = attribution(network, points)
    layers = [_edges(network, points, scores, n) for n in range(len(network.stack))]
    return _drawn(network, layers, scores, names, targets, title)


def named(network: KAN, names: Sequence[str] | None, targets: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The names of inputs and outputs, x1, x2, ... and y where none are given; raises ValueError for a wrong number of them."""
    inputs = [f"x{i + 1}" for i in range(network.inputs)] if names is None else list(names)
    plain = ["y"] if network.outputs == 1 else [f"y{i + 1}" for i in range(network.outputs)]
    outputs = plain if targets is None else list(targets)
    if len(inputs) != network.inputs or len(outputs) != network.outputs:
        raise ValueError(
            f"the network has {network.inputs} inputs and {network.outputs} outputs; got the names {inputs} and {outputs}"
        )
    return inputs, outputs


def _points(network: KAN) -> torch.Tensor:  # (N, d)
    """Points of the box on which the first edges have their grids, the same at every call."""
    layer = network.stack[0]
    like = layer.edges[0].breaks if layer.edges else next(network.parameters())
    box = torch.tensor([[-1.0, 1.0]] * network.inputs, dtype=like.dtype, device=like.device)
    for group, source in zip(layer.edges, layer.sources, strict=True):
        for row, i in enumerate(source):
            box[i] = group.breaks[row, [0, -1]]
    unit = torch.quasirandom.SobolEngine(network.inputs, scramble=True, seed=0).draw(SAMPLES).to(like)
    return box[:, 0] + unit * (box[:, 1] - box[:, 0])


@torch.no_grad()
def _edges(network: KAN, x: torch.Tensor, scores: Attribution, n: int) -> list[_Edge]:
    """The edges of a layer that are alive, each on the interval that reaches it."""
    layer, nodes = network.stack[n], network.activations(x)[n].T  # (nodes, N)
    lower, upper = nodes.amin(1, keepdim=True), nodes.amax(1, keepdim=True)
    z = lower + (upper - lower) * torch.linspace(0, 1, CURVE, dtype=x.dtype, device=x.device)
    values = z.new_zeros(layer.subnodes, len(z), CURVE)
    living = torch.zeros(layer.subnodes, len(z), dtype=torch.bool)
    for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        values[first:last, list(source)] += group.functions(z[list(source)])[0].transpose(0, 1)
        living[first:last, list(source)] |= (group.living != 0).T.cpu()
    known: dict[tuple[int, int], str] = {}
    if layer.symbolic is not None:
        places = layer.symbolic.places
        values.index_put_((places[:, 1], places[:, 0]), layer.symbolic.functions_at(z)[0], accumulate=True)
        living[places[:, 1].cpu(), places[:, 0].cpu()] = True
        known = {(i, j): name for (i, j), name in zip(places.tolist(), layer.symbolic.functions, strict=True)}
    curves = values.cpu().double().numpy()
    found = []
    for j, i in living.nonzero().tolist():
        curve = curves[j, i]
        if not np.abs(curve).max() > 0:
            continue
        low, high = float(np.nanmin(curve)), float(np.nanmax(curve))
        flat = high - low <= 1e-9 * max(abs(low), abs(high))
        scaled = np.full(CURVE, 0.5) if flat else (curve - low) / (high - low)
        zero = None if flat or not low < 0 < high else -low / (high - low)
        score = float(scores.edges[n][j, i])
        found.append(_Edge(i, j, np.stack([np.linspace(0, 1, CURVE), scaled]), zero, score, known.get((i, j), "")))
    return found


def _drawn(
    network: KAN, layers: Sequence[list[_Edge]], scores: Attribution, names: Sequence[str], targets: Sequence[str], title: str
) -> Figure:
    """All rows from the bottom up; everything in inches."""
    widest = max(len(edges) for edges in layers)
    side = FRAMES[sum(widest > limit for limit in MANY)]
    rows = [_rows(edges, side) for edges in layers]
    width = max(
        *(_width(edges, r, side) for edges, r in zip(layers, rows, strict=True)),
        max(network.inputs, network.outputs, *(layer.nodes for layer in network.stack)) * 1.15 * side,
        3.2,
    )
    margin = 0.35
    ys, places = [margin + 0.3], [_spread(network.inputs, width)]
    for layer, edges, r in zip(network.stack, layers, rows, strict=True):
        first = ys[-1] + 0.55 * side + 0.035 * width  # room in which lines can turn
        top = first + r * HEIGHT * side + (r - 1) * 0.16 * side
        xs = _placed(layer, edges, r, side, width, first, places[-1])
        ys.append(top + 0.5 * side + 0.02 * width + (0.35 * side if layer.products else 0.0))
        places.append(xs)
    height = ys[-1] + margin + 0.3 + (0.3 if title else 0.0)
    figure = style.new_figure(width + 2 * margin, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    strongest = max((edge.score for edges in layers for edge in edges), default=1.0) or 1.0
    for n, (layer, edges) in enumerate(zip(network.stack, layers, strict=True)):
        ends = _subnodes(axes, layer, places[n + 1], ys[n + 1], side, edges)
        for edge in sorted(edges, key=lambda e: e.score):
            dense = rows[n] > 1
            _line(axes, edge, (places[n][edge.source], ys[n]), ends[edge.target], side, edge.score / strongest, dense)
        for edge in edges:
            _frame(axes, edge, side, edge.score / strongest)
    for n, (xs, y) in enumerate(zip(places, ys, strict=True)):
        for i, at in enumerate(xs):
            weak = float(scores.nodes[n][i]) == 0
            product = bool(n) and i >= network.stack[n - 1].sums
            _node(axes, at, y, side, product, several=bool(n) and sum(e.target == i for e in layers[n - 1]) > 1, weak=weak)
    if title:
        axes.text(0, height - 0.12, title, fontsize=style.LARGE, color=style.INK, ha="left", va="top")
    for name, at, score in zip(names, places[0], scores.nodes[0].tolist(), strict=True):
        colour = style.INK if score > 0 else style.FAINT
        axes.text(at, ys[0] - _radius(side) - 0.07, labelled(name), fontsize=style.LARGE, color=colour, ha="center", va="top")
    runs = len(places[-1]) // len(targets)
    for k, target in enumerate(targets):
        at = float(np.mean(places[-1][k * runs : (k + 1) * runs]))
        axes.text(
            at, ys[-1] + _radius(side) + 0.07, labelled(target), fontsize=style.LARGE, color=style.INK, ha="center", va="bottom"
        )
    return figure


def labelled(name: str) -> str:
    """A name in mathematical letters; the number at its end, or what follows an underscore, as an index."""
    found = re.fullmatch(r"([A-Za-z]+?)_?(\d+)|([A-Za-z]+)_([A-Za-z0-9]+)", name)
    if found is None or "_" in name.replace("_", "", 1):
        return style.math(name.replace("_", r"\_"))
    letter, index = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"{style.math(letter)[:-1]}_{{\\mathrm{{{index}}}}}$"


def _radius(side: float) -> float:
    return 0.06 + 0.05 * side


def _clusters(edges: Sequence[_Edge]) -> list[list[_Edge]]:
    """Edges with the same target, in the order of the targets."""
    return [[e for e in edges if e.target == target] for target in sorted({e.target for e in edges})]


def _width(edges: Sequence[_Edge], rows: int, side: float) -> float:
    """What a layer's frames take up, side by side in so many rows."""
    clusters = _clusters(edges)
    return sum(ceil(len(c) / rows) * 1.14 * side for c in clusters) + 0.4 * side * max(0, len(clusters) - 1)


def _rows(edges: Sequence[_Edge], side: float) -> int:
    """The fewest rows in which a layer is no wider than a page."""
    most = max((len(c) for c in _clusters(edges)), default=1)
    return next((r for r in range(1, most) if _width(edges, r, side) <= WIDEST), most)


def _spread(count: int, width: float) -> list[float]:
    return [width * (i + 0.5) / count for i in range(count)]


def _placed(
    layer: Layer, edges: Sequence[_Edge], rows: int, side: float, width: float, bottom: float, sources: Sequence[float]
) -> list[float]:
    """Gives every frame its place, those of a node together, and returns where the nodes stand: above their frames."""
    nodes = node_of(layer)
    order = sorted(range(layer.subnodes), key=lambda j: (nodes[j], j))
    clusters = [(j, sorted((e for e in edges if e.target == j), key=lambda e: (sources[e.source], e.source))) for j in order]
    columns = [max(1, ceil(len(c) / rows)) for _, c in clusters]
    gap = 0.4 * side
    natural = sum(columns) * 1.14 * side + gap * (len(columns) - 1)
    stretch = min(2.0, width / natural)
    pitch = 1.14 * side * stretch
    at = (width - natural * stretch) / 2
    centres: dict[int, float] = {}
    for (j, cluster), count in zip(clusters, columns, strict=True):
        for k, edge in enumerate(cluster):
            row, column = divmod(k, count)
            filled = min(count, len(cluster) - row * count)
            edge.x = at + (column + 0.5 + (count - filled) / 2) * pitch
            edge.y = bottom + (row + 0.5) * HEIGHT * side + row * 0.16 * side
        centres[j] = at + count * pitch / 2
        at += count * pitch + gap * stretch
    return [float(np.mean([centres[j] for j in range(layer.subnodes) if nodes[j] == node])) for node in range(layer.nodes)]


def _subnodes(
    axes: Axes, layer: Layer, nodes: Sequence[float], y: float, side: float, edges: Sequence[_Edge]
) -> list[tuple[float, float]]:
    """Where lines to each subnode end: at the node, or for the factor of a product at a dot of its own below it."""
    ends = []
    for j, node in enumerate(node_of(layer)):
        if j < layer.sums:
            ends.append((nodes[node], y))
            continue
        k = (j - layer.sums) // layer.products
        own = [e.x for e in edges if e.target == j]
        offset = (k - (layer.arity - 1) / 2) * 0.5 * side
        at = (
            nodes[node] + offset if not own else nodes[node] + float(np.clip(np.mean(own) - nodes[node], -0.7 * side, 0.7 * side))
        )
        ends.append((at, y - 0.42 * side))
        axes.plot([at, nodes[node]], [y - 0.42 * side, y], color=style.INK, linewidth=1.0, zorder=2)
        axes.add_patch(Circle((at, y - 0.42 * side), 0.45 * _radius(side), facecolor=style.INK, edgecolor="none", zorder=5))
    return ends


def _strength(share: float, power: float = 0.5) -> float:
    """Opacity of an edge by its share of the largest score: the square root, for a hundredth is still worth seeing."""
    return FAINTEST + (1 - FAINTEST) * float(np.clip(share, 0, 1)) ** power


def _mixed(colour: str, strength: float) -> tuple[float, float, float]:
    """The colour on white, without transparency: lines that cross do not darken each other."""
    red, green, blue = (1 - strength * (1 - c) for c in to_rgb(colour))
    return red, green, blue


def _line(
    axes: Axes, edge: _Edge, start: tuple[float, float], end: tuple[float, float], side: float, share: float, dense: bool
) -> None:
    """From the node below to the frame, and from there to the node above; among many lines only the strong ones are dark."""
    strength = _strength(share, 1.2) if dense else _strength(share)
    thickness = 0.3 + 1.5 * strength if dense else 0.4 + 2.0 * strength
    colour = _mixed(style.ORANGE if edge.name else style.INK, strength)
    half = HEIGHT * side / 2
    for (x0, y0), (x1, y1) in ((start, (edge.x, edge.y - half)), ((edge.x, edge.y + half), end)):
        bend = 0.55 * (y1 - y0)
        path = Path([(x0, y0), (x0, y0 + bend), (x1, y1 - bend), (x1, y1)], [Path.MOVETO, *[Path.CURVE4] * 3])
        axes.add_patch(
            PathPatch(path, facecolor="none", edgecolor=colour, linewidth=thickness, capstyle="round", zorder=1 + strength)
        )


def _frame(axes: Axes, edge: _Edge, side: float, share: float) -> None:
    strength = max(0.3, _strength(share))
    colour = style.ORANGE if edge.name else style.BLUE
    rim = _mixed(style.ORANGE if edge.name else style.INK, strength)
    w, h = side, HEIGHT * side
    left, bottom = edge.x - w / 2, edge.y - h / 2
    box = FancyBboxPatch(
        (left, bottom), w, h, boxstyle=f"round,pad=0,rounding_size={0.08 * side}",
        facecolor="white", edgecolor=rim, linewidth=0.4 + 0.5 * strength, zorder=6,
    )  # fmt: skip
    axes.add_patch(box)
    inner = np.array([[left + 0.1 * w], [bottom + 0.14 * h]]) + edge.curve * np.array([[0.8 * w], [0.72 * h]])
    if edge.zero is not None:
        level = bottom + (0.14 + 0.72 * edge.zero) * h
        axes.plot([left + 0.1 * w, left + 0.9 * w], [level, level], color="#dddddd", linewidth=0.5, zorder=7)
    axes.plot(
        inner[0], inner[1], color=_mixed(colour, strength), linewidth=0.8 + 0.9 * min(1.0, side), solid_capstyle="round", zorder=8
    )
    if edge.name:
        text = NAMES.get(edge.name, edge.name)
        axes.text(
            left + 0.04, bottom + h + 0.02, text, fontsize=5.5 + 3.5 * side, color=style.ORANGE, ha="left", va="bottom", zorder=9
        )


def _node(axes: Axes, x: float, y: float, side: float, product: bool, several: bool, weak: bool) -> None:
    radius = _radius(side) * (1.0 if product or several else 0.7)
    colour = style.FAINT if weak else style.GREEN if product else style.INK
    axes.add_patch(Circle((x, y), radius, facecolor=colour, edgecolor="white", linewidth=0.6, zorder=10))
    if product or several:
        arm = 0.5 * radius
        marks = (
            [((-arm, arm), (-arm, arm)), ((-arm, arm), (arm, -arm))]
            if product
            else [((-1.2 * arm, 1.2 * arm), (0, 0)), ((0, 0), (-1.2 * arm, 1.2 * arm))]
        )
        for dx, dy in marks:
            axes.plot(
                [x + dx[0], x + dx[1]], [y + dy[0], y + dy[1]], color="white", linewidth=1.1, zorder=11, solid_capstyle="round"
            )
