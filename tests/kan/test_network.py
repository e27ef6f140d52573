"""Networks: what they compute, how they are saved, and that growing leaves the function as it is."""

from __future__ import annotations

import copy
import io
import json
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from kanpde.kan import KAN, Edges, Grid, Layer, Monomial, Terms, separable
from kanpde.kan.refine import adapt, random_separable, widen, with_intervals


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _points(count: int = 200, d: int = 2) -> Tensor:
    return 2 * torch.rand(count, d, generator=_generator(5), dtype=torch.float64) - 1


def _separable(degree: int = 7) -> KAN:
    return random_separable([Grid.uniform(-1, 1, 5, degree), Grid.uniform(-1, 1, 8, degree)], 4, _generator())


def _deep() -> KAN:
    return KAN([2, 5, 1], grid=5, degree=5, generator=_generator())


def _middle() -> KAN:
    return KAN([2, [2, 3], 1], grid=4, degree=6, base="tanh", generator=_generator())


def _terms() -> Terms:
    """A corner of the angle 3 pi/2 and a logarithm, with coefficients."""
    mix = torch.complex(*torch.randn(2, 3, 1, 2, generator=_generator(), dtype=torch.float64))
    corner, hole = Monomial((1.1, 1.0), 3.9, 1.0, 0, 2 / 3, 0), Monomial((-1.2, 0.3), 0.0, 0.3, 0, 0, 1)
    return Terms([corner, hole], mix, torch.tensor([0.5, -2.0, 1.0], dtype=torch.float64))


NETWORKS = {
    "separable": _separable,
    "deep": _deep,
    "products in the middle": _middle,
    "separable with terms": lambda: _separable().with_terms(_terms()),
    "deep with terms": lambda: _deep().with_terms(_terms()),
}


def test_a_separable_network_is_a_sum_of_products() -> None:
    net, x = _separable(), _points()
    first, second = net.factors
    expected = (first.values(x[:, 0])[0] * second.values(x[:, 1])[0]).sum(0)
    torch.testing.assert_close(net(x)[:, 0], expected, rtol=1e-13, atol=1e-13)
    assert net.rank == 4
    assert net.count == 4 * (12 + 15)


def test_only_separable_networks_have_factors() -> None:
    assert _deep().factors == ()
    assert _middle().factors == ()
    assert _deep().rank == 0


def test_several_outputs_add_up_their_own_products() -> None:
    grids = [Grid.uniform(-1, 1, 4, 3), Grid.uniform(-1, 1, 6, 3)]
    c = [torch.randn(6, g.intervals + 3, generator=_generator(), dtype=torch.float64) for g in grids]
    both, x = separable(grids, c, outputs=2), _points()
    for i, part in enumerate((slice(0, 3), slice(3, 6))):
        torch.testing.assert_close(both(x)[:, i], separable(grids, [k[part] for k in c])(x)[:, 0])


def test_terms_are_added_to_the_edges() -> None:
    net, terms, x = _separable(), _terms(), _points()
    whole = separable([f.grids[0] for f in net.factors], [f.coefficients.data[0] for f in net.factors], terms=terms)
    torch.testing.assert_close(whole(x), net(x) + terms.jet(x, [(0, 0)])[0, 0].T)
    assert whole.factors == ()  # no shortcut by factors may forget the terms
    assert whole.with_terms(None).rank == 4
    assert whole.count == net.count + 3 == sum(p.numel() for p in whole.parameters())
    assert torch.equal(whole.with_terms(None)(x), net(x))


def test_terms_must_fit_the_network() -> None:
    three = KAN([3, 2, 2], generator=_generator())
    with pytest.raises(ValueError, match="terms of 1 fields"):
        three.with_terms(_terms())
    with pytest.raises(ValueError, match="along the axes"):
        KAN([1, 2, 1], generator=_generator()).with_terms(_terms())


def test_a_product_node_multiplies_two_sums() -> None:
    net = KAN([2, [0, 1]], grid=3, degree=4, generator=_generator())
    x = _points()
    subnodes = net.edges[0].functions(x.T.contiguous())[0].sum(0)  # (2, N)
    torch.testing.assert_close(net(x)[:, 0], subnodes[0] * subnodes[1])


def test_shapes_of_points_are_kept() -> None:
    net = _deep()
    x = _points(12)
    torch.testing.assert_close(net(x.reshape(3, 4, 2)), net(x).reshape(3, 4, 1))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("factor", [2, 3])
def test_extension_leaves_the_function_unchanged(name: str, factor: int) -> None:
    x = _points()
    net, _ = adapt(NETWORKS[name](), x)  # beyond the ends of a grid, a polynomial of many small pieces loses digits
    finer = net.extend(factor)
    assert all(b.intervals == factor * a.intervals for a, b in zip(net.edges, finer.edges, strict=True))
    assert float((finer(x) - net(x)).detach().abs().max()) < 1e-12 * float(net(x).detach().abs().max())


def test_extension_by_given_grids() -> None:
    net, x = _separable(), _points()
    grids = [f.grids[0].inserted(torch.tensor([0.123, 0.77])) for f in net.factors]
    finer = net.extend(grids)
    assert finer.intervals == (7, 10)
    assert float((finer(x) - net(x)).detach().abs().max()) < 1e-12 * float(net(x).detach().abs().max())
    with pytest.raises(ValueError, match="keeps every break point"):
        net.extend([Grid.uniform(-1, 1, 7, 7), Grid.uniform(-1, 1, 9, 7)])


def test_extension_to_a_number_of_intervals() -> None:
    x = _points()
    net, _ = adapt(_deep(), x)
    finer = with_intervals(net, 12)
    assert finer.intervals == (12, 12)
    assert float((finer(x) - net(x)).detach().abs().max()) < 1e-12 * float(net(x).detach().abs().max())


def test_widening_adds_what_it_is_told() -> None:
    net, x = _separable(), _points()
    wider = widen(net, 7, _generator(), 1e-6)
    assert wider.rank == 7
    change = float((wider(x) - net(x)).detach().abs().max())
    assert 1e-8 < change < 1e-4


def test_hidden_grids_follow_their_inputs_without_changing_the_function() -> None:
    net, x = _deep(), _points(2000)
    moved, change = adapt(net, x)
    assert change < 1e-10
    hidden = net.stack[0].push({(0, 0): x.T.contiguous()})[0][(0, 0)]
    assert hidden is not None
    breaks = moved.stack[1].edges[0].breaks
    assert (breaks[:, 0] <= hidden.detach().amin(1)).all()
    assert (breaks[:, -1] >= hidden.detach().amax(1)).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_spec_and_state_make_the_same_network(name: str) -> None:
    net, x = NETWORKS[name](), _points()
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    again = KAN.from_spec(json.loads(json.dumps(net.spec())))
    again.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(again(x), net(x))
    assert again.factors == () or again.rank == net.rank
    assert torch.equal(copy.deepcopy(net)(x), net(x))
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_of_the_jacobian_are_ordered_as_the_parameters(name: str) -> None:
    net, x = NETWORKS[name](), _points(5)
    _, pullback = net.linearise(x, [(0, 0)])
    rows = pullback({(0, 0): torch.ones(5, dtype=torch.float64)})
    gradient = parameters_to_vector(torch.autograd.grad(net(x).sum(), list(net.parameters())))
    torch.testing.assert_close(rows.sum(1), gradient, rtol=1e-11, atol=1e-13)


def test_equal_generators_make_equal_networks() -> None:
    x = _points()
    assert torch.equal(KAN([2, 3, 1], generator=_generator(4))(x), KAN([2, 3, 1], generator=_generator(4))(x))
    state = torch.random.get_rng_state()
    KAN([2, 3, 1], generator=_generator(4))
    assert torch.equal(state, torch.random.get_rng_state())


def test_mistakes_are_explained() -> None:
    with pytest.raises(ValueError, match="no basis is called 'sinc'; there are bspline, chebyshev"):
        KAN([2, 3, 1], basis="sinc")
    with pytest.raises(ValueError, match="no base function is called 'relu'"):
        KAN([2, 3, 1], base="relu")
    with pytest.raises(ValueError, match=r"points must have shape \(N, 2\)"):
        _deep().jet(torch.zeros(3, 3, dtype=torch.float64), [(0, 0)])
    with pytest.raises(ValueError, match="must increase"):
        Grid(torch.tensor([0.0, 1.0, 0.5]), 3)
    edges = Edges(torch.linspace(0, 1, 3, dtype=torch.float64)[None], 1, 3)
    layer = Layer([edges], [[0]], [(0, 1)], 1)
    with pytest.raises(ValueError, match="do not make 2 outputs"):
        KAN.from_layers([layer], 1, outputs=2)


@pytest.mark.parametrize(
    "arguments",
    [
        {"widths": [2]},
        {"widths": [2, 0, 1]},
        {"widths": [2, -1, 1]},
        {"widths": [2, 1.5, 1]},
        {"widths": "2,5,1"},
        {"widths": [2, 1], "grid": 0},
        {"widths": [2, 1], "grid": 2.5},
        {"widths": [2, 1], "degree": -1},
        {"widths": [2, 1], "domain": [0, 1]},
        {"widths": [2, 1], "domain": [[0, 1]]},
    ],
)
def test_a_network_that_cannot_be_is_refused_in_words(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"widths are|widths need|is an integer of at least|domain is|the domain has"):
        KAN(**arguments)  # type: ignore[arg-type]


def test_points_of_another_precision_are_told_apart() -> None:
    with pytest.raises(ValueError, match="float32"):
        KAN([2, 1])(torch.zeros(3, 2, dtype=torch.float32))


def test_a_file_that_is_no_network_is_told_apart(tmp_path) -> None:
    (tmp_path / "notes.pt").write_text("no network")
    with pytest.raises(ValueError, match="holds no network"):
        KAN.load(tmp_path / "notes.pt")


def test_numpy_gives_numbers_and_domains_too():
    net = KAN(
        [np.int64(2), [np.int64(1), 1], 1], grid=np.int64(4), degree=np.int64(2), domain=np.array([[0.0, 1.0], [-1.0, 3.0]])
    )
    assert [(g.lower, g.upper) for g in net.edges[0].grids] == [(0.0, 1.0), (-1.0, 3.0)]
    json.dumps(net.spec())
