"""Which points a place means: predicates in the coordinates, shapes' names and ``inside(name)`` at points, with tolerance.

A point on the line y = 1/2 may have y = 0.49999999999999994: equality and <= hold within a billionth of the domain's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from kanpde.geometry import Domain, Place
from kanpde.geometry.boundary import boundary
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
    arguments = [symbol(name) for name in domain.coordinates]
    masks = region_masks(predicate, domain, x)
    program = Program([predicate.lhs - predicate.rhs], [*arguments, *masks])
    (value,) = program(NUMPY, [*x.T, *masks.values()])
    found = _compared(predicate, np.broadcast_to(value, len(x)), NEAR * float(domain.lengths.max()))
    return found & _along(predicate, domain, x) if isinstance(predicate, sp.Eq) and not domain.is_box and found.any() else found


def _along(equation: sp.Eq, domain: Domain, x: np.ndarray) -> np.ndarray:  # (N, d) -> (N,) bool
    """The points on pieces of the boundary that lie on a line; y = 0 does not mean the point where another side crosses it."""
    near = NEAR * float(domain.lengths.max())
    axes = list(domain.region_axes)
    mask = np.zeros(len(x), bool)
    for piece in domain.boundary.pieces:
        inner = piece.at(np.array([0.123, 0.456, 0.789]))
        tried = np.broadcast_to(x[0], (len(inner), domain.dimension)).copy()
        tried[:, axes] = inner
        (value,) = Program([equation.lhs - equation.rhs], [symbol(name) for name in domain.coordinates])(NUMPY, list(tried.T))
        if (np.abs(value) <= near).all():
            mask |= piece.distance(x[:, axes]) <= near
    return mask


def region_masks(
    expression: Any,
    domain: Domain,
    x: np.ndarray,  # (N, d)
) -> dict[sp.Symbol, np.ndarray]:  # (N,) bool each
    """The values of all ``inside(name)`` that an expression contains, to be passed to a ``Program`` beside the coordinates."""
    found = (s for s in getattr(expression, "free_symbols", ()) if s.name.startswith("inside("))
    return {s: domain.inside(s.name[len("inside(") : -1], x) for s in sorted(found, key=str)}


def _compared(relation: Any, difference: np.ndarray, near: float) -> np.ndarray:  # (N,) -> (N,) bool
    if isinstance(relation, sp.Eq):
        return np.abs(difference) <= near
    if isinstance(relation, (sp.StrictLessThan, sp.LessThan)):
        difference = -difference
    return difference > near if isinstance(relation, (sp.StrictLessThan, sp.StrictGreaterThan)) else difference >= -near


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
    return shape.contains(inner) | (boundary(shape).distance(inner) <= near)
