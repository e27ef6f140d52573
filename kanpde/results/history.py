"""What happened during training: one record a stage, one event a line of the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class StageRecord:
    """One stage of training on one grid.

    ``grid`` is the number of intervals along each coordinate's edges; ``residual`` the relative weighted residual at the end;
    ``estimate`` the estimated relative error that drove the next extension (None if not computed); ``change`` the largest change
    of u by the knot insertion that began the stage, relative to the size of u (None if the stage began with none); ``solver`` the
    linear algebra of its steps, in words.
    """

    name: str
    grid: tuple[int, ...]
    parameters: int
    iterations: int
    seconds: float
    residual: float
    estimate: float | None = None
    change: float | None = None
    window: tuple[float, float] | None = None
    solver: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Event:
    """Something to show or to log while the solver runs.

    ``kind`` is one of ``stage`` (a stage begins), ``step`` (an iteration ended), ``extension`` (knots were inserted),
    ``window`` (a time window was accepted), ``estimate``, ``compression``, ``record`` (a stage ended), ``search`` (what the
    search for a formula looks at) and ``message``.
    ``fraction`` is the part of the time interval already solved, where that makes sense.
    """

    kind: str
    stage: str = ""
    grid: tuple[int, ...] = ()
    iteration: int | None = None
    residual: float | None = None
    estimate: float | None = None
    fraction: float | None = None
    message: str = ""
    seconds: float = 0.0


Report = Callable[[Event], None]
"""Where events go: the progress bar, the log, or nowhere."""


def silent(event: Event) -> None:
    """Report nothing."""


@dataclass
class History:
    """The stages of a run in order, and what the compression and the estimate said."""

    stages: list[StageRecord] = field(default_factory=list)
    rank: int | None = None
    truncation: float | None = None  # relative change of u by the compression to ``rank``
    largest_projection: float = 0.0  # relative change of u where knots were moved between time windows
    windows: int = 0
    rejected: int = 0

    @property
    def iterations(self) -> int:
        """All optimiser steps together."""
        return sum(stage.iterations for stage in self.stages)

    @property
    def grids(self) -> list[tuple[int, ...]]:
        """The grids that were trained on, each once, in order."""
        return list(dict.fromkeys(stage.grid for stage in self.stages))

    @property
    def largest_change(self) -> float:
        """The largest relative change of u by a knot insertion; 0 if none was made."""
        return max((stage.change for stage in self.stages if stage.change is not None), default=0.0)
