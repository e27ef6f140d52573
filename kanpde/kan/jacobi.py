"""Jacobi polynomials on an interval, scaled to one at its upper end, with all derivatives, by the three-term recurrence."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from kanpde.kan.chebyshev import chebyshev_points


class Jacobi:
    """Polynomials of degree below G + k, orthogonal with the weight 1 - z^2 (alpha = beta = 1); faster than any power if smooth.

    They are the derivatives of Legendre's polynomials. Only the ends of the grid matter; outside them the polynomials go on, and
    grow like (2 z)^n. Source: Szego (1975), Orthogonal Polynomials, eq. 4.5.1 (recurrence), theorem 7.32.1 (largest at the ends,
    hence the scaling: all are between -1 and 1); Trefethen (2013), Approximation Theory and Approximation Practice, theorem 8.2.
    """

    name = "jacobi"
    local = False
    nested = True
    alpha = beta = 1.0

    def size(self, intervals: int, degree: int) -> int:
        """G + k, so that a finer grid has more modes."""
        return intervals + degree

    def order(self, degree: int) -> float:
        """Infinite: geometric convergence for analytic functions."""
        return math.inf

    def floor(self, degree: int) -> float:
        """None: convergence ends at round-off."""
        return 0.0

    def polynomials(self, degree: int) -> int:
        """Up to the degree on one interval, more on more."""
        return degree

    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor:  # (order + 1, n, K, N)
        """p_{n+1} = (a z + b) p_n - c p_{n-1}, differentiated q times: + q a p_n^(q-1) on the right."""
        lower, upper = breaks[:, :1], breaks[:, -1:]
        size = self.size(breaks.shape[1] - 1, degree)
        z = (2 * x - lower - upper) / (upper - lower)
        values = x.new_zeros(order + 1, x.shape[0], size, x.shape[1])
        values[0, :, 0] = 1
        for n, (a, b, c) in enumerate(_recurrence(self.alpha, self.beta, size - 1)):
            values[:, :, n + 1] = (a * z + b) * values[:, :, n]
            if n:
                values[:, :, n + 1] -= c * values[:, :, n - 1]
            for q in range(1, order + 1):
                values[q, :, n + 1] += q * a * values[q - 1, :, n]
        scale = (2 / (upper - lower))[..., None]
        for q in range(1, order + 1):
            values[q] *= scale**q
        return values

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Chebyshev's points, which are good for polynomials however they are written."""
        z = chebyshev_points(self.size(breaks.shape[1] - 1, degree), -1.0, 1.0, breaks.dtype).to(breaks.device)
        lower, upper = breaks[:, :1], breaks[:, -1:]
        return (lower + upper) / 2 + (upper - lower) / 2 * z

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The first polynomial."""
        coefficients = breaks.new_zeros(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))
        coefficients[:, 0] = 1
        return coefficients

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """z out of p_1 = a z + b."""
        ((a, b, _),) = _recurrence(self.alpha, self.beta, 1)
        coefficients = breaks.new_zeros(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))
        coefficients[:, :1] = -b / a
        coefficients[:, 1:2] = 1 / a
        return coefficients

    def decay(self, size: int) -> Tensor:  # (K,)
        """1 / (1 + n^4): p_n'' has the size n^4 at the ends."""
        return 1 / (1 + torch.arange(size, dtype=torch.float64) ** 4)

    def extend(self, coefficients: Tensor, breaks: Tensor, finer: Tensor, degree: int) -> Tensor:
        """More modes, all zero; the ends must stay."""
        return torch.nn.functional.pad(coefficients, (0, finer.shape[0] - breaks.shape[0]))


class Legendre(Jacobi):
    """Legendre's polynomials of degree below G + k: orthogonal with the weight one; faster than any power if smooth.

    Like those of Jacobi, with alpha = beta = 0.
    """

    name = "legendre"
    alpha = beta = 0.0


@lru_cache(maxsize=64)
def _recurrence(alpha: float, beta: float, count: int) -> tuple[tuple[float, float, float], ...]:
    """(a, b, c) of each step, Szego's eq. 4.5.1 for p_n = P_n / P_n(1), P_n(1) = C(n + alpha, n)."""
    rows = [((alpha + beta + 2) / (2 * (alpha + 1)), (alpha - beta) / (2 * (alpha + 1)), 0.0)]
    for n in range(1, count):
        s = 2 * n + alpha + beta
        leading = 2 * (n + 1) * (n + 1 + alpha + beta) * s
        up = (n + 1) / (n + 1 + alpha)  # P_n(1) / P_{n+1}(1)
        down = up * n / (n + alpha)
        a = (s + 1) * (s + 2) * s / leading * up
        b = (s + 1) * (alpha**2 - beta**2) / leading * up
        rows.append((a, b, 2 * (n + alpha) * (n + beta) * (s + 2) / leading * down))
    return tuple(rows[:count])
