"""What a problem states of its solution, as expressions that must be zero: equations, conditions, periodicity, ties, constraints.

The letters of the problem (its named constants) stay letters. On an outline the coordinates are put in exactly: x = cos(theta),
y = sin(theta). Where something jumps or has a kink, every branch is a claim of its own, of smooth expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Face
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.jumps import inside_name, inside_symbol, resolved, switches
from kanpde.problem.materials import Materials, materials
from kanpde.problem.types import Condition, Problem, Residual, symbol
from kanpde.problem.where import holds
from kanpde.symbolic.proof.conjugates import written_out
from kanpde.symbolic.proof.exact_shapes import Exact, exact_domain, rational
from kanpde.symbolic.proof.integrals import Unintegrable, integral
from kanpde.symbolic.proof.reduce import Point
from kanpde.symbolic.proof.sites import (
    LATTICE,
    Site,
    evaluated,
    interior,
    lattice,
    on_face,
    on_interfaces,
    on_outline,
    site_at,
)
from kanpde.symbolic.sample import Array

KEPT = 32
"""Samples of a site that stay with a claim; points to try it at are drawn from them."""

BENT = (sp.Piecewise, sp.Abs, sp.Heaviside, sp.sign, sp.Max, sp.Min)

Functions = Mapping[str, sp.Expr]
"""An expression for each field (and for each unknown constant); where it has branches, a ``Piecewise`` in the coordinates."""


class Unprovable(Exception):
    """The problem has something that the proof does not read; the message says what."""


@dataclass(frozen=True)
class Claim:
    """An expression that is zero wherever its symbols lie in their ranges, if the formula is right.

    ``ranges`` are those of its own symbols: coordinates that run, angles on an outline. ``fractions`` are places in these ranges,
    between 0 and 1, where the claim is certainly made. With a ``sign`` of +1 or -1, the expression is to be positive or negative
    instead; it is compared in numbers.
    """

    label: str
    expression: sp.Expr
    ranges: Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]] = field(default_factory=dict)
    fractions: tuple[tuple[sp.Rational, ...], ...] = ()
    sign: int = 0

    def with_values(self, values: Mapping[sp.Symbol, sp.Expr]) -> Claim:
        """The same claim with symbols replaced, such as letters by their values."""
        ranges = {s: (low.xreplace(dict(values)), high.xreplace(dict(values))) for s, (low, high) in self.ranges.items()}
        return replace(self, expression=self.expression.xreplace(dict(values)), ranges=ranges)


def claims(problem: Problem, functions: Functions, moving: bool = False) -> list[Claim]:
    """Everything that the problem states, with the formula put in and differentiated, in the order of the file.

    ``functions`` may contain further symbols, numbers that are still open. Nothing is simplified. A letter that only the domain
    has (``x: [0, L]``) is replaced by its value, unless it is ``moving`` or the formula contains it. Raises Unprovable.
    """
    whole = _joined(problem, functions)
    stage = _stage(problem)
    try:
        found = [*stage.equations(whole), *stage.conditions(whole), *stage.periodicity(whole)]
    except (ValueError, UnsupportedProblem, Unintegrable) as error:
        raise Unprovable(str(error)) from None
    unknowns = {symbol(name): value for name, value in functions.items() if name in problem.unknowns}
    found = [claim.with_values(unknowns) for claim in found] if unknowns else found
    letters = stage.exact.letters - stage.letters - set().union(*(e.free_symbols for e in whole.values()))
    if letters and not moving:
        found = [claim.with_values({s: problem.constants[s] for s in letters}) for claim in found]
    return found


def _joined(problem: Problem, functions: Functions) -> dict[str, sp.Expr]:
    """One expression a field: of a complex field given by its parts, re + i im."""
    whole = {name: sp.sympify(e, strict=True) for name, e in functions.items()}
    for f in problem.fields:
        if f.complex and f.name not in whole and {f"{f.name}_re", f"{f.name}_im"} <= set(whole):
            whole[f.name] = whole[f"{f.name}_re"] + sp.I * whole[f"{f.name}_im"]
    missing = [f.name for f in problem.fields if f.name not in whole]
    if missing:
        raise Unprovable(f"there is no formula for '{missing[0]}'")
    return whole


_LAST: list[_Stage] = []
"""The stage of the problem asked about last: its sites do not depend on the formula."""


def _stage(problem: Problem) -> _Stage:
    if not _LAST or _LAST[0].problem is not problem:
        _LAST[:] = [_Stage(problem)]
    return _LAST[0]


class _Stage:
    """The sites of one problem, each found when it is first needed."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.exact: Exact = exact_domain(problem)
        self.complex = any(f.complex for f in problem.fields)
        self._faces: dict[Face, Site] = {}

    @cached_property
    def letters(self) -> set[sp.Symbol]:
        """The letters that equations and conditions contain."""
        residuals = [*self.problem.equations, *(r for c in self.problem.conditions for r in c.residuals)]
        return set().union(*(r.expression.free_symbols for r in residuals)) & set(self.problem.constants)

    @cached_property
    def inside(self) -> Site:
        return interior(self.problem, self.exact)

    @cached_property
    def outline(self) -> list[Site]:
        return list(on_outline(self.problem, self.exact))

    @cached_property
    def materials(self) -> Materials | None:
        return materials(self.problem)

    def face(self, face: Face) -> Site:
        if face not in self._faces:
            self._faces[face] = on_face(self.problem, self.exact, face)
        return self._faces[face]

    def equations(self, functions: Functions) -> Iterator[Claim]:
        """Every equation, in each region of the domain; and what is continuous between them."""
        regions = self.materials
        if regions is None:
            for residual in self.problem.equations:
                yield from self._smooth(residual, functions, self.inside, f"equation {residual.text}")
            return
        numbers = regions.number(self.inside.x)
        for k, region in enumerate(regions.regions):
            site = self.inside.part(numbers == k)
            for residual in region.equations:
                label = f"equation {residual.text} where {_predicate(region.predicate)}"
                yield from self._smooth(residual, functions, site, label)
        yield from self._ties(regions, functions)

    def _smooth(self, residual: Residual, functions: Functions, site: Site, label: str) -> Iterator[Claim]:
        """An equation where nothing may jump or have a kink: a formula with branches there would not be differentiable."""
        found = list(self._branches([residual.expression, *functions.values()], site))
        own = [[resolved(e, where) for e in (residual.expression, *functions.values())] for where, _ in found]
        if any(branch != own[0] for branch in own):
            raise Unprovable(f"a kink or jump that moves, or that no rule is known for, is not read by the proof ({label})")
        yield from self._stated(residual, functions, site, label)

    def _ties(self, regions: Materials, functions: Functions) -> Iterator[Claim]:
        """The expressions that are continuous where two regions meet."""
        space = {symbol(self.problem.coordinates[axis]) for axis in self.problem.domain.space_axes}
        names = space | set(self.problem.constants)
        both = [s for r in self.problem.equations for s in switches(r.expression, names)]
        found = {s: None for s in both if s.free_symbols & space or inside_symbol(s)}
        seen: set[tuple[int, int]] = set()
        for site, first, second in on_interfaces(self.problem, self.exact, regions, list(found)):
            seen |= {(first, second), (second, first)}
            one, other = regions.regions[first], regions.regions[second]
            for tie in regions.ties:
                values = []
                for region in (one, other):
                    own = {name: resolved(e, region.at) for name, e in functions.items()}
                    values.append(region.resolve(tie).evaluate(own, self.problem.coordinates))
                text = tie.text if "=" not in tie.text else f"the flux in {tie.text}"
                jump = (values[0] - values[1]).xreplace({**site.position, **site.normal})
                yield self._claim(f"continuous: {text} {site.words}", jump, site)
        spacing = float(self.problem.domain.lengths[list(self.problem.domain.space_axes)].max()) / 20
        for interface in regions.interfaces(spacing):
            if (interface.first, interface.second) not in seen:
                raise Unprovable("where two materials meet is not read by the proof")

    def conditions(self, functions: Functions) -> Iterator[Claim]:
        """Initial and boundary conditions, and constraints."""
        for condition in self.problem.conditions:
            if condition.kind == "constraint":
                yield from self._constraint(condition, functions)
                continue
            if self.problem.domain.is_box or condition.kind == "initial":
                sites = [self.face(face) for face in condition.place.faces]
            else:
                axes = {*self.problem.domain.space_axes} - {*self.problem.domain.region_axes}
                sites = [*self.outline, *(self.face(face) for face in condition.place.faces if face.axis in axes)]
            claimed = False
            for site in sites:
                mask = holds(condition.place, self.problem.domain, site.x)
                if condition.kind == "initial":
                    mask[:] = True
                if mask.any():
                    claimed = True
                    for residual in condition.residuals:
                        part = "" if mask.all() else f", where {condition.place.text}"
                        label = f"{condition.kind} {residual.text} {site.words}{part}"
                        yield from self._stated(residual, functions, site.part(mask), label)
            if not claimed:
                raise Unprovable(f"where the condition '{condition.name}' holds is not read by the proof")

    def _constraint(self, condition: Condition, functions: Functions) -> Iterator[Claim]:
        problem = self.problem
        if condition.choice is not None:
            quantity = condition.choice.quantity
            label = f"constraint {quantity.text}"
            value = quantity.evaluate(functions, problem.coordinates)
            space = [problem.coordinates[axis] for axis in problem.domain.space_axes]
            if condition.choice.point is None:
                value = integral(problem, self.exact, value)
                position = {symbol(name): sp.Integer(0) for name in space}
            else:
                point = zip(problem.coordinates, condition.choice.point, strict=True)
                position = {symbol(name): rational(x) for name, x in point if x is not None}
            site = site_at(problem, self.exact, position)
            claim = self._claim(label, value.xreplace(position), site)
            yield replace(claim, sign=1 if condition.choice.positive else -1)
            return
        for residual in condition.residuals:
            label = f"constraint {residual.text}"
            if condition.place.point is not None:
                yield from self._stated(residual, functions, site_at(problem, self.exact, condition.position), label)
                continue
            if any(sign in residual.text for sign in ("<", ">", "!=")):
                raise Unprovable(f"the constraint '{condition.name}' is not read by the proof")
            jets = {s: replace(residual, expression=s).evaluate(functions, problem.coordinates) for s in residual.jets}
            value = residual.expression.replace(POINT_VALUE, lambda jet, *at: self._at(jet, at, residual, jets))  # noqa: B023
            value = value.replace(INTEGRAL, lambda inner: integral(problem, self.exact, inner.xreplace(jets)))  # noqa: B023
            space = [symbol(problem.coordinates[axis]) for axis in problem.domain.space_axes]
            value = value.xreplace(jets)
            if value.has(*space) and any(value.free_symbols & {s} for s in space):
                raise Unprovable(f"the constraint '{condition.name}' is not read by the proof")
            yield self._claim(label, value, site_at(problem, self.exact, {s: sp.Integer(0) for s in space}))

    def _at(self, jet: sp.Symbol, at: Sequence[sp.Expr], residual: Residual, jets: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        """The value of a derivative at a point."""
        name, _ = residual.jets[jet]
        arguments = next(f for f in self.problem.fields if f.name == name).arguments
        return jets[jet].xreplace(dict(zip(map(symbol, arguments), at, strict=True)))

    def periodicity(self, functions: Functions) -> Iterator[Claim]:
        """Value and derivatives below the order of the equations agree at the two ends."""
        problem = self.problem
        for name in problem.domain.periodic:
            axis = problem.coordinates.index(name)
            order = max((r.order_in(axis) for r in problem.equations), default=1)
            x, (lower, upper) = symbol(name), self.exact.limits[name]
            low, high = (self.face(Face(axis, side)) for side in (-1, 1))
            for f in problem.fields:
                value = functions[f.name]
                pairs = self._pairs(value, low, high)
                for k in range(max(1, order)):
                    label = f"periodic {f.name}{'_' + name * k if k else ''} from {name} = {lower} to {upper}"
                    for (at_low, at_high), mask in pairs:
                        slopes = [sp.diff(e, x, k) if k else e for e in (at_low, at_high)]
                        difference = slopes[1].xreplace({x: upper}) - slopes[0].xreplace({x: lower})
                        yield self._claim(label, difference, low.part(mask))

    def _pairs(self, value: sp.Expr, low: Site, high: Site) -> list[tuple[tuple[sp.Expr, sp.Expr], np.ndarray]]:
        """The branches of an expression at two opposite ends, and where along them."""
        found: dict[tuple[sp.Expr, sp.Expr], np.ndarray] = {}
        for one, mask in self._branches([value], low):
            for other, also in self._branches([value], high):
                if (mask & also).any():
                    pair = resolved(value, one), resolved(value, other)
                    found[pair] = found.get(pair, False) | (mask & also)
        return list(found.items())

    def _stated(self, residual: Residual, functions: Functions, site: Site, label: str) -> Iterator[Claim]:
        """A residual at a site, a claim for each branch that it has there."""
        problem = self.problem
        if site.face is not None:
            residual = residual.on_face(site.face, problem.coordinates)
        elif site.normal:
            residual = residual.on_boundary(problem.domain.space_axes, problem.coordinates)
        stated: dict[sp.Expr, np.ndarray] = {}
        for where, mask in self._branches([residual.expression, *functions.values()], site):
            own = {name: resolved(e, where) for name, e in functions.items()} if where else functions
            branch = replace(residual, expression=resolved(residual.expression, where)) if where else residual
            value = branch.evaluate(own, problem.coordinates).xreplace({**site.position, **site.normal})
            stated[value] = stated.get(value, False) | mask
        for number, (value, mask) in enumerate(stated.items(), 1):
            part = f" (part {number})" if len(stated) > 1 else ""
            yield self._claim(label + part, value, site.part(mask))

    def _branches(
        self, expressions: Sequence[sp.Expr], site: Site
    ) -> Iterator[tuple[Mapping[sp.Symbol, float | bool], np.ndarray]]:
        """A point for every combination of branches, and which samples have it; one without values where nothing branches."""
        everywhere = np.ones(len(site.x), bool)
        if not any(e.has(*BENT) for e in expressions):
            yield {}, everywhere
            return
        problem = self.problem
        symbols = [symbol(name) for name in problem.coordinates]
        found = {s: None for e in expressions for s in switches(problem.with_values(e), set(symbols))}
        inside = [s for s in found if inside_symbol(s)]
        plain = [s for s in found if not inside_symbol(s)]
        signs = [problem.domain.inside(inside_name(s), site.inside) for s in inside]
        if plain:
            signs += list((evaluated(plain, symbols, list(site.inside.T), problem, len(site.x)) > 0).T)
        pattern: Array = np.array(signs, bool).reshape(len(found), len(site.x)).T
        for row in np.unique(pattern, axis=0):
            mask = (pattern == row).all(1)
            point = site.inside[np.flatnonzero(mask)[0]]
            where: dict[sp.Symbol, float | bool] = dict(zip(symbols, point.tolist(), strict=True))
            where |= {s: bool(value) for s, value in zip(inside, row[: len(inside)], strict=True)}
            where |= {s: float(sp.N(value, 17)) for s, value in problem.constants.items() if value.is_real}
            yield where, mask

    def _claim(self, label: str, expression: sp.Expr, site: Site) -> Claim:
        """The claim with the site's ranges and some of its samples, and those of the problem's parameters."""
        if self.complex:
            expression = written_out(expression)
        ranges = dict(site.ranges)
        fractions = site.fractions[:: max(1, len(site.fractions) // KEPT)][:KEPT]
        parameters = {symbol(name): pair for name, pair in self.problem.parameters.items() if expression.has(symbol(name))}
        if parameters:
            ranges |= {s: (sp.nsimplify(low), sp.nsimplify(high)) for s, (low, high) in parameters.items()}
            fractions = np.repeat(fractions, KEPT // len(fractions) + 1, axis=0)
            fractions = np.hstack([fractions, lattice(len(fractions), len(parameters))])
        rows = tuple(tuple(sp.Rational(round(f * LATTICE), LATTICE) for f in row) for row in fractions.tolist())
        return Claim(label, expression, ranges, rows)


def claim_points(problem: Problem, claim: Claim, perturbed: bool, count: int = 4, seed: int = 0) -> list[Point]:
    """Fixed, irregular points at which a claim is made; the letters as given, or each off by up to nine percent."""
    if not claim.fractions:
        return points(problem, perturbed, count)
    result: list[Point] = []
    for k in range(1 + seed * count, 1 + seed * count + count):
        point = _letters(problem, perturbed, k)
        row = claim.fractions[(7 * k + 3) % len(claim.fractions)]
        for (name, (lower, upper)), fraction in zip(claim.ranges.items(), row, strict=True):
            low, high = lower.xreplace(point), upper.xreplace(point)
            point[name] = low + (high - low) * fraction
        result.append(point)
    return result


def points(problem: Problem, perturbed: bool, count: int = 4) -> list[Point]:
    """Fixed, irregular points of the box around the domain; the letters as given, or each off by up to nine percent.

    In time they crowd towards the beginning, where fast modes are still there to be judged.
    """
    result: list[Point] = []
    for k in range(1, count + 1):
        point = _letters(problem, perturbed, k)
        for i, name in enumerate(problem.coordinates):
            lower, upper = (limit.xreplace(point) for limit in problem.limits[name])
            fraction = sp.Rational((271 * k * (2 * i + 1) + 97 * i) % 613 + 17, 647) ** (3 if name == problem.domain.time else 1)
            point[symbol(name)] = lower + (upper - lower) * fraction
        result.append(point)
    return result


def _letters(problem: Problem, perturbed: bool, k: int) -> dict[sp.Symbol, sp.Expr]:
    shifts = [sp.Rational((37 * k * (i + 2) + 11 * i) % 89 + 3, 1009) if perturbed else 0 for i in range(len(problem.constants))]
    return {name: value * (1 + shift) for (name, value), shift in zip(problem.constants.items(), shifts, strict=True)}


def _predicate(predicate: sp.Basic) -> str:
    from kanpde.problem.language import write_expression

    try:
        return write_expression(predicate)
    except (TypeError, ValueError, AttributeError, UnsupportedProblem):
        return str(predicate)
