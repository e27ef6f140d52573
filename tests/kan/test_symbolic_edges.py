"""Symbolic and masked edges: the same jets and Jacobians as autograd's, and a state that carries them."""

from __future__ import annotations

import io
import pickle

import pytest
import torch
from torch import Tensor

from kanpde.kan import FUNCTIONS, KAN, symbolic_at
from kanpde.kan.symbolic_edges import derivatives

INDICES = [(0, 0), (2, 1), (1, 0), (0, 2)]


def network() -> KAN:
    net = KAN([2, [3, 2], [2, 1], 1], grid=4, generator=torch.Generator().manual_seed(0), arity=3)
    net = net.fixed(0, 1, 4, "sin", torch.tensor([1.3, 0.2, 0.7, 0.1])).fixed(1, 0, 3, "x^2")
    net = net.fixed(1, 2, 1, "exp", torch.tensor([0.5, 0.1, -0.4, 0.3]))
    group = net.stack[0].edges[0]
    assert group.mask is not None
    group.mask[0, 2] = 0
    return net


def points() -> Tensor:
    return 2 * torch.rand(40, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1


def test_jacobian_is_that_of_autograd() -> None:
    net, x = network(), points()
    _, pullback = net.linearise(x, INDICES)
    one = torch.ones(len(x), dtype=torch.float64)
    names, shapes = zip(*((n, p.shape) for n, p in net.named_parameters()), strict=True)
    theta = torch.nn.utils.parameters_to_vector(net.parameters()).detach()

    class Partial(torch.nn.Module):
        def __init__(self, index: tuple[int, int]) -> None:
            super().__init__()
            self.net, self.index = net, index

        def forward(self) -> Tensor:
            return self.net.jet(x, INDICES)[self.index][0]

    for index in INDICES:

        def values(v: Tensor, index: tuple[int, int] = index) -> Tensor:
            parts = torch.split(v, [s.numel() for s in shapes])
            held = {f"net.{n}": p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
            return torch.func.functional_call(Partial(index), held, ())

        expected = torch.autograd.functional.jacobian(values, theta)
        found = pullback({index: one}).T
        assert float((found - expected).abs().max()) < 1e-13 * float(expected.abs().max())


def test_partial_derivatives_are_those_of_nested_autograd() -> None:
    net, x = network(), points().requires_grad_(True)
    jet = net.jet(x.detach(), INDICES)
    for index in INDICES:
        u = net(x)[:, 0]
        for axis, count in enumerate(index):
            for _ in range(count):
                u = torch.autograd.grad(u.sum(), x, create_graph=True)[0][:, axis]
        torch.testing.assert_close(u.detach(), jet[index][0].detach(), rtol=1e-11, atol=1e-11)


def test_a_pruned_edge_has_no_effect_and_no_gradient() -> None:
    net, x = network(), points()
    group = net.stack[0].edges[0]
    _, pullback = net.linearise(x, [(0, 0)])
    rows = pullback({(0, 0): torch.ones(len(x), dtype=torch.float64)})[: group.coefficients.numel()]
    assert not rows.view(*group.coefficients.shape, -1)[0, 2].any()
    before = net(x)
    group.coefficients.data[0, 2] += 1
    assert torch.equal(net(x), before)


def test_the_state_carries_grids_masks_and_functions() -> None:
    net, x = network().extend(2), points()
    held = io.BytesIO()
    torch.save(net.state_dict(), held)
    held.seek(0)
    fresh = KAN([2, [3, 2], [2, 1], 1], grid=5, arity=3)
    fresh.load_state_dict(torch.load(held, weights_only=True))
    assert torch.equal(fresh(x), net(x))
    assert symbolic_at(fresh, 1, 0, 3) is not None
    plain = KAN([2, [3, 2], [2, 1], 1], grid=4, arity=3)
    fresh.load_state_dict(plain.state_dict())
    assert torch.equal(fresh(x), plain(x))
    assert symbolic_at(fresh, 1, 0, 3) is None


def test_saved_loaded_copied_and_moved_it_is_the_same_function(tmp_path) -> None:
    net, x = network(), points()
    net.save(tmp_path / "net.pt")
    assert torch.equal(KAN.load(tmp_path / "net.pt")(x), net(x))
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))
    single = KAN.load(tmp_path / "net.pt", dtype=torch.float32)
    torch.testing.assert_close(single(x.float()).double(), net(x), rtol=1e-4, atol=1e-4)
    assert set(torch.load(tmp_path / "net.pt", weights_only=True)) == {"spec", "state"}
    torch.save(net.state_dict(), tmp_path / "state.pt")
    with pytest.raises(ValueError, match="for a state_dict use load_state_dict"):
        KAN.load(tmp_path / "state.pt")


def test_an_edge_that_is_freed_is_the_spline_that_it_was() -> None:
    net, x = KAN([2, 3, 1], generator=torch.Generator().manual_seed(2)), points()
    changed = net.fixed(0, 1, 2, "tanh")
    assert not torch.equal(changed(x), net(x))
    assert torch.equal(changed.freed(0, 1, 2)(x), net(x))
    with pytest.raises(ValueError, match="is not symbolic"):
        net.freed(0, 1, 2)
    with pytest.raises(ValueError, match="none from 2 to 0"):
        net.fixed(0, 2, 0, "tanh")
    with pytest.raises(ValueError, match="there are x, x"):
        net.fixed(0, 1, 2, "sine")


def test_values_of_edges_add_up_to_the_nodes() -> None:
    net, x = network(), points()
    first, *_ = net.edge_values(x)
    torch.testing.assert_close(first.sum(1)[:3].T, net.activations(x)[1][:, :3])
    assert not first[2, 0].any()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_every_function(name: str) -> None:
    z = torch.linspace(0.2, 0.8, 7, dtype=torch.float64)
    values, step = derivatives(FUNCTIONS[name], z, 3), 1e-5
    for order in range(3):
        slope = (derivatives(FUNCTIONS[name], z + step, order)[order] - derivatives(FUNCTIONS[name], z - step, order)[order]) / 2
        torch.testing.assert_close(slope / step, values[order + 1], rtol=1e-7, atol=1e-7)


def test_nothing_global_is_changed_by_constructing() -> None:
    before, dtype = torch.get_rng_state(), torch.get_default_dtype()
    KAN([2, 5, 1], generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_default_dtype() == dtype


@pytest.mark.parametrize("base", ["silu", "tanh", "identity", None])
def test_initial_values_as_in_the_paper(base: str | None) -> None:
    net = KAN([40, 60], base=base, init="xavier", generator=torch.Generator().manual_seed(3))
    (group,) = net.edges
    expected = (2 / 100) ** 0.5
    if group.weight is None:
        slopes = (group.coefficients[..., -1] - group.coefficients[..., 0]) / 2
    else:
        slopes = group.weight
        assert float(group.coefficients.detach().std()) == pytest.approx(0.1 * expected, rel=0.05)
    assert float(slopes.detach().std()) == pytest.approx(expected, rel=0.05)


def test_variance_is_kept_through_the_layers() -> None:
    x = 2 * torch.rand(2000, 30, generator=torch.Generator().manual_seed(4), dtype=torch.float64) - 1
    net = KAN([30, 200, 200], init="variance", base=None, generator=torch.Generator().manual_seed(5))
    sizes = [float(nodes.std()) for nodes in net.activations(x)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.15)
    assert sizes[2] == pytest.approx(sizes[0], rel=0.15)
