"""What every way of training needs: the problem, the plan, the clock, and where events go."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch

from kanpde.kan import KAN
from kanpde.plan import Plan
from kanpde.problem.types import Problem
from kanpde.results.history import Event, History, Report, StageRecord, silent


@dataclass
class Context:
    """One run of the solver. ``history`` grows as stages end; everything else stays as it is."""

    problem: Problem
    plan: Plan
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float64
    report: Report = silent
    history: History = field(default_factory=History)
    network: KAN | None = None  # the best network so far, kept up to date by training that works on networks
    pieces: list[Any] = field(default_factory=list)  # the lifted solution so far, kept up to date by lifted training
    limit: str = ""  # what keeps lifted training from richer spaces, if anything does
    short: bool = False  # training stopped because the next stage would have overrun the budget
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self.began

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; negative once it is spent."""
        return self.plan.budget - self.seconds

    def generator(self) -> torch.Generator:
        """A fresh random generator, seeded by the plan; always on the CPU, so that devices agree."""
        return torch.Generator().manual_seed(self.plan.seed)

    def record(self, stage: StageRecord) -> None:
        """Add a finished stage to the history and report it."""
        self.history.stages.append(stage)
        self.tell(
            "record", stage.name, grid=stage.grid, residual=stage.residual, estimate=stage.estimate, iteration=stage.iterations
        )

    def tell(
        self,
        kind: str,
        stage: str = "",
        *,
        grid: tuple[int, ...] = (),
        iteration: int | None = None,
        residual: float | None = None,
        estimate: float | None = None,
        fraction: float | None = None,
        message: str = "",
    ) -> None:
        """Report an event with the time at which it happened."""
        self.report(Event(kind, stage, grid, iteration, residual, estimate, fraction, message, self.seconds))
