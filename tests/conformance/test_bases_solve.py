"""Every basis solves Poisson's equation in a deep network: 60 steps of Levenberg-Marquardt on each of two grids, four seconds."""

from __future__ import annotations

import numpy as np
import pytest

from kanpde.kan import BASES
from kanpde.plan import make_plan
from kanpde.problem import read_text
from kanpde.train.solve import solve

SQUARE = """
find: u(x, y)
domain: {x: [-1, 1], y: [-1, 1]}
equation: -lap(u) = 2*pi^2*sin(pi*x)*sin(pi*y)
boundary: u = 0
"""
ERROR = 1e-4  # relative; three seeds each end between 7e-8 (fourier) and 3e-5 (bspline)


@pytest.mark.slow
@pytest.mark.parametrize("name", BASES)
def test_a_deep_network_of_any_basis(name: str) -> None:
    problem = read_text(SQUARE, "case.yaml").problem
    network = {"architecture": "deep", "hidden": [8], "basis": name, "degree": 5}
    stages = [{"steps": 60, "grid": 5}, {"steps": 60, "grid": 10}]
    solution = solve(problem, make_plan({"network": network, "train": stages, "tolerance": 1e-3}))
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    truth = np.prod(np.sin(np.pi * x), 1)
    assert np.linalg.norm(solution["u"](x=x[:, 0], y=x[:, 1]) - truth) < ERROR * np.linalg.norm(truth)
