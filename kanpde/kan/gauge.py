"""The same function with hidden nodes of mean zero and of size one, made of edges of mean zero: numbers in a good place.

A hidden node and the edges that read it may be scaled and shifted together without any effect, and so may constants go from one
edge of a node to another. Training leaves both anywhere: two edges of 200 and -200 that vary by one cost two digits in their sum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kanpde.kan.bases import BASES
from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN

NEUTRAL = (None, "zero")
"""Base functions that know no scale. Edges with others stay as they are, and so do the nodes that they read."""


@torch.no_grad()
def centred(network: KAN, x: Tensor) -> KAN:  # (N, d)
    """A copy, equal to round-off, whose hidden sum nodes have mean zero and largest size one at the points, where possible.

    It is for nodes that vary and that only edges without base function read. Of each node, factor and output, all edges but one
    have mean zero. Products stay as they are.
    """
    copied = KAN.from_spec(network.spec(), next(network.parameters()).dtype, x.device)
    copied.load_state_dict(network.state_dict())
    for n, layer in enumerate(copied.stack):
        edges = copied.edge_values(x)[n]  # (subnodes, n_in, N)
        for j, means in enumerate(edges.mean(-1)):
            places = _places(layer, j)
            for place in places[1:]:
                _add(layer, place, j, -means[place[1]])
                _add(layer, places[0], j, means[place[1]])
        if n + 1 == len(copied.stack):
            break
        values = copied.activations(x)[n + 1]  # (N, nodes)
        for node in range(layer.sums):
            column = values[:, node]
            mean = column.mean()
            size = (column - mean).abs().max()
            places = _places(layer, node)
            varies = size > 4 * torch.finfo(x.dtype).eps * mean.abs()
            if varies and places and _neutral(copied.stack[n + 1], node):
                _add(layer, places[0], node, -mean)
                _divided(layer, node, size)
                _followed(copied.stack[n + 1], node, mean, size)
    return copied


Place = tuple[int, int]
"""A group, or -1 for the symbolic edges, and the node that the edge comes from."""


def _places(layer: Layer, subnode: int) -> list[Place]:
    """The edges of a subnode that are alive, one for each node that they come from."""
    found: dict[int, Place] = {}
    for g, (group, source, (first, last)) in enumerate(zip(layer.edges, layer.sources, layer.targets, strict=True)):
        for row, i in enumerate(source):
            if first <= subnode < last and (group.mask is None or bool(group.mask[row, subnode - first] != 0)):
                found.setdefault(i, (g, i))
    if layer.symbolic is not None:
        for i, j in layer.symbolic.places.tolist():
            if j == subnode:
                found.setdefault(i, (-1, i))
    return list(found.values())


def _add(layer: Layer, place: Place, subnode: int, constant: Tensor) -> None:
    """Adds a constant to an edge."""
    g, i = place
    if g < 0 and layer.symbolic is not None:
        layer.symbolic.affine.data[layer.symbolic.at(i, subnode), 3] += constant
        return
    group, row = layer.edges[g], layer.sources[g].index(i)
    one = BASES[group.basis].constant(group.breaks, group.degree)[row]
    group.coefficients.data[row, subnode - layer.targets[g][0]] += constant * one


def _divided(layer: Layer, subnode: int, size: Tensor) -> None:
    """Divides all edges of a subnode."""
    for group, (first, last) in zip(layer.edges, layer.targets, strict=True):
        if first <= subnode < last:
            group.coefficients.data[:, subnode - first] /= size
            if group.weight is not None:
                group.weight.data[:, subnode - first] /= size
    if layer.symbolic is not None:
        own = layer.symbolic.places[:, 1] == subnode
        layer.symbolic.affine.data[own, 2:] /= size


def _neutral(layer: Layer, node: int) -> bool:
    """Whether all edges that read a node keep their functions when it is scaled and shifted."""
    return all(group.base in NEUTRAL for group, source in zip(layer.edges, layer.sources, strict=True) if node in source)


def _followed(layer: Layer, node: int, mean: Tensor, size: Tensor) -> None:
    """Edges that read z read (z - mean) / size: splines by their grids, symbolic edges by a and b."""
    for group, source in zip(layer.edges, layer.sources, strict=True):
        for row, i in enumerate(source):
            if i == node:
                group.breaks[row] = (group.breaks[row] - mean) / size
    held = layer.symbolic
    if held is not None:
        for e, (i, _) in enumerate(held.places.tolist()):
            if i == node:
                held.affine.data[e, 1] += held.affine.data[e, 0] * mean
                held.affine.data[e, 0] *= size
