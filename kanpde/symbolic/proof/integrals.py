"""Integrals over space in exact symbols: over boxes, and over disks, sectors, ellipses and rings in polar coordinates."""

from __future__ import annotations

import sympy as sp

from kanpde.geometry.shapes import Combination, Shape
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.proof.exact_shapes import Exact


class Unintegrable(Exception):
    """The domain has no exact integral here; the message says which."""


def integral(problem: Problem, exact: Exact, integrand: sp.Expr) -> sp.Expr:
    """The integral over space as it is written, not carried out: ``reduce`` does that, in its own process."""
    domain = problem.domain
    names = [problem.coordinates[axis] for axis in domain.space_axes if axis not in domain.region_axes]
    inner = integrand
    if not domain.is_box:
        inner = _over(domain.shape, exact, inner, [problem.coordinates[axis] for axis in domain.region_axes])
    if inner == 0:
        return inner
    for name in names:
        inner = sp.Integral(inner, (symbol(name), *exact.limits[name]))
    return inner


def _over(shape: Shape | Combination, exact: Exact, e: sp.Expr, names: list[str]) -> sp.Expr:
    """The integral over a shape; a hole that lies within is subtracted."""
    if isinstance(shape, Combination):
        if shape.sign != "-" or not all(isinstance(part, Shape) and _within(part, shape.parts[0]) for part in shape.parts[1:]):
            raise Unintegrable("integrals over this combination of shapes are not read by the proof")
        first, *holes = (_over(part, exact, e, names) for part in shape.parts)
        return first - sp.Add(*holes)
    arguments = exact.shapes[shape.name]
    symbols = [symbol(name) for name in names]
    if shape.kind in ("rectangle", "box"):
        for s, low, high in zip(symbols, *arguments, strict=True):
            e = sp.Integral(e, (s, low, high))
        return e
    if shape.kind in ("disk", "ellipse", "sector"):
        centre, a, *more = arguments
        b = more[0] if shape.kind == "ellipse" else a
        ends = tuple(more) if shape.kind == "sector" else (sp.Integer(0), 2 * sp.pi)
        rho, theta = sp.Dummy("rho", positive=True), sp.Dummy("theta", real=True)
        polar = {symbols[0]: centre[0] + a * rho * sp.cos(theta), symbols[1]: centre[1] + b * rho * sp.sin(theta)}
        return sp.Integral(e.xreplace(polar) * a * b * rho, (theta, *ends), (rho, 0, 1))
    raise Unintegrable(f"integrals over a {shape.kind} are not read by the proof")


def _within(hole: Shape | Combination, whole: Shape | Combination) -> bool:
    """Whether a hole lies in a shape, as far as the corners and middles of the box around it tell."""
    from kanpde.geometry.boundary import boundary

    if not isinstance(hole, Shape) or hole.dimension != 2:
        return False
    return bool(whole.contains(boundary(hole).points(float((hole.bounds[:, 1] - hole.bounds[:, 0]).max()) / 50).x).all())
