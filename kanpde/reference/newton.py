"""Newton's method for collocation: least squares by QR, a factorisation used again while it contracts well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack, qr, solve_triangular

from kanpde.errors import UnsupportedProblem

Assemble = Callable[[np.ndarray, bool], tuple[np.ndarray, np.ndarray | None]]
"""Unknowns (n,), and whether the Jacobian is wanted, to the residual (M,) and the Jacobian (M, n)."""

CLOSE = 1e-3
"""A step this small, relative to the solution, leaves a Jacobian that contracts a hundredfold and better: it is used again."""


class NoConvergence(UnsupportedProblem):
    """Newton's method, from zero or from a coarser solution, does not converge."""


class _Factor:
    """QR of the Jacobian with scaled columns: the scaling undoes the growth of derivatives with the degree.

    The last ``spare`` columns may depend on the others to round-off; they then take no part.
    """

    def __init__(self, jacobian: np.ndarray, spare: int) -> None:
        self.jacobian = jacobian  # (M, n)
        n = jacobian.shape[1]
        self.scale = np.sqrt(np.einsum("ij,ij->j", jacobian, jacobian))
        if not (self.scale > 0).all():
            raise UnsupportedProblem("the equation and its conditions leave part of the solution free")
        (self._reflectors, self._tau), _ = qr(jacobian / self.scale, mode="raw", overwrite_a=True, check_finite=False)
        self._r = self._reflectors[:n]
        diagonal = np.abs(np.diag(self._r))
        low = ~(diagonal >= 1e-13 * diagonal.max())
        if low[: n - spare].any():
            raise UnsupportedProblem("the equation and its conditions leave part of the solution free")
        self._dropped = np.flatnonzero(low)

    def solve(self, b: np.ndarray) -> np.ndarray:  # (M,) -> (n,)
        """x that makes |J x - b| smallest."""
        n = len(self.scale)
        rotated, _, info = lapack.dormqr("L", "T", self._reflectors, self._tau, b[:, None], 64 * 64)
        if info:
            raise UnsupportedProblem("the factorisation failed")
        x = rotated[:n, 0]
        r = self._r
        if len(self._dropped):
            r = r.copy()
            r[self._dropped], r[self._dropped, self._dropped], x[self._dropped] = 0.0, 1.0, 0.0
        return np.asarray(solve_triangular(r, x, check_finite=False)) / self.scale


def newton(assemble: Assemble, c: np.ndarray, affine: bool, spare: int = 0) -> np.ndarray:  # (n,) -> (n,)
    """Gauss-Newton with halving of the step while the residual does not decrease. Raises NoConvergence.

    With more rows than unknowns the residual does not end at zero, so the end is told by the step and by how much smaller it is
    than the one before; the last is always a step with a factorisation used before, which refines round-off. Steps are measured
    by what they change in the linearised residual: where corner functions nearly depend on polynomials, coefficients are noise.
    """
    value, jacobian = assemble(c, True)
    assert jacobian is not None
    factor, before, fresh = _Factor(jacobian, spare), np.inf, True
    for _ in range(60):
        step = factor.solve(value)
        size, fraction = float(np.linalg.norm(value)), 1.0
        change = float(np.linalg.norm(factor.jacobian @ step))
        part = change / max(float(np.linalg.norm(factor.jacobian @ c)), change, np.finfo(float).tiny)
        contraction = part / before if np.isfinite(before) else 1.0
        small = part <= 1e-9
        last = small and not fresh and (contraction * part <= 1e-16 or contraction > 0.3)
        if not fresh and not last and contraction > 0.05:
            jacobian = assemble(c, True)[1]
            assert jacobian is not None
            factor, before, fresh = _Factor(jacobian, spare), np.inf, True
            continue
        while True:
            trial = c - fraction * step
            new_value, _ = assemble(trial, False)
            if small or np.linalg.norm(new_value) <= (1 - 0.1 * fraction) * size:
                break
            predicted = float(np.linalg.norm(value - fraction * (factor.jacobian @ step)))
            if fraction == 1.0 and np.linalg.norm(new_value) <= 1.1 * predicted:
                break  # as good as the linear model promised: what is left is the least-squares residual
            fraction /= 2
            if fraction < 1e-3:
                raise NoConvergence("Newton's method finds no solution from zero: the reference cannot judge this problem")
        c, value = trial, new_value
        if last:
            return c
        before, fresh = part, False
        if fraction < 1 or not (affine or part <= CLOSE):
            jacobian = assemble(c, True)[1]
            assert jacobian is not None
            factor, before, fresh = _Factor(jacobian, spare), np.inf, True
    raise NoConvergence("Newton's method does not converge from zero: the reference cannot judge this problem")
