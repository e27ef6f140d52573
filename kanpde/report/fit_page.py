"""``report.html`` of a fit: figures, formula, stages and settings on one page that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from os import PathLike
from pathlib import Path

from kanpde.export import write_text
from kanpde.export.summary import plain, versions
from kanpde.learn.regression import Regression
from kanpde.report.fits import ALT
from kanpde.report.page import document, figures_section, formula_section
from kanpde.report.progress import grid_text


def write_fit_page(regression: Regression, pictures: Mapping[str, bytes], folder: str | PathLike[str]) -> Path:
    """Write the page into a run folder; ``pictures`` are PNG files by the name of the figure. Returns its path."""
    path = Path(folder) / "report.html"
    write_text(path, fit_page(regression, pictures))
    return path


def fit_page(regression: Regression, pictures: Mapping[str, bytes]) -> str:
    """The page as text."""
    title = f"{', '.join(regression.targets)} from {', '.join(regression.names)}"
    parts = [
        *_head(regression, title),
        *formula_section(regression.formula),
        *_importance(regression),
        *figures_section(pictures, ALT),
        *_stages(regression),
        *_made(regression),
    ]
    return document(title, parts)


def _head(regression: Regression, title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p class='outcome'>{escape(regression.outcome)}</p>"
    yield "<table>"
    for name, value in regression.rows():
        if name not in ("outcome", "formula"):
            yield f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
    yield "</table>"


def _importance(regression: Regression) -> Iterator[str]:
    """How much each input matters, the most important first."""
    scores = sorted(zip(regression.attribution().inputs.tolist(), regression.names, strict=True), reverse=True)
    yield "<h2>Inputs</h2>\n<table class='numbers'><tr><th>input</th><th>score (1: a whole output)</th></tr>"
    for score, name in scores:
        yield f"<tr><td>{escape(name)}</td><td>{score:.3g}</td></tr>"
    yield "</table>"


def _stages(regression: Regression) -> Iterator[str]:
    stages = regression.history.stages
    yield f"<h2>Stages</h2>\n<details{' open' if len(stages) <= 12 else ''}><summary>{len(stages)} stages</summary>"
    yield "<table class='numbers'><tr><th>stage</th><th>grid</th><th>parameters</th><th>iterations</th><th>seconds</th>"
    yield "<th>relative error</th><th>on points held back</th></tr>"
    for stage in stages:
        cells = [stage.name, grid_text(stage.grid), str(stage.parameters), str(stage.iterations), f"{stage.seconds:.3f}"]
        cells += ["" if value is None else f"{value:.1e}" for value in (stage.residual, stage.estimate)]
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table></details>"


def _made(regression: Regression) -> Iterator[str]:
    made = dict(regression.versions) or versions()
    yield "<h2>Made with</h2>"
    yield f"<p>{', '.join(f'{name} {number}' for name, number in made.items())}; seed {regression.settings.get('seed')}</p>"
    settings = json.dumps(plain(dict(regression.settings)), indent=2)
    yield f"<details><summary>the settings</summary><pre>{escape(settings)}</pre></details>"
