"""Least squares for a handful of numbers: linear coefficients are eliminated, the others move by Levenberg-Marquardt.

Source: D. Marquardt, An algorithm for least-squares estimation of nonlinear parameters, J. SIAM 11 (1963); variable projection:
G. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp

from kanpde.symbolic.form import compiled, real
from kanpde.symbolic.sample import Array


def misfit(columns: Array, family: Array) -> Array:  # (n, p), (n, r) -> (n, r)
    """What of the family the columns cannot express."""
    sizes = np.linalg.norm(columns, axis=0)
    scaled = columns / np.where(sizes > 0, sizes, 1.0)
    if not np.isfinite(scaled).all():
        return np.full_like(family, np.inf)
    return family - scaled @ np.linalg.lstsq(scaled, family, rcond=1e-13)[0]


def rms(residual: Array) -> float:  # (n,) or (n, r)
    """The root mean square, of the worst column where there are several."""
    return float(np.sqrt(np.mean(residual**2, axis=0)).max(initial=0.0))


def damped_step(J: Array, r: Array, damping: float) -> Array:  # (M, q), (M,) -> (q,)
    """The step of Levenberg-Marquardt with columns scaled to length one, so that ``damping`` is dimensionless."""
    norms = np.linalg.norm(J, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    left, sizes, right = np.linalg.svd(J / norms, full_matrices=False)
    return np.asarray(-(right.T @ (sizes / (sizes**2 + damping) * (left.T @ r))) / norms)


def refine(
    residual: Callable[[Array], Array],
    theta: Array,  # (q,)
    scale: Array,  # (q,) a change of this size is noticeable but small; for the difference quotients
    steps: int = 40,
) -> tuple[Array, Array]:  # theta (q,), Jacobian (M, q)
    """Least squares by Levenberg-Marquardt with Marquardt's column scaling; deterministic, for a handful of unknowns."""

    def slope(at: Array, r: Array, step: Array) -> Array:
        for sign in (1, -1):  # backwards where the function ends: log(x + b) at b = 0
            moved = residual(at + sign * step)
            if np.isfinite(moved).all():
                return sign * (moved - r) / float(step.sum())
        return np.zeros_like(r)

    def jacobian(at: Array, r: Array) -> Array:
        h = 1e-6 * scale  # error of the quotient about 1e-6 relative: enough, convergence stays nearly quadratic
        return np.stack([slope(at, r, step) for step in np.diag(h)], 1)

    r = residual(theta)
    J = jacobian(theta, r)
    damping = 1e-3
    idle = 0
    for _ in range(steps):
        step = damped_step(J, r, damping)
        trial = residual(theta + step)
        if np.isfinite(trial).all() and np.abs(trial).max(initial=0.0) < 1e150 and trial @ trial < r @ r:
            idle = idle + 1 if trial @ trial > 0.999 * (r @ r) else 0
            theta, r, damping = theta + step, trial, max(damping / 10, 1e-14)
            J = jacobian(theta, r)
            if idle == 3:
                break  # at the noise, or in a valley that leads nowhere
        else:
            damping = max(4 * damping, 1e-10)
            if damping > 1e6:
                break
        if np.all(np.abs(step) <= 1e-14 * np.abs(theta) + 1e-300):
            break
    return theta, J


def refine_numbers(
    expression: sp.Expr,
    symbols: Sequence[sp.Symbol],
    numbers: Sequence[sp.Symbol],
    start: Sequence[float],  # (q,)
    points: Sequence[Array],  # one (M,) a symbol
    values: Array,  # (M,)
    least: float,  # the change of a number near zero that is noticeable but small
) -> tuple[Array, Array, Array] | None:  # theta (q,), Jacobian (M, q), residual (M,)
    """The numbers of an expression refined on values; None where the expression is not defined or not real at a point."""
    function = compiled(expression, (*symbols, *numbers))

    def residual(theta: Array) -> Array:
        with np.errstate(all="ignore"):
            found = function(*points, *theta)
        return np.broadcast_to(real(found), values.shape) - values

    theta = np.array(start, dtype=np.float64)
    r = residual(theta)
    if not np.isfinite(r).all():
        return None
    if not len(theta):
        return theta, np.zeros((len(r), 0)), r
    theta, J = refine(residual, theta, np.maximum(np.abs(theta), least))
    return (theta, J, residual(theta)) if np.isfinite(theta).all() and np.isfinite(J).all() else None


def spread(J: Array, sigma: float, theta: Array) -> Array:  # (M, q), (q,) -> (q,)
    """How far each number can be off if the data are off by ``sigma`` (root mean square), in the worst direction.

    The error of a solver is smooth, not white: the bound is sigma sqrt(M) times the row norms of J^+, not the standard deviation.
    """
    bound = sigma * np.sqrt(J.shape[0]) * np.linalg.norm(np.linalg.pinv(J), axis=1)
    return np.clip(bound, 1e-13 * np.abs(theta), None)
