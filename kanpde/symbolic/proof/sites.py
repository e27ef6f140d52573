"""Where a claim holds: the inside of the domain, the first time, a side of a box, a part of a circle; exactly, with points in it.

A site puts expressions for the coordinates: x = 1, or x = cos(theta) with theta from 0 to 2 pi. Which part of a curve bounds the
domain is found at sample points, on both sides of the curve; they stay with the site as exact fractions of its ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from kanpde.geometry import Face
from kanpde.geometry.shapes import leaves
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.materials import Materials
from kanpde.problem.types import Problem, normal_component, symbol
from kanpde.symbolic.proof.carriers import Carrier, Ranges, carriers, line, round_line
from kanpde.symbolic.proof.exact_shapes import Exact
from kanpde.symbolic.sample import Array

SAMPLES = 400
LATTICE = 10007
"""Fractions are multiples of one over this prime."""

BESIDE = 1e-6
"""How far beside a boundary, relative to the domain, it is asked what lies there: far above rounding, far below any feature."""


@dataclass(frozen=True, eq=False)
class Site:
    """Expressions for some coordinates, ranges of the symbols that are left, and sample points.

    ``fractions`` (N, k) are the places of the samples in the ranges, ``x`` (N, d) the points in floating point at the given
    letters, ``inside`` (N, d) the same a little inside the domain. ``normal`` are the components of the outward normal.
    """

    words: str
    position: Mapping[sp.Symbol, sp.Expr]
    ranges: Ranges
    fractions: Array
    x: Array
    inside: Array
    normal: Mapping[sp.Symbol, sp.Expr]
    face: Face | None = None
    whole: bool = True  # whether all of the ranges belong to it

    def part(self, mask: np.ndarray) -> Site:
        """The samples where ``mask`` (N,) is true."""
        return replace(self, fractions=self.fractions[mask], x=self.x[mask], inside=self.inside[mask])


def lattice(count: int, dimension: int) -> Array:
    """Even, irregular points of the unit cube, (count, dimension), as exact multiples of 1/LATTICE; never on its surface.

    Roberts's sequence: powers of the root of g^(d+1) = g + 1.
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimension + 1))
    steps = root ** -np.arange(1, dimension + 1)
    positions = (0.5 + np.outer(np.arange(1, count + 1), steps)) % 1
    return np.asarray(np.round(1 + positions * (LATTICE - 2)) / LATTICE, dtype=np.float64)


def interior(problem: Problem, exact: Exact) -> Site:
    """The inside of the domain, at all times."""
    site = _site(problem, "", {}, _box(problem, exact), {})
    return site.part(problem.domain.contains(site.x))


def on_face(problem: Problem, exact: Exact, face: Face) -> Site:
    """A side of the box, or the first time; of a shape times an interval, the ends of the interval."""
    name = problem.coordinates[face.axis]
    x, ranges = symbol(name), _box(problem, exact)
    level = exact.limits[name][(face.side + 1) // 2]
    del ranges[x]
    normal = {normal_component(c): sp.Integer(face.side if c == name else 0) for c in _space(problem)}
    site = _site(problem, f"at {name} = {level}", {x: level}, ranges, normal)
    inside = site.inside.copy()
    inside[:, face.axis] = problem.domain.position(face) - face.side * BESIDE * problem.domain.lengths[face.axis]
    return replace(site, inside=inside, face=face).part(problem.domain.contains(inside))


def on_outline(problem: Problem, exact: Exact) -> Iterator[tuple[Site, dict[int, Site]]]:
    """The curves and surfaces of all shapes, each with the parts seen to bound the domain, normals turned outwards.

    The parts are named by 1 and -1: whether the carrier's own normal points outwards there, or inwards.
    """
    domain = problem.domain
    names = [problem.coordinates[axis] for axis in domain.region_axes]
    taken = _names(problem)
    for shape in dict.fromkeys(leaves(domain.shape)):
        for carrier in carriers(shape.kind, shape.name, exact.shapes[shape.name], names, _box(problem, exact), taken):
            site = replace(_on_carrier(problem, exact, carrier, names), whole=False)
            normal = _normals(site, names, problem)
            step = BESIDE * float(domain.lengths[list(domain.region_axes)].max()) * normal
            behind, before = (domain.contains(site.x + sign * step) for sign in (-1, 1))
            parts = {}
            for sign, mask in ((1, behind & ~before), (-1, before & ~behind)):
                if mask.any():
                    own = {s: sign * e for s, e in site.normal.items()}
                    parts[sign] = replace(site, normal=own, inside=site.x - sign * step).part(mask)
            yield site, parts


def on_interfaces(
    problem: Problem, exact: Exact, regions: Materials, switches: Sequence[sp.Expr]
) -> Iterator[tuple[Site, int, int]]:
    """Where two regions meet, with the numbers of the regions behind and before the normal; ``switches`` with their letters."""
    domain = problem.domain
    names = _space(problem)
    box = _box(problem, exact)
    taken = _names(problem)
    for switch in switches:
        found: list[Carrier] = []
        if switch.is_Symbol and str(switch).startswith("inside("):
            shape = domain.named[str(switch)[len("inside(") : -1]]
            found += carriers(shape.kind, shape.name, exact.shapes[shape.name], names, box, taken)
        else:
            one = line(str(switch), switch, names, box) or round_line(str(switch), switch, names, taken)
            found += [one] if one is not None else []
        for carrier in found:
            site = _on_carrier(problem, exact, carrier, names)
            normal = _normals(site, names, problem)
            step = BESIDE * float(domain.lengths[list(domain.space_axes)].max()) * normal
            ends = site.x - step, site.x + step
            within = domain.contains(ends[0]) & domain.contains(ends[1])
            first, second = (regions.number(x) for x in ends)
            for i, j in np.unique(np.stack([first, second], 1)[within], axis=0).tolist():
                if i != j:
                    yield site.part(within & (first == i) & (second == j)), i, j


def _on_carrier(problem: Problem, exact: Exact, carrier: Carrier, names: Sequence[str]) -> Site:
    """A whole carrier, times the ranges of the coordinates that it says nothing of."""
    others = {s: pair for s, pair in _box(problem, exact).items() if str(s) not in names}
    normal = {normal_component(c): carrier.normal.get(c, sp.Integer(0)) for c in _space(problem)}
    return _site(problem, carrier.words, carrier.position, {**carrier.ranges, **others}, normal)


def _site(
    problem: Problem,
    words: str,
    position: Mapping[sp.Symbol, sp.Expr],
    ranges: Ranges,
    normal: Mapping[sp.Symbol, sp.Expr],
) -> Site:
    fractions = lattice(SAMPLES if ranges else 1, len(ranges)) if ranges else np.zeros((1, 0))
    for k, s in enumerate(ranges):
        if str(s) == problem.domain.time:  # towards the beginning, where fast modes are still there to be judged
            fractions[:, k] = np.maximum(1, np.round(fractions[:, k] ** 3 * LATTICE)) / LATTICE
    values = [[float(problem.with_values(e)) for e in pair] for pair in ranges.values()]
    columns = [low + (high - low) * f for (low, high), f in zip(values, fractions.T, strict=True)]
    x = evaluated(
        [position.get(symbol(c), symbol(c)) for c in problem.coordinates], list(ranges), columns, problem, len(fractions)
    )
    return Site(words, position, ranges, fractions, x, x, normal)


def evaluated(
    expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol], columns: Sequence[Array], problem: Problem, count: int
) -> Array:
    """Expressions at points, (count, len(expressions)), with the given letters."""
    program = Program([problem.with_values(sp.sympify(e, strict=True)) for e in expressions], symbols)
    with np.errstate(all="ignore"):
        found = program(NUMPY, list(columns))
    return np.stack([np.broadcast_to(np.asarray(v, float), (count,)) for v in found], 1)


def _normals(site: Site, names: Sequence[str], problem: Problem) -> Array:
    """The normal at the samples in all coordinates, (N, d)."""
    symbols = list(site.ranges)
    values = [[float(problem.with_values(e)) for e in pair] for pair in site.ranges.values()]
    columns = [low + (high - low) * f for (low, high), f in zip(values, site.fractions.T, strict=True)]
    parts = [site.normal.get(normal_component(c), sp.Integer(0)) if c in names else sp.Integer(0) for c in problem.coordinates]
    return evaluated(parts, symbols, columns, problem, len(site.x))


def _box(problem: Problem, exact: Exact) -> dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]:
    return {symbol(name): exact.limits[name] for name in problem.coordinates}


def _space(problem: Problem) -> list[str]:
    return [problem.coordinates[axis] for axis in problem.domain.space_axes]


def _names(problem: Problem) -> set[str]:
    return {
        *problem.coordinates,
        *(f.name for f in problem.fields),
        *map(str, problem.constants),
        *problem.unknowns,
        *problem.parameters,
    }


def site_at(problem: Problem, exact: Exact, position: Mapping[sp.Symbol, sp.Expr]) -> Site:
    """A point, or a line through the coordinates that it leaves free."""
    ranges = {s: pair for s, pair in _box(problem, exact).items() if s not in position}
    words = ", ".join(f"{s} = {e}" for s, e in position.items())
    return _site(problem, f"at {words}", dict(position), ranges, {})
