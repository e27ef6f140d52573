"""A network as plain numbers: what is needed to evaluate it without this program, whatever language that is then written in.

Every edge becomes a piecewise polynomial (splines, exactly), a Chebyshev series (polynomial bases, exactly) or a function that
the language has. ``source_numpy`` and ``source_c`` write them down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from kanpde.errors import UnsupportedProblem
from kanpde.kan import BASES, KAN, Edges
from kanpde.kan.bases import table

SERIES = ("chebyshev", "legendre", "jacobi")
"""Bases of polynomials on the whole grid."""


@dataclass(frozen=True)
class Pieces:
    """phi(z) = sum of rows[n, q] t^q, n the interval of z and t = (z - breaks[n]) / (breaks[n + 1] - breaks[n]).

    The first and the last piece go on outside of the grid.
    """

    breaks: np.ndarray  # (G + 1,)
    rows: np.ndarray  # (G, k + 1)


@dataclass(frozen=True)
class Series:
    """phi(z) = sum of coefficients[n] T_n(t) with t = (2 z - lower - upper) / (upper - lower)."""

    lower: float
    upper: float
    coefficients: np.ndarray  # (K,)


@dataclass(frozen=True)
class Named:
    """phi(z) = c f(a z + b) + d with f by its name in ``kanpde.kan.symbolic_edges`` or ``kanpde.kan.base``."""

    function: str
    affine: tuple[float, float, float, float]


@dataclass(frozen=True)
class PlainEdge:
    """An edge from node ``source`` of the layer below to subnode ``target``."""

    source: int
    target: int
    function: Pieces | Series | Named


@dataclass(frozen=True)
class PlainLayer:
    """Edges whose sums are the subnodes: ``sums`` nodes, then ``arity`` blocks of ``products`` factors."""

    edges: tuple[PlainEdge, ...]
    sums: int
    products: int
    arity: int

    @property
    def subnodes(self) -> int:
        """The number of sums of edges."""
        return self.sums + self.arity * self.products


@dataclass(frozen=True)
class PlainNetwork:
    """A network as numbers; with ``total`` the nodes of the last layer are added up in ``outputs`` equal runs."""

    inputs: int
    outputs: int
    total: bool
    layers: tuple[PlainLayer, ...]


@torch.no_grad()
def plain(network: KAN) -> PlainNetwork:
    """The network as numbers, in float64. Raises UnsupportedProblem for bases that are neither splines nor polynomials, and for
    singular terms."""
    if network.terms is not None:
        raise UnsupportedProblem("singular terms have no source of their own", hint="save the network as .pt")
    layers = []
    for layer in network.stack:
        edges: list[PlainEdge] = []
        for group, source, (first, _) in zip(layer.edges, layer.sources, layer.targets, strict=True):
            functions = _Group(group)
            for row, column in group.living.nonzero().tolist():
                edges += [PlainEdge(source[row], first + column, one) for one in functions(row, column)]
        if layer.symbolic is not None:
            held = layer.symbolic
            for name, (i, j), affine in zip(held.functions, held.places.tolist(), held.affine.double().tolist(), strict=True):
                edges.append(PlainEdge(i, j, Named(name, (affine[0], affine[1], affine[2], affine[3]))))
        order = sorted(edges, key=lambda e: (e.target, e.source))
        layers.append(PlainLayer(tuple(order), layer.sums, layer.products, layer.arity))
    return PlainNetwork(network.inputs, network.outputs, network.total, tuple(layers))


class _Group:
    """The functions that the edges of a group are sums of; what all edges share is computed once."""

    def __init__(self, group: Edges) -> None:
        self.group = group
        self.breaks = group.breaks.double().cpu()
        self.coefficients = group.coefficients.double().cpu()
        if group.basis == "bspline":
            self.tables = _piece_tables(self.breaks, group.degree)  # (n_in, G, k + 1, K)
        elif group.basis in SERIES:
            self.tables = _series_tables(group.basis, self.breaks, group.degree, group.size)  # (n_in, K, K)
        else:
            having = ", ".join(("bspline", *SERIES))
            raise UnsupportedProblem(f"edges of the basis '{group.basis}' have no source; those of {having} have")

    def __call__(self, row: int, column: int) -> list[Pieces | Series | Named]:
        c = self.coefficients[row, column]
        numbers = (self.tables[row] @ c).numpy()
        found: list[Pieces | Series | Named] = []
        if self.group.basis == "bspline":
            found.append(Pieces(self.breaks[row].numpy(), numbers))
        else:
            found.append(Series(float(self.breaks[row, 0]), float(self.breaks[row, -1]), numbers))
        if self.group.base is not None and self.group.weight is not None:
            found.append(Named(self.group.base, (1.0, 0.0, float(self.group.weight[row, column]), 0.0)))
        return found


def _piece_tables(breaks: torch.Tensor, degree: int) -> torch.Tensor:  # (n, G, k + 1, K)
    """The powers of each piece of each spline: its derivatives at the left end of the piece, over factorials."""
    lengths = breaks.diff(dim=1)  # (n, G)
    values = table(breaks[:, :-1].contiguous(), breaks, BASES["bspline"], degree, degree)  # (k + 1, n, K, G)
    powers = torch.arange(degree + 1, dtype=breaks.dtype)
    factorials = torch.lgamma(powers + 1).exp()
    scale = lengths[..., None] ** powers / factorials  # (n, G, k + 1)
    return values.permute(1, 3, 0, 2) * scale[..., None]


def _series_tables(basis: str, breaks: torch.Tensor, degree: int, size: int) -> torch.Tensor:  # (n, K, K)
    """The Chebyshev coefficients of each function: its values at Chebyshev's points, transformed."""
    angles = torch.pi * (torch.arange(size, dtype=breaks.dtype) + 0.5) / size
    modes = torch.cos(torch.arange(size, dtype=breaks.dtype)[:, None] * angles)  # (K modes, K points)
    lower, upper = breaks[:, :1], breaks[:, -1:]
    x = (lower + upper) / 2 + (upper - lower) / 2 * torch.cos(angles)
    values = table(x, breaks, BASES[basis], degree)[0]  # (n, K, points)
    found = 2 / size * modes @ values.mT  # (n, modes, K)
    found[:, 0] /= 2
    return found
