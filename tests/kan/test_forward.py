"""The fast values of a network are those of the jets, and so are their derivatives, whoever asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from kanpde import KAN
from kanpde.kan import product as fast
from kanpde.kan.columns import TableColumns
from kanpde.kan.edges import Edges
from kanpde.kan.forward import group_values
from kanpde.kan.grid import Grid
from kanpde.kan.network import separable
from kanpde.kan.powers import PowerColumns
from kanpde.kan.recurrence import RecurrenceColumns

F64 = torch.float64


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks, the last of another size, also for few points."""
    monkeypatch.setattr(fast, "CHUNK", 1000)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _points(n: int, count: int, reach: float = 1.6, seed: int = 1) -> Tensor:  # (count, n), beyond the grid too
    return (torch.rand(count, n, dtype=F64, generator=_generator(seed)) * 2 - 1) * reach


def _breaks(name: str, inputs: int = 3) -> Tensor:
    if name.startswith("even"):
        return torch.linspace(-1, 1, int(name.split()[1]) + 1, dtype=F64).repeat(inputs, 1)
    if name == "scaled":  # equal intervals on other boxes
        return torch.linspace(0, 1, 6, dtype=F64) * torch.tensor([[0.5], [2.0], [1e-2]], dtype=F64) - 0.3
    uneven = torch.tensor([[-1, -0.7, -0.6, 0.2, 0.9, 1.0], [-1, -0.5, 0.1, 0.3, 0.4, 1], [-2, -1, 0, 1, 1.5, 1.6]], dtype=F64)
    return uneven if name == "uneven" else torch.linspace(-1, 1, 12, dtype=F64).pow(3).repeat(inputs, 1)


def _edges(breaks: Tensor, degree: int = 3, basis: str = "bspline", base: str | None = "silu", outputs: int = 4) -> Edges:
    edges = Edges(breaks, outputs, degree, basis, base)
    for p in edges.parameters():
        p.data = torch.randn(p.shape, dtype=F64, generator=_generator(2))
    return edges


CASES = [
    ("even 5", 3, PowerColumns),
    ("even 5", 2, PowerColumns),
    ("even 4", 3, PowerColumns),
    ("even 2", 4, PowerColumns),
    ("even 1", 3, PowerColumns),
    ("even 1", 2, PowerColumns),
    ("scaled", 3, PowerColumns),
    ("even 9", 3, RecurrenceColumns),
    ("even 9", 5, RecurrenceColumns),
    ("even 30", 2, RecurrenceColumns),
    ("uneven", 3, RecurrenceColumns),
    ("graded", 3, RecurrenceColumns),
    ("graded", 4, RecurrenceColumns),
    ("even 5", 1, TableColumns),
    ("uneven", 0, TableColumns),
]


@pytest.mark.parametrize(("grid", "degree", "columns"), CASES)
def test_values_and_gradients_are_those_of_the_jets(grid: str, degree: int, columns: type) -> None:
    edges = _edges(_breaks(grid), degree)
    assert isinstance(fast._columns(edges.breaks, fast.Kind(degree, "bspline", "silu")), columns)
    _same_as_jets(edges, _points(3, 101).T)


@pytest.mark.parametrize("basis", ["chebyshev", "fourier", "rbf", "rational"])
@pytest.mark.parametrize("base", [None, "tanh", "identity"])
def test_other_bases_are_the_same_too(basis: str, base: str | None) -> None:
    _same_as_jets(_edges(_breaks("even 5"), basis=basis, base=base), _points(3, 101, reach=1.1).T)


def _same_as_jets(edges: Edges, x: Tensor) -> None:
    x = x.clone().requires_grad_()
    g = torch.randn(edges.outputs, x.shape[1], dtype=F64, generator=_generator(3))
    reference = edges.functions(x)[0].sum(0)
    value = group_values(edges, x)
    # In units of the largest number: beyond the grid, cubes of the distance cancel in both.
    assert (value - reference).abs().max() < 3e-14 * reference.abs().max()
    wanted = [x, *edges.parameters()]
    pairs = zip(torch.autograd.grad(value, wanted, g), torch.autograd.grad(reference, wanted, g), strict=True)
    for ours, theirs in pairs:
        assert (ours - theirs).abs().max() < 3e-14 * theirs.abs().max()


@pytest.mark.parametrize("degree", [2, 3, 5])
def test_beyond_the_grid_the_end_polynomials_continue(degree: int) -> None:
    edges = _edges(_breaks("even 5", 1), degree, base=None)
    for inside, outside in ((torch.linspace(0.65, 1, degree + 1), 3.0), (torch.linspace(-1, -0.65, degree + 1), -3.0)):
        nodes = inside.to(F64)
        powers = torch.linalg.vander(nodes)  # the polynomial of degree k through k + 1 values of the last interval
        coefficients = torch.linalg.solve(powers, group_values(edges, nodes[None]).T)  # (k + 1, n_out)
        there = torch.tensor([outside], dtype=F64) ** torch.arange(degree + 1)
        found = group_values(edges, torch.tensor([[outside]], dtype=F64))[:, 0]
        torch.testing.assert_close(found, there @ coefficients, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("grid", ["even 5", "uneven"])
def test_single_precision_loses_no_more_than_round_off(grid: str) -> None:
    exact = _edges(_breaks(grid))
    x = _points(3, 400, reach=1.0).T.float()
    single = _edges(_breaks(grid)).float()
    value, reference = group_values(single, x), group_values(exact.double(), x.double())
    assert (value - reference).abs().max() < 2e-6 * reference.abs().max()  # sums of 27 numbers: 10 * 6e-8, and a margin


def test_powers_are_refused_where_they_would_amplify_round_off() -> None:
    assert PowerColumns.of(_breaks("even 5"), 3) is not None
    assert PowerColumns.of(_breaks("even 10"), 3) is None
    mixed = _breaks("even 5")
    mixed[1, 3] = mixed[1, 2] + 1e-3  # one narrow interval of one input: the third derivatives jump by its inverse there
    assert PowerColumns.of(mixed, 3) is None


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own forward mode calls it
@pytest.mark.parametrize("grid", ["even 5", "uneven"])
def test_second_derivatives_are_exact(grid: str) -> None:
    edges = _edges(_breaks(grid, 3), outputs=2)

    def f(x: Tensor, c: Tensor, w: Tensor) -> Tensor:
        value = torch.func.functional_call(_Group(edges), {"edges.coefficients": c, "edges.weight": w}, (x,))
        assert isinstance(value, Tensor)
        return value

    arguments = (_points(3, 3).T.clone().requires_grad_(), edges.coefficients, edges.weight)
    assert torch.autograd.gradcheck(f, arguments, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(f, arguments)


class _Group(torch.nn.Module):
    def __init__(self, edges: Edges) -> None:
        super().__init__()
        self.edges = edges

    def forward(self, x: Tensor) -> Tensor:
        return group_values(self.edges, x)


def _random(net: KAN, seed: int = 5) -> KAN:
    generator = _generator(seed)
    for p in net.parameters():
        p.data += torch.randn(p.shape, dtype=p.dtype, generator=generator) * 0.1
    return net


def _networks() -> Iterator[tuple[str, KAN]]:
    plain = _random(KAN([2, 3, 2], generator=_generator()))
    yield "sums", plain
    yield "products", _random(KAN([2, [2, 1], [1, 2], 2], arity=3, generator=_generator()))
    yield "fixed", _random(KAN([2, [2, 1], 1], generator=_generator())).fixed(0, 1, 2, "sin").fixed(1, 0, 0, "x^2")
    masked = _random(KAN([2, 3, 2], generator=_generator()))
    for edges in masked.edges:
        edges.mask = (torch.rand(edges.inputs, edges.outputs, generator=_generator(4)) < 0.6).to(F64)
    yield "masked", masked
    grids = [Grid.uniform(-1, 1, 6, 3), Grid.uniform(0, 2, 5, 3)]
    yield (
        "separable",
        separable(grids, [torch.randn(4, g.intervals + 3, dtype=F64, generator=_generator(6)) for g in grids], outputs=2),
    )


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own forward mode calls it
@pytest.mark.parametrize("net", [pytest.param(net, id=name) for name, net in _networks()])
def test_networks_of_every_wiring_agree_with_their_jets(net: KAN) -> None:
    x = _points(2, 60)
    jet = net.jet(x, [(0, 0), (1, 0), (1, 1)])
    torch.testing.assert_close(net(x).T, jet[0, 0], rtol=1e-12, atol=1e-13)
    first = torch.func.vmap(torch.func.jacrev(net))(x)[..., 0]  # (N, n_out)
    torch.testing.assert_close(first.T, jet[1, 0], rtol=1e-11, atol=1e-11)
    mixed = torch.func.vmap(torch.func.hessian(net))(x)[..., 0, 1]
    torch.testing.assert_close(mixed.T, jet[1, 1], rtol=1e-10, atol=1e-10)


def test_gradients_of_an_ensemble_are_those_of_its_members() -> None:
    nets = [_random(KAN([2, 3, 1], generator=_generator(n)), n) for n in range(3)]
    state = torch.func.stack_module_state(list(nets))
    x = _points(2, 7)

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        value = torch.func.functional_call(nets[0], (parameters, buffers), (x,))
        return (value**2).sum()

    found = torch.func.vmap(torch.func.grad(loss))(*state)
    for n, net in enumerate(nets):
        single = torch.autograd.grad((net(x) ** 2).sum(), list(net.parameters()))
        for (name, _), gradient in zip(net.named_parameters(), single, strict=True):
            torch.testing.assert_close(found[name][n], gradient, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("grid", [5, 9])
def test_moved_break_points_are_noticed(grid: int) -> None:
    net, x = _random(KAN([2, 3, 1], grid=grid, generator=_generator())), _points(2, 50)
    before = net(x)
    with torch.no_grad():
        net.edges[0].breaks.data *= 1.5
    assert (net(x) - before).abs().max() > 1e-3
    torch.testing.assert_close(net(x).T, net.jet(x, [(0, 0)])[0, 0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_a_compiler_takes_the_whole_network(backend: str) -> None:
    torch._dynamo.reset()
    net, x = _random(KAN([2, [2, 1], 1], generator=_generator())), _points(2, 20)
    compiled = torch.compile(net, fullgraph=True, backend=backend)
    leaf = x.clone().requires_grad_()
    value = compiled(leaf)
    torch.testing.assert_close(value, net(x), rtol=1e-13, atol=1e-14)
    wanted = [leaf, *net.parameters()]
    reference = torch.autograd.grad(net(leaf).sum(), wanted)
    for ours, theirs in zip(torch.autograd.grad(value.sum(), wanted), reference, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-14)


def test_points_come_in_any_shape_and_layout() -> None:
    net, x = _random(KAN([2, 3, 2], generator=_generator())), _points(2, 24)
    torch.testing.assert_close(net(x.view(2, 3, 4, 2)), net(x).view(2, 3, 4, 2))
    torch.testing.assert_close(net(x[0]), net(x)[0])
    torch.testing.assert_close(net(x.T.contiguous().T), net(x))
    torch.testing.assert_close(net(x[::2]), net(x)[::2])
    nothing = x[:0].clone().requires_grad_()
    net(nothing).sum().backward()
    assert all(not p.grad.any() for p in net.parameters() if p.grad is not None)


def test_autocast_keeps_the_precision_of_the_parameters() -> None:
    net, x = _random(KAN([2, 3, 2], dtype=torch.float32, generator=_generator())), _points(2, 24).float()
    leaf = x.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = net(leaf)
        (slopes,) = torch.autograd.grad(value.sum(), leaf)
    torch.testing.assert_close(value, net(x))
    other = x.clone().requires_grad_()
    torch.testing.assert_close(slopes, torch.autograd.grad(net(other).sum(), other)[0])
