"""A least squares problem with a weak pull of all parameters to where they are: coefficients that no row feels do not run away.

Tikhonov's regularisation: |r(theta)|^2 + epsilon^2 |theta - theta_0|^2 (Nocedal & Wright 2006, eq. 10.7).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kanpde.optimize.least_squares import LeastSquares


class Restrained(LeastSquares):
    """The rows of ``problem``, and one row ``strength`` * (theta_j - centre_j) for each parameter.

    Not to zero: columns of J that vanish at the start would feel nothing else.
    """

    def __init__(self, problem: LeastSquares, strength: float, centre: Tensor) -> None:
        self.problem, self.strength, self.centre = problem, strength, centre
        self.rows = problem.rows

    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (M + P,)
        """Both kinds of rows."""
        return torch.cat([self.problem.residual(theta), self.strength * (theta - self.centre)])

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M + P,), (P, M + P)
        """Both kinds of rows and the Jacobian transposed."""
        r, transposed = self.problem.linearise(theta)
        own = self.strength * torch.eye(len(theta), dtype=theta.dtype, device=theta.device)
        return torch.cat([r, self.strength * (theta - self.centre)]), torch.cat([transposed, own], 1)

    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (M + P,), (P, P), (P,)
        """Both kinds of rows, J^T J and J^T r."""
        r, squares, gradient = self.problem.normal(theta)
        squares = squares.clone()
        squares.diagonal().add_(self.strength**2)
        return torch.cat([r, self.strength * (theta - self.centre)]), squares, gradient + self.strength**2 * (theta - self.centre)
