"""Scaling and shifting hidden nodes together with what reads them changes nothing but the numbers."""

import pytest
import torch

from kanpde.kan import BASES, KAN
from kanpde.kan.gauge import centred


def points(count=200, inputs=2):
    return torch.rand(count, inputs, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def network(widths, **options):
    return KAN(widths, generator=torch.Generator().manual_seed(1), **{"base": None, **options})


@pytest.mark.parametrize("basis", BASES)
def test_the_function_stays_and_hidden_nodes_are_centred(basis):
    net, x = network([2, 3, 2, 1], basis=basis), points()
    for group in net.edges:
        group.coefficients.data = 0.1 * group.coefficients.data + 0.3 * BASES[basis].constant(group.breaks, group.degree)[:, None]
    found = centred(net, x)
    torch.testing.assert_close(found(x), net(x), rtol=1e-10, atol=1e-10)
    for values in found.activations(x)[1:-1]:
        torch.testing.assert_close(values.mean(0), torch.zeros_like(values[0]), rtol=0, atol=1e-9)
        torch.testing.assert_close(values.abs().amax(0), torch.ones_like(values[0]), rtol=0, atol=1e-9)


def test_symbolic_edges_follow_and_gain_digits():
    net, x = network([2, 1, 1]), points()
    net = net.fixed(0, 0, 0, "sin", torch.tensor([3.0, 0, 1e-6, 2.0], dtype=torch.float64))
    net = net.fixed(0, 1, 0, "x^2", torch.tensor([1.0, 0, 1e-6, 0], dtype=torch.float64))
    net = net.fixed(1, 0, 0, "exp", torch.tensor([1e6, -2e6, 1.0, 0], dtype=torch.float64))
    exact = torch.exp(torch.sin(3 * x[:, :1]) + x[:, 1:] ** 2)
    found = centred(net, x)
    torch.testing.assert_close(found(x), net(x), rtol=1e-8, atol=0)
    assert found.stack[1].symbolic.affine[0, 0] < 2
    assert (net(x) - exact).abs().max() > 1e-12  # what the old numbers cost
    assert found.activations(x)[1].abs().max() <= 1 + 1e-9


def test_constants_that_edges_hold_against_each_other_are_gone():
    net, x = network([2, 2, 1]), points()
    exact = net(x).detach()
    for group in net.edges:
        group.coefficients.data[0] += 1e6
        group.coefficients.data[1] -= 1e6
    assert (net(x) - exact).abs().max() > 1e-11
    found = centred(net, x)
    for values in found.edge_values(x):
        assert values.abs().max() < 10
    torch.testing.assert_close(found(x), exact, rtol=0, atol=1e-8)


def test_products_outputs_masks_and_base_functions_stay_as_they_are():
    x = points()
    net = network([2, [1, 2], 1])
    found = centred(net, x)
    torch.testing.assert_close(found(x), net(x), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(found.activations(x)[1][:, 1:], net.activations(x)[1][:, 1:])
    net = network([2, 2, 1], base="silu")
    torch.testing.assert_close(centred(net, x).activations(x)[1], net.activations(x)[1])
    net = network([2, 2, 1])
    net.edges[0].mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)  # the second node is constant
    found = centred(net, x)
    torch.testing.assert_close(found(x), net(x), rtol=1e-11, atol=1e-11)
    assert torch.equal(found.edges[0].mask, net.edges[0].mask)
