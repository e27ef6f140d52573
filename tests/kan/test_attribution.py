"""Attribution: what the scores say about functions whose parts are known."""

import math

import pytest
import torch

from kanpde.kan import BASES, KAN, Grid, separable
from kanpde.kan.attribution import attribution


def points(count, inputs, seed=0):
    return torch.rand(count, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def lines(widths, slopes):
    """A network of straight edges through zero: slopes[l] (n_in, subnodes)."""
    net = KAN(widths, grid=2, base=None)
    for group, table in zip(net.edges, slopes, strict=True):
        line = BASES["bspline"].linear(group.breaks, group.degree)  # (n_in, K)
        group.coefficients.data = torch.tensor(table, dtype=torch.float64)[..., None] * line[:, None]
    return net


def test_scores_of_a_sum_are_shares_of_its_standard_deviation():
    x = points(4000, 2)
    net = lines([2, 1], [[[3.0], [4.0]]])
    found = attribution(net, x)
    std = x.std(0, correction=0)
    whole = (3 * x[:, 0] + 4 * x[:, 1]).std(correction=0)
    torch.testing.assert_close(found.inputs, torch.tensor([3.0, 4.0]).double() * std / whole)
    torch.testing.assert_close(found.sizes[0][0], torch.tensor([3.0, 4.0]).double() * std)
    assert abs(float(found.inputs[0]) - 0.6) < 0.02  # independent inputs of equal variance


def test_scores_are_passed_back_through_hidden_nodes():
    x = points(500, 2)
    net = lines([2, 2, 1], [[[1.0, 0.0], [0.0, 1.0]], [[0.1], [0.2]]])
    found = attribution(net, x)
    torch.testing.assert_close(found.nodes[0], found.nodes[1])  # each input feeds a node of its own
    assert float(found.edges[0][0, 1]) == 0
    assert float(found.edges[0][1, 0]) == 0
    torch.testing.assert_close(found.edges[1][0], found.nodes[1])


def test_a_constant_edge_has_no_score_whatever_its_size():
    net = lines([2, 1], [[[1.0], [0.0]]])
    net.edges[0].coefficients.data[1, 0] += 1e6  # splines are a partition of unity
    found = attribution(net, points(200, 2))
    assert float(found.edges[0][0, 1]) == 0
    assert math.isclose(float(found.edges[0][0, 0]), 1.0, rel_tol=1e-9)


def test_a_factor_counts_by_how_much_it_varies():
    x = points(20000, 2)
    net = lines([2, [0, 1]], [[[1.0, 0.0], [0.0, 1.0]]])
    even = attribution(net, x)
    assert (even.inputs - 1).abs().max() < 0.02  # x y: each factor is worth the whole product
    net.edges[0].coefficients.data[1, 1] = 1 + 0.01 * net.edges[0].coefficients.data[1, 1]
    uneven = attribution(net, x)  # x (1 + y/100)
    assert abs(float(uneven.inputs[0]) - 1) < 1e-3
    assert math.isclose(float(uneven.inputs[1]), 0.01 / math.sqrt(3), rel_tol=0.02)


def test_every_output_or_the_one_that_depends_most():
    net = lines([2, 2], [[[1.0, 0.0], [0.0, 1.0]]])
    x = points(100, 2)
    assert attribution(net, x, output=0).inputs.tolist() == [pytest.approx(1), 0]
    assert attribution(net, x).inputs.tolist() == [pytest.approx(1), pytest.approx(1)]


def test_totals_are_shared_among_their_products():
    grid = Grid.uniform(-1, 1, 4, 3)
    g = torch.Generator().manual_seed(0)
    net = separable([grid, grid], [torch.randn(3, 7, generator=g, dtype=torch.float64) for _ in range(2)])
    x = points(300, 2)
    found = attribution(net, x)
    products = net.activations(x)[-1]
    torch.testing.assert_close(found.nodes[-1], products.std(0, correction=0) / products.sum(1).std(correction=0))


@pytest.mark.parametrize(("shape", "output"), [((1, 2), None), ((5, 3), None), ((5, 2), 7)])
def test_what_cannot_be_scored_is_refused(shape, output):
    with pytest.raises(ValueError, match=r"attribution needs points|there is no output 7"):
        attribution(lines([2, 1], [[[1.0], [1.0]]]), torch.zeros(shape, dtype=torch.float64), output)
