"""Where a condition holds: ``x = 0``, a shape's name, several with commas, a predicate, or ``elsewhere``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from lark import Token, Tree

from kanpde.errors import ProblemError
from kanpde.geometry import Domain, Face, Place
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.expressions import Builder
from kanpde.problem.scope import Scope
from kanpde.problem.syntax import branches, parse, position
from kanpde.problem.text import Text, suggest
from kanpde.problem.types import symbol
from kanpde.problem.where import holds, region_masks, satisfied

__all__ = ["holds", "read_place", "region_masks", "satisfied"]

ELSEWHERE = "elsewhere"
SAMPLES = 100
"""Points a face is tried at along each coordinate, to see which part of it a predicate means."""

TRIED, TRIED_IN_SPACE = 1000, 60
"""Points across a shape in two and in three coordinates, at which it is tried whether a place is any part of the boundary."""

OFFSET = 0.381966
"""Where a sample lies in its cell: off the ends and off all simple fractions, so that the edge of a face is no part of it."""

Limits = dict[str, tuple[sp.Expr, sp.Expr]]


def read_place(text: Text, scope: Scope, domain: Domain, limits: Limits, taken: Sequence[Place]) -> Place:
    """The part of the boundary that a key names. ``taken`` are the places before it, for ``elsewhere``."""
    tree = parse(text, "expressions")
    if [_name(child) for child in tree.children] == [ELSEWHERE]:
        place = _elsewhere(text, domain, limits, taken)
        if not domain.is_box and not _anywhere(place, domain):
            raise text.error("nothing of the boundary is left for 'elsewhere'", hint="every part of it is named already")
        return place
    faces: list[Face] = []
    predicates: list[Any] = []
    cut = False
    for child in branches(tree):
        part, predicate, whole = _one(child, text, scope, domain, limits)
        if not domain.is_box and not _anywhere(Place("", part, predicate), domain):
            raise _off_the_shape(child, text, domain)
        faces += [face for face in part if face not in faces]
        predicates.append(predicate)
        cut = cut or not whole
    return Place(text.value, tuple(faces), sp.Or(*predicates) if cut else None)


def _name(tree: Any) -> str:
    return str(tree.children[0]) if isinstance(tree, Tree) and tree.data == "name" else ""


def _elsewhere(text: Text, domain: Domain, limits: Limits, taken: Sequence[Place]) -> Place:
    whole = {face for place in taken if place.predicate is None for face in place.faces}
    rest = tuple(face for face in domain.faces() if face not in whole)
    if domain.is_box and not rest:
        raise text.error("nothing of the boundary is left for 'elsewhere'", hint="every face is named already")
    cuts = [place.predicate for place in taken if place.predicate is not None and set(place.faces) & set(rest)]
    if not cuts:
        return Place(text.value, rest)
    predicate = sp.Not(sp.Or(*cuts))
    if domain.is_box:
        rest = tuple(face for face in rest if _share(predicate, face, domain, limits))
        if not rest:
            raise text.error("nothing of the boundary is left for 'elsewhere'", hint="every part of it is named already")
    return Place(text.value, rest, predicate)


def _one(tree: Tree[Token], text: Text, scope: Scope, domain: Domain, limits: Limits) -> tuple[tuple[Face, ...], Any, bool]:
    """The faces on which something holds somewhere, the predicate, and whether it holds everywhere on these faces."""
    name = _name(tree)
    if name:
        return _shape_place(name, tree, text, scope, domain)
    builder = Builder(scope, text, allow_unknowns=False)
    condition = builder.predicate(tree)
    for free in condition.free_symbols:
        if scope.time is not None and free == symbol(scope.time):
            raise builder.error(f"a place on the boundary cannot depend on '{scope.time}'", tree, "the first time is 'initial'")
    condition = condition.xreplace(scope.constants)
    if not domain.is_box:
        return domain.faces(), condition, False
    faces: list[Face] = []
    whole = True
    for face in domain.faces():
        share = _share(condition, face, domain, limits)
        if share:
            faces.append(face)
            whole = whole and share == 1
    if not faces:
        raise _off_the_boundary(tree, text, scope, limits)
    return tuple(faces), condition, whole


def _shape_place(name: str, tree: Tree[Token], text: Text, scope: Scope, domain: Domain) -> tuple[tuple[Face, ...], Any, bool]:
    known = tuple(domain.named)
    if name not in known:
        if name == ELSEWHERE:
            raise text.error("'elsewhere' stands alone", *position(tree))
        hint = suggest(name, [*known, ELSEWHERE]) or "a place is written x = 0, or y > 0.5, or elsewhere"
        raise text.error(f"there is no place '{name}'", *position(tree), hint=hint)
    return domain.faces(), sp.Symbol(f"on({name})"), False


def _anywhere(place: Place, domain: Domain) -> bool:
    """Whether a place has any point of the boundary of a shape, of some thousand that are tried."""
    if domain.region_axes != domain.space_axes:
        return True
    boundary = domain.boundary
    across = float(np.ptp(boundary.bounds, 1).max())
    found = boundary.points(across / (TRIED if len(boundary.bounds) == 2 else TRIED_IN_SPACE))
    x = np.broadcast_to(domain.bounds.mean(1), (found.count, domain.dimension)).copy()
    x[:, list(domain.region_axes)] = found.x
    return bool(holds(place, domain, x, [boundary.pieces[k].names for k in found.piece]).any())


def _share(condition: Any, face: Face, domain: Domain, limits: Limits) -> float:
    """Which part of a face's points satisfies a predicate, from 0 to 1.

    The face's own coordinate is put in exactly, so that ``x = 1/3`` is met where the interval ends at 1/3.
    """
    name = domain.coordinates[face.axis]
    on_face = condition.xreplace({symbol(name): limits[name][(face.side + 1) // 2]})
    if on_face in (sp.true, sp.false):
        return float(on_face == sp.true)
    if any(isinstance(s, sp.Symbol) and s.name.startswith(("inside(", "on(")) for s in on_face.free_symbols):
        return 0.5
    others = [axis for axis in domain.space_axes if axis != face.axis]
    cells = (np.arange(SAMPLES) + OFFSET) / SAMPLES
    lines = [domain.bounds[axis, 0] + domain.lengths[axis] * cells for axis in others]
    mesh = [x.ravel() for x in np.meshgrid(*lines)] or [np.zeros(1)]
    arguments = [symbol(domain.coordinates[axis]) for axis in others]
    (values,) = Program([on_face], arguments)(NUMPY, mesh[: len(arguments)])
    return float(np.mean(np.broadcast_to(values, mesh[0].shape)))


def _off_the_boundary(tree: Tree[Token], text: Text, scope: Scope, limits: Limits) -> ProblemError:
    ends = [f"{name} = {end}" for name, pair in limits.items() if name != scope.time for end in pair]
    start, end = position(tree)
    used = [name for name in scope.space if name in {_name(node) for node in tree.iter_subtrees()}]
    hint = "the boundary is " + ", ".join(e for e in ends if not used or e.split()[0] in used)
    return text.error(f"'{text.value[start:end]}' is no part of the boundary", start, end, hint)


def _off_the_shape(tree: Tree[Token], text: Text, domain: Domain) -> ProblemError:
    """A shape whose outline is cut away or outside, or a predicate that holds nowhere on the boundary."""
    name = _name(tree)
    start, end = position(tree)
    hint = f"the boundary consists of parts of {', '.join(domain.boundary.names)}"
    if name in domain.named:
        return text.error(f"nothing of the outline of '{name}' is on the boundary", start, end, hint)
    return text.error(f"'{text.value[start:end]}' is no part of the boundary", start, end, hint)
