"""What makes a network simpler than its data ask for: penalties on edges, as rows of least squares and as a scalar.

- l1: the sum over edges of |phi|, the standard deviation of an edge's values at the data (Liu et al. 2024, arXiv 2404.19756,
  eq. 2.17 to 2.18, with it for the mean of absolute values: it is smooth in the coefficients of an edge that does something, and
  a constant, which any edge of a node can carry for the others, counts as nothing);
- entropy: the sum over layers of -sum p log p, p = |phi| / sum of |phi| in the layer (ibid., eq. 2.19);
- smoothness: the sum over edges of the integral of phi''^2, with the grid's length as the unit of the argument (or of another
  derivative, ``order``; of no higher one than the degree);
- ridge: the sum over edges of the mean of the squared coefficients.

All are dimensionless: an edge is measured in units of what its node takes, the spread of y at the outputs, half of the grid of
the next layer at hidden nodes (the factors of a product share it). Only edges that can be learned count: no pruned ones, no
symbolic ones.

For least squares, |phi| is not a sum of squares. Its rows are those of |phi|^2 / (2 |phi_0|), with phi_0 the edge when the rows
were made, and one constant row that makes their squares equal to the penalty there; gradients are equal there too. At other
points the rows lie above the l1 penalty, which is concave in |phi|^2, so that a decrease of theirs is one of it: iteratively
reweighted least squares (Daubechies, DeVore, Fornasier & Gunturk 2010, Commun. Pure Appl. Math. 63, 1-38). |phi| is smoothed
at zero as sqrt(|phi|^2 + e^2) - e. The entropy rewards large edges for growing, which no square can say: that part is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from kanpde.kan import BASES, KAN, Edges
from kanpde.kan.base import BASE_FUNCTIONS
from kanpde.kan.bases import table
from kanpde.kan.layers import Layer

SMALL = 1e-4  # e: relative sizes of edges below which they count as zero; the square root of it is what a fit notices
PROBES = 2000  # points at most at which edges are looked at; their root mean square is then known to 2 %
SHORTEST = 0.1  # of half a hidden grid, as a unit: the grid of a node that is constant has no length of its own


@dataclass(frozen=True)
class Weights:
    """How much each penalty counts, against the squared relative error: dimensionless, none by default.

    ``order`` is the derivative whose square is integrated for the smoothness.
    """

    l1: float = 0.0
    entropy: float = 0.0
    smoothness: float = 0.0
    ridge: float = 0.0
    order: int = 2

    def __post_init__(self) -> None:
        for name in ("l1", "entropy", "smoothness", "ridge"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is a weight, zero or a positive number; got {value}")

    @property
    def any(self) -> bool:
        """Whether there is a penalty at all."""
        return bool(self.l1 or self.entropy or self.smoothness or self.ridge)


class Penalty:
    """Rows that are squared and added to those of the data; none here."""

    rows: int = 0

    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (rows,)
        """The rows."""
        return theta.new_zeros(0)

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (rows,), (P, rows)
        """The rows and their Jacobian transposed."""
        return theta.new_zeros(0), theta.new_zeros(len(theta), 0)

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (rows,), (P,)
        """The rows and J^T r."""
        r, transposed = self.linearise(theta)
        return r, transposed @ r


NONE = Penalty()


class Quadratic(Penalty):
    """Rows matrix[e] @ theta[places[e]] for each edge e, and one constant row."""

    def __init__(self, places: Tensor, matrix: Tensor, constant: float) -> None:  # (E, K) int64, (E, q, K), squared
        self._places, self._matrix, self._constant = places, matrix, constant
        self.rows = matrix.shape[0] * matrix.shape[1] + 1

    def residual(self, theta: Tensor) -> Tensor:
        """The rows."""
        rows = (self._matrix @ theta[self._places][:, :, None]).flatten()
        return torch.cat([rows, theta.new_tensor([self._constant]).sqrt()])

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and their Jacobian transposed."""
        edges, rows, _ = self._matrix.shape
        transposed = theta.new_zeros(len(theta), self.rows)
        columns = torch.arange(edges * rows, device=theta.device).view(edges, 1, rows)
        transposed[self._places[:, :, None], columns] = self._matrix.mT
        return self.residual(theta), transposed

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and J^T r, without the matrix between."""
        r = self.residual(theta)
        edges, rows, _ = self._matrix.shape
        parts = (self._matrix.mT @ r[:-1].view(edges, rows, 1)).flatten()
        return r, torch.zeros_like(theta).index_add_(0, self._places.flatten(), parts)


class Scalar(Penalty):
    """One row, the square root of the penalty itself: for optimisers that only ask for the gradient."""

    rows = 1

    def __init__(self, network: KAN, x: Tensor, scale: Tensor, weights: Weights) -> None:
        self._network, self._x, self._scale, self._weights = network, _probes(x), scale, weights

    def residual(self, theta: Tensor) -> Tensor:
        """The row."""
        vector_to_parameters(theta, self._network.parameters())
        with torch.no_grad():
            return penalty(self._network, self._x, self._scale, self._weights).clamp(min=0)[None].sqrt()

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The row and J^T r, half of the penalty's gradient."""
        vector_to_parameters(theta, self._network.parameters())
        with torch.enable_grad():
            value = penalty(self._network, self._x, self._scale, self._weights)
            gradient = by_parameters(value / 2, self._network)
        return value.detach().clamp(min=0)[None].sqrt(), gradient

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The row and its gradient."""
        r, gradient = self.gradient(theta)
        return r, (gradient / r.clamp(min=torch.finfo(r.dtype).tiny))[:, None]


def by_parameters(value: Tensor, network: KAN) -> Tensor:  # () -> (P,)
    """The gradient of a number, zero by parameters that it does not depend on."""
    parameters = list(network.parameters())
    parts = torch.autograd.grad(value, parameters, allow_unused=True)
    return torch.cat(
        [torch.zeros_like(p).flatten() if g is None else g.flatten() for p, g in zip(parameters, parts, strict=True)]
    )


def penalty(network: KAN, x: Tensor, scale: Tensor, weights: Weights) -> Tensor:  # (N, d), (m,) -> ()
    """The sum of all penalties at points ``x``, with y measured by ``scale``; differentiable by the parameters."""
    total = x.new_zeros(())
    inputs = _inputs(network, x)
    for layer, below, units in zip(network.stack, inputs, _units(network, scale), strict=True):
        sizes = []
        for group, source, unit in _groups(layer, units):
            alive = group.living
            own = torch.cat([group.coefficients, *([] if group.weight is None else [group.weight[:, :, None]])], 2)
            own = own / unit[None, :, None]  # (n_in, n_out, K')
            if weights.ridge:
                total = total + weights.ridge * (own.square().mean(2) * alive).sum()
            if weights.smoothness:
                bent = torch.stack([own[i] @ matrix.T for i, matrix in enumerate(_bending(group, weights.order))])
                total = total + weights.smoothness * (bent.square().sum(2) * alive).sum()
            if weights.l1 or weights.entropy:
                values = own @ _table(group, below[list(source)])  # (n_in, n_out, N)
                sizes.append(((values.var(2, unbiased=False) + SMALL**2).sqrt() - SMALL)[alive > 0])
        if sizes:
            size = torch.cat(sizes)
            total = total + weights.l1 * size.sum() + weights.entropy * _entropy(size)
    return total


@torch.no_grad()
def sparsity(network: KAN, x: Tensor, scale: Tensor, weights: Weights) -> Tensor:  # (N, d), (m,) -> ()
    """The part of the penalty that asks for few edges: l1 and entropy."""
    return penalty(network, _probes(x), scale, Weights(weights.l1, weights.entropy))


@torch.no_grad()
def reweighted(network: KAN, x: Tensor, scale: Tensor, weights: Weights) -> Penalty:  # (N, d), (m,)
    """The rows of all penalties around the network as it is."""
    if not weights.any:
        return NONE
    starts = {id(p): n for p, n in zip(network.parameters(), _starts(network), strict=True)}
    inputs = _inputs(network, _probes(x))
    places: list[Tensor] = []
    matrices: list[Tensor] = []
    constant = 0.0
    widest = max(group.size + (group.weight is not None) for group in network.edges)
    for layer, below, units in zip(network.stack, inputs, _units(network, scale), strict=True):
        activity = _activity(layer, below, units) if weights.l1 or weights.entropy else None
        factors = []
        if activity is not None:
            size = torch.cat([a for _, a in activity])  # (edges of the layer that are alive,)
            whole = size.sum().clamp(min=torch.finfo(size.dtype).tiny)
            slope = (
                weights.l1
                - weights.entropy * ((size / whole).clamp(min=torch.finfo(size.dtype).tiny).log() + _entropy(size)) / whole
            )
            slope = slope.clamp(min=0)
            constant += float(weights.l1 * size.sum() + weights.entropy * _entropy(size))
            constant -= float((slope * ((size + SMALL) - SMALL**2 / (size + SMALL)) / 2).sum())
            factors = list((slope / (2 * (size + SMALL))).sqrt().split([len(a) for _, a in activity]))
        for n, (group, _, unit) in enumerate(_groups(layer, units)):
            alive = group.living.nonzero()  # (E, 2)
            if not len(alive):
                continue
            i, o = alive.T
            width = group.size + (group.weight is not None)
            rows = []
            if weights.ridge:
                rows.append((weights.ridge / width) ** 0.5 * torch.eye(width).to(unit).expand(len(alive), -1, -1))
            if weights.smoothness:
                rows.append(weights.smoothness**0.5 * _bending(group, weights.order)[i])
            if activity is not None:
                rows.append(factors[n][:, None, None] * activity[n][0][i])
            matrix = torch.linalg.qr(torch.cat(rows, 1), mode="r").R if len(rows) > 1 else rows[0]  # (E, q, K')
            matrix = matrix / unit[o][:, None, None]
            matrices.append(torch.nn.functional.pad(matrix, (0, widest - width, 0, widest - matrix.shape[1])))
            places.append(torch.nn.functional.pad(_places(group, starts)[i, o], (0, widest - width)))
    if not matrices:
        return NONE
    return Quadratic(torch.cat(places), torch.cat(matrices), max(constant, 0.0))


def _entropy(size: Tensor) -> Tensor:  # (E,) -> ()
    """-sum p log p of the shares p; zero where a single edge is not zero."""
    p = size / size.sum().clamp(min=torch.finfo(size.dtype).tiny)
    return -torch.special.xlogy(p, p.clamp(min=torch.finfo(size.dtype).tiny)).sum()


def _activity(layer: Layer, below: Tensor, units: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each group: matrices (n_in, K', K') whose product with an edge's numbers has its standard deviation as norm; and the
    smoothed sizes of the edges that are alive."""
    result = []
    for group, source, unit in _groups(layer, units):
        values = _table(group, below[list(source)])  # (n_in, K', N)
        values = values - values.mean(2, keepdim=True)
        matrix = torch.linalg.qr(values.mT / values.shape[2] ** 0.5, mode="r").R
        matrix = torch.nn.functional.pad(matrix, (0, 0, 0, matrix.shape[2] - matrix.shape[1]))
        own = torch.cat([group.coefficients, *([] if group.weight is None else [group.weight[:, :, None]])], 2)
        size = (own @ matrix.mT).norm(dim=2) / unit  # (n_in, n_out)
        result.append((matrix, ((size.square() + SMALL**2).sqrt() - SMALL)[group.living > 0]))
    return result


def _table(group: Edges, z: Tensor, order: int = 0) -> Tensor:  # (n_in, N) -> (n_in, K', N)
    """A derivative of all functions that an edge is a sum of, the base function last."""
    values = table(z, group.breaks, BASES[group.basis], group.degree, order)[order]
    if group.base is None:
        return values
    return torch.cat([values, BASE_FUNCTIONS[group.base](z, order)[order][:, None]], 1)


@torch.no_grad()
def _bending(group: Edges, order: int) -> Tensor:  # (n_in, q, K')
    """Matrices whose product with an edge's numbers has as squared norm the integral of a squared derivative, the grid's length
    being one.

    Gauss points on every interval: exact for splines.
    """
    per = max(group.degree + 1, 4)  # k - 1 would do for a spline; the others are for bases without pieces and for base functions
    nodes, weights = np.polynomial.legendre.leggauss(per)
    lengths = group.breaks.diff(dim=1)[:, :, None]  # (n_in, G, 1)
    z = (group.breaks[:, :-1, None] + lengths * torch.as_tensor((nodes + 1) / 2).to(group.breaks)).flatten(1)
    w = (lengths * torch.as_tensor(weights / 2).to(group.breaks)).flatten(1)
    whole = group.breaks[:, -1:] - group.breaks[:, :1]  # (n_in, 1)
    order = max(1, min(order, group.degree))
    rows = _table(group, z, order).mT * (w / whole).sqrt()[:, :, None] * whole.pow(order)[:, :, None]
    return torch.linalg.qr(rows, mode="r").R


def _inputs(network: KAN, x: Tensor) -> list[Tensor]:
    """What each layer takes at the points, (nodes, N)."""
    zero = (0,) * network.inputs
    jet: dict[tuple[int, ...], Tensor | None] = {zero: x.T}
    found = []
    for layer in network.stack:
        value = jet[zero]
        assert value is not None
        found.append(value)
        jet, _ = layer.push(jet)
    return found


def _units(network: KAN, scale: Tensor) -> Iterator[Tensor]:  # (subnodes,) for each layer
    """What the values of each layer's edges are measured by."""
    for n, layer in enumerate(network.stack):
        if n + 1 == len(network.stack):
            size = scale.repeat_interleave(layer.nodes // network.outputs)
        else:
            size = _lengths(network.stack[n + 1], layer.nodes)
        factors = size[layer.sums :] ** (1 / layer.arity)
        yield torch.cat([size[: layer.sums], factors.repeat(layer.arity)])


def _lengths(layer: Layer, nodes: int) -> Tensor:  # (nodes,)
    """Half of the mean length of the grids that read each node."""
    like = layer.edges[0].breaks
    total, count = like.new_zeros(nodes), like.new_zeros(nodes)
    for group, source in zip(layer.edges, layer.sources, strict=True):
        which = torch.tensor(source, device=like.device)
        total.index_add_(0, which, (group.breaks[:, -1] - group.breaks[:, 0]) / 2)
        count.index_add_(0, which, torch.ones_like(group.breaks[:, 0]))
    return torch.where(count > 0, total / count.clamp(min=1), torch.ones_like(total)).clamp(min=SHORTEST)


def _groups(layer: Layer, units: Tensor) -> Iterator[tuple[Edges, tuple[int, ...], Tensor]]:
    """Each group, the nodes that it takes, and the units of its outputs (n_out,)."""
    for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        yield group, source, units[first:last]


def _starts(network: KAN) -> list[int]:
    """Where each parameter begins in theta."""
    sizes = [p.numel() for p in network.parameters()]
    return [sum(sizes[:n]) for n in range(len(sizes))]


def _places(group: Edges, starts: dict[int, int]) -> Tensor:  # (n_in, n_out, K')
    """Where the numbers of each edge stand in theta."""
    c = group.coefficients
    at = starts[id(c)] + torch.arange(c.numel(), device=c.device).view(c.shape)
    if group.weight is None:
        return at
    w = group.weight
    return torch.cat([at, starts[id(w)] + torch.arange(w.numel(), device=w.device).view(*w.shape, 1)], 2)


def _probes(x: Tensor) -> Tensor:
    """Some of the points, evenly among all."""
    return x if len(x) <= PROBES else x[torch.linspace(0, len(x) - 1, PROBES, device=x.device).long()]
