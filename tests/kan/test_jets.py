"""Jets equal nested autograd, and their adjoints are adjoint."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from kanpde.kan import KAN, Grid, Monomial, Terms, separable
from kanpde.kan.edges import Edges
from kanpde.kan.jets import closure, partitions, splits
from kanpde.kan.layers import Layer

POINTS = 23


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _random(net: KAN) -> KAN:
    generator = _generator()
    for p in net.parameters():
        p.data = 0.5 * torch.randn(p.shape, generator=generator, dtype=torch.float64)
    return net


def _deep(base: str | None) -> KAN:
    return _random(KAN([2, 3, 1], grid=4, degree=7, base=base, generator=_generator()))


def _chebyshev() -> KAN:
    return _random(KAN([2, 2, 2, 1], grid=2, degree=4, basis="chebyshev", base=None, generator=_generator()))


def _product_in_the_middle() -> KAN:
    return _random(KAN([2, [2, 2], 2], grid=3, degree=6, base="silu", generator=_generator()))


def _separable(*intervals: int) -> KAN:
    grids = [Grid.uniform(-1, 1.5, g, 6) for g in intervals]
    return _random(separable(grids, [torch.zeros(3, g + 6, dtype=torch.float64) for g in intervals]))


def _separable_inside() -> KAN:
    """Product nodes of three factors over groups with grids of their own, then a layer of sums."""
    groups = [Edges(torch.linspace(-1, 1, g + 1, dtype=torch.float64)[None], 3, 6) for g in (2, 5)]
    groups.append(Edges(torch.linspace(-1, 1, 4, dtype=torch.float64).expand(2, -1), 4, 6, base="tanh"))
    first = Layer(groups, [[0], [1], [0, 1]], [(1, 4), (4, 7), (6, 10)], 1, 3, 3)
    last = Edges(torch.linspace(-2, 2, 4, dtype=torch.float64).expand(4, -1), 1, 6)
    return _random(KAN.from_layers([first, Layer([last], [range(4)], [(0, 1)], 1)], 2))


def _terms(fields: int) -> Terms:
    """A corner, a hole and a biharmonic corner, each term a random mix of all."""
    corners = [Monomial((1.2, 1.1), 4.0, 1.0, conj, 1.5, log) for conj, log in ((0, 0), (1, 0), (0, 1))]
    mix = torch.randn(2, 5, fields, 4, generator=_generator(), dtype=torch.float64)
    return Terms([*corners, Monomial((-1.3, 0.2), 0.0, 0.5, 0, -1, 0)], torch.complex(*mix), torch.zeros(5, dtype=torch.float64))


NETWORKS: dict[str, Callable[[], KAN]] = {
    "deep silu": lambda: _deep("silu"),
    "deep tanh": lambda: _deep("tanh"),
    "deep identity": lambda: _deep("identity"),
    "deep zero": lambda: _deep(None),
    "chebyshev": _chebyshev,
    "product in the middle": _product_in_the_middle,
    "separable": lambda: _separable(3, 5),
    "separable inside": _separable_inside,
    "separable with terms": lambda: _random(_separable(3, 5).with_terms(_terms(1))),
    "product in the middle with terms": lambda: _random(_product_in_the_middle().with_terms(_terms(2))),
}


def _points(d: int) -> Tensor:
    return 2 * torch.rand(POINTS, d, generator=_generator(), dtype=torch.float64) - 1


def _nested(net: KAN, x: Tensor, index: tuple[int, ...]) -> Tensor:  # (n_out, N)
    x = x.clone().requires_grad_(True)
    rows = []
    for output in range(net.outputs):
        y = net(x)[:, output]
        for axis in (axis for axis, count in enumerate(index) for _ in range(count)):
            y = torch.autograd.grad(y.sum(), x, create_graph=True)[0][:, axis]
        rows.append(y.detach())
    return torch.stack(rows)


def _indices(d: int, order: int) -> list[tuple[int, ...]]:
    return [index for index in product(range(order + 1), repeat=d) if sum(index) <= order]


@pytest.mark.parametrize("name", NETWORKS)
def test_jets_equal_nested_autograd_up_to_fourth_order(name: str) -> None:
    net, x = NETWORKS[name](), _points(2)
    jets = net.jet(x, _indices(2, 4))
    for index, jet in jets.items():
        expected = _nested(net, x, index)
        assert float((jet.detach() - expected).abs().max()) <= 1e-9 * float(expected.abs().max()), index


def test_jets_in_three_coordinates() -> None:
    net, x = _separable(2, 3, 4), _points(3)
    for index, jet in net.jet(x, _indices(3, 3)).items():
        expected = _nested(net, x, index)
        assert float((jet.detach() - expected).abs().max()) <= 1e-9 * float(expected.abs().max()), index


@pytest.mark.parametrize("name", NETWORKS)
def test_the_jacobian_is_the_gradient_of_the_jets(name: str) -> None:
    """J^T w for weights on all channels, against autograd by the parameters; and J v against the same J."""
    net, x = NETWORKS[name](), _points(2)
    generator = _generator()
    jets, pullback = net.linearise(x, _indices(2, 4))
    weights = {i: torch.randn(j.shape, generator=generator, dtype=torch.float64) / j.abs().max() for i, j in jets.items()}
    transposed = pullback(weights)
    total = sum((net.jet(x, jets)[i] * w).sum() for i, w in weights.items())
    assert isinstance(total, Tensor)
    gradient = parameters_to_vector(torch.autograd.grad(total, list(net.parameters())))
    torch.testing.assert_close(transposed.sum(1), gradient, rtol=1e-10, atol=1e-12 * float(gradient.abs().max()))
    v = torch.randn(net.count, generator=generator, dtype=torch.float64)
    w = torch.randn(POINTS, generator=generator, dtype=torch.float64)
    assert float((v @ transposed) @ w) == pytest.approx(float(v @ (transposed @ w)), rel=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_jacobian_equals_finite_differences(name: str) -> None:
    net, x = NETWORKS[name](), _points(2)
    index = (1, 1)
    _, pullback = net.linearise(x, [index])
    transposed = pullback({index: torch.ones(POINTS, dtype=torch.float64)})  # of all outputs together
    theta = parameters_to_vector(net.parameters()).detach()
    v = torch.randn(net.count, generator=_generator(), dtype=torch.float64)
    values = []
    for step in (1e-6, -1e-6):
        vector_to_parameters(theta + step * v, net.parameters())
        values.append(net.jet(x, [index])[index].detach().sum(0))
    difference = (values[0] - values[1]) / 2e-6
    torch.testing.assert_close(v @ transposed, difference, rtol=1e-5, atol=1e-6 * float(difference.abs().max()))


def test_a_separable_network_costs_nothing_in_the_other_coordinate() -> None:
    net = _separable(3, 5)
    jet = {(0, 0): _points(2).T, (1, 0): torch.tensor([[1.0], [0.0]]), (0, 1): torch.tensor([[0.0], [1.0]]), (0, 2): None}
    _, trace = net.stack[0].push({index: None if c is None else c.double() for index, c in jet.items()})
    assert trace.factors[0][(0, 1)] is None
    assert trace.factors[0][(0, 2)] is None
    assert trace.factors[1][(1, 0)] is None


def test_faa_di_bruno_counts_set_partitions() -> None:
    assert sum(count for count, _ in partitions((4,))) == 15  # Bell numbers
    assert sum(count for count, _ in partitions((3, 2))) == 52
    assert {blocks: count for count, blocks in partitions((3,))}[((1,), (2,))] == 3


def test_leibniz_counts_binomials() -> None:
    assert sum(count for count, _, _ in splits((3, 2))) == 2**5


def test_closure_holds_everything_below() -> None:
    assert closure([(2, 0), (0, 1)]) == ((0, 0), (0, 1), (1, 0), (2, 0))
