"""What a rung of the ladder looks at: one field on one box, as values with their noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from kanpde.problem.types import Problem
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.sample import Array, Samples

ACCEPT = 3.0
"""A fit is accepted if its root mean square is within this many sigma; R^2 would accept Airy functions for exponentials."""


@dataclass(frozen=True)
class View:
    """One function seen through its samples on a tensor grid of Chebyshev nodes.

    ``problem`` is None for a function that solves nothing: data, the outer function of a ridge, the edge of a network.
    ``harvested`` are functions of the coordinates that the problem itself names (sources, initial and boundary values), empty
    where the search must do without. A rung writes a line into ``transcript`` when it turns the function away for a reason
    worth reading.
    """

    symbols: tuple[sp.Symbol, ...]
    samples: Samples
    budget: Budget
    problem: Problem | None = None
    harvested: tuple[sp.Expr, ...] = ()
    transcript: list[str] = field(default_factory=list)

    @property
    def nodes(self) -> list[Array]:
        """The nodes of each coordinate, (n_i,)."""
        return [axis.nodes for axis in self.samples.axes]

    @property
    def values(self) -> Array:
        """The values on the tensor grid, (n_1, ..., n_d)."""
        return self.samples.values

    @property
    def sigma(self) -> float:
        """The noise: root mean square, in the units of the values."""
        return self.samples.sigma

    def of(self, samples: Samples, symbols: Sequence[sp.Symbol] | None = None) -> View:
        """The same search for another function: transformed values, other coordinates, a factor."""
        return replace(self, samples=samples, symbols=self.symbols if symbols is None else tuple(symbols))


Rung = Callable[[View], Iterator[Form]]
"""Forms that fit a view within its noise, the likeliest first. Takes care of its own time: ``view.budget``."""
