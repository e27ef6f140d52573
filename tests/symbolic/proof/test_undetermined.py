"""Constants that no table has, solved from what a problem states."""

from __future__ import annotations

import mpmath as mp
import sympy as sp

from kanpde.problem import Problem, read_text, symbol
from kanpde.symbolic.proof.claims import claims
from kanpde.symbolic.proof.undetermined import undetermined

x, y = symbol("x"), symbol("y")
a, b, c, d = (sp.Dummy(name, real=True) for name in "abcd")

KOVASZNAY = """find: u(x, y), v(x, y), p(x, y)
domain: {x: [-1/2, 1], y: [-1/2, 3/2]}
where: {Re: 40, k: "Re/2 - sqrt(Re^2/4 + 4*pi^2)"}
equations:
 - u*u_x + v*u_y + p_x = lap(u)/Re
 - u*v_x + v*v_y + p_y = lap(v)/Re
 - u_x + v_y = 0
boundary: u = 1 - exp(k*x)*cos(2*pi*y), v = k/(2*pi)*exp(k*x)*sin(2*pi*y)
"""
DECAY = """find: u(x)
domain: {x: [0, 1]}
where: {k: 3}
equation: u_xx = k^2*u
boundary: {x = 0: u = 0, x = 1: u = 1}
"""
DAMPED = """find: u(x)
domain: {x: [0, 1]}
equation: u_xx + 3*u_x - 5*u = 0
boundary: {x = 0: u = 1, x = 1: u_n = 0}
"""


def solved(
    text: str, functions: dict[str, sp.Expr], truth: dict[sp.Symbol, sp.Expr], off: float = 0.0
) -> dict[sp.Symbol, sp.Expr] | None:
    """The constants from forty-digit values of the true ones, each ``off`` by so much."""
    problem: Problem = read_text(text).problem
    with mp.workdps(50):
        values = {s: mp.mpmathify(sp.N(problem.with_values(e), 45)) * (1 + mp.mpf(off)) for s, e in truth.items()}
    return undetermined(claims(problem, functions), values, problem.constants)


def equal(one: sp.Expr, other: sp.Expr) -> bool:
    letters = {s: sp.Rational(17, 5) for s in (one - other).free_symbols}
    return bool(abs(sp.N((one - other).xreplace(letters), 30, maxn=200)) < sp.Float("1e-25"))


def test_the_rate_of_kovasznay_is_a_root_with_its_letter() -> None:
    R = symbol("Re")
    rate = (R - sp.sqrt(R**2 + 16 * sp.pi**2)) / 2
    u, v, p = 1 - sp.exp(a * x) * sp.cos(2 * sp.pi * y), b * sp.exp(a * x) * sp.sin(2 * sp.pi * y), -sp.exp(2 * a * x) / 2
    found = solved(KOVASZNAY, {"u": u, "v": v, "p": p}, {a: rate, b: rate / (2 * sp.pi)})
    assert found is not None
    assert equal(found[a], rate)
    assert equal(found[b], rate / (2 * sp.pi))
    assert found[a].has(R)


def test_the_coefficients_of_a_boundary_value_problem() -> None:
    k = symbol("k")
    truth = {a: sp.exp(k) / (sp.exp(2 * k) - 1), b: -sp.exp(k) / (sp.exp(2 * k) - 1)}
    found = solved(DECAY, {"u": a * sp.exp(k * x) + b * sp.exp(-k * x)}, truth)
    assert found is not None
    assert all(equal(found[s], e) for s, e in truth.items())


def test_rates_and_then_coefficients() -> None:
    low, high = (-3 - sp.sqrt(29)) / 2, (-3 + sp.sqrt(29)) / 2
    below = low * sp.exp(low) - high * sp.exp(high)
    truth = {a: -high * sp.exp(high) / below, b: low * sp.exp(low) / below, c: low, d: high}
    found = solved(DAMPED, {"u": a * sp.exp(c * x) + b * sp.exp(d * x)}, truth)
    assert found is not None
    assert all(equal(found[s], e) for s, e in truth.items())


def test_what_the_claims_do_not_give_stays_unknown() -> None:
    k = symbol("k")
    truth = {a: sp.exp(k) / (sp.exp(2 * k) - 1), b: -sp.exp(k) / (sp.exp(2 * k) - 1)}
    form = {"u": a * sp.exp(k * x) + b * sp.exp(-k * x)}
    assert solved(DECAY, form, truth, off=1e-20) is None  # other numbers than those of the solution
    assert solved(DECAY, {"u": sp.sinh(k * x) / sp.sinh(k) + 0 * a}, {a: sp.Integer(1)}) is None
    assert solved(DECAY, form, {}) is None
