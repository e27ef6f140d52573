"""Exact solutions on outlines, on parts of sides and where coefficients jump: right ones pass, perturbed ones are refused."""

import pytest

from kanpde.errors import ProblemError
from kanpde.problem import read_text

CORE = """find: u(x, y)
domain:
  x: [-1, 1]
  y: [-1, 1]
  core: disk([0, 0], 1/2)
equation: div(k*grad(u)) = 4
where:
  k: piecewise(inside(core), 10, 1)
boundary: u = x^2 + y^2 - 1/4
exact: u = EXACT
"""

RING = """find: u(x, y)
domain:
  (x, y): plate - hole
  plate: ellipse([0, 0], 2, 1)
  hole: disk([0.1, 0.2], 1/4)
equation: lap(u) = 0
boundary:
  hole: u_n + 2*u = NORMAL
  x > 1: u = exp(x)*cos(y)
  elsewhere: u_n = -(x/4*exp(x)*cos(y) - y*exp(x)*sin(y))/sqrt(x^2/16 + y^2)*SIGN
exact: u = exp(x)*cos(y)
"""
LAYERS = """find: u(x, y)
domain:
  x: [-1, 1]
  y: [0, 1]
equation: -div(k*grad(u)) = 0
where:
  k: piecewise(x < 0, 1, 10)
  c: cosh(pi)
  s: sinh(pi)
boundary:
  y = 0: u = 0
  y = 1: u = 0
  x = -1: u = sin(pi*y)
  x = 1: u = 0
exact: u = piecewise(x < 0, s*cosh(pi*x) - LEFT*c*sinh(pi*x), s*cosh(pi*x) - c*sinh(pi*x))*sin(pi*y)/((1 + LEFT)*s*c)
"""
NORMAL = "-4*((x - 0.1)*exp(x)*cos(y) - (y - 0.2)*exp(x)*sin(y)) + 2*exp(x)*cos(y)"


def test_a_solution_on_a_shape_with_neumann_and_robin_pieces() -> None:
    assert read_text(RING.replace("NORMAL", NORMAL).replace("SIGN", "(-1)")).problem.remarks == ()
    with pytest.raises(ProblemError, match="the boundary condition u_n = ") as caught:
        read_text(RING.replace("NORMAL", NORMAL).replace("SIGN", "1"))
    assert "left - right = " in str(caught.value.hint)
    with pytest.raises(ProblemError, match=r"the boundary condition u_n \+ 2\*u = "):
        read_text(RING.replace("NORMAL", f"1.0001*({NORMAL})").replace("SIGN", "(-1)"))


def test_a_solution_with_a_circular_interface() -> None:
    right = "piecewise(inside(core), (x^2 + y^2 - 1/4)/10, x^2 + y^2 - 1/4)"
    assert read_text(CORE.replace("EXACT", right)).problem.remarks == ()
    with pytest.raises(ProblemError, match="that u is continuous where regions meet"):
        read_text(CORE.replace("EXACT", right.replace("/10", "/10 + 0.001")))
    with pytest.raises(ProblemError, match="does not satisfy the equation"):
        read_text(CORE.replace("EXACT", right.replace("/10", "/9")))
    with pytest.raises(ProblemError, match=r"that the flux in div\(k\*grad\(u\)\) = 4 is continuous"):
        read_text(CORE.replace("EXACT", right.replace("/10", "/10 + 0.1*log(4*(x^2 + y^2))")))


def test_a_solution_on_a_part_of_a_side() -> None:
    text = "find: u(x, y)\ndomain: {x: [0, 1], y: [0, 1]}\nequation: lap(u) = 0\nboundary:\n  x = 0 and y < 1/2: u_n = 0\n"
    text += "  elsewhere: u = cosh(x)*cos(y)\nexact: u = EXACT\n"
    assert read_text(text.replace("EXACT", "cosh(x)*cos(y)")).problem.remarks == ()
    for wrong in ("cosh(x)*cos(y) + 1e-6*x", "cosh(x)*cos(y)*(1 + 1e-6)"):
        with pytest.raises(ProblemError, match="does not satisfy the boundary condition"):
            read_text(text.replace("EXACT", wrong))


def test_two_layers() -> None:
    assert read_text(LAYERS.replace("LEFT", "10")).problem.remarks == ()
    with pytest.raises(ProblemError, match=r"that the flux in -div\(k\*grad\(u\)\) = 0 is continuous") as caught:
        read_text(LAYERS.replace("LEFT", "9"))
    assert "at x = 0, y = " in str(caught.value.hint)
