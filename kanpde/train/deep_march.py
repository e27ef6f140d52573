"""Deep networks in time: window after window, each with a network of its own that starts from the end of the one before.

A window's network begins as ridges (``kan.ridges``) in a coordinate stretched where the start of the window varies fast, imitates
the start and its Taylor line, and is then trained on the equation. A window whose residual stays too large is made shorter, or
gets finer grids. One network over all times ends at 0.2 to 0.4 on Burgers' equation, windows at 2e-4.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kanpde.assembly import Operator
from kanpde.assembly.collocation import Given, starts
from kanpde.assembly.imitation import Imitation
from kanpde.errors import DivergedError
from kanpde.kan import KAN, Grid
from kanpde.kan.bases import BASES, table
from kanpde.kan.ridges import fitted, ridges
from kanpde.kan.windows import WindowedKAN
from kanpde.optimize import LevenbergMarquardt
from kanpde.optimize.restrained import Restrained
from kanpde.plan import DeepNetwork
from kanpde.problem.types import Problem
from kanpde.results.history import StageRecord
from kanpde.sampling import Request, sobol
from kanpde.train.context import Context
from kanpde.train.deep_stage import Trained, train_on
from kanpde.train.stretch import stretch

FIRST = 1 / 16  # of the time interval, the first window tried
AIM = 2e-4  # residual of a window relative to u: smaller ones take more steps than a shorter window saves
SHARE = 0.1  # of a tolerance that is looser
ACCEPT = 3.0  # times the aim
RESOLVED = 0.03  # relative residual above which a window means nothing
GROW, SHRINK = 1.6, 0.5  # bounds of the change of length from one window to the next
RATE = 3.0  # power of the length with which the residual is taken to fall
TRIES = 6  # of one window
HELPFUL = 0.5  # a shorter window that does not reduce the residual to this share wants finer grids
LEVELS = ((16, 12), (24, 20), (40, 32), (60, 48))  # intervals along the coordinates in space, and of hidden edges
TIME = 2  # intervals along time
PROFILE = 3e-4  # relative error of u at the start, composed of one ridge, above which a level is too coarse
ANGLE = math.pi / 4  # of the steepest ridges: the stretched coordinate against the window's time, both in [-1, 1]
GUESSES = 3  # Levenberg-Marquardt steps that imitate the start; the first solves the linear outer layer
RESTRAINT = 1e-4  # times the size of u: the pull on coefficients while the start is imitated
SHORTEST = 1e-4  # of the time interval
TINY = 1e-300


@dataclass(frozen=True)
class _Start:
    """Where a window begins: what ``starts`` names at points, None at the first window, whose conditions the problem has."""

    given: Given | None
    values: Callable[[np.ndarray], Tensor]  # (N, d) on the first face of the window -> (F, N)
    slopes: Callable[[np.ndarray], Tensor]  # their derivatives in time


class DeepMarch:
    """Trains windows up to the end of the time interval."""

    def __init__(self, context: Context) -> None:
        assert isinstance(context.plan.network, DeepNetwork)
        self.context, self.plan = context, context.plan.network
        self.problem = context.problem
        domain = self.problem.domain
        assert domain.time_axis is not None
        self.axis = domain.time_axis
        self.begin, self.end = (float(v) for v in domain.bounds[self.axis])
        self.aim = max(AIM, SHARE * context.plan.tolerance)
        grid = self.plan.grid
        self.levels = ((grid, grid),) if "grid" in self.plan.model_fields_set else LEVELS
        self.scale = TINY  # the largest size of u so far
        self.networks: list[KAN] = []
        self.ends = [self.begin]

    def run(self) -> WindowedKAN:
        """All windows as one network.

        Raises DivergedError where no window is short enough, and where the budget ends before the time interval does.
        """
        start = first_start(self.problem, self.context)
        now, length = self.begin, FIRST * (self.end - self.begin)
        whole = self.end - self.begin
        while now < self.end - 1e-9 * whole:
            began = time.perf_counter()
            if self.context.left < 0:
                raise DivergedError(
                    f"the budget of {self.context.plan.budget:g} s ended at {self.problem.domain.time} = {now:.4g}",
                    hint="raise the budget, or loosen the tolerance",
                )
            length = self.end - now if self.end - now < 1.2 * length else length
            trained, end = self._window(start, now, length)
            self.networks.append(trained.network)
            self.ends.append(end)
            cost = trained.residual / self.scale
            self.context.tell("window", f"t = {end:.4g}", grid=trained.network.intervals, fraction=(end - self.begin) / whole)
            length = (end - now) * min(GROW, max(SHRINK, (self.aim / max(cost, TINY)) ** (1 / RATE)))
            start, now = self._next(trained.network, end), end
            pace = (time.perf_counter() - began) * (self.end - now) / length
            if pace > self.context.left > 0:  # the budget would end first: longer windows, with larger errors
                length *= min(4.0, pace / self.context.left)
                self.aim *= 2
        self.context.history.windows = len(self.networks)
        return WindowedKAN(self.networks, self.ends, self.axis)

    def _window(self, start: _Start, now: float, length: float) -> tuple[Trained, float]:
        """One trained window and its end."""
        level = self._level(start, now)
        best: tuple[Trained, float] | None = None
        before = math.inf
        for _ in range(TRIES):
            began = time.perf_counter()
            trained = self._attempt(start, now, length, level)
            cost = trained.residual / self.scale
            if math.isfinite(cost) and (best is None or trained.residual < best[0].residual):
                best = trained, now + length
            late = (time.perf_counter() - began) * (self.end - now) / length > self.context.left
            if self.context.left < 0 or cost <= (
                RESOLVED if late else ACCEPT * self.aim
            ):  # without time for better, a rough solution is one
                break
            self.context.history.rejected += 1
            if cost > HELPFUL * before and level + 1 < len(self.levels):
                level += 1
            else:
                length /= 2
            before = cost
            if length < SHORTEST * (self.end - self.begin):
                break
        if best is None or best[0].residual > RESOLVED * self.scale:
            left = "the budget ended" if self.context.left < 0 else "neither shorter windows nor finer grids help"
            raise DivergedError(f"the deep network finds no solution beyond {self.problem.domain.time} = {now:.4g}: {left}")
        return best

    def _attempt(self, start: _Start, now: float, length: float, level: int) -> Trained:
        began = time.perf_counter()
        context = self.context
        bounds = self.problem.domain.bounds.copy()
        bounds[self.axis] = now, now + length
        problem = replace(self.problem, domain=replace(self.problem.domain, bounds=bounds))
        name = f"t = {now:.4g} to {now + length:.4g}"
        context.tell("stage", name)
        network = self._imitating(self._ridges(start, bounds, level), start, bounds)
        seed = context.plan.seed + 101 * len(self.networks)
        trained = train_on(context, problem, network, start.given, self.aim * self.scale, self.scale, seed, name)
        record = StageRecord(
            name,
            trained.network.intervals,
            trained.network.count,
            trained.steps,
            time.perf_counter() - began,
            trained.residual / self.scale,
            window=(now, now + length),
        )
        context.record(record)
        return trained

    def _ridges(self, start: _Start, bounds: np.ndarray, level: int) -> KAN:
        """The untrained network: ridges along the stretched coordinate and time."""
        intervals, hidden = self.levels[level]
        grids, stretched = [], []
        for axis, (low, high) in enumerate(bounds):
            x, g = (np.array([low, high]), np.array([-1.0, 1.0])) if axis == self.axis else self._stretched(start, bounds, axis)
            count = min(TIME, intervals) if axis == self.axis else intervals
            breaks = np.interp(np.linspace(-1, 1, count + 1), g, x)
            grids.append(Grid(self._tensor(breaks), self.plan.degree))
            stretched.append((self._tensor(x), self._tensor(g)))
        directions = self._tensor(fan(self.plan.hidden[0], len(bounds), self.axis))
        base = None if self.plan.base == "zero" else self.plan.base
        return ridges(grids, stretched, directions, self.plan.hidden, len(self.problem.fields), hidden, self.plan.basis, base)

    def _stretched(self, start: _Start, bounds: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """The stretched coordinate of the start; with several coordinates in space, as they come."""
        low, high = (float(v) for v in bounds[axis])
        if len(bounds) != 2:
            return np.array([low, high]), np.array([-1.0, 1.0])

        def profile(x: np.ndarray) -> np.ndarray:  # (n,) -> (n, F)
            return start.values(self._face(x, float(bounds[self.axis, 0]))).T.cpu().double().numpy()

        return stretch(profile, low, high)

    def _face(self, x: np.ndarray, now: float) -> np.ndarray:  # (n,) -> (n, 2)
        return np.insert(x[:, None], self.axis, now, axis=1)

    def _level(self, start: _Start, now: float) -> int:
        """The coarsest level on which one ridge can be the start of the window."""
        bounds = self.problem.domain.bounds
        if len(bounds) != 2 or len(self.levels) == 1:
            return 0
        x, g = self._stretched(start, np.insert(bounds[[1 - self.axis]], self.axis, [now, now], axis=0), 1 - self.axis)
        points, value = self._tensor(x), self._tensor(g)
        u = start.values(self._face(x, now)).T  # (n, F)
        weight = self._tensor(np.gradient(x))[:, None].sqrt()
        basis, degree = BASES[self.plan.basis], self.plan.degree
        last = len(self.levels) - 2  # the finest is for rejected windows: an uneven start would ask for it, and get rougher
        for level, (intervals, hidden) in enumerate(self.levels[:last]):
            grid = Grid(self._tensor(np.interp(np.linspace(-1, 1, intervals + 1), g, x)), degree)
            line = fitted(grid, points, value, self.plan.basis)
            inner = line @ table(points[None], grid.breaks[None], basis, degree)[0][0]  # (n,)
            outer = torch.linspace(float(inner.min()), float(inner.max()), hidden + 1).to(inner)
            matrix = table(inner[None], outer[None], basis, degree)[0][0].T * weight
            c = torch.linalg.lstsq(matrix.cpu(), (u * weight).cpu(), driver="gelsd").solution.to(u)
            error = (matrix @ c - u * weight).norm(dim=0) / (u * weight).norm(dim=0).clamp(min=TINY)
            if float(error.max()) < PROFILE:
                return level
        return last

    def _imitating(self, network: KAN, start: _Start, bounds: np.ndarray) -> KAN:
        """The network that takes the values of the start, and goes on along their Taylor lines."""
        breaks = tuple(group.breaks[0].cpu().double().numpy() for group in network.stack[0].edges)
        x = sobol(Request(bounds, 4 * network.count // len(self.problem.fields) + 200, self.context.plan.seed, breaks)).x
        face = x.copy()
        face[:, self.axis] = bounds[self.axis, 0]
        ahead = self._tensor(x[:, self.axis] - bounds[self.axis, 0])
        values = start.values(face) + ahead * start.slopes(face)
        self.scale = max(self.scale, float(values.square().mean(1).max().sqrt()))
        if not bool(values.any()):
            return network
        imitation = Imitation(network, self._tensor(x), values)
        optimizer = LevenbergMarquardt(1e-6, slow=1e-2, patience=1, orthogonal=False)
        restrained = Restrained(imitation, RESTRAINT * self.scale, imitation.theta)
        return imitation.network_at(optimizer(restrained, imitation.theta, GUESSES).theta)

    def _next(self, network: KAN, now: float) -> _Start:
        """The end of a window as the start of the next."""
        dimension = self.problem.domain.dimension
        index = [tuple(order if i == self.axis else 0 for i in range(dimension)) for order in range(3)]
        wanted = starts(self.problem)

        def jets(x: np.ndarray) -> dict[tuple[int, ...], Tensor]:
            return network.jet(self._tensor(x), index)

        def given(x: np.ndarray) -> list[Tensor]:
            found = jets(x)
            return [found[index[order]][field] for field, order in wanted]

        return _Start(given, lambda x: jets(x)[index[0]], lambda x: jets(x)[index[1]])

    def _tensor(self, x: np.ndarray) -> Tensor:
        return torch.as_tensor(x).to(self.context.device, self.context.dtype)


def fan(count: int, dimension: int, time_axis: int | None) -> np.ndarray:  # (H, d)
    """Directions of ridges: a half circle in the plane, a fan around the coordinate in space with time, scattered in more."""
    if dimension == 1:
        return np.ones((count, 1))
    middle = (np.arange(count) + 0.5) / count  # in (0, 1)
    if dimension == 2:
        angle = np.pi * np.arange(count) / count if time_axis is None else ANGLE * (2 * middle - 1)
        across = time_axis if time_axis is not None else 1
        return np.stack([np.cos(angle), np.sin(angle)] if across == 1 else [np.sin(angle), np.cos(angle)], 1)
    scattered = np.random.default_rng(0).standard_normal((count, dimension))
    if time_axis is not None:
        scattered[:, time_axis] *= 0.5
    return scattered / np.linalg.norm(scattered, axis=1, keepdims=True)


def first_start(problem: Problem, context: Context) -> _Start:
    """The initial values as the problem's conditions give them; zero where a condition is not solved for one derivative.

    A condition is affine in it: r = a u + b gives u = -b/a.
    """
    axis = problem.domain.time_axis
    names = [field.name for field in problem.fields]
    found: dict[tuple[int, int], Operator] = {}
    for condition in problem.conditions:
        for face in condition.place.faces if condition.kind == "initial" else ():
            for residual in condition.residuals:
                operator = Operator(residual, problem, face)
                if len(operator.keys) == 1 and operator.linear:
                    ((name, index),) = operator.keys
                    if axis is not None and sum(index) == index[axis]:
                        found[names.index(name), index[axis]] = operator

    def values(x: np.ndarray, order: int) -> Tensor:  # (F, N)
        points = torch.as_tensor(x).to(context.device, context.dtype)
        result = points.new_zeros(len(names), len(points))
        for (field, own), operator in found.items():
            if own == order:
                residual, slopes = operator(list(points.T), {operator.keys[0]: points.new_zeros(len(points))})
                slope = slopes[operator.keys[0]]
                result[field] = torch.where(slope != 0, -residual / slope, torch.zeros_like(residual))
        return result

    return _Start(None, lambda x: values(x, 0), lambda x: values(x, 1))
