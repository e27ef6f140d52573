"""Where a solution may be singular, and what holds there: corners, and points of a smooth side where its conditions change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from sympy.core.relational import Relational

from kanpde.assembly.corner_functions import Kind
from kanpde.geometry import Domain
from kanpde.geometry.boundary import Boundary, Corner, boundary, centre_of
from kanpde.geometry.pieces import Piece
from kanpde.geometry.shapes import rectangle
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.jumps import inside_name, inside_symbol, resolved, switches
from kanpde.problem.types import Condition, Problem, Residual, normal_component, symbol
from kanpde.problem.where import NEAR, holds

Holds = Callable[[Condition, np.ndarray, Sequence[Piece]], np.ndarray]
"""(condition, points (N, 2), the piece that each lies on) -> (N,) bool: whether the condition holds there."""

NEXT_TO = 1e-4
"""How far along a side, relative to its length, its conditions are asked for: beside the corner, not in it."""

BLUNT, SHORT = 0.5, 0.05
"""A corner this close to pi (radians), with a side this short (of the diagonal), is a joint of a curve made of short lines."""

MOST = 24
"""Corners with singular functions: 14 each make 336 dense columns."""

CASES = (sp.Piecewise, sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside)
"""Functions with cases, which ``local`` decides."""

Slopes = dict[tuple[int, int], float]
"""The derivative of a residual by each derivative of one field."""


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a corner: the direction in which it leaves (radians), its outward normal, and what holds on it."""

    direction: float
    normal: tuple[float, float]
    residuals: tuple[Residual, ...]


@dataclass(frozen=True, eq=False)
class Vertex:
    """A corner (or a change of conditions, where ``angle`` is pi); the domain lies counterclockwise from ``first`` to ``second``.

    ``middle`` is the direction opposite to which the functions have their cut: outside the domain all along, or up to ``inner``,
    a point in the hole that the corner belongs to.
    """

    point: np.ndarray  # (2,)
    angle: float
    first: Side
    second: Side
    straight: bool
    middle: float
    length: float  # of the shorter side
    inner: np.ndarray | None = None  # (2,)

    @property
    def inside(self) -> np.ndarray:  # (2,)
        """A point of the domain beside the corner."""
        direction = self.first.direction + self.angle / 2
        return self.point + NEXT_TO * self.length * np.array([math.cos(direction), math.sin(direction)])

    @property
    def offset(self) -> float:
        """The angle from the first side to ``middle``, in (-pi, pi]."""
        return math.remainder(self.middle - self.first.direction, 2 * math.pi)


def box_boundary(domain: Domain) -> Boundary:
    """The boundary of a box of two coordinates."""
    (x0, x1), (y0, y1) = domain.bounds.tolist()
    return boundary(rectangle("box", (x0, y0), (x1, y1)))


def as_the_places_say(problem: Problem) -> Holds:
    """Which conditions hold where, from their places."""

    def at(condition: Condition, x: np.ndarray, pieces: Sequence[Piece]) -> np.ndarray:
        return holds(condition.place, problem.domain, x, [piece.names for piece in pieces])

    return at


def vertices(problem: Problem, outline: Boundary, active: Holds) -> list[Vertex]:
    """Corners and changes of conditions or of their data, but those from which no cut leads out, or into the hole at hand."""
    conditions = [c for c in problem.conditions if c.kind == "boundary"]
    jumps = _jumps(problem, conditions)
    whole = outline

    def label(x: np.ndarray, number: np.ndarray) -> np.ndarray:
        pieces = [whole.pieces[int(k)] for k in number]
        total = np.zeros(len(x), dtype=int)
        for c in conditions:
            total = 2 * total + active(c, x, pieces)
        for value in jumps(x):
            total = 2 * total + (value > 0)
        return total

    if len(conditions) > 1 or len(jumps(outline.pieces[0].start[None])):
        outline = outline.divided(label)
    found = []
    for corner in _worthwhile(outline):
        before, after = outline.pieces[corner.before], outline.pieces[corner.after]
        point = _exact(problem, conditions, after) if corner.angle == math.pi else corner.point
        middle, inner = _middle(problem.domain, outline, point, corner.start, corner.angle), None
        if middle is None:
            inner = _inner(problem.domain, outline, point, corner.after)
            if inner is None:
                continue
            middle = math.atan2(*(point - inner)[::-1])
        start, end = corner.start, corner.start + corner.angle
        first = Side(start, (math.sin(start), -math.cos(start)), _on_side(problem, conditions, active, after, NEXT_TO))
        second = Side(end, (-math.sin(end), math.cos(end)), _on_side(problem, conditions, active, before, 1 - NEXT_TO))
        length = min(before.length, after.length)
        found.append(Vertex(point, corner.angle, first, second, corner.straight, middle, length, inner))
    return found


def _worthwhile(outline: Boundary) -> list[Corner]:
    """Corners without those of a polygon that stands for a curve, and of many the most singular ones."""
    size = float(np.hypot(*np.ptp(outline.bounds, 1)))
    found = []
    for corner in outline.corners:
        shorter = min(outline.pieces[corner.before].length, outline.pieces[corner.after].length)
        if corner.angle == math.pi or abs(corner.angle - math.pi) > BLUNT or shorter > SHORT * size:
            found.append(corner)
    if len(found) > MOST:  # the wider, the smaller the first exponent; where conditions change, it is half of that
        found.sort(key=lambda corner: -2 * math.pi if corner.angle == math.pi else -corner.angle)
    return found[:MOST]


def _jumps(problem: Problem, conditions: Sequence[Condition]) -> Callable[[np.ndarray], np.ndarray]:
    """(N, 2) -> (n, N): what the cases of piecewise data compare with zero."""
    names = [symbol(c) for c in problem.coordinates]
    found = {s for c in conditions for r in c.residuals for s in switches(problem.with_values(r.expression), set(names))}
    plain = sorted((s for s in found if not inside_symbol(s)), key=str)
    program = Program(plain, names)

    def at(x: np.ndarray) -> np.ndarray:
        return np.array([np.broadcast_to(value, len(x)) for value in program(NUMPY, list(x.T))]).reshape(len(plain), len(x))

    return at


def _on_side(problem: Problem, conditions: Sequence[Condition], active: Holds, piece: Piece, s: float) -> tuple[Residual, ...]:
    x = piece.at(np.array([s]))
    return tuple(local(problem, r, x[0]) for c in conditions if active(c, x, [piece])[0] for r in c.residuals)


def local(
    problem: Problem,
    residual: Residual,
    x: np.ndarray,  # (2,)
) -> Residual:
    """A residual as it is around a point: every piecewise as its branch there."""
    expression = problem.with_values(residual.expression)
    if not expression.has(*CASES):
        return residual
    where: dict[sp.Symbol, float | bool] = dict(zip(map(symbol, problem.coordinates), map(float, x), strict=True))
    for s in expression.free_symbols:
        if inside_symbol(s):
            where[s] = bool(problem.domain.inside(inside_name(s), x[None])[0])
    return replace(residual, expression=resolved(expression, where))


def _exact(problem: Problem, conditions: Sequence[Condition], after: Piece) -> np.ndarray:  # (2,)
    """Where a side is divided, to rounding: places hold with a tolerance of 1e-9, which r^(1/2) would feel."""
    domain = problem.domain
    names = [symbol(c) for c in domain.coordinates]
    for condition in conditions:
        for relation in sorted(getattr(condition.place.predicate, "atoms", lambda _: ())(Relational), key=str):
            if not relation.free_symbols <= set(names):
                continue
            program = Program([relation.lhs - relation.rhs], names)

            def value(s: float, program: Program = program) -> float:
                return float(program(NUMPY, list(after.at(np.array([s])).T))[0][0])

            if abs(value(0.0)) > 2 * NEAR * float(domain.lengths.max()):
                continue
            step = 1e-3
            slope = (value(step) - value(-step)) / (2 * step)
            s = 0.0
            if not slope:
                continue
            for _ in range(4):
                s -= value(s) / slope
            if abs(s) < 1e-6:
                return after.at(np.array([s]))[0]
    return after.start


def _middle(domain: Domain, outline: Boundary, point: np.ndarray, start: float, angle: float) -> float | None:
    """The middle of the corner; where the ray opposite to it enters the domain again, a direction whose opposite does not."""
    rest = 2 * math.pi - angle
    reach = float(np.hypot(*np.ptp(outline.bounds, 1)))
    t = reach * np.concatenate([np.geomspace(1e-5, 1e-2, 40), np.linspace(1e-2, 1, 400)[1:]])
    for share in (0.5, 0.4, 0.6, 0.25, 0.75, 0.1, 0.9):
        cut = start + angle + share * rest
        ray = point + t[:, None] * (math.cos(cut), math.sin(cut))
        if not domain.contains(ray).any():
            return cut - math.pi
    return None


def _inner(domain: Domain, outline: Boundary, point: np.ndarray, piece: int) -> np.ndarray | None:
    """A point inside the hole that a corner belongs to, if the way there lies in the hole."""
    for loop in outline.loops:
        if loop.hole and piece in loop.pieces:
            inner = centre_of(loop, outline.pieces)
            way = point + np.linspace(1e-4, 1, 200)[:, None] * (inner - point)
            if not domain.contains(way).any():
                return inner
    return None


def slopes(problem: Problem, residual: Residual, name: str, point: np.ndarray, normal: Sequence[float] | None = None) -> Slopes:
    """The derivatives of a residual by those of one field at a point, where they do not depend on the fields; else NaN.

    Derivatives along the normal are written out in x and y.
    """
    names = problem.coordinates
    replaced: dict[sp.Symbol, sp.Expr] = dict(zip((symbol(c) for c in names), map(_number, point), strict=True))
    if normal is not None:
        residual = residual.on_boundary((0, 1), names)
        replaced |= dict(zip((normal_component(c) for c in names), map(_number, normal), strict=True))
    found: Slopes = {}
    for (field, index), slope in residual.partials.items():
        if field == name:
            value = problem.with_values(slope).xreplace(replaced)
            total = found.get(index, 0.0) + (float(value) if not value.free_symbols and value.is_finite else math.nan)  # type: ignore[arg-type]
            found[index] = total  # type: ignore[index]
    return {index: value for index, value in found.items() if value != 0}


def _number(value: float) -> sp.Expr:
    return sp.Float(float(value), 17)


def kind(problem: Problem, side: Side, point: np.ndarray, name: str) -> tuple[Kind, bool] | None:
    """D or N for what a side prescribes of a field, and whether a normal derivative comes with the value itself (Robin).

    None where it is something else: nothing, two conditions, a slope that is not along the normal, two fields tied together.
    """
    found: list[tuple[Kind, bool] | None] = []
    for r in side.residuals:
        by_index = slopes(problem, r, name, point, side.normal)
        if not by_index:
            continue
        order = max(sum(index) for index in by_index)
        if order == 0:
            tied = any(slopes(problem, r, f.name, point, side.normal) for f in problem.fields if f.name != name)
            found.append(None if tied else ("D", False))
        elif order == 1:
            gx, gy = by_index.get((1, 0), 0.0), by_index.get((0, 1), 0.0)
            along = abs(gx * side.normal[1] - gy * side.normal[0]) <= 1e-9 * math.hypot(gx, gy)
            found.append(("N", (0, 0) in by_index) if along else None)
        else:
            found.append(None)
    return found[0] if len(found) == 1 else None
