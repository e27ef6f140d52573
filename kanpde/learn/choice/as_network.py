"""A choice as a Kolmogorov-Arnold network: straight edges for directions, product nodes, a symbolic edge last."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kanpde.kan import BASES, KAN, Edges, Grid, Layer
from kanpde.kan.projection import least_squares
from kanpde.learn.choice.choose import Choice
from kanpde.learn.choice.types import Array

MOST_INTERVALS = 512  # of a spline that stands for a polynomial
DEGREE = 7  # of such splines where none is given: few intervals for smooth functions, and derivatives to spare
EXACT = 1e-14  # relative change of a factor that is round-off


def as_network(
    choice: Choice,
    domain: Tensor,  # (d, 2) the interval of each coordinate, in its own units
    basis: str = "chebyshev",
    degree: int | None = None,
) -> KAN:
    """The same function as a network; in another basis than Chebyshev's up to a tenth of the error of the choice.

    ``degree`` is that of the edges in the other basis. Raises ValueError for a basis that is not there.
    """
    if basis not in BASES:
        raise ValueError(f"no basis is called '{basis}'; there are {', '.join(BASES)}")
    factors = choice.products.factors
    outputs, rank = factors[0].shape[:2]
    layers, along = [], choice.best.along
    breaks = [domain[i] for i in range(len(domain))]
    if along is not None:
        layers.append(_straight(domain, torch.as_tensor(along.matrix / along.reach[:, None]).to(domain)))
        breaks = [domain.new_tensor([-1.0, 1.0])] * len(factors)
    tolerance = max(EXACT, 0.1 * choice.best.error)
    groups = [_edges(b, f.reshape(outputs * rank, -1), basis, degree, tolerance) for b, f in zip(breaks, factors, strict=True)]
    nodes, d = outputs * rank, len(groups)
    if d == 1 or choice.products.additive:
        layers.append(Layer(groups, [[i] for i in range(d)], [(0, nodes)] * d, nodes))
    else:
        layers.append(Layer(groups, [[i] for i in range(d)], [(i * nodes, (i + 1) * nodes) for i in range(d)], 0, nodes, d))
    if choice.best.outer is None:
        return KAN.from_layers(layers, len(domain), outputs, total=True)
    unit = domain.new_tensor([[-1.0, 1.0]])
    if nodes > 1:
        layers.append(_straight(unit.expand(nodes, 2), domain.new_ones(1, nodes)))
    layers.append(_straight(unit, domain.new_ones(1, 1)))
    return KAN.from_layers(layers, len(domain)).fixed(len(layers) - 1, 0, 0, choice.best.outer.name)


def _straight(domain: Tensor, matrix: Tensor) -> Layer:  # (n_in, 2), (n_out, n_in)
    """Sums of straight lines: matrix times the coordinates, each scaled from its interval to [-1, 1]."""
    outputs, inputs = matrix.shape
    group = Edges(domain, outputs, 1, "chebyshev")
    group.coefficients.data[:, :, 1] = matrix.T
    return Layer([group], [range(inputs)], [(0, outputs)], outputs)


def _edges(ends: Tensor, rows: Array, basis: str, degree: int | None, tolerance: float) -> Edges:  # (2,), (n, K)
    """A group of one input whose edges are the given Chebyshev series on an interval."""
    exact = Edges(ends[None], len(rows), rows.shape[1] - 1, "chebyshev")
    exact.coefficients.data = torch.as_tensor(np.ascontiguousarray(rows)).to(ends)[None]
    if basis == "chebyshev":
        return exact
    order, intervals = degree or DEGREE, 4
    while True:
        grid = Grid.uniform(float(ends[0]), float(ends[1]), intervals, order, ends.dtype, ends.device)
        found = Edges(grid.breaks[None], len(rows), order, basis)
        unit = torch.cos(torch.linspace(0, np.pi, 8 * (found.size + rows.shape[1]), dtype=ends.dtype, device=ends.device))
        x = ((ends[0] + ends[1]) / 2 + (ends[1] - ends[0]) / 2 * unit)[None]  # crowded at the ends, as polynomials are wild there
        old, table = exact.functions(x)[0, 0].detach(), _table(found, x)
        solution = least_squares(table.T, old.T)  # (K, n)
        found.coefficients.data = solution.T[None].contiguous()
        change = float((solution.T @ table - old).norm() / old.norm().clamp(min=torch.finfo(old.dtype).tiny))
        if change <= tolerance or intervals >= MOST_INTERVALS:
            return found
        intervals *= 2


def _table(edges: Edges, x: Tensor) -> Tensor:  # (1, N) -> (K, N)
    return BASES[edges.basis].table(x, edges.breaks, edges.degree, 0)[0, 0]
