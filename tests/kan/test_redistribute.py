"""Break points that follow values, curvature or residuals: where they go, what it changes, and what it gains."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.kan import KAN
from kanpde.kan.placement import bearable, equidistributed, quantiles
from kanpde.kan.redistribute import by_curvature, by_residual, by_values


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _uniform(count: int, d: int) -> Tensor:
    return 2 * torch.rand(count, d, generator=_generator(3), dtype=torch.float64) - 1


def test_quantiles_put_equal_numbers_into_intervals() -> None:
    values = torch.rand(10001, generator=_generator(), dtype=torch.float64) ** 2
    breaks = quantiles(values, 0.0, 1.0, 10, 1e-9)
    torch.testing.assert_close(breaks, torch.linspace(0, 1, 11).double() ** 2, rtol=0, atol=0.02)
    counts = torch.histogram(values, breaks).hist
    assert float(counts.max() - counts.min()) <= 2


def test_the_mix_keeps_intervals_from_vanishing() -> None:
    values = torch.zeros(100, dtype=torch.float64)  # all values alike: every quantile is the same
    breaks = quantiles(values, -1.0, 1.0, 10, 0.02)
    assert float(breaks.diff().min()) >= 0.02 * 0.2 * (1 - 1e-9)
    assert breaks[0] == -1
    assert breaks[-1] == 1
    torch.testing.assert_close(quantiles(values, -1.0, 1.0, 10, 1.0), torch.linspace(-1, 1, 11).double())
    with pytest.raises(ValueError, match="share of equal intervals"):
        quantiles(values, -1.0, 1.0, 10, 0.0)


def test_equal_shares_of_a_density() -> None:
    breaks = torch.tensor([0.0, 1.0, 2.0, 4.0], dtype=torch.float64)
    result = equidistributed(breaks, torch.tensor([2.0, 0.0, 1.0]).double(), 4, 1e-12)
    torch.testing.assert_close(result, torch.tensor([0.0, 0.5, 2.0, 3.0, 4.0]).double(), rtol=0, atol=1e-9)
    flat = equidistributed(breaks, torch.zeros(3).double(), 4, 0.1)
    torch.testing.assert_close(flat, torch.linspace(0, 4, 5).double())


def test_grids_follow_values_and_the_change_is_measured() -> None:
    net = KAN([2, 4, 1], grid=10, generator=_generator())
    x = _uniform(2000, 2) ** 3  # crowded at the middle
    moved, change = by_values(net, x)
    measured = float((moved(x) - net(x)).detach().abs().max() / net(x).detach().abs().max())
    assert change == pytest.approx(measured, rel=1e-6)
    assert change < 0.02
    lengths = moved.edges[0].breaks.diff()
    assert float(lengths[:, 5].max()) < 0.1 * float(lengths[:, 0].min())
    assert moved.edges[0].grids[0].lower == -1.0  # inputs keep their ends
    hidden = moved.activations(x)[1]
    breaks = moved.edges[1].breaks
    assert bool((hidden.min(0).values > breaks[:, 0]).all())
    assert bool((hidden.max(0).values < breaks[:, -1]).all())


def test_equal_intervals_alone_are_an_exact_update() -> None:
    net = KAN([2, 1], grid=10, generator=_generator())
    _, change = by_values(net, _uniform(100, 2), uniform=1.0)
    assert change < 1e-14


def _front(x: Tensor) -> Tensor:
    return torch.tanh(50 * x)


def _fitted(net: KAN, x: Tensor) -> KAN:
    """The least squares fit of tanh(50 x) by a network of one edge."""
    _, pullback = net.linearise(x, [(0,)])
    rows = pullback({(0,): x.new_ones(1, 1)}).T
    theta = torch.linalg.lstsq(rows, _front(x), driver="gelsd").solution[:, 0]
    torch.nn.utils.vector_to_parameters(theta, net.parameters())
    return net


def _error(net: KAN) -> float:
    x = torch.linspace(-1, 1, 5001, dtype=torch.float64)[:, None]
    return float((net(x).detach() - _front(x)).square().mean().sqrt())


def test_curvature_finds_a_steep_front() -> None:
    x = _uniform(2000, 1)
    net = _fitted(KAN([1, 1], grid=40, base=None, generator=_generator()), x)
    equal = _error(net)
    for _ in range(3):
        net = _fitted(by_curvature(net, x)[0], x)
    assert net.intervals == (40,)
    assert equal > 1e-2
    assert _error(net) < 1e-5  # a gain of more than a thousand with as many knots


def test_the_residual_finds_a_steep_front() -> None:
    x = _uniform(2000, 1)
    net = _fitted(KAN([1, 1], grid=10, base=None, generator=_generator()), x)
    while net.intervals[0] < 36:
        finer, change = by_residual(net, x, (net(x) - _front(x)).detach())
        assert change < 1e-14
        assert finer.intervals[0] > net.intervals[0]
        net = _fitted(finer, x)
    assert _error(net) < 3e-5
    equal = _fitted(KAN([1, 1], grid=net.intervals[0], base=None, generator=_generator()), x)
    assert _error(equal) > 1000 * _error(net)


def test_intervals_without_points_are_not_cut() -> None:
    net = KAN([1, 1], grid=4, generator=_generator())
    x = torch.tensor([[-0.9], [-0.8], [-0.7], [-0.6], [0.9], [0.8]], dtype=torch.float64)
    residual = torch.tensor([1.0, 1, 1, 1, 100, 100]).double()
    finer, _ = by_residual(net, x, residual)
    assert finer.edges[0].breaks[0].tolist() == [-1, -0.75, -0.5, 0, 0.5, 1]  # two points cannot bear a knot more
    same, _ = by_residual(net, x, 0 * residual)
    assert same.intervals == (4,)
    with pytest.raises(ValueError, match="finite row"):
        by_residual(net, x, residual * float("nan"))


def test_several_inputs_keep_grids_of_equal_size() -> None:
    net = KAN([2, 3, 1], grid=5, generator=_generator())
    x = _uniform(3000, 2)
    finer, change = by_residual(net, x, 1 / (0.02 + (x[:, 0] - 0.5).abs()))
    assert change < 1e-13
    lengths = finer.edges[0].breaks.diff()
    near = int(torch.searchsorted(finer.edges[0].breaks[0], torch.tensor(0.5).double())) - 1
    assert float(lengths[0, near]) < 0.25


def test_gaps_between_points_attract_no_knots() -> None:
    """Where there are no points a fit swings as it likes; its curvature there says nothing."""
    x = torch.cat([0.1 * _uniform(1000, 1), torch.tensor([[-1.0], [1.0]]).double()])
    net = KAN([1, 1], grid=20, base=None, generator=_generator())
    net.edges[0].coefficients.data = torch.randn(1, 1, 23, generator=_generator(4), dtype=torch.float64)
    breaks = by_curvature(net, x)[0].edges[0].breaks[0]
    assert int((breaks.abs() <= 0.11).sum()) >= 15
    inside = bearable(breaks, torch.ones(20).double(), x[:, 0], 20, 2) * breaks.diff()
    assert float(inside.sum()) == pytest.approx(1, abs=1e-9)


def test_a_density_is_cut_to_what_the_points_can_bear() -> None:
    breaks = torch.linspace(0, 4, 5, dtype=torch.float64)
    values = torch.cat([torch.full((10,), 0.5), torch.full((100,), 1.5), torch.full((100,), 2.5)]).double()
    density = bearable(breaks, torch.tensor([9.0, 1.0, 2.0, 9.0]).double(), values, 20, 2)
    # 20 intervals of two points each: the first can bear 5 of them, the last none, the others share 15 as they were
    torch.testing.assert_close(20 * density, torch.tensor([5.0, 5.0, 10.0, 0.0]).double(), rtol=1e-9, atol=1e-9)
    few = bearable(breaks, torch.ones(4).double(), values[:12], 20, 2)
    torch.testing.assert_close(20 * few, torch.tensor([5.0, 1.0, 0.0, 0.0]).double())
