"""Training a network on data: stages over finer and finer grids, each in rounds, with points held back to say when to stop.

A round fits the grids of hidden layers to the values that occur, takes the rows of the penalties anew, and runs the optimiser. The
network that is kept is the one with the smallest error on the validation points, or without any, on the data.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from kanpde.kan import KAN
from kanpde.kan.refine import adapt, with_intervals
from kanpde.learn.data import Data
from kanpde.learn.objective import Misfit
from kanpde.learn.penalties import NONE, Scalar, Weights, reweighted
from kanpde.optimize import OPTIMIZERS, LevenbergMarquardt
from kanpde.results.history import Event, History, Report, StageRecord, silent

SECOND_ORDER = ("levenberg-marquardt", "gauss-newton")
STEPS = {"levenberg-marquardt": 200, "gauss-newton": 50, "adam": 3000, "lbfgs": 1000, "broyden": 1000}
"""Steps of a stage at most, where none are given."""

PATIENCE = {"levenberg-marquardt": 25, "gauss-newton": 10, "adam": 500, "lbfgs": 200, "broyden": 200}
"""Steps without a smaller validation error, after which a stage ends."""

ROUND = {"levenberg-marquardt": 20, "gauss-newton": 5}  # steps of a round: hidden values leave their grids in longer ones
ROUNDS = 4  # of a first-order method, each a share of the steps
MARGIN = 0.1  # of the hidden grids, as for deep networks of differential equations
PROBES = 10_000  # points at most that hidden grids are fitted to
ENOUGH = 0.98  # a round, or a stage, that brings the error to no less than this share was the last one


@dataclass(frozen=True)
class Trained:
    """A network, how it was found, and its relative errors: root mean square over the spread of y, dimensionless."""

    network: KAN
    history: History
    sentence: str
    error: float
    validation: float | None = None


@dataclass
class _Run:
    """One training: what does not change, and the best network so far."""

    data: Data
    held: Data | None
    scale: Tensor
    weights: Weights
    optimizer: str
    steps: int
    batch: int | None
    patience: int
    target: float
    deadline: float
    generator: torch.Generator
    report: Report
    settings: dict[str, float]
    history: History = field(default_factory=History)
    began: float = field(default_factory=time.perf_counter)

    @property
    def late(self) -> bool:
        """Whether the time is used up."""
        return time.perf_counter() > self.deadline

    def error(self, network: KAN, data: Data) -> float:
        """The relative root mean square error."""
        misfit = Misfit(network, data, scale=self.scale)
        return float(misfit.residual(misfit.theta).norm())

    def tell(self, event: Event) -> None:
        """Hands an event on with the time."""
        self.report(replace(event, seconds=time.perf_counter() - self.began))


def train(
    network: KAN,
    data: Data,
    validation: Data | None = None,
    *,
    optimizer: str = "levenberg-marquardt",
    steps: int | None = None,
    batch: int | None = None,
    grids: tuple[int, ...] = (),
    l1: float = 0.0,
    entropy: float = 0.0,
    smoothness: float = 0.0,
    ridge: float = 0.0,
    patience: int | None = None,
    tolerance: float = 0.0,
    deadline: float = math.inf,
    seed: int = 0,
    report: Report = silent,
    **settings: float,
) -> Trained:
    """The network trained on ``data``, in one stage on its own grid or in one for each of ``grids`` (intervals of every edge).

    ``steps`` are those of a stage; ``batch`` the points of a mini-batch, for Adam; ``tolerance`` a relative error that is good
    enough; ``deadline`` a value of ``time.perf_counter()``; ``settings`` go to the optimiser (``learning_rate``). The given
    network is not changed. Raises ValueError for words that do not fit.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"no optimizer is called '{optimizer}'; there are {', '.join(OPTIMIZERS)}")
    if network.inputs != data.inputs or network.outputs != data.outputs:
        raise ValueError(
            f"the network has {network.inputs} inputs and {network.outputs} outputs, the data {data.inputs} and {data.outputs}"
        )
    run = _Run(
        data,
        validation,
        data.scale,
        Weights(l1, entropy, smoothness, ridge),
        optimizer,
        steps or STEPS[optimizer],
        batch,
        patience or PATIENCE[optimizer],
        tolerance,
        deadline,
        torch.Generator().manual_seed(seed),
        report,
        settings,
    )
    best, best_error, sentence = network, math.inf, ""
    for number, grid in enumerate(grids or (None,), 1):
        current = best
        if grid is not None and grid > min(current.intervals):
            current = with_intervals(current, grid)
        current, error, sentence = _stage(run, current, f"grid {max(current.intervals)}")
        gained = error <= ENOUGH * best_error
        if error < best_error:
            best, best_error = current, error
        if number > 1 and not gained:
            sentence = "finer grids bring no more"
            break
        if run.late or error <= tolerance:
            break
    error = run.error(best, data)
    held = None if validation is None else run.error(best, validation)
    return Trained(best, run.history, sentence, error, held)


def _stage(run: _Run, network: KAN, name: str) -> tuple[KAN, float, str]:
    """The best network of one stage, its error by which it was chosen, and why the stage ended."""
    began, taken = time.perf_counter(), 0
    run.tell(Event("stage", name, network.intervals))
    each = ROUND.get(run.optimizer, -(-run.steps // ROUNDS))
    watched = run.data if run.held is None else run.held
    best, best_error, waited, before = network, run.error(network, watched), 0, math.inf
    sentence = f"{run.steps} steps were not enough"
    while taken < run.steps:
        if len(network.stack) > 1:
            network, _ = adapt(network, _some(run.data.x), MARGIN)
        problem = Misfit(network, run.data, _penalty(run, network), run.scale, run.batch, run.generator)
        judge = None if run.held is None else Misfit(network, run.held, scale=run.scale)
        best_theta: Tensor | None = None
        start = taken

        def monitor(step: int, cost: float) -> bool:
            nonlocal best_theta, best_error, waited
            theta = problem.last
            error = cost if judge is None else float(judge.residual(theta).norm())
            run.tell(Event("step", name, network.intervals, start + step, cost, None if judge is None else error))
            if judge is not None and error < best_error:
                best_theta, best_error, waited = theta.clone(), error, 0
            elif judge is not None:
                waited += 1
            return not run.late and waited < run.patience

        outcome = _optimizer(run)(problem, problem.theta, min(each, run.steps - taken), monitor)
        taken += outcome.steps
        network = problem.network_at(outcome.theta)
        if judge is None:
            error = run.error(network, run.data)
            if error < best_error:
                best, best_error = network, error
        elif best_theta is not None:
            best = problem.network_at(best_theta)
        if not math.isfinite(outcome.cost):
            sentence = (
                "the error is no longer finite: lower the learning rate, or look for values of very different size in the data"
            )
            break
        if run.late:
            sentence = "the time is used up"
            break
        if waited >= run.patience:
            sentence = f"the validation error has not fallen for {run.patience} steps"
            break
        if outcome.cost <= run.target or outcome.steps == 0 or outcome.cost > ENOUGH * before:
            sentence = outcome.sentence
            break
        before = outcome.cost
    seconds = time.perf_counter() - began
    error = run.error(best, run.data)
    run.history.stages.append(
        StageRecord(
            name,
            best.intervals,
            best.count,
            taken,
            seconds,
            error,
            None if run.held is None else best_error,
            None,
            None,
            run.optimizer,
        )
    )
    run.tell(Event("record", name, best.intervals, taken, error, None if run.held is None else best_error))
    return best, best_error, sentence


def _penalty(run: _Run, network: KAN) -> "NONE":
    if not run.weights.any:
        return NONE
    if run.optimizer in SECOND_ORDER:
        return reweighted(network, run.data.x, run.scale, run.weights)
    return Scalar(network, run.data.x, run.scale, run.weights)


def _optimizer(run: _Run):
    kind = OPTIMIZERS[run.optimizer]
    settings = dict(run.settings)
    if kind is LevenbergMarquardt:
        settings["target"] = run.target
    return kind(**settings)


def _some(x: Tensor) -> Tensor:
    return x if len(x) <= PROBES else x[:: -(-len(x) // PROBES)]
