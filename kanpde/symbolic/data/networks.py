"""A deep Kolmogorov-Arnold network as one formula: every edge that matters is replaced by what it may be, and all is composed.

The edges of a network are known up to affine maps only: z -> a z + b after one layer is undone by the next. Forms of edges have
scale and shift of their own, so that nothing is lost; after composing, numbers that stand together become one, and those that
the values cannot tell apart are fixed (``refit``). The single edges only suggest: what is accepted is the whole, if it agrees
with the network's values, or with the data it was trained on, within their noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.fit import bits
from kanpde.symbolic.curves.least_squares import rms
from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.data.edges import DOUBT, Refined, Suggestion, allowed, least_squares
from kanpde.symbolic.data.gathered import gathered
from kanpde.symbolic.form import Array, Form, Number, number
from kanpde.symbolic.sample import NODES, Axis, Samples
from kanpde.symbolic.view import View

if TYPE_CHECKING:
    from kanpde.kan import KAN

POINTS = 4096
"""Points of the domain at which a network is sampled where no data are given."""
OPTIONS = 3
"""Forms of one edge that are tried."""
MOST_TRIALS = 24
"""Combinations of them."""
PLAIN = 35.0
"""A whole of so few bits is not looked beyond: exp(sin(pi x) + y^2) has 22."""
LEVELS = (1.0, 10.0, 100.0)
"""Factors on the noise of an edge: training leaves errors in single edges that cancel in the whole."""
DEAD = 0.3
"""An edge whose variation changes the output by less than this part of the noise is a constant."""


class Options:
    """The possible forms of an edge, the likeliest first: each is looked for when it is asked for."""

    def __init__(self, source: Iterator[Form]) -> None:
        self._source = source
        self._known: list[Form] = []

    def __getitem__(self, k: int) -> Form:
        return self._known[k]

    def count(self, most: int) -> int:
        """How many there are, at most ``most``."""
        self._known += islice(self._source, max(0, most - len(self._known)))
        return min(most, len(self._known))


@dataclass(frozen=True)
class Edge:
    """One active edge: from input ``source`` of its layer to subnode ``target``, with its possible forms."""

    source: int
    target: int
    forms: Options


@dataclass(frozen=True)
class _Layer:
    """What the composition needs of a layer: constants of its subnodes, its active edges, and how subnodes become nodes."""

    constants: Array  # (subnodes,)
    edges: tuple[Edge, ...]
    sums: int
    products: int
    arity: int


HOLE = sp.Symbol("z", real=True)
"""The argument of an edge's form."""


def symbolify(
    network: KAN,
    field: int | str = 0,
    problem: Problem | None = None,
    samples: tuple[Any, Any] | None = None,
    noise: float | None = None,
    names: Sequence[str] | None = None,
    seconds: float = 30.0,
) -> Suggestion | None:
    """The network's output as a formula with open numbers, or None if there is none within the noise.

    ``samples`` are the data (X (N, d), y (N,)) that the network was trained on; without them its own values on its domain are
    taken. ``noise`` is the root mean square error of the values; by default that of the network on the data. Names of the
    coordinates come from the problem, or are x1, x2, ... With a problem, ``prove`` then lets its equations judge the result.
    """
    names = names or (problem.coordinates if problem is not None else tuple(f"x{i + 1}" for i in range(network.inputs)))
    number_of = [f.name for f in problem.fields].index(field) if isinstance(field, str) and problem is not None else int(field)
    budget = Budget(seconds)
    x = _points(network) if samples is None else np.asarray(samples[0], dtype=float)  # (N, d)
    own = _values(network, x)[:, number_of]
    y = own if samples is None else np.asarray(samples[1], dtype=float).ravel()
    if noise is None:
        if samples is None:
            raise ValueError("give the noise of the network's values, or the data that it was trained on")
        noise = max(rms(own - y), 1e-14 * rms(y))
    symbols = tuple(symbol(name) for name in names)
    points = tuple(np.ascontiguousarray(column) for column in x.T)
    for level in LEVELS:
        layers = _edges(network, x, number_of, level * noise, budget)
        if layers is None:
            continue
        best: Suggestion | None = None
        for expression, numbers, how in islice(_composed(layers, symbols, network, number_of), MOST_TRIALS):
            found = _accepted(Form(expression, numbers, how), symbols, points, y, noise)
            if found is not None and (best is None or found.bits < best.bits):
                best = found
            if not budget.left or (best is not None and best.bits <= PLAIN):
                break
        if best is not None or not budget.left:
            return best
    return None


def _points(network: KAN) -> Array:  # (N, d)
    """Scrambled points of the box on which the first edges have their grids."""
    from scipy.stats import qmc

    bounds = _domain(network)
    unit = qmc.Sobol(network.inputs, scramble=True, seed=np.random.default_rng(0)).random(POINTS)
    return np.asarray(bounds[:, 0] + unit * (bounds[:, 1] - bounds[:, 0]))


def _domain(network: KAN) -> Array:  # (d, 2)
    bounds = np.zeros((network.inputs, 2))
    layer = network.stack[0]
    for group, source in zip(layer.edges, layer.sources, strict=True):
        for row, i in enumerate(source):
            bounds[i] = float(group.breaks[row, 0]), float(group.breaks[row, -1])
    return bounds


def _values(network: KAN, x: Array) -> Array:  # (N, d) -> (N, outputs)
    import torch

    with torch.no_grad():
        like = next(network.parameters())
        return np.asarray(network(torch.as_tensor(x).to(like)).cpu().numpy(), dtype=float)


def _edges(network: KAN, x: Array, output: int, noise: float, budget: Budget) -> list[_Layer] | None:
    """Every layer with forms for its active edges, at a noise of the output; None if an edge has no form."""
    import torch

    layers = []
    inputs = torch.as_tensor(x.T.copy()).to(next(network.parameters()))  # (nodes, N)
    states = [inputs]
    for layer in network.stack:
        jet, _ = layer.push({(0,): states[-1]}, 0)
        value = jet[(0,)]
        assert value is not None
        states.append(value.detach())
    slopes = _sensitivities(network, states, output)
    for number_of, layer in enumerate(network.stack):
        z = states[number_of]
        subnodes = layer.sums + layer.arity * layer.products
        constants, edges = np.zeros(subnodes), []
        for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
            values = group.functions(z[list(source)])[0].detach().cpu().numpy()  # (n_in, n_out, N)
            for row, i in enumerate(source):
                lower, upper = float(z[i].min()), float(z[i].max())
                for column in range(last - first):
                    target, varying = first + column, values[row, column]
                    weight = slopes[number_of][target]  # (N,) change of the output by a change of the subnode
                    mean = float(varying.mean())
                    if rms((varying - mean) * weight) <= DEAD * noise:
                        constants[target] += mean
                        continue
                    sigma = noise / max(rms(weight), 1e-300)

                    forms = Options(_forms(partial(_edge, group, row, column), lower, upper, sigma, budget))
                    if not forms.count(1):
                        return None
                    edges.append(Edge(i, target, forms))
        layers.append(_Layer(constants, tuple(edges), layer.sums, layer.products, layer.arity))
    return layers


def _edge(group: Any, row: int, column: int, at: Array) -> Array:
    """One edge of a group at points of its input, (N,) -> (N,)."""
    import torch

    spread = torch.as_tensor(at).to(group.coefficients)[None].expand(group.inputs, -1)
    return np.asarray(group.functions(spread)[0, row, column].detach().cpu().numpy(), dtype=float)


def _sensitivities(network: KAN, states: Sequence[Any], output: int) -> list[Array]:
    """For each layer the derivative of the output by each subnode, (subnodes, N)."""
    import torch

    found = []
    for number_of, layer in enumerate(network.stack):
        jet, trace = layer.push({(0,): states[number_of]}, 0)
        value = jet[(0,)]
        assert value is not None
        nodes = value.detach().requires_grad_(True)
        last = nodes
        for later in network.stack[number_of + 1 :]:
            pushed = later.push({(0,): last}, 0)[0][(0,)]
            assert pushed is not None
            last = pushed
        last = last.view(network.outputs, -1, last.shape[-1]).sum(1) if network.total else last
        (slope,) = torch.autograd.grad(last[output].sum(), nodes, allow_unused=True)
        slope = torch.zeros_like(nodes) if slope is None else slope  # (nodes, N)
        rows = [slope[: layer.sums]]
        for i in range(layer.arity if layer.products else 0):
            others = [f[(0,)] for j, f in enumerate(trace.factors) if j != i]
            rows.append(slope[layer.sums :] * prod((o.detach() for o in others if o is not None), start=torch.ones(1).to(slope)))
        found.append(torch.cat(rows).cpu().numpy())
    return found


def _forms(function: Callable[[Array], Array], lower: float, upper: float, sigma: float, budget: Budget) -> Iterator[Form]:
    """Forms of one edge on the interval that its inputs cover; a straight line is taken at once."""
    axis = Axis(lower, upper, NODES[1])
    values = function(axis.nodes)
    straight = np.polynomial.polynomial.Polynomial.fit(axis.nodes, values, 1).convert().coef
    slope, offset = float(straight[1]) if len(straight) > 1 else 0.0, float(straight[0])
    if rms(values - offset - slope * axis.nodes) <= sigma:
        a, b = number(slope), number(offset)
        yield Form(a.symbol * HOLE + b.symbol, (a, b), "straight")
        return
    sigma = max(sigma, 1e-14 * float(np.abs(values).max()))
    yield from univariate(View((HOLE,), Samples((axis,), values, sigma, True), budget))


def _composed(
    layers: Sequence[_Layer], symbols: Sequence[sp.Symbol], network: KAN, output: int
) -> Iterator[tuple[sp.Expr, tuple[Number, ...], str]]:
    """The whole network for each choice of forms: the first of each edge, then others."""
    edges = [edge for layer in layers for edge in layer.edges]
    for chosen in _choices([edge.forms for edge in edges]):
        picked = dict(zip(map(id, edges), chosen, strict=True))
        numbers: dict[sp.Symbol, Number] = {}
        nodes: list[sp.Expr] = list(symbols)
        words = []
        for layer in layers:
            subnodes: list[sp.Expr] = [sp.Float(c) for c in layer.constants]
            for edge in layer.edges:
                form = edge.forms[picked[id(edge)]]
                fresh = {n.symbol: number(n.value, n.slack) for n in form.numbers}
                numbers |= {n.symbol: n for n in fresh.values()}
                replaced = form.expression.xreplace({s: n.symbol for s, n in fresh.items()})
                subnodes[edge.target] += replaced.xreplace({HOLE: nodes[edge.source]})
                words.append(form.how)
            factors = [
                subnodes[layer.sums + i * layer.products : layer.sums + (i + 1) * layer.products] for i in range(layer.arity)
            ]
            made = [sp.Mul(*parts) for parts in zip(*factors, strict=True)] if layer.products else []
            nodes = [*subnodes[: layer.sums], *made]
        if network.total:
            run = len(nodes) // network.outputs
            whole = sp.Add(*nodes[output * run : (output + 1) * run])
        else:
            whole = nodes[output]
        expression, left = gathered(whole, numbers)
        yield expression, left, "network: " + ", ".join(dict.fromkeys(words))


def _choices(options: Sequence[Options]) -> Iterator[tuple[int, ...]]:
    """One option an edge: all first ones, then those with a sum of places of 1, 2, ..."""
    yield (0,) * len(options)
    counts = [forms.count(OPTIONS) for forms in options]
    for total in range(1, sum(c - 1 for c in counts) + 1):
        yield from _with_sum(counts, total)


def _with_sum(counts: Sequence[int], total: int) -> Iterator[tuple[int, ...]]:
    if not counts:
        if total == 0:
            yield ()
        return
    for first in range(min(counts[0], total + 1)):
        for rest in _with_sum(counts[1:], total - first):
            yield (first, *rest)


def _accepted(
    form: Form, symbols: tuple[sp.Symbol, ...], points: tuple[Array, ...], values: Array, noise: float
) -> Suggestion | None:
    """The form refined on the values, without numbers that they do not need; None if it does not agree with them."""
    limit = allowed(noise, len(values))
    best = least_squares(form, symbols, points, values, noise)
    if best is None or best.misfit > limit:
        return None

    def without(form: Form, n: Number, options: Sequence[int]) -> Refined | None:
        """The rest refined with one number at the first of the exact values that it can make up for."""
        for exact in options:
            expression = form.expression.xreplace({n.symbol: sp.Integer(exact)})
            if expression.has(sp.nan, sp.zoo, sp.oo) or not expression.free_symbols & set(symbols):
                continue
            left = tuple(m for m in form.numbers if m.symbol != n.symbol and expression.has(m.symbol))
            trial = least_squares(replace(form, expression=expression, numbers=left), symbols, points, values, noise)
            if trial is not None and trial.misfit <= limit:
                return trial
        return None

    while True:
        simpler = None
        if best.loose is not None:
            simpler = without(best.form, best.loose, (1, -1, 0))
            if simpler is None:
                return None  # a family of forms agrees with the values: the network does not determine this one
        else:
            doubtful = (n for n in best.form.numbers if abs(n.value) <= DOUBT * n.slack + 1e-12)
            simpler = next((s for s in (without(best.form, n, (0,)) for n in doubtful) if s is not None), None)
        if simpler is None:
            break
        best = simpler
    found = best.form
    return Suggestion(found.expression, symbols, found.numbers, best.misfit, noise, bits(found), found.how, points, values)
