"""What a run says while it works: a bar on a terminal, plain lines on a pipe, nothing where nobody looks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kanpde.results.history import Event, Report, silent

if TYPE_CHECKING:
    from rich.console import Console

_LINES = ("stage", "extension", "window", "estimate", "compression", "record", "search", "message")
"""Events that are worth a line where no bar can be drawn: all but single iterations."""

_PATIENCE = 2.0  # seconds between two lines about the same kind of event on a pipe


def describe(event: Event) -> str:
    """The event as one short line: stage, grid, residual, estimate."""
    parts = [_cut(event.message)] if event.message else []
    if event.grid and not event.stage.startswith("grid"):
        parts.append(f"grid {grid_text(event.grid)}")
    if event.iteration is not None:
        parts.append(f"step {event.iteration}")
    if event.residual is not None:
        parts.append(f"residual {event.residual:.1e}")
    if event.estimate is not None:
        parts.append(f"error ~ {event.estimate:.1e}")
    if event.fraction is not None:
        parts.append(f"{100 * event.fraction:.0f} % of time")
    return "  ".join(parts)


def _cut(text: str, longest: int = 96) -> str:
    """One line of a message: a formula may be long."""
    return text if len(text) <= longest else text[: longest - 4] + " ..."


def grid_text(grid: tuple[int, ...]) -> str:
    """A grid as people write it: 12 x 8; equal numbers once, long lists cut."""
    if len(set(grid)) == 1 and len(grid) > 2:
        return f"{grid[0]} ({len(grid)} edge groups)"
    return " x ".join(str(n) for n in grid[:4]) + (" x ..." if len(grid) > 4 else "")


@contextmanager
def shown(report: Report | None, progress: bool, title: str, console: Console | None = None) -> Iterator[Report]:
    """Where a run's events go: to ``report`` if there is one, else to a bar if ``progress`` and there is a terminal."""
    if report is not None or not progress:
        yield report or silent
        return
    from rich.console import Console as RichConsole

    console = console or RichConsole(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield silent
        return
    with bar(console, title) as said:
        yield said


def timed(said: Report) -> Report:
    """Hands on events with the seconds since now."""
    began = time.perf_counter()

    def report(event: Event) -> None:
        said(event if event.seconds else replace(event, seconds=time.perf_counter() - began))

    return report


def lines(console: Console) -> Report:
    """Plain lines for a pipe or a log: every change of stage and grid, and now and then what happens within."""
    last: dict[str, float] = {}

    def report(event: Event) -> None:
        text = describe(event)
        if event.kind not in _LINES or not (text or event.kind == "stage"):
            return
        now = time.monotonic()
        if event.kind in ("window", "extension", "estimate", "search") and now - last.get(event.kind, -_PATIENCE) < _PATIENCE:
            return
        last[event.kind] = now
        label = event.stage or event.kind
        console.out(f"{event.seconds:7.2f} s  {label:<22}  {text}".rstrip(), highlight=False)

    return report


@contextmanager
def bar(console: Console, title: str) -> Iterator[Report]:
    """A live line on a terminal: stage, grid, residual, estimate, time; a bar while time is marched."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[stage]:<22}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=8) as progress:
        task = progress.add_task(title, total=None, stage="start", detail=title)
        seen = Event("stage")

        def report(event: Event) -> None:
            nonlocal seen
            known = seen if event.stage in ("", seen.stage) else Event("stage")
            seen = Event(
                event.kind,
                event.stage or known.stage,
                event.grid or known.grid,
                event.iteration if event.iteration is not None else known.iteration,
                event.residual if event.residual is not None else known.residual,
                event.estimate if event.estimate is not None else known.estimate,
                event.fraction if event.fraction is not None else known.fraction,
                event.message,
            )
            total, done = (None, 0.0) if seen.fraction is None else (1.0, seen.fraction)
            # The share of time stands in the bar already.
            detail = describe(Event(seen.kind, "", seen.grid, seen.iteration, seen.residual, seen.estimate, None, seen.message))
            progress.update(task, total=total, completed=done, stage=seen.stage or "start", detail=detail)

        yield report
