"""A formula as files of its own: Python source, LaTeX, and the proof as a transcript that a reader can follow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from kanpde.errors import KanpdeError, ProblemError
from kanpde.export.atomic import write_text
from kanpde.problem.language import write_expression
from kanpde.results import Formula, Solution


def as_tex(formula: Formula) -> str:
    """The formula as an ``align*`` environment, with its status as a comment."""
    rows = [part.strip().replace("=", "&=", 1) for part in formula.latex.split(r" \\ ")] if len(formula.expressions) > 1 else []
    body = " \\\\\n  ".join(rows) or formula.latex
    return f"% {formula.sentence}\n\\begin{{align*}}\n  {body}\n\\end{{align*}}\n"


def as_transcript(formula: Formula) -> str:
    """What was found, how far it may be trusted, and why: each equation and condition, and how it reduced to zero."""
    lines = [formula.title, ""] if formula.title else []
    lines += formula.lines
    if formula.how:
        lines += ["", f"found as: {formula.how}"]
    if formula.letters:
        lines += ["", "where " + ", ".join(f"{name} = {write_expression(value)}" for name, value in formula.letters.items())]
    lines += ["", formula.sentence, "", *(f"  {step}" for step in formula.transcript)]
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in formula.stages.items())
    lines += ["", f"{formula.seconds:.2f} s" + (f": {spent}" if spent else "")]
    return "\n".join(lines) + "\n"


FILES: dict[str, Callable[[Formula], str]] = {
    "formula.py": lambda formula: formula.python,
    "formula.tex": as_tex,
    "formula.c": lambda formula: formula.c,
    "proof.txt": as_transcript,
}
"""A formula in every language, by the name of its file in a run folder."""

SOLVED = ("formula.py", "formula.tex", "proof.txt")
"""What the run folder of a problem holds beside the solution when there is a formula."""

FITTED = ("formula.py", "formula.tex", "formula.c")
"""The same of a fit: measurements prove nothing."""


def write_formula_files(formula: Formula | None, folder: Path, names: Collection[str] = SOLVED) -> None:
    """Files of ``FILES``; those of an earlier formula are removed where there is none any more."""
    for name in names:
        try:
            written = FILES[name](formula) if formula is not None and formula.expressions else ""
        except KanpdeError:  # a function that only the problem language has
            written = ""
        if written:
            write_text(folder / name, written)
        else:
            (folder / name).unlink(missing_ok=True)


def write_formula(solution: Solution, path: Path) -> None:
    """The formula of a solution as Python, C or LaTeX, by the suffix of the path; raises ProblemError if there is none."""
    if solution.formula is None or not solution.formula.expressions:
        raise ProblemError("no formula was found for this solution, so that there is none to write")
    write_text(path, FILES[f"formula{path.suffix}"](solution.formula))
