"""Seconds that are left."""

from __future__ import annotations

import time
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
