"""Splines fitted to given functions: on given knots, or on knots bisected until the fit is good enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly import LiftedSpace
from kanpde.optimize.banded import Rows, solve_banded

ROUNDS = 10  # of bisection
MOST = 16_384  # intervals: beyond, it is noise that is fitted
GAIN = 0.7  # an interval whose halves keep more than this share of its error is at the noise of the function


def fit_spline(function: Callable[[Tensor], Tensor], breaks: Tensor, degree: int, points: int | None = None) -> Tensor:
    """The least squares spline coefficients (K, n) of a function x (N,) -> (N, n), from Gauss points on every interval."""
    space = LiftedSpace(breaks, degree, 0)
    nodes, weights = np.polynomial.legendre.leggauss(points or max(4, (degree + 3) // 2))
    h = breaks.diff()[:, None]
    x = breaks[:-1, None] + h * torch.as_tensor((nodes + 1) / 2).to(breaks)  # (G, m)
    root = (h * torch.as_tensor(weights / 2).to(breaks)).sqrt()  # (G, m)
    values = function(x.reshape(-1)).reshape(*x.shape, -1) * root[:, :, None]
    matrix = space.local(x, 0)[0] * root[:, :, None]  # (G, m, k + 1)
    norms = breaks.new_zeros(space.functions).index_add_(0, space.columns.reshape(-1), matrix.square().sum(1).reshape(-1)).sqrt()
    scaled = matrix / norms[space.columns][:, None, :]
    c, _ = solve_banded([[Rows(a, b)] for a, b in zip(scaled, values, strict=True)], 1, degree, group=16)
    return c / norms[:, None]


def fit_adaptively(
    function: Callable[[Tensor], Tensor],  # (N,) -> (N, n)
    breaks: Tensor,
    degree: int,
    tolerance: float,  # root sum of squares over the n columns, in the units of the function
) -> tuple[Tensor, Tensor, float]:  # (K, n), (G + 1,), largest error seen
    """Bisects every interval on which the fit is worse than the tolerance, until none is or bisection no longer helps."""
    checks = (torch.arange(7, dtype=breaks.dtype, device=breaks.device) + 0.37) / 7  # fractions of an interval; no Gauss points
    settled = torch.zeros(breaks.shape[0] - 1, dtype=torch.bool, device=breaks.device)
    parent = torch.full((breaks.shape[0] - 1,), float("inf"), dtype=breaks.dtype, device=breaks.device)
    for last in [*[False] * ROUNDS, True]:
        c = fit_spline(function, breaks, degree)
        space = LiftedSpace(breaks, degree, 0)
        x = breaks[:-1, None] + breaks.diff()[:, None] * checks
        fitted = torch.matmul(space.local(x, 0)[0], c[space.columns])  # (G, 7, n)
        error = (fitted - function(x.reshape(-1)).reshape(fitted.shape)).square().sum(2).sqrt().amax(1)  # (G,)
        settled |= error > GAIN * parent
        bad = (error > tolerance) & ~settled
        if last or not bool(bad.any()) or len(breaks) - 1 + int(bad.sum()) > MOST:
            break
        middle = ((breaks[:-1] + breaks[1:]) / 2)[bad]
        repeats = torch.where(bad, 2, 1)
        parent = torch.where(bad, error, torch.full_like(error, float("inf"))).repeat_interleave(repeats)
        settled = settled.repeat_interleave(repeats)
        breaks = torch.sort(torch.cat([breaks, middle])).values
    return c, breaks, float(error.max())
