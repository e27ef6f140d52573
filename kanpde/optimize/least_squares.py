"""What an optimiser sees of a problem, and what it returns: a nonlinear least squares problem, and an outcome.

Minimise |r(theta)|^2 over theta (P,). The cost that is reported is |r|, in the units of the weighted residual.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

Monitor = Callable[[int, float], bool]
"""(steps so far, |r|) -> whether to go on. Called after every accepted step: progress, deadlines and Ctrl-C enter here.

The point that was accepted is the one at which the problem was evaluated last: a problem that remembers it can be asked.
"""


def always(step: int, cost: float) -> bool:
    """Go on."""
    return True


class LeastSquares(ABC):
    """A residual r(theta) (M,) and its Jacobian J = dr/dtheta, stored transposed."""

    rows: int = 0
    """M, where it is known beforehand: it tells whether J fits into memory."""

    batches: int = 1
    """How many mini-batches the rows are cut into, for optimisers that take them one by one."""

    @abstractmethod
    def residual(self, theta: Tensor) -> Tensor:  # (P,) -> (M,)
        """r(theta)."""

    @abstractmethod
    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M,), (P, M)
        """r(theta) and J(theta)^T."""

    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (M,), (P, P), (P,)
        """r, J^T J and J^T r: for a Jacobian that is too large to keep, override this and sum over pieces of it."""
        r, transposed = self.linearise(theta)
        squares = transposed.new_zeros(len(transposed), len(transposed))
        add_square(squares, transposed)
        return r, symmetrised(squares), transposed @ r

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:  # (M,), (P,)
        """r and J^T r: where reverse differentiation is cheaper than J, override this."""
        r, transposed = self.linearise(theta)
        return r, transposed @ r

    def sample(self, theta: Tensor, step: int) -> tuple[Tensor, Tensor]:  # (M',), (P,)
        """r and J^T r of the mini-batch of a step, weighted so that |r|^2 is that of all rows on average."""
        return self.gradient(theta)


def add_square(squares: Tensor, rows: Tensor, block: int = 384) -> None:  # (P, P), (P, n)
    """Adds rows @ rows^T on and below the diagonal only, block by block: half the work of the whole product."""
    for first in range(0, len(rows), block):
        squares[first:, first : first + block] += rows[first:] @ rows[first : first + block].T


def symmetrised(squares: Tensor) -> Tensor:
    """The symmetric matrix whose lower triangle is given."""
    return squares.tril() + squares.tril(-1).T


@dataclass(frozen=True)
class Outcome:
    """Where an optimiser ended and why. ``cost`` is |r(theta)|; ``history`` its values after each step, the start included."""

    theta: Tensor  # (P,)
    cost: float
    steps: int
    converged: bool
    sentence: str
    history: tuple[float, ...] = field(default=(), repr=False)
