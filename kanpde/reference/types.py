"""What a judge is: values that can be asked for anywhere in the domain, and an honest statement of their own error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kanpde.errors import UnsupportedProblem

Values = dict[str, np.ndarray]
"""Arrays by field name."""

FLOOR = 1e-15
"""The smallest relative error that any reference claims: a few units of float64 round-off (2.2e-16)."""

NOTHING = 1e-12
"""A field below this part of the largest one is taken for its round-off, and measured by the largest one's size."""


@dataclass(frozen=True)
class Reference:
    """An independent solution of the problem.

    ``error`` is its own estimate of its relative L2 error over the domain, from two resolutions, never below ``FLOOR``: that of
    the worst field; ``errors`` gives it by field where it is known so.
    ``values`` takes points (N, d) in the order of ``Domain.coordinates``, dimensions as in the problem, and gives (N,) by field;
    ``gradients`` gives (N, d) by field, or is None. ``resolution`` says in words what was computed.
    """

    method: str
    error: float
    seconds: float
    values: Callable[[np.ndarray], Values] = field(repr=False)
    gradients: Callable[[np.ndarray], Values] | None = field(default=None, repr=False)
    resolution: str = ""
    errors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.error >= FLOOR:
            raise ValueError(f"a reference states an error of at least {FLOOR:g}, not {self.error}")


class OutOfTime(UnsupportedProblem):
    """The time limit of the reference passed before a second resolution could confirm the first."""
