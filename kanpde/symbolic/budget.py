"""Seconds that are left, and where they went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """A deadline on the monotonic clock."""

    seconds: float
    start: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.seconds - self.spent)

    def at_most(self, seconds: float) -> float:
        """The time for one call: what it may take, and no more than is left."""
        return min(seconds, self.left)

    def part(self, seconds: float) -> Budget:
        """A budget of its own for one part of the work, within what is left."""
        return Budget(self.at_most(seconds))


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
