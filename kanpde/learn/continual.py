"""Further data for a network that has been fitted: its grids grow, and what earlier data determined is kept.

Two things keep it. Local bases do by themselves: Levenberg-Marquardt leaves coefficients whose support got no points to the bit,
as long as there is no base function and no penalty. ``Memory`` does for every basis, also where earlier and new points meet.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from kanpde.learn.data import Data
from kanpde.learn.memory import Memory
from kanpde.learn.training import train
from kanpde.optimize.threads import threads
from kanpde.results import History, Report, silent

if TYPE_CHECKING:
    from kanpde.learn.regression import Regression

QUIET = {"l1": 0.0, "entropy": 0.0, "smoothness": 0.0, "ridge": 0.0}  # a penalty on all edges would undo what was learned


def continued(
    regression: Regression,
    X: Any,
    y: Any,
    *,
    remember: bool = True,
    validation: float = 0.0,
    budget: float = 60.0,
    report: Report = silent,
    **words: Any,
) -> Regression:
    """The network trained on new points ``X``, ``y`` alone, from where it is; ``words`` are those of training (see ``train``).

    With ``remember`` the earlier points, of this and of all trainings before by this function, count as much as the new ones, as
    far as a network that is linear around the old one can say (exact for one layer): they themselves are not looked at again.
    Without, only coefficients that the new points do not reach are kept. Penalties are off unless they are given. Inputs beyond
    the grid make it grow, which the outcome says. Raises ValueError for points and words that do not fit.
    """
    from kanpde.learn.regression import MODEL

    if wrong := [word for word in words if word in MODEL]:
        raise ValueError(f"learn trains the network that there is, and has no word '{wrong[0]}'; fit a new one")
    regression.predict(X)  # says which columns are wanted, if they are others
    old = regression.data
    data = Data.of(X, y, old.names, old.targets, None, old.x.dtype, old.x.device)
    data, held = data.split(validation, torch.Generator().manual_seed(int(words.get("seed", 0))))
    before = regression.memory
    before = before if before is not None and before.fits(regression.network) else None  # not after nodes were pruned
    memory = Memory.of(regression.network, old, before) if remember else None
    began = time.perf_counter()
    with threads(1):
        trained = train(
            regression.network, data, held, deadline=began + budget, report=report, memory=memory, **{**QUIET, **words}
        )
    outcome = f"relative error {trained.error:.1e} on {data.points} new points: {trained.sentence}"
    if memory is not None:
        outcome += f"; at {memory.points} earlier points the function has changed by {memory.error(trained.network):.1e}"
    return replace(
        regression,
        network=trained.network,
        data=data,
        validation=held,
        memory=memory,
        outcome=outcome,
        formula=None,
        settings={**regression.settings, **words},
        history=History([*regression.history.stages, *trained.history.stages]),
        seconds=regression.seconds + time.perf_counter() - began,
    )
