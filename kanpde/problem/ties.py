"""What holds on an interface, where the coefficients of the equations jump: which combinations of the fields are continuous.

An equation is a sum of terms a div F. Across an interface with the unit normal n, div F contains the jump of F . n times a delta
function, and the sum of these must vanish: the sum of a F . n is continuous. Which terms can jump at all follows from the order
of the fields: one of order two in space is continuous itself, so that its first derivative contains no delta function.

- ``div(k*grad(u)) = f``: u and k u_n are continuous.
- ``k*lap(u) = f``, with the factor outside: lap(u) is a function, so that u and u_n are continuous, whatever k does.
- ``div(nu*grad(u)) - p_x = 0``: p is of order one, and the traction nu u_n - p n_x is continuous, p is not.
- ``u_xxxx = f`` where only the source jumps: u and its derivatives along the normal up to the third are continuous.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.jumps import switches
from kanpde.problem.types import (
    Divergence,
    MultiIndex,
    Problem,
    Residual,
    jet_symbol,
    jets_of,
    normal_component,
    normal_symbol,
    symbol,
)


def ties(problem: Problem) -> tuple[Residual, ...]:
    """The expressions that are continuous across every interface, in jets and ``normal_component`` symbols.

    They contain the coefficients with their jumps; the equations must have their ``fluxes``. UnsupportedProblem where no rule is
    known.
    """
    orders = {f.name: 0 for f in problem.fields}
    for residual in problem.equations:
        for name, index in residual.jets.values():
            orders[name] = max(orders[name], sum(index[axis] for axis in problem.domain.space_axes))
    if max(orders.values()) > 2:
        found = list(_smooth(problem, orders))
    else:
        found = [(jet_symbol(name, _none(problem), problem.coordinates), name) for name, order in orders.items() if order == 2]
        for residual in problem.equations:
            found += _of_equation(residual, problem, orders)
    unique = dict(found)
    plain = ((sp.expand(e), text) for e, text in unique.items())
    return tuple(Residual(e, _jets(e, problem), text) for e, text in plain)


def _none(problem: Problem) -> MultiIndex:
    return (0,) * problem.domain.dimension


def _space(problem: Problem) -> set[sp.Symbol]:
    return {symbol(problem.coordinates[axis]) for axis in problem.domain.space_axes}


def _jumps(e: sp.Expr, problem: Problem) -> bool:
    return bool(switches(problem.with_values(e), _space(problem)))


def _smooth(problem: Problem, orders: dict[str, int]) -> Iterator[tuple[sp.Expr, str]]:
    """Continuous derivatives of a field of order m: all below m, if no factor of its derivatives jumps."""
    for residual in problem.equations:
        if any(_jumps(slope, problem) for slope in residual.partials.values()):
            order = max(orders.values())
            raise UnsupportedProblem(f"a coefficient that jumps in an equation of order {order} is not solved yet")
    for name, order in orders.items():
        for k in range(order):
            e: sp.Expr = jet_symbol(name, _none(problem), problem.coordinates)
            if k:
                jets = {e: (name, _none(problem))}
                e = (
                    Residual(normal_symbol(name, k), jets, "")
                    .on_boundary(problem.domain.space_axes, problem.coordinates)
                    .expression
                )
            yield e, f"{name}_{'n' * k}" if k else name


def _of_equation(residual: Residual, problem: Problem, orders: dict[str, int]) -> Iterator[tuple[sp.Expr, str]]:
    """The normal component of the flux of one equation; nothing if it is continuous as it is."""
    terms = [t for t in residual.fluxes if not t.flux or not all(_continuous(e, problem, orders) for e in t.flux)]
    if not terms:
        return
    if not all(t.flux for t in terms):
        hint = "is differentiated twice; what is continuous there is not known"
        raise UnsupportedProblem(f"in '{residual.text}' something that jumps {hint}")
    ratios = [sp.piecewise_fold(t.factor / terms[0].factor) for t in terms]  # sympy inverts a piecewise branch by branch
    if all(_continuous(t.factor, problem, orders) for t in terms):
        yield _along_normal(terms, [t.factor for t in terms], problem), residual.text
    elif all(_continuous(ratio, problem, orders) for ratio in ratios):
        yield _along_normal(terms, ratios, problem), residual.text
    elif not any(_jumps(e, problem) for t in terms for e in t.flux):
        names = {name for t in terms for e in t.flux for name, _ in _jets(e, problem).values()}
        for name in sorted(names):
            partials = {a: tuple(int(i == a) for i in range(problem.domain.dimension)) for a in problem.domain.space_axes}
            gradient = {a: jet_symbol(name, index, problem.coordinates) for a, index in partials.items()}
            yield sp.Add(*(normal_component(problem.coordinates[a]) * e for a, e in gradient.items())), f"{name}_n"
    else:
        hint = "write it in divergence form, as div(k*grad(u)) = f"
        raise UnsupportedProblem(f"what is continuous where the coefficients of '{residual.text}' jump is not clear: {hint}")


def _along_normal(terms: list[Divergence], factors: list[sp.Expr], problem: Problem) -> sp.Expr:
    """The sum of factor * flux . n."""
    normal = {a: normal_component(problem.coordinates[a]) for a in problem.domain.space_axes}
    return sp.Add(*(f * t.flux[a] * n for t, f in zip(terms, factors, strict=True) for a, n in normal.items()))


def _continuous(e: sp.Expr, problem: Problem, orders: dict[str, int]) -> bool:
    """Whether an expression cannot jump: smooth factors, and fields of order two without derivatives in space."""
    for name, index in _jets(e, problem).values():
        if orders[name] < 2 or any(index[axis] for axis in problem.domain.space_axes):
            return False
    return not _jumps(e, problem)


def _jets(e: sp.Expr, problem: Problem) -> dict[sp.Symbol, tuple[str, MultiIndex]]:
    return jets_of(e, [f.name for f in problem.fields], problem.coordinates)
