"""Which points a place means: predicates in the coordinates, shapes' names and ``inside(name)`` at points.

A point of a side along y = 1/2 may have y = 0.49999999999999994. So a relation is decided once for every side that lies along its
line: there = and <= hold, and < does not. Elsewhere = holds nowhere (a point is no part of a boundary), and <= to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from kanpde.geometry import Domain, Place
from kanpde.geometry.boundary import Boundary, boundary
from kanpde.geometry.shapes import Shape
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import symbol

NEAR = 1e-9
"""Part of the domain's size within which a point lies on a line or a side: far above rounding, far below any feature."""

PointNames = Sequence[str] | Sequence[tuple[str, ...]]


def holds(
    place: Place,
    domain: Domain,
    x: np.ndarray,  # (N, d) points of the boundary
    names: PointNames | None = None,  # the shape or shapes whose outline each point lies on; None: found from the points
) -> np.ndarray:  # (N,) bool
    """Which points of the boundary belong to a place."""
    mask = np.ones(len(x), bool)
    if domain.is_box:
        near = NEAR * domain.lengths
        on = [np.abs(x[:, f.axis] - domain.position(f)) <= near[f.axis] for f in place.faces]
        mask = np.any(on, axis=0) if on else ~mask
    if place.predicate is None:
        return mask
    return mask & satisfied(place.predicate, domain, x, names)


def satisfied(
    predicate: Any,
    domain: Domain,
    x: np.ndarray,  # (N, d)
    names: PointNames | None = None,
) -> np.ndarray:  # (N,) bool
    """At which points a predicate in coordinates, ``on(name)`` and ``inside(name)`` holds."""
    if predicate in (sp.true, sp.false):
        return np.full(len(x), predicate == sp.true)
    if isinstance(predicate, (sp.And, sp.Or)):
        parts = [satisfied(p, domain, x, names) for p in predicate.args]
        return np.asarray(np.all(parts, 0) if isinstance(predicate, sp.And) else np.any(parts, 0))
    if isinstance(predicate, sp.Not):
        return ~satisfied(predicate.args[0], domain, x, names)
    if isinstance(predicate, sp.Symbol):
        kind, _, name = predicate.name.rstrip(")").partition("(")
        return _on(name, domain, x, names) if kind == "on" else _inside(name, domain, x)
    if isinstance(predicate, sp.Ne):
        return ~satisfied(sp.Eq(*predicate.args), domain, x, names)
    difference = _difference(predicate, domain, x)
    if isinstance(predicate, (sp.StrictLessThan, sp.LessThan)):
        difference = -difference
    found = difference > 0 if isinstance(predicate, (sp.StrictLessThan, sp.StrictGreaterThan)) else difference >= 0
    close = np.abs(difference) <= NEAR * float(domain.lengths.max())
    if not close.any():
        return close if isinstance(predicate, sp.Eq) else found
    along = close & _along(predicate, domain, x)
    if isinstance(predicate, sp.Eq):
        return along
    return np.where(along, isinstance(predicate, (sp.LessThan, sp.GreaterThan)), found)


def _difference(relation: Any, domain: Domain, x: np.ndarray) -> np.ndarray:  # (N, d) -> (N,)
    """The left side of a relation less the right one."""
    masks = region_masks(relation, domain, x)
    (value,) = _program(relation, domain.coordinates, tuple(masks))(NUMPY, [*x.T, *masks.values()])
    return np.broadcast_to(value, len(x))


@lru_cache(maxsize=64)
def _program(relation: Any, coordinates: tuple[str, ...], masks: tuple[sp.Symbol, ...]) -> Program:
    return Program([relation.lhs - relation.rhs], [*(symbol(name) for name in coordinates), *masks])


TRIED = np.array([0.123, 0.456, 0.789])
"""Where on a side it is tried whether it lies along a line; three points, as a line meets a circle in two."""


def _along(relation: Any, domain: Domain, x: np.ndarray) -> np.ndarray:  # (N, d) -> (N,) bool
    """The points on sides that lie along the line of a relation."""
    near = NEAR * float(domain.lengths.max())
    mask = np.zeros(len(x), bool)
    for k in _sides_along(relation, domain):
        if domain.is_box:
            face = domain.faces()[k]
            mask |= np.abs(x[:, face.axis] - domain.position(face)) <= near
        else:
            mask |= domain.boundary.pieces[k].distance(x[:, list(domain.region_axes)]) <= near
    return mask


@lru_cache(maxsize=64)
def _sides_along(relation: Any, domain: Domain) -> tuple[int, ...]:
    """The numbers of the faces or pieces that lie along the line of a relation."""
    count = len(domain.faces()) if domain.is_box else len(domain.boundary.pieces)
    x = np.broadcast_to(domain.bounds.mean(1), (count, len(TRIED), domain.dimension)).copy()
    if domain.is_box:
        # each coordinate in another order, so that the points lie on no line
        x[:] = np.stack([low + (high - low) * np.roll(TRIED, k) for k, (low, high) in enumerate(domain.bounds)], 1)
        for k, face in enumerate(domain.faces()):
            x[k, :, face.axis] = domain.position(face)
    else:
        for k, piece in enumerate(domain.boundary.pieces):
            x[k][:, list(domain.region_axes)] = piece.at(TRIED)
    close = np.abs(_difference(relation, domain, x.reshape(-1, domain.dimension))) <= NEAR * float(domain.lengths.max())
    return tuple(np.flatnonzero(close.reshape(count, len(TRIED)).all(1)).tolist())


def region_masks(
    expression: Any,
    domain: Domain,
    x: np.ndarray,  # (N, d)
) -> dict[sp.Symbol, np.ndarray]:  # (N,) bool each
    """The values of all ``inside(name)`` that an expression contains, to be passed to a ``Program`` beside the coordinates."""
    found = (s for s in getattr(expression, "free_symbols", ()) if s.name.startswith("inside("))
    return {s: domain.inside(s.name[len("inside(") : -1], x) for s in sorted(found, key=str)}


def _on(name: str, domain: Domain, x: np.ndarray, names: PointNames | None) -> np.ndarray:  # (N,) bool
    """On the outline of a shape that bounds the domain; else in a named part, which then marks a stretch of the boundary."""
    if domain.is_box or name not in domain.shape.names():
        return _inside(name, domain, x)
    if names is None:
        pieces = domain.boundary.pieces
        inner = x[:, list(domain.region_axes)]
        nearest = np.argmin([piece.distance(inner) for piece in pieces], 0)
        names = [pieces[k].names for k in nearest]
    return np.array([name == n or (not isinstance(n, str) and name in n) for n in names], bool)


def _inside(name: str, domain: Domain, x: np.ndarray) -> np.ndarray:  # (N,) bool
    shape = domain.named[name]
    inner = x[:, list(domain.axes_of(shape))]
    near = NEAR * float(domain.lengths.max())
    return shape.contains(inner) | (_outline(shape).distance(inner) <= near)


@lru_cache(maxsize=16)
def _outline(shape: Shape) -> Boundary:
    return boundary(shape)
