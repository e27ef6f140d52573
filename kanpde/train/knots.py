"""Where knots should stand: an indicator of the spline error per interval, and grids that equidistribute it.

The (k + 1)-th derivative is estimated from the jumps of the k-th; the error of the best spline is then about
2 (h / 2 pi)^(k + 1) |u^(k + 1)|, the constant of Bernoulli splines. The indicator drives the grid, it is never reported.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from kanpde.kan.placement import highest_derivative

SAFETY = 1.15  # knots per unit of the predicted density: 15 percent more than the asymptotic formula asks for
GRADING = 2.0  # neighbouring intervals differ at most by this factor


def constant(degree: int) -> float:
    """The Bernoulli-spline constant 2 / (2 pi)^(k + 1) (the Taylor constant is far too optimistic)."""
    return 2 / (2 * math.pi) ** (degree + 1)


def spline_error(c: Tensor, breaks: Tensor, degree: int) -> float:
    """The indicated error in the root mean square over the axis, in the units of u."""
    h = breaks.diff()
    error = constant(degree) * highest_derivative(c, breaks, degree) * h ** (degree + 1)
    return float((error.square() * h).sum().div(h.sum()).sqrt())


def density(c: Tensor, breaks: Tensor, degree: int, tolerance: float) -> Tensor:  # (G,) intervals per unit length
    """The density of intervals at which the indicated error is ``tolerance`` (in the units of u) everywhere."""
    highest = highest_derivative(c, breaks, degree)
    if highest.shape[0] > 4:  # one interval of caution on both sides
        highest = torch.maximum(
            highest, torch.maximum(torch.cat([highest[1:], highest[-1:]]), torch.cat([highest[:1], highest[:-1]]))
        )
    return SAFETY * (constant(degree) * highest / max(tolerance, 1e-290)).clamp(min=1e-300) ** (1 / (degree + 1))


def insertions(breaks: Tensor, wanted: Tensor, most: int = 3) -> Tensor:  # (m,)
    """New knots that split each interval into equal parts until the wanted density is met, at most ``most`` parts at once."""
    h = breaks.diff()
    parts = (wanted * h - 0.05).ceil().clamp(1, most).long()
    new = [
        breaks[i] + h[i] * torch.arange(1, n, dtype=breaks.dtype, device=breaks.device) / n
        for i, n in enumerate(parts.tolist())
        if n > 1
    ]
    inserted = torch.cat(new) if new else breaks[:0]
    return torch.sort(torch.cat([inserted, _grade(torch.sort(torch.cat([breaks, inserted])).values)])).values


def equidistributed(breaks: Tensor, wanted: Tensor, least: int, most: int) -> Tensor:  # (G' + 1,)
    """Breaks moved so that every interval takes an equal share of the wanted density."""
    h = breaks.diff()
    wanted = wanted.clamp(min=least / float(h.sum()))
    share = torch.cat([h.new_zeros(1), torch.cumsum(wanted * h, 0)])
    count = min(most, math.ceil(float(share[-1]) - 1e-9))
    targets = np.linspace(0.0, float(share[-1]), count + 1)
    moved = torch.as_tensor(np.interp(targets, share.cpu().numpy(), breaks.cpu().numpy())).to(breaks)
    moved[0], moved[-1] = breaks[0], breaks[-1]
    return torch.sort(torch.cat([moved, _grade(moved)])).values


def _grade(breaks: Tensor) -> Tensor:
    """The midpoints to insert so that no interval is more than ``GRADING`` times as long as its neighbour."""
    added = []
    for _ in range(60):
        h = breaks.diff()
        long = torch.zeros_like(h, dtype=torch.bool)
        long[:-1] |= h[:-1] > GRADING * h[1:] * (1 + 1e-9)
        long[1:] |= h[1:] > GRADING * h[:-1] * (1 + 1e-9)
        if not bool(long.any()):
            break
        middle = ((breaks[:-1] + breaks[1:]) / 2)[long]
        added.append(middle)
        breaks = torch.sort(torch.cat([breaks, middle])).values
    return torch.cat(added) if added else breaks[:0]
