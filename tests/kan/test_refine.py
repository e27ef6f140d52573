"""Refined grids: exact where knots are nested, a full-rank least squares fit where they are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.kan import BASES, KAN
from kanpde.kan.growth import outside
from kanpde.kan.refine import finer, follow, regrid


def _net(grid: int, degree: int = 3, widths: tuple[int, ...] = (1, 1)) -> KAN:
    return KAN(widths, grid=grid, degree=degree, base=None, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("grids", [(5, 10), (5, 20, 100), (7, 21)])
def test_nested_grids_change_nothing(grids: tuple[int, ...]) -> None:
    net = _net(grids[0], widths=(2, 3, 1))
    x = 2 * torch.rand(500, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 1
    expected = net(x).detach()
    for grid in grids[1:]:
        net, change = regrid(net, grid)
        assert change == 0
        assert net.intervals == (grid, grid)
    torch.testing.assert_close(net(x).detach(), expected, rtol=0, atol=2e-14)


def test_other_grids_lose_what_the_coarser_of_the_two_cannot_say() -> None:
    """Of the spline that interpolates a smooth function, the change is of the order h^4 of its own error."""
    changes = []
    for grid in (20, 40, 80):
        net = _net(grid)
        group = net.edges[0]
        sites = BASES["bspline"].sites(group.breaks, 3)
        rows = BASES["bspline"].table(sites, group.breaks, 3, 0)[0, 0]
        group.coefficients.data = torch.linalg.solve(rows.T, torch.sin(5 * sites[0]))[None, None]
        changes.append(regrid(net, grid * 5 // 2)[1])
    assert changes[0] < 1e-3
    assert changes[1] < changes[0] / 8
    assert changes[2] < changes[1] / 8


def test_fine_grids_are_not_fitted_to_the_samples_they_outnumber() -> None:
    """The classical failure: 100 samples do not determine an edge on 400 intervals; an lstsq there changes it between them."""
    net = _net(5)
    net.edges[0].coefficients.data = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    dense = torch.linspace(-1, 1, 5001, dtype=torch.float64)[:, None]
    samples = 2 * torch.rand(100, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 1
    fine, change = regrid(net, 401)  # no old break point is one of the new ones
    expected, size = net(dense).detach(), float(net(dense).detach().abs().max())
    ours = float((fine(dense).detach() - expected).abs().max()) / size

    def rows(x: Tensor) -> Tensor:  # (N, 1) -> (N, K)
        return BASES["bspline"].table(x.T, fine.edges[0].breaks, 3, 0)[0, 0].T

    at_samples = torch.linalg.lstsq(rows(samples), net(samples).detach(), driver="gelsd").solution
    theirs = float((rows(dense) @ at_samples - expected).abs().max()) / size
    assert ours < 1e-5
    assert change < 1e-5
    assert theirs > 0.1


def test_no_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="one interval or more"):
        regrid(_net(5), 0)


def _even(net: KAN) -> bool:
    return all(bool(torch.allclose(d := group.breaks.diff(), d.mean(1, keepdim=True).expand_as(d))) for group in net.edges)


def test_hidden_grids_of_equal_intervals_stay_so_when_they_follow_their_values() -> None:
    net = _net(20, widths=(2, 3, 1))
    net.edges[0].coefficients.data *= 2.0
    x = 2 * torch.rand(800, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 1
    moved, change = follow(net, x, 0.05)
    measured = float((moved(x) - net(x)).detach().abs().max() / net(x).detach().abs().max())
    assert change == pytest.approx(measured, rel=1e-9)
    assert change < 1e-2
    assert moved.intervals == (20, 20)
    assert _even(moved)
    assert float(outside(moved, x)[1].max()) == 0
    assert torch.equal(moved.edges[0].breaks, net.edges[0].breaks)
    again, nothing = follow(moved, x, 0.05)
    assert nothing < 1e-3  # the same range, but for what the projection has moved
    assert again.intervals == (20, 20)


def test_knots_that_were_put_somewhere_stay() -> None:
    net = _net(4, widths=(1, 1))
    uneven = net.with_edges([net.edges[0].extended([torch.tensor([-1.0, -0.5, 0.0, 0.1, 0.2, 0.5, 1.0]).double()])])
    finer_uneven, finer_even = finer(uneven, 9), finer(net, 9)
    assert torch.isin(uneven.edges[0].breaks, finer_uneven.edges[0].breaks).all()
    assert finer_uneven.intervals == (9,)
    assert _even(finer_even)
    assert finer_even.intervals == (9,)
    assert finer(net, 3).intervals == (4,)  # never coarser
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
    torch.testing.assert_close(finer_uneven(x), uneven(x), rtol=0, atol=1e-14)


def test_a_projection_knows_edges_that_were_pruned() -> None:
    net = _net(10, widths=(2, 2, 1))
    mask = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    net = net.with_edges([net.edges[0].masked(mask), net.edges[1]])
    moved, _ = regrid(net, 30)
    x = 2 * torch.rand(100, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 1
    assert torch.equal(moved.edges[0].mask, mask)
    torch.testing.assert_close(moved(x), net(x), rtol=0, atol=1e-13)
