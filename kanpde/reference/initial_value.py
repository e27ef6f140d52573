"""Ordinary differential equations in time by Radau IIA: systems of any order, stiff or not, with algebraic equations or without.

The state is every field and its derivatives below the highest; the equations are taken as they stand, F(t, y, y') = 0.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.integrate import solve_ivp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Face
from kanpde.problem.types import Problem
from kanpde.reference.pointwise import Key, Pointwise
from kanpde.reference.radau import CollocationPolynomial, RadauCollocation
from kanpde.reference.resolutions import Level, confirm
from kanpde.reference.types import NOTHING, OutOfTime, Reference, Values

LEVELS = (Level(8, 1e-9), Level(8, 1e-11), Level(8, 1e-13))
"""Stages and tolerance, coarse to fine."""


class OdeSystem:
    """The equations as an ``ImplicitSystem`` of radau.py."""

    constant = False

    def __init__(self, problem: Problem, deadline: Callable[[], bool] = lambda: False) -> None:
        self.equations = [Pointwise(problem, r) for r in problem.equations]
        self.orders = {f.name: max(e.order(0, f.name) for e in self.equations) for f in problem.fields}
        sizes = [max(1, order) for order in self.orders.values()]
        self.first = dict(zip(self.orders, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        self.size = sum(sizes)
        self.deadline = deadline
        self.links = [(self.first[n] + q, self.first[n] + q + 1) for n, order in self.orders.items() for q in range(order - 1)]

    def _where(self, key: Key) -> tuple[bool, int]:
        """Whether a jet is a rate, and which."""
        name, (order,) = key
        rate = 0 < order == self.orders[name]
        return rate, self.first[name] + order - rate

    def _jets(self, e: Pointwise, y: np.ndarray, rate: np.ndarray) -> dict[Key, np.ndarray]:  # (..., n), (..., n) -> (...)
        return {key: (rate if of else y)[..., i] for key in e.keys for of, i in [self._where(key)]}

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:  # (s,), (s, n), (s, n) -> (s, n)
        """F(t, y, y')."""
        if self.deadline():
            raise OutOfTime("the reference took longer than reference.seconds")
        found = [e([t], self._jets(e, y, rate))[0] for e in self.equations]
        return np.stack([*found, *(y[:, j] - rate[:, i] for i, j in self.links)], axis=1)

    def _slopes(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by = np.zeros((2, self.size, self.size))
        for row, e in enumerate(self.equations):
            for key, slope in e([t], self._jets(e, y, rate))[1].items():
                of, i = self._where(key)
                by[int(of), row, i] += slope
        for row, (i, j) in enumerate(self.links, start=len(self.equations)):
            by[0, row, j], by[1, row, i] = 1.0, -1.0
        return by[0], by[1]

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
        """dF/dy, dF/dy'."""
        by_y, by_rate = self._slopes(t, y, rate)
        return sparse.csc_matrix(by_y), sparse.csc_matrix(by_rate)

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """y' by Newton's method from zero; that of algebraic fields, which nothing depends on, is left at zero."""
        rate = np.zeros(self.size)
        for _ in range(20):
            step = np.linalg.lstsq(self._slopes(t, y, rate)[1], self.residual(np.array([t]), y[None], rate[None])[0])[0]
            rate = rate - step
            if not np.isfinite(rate).all():
                return np.zeros(self.size)
            if np.abs(step).max() <= 1e-8 * np.abs(rate).max():
                break
        return rate

    def start(self, problem: Problem) -> np.ndarray:  # (n,)
        """The state that satisfies the initial conditions, and the equations of fields without a time derivative."""
        t = float(problem.domain.bounds[0, 0])
        if any(c.kind != "initial" for c in problem.conditions):
            raise UnsupportedProblem("the reference in time knows initial conditions only")
        given = [r.on_face(Face(0, -1), problem.coordinates) for c in problem.conditions for r in c.residuals]
        rows = [Pointwise(problem, r) for r in given] + [e for e in self.equations if not any(i[0] for _, i in e.keys)]
        if len(rows) != self.size:
            raise UnsupportedProblem(f"{self.size} initial values are needed, not {len(rows)}")
        if any(self._where(key)[0] for row in rows for key in row.keys):
            raise UnsupportedProblem("an initial condition holds the highest derivative")
        y, zero = np.zeros(self.size), np.zeros(self.size)
        for _ in range(30):
            value, by = np.zeros(self.size), np.zeros((self.size, self.size))
            for n, row in enumerate(rows):
                value[n], slopes = row([t], self._jets(row, y, zero))
                for key, slope in slopes.items():
                    by[n, self._where(key)[1]] += slope
            try:
                step = np.linalg.solve(by, value)
            except np.linalg.LinAlgError as error:
                raise UnsupportedProblem("the initial conditions do not give the initial values") from error
            y = y - step
            if np.abs(step).max() <= 1e-15 * np.abs(y).max():
                break
        return y


def initial_value(problem: Problem, seconds: float) -> Reference:
    """The reference for fields of time alone, confirmed by two tolerances."""
    start = clock.perf_counter()

    def attempt(level: Level, deadline: Callable[[], bool]) -> Reference:
        system = OdeSystem(problem, deadline)
        steps = integrate(system, problem, level)
        ends = np.array([step.t for step in steps])

        def evaluate(points: np.ndarray, order: int) -> Values:
            t = points[:, 0]
            owner = np.clip(np.searchsorted(ends, t), 0, len(steps) - 1)
            found = np.empty((len(t), system.size))
            for n in np.unique(owner):
                mine = owner == n
                found[mine] = (steps[n].slopes(t[mine]) if order else steps[n].weights(t[mine])) @ steps[n].stages
            return {name: found[:, i] for name, i in system.first.items()}

        def gradients(points: np.ndarray) -> Values:
            return {name: slope[:, None] for name, slope in evaluate(points, 1).items()}

        words = f"{len(steps)} steps of Radau IIA with {level.degree} stages"
        return Reference("method of lines", 1.0, 0.0, lambda points: evaluate(points, 0), gradients, words)

    return confirm(problem, attempt, LEVELS, start, seconds)


def integrate(system: OdeSystem, problem: Problem, level: Level) -> list[CollocationPolynomial]:
    """The collocation polynomials of all steps."""
    first, last = (float(b) for b in problem.domain.bounds[0])
    places = list(system.first.values())
    start = system.start(problem)
    largest = np.abs(start[places])

    def size(change: np.ndarray, states: np.ndarray) -> float:
        nonlocal largest
        scale = np.maximum(largest, np.abs(states[:, places]).max(axis=0))
        scale = np.where(scale > NOTHING * scale.max(), scale, scale.max() or 1.0)
        return float((np.abs(np.atleast_2d(change)[:, places]).max(axis=0) / scale).max())

    def watch(t: float, y: np.ndarray) -> float:
        nonlocal largest
        largest = np.maximum(largest, np.abs(y[places]))
        return 1.0

    result = solve_ivp(
        lambda t, y: y,  # not used: the system is implicit
        (first, last),
        start,
        method=RadauCollocation,
        dense_output=True,
        events=watch,
        system=system,
        tolerance=level.tolerance,
        size=size,
        duration=last - first,
        stages=level.degree,
    )
    if result.status < 0:
        raise UnsupportedProblem(f"the reference stopped at {problem.coordinates[0]} = {result.t[-1]:.3g}: {result.message}")
    return list(result.sol.interpolants)
