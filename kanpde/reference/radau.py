"""Radau IIA collocation of any number of stages as a method for ``scipy.integrate.solve_ivp``.

Solves F(t, y, y') = 0, algebraic rows included (index 1), so that boundary conditions of any kind hold exactly at every
stage and need no elimination. Order 2s - 1 at the steps, stiffly accurate, L-stable; the dense output is the collocation
polynomial itself, of degree s. Source: Hairer & Wanner 1996, Solving Ordinary Differential Equations II, IV.5 and IV.8.
scipy's own Radau has s = 3: its dense output is of order 3 only, and 1e-12 takes it thousands of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.polynomial import legendre as lg
from scipy.integrate import DenseOutput, OdeSolver
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu
from scipy.special import roots_jacobi


class ImplicitSystem(Protocol):
    """F(t, y, y') = 0 with sparse Jacobians; rows without y' are algebraic."""

    constant: bool  # whether both Jacobians are the same everywhere

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """F at s times: (s,), (s, n), (s, n) -> (s, n)."""

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """y' at a consistent state, (n,); only the linearisation depends on it, three digits are plenty."""

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[csc_matrix, csc_matrix]:
        """dF/dy and dF/dy' at one time, (n, n) each."""


class Tableau(NamedTuple):
    """The method's coefficients for s stages."""

    c: np.ndarray  # (s,), the last is 1
    inverse: np.ndarray  # (s, s): h y'_i = sum_j inverse_ij (y_j - y_0)
    eigenvalues: np.ndarray  # (m,), those with imaginary part >= 0
    left: np.ndarray  # (m, s): stages to eigenvectors
    right: np.ndarray  # (s, m): back; real part, conjugate pairs counted twice
    tail: np.ndarray  # (s,): leading Legendre coefficient of the collocation polynomial, from y_j - y_0
    weights: np.ndarray  # (s + 1,): barycentric weights of 0, c

    @property
    def order(self) -> int:
        """Of the values at the steps: 2s - 1. The dense output is of order s + 1 within a step."""
        return 2 * len(self.c) - 1


@lru_cache(maxsize=8)
def tableau(stages: int) -> Tableau:
    """The Radau IIA tableau, from its nodes: the zeros of the Jacobi polynomial P^(1, 0) and the end point."""
    c = np.append((1 + roots_jacobi(stages - 1, 1, 0)[0]) / 2, 1.0) if stages > 1 else np.ones(1)
    nodes = np.append(0.0, c)
    gaps = nodes[:, None] - nodes + np.eye(stages + 1)
    weights = 1 / gaps.prod(axis=1)
    derivative = weights[None, :] / weights[:, None] / gaps
    np.fill_diagonal(derivative, 0.0)
    np.fill_diagonal(derivative, -derivative.sum(axis=1))
    inverse = derivative[1:, 1:]
    values, vectors = np.linalg.eig(inverse)
    keep = values.imag > -1e-9
    back = np.linalg.inv(vectors)
    pair = np.where(np.abs(values[keep].imag) > 1e-9, 2.0, 1.0)
    tail = np.linalg.inv(lg.legvander(2 * nodes - 1, stages))[stages, 1:]
    return Tableau(c, inverse, values[keep], back[keep], vectors[:, keep] * pair, tail, weights)


class CollocationPolynomial(DenseOutput):
    """The polynomial of degree s through the beginning of a step and its stages."""

    def __init__(self, t_old: float, t: float, stages: np.ndarray, method: Tableau) -> None:  # stages (s + 1, n)
        super().__init__(t_old, t)
        self.stages = stages
        self.method = method

    def weights(self, t: np.ndarray) -> np.ndarray:  # (N,) -> (N, s + 1)
        """Lagrange basis at the given times, by the barycentric formula."""
        theta = (np.asarray(t, dtype=float) - self.t_old) / (self.t - self.t_old)
        gaps = theta[:, None] - np.append(0.0, self.method.c)
        hit = gaps == 0
        terms = self.method.weights / np.where(hit, 1.0, gaps)
        basis = terms / terms.sum(axis=1, keepdims=True)
        return np.where(hit.any(axis=1, keepdims=True), hit.astype(float), basis)

    def slopes(self, t: np.ndarray) -> np.ndarray:  # (N,) -> (N, s + 1)
        """The derivative of the Lagrange basis by t."""
        nodes = np.append(0.0, self.method.c)
        to_legendre = np.linalg.inv(lg.legvander(2 * nodes - 1, len(nodes) - 1))  # (s + 1, s + 1)
        theta = (np.asarray(t, dtype=float) - self.t_old) / (self.t - self.t_old)
        return lg.legval(2 * theta - 1, lg.legder(to_legendre)).T * 2 / (self.t - self.t_old)

    def _call_impl(self, t: np.ndarray) -> np.ndarray:  # () or (N,) -> (n,) or (n, N)
        y = self.weights(np.atleast_1d(t)) @ self.stages
        return y[0] if np.ndim(t) == 0 else y.T


class RadauCollocation(OdeSolver):
    """The stepper: simplified Newton on all stages, one sparse factorisation an eigenvalue of the inverse tableau.

    A step is accepted when the leading Legendre coefficient of its polynomial, which is the part of the dense output that one
    degree less would miss, is below ``tolerance`` in the norm ``size``; the values at the steps are far better (order 2s - 1).
    As the dense output's error stays in its step, it counts by the root of the step's part of ``duration``, as it does in L2, for
    steps below a hundredth of it: a jump at the start needs no steps of 1e-20.
    """

    t: float
    y: np.ndarray
    n: int

    def __init__(
        self,
        fun: Callable[..., np.ndarray],
        t0: float,
        y0: np.ndarray,
        t_bound: float,
        vectorized: bool = False,
        *,
        system: ImplicitSystem,
        tolerance: float,
        size: Callable[[np.ndarray, np.ndarray], float],  # (m, n) changes, (k, n) states -> their largest relative size
        duration: float | None = None,
        first_step: float | None = None,
        max_step: float = np.inf,
        stages: int = 8,
        **unused: Any,
    ) -> None:
        super().__init__(fun, t0, y0, t_bound, vectorized)
        self.system, self.tolerance, self.size = system, tolerance, size
        self.method = tableau(stages)
        self.max_step, self.duration = max_step, duration or t_bound - t0
        self.h = min(max_step, first_step or 1e-4 * (t_bound - t0))  # grows fourfold a step: a small first one costs little
        self.polynomial: CollocationPolynomial | None = None
        self.rate = system.rate(t0, y0)
        self._factors: tuple[float, list[Any]] | None = None

    def _step_impl(self) -> tuple[bool, str | None]:
        rest = self.t_bound - self.t
        matrices = None
        while True:
            h = rest if self.h > rest / 1.05 else self.h if self.h < rest / 2 else rest / 2
            if h < max(4e-16 * abs(self.t), 1e-24 * self.duration):  # a start from a jump may need 1e-18
                return False, "the time step became too small"
            if self._factors is None or self._factors[0] != h:
                if matrices is None:
                    matrices = self.system.jacobians(self.t, self.y, self.rate)
                by_y, by_rate = matrices
                lu = [
                    splu(csc_matrix(by_y + (value.real if value.imag < 1e-9 else value) / h * by_rate))
                    for value in self.method.eigenvalues
                ]
                self.nlu += len(lu)
                self._factors = (h, lu)
            change = self._newton(h, self._factors[1])
            if change is None:
                self.h = h / 3
                self._factors = None
                continue
            error = self.size(self.method.tail @ change, self.y + change) / self.tolerance
            error *= min(1.0, 10 * (h / self.duration) ** 0.5)
            order = len(self.method.c)
            factor = 0.9 * max(error, 1e-12) ** (-1 / order)
            if error > 1:
                self.h = h * max(0.2, factor)
                self._factors = None
                continue
            break
        stages = np.vstack([self.y, self.y + change])
        self.polynomial = CollocationPolynomial(self.t, self.t + h, stages, self.method)
        self.rate = self.polynomial.slopes(np.array([self.t + h]))[0] @ stages
        self.t, self.y = (self.t_bound if h == rest else self.t + h), stages[-1]
        self.h = min(self.max_step, h if 1.0 <= factor < 1.2 else h * min(4.0, factor))
        if not self.system.constant:
            self._factors = None
        return True, None

    def _newton(self, h: float, lu: list[Any]) -> np.ndarray | None:  # (s, n), or None if it does not converge
        c, t = self.method.c, self.t + h * self.method.c
        change = np.zeros((len(c), self.n))
        if self.polynomial is not None:
            change = self.polynomial.weights(t) @ self.polynomial.stages - self.y
        last, rate = np.inf, 1.0
        for iteration in range(15):
            with np.errstate(all="ignore"):  # a diverging iteration may overflow; it is given up
                residual = self.system.residual(t, self.y + change, self.method.inverse @ change / h)
            self.nfev += len(c)
            if not np.isfinite(residual).all():
                return None
            transformed = self.method.left @ residual  # (m, n)
            steps = [
                f.solve(np.ascontiguousarray(r.real)) if value.imag < 1e-9 else f.solve(r)
                for f, r, value in zip(lu, transformed, self.method.eigenvalues, strict=True)
            ]
            step = (self.method.right @ np.stack(steps)).real
            change = change - step
            norm = self.size(step, self.y + change)
            rate = norm / last if iteration else 1.0
            # round-off of the fourth derivative stops the decrease near 1e-13: then the iteration is as good as it gets
            if norm <= 1e-3 * self.tolerance or (rate > 0.3 and norm <= 0.1 * self.tolerance):
                return change
            if iteration and (rate < 1 and norm * rate / (1 - rate) <= 1e-3 * self.tolerance):
                return change
            if iteration > 1 and rate > 1.0:
                return None
            last = norm
        return None

    def _dense_output_impl(self) -> CollocationPolynomial:
        assert self.polynomial is not None
        return self.polynomial
