"""Every basis goes through this suite: new ones join by their line in ``BASES``, and differ only by what they declare."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from kanpde.assembly.imitation import Imitation
from kanpde.kan import BASES, KAN
from kanpde.kan.base import BASE_FUNCTIONS
from kanpde.kan.bases import table
from kanpde.optimize import LevenbergMarquardt
from kanpde.plan import DeepNetwork, make_plan, schema
from kanpde.plan.plan import BasisName
from kanpde.report.catalogue import entries

DEGREE = 5
CONDITION = 1e5  # with columns of equal norm: normal equations in float64 stand its square
HELLO = 1e-3  # root mean square of the error of [2, 5, 1] on exp(sin(pi x) + y^2), whose size is 1.8


def _breaks() -> Tensor:  # (2, G + 1)
    uneven = torch.tensor([-1.0, -0.6, -0.1, 0.5, 1.0], dtype=torch.float64)
    return torch.stack([uneven, 2 + 3 * uneven])


def _even(intervals: int) -> Tensor:  # (1, G + 1)
    return torch.linspace(-1, 1, intervals + 1, dtype=torch.float64)[None]


def _points(breaks: Tensor, count: int = 40) -> Tensor:  # (n, N)
    unit = torch.rand(len(breaks), count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return breaks[:, :1] + unit * (breaks[:, -1:] - breaks[:, :1])


def _scaled(breaks: Tensor, x: Tensor) -> Tensor:
    return (2 * x - breaks[:, :1] - breaks[:, -1:]) / (breaks[:, -1:] - breaks[:, :1])


def _random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _largest(x: Tensor) -> float:
    return float(x.detach().abs().max())


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize(("intervals", "degree"), [(1, 1), (1, 5), (2, 2), (5, 3), (12, 7)])
def test_sizes_agree(name: str, intervals: int, degree: int) -> None:
    basis = BASES[name]
    breaks = torch.cat([_even(intervals), 2 + 3 * _even(intervals)])
    size = basis.size(intervals, degree)
    assert basis.table(_points(breaks), breaks, degree, 2).shape == (3, 2, size, 40)
    for coefficients in (basis.sites(breaks, degree), basis.linear(breaks, degree), basis.constant(breaks, degree)):
        assert coefficients.shape == (2, size)
    assert basis.decay(size).shape == (size,)
    assert bool((basis.sites(breaks, degree).diff(dim=1) > 0).all())
    assert basis.order(degree) > 0
    assert basis.polynomials(degree) >= 1
    assert basis.name == name


@pytest.mark.parametrize("name", BASES)
def test_each_order_is_the_derivative_of_the_order_before(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    x = _points(breaks)
    step = 1e-5
    values = basis.table(x, breaks, DEGREE, 4)
    for order in range(4):
        slope = (basis.table(x + step, breaks, DEGREE, order) - basis.table(x - step, breaks, DEGREE, order))[order] / (2 * step)
        error = _largest(slope - values[order + 1])
        assert error < 1e-4 * _largest(values[order + 1]), order  # a knot between both points costs digits


@pytest.mark.parametrize("name", BASES)
def test_a_lower_order_is_the_beginning_of_a_higher_one(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    x, most = _points(breaks), 2 * DEGREE + 8  # beyond the degree of every piece
    whole = basis.table(x, breaks, DEGREE, most)
    assert bool(whole.isfinite().all())
    for order in range(most):
        found = basis.table(x, breaks, DEGREE, order)
        for q in range(order + 1):
            assert _largest(found[q] - whole[q]) <= 1e-11 * _largest(whole[q])


@pytest.mark.parametrize("name", BASES)
def test_autograd_knows_the_derivatives(name: str) -> None:
    basis, breaks = BASES[name], _breaks()
    x = _points(breaks).requires_grad_(True)
    weights = _random(basis.size(4, DEGREE))
    y = (table(x, breaks, basis, DEGREE)[0] * weights[:, None]).sum(1)
    for order in range(1, 5):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        expected = (basis.table(x.detach(), breaks, DEGREE, order)[order] * weights[:, None]).sum(1)
        torch.testing.assert_close(y.detach(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize(("intervals", "degree"), [(1, 1), (1, 5), (2, 2), (5, 3), (40, 5)])
def test_constants_and_straight_lines_are_exact(name: str, intervals: int, degree: int) -> None:
    basis = BASES[name]
    breaks = torch.cat([_even(intervals), 2 + 3 * _even(intervals)])
    x = torch.cat([_points(breaks), 2 * breaks - breaks[:, -1:]], 1)  # some of them outside
    values = basis.table(x, breaks, degree, 2)
    size = values.abs().amax((1, 2, 3))  # the round-off of a derivative is that of its largest terms

    def close(found: Tensor, expected: Tensor, order: int) -> None:
        assert _largest(found - expected) < 1e-13 * basis.size(intervals, degree) * max(1.0, float(size[order]))

    one = (basis.constant(breaks, degree)[:, :, None] * values).sum(2)
    line = (basis.linear(breaks, degree)[:, :, None] * values).sum(2)
    slope = (2 / (breaks[:, -1:] - breaks[:, :1])).expand_as(x)
    for found, expected in ((one, (1 + 0 * x, 0 * x, 0 * x)), (line, (_scaled(breaks, x), slope, 0 * x))):
        for order in range(3):
            close(found[order], expected[order], order)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("degree", [1, 3, DEGREE])
def test_polynomials_are_reproduced(name: str, degree: int) -> None:
    basis, breaks = BASES[name], _breaks()
    sites, x = basis.sites(breaks, degree), _points(breaks)
    matrix = basis.table(sites, breaks, degree, 0)[0].mT  # (2, K, K): rows are sites
    power = basis.polynomials(degree)
    c = torch.linalg.solve(matrix, (_scaled(breaks, sites) ** power)[..., None])[..., 0]
    values = (c[:, :, None] * basis.table(x, breaks, degree, 0)[0]).sum(1)
    torch.testing.assert_close(values, _scaled(breaks, x) ** power, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("degree", [3, DEGREE])
def test_the_condition_number_does_not_explode(name: str, degree: int) -> None:
    basis = BASES[name]
    for intervals in (5, 10, 20, 40):
        breaks = _even(intervals)
        x = torch.cos(torch.linspace(0, math.pi, 1001, dtype=torch.float64))[None]
        for points in (basis.sites(breaks, degree), x):
            matrix = basis.table(points, breaks, degree, 0)[0, 0].T
            assert float(torch.linalg.cond(matrix / matrix.norm(dim=0))) < CONDITION


@pytest.mark.parametrize("name", BASES)
def test_extension_keeps_functions(name: str) -> None:
    """A nested basis keeps all; any other keeps lines, and what the old grid could resolve as well as the old grid did."""
    basis, breaks = BASES[name], _breaks()[0]
    finer = torch.cat([breaks, torch.tensor([-0.8, 0.2, 0.9], dtype=torch.float64)]).sort().values
    x = _points(_breaks(), 400)[:1]
    old, new = basis.table(x, breaks[None], DEGREE, 0)[0, 0], basis.table(x, finer[None], DEGREE, 0)[0, 0]
    c = _random(3, basis.size(4, DEGREE), seed=2)
    lines = torch.stack([basis.constant(breaks[None], DEGREE)[0], basis.linear(breaks[None], DEGREE)[0]])
    for kept in (c, lines) if basis.nested else (lines,):
        more = basis.extend(kept, breaks, finer, DEGREE)
        assert more.shape == (len(kept), basis.size(7, DEGREE))
        assert _largest(more @ new - kept @ old) < 1e-12 * max(1.0, _largest(kept @ old))
    smooth = torch.sin(3 * x + 0.4)
    sites = basis.sites(breaks[None], DEGREE)
    resolved = torch.linalg.solve(basis.table(sites, breaks[None], DEGREE, 0)[0, 0].T, torch.sin(3 * sites[0] + 0.4))[None]
    before = _largest(resolved @ old - smooth)
    assert _largest(basis.extend(resolved, breaks, finer, DEGREE) @ new - smooth) < 1.5 * before + basis.floor(DEGREE)


@pytest.mark.parametrize("name", BASES)
def test_many_extensions_add_up_to_nothing(name: str) -> None:
    """From 5 intervals to 80 by halving: a rank-deficient solve would show as an upturn."""
    basis = BASES[name]
    x = _points(_even(5), 400)
    smooth = torch.sin(3 * x + 0.4)
    breaks = _even(5)
    sites = basis.sites(breaks, DEGREE)
    c = torch.linalg.solve(basis.table(sites, breaks, DEGREE, 0)[0, 0].T, torch.sin(3 * sites[0] + 0.4))[None]
    before = _largest(c @ basis.table(x, breaks, DEGREE, 0)[0, 0] - smooth)
    for intervals in (10, 20, 40, 80):
        finer = _even(intervals)
        c = basis.extend(c, breaks[0], finer[0], DEGREE)
        breaks = finer
        assert _largest(c @ basis.table(x, breaks, DEGREE, 0)[0, 0] - smooth) < 1.5 * before + 4 * basis.floor(DEGREE)


@pytest.mark.parametrize("name", BASES)
def test_float32_has_its_digits(name: str) -> None:
    basis = BASES[name]
    breaks = _even(20)
    x = _points(breaks)
    wide = basis.table(x, breaks, DEGREE, 2)
    narrow = basis.table(x.float(), breaks.float(), DEGREE, 2)
    assert narrow.dtype == torch.float32
    for q in range(3):
        # Points are off by 6e-8 of their size, on functions that vary over a twentieth of the grid; ten recurrence steps more.
        assert _largest(narrow[q].double() - wide[q]) < 2e-5 * _largest(wide[q])
    c = basis.extend(basis.linear(breaks.float(), DEGREE), breaks[0].float(), _even(40)[0].float(), DEGREE)
    assert c.dtype == torch.float32


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outside_the_grid_all_is_finite(name: str, dtype: torch.dtype) -> None:
    for intervals in (1, 5, 40):
        breaks = _even(intervals).to(dtype)
        x = torch.cat([breaks, breaks - 2, breaks + 2, torch.tensor([[-3.0, 3.0]])], 1).to(dtype)  # a grid's length away, too
        assert bool(BASES[name].table(x, breaks, DEGREE, 2).isfinite().all())


def _network(name: str, seed: int = 3) -> KAN:
    domain = [[-1.0, 2.0], [0.0, 1.0]]
    return KAN([2, [3, 1], 1], 6, 4, name, domain=domain, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", BASES)
def test_saved_loaded_copied_and_moved_it_has_the_same_values(name: str, tmp_path: Path) -> None:
    network = _network(name)
    x = torch.rand(50, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    values = network(x)
    assert bool(values.isfinite().all())
    assert values.std() > 1e-3
    loaded = KAN.from_spec(network.spec())
    torch.save(network.state_dict(), tmp_path / "state.pt")
    loaded.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    network.save(tmp_path / "network.pt")
    for copied in (loaded, KAN.load(tmp_path / "network.pt"), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(copied(x), values)
    narrow = copy.deepcopy(network).to(torch.float32)
    torch.testing.assert_close(narrow(x.float()).double(), values, rtol=1e-4, atol=1e-4)
    assert torch.equal(narrow.to("cpu")(x.float()), narrow(x.float()))


@pytest.mark.parametrize("name", BASES)
def test_nothing_in_a_table_depends_on_values(name: str) -> None:
    """On the device without values, shapes still come out: no table looks at a number on its way, or leaves the device."""
    network = _network(name).to("meta")
    values = network(torch.empty(7, 2, dtype=torch.float64, device="meta"))
    assert values.device.type == "meta"
    assert values.shape == (7, 1)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_device_changes_nothing(name: str) -> None:
    network = _network(name)
    x = torch.rand(50, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    values = network(x)
    moved = network.to("cuda")
    torch.testing.assert_close(moved(x.to("cuda")).cpu(), values, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(moved.extend(2)(x.to("cuda")).cpu(), values, rtol=0, atol=1e-3 * _largest(values))
    torch.testing.assert_close(moved.to("cpu")(x), values, rtol=0, atol=0)


@pytest.mark.parametrize("name", BASES)
def test_a_network_is_differentiated_exactly(name: str) -> None:
    """The jet of a deep network is nested autograd, its Jacobian a difference."""
    network = _network(name)
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope[:, 0].sum(), x)
    jet = network.jet(x.detach(), [(2, 0), (1, 1)])
    torch.testing.assert_close(torch.cat([jet[2, 0], jet[1, 1]]).detach().T, second, rtol=1e-9, atol=1e-9)
    problem = Imitation(network, x.detach(), torch.zeros(1, 20, dtype=torch.float64))
    theta = problem.theta
    v, step = _random(len(theta), seed=6), 1e-6
    difference = (problem.residual(theta + step * v) - problem.residual(theta - step * v)) / (2 * step)
    torch.testing.assert_close(v @ problem.linearise(theta)[1], difference, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", BASES)
def test_a_plain_network_learns_from_data(name: str) -> None:
    """exp(sin(pi x) + y^2) from 500 points, judged on 500 others: a good seed of five is enough, as for any non-convex fit."""
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(1000, 2, generator=generator, dtype=torch.float64) - 1
    y = torch.exp(torch.sin(math.pi * x[:, 0]) + x[:, 1] ** 2)[None]
    errors = []
    for seed in range(5):
        network = KAN([2, 5, 1], 5, 5, name, generator=torch.Generator().manual_seed(seed))
        problem = Imitation(network, x[:500], y[:, :500])
        outcome = LevenbergMarquardt(1e-2, orthogonal=False)(problem, problem.theta, 60)
        found = problem.network_at(outcome.theta)(x[500:]).detach().T
        errors.append(float((found - y[:, 500:]).square().mean().sqrt()))
        if errors[-1] < HELLO:
            break
    assert errors[-1] < HELLO, errors


def test_the_plan_knows_every_basis_and_base_function() -> None:
    assert get_args(BasisName) == tuple(BASES)
    assert schema()["$defs"]["DeepNetwork"]["properties"]["basis"]["enum"] == list(BASES)
    bases = get_args(DeepNetwork.model_fields["base"].annotation)
    assert sorted(bases) == sorted([*BASE_FUNCTIONS, "zero"])
    for name in BASES:
        network = make_plan({"network": {"architecture": "deep", "hidden": [8], "basis": name}}).network
        assert isinstance(network, DeepNetwork)
        assert network.basis == name


def test_every_basis_is_listed_with_a_sentence_of_its_own() -> None:
    found = entries("bases")
    assert [entry.name for entry in found] == list(BASES)
    assert len({entry.sentence for entry in found}) == len(BASES)
    assert all(len(entry.sentence) > 20 for entry in found)


@pytest.mark.parametrize("base", [*BASE_FUNCTIONS, "zero", None])
def test_every_base_function_is_reachable(base: str | None) -> None:
    network = KAN([1, 1], 3, 3, base=base, generator=torch.Generator().manual_seed(0))
    (edges,) = network.edges
    edges.coefficients.data.zero_()
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    if edges.weight is None:
        assert base in ("zero", None)
        assert not network(x).any()
    else:
        expected = edges.weight[0, 0] * BASE_FUNCTIONS[str(base)](x[:, 0], 0)[0]
        torch.testing.assert_close(network(x)[:, 0], expected)
