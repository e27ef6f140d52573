"""Functions seen through the error of a solver: smooth, a little of it white, and as large as the solver says."""

from __future__ import annotations

from collections.abc import Sequence
from time import thread_time

import numpy as np
import pytest
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form, compiled
from kanpde.symbolic.sample import Array, sample
from kanpde.symbolic.view import View

Box = Sequence[tuple[float, float]]
NOISES = (pytest.param(1e-8, marks=pytest.mark.slow), 1e-10, pytest.param(1e-12, marks=pytest.mark.slow))
"""A solver's errors: long tables go through the middle one always, through the others with the slow tests."""


def exact(expression: sp.Expr, symbols: Sequence[sp.Symbol], nodes: Sequence[Array]) -> Array:
    """The values on a tensor grid."""
    grid = np.meshgrid(*nodes, indexing="ij")
    return np.broadcast_to(compiled(expression, symbols)(*grid), grid[0].shape)


def view(expression: sp.Expr, symbols: Sequence[sp.Symbol], box: Box, noise: float, seconds: float = 20.0, seed: int = 0) -> View:
    """The function with an error of the given root mean square, relative to its own."""
    box = [(float(a), float(b)) for a, b in box]
    random = np.random.default_rng(seed)
    waves = random.integers(0, 6, (6, len(box)))
    sizes = random.standard_normal(6)

    def sampler(*nodes: Array) -> Array:
        values = exact(expression, symbols, nodes)
        error = np.zeros_like(values)
        for wave, size in zip(waves, sizes, strict=True):
            factors = [np.cos(k * np.arccos((2 * x - a - b) / (b - a))) for k, x, (a, b) in zip(wave, nodes, box, strict=True)]
            product = factors[0]
            for factor in factors[1:]:
                product = np.multiply.outer(product, factor)
            error += size * product
        error *= 0.8 / np.sqrt(np.mean(error**2))
        error += 0.2 * np.random.default_rng(seed).standard_normal(values.shape)
        return values + noise * np.sqrt(np.mean(values**2)) * error

    size = np.sqrt(np.mean(exact(expression, symbols, [np.linspace(a, b, 40) for a, b in box]) ** 2))
    return View(tuple(symbols), sample(sampler, box, noise * size), Budget(seconds, thread_time))


def distance(form: Form, expression: sp.Expr, symbols: Sequence[sp.Symbol], box: Box) -> float:
    """The largest difference, relative, up to a tenth beyond the end of the box: what only fits the box differs there."""
    nodes = [np.linspace(b - 0.1 * (b - a), b + 0.1 * (b - a), 5) for a, b in ((float(a), float(b)) for a, b in box)]
    true = exact(expression, symbols, nodes)
    found = exact(form.at_values, symbols, nodes)
    return float(np.abs(found - true).max() / np.abs(true).max())
