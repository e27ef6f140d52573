"""Each basis converges at the order that it declares, within 0.2; one of infinite order faster than any power, to its floor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kanpde.kan import BASES

FINITE = [name for name in BASES if math.isfinite(BASES[name].order(3))]
INFINITE = [name for name in BASES if math.isinf(BASES[name].order(3))]
POLYNOMIALS = [name for name in INFINITE if BASES[name].floor(3) == 0]


def _error(name: str, intervals: int, degree: int, function: object, interpolate: bool = False) -> float:
    """The largest error of least squares at many points, or of interpolation at the sites."""
    basis = BASES[name]
    breaks = torch.linspace(-1, 1, intervals + 1, dtype=torch.float64)[None]
    x = torch.cos(torch.linspace(0, math.pi, 2001, dtype=torch.float64))[None]
    at = basis.sites(breaks, degree) if interpolate else x
    matrix = basis.table(at, breaks, degree, 0)[0, 0].T
    assert callable(function)
    c = torch.linalg.lstsq(matrix, function(at[0])[:, None], driver="gelsd").solution[:, 0]
    return float((c @ basis.table(x, breaks, degree, 0)[0, 0] - function(x[0])).abs().max())


def _slope(sizes: list[int], errors: list[float]) -> float:
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", FINITE)
def test_algebraic_order(name: str, degree: int) -> None:
    """On the four finest grids whose error is above round-off."""
    pairs = [(g, _error(name, g, degree, lambda x: torch.sin(5 * x + 0.4), True)) for g in (12, 16, 24, 32, 48, 64, 96, 128)]
    sizes, errors = zip(*[(g, error) for g, error in pairs if error > 1e-11][-4:], strict=True)
    assert _slope(list(sizes), list(errors)) == pytest.approx(BASES[name].order(degree), abs=0.2)


@pytest.mark.parametrize("degree", [3, 5])
@pytest.mark.parametrize("name", INFINITE)
def test_faster_than_any_power(name: str, degree: int) -> None:
    """The steepest of the slopes between neighbouring grids is beyond that of splines, and the floor is reached by G = 24."""
    sizes = [4, 6, 8, 12, 16, 24, 48]
    errors = [_error(name, g, degree, lambda x: torch.sin(8 * x + 0.4)) for g in sizes]
    slopes = [_slope([sizes[i], sizes[i + 1]], [errors[i], errors[i + 1]]) for i in range(len(sizes) - 1)]
    assert max(slopes) > degree + 1.5
    assert max(errors[-2:]) < max(BASES[name].floor(degree), 1e-10)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_geometric_convergence(name: str) -> None:
    """Poles at +-i/2: the error falls like rho^-n, rho = (1 + sqrt 5)/2 (Trefethen 2013, theorem 8.2)."""
    sizes = [12, 20, 28, 36]
    errors = [_error(name, size, 1, lambda x: 1 / (1 + 4 * x**2)) for size in sizes]
    rate = -float(np.polyfit(sizes, np.log(errors), 1)[0])
    assert rate == pytest.approx(math.log((1 + math.sqrt(5)) / 2), rel=0.2)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_order_for_a_kink(name: str) -> None:
    """|x|^3: the error falls like n^-3 (Trefethen 2013, theorem 7.2, and Bernstein 1938 for best approximation)."""
    sizes = [21, 31, 41, 61]
    errors = [_error(name, size, 1, lambda x: x.abs() ** 3) for size in sizes]
    assert _slope(sizes, errors) == pytest.approx(3.0, abs=0.2)
