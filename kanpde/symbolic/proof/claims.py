"""What a problem states of its solution, as expressions that must be zero: equations, conditions, periodicity, ties, constraints.

The letters of the problem (its named constants) stay letters. On an outline the coordinates are put in exactly: x = cos(theta),
y = sin(theta). Where something jumps or has a kink, every branch is a claim of its own, of smooth expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Combination, Face
from kanpde.problem.crossings import samples
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.jumps import inside_symbol, resolved, switches
from kanpde.problem.materials import Materials, materials
from kanpde.problem.types import Condition, Problem, Residual, symbol
from kanpde.symbolic.proof.bounding import bounding
from kanpde.symbolic.proof.cells import BENT, STEPS, Cell, Splitter
from kanpde.symbolic.proof.claim import Claim, Unprovable, claim_points, letters_bound, points
from kanpde.symbolic.proof.conjugates import written_out
from kanpde.symbolic.proof.exact_shapes import Exact, exact_domain, rational
from kanpde.symbolic.proof.integrals import Unintegrable, integral
from kanpde.symbolic.proof.places import predicate_on
from kanpde.symbolic.proof.signs import Undecided
from kanpde.symbolic.proof.sites import LATTICE, Site, evaluated, interior, lattice, on_face, on_interfaces, on_outline, site_at

__all__ = ["Claim", "Functions", "Unprovable", "claim_points", "claims", "letters_bound", "points"]

KEPT = 32
"""Samples of a site that stay with a claim; points to try it at are drawn from them."""

Functions = Mapping[str, sp.Expr]
"""An expression for each field (and for each unknown constant); where it has branches, a ``Piecewise`` in the coordinates."""


def claims(problem: Problem, functions: Functions, moving: bool = False) -> list[Claim]:
    """Everything that the problem states, with the formula put in and differentiated, in the order of the file.

    ``functions`` may contain further symbols, numbers that are still open. Nothing is simplified. A letter that only the domain
    has (``x: [0, L]``) is replaced by its value, unless it is ``moving`` or the formula contains it. Raises Unprovable.
    """
    whole = _joined(problem, functions)
    stage = _stage(problem)
    try:
        found = [*stage.equations(whole), *stage.conditions(whole), *stage.periodicity(whole)]
    except (ValueError, UnsupportedProblem, Unintegrable, Undecided) as error:
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
        found: list[Site] = []
        for carrier, parts in on_outline(self.problem, self.exact):
            if isinstance(self.problem.domain.shape, Combination):
                seen = self._sides(carrier, parts)
                if not seen <= set(parts):
                    raise Undecided(f"a piece of the boundary is too short to be seen: {carrier.words}")
            found += parts.values()
        return found

    def _sides(self, carrier: Site, parts: Mapping[int, Site]) -> set[int]:
        """On which sides of a carrier the domain lies alone."""
        try:
            return {sign for sign, _ in bounding(self.problem, self.exact, carrier)}
        except Undecided:
            if not parts:
                raise
            return set(parts)

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
        yield from self._in_regions(regions, functions)
        yield from self._ties(regions, functions)

    def _in_regions(self, regions: Materials, functions: Functions) -> Iterator[Claim]:
        """Every equation in every exact cell, each of which must lie in a region that has the same equations."""
        problem, domain, site = self.problem, self.problem.domain, self.inside
        laws = [r.expression for r in problem.equations]
        inner = samples(domain)
        x = np.broadcast_to(domain.bounds.mean(1), (len(inner), domain.dimension)).copy()
        x[:, list(domain.space_axes)] = inner
        numbers = regions.number(x)
        own: dict[int, tuple[sp.Basic, ...]] = {}
        stated: dict[tuple[int, int], tuple[sp.Expr, list[Cell]]] = {}
        for found, cell in self._cells([*laws, *functions.values()], site):
            within = self._samples(site, cell, x)
            here = set(numbers[within].tolist())
            if len(here) != 1:
                raise Unprovable("a region too narrow to be seen, or one that no rule is known for, is not read by the proof")
            (k,) = here
            if own.setdefault(k, found[len(laws) :]) != found[len(laws) :]:
                raise Unprovable("a kink or jump inside a material is not read by the proof")
            named = dict(zip(functions, found[len(laws) :], strict=True))
            for i, (residual, law) in enumerate(zip(regions.regions[k].equations, found, strict=False)):
                other = residual.expression.replace(sp.DiracDelta, lambda *_: sp.Integer(0))
                if sp.expand(problem.with_values(law - other)) != 0:
                    raise Unprovable("a region too narrow to be seen is not read by the proof")
                value = replace(problem.equations[i], expression=law).evaluate(named, problem.coordinates)
                stated.setdefault((k, i), (value, []))[1].append(cell)
        for (k, i), (value, cells) in stated.items():
            label = f"equation {problem.equations[i].text} where {_predicate(regions.regions[k].predicate)}"
            yield from self._claims(label, value, site, cells)

    def _smooth(self, residual: Residual, functions: Functions, site: Site, label: str) -> Iterator[Claim]:
        """An equation where nothing may jump or have a kink: a formula with branches there would not be differentiable."""
        found = list(self._cells([residual.expression, *functions.values()], site))
        if any(own != found[0][0] for own, _ in found):
            raise Unprovable(f"a kink or jump that moves, or that no rule is known for, is not read by the proof ({label})")
        law, *values = found[0][0]
        named = dict(zip(functions, values, strict=True))
        value = replace(residual, expression=law).evaluate(named, self.problem.coordinates)
        claimed = list(self._claims(label, value, site, [Cell(site.ranges, given=any(cell.given for _, cell in found))]))
        jumps = (sp.sign, sp.Heaviside, sp.Piecewise, sp.DiracDelta)
        if len(claimed) > 1 and residual.fluxes and value.has(*jumps):
            raise Unprovable(f"a flux that may jump where the solution has a certain value is not read by the proof ({label})")
        yield from claimed

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
                yield from self._claims(f"continuous: {text} {site.words}", jump, site)
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
                for part in self._conditions_on(condition, functions, site):
                    claimed = True
                    yield part
            if not claimed:
                raise Unprovable(f"where the condition '{condition.name}' holds is not read by the proof")

    def _conditions_on(self, condition: Condition, functions: Functions, site: Site) -> Iterator[Claim]:
        """A condition on one side, where it holds there."""
        predicate: sp.Basic = sp.true
        if condition.kind != "initial" and condition.place.predicate is not None:
            predicate = predicate_on(condition.place.predicate, self.problem, self.exact, site)
        if predicate == sp.false:
            return
        part = "" if predicate == sp.true else f", where {condition.place.text}"
        for residual in condition.residuals:
            yield from self._stated(residual, functions, site, f"{condition.kind} {residual.text} {site.words}{part}", predicate)

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
            for claim in self._claims(label, value.xreplace(position), site):
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
            yield from self._claims(label, value, site_at(problem, self.exact, {s: sp.Integer(0) for s in space}))

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
                    for (at_low, at_high), cells in pairs.items():
                        slopes = [sp.diff(e, x, k) if k else e for e in (at_low, at_high)]
                        difference = slopes[1].xreplace({x: upper}) - slopes[0].xreplace({x: lower})
                        yield from self._claims(label, difference, low, cells)

    def _pairs(self, value: sp.Expr, low: Site, high: Site) -> dict[tuple[sp.Expr, sp.Expr], list[Cell]]:
        """The branches of an expression at two opposite ends, and where along them."""
        found: dict[tuple[sp.Expr, sp.Expr], list[Cell]] = {}
        for (one,), cell in self._cells([value], low):
            for (other,), part in self._cells([value], high, [cell]):
                found.setdefault((one, other), []).append(part)
        return found

    def _stated(
        self, residual: Residual, functions: Functions, site: Site, label: str, predicate: sp.Basic = sp.true
    ) -> Iterator[Claim]:
        """A residual at a site, where the predicate holds; a claim for each branch that it has there."""
        problem = self.problem
        if site.face is not None:
            residual = residual.on_face(site.face, problem.coordinates)
        elif site.normal:
            residual = residual.on_boundary(problem.domain.space_axes, problem.coordinates)
        expressions = [residual.expression, *functions.values()]
        starts = None
        if not site.whole and (predicate != sp.true or any(e.has(*BENT) for e in expressions)):
            starts = [cell for sign, cell in bounding(problem, self.exact, site) if sign == 1]
        stated: dict[sp.Expr, list[Cell]] = {}
        given = False
        for (truth, law, *values), cell in self._cells([predicate, *expressions], site, starts):
            given = given or cell.given
            if truth == sp.false:
                continue
            if truth != sp.true:
                raise Unprovable(f"where a condition holds is not read by the proof ({label})")
            named = dict(zip(functions, values, strict=True))
            value = replace(residual, expression=law).evaluate(named, problem.coordinates)
            stated.setdefault(value.xreplace({**site.position, **site.normal}), []).append(cell)
        for number, (value, cells) in enumerate(stated.items(), 1):
            part = f" (part {number})" if len(stated) > 1 else ""
            for claim in self._claims(label + part, value, site, cells):
                yield replace(claim, given=claim.given or given)

    def _cells(
        self, expressions: Sequence[sp.Basic], site: Site, starts: Sequence[Cell] | None = None
    ) -> Iterator[tuple[tuple[sp.Basic, ...], Cell]]:
        """Expressions in the coordinates, smooth in each cell of a site, seen from inside the domain."""
        splitter = Splitter(self.problem, self.exact, site, limits=True)
        for cell in [splitter.whole()] if starts is None else starts:
            yield from splitter.split(expressions, cell)

    def _samples(self, site: Site, cell: Cell, columns: np.ndarray) -> np.ndarray:
        """Which values of a site's symbols, (N, k), lie in a cell."""
        symbols, values = list(site.ranges), self.problem.with_values
        mask = np.ones(len(columns), bool)
        for s, column in zip(symbols, columns.T, strict=True):
            low, high = (float(values(e)) for e in cell.ranges[s])
            mask &= (low < column) & (column < high)
        if cell.known:
            found = evaluated([e for e, _ in cell.known], symbols, list(columns.T), self.problem, len(columns))
            mask &= (found * [sign for _, sign in cell.known] > 0).all(1)
        return mask

    def _claims(self, label: str, expression: sp.Expr, site: Site, cells: Sequence[Cell] | None = None) -> Iterator[Claim]:
        """A claim on cells of a site; one for each branch where the formula put in has brought further branches."""
        if self.complex:
            expression = written_out(expression)
        splitter = Splitter(self.problem, self.exact, site, limits=False)
        found: dict[sp.Expr, list[Cell]] = {}
        for start in cells or [splitter.whole()]:
            for (value,), cell in (
                splitter.split([expression], start) if expression.has(*BENT, *STEPS) else [((expression,), start)]
            ):
                found.setdefault(value, []).append(cell)
        for number, (value, own) in enumerate(found.items(), 1):
            yield self._claim(label + (f" (branch {number})" if len(found) > 1 else ""), value, site, own)

    def _claim(self, label: str, expression: sp.Expr, site: Site, cells: Sequence[Cell]) -> Claim:
        """The claim with its ranges and some samples in them, and those of the problem's parameters."""
        ranges, fractions = dict(site.ranges), site.fractions
        if any(cell.cut or cell.known for cell in cells):
            pairs = [[float(self.problem.with_values(e)) for e in pair] for pair in ranges.values()]
            columns = [low + (high - low) * f for (low, high), f in zip(pairs, fractions.T, strict=True)]
            mask = np.any([self._samples(site, cell, np.stack(columns, 1)) for cell in cells], 0)
            if mask.any():
                fractions = fractions[mask]
            else:  # narrower than the samples: its own ranges, all over
                ranges = dict(cells[0].ranges)
        fractions = fractions[:: max(1, len(fractions) // KEPT)][:KEPT]
        parameters = {symbol(name): pair for name, pair in self.problem.parameters.items() if expression.has(symbol(name))}
        if parameters:
            ranges |= {s: (sp.nsimplify(low), sp.nsimplify(high)) for s, (low, high) in parameters.items()}
            fractions = np.repeat(fractions, KEPT // len(fractions) + 1, axis=0)
            fractions = np.hstack([fractions, lattice(len(fractions), len(parameters))])
        rows = tuple(tuple(sp.Rational(round(f * LATTICE), LATTICE) for f in row) for row in fractions.tolist())
        return Claim(label, expression, ranges, rows, given=any(cell.given for cell in cells))


def _predicate(predicate: sp.Basic) -> str:
    from kanpde.problem.language import write_expression

    try:
        return write_expression(predicate)
    except (TypeError, ValueError, AttributeError, UnsupportedProblem):
        return str(predicate)
