"""Pruning: the function that is left is the one in which every dead edge is its mean, whatever became of the layers."""

import pytest
import torch

from kanpde.kan import BASES, KAN
from kanpde.kan.attribution import attribution
from kanpde.kan.prune import pruned, without


def points(count, inputs, seed=0):
    return torch.rand(count, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def network(widths, seed=0, **options):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), **options)


def frozen(net, dead, x, at):
    """The network's values (N', outputs) at ``at`` with the dead edges at their means over x: written anew, node by node."""
    means = [phi.mean(-1) for phi in net.edge_values(x)]
    z = at.T
    for n, layer in enumerate(net.stack):
        values = torch.zeros(layer.subnodes, len(z), z.shape[1], dtype=torch.float64)
        for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
            values[first:last, list(source)] += group.functions(z[list(source)])[0].transpose(0, 1)
        if layer.symbolic is not None:
            for (i, j), value in zip(layer.symbolic.places.tolist(), layer.symbolic.functions_at(z)[0], strict=True):
                values[j, i] += value
        for layer_of, i, j in dead:
            if layer_of == n:
                values[j, i] = means[n][j, i]
        sums = values.sum(1)
        factors = sums[layer.sums :].view(layer.arity, layer.products, z.shape[1])
        z = torch.cat([sums[: layer.sums], factors.prod(0)]) if layer.products else sums
    return z.T.detach()


@pytest.mark.parametrize("widths", [[2, 5, 1], [3, 4, 4, 2], [2, [2, 3], [1, 2], 2], [2, [0, 3], [1, 1]]])
@pytest.mark.parametrize("threshold", [0.15, 0.4])
def test_the_function_is_that_with_dead_edges_at_their_means(widths, threshold):
    net, x = network(widths), points(200, widths[0])
    found = pruned(net, x, threshold, 0.0)
    assert found.edges
    fresh = points(50, widths[0], 1)
    torch.testing.assert_close(found.network(fresh).detach(), frozen(net, found.edges, x, fresh), rtol=1e-12, atol=1e-12)
    before = net(x).detach()
    change = ((found.network(x) - before).detach().square().mean(0).sqrt() / before.std(0, correction=0)).max()
    assert found.change == pytest.approx(float(change), rel=1e-12)


@pytest.mark.parametrize("arity", [2, 3])
def test_a_product_with_a_constant_factor_becomes_a_sum(arity):
    net, x = network([2, [1, 2], 1], arity=arity), points(100, 2)
    dead = [(0, i, 1 + 2 * k) for i in range(2) for k in range(1, arity)]  # all but the first factor of product 1
    found = without(net, x, dead)
    (hidden, _) = found.network.stack
    assert (hidden.sums, hidden.products) == (2, 1)
    fresh = points(40, 2, 1)
    torch.testing.assert_close(found.network(fresh).detach(), frozen(net, dead, x, fresh), rtol=1e-12, atol=1e-12)


def test_a_product_that_is_an_output_stays_at_its_place():
    net, x = network([2, [1, 2]]), points(100, 2)
    dead = [(0, 0, 3), (0, 1, 3)]
    found = without(net, x, dead)
    assert (found.network.stack[0].sums, found.network.stack[0].products) == (1, 2)
    fresh = points(40, 2, 1)
    torch.testing.assert_close(found.network(fresh).detach(), frozen(net, dead, x, fresh), rtol=1e-12, atol=1e-12)


def test_nodes_without_edges_go_and_so_does_all_that_fed_them():
    net, x = network([2, 4, 4, 1]), points(100, 2)
    found = without(net, x, nodes=[(2, 0), (2, 1), (2, 2)])
    assert [layer.nodes for layer in found.network.stack] == [4, 1, 1]
    found = without(found.network, x, edges=[(1, i, 0) for i in (0, 2)])
    assert [layer.nodes for layer in found.network.stack] == [2, 1, 1]
    assert found.nodes == ((1, 0), (1, 2))
    assert found.kept[1] == (1, 3)
    assert all(group.mask is None for group in found.network.edges)


def test_inputs_that_do_nothing_stay_and_are_reported():
    net, x = network([3, 2, 1]), points(100, 3)
    found = without(net, x, edges=[(0, 1, 0), (0, 1, 1)])
    assert found.idle == (1,)
    assert found.network.inputs == 3
    moved = x.clone()
    moved[:, 1] = 0.3
    assert torch.equal(found.network(x), found.network(moved))
    assert "inputs 1" in found.sentence


def test_a_network_without_any_edge_is_its_mean():
    net, x = network([2, [1, 1], 3]), points(100, 2)
    found = pruned(net, x, 100.0, 100.0)
    torch.testing.assert_close(
        found.network(x).detach(), net.edge_values(x)[-1].mean(-1).sum(1).expand(100, 3), rtol=1e-12, atol=1e-12
    )
    assert found.idle == (0, 1)
    assert found.change == pytest.approx(1.0, rel=0.1)


def test_symbolic_edges_survive_with_their_numbers_and_take_up_constants():
    net, x = network([2, 3, 1]), points(100, 2)
    net = net.fixed(1, 2, 0, "sin", torch.tensor([2.0, 0.5, 1.5, 0.1])).fixed(0, 1, 2, "x^2")
    dead = [(1, 0, 0), (1, 1, 0), (0, 0, 2)]
    found = without(net, x, dead)
    assert [layer.nodes for layer in found.network.stack] == [1, 1]
    assert [layer.symbolic.functions for layer in found.network.stack] == [("x^2",), ("sin",)]
    fresh = points(40, 2, 1)
    torch.testing.assert_close(found.network(fresh).detach(), frozen(net, dead, x, fresh), rtol=1e-12, atol=1e-12)


def test_pruning_a_limit_takes_the_most_that_changes_the_function_by_no_more():
    net, x = network([2, 6, 1], seed=3), points(300, 2)
    all_of_them = pruned(net, x, 0.5, 0.0)
    some = pruned(net, x, 0.5, 0.0, change=0.05)
    assert all_of_them.change > 0.05 >= some.change > 0
    assert 0 < len(some.edges) < len(all_of_them.edges)
    assert pruned(net, x, 0.0, 0.0).sentence.startswith("nothing was pruned")


def test_weak_edges_change_the_output_by_their_scores():
    net, x = network([2, 1]), points(1000, 2)
    line = BASES["bspline"].linear(net.edges[0].breaks, 3)
    net.edges[0].weight.data[:] = 0
    net.edges[0].coefficients.data[:] = line[:, None] * torch.tensor([1.0, 1e-3])[:, None, None]
    found = pruned(net, x, 1e-2)
    assert found.change == pytest.approx(float(attribution(net, x).edges[0][0, 1]), rel=1e-9)


def test_edges_and_nodes_that_are_not_there_are_refused():
    net, x = network([2, 3, 1]), points(10, 2)
    with pytest.raises(ValueError, match="there is no edge"):
        without(net, x, edges=[(0, 2, 0)])
    with pytest.raises(ValueError, match="is no hidden node"):
        without(net, x, nodes=[(2, 0)])
