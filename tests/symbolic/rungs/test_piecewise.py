"""Functions with kinks and jumps: where they break, the forms of the pieces, and the shortest way to write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from time import thread_time

import numpy as np
import pytest
import sympy as sp
from made import MATERIALS

from kanpde.problem import read_text, symbol
from kanpde.problem.types import Problem
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.form import Form, number
from kanpde.symbolic.rungs.breaks import breaks, named_breaks, simple_number
from kanpde.symbolic.rungs.piecewise import by_materials, joined, piecewise, region_conditions, shorten
from kanpde.symbolic.sample import Axis, Sampler, sample
from kanpde.symbolic.view import View

X, Y, A = symbol("x"), symbol("y"), symbol("a")


def noisy(function: Callable[..., np.ndarray]) -> Sampler:
    def sampler(*nodes: np.ndarray) -> np.ndarray:
        values = function(*np.meshgrid(*nodes, indexing="ij"))
        return values + 1e-10 * np.sqrt(np.mean(values**2)) * np.random.default_rng(1).standard_normal(values.shape)

    return sampler


def seen(sampler: Sampler, *bounds: tuple[float, float], problem: Problem | None = None) -> View:
    return View((X, Y)[: len(bounds)], sample(sampler, bounds, 1e-10), Budget(30.0, thread_time), problem)


def polynomials(view: View) -> Iterator[Form]:
    """A rung that only knows quadratic polynomials."""
    grid = np.meshgrid(*view.nodes, indexing="ij")
    monomials = [m for m in product(range(3), repeat=len(grid)) if sum(m) <= 2]
    columns = np.stack([np.prod([g**k for g, k in zip(grid, m, strict=True)], axis=0).ravel() for m in monomials], 1)
    sizes = np.linalg.lstsq(columns, view.values.ravel(), rcond=None)[0]
    if np.abs(columns @ sizes - view.values.ravel()).max() < 1e-7:
        kept = [(number(s), m) for s, m in zip(sizes, monomials, strict=True) if abs(s) > 1e-7]
        terms = [n.symbol * sp.Mul(*(x**k for x, k in zip(view.symbols, m, strict=True))) for n, m in kept]
        yield Form(sp.Add(*terms), tuple(n for n, _ in kept), "polynomial")


def rounded(form: Form) -> sp.Expr:
    values = {n.symbol: sp.nsimplify(round(n.value, 7), rational=True) for n in form.numbers}
    return form.expression.xreplace(values)


@pytest.mark.parametrize("sampled_again", [True, False])
@pytest.mark.parametrize(
    ("function", "lower", "upper", "expected"),
    [
        (lambda x: np.abs(x - 0.3125), -1, 1, sp.Abs(X - sp.Rational(5, 16))),
        (lambda x: np.maximum(0, 2 * x - 1), -1, 1, sp.Max(0, 2 * X - 1)),
        (lambda x: np.abs(np.sin(x)), -1, 7, sp.Abs(sp.sin(X))),
        (lambda x: np.exp(-np.abs(x)), -2, 3, sp.exp(-sp.Abs(X))),
        (lambda x: np.where(x < 0.25, np.exp(x), np.cos(3 * x)), -1, 1, None),
    ],
)
def test_a_function_with_breaks(
    function: Callable[..., np.ndarray], lower: float, upper: float, expected: sp.Expr | None, sampled_again: bool
) -> None:
    sampler = noisy(function)
    form = next(piecewise(seen(sampler, (lower, upper)), univariate, sampler if sampled_again else None))
    x = np.linspace(lower, upper, 1234)
    np.testing.assert_allclose(form.values((X,), [x]), function(x), atol=1e-7)
    if expected is not None:
        difference = sp.expand(shorten(rounded(form)) - expected)
        assert all(abs(sp.N(difference.subs(X, v))) < 1e-6 for v in (-0.7, 0.11, 0.93))
        assert not isinstance(shorten(rounded(form)), sp.Piecewise) or expected.has(sp.exp)


@pytest.mark.parametrize("function", [lambda x: np.exp(5 * x), lambda x: np.sqrt(x + 1), lambda x: np.tanh(50 * x)])
def test_a_function_without_breaks_is_turned_away(function: Callable[..., np.ndarray]) -> None:
    sampler = noisy(function)
    assert not list(piecewise(seen(sampler, (-1, 1)), univariate, sampler))


def test_a_kink_along_one_coordinate_of_two() -> None:
    sampler = noisy(lambda x, y: np.where(x < 0.5, x * y, (1 - x) * y) + y**2)
    form = next(piecewise(seen(sampler, (0, 1), (-1, 2)), polynomials, sampler))
    assert shorten(rounded(form)).equals(Y**2 + Y / 2 - Y * sp.Abs(X - sp.Rational(1, 2)))


def test_places_that_the_problem_names() -> None:
    text = "find: u(x, t)\ndomain:\n  x: [0, 3]\n  t: [0, 1]\nequation: u_t = u_xx + {}\n"
    text += "where: {{a: 1.3}}\ninitial: u = {}\nboundary: u = 0\n"
    problem = read_text(text.format("piecewise(t < 1/3, x, 0)", "max(0, x - a) + abs(x^2 - 2)"), "named.yaml").problem
    found = named_breaks(problem)
    assert set(found["x"]) == {A, sp.sqrt(2), -sp.sqrt(2)}
    assert found["t"] == [sp.Rational(1, 3)]


def test_a_break_is_the_letter_that_the_problem_has_for_it() -> None:
    x = Axis(0.0, 3.0, 160).nodes
    (found,) = breaks(x, np.abs(x - 1.3)[:, None], 1e-12, [(1.3, A)]) or []
    assert (found.exact, found.value) == (A, 1.3)
    assert x[found.index - 1] < 1.3 < x[found.index]


@pytest.mark.parametrize(
    ("value", "slack", "expected"),
    [
        (0.3333333, 1e-6, sp.Rational(1, 3)),
        (np.pi / 2, 1e-6, sp.pi / 2),
        (0.26, 0.011, sp.Rational(1, 4)),
        (1e-9, 1e-6, 0),
        (np.sqrt(2), 1e-7, None),
    ],
)
def test_simple_numbers(value: float, slack: float, expected: sp.Expr | None) -> None:
    assert simple_number(value, slack) == expected


def test_two_materials_have_a_form_each() -> None:
    problem = read_text(MATERIALS, "two.yaml").problem
    sampler = noisy(lambda x, y: np.where(x < 0, (9 + 20 * x) / 11, (9 + 2 * x) / 11) * (1 + y))
    view = seen(sampler, (-1, 1), (0, 1), problem=problem)
    (form, *_) = by_materials(view, sampler, polynomials, 1e-10)
    exact = sp.Piecewise(((9 + 20 * X) / 11 * (1 + Y), X < 0), ((9 + 2 * X) / 11 * (1 + Y), True))
    assert form.expression.args[0][1] == (X < 0)
    points = [np.array([-0.9, -0.1, 0.2, 0.8]), np.array([0.1, 0.7, 0.3, 0.9])]
    np.testing.assert_allclose(form.values((X, Y), points), Form(exact).values((X, Y), points), rtol=1e-8)


def test_a_core_lies_where_its_circle_is() -> None:
    text = MATERIALS.replace("x: [-1, 1]\n  y: [0, 1]", "(x, y): disk([0, 0], 2)\n  core: disk([0.1, 0], 0.5)")
    problem = read_text(text.replace("x < 0", "inside(core)"), "core.yaml").problem
    inside, rest = region_conditions(problem)
    assert rest == sp.true
    assert inside == ((X - sp.Rational(1, 10)) ** 2 + Y**2 < sp.Rational(1, 4))
    assert region_conditions(read_text(MATERIALS.replace("piecewise(x < 0, 1, 10)", "2"), "one.yaml").problem) == []


def test_equal_forms_on_both_sides_are_one() -> None:
    form = joined([(Form(X**2), X < 0), (Form(X**2), sp.true)])
    assert form.expression == X**2


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (A - X, X - A, sp.Abs(X - A)),
        (0, 3 * (X - A), 3 * sp.Max(0, X - A)),
        (3 * (A - X), 0, 3 * sp.Max(0, A - X)),
        (X**2, X**2 + X - A, X**2 + sp.Max(0, X - A)),
        (5 * X / 12 - X**2 / 2, 1 + X / 5 - X**2 / 4, None),
        (X, A, X - sp.Max(0, X - A)),
        (-1, 1, sp.sign(X - A)),
        ((X - A) ** 2, -((X - A) ** 2), None),
        (sp.exp(X), sp.sin(X), sp.Piecewise((sp.exp(X), X < A), (sp.sin(X), True))),
    ],
)
def test_the_shorter_way_to_write_it(left: sp.Expr, right: sp.Expr, expected: sp.Expr | None) -> None:
    piece = sp.Piecewise((left, X < A), (right, True))
    found = shorten(2 + piece)
    if expected is not None:
        assert sp.expand(found - 2 - expected) == 0
    for x in (-0.4, 0.3, 1.7):
        assert sp.N(found.subs({X: x, A: 0.5}) - 2 - piece.subs({X: x, A: 0.5})) == pytest.approx(0, abs=1e-12)
