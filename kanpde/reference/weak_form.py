"""An equation of second order as finite elements need it: a flux whose divergence it contains, and what else there is.

S = a_xx u_xx + 2 a_xy u_xy + a_yy u_yy + rest, where a may depend on the place and on u. With q = a grad u, the equation is
div q + g = 0 with g = rest - (div a) . grad u, and for every test function v

    -int q . grad v + int g v + int_boundary (q . n) v = 0.

A condition E = 0 with derivatives gives q . n = q . n - mu E, mu so that the derivative along the normal cancels. Where
coefficients jump, each region's equation is multiplied by a factor that makes q . n what is continuous there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.materials import Materials
from kanpde.problem.types import MultiIndex, Problem, Residual, jet_symbol, normal_component, symbol
from kanpde.reference.pointwise import Pointwise

FIRST: tuple[MultiIndex, ...] = ((0, 0), (1, 0), (0, 1))
SECOND: tuple[MultiIndex, ...] = ((2, 0), (1, 1), (0, 2))


@dataclass(frozen=True, eq=False)
class WeakForm:
    """The flux q and g of one region, and what becomes of conditions on its boundary."""

    problem: Problem
    q: tuple[sp.Expr, sp.Expr]
    matrix: sp.Matrix  # a
    flux: tuple[Pointwise, Pointwise]
    source: Pointwise

    def natural(self, residual: Residual) -> Pointwise:
        """The boundary term q . n of a condition with derivatives, as a function of place, normal, u and grad u."""
        name = self.problem.fields[0].name
        normal = sp.Matrix([normal_component(c) for c in self.problem.coordinates])
        condition = Pointwise(self.problem, residual.on_boundary((0, 1), self.problem.coordinates), normals=True)
        jets = [condition.symbols.get((name, index)) for index in FIRST]
        slopes = [sp.diff(condition.expression, s) if s is not None else sp.Integer(0) for s in jets[1:]]
        if any(slope.has(s) for slope in slopes for s in jets[1:] if s is not None):
            raise UnsupportedProblem("finite elements take conditions that are linear in the derivatives", residual.span)
        along = slopes[0] * normal[0] + slopes[1] * normal[1]
        mu = (normal.T * self.matrix * normal)[0] / along
        total = self.q[0] * normal[0] + self.q[1] * normal[1] - mu * condition.expression
        return _pointwise(self.problem, sp.expand(total), normals=True)


def weak_forms(problem: Problem, materials: Materials | None) -> list[WeakForm]:
    """The weak form in each region, or in the domain where nothing jumps."""
    if materials is None:
        return [_weak_form(problem, problem.equations[0], sp.Integer(1))]
    forms = []
    for region in materials.regions:
        equation = region.equations[0]
        forms.append(_weak_form(problem, equation, _factor(problem, equation, [region.resolve(tie) for tie in materials.ties])))
    return forms


def _weak_form(problem: Problem, residual: Residual, factor: sp.Expr) -> WeakForm:
    equation, name = Pointwise(problem, residual), problem.fields[0].name
    if not {index for _, index in equation.keys} <= {*FIRST, *SECOND}:
        raise UnsupportedProblem("finite elements are for equations of second order", residual.span)
    jets = {index: jet_symbol(name, index, problem.coordinates) for index in (*FIRST, *SECOND)}
    expression = equation.expression.xreplace({s: jets[key[1]] for key, s in equation.symbols.items()}) * factor
    a = [sp.diff(expression, jets[index]) for index in SECOND]
    derivatives = [jets[index] for index in (*FIRST[1:], *SECOND)]
    if any(part.has(*derivatives) for part in a):
        raise UnsupportedProblem("finite elements are for coefficients that do not depend on derivatives", residual.span)
    if all(part == 0 for part in a):
        raise UnsupportedProblem("finite elements are for equations of second order", residual.span)
    matrix = sp.Matrix([[a[0], a[1] / 2], [a[1] / 2, a[2]]])
    u, slopes = jets[0, 0], (jets[1, 0], jets[0, 1])
    rest = expression.xreplace({jets[index]: sp.Integer(0) for index in SECOND})
    for i, c in enumerate(problem.coordinates):
        for j in range(2):
            rest -= (sp.diff(matrix[i, j], symbol(c)) + sp.diff(matrix[i, j], u) * slopes[i]) * slopes[j]
    q = (matrix[0, 0] * slopes[0] + matrix[0, 1] * slopes[1], matrix[1, 0] * slopes[0] + matrix[1, 1] * slopes[1])
    return WeakForm(problem, q, matrix, (_pointwise(problem, q[0]), _pointwise(problem, q[1])), _pointwise(problem, rest))


def _pointwise(problem: Problem, expression: sp.Expr, normals: bool = False) -> Pointwise:
    name = problem.fields[0].name
    jets = {jet_symbol(name, index, problem.coordinates): (name, index) for index in FIRST}
    return Pointwise(problem, Residual(expression, jets, ""), normals)


def _factor(problem: Problem, equation: Residual, ties: Sequence[Residual]) -> sp.Expr:
    """What the equation of a region is multiplied by, so that its flux is what is continuous at its interfaces."""
    name = problem.fields[0].name
    mine = Pointwise(problem, equation)
    fluxes = []
    for tie in ties:
        slopes = tie.partials
        c = [slopes.get((name, index), sp.Integer(0)) for index in FIRST[1:]]
        if any(part != 0 for part in c):
            fluxes.append([problem.with_values(part) for part in c])
    if not fluxes:
        raise UnsupportedProblem("no flux is continuous where the coefficients jump", equation.span)
    along = fluxes[0]
    n = [normal_component(c) for c in problem.coordinates]
    wanted = [sp.diff(sp.expand(along[j]), n[i]) for i in range(2) for j in range(2)]
    jets, zero = mine.symbols, sp.Integer(0)
    slopes2 = [sp.diff(mine.expression, jets[name, index]) if (name, index) in jets else zero for index in SECOND]
    found = [slopes2[0], slopes2[1] / 2, slopes2[1] / 2, slopes2[2]]
    ratio = sp.cancel(wanted[0] / found[0]) if found[0] != 0 else zero
    if ratio == 0 or any(sp.simplify(w - ratio * f) != 0 for w, f in zip(wanted, found, strict=True)):
        raise UnsupportedProblem("the flux that is continuous is not the one of the second derivatives", equation.span)
    return ratio
