"""Three coordinates: spectral accuracy with variable coefficients, nonlinear terms, every condition, and in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kanpde.errors import UnsupportedProblem
from kanpde.problem import Problem, read_text
from kanpde.reference import choose, exact, fresh_points, reference, spectral
from kanpde.reference.axes import ChebyshevAxis, FourierAxis
from kanpde.reference.tensor import Tensor


def solid(text: str) -> Problem:
    """A problem that the solver need not know."""
    return replace(read_text(text).problem, remarks=())


PROBLEMS = {
    "poisson": solid(
        "find: u(x, y, z)\ndomain: {x: [0, 1], y: [0, 1], z: [0, 1]}\nequation: -lap(u) = f\nwhere:\n"
        "  s: 1/(3 + x + 2*y + 3*z)\n  f: -28*s^3\nboundary: u = s\nexact: u = s\n"
    ),
    "nonlinear, all kinds of conditions": solid(
        "find: u(x, y, z)\ndomain: {x: [0, 1], y: [-1, 1], z: [0, 2]}\n"
        "equation: div((1 + x*y/2)*grad(u)) + u_xy/5 = u^3 + u*u_z + f\nwhere:\n  s: sin(x + y)*exp(z/2)/2\n  a: 1 + x*y/2\n"
        "  f: d(a*d(s, x), x) + d(a*d(s, y), y) + d(a*d(s, z), z) + d(s, x, y)/5 - s^3 - s*d(s, z)\n"
        "boundary:\n  x = 0: u_n = -d(s, x)\n  z = 2: u_n + u^3 = d(s, z) + s^3\n  elsewhere: u = s\nexact: u = s\n"
    ),
    "in time, periodic, with convection": solid(
        "find: u(x, y, t)\ndomain: {x: [0, 2*pi], y: [-1, 1], t: [0, 1]}\nequation: u_t = lap(u)/3 - u*u_x + f\nwhere:\n"
        "  s: exp(-t)*sin(x + t)*cos(y)\n  f: d(s, t) - d(s, x, x)/3 - d(s, y, y)/3 + s*d(s, x)\ninitial: u = s\n"
        "boundary:\n  x: periodic\n  y = -1: u = s\n  y = 1: u_n = d(s, y)\nexact: u = s\n"
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_manufactured(name: str) -> None:
    problem = PROBLEMS[name]
    points = fresh_points(problem.domain, 2**10, 3)
    judge, truth = spectral(problem), exact(problem)
    u = truth.values(points)["u"]
    off = np.linalg.norm(judge.values(points)["u"] - u) / np.linalg.norm(u)
    assert off < 1e-12
    assert off < 3 * judge.error < 1e-8
    assert judge.gradients is not None
    assert truth.gradients is not None
    assert np.abs(judge.gradients(points)["u"] - truth.gradients(points)["u"]).max() < 1e-9


def test_auto_takes_it() -> None:
    problem = replace(PROBLEMS["poisson"], exact=None)
    assert choose(problem) == "spectral"
    judge = reference(problem)
    assert judge is not None
    assert judge.resolution.endswith("points")


def test_an_edge_singularity_is_stated() -> None:
    """lap(u) = 1, u = 0: the solution is not smooth on the edges, convergence is algebraic, the statement honest.

    The mean of u^2 is that of its sine series: c^2/8, c = 64/(pi^5 l m n (l^2 + m^2 + n^2)), summed over odd l, m, n.
    """
    problem = solid("find: u(x, y, z)\ndomain: {x: [0, 1], y: [0, 1], z: [0, 1]}\nequation: -lap(u) = 1\nboundary: u = 0\n")
    judge = spectral(problem, 5.0)
    assert 1e-10 < judge.error < 1e-3
    k = np.arange(1, 80, 2)
    a, b, c = np.meshgrid(k, k, k, indexing="ij")
    mean = ((64 / (np.pi**3 * a * b * c) / (np.pi**2 * (a**2 + b**2 + c**2))) ** 2 / 8).sum()
    nodes, w = np.polynomial.legendre.leggauss(20)
    x = np.stack([g.ravel() for g in np.meshgrid(*3 * [(1 + nodes) / 2], indexing="ij")], axis=1)
    weight = np.einsum("i,j,k->ijk", w, w, w).ravel() / 8
    assert (weight @ judge.values(x)["u"] ** 2) == pytest.approx(mean, rel=1e-4)


def test_a_tensor_and_its_derivatives() -> None:
    axes = (ChebyshevAxis(0.0, 2.0, 5), FourierAxis(0.0, 1.0, 5), ChebyshevAxis(-1.0, 1.0, 4))
    random = np.random.default_rng(2)
    u = Tensor(axes, random.normal(size=(5, 5, 4)))
    x, h = random.uniform(0.2, 0.8, (20, 3)), 1e-6
    for axis in range(3):
        step = h * np.eye(3)[axis]
        index = tuple(int(i == axis) for i in range(3))
        assert np.abs((u(x + step) - u(x - step)) / (2 * h) - u(x, index)).max() < 1e-6 * np.abs(u(x, index)).max()


@pytest.mark.parametrize(
    ("equation", "boundary", "message"),
    [
        ("lap(lap(u)) = 1", "u = 0, u_n = 0", "orders up to two"),
        ("lap(u) = 1", "u_n = 1/6", "leave part of the solution free|GMRES|not smooth|differ"),
        ("lap(u) = u + 1", "u = 0, u_n = 0", "one condition at each place"),
    ],
)
def test_what_is_not_judged(equation: str, boundary: str, message: str) -> None:
    domain = "{x: [0, 1], y: [0, 1], z: [0, 1]}"
    with pytest.raises(UnsupportedProblem, match=message):
        spectral(solid(f"find: u(x, y, z)\ndomain: {domain}\nequation: {equation}\nboundary: {boundary}\n"), 5.0)
