"""A spline on a longer grid: the first and last polynomial pieces continue over the new intervals, all else stays.

Every coefficient of a spline is the blossom (polar form) of one of its polynomial pieces at the k knots between the ends of its
basis function; new coefficients are the same blossom at the new knots. Source: Ramshaw (1989), Computer Aided Geometric Design 6,
323-358, section 6; the special case of one end is algorithm A12.1 ("unclamping") of Piegl & Tiller, The NURBS Book (1997).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kanpde.kan.bspline import open_knots


def prolonged(
    coefficients: Tensor,  # (..., K) of a spline on open knots
    breaks: Tensor,  # (G + 1,)
    longer: Tensor,  # (G' + 1,): breaks, and further points below the first or above the last
    degree: int,
) -> Tensor:  # (..., K + G' - G)
    """The same piecewise polynomial on ``longer``: coefficients away from the ends keep every bit, the others are recomputed.

    Far from the old grid they grow as a polynomial of the degree does. Raises ValueError unless ``longer`` has exactly the old
    break points between the old ends.
    """
    below, above = longer[longer < breaks[0]], longer[longer > breaks[-1]]
    if not torch.equal(torch.cat([below, breaks, above]), longer):
        raise ValueError("a longer grid keeps the break points that there are and adds others beyond the ends")
    upper = _raised(coefficients, breaks, above, degree)
    mirrored = -torch.cat([breaks, above]).flip(0)
    return _raised(upper.flip(-1), mirrored, -below.flip(0), degree).flip(-1)


def _raised(c: Tensor, breaks: Tensor, added: Tensor, degree: int) -> Tensor:
    """``prolonged`` at the upper end only."""
    k, count = degree, breaks.shape[0] - 1
    if not len(added):
        return c
    knots = open_knots(torch.cat([breaks, added]), k)
    last = open_knots(breaks, k)[count : count + 2 * k]  # the 2k knots around the last interval
    # The first count + 1 coefficients see the old upper end once at most, as one knot: for them nothing has changed.
    kept = min(count + 1, c.shape[-1])
    new = range(kept, count + k + len(added))
    arguments = torch.stack([knots[j + 1 : j + k + 1] for j in new]) if k else knots.new_zeros(len(new), 0)
    return torch.cat([c[..., :kept], _blossom(c[..., count - 1 :], last, arguments)], -1)


def _blossom(local: Tensor, knots: Tensor, arguments: Tensor) -> Tensor:  # (..., k + 1), (2k,), (J, k) -> (..., J)
    """De Boor's algorithm with another argument at each of its k steps."""
    k = arguments.shape[1]
    value = local[..., None, :]  # (..., 1, k + 1)
    for step in range(1, k + 1):
        low, high = knots[step - 1 : k], knots[k : 2 * k - step + 1]
        share = (arguments[:, step - 1, None] - low) / (high - low)  # (J, k + 1 - step)
        value = (1 - share) * value[..., :-1] + share * value[..., 1:]
    return value[..., 0].expand(*local.shape[:-1], arguments.shape[0])
