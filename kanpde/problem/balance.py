"""Do the sources inside agree with the fluxes through the boundary? Where they do not, there is no solution.

An equation that is a divergence and a source, div F + s = 0, says of the whole domain that the integral of F . n over the
boundary and that of s over the inside add up to zero. Where the conditions give F . n everywhere on the boundary, as ``u_n = 0``
does for ``-lap(u) = 1``, or ``u = ..., v = ...`` for ``u_x + v_y = 0``, both can be computed when the file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.errors import ProblemError, Span, UnsupportedProblem
from kanpde.problem.calculus import Calculus
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.jumps import inside_symbol
from kanpde.problem.rim import Side, full_points, rim
from kanpde.problem.types import Problem, Remark, Residual, jet_symbol, jets_of, normal_component, symbol
from kanpde.problem.where import region_masks

DISAGREE = 1e-4
"""Relative difference above which a problem has no solution; below, numbers in the file may have been rounded."""

NOTICED = 1e-8
"""Relative difference that is mentioned: far above the error of the quadrature for smooth data."""

FINE, COARSE = 60, 40
"""Gauss points along each coordinate of the inside; their difference tells how far the integral can be trusted."""

FINER = 3
"""Times as many points on the boundary for the second look."""

EVEN = {1: 20_000, 2: 400, 3: 60}
"""Even points along each coordinate that show whether Gauss points have overlooked something."""

PLAIN = 0.02
"""Relative difference of the two sums that outlines, cut by even points, do not explain."""

NEWTON = 12
"""Steps to values that satisfy the conditions; linear ones take one."""

ROUNDING = 1e-12
"""Relative error of a flux that random numbers of order one cancel from."""

TIMES = (0.31, 0.83)
"""Parts of the time at which a problem in time is looked at."""


@dataclass(frozen=True)
class Balance:
    """What an equation asks for and what its boundary conditions give: the flux out of the domain, and how exact both are."""

    asked: float
    given: float
    scale: float  # the integrals with absolute values: what the difference is compared with
    error: float

    @property
    def difference(self) -> float:
        """The relative difference, as far as it is certain."""
        return max(abs(self.asked - self.given) - 10 * self.error, 0.0) / max(self.scale, 1e-300)


def balance(problem: Problem, sides: Sequence[Side], span: Span) -> Iterator[Remark]:
    """ProblemError where an equation and the boundary conditions contradict each other as a whole; a warning where a little."""
    if problem.data is not None or (not problem.domain.is_box and problem.domain.region_axes != problem.domain.space_axes):
        return
    if len(problem.domain.space_axes) == 3 and not problem.domain.is_box:
        return
    for residual in problem.equations:
        source = _source(residual, problem)
        if source is None:
            continue
        for at in TIMES if problem.domain.time is not None else TIMES[:1]:
            found = compared(residual, source, problem, rim(problem, at) if problem.domain.time is not None else sides, at)
            if found is None:
                break
            if found.difference > NOTICED:
                asked, given = _numbers(found.asked, found.given)
                message = (
                    f"integrated over the domain, '{residual.text}' asks for a flux of {asked} out of it, "
                    f"and the boundary conditions give {given}"
                )
                hint = "add to the source or to the boundary values what is missing"
                if found.difference > DISAGREE:
                    raise ProblemError(f"there is no solution: {message}", residual.span or span, hint)
                yield Remark(f"there is no exact solution: {message}", residual.span or span, hint)
                break


def _numbers(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see the difference."""
    a, b = (0.0 if abs(v) < 1e-9 * max(abs(a), abs(b)) else v for v in (a, b))
    digits = next((d for d in range(4, 17) if f"{a:.{d}g}" != f"{b:.{d}g}"), 17)
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def _source(residual: Residual, problem: Problem) -> sp.Expr | None:
    """What remains of an equation without its divergences; None where that contains a field, or a divergence a varying factor."""
    space = problem.domain.space_axes
    names = [f.name for f in problem.fields]
    jets = {s: key for t in residual.fluxes for e in t.flux for s, key in jets_of(e, names, problem.coordinates).items()}
    calculus = Calculus(
        tuple(map(symbol, problem.coordinates)), space, jets, lambda name, index: jet_symbol(name, index, problem.coordinates)
    )
    rest = residual.expression
    constants = set(problem.constants)
    for term in residual.fluxes:
        if not term.flux or not term.factor.free_symbols <= constants:
            return None
        try:
            rest -= term.factor * sp.Add(*(calculus.d(term.flux[axis], axis) for axis in space))
        except ValueError:
            return None
    rest = problem.with_values(sp.expand(rest))
    known = {symbol(name) for name in problem.coordinates}
    plain = {s for s in rest.free_symbols if not inside_symbol(s)} <= known
    return rest if residual.fluxes and plain and not rest.has(INTEGRAL, POINT_VALUE) else None


def compared(residual: Residual, source: sp.Expr, problem: Problem, sides: Sequence[Side], at: float) -> Balance | None:
    """The two sides of the balance; None where the conditions do not give the flux, or something cannot be computed.

    Where they differ, both are computed once more with more points: data with jumps or narrow peaks are not known to many digits.
    """
    try:
        with np.errstate(all="ignore"):
            outside = _through(residual, sides, problem)
            if outside is None:
                return None
            given, magnitude, rounding = outside
            inside, sources = _inside(source, problem, at, FINE)
            error = abs(inside - _inside(source, problem, at, COARSE)[0]) + rounding
            found = Balance(-inside, given, magnitude + sources, error)
            if found.difference > NOTICED:
                finer = _through(residual, rim(problem, at, FINER), problem)
                error += float("inf") if finer is None else abs(finer[0] - given)
                error += _overlooked(source, problem, at, inside, found.scale)
                found = Balance(-inside, given if finer is None else finer[0], found.scale, error)
    except (UnsupportedProblem, TypeError, np.linalg.LinAlgError):
        return None
    return found if np.isfinite([found.asked, found.given, found.scale]).all() else None


def _through(residual: Residual, sides: Sequence[Side], problem: Problem) -> tuple[float, float, float] | None:
    """The flux through all sides, that of its absolute value, and the round-off; None where conditions leave it open."""
    given = magnitude = rounding = 0.0
    for side in sides:
        found = _flux(residual, side, problem)
        if found is None:
            return None
        flux, size = found
        given += float(side.weight @ flux)
        magnitude += float(side.weight @ np.abs(flux))
        rounding += ROUNDING * size * float(side.weight.sum())
    return given, magnitude, rounding


def _overlooked(source: sp.Expr, problem: Problem, at: float, inside: float, scale: float) -> float:
    """The error of an integral whose sum over many even points is quite another: a peak between the Gauss points."""
    domain = problem.domain
    axes = list(domain.space_axes)
    count = EVEN[len(axes)]
    lines = [domain.bounds[a, 0] + domain.lengths[a] * (np.arange(count) + 0.5) / count for a in axes]
    x = np.stack([part.ravel() for part in np.meshgrid(*lines, indexing="ij")], 1)
    full = full_points(domain, x, tuple(axes), at)
    value = np.where(domain.contains(full), _value(source, x, problem, at), 0.0)
    other = float(value.mean() * domain.lengths[axes].prod())
    return abs(other - inside) if abs(other - inside) > PLAIN * scale else 0.0


def _inside(source: sp.Expr, problem: Problem, at: float, count: int) -> tuple[float, float]:
    """The integral over the domain, and that of the absolute value (for shapes, of the largest value times the area)."""
    domain = problem.domain
    axes = domain.space_axes
    nodes, weights = np.polynomial.legendre.leggauss(count if len(axes) < 3 else count // 3)
    if domain.is_box:
        lines = [domain.bounds[a].mean() + domain.lengths[a] / 2 * nodes for a in axes]
        x = np.stack([part.ravel() for part in np.meshgrid(*lines, indexing="ij")], 1)
        parts = np.meshgrid(*(domain.lengths[a] / 2 * weights for a in axes), indexing="ij")
        weight = np.prod([part.ravel() for part in parts], 0)
        value = _value(source, x, problem, at)
        return float(weight @ value), float(weight @ np.abs(value))
    # by Gauss's theorem: the outline integral of G n_x, where G is the integral of the source along x
    points = domain.boundary.points(float(np.ptp(domain.boundary.bounds, 1).max()) / count, 4)
    start = domain.boundary.bounds[0].mean()
    half = (points.x[:, 0] - start) / 2
    x = np.stack([start + half[:, None] * (1 + nodes), np.broadcast_to(points.x[:, 1:], (len(half), len(nodes)))], 2)
    value = _value(source, x.reshape(-1, 2), problem, at).reshape(len(half), -1)
    total = float(points.weight * points.normal[:, 0] @ (half * (value @ weights)))
    return total, float(np.abs(value).max() * domain.boundary.area)


def _value(
    e: sp.Expr,
    x: np.ndarray,  # (N, space)
    problem: Problem,
    at: float,
) -> np.ndarray:  # (N,)
    domain = problem.domain
    full = np.broadcast_to(domain.bounds[:, 0] + at * domain.lengths, (len(x), domain.dimension)).copy()
    full[:, list(domain.space_axes)] = x
    masks = region_masks(e, domain, full)
    (value,) = Program([e], [*map(symbol, problem.coordinates), *masks])(NUMPY, [*full.T, *masks.values()])
    return np.broadcast_to(np.asarray(value, float), (len(x),))


def _flux(residual: Residual, side: Side, problem: Problem) -> tuple[np.ndarray, float] | None:  # (N,)
    """F . n at the points of a side, and its size were it not for the conditions; None where these do not determine it."""
    normal = {a: normal_component(problem.coordinates[a]) for a in problem.domain.space_axes}
    flux = problem.with_values(sp.Add(*(t.factor * t.flux[a] * n for t in residual.fluxes for a, n in normal.items())))
    values = np.full(len(side.x), np.nan)
    size = 0.0
    for pattern in np.unique(side.holds, axis=0):
        own = (side.holds == pattern).all(1)
        found = [c for c, holds in zip(side.conditions, pattern, strict=True) if holds]
        conditions = [r.on_boundary(problem.domain.space_axes, problem.coordinates) for c in found for r in c.residuals]
        value = _determined(flux, conditions, side.x[own], side.normal[own], problem)
        if value is None:
            return None
        values[own] = value[0]
        size = max(size, value[1])
    return values, size


def _determined(
    flux: sp.Expr,
    conditions: Sequence[Residual],
    x: np.ndarray,  # (N, d)
    normal: np.ndarray,  # (N, space)
    problem: Problem,
) -> tuple[np.ndarray, float] | None:  # (N,)
    """The flux if all values of the jets that satisfy the conditions give the same one: three random ones are tried.

    And the largest flux at random values that do not satisfy them.
    """
    jets = sorted(
        {*jets_of(flux, [f.name for f in problem.fields], problem.coordinates), *(s for r in conditions for s in r.jets)}, key=str
    )
    axes = problem.domain.space_axes
    masks = region_masks(sp.Tuple(flux, *(r.expression for r in conditions)), problem.domain, x)
    arguments = [*map(symbol, problem.coordinates), *(normal_component(problem.coordinates[a]) for a in axes), *masks, *jets]
    equations = [problem.with_values(r.expression) for r in conditions]
    slopes = [sp.diff(e, s) for e in equations for s in jets]
    program = Program([flux, *equations, *slopes], arguments)
    generator = np.random.default_rng(5)
    found = []
    size = 0.0
    for _ in range(3):
        j = generator.normal(size=(len(jets), len(x)))
        for _ in range(NEWTON):
            out = [
                np.broadcast_to(np.asarray(v, float), (len(x),)) for v in program(NUMPY, [*x.T, *normal.T, *masks.values(), *j])
            ]
            size = max(size, float(np.abs(out[0]).max()))
            if not conditions or not jets:
                break
            r = np.array(out[1 : 1 + len(equations)]).T  # (N, conditions)
            b = np.array(out[1 + len(equations) :]).reshape(len(equations), len(jets), len(x)).transpose(2, 0, 1)
            j = j - (np.linalg.pinv(b) @ r[:, :, None])[:, :, 0].T
        if conditions and jets and np.abs(r).max() > 1e-9 * (1 + np.abs(j).max()):
            return None  # the conditions contradict each other, or are too far from linear
        found.append(out[0])
    spread = np.abs(np.array(found) - found[0]).max()
    return (found[0], size) if spread <= 1e-9 * size else None
