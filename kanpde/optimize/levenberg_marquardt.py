"""Levenberg-Marquardt with column scaling: the step minimises |r + J p|^2 + lambda |D p|^2, D the norms of the columns of J.

Without the scaling it stalls five digits earlier on spline networks. The step comes from a QR decomposition of J over
sqrt(lambda) D, which keeps the digits that J^T J would lose; only where J is too large to keep, from a Cholesky decomposition.
Sources: Marquardt (1963), J. SIAM 11, 431-441; More (1978), Lecture Notes in Mathematics 630, 105-116; Nielsen (1999),
IMM-REP-1999-05 (a damping that follows the gain ratio, a factor that grows on rejection).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always

GOOD, VERY_GOOD, POOR = 0.75, 0.9, 0.25  # gain ratios: Nocedal & Wright (2006), algorithm 4.1; the second measured here
LESS, MUCH_LESS, MORE = 1 / 4, 1 / 10, 3.0  # changes of the damping after such gains; measured on spline networks
FASTER = 1.5  # the factor of a rejection grows by it: Nielsen doubles it, measured slower here
ACCEPT = 1e-4  # least gain ratio of a step that is kept: Nocedal & Wright (2006), algorithm 4.1
DAMPING_LEAST, DAMPING_MOST = (
    1e-30,
    1e6,
)  # sqrt(1e-30) is round-off against columns of norm one; beyond 1e6 the step is gradient only
TRIALS = 20  # of one step
NEGLIGIBLE = 1e-8  # of the largest column: a smaller one is scaled no further up
ORTHOGONAL = 100_000_000  # numbers in J (0.8 GB): beyond, J^T J is summed over pieces
SHIFT = 1e-13  # least damping of J^T J, whose round-off is 1e-16 times its size (the columns have norm one)


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Damped Gauss-Newton: few, costly steps; the one that reaches ten digits.

    It stops when |r| is below ``target``, when the largest cosine between r and a column of J is below ``flat`` (More's test), or
    when both the predicted and the true relative decrease of |r|^2 stay below ``slow`` for ``patience`` steps. ``orthogonal``
    chooses QR where J fits into memory; Cholesky is twice as fast, and does as well on networks from random initial values.
    """

    damping: float = 1e-3
    target: float = 0.0
    flat: float = 1e-10
    slow: float = 1e-6
    patience: int = 3
    orthogonal: bool = True

    def __call__(self, problem: LeastSquares, theta: Tensor, steps: int, monitor: Monitor = always) -> Outcome:
        """Minimises from ``theta`` in at most ``steps`` accepted steps."""
        damping, idle = self.damping, 0
        model = _linearise(problem, theta, self.orthogonal)
        history = [model.cost]
        for step in range(1, steps + 1):
            if model.cost <= self.target:
                return Outcome(theta, model.cost, step - 1, True, f"the residual is below {self.target:.1e}", tuple(history))
            if model.cosine <= self.flat:
                return Outcome(
                    theta, model.cost, step - 1, True, "the residual is orthogonal to every column of J", tuple(history)
                )
            factor = MORE
            for _ in range(TRIALS):
                p, predicted, damping = model.step(damping)
                cost = float(problem.residual(theta + p).norm())
                decrease = (model.cost - cost) * (model.cost + cost)  # of |r|^2, without cancellation
                gain = decrease / max(predicted, math.ulp(0.0))
                if math.isfinite(cost) and decrease > 0 and gain > ACCEPT:
                    break
                damping *= factor
                factor *= FASTER
                if damping > DAMPING_MOST:
                    break
            if not (math.isfinite(cost) and decrease > 0 and gain > ACCEPT):
                return Outcome(theta, model.cost, step - 1, True, "no step decreases the residual any further", tuple(history))
            if gain > VERY_GOOD:
                damping = max(damping * MUCH_LESS, DAMPING_LEAST)
            elif gain > GOOD:
                damping = max(damping * LESS, DAMPING_LEAST)
            elif gain < POOR:
                damping *= MORE
            relative = max(decrease, predicted) / model.cost**2
            theta = theta + p
            history.append(cost)
            idle = idle + 1 if relative < self.slow else 0
            if idle >= self.patience:
                sentence = f"the residual decreases by less than {self.slow:.0e} a step"
                return Outcome(theta, cost, step, True, sentence, tuple(history))
            if not monitor(step, cost):
                return Outcome(theta, cost, step, False, "interrupted", tuple(history))
            if step < steps:
                model = _linearise(problem, theta, self.orthogonal)
        return Outcome(theta, history[-1], steps, False, f"{steps} steps were not enough", tuple(history))


@dataclass
class _Model:
    """The problem linearised at one point: |r|, the largest cosine between r and a column of J, and damped steps."""

    cost: float
    cosine: float
    step: Callable[[float], tuple[Tensor, float, float]]  # damping -> p, predicted decrease of |r|^2, damping used


def _linearise(problem: LeastSquares, theta: Tensor, orthogonal: bool) -> _Model:
    if not orthogonal or theta.numel() * problem.rows > ORTHOGONAL:
        r, squares, gradient = problem.normal(theta)
        seen = squares.diagonal() != 0
        if seen.all():
            return _by_cholesky(r, squares, gradient)
        return _held(r, seen, lambda: _by_cholesky(r, squares[seen][:, seen], gradient[seen]))
    r, transposed = problem.linearise(theta)
    seen = transposed.any(1)
    return _by_qr(r, transposed) if seen.all() else _held(r, seen, lambda: _by_qr(r, transposed[seen]))


def _held(r: Tensor, seen: Tensor, model: Callable[[], _Model]) -> _Model:  # (M,), (P,) of bool
    """The model of the parameters that the residual depends on: the others keep every bit, and cost nothing.

    A spline's coefficient whose support holds no points is one, and so are those of edges that were pruned.
    """
    if not seen.any():
        return _Model(float(r.norm()), 0.0, lambda damping: (torch.zeros_like(seen, dtype=r.dtype), 0.0, damping))
    inner = model()

    def step(damping: float) -> tuple[Tensor, float, float]:
        p, predicted, used = inner.step(damping)
        whole = p.new_zeros(len(seen))
        whole[seen] = p
        return whole, predicted, used

    return _Model(inner.cost, inner.cosine, step)


def _scaling(norms: Tensor) -> Tensor:  # (P,)
    return norms.clamp(min=max(NEGLIGIBLE * float(norms.max()), torch.finfo(norms.dtype).tiny))


def _by_qr(r: Tensor, transposed: Tensor) -> _Model:  # (M,), (P, M)
    scaling = _scaling(transposed.norm(dim=1))
    scaled = transposed / scaling[:, None]
    cost = float(r.norm())
    cosine = float((scaled @ r).abs().max()) / cost if cost > 0 else 0.0
    parameters = scaled.shape[0]
    triangle: list[tuple[float, Tensor]] = []  # the last damping, and R with its right side (P + 1, P + 1)

    def step(damping: float) -> tuple[Tensor, float, float]:
        # A larger damping is one more block of rows below the triangle of the last one.
        before, above = triangle[-1] if triangle and triangle[-1][0] <= damping else (0.0, torch.cat([scaled, r[None]]).T)
        stack = r.new_zeros(parameters + 1, above.shape[0] + parameters)  # transposed: column-major for LAPACK
        stack[:, : above.shape[0]] = above.T
        stack[:parameters, above.shape[0] :].fill_diagonal_(math.sqrt(damping - before))
        reduced = torch.linalg.qr(stack.T, mode="r")[1]
        triangle.append((damping, reduced[: parameters + 1]))
        p = -torch.linalg.solve_triangular(reduced[:parameters, :parameters], reduced[:parameters, parameters:], upper=True)[:, 0]
        change = p @ scaled  # (M,), J D^-1 p
        predicted = -float(change @ (2 * r + change))
        return p / scaling, predicted, damping

    return _Model(cost, cosine, step)


def _by_cholesky(r: Tensor, squares: Tensor, gradient: Tensor) -> _Model:  # (M,), (P, P), (P,)
    scaling = _scaling(squares.diagonal().sqrt())
    squares = squares / scaling / scaling[:, None]
    gradient = gradient / scaling
    cost = float(r.norm())
    cosine = float(gradient.abs().max()) / cost if cost > 0 else 0.0

    def step(damping: float) -> tuple[Tensor, float, float]:
        damping = max(damping, SHIFT)
        while True:
            shifted = squares.clone()
            shifted.diagonal().add_(damping)
            factor, failed = torch.linalg.cholesky_ex(shifted)
            if not failed:
                break
            damping *= 10
        p = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        predicted = -float(p @ (2 * gradient + squares @ p))
        return p / scaling, predicted, damping

    return _Model(cost, cosine, step)
