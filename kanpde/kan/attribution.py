"""How much every edge and node of a network matters to its outputs: shares of standard deviations, passed back from the output.

With E_ij the standard deviation over the points of the edge from node i to subnode j, and N_j that of the subnode,

    B_ij = A_j E_ij / N_j    (score of an edge),    A_i = sum over j of B_ij    (score of a node),    A = 1 at the outputs.

Source: Liu, Ma, Wang, Matusik & Tegmark (2024), KAN 2.0, arXiv 2408.10205, section 4.1. E_ij / N_j is how much subnode j changes,
relative to its own variation, when the edge is frozen at its mean. The same is asked of the factor f of a product p = f g:
std((f - mean f) g) / std(p). It is 1 for independent factors of mean zero, which is what the paper's code gives to every factor,
but small for a factor that hardly varies.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN


@dataclass(frozen=True)
class Attribution:
    """Scores of a network at points; dimensionless, 1 is as much as a whole output.

    ``nodes[l]`` (n_l,) are those of the nodes of layer l, the inputs being layer 0; ``subnodes[l]`` those of the sums and factors
    that layer l adds up, and ``edges[l]`` (subnodes, n_in) those of its edges. ``sizes[l]`` (subnodes, n_in) is the plain score:
    the root mean square of each edge about its mean, in the units of the subnode.
    """

    nodes: tuple[Tensor, ...]
    subnodes: tuple[Tensor, ...]
    edges: tuple[Tensor, ...]
    sizes: tuple[Tensor, ...]

    @property
    def inputs(self) -> Tensor:  # (d,)
        """The scores of the inputs."""
        return self.nodes[0]


@torch.no_grad()
def attribution(
    net: KAN,
    x: Tensor,  # (N, d)
    output: int | None = None,
) -> Attribution:
    """The scores at points x, for one output or (None) the largest over all outputs.

    What does not vary has the score 0. Raises ValueError for fewer than two points, at which nothing varies.
    """
    if x.ndim != 2 or x.shape[1] != net.inputs or x.shape[0] < 2:
        raise ValueError(f"attribution needs points of shape (N, {net.inputs}) with N >= 2, not {tuple(x.shape)}")
    if output is not None and not 0 <= output < net.outputs:
        raise ValueError(f"there is no output {output}; they are numbered 0 to {net.outputs - 1}")
    values = net.edge_values(x)  # (subnodes, n_in, N) each
    nodes = [_outputs(net, _nodes(net.stack[-1], values[-1].sum(1)))]  # (outputs, nodes), a row for every output
    subnodes: list[Tensor] = []
    edges: list[Tensor] = []
    for layer, phi in zip(reversed(net.stack), reversed(values), strict=True):
        whole = phi.sum(1)  # (subnodes, N)
        subnodes.insert(0, nodes[0] @ _shares(layer, whole))  # (outputs, subnodes)
        edges.insert(0, subnodes[0][:, :, None] * _ratio(_std(phi), _std(whole)[:, None]))  # (outputs, subnodes, n_in)
        nodes.insert(0, edges[0].sum(1))
    return Attribution(
        tuple(_chosen(score, output) for score in nodes),
        tuple(_chosen(score, output) for score in subnodes),
        tuple(_chosen(score, output) for score in edges),
        tuple(_std(phi) for phi in values),
    )


def _std(values: Tensor) -> Tensor:  # (..., N) -> (...)
    """The standard deviation; 0 where it is no more than the rounding of the values."""
    found = values.std(-1, correction=0)
    return torch.where(found > 4 * torch.finfo(values.dtype).eps * values.abs().amax(-1), found, 0.0)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 where the whole does not vary."""
    return torch.where(whole > 0, part / torch.where(whole > 0, whole, 1.0), 0.0)


def _nodes(layer: Layer, subnodes: Tensor) -> Tensor:  # (subnodes, N) -> (nodes, N)
    if not layer.products:
        return subnodes
    return torch.cat([subnodes[: layer.sums], _factors(layer, subnodes).prod(0)])


def _factors(layer: Layer, subnodes: Tensor) -> Tensor:  # (subnodes, N) -> (arity, products, N)
    return subnodes[layer.sums :].view(layer.arity, layer.products, subnodes.shape[1])


def _shares(layer: Layer, subnodes: Tensor) -> Tensor:  # (subnodes, N) -> (nodes, subnodes)
    """The share of each subnode in each node: one of a sum in itself, that of its variation for a factor."""
    result = subnodes.new_zeros(layer.nodes, subnodes.shape[0])
    for i in range(layer.sums):
        result[i, i] = 1
    if layer.products:
        factors = _factors(layer, subnodes)
        whole = _std(factors.prod(0))  # (products,)
        for k in range(layer.arity):
            parts = factors.clone()
            parts[k] -= parts[k].mean(-1, keepdim=True)
            share = _ratio(_std(parts.prod(0)), whole)
            for p in range(layer.products):
                result[layer.sums + p, layer.sums + k * layer.products + p] = share[p]
    return result


def _outputs(net: KAN, nodes: Tensor) -> Tensor:  # (nodes, N) -> (outputs, nodes)
    """The share of every node of the last layer in every output: itself, or its part of a total."""
    if not net.total:
        return torch.eye(net.outputs, dtype=nodes.dtype, device=nodes.device)
    runs = nodes.view(net.outputs, -1, nodes.shape[-1])  # (outputs, run, N)
    shares = _ratio(_std(runs), _std(runs.sum(1))[:, None])
    return torch.block_diag(*shares)


def _chosen(scores: Tensor, output: int | None) -> Tensor:  # (outputs, ...) -> (...)
    return scores.amax(0) if output is None else scores[output]
