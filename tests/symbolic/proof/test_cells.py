"""Narrow branches, parts of the boundary and switches with letters: none is overlooked, as samples would."""

from __future__ import annotations

import pytest
import sympy as sp

from kanpde.problem import read_text, symbol
from kanpde.symbolic.proof.claims import Claim, Unprovable, claims, letters_bound
from kanpde.symbolic.proof.signs import signs

x, y, t = map(symbol, "xyt")
a, b = map(symbol, "ab")
pi = sp.pi
TINY = sp.Rational(1, 10**5)

HEAT = "find: u(x, t)\ndomain: {x: [0, 1], t: [0, 1]}\nequation: u_t = u_xx\n"
DECAY = "find: u(t)\ndomain: {t: [0, 1]}\ninitial: u = 1\n"
LINE = "find: u(x)\ndomain: {x: [-1, 1]}\nboundary: {x = -1: u = 0, x = 1: u = 1}\n"
PLATE = "find: u(x, y)\ndomain: {x: [0, 1], y: [0, 1]}\nequation: lap(u) = 0\n"

WRONG = {
    "a bump at the first time": (
        HEAT + "initial: u = sin(pi*x) + piecewise(abs(x - 0.50001) < 1e-5, 1e-9, 0)\nboundary: u = 0\n",
        sp.exp(-(pi**2) * t) * sp.sin(pi * x),
    ),
    "a corner at the first time": (
        HEAT + "initial: u = cos(pi*x) + max(0, 1e-5 - x)^2\nboundary: u_n = 0\n",
        sp.exp(-(pi**2) * t) * sp.cos(pi * x),
    ),
    "a late rise of a side": (HEAT + "initial: u = x\nboundary:\n  x = 0: u = 0\n  x = 1: u = 1 + max(t - 0.99999, 0)\n", x),
    "a late jump": (DECAY + "equation: u_t = -u + piecewise(t > 0.99999, 1e-7, 0)\n", sp.exp(-t)),
    "a late source": (
        HEAT.replace("u_xx", "u_xx + (pi^2 - 1)*exp(-t)*sin(pi*x) + piecewise(t > 0.99999, 1e-9, 0)")
        + "initial: u = sin(pi*x)\nboundary: u = 0\n",
        sp.exp(-t) * sp.sin(pi * x),
    ),
    "a kink near an end": (LINE + "equation: u_xx = abs(x + 0.99999)\n", (x + 1 - TINY) ** 3 / 6),
    "a kink without a polynomial": (LINE + "equation: u_xx = abs(exp(x) - 0.367883)\n", sp.exp(x) - x**2),
    "a narrow material": (
        'find: u(x)\ndomain: {x: [0, 1]}\nwhere: {k: "piecewise(x < 1e-5, 1.000001, 1)"}\n'
        'equation: "-d(k*u_x, x) = 1"\nboundary: u = 0\n',
        x * (1 - x) / 2,
    ),
    "a third, narrow material": (
        'find: u(x)\ndomain: {x: [0, 1]}\nwhere: {k: "piecewise(x < 1/3, 1, x < 0.33335, 7, 4)"}\n'
        'equation: "d(k*u_x, x) = 0"\nboundary: {x = 0: u = 0, x = 1: u = 1}\n',
        sp.Piecewise((2 * x, x < sp.Rational(1, 3)), (x / 2 + sp.Rational(1, 2), True)),
    ),
    "an unknown that changes its sign": (HEAT.replace("u_xx", "abs(u) - u") + "initial: u = x - 1e-5\n", x - TINY),
    "a slope that changes its sign": (
        LINE + "equation: u_xx = 2 + max(u_x, 0) - u_x\n",
        x**2,
    ),
    "a short piece of a side": (
        PLATE + "boundary:\n  x = 0: u = cos(y) + 1e-4*max(0, y - 0.99995)*max(0, 0.99999 - y)\n  elsewhere: u = exp(x)*cos(y)\n",
        sp.exp(x) * sp.cos(y),
    ),
    "two narrow strips": (
        HEAT + "initial: u = x + piecewise(x < 1e-5 and abs(x - 5e-6) < 1e-6, 1, 0)\nboundary: {x = 0: u = 0, x = 1: u = 1}\n",
        x,
    ),
    "a short arc of the outline": (
        "find: u(x, y)\ndomain:\n  (x, y): plate - bump\n  plate: rectangle([0, 0], [1, 1])\n"
        "  bump: disk([0.5, -1], 1.0000002)\nequation: lap(u) = 0\nboundary: u = exp(x)*cos(y) + 1e-9*x*(1 - x)*y*(1 - y)\n",
        sp.exp(x) * sp.cos(y),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_narrow_branch_is_not_overlooked(name: str) -> None:
    text, formula = WRONG[name]
    try:
        stated = claims(read_text(text).problem, {"u": formula})
    except Unprovable:
        return
    wrong = [claim for claim in stated if sp.expand(claim.expression) != 0]
    assert wrong
    assert any(_at_a_point(claim) != 0 for claim in wrong)


def _at_a_point(claim: Claim) -> sp.Expr:
    """The value where the claim is made first."""
    values = {s: low + (high - low) * f for (s, (low, high)), f in zip(claim.ranges.items(), claim.fractions[0], strict=True)}
    return claim.expression.xreplace(values).evalf(30)


LETTERS = {
    "max": (HEAT + "where: {a: 1.5}\ninitial: u = max(x, a)\nboundary: u = a\n", a, True),
    "piecewise": (
        'find: u(x)\ndomain: {x: [0, 1]}\nwhere: {a: 1.25}\nequation: "u_xx = piecewise(x < a, 2, 3)"\nboundary: u = 0\n',
        x**2 - x,
        True,
    ),
    "min": (DECAY + "where: {a: 2, b: 3}\nequation: u_t = -min(a, b)*u\n", sp.exp(-a * t), True),
    "a size": (DECAY + "where: {a: 2}\nequation: u_t = -abs(a)*u\n", sp.exp(-a * t), False),
    "a factor": (LINE + "where: {a: 2}\nequation: u_xx = abs(a*(x + 3))\n", x, False),
    "no letter": (LINE + "where: {a: 2}\nequation: u_xx = a*abs(x)\n", a * sp.Abs(x) ** 3 / 6, False),
    "a letter of the domain": (
        "find: u(x)\ndomain: {x: [0, a]}\nwhere: {a: 0.4}\nequation: u_xx = abs(x - 1/2)\nboundary: u = 0\n",
        x,
        True,
    ),
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_branch_taken_at_the_given_letters_is_marked(name: str) -> None:
    text, formula, bound = LETTERS[name]
    assert letters_bound(claims(read_text(text).problem, {"u": formula})) == bound


def test_signs_of_one_symbol_lie_between_its_roots() -> None:
    found = signs((x - TINY) * (x - 2 * TINY), {x: (sp.Integer(0), sp.Integer(1))})
    assert found == [(1, {x: (0, TINY)}), (-1, {x: (TINY, 2 * TINY)}), (1, {x: (2 * TINY, 1)})]
    found = signs(sp.cos(x) - 1 + TINY, {x: (sp.Integer(0), 2 * sp.pi)})
    assert [sign for sign, _ in found] == [1, -1, 1]
    found = signs(sp.exp(x) - 1 - TINY, {x: (sp.Integer(0), sp.Integer(1))})
    assert [sign for sign, _ in found] == [-1, 1]
    assert all(low < sp.log(1 + TINY) < high for _, part in found for low, high in part.values())


def test_signs_of_several_symbols_are_left_out_only_by_proof() -> None:
    box = {x: (sp.Integer(0), sp.Integer(1)), y: (sp.Integer(0), sp.Integer(1))}
    assert [sign for sign, _ in signs(x + y + TINY, box)] == [1]
    assert {sign for sign, _ in signs(x + y - TINY, box)} == {1, -1}
    assert [sign for sign, _ in signs(x - y - 1 + TINY, box, [y - x])] == [-1]
    assert [sign for sign, _ in signs(x * y + TINY, box)] == [1]
    assert {sign for sign, _ in signs(x**2 + y**2 - TINY, box)} == {1, -1}
    assert [sign for sign, _ in signs(x**2 + y**2 + TINY, box)] == [1]
