"""A network fitted to data: call it, look at it, simplify it, read a formula off it. Every change gives a new Regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kanpde.results import Formula, History

if TYPE_CHECKING:
    from kanpde.kan import KAN
    from kanpde.learn.data import Data


@dataclass(frozen=True, eq=False)
class Regression:
    """What ``kanpde.fit`` returns: ``regression(X)`` are the predicted values, numpy in and numpy out.

    ``data`` are the points that the network was trained on, ``validation`` those held back (None if there were none), ``settings``
    the words of ``kanpde.fit`` that were used, ``outcome`` a sentence. ``seconds`` counts all training so far.
    """

    network: KAN
    data: Data
    settings: Mapping[str, Any]
    history: History
    outcome: str
    validation: Data | None = None
    seconds: float = 0.0
    formula: Formula | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def predict(self, X: Any) -> np.ndarray:  # (N, d) -> (N,) or (N, m)
        """The values at points."""
        like = next(self.network.parameters())
        x = torch.as_tensor(np.asarray(X, dtype=float), dtype=like.dtype, device=like.device)
        with torch.no_grad():
            y = self.network(x).cpu().double().numpy()
        return y[:, 0] if y.shape[1] == 1 else y

    __call__ = predict
