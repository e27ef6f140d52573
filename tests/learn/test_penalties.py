"""Penalties: zero where they should be, rows that say the same as the scalar, and edges that vanish."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from kanpde.kan import BASES, KAN
from kanpde.learn.data import Data
from kanpde.learn.penalties import SMALL, Scalar, Weights, _groups, _inputs, _table, _units, penalty, reweighted, sparsity
from kanpde.learn.training import train

KINDS = ("l1", "entropy", "smoothness", "ridge")


def network(widths=(2, 3, 2), seed=0, **words):
    generator = torch.Generator().manual_seed(seed)
    net = KAN(list(widths), grid=4, domain=[[-1, 3]] * widths[0], generator=generator, **{"base": "silu", **words})
    for p in net.parameters():
        p.data += 0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return net


def points(inputs=2, count=40):
    return 4 * torch.rand(count, inputs, generator=torch.Generator().manual_seed(9), dtype=torch.float64) - 1


def cost(*arguments):
    """The penalty as a number."""
    return float(penalty(*arguments).detach())


SCALE = torch.tensor([2.0, 0.5], dtype=torch.float64)


def sizes(net, x, scale):
    """The standard deviation of every edge, in the units of its node: one matrix (n_in, n_out) a layer."""
    found = []
    for layer, below, units in zip(net.stack, _inputs(net, x), _units(net, scale), strict=True):
        for group, source, unit in _groups(layer, units):
            found.append(group.functions(below[list(source)])[0].std(2, unbiased=False).detach() / unit)
    return found


def lines(net):
    """Every edge the straight line from -1 to 1 over its grid."""
    for group in net.edges:
        line = BASES[group.basis].linear(group.breaks, group.degree)[:, None]
        group.coefficients.data = line.expand(-1, group.outputs, -1).clone()
        if group.weight is not None:
            group.weight.data.zero_()
    return net


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_costs_nothing(kind):
    net = network()
    for p in net.parameters():
        p.data.zero_()
    assert cost(net, points(), SCALE, Weights(**{kind: 1.0})) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("order", [2, 3])
def test_straight_lines_are_smooth_and_a_parabola_costs_its_integral(order):
    net = lines(network((1, 1)))
    weights = Weights(smoothness=1.0, order=order)
    assert cost(net, points(1), SCALE[:1], weights) == pytest.approx(0, abs=1e-20)
    group = net.edges[0]
    z = torch.linspace(-1, 3, 200, dtype=torch.float64)
    table = _table(group, z[None])[0].T[:, : group.size]
    group.coefficients.data[0, 0] = torch.linalg.lstsq(table, z**2).solution
    found = cost(net, points(1), SCALE[:1], weights)
    wanted = 4.0**4 * 2.0**2 / 2.0**2 if order == 2 else 0.0  # L^4 mean (u'')^2 / scale^2
    assert found == pytest.approx(wanted, abs=1e-10)


def test_the_units_of_inputs_and_outputs_do_not_matter():
    net, x = network((2, 1), base=None), points()
    weights = Weights(1.0, 1.0, 1.0, 1.0)
    before = cost(net, x, SCALE[:1], weights)
    other = KAN([2, 1], grid=4, domain=[[-1000, 3000]] * 2, base=None)
    other.edges[0].coefficients.data = 7 * net.edges[0].coefficients.data
    assert cost(other, 1000 * x, 7 * SCALE[:1], weights) == pytest.approx(before)


def test_constants_are_no_activity():
    net, x = network((2, 1), base=None), points()
    before = cost(net, x, SCALE[:1], Weights(l1=1.0))
    net.edges[0].coefficients.data[0] += 5.0
    assert cost(net, x, SCALE[:1], Weights(l1=1.0)) == pytest.approx(before)


def test_l1_and_entropy_are_those_of_the_paper():
    net, x = network(), points()
    layers = [(size.square() + SMALL**2).sqrt() - SMALL for size in sizes(net, x, SCALE)]
    assert cost(net, x, SCALE, Weights(l1=1.0)) == pytest.approx(float(sum(a.sum() for a in layers)))
    shares = [a / a.sum() for a in layers]
    entropy = -sum(float((p * p.log()).sum()) for p in shares)
    assert cost(net, x, SCALE, Weights(entropy=1.0)) == pytest.approx(entropy)
    assert float(sparsity(net, x, SCALE, Weights(1.0, 1.0, 1e6, 1e6))) == pytest.approx(
        entropy + float(sum(a.sum() for a in layers))
    )


def test_the_entropy_is_largest_for_equal_edges_and_zero_for_one():
    net, x = lines(network((2, 1), base=None)), points()
    x = torch.stack([x[:, 0], x[:, 0].flip(0)], 1)
    assert cost(net, x, SCALE[:1], Weights(entropy=1.0)) == pytest.approx(math.log(2))
    net.edges[0].coefficients.data[1] = 0
    assert cost(net, x, SCALE[:1], Weights(entropy=1.0)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("widths", [(2, 3, 2), (2, [2, 1], 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_scalar_where_they_were_made(kind, widths):
    """Squares add up to the penalty; for l1, smoothness and ridge the gradient is that of the penalty too, layer by layer."""
    net, x = network(widths), points()
    weights = Weights(**{kind: 0.7})
    rows = reweighted(net, x, SCALE, weights)
    theta = parameters_to_vector(net.parameters()).detach()
    r, transposed = rows.linearise(theta)
    assert len(r) == rows.rows
    assert float(r.square().sum()) == pytest.approx(cost(net, x, SCALE, weights), rel=1e-10)
    assert torch.allclose(rows.gradient(theta)[1], transposed @ r)
    if kind != "entropy":
        last = net.edges[-1].coefficients  # inner coefficients move the values at which later edges are looked at
        (wanted,) = torch.autograd.grad(penalty(net, x, SCALE, weights), last)
        start = len(theta) - sum(p.numel() for p in net.stack[-1].parameters())
        found = 2 * (transposed @ r)[start : start + last.numel()].view(last.shape)
        assert torch.allclose(found, wanted, atol=1e-10)


def test_rows_of_l1_lie_above_it_everywhere():
    net, x = network((2, 1)), points()
    weights = Weights(l1=1.0)
    rows, theta = reweighted(net, x, SCALE[:1], weights), parameters_to_vector(net.parameters()).detach()
    for seed in range(10):
        moved = theta + torch.randn(len(theta), generator=torch.Generator().manual_seed(seed), dtype=theta.dtype)
        vector_to_parameters(moved, net.parameters())
        assert float(rows.residual(moved).square().sum()) >= cost(net, x, SCALE[:1], weights)


def test_the_scalar_row_has_the_gradient_of_finite_differences():
    net, x = network(), points()
    row = Scalar(net, x, SCALE, Weights(0.3, 0.2, 1e-4, 0.1))
    theta = parameters_to_vector(net.parameters()).detach()
    r, gradient = row.gradient(theta)
    assert torch.allclose(row.linearise(theta)[1] @ r, gradient)
    way = torch.randn(len(theta), generator=torch.Generator().manual_seed(0), dtype=theta.dtype)
    ahead, back = (row.residual(theta + h * way).square().sum() / 2 for h in (1e-5, -1e-5))
    assert float(gradient @ way) == pytest.approx(float(ahead - back) / 2e-5, rel=1e-6)


def test_pruned_edges_cost_nothing_and_get_no_rows():
    net, x = network((2, 1)), points()
    weights = Weights(1.0, 0.0, 1.0, 1.0)
    whole, rows = cost(net, x, SCALE[:1], weights), reweighted(net, x, SCALE[:1], weights).rows
    mask = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    pruned = net.with_edges([net.edges[0].masked(mask)])
    assert cost(pruned, x, SCALE[:1], weights) < whole
    assert reweighted(pruned, x, SCALE[:1], weights).rows == (rows - 1) // 2 + 1


def test_weights_are_not_negative():
    with pytest.raises(ValueError, match="l1 is a weight"):
        Weights(l1=-1.0)


@pytest.mark.parametrize("words", [{"l1": 1e-3, "entropy": 1e-3}, {"l1": 3e-3}])
def test_inputs_that_do_not_matter_are_left_by_every_edge(words):
    x = 2 * torch.rand(400, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    data = Data.of(x, torch.exp(torch.sin(math.pi * x[:, 0]) + x[:, 2] ** 2))
    net = KAN([4, 5, 1], grid=5, base=None, domain=data.domain, generator=torch.Generator().manual_seed(1))
    assert float(sizes(net, x, data.scale)[0][[1, 3]].min()) > 1e-3
    trained = train(net, data, **words)
    first = sizes(trained.network, x, data.scale)[0]
    assert trained.error < 0.05
    assert float(first[[1, 3]].max()) < 2e-3
    assert float(first[[0, 2]].max()) > 0.1
