"""Every basis goes through this suite: new ones join by their line in ``BASES``."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.kan import BASES
from kanpde.kan.bases import table

DEGREE = 5


def _breaks() -> Tensor:  # (2, G + 1)
    uneven = torch.tensor([-1.0, -0.6, -0.1, 0.5, 1.0], dtype=torch.float64)
    return torch.stack([uneven, 2 + 3 * uneven])


def _points(breaks: Tensor, count: int = 40) -> Tensor:  # (2, N)
    unit = torch.rand(2, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return breaks[:, :1] + unit * (breaks[:, -1:] - breaks[:, :1])


@pytest.mark.parametrize("name", BASES)
def test_sizes_agree(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    size = basis.size(4, DEGREE)
    assert basis.table(_points(breaks), breaks, DEGREE, 2).shape == (3, 2, size, 40)
    assert basis.sites(breaks, DEGREE).shape == (2, size)
    assert basis.linear(breaks, DEGREE).shape == (2, size)
    assert basis.decay(size).shape == (size,)
    assert basis.order(DEGREE) > 0
    assert basis.name == name


@pytest.mark.parametrize("name", BASES)
def test_each_order_is_the_derivative_of_the_order_before(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    x = _points(breaks)
    step = 1e-5
    values = basis.table(x, breaks, DEGREE, 4)
    for order in range(4):
        slope = (basis.table(x + step, breaks, DEGREE, order) - basis.table(x - step, breaks, DEGREE, order))[order] / (2 * step)
        error = float((slope - values[order + 1]).abs().max())
        assert error < 1e-4 * float(values[order + 1].abs().max()), order  # a knot between both points costs digits


@pytest.mark.parametrize("name", BASES)
def test_autograd_knows_the_derivatives(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    x = _points(breaks).requires_grad_(True)
    weights = torch.randn(basis.size(4, DEGREE), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = (table(x, breaks, basis, DEGREE)[0] * weights[:, None]).sum(1)
    for order in range(1, 4):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        expected = (basis.table(x.detach(), breaks, DEGREE, order)[order] * weights[:, None]).sum(1)
        torch.testing.assert_close(y.detach(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", BASES)
def test_polynomials_up_to_the_degree_are_reproduced(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    sites, x = basis.sites(breaks, DEGREE), _points(breaks)
    matrix = basis.table(sites, breaks, DEGREE, 0)[0].mT  # (2, K, K): rows are sites
    c = torch.linalg.solve(matrix, (sites**DEGREE)[..., None])[..., 0]
    values = (c[:, :, None] * basis.table(x, breaks, DEGREE, 0)[0]).sum(1)
    torch.testing.assert_close(values, x**DEGREE, rtol=1e-10, atol=1e-10)
    assert float(torch.linalg.cond(matrix).max()) < 1e4


@pytest.mark.parametrize("name", BASES)
def test_linear_rises_from_minus_one_to_one(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    x = _points(breaks)
    values = (basis.linear(breaks, DEGREE)[:, :, None] * basis.table(x, breaks, DEGREE, 0)[0]).sum(1)
    expected = 2 * (x - breaks[:, :1]) / (breaks[:, -1:] - breaks[:, :1]) - 1
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", BASES)
def test_extension_leaves_functions_unchanged(name: str) -> None:
    basis, breaks = BASES[name], _breaks()[0]
    finer = torch.cat([breaks, torch.tensor([-0.8, 0.2, 0.9], dtype=torch.float64)]).sort().values
    c = torch.randn(3, basis.size(4, DEGREE), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    more = basis.extend(c, breaks, finer, DEGREE)
    x = _points(_breaks())[:1]
    before = c @ basis.table(x, breaks[None], DEGREE, 0)[0, 0]
    after = more @ basis.table(x, finer[None], DEGREE, 0)[0, 0]
    assert float((before - after).abs().max()) < 1e-12 * float(before.abs().max())
