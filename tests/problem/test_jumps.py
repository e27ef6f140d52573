"""Switches: where coefficients jump, and formulas with every switch set; against numbers on both sides."""

import numpy as np
import pytest
import sympy as sp

from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.jumps import resolved, switches
from kanpde.problem.types import symbol

x, y, t, u = (symbol(name) for name in "xytu")
CORE = sp.Symbol("inside(core)")
P = sp.Piecewise

EXPRESSIONS = [
    P((1, x < 0), (x * y, y > sp.Rational(1, 3)), (2, True)),
    sp.Abs(2 * x - 1) * u + sp.sign(y) - sp.Heaviside(1 - 4 * x),
    sp.Max(x, y, 0) + sp.Min(x, 1 - y, x * x),
    P((P((1, x + y < 0), (sp.Abs(x), True)), (x > -sp.Rational(1, 2)) & (y < sp.Rational(1, 2))), (sp.exp(x), True)),
    P((u, CORE | (x < 0)), (sp.Abs(u), u > 0), (0, True)),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_a_resolved_formula_has_the_value_and_no_switch(expression: sp.Expr) -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        a, b, c = generator.uniform(-1, 1, 3)
        core = bool(generator.random() < 0.5)
        found = resolved(expression, {x: a, y: b, CORE: core})
        assert not switches(found, {x, y})
        arguments, values = [x, y, u, CORE], [np.array([v]) for v in (a, b, c, core)]
        one, other = (np.asarray(Program([e], arguments)(NUMPY, values)[0], float).ravel()[0] for e in (expression, found))
        assert other == pytest.approx(one, rel=1e-14)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (P((1, 1 - 2 * x > 0), (2, True)), {x - sp.Rational(1, 2)}),
        (sp.Abs(3 * y) + sp.sign(-y), {y}),
        (sp.Max(x, y), {x - y, y - x}),
        (P((1, CORE), (2, True)), {CORE}),
        (P((1, u > 0), (2, True)) + sp.Abs(u * x), set()),
        (P((1, x < t), (2, t < 1), (3, True)), set()),
        (P((1, sp.Eq(x, 0)), (sp.sin(x) / x, True)), set()),
    ],
)
def test_what_switches(expression: sp.Expr, wanted: set[sp.Expr]) -> None:
    found = set(switches(expression, {x, y}))
    assert found <= wanted
    assert bool(found) == bool(wanted)
