"""Directions along which a function changes: u(x - y, z) has two where the points have three coordinates.

The evidence of a Gaussian process with covariance exp(-|A (x - x')|^2 / 2), or with one Cauchy kernel a row of A, is maximised
over the whole matrix A; a direction without effect is a null vector. The rows that are left are written with as few coordinates
as possible, z_k = x_p(k) + sum of B_kj x_j, and B is then refined together with the polynomial, by Gauss-Newton.
Sources: Vivarelli & Williams, Discovering hidden features with Gaussian processes regression (NIPS 1998); Kaufman (1975), BIT 15,
49-57 (the coefficients are eliminated from each step).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import qr
from torch import Tensor

from kanpde.learn.choice.evidence import likely
from kanpde.learn.choice.polynomial import Solver, features_for
from kanpde.learn.choice.types import Array, Prior

MOST_POINTS = 400  # of which the evidence is computed
MOST_COORDINATES = 12  # the matrix A is square, and its evidence costs as much as this many steps
STEPS = 60  # of L-BFGS
START = 2.0  # diagonal of A at the start: features as long as the coordinate's interval
MIXED = 0.1  # random part of the start: a diagonal one is a saddle point where two coordinates act alike
IDLE = 5e-3  # of the largest singular value of A: a direction that acts less has no effect that few points can tell
ROUNDS = 6  # of the refinement; it converges quadratically
SIMPLE = np.array([s * v for v in (0.0, 1 / 3, 0.5, 1.0, 2.0, 3.0) for s in (1, -1)])
NEAR = 2e-2  # what few points leave open; the points that are held back decide
SETTLED = 1e-13  # change of B that is round-off


@dataclass(frozen=True)
class Directions:
    """z = x A^T / reach in [-1, 1]^m for x in [-1, 1]^d, with A (m, d) of which ``pivots`` are unit columns."""

    matrix: Array  # (m, d)
    pivots: tuple[int, ...]

    @property
    def reach(self) -> Array:  # (m,)
        """Half the interval of each z over the whole box, whose centre is 0."""
        return np.asarray(np.abs(self.matrix).sum(1))

    def __call__(self, x: Array) -> Array:  # (N, d) -> (N, m)
        """The new coordinates, in [-1, 1]."""
        return np.asarray(x @ self.matrix.T / self.reach)


def directions(x: Array, y: Array, seed: int = 0) -> Directions | None:  # (N, d), (N, m) without mean
    """The directions of a function that has fewer than coordinates; None if it needs them all, or for too many of them."""
    d = x.shape[1]
    if not 2 <= d <= MOST_COORDINATES:
        return None
    step = max(1, -(-len(x) // MOST_POINTS))
    for kind in ("gaussian", "cauchy"):
        a = _metric(torch.as_tensor(x[::step]), torch.as_tensor(y[::step]), kind, seed)
        if a is None:
            continue
        _, sizes, rows = np.linalg.svd(a)
        kept = int((sizes > IDLE * sizes[0]).sum())
        if kept < d:
            return _few(rows[:kept])
    return None


def _metric(x: Tensor, y: Tensor, kind: str, seed: int) -> Array | None:  # (d, d)
    d = x.shape[1]
    noise = torch.randn(d, d, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    a = (START * torch.eye(d, dtype=x.dtype) + MIXED * noise).requires_grad_(True)
    log_noise = torch.tensor(-12.0, dtype=x.dtype, requires_grad=True)
    y = y / y.std(0)
    search = torch.optim.LBFGS(
        [a, log_noise], max_iter=STEPS, max_eval=STEPS + 20, history_size=20, line_search_fn="strong_wolfe"
    )

    def badness() -> Tensor:
        search.zero_grad()
        z = x @ a.T  # (N, d)
        squares = (z[:, None] - z).square()  # (N, N, d)
        covariance = torch.exp(-squares.sum(2) / 2) if kind == "gaussian" else (1 / (1 + squares)).prod(2)
        shifted = covariance + log_noise.clamp(-27, 2).exp() * torch.eye(len(x), dtype=x.dtype)
        root, failed = torch.linalg.cholesky_ex(shifted)
        if failed:
            return torch.full((), torch.inf, dtype=x.dtype)
        spread = (y * torch.cholesky_solve(y, root)).sum(0)  # (m,)
        value = len(x) / 2 * spread.log().sum() + y.shape[1] * root.diagonal().log().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        search.step(badness)  # type: ignore[arg-type]
    found = np.asarray(a.detach().numpy(), dtype=np.float64)
    return found if np.isfinite(found).all() else None


def _few(rows: Array) -> Directions:  # (m, d) orthonormal
    """The same space with unit columns at the pivots, which keeps the other entries small."""
    _, _, order = qr(rows, pivoting=True, mode="economic")
    pivots = tuple(sorted(int(p) for p in order[: len(rows)]))
    return Directions(np.asarray(np.linalg.solve(rows[:, pivots], rows), dtype=np.float64), pivots)


def refined(
    found: Directions, family: str, x: Array, y: Array, held: tuple[Array, Array]
) -> tuple[Directions, Prior, float, float]:
    """The directions moved to where the polynomial in them fits best; the prior, the damping that suits ``held``, its error."""
    scale = np.maximum(y.std(0), np.finfo(float).tiny)

    def tried(at: Directions) -> tuple[float, Prior, float, Solver]:
        z = at(x)
        prior = likely(z, y - y.mean(0), family)
        solver = Solver(features_for(prior, len(x)), z, y)
        damping, error = solver.choose(at(held[0]), held[1], scale)
        return error, prior, damping, solver

    best, (error, prior, damping, solver) = found, tried(found)
    for _ in range(ROUNDS):
        step = _step(best, solver, damping, x, y)
        if float(np.abs(step).max(initial=0.0)) < SETTLED:
            break
        moved = Directions(best.matrix + step, best.pivots)
        trial = tried(moved)
        if not trial[0] < error:
            break
        best, (error, prior, damping, solver) = moved, trial
    return best, prior, damping, error


def _step(found: Directions, solver: Solver, damping: float, x: Array, y: Array) -> Array:  # (m, d)
    """Gauss-Newton's step of the free entries, with the coefficients eliminated; the intervals of z are held."""
    result = np.zeros_like(found.matrix)
    free = [(k, j) for k in range(len(result)) for j in range(x.shape[1]) if j not in found.pivots]
    if solver.u.shape[0] != len(x) or not free:  # of reduced rows the features' own part cannot be taken out any more
        return result
    z, u = found(x), solver.polynomial(damping)
    slopes = [solver.features.slopes(z, k) @ u.weights / found.reach[k] for k in range(z.shape[1])]  # (N, m) each
    columns = np.stack([slopes[k] * x[:, j : j + 1] for k, j in free], 2)  # (N, m, f)
    left = y - u(z)  # (N, m)
    share = solver.s**2 / (solver.s**2 + (damping * solver.s[0]) ** 2)

    def outside(v: Array) -> Array:  # (N, n): what the features cannot explain
        return np.asarray(v - solver.u @ (share[:, None] * (solver.u.T @ v)))

    rows = np.concatenate([outside(columns[:, i]) for i in range(y.shape[1])])
    for place, change in zip(free, np.linalg.lstsq(rows, left.T.reshape(-1), rcond=1e-12)[0], strict=True):
        result[place] = change
    return result


def rounded(found: Directions, widths: Array) -> Directions:  # (d,) half the interval of each coordinate
    """The directions with simple ratios of the coordinates' own units where they are near: x - y rather than x - 0.9999 y."""
    ratio = widths[list(found.pivots)][:, None] / widths  # what an entry of 1 is in units of the coordinates
    own = found.matrix * ratio
    nearest = SIMPLE[np.abs(own[..., None] - SIMPLE).argmin(-1)]
    return Directions(np.where(np.abs(own - nearest) < NEAR, nearest / ratio, found.matrix), found.pivots)
