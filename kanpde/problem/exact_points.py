"""The exact solution at points of the boundary and of interfaces, where no formula describes the place: checked in numbers.

On outlines of shapes and on parts of sides, every condition; where coefficients jump, the equations in each region with its
branch of the exact solution, every condition, and what is continuous between the regions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.jumps import resolved
from kanpde.problem.materials import Materials, materials
from kanpde.problem.rim import full_points, point_text, rim
from kanpde.problem.types import Problem, Residual, normal_component, symbol
from kanpde.problem.where import region_masks

ROUND_OFF = 1e-9
"""Relative size below which a value counts as zero: the points of a circle have round-off themselves."""

ELSEWHERE = 100
"""Points of the domain at which the size of terms is looked at."""

TIMES = (0.0, 0.37, 1.0)
"""Parts of the time at which a boundary is looked at."""

Wrong = tuple[str, str]
"""What the exact solution does not satisfy, and where, with the value."""


def wrong_on_the_boundary(problem: Problem, exact: Mapping[str, sp.Expr], everywhere: bool) -> Iterator[Wrong]:
    """Conditions on outlines and on parts of sides, or on all sides, that the exact solution does not satisfy."""
    domain = problem.domain
    axes = domain.space_axes
    for at in TIMES if domain.time is not None else TIMES[:1]:
        for side in rim(problem, at):
            for number, condition in enumerate(side.conditions):
                mask = side.holds[:, number]
                if not mask.any() or (domain.is_box and condition.place.predicate is None and not everywhere):
                    continue
                for residual in condition.residuals:
                    expression = residual.on_boundary(axes, problem.coordinates).evaluate(exact, problem.coordinates)
                    found = _largest(expression, side.x[mask], side.normal[mask], problem)
                    if found is not None:
                        yield f"the boundary condition {residual.text}", found


def regions_of(problem: Problem) -> Materials | None:
    """The regions of a problem; None also where no rule is known."""
    try:
        return materials(problem)
    except UnsupportedProblem:
        return None


def in_regions(problem: Problem, regions: Materials, exact: Mapping[str, sp.Expr]) -> Iterator[tuple[Residual, sp.Expr]]:
    """The equations of each region with its branch of the exact solution put in."""
    for region in regions.regions:
        own = {name: resolved(formula, region.at) for name, formula in exact.items()}
        for residual in region.equations:
            yield residual, residual.evaluate(own, problem.coordinates)


def wrong_on_interfaces(problem: Problem, regions: Materials, exact: Mapping[str, sp.Expr]) -> Iterator[Wrong]:
    """What should be continuous between two regions and is not."""
    domain = problem.domain
    spacing = float(domain.lengths[list(domain.space_axes)].max()) / 20
    for at in TIMES if domain.time is not None else TIMES[:1]:
        for interface in regions.interfaces(spacing):
            x = full_points(domain, interface.x, domain.space_axes, at)
            branches = [
                {name: resolved(formula, regions.regions[i].at) for name, formula in exact.items()}
                for i in (interface.first, interface.second)
            ]
            for tie, pair in zip(regions.ties, interface.ties, strict=True):
                values = [r.evaluate(own, problem.coordinates) for r, own in zip(pair, branches, strict=True)]
                found = _largest(values[0] - values[1], x, interface.normal, problem)
                if found is not None:
                    yield f"that {_words(tie)} is continuous where regions meet", found


def _words(tie: Residual) -> str:
    return tie.text if "=" not in tie.text else f"the flux in {tie.text}"


def _largest(
    expression: sp.Expr,
    x: np.ndarray,  # (N, d)
    normal: np.ndarray,  # (N, space)
    problem: Problem,
) -> str | None:
    """Where an expression is farthest from zero and its value there; None where it is zero to rounding, or has no value.

    How large its terms are is seen all over the domain: sin(pi*y) is 1e-16 at y = 1, and nothing there says that it is small.
    """
    terms: Sequence[sp.Expr] = sp.Add.make_args(expression)
    domain: Domain = problem.domain
    numbers = [problem.with_values(e) for e in (expression, *terms)]
    count = len(x)
    anywhere = domain.bounds[:, 0] + domain.lengths * np.random.default_rng(7).random((ELSEWHERE, domain.dimension))
    x, normal = np.vstack([x, anywhere]), np.vstack([normal, np.ones((ELSEWHERE, normal.shape[1]))])
    masks = region_masks(sp.Tuple(*numbers), domain, x)
    arguments = [
        *map(symbol, problem.coordinates),
        *(normal_component(problem.coordinates[a]) for a in domain.space_axes),
        *masks,
    ]
    try:
        with np.errstate(all="ignore"):
            out = Program(numbers, arguments)(NUMPY, [*x.T, *normal.T, *masks.values()])
    except (UnsupportedProblem, TypeError, OverflowError):
        return None
    total, *parts = (np.broadcast_to(np.asarray(v, float), (len(x),)) for v in out)
    scale = np.sum(np.abs(parts), axis=0)
    largest = np.max(scale[np.isfinite(scale)], initial=1e-290)
    wrong = (np.isfinite(total) & np.isfinite(scale) & (np.abs(total) > ROUND_OFF * largest))[:count]
    if not wrong.any():
        return None
    k = int(np.argmax(np.where(wrong, np.abs(total[:count]), -1)))
    return f"left - right = {total[k]:.4g} at {point_text(x[k], problem)}"
