"""Finite elements on shapes: convergence of their order, every kind of equation and condition, jumps, corners, honest errors."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from reference.shapes import ANNULUS, BOX, DISK, ELLIPSE, LAP, LSHAPE, PLATE_NORMAL, SHAPES, shaped
from skfem import LinearForm

from kanpde.errors import UnsupportedProblem
from kanpde.geometry.arrangement import arrange
from kanpde.problem import Problem
from kanpde.problem.materials import materials
from kanpde.reference import exact, finite_elements, fresh_points, harmonic
from kanpde.reference.finite_elements import solve
from kanpde.reference.fitted_mesh import fitted_mesh
from kanpde.reference.in_triangles import Located, quadratic
from kanpde.reference.outline import outline
from kanpde.reference.triangles import Wire, triangulate
from kanpde.reference.weak_form import weak_forms

CORE = "  (x, y): plate\n  plate: disk([0, 0], 1)\n  core: disk([0, 0], 1/2)\n"
HARDER: dict[str, Problem] = {
    "quasilinear": shaped(
        ANNULUS,
        "div((1 + u^2)*grad(u)) = f",
        "  hole: (1 + u^2)*u_n = (1 + s^2)*(nx*sx + ny*sy)\n  plate: u = s\n",
        "sin(x + 2*y)/2",
        "  f: d((1 + s^2)*sx, x) + d((1 + s^2)*sy, y)\n" + PLATE_NORMAL["hole"],
    ),
    "anisotropic, with convection": shaped(
        ELLIPSE,
        "2*u_xx + u_xy + (2 + x)*u_yy + u*u_x = f",
        "  plate: u_n + u = nx*sx + ny*sy + s\n",
        "sin(x + 2*y)/2",
        "  f: 2*d(s, x, x) + d(sx, y) + (2 + x)*d(s, y, y) + s*sx\n" + PLATE_NORMAL["ellipse"],
    ),
    "a core that conducts better": shaped(
        CORE,
        "-div(k*grad(u)) = 4",
        "  plate: u = 0\n",
        "piecewise(x^2 + y^2 < 1/4, (1/4 - x^2 - y^2)/10 + 3/4, 1 - x^2 - y^2)",
        "  k: piecewise(inside(core), 10, 1)\n",
    ),
    "the factor outside of the divergence": shaped(
        CORE, "-k*lap(u) = 4*k", "  plate: u = 0\n", "1 - x^2 - y^2", "  k: piecewise(inside(core), 10, 1)\n"
    ),
}


def error(problem: Problem, edges: int, accuracy: float = 1e-8) -> float:
    """Relative L2 error on one mesh."""
    border, regions = outline(problem), materials(problem)
    found = solve(border, weak_forms(problem, regions), fitted_mesh(border, regions, border.size / edges, accuracy))
    points = fresh_points(problem.domain, 2**10, 3)
    truth = exact(problem).values(points)["u"]
    return float(np.linalg.norm(found(points)[0] - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("name", [*SHAPES, *HARDER])
def test_manufactured(name: str) -> None:
    assert error((SHAPES | HARDER)[name], 14, 1e-7) < 3e-6


def test_it_states_its_error() -> None:
    problem = HARDER["a core that conducts better"]
    points = fresh_points(problem.domain, 2**10, 3)
    found, truth = finite_elements(problem, 10.0), exact(problem)
    off = np.linalg.norm(found.values(points)["u"] - truth.values(points)["u"]) / np.linalg.norm(truth.values(points)["u"])
    assert off < found.error < 1e-6
    assert found.gradients is not None
    assert truth.gradients is not None
    gap = np.abs(np.hypot(*points.T) - 0.5) > 1e-3  # the formula has its jump in the circle
    slope = truth.gradients(points)["u"]
    assert np.linalg.norm((found.gradients(points)["u"] - slope)[gap]) < 1e-4 * np.linalg.norm(slope)


@pytest.mark.parametrize("domain", [DISK, ANNULUS])
def test_fifth_order_where_edges_are_curved(domain: str) -> None:
    """Degree 4 gives order 5; parabolas for circles cost at most one order in the mean."""
    problem = shaped(
        domain, "lap(u) - (2 + x)*u = f", "  elsewhere: u = s\n", "exp(x)*sin(3*y)", LAP.replace("\n", " - (2 + x)*s\n")
    )
    sizes = np.array([8, 16, 32])
    errors = np.array([error(problem, int(n)) for n in sizes])
    slopes = -np.diff(np.log(errors)) / np.log(2)
    assert slopes.min() > 3.8
    assert slopes.max() < 6.0


def test_two_methods_agree_on_an_l_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poisson's equation by finite elements, against lightning poles: nothing in common but the file."""
    monkeypatch.setattr(import_module("kanpde.reference.finite_elements"), "ENOUGH", 9e-7)
    problem = shaped(LSHAPE, "-lap(u) = 1", "  square, notch: u = 0\n")
    points = fresh_points(problem.domain, 2**10, 3)
    mine, truth = finite_elements(problem), harmonic(problem)
    off = np.linalg.norm(mine.values(points)["u"] - truth.values(points)["u"]) / np.linalg.norm(truth.values(points)["u"])
    assert off < mine.error < 1e-6


def test_the_energy_comes_from_below() -> None:
    """int u = int |grad u|^2 for -lap(u) = 1, u = 0, and Galerkin's method takes the largest of a smaller space (Cea's lemma).

    Above it stands 0.2140758026865, from lightning poles, integrated over squares that halve towards the corner.
    """
    problem = shaped(LSHAPE, "-lap(u) = 1", "  square, notch: u = 0\n")
    border, forms = outline(problem), weak_forms(problem, None)
    truth, energies = 0.2140758026865, []
    for edges, accuracy in ((10, 1e-6), (22, 1e-8)):
        found = solve(border, forms, fitted_mesh(border, None, border.size / edges, accuracy))
        load = LinearForm(lambda v, _: 1.0 * v).assemble(found.located.basis)
        energies.append(float(load @ found.u))
    assert energies[0] < energies[1] < truth
    assert truth - energies[1] < 3e-8 * truth


def test_triangles_fill_the_shape_and_are_of_good_form() -> None:
    domain = shaped(ANNULUS, "lap(u) = 0", "  elsewhere: u = 0\n").domain
    plan = arrange([domain.shape])
    left, right = plan.covered(domain.shape)
    wires = [Wire(e.curve, e.low, e.high, e.first, e.last) for e, on in zip(plan.edges, left != right, strict=True) if on]
    found = triangulate(wires, plan.vertices, domain.contains, domain.bounds, 0.1, np.full(len(plan.vertices), 1e-3))
    p, q, r = (found.nodes[found.triangles[:, i]] for i in range(3))
    area = np.abs((q - p)[:, 0] * (r - p)[:, 1] - (q - p)[:, 1] * (r - p)[:, 0]) / 2
    sides = sum(((a - b) ** 2).sum(axis=1) for a, b in ((p, q), (q, r), (p, r)))
    assert (4 * np.sqrt(3) * area / sides).min() > 0.4  # one for equilateral triangles
    chords, middles = found.nodes[found.edges], found.middles
    bulge = np.hypot(*(middles - chords.mean(axis=1)).T)
    plate = np.hypot(*middles.T) > 0.9
    arcs = 2 / 3 * bulge * np.hypot(*(chords[:, 1] - chords[:, 0]).T)  # what parabolas add to the chords
    assert area.sum() + arcs[plate].sum() - arcs[~plate].sum() == pytest.approx(np.pi * (1 - 1 / 9), rel=1e-4)
    assert len(np.unique(np.sort(found.triangles, axis=1), axis=0)) == len(found.triangles)


def test_points_find_their_triangle() -> None:
    problem = HARDER["a core that conducts better"]
    border, regions = outline(problem), materials(problem)
    mesh = fitted_mesh(border, regions, 0.3, 1e-3)
    located = Located(solve(border, weak_forms(problem, regions), mesh).located.basis)
    points = fresh_points(problem.domain, 2**9, 4)
    element, local = located.places(points)
    back = np.einsum("ikn,kn->in", located.nodes[:, :, element], quadratic(local)[0])
    assert np.abs(back.T - points).max() < 1e-12
    assert local.min() > -1e-3
    off = np.abs(np.hypot(*points.T) - 0.5) > 1e-4  # parabolas are no circles
    assert regions is not None
    assert (mesh.region[element] == regions.number(points))[off].all()


@pytest.mark.parametrize(
    ("domain", "equation", "boundary", "message"),
    [
        (DISK, "lap(lap(u)) = 1", "  plate: u = 0, u_n = 0\n", "second order"),
        (DISK, "div(grad(u)/sqrt(1 + u_x^2 + u_y^2)) = 1", "  plate: u = 0\n", "do not depend on derivatives"),
        (DISK, "lap(u) = 1", "  plate: u_n = 3/4\n", "part of the solution free"),
        (DISK, "lap(u) = u", "  plate: u_nn = 0\n", "first derivatives"),
        (BOX, "lap(u) = 1", "  x = 0: u = 0, u_n = 1\n  elsewhere: u = 0\n", "one condition at each place"),
        (DISK, "lap(u) + 9*exp(u) = 0", "  plate: u = 0\n", "Newton"),
    ],
)
def test_what_is_not_theirs(domain: str, equation: str, boundary: str, message: str) -> None:
    with pytest.raises(UnsupportedProblem, match=message):
        finite_elements(shaped(domain, equation, boundary))
