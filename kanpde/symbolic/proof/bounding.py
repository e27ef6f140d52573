"""Which part of a curve or surface bounds the domain, exactly: where the domain lies on one side of it and not on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import sympy as sp

from kanpde.geometry.shapes import Combination, Shape
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.proof.cells import Cell, Splitter
from kanpde.symbolic.proof.exact_shapes import Exact
from kanpde.symbolic.proof.signs import Undecided
from kanpde.symbolic.proof.sites import Site
from kanpde.symbolic.proof.within import within


def domain_relation(shape: Shape | Combination, exact: Exact, x: Sequence[sp.Symbol]) -> sp.Basic:
    """The points of a shape as exact inequalities."""
    if isinstance(shape, Shape):
        found = within(shape.kind, exact.shapes[shape.name], x)
        if found is None:
            raise Undecided(f"the shape {shape.name} is not read by the proof where parts of it are hidden")
        return found
    first, *rest = (domain_relation(part, exact, x) for part in shape.parts)
    if shape.sign == "-":
        return sp.And(first, sp.Not(sp.Or(*rest)))
    return sp.And(first, *rest) if shape.sign == "&" else sp.Or(first, *rest)


def bounding(problem: Problem, exact: Exact, site: Site) -> Iterator[tuple[int, Cell]]:
    """The cells of a carrier that may bound the domain: 1 where the domain lies behind its normal, else -1. Raises Undecided."""
    domain = problem.domain
    x = [symbol(problem.coordinates[axis]) for axis in domain.region_axes]
    relation = domain_relation(domain.shape, exact, x)
    behind = Splitter(problem, exact, site, limits=True)
    before = Splitter(problem, exact, replace(site, normal={n: -e for n, e in site.normal.items()}), limits=True)
    for (one,), cell in behind.split([relation]):
        for (other,), part in before.split([relation], cell):
            if one != other:
                yield (1 if one == sp.true else -1), part
