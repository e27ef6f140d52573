"""Conditions that contradict each other: at the same points, at corners, at the first time, and at the points of constraints.

At the same points there is no solution, and the file is refused. At a corner the solution has no limit, or is not smooth; that
is a warning, which says by how much the values differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import sympy as sp

from kanpde.errors import ProblemError, UnsupportedProblem
from kanpde.geometry import Boundary, Face, boundary
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.rim import Side, face_text, full_points, point_text
from kanpde.problem.sides import whole_box
from kanpde.problem.types import Condition, Problem, Remark, Residual, jets_of, normal_component, symbol
from kanpde.problem.where import holds, region_masks
from kanpde.problem.zero import Verdict, decide

SAME = 1e-9
"""Relative difference up to which two values are the same number."""

MANY_PIECES = 60
"""Pieces of an outline up to which its corners are looked at one by one."""

NOT_SMOOTH = "the solution is not smooth there, and accuracy suffers"


def contradictions(problem: Problem, sides: Sequence[Side]) -> Iterator[Remark]:
    """ProblemError for what has no solution, warnings for corners."""
    for side in sides:
        _refuse_opposites(side, problem)
    _refuse_points(problem)
    cut = any(c.kind == "boundary" and c.place.predicate is not None for c in problem.conditions)
    if problem.domain.is_box and not cut:
        yield from _corners_of_a_box(problem)
    elif len(problem.domain.space_axes) == 2 and sides and not problem.domain.periodic:
        yield from _corners(problem)
    yield from _first_time(problem)


# ---- at the same points ----------------------------------------------------------------------------------------------


def _refuse_opposites(side: Side, problem: Problem) -> None:
    """ProblemError where two linear conditions at the same points cannot both hold: u = 0 and u = 1, or u = 0 and u_n + u = 1."""
    for pattern in np.unique(side.holds, axis=0):
        found = [r for c, here in zip(side.conditions, pattern, strict=True) if here for r in c.residuals if r.linear]
        for one, other in combinations(found, 2):
            mask = (side.holds == pattern).all(1)
            apart = _opposite(one, other, side.x[mask], side.normal[mask], problem)
            if apart is not None and apart.any():
                mask[mask] = apart
                message = f"{one.text} and {other.text} contradict each other at {side.where(mask, problem)}"
                raise ProblemError(message, other.span, "one condition for each place")


def _opposite(
    one: Residual,
    other: Residual,
    x: np.ndarray,  # (N, d)
    normal: np.ndarray,  # (N, space)
    problem: Problem,
) -> np.ndarray | None:  # (N,) bool
    """Where the left sides are multiples of each other and the right sides are not; None where they cannot be computed."""
    axes = problem.domain.space_axes
    pair = [r.on_boundary(axes, problem.coordinates) for r in (one, other)]
    jets = sorted({s for r in pair for s in jets_of(r.expression, _names(problem), problem.coordinates)}, key=str)
    numbers = [problem.with_values(r.expression) for r in pair]
    slopes = [sp.diff(e, s) for e in numbers for s in jets]
    values = [e.xreplace(dict.fromkeys(jets, sp.Integer(0))) for e in numbers]
    arguments = [*map(symbol, problem.coordinates), *(normal_component(problem.coordinates[a]) for a in axes)]
    masks = region_masks(sp.Tuple(*numbers), problem.domain, x)
    try:
        out = Program([*slopes, *values], [*arguments, *masks])(NUMPY, [*x.T, *normal.T, *masks.values()])
    except (UnsupportedProblem, TypeError):
        return None
    table = np.array([np.broadcast_to(np.asarray(v, float), (len(x),)) for v in out])
    a, b = table[: len(jets)], table[len(jets) : 2 * len(jets)]
    size = np.maximum(np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0), 1e-300)
    parallel = np.abs((a * b).sum(0)) > (1 - SAME) * size
    ratio = (a * b).sum(0) / np.maximum((b * b).sum(0), 1e-300)
    difference = np.abs(table[-2] - ratio * table[-1])
    scale = np.maximum(np.abs(table[-2]).max(), np.abs(ratio * table[-1]).max())
    return np.asarray(parallel & (difference > SAME * scale))


def _names(problem: Problem) -> list[str]:
    return [f.name for f in problem.fields]


def _refuse_points(problem: Problem) -> None:
    """ProblemError where a constraint gives a field another value than the boundary condition at the same point."""
    domain = problem.domain
    for c in (c for c in problem.conditions if c.place.point is not None):
        point = [low if v is None else v for v, (low, _) in zip(c.place.point or (), domain.bounds.tolist(), strict=True)]
        x = np.array([point])
        if any(v is None and a in domain.space_axes for a, v in enumerate(c.place.point or ())) or not _on_boundary(x, problem):
            continue
        for condition in (b for b in problem.conditions if b.kind == "boundary"):
            if holds(condition.place, domain, x)[0]:
                for one in condition.residuals:
                    for other in c.residuals:
                        apart = _opposite(one, other, x, np.zeros((1, len(domain.space_axes))), problem)
                        if apart is not None and apart.any() and one.linear and other.linear:
                            message = f"the constraint {other.text} contradicts the boundary condition {one.text} at its point"
                            raise ProblemError(message, other.span or c.span, "leave one of them out")


def _on_boundary(x: np.ndarray, problem: Problem) -> bool:
    domain = problem.domain
    if domain.is_box:
        return any(abs(x[0, f.axis] - domain.position(f)) <= SAME * domain.lengths[f.axis] for f in domain.faces())
    if domain.region_axes != domain.space_axes:
        return False
    return bool(domain.boundary.distance(x[:, list(domain.region_axes)])[0] <= SAME * domain.lengths.max())


# ---- at corners ------------------------------------------------------------------------------------------------------


def given_values(condition: Condition, field: str, problem: Problem) -> Iterator[tuple[Residual, sp.Expr]]:
    """What explicit conditions ``u = g`` say about a field: g."""
    zero = (0,) * problem.domain.dimension
    for residual in condition.residuals:
        slope = residual.partials.get((field, zero))
        if len(residual.jets) == 1 and slope is not None and slope.is_number and not slope.is_zero:
            (s,) = residual.jets
            value = sp.expand(s - residual.expression / slope)
            if not any(letter.name.startswith(f"{field}_") for letter in value.free_symbols):
                yield residual, value


def _corners(problem: Problem) -> Iterator[Remark]:
    """Corners of an outline, and points along it where the conditions change."""
    domain = problem.domain
    conditions = [c for c in problem.conditions if c.kind == "boundary"]
    edge: Boundary = boundary(whole_box(domain)) if domain.is_box else domain.boundary
    if len(edge.pieces) > MANY_PIECES:
        return

    def label(x: np.ndarray, piece: np.ndarray) -> np.ndarray:
        names = None if domain.is_box else [edge.pieces[k].names for k in piece]
        full = full_points(domain, x, domain.space_axes, 0.5)
        return np.asarray(sum(holds(c.place, domain, full, names) * 2**k for k, c in enumerate(conditions[:50])), int)

    labels = [label(p.at(np.array([0.381966])), np.array([k])) for k, p in enumerate(edge.pieces)]
    if len(conditions) > 1:
        cut = edge.divided(label)
        owner = [_owner(p.at(np.array([0.5])), edge) for p in cut.pieces]
        labels = [label(p.at(np.array([0.381966])), np.array([k])) for p, k in zip(cut.pieces, owner, strict=True)]
        edge = cut
    for corner in edge.corners:
        pair = [
            [c for k, c in enumerate(conditions[:50]) if labels[piece][0] >> k & 1] for piece in (corner.before, corner.after)
        ]
        yield from _meeting(pair[0], pair[1], full_points(domain, corner.point[None], domain.space_axes, 0.5), problem)


def _owner(x: np.ndarray, edge: Boundary) -> int:
    return int(np.argmin([piece.distance(x)[0] for piece in edge.pieces]))


def _meeting(before: list[Condition], after: list[Condition], x: np.ndarray, problem: Problem) -> Iterator[Remark]:
    for field in (f.name for f in problem.fields if not f.complex):
        for one, other in ((a, b) for a in before for b in after if a is not b):
            for first, value in given_values(one, field, problem):
                for second, next_value in given_values(other, field, problem):
                    numbers = [_number(e, x, problem) for e in (value, next_value)]
                    a, b = (n for n in numbers if n is not None) if None not in numbers else (0.0, 0.0)
                    if abs(a - b) > SAME * max(abs(a), abs(b), 1.0):
                        message = (
                            f"the boundary values {first.text} and {second.text} contradict each other at "
                            f"{point_text(x[0], problem)}, by {abs(a - b):.3g}"
                        )
                        yield Remark(message, second.span, NOT_SMOOTH)


def _number(e: sp.Expr, x: np.ndarray, problem: Problem) -> float | None:
    masks = region_masks(e, problem.domain, x)
    try:
        (value,) = Program([problem.with_values(e)], [*map(symbol, problem.coordinates), *masks])(NUMPY, [*x.T, *masks.values()])
    except (UnsupportedProblem, TypeError):
        return None
    return float(np.broadcast_to(np.asarray(value, float), (1,))[0])


def _corners_of_a_box(problem: Problem) -> Iterator[Remark]:
    """Edges of a box where whole sides with given values meet: decided by formulas, along the whole edge."""
    conditions = [c for c in problem.conditions if c.kind == "boundary"]
    ranges = _ranges(problem)
    for field in (f.name for f in problem.fields if not f.complex):
        seen: list[tuple[Face, Residual, sp.Expr]] = []
        for c in conditions:
            for residual, value in given_values(c, field, problem):
                for face in c.place.faces:
                    for other, earlier, known in seen:
                        if other.axis != face.axis:
                            corner = _put(_put(value - known, face, problem), other, problem)
                            verdict, witness = decide(corner, ranges, problem.constants)
                            if verdict is Verdict.NOT_ZERO:
                                at = f"{face_text(other, problem)}, {face_text(face, problem)}"
                                message = f"the boundary values {earlier.text} and {residual.text} contradict each other at {at}"
                                yield Remark(f"{message}{_by(corner, witness, problem)}", residual.span, NOT_SMOOTH)
                                break
                    seen.append((face, residual, value))


def _by(e: sp.Expr, witness: dict[sp.Symbol, float], problem: Problem) -> str:
    """How large a difference is, at the point that shows it."""
    value = problem.with_values(e).xreplace({s: sp.Float(v) for s, v in witness.items()})
    return f", by {abs(float(sp.N(value))):.3g}" if not value.free_symbols else ""


def _ranges(problem: Problem) -> dict[sp.Symbol, tuple[float, float]]:
    return {symbol(n): (float(a), float(b)) for n, (a, b) in problem.limits.items()}


# ---- at the first time -----------------------------------------------------------------------------------------------


def _first_time(problem: Problem) -> Iterator[Remark]:
    if problem.domain.time_axis is None or not problem.domain.is_box:
        return
    conditions = [c for c in problem.conditions if c.kind == "boundary" and c.place.predicate is None]
    for field in (f.name for f in problem.fields if not f.complex):
        for c in (c for c in problem.conditions if c.kind == "initial"):
            for first, value in given_values(c, field, problem):
                yield from _first_corner(first, value, field, conditions, problem)


def _first_corner(
    first: Residual, value: sp.Expr, field: str, conditions: Sequence[Condition], problem: Problem
) -> Iterator[Remark]:
    domain = problem.domain
    time = domain.time_axis
    assert time is not None
    start = Face(time, -1)
    for c in conditions:
        for residual in c.residuals:
            for face in c.place.faces:
                on_face = residual.on_face(face, domain.coordinates)
                if any(name != field or index[time] for name, index in on_face.jets.values()):
                    continue
                corner = _put(_put(on_face.evaluate({field: value}, domain.coordinates), face, problem), start, problem)
                verdict, witness = decide(corner, _ranges(problem), problem.constants)
                if verdict is Verdict.NOT_ZERO:
                    at = f"{face_text(face, problem)}{_by(corner, witness, problem)}"
                    message = f"the initial value {first.text} contradicts the boundary condition {residual.text} at {at}"
                    yield Remark(message, residual.span, "the solution is not smooth in that corner, and accuracy suffers")
                    return


def _put(e: sp.Expr, face: Face, problem: Problem) -> sp.Expr:
    name = problem.coordinates[face.axis]
    return e.subs(symbol(name), problem.limits[name][(face.side + 1) // 2])
