"""What an optimiser sees of a problem, and what it returns: a nonlinear least squares problem, and an outcome.

Minimise |r(theta)|^2 over theta (P,). The cost that is reported is |r|, in the units of the weighted residual.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

Monitor = Callable[[int, float], bool]
"""(steps so far, |r|) -> whether to go on. Called after every accepted step: progress, deadlines and Ctrl-C enter here."""


def always(step: int, cost: float) -> bool:
    """Go on."""
    return True


class LeastSquares(ABC):
    """A residual r(theta) (M,) and its Jacobian J = dr/dtheta, stored transposed."""

    rows: int = 0
    """M, where it is known beforehand: it tells whether J fits into memory."""

    @abstractmethod
    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (M,)
        """r(theta)."""

    @abstractmethod
    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M,), (P, M)
        """r(theta) and J(theta)^T."""

    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (M,), (P, P), (P,)
        """r, J^T J and J^T r: for a Jacobian that is too large to keep, override this and sum over pieces of it."""
        r, transposed = self.linearise(theta)
        return r, transposed @ transposed.T, transposed @ r


@dataclass(frozen=True)
class Outcome:
    """Where an optimiser ended and why. ``cost`` is |r(theta)|; ``history`` its values after each step, the start included."""

    theta: Tensor  # (P,)
    cost: float
    steps: int
    converged: bool
    sentence: str
    history: tuple[float, ...] = field(default=(), repr=False)
