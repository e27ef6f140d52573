"""Problems whose coefficients or sources jump, or have a kink: the regions in which everything is smooth, and what ties them.

The comparisons of coordinates in the equations (``kanpde.problem.jumps``) cut space into cells. Neighbouring cells with the same
equations make a region; in each, every piecewise is its branch, so that the equations are smooth. Where two regions meet, values
and fluxes are continuous (``kanpde.problem.ties``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from sympy.logic.boolalg import SOPform

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Combination, Domain, Shape
from kanpde.problem.crossings import crossed, samples
from kanpde.problem.interfaces import Interface, interfaces
from kanpde.problem.jumps import Where, inside_symbol, resolved, switches
from kanpde.problem.sides import other_side, side, whole_box
from kanpde.problem.ties import ties
from kanpde.problem.types import Divergence, Problem, Residual, symbol

MAX_SWITCHES = 12


@dataclass(frozen=True)
class Region:
    """A part of the domain in which the equations are smooth.

    ``shape`` is the part in the coordinates of space ``axes``, ``predicate`` the same as a boolean expression in coordinates and
    ``inside(name)`` symbols, ``at`` a point in it. ``equations`` have every piecewise resolved to its branch.
    """

    predicate: sp.Basic
    shape: Shape | Combination
    equations: tuple[Residual, ...]
    at: Where
    axes: tuple[int, ...]

    def contains(
        self,
        x: np.ndarray,  # (N, d), all coordinates
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the region or on its edge."""
        return self.shape.contains(x[:, list(self.axes)])

    @property
    def spec(self) -> dict[str, Any]:
        """``shape`` as plain JSON types, for ``kanpde.geometry.shapes.shape_from_spec``."""
        return self.shape.spec()

    def resolve(self, residual: Residual) -> Residual:
        """Any residual, such as an initial condition, with every piecewise resolved to its branch in this region."""
        return _resolved(residual, self.at)


@dataclass(frozen=True)
class Materials:
    """The regions of a problem, and the expressions that are continuous where two of them meet (``kanpde.problem.ties``)."""

    regions: tuple[Region, ...]
    ties: tuple[Residual, ...]
    domain: Domain
    sides: tuple[Shape, ...]

    def number(
        self,
        x: np.ndarray,  # (N, d), all coordinates
    ) -> np.ndarray:  # (N,) int
        """The region of each point: the first that contains it, and the last one for all others."""
        found = np.full(len(x), len(self.regions) - 1)
        for i in reversed(range(len(self.regions) - 1)):
            found[self.regions[i].contains(x)] = i
        return found

    @property
    def specs(self) -> list[dict[str, Any]]:
        """The shapes of all regions but the last, which takes what is left: what a network in pieces selects by."""
        return [region.spec for region in self.regions[:-1]]

    def interfaces(
        self,
        spacing: float | Callable[[np.ndarray], np.ndarray],
        gauss: int = 3,
    ) -> tuple[Interface, ...]:
        """Where two regions meet: points about ``spacing`` apart with normals and weights, and what is continuous there."""
        found = interfaces(self.domain, self.sides, self.number, spacing, gauss)
        return tuple(replace(i, ties=self._tied(self.regions[i.first], self.regions[i.second])) for i in found)

    def _tied(self, first: Region, second: Region) -> tuple[tuple[Residual, Residual], ...]:
        return tuple((first.resolve(tie), second.resolve(tie)) for tie in self.ties)


def materials(problem: Problem) -> Materials | None:
    """The regions of a problem; None where nothing jumps. UnsupportedProblem where the regions have no shape or no known ties.

    Conditions are not looked at: a boundary value that jumps needs points on both sides of the jump and no interface. A source
    that jumps in a way that has no shape is left as it is, in one region: u is then only less smooth.
    """
    space = {symbol(problem.coordinates[axis]) for axis in problem.domain.space_axes}
    found = {s: None for r in problem.equations for s in switches(problem.with_values(r.expression), space)}
    if not found:
        return None
    try:
        return _materials(problem, list(found))
    except UnsupportedProblem:
        if any(switches(problem.with_values(slope), space) for r in problem.equations for slope in r.partials.values()):
            raise
        return None


def _materials(problem: Problem, found: Sequence[sp.Expr]) -> Materials | None:
    domain = problem.domain
    space = [symbol(domain.coordinates[axis]) for axis in domain.space_axes]
    x = samples(domain)  # (N, space)
    changing = crossed(found, domain, x)
    if not domain.is_box and domain.region_axes != domain.space_axes:
        raise UnsupportedProblem("a coefficient that jumps in a shape times an interval is not solved yet")
    if len(changing) > MAX_SWITCHES:
        raise UnsupportedProblem(f"a coefficient that jumps at more than {MAX_SWITCHES} places is not solved yet")
    sides = [side(s, domain) for s in changing]
    masks = np.array([shape.contains(x) for shape in sides]).reshape(len(sides), len(x)).T  # (N, switches)
    patterns, cell = np.unique(masks, axis=0, return_inverse=True)
    points = [_middle(x[cell.ravel() == k]) for k in range(len(patterns))]
    cells = [_where(point, space, sides, changing, problem) for point in points]
    equations = [tuple(_resolved(r, where) for r in problem.equations) for where in cells]
    groups = _joined(patterns, equations, list(_seams(domain, sides, x)))
    if len(groups) == 1:
        return None
    regions = [
        _region([patterns[k] for k in group], patterns, sides, changing, equations[group[0]], cells[group[0]], domain)
        for group in groups
    ]
    return Materials(tuple(sorted(regions, key=_open)), ties(problem), domain, tuple(sides))


def _middle(
    x: np.ndarray,  # (N, space)
) -> np.ndarray:  # (space,)
    """The point next to the centre of a cloud of points."""
    return np.asarray(x[((x - x.mean(0)) ** 2).sum(1).argmin()])


def _where(
    point: np.ndarray, space: Sequence[sp.Symbol], sides: Sequence[Shape], changing: Sequence[sp.Expr], problem: Problem
) -> Where:
    where: dict[sp.Symbol, float | bool] = dict(zip(space, point.tolist(), strict=True))
    where |= {s: bool(shape.contains(point[None])[0]) for s, shape in zip(changing, sides, strict=True) if inside_symbol(s)}
    return where | {s: float(sp.N(value, 17)) for s, value in problem.constants.items() if value.is_real}


def _resolved(residual: Residual, where: Where) -> Residual:
    fluxes = tuple(Divergence(resolved(t.factor, where), tuple(resolved(e, where) for e in t.flux)) for t in residual.fluxes)
    expression = resolved(residual.expression, where)
    jets = {s: key for s, key in residual.jets.items() if expression.has(s)}
    return replace(residual, expression=expression, jets=jets, fluxes=fluxes)


def _joined(
    patterns: np.ndarray,  # (cells, switches) bool
    equations: Sequence[tuple[Residual, ...]],
    seams: Sequence[tuple[np.ndarray, np.ndarray, str]],
) -> list[list[int]]:
    """The numbers of the cells of each region: neighbours, on two sides of one switch only or of a seam, with equal equations."""
    group = list(range(len(patterns)))
    laws = [tuple((r.expression, r.fluxes) for r in cell) for cell in equations]
    pairs = [(i, j) for i in range(len(patterns)) for j in range(i) if (patterns[i] != patterns[j]).sum() == 1]
    for low, high, name in seams:
        i, j = (int((patterns == end).all(1).argmax()) for end in (low, high))
        if laws[i] != laws[j]:
            what = f"a coefficient that is not the same at both ends of the periodic coordinate {name}"
            raise UnsupportedProblem(f"{what} is not solved yet")
        pairs.append((i, j))
    for i, j in pairs:
        if laws[i] == laws[j]:
            group = [group[j] if g == group[i] else g for g in group]
    return [[k for k, g in enumerate(group) if g == number] for number in dict.fromkeys(group)]


def _region(
    own: Sequence[np.ndarray],
    patterns: np.ndarray,  # (cells, switches) bool
    sides: Sequence[Shape],
    changing: Sequence[sp.Expr],
    equations: tuple[Residual, ...],
    at: Where,
    domain: Domain,
) -> Region:
    letters = [sp.Symbol(f"switch {i}") for i in range(len(sides))]
    taken = {tuple(map(int, p)) for p in patterns}
    never = [p for p in np.ndindex(*(2,) * len(sides)) if p not in taken]
    form = SOPform(letters, [[int(v) for v in p] for p in own], [list(p) for p in never])
    products = [sp.And.make_args(product) for product in sp.Or.make_args(form)]
    parts = [_part(product, letters, sides, domain) for product in products]
    shape = parts[0] if len(parts) == 1 else Combination("+", tuple(parts))
    names = {letter: switch if inside_symbol(switch) else switch < 0 for letter, switch in zip(letters, changing, strict=True)}
    return Region(form.subs(names), shape, equations, at, domain.space_axes)


def _part(
    product: Sequence[sp.Basic], letters: Sequence[sp.Symbol], sides: Sequence[Shape], domain: Domain
) -> Shape | Combination:
    """The points on the given side of each switch."""
    within: list[Shape] = []
    outside: list[Shape] = []
    for literal in product:
        shape = sides[letters.index(literal.args[0] if isinstance(literal, sp.Not) else literal)]
        opposite = other_side(shape)
        if not isinstance(literal, sp.Not):
            within.append(shape)
        elif opposite is not None:
            within.append(opposite)
        else:
            outside.append(shape)
    base: Shape | Combination = within[0] if len(within) == 1 else Combination("&", tuple(within or [whole_box(domain)]))
    return Combination("-", (base, *outside)) if outside else base


def _open(region: Region) -> tuple[int, tuple[float, ...]]:
    """Regions from left to right, those that surround others last."""
    surrounds = isinstance(region.shape, Combination) and "-" in _signs(region.shape)
    return int(surrounds), tuple(float(v) for v in list(region.at.values())[: len(region.axes)])


def _signs(shape: Shape | Combination) -> set[str]:
    return set() if isinstance(shape, Shape) else {shape.sign}.union(*map(_signs, shape.parts))


def _seams(
    domain: Domain,
    sides: Sequence[Shape],
    x: np.ndarray,  # (N, space)
) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """The patterns at the two ends of each periodic coordinate, which are neighbours as well."""
    for name in domain.periodic:
        column = domain.space_axes.index(domain.coordinates.index(name))
        ends = []
        for end in domain.bounds[domain.coordinates.index(name)]:
            y = x.copy()
            y[:, column] = end
            ends.append(np.array([shape.contains(y) for shape in sides]).T)
        for pair in np.unique(np.hstack(ends), axis=0):
            yield pair[: len(sides)], pair[len(sides) :], name
