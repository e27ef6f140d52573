"""Which way things go: equations that run backwards, and values that are given where they leave."""

import pytest

from kanpde.errors import ProblemError
from kanpde.problem import read_text

PERIODIC = "\n  x: periodic"


def remarks(
    equation: str, initial: str = "u = 0", boundary: str = "u = 0", find: str = "u(x, t)", space: str = "x: [0, 1]"
) -> str:
    text = f"find: {find}\ndomain:\n  {space}\n  t: [0, 1]\nequations: {equation}\nwhere:\n  k: 2 + x\n"
    text += f"initial: {initial}\nboundary: {boundary}\n"
    return "\n".join(remark.message for remark in read_text(text).problem.remarks if not remark.unsupported)


@pytest.mark.parametrize(
    ("equation", "initial", "boundary"),
    [
        ("u_t = -u_xx", "u = 0", "u = 0"),
        ("u_t + div(k*grad(u)) = u^2", "u = 0", "u = 0"),
        ("-2*u_t = (1 + u^2)*u_xx", "u = 0", "u = 0"),
        ("u_tt + u_xx = 0", "u = 0, u_t = 0", "u = 0"),
        ("u_t = u_xxxx", "u = 0", "u = 0, u_n = 0"),
        ("u_t = u_xx + u_xxxx", "u = 0", PERIODIC),
    ],
)
def test_backwards(equation: str, initial: str, boundary: str) -> None:
    assert "run backwards in t" in remarks(equation, initial, boundary)


@pytest.mark.parametrize(
    ("equation", "initial", "boundary"),
    [
        ("u_t = u_xx", "u = 0", "u = 0"),
        ("u_t + u*u_x = -u_xx - u_xxxx", "u = 0", PERIODIC),
        ("u_tt = u_xx - u", "u = 0, u_t = 0", "u = 0"),
        ("u_tt + u_xxxx = 0", "u = 0, u_t = 0", "u = 0, u_xx = 0"),
        ("u_t + u*u_x + u_xxx = 0", "u = 0", PERIODIC),
        ("u_t = div((1 + u^2)*grad(u))", "u = 0", "u = 0"),
        ("u_t - u_xxt = u_xx", "u = 0", "u = 0"),
        ("u_t = x*u_xx - (1 - x)*u_xx", "u = 0", "u = 0"),
        ("u_t + u_x = 0", "u = 0", "\n  x = 0: u = 0"),
        ("u_t = k*u_x", "u = 0", "\n  x = 1: u = 0"),
    ],
)
def test_forwards(equation: str, initial: str, boundary: str) -> None:
    assert remarks(equation, initial, boundary) == ""


def test_systems() -> None:
    equations = "u_t = u_xx + v, v_t = {}v_xx - u"
    assert remarks(equations.format(""), "u = 0, v = 0", "u = 0, v = 0", "u(x, t), v(x, t)") == ""
    wrong = remarks(equations.format("-"), "u = 0, v = 0", "u = 0, v = 0", "u(x, t), v(x, t)")
    assert "the sign of v_xx makes the equation run backwards" in wrong


def test_two_coordinates() -> None:
    assert "the sign of u_yy" in remarks("u_t = u_xx - u_yy", find="u(x, y, t)", space="x: [0, 1]\n  y: [0, 1]")
    assert remarks("u_t = lap(u)", find="u(x, y, t)", space="x: [0, 1]\n  y: [0, 1]") == ""


@pytest.mark.parametrize(
    ("equation", "boundary", "said"),
    [
        ("u_t + u_x = 0", "\n  x = 1: u = 0", "carries u from x = 0 to x = 1, but the condition stands at x = 1"),
        ("2*u_t = k*u_x", "\n  x = 0: u = 0", "carries u from x = 1 to x = 0, but the condition stands at x = 0"),
        ("u_t + u*u_x = 0", "\n  x = 1: u = 0", ""),
    ],
)
def test_values_are_given_where_they_come_in(equation: str, boundary: str, said: str) -> None:
    found = remarks(equation, boundary=boundary)
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("equation", "size"), [("u_x^2 = -1", "positive"), ("-exp(u) = u_t^2", "negative"), ("abs(u) + k^2 + u_x^2 = -1", "positive")]
)
def test_what_can_never_hold(equation: str, size: str) -> None:
    with pytest.raises(ProblemError, match=f"can never hold: its left side minus its right is {size}, whatever u is"):
        remarks(equation)
    with pytest.raises(ProblemError, match="can never hold"):
        remarks("u_t = u_xx", boundary="u^2 = -1")


def test_what_may_hold_is_read() -> None:
    remarks("u_t + u_x^2 = 1")
    remarks("u_t = exp(u)")
