"""Gauss-Newton for dense Jacobians: the step minimises |r + J p|, and is halved until the residual falls.

Source: Nocedal & Wright (2006), section 10.3; sufficient decrease: ibid., eq. 3.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always

SUFFICIENT = 1e-4  # of the predicted decrease: Nocedal & Wright (2006), section 3.1
SHORTEST = 2.0**-20  # fraction of the step: below, the direction is no descent direction in float64
CUT = 1e-14  # singular values below this fraction are noise: columns have norm one, so it is round-off times sqrt(P)


@dataclass(frozen=True)
class GaussNewton:
    """Undamped steps with a line search: a linear problem takes one; for starts that are near the solution.

    It stops when the predicted relative decrease of |r|^2 is below ``flat``.
    """

    target: float = 0.0
    flat: float = 1e-12

    def __call__(self, problem: LeastSquares, theta: Tensor, steps: int, monitor: Monitor = always) -> Outcome:
        """Minimises from ``theta`` in at most ``steps`` steps."""
        history: list[float] = []
        for step in range(1, steps + 1):
            r, transposed = problem.linearise(theta)
            cost = float(r.norm())
            if not history:
                history.append(cost)
            p = _step(r, transposed)
            change = p @ transposed
            predicted = -float(change @ (2 * r + change))
            if cost <= self.target or predicted <= self.flat * cost**2:
                return Outcome(theta, cost, step - 1, True, "no further decrease is predicted", tuple(history))
            fraction = 1.0
            while True:
                trial = float(problem.residual(theta + fraction * p).norm())
                if math.isfinite(trial) and (cost - trial) * (cost + trial) >= SUFFICIENT * fraction * predicted:
                    break
                fraction /= 2
                if fraction < SHORTEST:
                    return Outcome(theta, cost, step - 1, True, "no step decreases the residual any further", tuple(history))
            theta = theta + fraction * p
            history.append(trial)
            if not monitor(step, trial):
                return Outcome(theta, trial, step, False, "interrupted", tuple(history))
        return Outcome(theta, history[-1], steps, False, f"{steps} steps were not enough", tuple(history))


def _step(r: Tensor, transposed: Tensor) -> Tensor:  # (P,)
    """The shortest minimiser of |r + J p| in scaled columns; rank-revealing, since products have gauge freedom."""
    norms = transposed.norm(dim=1)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    # A host solve: gelsd exists on the CPU only.
    jacobian = (transposed / norms[:, None]).T.cpu()
    solution = torch.linalg.lstsq(jacobian, -r[:, None].cpu(), rcond=CUT, driver="gelsd").solution.to(r)
    return solution[:, 0] / norms
