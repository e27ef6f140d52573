"""A function of one coordinate times a combined one of the other two is found through noise."""

from __future__ import annotations

from time import thread_time
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import special

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.rungs.ridge import ridges
from kanpde.symbolic.rungs.separated import separated
from kanpde.symbolic.sample import sample
from kanpde.symbolic.view import View

SYMBOLS = sp.symbols("x y t", real=True)
BOUNDS = [(-1, 1), (-1, 1), (0, 1)]


def drum(x: Any, y: Any, t: Any) -> Any:
    return special.j0(2.4 * np.hypot(x, y)) * np.cos(2.4 * t)


def front(x: Any, y: Any, t: Any) -> Any:
    return (2 + y) * np.tanh(x - 2 * t)


def pulses(x: Any, y: Any, t: Any) -> Any:
    return np.exp(y) * (np.exp(-4 * (x - t) ** 2) + np.exp(-4 * (x + t) ** 2))


def neither(x: Any, y: Any, t: Any) -> Any:
    return np.exp(np.sin(x * y + t)) + x * t


def seen(function: Any) -> View:
    generator = np.random.default_rng(0)

    def sampler(*nodes: Any) -> Any:
        values = function(*np.meshgrid(*nodes, indexing="ij"))
        return values + 1e-10 * np.sqrt(np.mean(values**2)) * generator.standard_normal(values.shape)

    return View(SYMBOLS, sample(sampler, BOUNDS, None), Budget(60, thread_time))


@pytest.mark.parametrize("function", [drum, front, pulses])
def test_both_factors_are_found(function: Any) -> None:
    form = next(separated(seen(function)))
    assert form.how.startswith("a function of ")
    points = list(np.random.default_rng(1).uniform(0, 1, (3, 50)))
    expected = function(*points)
    np.testing.assert_allclose(form.values(SYMBOLS, points), expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_ridges_of_three_coordinates_end_here() -> None:
    assert next(ridges(seen(drum))).how.startswith("a function of t times")


def test_others_are_turned_away() -> None:
    assert next(separated(seen(neither)), None) is None
