"""``kanpde.fit`` with everything said: what it takes, what it gives, what it refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from rich.console import Console

import kanpde
from kanpde.learn.fit import fit
from kanpde.results.history import Event

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (200, 2))
Y = X[:, 0] * 2 + np.sin(3 * X[:, 1])
QUICK = {"widths": [2, 1], "grid": 8}


def test_a_sum_of_functions_is_one_layer():
    regression = fit(X, Y, **QUICK)
    assert regression.validation_rmse < 3e-3
    assert np.abs(regression(X) - Y).max() < 0.01
    assert regression(X).shape == (200,)
    assert "relative error" in regression.outcome
    assert "on points held back" in regression.outcome


@pytest.mark.parametrize(("shape", "columns"), [((200,), 1), ((200, 1), 1), ((200, 2), 2)])
def test_targets_of_every_shape(shape, columns):
    y = Y if shape == (200,) else np.stack([Y, -3 * Y], 1)[:, :columns]
    regression = fit(X, y, widths=[2, columns], grid=8)
    found = regression(X).reshape(200, -1)
    assert np.abs(found - y.reshape(200, -1)).max() < 0.05


def test_float32_gives_a_float32_network():
    regression = fit(X.astype(np.float32), Y, dtype="float32", **QUICK)
    assert next(regression.network.parameters()).dtype == torch.float32
    assert regression.rmse < 1e-2


def test_values_of_any_size_are_learned_as_well():
    small, large = (fit(factor * X, factor * 1e3 * Y + 7 * factor, **QUICK) for factor in (1e-6, 1e6))
    assert small.rmse / (1e-3 * Y.std()) < 3e-3
    assert large.rmse / (1e9 * Y.std()) < 3e-3


def test_a_network_is_trained_on_and_not_changed():
    first = fit(X, Y, widths=[2, 1], grid=3)
    before = [p.clone() for p in first.network.parameters()]
    second = fit(X, Y, network=first.network.extend(2))
    assert second.rmse < 0.5 * first.rmse
    assert second.network.intervals == (6,)
    assert all(torch.equal(a, b) for a, b in zip(before, first.network.parameters(), strict=True))


def test_equal_seeds_give_equal_networks_and_nobody_elses_random_numbers_are_used():
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    words = {"widths": [2, 2, 1], "grid": 4, "steps": 15, "seed": 3}
    first, second = (fit(X, Y, **words) for _ in range(2))
    assert np.array_equal(first(X), second(X))
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert not np.array_equal(first(X), fit(X, Y, **{**words, "seed": 4})(X))


def test_points_held_back_may_be_given():
    regression = fit(X[:150], Y[:150], validation=(X[150:], Y[150:]), **QUICK)
    assert regression.data.points == 150
    assert regression.validation.points == 50


def test_the_outcome_names_what_limits_the_fit():
    constant = np.stack([X[:, 0], np.full(200, 2.0)], 1)
    assert "nothing is learned about x2" in fit(constant, Y, **QUICK).outcome
    assert "more parameters (" in fit(X[:12], Y[:12], **QUICK).outcome
    twice = fit(np.concatenate([X, X]), np.concatenate([Y, Y + 1]), validation=0.0, **QUICK)
    assert "points at the same place differ by" in twice.outcome
    assert twice.rmse == pytest.approx(0.5, rel=0.01)  # half of what they differ by


def test_a_constant_is_learned_exactly():
    regression = fit(X, np.full(200, 3.5), **QUICK)
    assert np.allclose(regression(X), 3.5, atol=1e-8)


def test_events_say_stage_grid_and_error_and_print_as_lines():
    from kanpde.report.progress import lines

    seen: list[Event] = []
    fit(X, Y, widths=[2, 1], grid=[4, 8], report=seen.append)
    kinds = {event.kind for event in seen}
    assert {"stage", "step", "record"} <= kinds
    assert [event.grid for event in seen if event.kind == "stage"] == [(4,), (8,)]
    assert all(event.residual is not None and event.estimate is not None for event in seen if event.kind == "step")
    console = Console(file=io.StringIO(), width=100)
    say = lines(console)
    for event in seen:
        say(event)
    assert "grid 8" in console.file.getvalue()


def test_nothing_is_printed(capsys):
    fit(X, Y, progress=True, **QUICK)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"widths": [3, 1]}, r"widths are \[2, ..., 1\]"),
        ({"widths": [2, 5, 2]}, r"widths are \[2, ..., 1\]"),
        ({"widths": "wide"}, r"as \[2, 5, 1\]"),
        ({"grid": 0}, "from 1 on"),
        ({"grid": []}, "from 1 on"),
        ({"grid": "fine"}, "or 'auto'"),
        ({"grid": [10, 5]}, "shrink"),
        ({"dtype": "half"}, "float64, float32"),
        ({"device": "tpu"}, "auto, cpu, cuda"),
        ({"optimizer": "sgd"}, "no optimizer is called 'sgd'"),
        ({"hidden": 3}, "has the settings"),
        ({"basis": "splines"}, "no basis is called 'splines'"),
        ({"validation": 1.5}, "below 1"),
        ({"smoothness": -1.0}, "smoothness is a weight"),
    ],
)
def test_words_that_do_not_fit_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        fit(X, Y, **{**QUICK, **words})


def test_a_network_and_its_widths_are_not_both_given():
    with pytest.raises(ValueError, match="leave these words out"):
        fit(X, Y, network=kanpde.KAN([2, 1]), widths=[2, 1])


def test_a_start_that_is_stuck_is_left_for_another():
    """The first random edges of seed 0 end in a minimum with an error of 0.1, in which training alone stays."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1000, 2))
    regression = fit(x, np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2), widths=[2, 1, 1], grid=5, domain=[[-1, 1]] * 2)
    assert regression.rmse < 0.01


def test_of_few_points_nothing_is_said_to_be_held_back():
    x = np.linspace(0, 1, 5)
    assert "too few to hold any back" in fit(x, x**2).outcome


def test_the_recipe_names_what_limits_the_fit_too():
    x = np.stack([np.repeat(np.linspace(0, 1, 20), 2), np.full(40, 7.0)], 1)
    outcome = fit(x, x[:, 0] + 0.1 * (np.arange(40) % 2), names=["a", "b"], budget=5).outcome
    assert "nothing is learned about b" in outcome
    assert "points at the same place differ by" in outcome


def test_values_far_from_zero_are_learned_without_a_warning():
    x = np.linspace(-1, 1, 60)
    found = fit(x, 1e9 + np.sin(3 * x), budget=5)
    np.testing.assert_allclose(found(x) - 1e9, np.sin(3 * x), atol=1e-5)


@pytest.mark.parametrize("words", [{"budget": 0}, {"budget": float("nan")}, {"tolerance": -1.0}, {"validation": "a"}])
def test_words_that_mean_nothing_are_refused(words: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(words))):
        kanpde.fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0], **words)
