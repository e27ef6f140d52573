"""Solutions that need no training: polynomials, which splines represent exactly, so that every value is known to round-off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from kanpde.kan import BASES, KAN, Grid, Monomial, Network, Terms, separable
from kanpde.plan import Plan
from kanpde.problem import read_text
from kanpde.results import Estimate, History, Solution, StageRecord

POLYNOMIAL = """title: A polynomial in a rod
find: u(x, t)
domain:
  x: [0, 1]
  t: [0, 2]
equation: u_t = u_xx + f
where:
  f: 3*t^2*x*(1 - x) + 2*(1 + t^3)
initial: u = x*(1 - x)
boundary: u = 0
exact: u = x*(1 - x)*(1 + t^3)
"""

PLANE = """title: A polynomial on a rectangle
find: u(x, y)
domain:
  x: [-1, 1]
  y: [0, 1]
equation: -lap(u) = 2*y*(1 - y) + 2*(1 - x^2)
boundary: u = 0
"""

LINE = """title: A bent line
find: u(x)
domain:
  x: [-1, 1]
equation: u_xx = 2
boundary: u = 1
"""


def spline_network(
    bounds: np.ndarray,  # (d, 2)
    factors: list[list[Callable[[np.ndarray], np.ndarray]]],  # a list a coordinate, one function a product
    outputs: int = 1,
    intervals: int = 6,
    degree: int = 5,
) -> KAN:
    """The separable network of given functions, interpolated: exact for polynomials up to the degree. Knots are not uniform."""
    grids, coefficients = [], []
    basis = BASES["bspline"]
    for (lower, upper), functions in zip(bounds.tolist(), factors, strict=True):
        breaks = lower + (upper - lower) * torch.linspace(0, 1, intervals + 1, dtype=torch.float64) ** 1.3
        grid = Grid(breaks, degree)
        sites = basis.sites(breaks[None], degree)  # (1, K)
        table = basis.table(sites, breaks[None], degree, 0)[0, 0]  # (K, K)
        values = torch.stack([torch.as_tensor(f(sites[0].numpy())) for f in functions])  # (R, K)
        grids.append(grid)
        coefficients.append(torch.linalg.solve(table.mT, values.mT).mT)
    return separable(grids, coefficients, outputs=outputs)


def solution_of(text: str, network: Network, **changes: object) -> Solution:
    """A finished run of a problem, with a history of two grids and a made-up outcome."""
    stages = [
        StageRecord("grid 4 x 6", (4, 6), 40, 3, 0.05, 1e-3, 2e-3, None, (0.0, 0.5)),
        StageRecord("grid 6 x 6", (6, 6), 62, 2, 0.07, 1e-9, None, 1e-16, (0.5, 2.0)),
    ]
    details: dict[str, object] = {
        "outcome": "solved to the tolerance: estimated relative error 4.0e-12",
        "converged": True,
        "estimate": Estimate(4e-12, "defect correction"),
        "residual": 3e-11,
        "seconds": 0.25,
        "device": "cpu",
    }
    return Solution(read_text(text, "made.yaml").problem, Plan(), network, History(stages, 1, 1e-14, 2, 1), **(details | changes))


PLATE = """title: A plate with a hole
find: u(x, y)
domain:
  (x, y): plate - hole
  plate: rectangle([-1, -1], [1, 1])
  hole: disk([0.25, 0.5], 0.3)
equation: lap(u) = 0
boundary:
  plate: u = x
  hole: u = 0
"""

BLOCK = """title: A block
find: u(x, y, z)
domain:
  x: [0, 1]
  y: [0, 2]
  z: [-1, 1]
equation: -lap(u) = 0
boundary: u = x*y*z
"""

BALL = """title: Half a ball with a hole
find: u(x, y, z), v(x, y, z)
domain:
  (x, y, z): whole & half - hole
  whole: ball([0, 0, 0], 1)
  half: box([-1, -1, 0], [1, 1, 1])
  hole: cylinder([0, 0, 0], 0.25, 1)
equation:
  - -lap(u) = 0
  - -lap(v) = u
boundary: u = x, v = 0
"""

SHEET = """title: A heated sheet
find: u(x, y, t)
domain:
  x: [0, 1]
  y: [0, 2]
  t: [0, 3]
equation: u_t = lap(u)
initial: u = x*y
boundary: u = x*y
"""

MATERIALS = """title: Two conductors
find: u(x, y)
domain:
  x: [-1, 1]
  y: [0, 1]
equation: -div(k*grad(u)) = 0
where:
  k: piecewise(x < 0, 1, 10)
boundary: u = x
"""


def corner_terms(centre: tuple[float, float], fields: int = 1) -> Terms:
    """Two singular functions of the exponent 2/3 around a point, with coefficients; the cut lies to the lower left."""
    mix = torch.zeros(2, fields, 1, dtype=torch.complex128)
    mix[0, 0, 0], mix[1, fields - 1, 0] = 1, -1j
    return Terms([Monomial(centre, 0.7, 1.0, 0, 2 / 3, 0)], mix, torch.tensor([0.5, 0.25], dtype=torch.float64))
