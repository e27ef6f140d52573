"""The computation graph of a formula or of a network: inputs at the bottom, operations as vertices, lines for what goes where.

Numbers stand in the operation that uses them (times pi, plus 3, squared); what occurs twice in a formula is one vertex.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Patch, PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from kanpde.kan import KAN, Layer
from kanpde.problem.latex import latex
from kanpde.report import style
from kanpde.report.layered import Graph, Layout, layout
from kanpde.report.network_graph import NAMES, labelled, named
from kanpde.results import Formula

TIMES, MINUS, DIVIDED = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}", "\N{DIVISION SIGN}"
MANY = 24  # edges of a layer from which on they are one vertex
STEP = 0.72  # inches from layer to layer
BOX = 0.36  # inches, the height of a vertex
ROOM = 0.2  # inches beside the letters of a vertex
COLOURS = {
    "input": style.BLUE,
    "output": style.INK,
    "sum": style.INK,
    "product": style.GREEN,
    "function": style.ORANGE,
    "spline": style.SKY,
}
"""What the rims of vertices tell apart."""


def draw_formula(formula: Formula) -> Figure:
    """The graph of a formula, an output for each of its fields. Raises ValueError if there is none."""
    if not formula.expressions:
        raise ValueError("there is no formula to draw")
    builder = _Builder()
    for name, expression in formula.expressions.items():
        top = builder.vertex(expression)
        builder.graph.add(f"out {name}", labelled(name), "output", _width(labelled(name)), [top])
    return _drawn(builder.graph)


def draw_operations(network: KAN, names: Sequence[str] | None = None, targets: Sequence[str] | None = None) -> Figure:
    """The graph of a network: an operation for each edge that is alive, sums and products. Names are as in ``draw_graph``."""
    names, targets = named(network, names, targets)
    graph = Graph()
    nodes = [graph.add(f"in {i}", labelled(name), "input", _width(labelled(name))) for i, name in enumerate(names)]
    for depth, layer in enumerate(network.stack, 1):
        living = _living(layer)
        if len(living) > MANY:
            nodes = _summarised(graph, depth, layer, len(living), nodes, depth == len(network.stack))
            continue
        parts: list[list[str]] = [[] for _ in range(layer.subnodes)]
        for i, j, name in living:
            label = NAMES.get(name, name) if name else rf"$\varphi_{{{depth},{i + 1},{j + 1}}}$"
            kind = "function" if name else "spline"
            parts[j].append(graph.add(f"edge {depth} {i} {j}", label, kind, _width(label), [nodes[i]]))
        subnodes = [_joined(graph, f"sum {depth} {j}", "+", "sum", own) for j, own in enumerate(parts)]
        factors = [subnodes[layer.sums + p :: layer.products] for p in range(layer.products)]
        products = [_joined(graph, f"product {depth} {p}", TIMES, "product", own) for p, own in enumerate(factors)]
        nodes = [*subnodes[: layer.sums], *products]
    run = len(nodes) // len(targets)
    for k, name in enumerate(targets):
        top = _joined(graph, f"total {k}", "+", "sum", nodes[k * run : (k + 1) * run])
        graph.add(f"out {k}", labelled(name), "output", _width(labelled(name)), [top])
    used = {part for parts in graph.below.values() for part in parts}
    for name in [n for n, kind in graph.kinds.items() if n not in used and kind not in ("input", "output")]:
        _removed(graph, name)
    return _drawn(graph)


def _summarised(graph: Graph, depth: int, layer: Layer, edges: int, nodes: Sequence[str], last: bool) -> list[str]:
    """A layer of many edges as one vertex, and one for all its nodes; the outputs keep vertices of their own."""
    below = list(dict.fromkeys(nodes))
    top = graph.add(f"edges {depth}", f"{edges} edges", "spline", _width(f"{edges} edges"), below)
    if last:
        return [
            graph.add(f"node {depth} {i}", "+" if i < layer.sums else TIMES, "sum" if i < layer.sums else "product", BOX, [top])
            for i in range(layer.nodes)
        ]
    nodes = []
    for count, kind in ((layer.sums, "sum"), (layer.products, "product")):
        label = f"{count} {kind}{'s' * (count != 1)}"
        nodes += [graph.add(f"{kind} {depth}", label, kind, _width(label), [top])] * count if count else []
    return nodes


def _removed(graph: Graph, name: str) -> None:
    """Takes a vertex out that nothing uses, and with it those that only it used."""
    parts = graph.below.pop(name)
    for table in (graph.labels, graph.kinds, graph.widths):
        del table[name]
    for part in parts:
        if graph.kinds.get(part) != "input" and not any(part in lower for lower in graph.below.values()):
            _removed(graph, part)


def _living(layer: Layer) -> list[tuple[int, int, str]]:
    """(node, subnode, function) of the edges that are alive, the function empty for splines."""
    found = {}
    for group, source, (first, _) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        for row, column in group.living.nonzero().tolist():
            found[source[row], first + column] = ""
    if layer.symbolic is not None:
        places = [(i, j) for i, j in layer.symbolic.places.tolist()]
        found |= dict(zip(places, layer.symbolic.functions, strict=True))
    return [(i, j, name) for (i, j), name in sorted(found.items())]


def _joined(graph: Graph, name: str, label: str, kind: str, parts: Sequence[str]) -> str:
    """One vertex for several; itself for one, and a zero for none."""
    if len(parts) == 1:
        return parts[0]
    return graph.add(name, label if parts else "0", kind if parts else "function", BOX, parts)


class _Builder:
    """Vertices for the parts of expressions, each part once."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.known: dict[sp.Expr, str] = {}

    def vertex(self, e: sp.Expr) -> str:
        if e not in self.known:
            self.known[e] = self._made(e)
        return self.known[e]

    def _made(self, e: sp.Expr) -> str:
        name = f"v{len(self.known)} {e}"
        if e.is_Symbol:
            return self.graph.add(name, labelled(e.name), "input", _width(labelled(e.name)))
        if not e.free_symbols:
            return self._add(name, f"${latex(e)}$", "function", ())
        if isinstance(e, sp.Add | sp.Mul):
            numbers, rest = sp.sift(e.args, lambda a: not a.free_symbols, binary=True)
            constant = e.func(*numbers)
            sign, kind = ("+", "sum") if isinstance(e, sp.Add) else (TIMES, "product")
            if isinstance(e, sp.Mul):
                above = [a for a in rest if not _is_inverse(a)]
                under = [1 / a for a in rest if _is_inverse(a)]
                if under:
                    return self._quotient(name, constant, above, under)
            if len(rest) == 1:
                return self._add(name, _with_number(sign, constant), kind, rest)
            if numbers:
                inner = self.vertex(e.func(*rest))
                return self._over(name, _with_number(sign, constant), kind, [inner])
            return self._add(name, sign, kind, rest)
        if isinstance(e, sp.Pow) and not e.exp.free_symbols:
            if e.exp == sp.Rational(1, 2):
                return self._add(name, r"$\sqrt{\,\cdot\,}$", "function", [e.base])
            return self._add(name, rf"$(\,\cdot\,)^{{{latex(e.exp)}}}$", "function", [e.base])
        if isinstance(e, sp.Pow):
            label = rf"${latex(e.base)}^{{\,\cdot}}$" if not e.base.free_symbols else "power"
            return self._add(name, label, "function", [a for a in e.args if a.free_symbols])
        return self._add(name, type(e).__name__.lower() if isinstance(e, sp.Abs) else str(e.func), "function", e.args)

    def _quotient(self, name: str, constant: sp.Expr, above: Sequence[sp.Expr], under: Sequence[sp.Expr]) -> str:
        below = self.vertex(sp.Mul(*under))
        if not above:
            return self._over(name, f"${latex(constant)}\\,/\\,\\cdot$", "product", [below])
        return self._over(name, DIVIDED, "product", [self.vertex(sp.Mul(constant, *above)), below])

    def _add(self, name: str, label: str, kind: str, parts: Sequence[sp.Expr]) -> str:
        return self._over(name, label, kind, [self.vertex(a) for a in parts])

    def _over(self, name: str, label: str, kind: str, below: Sequence[str]) -> str:
        return self.graph.add(name, label, kind, _width(label), below)


def _is_inverse(e: sp.Expr) -> bool:
    return isinstance(e, sp.Pow) and bool(e.exp.is_negative)


def _with_number(sign: str, constant: sp.Expr) -> str:
    if sign == "+" and constant.could_extract_minus_sign():
        return f"$-\\,{latex(-constant)}$"
    if sign == TIMES and constant == -1:
        return MINUS
    number = latex(constant)
    if sign == "+":
        return f"$+\\,{number}$"
    return rf"$\times\,({number})$" if constant.could_extract_minus_sign() else rf"$\times\,{number}$"


def _size(label: str) -> float:
    """Points: signs are larger than letters."""
    return style.LARGE + 2 if label in ("+", TIMES, DIVIDED, MINUS) else style.NORMAL + 0.5


def _width(label: str) -> float:
    """Inches that a vertex with this label takes: a circle where that is enough."""
    letters = float(TextPath((0, 0), label, size=_size(label)).get_extents().width) / 72
    return BOX if letters + 0.5 * ROOM <= BOX else letters + ROOM


def _drawn(graph: Graph) -> Figure:
    found = layout(graph)
    margin = 0.3
    figure = style.new_figure(max(found.width, 1.4) + 2 * margin, (found.layers - 1) * STEP + BOX + 2 * margin)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    shift = max(0.0, 1.4 - found.width) / 2
    axes.set_xlim(-margin - shift, found.width + margin + shift)
    axes.set_ylim(-BOX / 2 - margin, (found.layers - 1) * STEP + BOX / 2 + margin)
    axes.set_axis_off()
    _lines(axes, found)
    for name, (x, layer) in found.places.items():
        _vertex(axes, x, layer * STEP, graph.widths[name], graph.labels[name], graph.kinds[name])
    return figure


def _lines(axes: Axes, found: Layout) -> None:
    """Smooth lines that leave and arrive upright, with an arrow's head at the upper end."""
    for _, _, way in found.ways:
        points = [(x, layer * STEP) for x, layer in way]
        points[0] = (points[0][0], points[0][1] + BOX / 2)
        points[-1] = (points[-1][0], points[-1][1] - BOX / 2 - 0.05)
        vertices, codes = [points[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in pairwise(points):
            bend = 0.5 * (y1 - y0)
            vertices += [(x0, y0 + bend), (x1, y1 - bend), (x1, y1)]
            codes += [Path.CURVE4] * 3
        axes.add_patch(PathPatch(Path(vertices, codes), facecolor="none", edgecolor="#777777", linewidth=0.9, zorder=1))
        x, y = points[-1]
        head = np.array([(x, y + 0.05), (x - 0.035, y - 0.03), (x + 0.035, y - 0.03)])
        axes.fill(head[:, 0], head[:, 1], color="#777777", linewidth=0, zorder=2)


def _vertex(axes: Axes, x: float, y: float, width: float, label: str, kind: str) -> None:
    colour = COLOURS[kind]
    filled = kind in ("input", "output")
    look: dict[str, Any] = {"facecolor": colour if filled else "white", "edgecolor": colour, "linewidth": 1.1, "zorder": 5}
    corner = (x - width / 2, y - BOX / 2)
    rounded = f"round,pad=0,rounding_size={0.5 * BOX if filled else 0.25 * BOX}"
    box: Patch = Circle((x, y), BOX / 2, **look) if width == BOX else FancyBboxPatch(corner, width, BOX, rounded, **look)
    axes.add_patch(box)
    ink = "white" if filled else style.INK
    axes.text(
        x,
        y,
        label,
        fontsize=_size(label),
        color=ink,
        ha="center",
        va="center_baseline" if len(label) == 1 else "center",
        zorder=6,
    )
