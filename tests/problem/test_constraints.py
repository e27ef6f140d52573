"""Constraints: values at one point become conditions in the fields' derivatives; everything else stays as it was written."""

import pytest
import sympy as sp

from kanpde.errors import ProblemError
from kanpde.problem import Condition, Problem, jet_symbol, read_text, symbol

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
    return read_text(TEXT.replace("exact: u = 0, p = 0\n", "").format(constraint=constraint)).problem


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
    "constraint",
    [
        "p(0, 0) = p(1, 0)",
        "p(0, 0) = u",
        "p(0, 0) = x",
        "p(0, x) = 0",
        "p(x^2, 0) = 0",
        "p(0, 0) = integral(p)",
        "integral(p) = 0",
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
