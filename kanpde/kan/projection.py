"""The nearest function in another basis: least squares at many points, by a decomposition that stands rank deficiency."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

SAMPLES = 4  # points a function: least squares with as many is within a few per cent of the best, and has no wiggles between


class _Sampled(Protocol):
    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor: ...
    def sites(self, breaks: Tensor, degree: int) -> Tensor: ...


def samples(basis: _Sampled, breaks: Tensor, degree: int) -> Tensor:  # (n, G + 1) -> (n, N)
    """The sites of a basis, points between them, and the ends of the grid."""
    sites = basis.sites(breaks, degree)
    parts = torch.arange(SAMPLES, dtype=breaks.dtype, device=breaks.device) / SAMPLES
    between = (sites[:, :-1, None] + sites.diff(dim=1)[..., None] * parts).flatten(1)
    return torch.cat([between, sites[:, -1:], breaks[:, :1], breaks[:, -1:]], 1)


def least_squares(
    matrix: Tensor,  # (..., N, K)
    values: Tensor,  # (..., N, m)
) -> Tensor:  # (..., K, m)
    """The shortest of the solutions that are best to round-off, by singular values: a basis that is nearly dependent costs no
    accuracy, which normal equations or a plain QR would lose (gelsd; Golub & Van Loan 2013, section 5.5).

    Solved on the host in float64: the driver exists there only.
    """
    solution = torch.linalg.lstsq(matrix.double().cpu(), values.double().cpu(), driver="gelsd").solution
    return solution.to(values)


def project(
    basis: _Sampled,
    coefficients: Tensor,  # (n_out, K)
    breaks: Tensor,  # (G + 1,)
    finer: Tensor,  # (G' + 1,)
    degree: int,
) -> Tensor:  # (n_out, K')
    """The functions on another grid as nearly as it can say them, the mean square taken over the samples of that grid."""
    x = samples(basis, finer[None], degree)
    old = coefficients @ basis.table(x, breaks[None], degree, 0)[0, 0]  # (n_out, N)
    new = basis.table(x, finer[None], degree, 0)[0, 0]  # (K', N)
    return least_squares(new.T, old.T).T.contiguous()
