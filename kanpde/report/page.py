"""``report.html``: the whole run on one page that needs nothing else, neither network nor scripts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from os import PathLike
from pathlib import Path

from kanpde.errors import KanpdeError
from kanpde.export import as_tex, write_text
from kanpde.export.summary import versions
from kanpde.problem.types import symbol
from kanpde.report.mathematics import mathml, statements
from kanpde.report.progress import grid_text
from kanpde.report.table import rows
from kanpde.results import Formula, Solution

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd }
.outcome { padding: .5rem .8rem; border-left: 4px solid #009e73; background: #f2faf7 }
.outcome.missed { border-color: #d55e00; background: #fdf5ef }
table { border-collapse: collapse } th { text-align: left; font-weight: 500; color: #666 }
td, th { padding: .15rem 1.2rem .15rem 0; vertical-align: top } .numbers td { font-variant-numeric: tabular-nums }
math { margin: .3rem 0; text-align: left } figure { margin: 1rem 0 } img { max-width: 100%; height: auto }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .85rem } code { font-size: .9em }
.label { color: #666; font-size: .85rem; margin-top: .6rem } .scroll { overflow-x: auto }
summary { cursor: pointer; color: #0072b2 }
"""

_ALT = {
    "solution": "The solution",
    "error": "The error against the reference",
    "network": "The edges of the network with their knots",
    "convergence": "Residual, estimate and grids over the iterations",
}


def write_page(solution: Solution, pictures: Mapping[str, bytes], folder: str | PathLike[str]) -> Path:
    """Write the page into a run folder; ``pictures`` are PNG files by the name of the figure. Returns its path."""
    path = Path(folder) / "report.html"
    write_text(path, page(solution, pictures))
    return path


def page(solution: Solution, pictures: Mapping[str, bytes]) -> str:
    """The page as text."""
    before = [*_head(solution), *formula_section(solution.formula), *_problem(solution)]
    return document(
        solution.problem.title or "kanpde run", [*before, *figures_section(pictures, _ALT), *_stages(solution), *_made(solution)]
    )


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page of a title (plain text) and parts (HTML)."""
    title, body = escape(title), "\n".join(parts)
    return (
        f"<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n<title>{title}</title>\n"
        f"<meta name='viewport' content='width=device-width'>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _head(solution: Solution) -> Iterator[str]:
    yield f"<h1>{escape(solution.problem.title or 'kanpde run')}</h1>"
    yield f"<p class='outcome{'' if solution.converged else ' missed'}'>{escape(solution.outcome)}</p>"
    yield "<table>"
    for name, value in rows(solution):
        if name not in ("outcome", "formula"):
            yield f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
    yield "</table>"


def _problem(solution: Solution) -> Iterator[str]:
    yield "<h2>Problem</h2>"
    last = ""
    for line in statements(solution.problem):
        if line.label != last:
            yield f"<div class='label'>{line.label}</div>"
            last = line.label
        yield f"<div class='scroll'>{line.mathml if line.parts else f'<code>{escape(line.text)}</code>'}</div>"
    if solution.problem.source:
        yield f"<details><summary>the problem file</summary><pre>{escape(solution.problem.source)}</pre></details>"


def figures_section(pictures: Mapping[str, bytes], said: Mapping[str, str]) -> Iterator[str]:
    """PNG files in the page itself, each with what is ``said`` to those who cannot see it."""
    for kind, data in pictures.items():
        yield f"<h2>{kind.capitalize()}</h2>"
        picture = b64encode(data).decode("ascii")
        yield f"<figure><img alt='{said.get(kind, kind)}' src='data:image/png;base64,{picture}'></figure>"


def formula_section(formula: Formula | None) -> Iterator[str]:
    """The formula, how far it may be trusted, and its source in three languages; nothing where none was looked for."""
    if formula is None:
        return
    yield "<h2>Formula</h2>"
    for name, expression in formula.expressions.items():
        body = f"{mathml(symbol(name))}<mo>=</mo>{mathml(expression)}"
        yield f"<div class='scroll'><math display='block'><mrow>{body}</mrow></math></div>"
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in formula.stages.items())
    yield f"<p><b>{escape(formula.sentence)}</b></p>"
    how = f"found as: {formula.how}; " if formula.expressions and formula.how else ""
    yield f"<p class='label'>{escape(how)}{formula.seconds:.1f} s{f' ({escape(spent)})' if spent else ''}</p>"
    if formula.transcript:
        steps = "\n".join(escape(step) for step in formula.transcript)
        asked = "how each equation and condition was reduced" if formula.expressions else "what was tried"
        yield f"<details><summary>{asked}</summary><pre>{steps}</pre></details>"
    if formula.expressions:
        yield f"<details><summary>in the problem language</summary><pre>{escape(chr(10).join(formula.lines))}</pre></details>"
        yield f"<details><summary>LaTeX</summary><pre>{escape(as_tex(formula))}</pre></details>"
        yield from _python(formula)


def _python(formula: Formula) -> Iterator[str]:
    try:
        source = formula.python
    except KanpdeError:  # a function that numpy and scipy lack
        return
    yield f"<details><summary>Python</summary><pre>{escape(source)}</pre></details>"


def _stages(solution: Solution) -> Iterator[str]:
    stages = solution.history.stages
    yield f"<h2>Stages</h2>\n<details{' open' if len(stages) <= 12 else ''}><summary>{len(stages)} stages</summary>"
    yield "<table class='numbers'><tr><th>stage</th><th>grid</th><th>parameters</th><th>iterations</th><th>seconds</th>"
    yield "<th>residual</th><th>estimate</th><th>change by the extension</th></tr>"
    for stage in stages:
        name = stage.name + (f", t {stage.window[0]:.4g} to {stage.window[1]:.4g}" if stage.window else "")
        cells = [name, grid_text(stage.grid), str(stage.parameters), str(stage.iterations), f"{stage.seconds:.3f}"]
        cells += ["" if value is None else f"{value:.1e}" for value in (stage.residual, stage.estimate, stage.change)]
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table></details>"


def _made(solution: Solution) -> Iterator[str]:
    made = dict(solution.versions) or versions()
    yield "<h2>Made with</h2>"
    yield f"<p>{', '.join(f'{name} {number}' for name, number in made.items())}; seed {solution.plan.seed}</p>"
    yield f"<details><summary>the plan</summary><pre>{escape(solution.plan.model_dump_json(indent=2))}</pre></details>"
