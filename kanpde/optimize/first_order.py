"""Optimisers that only use the gradient J^T r of |r|^2 / 2: cheap steps, many of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always

CHUNK = 10  # L-BFGS steps between two looks at the clock
MEMORY = 50  # pairs of L-BFGS: Nocedal & Wright (2006), section 7.2, give 3 to 20; curvature of residuals wants more
FLAT, LOWER = 0.999, 0.5  # |r| that does not fall below this share of the best is on a plateau; the rate is halved there
LEAST = 1e-4  # of the first rate: then it is lowered no further


@dataclass(frozen=True)
class Adam:
    """Adam with a step that falls to zero like a cosine, or whenever progress stops: a rough start from random values.

    ``schedule`` is "cosine", or "plateau": the rate is halved after ``patience`` steps without progress. ``clip`` bounds the
    gradient's norm, in units of its root mean square so far. Mini-batches are taken where the problem has them.
    Source: Kingma & Ba (2015), arXiv 1412.6980; schedule: Loshchilov & Hutter (2017), arXiv 1608.03983, eq. 5, without restarts;
    clipping: Pascanu, Mikolov & Bengio (2013), arXiv 1211.5063, algorithm 1.
    """

    learning_rate: float = 3e-2
    schedule: Literal["cosine", "plateau"] = "cosine"
    patience: int = 50
    clip: float | None = None

    def __call__(self, problem: LeastSquares, theta: Tensor, steps: int, monitor: Monitor = always) -> Outcome:
        """Takes ``steps`` steps from ``theta`` and returns the best point met; with mini-batches, at the end of each epoch."""
        x = theta.clone()
        first, second = torch.zeros_like(x), torch.zeros_like(x)
        r, gradient = problem.gradient(x)
        best, best_cost = theta, float(r.norm())
        history = [best_cost]
        scale = max(best_cost, math.ulp(0.0)) ** 2
        plateau = _Plateau(self.patience)
        sentence, done = f"{steps} steps taken", 0
        for step in range(1, steps + 1):
            if problem.batches > 1:
                gradient = problem.sample(x, step - 1)[1]
            g = gradient / scale  # dimensionless; Adam itself does not care
            if self.clip is not None and step > 1:
                most = self.clip * float((second.sum() / (1 - 0.999 ** (step - 1))).sqrt())
                g = g * min(1.0, most / max(float(g.norm()), math.ulp(0.0)))
            first = 0.9 * first + 0.1 * g
            second = 0.999 * second + 0.001 * g.square()
            cosine = 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))
            rate = self.learning_rate * (cosine if self.schedule == "cosine" else plateau.factor)
            x = x - rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
            done = step
            if problem.batches == 1:
                r, gradient = problem.gradient(x)
            elif step % problem.batches == 0 or step == steps:
                r = problem.residual(x)
            else:
                continue
            cost = float(r.norm())
            history.append(cost)
            if not math.isfinite(cost):
                sentence = "the residual is no longer finite: lower the learning rate"
                return Outcome(best, best_cost, step, False, sentence, tuple(history))
            plateau.see(step, cost)
            if cost < best_cost:
                best, best_cost = x, cost
            if not monitor(step, cost):
                sentence = "interrupted"
                break
        return Outcome(best, best_cost, done, False, sentence, tuple(history))


@dataclass
class _Plateau:
    """The share of the first rate that is left."""

    patience: int
    factor: float = 1.0
    best: float = math.inf
    since: int = 0

    def see(self, step: int, cost: float) -> None:
        """Lowers the factor if the cost has not fallen for long enough."""
        if cost < FLAT * self.best:
            self.best, self.since = cost, step
        elif step - self.since >= self.patience:
            self.factor, self.since = max(self.factor * LOWER, LEAST), step


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
        r, gradient = problem.gradient(theta)
        history = [float(r.norm())]
        scale = history[0] ** 2
        if scale == 0:
            return Outcome(theta, 0.0, 0, True, "the residual is zero", tuple(history))
        steepest = float(gradient.abs().max()) / scale
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
            r, gradient = problem.gradient(x.detach())
            x.grad = gradient / scale
            return float(r @ r) / (2 * scale)

        group = optimizer.param_groups[0]
        done, sentence, converged = 0, f"{steps} steps were not enough", False
        best, best_cost = theta, history[0]
        while done < steps:
            group["max_iter"] = min(CHUNK, steps - done)
            group["max_eval"] = 4 * CHUNK
            before = optimizer.state[x].get("n_iter", 0)
            optimizer.step(closure)
            taken = optimizer.state[x]["n_iter"] - before
            done += taken
            cost = float(problem.residual(x.detach()).norm())
            idle = not cost < best_cost
            history.append(cost)
            if not idle:
                best, best_cost = x.detach().clone(), cost
            if taken == 0 or idle:
                sentence, converged = "the gradient vanishes, or no step decreases the residual any further", True
                if not math.isfinite(cost):
                    sentence, converged = "the residual is no longer finite: start from a better point, or use Adam first", False
                break
            if not monitor(done, cost):
                sentence = "interrupted"
                break
        return Outcome(best, best_cost, done, converged, sentence, tuple(history))
