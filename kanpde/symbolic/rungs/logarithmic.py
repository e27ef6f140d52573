"""Logarithmic derivatives: u = K theta_x / theta with a sum of products of modes for theta (Hopf 1950, Cole 1951).

Then theta = exp(int u dx / K), up to a factor that changes from line to line. Whatever that factor is, theta's family in x is
spanned by its modes; their coefficients, divided by that of one mode, are functions of the other coordinates. K comes from the
equation: in u_t + a u u_x = nu u_xx it is -2 nu / a, in a Riccati equation u' + a u^2 = ... it is 1/a. For u = K log theta, as in
h_t + a h_x^2 = nu h_xx, theta needs no integral.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, product

import numpy as np
import sympy as sp

from kanpde.problem.types import MultiIndex, Problem
from kanpde.symbolic.curves.basis import Basis
from kanpde.symbolic.curves.modes import modal_bases
from kanpde.symbolic.form import Form, number
from kanpde.symbolic.rungs.lines import assembled, integral
from kanpde.symbolic.rungs.rational import rationals
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.sample import Array, Samples, family
from kanpde.symbolic.view import View

MOST_TERMS = 5
"""Modes of theta in one coordinate: more of them are a series that was cut off at the noise."""
STEEP = 300.0
"""The logarithm of theta may change by so much along a line; beyond, nothing of the smaller modes is left in double precision."""
GUESSES = (2, -2, 1, -1, 6, -6)
"""K where no equation gives it: the factors that textbooks have."""
SECONDS = 20.0
"""Time for the whole rung: a field that is a quotient is known as one in a second."""
LEVELS = (1.0, 6.0)
"""Factors on the noise of theta: an error that does not change its sign adds up more."""
VANISHES = 1e-3
"""A coefficient that falls below this part of its largest value on some line divides badly."""


def quotients(view: View) -> Iterator[Form]:
    """Forms u = K theta_x / theta and u = K log theta, the coordinate of the derivative and K tried in turn.

    First theta as a sum of products of modes, then quotients of polynomials; where an equation gives K, also Gaussians and their
    integrals for theta.
    """
    view = replace(view, budget=view.budget.part(SECONDS))
    trials: list[tuple[int, int, int, sp.Expr, Samples]] = []
    for axis in range(len(view.symbols)):
        for K in factors(view.problem, view.symbols[axis]):
            if not view.budget.left:
                return
            value = value_of(view.problem, K)
            theta = potential(view, axis, value)
            if theta is not None:
                rank = family(theta, axis, theta.sigma).rank
                if 1 <= rank <= MOST_TERMS:
                    trials.append((rank, len(trials), axis, K, theta))
    for _, _, axis, K, theta in sorted(trials, key=lambda t: t[:2]):
        for form in _quotient(view, axis, K, theta):
            yield form
            return
    yield from _logarithms(view)
    yield from rationals(view)
    if view.problem is not None:
        from kanpde.symbolic.rungs.antiderivative import spreading_quotients  # late: its lines use this module

        yield from spreading_quotients(view)


def potential(view: View, axis: int, K: float) -> Samples | None:
    """theta = exp(int u dx / K), on every line along the axis divided by its largest value; None where nothing can be seen."""
    x = view.samples.axes[axis]
    logs = np.moveaxis(np.tensordot(integral(x), view.values, (1, axis)), 0, axis) / K
    logs = logs - logs.max(axis, keepdims=True)
    if not np.isfinite(logs).all() or float(-logs.min()) > STEEP or float(np.ptp(logs)) < 1e-6:
        return None
    # white noise of u is averaged by the integral, a smooth error adds up over half of the interval: between the two
    noise = view.sigma * (x.width / 2) / abs(K) / 6
    return Samples(view.samples.axes, np.exp(logs), max(noise, 1e-15), view.samples.resolved)


def _quotient(view: View, axis: int, K: sp.Expr, theta: Samples) -> Iterator[Form]:
    """Forms with the modes of theta in one coordinate, for each way to divide by one coefficient until one fits."""
    members = family(theta, axis, theta.sigma).values
    x = view.symbols[axis]
    bases = (modal_bases(members, theta.axes[axis], level * theta.sigma, range(1, MOST_TERMS + 1)) for level in LEVELS)
    for basis in chain(*bases):
        numbers = [number(v, s, "k") for v, s in zip(basis.theta, basis.spread, strict=True)]
        columns = basis.expressions(x, [n.symbol for n in numbers])
        coefficients, noise, present = _coefficients(theta, axis, basis)
        # the highest power first: in polynomials that solve the heat equation its coefficient is a constant
        for gauge in sorted(present, key=lambda k: (bool(basis.columns[k].uses), -k)):
            if np.abs(coefficients[gauge]).min() < VANISHES * np.abs(coefficients[gauge]).max():
                continue
            others = [k for k in present if k != gauge]
            strands = [_ratio(coefficients, noise, k, gauge) for k in others]

            build = partial(logarithmic, x, columns[gauge], [columns[k] for k in others])
            found = next(assembled(scaled(view, K), axis, strands, build, numbers, f"{K} d log(theta)/d{x}"), None)
            if found is not None:
                yield times(found, K, view.problem)
                return


def scaled(view: View, K: sp.Expr) -> View:
    """The field divided by K, so that K may stay exact, letters and all, while numbers are fitted."""
    k = value_of(view.problem, K)
    return view.of(replace(view.samples, values=view.values / k, sigma=view.sigma / abs(k)))


def times(form: Form, K: sp.Expr, problem: Problem | None) -> Form:
    """The form times K: exact if K is a number, an open number of known value if it holds letters."""
    if problem is None or not K.free_symbols:
        return replace(form, expression=K * form.expression)
    value = value_of(problem, K)
    factor = number(value, 1e-14 * abs(value), "K")
    return replace(form, expression=factor.symbol * form.expression, numbers=(factor, *form.numbers))


def logarithmic(x: sp.Symbol, first: sp.Expr, columns: Sequence[sp.Expr], parts: Sequence[sp.Expr]) -> sp.Expr:
    """theta_x / theta."""
    theta = first + sp.Add(*(part * column for part, column in zip(parts, columns, strict=True)))
    return sp.diff(theta, x) / theta


def _coefficients(theta: Samples, axis: int, basis: Basis) -> tuple[Array, Array, list[int]]:
    """The coefficients of the modes on every line (p, ...), their noise (p,), and which modes are present on some line."""
    columns = basis.values(theta.axes[axis].nodes)  # (n, p)
    sizes = np.linalg.norm(columns, axis=0)
    inverse = np.linalg.pinv(columns / sizes, rcond=1e-14) / sizes[:, None]  # (p, n)
    coefficients = np.tensordot(inverse, np.moveaxis(theta.values, axis, 0), (1, 0))  # (p, ...)
    noise = theta.sigma * np.linalg.norm(inverse, axis=1) * np.sqrt(len(columns)) / 3  # smooth errors do not average out
    flat = np.abs(coefficients.reshape(len(noise), -1)).max(1)
    return coefficients, noise, [k for k in range(len(noise)) if flat[k] > 10 * noise[k]]


def _ratio(coefficients: Array, noise: Array, k: int, gauge: int) -> tuple[Array, Array]:
    """A coefficient divided by the gauge's, with the noise of the quotient."""
    values = coefficients[k] / coefficients[gauge]
    return values, (noise[k] + np.abs(values) * noise[gauge]) / np.abs(coefficients[gauge])


def _logarithms(view: View) -> Iterator[Form]:
    """Forms u = K log theta, where an equation has terms u_x^2 and u_xx: theta is a sum of products."""
    from kanpde.symbolic.rungs.products import products  # late: that rung may look for quotients of its own

    if view.problem is None:
        return
    found = [
        coefficient_of(residual.expression, orders[2]) / square
        for residual, x in product(view.problem.equations, view.symbols)
        for orders in along(view.problem, residual.jets, x).values()
        if {1, 2} <= orders.keys() and (square := coefficient_of(residual.expression, orders[1] ** 2)) != 0
    ]
    for K in dict.fromkeys(found):
        value = value_of(view.problem, K)
        if not value or not np.ptp(view.values) / abs(value) < STEEP / 10:
            continue
        theta = np.exp(view.values / value)
        noise = float(np.sqrt(np.mean(theta**2))) * view.sigma / abs(value)
        for form in products(view.of(Samples(view.samples.axes, theta, noise, view.samples.resolved))):
            refined = refit(Form(sp.log(form.expression), form.numbers, f"{K} log(theta)"), scaled(view, K))
            if refined is not None:
                yield times(refined, K, view.problem)
                return


def factors(problem: Problem | None, x: sp.Symbol) -> list[sp.Expr]:
    """What K can be in u = K theta_x / theta: from terms u u_x and u_xx, or u^2 and u_x, of one equation."""
    if problem is None:
        return [sp.Integer(k) for k in GUESSES]
    found: list[sp.Expr] = []
    for residual in problem.equations:
        jets = along(problem, residual.jets, x)
        e = residual.expression
        for orders in jets.values():
            u, first, second = (orders.get(k) for k in range(3))
            if u is None or first is None:
                continue
            nonlinear = coefficient_of(e, u * first)
            if second is not None and nonlinear != 0:
                found.append(2 * coefficient_of(e, second) / nonlinear)
            square = coefficient_of(e, u**2)
            if square != 0:
                found.append(coefficient_of(e, first) / square)
    return [K for K in dict.fromkeys(found) if K != 0 and np.isfinite(value_of(problem, K))]


def along(problem: Problem, jets: Mapping[sp.Symbol, tuple[str, MultiIndex]], x: sp.Symbol) -> dict[str, dict[int, sp.Symbol]]:
    """For every field of an equation, the symbols of its pure derivatives along x by order; 0 stands for the field itself."""
    axis = problem.coordinates.index(x.name)
    named: dict[str, dict[int, sp.Symbol]] = {}
    for jet, (name, index) in jets.items():
        if sum(index) == index[axis]:
            named.setdefault(name, {})[index[axis]] = jet
    return named


def coefficient_of(expression: sp.Expr, monomial: sp.Expr) -> sp.Expr:
    """The coefficient of a monomial of jets where it holds no other symbol than constants; else zero."""
    rest = sp.expand(expression)
    for jet, power in monomial.as_powers_dict().items():
        rest = rest.coeff(jet, power)
    return rest


def value_of(problem: Problem | None, K: sp.Expr) -> float:
    """K with the letters at their given values; NaN if it is no number."""
    value = K if problem is None else problem.with_values(K)
    return float(value) if value.is_number else float("nan")
