"""Analytic functions for problems in the plane: polynomials in z and 1/(z - c), simple poles, logarithms.

Real and imaginary parts are harmonic. Polynomials are orthogonalised on the points that they are fitted on while they
built (Brubeck, Nakatsukasa & Trefethen 2021, "Vandermonde with Arnoldi"): degree 100 costs no digits where powers of z would
leave none. Poles crowd towards corners exponentially, spaced wider at the end ("lightning", Gopal & Trefethen 2019, eq. 3.2): n
of them follow a singularity of any power with an error of about exp(-c sqrt(n)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

CROWDING = 3.0
"""sigma in exp(-sigma (sqrt(n) - sqrt(j))), the distance of pole j of n. Gopal & Trefethen take 4, best for the maximum norm; for
least squares by arc length 3 reaches 4e-12 in the L-shape with 90 poles a corner, where 4 leaves 9e-10."""


class Analytic(Protocol):
    """Some functions f_1 ... f_m of z."""

    def __call__(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The functions and their derivatives: (N,) -> (N, m), (N, m)."""


class Polynomial:
    """1, w, w^2, ..., w^degree, orthogonalised on points w (N,)."""

    def __init__(self, w: np.ndarray, degree: int) -> None:
        n = len(w)
        q = np.ones((n, degree + 1), complex)
        self.recurrence = np.zeros((degree + 1, degree), complex)
        for k in range(degree):
            v = w * q[:, k]
            for _ in range(2):  # once more against what round-off leaves
                part = q[:, : k + 1].conj().T @ v / n
                v = v - q[:, : k + 1] @ part
                self.recurrence[: k + 1, k] += part
            size = float(np.linalg.norm(v)) / np.sqrt(n)
            self.recurrence[k + 1, k] = size
            q[:, k + 1] = v / size

    def __call__(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (N,) -> (N, degree + 1) twice
        """The polynomials and their derivatives by w, by the recurrence that made them."""
        degree = self.recurrence.shape[1]
        q, d = np.ones((len(w), degree + 1), complex), np.zeros((len(w), degree + 1), complex)
        for k in range(degree):
            h = self.recurrence[: k + 1, k]
            q[:, k + 1] = (w * q[:, k] - q[:, : k + 1] @ h) / self.recurrence[k + 1, k]
            d[:, k + 1] = (q[:, k] + w * d[:, k] - d[:, : k + 1] @ h) / self.recurrence[k + 1, k]
        return q, d


class Powers:
    """Polynomials in z itself, centred and scaled."""

    def __init__(self, z: np.ndarray, degree: int) -> None:
        self.centre, self.scale = complex(z.mean()), float(np.abs(z - z.mean()).max())
        self.polynomial = Polynomial((z - self.centre) / self.scale, degree)

    def __call__(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) -> (N, degree + 1) twice."""
        f, d = self.polynomial((z - self.centre) / self.scale)
        return f, d / self.scale


class Laurent:
    """Polynomials in 1/(z - c) without the constant, c inside a hole."""

    def __init__(self, z: np.ndarray, centre: complex, degree: int) -> None:
        self.centre, self.scale = centre, float(np.abs(z - centre).min())
        self.polynomial = Polynomial(self.scale / (z - centre), degree)

    def __call__(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) -> (N, degree) twice."""
        w = self.scale / (z - self.centre)
        f, d = self.polynomial(w)
        return f[:, 1:], (d * (-(w**2) / self.scale)[:, None])[:, 1:]


@dataclass(frozen=True, eq=False)
class Poles:
    """s_j/(z - z_j): ``size`` s_j is the distance of the pole from its corner, so that all are of size one there."""

    places: np.ndarray  # (m,) complex
    size: np.ndarray  # (m,)

    def __call__(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) -> (N, m) twice."""
        gap = z[:, None] - self.places
        f = self.size / gap
        return f, -f / gap


def crowded(count: int, length: float) -> np.ndarray:  # (count,)
    """Distances from a corner, from ``length`` down to about length exp(-CROWDING sqrt(count))."""
    return np.asarray(length * np.exp(-CROWDING * (np.sqrt(count) - np.sqrt(np.arange(1, count + 1)))))
