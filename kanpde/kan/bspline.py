"""B-splines of any degree on arbitrary knots, with all derivatives, by the local Cox-de Boor recurrence.

Only the k + 1 basis functions that do not vanish at a point are computed. Outside the grid the first and last polynomial pieces
continue. Source: de Boor, A Practical Guide to Splines (2001), chapters IX and X; Piegl & Tiller, The NURBS Book (1997), A2.3.
"""

from __future__ import annotations

import torch
from torch import Tensor


def open_knots(breaks: Tensor, degree: int) -> Tensor:
    """Knots of splines on ``breaks`` (..., G + 1) with (k + 1)-fold ends: (..., G + 2k + 1). Increasing, ends repeated."""
    first, last = breaks[..., :1], breaks[..., -1:]
    ends = (*breaks.shape[:-1], degree)
    return torch.cat([first.expand(ends), breaks, last.expand(ends)], -1)


def local_basis(
    x: Tensor,  # (n, N) points, n independent grids
    knots: Tensor,  # (n, G + 2k + 1), non-decreasing, inner knots simple
    degree: int,
    order: int = 0,
) -> tuple[Tensor, Tensor]:  # (n, N) int64, (order + 1, k + 1, n, N)
    """The basis functions that do not vanish at each point, and their derivatives up to ``order``.

    Returns the number of the first of them and, for each order of differentiation, the k + 1 values. Orders above the degree are
    zero (the derivative of a piecewise constant).
    """
    k = degree
    functions = knots.shape[1] - k - 1
    span = torch.searchsorted(knots[:, k : functions + 1].contiguous(), x.contiguous(), right=True) - 1
    span = span.clamp(0, functions - k - 1) + k  # (n, N), knots[span] <= x < knots[span + 1]
    near = {offset: torch.gather(knots, 1, span + offset) for offset in range(1 - k, k + 1)}  # each (n, N)
    if k == 0:
        near = {0: x, 1: x}
    table = [[torch.ones_like(x)]]  # table[p][j]: the j-th non-vanishing basis function of degree p
    for p in range(1, k + 1):
        row: list[Tensor] = []
        carry = torch.zeros_like(x)
        for j in range(p):
            right, left = near[j + 1], near[j + 1 - p]
            ratio = table[-1][j] / (right - left)
            row.append(carry + (right - x) * ratio)
            carry = (x - left) * ratio
        row.append(carry)
        table.append(row)
    values = [torch.stack(table[k])]
    for q in range(1, order + 1):
        values.append(torch.stack(_differentiate(table[k - q], near, k, q)) if q <= k else torch.zeros_like(values[0]))
    return span - k, torch.stack(values)


def _differentiate(row: list[Tensor], near: dict[int, Tensor], k: int, q: int) -> list[Tensor]:
    """The q-th derivatives of degree k from the values of degree k - q: q differencing steps (de Boor, eq. X.16)."""
    for p in range(k - q + 1, k + 1):
        raised: list[Tensor] = []
        carry = torch.zeros_like(row[0])
        for j in range(p):
            step = row[j] * (p / (near[j + 1] - near[j + 1 - p]))
            raised.append(carry - step)
            carry = step
        raised.append(carry)
        row = raised
    return row


def greville(breaks: Tensor, degree: int) -> Tensor:  # (..., G + 1) -> (..., G + k)
    """Greville's points: the means of k neighbouring knots, which are closer near the ends; midpoints for degree 0."""
    knots = open_knots(breaks, degree)
    if degree == 0:
        return (knots[..., 1:] + knots[..., :-1]) / 2
    return knots[..., 1:-1].unfold(-1, degree, 1).mean(-1)


def insert_knots(
    coefficients: Tensor,  # (..., K) of a spline on open knots
    breaks: Tensor,  # (G + 1,)
    inserted: Tensor,  # (m,) new simple knots strictly inside
    degree: int,
) -> tuple[Tensor, Tensor]:  # (..., K + m), (G + 1 + m,)
    """The same spline on more knots, by Boehm's algorithm: convex combinations only, so exact to round-off.

    Source: Boehm (1980), Computer-Aided Design 12, 199-201.
    """
    k = degree
    knots = open_knots(breaks, k)
    c = coefficients
    for value in sorted(inserted.tolist()):
        i = int(torch.searchsorted(knots, value, right=True)) - 1  # knots[i] <= value < knots[i + 1]
        low = knots[i - k + 1 : i + 1]  # (k,)
        high = knots[i + 1 : i + k + 1]
        alpha = (value - low) / (high - low)
        middle = alpha * c[..., i - k + 1 : i + 1] + (1 - alpha) * c[..., i - k : i]
        c = torch.cat([c[..., : i - k + 1], middle, c[..., i:]], -1)
        knots = torch.cat([knots[: i + 1], knots.new_tensor([value]), knots[i + 1 :]])
    return c, knots[k : knots.shape[0] - k]


class BSpline:
    """Splines of degree k with G - 1 simple inner knots: G + k functions, a partition of unity, error O(h^(k + 1)).

    Source: de Boor (2001), theorem XII.1 (order of approximation); Greville sites, ibid. chapter XIII.
    """

    name = "bspline"
    local = True
    nested = True

    def size(self, intervals: int, degree: int) -> int:
        """G + k."""
        return intervals + degree

    def order(self, degree: int) -> float:
        """k + 1 in the maximum norm."""
        return degree + 1

    def floor(self, degree: int) -> float:
        """None: convergence ends at round-off."""
        return 0.0

    def polynomials(self, degree: int) -> int:
        """Up to the degree."""
        return degree

    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor:  # (order + 1, n, K, N)
        """The k + 1 local functions of each point, put in their rows."""
        first, local = local_basis(x, open_knots(breaks, degree), degree, order)
        offsets = torch.arange(degree + 1, device=x.device)
        rows = first[:, None] + offsets[:, None]  # (n, k + 1, N)
        dense = x.new_zeros(order + 1, x.shape[0], breaks.shape[1] - 1 + degree, x.shape[1])
        return dense.scatter_(2, rows.expand(order + 1, -1, -1, -1), local.transpose(1, 2))

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Greville's points: the mean of k neighbouring knots."""
        return greville(breaks, degree)

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Ones."""
        return breaks.new_ones(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Greville's points scaled to [-1, 1] (exact from degree 1 on)."""
        lower, upper = breaks[:, :1], breaks[:, -1:]
        return (2 * self.sites(breaks, degree) - lower - upper) / (upper - lower)

    def decay(self, size: int) -> Tensor:  # (K,)
        """Ones: every coefficient acts on k + 1 intervals only."""
        return torch.ones(size)

    def extend(self, coefficients: Tensor, breaks: Tensor, finer: Tensor, degree: int) -> Tensor:
        """Knot insertion."""
        inserted = finer[~torch.isin(finer, breaks)]
        return insert_knots(coefficients, breaks, inserted, degree)[0]
