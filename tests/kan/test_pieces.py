"""Networks in pieces: the right piece at every point, one-sided derivatives, and what every network owes its caller."""

from __future__ import annotations

import copy
import io
import json
import pickle

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from kanpde.geometry.shapes import Combination, disk, halfspace, rectangle
from kanpde.kan import KAN, Grid, Monomial, PiecewiseKAN, Terms, network_from_spec
from kanpde.kan.refine import random_separable

LEFT = halfspace("left", (1.0, 0.0), 0.0)
HOLED = Combination("-", (rectangle("plate", (-1.0, -1.0), (1.0, 0.2)), disk("hole", (0.0, -0.4), 0.3)))


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def _points(count: int = 300, d: int = 2) -> Tensor:
    return 2 * torch.rand(count, d, generator=_generator(), dtype=torch.float64) - 1


def _network(outputs: int) -> KAN:
    """A separable network of two products an output, with singular terms."""
    grids = [Grid.uniform(-1, 1, 4, 5), Grid.uniform(-1, 1, 3, 5)]
    net = random_separable(grids, 2 * outputs, _generator())
    mix = torch.complex(*torch.randn(2, 3, outputs, 1, generator=_generator(), dtype=torch.float64))
    terms = Terms([Monomial((1.1, 0.0), 3.1, 1.0, 0, 0.5, 0)], mix, torch.ones(3, dtype=torch.float64))
    return KAN.from_layers(net.stack, 2, outputs, True, terms)


@pytest.fixture
def two() -> PiecewiseKAN:
    """Two fields, two pieces: left and right of x = 0."""
    return PiecewiseKAN(_network(4), [LEFT.spec()])


@pytest.fixture
def three() -> PiecewiseKAN:
    """One field, three pieces: a plate with a hole, what of the rest lies left, and what lies right."""
    return PiecewiseKAN(_network(3), [HOLED.spec(), LEFT.spec()])


def test_every_point_sees_the_outputs_of_its_piece(two: PiecewiseKAN, three: PiecewiseKAN) -> None:
    x = _points()
    left = x[:, 0] <= 0
    whole = two.network(x)
    torch.testing.assert_close(two(x), torch.where(left[:, None], whole[:, :2], whole[:, 2:]), rtol=1e-13, atol=1e-13)
    holed = (x[:, 1] <= 0.2) & (torch.hypot(x[:, 0], x[:, 1] + 0.4) > 0.3)
    whole = three.network(x)
    expected = torch.where(holed, whole[:, 0], torch.where(left, whole[:, 1], whole[:, 2]))
    assert torch.equal(three(x)[:, 0], expected)
    assert three.piece_of(x).unique().tolist() == [0, 1, 2]
    assert (two.inputs, two.outputs, two.pieces, two.factors, two.rank) == (2, 2, 2, (), 0)


def test_derivatives_come_from_the_side_of_the_point(two: PiecewiseKAN) -> None:
    x = _points().requires_grad_()
    jet = two.jet(x, [(0, 0), (1, 0), (1, 1)])
    for field in range(2):
        (slope,) = torch.autograd.grad(jet[0, 0][field].sum(), x, retain_graph=True)
        torch.testing.assert_close(jet[1, 0][field], slope[:, 0], rtol=1e-11, atol=1e-11)
    left = x.detach()[:, 0] <= 0
    both = two.network.jet(x.detach(), [(1, 1)])[1, 1]
    torch.testing.assert_close(jet[1, 1][1], torch.where(left, both[1], both[3]))


def test_the_jacobian_is_the_gradient(two: PiecewiseKAN, three: PiecewiseKAN) -> None:
    x = _points(40)
    for net in (two, three):
        jets, pullback = net.linearise(x, [(0, 0), (0, 2)])
        weights = {a: torch.randn(j.shape, generator=_generator(), dtype=torch.float64) for a, j in jets.items()}
        rows = pullback(weights)
        assert rows.shape == (net.count, 40)
        now = net.jet(x, jets)
        total = sum(((now[a] * w).sum() for a, w in weights.items()), torch.zeros(()))
        gradient = parameters_to_vector(torch.autograd.grad(total, list(net.parameters())))
        torch.testing.assert_close(rows.sum(1), gradient, rtol=1e-10, atol=1e-11)
        torch.testing.assert_close(pullback({(0, 0): torch.ones(40, dtype=torch.float64)}).shape, (net.count, 40))


def test_regions_may_lie_along_any_axes() -> None:
    """A disk in (x, y) of points (t, x, y)."""
    net = KAN([3, 2, 2], generator=_generator())
    disked = PiecewiseKAN(net, [disk("core", (0.0, 0.0), 0.5).spec()], axes=(1, 2))
    x = _points(200, 3)
    inside = torch.hypot(x[:, 1], x[:, 2]) <= 0.5
    assert torch.equal(disked(x)[:, 0], torch.where(inside, net(x)[:, 0], net(x)[:, 1]))
    assert torch.equal(disked(x.reshape(10, 20, 3)), disked(x).reshape(10, 20, 1))


def test_extension_leaves_the_function_as_it_is(three: PiecewiseKAN) -> None:
    x = _points()
    finer = three.extend(2)
    assert finer.intervals == (8, 6)
    with torch.no_grad():
        assert float((finer(x) - three(x)).abs().max()) < 1e-12 * float(three(x).abs().max())


def test_spec_and_state_make_the_same_network(two: PiecewiseKAN, three: PiecewiseKAN) -> None:
    x = _points()
    for net in (two, three):
        file = io.BytesIO()
        torch.save(net.state_dict(), file)
        file.seek(0)
        again = network_from_spec(json.loads(json.dumps(net.spec())))
        again.load_state_dict(torch.load(file, weights_only=True))
        assert isinstance(again, PiecewiseKAN)
        for other in (again, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            assert torch.equal(other(x), net(x))
    assert isinstance(network_from_spec(two.network.spec()), KAN)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PiecewiseKAN(_network(3), [LEFT.spec()]), "3 outputs do not make 2 pieces"),
        (lambda: PiecewiseKAN(_network(2), []), "at least one region"),
        (lambda: PiecewiseKAN(_network(2), [LEFT.spec()], axes=(0, 2)), "2 coordinates lie along 2"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
