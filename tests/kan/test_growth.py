"""Inputs beyond the grid are reported, and growing grids leave the function as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.kan import BASES, KAN
from kanpde.kan.growth import grown, outside


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _points(lower: float, upper: float, count: int = 400) -> Tensor:
    return lower + (upper - lower) * torch.rand(count, 2, generator=_generator(7), dtype=torch.float64)


def test_the_share_outside_is_counted_for_each_input() -> None:
    net = KAN([2, 1], domain=[[0, 1], [-2, 2]], generator=_generator())
    x = torch.tensor([[0.5, 0.0], [1.0, 2.0], [1.1, 0.0], [-0.1, 3.0]], dtype=torch.float64)
    assert net.outside(x).tolist() == [0.5, 0.25]  # an end belongs to the grid


def test_hidden_values_beyond_their_grids_are_counted_too() -> None:
    net = KAN([1, 1, 1], base=None, generator=_generator())
    first, _second = net.edges
    first.coefficients.data = 3 * BASES["bspline"].linear(first.breaks, 3)[:, None]  # 3 x, on a hidden grid [-1, 1]
    x = torch.linspace(-1, 1, 3001, dtype=torch.float64)[:, None]
    inputs, hidden = outside(net, x)
    assert float(inputs) == 0
    assert abs(float(hidden) - 2 / 3) < 1e-3


def test_a_grid_of_pruned_edges_does_not_matter() -> None:
    net = KAN([2, 3, 1], generator=_generator())
    mask = torch.ones(2, 3, dtype=torch.float64)
    mask[1] = 0
    net = net.with_edges([net.edges[0].masked(mask), net.edges[1]])
    x = _points(-3, 3)
    assert float(net.outside(x)[0]) > 0.5
    assert float(net.outside(x)[1]) == 0
    _, growth = grown(net, x)
    assert (0, 0) in {(r.layer, r.node) for r in growth.reaches}
    assert (0, 1) not in {(r.layer, r.node) for r in growth.reaches}


@pytest.mark.parametrize("base", ["silu", None])
def test_a_grown_spline_network_is_the_same_function_everywhere(base: str | None) -> None:
    net = KAN([2, [3, 2], 1], grid=5, base=base, generator=_generator())
    x = _points(-1.3, 2)
    larger, growth = grown(net, x)
    assert growth
    assert growth.change < 1e-13
    assert all(float(share.max()) == 0 for share in outside(larger, x))
    expected = net(x).detach()
    torch.testing.assert_close(larger(x).detach(), expected, rtol=0, atol=1e-12 * float(expected.abs().max()))
    again, nothing = grown(larger, x)
    assert again is larger
    assert not nothing
    assert str(nothing) == "all points lie inside the grids"


def test_what_grew_is_said() -> None:
    net = KAN([2, 1], domain=[[0, 1], [0, 1]], generator=_generator())
    x = torch.tensor([[0.5, 0.5], [1.3, 0.5], [0.2, 0.1], [0.9, 0.9]], dtype=torch.float64)
    larger, growth = grown(net, x)
    (reach,) = growth.reaches
    assert (reach.layer, reach.node, reach.share, reach.before) == (0, 0, 0.25, (0.0, 1.0))
    assert "25 % of the points lie outside [0, 1]" in str(growth)
    assert larger.edges[0].grids[0].upper == pytest.approx(1.4)  # two more intervals of a fifth
    assert larger.edges[0].grids[1].upper == 1.0  # the other input's grid is cut finer instead
    assert larger.intervals == (7,)


def test_polynomials_get_the_range_that_occurs_and_more_modes() -> None:
    """Chebyshev polynomials on one interval: there is no length of an interval to go by."""
    net = KAN([1, 1], grid=1, degree=17, basis="chebyshev", generator=_generator())
    x = torch.linspace(-1, 1.5, 101, dtype=torch.float64)[:, None]
    larger, growth = grown(net, x)
    assert larger.edges[0].grids[0].lower == pytest.approx(-1)
    assert larger.edges[0].grids[0].upper == pytest.approx(1.5)
    assert larger.edges[0].size == 18 + 5  # a quarter of 17 more, and rounded up
    assert growth.change < 1e-12
    beyond, none = grown(net, x + 10)
    assert none.change < 1e-6  # no point was inside: it is measured on the old range all the same
    assert beyond.edges[0].size == 18 + 2 * 17


def test_far_away_points_do_not_make_endless_grids() -> None:
    net = KAN([1, 1], grid=5, generator=_generator())
    larger, growth = grown(net, torch.tensor([[0.0], [1e6]], dtype=torch.float64))
    assert larger.intervals == (10,)
    assert growth.reaches[0].after == pytest.approx((-1.0, 1e6))


def test_splines_can_be_trained_where_they_have_grown() -> None:
    """A coefficient of a new interval changes nothing on the old grid."""
    net = KAN([1, 1], grid=5, base=None, generator=_generator())
    larger, _ = grown(net, torch.tensor([[2.0]], dtype=torch.float64))
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
    before = larger(x).detach()
    larger.edges[0].coefficients.data[..., 8:] += 5.0  # functions 8.. begin at the fifth knot, the old end 1
    assert torch.equal(larger(x).detach(), before)
    assert float((larger(x + 1) - net(x + 1)).detach().abs().max()) > 1


@pytest.mark.parametrize("basis", sorted(set(BASES) - {"bspline"}))
def test_other_families_keep_what_they_were_inside(basis: str) -> None:
    """They have no continuation of their own; what the refit changes is measured where the function was known."""
    generator = _generator()
    net = KAN([2, 1], grid=8, basis=basis, generator=generator)
    larger, growth = grown(net, _points(-1.2, 1.2))
    inside = _points(-1, 1)
    change = float((larger(inside) - net(inside)).detach().abs().max() / net(inside).detach().abs().max())
    assert growth
    assert change < 1e-2
    assert float(larger.outside(_points(-1.2, 1.2)).max()) == 0
