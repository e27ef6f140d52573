"""Linear problems on a rectangle by separation of variables: the solution as a Fourier series, written for the general mode.

Along one coordinate the conditions make sines or cosines; what a mode is multiplied by solves an ordinary equation with constant
coefficients, exactly, and the Fourier coefficients of the data start it. A steady or linear part takes up data on the ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy as sp

from kanpde.problem.types import Problem
from kanpde.symbolic.fourier.coefficients import Ends, Modes, coefficient, mean, of_parity, sine_or_cosine
from kanpde.symbolic.fourier.linear_plane import Law, Plane, plane
from kanpde.symbolic.fourier.mode_equation import ModeEquation

ALWAYS = 40
"""Modes for which the kind of the ordinary equation (waves or exponentials) must be the same."""


def separated(problem: Problem) -> Iterator[sp.Expr]:
    """Series for the solution, with the problem's letters; none where the problem cannot be separated."""
    whole = plane(problem)
    if whole is None:
        return
    found = [along(whole, axis) for axis in (0, 1)]
    if problem.domain.time is None:  # data on all sides: one series for each pair of them
        parts = [along(whole.without(axes=(0,)), 0), along(whole.without(source=True, axes=(1,)), 1)]
        found += [None if None in parts else sp.Add(*parts)]
    series = [e for e in dict.fromkeys(found) if e is not None and e.has(sp.Sum)]
    yield from sorted(series, key=lambda e: e.count_ops())


def along(whole: Plane, axis: int) -> sp.Expr | None:
    """The solution as a series in sines or cosines of one coordinate; None if its conditions or the data do not allow it."""
    if axis == whole.problem.domain.time_axis or any(index[axis] % 2 for index in whole.equation.terms):
        return None
    periodic = whole.problem.coordinates[axis] in whole.problem.domain.periodic
    lower, upper = whole.limits(axis)
    n = index_symbol(whole.problem)
    if periodic:
        wave = 2 * n * sp.pi / (upper - lower)
        families = [Modes(kind, wave, lower, upper, n, sp.Integer(0)) for kind in ("cos", "sin")]
        lift: sp.Expr | None = sp.Integer(0)
    else:
        ends = _ends(whole, axis)
        if ends is None:
            return None
        families = [sine_or_cosine(ends, lower, upper, n)]
        lift = _lift(whole, axis, ends)
    if lift is None:
        return None
    rest = _shifted(whole, lift)
    total = lift
    if periodic or ends == "NN":
        constant = _mode(rest, axis, None)
        if constant is None:
            return None
        total += constant
    for modes in families:
        term = _mode(rest, axis, modes)
        if term is None:
            return None
        total += sp.Sum(term, (n, 1, sp.oo)) if term != 0 else 0
    return total


def index_symbol(problem: Problem) -> sp.Symbol:
    """A name for the number of a mode that the problem does not use."""
    taken = {*problem.coordinates, *(s.name for s in problem.constants), *(f.name for f in problem.fields)}
    name = next(c for c in ("n", "k", "m", "j", "n_1") if c not in taken)
    return sp.Symbol(name, integer=True, positive=True)


def _ends(whole: Plane, axis: int) -> Ends | None:
    """Whether values or derivatives are given at the two ends: all conditions even, or all odd in the derivatives."""
    found = ""
    order = max(index[axis] for index in whole.equation.terms)
    for side in (-1, 1):
        laws = whole.on(axis, side)
        orders = [index for law in laws for index in law.terms]
        if len(laws) != order // 2 or any(index[1 - axis] for index in orders):
            return None
        parities = {index[axis] % 2 for index in orders}
        if len(parities) != 1 or (order > 2 and any(law.data != 0 for law in laws)):
            return None
        found += "N" if parities.pop() else "D"
    return found  # type: ignore[return-value]


def _lift(whole: Plane, axis: int, ends: Ends) -> sp.Expr | None:
    """A function with the data at both ends: the steady solution where that is a polynomial, else linear (or quadratic)."""
    x = whole.symbols[axis]
    lower, upper = whole.limits(axis)
    data = []
    for side in (-1, 1):
        law = whole.on(axis, side)[0]
        (slope,) = law.terms.values() if len(law.terms) == 1 else (None,)
        if slope is None and law.data != 0:
            return None
        data.append(sp.Integer(0) if law.data == 0 else law.data / slope)
    if all(law.data == 0 for side in (-1, 1) for law in whole.on(axis, side)) and whole.equation.data == 0:
        return sp.Integer(0)
    steady = {index: c for index, c in whole.equation.terms.items() if index[1 - axis] == 0}
    second = tuple(2 if k == axis else 0 for k in (0, 1))
    source = whole.equation.data
    free = sp.Integer(0)
    if set(steady) == {second} and source.is_polynomial(x) and not source.has(whole.symbols[1 - axis]) and ends != "NN":
        free = sp.Poly(source / steady[second], x).integrate((x, 2)).as_expr()
    needed = []
    for e, end, value in zip(ends, (lower, upper), data, strict=True):
        own = free if e == "D" else sp.diff(free, x)
        needed.append(value - own.subs(x, end))
    length = upper - lower
    first, last = needed
    lines = {
        "DD": first + (last - first) * (x - lower) / length,
        "DN": first + last * (x - lower),
        "ND": last + first * (x - upper),
        "NN": first * (x - lower) + (last - first) * (x - lower) ** 2 / (2 * length),
    }
    return sp.factor(sp.expand(free + lines[ends]))


def _shifted(whole: Plane, lift: sp.Expr) -> Plane:
    """The problem for the solution less the lift."""
    symbols = whole.symbols
    conditions = {}
    for face, laws in whole.conditions.items():
        where = {symbols[face.axis]: whole.limits(face.axis)[(face.side + 1) // 2]}
        conditions[face] = tuple(replace(law, data=sp.expand(law.data - law.operate(lift, symbols).subs(where))) for law in laws)
    equation = replace(whole.equation, data=sp.expand(whole.equation.data - whole.equation.operate(lift, symbols)))
    return replace(whole, equation=equation, conditions=conditions)


def _mode(rest: Plane, axis: int, modes: Modes | None) -> sp.Expr | None:
    """The general term of the series, or the constant mode (``modes`` None), zero if the data have no part in it."""
    x = rest.symbols[axis]
    lower, upper = rest.limits(axis)
    values = rest.problem.constants

    def part(data: sp.Expr) -> sp.Expr | None:
        return mean(data, x, lower, upper, values) if modes is None else coefficient(data, x, modes, values)

    wave = sp.Integer(0) if modes is None else modes.wave
    source = part(rest.equation.data)
    started: dict[int, list[tuple[Law, sp.Expr]]] = {}
    for side in (-1, 1):
        for law in rest.on(1 - axis, side):
            if any(index[axis] for index in law.terms):
                return None
            own = part(law.data)
            if own is None:
                return None
            started.setdefault(side, []).append((law, own))
    if source is None:
        return None
    if source == 0 and all(own == 0 for pairs in started.values() for _, own in pairs):
        return sp.Integer(0)
    index: sp.Expr | None = None
    amounts = [source, *(own for pairs in started.values() for _, own in pairs)]
    if modes is not None and not (2 * modes.wave / modes.n).has(modes.n):  # all n, so that half of them may be missing
        for odd in (True, False):
            if all(of_parity(e, modes.n, not odd) == 0 for e in amounts):
                index = 2 * modes.n - 1 if odd else 2 * modes.n
                amounts = [of_parity(e, modes.n, odd) for e in amounts]
                wave = wave.subs(modes.n, index)
                break
    kappa = sp.Integer(0) if modes is None else sp.Dummy("kappa", positive=True)  # short until the end
    polynomial: dict[int, sp.Expr] = {}
    for key, c in rest.equation.terms.items():
        polynomial[key[1 - axis]] = polynomial.get(key[1 - axis], sp.Integer(0)) + c * sp.I ** key[axis] * kappa ** key[axis]
    numbers = iter(amounts[1:])
    again = {side: [(law, next(numbers)) for law, _ in pairs] for side, pairs in started.items()}
    waves = [] if modes is None else [float(sp.N(rest.problem.with_values(wave.subs(modes.n, k)))) for k in range(1, ALWAYS)]
    found = ModeEquation(rest, 1 - axis, kappa, waves).of(polynomial, amounts[0], again)
    if found is None:
        return None
    found = found.subs(kappa, wave)
    mode = sp.Integer(1) if modes is None else (modes if index is None else modes.at_index(index)).at(x)
    return found * mode
