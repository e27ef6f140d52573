"""Singular terms for a problem: what its solution is near corners and around holes, found from geometry and equations alone.

Splines of degree k reach the order k + 1 only where the solution is smooth. In a corner it is a sum of r^lambda, around a hole of
negative powers, and each of these is one more column of the least squares problem. Nothing of the solution is known here: which
functions occur follows from the angle, the kinds of both conditions, and whether a polynomial could satisfy equation and data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np
import sympy as sp
import torch

from kanpde.assembly.corner_functions import (
    Goursat,
    Part,
    Sum,
    Wedge,
    around_inner,
    clamped,
    companions,
    driven,
    flow,
    flow_poles,
    harmonic,
    poles,
    stream,
)
from kanpde.assembly.corner_series import first_obstacle
from kanpde.assembly.corners import Holds, Side, Vertex, as_the_places_say, box_boundary, kind, local, slopes, vertices
from kanpde.assembly.principal import Flow, Laplacian, Plate, Role, isotropic, roles
from kanpde.geometry.boundary import Boundary, Loop, centre_of
from kanpde.kan.monomials import Monomial
from kanpde.kan.terms import Terms
from kanpde.problem.types import Problem

HIGHEST = 10.0
"""Exponents from here on are left to the splines."""

COUNT = 14
"""Powers a corner; and negative powers around a hole."""

MIXED = 5.0
"""Companions of terms in the slopes come in real and imaginary part and in all mixtures: up to this degree only."""

INNER = 5.0
"""Exponents at the corners of a hole that is no circle: each comes in both parts."""

SMOOTH = 6
"""Up to this degree a polynomial is sought that satisfies equation and conditions in a corner; r^8 log r is for the splines."""

IMAGES = 1e-10
"""Size at which powers around a hole are cut off."""

T = TypeVar("T")


class Frame(NamedTuple):
    """What w is measured in; ``inner`` is the point at which cuts end."""

    centre: tuple[float, float]
    direction: float
    scale: float
    inner: tuple[float, float] | None = None


Function = Sequence[tuple[Frame, Mapping[str, Sum]]]
"""Sums by field, about one point or several."""


def singular_terms(
    problem: Problem,
    boundary: Boundary | None = None,  # None: that of the problem's domain
    holds: Holds | None = None,  # which conditions hold where; None: as the problem's places say
    count: int = COUNT,
    highest: float = HIGHEST,
) -> Terms | None:
    """The singular functions to be added to splines, coefficients zero; None where nothing singular is to be expected.

    For two space coordinates and real fields. At most ``count`` exponents a corner, all below ``highest``.
    """
    domain = problem.domain
    if domain.dimension != 2 or domain.time is not None or domain.periodic or any(f.complex for f in problem.fields):
        return None
    if not domain.is_box and domain.region_axes != (0, 1):
        return None
    if not roles(problem):
        return None
    if boundary is None:
        boundary = box_boundary(domain) if domain.is_box else domain.boundary
    functions: list[Function] = []
    for vertex in vertices(problem, boundary, holds or as_the_places_say(problem)):
        frame = _frame(vertex, boundary)
        near = replace(problem, equations=tuple(local(problem, r, vertex.inside) for r in problem.equations))
        known = roles(near)
        obstacle = _obstacle(near, vertex, known)
        for role in known:
            if vertex.inner is None:
                functions += [((frame, f),) for f in _at_corner(near, vertex, role, obstacle, frame, count, highest)]
            elif isinstance(role, Laplacian):
                functions += _at_corner_of_hole(near, vertex, role, obstacle, frame, highest)
    for loop in boundary.loops:
        if loop.hole:
            functions += _around(problem, boundary, loop, count)
    return _terms(functions, [f.name for f in problem.fields])


def _frame(vertex: Vertex, boundary: Boundary) -> Frame:
    """Centre and cut at the corner; the scale is the distance of the farthest point, so that no power exceeds one."""
    (x0, x1), (y0, y1) = boundary.bounds
    x, y = (float(value) for value in vertex.point)
    inner = None if vertex.inner is None else (float(vertex.inner[0]), float(vertex.inner[1]))
    return Frame((x, y), vertex.middle, math.hypot(max(x - x0, x1 - x), max(y - y0, y1 - y)), inner)


def _obstacle(problem: Problem, vertex: Vertex, known: Sequence[Role]) -> float:
    """The degree from which on no polynomial satisfies equations and conditions; along bent sides only jumps are found out."""
    sides = [(side.direction, side.normal, side.residuals) for side in (vertex.first, vertex.second)]
    offsets = {role.p: 1 for role in known if isinstance(role, Flow)}
    highest = (SMOOTH if any(isinstance(role, Laplacian) for role in known) else 1) if vertex.straight else 0
    found = first_obstacle(problem, vertex.point, sides, 0.1 * vertex.length, highest, offsets)
    if found is None and not vertex.straight:
        return 1
    if not problem.domain.is_box and any(isinstance(role, Laplacian) and role.coupling for role in known):
        return min(found if found is not None else math.inf, 2)  # a series that exists need not be the solution's
    return found if found is not None else math.inf


def _at_corner(
    problem: Problem, vertex: Vertex, role: Role, obstacle: float, frame: Frame, count: int, highest: float
) -> list[dict[str, Sum]]:
    sides = vertex.first, vertex.second
    if isinstance(role, Laplacian):
        wedge, robin = _wedge(problem, vertex, role)
        if wedge is None:
            return []
        leading = harmonic(wedge, highest, obstacle)[:count]
        found = [*leading]
        shaped = robin or not vertex.straight
        coupling = "slope" if role.coupling == "slope" else "shape" if shaped else role.coupling
        if coupling:
            found += companions(wedge, leading, min(highest, MIXED) if coupling == "slope" else highest, coupling)
        return [{role.field: parts} for _, parts in _first(found, count)]
    if isinstance(role, Plate):
        if not all(_clamped(problem, side, vertex.point, role.field) for side in sides):
            return []
        plates = clamped(vertex.angle, vertex.offset, highest) + driven(obstacle)
        return [{role.field: stream(g)} for _, g in _first(plates, count)]
    if any(kind(problem, side, vertex.point, name) != ("D", False) for side in sides for name in (role.u, role.v)):
        return []
    if not any(_at_rest(side) for side in sides):  # no wall, but a piece cut out of a larger flow
        return []
    flows = clamped(vertex.angle, vertex.offset, highest) + driven(obstacle)
    return [_fields(role, g, frame) for _, g in _first(flows, count)]


def _wedge(problem: Problem, vertex: Vertex, role: Laplacian) -> tuple[Wedge | None, bool]:
    """Angle and kinds of a corner, None where they are others; and whether one condition is Robin's."""
    kinds = [kind(problem, side, vertex.point, role.field) for side in (vertex.first, vertex.second)]
    if None in kinds or not isotropic(problem, role, vertex.point):
        return None, False
    (first, one), (second, other) = kinds  # type: ignore[misc]
    return Wedge(vertex.angle, vertex.offset, first, second), one or other


def _at_corner_of_hole(
    problem: Problem, vertex: Vertex, role: Laplacian, obstacle: float, frame: Frame, highest: float
) -> list[Function]:
    """The same for a corner whose cut has to end in the hole."""
    wedge, _ = _wedge(problem, vertex, role)
    if wedge is None or frame.inner is None:
        return []
    about = Frame(frame.centre, frame.direction, frame.scale, frame.inner)
    inner = Frame(frame.inner, frame.direction, frame.scale)
    distance = math.dist(frame.centre, frame.inner) / frame.scale
    mixed = MIXED if role.coupling else 0.0
    found = around_inner(wedge, min(highest, INNER), obstacle, distance, mixed)
    return [((about, {role.field: f}), (inner, {role.field: g})) for _, f, g in found]


def _fields(role: Flow, g: Goursat, frame: Frame) -> dict[str, Sum]:
    return dict(zip((role.u, role.v, role.p), flow(g, frame.direction, frame.scale, role.viscosity), strict=True))


def _first(functions: Sequence[tuple[float, T]], count: int) -> list[tuple[float, T]]:
    """Those of the lowest ``count`` exponents."""
    exponents = sorted({round(exponent, 9) for exponent, _ in functions})[:count]
    return [(e, f) for e, f in sorted(functions, key=lambda item: item[0]) if round(e, 9) in exponents]


def _at_rest(side: Side) -> bool:
    """Whether zero satisfies all that is prescribed on a side."""
    return all(r.expression.xreplace(dict.fromkeys(r.jets, sp.Integer(0))).is_zero for r in side.residuals)


def _clamped(problem: Problem, side: Side, point: np.ndarray, name: str) -> bool:
    """Whether value and normal derivative are given on a side."""
    orders = sorted(
        max((sum(index) for index in found), default=-1)
        for found in (slopes(problem, r, name, point, side.normal) for r in side.residuals)
    )
    return orders == [0, 1]


def _around(problem: Problem, boundary: Boundary, loop: Loop, count: int) -> list[Function]:
    """Poles inside a hole: at the centre of a circle, else at a point well inside, and then fewer, as they do less.

    What lies inside a circle, at images of its surroundings, is within the share ``ratio`` of the radius: the powers fall like
    ratio^n.
    """
    first = boundary.pieces[loop.pieces[0]]
    circle = first.circle if len(loop.pieces) == 1 else None
    if circle is None:
        centre, radius, orders = centre_of(loop, boundary.pieces), math.sqrt(-loop.area / math.pi), (count + 1) // 2
    else:
        centre, radius = circle
        if bool(problem.domain.contains(np.asarray(centre, dtype=float)[None])[0]):
            return []  # the middle belongs to an island in the hole
        away = min(float(p.distance(centre[None])[0]) for p in boundary.pieces if p is not first)
        ratio = radius / max(2 * away - radius, radius)  # an island inside the hole is no image of its surroundings
        orders = min(count, max(2, math.ceil(math.log(IMAGES) / math.log(min(ratio, 0.99)))))
    frame = Frame((float(centre[0]), float(centre[1])), 0.0, float(radius))
    near = replace(problem, equations=tuple(local(problem, r, first.start) for r in problem.equations))
    found: list[Function] = []
    for role in roles(near):
        if isinstance(role, Laplacian):
            if isotropic(near, role, first.start):
                found += [((frame, {role.field: parts}),) for parts in poles(orders, role.coupling is not None)]
        elif isinstance(role, Flow):
            found += [((frame, _fields(role, g, frame)),) for g in flow_poles(orders)]
        else:
            found += [((frame, {role.field: stream(g)}),) for g in flow_poles(orders)]
    return found


def _terms(functions: Sequence[Function], fields: Sequence[str]) -> Terms | None:
    """One term for each function; monomials that occur more than once are one."""
    if not functions:
        return None
    numbers: dict[Monomial, int] = {}
    entries: list[tuple[int, int, int, complex]] = []
    for n, function in enumerate(functions):
        for frame, by_field in function:
            for name, parts in by_field.items():
                for part in parts:
                    number = numbers.setdefault(_monomial(part, frame), len(numbers))
                    entries.append((n, fields.index(name), number, complex(part.factor)))
    mix = torch.zeros(len(functions), len(fields), len(numbers), dtype=torch.complex128)
    for n, f, e, factor in entries:
        mix[n, f, e] += factor
    return Terms(list(numbers), mix, torch.zeros(len(functions), dtype=torch.float64))


def _monomial(part: Part, frame: Frame) -> Monomial:
    power = complex(part.power)
    rounded = complex(round(power.real, 14), round(power.imag, 14))  # equal exponents that were reached on different ways
    other = (*frame.inner, part.inner) if part.inner and frame.inner else None
    return Monomial(frame.centre, frame.direction, frame.scale, part.conj, rounded, part.log, other)
