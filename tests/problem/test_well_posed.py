"""What a reader should be told about a problem: missing, doubled and contradicting conditions."""

import re

import pytest

from kanpde.errors import ProblemError
from kanpde.problem import read_text


def remarks(equation: str, boundary: str, initial: str = "") -> list[str]:
    time = bool(initial)
    second = "t" if time else "y"
    text = f"find: u(x, {second})\ndomain:\n  x: [0, 1]\n  {second}: [0, 1]\nequation: {equation}\nboundary: {boundary}\n"
    text += f"initial: {initial}\n" if time else ""
    return [remark.message for remark in read_text(text).problem.remarks]


@pytest.mark.parametrize(
    ("equation", "boundary", "initial"),
    [
        ("lap(u) = 1", "u = 0", ""),
        ("lap(u) = u", "u_n = 0", ""),
        ("lap(u) = 1", "u_n + u = 0", ""),
        ("lap(u) = 1", "\n  x: periodic\n  elsewhere: u = 0", ""),
        ("u_t = u_xx", "u = 0", "u = sin(pi*x)"),
        ("u_t = u_xx", "\n  x: periodic", "u = sin(2*pi*x)"),
        ("u_t = u_xx", "\n  x = 0: u = 0\n  x = 1: u_n = 0", "u = sin(pi*x/2)"),
        ("u_t + u_x = 0", "\n  x = 0: u = 0", "u = sin(pi*x)"),
        ("u_tt = u_xx", "u = 0", "u = sin(pi*x), u_t = 0"),
        ("lap(lap(u)) = 1", "u = 0, u_n = 0", ""),
    ],
)
def test_nothing_is_said_of_a_well_posed_problem(equation: str, boundary: str, initial: str) -> None:
    assert remarks(equation, boundary, initial) == []


@pytest.mark.parametrize(
    ("equation", "boundary", "initial", "said"),
    [
        ("lap(u) = cos(pi*x)", "u_n = 0", "", "plus any constant"),
        ("lap(u) = sin(2*pi*x)", "\n  x, y: periodic", "", "plus any constant"),
        ("lap(u) = 1", "\n  x = 0, x = 1: u = 0", "", "too few conditions at y = 0 and y = 1"),
        ("lap(lap(u)) = 1", "u = 0", "", "too few conditions at x = 0 and x = 1"),
        ("lap(u) = u", "u = 1, u_n = 0", "", "too many conditions"),
        ("lap(u) = 1", "\n  x = 0, x = 1: u = 0\n  elsewhere: u = 1", "", "contradict each other at x = 0, y = 0"),
        ("u_t = u_xx", "u = 0", "u = 1", "contradicts the boundary condition u = 0 at x = 0"),
        ("u_t = u_xx", "u_n = 0", "u = x", "contradicts the boundary condition u_n = 0 at x = 0"),
    ],
)
def test_a_warning(equation: str, boundary: str, initial: str, said: str) -> None:
    assert any(said in message for message in remarks(equation, boundary, initial))


@pytest.mark.parametrize(
    ("equation", "boundary", "initial", "said"),
    [
        ("u_tt = u_xx", "u = 0", "u = 0", "u_t needs an initial value"),
        ("u_t = u_xx", "u = 0", "u = 0, u_t = 0", "'u_t' is no initial value"),
        ("u_t = u_xx", "u = 0", "u = 0, u = x", "2 initial conditions, where the equation takes 1"),
        ("lap(u) = 1", "\n  x = 0: u = 0\n  x=0: u = y", "", "contradict each other at x = 0"),
        ("lap(u) = 1, u = 0", "u = 0", "", "2 equations for 1 unknown function"),
        ("x = y", "u = 0", "", "says nothing about u"),
    ],
)
def test_an_error(equation: str, boundary: str, initial: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        remarks(equation, boundary, initial)


RING = "  (x, y): plate - hole\n  plate: rectangle([-1, -1], [1, 1])\n  hole: disk([0, 0], 1/2)\n"


@pytest.mark.parametrize(
    ("find", "equations", "boundary", "said"),
    [
        (
            "u(x, y)",
            "lap(u) = 1",
            "\n  plate: u = 0",
            ["no condition holds on 'hole': the equation is of order 2 and takes 1 there"],
        ),
        ("u(x, y)", "lap(u) = 1", "\n  plate: u = 0\n  hole: u_n = 0", []),
        ("u(x, y)", "lap(u) = 1", "u = 0", []),
        (
            "u(x, y)",
            "lap(u) = 1",
            "\n  y > 0: u = 0\n  hole: u = 0",
            ["no condition holds on a part of 'plate', near x = ", "too many"],
        ),
        (
            "u(x, y)",
            "lap(lap(u)) = 1",
            "u = 0",
            ["too few conditions hold on 'plate': the equation is of order 4 and takes 2", "'hole'"],
        ),
        (
            "u(x, y)",
            "lap(u) = u",
            "u = 0, u_n = 0",
            ["too many conditions hold on 'plate'", "too many conditions hold on 'hole'"],
        ),
        ("u(x, y)", "lap(u) = 0", "u_n = 0", ["only derivatives of u occur"]),
        ("u(x, y), v(x, y), p(x, y)", "STOKES", "u = 0, v = 0", ["so p plus any constant is a solution too"]),
        (
            "u(x, y), v(x, y)",
            "lap(u) = v, lap(v) = u",
            "\n  plate: u = 0, v = 0\n  hole: u = 0",
            ["too few conditions hold on 'hole'"],
        ),
        ("u(x, y)", "u_x + u = 1", "\n  x < -1/2: u = 0", []),
        ("u(x, y)", "u_y = u_xx", "\n  y < 1/2: u = 0", []),
    ],
)
def test_the_outline_of_a_shape(find: str, equations: str, boundary: str, said: list[str]) -> None:
    equations = equations.replace("STOKES", STOKES)
    text = f"find: {find}\ndomain:\n{RING}equations: {equations}\nboundary: {boundary}\n"
    found = [remark for remark in read_text(text).problem.remarks if not remark.unsupported]
    assert len(found) == len(said)
    for remark, words in zip(found, said, strict=True):
        assert words in remark.message
    for remark in found:
        if "for v" in (remark.hint or ""):
            assert find != "u(x, y)"


def test_a_level_is_fixed_at_a_point_of_the_shape() -> None:
    text = f"find: u(x, y)\ndomain:\n{RING}equation: lap(u) = 0\nboundary: u_n = 0\n"
    (remark,) = read_text(text).problem.remarks
    assert remark.hint is not None
    constraint = remark.hint.split("by constraints: ")[1]
    assert read_text(f"{text}constraints: {constraint}\n").problem.remarks == ()


def test_conditions_on_a_part_of_a_side() -> None:
    found = remarks("lap(u) = 1", "\n  x = 0 and y < 1/2: u = 0\n  x = 1, y = 0, y = 1: u = 0")
    assert "too few conditions at a part of x = 0, near x = 0, y = 0.8" in found[0]
    assert remarks("lap(u) = 1", "\n  x = 0 and y < 1/2: u_n = 0\n  elsewhere: u = 0")[1:] == []


@pytest.mark.parametrize(
    ("find", "equations", "boundary", "said"),
    [
        (
            "u(x, y), v(x, y)",
            "lap(u) = u - v, lap(v) = v - u",
            "u_n = 0, v_n = 0",
            "u and v together are determined only up to any constant",
        ),
        (
            "u(x, y), v(x, y)",
            "lap(u) = u - v, lap(v) = 0",
            "u_n = 0, v_n = 0",
            "u and v together are determined only up to any constant",
        ),
        ("u(x, y), v(x, y)", "lap(u) = u - v, lap(v) = 2*v - u", "u_n = 0, v_n = 0", ""),
        ("u(x, y), v(x, y)", "lap(u) = u - v, lap(v) = v - u", "\n  x = 0: u = 0, v_n = 0\n  elsewhere: u_n = 0, v_n = 0", ""),
        ("u(x, y), v(x, y)", "lap(u) = 0, lap(v) = v", "u_n = 0, v_n = 0", "only derivatives of u occur, so u plus any constant"),
    ],
)
def test_levels_of_several_fields(find: str, equations: str, boundary: str, said: str) -> None:
    found = of_system(find, equations, boundary)
    assert len(found) == bool(said)
    assert all(said in message for message in found)


@pytest.mark.parametrize(
    ("constraint", "fixed"), [("integral(p) = 0", True), ("p(0, 0) = 0", True), ("p(0, 0) > 0", False), ("p_x(0, 0) = 0", False)]
)
def test_what_fixes_a_level(constraint: str, fixed: bool) -> None:
    assert (
        of_system(FLOW, STOKES, "u = 0, v = 0", constraints=constraint) == []
        if fixed
        else ["only derivatives of p occur, so p plus any constant is a solution too"]
    )


STOKES = "lap(u) = p_x, lap(v) = p_y, u_x + v_y = 0"
FLOW = "u(x, y), v(x, y), p(x, y)"
PAIR = "u(x, t), v(x, t)"
REACTION = "u_t = u_xx + v, v_t = v_xx - u"


def of_system(find: str, equations: str, boundary: str, initial: str = "", constraints: str = "") -> list[str]:
    second = "t" if initial else "y"
    text = f"find: {find}\ndomain:\n  x: [0, 1]\n  {second}: [0, 1]\nequations: {equations}\nboundary: {boundary}\n"
    text += f"initial: {initial}\n" if initial else ""
    text += f"constraints: {constraints}\n" if constraints else ""
    return [remark.message for remark in read_text(text).problem.remarks if not remark.unsupported]


@pytest.mark.parametrize(
    ("find", "equations", "boundary", "initial", "constraints"),
    [
        (FLOW, STOKES, "u = 0, v = 0", "", "p(0, 0) = 0"),
        (FLOW, STOKES, "\n  x = 1: u_x = p, v = 0\n  elsewhere: u = y*(1 - y), v = 0", "", ""),
        ("u(x, y), w(x, y)", "lap(u) = w, lap(w) = 1", "u = 0, u_n = 0", "", ""),
        (PAIR, REACTION, "u = 0, v = 0", "u = sin(pi*x), v = 0", ""),
        (PAIR, REACTION, "u_n = 0, v_n = 0", "u = 1, v = 0", ""),
        (PAIR, "u_t = v_x, v_t = u_x", "u = 0", "u = sin(pi*x), v = 0", ""),
        (PAIR, "u_t = v_xx, v = u_xx", "u = 0, v = 0", "u = sin(pi*x)", ""),
        ("u(x, t), p(x, t)", "u_t = u_xx + p_x, u_x = 0", "u = 0", "u = 0", "p(0, t) = 0"),
    ],
)
def test_nothing_is_said_of_a_well_posed_system(find: str, equations: str, boundary: str, initial: str, constraints: str) -> None:
    assert of_system(find, equations, boundary, initial, constraints) == []


@pytest.mark.parametrize(
    ("find", "equations", "boundary", "initial", "said"),
    [
        (FLOW, STOKES, "u = 0, v = 0", "", "only derivatives of p occur, so p plus any constant"),
        (FLOW, STOKES, "\n  x = 0, x = 1, y = 0: u = 0, v = 0", "", "too few conditions at y = 1"),
        (FLOW, STOKES, "u = 0, v = 0, p = 0", "", "too many conditions at the ends of x"),
        (PAIR, REACTION, "\n  x = 0: u = 0, v = 0\n  x = 1: u = 0", "u = 0, v = 0", "of order 4 in x and have 3 there"),
        (PAIR, "u_t = v_xx, v = u_xx", "u = 0, v = 0", "u = 0, v = 0", "v needs no initial value"),
        ("u(x, t), p(x, t)", "u_t = u_xx + p_x, u_x = 0", "u = 0", "u = 0", "p plus any function of t"),
        ("u(x, y), v(x, y), w(x, y)", "lap(u) = 0, u = u_x, v + w = u", "u = 0", "", "contain fewer unknown functions"),
    ],
)
def test_a_warning_about_a_system(find: str, equations: str, boundary: str, initial: str, said: str) -> None:
    assert any(said in message for message in of_system(find, equations, boundary, initial))


@pytest.mark.parametrize(
    ("find", "equations", "boundary", "initial", "said"),
    [
        (PAIR, REACTION, "u = 0, v = 0", "u = 0", "of order 1 in t, so v needs an initial value"),
        ("u(x, y), v(x, y)", "lap(u) = 0, u_x = 1", "u = 0", "", "no equation contains 'v'"),
        (FLOW, "lap(u) = p_x, lap(v) = p_y", "u = 0, v = 0", "", "2 equations for 3 unknown functions"),
    ],
)
def test_an_error_in_a_system(find: str, equations: str, boundary: str, initial: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        of_system(find, equations, boundary, initial)


@pytest.mark.parametrize(
    ("find", "equations", "degree", "said"),
    [
        (
            "u(x, y)",
            "u_xxxxxx + u_yy = 1",
            6,
            "degree 6 gives a piecewise linear u_xxxxx; an equation of order 6 needs degree >= 7",
        ),
        (FLOW, STOKES, 2, "degree 2 gives a piecewise linear u_x; an equation of order 2 needs degree >= 3"),
        ("u(x, y), v(x, y)", "u = v_yyy, u_x = v", 3, "degree 3 gives a piecewise linear v_yy"),
        ("u(x, y), v(x, y)", "u = v_y, u_x = v", 1, "degree 1 gives a piecewise linear u; an equation of order 1"),
    ],
)
def test_splines_are_smoother_than_the_order_of_every_field(find: str, equations: str, degree: int, said: str) -> None:
    text = f"find: {find}\ndomain:\n  x: [0, 1]\n  y: [0, 1]\nequations: {equations}\nnetwork: {{degree: {degree}}}\n"
    with pytest.raises(ProblemError, match=re.escape(said)):
        read_text(text)
    assert read_text(text.replace(f"degree: {degree}", f"degree: {degree + 1}")).method["network"] == {"degree": degree + 1}
