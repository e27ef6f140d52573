"""Sources against fluxes through the boundary: problems without a solution are refused, and the others left alone."""

import math

import pytest

from kanpde.errors import ProblemError
from kanpde.problem import read_text
from kanpde.problem.balance import _source, compared
from kanpde.problem.rim import rim

BOX = "  x: [0, 1]\n  y: [0, 2]\n"
RING = "  (x, y): plate - hole\n  plate: rectangle([-1, -1], [1, 1])\n  hole: disk([0.1, 0.2], 1/2)\n"
LINE = "  x: [0, 3]\n"
CUBE = "  x: [0, 1]\n  y: [0, 1]\n  z: [0, 2]\n"
FLOW = "u(x, y), v(x, y), p(x, y)"
STOKES = "lap(u) = p_x, lap(v) = p_y, u_x + v_y = 0"


def text(equations: str, boundary: str, domain: str = BOX, find: str = "u(x, y)", where: str = "k: 2", more: str = "") -> str:
    return f"find: {find}\ndomain:\n{domain}equations: {equations}\nwhere:\n  {where}\nboundary: {boundary}\n{more}"


@pytest.mark.parametrize(
    ("words", "asked", "given"),
    [
        (("-lap(u) = 1", "u_n = 0"), 2, 0),
        (("lap(u) = x", "u_n = 1/3"), 1, 2),
        (("-lap(u) = 0", "\n  x = 0: u_n = y\n  elsewhere: u_n = 0"), 0, -2),
        (("-lap(u) = 0", "\n  x = 0 and y < 1: u_n = 1\n  elsewhere: u_n = 0"), 0, -1),
        (("-div(k*grad(u)) = 1", "k*u_n = 1"), 2, -6),
        (("div((1 + u^2)*grad(u)) = 1", "(1 + u^2)*u_n = 0"), 2, 0),
        (("-div(k*grad(u)) = 1", "u_n = x", BOX, "u(x, y)", "k: 1 + x"), 2, -4 - 5 / 3),
        (("-lap(u) = 1", "u_n = 0", RING), 4 - math.pi / 4, 0),
        (("-lap(u) = x*y", "\n  hole: u_n = 1\n  elsewhere: u_n = 0", RING), -0.02 * math.pi / 4, -math.pi),
        (("u_xx = 1", "u_n = 1", LINE, "u(x)"), 3, 2),
        (("u_xx = 1", "\n  x: periodic", LINE, "u(x)"), 3, 0),
        (("lap(u) = 1", "u_n = 0", CUBE, "u(x, y, z)"), 2, 0),
        ((STOKES, "\n  x = 0: u = y*(2 - y), v = 0\n  elsewhere: u = 0, v = 0", BOX, FLOW), 0, -4 / 3),
        (("lap(lap(u)) = 1", "d(lap(u), x) = 0, d(lap(u), y) = 0"), 2, 0),
    ],
)
def test_a_problem_without_a_solution(words: tuple[str, ...], asked: float, given: float) -> None:
    with pytest.raises(ProblemError, match="there is no solution: integrated over the domain") as caught:
        read_text(text(*words))
    numbers = caught.value.message.split("asks for a flux of ")[1].split(" out of it, and the boundary conditions give ")
    assert [float(n) for n in numbers] == pytest.approx([asked, given], rel=1e-3, abs=1e-12)


@pytest.mark.parametrize(
    "words",
    [
        ("-lap(u) = cos(pi*x)*cos(pi*y)", "u_n = 0"),
        ("-lap(u) = 1", "\n  x = 0: u_n = -1/2\n  x = 1: u_n = -1/2\n  elsewhere: u_n = 0"),
        ("-lap(u) = 1", "\n  x = 0: u = 0\n  elsewhere: u_n = 0"),
        ("-lap(u) = 1", "u_n + u = 0"),
        ("-lap(u) + u = 1", "u_n = 0"),
        ("-lap(u) = x - 1/2", "\n  x, y: periodic"),
        ("lap(u) = 4", "\n  plate: u_n = 2\n  hole: u_n = -1", RING),
        ("lap(u) = exp(u)", "u_n = 0"),
        (STOKES, "\n  x = 0: u = y*(2 - y), v = 0\n  x = 1: p = 0, v = 0\n  elsewhere: u = 0, v = 0", BOX, FLOW),
        (STOKES, "\n  x = 0: u = y*(2 - y), v = 0\n  x = 1: u = y*(2 - y), v = 0\n  elsewhere: u = 0, v = 0", BOX, FLOW),
    ],
)
def test_nothing_is_said_where_they_agree_or_the_flux_is_free(words: tuple[str, ...]) -> None:
    assert not any("no exact solution" in remark.message for remark in read_text(text(*words)).problem.remarks)


@pytest.mark.parametrize(
    ("equation", "boundary", "domain"),
    [
        ("-lap(u) = -1/6", "\n  x = 0 and y < 1/3: u_n = 1\n  elsewhere: u_n = 0", BOX),
        ("-lap(u) = -piecewise(x < 1/3, y < 3/4, 1, 0)", "\n  x = 0: u_n = 1/8\n  elsewhere: u_n = 0", BOX),
        ("-lap(u) = exp(-((x - 0.50123)^2 + (y - 0.9)^2)/0.004^2)", "\n  x = 0: u_n = -pi*0.004^2/2\n  elsewhere: u_n = 0", BOX),
        ("-lap(u) = 0", "\n  x = 0: u_n = exp(-(y - 0.9)^2/0.01^2)\n  x = 1: u_n = -0.01*sqrt(pi)/2\n  elsewhere: u_n = 0", BOX),
    ],
)
def test_jumps_and_peaks_are_no_contradictions(equation: str, boundary: str, domain: str) -> None:
    equation = equation.replace("piecewise(x < 1/3, y < 3/4, 1, 0)", "piecewise(x < 1/3 and y < 3/4, 1, 0)")
    read_text(text(equation, boundary, domain))


def test_a_point_value_does_not_mend_it() -> None:
    with pytest.raises(ProblemError, match="there is no solution"):
        read_text(text("-lap(u) = 1", "u_n = 0", more="constraints: u(0, 0) = 0\n"))


def test_a_rounded_number_is_only_mentioned() -> None:
    boundary = "\n  x = 0, x = 1: u_n = -{}\n  elsewhere: u_n = 0"
    found = [remark.message for remark in read_text(text("-lap(u) = 1/3", boundary.format("0.166667"))).problem.remarks]
    assert any("no exact solution" in message and "0.666667 out" in message and "0.666668" in message for message in found)
    with pytest.raises(ProblemError, match="there is no solution"):
        read_text(text("-lap(u) = 1/3", boundary.format("0.167")))


def test_in_time() -> None:
    find, domain = "u(x, t), p(x, t)", "  x: [0, 1]\n  t: [0, 1]\n"
    equations = "u_t = u_xx + p_x, u_x = 0"
    with pytest.raises(ProblemError, match=r"'u_x = 0' asks for a flux of 0 out of it, and the boundary conditions give -0\.31"):
        read_text(text(equations, "\n  x = 0: u = t\n  x = 1: u = 0", domain, find, more="initial: u = 0\n"))
    read_text(text(equations, "u = t", domain, find, more="initial: u = 0\n"))


def test_the_integral_over_a_shape_is_exact_for_smooth_sources() -> None:
    """The integral of exp(x) cos(y) over the square without the disk, whose mean over a disk is its value at the centre."""
    problem = read_text(text("-lap(u) = exp(x)*cos(y)", "u = 0", RING)).problem
    residual = problem.equations[0]
    source = _source(residual, problem)
    assert source is not None
    flux = read_text(text("-lap(u) = exp(x)*cos(y)", "\n  plate: u = 0\n  hole: u_n = 0", RING)).problem
    assert compared(residual, source, flux, rim(flux), 0.5) is None
    with pytest.raises(ProblemError) as caught:
        read_text(text("-lap(u) = exp(x)*cos(y)", "u_n = 0", RING))
    asked = float(caught.value.message.split("flux of ")[1].split(" ")[0])
    exact = 4 * math.sinh(1) * math.sin(1) - math.pi / 4 * math.exp(0.1) * math.cos(0.2)
    assert asked == pytest.approx(exact, abs=1e-3)
