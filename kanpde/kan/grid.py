"""Where the pieces of a spline meet: break points and a degree. Extension inserts break points and changes no function."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from kanpde.kan.bspline import open_knots


@dataclass(frozen=True, eq=False)
class Grid:
    """Increasing ``breaks`` (G + 1,) and the ``degree`` k of the pieces between them, in the units of the coordinate."""

    breaks: Tensor  # (G + 1,)
    degree: int

    def __post_init__(self) -> None:
        if self.breaks.ndim != 1 or self.breaks.shape[0] < 2:
            raise ValueError(f"a grid needs at least two break points in a row, not shape {tuple(self.breaks.shape)}")
        if not bool((self.breaks[1:] > self.breaks[:-1]).all()):
            raise ValueError("the break points of a grid must increase")
        if self.degree < 0:
            raise ValueError(f"the degree of a grid is 0 or more, not {self.degree}")

    @classmethod
    def uniform(
        cls,
        lower: float,
        upper: float,
        intervals: int,
        degree: int,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> Grid:
        """Equal intervals from ``lower`` to ``upper``."""
        return cls(torch.linspace(lower, upper, intervals + 1, dtype=dtype, device=device), degree)

    @property
    def intervals(self) -> int:
        """The number G of intervals."""
        return self.breaks.shape[0] - 1

    @property
    def lower(self) -> float:
        """The first break point."""
        return float(self.breaks[0])

    @property
    def upper(self) -> float:
        """The last break point."""
        return float(self.breaks[-1])

    @property
    def knots(self) -> Tensor:  # (G + 2k + 1,)
        """The knots of a spline: the ends repeated k + 1 times."""
        return open_knots(self.breaks, self.degree)

    def contains(self, other: Grid) -> bool:
        """Whether every break point of ``other`` is one of this grid, so that its splines are splines here."""
        return bool(torch.isin(other.breaks, self.breaks).all()) and self.degree == other.degree

    def inserted(self, values: Tensor) -> Grid:
        """The grid with more break points."""
        return Grid(torch.unique(torch.cat([self.breaks, values.to(self.breaks)])), self.degree)

    def divided(self, factor: int) -> Grid:
        """The grid with every interval cut into ``factor`` equal parts."""
        parts = torch.arange(1, factor, dtype=self.breaks.dtype, device=self.breaks.device) / factor
        inner = self.breaks[:-1, None] + self.breaks.diff()[:, None] * parts
        return self.inserted(inner.flatten())

    def with_intervals(self, intervals: int) -> Grid:
        """The grid with at least ``intervals`` intervals: the longest are halved, one by one, the first of equals first."""
        breaks = self.breaks.tolist()
        while len(breaks) <= intervals:
            lengths = [b - a for a, b in pairwise(breaks)]
            longest = max(lengths)
            i = next(n for n, length in enumerate(lengths) if length >= longest * (1 - 1e-9))  # equal up to round-off
            breaks.insert(i + 1, (breaks[i] + breaks[i + 1]) / 2)
        return Grid(self.breaks.new_tensor(breaks), self.degree)
