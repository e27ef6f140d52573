"""What a viscous flow does in a rectangular corner between walls whose velocity is given: Moffatt's eddies.

Near a right angle the stream function behaves like r^lambda F(theta) with lambda = 3.74 + 1.12 i, 5.81 + 1.46 i, ... (Moffatt
1964, J. Fluid Mech. 18, eq. 2.10), the pressure only like r^1.74. Polynomials of degree 36 leave 2e-7 in the velocity of the
cavity at Re = 100 and, where the pressure is held in a corner, 2e-4 in its level; with two eddies a corner, 5e-9 and 2e-7.

In z = xi + i eta, measured from the corner, psi = a z^l + b zbar^l + c zbar z^(l - 1) + d z zbar^(l - 1), so that derivatives
of all orders are sums of powers. u = psi_y, v = -psi_x, and p is the harmonic conjugate of nu lap(psi).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kanpde.problem.types import MultiIndex, Problem
from kanpde.reference.pointwise import Pointwise

GUESSES = (2.74 + 1.12j, 4.81 + 1.46j)
"""Roots z = lambda - 1 of sin(pi z / 2) = -+z, to three digits; Newton's method finds the others. A third would be round-off."""

Powers = list[tuple[complex, complex, complex]]
"""A sum of c z^a zbar^b: (c, a, b)."""


@dataclass(frozen=True)
class Flow:
    """The names of velocity and pressure, and the viscosity, of equations that are those of Stokes in the highest derivatives."""

    u: str
    v: str
    p: str
    viscosity: float


@dataclass(frozen=True)
class Eddy:
    """One eddy in one corner, as (u, v, p); ``part`` picks the real or the imaginary part of the complex eigenfunction."""

    flow: Flow
    corner: tuple[float, float]
    inward: tuple[int, int]  # +1 where the domain lies above the corner's coordinate
    length: float
    stream: Powers
    pressure: Powers
    part: str

    def __call__(self, name: str, index: MultiIndex, points: Sequence[np.ndarray]) -> np.ndarray:  # (M,)
        """A partial derivative of one of the three fields."""
        i, j = index
        powers, sign = self.stream, 1
        if name == self.flow.u:
            j += 1
        elif name == self.flow.v:
            i, sign = i + 1, -1
        else:
            powers, sign = self.pressure, self.inward[0] * self.inward[1]
        xi, eta = (s * (x - c) / self.length for x, c, s in zip(points, self.corner, self.inward, strict=True))
        total = i + j + (2 if name == self.flow.p else 0)
        value = _evaluate(_derivative(powers, i, j), xi + 1j * eta) * (sign * self.inward[0] ** i * self.inward[1] ** j)
        return np.asarray(getattr(value, self.part)) / self.length**total


def eddies(problem: Problem, equations: Sequence[Pointwise]) -> tuple[Eddy, ...]:
    """The functions for all four corners of a flow between walls; none if the problem is something else."""
    flow = _flow(problem, equations)
    if flow is None or not _walls(problem, flow):
        return ()
    bounds = problem.domain.bounds
    found = []
    for guess in GUESSES:
        stream, pressure = _eigenfunction(guess, flow.viscosity)
        for sx in (1, -1):
            for sy in (1, -1):
                corner = float(bounds[0, (1 - sx) // 2]), float(bounds[1, (1 - sy) // 2])
                found += [
                    Eddy(flow, corner, (sx, sy), float(problem.domain.lengths.max()), stream, pressure, part)
                    for part in ("real", "imag")
                ]
    return tuple(found)


def _flow(problem: Problem, equations: Sequence[Pointwise]) -> Flow | None:
    """The roles of the fields: u_x + v_y = 0, and two momentum equations with nu lap(.) and a pressure gradient."""
    if len(problem.fields) != 3 or problem.domain.dimension != 2 or problem.domain.time or problem.domain.periodic:
        return None
    continuity = [e for e in equations if len(e.keys) == 2 and sorted(i for _, i in e.keys) == [(0, 1), (1, 0)]]
    if (
        len(continuity) != 1
        or len({str(s) for s in continuity[0].slopes.values()}) != 1
        or not continuity[0].constant_coefficients
    ):
        return None
    u, v = (next(n for n, i in continuity[0].keys if i == index) for index in ((1, 0), (0, 1)))
    others = {f.name for f in problem.fields} - {u, v}
    if len(others) != 1:
        return None
    p = others.pop()
    viscosities = []
    for name, gradient in ((u, (1, 0)), (v, (0, 1))):
        for e in equations:
            slopes = [e.slopes.get(key) for key in ((name, (2, 0)), (name, (0, 2)), (p, gradient))]
            if all(s is not None and s.is_number for s in slopes) and slopes[0] == slopes[1]:
                viscosities.append(-float(slopes[0]) / float(slopes[2]))  # type: ignore[arg-type]
    if len(viscosities) != 2 or abs(viscosities[0] - viscosities[1]) > 1e-12 * viscosities[0]:
        return None
    return Flow(u, v, p, viscosities[0])


def _walls(problem: Problem, flow: Flow) -> bool:
    """Whether both velocities are given on all four sides."""
    given = set()
    for condition in problem.conditions:
        for face in condition.place.faces if condition.place.predicate is None else ():
            for r in condition.residuals:
                keys = Pointwise(problem, r.on_face(face, problem.coordinates)).keys
                if len(keys) == 1 and not any(keys[0][1]):
                    given.add((face, keys[0][0]))
    return all((face, name) in given for face in problem.domain.faces() for name in (flow.u, flow.v))


def _eigenfunction(guess: complex, viscosity: float) -> tuple[Powers, Powers]:
    """psi, with psi = psi_n = 0 on both walls, and p."""
    z = guess
    sign = min((1, -1), key=lambda s: abs(np.sin(np.pi * guess / 2) - s * guess))
    for _ in range(20):
        z = z - (np.sin(np.pi * z / 2) - sign * z) / (np.pi / 2 * np.cos(np.pi * z / 2) - sign)
    powers = [(z + 1, 0.0), (0.0, z + 1), (z, 1.0), (1.0, z)]
    walls = np.array([1.0, 1j])
    rows = [[_evaluate(_derivative([(1.0, *e)], *q), walls)[w] for e in powers] for w, q in _CONDITIONS]
    null = np.linalg.svd(np.array(rows))[2][-1].conj()
    stream: Powers = [(c, a, b) for c, (a, b) in zip(null.tolist(), powers, strict=True)]
    pressure: Powers = [(4j * viscosity * null[2] * z, z - 1, 0.0), (-4j * viscosity * null[3] * z, 0.0, z - 1)]
    return stream, pressure


_CONDITIONS = ((0, (0, 0)), (0, (0, 1)), (1, (0, 0)), (1, (1, 0)))
"""psi = psi_eta = 0 where eta = 0, psi = psi_xi = 0 where xi = 0."""


def _derivative(powers: Powers, i: int, j: int) -> Powers:
    """By xi = d/dz + d/dzbar, i times, and by eta = i (d/dz - d/dzbar), j times."""
    for factor, sign in [(1, 1)] * i + [(1j, -1)] * j:
        powers = [
            term for c, a, b in powers for term in ((factor * c * a, a - 1, b), (sign * factor * c * b, a, b - 1)) if term[0] != 0
        ]
    return powers


def _evaluate(powers: Powers, z: np.ndarray) -> np.ndarray:  # (M,) -> (M,)
    """The sum of the powers; zero in the corner itself, where all that is asked for there vanishes."""
    inside = z != 0
    logarithm = np.log(np.where(inside, z, 1.0))
    return sum((np.where(inside, c * np.exp(a * logarithm + b * logarithm.conj()), 0.0) for c, a, b in powers), np.zeros_like(z))
