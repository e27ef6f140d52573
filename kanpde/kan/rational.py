"""Rational functions without real poles, linear in their values at nodes: barycentric interpolation of Floater and Hormann.

    r(x) = sum of w_i f_i / (x - x_i)  /  sum of w_i / (x - x_i)

blends the polynomials of degree k through k + 1 neighbouring nodes. With numerator N and denominator D multiplied by x - x_c,
where x_c is the node nearest to x, both are smooth and D is far from zero, so that all derivatives follow from (D r)^(q) = N^(q)
by Leibniz' rule, at nodes and between them alike. Sources: Floater & Hormann (2007), Numerische Mathematik 107,
315-331 (eq. 18: weights; theorem 1: no poles; theorem 2: order); Berrut & Trefethen (2004), SIAM Review 46, 501-517.
"""

from __future__ import annotations

from math import comb, factorial

import torch
from torch import Tensor

from kanpde.kan.bspline import greville
from kanpde.kan.projection import project


class Rational:
    """Rational functions without real poles, blends of degree k through G + k nodes (Floater-Hormann): error O(h^(k + 1)).

    Coefficients are values at the nodes, Greville's points of the grid, which are closer near the ends: between equally many
    equally distant ones, values could be 2^(k - 1) times those at them. Outside the grid the Taylor polynomial of degree k at its
    end goes on: all stays finite.
    """

    name = "rational"
    local = True
    nested = False  # other nodes, other denominators

    def size(self, intervals: int, degree: int) -> int:
        """G + k."""
        return intervals + degree

    def order(self, degree: int) -> float:
        """k + 1 in the maximum norm (theorem 2 of Floater & Hormann)."""
        return degree + 1

    def floor(self, degree: int) -> float:
        """None: convergence ends at round-off."""
        return 0.0

    def polynomials(self, degree: int) -> int:
        """Up to the degree: all that are blended are the polynomial itself."""
        return degree

    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor:  # (order + 1, n, K, N)
        """The rational functions that are one at a node and zero at the others."""
        lower, upper = breaks[:, :1], breaks[:, -1:]
        nodes = greville(breaks, degree)
        weights = _weights(nodes, degree)
        at = torch.minimum(torch.maximum(x, lower), upper)
        values = _cardinal(at, nodes, weights, order)
        ends = _cardinal(torch.cat([lower, upper], 1), nodes, weights, degree)  # (k + 1, n, K, 2)
        steps = torch.stack([(x - lower).clamp(max=0), (x - upper).clamp(min=0)], 1)  # (n, 2, N), zero inside
        powers = torch.cat([steps**j / factorial(j) for j in range(1, degree + 1)], 1) if degree else steps  # (n, 2k, N)
        for q in range(order + 1):
            if q < degree:
                taylor = torch.cat(list(ends[q + 1 :]), 2)  # (n, K, 2 (k - q))
                values[q].baddbmm_(taylor, powers[:, : taylor.shape[2]])
            elif q > degree:
                values[q] *= (steps == 0).all(1)[:, None]
        return values

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The nodes."""
        return greville(breaks, degree)

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Ones."""
        return breaks.new_ones(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The nodes scaled to [-1, 1] (exact from degree 1 on)."""
        lower, upper = breaks[:, :1], breaks[:, -1:]
        return (2 * self.sites(breaks, degree) - lower - upper) / (upper - lower)

    def decay(self, size: int) -> Tensor:  # (K,)
        """Ones: a value acts on a few intervals around its node."""
        return torch.ones(size)

    def extend(self, coefficients: Tensor, breaks: Tensor, finer: Tensor, degree: int) -> Tensor:
        """The projection; polynomials of the degree are kept exactly."""
        return project(self, coefficients, breaks, finer, degree)


def _weights(nodes: Tensor, degree: int) -> Tensor:  # (n, K) -> (n, K)
    """w_i = (-1)^i sum over the runs of k + 1 nodes with x_i among them of prod 1 / |x_i - x_j| (eq. 18), largest one."""
    runs = nodes.unfold(1, degree + 1, 1)  # (n, K - k, k + 1)
    distances = (runs[..., :, None] - runs[..., None, :]).abs()
    own = torch.eye(degree + 1, dtype=nodes.dtype, device=nodes.device)
    span = (nodes[:, -1:] - nodes[:, :1])[..., None, None] / nodes.shape[1]  # of the size of a distance: no overflow
    products = 1 / (distances / span + own).prod(-1)  # (n, K - k, k + 1)
    weights = torch.zeros_like(nodes)
    for j in range(degree + 1):
        weights[:, j : j + runs.shape[1]] += products[..., j]
    weights[:, 1::2] *= -1
    return weights / weights.abs().amax(1, keepdim=True)


def _cardinal(x: Tensor, nodes: Tensor, weights: Tensor, order: int) -> Tensor:  # (order + 1, n, K, N)
    distance = x[:, None] - nodes[:, :, None]  # (n, K, N)
    near = distance.abs().argmin(1, keepdim=True)
    step = distance.gather(1, near)  # (n, 1, N), x - x_c
    inverse = distance.reciprocal().scatter_(1, near, 0)  # without the nearest, where it may be infinite
    w = weights[:, :, None]
    own = w.expand_as(distance).gather(1, near)
    above = (inverse * (w * step)).scatter_(1, near, own)  # (x - x_c) w_i / (x - x_i)
    below = [above.sum(1, keepdim=True)]
    values = x.new_empty(order + 1, *distance.shape)
    torch.div(above, below[0], out=values[0])
    power = above.sub_(w).scatter_(1, near, 0)  # w_i (x_i - x_c) / (x - x_i), the part that is not constant
    for q in range(1, order + 1):
        power = power * inverse * -q  # of the q-th derivative
        below.append(power.sum(1, keepdim=True))
        rest = power - below[q] * values[0]
        for s in range(1, q):
            rest = rest - comb(q, s) * below[q - s] * values[s]
        torch.div(rest, below[0], out=values[q])
    return values
