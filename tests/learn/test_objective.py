"""The misfit: its rows, its Jacobian, and sums over pieces and mini-batches that agree with it."""

from __future__ import annotations

import pytest
import torch

from kanpde.kan import KAN
from kanpde.learn import objective
from kanpde.learn.data import Data
from kanpde.learn.objective import Misfit
from kanpde.learn.penalties import Weights, reweighted

X = 2 * torch.rand(150, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
DATA = Data.of(X, torch.stack([3 * X[:, 0] * X[:, 1], 100 + X[:, 1]], 1))


def misfit(symbolic=False, **words):
    net = KAN([2, [2, 1], 2], grid=3, generator=torch.Generator().manual_seed(1))
    if symbolic:
        net = net.fixed(0, 1, 0, "sin").fixed(1, 0, 1, "exp")
    penalty = reweighted(net, DATA.x, DATA.scale, Weights(1e-2, 1e-2, 1e-6, 1e-3))
    return net, Misfit(net, DATA, penalty, **words)


def test_the_norm_is_the_relative_error():
    net = KAN([2, 2], grid=3, generator=torch.Generator().manual_seed(1))
    problem = Misfit(net, DATA)
    with torch.no_grad():
        wanted = ((net(DATA.x) - DATA.y) / DATA.y.std(0, unbiased=False)).square().mean().sqrt()
    assert float(problem.residual(problem.theta).norm()) == pytest.approx(float(wanted))


@pytest.mark.parametrize("symbolic", [False, True])
def test_the_jacobian_is_that_of_finite_differences(symbolic):
    _, problem = misfit(symbolic)
    theta = problem.theta
    r, transposed = problem.linearise(theta)
    assert r.shape == (problem.rows,)
    assert torch.allclose(r, problem.residual(theta))
    way = torch.randn(len(theta), generator=torch.Generator().manual_seed(2), dtype=theta.dtype)
    slope = (problem.residual(theta + 1e-6 * way) - problem.residual(theta - 1e-6 * way)) / 2e-6
    assert torch.allclose(way @ transposed, slope, atol=1e-7)


@pytest.mark.parametrize("symbolic", [False, True])
def test_pieces_add_up_to_the_whole(monkeypatch, symbolic):
    _, problem = misfit(symbolic)
    theta = problem.theta
    r, transposed = problem.linearise(theta)
    monkeypatch.setattr(objective, "PIECE", 1)  # the fewest points a piece
    assert len(list(problem._pieces())) == 3
    rows, squares, gradient = problem.normal(theta)
    assert torch.allclose(rows, r)
    assert torch.allclose(squares, transposed @ transposed.T)
    assert torch.allclose(gradient, transposed @ r)
    rows, gradient = problem.gradient(theta)
    assert torch.allclose(rows, r)
    assert torch.allclose(gradient, transposed @ r)


def test_the_mini_batches_of_an_epoch_average_to_the_gradient():
    _, problem = misfit(batch=50, generator=torch.Generator().manual_seed(3))
    theta = problem.theta
    r, gradient = problem.gradient(theta)
    assert problem.batches == 3
    samples = [problem.sample(theta, step) for step in range(6)]
    for epoch in (samples[:3], samples[3:]):
        assert torch.allclose(torch.stack([g for _, g in epoch]).mean(0), gradient)
        assert float(sum(row.square().sum() for row, _ in epoch)) / 3 == pytest.approx(float(r.square().sum()))
    assert not torch.allclose(samples[0][1], samples[3][1])  # other points in the next epoch


def test_the_network_that_was_given_stays_as_it_is():
    net, problem = misfit()
    before = [p.clone() for p in net.parameters()]
    theta = problem.theta + 1
    problem.residual(theta)
    moved = problem.network_at(theta)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert all(torch.allclose(a + 1, b) for a, b in zip(before, moved.parameters(), strict=True))
    assert torch.equal(problem.last, theta)
