"""Optimisers that only use the gradient J^T r of |r|^2 / 2: cheap steps, many of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always

CHUNK = 10  # L-BFGS steps between two looks at the clock
MEMORY = 50  # pairs of L-BFGS: Nocedal & Wright (2006), section 7.2, give 3 to 20; curvature of residuals wants more


@dataclass(frozen=True)
class Adam:
    """Adam with a step that falls to zero like a cosine: a rough start from random values.

    Source: Kingma & Ba (2015), arXiv 1412.6980; schedule: Loshchilov & Hutter (2017), arXiv 1608.03983, eq. 5, without restarts.
    """

    learning_rate: float = 3e-2

    def __call__(self, problem: LeastSquares, theta: Tensor, steps: int, monitor: Monitor = always) -> Outcome:
        """Takes ``steps`` steps from ``theta`` and returns the best point met."""
        x = theta.clone()
        first, second = torch.zeros_like(x), torch.zeros_like(x)
        r, transposed = problem.linearise(x)
        best, best_cost = theta, float(r.norm())
        history = [best_cost]
        sentence = f"{steps} steps taken"
        for step in range(1, steps + 1):
            gradient = transposed @ r / max(history[0], math.ulp(0.0)) ** 2  # dimensionless; Adam itself does not care
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient.square()
            rate = self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))
            scaled = (second / (1 - 0.999**step)).sqrt() + 1e-8
            x = x - rate * (first / (1 - 0.9**step)) / scaled
            r, transposed = problem.linearise(x)
            cost = float(r.norm())
            history.append(cost)
            if not math.isfinite(cost):
                return Outcome(
                    best, best_cost, step, False, "the residual is no longer finite: lower the learning rate", tuple(history)
                )
            if cost < best_cost:
                best, best_cost = x, cost
            if not monitor(step, cost):
                sentence = "interrupted"
                break
        return Outcome(best, best_cost, len(history) - 1, False, sentence, tuple(history))


@dataclass(frozen=True)
class Lbfgs:
    """L-BFGS with a strong Wolfe line search: second-order information at the price of the gradient.

    Source: Liu & Nocedal (1989), Math. Program. 45, 503-528. It stops when the largest entry of the gradient is below ``flat``
    times what it was at the start, or when a run of steps brings no decrease.
    """

    flat: float = 1e-12

    def __call__(self, problem: LeastSquares, theta: Tensor, steps: int, monitor: Monitor = always) -> Outcome:
        """Minimises from ``theta`` in at most ``steps`` steps."""
        x = theta.clone().requires_grad_(True)
        r, transposed = problem.linearise(theta)
        history = [float(r.norm())]
        scale = history[0] ** 2
        if scale == 0:
            return Outcome(theta, 0.0, 0, True, "the residual is zero", tuple(history))
        steepest = float((transposed @ r).abs().max()) / scale
        optimizer = torch.optim.LBFGS(
            [x],
            max_iter=1,
            max_eval=40,
            history_size=MEMORY,
            tolerance_grad=self.flat * steepest,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> float:
            r, transposed = problem.linearise(x.detach())
            x.grad = transposed @ r / scale
            return float(r @ r) / (2 * scale)

        group = optimizer.param_groups[0]
        done, sentence, converged = 0, f"{steps} steps were not enough", False
        while done < steps:
            group["max_iter"] = min(CHUNK, steps - done)
            group["max_eval"] = 4 * CHUNK
            before = optimizer.state[x].get("n_iter", 0)
            optimizer.step(closure)
            taken = optimizer.state[x]["n_iter"] - before
            done += taken
            cost = float(problem.residual(x.detach()).norm())
            idle = cost >= history[-1]
            history.append(cost)
            if taken == 0 or idle:
                sentence, converged = "the gradient vanishes, or no step decreases the residual any further", True
                break
            if not monitor(done, cost):
                sentence = "interrupted"
                break
        return Outcome(x.detach().clone(), history[-1], done, converged, sentence, tuple(history))
