"""What a file says is what the Problem holds."""

import pytest
import sympy as sp

from kanpde.errors import ProblemError
from kanpde.geometry import Face
from kanpde.problem import Document, Problem, check_degree, jet_symbol, normal_symbol, read_file, read_text, symbol

x, y, t, u = map(symbol, "xytu")


def box(equation: str = "lap(u) = 1", boundary: str = "u = 0", more: str = "") -> Problem:
    text = f"find: u(x, y)\ndomain:\n  x: [0, 1]\n  y: [0, 2]\nequation: {equation}\nboundary: {boundary}\n{more}"
    return read_text(text, "box.yaml").problem


def test_burgers() -> None:
    text = (
        "title: Burgers\nfind: u(x, t)\ndomain:\n  x: [-1, 1]\n  t: [0, 1]\nequation: u_t + u*u_x = nu*u_xx\n"
        "where:\n  nu: 0.01/pi\ninitial: u = -sin(pi*x)\nboundary: u = 0\ntolerance: 1e-9\n"
    )
    document = read_text(text)
    problem = document.problem
    nu, u_t, u_x, u_xx = map(symbol, ("nu", "u_t", "u_x", "u_xx"))
    assert problem.coordinates == ("x", "t")
    assert problem.domain.time == "t"
    assert problem.limits == {"x": (-1, 1), "t": (0, 1)}
    assert problem.constants == {nu: sp.Rational(1, 100) / sp.pi}
    (equation,) = problem.equations
    assert sp.expand(equation.expression - (u_t + u * u_x - nu * u_xx)) == 0
    assert equation.jets == {u: ("u", (0, 0)), u_t: ("u", (0, 1)), u_x: ("u", (1, 0)), u_xx: ("u", (2, 0))}
    assert not problem.linear
    initial, boundary = problem.conditions
    assert (initial.kind, initial.place.faces) == ("initial", (Face(1, -1),))
    assert initial.residuals[0].expression == u + sp.sin(sp.pi * x)
    assert (boundary.kind, boundary.place.faces) == ("boundary", (Face(0, -1), Face(0, 1)))
    assert document.method == {"tolerance": 1e-9}
    assert problem.source == text


def test_numbers_are_exact() -> None:
    problem = box("lap(u) = 0.1*u + 1/3 + 1e-4 + 2*pi")
    assert problem.equations[0].expression.subs({symbol("u_xx"): 0, symbol("u_yy"): 0}) == (
        -u / 10 - sp.Rational(1, 3) - sp.Rational(1, 10000) - 2 * sp.pi
    )


def test_plain_numbers_stay_letters_and_everything_else_is_written_out() -> None:
    more = "where:\n  a: 0.4\n  c: 1\n  b: 2*a\n  s: sin(a*x)\n  k(z): 1 + z^2\n  q: k(u)\n"
    problem = box("lap(u) = a + b + c + s + q", more=more)
    a, c = symbol("a"), symbol("c")
    assert problem.constants == {a: sp.Rational(2, 5), c: 1}
    right = symbol("u_xx") + symbol("u_yy") - problem.equations[0].expression
    assert sp.expand(right - (3 * a + c + sp.sin(a * x) + 1 + u**2)) == 0
    assert problem.with_values(right).free_symbols == {x, u}


def test_derivatives_are_named_in_the_order_of_the_coordinates() -> None:
    problem = box("u_yx + u_yyx + d(u, y, x, y) + d(u, x) = 0", more="")
    (equation,) = problem.equations
    assert equation.expression == symbol("u_xy") + 2 * symbol("u_xyy") + symbol("u_x")
    assert equation.jets[symbol("u_xyy")] == ("u", (1, 2))
    assert equation.order == 3
    assert equation.order_in(1) == 2


def test_operators_on_abbreviations_with_unknowns() -> None:
    (equation,) = box("div(k*grad(u)) = k_x", more="where:\n  k: 1 + u^2\n").equations
    u_x, u_y, u_xx, u_yy = map(symbol, ("u_x", "u_y", "u_xx", "u_yy"))
    wanted = (1 + u**2) * (u_xx + u_yy) + 2 * u * (u_x**2 + u_y**2) - 2 * u * u_x
    assert sp.expand(equation.expression - wanted) == 0


def test_the_normal_derivative_on_each_face() -> None:
    problem = box("lap(u) = 1", "u_n + 2*u = x")
    (residual,) = problem.conditions[0].residuals
    assert normal_symbol("u") in residual.expression.free_symbols
    for face in problem.domain.faces():
        on_face = residual.on_face(face, problem.coordinates)
        index = tuple(int(i == face.axis) for i in range(2))
        partial = jet_symbol("u", index, problem.coordinates)
        assert on_face.expression == face.side * partial + 2 * u - x
        assert on_face.jets[partial] == ("u", index)


def test_places() -> None:
    problem = box("lap(u) = 0", "\n  x = 0, y = 2: u = 0\n  elsewhere: u_n = 1")
    first, rest = problem.conditions
    assert set(first.place.faces) == {Face(0, -1), Face(1, 1)}
    assert set(rest.place.faces) == {Face(0, 1), Face(1, -1)}
    assert first.place.predicate is None


def test_a_predicate_that_holds_on_whole_sides_names_them() -> None:
    problem = box("lap(u) = 0", "\n  x < 0.5: u = 0\n  elsewhere: u_n = 0")
    place = problem.conditions[0].place
    assert place.predicate is not None  # the lower and upper sides belong to it by half
    assert set(place.faces) == {Face(0, -1), Face(1, -1), Face(1, 1)}
    whole = box("lap(u) = 0", "\n  x = 0 and y <= 2: u = 0\n  elsewhere: u_n = 0").conditions[0].place
    assert (whole.faces, whole.predicate) == ((Face(0, -1),), None)


def test_a_side_where_the_interval_ends_at_a_fraction() -> None:
    text = "find: u(x)\ndomain:\n  x: [0, 1/3]\nequation: u_xx = 0\nboundary:\n  x = 1/3: u = 1\n  x = 0: u = 0\n"
    assert read_text(text).problem.conditions[0].place.faces == (Face(0, 1),)


def test_periodic_axes() -> None:
    problem = box("lap(u) = u", "\n  x: periodic\n  elsewhere: u = 0")
    assert problem.domain.periodic == ("x",)
    assert problem.domain.faces() == (Face(1, -1), Face(1, 1))
    assert [c.place.faces for c in problem.conditions] == [(Face(1, -1), Face(1, 1))]


def test_named_equations_lists_and_commas_are_the_same() -> None:
    head = "find: u(x, t), v(x, t)\ndomain:\n  x: [0, 1]\n  t: [0, 1]\ninitial: u = 0, v = 0\nboundary: u = 0\n"
    one = read_text(head + "equation: u_t = v, v_t = u\n").problem
    two = read_text(head + "equations:\n  - u_t = v\n  - v_t = u\n").problem
    named = read_text(head + "equations:\n  first: u_t = v\n  second: v_t = u\n").problem
    for other in (two, named):
        assert [r.expression for r in other.equations] == [r.expression for r in one.equations]
    assert [r.name for r in named.equations] == ["first", "second"]


def test_vectors_give_an_equation_for_each_entry() -> None:
    head = "find: u(x, y), v(x, y)\ndomain:\n  x: [0, 1]\n  y: [0, 1]\nboundary: u = 0\n"
    problem = read_text(head + "equation: '[u, v] = grad(x*y) + [0, 1]'\n").problem
    assert [r.expression for r in problem.equations] == [u - y, symbol("v") - x - 1]


def test_parameters_and_unknown_constants() -> None:
    head = "domain:\n  x: [0, 1]\nequation: u_xx = k*u\nboundary: u = 1\nwhere:\n  k: [1, 4]\n"
    parametric = read_text("find: u(x; k)\n" + head).problem
    assert parametric.parameters == {"k": (1.0, 4.0)}
    assert parametric.fields[0].parameters == ("k",)
    inverse = read_text("find: u(x), k\n" + head).problem
    assert inverse.unknowns == {"k": (1.0, 4.0)}


def test_yaml_words_are_words_and_numbers_numbers() -> None:
    document = read_text("title: no\nfind: u(x)\ndomain:\n  x: [0, 1e-4]\nequation: u_xx = 1\nboundary: u = 0\nseed: 7\n")
    assert document.problem.title == "no"
    assert document.problem.limits["x"] == (0, sp.Rational(1, 10000))
    assert document.method == {"seed": 7}


def test_spans_of_the_method_part() -> None:
    text = "find: u(x)\ndomain:\n  x: [0, 1]\nequation: u_xx = 1\nboundary: u = 0\nnetwork: {degree: 5}\ntrain:\n  - {steps: 3}\n"
    document = read_text(text)
    degree = document.span_of(("network", "degree"))
    assert degree is not None
    assert (degree.line, degree.column) == (6, 19)
    key = document.span_of(("network", "degree"), key=True)
    assert key is not None
    assert (key.line, key.column, key.width) == (6, 11, 6)
    steps = document.span_of(("train", 0, "steps"))
    assert steps is not None
    assert steps.line == 8
    assert document.span_of(("network", "rank")) is None


def test_document_of_a_problem_has_an_empty_method_part() -> None:
    problem = box(more="tolerance: 1e-3\n")
    assert Document.of(problem).method == {}
    assert Document.of(problem).problem is problem


def test_the_degree_must_exceed_the_order() -> None:
    problem = box("u_xxxx + u_yyyy = 1", "u = 0, u_n = 0")
    check_degree(problem, 5)
    with pytest.raises(ProblemError, match=r"degree 3 gives a piecewise linear u_xx; an equation of order 4 needs degree >= 5"):
        check_degree(problem, 3)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_is_none(name: str) -> None:
    with pytest.raises(ProblemError, match=r"there is no file|is a folder"):
        read_file(name)


def test_partials_are_the_linearised_operator() -> None:
    (equation,) = box("u*u_x + exp(u) = lap(u)").equations
    u_x = symbol("u_x")
    assert equation.partials == {
        ("u", (0, 0)): u_x + sp.exp(u), ("u", (1, 0)): u, ("u", (2, 0)): -1, ("u", (0, 2)): -1,
    }  # fmt: skip


def test_a_list_of_unknowns_is_told_how_to_be_written() -> None:
    with pytest.raises(ProblemError, match="single line") as raised:
        read_text("find: [u(x), v(x)]\ndomain: {x: [0, 1]}\nequation: u_xx = 0\nboundary: u = 0\n")
    assert raised.value.hint == "without brackets: find: u(x, t), v(x, t)"
