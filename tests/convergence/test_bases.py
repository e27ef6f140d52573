"""Each basis converges at the order that it declares; the measured slope lies within 0.2 of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from kanpde.kan import BASES


def _error(name: str, intervals: int, degree: int, function: object) -> float:
    """The largest error of least squares at many points."""
    basis = BASES[name]
    breaks = torch.linspace(-1, 1, intervals + 1, dtype=torch.float64)[None]
    x = torch.cos(torch.linspace(0, math.pi, 2001, dtype=torch.float64))[None]
    matrix = basis.table(x, breaks, degree, 0)[0, 0].T
    assert callable(function)
    values: Tensor = function(x[0])
    c = torch.linalg.lstsq(matrix, values[:, None], driver="gelsd").solution[:, 0]
    return float((matrix @ c - values).abs().max())


def _slope(sizes: list[int], errors: list[float]) -> float:
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


@pytest.mark.parametrize("degree", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("name", [name for name in BASES if math.isfinite(BASES[name].order(3))])
def test_algebraic_order(name: str, degree: int) -> None:
    sizes = [32, 48, 64, 96]  # fine enough for the asymptotic order, coarse enough to stay above round-off
    frequency = 8 if degree > 3 else 3
    errors = [_error(name, size, degree, lambda x: torch.sin(frequency * x + 0.4)) for size in sizes]
    assert _slope(sizes, errors) == pytest.approx(BASES[name].order(degree), abs=0.2)


@pytest.mark.parametrize("name", [name for name in BASES if math.isinf(BASES[name].order(3))])
def test_geometric_convergence(name: str) -> None:
    """Poles at +-i/2: the error falls like rho^-n, rho = (1 + sqrt 5)/2 (Trefethen 2013, theorem 8.2)."""
    sizes = [12, 20, 28, 36]
    errors = [_error(name, size, 1, lambda x: 1 / (1 + 4 * x**2)) for size in sizes]
    rate = -float(np.polyfit(sizes, np.log(errors), 1)[0])
    assert rate == pytest.approx(math.log((1 + math.sqrt(5)) / 2), rel=0.2)


@pytest.mark.parametrize("name", [name for name in BASES if math.isinf(BASES[name].order(3))])
def test_order_for_a_kink(name: str) -> None:
    """|x|^3: the error falls like n^-3 (Trefethen 2013, theorem 7.2, and Bernstein 1938 for best approximation)."""
    sizes = [21, 31, 41, 61]
    errors = [_error(name, size, 1, lambda x: x.abs() ** 3) for size in sizes]
    assert _slope(sizes, errors) == pytest.approx(3.0, abs=0.2)
