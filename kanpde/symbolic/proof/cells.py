"""The cells into which comparisons cut a site, each with smooth expressions: one branch of every piecewise, abs, max, sign.

The innermost comparison goes first: its signs on the site (``signs``) split the cell, and in each part it is replaced by its
branch, until none is left. So no branch is overlooked, however narrow; that of a single point is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import sympy as sp
from sympy.core.relational import Relational

from kanpde.problem.jumps import inside_name, inside_symbol
from kanpde.problem.types import Problem, normal_component, symbol
from kanpde.symbolic.proof.exact_shapes import Exact
from kanpde.symbolic.proof.signs import Ranges, Undecided, exact, roots, sign_of, signs, vanishes
from kanpde.symbolic.proof.sites import Site
from kanpde.symbolic.proof.within import within

ALONE = (sp.Abs, sp.sign, sp.Heaviside, sp.DiracDelta)
CHOICE = (sp.Max, sp.Min)
BENT = (sp.Piecewise, *ALONE, *CHOICE)
STEPS = (sp.floor, sp.ceiling, sp.frac)
MOST_CELLS = 200
INWARDS = 4
"""Derivatives along the inward normal that tell on which side of a comparison the domain lies, where it is an equality."""


@dataclass(frozen=True)
class Cell:
    """A part of a site: ``ranges`` of its symbols, exact signs of what was compared, and whether letters had their values."""

    ranges: Ranges
    known: tuple[tuple[sp.Expr, int], ...] = ()  # expressions of the site's symbols and their signs
    given: bool = False
    cut: bool = field(default=False)  # whether ranges are narrower than the site's


@dataclass(frozen=True)
class Comparison:
    """What is compared with zero; ``by_sign`` says what takes the place of ``target``."""

    target: sp.Basic
    difference: sp.Expr
    by_sign: Mapping[int, sp.Basic]


class Splitter:
    """Splits cells of one site. ``limits``: whether expressions are in the coordinates, seen from inside the domain."""

    def __init__(self, problem: Problem, shapes: Exact, site: Site, limits: bool) -> None:
        self.problem, self.shapes, self.site, self.limits = problem, shapes, site, limits
        self.values = {s: exact(v) for s, v in problem.constants.items()}
        self.open = {*map(symbol, problem.parameters), *map(symbol, problem.unknowns)}
        self.symbols = {*site.ranges, *map(symbol, problem.coordinates)}

    def whole(self) -> Cell:
        """The site in one piece."""
        return Cell(dict(self.site.ranges))

    def split(self, expressions: Sequence[sp.Basic], cell: Cell | None = None) -> Iterator[tuple[tuple[sp.Basic, ...], Cell]]:
        """The expressions on each cell, without a comparison that coordinates and letters decide. Raises Undecided."""
        names = {s for e in expressions for s in e.free_symbols if inside_symbol(s)}
        put = {s: self._region(s) for s in sorted(names, key=str)}
        waiting = [(tuple(e.xreplace(put) if put else e for e in expressions), cell or self.whole())]
        count = 0
        while waiting:
            count += 1
            if count > MOST_CELLS:
                raise Undecided("there are too many branches to prove each")
            own, here = waiting.pop()
            found = self._innermost(own)
            if found is None:
                if any(e.has(*STEPS) for e in own):
                    raise Undecided("steps (floor) are not read by the proof")
                if any(a.free_symbols & self.open for e in own for a in e.atoms(*BENT)):
                    raise Undecided("a comparison with a parameter or an unknown constant is not read by the proof")
                yield own, here
                continue
            for sign, part in reversed(self._signs(found.difference, here, found.target)):
                value = found.by_sign[sign]
                waiting.append((tuple(e.xreplace({found.target: value}) for e in own), part))

    def _region(self, s: sp.Symbol) -> sp.Basic:
        """inside(name) as inequalities."""
        shape = self.problem.domain.named[inside_name(s)]
        axes = self.problem.domain.axes_of(shape)
        found = within(shape.kind, self.shapes.shapes[shape.name], [symbol(self.problem.coordinates[a]) for a in axes])
        if found is None:
            raise Undecided(f"where {s} changes is not read by the proof")
        return found

    def _innermost(self, expressions: Sequence[sp.Basic]) -> Comparison | None:
        """A comparison without another one inside, that coordinates and letters decide."""
        pieces = sorted(set().union(*(e.atoms(sp.Piecewise) for e in expressions)), key=lambda p: (p.count_ops(), str(p)))
        relations = [r for p in pieces for _, c in p.args for r in sorted(c.atoms(Relational), key=str)]
        if not all(isinstance(e, sp.Expr) for e in expressions):  # predicates
            relations += sorted(set().union(*(e.atoms(Relational) for e in expressions)), key=str)
        for r in relations:
            if self._read(r):
                return _of_relation(r)
        bent = sorted(set().union(*(e.atoms(*ALONE, *CHOICE) for e in expressions)), key=str)
        for atom in bent:
            if self._read(atom):
                return _of_choice(atom) if isinstance(atom, CHOICE) else _of_one(atom)
        return None

    def _read(self, e: sp.Basic) -> bool:
        """Whether coordinates and letters alone are compared. Open numbers are not known yet; complex values have no sign."""
        if any(a.has(*BENT) or a.atoms(Relational) for a in e.args):
            return False
        known = e.free_symbols <= self.symbols | set(self.values)
        return known and all(a.is_extended_real is not False and not a.has(sp.I, sp.conjugate) for a in e.args)

    def _signs(self, difference: sp.Expr, cell: Cell, target: sp.Basic) -> list[tuple[int, Cell]]:
        """The signs that a difference has on a cell, and the part of the cell with each."""
        at = self._at(difference.xreplace(self.values))
        if vanishes(at):
            if not self.limits:
                if isinstance(target, sp.Abs | sp.Max | sp.Min):
                    return [(1, cell)]  # equal, whichever is taken
                return [(1, cell), (-1, cell)]
            at = self._inwards(difference.xreplace(self.values))
            if at is None:
                return [(1, cell), (-1, cell)]
        for other, sign in cell.known:
            ratio = sp.cancel(at / other) if at.free_symbols == other.free_symbols else at
            if at.free_symbols and ratio.is_number:
                return [(sign * sign_of(ratio), cell)]
        exact_ranges = {s: tuple(exact(e.xreplace(self.values)) for e in pair) for s, pair in cell.ranges.items()}
        affine = [sign * e for e, sign in cell.known]
        given = cell.given or self._bound_to_letters(difference, at, exact_ranges)
        found = []
        for sign, parts in signs(at, exact_ranges, affine):
            ranges = dict(cell.ranges)
            for s, (low, high) in parts.items():
                was, (lower, upper) = cell.ranges[s], exact_ranges[s]
                ranges[s] = (was[0] if low == lower else low, was[1] if high == upper else high)
            cut = cell.cut or ranges != dict(cell.ranges)
            known = (*cell.known, (at, sign)) if at.free_symbols else cell.known
            found.append((sign, Cell(ranges, known, given, cut)))
        return found

    def _at(self, e: sp.Expr) -> sp.Expr:
        """An expression on the site, in exact numbers and the site's own symbols."""
        return exact(e.xreplace(dict(self.site.position)).xreplace(self.values))

    def _inwards(self, difference: sp.Expr) -> sp.Expr | None:
        """The first derivative along the inward normal that is not zero on the site; None where nothing tells."""
        step = sp.Dummy("step")
        names = self.problem.coordinates
        face = self.site.face
        if face is not None:
            normals = {names[face.axis]: sp.Integer(face.side)}
        else:
            normals = {c: self.site.normal[normal_component(c)] for c in names if normal_component(c) in self.site.normal}
        if not normals:
            return None
        straight = {c: sp.Dummy(f"n {c}") for c in normals}
        shifted = difference.xreplace({symbol(c): symbol(c) - step * n for c, n in straight.items()})
        for order in range(1, INWARDS + 1):
            slope = sp.diff(shifted, step, order).xreplace({step: sp.Integer(0)})
            at = self._at(slope.xreplace({straight[c]: n for c, n in normals.items()}))
            if not vanishes(at):
                return at
        return None

    def _bound_to_letters(self, difference: sp.Expr, at: sp.Expr, ranges: Ranges) -> bool:
        """Whether other values of the letters might have other signs: then what follows holds for the given ones only."""
        letters = set(self.values)
        place = difference.xreplace(dict(self.site.position))
        twins = {s: _twin(s, v, v) for s, v in self.values.items()}
        twins |= {s: _twin(s, *pair) for s, pair in ranges.items()}
        size = sp.factor_terms(place.xreplace(twins))
        if size.is_positive or size.is_negative:
            return False
        if place.free_symbols & letters:
            rest = [f for f in sp.Mul.make_args(sp.factor_terms(place)) if not (f.xreplace(twins).is_positive)]
            if sp.Mul(*rest).free_symbols & letters:
                return True
        free = sorted(place.free_symbols - letters, key=str)
        if not any(e.free_symbols & letters for s in free for e in self.site.ranges.get(s, ())):
            return False
        if len(free) != 1:
            return True
        places = roots(at, free[0])
        low, high = ranges[free[0]]
        return places is None or any(sign_of(r - low) <= 0 or sign_of(high - r) <= 0 for r in places)


def _twin(s: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """A symbol with the sign that the values between two numbers have."""
    if low.is_nonnegative and high.is_positive:
        return sp.Symbol(f"{s} twin", positive=True)
    if high.is_nonpositive and low.is_negative:
        return -sp.Symbol(f"{s} twin", positive=True)
    return sp.Symbol(f"{s} twin", real=True)


def _of_relation(r: Relational) -> Comparison:
    difference = r.lhs - r.rhs
    if isinstance(r, sp.Eq | sp.Ne):  # a single point or line, where no equation is posed
        truth = sp.true if isinstance(r, sp.Ne) else sp.false
        return Comparison(r, difference, {1: truth, -1: truth})
    above = isinstance(r, sp.StrictGreaterThan | sp.GreaterThan)
    return Comparison(r, difference, {1: sp.true if above else sp.false, -1: sp.false if above else sp.true})


def _of_one(atom: sp.Expr) -> Comparison:
    a = atom.args[0]
    if isinstance(atom, sp.Abs):
        return Comparison(atom, a, {1: a, -1: -a})
    if isinstance(atom, sp.DiracDelta):
        return Comparison(atom, a, {1: sp.Integer(0), -1: sp.Integer(0)})
    low = sp.Integer(0) if isinstance(atom, sp.Heaviside) else sp.Integer(-1)
    return Comparison(atom, a, {1: sp.Integer(1), -1: low})


def _of_choice(atom: sp.Expr) -> Comparison:
    """The larger of two arguments of max goes, or the smaller of min; one of them leaves."""
    one, other = next(combinations(sorted(atom.args, key=sp.default_sort_key), 2))
    above, below = (one, other) if isinstance(atom, sp.Max) else (other, one)
    rest = [a for a in atom.args if a not in (one, other)]
    return Comparison(atom, one - other, {1: atom.func(above, *rest), -1: atom.func(below, *rest)})
