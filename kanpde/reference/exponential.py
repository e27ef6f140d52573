"""Exponential time differencing in Fourier space, for smooth periodic problems that are stiff only in a linear part.

u_t = L u + N(u), L with constant coefficients: L is taken exactly, N by a Runge-Kutta method of order 4 (ETDRK4; Cox & Matthews
2002, coefficients by contour integrals after Kassam & Trefethen 2005). Collocation carries the round-off of a fourth derivative
into every step, which an equation with growing modes, such as that of Kuramoto and Sivashinsky, then multiplies; here no
derivative above those in N is ever formed.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy import fft

from kanpde.errors import UnsupportedProblem
from kanpde.problem.types import Problem, Residual
from kanpde.reference.line_problem import LineProblem
from kanpde.reference.pointwise import Key, Pointwise
from kanpde.reference.resolutions import Level, confirm
from kanpde.reference.types import OutOfTime, Reference, Values

LEVELS = tuple(Level(4, 2.0**-k) for k in range(11, 15))
"""The order, and the step as a part of the whole time."""

MODES = (32, 64, 128, 256, 512, 1024)
"""Grid sizes tried; each doubles the cost."""

TAIL = 1e-14
"""Fourier coefficients in the upper third, relative to the largest, below which a size is enough: a few units of round-off."""

GROWN = 1e-11
"""The same at any later time, where round-off has been carried along."""

SAVED = 2**12
"""States kept for the dense output; with 1024 points they take 34 MB."""

NODES = 8
"""Neighbouring states through which a polynomial in time goes: its error is of order 8, far below that of the steps."""


class NotSuited(UnsupportedProblem):
    """The problem is not periodic, not smooth or not semilinear enough: pieces and an implicit method can do it."""


@dataclass(frozen=True)
class _Split:
    """u_t = L u + N: the slopes of L by the order of differentiation, and N as a residual in what is left."""

    linear: dict[int, float]
    rest: Pointwise
    rate: float  # the coefficient of u_t


def split(problem: Problem, line: LineProblem) -> _Split:
    """Divide the equation by u_t's coefficient into what is linear with constant coefficients, and the rest; or NotSuited."""
    if not line.periodic or len(line.fields) != 1 or line.fields[0].time_order != 1:
        raise NotSuited("exponential time differencing needs one periodic field of first order in time")
    equation = line.equations[0]
    zero = dict.fromkeys(equation.symbols.values(), sp.Integer(0))
    linear: dict[int, float] = {}
    rate, rest = 0.0, equation.expression
    for (_, index), s in equation.symbols.items():
        slope = equation.slopes[line.fields[0].name, index]
        if index[line.time] and (slope.free_symbols or sum(index) > 1):
            raise NotSuited("the coefficient of the time derivative varies")
        constant = slope.subs(zero)
        if constant.free_symbols or not constant.is_finite:
            continue
        rest = rest - constant * s
        if index[line.time]:
            rate = float(constant)
        else:
            linear[index[line.space]] = float(constant)
    jets: dict[sp.Symbol, Key] = {s: key for key, s in equation.symbols.items()}
    left = Pointwise(problem, Residual(sp.expand(rest), jets, equation.text, equation.span))
    if left.order(line.space) >= line.order or left.order(line.time):
        raise NotSuited("the highest derivative has a coefficient that varies")
    return _Split({order: -c / rate for order, c in linear.items()}, left, rate)


@dataclass(frozen=True)
class Waves:
    """Fourier coefficients at equally spaced times, and what they mean in between."""

    line: LineProblem
    states: np.ndarray  # (S + 1, modes), as of numpy.fft.rfft divided by the grid size
    smooth: bool  # whether the last third of the modes stayed small

    def __call__(self, points: np.ndarray, order: tuple[int, int] = (0, 0)) -> np.ndarray:  # (N, 2) -> (N,)
        """The derivative of the given order in (x, t) (at most 1 in t)."""
        (low, high), (first, last) = self.line.interval, self.line.span
        count = len(self.states) - 1
        k = 2 * np.pi / (high - low) * np.arange(self.states.shape[1])
        factor = np.where(k > 0, 2.0, 1.0) * (1j * k) ** order[0]
        found = []
        for part in np.array_split(points, len(points) // 1024 + 1):
            x, s = part[:, self.line.space] - low, (part[:, self.line.time] - first) / (last - first) * count
            begin = np.clip(np.floor(s).astype(int) - NODES // 2 + 1, 0, count + 1 - NODES)
            weights = _lagrange(s - begin, order[1]) * (count / (last - first)) ** order[1]  # (n, NODES)
            states = np.einsum("nj,njk->nk", weights, self.states[begin[:, None] + np.arange(NODES)])
            found.append(((states * factor) * np.exp(1j * np.outer(x, k))).real.sum(axis=1))
        return np.concatenate(found)


def _lagrange(s: np.ndarray, order: int) -> np.ndarray:  # (n,) -> (n, NODES)
    """The polynomials through 0, 1, ..., NODES - 1 that are 1 at one of them, or their slopes."""
    nodes = np.arange(NODES)
    found = np.empty((len(s), NODES))
    for j in nodes:
        others = np.delete(nodes, j)
        gaps = (s[:, None] - others) / (j - others)  # (n, NODES - 1)
        if order == 0:
            found[:, j] = gaps.prod(axis=1)
        else:
            found[:, j] = sum(np.delete(gaps, i, axis=1).prod(axis=1) / (j - others[i]) for i in range(NODES - 1))
    return found


def exponential(problem: Problem, line: LineProblem, seconds: float) -> Reference:
    """The reference for a smooth periodic problem; NotSuited where the method does not apply."""
    start = clock.perf_counter()
    parts = split(problem, line)
    name = line.fields[0].name
    smallest = 0

    def attempt(level: Level, deadline: Callable[[], bool]) -> Reference:
        nonlocal smallest
        for place in range(smallest, len(MODES)):
            waves = integrate(line, parts, MODES[place], round(1 / level.tolerance), deadline)
            if waves is not None and waves.smooth:
                break
        else:
            raise NotSuited("Fourier series do not resolve the solution")
        smallest = place

        def values(points: np.ndarray) -> Values:
            return {name: waves(points)}

        def gradients(points: np.ndarray) -> Values:
            found = [waves(points, (1, 0)), waves(points, (0, 1))]
            return {name: np.stack(found if line.space == 0 else found[::-1], axis=1)}

        words = f"{MODES[place]} Fourier modes, {round(1 / level.tolerance)} steps of ETDRK4"
        return Reference("method of lines", 1.0, 0.0, values, gradients, words)

    return confirm(problem, attempt, LEVELS, start, seconds, enough=1e-12)


def integrate(
    line: LineProblem, parts: _Split, size: int, steps: int, deadline: Callable[[], bool] = lambda: False
) -> Waves | None:
    """All states with ``size`` grid points and equal steps; None if the start is not resolved or the steps are too long."""
    low, high = line.interval
    x = low + (high - low) * np.arange(size) / size
    v = np.asarray(fft.rfft(line.fields[0].start[0](x))) / size
    third = len(v) // 3
    most = max(float(np.abs(v).max()), np.finfo(float).tiny)
    if np.abs(v[-third:]).max() > TAIL * most:
        return None
    if steps < NODES:
        raise ValueError(f"the dense output needs {NODES} steps, not {steps}")
    first, duration = float(line.span[0]), float(line.span[1] - line.span[0])
    h, wave = duration / steps, 2j * np.pi / (high - low) * np.arange(len(v))
    wave[-1] = 0.0  # the mode that alternates from point to point has no sign
    linear = sum((c * wave**order for order, c in parts.linear.items()), np.zeros(len(v), dtype=complex))
    whole, half, q, f1, f2, f3 = _coefficients(h, linear)

    def force(v: np.ndarray, t: float) -> np.ndarray:
        jets = {key: fft.irfft(wave ** key[1][line.space] * v, size) * size for key in parts.rest.keys}
        value, _ = parts.rest(line.at(x, t), jets)
        return np.asarray(fft.rfft(value)) / (-parts.rate * size)

    every = max(1, steps // SAVED)
    states = [v]
    with np.errstate(all="ignore"):  # steps that are too long overflow; they are then given up
        now = force(v, first)
        for step in range(steps):
            t = first + step * h
            a = half * v + q * now
            force_a = force(a, t + h / 2)
            b = half * v + q * force_a
            force_b = force(b, t + h / 2)
            c = half * a + q * (2 * force_b - now)
            v = whole * v + f1 * now + 2 * f2 * (force_a + force_b) + f3 * force(c, t + h)
            now = force(v, t + h)
            if (step + 1) % every == 0:
                if deadline():
                    raise OutOfTime("the exponential integrator took longer than reference.seconds")
                if not np.isfinite(v).all():
                    return None
                states.append(v)
    found = np.array(states)
    tails = np.abs(found[:, -third:]).max() / np.abs(found).max()
    return Waves(line, found, bool(tails <= GROWN))


def _coefficients(h: float, linear: np.ndarray) -> tuple[np.ndarray, ...]:
    """exp(h L), exp(h L / 2), and the weights of ETDRK4, by means over a circle of radius 1 around h L: no cancellation."""
    z = h * linear[:, None] + np.exp(2j * np.pi * (np.arange(64) + 0.5) / 64)  # (modes, 64)
    e = np.exp(z)
    q = h * ((np.exp(z / 2) - 1) / z).mean(axis=1)
    f1 = h * ((-4 - z + e * (4 - 3 * z + z**2)) / z**3).mean(axis=1)
    f2 = h * ((2 + z + e * (z - 2)) / z**3).mean(axis=1)
    f3 = h * ((-4 - 3 * z - z**2 + e * (4 - z)) / z**3).mean(axis=1)
    return np.exp(h * linear), np.exp(h * linear / 2), q, f1, f2, f3
