"""What the parts of the choice hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """A family, the scale of each coordinate, and the size of the noise relative to that of the function."""

    family: str
    scales: tuple[float, ...]
    noise: float
    badness: float = field(default=np.inf, compare=False)  # minus the log of the evidence
