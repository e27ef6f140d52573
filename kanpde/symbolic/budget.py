"""Seconds that are left, and where they went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """A deadline: on the monotonic clock, or, for a part of the work, in seconds that this thread computes.

    A rung that waits for a busy machine has not had its turn; the user who waits for it has.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    within: Budget | None = None
    start: float = field(default=-1.0)

    def __post_init__(self) -> None:
        if self.start < 0:
            object.__setattr__(self, "start", self.clock())

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.start

    @property
    def left(self) -> float:
        """Seconds until the deadline (or that of the whole), never negative."""
        own = max(0.0, self.seconds - self.spent)
        return own if self.within is None else min(own, self.within.left)

    def at_most(self, seconds: float) -> float:
        """The time for one call: what it may take, and no more than is left."""
        return min(seconds, self.left)

    def part(self, seconds: float) -> Budget:
        """A budget in computing time for one part of the work, within what is left of the whole."""
        return Budget(seconds, time.thread_time, self)


class Stopwatch:
    """Seconds by stage: ``with watch("proof"): ...``; a stage within another is counted there only."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time until the end of the block to a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.stages[stage] = self.stages.get(stage, 0.0) + time.monotonic() - start
