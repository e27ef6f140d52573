"""Training on data: how near it comes, when it stops, and what it says."""

from __future__ import annotations

import math
import time

import pytest
import torch

import kanpde
from kanpde.kan import KAN
from kanpde.learn import training
from kanpde.learn.data import Data
from kanpde.learn.smoothing import smoothing
from kanpde.learn.training import train
from kanpde.optimize import OPTIMIZERS


def points(count, seed, inputs=2):
    return 2 * torch.rand(count, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def target(x):
    return torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:2] ** 2)


def sets(count=600, noise=0.0):
    """Points for training, held back, and for a test without noise."""
    x, generator = points(count, 0), torch.Generator().manual_seed(3)
    y = target(x)
    y = y + noise * y.std() * torch.randn(y.shape, generator=generator, dtype=y.dtype)
    data, held = Data.of(x, y, domain=[[-1, 1]] * 2).split(0.2, torch.Generator().manual_seed(0))
    return data, held


def network(widths, seed=0, grid=5, **words):
    generator = torch.Generator().manual_seed(seed)
    return KAN(widths, grid=grid, domain=[[-1, 1]] * widths[0], generator=generator, **{"base": None, **words})


def test_finer_grids_bring_the_order_of_the_splines():
    """[2, 1, 1] is exp(sin(pi x) + y^2) but for the grid: the error falls like h^4, from 10 to 20 intervals by 16."""
    data, held = sets(300)
    trained = train(network([2, 1, 1]), data, held, grids=(5, 10, 20))
    errors = [stage.residual for stage in trained.history.stages]
    slope = math.log2(errors[2] / errors[1])
    assert slope == pytest.approx(-4, abs=0.7)
    assert trained.validation < 5e-5
    assert [stage.grid[0] for stage in trained.history.stages] == [5, 10, 20]


@pytest.mark.parametrize("seed", [0, 1])
def test_random_starts_are_not_stuck(seed):
    data, held = sets(800)
    trained = train(network([2, 5, 1], seed), data, held, grids=(5, 10), steps=40)
    assert trained.validation < 5e-4


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_and_improves_on_its_start(name):
    x = points(120, 1, 1)
    data = Data.of(x, torch.sin(3 * x))
    start = network([1, 1] if name == "gauss-newton" else [1, 2, 1])  # which has no damping: for networks of one layer
    trained = train(start, data, optimizer=name, steps=100)
    assert trained.error < 0.1
    assert trained.history.iterations <= 100
    assert trained.sentence


def test_adam_takes_mini_batches_and_settings():
    x = points(400, 1, 1)
    data = Data.of(x, torch.sin(3 * x))
    trained = train(
        network([1, 1]), data, optimizer="adam", steps=200, batch=100, learning_rate=0.05, schedule="plateau", clip=2.0
    )
    assert trained.error < 0.05


def test_the_smoothness_that_is_learned_keeps_noise_out():
    """30 % noise at 100 points: without it, 69 parameters fit the noise."""
    data, held = sets(100, 0.3)
    fresh = points(1000, 5)
    errors = {}
    for smoothness in (0.0, "auto"):
        trained = train(network([2, 1, 1]), data, held, smoothness=smoothness, grids=(5, 20))
        with torch.no_grad():
            errors[smoothness] = float(((trained.network(fresh) - target(fresh)) / data.scale).square().mean().sqrt())
    assert errors["auto"] < 0.4
    assert errors["auto"] < 0.7 * errors[0.0]


def test_the_weight_follows_the_noise_not_its_units():
    data, _ = sets(400, 0.1)
    quiet, _ = sets(400, 0.001)
    net = train(network([2, 1, 1], grid=10), quiet, steps=60).network
    loud_weight, quiet_weight = (smoothing(net, d, d.scale) for d in (data, quiet))
    assert loud_weight > 100 * quiet_weight
    other = Data(data.x, 1000 * data.y, data.names, data.targets, data.domain)
    last = net.edges[-1]
    last.coefficients.data *= 1000
    assert smoothing(net, other, other.scale) == pytest.approx(loud_weight, rel=1e-2)


def test_the_best_network_on_the_held_points_is_kept():
    """Ten parameters a point: training goes on to fit the noise, and the network returned is the one before."""
    data, held = sets(100, 0.3)
    seen = []
    trained = train(network([2, 3, 1], grid=10), data, held, smoothness=0.0, report=lambda e: seen.append(e.estimate))
    assert trained.validation <= min(e for e in seen if e is not None) * (1 + 1e-9)
    assert "has not fallen for 25 steps" in trained.sentence


def test_the_given_network_and_the_global_generator_are_left_alone():
    data, held = sets(100)
    net = network([2, 2, 1])
    before = [p.clone() for p in net.parameters()]
    state = torch.get_rng_state()
    first, second = (train(net, data, held, steps=20, seed=4) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True))


def test_the_deadline_ends_training_with_a_sentence():
    data, held = sets(100)
    trained = train(network([2, 2, 1]), data, held, deadline=time.perf_counter() - 1)
    assert "time is used up" in trained.sentence
    assert trained.history.iterations <= 1


def test_an_interruption_keeps_the_best_network():
    data, _ = sets(200)

    def report(event):
        if event.kind == "step" and event.iteration == 12:
            raise KeyboardInterrupt

    trained = train(network([2, 2, 1]), data, report=report)
    assert trained.sentence == "interrupted"
    assert trained.error < train(network([2, 2, 1]), data, steps=2).error


def test_training_that_diverges_returns_the_best_point_and_the_remedy():
    data, held = sets(100)
    trained = train(network([2, 2, 1]), data, held, optimizer="adam", learning_rate=1e200, steps=20)
    assert "no longer finite" in trained.sentence
    assert "smaller learning rate" in trained.sentence
    assert math.isfinite(trained.error)


def test_very_many_points_are_not_all_taken_in_each_round(monkeypatch):
    monkeypatch.setattr(training, "WHOLE", 50)
    monkeypatch.setattr(training, "ROWS", 4)
    taken = []
    made = training.Misfit

    def misfit(net, data, *rest, **words):
        taken.append(data.points)
        return made(net, data, *rest, **words)

    monkeypatch.setattr(training, "Misfit", misfit)
    data, _ = sets(2000)
    trained = train(network([2, 1, 1]), data)
    assert 4 * trained.network.count in taken
    assert trained.error < 2e-2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"optimizer": "sgd"}, "no optimizer is called 'sgd'; there are levenberg-marquardt"),
        ({"learning_rate": 0.1}, "has the settings damping"),
        ({"batch": 10}, "mini-batches are for optimizer='adam'"),
        ({"steps": 0}, "steps is a whole number from 1 on"),
        ({"grids": (10, 5)}, "shrink"),
        ({"smoothness": "much"}, "a weight or 'auto'"),
        ({"l1": -1.0}, "l1 is a weight"),
        ({"patience": 2.5}, "patience is a whole number"),
    ],
)
def test_words_that_do_not_fit_are_refused(words, message):
    data, held = sets(50)
    with pytest.raises(ValueError, match=message):
        train(network([2, 1]), data, held, **words)


def test_a_network_of_other_inputs_is_refused():
    with pytest.raises(ValueError, match=r"widths should be \[2, ..., 1\]"):
        train(network([3, 1]), sets(50)[0])


def test_fit_is_there():
    assert kanpde.fit.__module__ == "kanpde.learn.fit"
