"""The inside of a shape as exact inequalities in the coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from kanpde.symbolic.proof.exact_shapes import Arguments
from kanpde.symbolic.proof.signs import Undecided, sign_of


def within(kind: str, arguments: Arguments, x: Sequence[sp.Symbol]) -> sp.Basic | None:
    """The closed shape; None for one that has no inequalities: a polygon that is not convex, an outline of a file."""
    if kind in ("disk", "ball"):
        centre, radius = arguments
        return sp.Le(sp.Add(*((s - c) ** 2 for s, c in zip(x, centre, strict=True))) - radius**2, 0)
    if kind == "ellipse":
        (p, q), a, b = arguments
        return sp.Le((x[0] - p) ** 2 / a**2 + (x[1] - q) ** 2 / b**2 - 1, 0)
    if kind in ("rectangle", "box"):
        low, high = arguments
        return sp.And(*(sp.Ge(s, a) for s, a in zip(x, low, strict=True)), *(sp.Le(s, b) for s, b in zip(x, high, strict=True)))
    if kind == "cylinder":
        (a, b, c), radius, height = arguments
        return sp.And(sp.Le((x[0] - a) ** 2 + (x[1] - b) ** 2 - radius**2, 0), sp.Ge(x[2], c), sp.Le(x[2], c + height))
    if kind == "sector":
        (p, q), radius, start, end = arguments
        left, right = (
            sp.Ge(k * (sp.cos(angle) * (x[1] - q) - sp.sin(angle) * (x[0] - p)), 0) for k, angle in ((1, start), (-1, end))
        )
        slice_of = sp.And(left, right) if float(end - start) <= float(sp.pi) else sp.Or(left, right)
        return sp.And(sp.Le((x[0] - p) ** 2 + (x[1] - q) ** 2 - radius**2, 0), slice_of)
    return _convex(list(arguments), x) if kind == "polygon" else None


def _convex(corners: Sequence[Sequence[sp.Expr]], x: Sequence[sp.Symbol]) -> sp.Basic | None:
    """The half planes of a convex polygon; None where a corner turns the other way, or letters move the corners."""
    sides, turns = [], set()
    for k, (px, py) in enumerate(corners):
        (ax, ay), (bx, by) = corners[k - 2], corners[k - 1]
        try:
            turns.add(sign_of(sp.expand((bx - ax) * (py - by) - (by - ay) * (px - bx))))
        except Undecided:
            return None
        sides.append(sp.expand((px - bx) * (x[1] - by) - (py - by) * (x[0] - bx)))
    turns -= {0}
    if len(turns) != 1 or len(corners) > 12:
        return None
    (turn,) = turns
    return sp.And(*(sp.Ge(turn * side, 0) for side in sides))
