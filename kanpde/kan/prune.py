"""Pruning: edges and nodes that hardly matter are taken out, and what they contribute on average stays.

An edge that goes is replaced by its mean, which is folded into an edge that stays: to first order an output changes by the score
of the edge (``attribution``) times its own standard deviation. How much it really changes is measured. Nodes without edges go
too, so that layers become narrower; a product of which one factor is constant becomes a sum node.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.kan.attribution import Attribution, attribution
from kanpde.kan.cutting import means_of_dead, node_of, nodes_left, rebuilt, spread_death
from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN

EdgePlace = tuple[int, int, int]
"""Layer, node that the edge comes from, subnode that it goes to; all numbered from 0."""


@dataclass(frozen=True)
class Pruned:
    """The smaller network, and all that was done, in the numbers of the old one.

    ``change`` is the root mean square change of the worst output at the points, relative to the output's standard deviation.
    ``edges`` are those that were alive and are gone, ``nodes`` (layer, node) those that are gone (the inputs are layer 0, which
    loses none), ``idle`` the inputs that nothing depends on any more, ``kept[l]`` the old numbers of the nodes of layer l.
    """

    network: KAN
    change: float
    edges: tuple[EdgePlace, ...]
    nodes: tuple[tuple[int, int], ...]
    idle: tuple[int, ...]
    kept: tuple[tuple[int, ...], ...]

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if not self.edges and not self.nodes:
            return "nothing was pruned: everything matters more than the thresholds"
        gone = f"{len(self.edges)} edges and {len(self.nodes)} nodes are gone, which changes the function by {self.change:.1e}"
        idle = f"; nothing depends on the inputs {', '.join(map(str, self.idle))}" if self.idle else ""
        return f"{gone} of its standard deviation{idle}"


def pruned(
    net: KAN,
    x: Tensor,  # (N, d)
    edges: float = 1e-2,
    nodes: float = 1e-2,
    change: float | None = None,
) -> Pruned:
    """The network without edges of a score below ``edges`` and hidden nodes of a score below ``nodes``, by the points x.

    With ``change`` only as many of them go, the least important first, as change the function by no more than that.
    """
    scores = attribution(net, x)
    alive = [_present(net.stack[n], score) for n, score in enumerate(scores.edges)]
    weak = _weak(net, scores, alive, edges, nodes)
    best = without(net, x, weak)
    if change is None or best.change <= change:
        return best
    low, high = 0, len(weak)
    best = without(net, x)
    while high - low > 1:
        middle = (low + high) // 2
        trial = without(net, x, weak[:middle])
        if trial.change <= change:
            low, best = middle, trial
        else:
            high = middle
    return best


@torch.no_grad()
def without(
    net: KAN,
    x: Tensor,  # (N, d)
    edges: Collection[EdgePlace] = (),
    nodes: Collection[tuple[int, int]] = (),
) -> Pruned:
    """The network without the given edges and hidden nodes, and without all that is dead then.

    Raises ValueError for nodes that are inputs or outputs.
    """
    values = net.edge_values(x)  # (subnodes, n_in, N) each
    before = [_present(layer, phi.abs().amax(-1)) for layer, phi in zip(net.stack, values, strict=True)]
    alive = [a.clone() for a in before]
    for place in edges:
        layer, source, target = _checked(net, place)
        alive[layer][target, source] = False
    for depth, node in nodes:
        if not 0 < depth < len(net.stack) or not 0 <= node < net.stack[depth - 1].nodes:
            raise ValueError(f"node {node} of layer {depth} is no hidden node: inputs and outputs stay")
        alive[depth][:, node] = False
    spread_death(net, alive, values)
    means = means_of_dead(alive, values)
    kept = nodes_left(net, alive)
    layers = [
        rebuilt(layer, alive[n], means[n], kept[n], kept[n + 1], n == len(net.stack) - 1) for n, layer in enumerate(net.stack)
    ]
    small = KAN.from_layers(layers, net.inputs, net.outputs, net.total, net.terms)
    gone = [
        (n, int(i), int(j))
        for n, (was, still) in enumerate(zip(before, alive, strict=True))
        for j, i in (was & ~still).nonzero().tolist()
    ]
    dead = [(n, i) for n, layer in enumerate(net.stack[:-1], 1) for i in range(layer.nodes) if i not in kept[n]]
    idle = [i for i in range(net.inputs) if not bool(alive[0][:, i].any())]
    order = tuple(tuple(k) for k in kept)
    return Pruned(small, _change(net, small, x), tuple(gone), tuple(dead), tuple(idle), order)


def _checked(net: KAN, place: EdgePlace) -> EdgePlace:
    layer, source, target = place
    if 0 <= layer < len(net.stack):
        inputs = net.inputs if layer == 0 else net.stack[layer - 1].nodes
        if 0 <= source < inputs and 0 <= target < net.stack[layer].subnodes:
            return place
    raise ValueError(f"there is no edge {place}: give layer, node and subnode, numbered from 0")


def _present(layer: Layer, size: Tensor) -> Tensor:  # (subnodes, n_in) -> bool
    """Which edges are alive: not masked, and not zero everywhere."""
    living = torch.zeros_like(size, dtype=torch.bool)
    for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        living[first:last, list(source)] |= (group.living != 0).T
    if layer.symbolic is not None:
        living[layer.symbolic.places[:, 1], layer.symbolic.places[:, 0]] = True
    return living & (size > 0)


def _weak(net: KAN, scores: Attribution, alive: Sequence[Tensor], edges: float, nodes: float) -> list[EdgePlace]:
    """The edges that are alive and too weak, and those of nodes that are too weak, the least important first."""
    found = []
    for n, (layer, score, living) in enumerate(zip(net.stack, scores.edges, alive, strict=True)):
        low = score < edges
        if n:
            low = low | (scores.nodes[n] < nodes)
        if n < len(alive) - 1:
            low = low | (scores.nodes[n + 1] < nodes)[node_of(layer)][:, None]
        found += [(float(score[j, i]), (n, int(i), int(j))) for j, i in (low & living).nonzero().tolist()]
    return [place for _, place in sorted(found)]


def _change(net: KAN, small: KAN, x: Tensor) -> float:
    """The root mean square change of the worst output, relative to its standard deviation (to its size where it is constant)."""
    before, after = net(x), small(x)  # (N, outputs)
    moved = (after - before).square().mean(0).sqrt()
    varies = before.std(0, correction=0)
    size = torch.where(varies > 0, varies, before.square().mean(0).sqrt())
    return float((moved / size.clamp(min=torch.finfo(x.dtype).tiny)).max())
