"""Fields with a known formula, seen through noise: the search gets their values and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kanpde.problem import read_text
from kanpde.problem.types import Problem
from kanpde.symbolic.sample import Array, Sampler

Make = Callable[..., tuple[Problem, Sampler]]


@pytest.fixture
def noisy() -> Make:
    """A problem from its text, and a sampler of a function with white noise of the given relative size on it."""

    def make(text: str, function: Callable[..., Array], noise: float = 1e-10, seed: int = 0) -> tuple[Problem, Sampler]:
        problem = read_text(text, "test.yaml").problem

        def sampler(*nodes: Array) -> Array:
            grid = np.meshgrid(*nodes, indexing="ij")
            values = function(*grid)
            size = np.sqrt(np.mean(values**2))
            return values + noise * size * np.random.default_rng(seed).standard_normal(values.shape)

        return problem, sampler

    return make
