"""Edges that become symbolic and back: c f(a z + b) + d in the place of a spline."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from kanpde.kan.edges import Edges
from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN
from kanpde.kan.symbolic_edges import SymbolicEdges


def fixed(
    network: KAN,
    layer: int,
    source: int,
    target: int,
    function: str,
    affine: Tensor | None = None,  # (4,): a, b, c, d; the function itself if absent
) -> KAN:
    """A copy whose edge from node ``source`` of a layer (the first is 0) to subnode ``target`` is c f(a z + b) + d.

    What the spline had learnt stays under its mask, for ``freed``. Raises ValueError for an edge or function that is not there.
    """
    copied, at = _copied(network, layer, source, target)
    like = next(copied.parameters())
    numbers = like.new_tensor([1.0, 0.0, 1.0, 0.0]) if affine is None else affine.detach().to(like)
    if numbers.shape != (4,):
        raise ValueError(f"an edge c f(a z + b) + d takes the four numbers a, b, c, d, not shape {tuple(numbers.shape)}")
    groups = [
        g.masked(_with(g.mask, g.breaks.new_ones(g.inputs, g.outputs), place, 0.0)) for g, place in _places(at, source, target)
    ]
    symbolic = at.symbolic or SymbolicEdges(
        (), torch.zeros(0, 2, dtype=torch.int64, device=like.device), like.new_zeros(0, 4), at.subnodes
    )
    return _replaced(copied, layer, at.with_groups(groups).with_symbolic(symbolic.with_edge(source, target, function, numbers)))


def freed(network: KAN, layer: int, source: int, target: int) -> KAN:
    """A copy whose edge is the spline again that it was before ``fixed``."""
    copied, at = _copied(network, layer, source, target)
    if at.symbolic is None or at.symbolic.at(source, target) is None:
        raise ValueError(f"the edge from node {source} of layer {layer} to subnode {target} is not symbolic")
    groups = [
        g.masked(_with(g.mask, g.breaks.new_ones(g.inputs, g.outputs), place, 1.0)) for g, place in _places(at, source, target)
    ]
    left = at.symbolic.without(source, target)
    return _replaced(copied, layer, at.with_groups(groups).with_symbolic(left if left.functions else None))


def symbolic_at(network: KAN, layer: int, source: int, target: int) -> tuple[str, Tensor] | None:
    """The function's name and a, b, c, d (4,) of a symbolic edge; None for any other."""
    held = network.stack[layer].symbolic
    e = None if held is None else held.at(source, target)
    return None if held is None or e is None else (held.functions[e], held.affine[e].detach())


def _copied(network: KAN, layer: int, source: int, target: int) -> tuple[KAN, Layer]:
    """A copy, and the layer that is meant; raises if there is no such edge."""
    if not 0 <= layer < len(network.stack):
        raise ValueError(f"there is no layer {layer}: the network has layers 0 to {len(network.stack) - 1}")
    nodes = network.inputs if layer == 0 else network.stack[layer - 1].nodes
    subnodes = network.stack[layer].subnodes
    if not (0 <= source < nodes and 0 <= target < subnodes):
        raise ValueError(
            f"layer {layer} has edges from nodes 0 to {nodes - 1} to subnodes 0 to {subnodes - 1}, none from {source} to {target}"
        )
    copied = deepcopy(network)
    return copied, copied.stack[layer]


def _places(layer: Layer, source: int, target: int) -> list[tuple[Edges, tuple[int, int] | None]]:
    """Each group, with the place of the edge in it, if it has it."""
    found: list[tuple[Edges, tuple[int, int] | None]] = []
    for group, sources, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        inside = source in sources and first <= target < last
        found.append((group, (sources.index(source), target - first) if inside else None))
    return found


def _with(mask: Tensor | None, ones: Tensor, place: tuple[int, int] | None, value: float) -> Tensor:
    result = ones if mask is None else mask.clone()
    if place is not None:
        result[place] = value
    return result


def _replaced(network: KAN, at: int, layer: Layer) -> KAN:
    layers = [layer if n == at else old for n, old in enumerate(network.stack)]
    return KAN.from_layers(layers, network.inputs, network.outputs, network.total, network.terms)
