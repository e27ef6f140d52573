"""The expression language against sympy built by hand, and its own printer."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.errors import ProblemError
from kanpde.problem import symbol, write_expression
from kanpde.problem.expressions import Builder
from kanpde.problem.functions import OPERATOR_NAMES
from kanpde.problem.operators import OPERATORS
from kanpde.problem.scope import Scope
from kanpde.problem.text import Text
from kanpde.problem.types import Field

x, y, a = map(symbol, "xya")
SCOPE_LETTERS = {"a": a}


def build(text: str) -> sp.Expr:
    scope = Scope(("x", "y"), None, {"u": Field("u", ("x", "y"))}, dict(SCOPE_LETTERS))
    marks = tuple((1, i + 1) for i in range(len(text) + 1))
    return Builder(scope, Text(text, marks, "t", text)).scalar_text()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-x^2", -(x**2)),
        ("-x**2", -(x**2)),
        ("2^3^2", 512),
        ("2^-x", 2**-x),
        ("-2^2", -4),
        ("a/x/y", a / x / y),
        ("a/x*y", a / x * y),
        ("a - x - y", a - x - y),
        ("a - (x - y)", a - x + y),
        ("--x", x),
        ("2*-x", -2 * x),
        ("x^2^y", x ** (2**y)),
        (".5 + 1. + 1e-2", sp.Rational(151, 100)),
        ("sqrt(x^2)", abs(x)),
        ("ln(a) - log(a)", 0),
        ("max(x, y, 1)", sp.Max(x, y, 1)),
        ("piecewise(x < 0, 1, y >= 1 and x != 2, 2, 3)", sp.Piecewise((1, x < 0), (2, sp.And(y >= 1, sp.Ne(x, 2))), (3, True))),
        (
            "piecewise(not (0 < x < 1) or y = 2, x, y)",
            sp.Piecewise((x, sp.Or(sp.Not(sp.And(x > 0, x < 1)), sp.Eq(y, 2))), (y, True)),
        ),
        ("d(x^2*y, x, y)", 2 * x),
        ("lap(x^2 + y^3)", 2 + 6 * y),
        ("div(grad(x^2 + y^3))", 2 + 6 * y),
        ("div([x*y, y^2])", 3 * y),
        ("curl([-y, x])", 2),
        ("dot([x, y], [y, x])", 2 * x * y),
        ("arctan(x) - atan(x)", 0),
        ("besselj(0, x)", sp.besselj(0, x)),
    ],
)
def test_meaning(text: str, value: sp.Expr) -> None:
    ours = build(text)
    assert ours == value or sp.simplify(ours - value) == 0


numbers = st.one_of(
    st.integers(0, 99).map(sp.Integer), st.tuples(st.integers(0, 99), st.integers(1, 99)).map(lambda p: sp.Rational(*p))
)
leaves = st.one_of(st.sampled_from([x, y, a, sp.pi]), numbers)


def _grown(children: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    pair = st.tuples(children, children)
    return st.one_of(
        pair.map(lambda p: p[0] + p[1]),
        pair.map(lambda p: p[0] - p[1]),
        pair.map(lambda p: p[0] * p[1]),
        pair.map(lambda p: p[0] / (1 + p[1] ** 2)),
        st.tuples(children, st.integers(1, 5)).map(lambda p: p[0] ** p[1]),
        st.tuples(st.sampled_from([sp.sin, sp.cos, sp.tanh, sp.erf, sp.Abs, sp.sign, sp.atan]), children).map(
            lambda p: p[0](p[1])
        ),
        pair.map(lambda p: sp.Max(*p)),
        pair.map(lambda p: sp.Piecewise((p[0], x < y), (p[1], True))),
        children.map(lambda e: sp.exp(-e * e / (1 + e * e))),
    )


expressions = st.recursive(leaves, _grown, max_leaves=8)


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_what_is_written_is_read_again(expression: sp.Expr) -> None:
    again = build(write_expression(expression))
    point = {x: sp.Rational(3, 7), y: sp.Rational(5, 11), a: sp.Rational(13, 10)}
    assert again == expression or abs(sp.N((again - expression).subs(point), 30)) < 1e-20 * (
        1 + abs(sp.N(expression.subs(point), 30))
    )


operators = st.sampled_from(["+", "-", "*", "/", "^"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(operators, st.sampled_from(["x", "y", "a", "1.5"])), min_size=1, max_size=5), st.booleans())
def test_precedence_is_pythons(parts: list[tuple[str, str]], sign: bool) -> None:
    """Python's own grammar is the judge: the same text with ** for ^, at a point near one that keeps powers small."""
    values = {"x": 1.1, "y": 0.9, "a": 1.05}
    text = ("-" if sign else "") + "x" + "".join(op + name for op, name in parts)
    ours = build(text).evalf(20, subs={symbol(name): value for name, value in values.items()})
    assert float(ours) == pytest.approx(_python(text, values), rel=1e-12)


def _python(text: str, values: dict[str, float]) -> float:
    import ast

    def run(node: ast.AST) -> float:
        if isinstance(node, ast.BinOp):
            left, right = run(node.left), run(node.right)
            by = {
                ast.Add: left.__add__,
                ast.Sub: left.__sub__,
                ast.Mult: left.__mul__,
                ast.Div: left.__truediv__,
                ast.Pow: left.__pow__,
            }
            return float(by[type(node.op)](right))
        if isinstance(node, ast.UnaryOp):
            return -run(node.operand)
        if isinstance(node, ast.Name):
            return values[node.id]
        assert isinstance(node, ast.Constant)
        return float(node.value)

    return run(ast.parse(text.replace("^", "**"), mode="eval").body)


@pytest.mark.parametrize(
    "text", ["x +", "(x", "x)", "x y", "2x", "sin", "sin x", "x ==", "x,", "[x", "x..y", "u_", "__class__", "x.real"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        build(text)


def test_every_operator_name_has_its_builder() -> None:
    assert set(OPERATORS) == set(OPERATOR_NAMES)
