"""Constraints: values at one point become conditions in the fields' derivatives; everything else stays as it was written."""

import pytest
import sympy as sp

from kanpde.errors import ProblemError
from kanpde.problem import Condition, Problem, jet_symbol, read_text, real_form, symbol

TEXT = """find: u(x, y), p(x, y)
domain:
  x: [0, 1]
  y: [0, 3*L]
equations:
  one: lap(u) = p_x
  two: lap(p) = 0
where:
  L: 0.1
boundary: u = 0, p = x^2 - y^2 + 1/3
constraints: {constraint}
exact: u = 0, p = 0
"""


def read(constraint: str) -> Problem:
    text = TEXT.replace("exact: u = 0, p = 0\n", "").replace("p = x^2 - y^2 + 1/3", "p_n = 0")
    return read_text(text.format(constraint=constraint)).problem


def points(constraint: str) -> list[Condition]:
    return [c for c in read(constraint).conditions if c.kind == "constraint"]


@pytest.mark.parametrize(
    ("constraint", "point", "expression"),
    [
        ("p(0, 0) = 1", (0, 0), "p - 1"),
        ("p(1/3, L/2) = L", (1 / 3, 0.05), "p - L"),
        ("p(1, 3*L) = p(1, 3*L)^2", (1, 0.3), "p - p^2"),
        ("p(0, y) = y", (0, None), "p - y"),
        ("p(x, L) = x", (None, 0.1), "p - x"),
        ("p_x(0, 0) + 2*u_yy(0, 0) = 0", (0, 0), "p_x + 2*u_yy"),
        ("u(1, 0.3)*p(1, 3*L) = 0", (1, 0.3), "u*p"),
    ],
)
def test_a_value_at_a_point(constraint: str, point: tuple[float | None, ...], expression: str) -> None:
    coordinates = ("x", "y")
    names = {"u": jet_symbol("u", (0, 0), coordinates), "p": jet_symbol("p", (0, 0), coordinates)}
    names |= {"p_x": jet_symbol("p", (1, 0), coordinates), "u_yy": jet_symbol("u", (0, 2), coordinates)}
    names |= {name: symbol(name) for name in ("x", "y", "L")}
    (condition,) = points(constraint)
    assert condition.place.point is not None
    assert [None if a is None else pytest.approx(a, rel=1e-15) for a in point] == [*condition.place.point]
    assert not condition.place.faces
    (residual,) = condition.residuals
    expected = sp.parse_expr(expression.replace("^", "**"), names)
    assert residual.expression - expected == 0
    assert set(residual.partials) == set(residual.jets.values())


def test_the_point_is_known_exactly() -> None:
    (condition,) = points("p(1/3, L/2) = 0")
    assert condition.position == {symbol("x"): sp.Rational(1, 3), symbol("y"): symbol("L") / 2}
    assert condition.place.text == "x = 1/3, y = L/2"


def test_equations_at_different_points_are_different_conditions() -> None:
    assert [c.place.point for c in points("p(0, 0) = 0, u_x(1, 0) = 2")] == [(0, 0), (1, 0)]


@pytest.mark.parametrize(
    ("constraint", "integrand", "value"),
    [
        ("integral(u) = 1", "u", "1"),
        ("integral(p^2) = L", "p**2", "L"),
        ("1 = 2*integral(u*p_x) + L*integral(x*u)", "2*u*p_x + L*x*u", "1"),
        ("integral(p) = integral(1)/2", "p - 1/2", "0"),
    ],
)
def test_an_integral(constraint: str, integrand: str, value: str) -> None:
    (condition,) = points(constraint)
    (integral,) = condition.integrals
    names = {name: symbol(name) for name in ("u", "p", "p_x", "x", "L")}
    sign = -1 if constraint.startswith("1") else 1
    assert sp.expand(integral.integrand.expression - sign * sp.parse_expr(integrand, names)) == 0
    assert integral.value == sign * sp.parse_expr(value, names)
    assert set(integral.integrand.jets) == integral.integrand.expression.free_symbols - {symbol("x"), symbol("L")}


@pytest.mark.parametrize(
    ("constraint", "quantity", "point", "positive"),
    [
        ("u(1/2, 0) > 0", "u", (0.5, 0), True),
        ("p_x(0, L) < 1", "p_x - 1", (0, 0.1), False),
        ("p_x(0, L) >= 1", "p_x - 1", (0, 0.1), True),
        ("integral(u*x) > 0", "u*x", None, True),
    ],
)
def test_a_sign_chooses(constraint: str, quantity: str, point: tuple[float, ...] | None, positive: bool) -> None:
    (condition,) = points(constraint)
    assert condition.choice is not None
    assert condition.choice.positive is positive
    assert condition.choice.point == point if point is None else condition.choice.point == pytest.approx(point)
    names = {name: symbol(name) for name in ("u", "p_x", "x")}
    assert condition.choice.quantity.expression - sp.parse_expr(quantity, names) == 0
    assert condition.place.point is None


def test_an_integral_over_space_at_every_time_and_of_a_complex_field() -> None:
    text = "find: psi(x, t) complex\ndomain:\n  x: [0, 1]\n  t: [0, 1]\nequation: i*psi_t = psi_xx\nboundary: psi = 0\n"
    text += "initial: psi = 0\nconstraints: integral(abs(psi)^2) = 1 + t, integral(psi) = i\n"
    found = [c.integrals for c in real_form(read_text(text).problem).conditions if c.kind == "constraint"]
    a, b = symbol("psi_re"), symbol("psi_im")
    assert [[(i.integrand.expression, i.value) for i in integrals] for integrals in found] == [
        [(a**2 + b**2, 1 + symbol("t"))],
        [(a, 0), (b, 1)],
    ]


def test_a_point_in_a_hole() -> None:
    text = "find: u(x, y)\ndomain:\n  (x, y): plate - hole\n  plate: rectangle([-1, -1], [1, 1])\n  hole: disk([0, 0], 1/2)\n"
    text += "equation: lap(u) = 0\nboundary: u_n = 0\nconstraints: u({at}) = 0\n"
    with pytest.raises(ProblemError, match="the point x = 0, y = 1/4 lies outside the shape"):
        read_text(text.replace("{at}", "0, 1/4"))
    for inside in ("1/2, 0", "3/10, 2/5", "1, 1", "3/4, 0"):
        (condition,) = [c for c in read_text(text.replace("{at}", inside)).problem.conditions if c.kind == "constraint"]
        assert condition.place.point is not None


@pytest.mark.parametrize(
    "constraint",
    [
        "p(0, 0) = p(1, 0)",
        "p(0, 0) = u",
        "p(0, 0) = x",
        "p(0, x) = 0",
        "p(x^2, 0) = 0",
        "p(0, 0) = integral(p)",
        "integral(p) = u",
        "integral(p)*integral(u) = 1",
        "integral(u) > 1",
        "integral(u) != 0",
        "p(0, 0) > 0",
    ],
)
def test_anything_else_is_read_not_solved_yet(constraint: str) -> None:
    assert [c.place.point for c in points(constraint)] == [None]
    assert "a constraint is read, not solved yet" in [remark.message for remark in read(constraint).unsupported]


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("p(x, y) = 0", "fixes no coordinate"),
        ("p(2, 0) = 0", "the point x = 2 lies outside the domain"),
        ("p(0, 0) = p(0, 1)", "the point y = 1 lies outside the domain"),
        ("p(0) = 0", "'p' takes 2 arguments, not 1"),
        ("p_z(0, 0) = 0", "'p' has no coordinate 'z'"),
        ("p_n(0, 0) = 0", "derivative along the normal"),
    ],
)
def test_a_mistake(constraint: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        read(constraint)


@pytest.mark.parametrize("constraint", ["p(1/2, L) = 1/4 - L^2 + 1/3", "p_x(0.5, 0) = 1", "p(x, L) = x^2 - L^2 + 1/3"])
@pytest.mark.parametrize("factor", ["1", "(1 + 1e-12)"])
def test_the_exact_solution_is_proved_at_the_point(constraint: str, factor: str) -> None:
    text = TEXT.format(constraint=constraint).replace("one: lap(u) = p_x", "one: lap(u) = 0")
    text = text.replace("boundary: u = 0, p = x^2 - y^2 + 1/3\n", "boundary: u = 0\n")
    text = text.replace("exact: u = 0, p = 0", f"exact: u = 0, p = {factor}*(x^2 - y^2 + 1/3)")
    if factor == "1":
        assert not any("not proved" in remark.message for remark in read_text(text).problem.remarks)
    else:
        with pytest.raises(ProblemError, match="does not satisfy the constraint"):
            read_text(text)
