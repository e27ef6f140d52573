"""One row of a published table as data: the function, its variables, where they are sampled, and the figures that were published.

Everybody's recipe is judged on the same points: ``case.sample(seed)`` draws training and test points uniformly in the box, by
numpy's generator of that seed (training points first), without noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

TRAINING, TEST = 1000, 1000  # points; the KAN paper's size of a data set
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Case:
    """One function of several variables, sampled in the box from ``lower`` to ``upper``; all of it dimensionless.

    ``published`` maps whose figure it is to the test RMSE that was printed. ``ranges`` says where the box comes from.
    """

    name: str
    formula: str
    names: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    function: Callable[..., np.ndarray]  # one array (N,) for each variable, in the order of names -> (N,)
    published: Mapping[str, float] = field(default_factory=dict)
    ranges: str = ""

    @property
    def best(self) -> float:
        """The lowest of all published figures."""
        return min(self.published.values())

    def values(self, points: np.ndarray) -> np.ndarray:  # (N, d) -> (N,)
        """The function at points."""
        return self.function(*points.T)

    def sample(
        self, seed: int, training: int = TRAINING, test: int = TEST
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """X (training, d), y (training,), and the same of the test points."""
        generator = np.random.default_rng(seed)
        points = generator.uniform(self.lower, self.upper, (training + test, len(self.names)))
        values = self.values(points)
        return points[:training], values[:training], points[training:], values[training:]
