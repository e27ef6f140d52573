"""Which singular terms a problem gets: from its corners, holes, equations and data; and what they are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kanpde.assembly.corner_series import first_obstacle
from kanpde.assembly.singular import singular_terms
from kanpde.problem import read_text

BOX = "domain:\n  x: [0, 1]\n  y: [0, 1]\n"
ELL = "domain:\n  (x, y): a - b\n  a: rectangle([-1, -1], [1, 1])\n  b: rectangle([0, 0], [1, 1])\n"


def problem(text):
    return read_text("title: A test\nfind: u(x, y)\n" + text).problem


def centres(terms):
    """{centre: exponents}, of the monomials of all terms."""
    found = {}
    for m in () if terms is None else terms.monomials:
        found.setdefault(tuple(np.round(m.centre, 12)), set()).add((m.conj, round(complex(m.power).real, 9), m.log))
    return found


@pytest.mark.parametrize(
    "text",
    [
        BOX + "equation: -lap(u) = 2*pi^2*sin(pi*x)*sin(pi*y)\nboundary: u = 0\n",
        BOX + "equation: lap(u) = exp(u) - exp(x*y)\nboundary: u = x*y\n",
        BOX + "equation: lap(u) + u_x + y*u = 3 + y*(x + y^2 - 1)\nboundary: u = x + y^2 - 1\n",
        BOX + "equation: lap(u) = 0\nboundary:\n  x = 0: u_n = -exp(0)*sin(y)\n  elsewhere: u = exp(x)*sin(y)\n",
        "domain:\n  (x, y): a\n  a: disk([0, 0], 1)\nequation: -lap(u) = 1\nboundary: u = 0\n",
        BOX + "equation: u_xy = 1\nboundary: u = 0\n",
    ],
    ids=["data vanish", "nonlinear", "lower terms", "mixed", "disk", "no Laplacian"],
)
def test_nothing_singular(text):
    assert singular_terms(problem(text)) is None


def test_a_load_in_a_right_angle_brings_logarithms():
    """-lap(u) = 1, u = 0: u_xx = u_yy = 0 on the sides, so that r^2 log r comes in."""
    found = centres(singular_terms(problem(BOX + "equation: -lap(u) = 1\nboundary: u = 0\n"), highest=7))
    assert set(found) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert all(powers == {(0, 2, 1), (0, 4, 1), (0, 6, 1)} for powers in found.values())


def test_logarithms_begin_where_polynomials_end():
    """-lap(u) = x^2 (1 - x)^2 vanishes in the corners, its second derivatives do not agree there: r^4 log r and on."""
    found = centres(singular_terms(problem(BOX + "equation: -lap(u) = x^2*(1 - x)^2\nboundary: u = 0\n"), highest=7))
    assert all(powers == {(0, 4, 1), (0, 6, 1)} for powers in found.values())
    assert len(found) == 4


def test_data_that_jump_in_a_corner():
    text = BOX + "equation: lap(u) = 0\nboundary:\n  y = 1: u = 1\n  elsewhere: u = 0\n"
    found = centres(singular_terms(problem(text), highest=3))
    assert found == {(0, 1): {(0, 0, 1), (0, 2, 1)}, (1, 1): {(0, 0, 1), (0, 2, 1)}}


def test_the_reentrant_corner():
    terms = singular_terms(problem(ELL + "equation: -lap(u) = 1\nboundary: u = 0\n"), highest=5)
    found = centres(terms)
    thirds = {(0, round(2 * n / 3, 9), 0) for n in (1, 2, 4, 5, 7)}
    assert found.pop((0, 0)) == thirds | {(0, 2, 1), (0, 4, 1)}
    assert set(found) == {(-1, -1), (1, -1), (1, 0), (0, 1), (-1, 1)}
    direction = {m.direction for m in terms.monomials if m.centre == (0, 0)}.pop()
    assert math.remainder(direction - 1.25 * math.pi, 2 * math.pi) == pytest.approx(0, abs=1e-12)


def test_terms_in_the_slopes_bring_more_companions():
    def powers(equation):
        found = centres(singular_terms(problem(ELL + f"equation: {equation}\nboundary: u = 0\n"), highest=3))
        return {p for p in found[0, 0] if p[1] + p[0] < 2.7}

    third = round(2 / 3, 9)
    plain = {(0, third, 0), (0, round(4 / 3, 9), 0), (0, 2, 1)}
    assert powers("lap(u) = 1") == plain | {(0, round(8 / 3, 9), 0)}
    assert (1, round(5 / 3, 9), 0) in powers("lap(u) = u + 1")
    assert {(0, round(5 / 3, 9), 0), (1, third, 0)} <= powers("lap(u) + u_x = 1")
    assert {(0, round(5 / 3, 9), 0), (1, third, 0)} <= powers("div((2 + x)*grad(u)) = 1")


def test_coefficients_with_the_unknown_in_them():
    found = centres(singular_terms(problem(ELL + "equation: div((1 + u^2)*grad(u)) = 1\nboundary: u = 0\n"), highest=3))
    assert (0, round(2 / 3, 9), 0) in found[0, 0]
    text = ELL + "equation: (1 + u_y^2)*u_xx + (1 + u_x^2)*u_yy - 2*u_x*u_y*u_xy = 1\nboundary: u = 0\n"
    assert singular_terms(problem(text)) is None  # a minimal surface is no Laplacian where its slope is not small


def test_a_curve_of_short_lines_has_no_corners():
    angles = np.arange(150) * 2 * math.pi / 150
    line = ", ".join(f"[{math.cos(a):.4f}, {math.sin(a):.4f}]" for a in angles)
    text = f"domain:\n  (x, y): a\n  a: polygon({line})\nequation: -lap(u) = 1\nboundary: u = 0\n"
    assert singular_terms(problem(text)) is None


MOTZ = """domain:
  x: [-1, 1]
  y: [0, 1]
equation: lap(u) = 0
boundary:
  y = 0 and x < 0: u = 0
  y = 0 and x > 0: u_n = 0
  x = 1: u = 500
  y = 1: u_n = 0
  x = -1: u_n = 0
"""


def test_a_change_of_conditions_on_a_straight_side():
    terms = singular_terms(problem(MOTZ), highest=4)
    assert {m.centre for m in terms.monomials} == {(0.0, 0.0)}  # exactly: places hold with a tolerance of 1e-9
    assert [complex(m.power).real for m in terms.monomials] == [0.5, 1.5, 2.5, 3.5]


def test_holes():
    text = "domain:\n  (x, y): a - b\n  a: disk([0, 0], 2)\n  b: disk([0.5, 0.25], 0.5)\n"
    terms = singular_terms(problem(text + "equation: lap(u) = 0\nboundary: u = x\n"), count=3)
    assert terms.count == 7
    assert {(m.centre, m.scale, m.power, m.log) for m in terms.monomials} == {
        ((0.5, 0.25), 0.5, power, log) for power, log in ((0, 1), (-1, 0), (-2, 0), (-3, 0))
    }
    terms = singular_terms(problem(text + "equation: lap(u) = u\nboundary: u = x\n"), count=3)
    assert terms.count == 14


CAVITY = """title: A cavity
find: u(x, y), v(x, y), p(x, y)
domain:
  x: [0, 1]
  y: [0, 1]
equations:
  - u*u_x + v*u_y = -p_x + lap(u)/50
  - u*v_x + v*v_y = -p_y + lap(v)/50
  - u_x + v_y = 0
boundary:
  y = 1: u = LID, v = 0
  elsewhere: u = 0, v = 0
constraints: p(0, 0) = 0
"""


@pytest.mark.parametrize(("lid", "more"), [("16*x^2*(1 - x)^2", 0), ("4*x*(1 - x)", 1), ("1", 3)])
def test_the_cavity(lid, more):
    """Two eddies a corner; beside a lid whose slope or value does not vanish, psi = r^2 t or also r t cos t and r t sin t."""
    terms = singular_terms(read_text(CAVITY.replace("LID", lid)).problem, highest=6)
    assert terms.fields == 3
    assert terms.count == 4 * 4 + 2 * more
    x = torch.tensor(np.random.default_rng(0).uniform(0, 1, (50, 2)))
    jets = terms.table(x, [(1, 0), (0, 1), (2, 0), (0, 2)])
    laplacian = jets[2, 0] + jets[0, 2]
    size = jets[1, 0].abs().amax((1, 2))
    assert float(((jets[1, 0][:, 0] + jets[0, 1][:, 1]).abs().amax(1) / size).max()) < 1e-11
    assert float(((laplacian[:, 0] / 50 - jets[1, 0][:, 2]).abs().amax(1) / size).max()) < 1e-10
    assert float(((laplacian[:, 1] / 50 - jets[0, 1][:, 2]).abs().amax(1) / size).max()) < 1e-10


def test_a_piece_of_a_larger_flow_has_no_walls():
    data = "u = 1 + y, v = 1 + x"
    text = CAVITY.replace("u = LID, v = 0", data).replace("u = 0, v = 0", data)
    assert singular_terms(read_text(text).problem) is None


def test_a_clamped_plate():
    text = BOX + "equation: lap(lap(u)) = 1\nboundary: u = 0, u_n = 0\n"
    assert singular_terms(problem(text), highest=6).count == 4 * 4
    assert singular_terms(problem(text.replace("u_n = 0", "lap(u) = 0"))) is None


@pytest.mark.parametrize(
    ("load", "degree"),
    [("1", 2), ("x*y", None), ("x^2", 4), ("x^4 + y^2", 4), ("sin(pi*x)*sin(pi*y)", None), ("abs(x - 2)", 0)],
)
def test_the_first_degree_without_a_polynomial(load, degree):
    p = problem(BOX + f"equation: lap(u) = {load}\nboundary: u = 0\n")
    condition = p.conditions[0].residuals
    sides = [(0.0, (0.0, -1.0), condition), (math.pi / 2, (-1.0, 0.0), condition)]
    assert first_obstacle(p, np.zeros(2), sides, 0.1) == degree


def least_squares(terms, degree, x, rim, load, data):
    """Coefficients and residual of -lap(u) = load at x, u = data on the rim, by Chebyshev products on [-1, 1]^2 and terms."""
    import numpy.polynomial.chebyshev as cheb

    def table(points, i, j):
        rows = [[cheb.chebval(points[:, a], cheb.chebder(e, k)) for e in np.eye(degree)] for a, k in ((0, i), (1, j))]
        smooth = np.einsum("in,jn->nij", *map(np.array, rows)).reshape(len(points), -1)
        own = [] if terms is None else [terms.table(torch.tensor(points), [(i, j)])[i, j][:, 0].numpy().T]
        return np.hstack([smooth, *own])

    matrix = np.vstack([-table(x, 2, 0) - table(x, 0, 2), 100 * table(rim, 0, 0)])
    right = np.concatenate([np.full(len(x), load), 100 * data])
    scale = np.linalg.norm(matrix, axis=0)
    c = np.linalg.lstsq(matrix / scale, right, rcond=1e-15)[0] / scale
    return lambda points: table(points, 0, 0) @ c


def test_what_they_are_worth_on_the_l_shape():
    """-lap(u) = 1 on the L-shape: u at one point to ten digits (Gopal & Trefethen 2019, SIAM J. Numer. Anal. 57), else two."""
    p = problem(ELL + "equation: -lap(u) = 1\nboundary: u = 0\n")
    t = np.cos(np.pi * (np.arange(30) + 0.5) / 30)
    x = np.stack([c.ravel() for c in np.meshgrid(t, t)], 1)
    x = x[p.domain.contains(x)]
    rim = p.domain.boundary.points(0.02, 8).x
    exact = (1.0267919261073 - 0.9801) / 2
    point = np.array([[-0.01, -0.01]])
    with_terms = least_squares(singular_terms(p), 18, x, rim, 1.0, np.zeros(len(rim)))
    assert abs(with_terms(point)[0] - exact) < 1e-10
    without = least_squares(None, 18, x, rim, 1.0, np.zeros(len(rim)))
    assert abs(without(point)[0] - exact) > 1e-4


def test_data_that_jump_along_a_side():
    text = BOX + "equation: lap(u) = 0\nboundary:\n  y = 0: u = piecewise(x < 1/3, 0, 1)\n  x = 0: u = 0\n  elsewhere: u_n = 0\n"
    found = centres(singular_terms(problem(text), highest=3))
    assert (0, 0, 1) in found[round(1 / 3, 12), 0]
    assert set(found) == {(round(1 / 3, 12), 0)}


def test_coefficients_that_jump_elsewhere_do_not_matter_in_a_corner():
    text = BOX + "equation: div(k*grad(u)) = 0\nwhere:\n  k: piecewise(x < 1/2, 1, 10)\nboundary: u = x*y\n"
    assert singular_terms(problem(text)) is None


def test_bent_sides():
    """A half disk: angles of 90 degrees, where r^2 log r is followed by r^3 log r in both parts."""
    shape = "domain:\n  (x, y): a & b\n  a: disk([0, 0], 1)\n  b: rectangle([-2, 0], [2, 2])\n"
    found = centres(singular_terms(problem(shape + "equation: -lap(u) = 1\nboundary: u = 0\n"), highest=4.5))
    assert set(found) == {(-1, 0), (1, 0)}
    assert all(powers == {(0, 2, 1), (0, 3, 1), (0, 4, 1)} for powers in found.values())


def test_a_square_hole():
    """Four corners whose cuts end in the hole, and poles in its middle; all of it can be saved."""
    text = "domain:\n  (x, y): a - b\n  a: rectangle([-1, -1], [1, 1])\n  b: rectangle([-0.4, -0.5], [0.3, 0.2])\n"
    p = problem(text + "equation: -lap(u) = 1\nboundary: u = 0\n")
    terms = singular_terms(p)
    inner = [m for m in terms.monomials if m.other is not None]
    corners = {(-0.4, -0.5), (0.3, -0.5), (0.3, 0.2), (-0.4, 0.2)}
    assert {(round(m.centre[0], 12), round(m.centre[1], 12)) for m in inner} == corners
    assert all(round(complex(m.power).real + m.other[2], 12) % 1 == 0 for m in inner)
    assert np.allclose([m.other[:2] for m in inner], (-0.05, -0.15), atol=0.02)
    x = torch.tensor([[0.9, 0.9], [-0.7, 0.1]], dtype=torch.float64)
    again = type(terms).from_spec(terms.spec())
    again.load_state_dict(terms.state_dict())
    for one, other in zip(terms.table(x, [(0, 0), (2, 0)]).values(), again.table(x, [(0, 0), (2, 0)]).values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
