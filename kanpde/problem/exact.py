"""The exact solution: read, and proved against every equation and condition when the file is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.errors import ProblemError, UnsupportedProblem
from kanpde.geometry import Face
from kanpde.problem.calculus import derivative
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.exact_points import in_regions, regions_of, wrong_on_interfaces, wrong_on_the_boundary
from kanpde.problem.expressions import Builder
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.limits import MAX_DIFFERENTIATED, size
from kanpde.problem.rim import face_text
from kanpde.problem.scope import Scope
from kanpde.problem.syntax import branches, parse, position
from kanpde.problem.text import Text, suggest
from kanpde.problem.types import Problem, Remark, Residual, symbol
from kanpde.problem.zero import Verdict, decide

QUADRATURE = 40
"""Gauss points along each coordinate for the integral in a constraint: exact to degree 79."""


@dataclass(frozen=True)
class _Claim:
    """Something that the exact solution must make zero: ``what`` the residual says, with the formula put in."""

    what: str
    value: sp.Expr


def read_exact(text: Text, scope: Scope) -> dict[str, sp.Expr]:
    """``u = ..., lambda = ...`` as a formula for each name."""
    builder = Builder(scope, text, allow_unknowns=False)
    found: dict[str, sp.Expr] = {}
    allowed = [*scope.fields, *(name for name in scope.letters if symbol(name) not in scope.constants)]
    for name, value, at in _assignments(text, builder):
        if name not in allowed:
            hint = suggest(name, allowed) or f"'find' declares {', '.join(allowed)}"
            raise text.error(f"'{name}' is not to be found", *at, hint=hint)
        if name in found:
            raise text.error(f"'{name}' is given twice", *at)
        found[name] = value
    missing = [name for name in scope.fields if name not in found]
    if missing:
        raise text.error(f"the exact solution does not say what '{missing[0]}' is", hint=f"add {missing[0]} = ...")
    return found


def _assignments(text: Text, builder: Builder) -> Iterator[tuple[str, sp.Expr, tuple[int, int]]]:
    for child in branches(parse(text, "expressions")):
        if child.data != "comparison" or str(child.children[1]) != "=" or len(child.children) != 3:
            raise text.error("the exact solution is written u = ...", *position(child))
        left, right = branches(child)
        if left.data != "name":
            raise text.error("the left side is the name of an unknown", *position(left))
        yield str(left.children[0]), builder.scalar(right), position(left)


def prove(problem: Problem, text: Text) -> tuple[Remark, ...]:
    """Check ``problem.exact`` against everything that the problem asks.

    Raises ProblemError where it is proved false; a remark says what was found zero at random points only.
    """
    remarks: list[Remark] = []
    ranges = {symbol(name): (float(low), float(high)) for name, (low, high) in problem.limits.items()}
    ranges |= {symbol(name): pair for name, pair in problem.parameters.items()}
    if any(size(formula) > MAX_DIFFERENTIATED for formula in (problem.exact or {}).values()):
        return (Remark("the exact solution is too long to be checked", text.span()),)
    try:
        claims = list(_claims(problem))
    except ValueError as error:
        return (Remark(f"the exact solution is not checked: {error}", text.span()),)
    for claim in claims:
        verdict, witness = decide(claim.value, ranges, problem.constants)
        if verdict is Verdict.NOT_ZERO:
            raise ProblemError(
                f"the exact solution does not satisfy {claim.what}", text.span(), _explain(claim, witness, problem)
            )
        if verdict is Verdict.OPEN:
            message = f"that the exact solution satisfies {claim.what} is not proved; it holds at random points"
            remarks.append(Remark(message, text.span()))
    for what, value in _wrong_at_points(problem):
        raise ProblemError(f"the exact solution does not satisfy {what}", text.span(), value)
    return tuple(remarks)


def _wrong_at_points(problem: Problem) -> Iterator[tuple[str, str]]:
    letters = {symbol(name): value for name, value in (problem.exact or {}).items() if name in problem.unknowns}
    exact = {name: value.xreplace(letters) for name, value in (problem.exact or {}).items()}
    regions = regions_of(problem)
    yield from wrong_on_the_boundary(problem, exact, everywhere=regions is not None)
    if regions is not None:
        yield from wrong_on_interfaces(problem, regions, exact)


def _explain(claim: _Claim, witness: Mapping[sp.Symbol, float], problem: Problem) -> str:
    try:
        value = complex(sp.N(problem.with_values(claim.value).xreplace({s: sp.Float(v) for s, v in witness.items()})))
    except (TypeError, ValueError):
        return "the difference of its two sides is not zero"
    where = ", ".join(f"{s} = {v:.4g}" for s, v in witness.items())
    shown = f"{value.real:.4g}" if not value.imag else f"{value:.4g}"
    return f"left - right = {shown}" + (f" at {where}" if where else "")


def _claims(problem: Problem) -> Iterator[_Claim]:
    exact = dict(problem.exact or {})
    letters = {symbol(name): value for name, value in exact.items() if name in problem.unknowns}
    coordinates = problem.coordinates

    def formula(residual: Residual) -> sp.Expr:
        return residual.evaluate(exact, coordinates).xreplace(letters)

    regions = regions_of(problem)
    if regions is None:
        for residual in problem.equations:
            yield _Claim(f"the equation {residual.text}", formula(residual))
    else:
        for residual, value in in_regions(problem, regions, exact):
            yield _Claim(f"the equation {residual.text}", value.xreplace(letters))
    for condition in problem.conditions:
        for residual in condition.residuals:
            what = f"the {condition.kind} condition {residual.text}".replace("constraint condition", "constraint")
            if condition.place.point is not None:
                yield _Claim(what, formula(residual).subs(condition.position, simultaneous=True))
                continue
            if condition.kind == "constraint":
                yield from _constraint(residual, problem, exact, letters, what)
                continue
            if condition.place.predicate is not None or not problem.domain.is_box:
                continue
            for face in condition.place.faces:
                value = _at(formula(residual.on_face(face, coordinates)), face, problem)
                if regions is None or condition.kind == "initial" or not value.has(sp.Piecewise, sp.Abs, sp.sign, sp.Heaviside):
                    yield _Claim(f"{what} at {face_text(face, problem)}", value)
    for name in problem.domain.periodic:
        axis = coordinates.index(name)
        for field, value in exact.items():
            if field not in problem.unknowns:
                ends = [_at(value, Face(axis, side), problem) for side in (-1, 1)]
                yield _Claim(f"that {field} is periodic in {name}", ends[1] - ends[0])


def _at(value: sp.Expr, face: Face, problem: Problem) -> sp.Expr:
    name = problem.coordinates[face.axis]
    return value.subs(symbol(name), problem.limits[name][(face.side + 1) // 2])


def _constraint(
    residual: Residual, problem: Problem, exact: Mapping[str, sp.Expr], letters: Mapping[sp.Symbol, sp.Expr], what: str
) -> Iterator[_Claim]:
    """A constraint with point values put in, and integrals done by quadrature. Inequalities are tried at their point."""
    values = {s: _differentiated(exact[name], index, problem) for s, (name, index) in residual.jets.items()}
    if residual.expression.has(INTEGRAL) and problem.domain.shape is not None:
        return

    def point_value(jet: sp.Symbol, *arguments: sp.Expr) -> sp.Expr:
        name, _ = residual.jets[jet]
        field = next(f for f in problem.fields if f.name == name)
        return values[jet].subs(dict(zip(map(symbol, field.arguments), arguments, strict=True)), simultaneous=True)

    e = residual.expression.replace(POINT_VALUE, point_value)
    try:
        e = e.replace(INTEGRAL, lambda inner: _quadrature(inner.xreplace(values).xreplace(letters), problem))
    except UnsupportedProblem:
        return
    e = e.xreplace(values).xreplace(letters)
    if any(sign in residual.text for sign in "<>"):
        number = problem.with_values(e)
        wrong = number.is_positive if "<" in residual.text else number.is_negative
        if wrong:
            yield _Claim(what, number)
        return
    if residual.expression.has(INTEGRAL) and not e.free_symbols:
        e = sp.Integer(0) if abs(float(problem.with_values(e))) < 1e-9 else e
    yield _Claim(what, e)


def _differentiated(value: sp.Expr, index: tuple[int, ...], problem: Problem) -> sp.Expr:
    return derivative(value, index, tuple(map(symbol, problem.coordinates)))


def _quadrature(integrand: sp.Expr, problem: Problem) -> sp.Expr:
    """The integral over the spatial box by Gauss's rule; an expression in time is beyond it (UnsupportedProblem)."""
    domain = problem.domain
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    axes = domain.space_axes
    lines = [domain.bounds[a].mean() + domain.lengths[a] / 2 * nodes for a in axes]
    mesh = np.meshgrid(*lines, indexing="ij")
    names = [symbol(domain.coordinates[a]) for a in axes]
    (values,) = Program([problem.with_values(integrand)], names)(NUMPY, mesh)
    total = np.broadcast_to(values, mesh[0].shape)
    for a in reversed(axes):
        total = total @ (weights * domain.lengths[a] / 2)
    return sp.Float(float(total), 15)
