"""Jumps at x = const: the parts of a box between them folded onto one box, with a copy of the fields for each.

Folded like a fan, every other part mirrored, so that two neighbours have their common face in the same place. The continuity of
values and fluxes (``kanpde.problem.ties``) is then a boundary condition that couples two copies, and any method for systems in a
box solves the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain, Face, Place
from kanpde.problem.materials import Materials, Region
from kanpde.problem.types import Condition, Field, Problem, Residual, jet_symbol, normal_component, symbol
from kanpde.reference.types import Reference, Values


@dataclass(frozen=True, eq=False)
class Part:
    """The box between two jumps: x = origin + scale * (xi - first), xi in the interval of the first part."""

    number: int
    low: float
    high: float
    scale: float  # negative where it is mirrored
    origin: float
    region: Region


@dataclass(frozen=True, eq=False)
class Folded:
    """The problem in all parts at once, on the box of the first."""

    original: Problem
    problem: Problem
    axis: int
    parts: tuple[Part, ...]

    def unfold(self, found: Reference) -> Reference:
        """The reference for the original problem."""
        names = [f.name for f in self.original.fields]
        breaks = np.array([part.low for part in self.parts[1:]])
        first = self.parts[0].low

        def spread(function: Callable[[np.ndarray], Values], points: np.ndarray, gradient: bool) -> Values:
            values = {name: np.empty(points.shape if gradient else len(points)) for name in names}
            owner = np.searchsorted(breaks, points[:, self.axis])
            for part in self.parts:
                mine = owner == part.number
                if not mine.any():
                    continue
                place = points[mine].copy()
                place[:, self.axis] = first + (place[:, self.axis] - part.origin) / part.scale
                own = function(place)
                for name in names:
                    values[name][mine] = own[_copy(name, part)]
                    if gradient:
                        values[name][mine, self.axis] /= part.scale
            return values

        slopes = found.gradients
        return replace(
            found,
            values=lambda points: spread(found.values, points, False),
            gradients=None if slopes is None else lambda points: spread(slopes, points, True),
            resolution=f"{len(self.parts)} parts, {found.resolution}",
            errors={name: max(found.errors.get(_copy(name, p), found.error) for p in self.parts) for name in names},
        )


def folded(problem: Problem, regions: Materials) -> Folded:
    """The folded problem. Raises UnsupportedProblem where the jumps are not at constant values of one coordinate."""
    domain = problem.domain
    axis, breaks = _breaks(domain, regions)
    low, high = domain.bounds[axis]
    if domain.coordinates[axis] in domain.periodic or any(c.kind == "constraint" for c in problem.conditions):
        raise UnsupportedProblem("jumps along a periodic coordinate, or with constraints, have no reference in parts")
    ends = [float(low), *breaks, float(high)]
    parts = []
    for k, (a, b) in enumerate(pairwise(ends)):
        middle = domain.bounds.mean(axis=1)
        middle[axis] = (a + b) / 2
        scale = (b - a) / (ends[1] - ends[0])
        region = regions.regions[int(regions.number(middle[None])[0])]
        parts.append(Part(k, a, b, -scale if k % 2 else scale, b if k % 2 else a, region))
    bounds = domain.bounds.copy()
    bounds[axis] = ends[:2]
    name = domain.coordinates[axis]
    box = Domain(domain.coordinates, bounds, domain.time, domain.periodic)
    equations = tuple(_moved(problem, r, part, axis) for part in parts for r in part.region.equations)
    conditions = [*_conditions(problem, parts, axis), *_ties(problem, regions, parts, axis)]
    whole = replace(
        problem,
        fields=tuple(Field(_copy(f.name, part), f.arguments) for part in parts for f in problem.fields),
        domain=box,
        limits={**problem.limits, name: (sp.nsimplify(ends[0]), sp.nsimplify(ends[1]))},
        equations=equations,
        conditions=tuple(conditions),
        exact=None,
        remarks=(),
    )
    return Folded(problem, whole, axis, tuple(parts))


def _copy(name: str, part: Part) -> str:
    return f"{name}.{part.number}"


def _breaks(domain: Domain, regions: Materials) -> tuple[int, list[float]]:
    """The coordinate along which there are jumps, and where."""
    found: set[tuple[int, float]] = set()
    for shape in regions.sides:
        normal = np.array(shape.arguments[0]) if shape.kind == "halfspace" else np.zeros(0)
        along = np.flatnonzero(normal)
        if len(along) != 1 or not domain.is_box:
            raise UnsupportedProblem("coefficients that jump have a reference in parts at constant values of one coordinate only")
        axis = domain.space_axes[int(along[0])]
        place = float(shape.arguments[1]) / float(normal[along[0]])
        if domain.bounds[axis, 0] < place < domain.bounds[axis, 1]:
            found.add((axis, place))
    axes = {axis for axis, _ in found}
    if len(axes) != 1:
        raise UnsupportedProblem("coefficients that jump have a reference in parts at constant values of one coordinate only")
    return axes.pop(), sorted(place for _, place in found)


def _moved(problem: Problem, residual: Residual, part: Part, axis: int) -> Residual:
    """A residual in the copies and the coordinates of one part."""
    coordinates = problem.coordinates
    x = symbol(coordinates[axis])
    first = problem.domain.bounds[axis, 0]
    place = sp.Float(part.origin, 17) + sp.Float(part.scale, 17) * (x - sp.Float(float(first), 17))
    replacements: dict[sp.Basic, sp.Expr] = {x: place}
    jets = {}
    for s, (name, index) in residual.jets.items():
        own = jet_symbol(_copy(name, part), index, coordinates)
        jets[own] = (_copy(name, part), index)
        replacements[s] = own / sp.Float(part.scale, 17) ** index[axis] if index[axis] else own
    expression = problem.with_values(residual.expression).xreplace(replacements)
    return Residual(expression, jets, residual.text, residual.span, residual.name)


def _conditions(problem: Problem, parts: list[Part], axis: int) -> list[Condition]:
    """The conditions of the problem, in every part that they touch."""
    found = []
    for condition in problem.conditions:
        for face in condition.place.faces:
            mine = parts if face.axis != axis else [parts[0] if face.side < 0 else parts[-1]]
            for part in mine:
                side = face.side if face.axis != axis or part.scale > 0 else -face.side
                predicate = condition.place.predicate
                if predicate is not None:
                    predicate = _moved(problem, Residual(predicate, {}, ""), part, axis).expression
                residuals = tuple(
                    _moved(problem, part.region.resolve(r).on_face(face, problem.coordinates), part, axis)
                    for r in condition.residuals
                )
                place = Place(condition.place.text, (Face(face.axis, side),), predicate)
                found.append(Condition(condition.name, condition.kind, place, residuals, condition.span))
    return found


def _ties(problem: Problem, regions: Materials, parts: list[Part], axis: int) -> list[Condition]:
    """What is continuous between neighbours, as conditions on their common face."""
    normal = {normal_component(c): sp.Integer(int(i == axis)) for i, c in enumerate(problem.coordinates)}
    found = []
    for one, other in pairwise(parts):
        residuals = []
        for tie in regions.ties:
            left, right = (_moved(problem, part.region.resolve(tie), part, axis) for part in (one, other))
            expression = (left.expression - right.expression).xreplace(normal)
            residuals.append(Residual(expression, {**left.jets, **right.jets}, f"continuity of {tie.text}"))
        place = Place("interface", (Face(axis, 1 if one.scale > 0 else -1),))
        found.append(Condition("interface", "boundary", place, tuple(residuals)))
    return found
