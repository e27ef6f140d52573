"""``kanpde.fit``: from arrays to a trained network in one call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

import torch

from kanpde.errors import MissingDependency
from kanpde.kan import KAN
from kanpde.learn.automatic import automatic
from kanpde.learn.data import Data
from kanpde.learn.regression import Regression
from kanpde.learn.training import Trained, train
from kanpde.optimize.threads import threads
from kanpde.results.history import Report

DTYPES = {"float64": torch.float64, "float32": torch.float32}
Auto = Literal["auto"]

DEGREE = 3  # the splines of the KAN paper
GRIDS = (5, 10, 20)  # stages where none are given: each halves all intervals, which changes nothing by itself
STARTS = 4  # networks of random edges that are begun; one in eight or so of those with few nodes ends in a bad minimum
START_STEPS = 20  # of each, after which the bad ones have fallen behind
START_SHARE = 0.3  # of the budget
NOTICED = 1e-12  # relative difference of values at equal points that is worth a word; less is round-off


def fit(
    X: Any,
    y: Any,
    *,
    network: KAN | None = None,
    widths: Sequence[int | Sequence[int]] | Auto = "auto",
    grid: int | Sequence[int] | Auto = "auto",
    degree: int | Auto = "auto",
    basis: str = "auto",
    base: str | None = "zero",
    optimizer: str = "levenberg-marquardt",
    steps: int | None = None,
    batch: int | None = None,
    l1: float = 0.0,
    entropy: float = 0.0,
    smoothness: float | Auto = "auto",
    ridge: float = 0.0,
    validation: float | tuple[Any, Any] = 0.2,
    patience: int | None = None,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float64",
    budget: float = 60.0,
    tolerance: float = 0.0,
    names: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    domain: Any = None,
    progress: bool = False,
    report: Report | None = None,
    **settings: float,
) -> Regression:
    """A Kolmogorov-Arnold network fitted to points ``X`` (N, d) with values ``y`` (N,) or (N, m).

    Without any setting the recipe of ``kanpde.learn.choice`` decides: the points that are held back choose among networks, and
    are then learned from as well (unless they were given). Otherwise a network is trained: ``network`` as it is, or what
    ``widths`` (``[2, 5, 1]``, inputs and outputs included), ``grid`` (intervals of every edge, or those of successive stages),
    ``degree``, ``basis`` and ``base`` say. ``l1``, ``entropy``, ``smoothness`` and ``ridge`` are weights against the squared
    relative error (see ``kanpde.learn.penalties``). ``validation`` is the share of points that are held back, or a pair (X, y).
    ``steps`` are those of a stage, ``batch`` the points of a mini-batch of Adam, ``budget`` seconds, ``tolerance`` a relative
    error that is good enough. ``names`` and ``targets`` name the columns, ``domain`` (d, 2) gives ranges wider than those of the
    points; ``settings`` go to the optimiser (``learning_rate``). Equal data and seed give an equal result, unless the time runs
    out.

    How good the fit is, and why training ended, is said by ``outcome``. Raises ValueError for input that does not fit, which says
    what to write instead.
    """
    began = time.perf_counter()
    if not budget > 0:
        raise ValueError(f"budget is a number of seconds above 0; got {budget}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance is a relative error, 0 or more; got {tolerance}")
    if isinstance(validation, str):
        raise ValueError(f"validation is the share of points held back, like 0.2, or a pair (X, y); got '{validation}'")
    if dtype not in DTYPES:
        raise ValueError(f"dtype is one of {', '.join(DTYPES)}; got '{dtype}'")
    data = Data.of(X, y, names, targets, domain, DTYPES[dtype], _device(device))
    generator = torch.Generator().manual_seed(seed)
    if isinstance(validation, tuple):
        held: Data | None = Data.of(*validation, data.names, data.targets, None, DTYPES[dtype], data.x.device)
    else:
        data, held = data.split(validation, generator)
    words: dict[str, Any] = {
        "optimizer": optimizer,
        "steps": steps,
        "batch": batch,
        "l1": l1,
        "entropy": entropy,
        "smoothness": smoothness,
        "ridge": ridge,
        "patience": patience,
        "tolerance": tolerance,
        "seed": seed,
        **settings,
    }
    from kanpde.report.progress import shown

    with shown(report, progress, "fit") as said, threads(1):
        grids = _grids(grid, network)
        if network is None and widths == "auto" and grid == "auto" and base == "zero" and _plain(words):
            kind, order = "chebyshev" if basis == "auto" else basis, None if degree == "auto" else degree
            share = not isinstance(validation, tuple)
            found = automatic(data, held, kind, order, began + budget, seed, said, whole=share)
            everything, apart = (data.joined(held), None) if share else (data, held)
            kept = {**words, "basis": kind, "base": base, "validation": validation, "device": device, "dtype": dtype}
            took = time.perf_counter() - began
            where = "on points held back" if found.apart else f"on {data.points} points themselves, too few to hold any back"
            outcome = f"relative error {found.error:.1e} {where}: {found.sentence}{_remarks(everything)}"
            return Regression(found.network, everything, {**kept, "budget": budget}, found.history, outcome, apart, took)
        basis = "bspline" if basis == "auto" else basis
        if network is None:
            order = DEGREE if degree == "auto" else degree
            chosen = _widths(widths, data)
            made = [
                KAN(chosen, grids[0], order, basis, base, data.domain, generator, data.x.dtype, data.x.device)
                for _ in range(STARTS if len(chosen) > 2 and optimizer == "levenberg-marquardt" else 1)
            ]
            network = _best(made, data, held, began + START_SHARE * budget, words)
        elif widths != "auto" or degree != "auto":
            raise ValueError("a network that is given has its widths and its degree; leave these words out, or the network")
        trained = train(network, data, held, grids=grids, deadline=began + budget, report=said, **words)
    kept = {**words, "basis": basis, "base": base, "validation": validation, "device": device, "dtype": dtype, "budget": budget}
    seconds = time.perf_counter() - began
    return Regression(trained.network, data, kept, trained.history, _outcome(trained, data), held, seconds)


def _best(made: list[KAN], data: Data, held: Data | None, deadline: float, words: dict[str, Any]) -> KAN:
    """The network that is ahead after a few steps, trained so far."""
    if len(made) == 1:
        return made[0]
    few = {**words, "steps": min(words["steps"] or START_STEPS, START_STEPS)}
    found: list[Trained] = []
    for network in made:
        if found and time.perf_counter() > deadline:
            break
        found.append(train(network, data, held, deadline=deadline, **few))
    return min(found, key=lambda trained: trained.error if trained.validation is None else trained.validation).network


def _plain(words: dict[str, Any]) -> bool:
    """Whether nothing was said about training, so that the recipe may decide."""
    usual = {"optimizer": "levenberg-marquardt", "smoothness": "auto", "l1": 0.0, "entropy": 0.0, "ridge": 0.0}
    return all(value == usual.get(name) for name, value in words.items() if name not in ("seed", "tolerance"))


def _grids(grid: int | Sequence[int] | Auto, network: KAN | None) -> tuple[int, ...]:
    if isinstance(grid, str):
        if grid != "auto":
            raise ValueError(f"grid is a number of intervals, a list of them, or 'auto'; got '{grid}'")
        return GRIDS if network is None else ()
    found = (grid,) if isinstance(grid, int) else tuple(grid)
    if not found or not all(isinstance(g, int) and not isinstance(g, bool) and g >= 1 for g in found):
        raise ValueError(f"grid is a number of intervals from 1 on, or a list of such, as [5, 10, 20]; got {grid!r}")
    return found


def _widths(widths: Sequence[int | Sequence[int]] | Auto, data: Data) -> list[int | Sequence[int]]:
    """What was asked for, if it fits the data; the width of Kolmogorov's theorem if nothing was."""
    d, m = data.inputs, data.outputs
    if isinstance(widths, str):
        if widths != "auto":
            raise ValueError(f"widths are nodes of each layer, as [{d}, {2 * d + 1}, {m}], or 'auto'; got '{widths}'")
        return [d, m] if d == 1 else [d, 2 * d + 1, m]
    found = list(widths)
    ends = [sum(w) if isinstance(w, Sequence) else w for w in (found[:1] + found[-1:])]
    if len(found) < 2 or ends != [d, m]:
        raise ValueError(f"widths are [{d}, ..., {m}] for {d} column(s) of X and {m} of y; got {found}")
    return found


def _device(device: str) -> torch.device:
    if device not in ("auto", "cpu") and not device.startswith("cuda"):
        raise ValueError(f"the device is one of auto, cpu, cuda; got '{device}'")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise MissingDependency("no CUDA device is available here; leave device out, or say device='cpu'")
    return torch.device("cpu" if device == "auto" else device)


def _outcome(trained: Trained, data: Data) -> str:
    held = "" if trained.validation is None else f", {trained.validation:.1e} on points held back"
    text = f"relative error {trained.error:.1e} on {data.points} points{held}: {trained.sentence}"
    if trained.network.count > data.points * data.outputs:
        text += (
            f"; there are more parameters ({trained.network.count}) than values: more points, or a coarser grid, would be safer"
        )
    return text + _remarks(data)


def _remarks(data: Data) -> str:
    """What no network could do anything about."""
    text = ""
    if data.conflicts > NOTICED:
        text += f"; points at the same place differ by {data.conflicts:.1e}, and no function fits better than that"
    if data.constant:
        text += f"; nothing is learned about {', '.join(data.constant)}, which is the same at every point"
    return text
