"""Problems on shapes as rows: where the points lie, which condition holds where, and polynomials found again to round-off."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kanpde.assembly.cells import TensorSpace, Trimmed
from kanpde.assembly.rows import CONDITION
from kanpde.assembly.shape_rows import PER_TERM, ShapeRows, on_face
from kanpde.assembly.singular import singular_terms
from kanpde.geometry import Face
from kanpde.optimize.damped import gauss_newton
from kanpde.problem import Problem, read_text, real_form
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import symbol

PLATE = """
title: A plate with a hole
find: u(x, y)
domain:
  (x, y): plate - hole
  plate: rectangle([0, 0], [2, 1])
  hole: disk([0.6, 0.5], 0.2)
equation: lap(u) = 0
boundary:
  hole: u = 1
  x < 0.2: u_n = 0
  elsewhere: u = 0
"""


def rows_of(text: str, terms: bool = False) -> ShapeRows:
    problem = real_form(read_text(text).problem)
    assert not problem.remarks
    found = singular_terms(problem) if terms else None
    return ShapeRows(problem, found, torch.device("cpu"), torch.float64)


def space_on(rows: ShapeRows, intervals: tuple[int, ...], degree: int) -> TensorSpace:
    ends = rows.problem.domain.bounds
    breaks = [torch.linspace(float(a), float(b), n + 1, dtype=torch.float64) for (a, b), n in zip(ends, intervals, strict=True)]
    return TensorSpace(tuple(breaks), (degree,) * len(breaks), len(rows.names))


def exact(problem: Problem, name: str, x: np.ndarray) -> np.ndarray:
    assert problem.exact is not None
    program = Program([problem.with_values(problem.exact[name])], [symbol(n) for n in problem.coordinates])
    return np.broadcast_to(program(NUMPY, list(x.T))[0], (len(x),))


INSIDE = {
    "disk": ("(x, y): d\n  d: disk([0, 0], 1)", math.pi / 4, (7, 7)),
    "plate with a hole": (
        "(x, y): p - h\n  p: rectangle([0, 0], [2, 1])\n  h: disk([0.6, 0.5], 0.2)",
        1 - math.pi * 0.04 / 2,
        (9, 5),
    ),
    "L-shape": ("(x, y): p - h\n  p: rectangle([-1, -1], [1, 1])\n  h: rectangle([0, 0], [1, 1])", 0.75, (6, 6)),
    "L-shape, off the grid": ("(x, y): p - h\n  p: rectangle([-1, -1], [1, 1])\n  h: rectangle([0, 0], [1, 1])", 0.75, (7, 7)),
    "box": ("x: [-1, 1]\n  y: [0, 1]", 1.0, (4, 3)),
}


@pytest.mark.parametrize("name", INSIDE)
def test_points_lie_inside_and_their_weights_are_shares_of_the_area(name):
    domain, share, intervals = INSIDE[name]
    rows = rows_of(f"title: t\nfind: u(x, y)\ndomain:\n  {domain}\nequation: lap(u) = 1\nboundary: u = 0\n")
    space = space_on(rows, intervals, 4)
    parts = rows.interior(space)
    x, w = np.concatenate([x for _, x, _ in parts]), np.concatenate([w for _, _, w in parts])
    assert rows.problem.domain.contains(x).all()
    assert (w > 0).all()
    assert w.sum() == pytest.approx(1, abs=1e-14)
    bounds = rows.problem.domain.bounds
    cells = np.floor((x - bounds[:, 0]) / (bounds[:, 1] - bounds[:, 0]) * intervals).astype(int)
    assert len(np.unique(cells, axis=0)) >= 0.95 * share * math.prod(
        intervals
    )  # no cell that holds much of the domain is left out
    mean = (w[:, None] * x).sum(0)
    fresh = np.random.default_rng(0).uniform(bounds[:, 0], bounds[:, 1], (100000, 2))
    expected = fresh[rows.problem.domain.contains(fresh)].mean(0)
    assert np.abs(mean - expected).max() < 0.02


def test_integrals_over_cells_are_exact_where_nothing_cuts_them():
    rows = rows_of("title: t\nfind: u(x, y)\ndomain: {x: [-1, 1], y: [0, 1]}\nequation: lap(u) = 1\nboundary: u = 0\n")
    ((_, x, w),) = rows.interior(space_on(rows, (3, 2), 4))
    assert (w * x[:, 0] ** 4 * x[:, 1] ** 5).sum() == pytest.approx(1 / 30, rel=1e-14)


def test_points_of_regions_lie_in_their_regions():
    rows = rows_of("""
title: A core
find: u(x, y)
domain:
  x: [-1, 1]
  y: [-1, 1]
  core: disk([0.1, 0], 0.4)
equation: -div(k*grad(u)) = 1
where:
  k: piecewise(inside(core), 10, 1)
boundary: u = 0
""")
    assert rows.materials is not None
    assert rows.names == ("u", "u@1")
    parts = rows.interior(space_on(rows, (9, 9), 4))
    assert {piece for piece, _, _ in parts} == {0, 1}
    share = [sum(w.sum() for piece, _, w in parts if piece == number) for number in (0, 1)]
    core = int(rows.materials.number(np.array([[0.1, 0.0]]))[0])
    assert share[core] == pytest.approx(math.pi * 0.16 / 4, rel=0.05)
    assert sum(share) == pytest.approx(1, abs=1e-14)
    for piece, x, _ in parts:
        assert (rows.materials.number(x) == piece).all()
        assert ((np.hypot(x[:, 0] - 0.1, x[:, 1]) <= 0.4) == (piece == core)).all()


def test_conditions_hold_on_their_pieces():
    """The hole takes its value, the left part of the rim its flux, the rest zero; and all of the boundary takes part once."""
    rows = rows_of(PLATE)
    space = space_on(rows, (8, 4), 4)
    system = rows.system(space)
    inner, conditions = system.groups[:-3], system.groups[-3:]  # whole cells and cut ones; the three conditions
    length = 0.0
    for number, group in enumerate(conditions):
        filled = group.weight > 0
        x, y, *normal = (p[filled] for p in group.points)
        radius = torch.hypot(x - 0.6, y - 0.5)
        on_rim = (x == 0) | (x == 2) | (y == 0) | (y == 1)
        length += float(group.weight.square().sum())
        assert (torch.hypot(*normal) - 1).abs().max() < 1e-14
        if number == 0:
            assert (radius - 0.2).abs().max() < 1e-14
            assert ((0.6 - x) / 0.2 - normal[0]).abs().max() < 1e-13  # out of the plate, into the hole
        else:
            assert on_rim.all()
            assert bool((x < 0.2).all()) if number == 1 else bool((x > 0.2).all())
    assert length == pytest.approx(CONDITION**2 * (6 + 0.4 * math.pi) / math.sqrt(2), rel=1e-12)
    assert sum(float(group.weight.square().sum()) for group in inner) == pytest.approx(1, rel=1e-14)


def test_points_on_the_faces_of_a_box():
    rows = rows_of("""
title: t
find: u(x, y, z)
domain:
  (x, y, z): b
  b: box([0, 0, 0], [1, 2, 3])
equation: lap(u) = 1
boundary: u = 0
""")
    side = on_face(space_on(rows, (2, 3, 4), 4), rows.problem.domain, Face(1, 1))
    assert (side.x[:, 1] == 2).all()
    assert np.array_equal(side.normal, np.tile([0.0, 1.0, 0.0], (len(side.x), 1)))
    assert side.weight.sum() == pytest.approx(3, rel=1e-14)
    assert (side.weight * side.x[:, 0] ** 3 * side.x[:, 2] ** 5).sum() == pytest.approx(3**6 / 24, rel=1e-13)


def test_points_on_holes_tell_their_terms_apart():
    rows = rows_of(PLATE, terms=True)
    assert rows.border > 10
    hole = next(group for group in rows.system(space_on(rows, (4, 3), 4)).groups if float(group.points[0].max()) < 0.81)
    assert int((hole.weight > 0).sum()) >= PER_TERM * 2 * 7  # seven powers at least, cosine and sine each
    ((_, reach, closest),) = rows.holes
    assert reach < 0.25
    assert closest < 0.4 * math.pi / (PER_TERM * 14) * 1.01


REPRODUCED = {
    "disk": """
find: u(x, y)
domain:
  (x, y): d
  d: disk([0.2, 0], 1)
equation: div((2 + x*y)*grad(u)) + u_x = f
where: {s: x^4 - 3*x^2*y^2 + y^3 + 1, f: "div((2 + x*y)*grad(s)) + d(s, x)"}
boundary: u = s
exact: u = x^4 - 3*x^2*y^2 + y^3 + 1
""",
    "disk, fluxes": """
find: u(x, y)
domain:
  (x, y): d
  d: disk([0, 0], 2)
equation: -lap(u) + u = f
where: {s: x^3*y - y^4 + x, f: s - lap(s)}
boundary:
  y > x: u_n + 3*u = (x*d(s, x) + y*d(s, y))/2 + 3*s
  elsewhere: u_n = (x*d(s, x) + y*d(s, y))/2
exact: u = x^3*y - y^4 + x
""",
    "L-shape": """
find: u(x, y)
domain:
  (x, y): square - notch
  square: rectangle([-1, -1], [1, 1])
  notch: rectangle([0, 0], [1, 1])
equation: lap(u) = 12*x^2*y - 4
where: {s: x^4*y - 2*y^2}
boundary:
  notch: u = s
  x = -1: u_n = 4*y
  elsewhere: u = s
exact: u = x^4*y - 2*y^2
""",
    "plate bent by a load": """
find: w(x, y)
domain:
  (x, y): plate
  plate: ellipse([0, 0], 2, 1)
equation: lap(lap(w)) = 16
where: {g: x^2/4 + y^2 - 1, k: 16/(24/16 + 4/2 + 24)}
boundary: w = 0, w_n = 0
exact: w = 16/(24/16 + 4 + 24)*(x^2/4 + y^2 - 1)^2
""",
    "nonlinear system": """
find: u(x, y), v(x, y)
domain:
  (x, y): outer - inner
  outer: disk([0, 0], 1)
  inner: disk([0.2, 0.1], 0.4)
equations:
  first: lap(u) + v^2 = f
  second: lap(v) - u*v = g
where:
  p: x^3 - y
  q: 1 + x*y
  f: lap(p) + q^2
  g: lap(q) - p*q
boundary:
  outer: u = p, v = q
  inner: u = p, v_n + v^3 = q^3 - ((x - 0.2)*y + (y - 0.1)*x)/0.4
exact: u = x^3 - y, v = 1 + x*y
""",
    "flow, its pressure fixed at a point": """
find: u(x, y), v(x, y), p(x, y)
domain:
  (x, y): d
  d: disk([0, 0], 1)
equations:
  momentum x: -lap(u) + p_x = -4 + y
  momentum y: -lap(v) + p_y = x
  continuity: u_x + v_y = 0
boundary: u = 2*x^2 + y, v = -4*x*y
constraints:
  level: p(0, 0) = 1
exact: u = 2*x^2 + y, v = -4*x*y, p = 1 + x*y
""",
    "box with a jumping coefficient": """
find: u(x, y)
domain: {x: [-1, 1], y: [0, 1]}
equation: -div(k*grad(u)) = f
where:
  k: piecewise(x < 1/3, 2, 5)
  s: piecewise(x < 1/3, 5*(x - 1/3)*(1 + y^2), 2*(x - 1/3)*(1 + y^2) + (x - 1/3)^2*y)
  f: piecewise(x < 1/3, -20*(x - 1/3), -20*(x - 1/3) - 10*y)
boundary: u = s
exact: u = piecewise(x < 1/3, 5*(x - 1/3)*(1 + y^2), 2*(x - 1/3)*(1 + y^2) + (x - 1/3)^2*y)
""",
    "core of another material": """
find: u(x, y)
domain:
  x: [-1, 1]
  y: [-1, 1]
  core: disk([0, 0], 1/2)
equation: -div(k*grad(u)) = -4
where:
  k: piecewise(inside(core), 10, 1)
  s: x^2 + y^2 - 1/4
boundary: u = s
exact: u = piecewise(x^2 + y^2 < 1/4, (x^2 + y^2 - 1/4)/10, x^2 + y^2 - 1/4)
""",
    "parts of a side": """
find: u(x, y)
domain: {x: [-1, 1], y: [0, 1]}
equation: lap(u) = 2*y + 6*x
where: {s: x^2*y + x^3}
boundary:
  y = 0 and x > 1/4: u = s
  y = 0 and x < 1/4: u_n = -x^2
  elsewhere: u = s
exact: u = x^2*y + x^3
""",
    "rod of two materials": """
find: u(x)
domain: {x: [0, 1]}
equation: -d(k*u_x, x) = 10
where: {k: "piecewise(x < 1/2, 1, 5)"}
boundary:
  x = 0: u_n = -6
  x = 1: u = 0
exact: u = piecewise(x < 1/2, 6*x - 5*x^2 - 8/5, 6/5*x - x^2 - 1/5)
""",
    "ball": """
find: u(x, y, z)
domain:
  (x, y, z): solid
  solid: ball([0, 0, 0], 1)
equation: lap(u) = 2*y + 2
boundary:
  z > 0.3: u_n = 3*x^2*y + 2*z^2
  elsewhere: u = x^2*y + z^2
exact: u = x^2*y + z^2
""",
}


@pytest.mark.parametrize("name", REPRODUCED)
def test_a_polynomial_is_found_again_to_round_off(name):
    rows = rows_of(f"title: {name}\n{REPRODUCED[name]}")
    problem = rows.problem
    dimension = problem.domain.dimension
    space = space_on(rows, {1: (4,), 2: (5, 5), 3: (3, 3, 3)}[dimension], 5)
    theta, descent = gauss_newton(rows.system(space), torch.zeros(space.size, dtype=torch.float64), accuracy=1e-12)
    assert descent.converged
    assert descent.cost < 1e-10
    found = Trimmed(space, theta, None, rows.fields, rows.number)
    bounds = problem.domain.bounds
    x = np.random.default_rng(1).uniform(bounds[:, 0], bounds[:, 1], (4000, dimension))
    x = x[problem.domain.contains(x)] if problem.domain.region_axes else x
    values = found([(field, (0,) * dimension) for field in rows.fields], torch.as_tensor(x))
    for field in rows.fields:
        truth = exact(problem, field, x)
        assert np.abs(values[field, (0,) * dimension].numpy() - truth).max() < 1e-10 * np.abs(truth).max()


def test_a_fit_takes_over_a_function_where_the_domain_is():
    rows = rows_of(PLATE)
    coarse, fine = space_on(rows, (4, 3), 5), space_on(rows, (8, 6), 5)
    theta = torch.randn(coarse.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given = Trimmed(coarse, theta, None, rows.fields)
    zero = torch.zeros(fine.size, dtype=torch.float64)
    found = Trimmed(fine, rows.fit(fine, given).linearise(zero).step(), None, rows.fields)
    x = np.random.default_rng(0).uniform([0, 0], [2, 1], (2000, 2))
    points = torch.as_tensor(x[rows.problem.domain.contains(x)])
    for index, allowed in [((0, 0), 1e-9), ((1, 0), 1e-7), ((1, 1), 1e-5)]:
        old, new = (f([("u", index)], points)["u", index] for f in (given, found))
        assert (old - new).abs().max() < allowed * old.abs().max()


def test_rows_of_a_given_function_ask_for_what_it_lacks():
    """Added to a given solution of the problem, the unknown is zero."""
    rows = rows_of(f"title: disk\n{REPRODUCED['disk']}")
    space = space_on(rows, (5, 5), 5)
    zero = torch.zeros(space.size, dtype=torch.float64)
    first = Trimmed(space, rows.system(space).linearise(zero).step(), None, rows.fields)
    system = rows.system(space, first)
    assert system.linearise(zero).cost < 1e-10
    rest = Trimmed(space, system.linearise(zero).step(), None, rows.fields)
    points = torch.as_tensor(rows.interior(space)[0][1])
    value = [("u", (0, 0))]
    assert rest(value, points)["u", (0, 0)].abs().max() < 1e-10 * first(value, points)["u", (0, 0)].abs().max()
