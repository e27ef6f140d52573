"""All edges from random initial values: the tolerance is met, growing changes nothing, and equal seeds give equal runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import CASES

from kanpde.assembly import RowBuilder
from kanpde.kan import KAN, Grid, separable
from kanpde.kan.refine import random_separable
from kanpde.plan import Plan
from kanpde.problem import read_text
from kanpde.train.all_edges import pruned, sections, singular_values, size, train_all_edges
from kanpde.train.context import Context
from kanpde.train.estimate import estimate_afresh
from kanpde.train.lifted import spline_axis

PRODUCT = """
title: a product
find: u(x, y)
domain: {x: [-1, 1], y: [-1, 1]}
equation: -lap(u) = 2*pi^2*sin(pi*x)*sin(pi*y)
boundary: u = 0
"""

NO_PRODUCT = """
title: no product
find: u(x, y)
domain: {x: [-1, 1], y: [-1, 1]}
equation: lap(u) = exp(u) + lap(s) - exp(s)
where: {s: exp(-x*y)*sin(pi*(x + y^2/2))}
boundary: u = s
"""


def _trained(text: str, tolerance: float, seed: int = 0) -> tuple[KAN, Context]:
    context = Context(read_text(text, "case.yaml").problem, Plan(seed=seed, tolerance=tolerance, train="all edges"))
    builder = RowBuilder(context.problem, spline_axis(context), context.device, context.dtype)
    with torch.no_grad():
        return train_all_edges(context, lambda net: estimate_afresh(context, builder, net)), context


def _points() -> np.ndarray:
    return np.random.default_rng(11).uniform(-1, 1, (2000, 2))


@pytest.mark.parametrize("seed", range(3))
def test_a_product_is_found_from_random_values(seed: int) -> None:
    net, context = _trained(PRODUCT, 1e-10, seed)
    x = _points()
    expected = np.sin(np.pi * x[:, 0]) * np.sin(np.pi * x[:, 1])
    values = net(torch.as_tensor(x)).detach().numpy()[:, 0]
    assert np.linalg.norm(values - expected) < 1e-10 * np.linalg.norm(expected)
    assert net.rank == 1
    assert len(context.history.grids) >= 2
    assert context.history.largest_change < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_function_that_is_no_product_is_found_from_random_values(seed: int) -> None:
    net, context = _trained(NO_PRODUCT, 1e-10, seed)
    x = _points()
    expected = np.exp(-x[:, 0] * x[:, 1]) * np.sin(np.pi * (x[:, 0] + x[:, 1] ** 2 / 2))
    values = net(torch.as_tensor(x)).detach().numpy()[:, 0]
    assert np.linalg.norm(values - expected) < 1e-9 * np.linalg.norm(expected)
    assert context.history.largest_change < 1e-12


@pytest.mark.parametrize("name", ["Laplace, a nonlinear and a Neumann face", "advection"])
def test_other_kinds_of_conditions(name: str) -> None:
    _, context = _trained(f"title: {name}\n{CASES[name]}", 1e-8)
    assert context.history.stages[-1].residual < 1e-5


def test_one_coordinate() -> None:
    text = "find: u(x)\ndomain: {x: [0, 3]}\nequation: u_xx + u = 0\nboundary: {x = 0: u = 0, x = 3: u = sin(3)}\n"
    net, _ = _trained(text, 1e-10)
    x = torch.linspace(0, 3, 200, dtype=torch.float64)
    assert float((net(x[:, None])[:, 0] - torch.sin(x)).detach().abs().max()) < 1e-10


def test_equal_seeds_give_equal_networks() -> None:
    (first, _), (second, _) = _trained(PRODUCT, 1e-6, 3), _trained(PRODUCT, 1e-6, 3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def _random(rank: int = 4) -> KAN:
    return random_separable([Grid.uniform(0, 2, 5, 4), Grid.uniform(-1, 1, 7, 5)], rank, torch.Generator().manual_seed(1))


def test_singular_functions_are_the_same_function() -> None:
    net = _random()
    turned = pruned(net, 0.0)
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(turned(x), net(x), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(singular_values(turned), singular_values(net))


def test_copies_of_a_product_are_cut() -> None:
    net = _random(2)
    doubled = separable([f.grids[0] for f in net.factors], [f.coefficients.data[0].repeat(3, 1) for f in net.factors])
    cut = pruned(doubled, 1e-9)
    assert cut.rank == 2
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(cut(x), 3 * net(x), rtol=1e-10, atol=1e-10)


def test_size_is_the_root_mean_square() -> None:
    net = _random()
    x = torch.as_tensor(np.random.default_rng(0).uniform([0, -1], [2, 1], (200_000, 2)))
    assert size(net) == pytest.approx(float(net(x).detach().square().mean().sqrt()), rel=1e-2)
    assert size(net) == pytest.approx(float(singular_values(net).norm()), rel=1e-10)


def test_sections_are_cuts_through_u() -> None:
    net = _random()
    c = sections(net, 0, 3)
    levels = torch.linspace(-1, 1, 3, dtype=torch.float64)
    x = torch.linspace(0, 2, 9, dtype=torch.float64)
    cut = separable([net.factors[0].grids[0]], [c[:, 1:2].T])
    points = torch.stack([x, levels[1].expand(9)], 1)
    torch.testing.assert_close(cut(x[:, None]), net(points), rtol=1e-12, atol=1e-12)
