"""Regression without settings: the recipe of ``choice``, and trained networks where no sum of products will do."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kanpde.kan import KAN
from kanpde.learn.choice import Choice, as_network, choose
from kanpde.learn.choice.types import Array
from kanpde.learn.data import Data
from kanpde.learn.objective import Misfit
from kanpde.learn.training import train
from kanpde.results.history import Event, History, Report, StageRecord, silent

POOR = 0.05  # relative error from where trained networks are tried as well
NOISY = 0.5  # of the error: where the evidence finds that much noise, no network does better
GRIDS = (4, 8)  # of trained networks: the coarse one finds the shape
HIDDEN = (1, 5)  # nodes of the hidden layer of trained networks; 1 stands for none
PART, LONGEST = 0.5, 60.0  # of the time that is left, for trained networks; seconds where there is no end
MARGIN = 0.01  # of the range, between the outermost points and the ends of the grids
SPARE = 0.2  # of the points, held back for the choice where the caller holds back none


@dataclass(frozen=True)
class Automatic:
    """A network, its relative error on points that were held back from the choice (``apart``), and how it came about.

    Of few points none can be held back; the error is that on the points themselves then, and says little.
    """

    network: KAN
    error: float
    sentence: str
    history: History
    apart: bool = True


def automatic(
    data: Data,
    held: Data | None,
    basis: str = "chebyshev",
    degree: int | None = None,
    deadline: float = math.inf,
    seed: int = 0,
    report: Report = silent,
    whole: bool = True,
) -> Automatic:
    """The network that suits the data. ``held`` decides the size; None holds back a fifth for it.

    With ``whole`` the points that were held back are learned from once they have decided. ``deadline`` is a value of
    ``time.perf_counter()``.
    """
    began = time.perf_counter()
    if held is None:
        data, held = data.split(SPARE, torch.Generator().manual_seed(seed))
    apart = held is not None
    if held is None:  # too few points to hold any back: those that there are decide
        held = data
    domain = _roomy(data, held)
    middle, half = domain.mean(1), (domain[:, 1] - domain[:, 0]) / 2

    def unit(points: Data) -> Array:
        return np.asarray(((points.x.double().cpu() - middle) / half).numpy())

    def told(words: str) -> None:
        report(Event("message", message=words, seconds=time.perf_counter() - began))

    pair = unit(held), np.asarray(held.y.double().cpu().numpy())
    y = np.asarray(data.y.double().cpu().numpy())
    choice = choose(unit(data), y, pair, np.asarray(half.numpy()), deadline=deadline, seed=seed, report=told, whole=whole)
    network = as_network(choice, domain, basis, degree).to(data.x)
    seconds = time.perf_counter() - began
    misfit = Misfit(network, data)
    error = float(misfit.residual(misfit.theta).norm())
    record = StageRecord("choice", network.intervals, network.count, len(choice.tried), seconds, error, choice.best.error)
    result = Automatic(network, choice.best.error, choice.words, History([record]), apart)
    if _doubtful(choice) and time.perf_counter() < deadline:
        until = time.perf_counter() + PART * min(deadline - time.perf_counter(), LONGEST)
        return _trained(data, held, result, "bspline" if basis == "chebyshev" else basis, degree or 3, until, seed, report)
    return result


def _roomy(data: Data, held: Data) -> Tensor:  # (d, 2)
    """The domain with room beyond the points where it has none: polynomials grow without bound behind their interval."""
    x = torch.cat([data.x, held.x]).double().cpu()
    lower, upper = data.domain.double().cpu().T
    room = MARGIN * (upper - lower)
    return torch.stack([torch.minimum(lower, x.amin(0) - room), torch.maximum(upper, x.amax(0) + room)], 1)


def _trained(
    data: Data, held: Data, plain: Automatic, basis: str, degree: int, until: float, seed: int, report: Report
) -> Automatic:
    """The best of networks of sum nodes trained from random starts, if it is better than ``plain``."""
    best = plain
    for hidden in HIDDEN:
        if time.perf_counter() > until:
            break
        widths = [data.inputs, *([hidden] if hidden > 1 else []), data.outputs]
        generator = torch.Generator().manual_seed(seed)
        start = KAN(widths, GRIDS[0], degree, basis, None, data.domain, generator, data.x.dtype, data.x.device)
        found = train(start, data, held, grids=GRIDS, deadline=until, seed=seed, report=report)
        if found.validation is not None and found.validation < best.error:
            words = f"a trained network {widths}: {found.sentence}"
            history = History([*plain.history.stages, *found.history.stages])
            best = Automatic(found.network, found.validation, words, history, plain.apart)
    return best


def _doubtful(choice: Choice) -> bool:
    """Whether there may be more in the data than what was found."""
    return choice.best.error > POOR and math.sqrt(choice.best.prior.noise) < NOISY * choice.best.error
