"""The method of lines for one space coordinate and time: piecewise Chebyshev collocation in space, Radau IIA in time.

One field or several, of first or second order in time, or of none. Time goes through ``scipy.integrate.solve_ivp`` with the
stepper of radau.py. An event watches the tail of every interval's Chebyshev series; when one grows to the tolerance the
integration stops there, the interval is divided (which changes nothing), and time goes on. Periodic axes are closed by
continuity rather than expanded in Fourier series: a kink at the seam, as in the usual Allen-Cahn problem, leaves algebraic
Fourier tails, and two dozen small intervals resolve it.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.integrate import solve_ivp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.materials import materials
from kanpde.problem.types import Problem
from kanpde.reference.exponential import NotSuited, exponential
from kanpde.reference.folded import folded
from kanpde.reference.initial_value import initial_value
from kanpde.reference.line_problem import LineProblem, line_problem
from kanpde.reference.line_system import LineSystem
from kanpde.reference.pieces import DEEPEST, Pieces, chebyshev_table, resolve
from kanpde.reference.pointwise import require_box
from kanpde.reference.radau import CollocationPolynomial, RadauCollocation
from kanpde.reference.resolutions import Level, confirm
from kanpde.reference.types import NOTHING, Reference, Values

LEVELS = (Level(14, 1e-7), Level(18, 1e-9), Level(22, 1e-11), Level(24, 1e-12))
"""Degree of the pieces and tolerance, coarse to fine. Beyond 24 the derivatives of the series lose digits to round-off faster
than the truncation gains them; beyond 1e-12 the Newton iteration stagnates at round-off."""


STIFFEST = 4
"""From this order in space on, smooth periodic problems go to the exponential integrator, where round-off is less."""

CHUNK = 2**14
"""Points evaluated at once: their coefficients, 9 stages by 25, take 30 MB."""


@dataclass(frozen=True)
class _Epoch:
    """A stretch of time on fixed pieces: the collocation polynomials of its steps."""

    pieces: Pieces
    end: float
    steps: list[CollocationPolynomial]


@dataclass
class LineSolution:
    """The fields and their gradients from the polynomials of all steps."""

    line: LineProblem
    epochs: list[_Epoch] = field(default_factory=list)
    scale: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (F,): the largest |u| of every field

    def __call__(self, points: np.ndarray, order: tuple[int, int] = (0, 0), name: str | None = None) -> np.ndarray:
        """The derivative of the given order in (x, t) (at most 1 in t), of the first field if none is named.

        Points (N, 2) are in the order of the problem's coordinates; values are (N,).
        """
        names = [f.name for f in self.line.fields]
        block = self.line.first_blocks[names.index(name) if name else 0]
        x, t = points[:, self.line.space], points[:, self.line.time]
        steps = [(epoch.pieces, step) for epoch in self.epochs for step in epoch.steps]
        ends = np.array([min(step.t, epoch.end) for epoch in self.epochs for step in epoch.steps])
        owner = np.clip(np.searchsorted(ends, t, side="left"), 0, len(steps) - 1)
        by_owner = np.argsort(owner, kind="stable")
        found = np.empty(len(points))
        for group in np.split(by_owner, np.flatnonzero(np.diff(owner[by_owner])) + 1):
            for part in np.array_split(group, len(group) // CHUNK + 1) if len(group) else ():
                pieces, step = steps[owner[part[0]]]
                found[part] = _evaluate(pieces, step, block, x[part], t[part], order)
        return found


def _evaluate(
    pieces: Pieces, step: CollocationPolynomial, block: int, x: np.ndarray, t: np.ndarray, order: tuple[int, int]
) -> np.ndarray:
    """A derivative of one block of the state at points (N,) within one step."""
    piece, xi = pieces.locate(x)
    in_time = step.slopes(t) if order[1] else step.weights(t)  # (N, s + 1)
    stages = step.stages[:, block * pieces.size : (block + 1) * pieces.size]
    stages = stages.reshape(-1, pieces.count, pieces.degree + 1)  # (s + 1, K, degree + 1)
    in_space = chebyshev_table(xi, pieces.degree, order[0]) / pieces.half[piece][:, None] ** order[0]  # (N, degree + 1)
    return np.einsum("ns,snk,nk->n", in_time, stages[:, piece], in_space)


def method_of_lines(problem: Problem, seconds: float = 120.0) -> Reference:
    """The reference for any number of fields in one space coordinate and time, or in time alone, confirmed by two resolutions."""
    require_box(problem)
    if problem.domain.dimension == 1 and problem.domain.time is not None:
        return initial_value(problem, seconds)
    regions = materials(problem)
    if regions is not None:
        parts = folded(problem, regions)
        return parts.unfold(method_of_lines(parts.problem, seconds))
    line = line_problem(problem)
    start = clock.perf_counter()
    if line.order >= STIFFEST:
        try:
            return exponential(problem, line, seconds)
        except NotSuited:
            pass
    names = [f.name for f in problem.fields]
    scale: np.ndarray | None = None

    def attempt(level: Level, deadline: Callable[[], bool]) -> Reference:
        nonlocal scale
        solution = integrate(line, level, deadline, scale)
        scale = solution.scale

        def values(points: np.ndarray) -> Values:
            return {name: solution(points, name=name) for name in names}

        def gradients(points: np.ndarray) -> Values:
            order = (1, 0), (0, 1)
            parts = {name: [solution(points, q, name) for q in (order if line.space == 0 else order[::-1])] for name in names}
            return {name: np.stack(part, axis=1) for name, part in parts.items()}

        steps = sum(len(e.steps) for e in solution.epochs)
        words = f"{solution.epochs[-1].pieces.count} pieces of degree {level.degree}, {steps} steps"
        return Reference("method of lines", 1.0, 0.0, values, gradients, words)

    return confirm(problem, attempt, LEVELS, start, seconds)


def integrate(
    line: LineProblem, level: Level, deadline: Callable[[], bool] = lambda: False, scale: np.ndarray | None = None
) -> LineSolution:
    """Integrate from the first to the last time at one resolution.

    ``scale`` (F,) is the size of every field, if it is known already: what grows from zero need not be followed to all digits
    while it is small.
    """
    tolerance, first, last = level.tolerance, float(line.span[0]), float(line.span[1])
    deepest = max(DEEPEST, tolerance**0.5 * 0.1)  # a kink of width h costs h^1.5 in L2: no need to resolve it further
    pieces = Pieces(np.linspace(line.interval[0], line.interval[1], line.parts + 1), line.degree(level.degree))
    starts = [function for f in line.fields for function in f.start]
    for function in () if line.even_pieces else starts:
        pieces = resolve(function, pieces, tolerance, deepest, line.parts)
    y = np.concatenate([pieces.sample(function).ravel() for function in starts])
    watch = _Watch(line, pieces, np.zeros(len(line.fields)) if scale is None else scale, tolerance, deepest)
    watch.see(y)
    watch.see(_consistent(LineSystem(line, pieces, deadline), first, y))  # an end may be warm where the initial value is zero
    solution, t, step = LineSolution(line), first, None
    while True:
        system, y = _prepare(watch, t, y, deadline)
        watch = watch.on(system.pieces)
        result = solve_ivp(
            _explicit,
            (t, last),
            y,
            method=RadauCollocation,
            dense_output=True,
            events=watch,
            system=system,
            tolerance=tolerance,
            size=watch.size,
            duration=last - first,
            first_step=step,
        )
        if result.status < 0:
            name = line.problem.coordinates[line.time]
            raise UnsupportedProblem(f"the method of lines stopped at {name} = {result.t[-1]:.3g}: {result.message}")
        steps = list(result.sol.interpolants)
        solution.epochs.append(_Epoch(system.pieces, float(result.t[-1]), steps))
        t, y, step = float(result.t[-1]), result.y[:, -1], steps[-1].t - steps[-1].t_old
        if result.status == 0:
            solution.scale = watch.largest
            return solution


def _explicit(t: float, y: np.ndarray) -> np.ndarray:
    """What solve_ivp asks for and RadauCollocation has no use for: the system is implicit."""
    raise NotImplementedError("the system is implicit: F(t, y, y') = 0")


class _Watch:
    """Sees when the series of some interval decays too slowly: an event of solve_ivp, positive then.

    Errors and tails are measured on the fields alone, each relative to its largest value so far: in an equation of second order
    in time u_t carries the round-off of u times the highest frequency of the discretisation, which no step size makes smaller. A
    piece counts by the root of its length, as it does in L2, so that a jump need not be followed to ever smaller pieces; those of
    a hundredth of the domain and more count fully.
    """

    terminal, direction = True, 1.0

    def __init__(self, line: LineProblem, pieces: Pieces, largest: np.ndarray, tolerance: float, deepest: float) -> None:
        self.line, self.pieces, self.largest, self.tolerance, self.deepest = line, pieces, largest, tolerance, deepest
        part = pieces.half / pieces.half.sum()  # (K,)
        self.divisible = 2 * part > deepest
        self.weight = np.minimum(1.0, 10 * np.sqrt(part))  # (K,)

    def on(self, pieces: Pieces) -> _Watch:
        """The same watch on other pieces."""
        return _Watch(self.line, pieces, self.largest, self.tolerance, self.deepest)

    def fields(self, y: np.ndarray) -> np.ndarray:  # (..., n) -> (..., F, K, degree + 1)
        """The coefficients of the fields, without those of their rates."""
        pieces = self.pieces
        return y.reshape(*y.shape[:-1], self.line.blocks, pieces.count, pieces.degree + 1)[..., self.line.first_blocks, :, :]

    def see(self, y: np.ndarray) -> None:  # (n,)
        """Remember how large every field is."""
        self.largest = np.maximum(self.largest, np.abs(self.fields(y)).max(axis=(1, 2)))

    def scales(self, largest: np.ndarray) -> np.ndarray:  # (F,) -> (F,)
        """What each field is measured by: its own size, unless it is nothing but round-off of the others."""
        most = float(largest.max()) or np.finfo(float).tiny
        return np.where(largest > NOTHING * most, largest, most)

    def size(self, change: np.ndarray, states: np.ndarray) -> float:  # (m, n) or (n,), (k, n)
        """The largest change of a field, relative to its largest value so far or among ``states``."""
        parts = np.abs(self.fields(np.atleast_2d(change))).max(axis=(0, 3))  # (F, K)
        largest = np.maximum(self.largest, np.abs(self.fields(states)).max(axis=(0, 2, 3)))
        return float((self.weight * parts / self.scales(largest)[:, None]).max())

    def tails(self, y: np.ndarray) -> np.ndarray:  # (n,) -> (K,)
        """The relative tail of every interval that can still be divided, zero for the others."""
        tails = (self.pieces.tails(self.fields(y)) / self.scales(self.largest)[:, None]).max(axis=0)
        return np.where(self.divisible, self.weight * tails, 0.0)

    def __call__(self, t: float, y: np.ndarray) -> float:
        self.see(y)
        return float(np.log(max(self.tails(y).max(), 1e-300) / self.tolerance))


def _consistent(system: LineSystem, t: float, y: np.ndarray) -> np.ndarray:
    """The consistent state, with a sentence in place of a singular matrix."""
    try:
        return system.consistent(t, y)
    except RuntimeError as singular:  # scipy's splu: "Factor is exactly singular"
        raise UnsupportedProblem(
            "the equations and conditions do not fix the solution: the method of lines is singular"
        ) from singular


def _prepare(watch: _Watch, t: float, y: np.ndarray, deadline: Callable[[], bool]) -> tuple[LineSystem, np.ndarray]:
    """Divide until every tail has room to grow, make the state consistent with continuity and conditions, and look again.

    A kink at a joint, at the seam or against a condition is invisible to the series on either side; it shows in the
    consistent state, which is thrown away until the pieces are fine enough.
    """
    line, pieces = watch.line, watch.pieces
    while True:
        system = LineSystem(line, pieces, deadline)
        smooth = _consistent(system, t, y)
        coarse = watch.on(pieces).tails(smooth) > 0.1 * watch.tolerance
        if not coarse.any():
            return system, smooth
        coarse |= line.even_pieces
        finer = pieces.divided(coarse, line.parts)
        parts = y.reshape(-1, pieces.count, pieces.degree + 1)
        y = np.concatenate([pieces.transfer(part, finer).ravel() for part in parts])
        pieces = finer
