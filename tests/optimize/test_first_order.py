"""Adam's schedules, clipping and mini-batches."""

from __future__ import annotations

import math

import pytest
import torch

from kanpde.optimize.first_order import LEAST, Adam, _Plateau
from kanpde.optimize.least_squares import LeastSquares


class Noisy(LeastSquares):
    """Regression of 200 rows in mini-batches of 20, each seen in turn; consistent, so that the minimum is zero."""

    batches = 10

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.matrix = torch.randn(200, 5, generator=generator, dtype=torch.float64)
        self.solution = torch.arange(1.0, 6.0, dtype=torch.float64)
        self.start = torch.zeros(5, dtype=torch.float64)
        self.visits = torch.zeros(200)
        self.whole = 0

    def residual(self, theta):
        self.whole += 1
        return self.matrix @ (theta - self.solution)

    def linearise(self, theta):
        return self.residual(theta), self.matrix.T

    def sample(self, theta, step):
        rows = torch.arange(200)[step % 10 :: 10]
        self.visits[rows] += 1
        r = self.matrix[rows] @ (theta - self.solution)
        return math.sqrt(10) * r, 10 * (self.matrix[rows].T @ r)


def test_mini_batches_visit_every_row_as_often_and_find_the_minimum():
    task = Noisy()
    outcome = Adam(learning_rate=0.1)(task, task.start, 600)
    assert bool((task.visits == 60).all())
    assert task.whole <= 62  # all rows together only at the start and at the end of each epoch
    assert outcome.cost < 1e-3 * outcome.history[0]
    assert outcome.cost == pytest.approx(float(task.residual(outcome.theta).norm()))


def test_the_plateau_halves_the_rate_only_when_progress_stops():
    falling, stuck = _Plateau(10), _Plateau(10)
    for step in range(1, 100):
        falling.see(step, 0.9**step)
        stuck.see(step, 1.0)
    assert falling.factor == 1.0
    assert stuck.factor == pytest.approx(2.0**-9)  # at steps 11, 21, ..., 91
    for step in range(100, 1000):
        stuck.see(step, 1.0)
    assert stuck.factor == LEAST


def test_the_plateau_schedule_settles_where_batches_disagree():
    """With rows that cannot all be met, each mini-batch pulls elsewhere: a constant rate keeps wandering."""
    task = Noisy()
    task.right = torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    least = float((task.matrix @ torch.linalg.lstsq(task.matrix, task.right).solution - task.right).norm())
    task.residual = lambda theta: task.matrix @ theta - task.right

    def sample(theta, step):
        rows = torch.arange(200)[step % 10 :: 10]
        r = task.matrix[rows] @ theta - task.right[rows]
        return math.sqrt(10) * r, 10 * (task.matrix[rows].T @ r)

    task.sample = sample
    constant = Adam(learning_rate=0.1, schedule="plateau", patience=10_000)(task, task.start, 1000)
    falling = Adam(learning_rate=0.1, schedule="plateau", patience=30)(task, task.start, 1000)
    assert falling.history[-1] - least < 0.1 * (constant.history[-1] - least)


class Cliff(LeastSquares):
    """Gradients of size one, but at the third evaluation one of 10^6, as an outlier in a mini-batch makes it."""

    def __init__(self):
        self.count = 0

    def residual(self, theta):
        return theta

    def linearise(self, theta):
        return theta, torch.eye(1, dtype=theta.dtype)

    def gradient(self, theta):
        self.count += 1
        return theta, theta * (1e6 if self.count == 3 else 1.0)


def test_clipping_bounds_what_one_gradient_can_do():
    """After the outlier the second moment is large for a thousand steps: unclipped, nothing moves any more."""
    start = torch.ones(1, dtype=torch.float64)
    free = Adam(learning_rate=0.01)(Cliff(), start, 100)
    clipped = Adam(learning_rate=0.01, clip=2.0)(Cliff(), start, 100)
    assert clipped.cost < 0.7
    assert free.cost > 0.8
