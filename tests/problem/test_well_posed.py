"""What a reader should be told about a problem: missing, doubled and contradicting conditions."""

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
        ("lap(u) = 1", "u_n = 0", "", "plus any constant"),
        ("lap(u) = 1", "\n  x, y: periodic", "", "plus any constant"),
        ("lap(u) = 1", "\n  x = 0, x = 1: u = 0", "", "too few conditions at y = 0 and y = 1"),
        ("lap(lap(u)) = 1", "u = 0", "", "too few conditions at x = 0 and x = 1"),
        ("lap(u) = 1", "u = 0, u_n = 0", "", "too many conditions"),
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
