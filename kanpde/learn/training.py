"""Training a network on data: stages over finer and finer grids, each in rounds, with points held back to say when to stop.

A round fits the grids of hidden layers to the values that occur, takes the rows of the penalties anew, and runs the optimiser.
The network that is kept is the one with the smallest error on the validation points, or without any, on the data; with sparsity
asked for (l1, entropy), with the smallest sum of the squared error and these penalties: the error alone would undo them.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from kanpde.kan import KAN
from kanpde.kan.growth import grown
from kanpde.kan.refine import finer, follow
from kanpde.learn.data import Data
from kanpde.learn.memory import Both, Memory
from kanpde.learn.objective import Misfit
from kanpde.learn.penalties import NONE, Penalty, Scalar, Weights, reweighted, sparsity
from kanpde.learn.smoothing import ORDER, smoothing
from kanpde.optimize import OPTIMIZERS, LevenbergMarquardt
from kanpde.results.history import Event, History, Report, StageRecord, silent

SECOND_ORDER = ("levenberg-marquardt", "gauss-newton")
"""Optimisers that take rows; the others take the gradient of the penalties as they are."""

STEPS = {"levenberg-marquardt": 200, "gauss-newton": 50, "adam": 3000, "lbfgs": 1000, "broyden": 1000}
"""Steps of a stage at most, where none are given."""

PATIENCE = {"levenberg-marquardt": 25, "gauss-newton": 10, "adam": 500, "lbfgs": 200, "broyden": 200}
"""Steps without a smaller validation error, after which a stage ends."""

ROUND = {"levenberg-marquardt": 20, "gauss-newton": 5}  # steps of a round: hidden values leave their grids in longer ones
ROUNDS = 4  # of a method that uses gradients only, each a share of the steps
MARGIN = 0.02  # of the hidden grids: beyond the data edges only go on as they end
FIRST = 1e-11  # weight of the smoothness at the start, when edges are straight lines that are not meant to stay so
USED = 0.7  # of a hidden grid: one that is used less, or that values leave, is fitted to them
PROBES = 10_000  # points at most that hidden grids are fitted to, and that choose: their mean square is known to 1 %
ROWS = 20  # values a parameter, of which second-order methods take others in each round: the error grows by 2.5 % from it
WHOLE, BATCH = 4096, 1024  # points up to which Adam takes all at once, and the mini-batch beyond
SPARSE_ROUND = 5  # steps of a round with weights for sparsity, which are worth little once edges have changed
ENOUGH = 0.98  # a round, or a stage, that brings the error to no less than this share has not helped
IDLE = 2  # rounds, or stages, that do not help, after which there are no more


@dataclass(frozen=True)
class Trained:
    """A network, how it was found, and its relative errors: root mean square over the spread of y, dimensionless.

    ``smoothness`` is the weight that was used last.
    """

    network: KAN
    history: History
    sentence: str
    error: float
    validation: float | None = None
    smoothness: float = 0.0

    @property
    def judged(self) -> float:
        """The error that networks are compared by: that on the points held back, where there are any."""
        return self.error if self.validation is None else self.validation


@dataclass
class _Run:
    """One training: what was asked for, and what has happened."""

    data: Data
    held: Data | None
    weights: Weights
    auto: bool  # whether the smoothness is learned
    optimizer: str
    steps: int
    batch: int | None
    patience: int
    target: float
    deadline: float
    generator: torch.Generator
    report: Report
    settings: dict[str, Any]
    memory: Memory | None = None
    history: History = field(default_factory=History)
    began: float = field(default_factory=time.perf_counter)

    @property
    def late(self) -> bool:
        """Whether the time is used up."""
        return time.perf_counter() > self.deadline

    @cached_property
    def scale(self) -> Tensor:  # (m,)
        """What errors are measured by, on all points, and in all trainings of a network that remembers."""
        return self.data.scale if self.memory is None else self.memory.scale

    @cached_property
    def watched(self) -> Data:
        """The points that choose among networks, no more than are needed."""
        data = self.data if self.held is None else self.held
        if data.points <= PROBES:
            return data
        return data.part(torch.arange(0, data.points, -(-data.points // PROBES), device=data.x.device))

    def sample(self, network: KAN) -> Data:
        """The points of a round: all, or as many as determine the parameters well enough."""
        most = max(ROWS * network.count // self.data.outputs, WHOLE)
        if self.optimizer not in SECOND_ORDER or most >= self.data.points:
            return self.data
        chosen = torch.randperm(self.data.points, generator=self.generator)[:most].sort().values
        return self.data.part(chosen.to(self.data.x.device))

    def error(self, network: KAN, data: Data) -> float:
        """The relative root mean square error."""
        misfit = Misfit(network, data, scale=self.scale)
        return float(misfit.residual(misfit.theta).norm())

    def tell(self, event: Event) -> None:
        """Hands an event on with the time."""
        self.report(replace(event, seconds=time.perf_counter() - self.began))

    def penalty(self, network: KAN) -> Penalty:
        """The penalties around a network, and what is remembered of earlier data."""
        own = NONE
        if self.weights.any:
            kind = reweighted if self.optimizer in SECOND_ORDER else Scalar
            own = kind(network, self.data.x, self.scale, self.weights)
        return own if self.memory is None else Both(own, self.memory.around(network, self.data.points))

    def judged(self, network: KAN) -> float:
        """What is to be small: the relative error on the points that choose, the change of what is remembered, and sparsity."""
        score = self.error(network, self.watched)
        if self.memory is not None:
            score = math.hypot(score, self.memory.error(network) * (self.memory.points / self.data.points) ** 0.5)
        if self.weights.l1 or self.weights.entropy:
            score = math.hypot(score, float(sparsity(network, self.data.x, self.scale, self.weights)) ** 0.5)
        return score


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
    smoothness: float | Literal["auto"] = "auto",
    ridge: float = 0.0,
    patience: int | None = None,
    tolerance: float = 0.0,
    deadline: float = math.inf,
    seed: int = 0,
    report: Report = silent,
    memory: Memory | None = None,
    **settings: Any,
) -> Trained:
    """The network trained on ``data``, in one stage on its own grid or in one for each of ``grids`` (intervals of every edge).

    ``steps`` are those of a stage; ``batch`` the points of a mini-batch of Adam, 1024 of more than 4096 points if not given; of
    very many points, second-order methods take others in each round. ``smoothness`` "auto" is learned in every
    round; ``tolerance`` is a relative error that is good enough; ``deadline`` a value of ``time.perf_counter()``; ``settings`` go
    to the optimiser (``learning_rate``); ``memory`` is what earlier data determined. The given network is not changed. Ctrl-C
    ends training with the best network so far.
    Raises ValueError for words that do not fit.
    """
    _check(network, data, validation, optimizer, steps, batch, grids, patience)
    if optimizer == "adam" and batch is None and data.points > WHOLE:
        batch = BATCH
    auto = smoothness == "auto"
    if isinstance(smoothness, str) and not auto:
        raise ValueError(f"smoothness is a weight or 'auto'; got '{smoothness}'")
    weights = Weights(l1, entropy, 0.0 if isinstance(smoothness, str) else smoothness, ridge, ORDER if auto else 2)
    run = _Run(
        data,
        validation,
        weights,
        auto,
        optimizer,
        steps or STEPS[optimizer],
        batch,
        patience or PATIENCE[optimizer],
        tolerance,
        deadline,
        torch.Generator().manual_seed(seed),
        report,
        settings,
        memory,
    )
    _optimizer(run)  # a word that it does not know is refused before anything is done
    best, growth = grown(network, data.x, hidden=False)  # a network that is trained on may meet inputs that it has not seen
    best_score, sentence, idle = math.inf, "", 0
    for grid in grids or (None,):
        start = best if grid is None or grid <= min(best.intervals) else finer(best, grid)
        stage = _Stage(run, start)
        try:
            sentence = stage.train()
        except KeyboardInterrupt:
            stage.see_last()
            sentence = "interrupted"
        stage.record()
        idle = 0 if stage.score <= ENOUGH * best_score else idle + 1
        if stage.score < best_score:
            best, best_score = stage.best, stage.score
        if run.late or sentence == "interrupted" or best_score <= tolerance:
            break
        if idle >= IDLE:
            sentence = "finer grids bring no more"
            break
    held = None if validation is None else run.error(best, validation)
    sentence = f"{sentence}; {growth}" if growth else sentence
    return Trained(best, run.history, sentence, run.error(best, data), held, run.weights.smoothness)


class _Stage:
    """Training on one grid: the best network so far and its score."""

    def __init__(self, run: _Run, network: KAN) -> None:
        self.run = run
        self.best, self.score = network, run.judged(network)
        self.name = f"grid {max(network.intervals, default=0)}"
        self.began = time.perf_counter()
        self.taken = self.best_at = 0  # steps
        self.last: tuple[Misfit, Tensor] | None = None  # the step that was accepted last
        run.tell(Event("stage", self.name, network.intervals))

    def train(self) -> str:
        """Rounds until one of many reasons to stop, which is returned."""
        run, network, before, idle = self.run, self.best, math.inf, 0
        each = ROUND.get(run.optimizer, -(-run.steps // ROUNDS))
        if run.optimizer in SECOND_ORDER and (run.weights.l1 or run.weights.entropy):
            each = min(each, SPARSE_ROUND)
        while self.taken < run.steps:
            network = _fitting(network, run.data.x if run.memory is None else torch.cat([run.data.x, run.memory.places]))
            sample = run.sample(network)
            if run.auto:
                before_it = run.weights.smoothness
                weight = smoothing(network, sample, run.scale, before_it) if before_it else FIRST
                run.weights = replace(run.weights, smoothness=weight)
            problem = Misfit(network, sample, run.penalty(network), run.scale, run.batch, run.generator)
            outcome = _optimizer(run)(problem, problem.theta, min(each, run.steps - self.taken), _Watch(self, problem))
            network = problem.network_at(outcome.theta)
            self.taken += outcome.steps
            self.see(problem, outcome.theta, self.taken)
            if not math.isfinite(outcome.cost) or "no longer finite" in outcome.sentence:
                return (
                    "the error is no longer finite, and the best network before is kept; try a smaller learning rate, a coarser "
                    "grid, or values of y of more similar size (their logarithm, say)"
                )
            if run.late:
                return "the time is used up; a larger budget would allow more"
            if self.stale:
                return f"the validation error has not fallen for {run.patience} steps"
            if outcome.cost <= run.target or outcome.steps == 0:
                return outcome.sentence
            idle = idle + 1 if outcome.cost > ENOUGH * before else 0
            if idle >= IDLE:
                return "more steps bring no more"
            before = min(before, outcome.cost)
        return f"{run.steps} steps were not enough"

    @property
    def stale(self) -> bool:
        """Whether the validation error has not fallen for long."""
        return self.run.held is not None and self.taken - self.best_at >= self.run.patience

    def see(self, problem: Misfit, theta: Tensor, step: int) -> float:
        """Keeps the network at theta if it is the best one; its error."""
        candidate = problem.network_at(theta)
        error = self.run.judged(candidate)
        if error < self.score:
            self.best, self.score, self.best_at = candidate, error, step
        return error

    def see_last(self) -> None:
        """Keeps the network of the last accepted step, if it is the best one, when a round does not come to its end."""
        if self.last is not None:
            self.see(*self.last, self.taken)

    def record(self) -> None:
        """Adds the stage to the history."""
        run, best = self.run, self.best
        seconds, error = time.perf_counter() - self.began, run.error(best, run.data)
        held = None if run.held is None else run.error(best, run.held)
        run.history.stages.append(
            StageRecord(self.name, best.intervals, best.count, self.taken, seconds, error, held, solver=run.optimizer)
        )
        run.tell(Event("record", self.name, best.intervals, self.taken, error, held))


@dataclass
class _Watch:
    """What looks at every accepted step of a round: reports it, keeps the best network, says when to stop."""

    stage: _Stage
    problem: Misfit

    def __call__(self, step: int, cost: float) -> bool:
        """Whether to go on."""
        stage, run = self.stage, self.stage.run
        at = stage.taken + step
        stage.last = self.problem, self.problem.last
        error = None
        if run.held is not None:
            error = stage.see(self.problem, self.problem.last, at)
        run.tell(Event("step", stage.name, stage.best.intervals, at, cost, error))
        return not run.late and (run.held is None or at - stage.best_at < run.patience)


def _check(
    network: KAN,
    data: Data,
    validation: Data | None,
    optimizer: str,
    steps: int | None,
    batch: int | None,
    grids: tuple[int, ...],
    patience: int | None,
) -> None:
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"no optimizer is called '{optimizer}'; there are {', '.join(OPTIMIZERS)}")
    for what in filter(None, (data, validation)):
        if (network.inputs, network.outputs) != (what.inputs, what.outputs):
            raise ValueError(
                f"the network takes {network.inputs} inputs to {network.outputs} outputs, and the data have {what.inputs} and "
                f"{what.outputs}; widths should be [{what.inputs}, ..., {what.outputs}]"
            )
    for name, value in (("steps", steps), ("batch", batch), ("patience", patience), *(("grid", grid) for grid in grids)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} is a whole number from 1 on; got {value!r}")
    if batch is not None and optimizer != "adam":
        raise ValueError(f"mini-batches are for optimizer='adam'; '{optimizer}' takes the points piece by piece as it is")
    if any(a > b for a, b in pairwise(grids)):
        raise ValueError(f"the grids {grids} shrink; a coarser grid would forget what the finer one has learned")


def _optimizer(run: _Run) -> Any:
    kind = OPTIMIZERS[run.optimizer]
    settings = dict(run.settings)
    if kind is LevenbergMarquardt:
        settings.setdefault("target", run.target)
    try:
        return kind(**settings)
    except TypeError:
        known = ", ".join(f.name for f in fields(kind))
        raise ValueError(f"'{run.optimizer}' has the settings {known}; got {', '.join(settings)}") from None


@torch.no_grad()
def _fitting(network: KAN, x: Tensor) -> KAN:
    """The network with hidden grids that its values fill, and do not leave; moving them costs a projection, so only then."""
    if len(network.stack) < 2:
        return network
    some = x if len(x) <= PROBES else x[:: -(-len(x) // PROBES)]
    for layer, values in zip(network.stack[1:], network.activations(some)[1:], strict=False):
        low, high = values.aminmax(dim=0)
        for group, source in zip(layer.edges, layer.sources, strict=True):
            a, b = group.breaks[:, 0], group.breaks[:, -1]
            least, most = low[list(source)], high[list(source)]
            if bool(((least < a) | (most > b) | (most - least < USED * (b - a))).any()):
                return follow(network, some, MARGIN)[0]
    return network
