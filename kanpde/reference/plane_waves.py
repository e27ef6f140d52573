"""Real functions with lap(u) + q u = 0 in the plane, q constant: what a fit on the boundary combines.

q = 0: real and imaginary parts of analytic functions, logarithms of the distance to points in holes. q = k^2 > 0: J_n(k r) and
Y_n(k r) times cos(n theta), sin(n theta); q = -k^2 < 0: I_n and K_n. What poles are to analytic functions, Y_0 and Y_1 (K_0 and
K_1) about points that crowd towards corners are here ("lightning Helmholtz", Gopal & Trefethen 2019, PNAS 116, eq. 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from kanpde.reference.rational import Analytic

Table = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values, x derivatives and y derivatives of m functions: (N, m) each."""


class Family(Protocol):
    """Functions that satisfy the homogeneous equation."""

    def __call__(self, points: np.ndarray) -> Table:
        """(N, 2) -> three tables (N, m)."""


@dataclass(frozen=True, eq=False)
class Harmonic:
    """Re f, Im f of analytic functions, log|z - c| of points c, and 1."""

    analytic: Sequence[Analytic]
    logarithms: np.ndarray  # (L,) complex
    size: float

    def __call__(self, points: np.ndarray) -> Table:
        """(N, 2) -> three tables (N, m)."""
        z = points[:, 0] + 1j * points[:, 1]
        parts = [part(z) for part in self.analytic]
        f, d = np.hstack([p[0] for p in parts]), np.hstack([p[1] for p in parts])
        gap = z[:, None] - self.logarithms
        value = np.hstack([f.real, f.imag, np.log(np.abs(gap) / self.size)])
        return value, np.hstack([d.real, d.imag, (1 / gap).real]), np.hstack([-d.imag, d.real, -(1 / gap).imag])


@dataclass(frozen=True, eq=False)
class Waves:
    """Z_n(k r) cos(n theta), Z_n(k r) sin(n theta), n = 0 ... degree, about some centres; ``regular`` is J or I, else Y or K."""

    square: float  # q, not zero
    centres: np.ndarray  # (m, 2)
    degree: int
    regular: bool
    radius: np.ndarray  # (m,): where |Z_n| is about one

    def __call__(self, points: np.ndarray) -> Table:
        """(N, 2) -> three tables (N, m (2 degree + 1))."""
        k = np.sqrt(abs(self.square))
        gap = points[:, None, :] - self.centres  # (N, m, 2)
        r = np.maximum(np.hypot(gap[..., 0], gap[..., 1]), 1e-300)
        cos, sin = gap[..., 0] / r, gap[..., 1] / r
        spin, parts = np.ones_like(r, dtype=complex), []
        for n in range(self.degree + 1):
            with np.errstate(all="ignore"):
                scale = np.abs(self._radial(n, k * self.radius))
                z, dz = self._radial(n, k * r) / scale, k * self._slope(n, k * r) / scale
                turn = np.where(r > 1e-290, n * z / r, 0.0)  # the derivative along the circle
            for wave, across in ((spin.real, -spin.imag), (spin.imag, spin.real))[: 1 + (n > 0)]:
                radial, around = dz * wave, turn * across
                parts.append((z * wave, radial * cos - around * sin, radial * sin + around * cos))
            spin = spin * (cos + 1j * sin)
        value, dx, dy = (np.nan_to_num(np.hstack([p[i] for p in parts]), posinf=0.0, neginf=0.0) for i in range(3))
        return value, dx, dy

    def _radial(self, n: int, x: np.ndarray) -> np.ndarray:
        kinds = (special.jv, special.yv) if self.square > 0 else (special.iv, special.kv)
        return np.asarray(kinds[not self.regular](n, x))

    def _slope(self, n: int, x: np.ndarray) -> np.ndarray:
        kinds = (special.jvp, special.yvp) if self.square > 0 else (special.ivp, special.kvp)
        return np.asarray(kinds[not self.regular](n, x))


@dataclass(frozen=True)
class Together:
    """Several families as one."""

    families: Sequence[Family]

    def __call__(self, points: np.ndarray) -> Table:
        """(N, 2) -> three tables (N, m)."""
        parts = [family(points) for family in self.families]
        value, dx, dy = (np.hstack([p[i] for p in parts]) for i in range(3))
        return value, dx, dy
