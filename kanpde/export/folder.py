"""The run folder: ``solution.h5``, ``summary.json``, ``log.jsonl`` and the files of the formula; the report adds its page."""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import IO

from kanpde.export.atomic import write_text
from kanpde.export.formula import write_formula_files
from kanpde.export.hdf5 import write_solution
from kanpde.export.summary import as_json, summary
from kanpde.results import Event, Solution


class RunFolder:
    """Where one run writes. Making it creates the folder and begins a new log; ``log`` takes events, ``write`` the solution."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._log: IO[str] | None = None

    def log(self, event: Event) -> None:
        """One event, one line of ``log.jsonl``, at once on the disk: a crash loses nothing that was reported."""
        if self._log is None:
            self.path.mkdir(parents=True, exist_ok=True)
            self._log = (self.path / "log.jsonl").open("w", encoding="utf-8")
        said = {key: value for key, value in asdict(event).items() if value not in (None, "", ())}
        self._log.write(as_json(said, indent=None) + "\n")
        self._log.flush()

    def write(self, solution: Solution) -> None:
        """``solution.h5`` and ``summary.json``, each whole or not at all, and what there is of a formula."""
        write_solution(solution, self.path / "solution.h5")
        write_text(self.path / "summary.json", as_json(summary(solution)) + "\n")
        write_formula_files(solution.formula, self.path)

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()
            self._log = None
