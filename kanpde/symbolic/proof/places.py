"""On which part of a side a condition holds, as exact inequalities."""

from __future__ import annotations

import numpy as np
import sympy as sp
from sympy.core.relational import Relational

from kanpde.problem.jumps import inside_symbol
from kanpde.problem.types import Problem, symbol
from kanpde.problem.where import satisfied
from kanpde.symbolic.proof.exact_shapes import Exact
from kanpde.symbolic.proof.signs import Undecided, exact, vanishes
from kanpde.symbolic.proof.sites import Site
from kanpde.symbolic.proof.within import within


def predicate_on(predicate: sp.Basic, problem: Problem, shapes: Exact, site: Site) -> sp.Basic:
    """A place's predicate on a side: names of shapes as inequalities, and what is an equality all along the side decided.

    Along its line, ``=`` and ``<=`` hold and ``<`` does not. Raises Undecided.
    """
    put = {s: _named(s, problem, shapes, site) for s in sorted(predicate.free_symbols, key=str) if _of_shape(s)}
    predicate = predicate.xreplace(put)
    values = {s: exact(v) for s, v in problem.constants.items()}
    known = {}
    for r in predicate.atoms(Relational):
        if vanishes(exact((r.lhs - r.rhs).xreplace(values).xreplace(dict(site.position)).xreplace(values))):
            known[r] = sp.true if isinstance(r, sp.Eq | sp.Le | sp.Ge) else sp.false
        elif isinstance(r, sp.Eq | sp.Ne):  # a single point of the side
            known[r] = sp.true if isinstance(r, sp.Ne) else sp.false
    return predicate.xreplace(known)


def _of_shape(s: sp.Basic) -> bool:
    return inside_symbol(s) or (isinstance(s, sp.Symbol) and s.name.startswith("on("))


def _named(s: sp.Symbol, problem: Problem, shapes: Exact, site: Site) -> sp.Basic:
    """on(name) and inside(name) on a side."""
    domain = problem.domain
    name = s.name.partition("(")[2].rstrip(")")
    if not inside_symbol(s) and not domain.is_box and name in domain.shape.names():
        found = np.unique(satisfied(s, domain, site.x))
        if len(found) != 1:
            raise Undecided(f"which part of the boundary belongs to {name} is not read by the proof")
        return sp.true if found[0] else sp.false
    shape = domain.named[name]
    inner = [symbol(problem.coordinates[axis]) for axis in domain.axes_of(shape)]
    relation = within(shape.kind, shapes.shapes[shape.name], inner)
    if relation is None:
        raise Undecided(f"which part of the boundary lies in {name} is not read by the proof")
    return relation
