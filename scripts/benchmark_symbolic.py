"""Solves the problems of problems/closed_forms by their defaults, looks for their formulas, and judges what is claimed.

    python scripts/benchmark_symbolic.py                            every problem, with and without harvesting from the file
    python scripts/benchmark_symbolic.py kdv_soliton heat_erf       some of them
    python scripts/benchmark_symbolic.py --tolerance 1e-8           solved less accurately (or more: 1e-12)
    python scripts/benchmark_symbolic.py --noise 1e-10 --draws 5    with white noise on the values, relative to the largest
    python scripts/benchmark_symbolic.py --runs runs --jobs 2       keeps what is solved in a folder, two problems at a time
    python scripts/benchmark_symbolic.py --json figures.json        writes everything down

A formula is right if it agrees with the solution to 40 digits at random points of the domain, also for other values of the
letters if it is claimed for all of them. What is claimed and not right is a false claim, whatever is claimed for the problems
without a formula is too (but for two of them, whose own solution may be claimed). A file *gives the answer away* if its source,
or one of its data as it stands, is a multiple of the solution: counted apart. Seconds are by the clock, then of the processor,
and depend on the machine; a problem's stages are those that the search reports.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from closed_forms_truth import NONE, PERTURBED, PUBLISHED, TRUTH, path_of, with_truth

import kanpde
from kanpde.export import load, save
from kanpde.problem import Problem
from kanpde.problem.types import symbol
from kanpde.results import Formula, Solution
from kanpde.symbolic import find_formula, find_in_samples

CLAIMS = ("proved", "proved for the given parameters", "verified numerically")
DIGITS = 45
AGREE = mpmath.mpf(10) ** -38
POINTS = 6
LETTERS = (sp.Rational(1), sp.Rational(113, 100), sp.Rational(91, 100))
"""Factors on the letters: a formula for all of them has to be right for others than the given ones too."""


@dataclass
class Row:
    """What one search gave for one problem."""

    name: str
    harvest: bool
    draw: int | None  # number of the draw of noise, None without
    solved: bool = False
    estimate: float = float("nan")
    solve_seconds: float = float("nan")
    status: str = ""
    seconds: float = float("nan")
    cpu: float = float("nan")
    stages: Mapping[str, float] = field(default_factory=dict)
    formula: str = ""
    right: bool | None = None  # None where nothing is claimed
    gives_away: bool = False
    published: str = ""
    transcript: tuple[str, ...] = ()
    error: str = ""

    @property
    def claimed(self) -> bool:
        """Whether the search says that it has a formula."""
        return self.status in CLAIMS

    @property
    def false(self) -> bool:
        """Whether it says so and is wrong."""
        return self.claimed and not self.right


@dataclass(frozen=True)
class Settings:
    """What the searches of one call have in common."""

    tolerance: float | None
    noise: float
    seconds: float | None
    runs: Path | None


def solved(name: str, settings: Settings) -> Solution:
    """The solution by defaults: from the folder of runs if it is there, else solved now and kept."""
    kept = None
    if settings.runs is not None:
        suffix = "" if settings.tolerance is None else f"-{settings.tolerance:g}"
        kept = settings.runs / f"{name}{suffix}.h5"
        if kept.exists():
            return load(kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solution = kanpde.solve(path_of(name), tolerance=settings.tolerance, progress=False, symbolic="none", reference="none")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save(solution, kept)
    return solution


def searched(solution: Solution, harvest: bool, draw: int | None, settings: Settings) -> Formula:
    """The formula that the search finds, from the solution itself or from its values with noise."""
    seconds = settings.seconds or solution.plan.symbolic.seconds
    if draw is None:
        return find_formula(solution, seconds, harvest=harvest)
    error = float(np.hypot(solution.estimate.value, settings.noise))
    samplers = {f: noisy(solution, f, settings.noise, draw) for f in solution.fields}
    return find_in_samples(solution.problem, samplers, error, seconds, harvest=harvest)


def noisy(solution: Solution, name: str, noise: float, draw: int) -> Any:
    """A sampler of a field with white noise, relative to its largest value; the same noise at the same nodes."""
    coordinates = solution.problem.coordinates

    def sampler(*nodes: np.ndarray) -> np.ndarray:
        grid = np.meshgrid(*nodes, indexing="ij")
        values = solution.on_grid(name, dict(zip(coordinates, grid, strict=True)))
        key = [zlib.crc32(np.ascontiguousarray(n).tobytes()) for n in nodes]
        rng = np.random.default_rng([draw, zlib.crc32(name.encode()), *key])
        return values + noise * np.nanmax(np.abs(values)) * rng.standard_normal(values.shape)

    return sampler


# ---- judging -----------------------------------------------------------------------------------------------------------


def places(problem: Problem, seed: int = 7) -> list[dict[sp.Symbol, sp.Expr]]:
    """Random points inside the domain, as rationals."""
    domain, rng = problem.domain, np.random.default_rng(seed)
    found: list[dict[sp.Symbol, sp.Expr]] = []
    while len(found) < POINTS:
        point = np.round(rng.uniform(domain.bounds[:, 0], domain.bounds[:, 1]), 6)
        if not domain.region_axes or bool(domain.contains(point[None])[0]):
            found.append({symbol(n): sp.Rational(str(v)) for n, v in zip(problem.coordinates, point, strict=True)})
    return found


def value(expression: sp.Expr, at: Mapping[sp.Symbol, sp.Expr]) -> mpmath.mpc:
    """An expression at a point, in ``DIGITS`` digits."""
    with mpmath.workdps(DIGITS + 15):
        function = sp.lambdify(list(at), expression, "mpmath")
        return mpmath.mpc(function(*(mpmath.mpf(v.p) / v.q if v.is_Rational else v.evalf(DIGITS + 15) for v in at.values())))


def same(found: Mapping[str, sp.Expr], problem: Problem, letters: bool) -> bool:
    """Whether expressions for the fields agree with ``problem.exact``, with the letters at other values too if so asked."""
    assert problem.exact is not None
    truth = dict(problem.exact)
    for name, (real, imaginary) in problem.parts.items():
        truth |= {name: truth.get(name, sp.Integer(0)), real: sp.re(truth[name]), imaginary: sp.im(truth[name])}
    if not found or not (set(found) >= {f.name for f in problem.fields} or set(found) <= set(truth)):
        return False
    constants = {k: sp.sympify(v) for k, v in problem.constants.items()}
    for factor in LETTERS if letters and constants else LETTERS[:1]:
        values = {k: sp.nsimplify(v) * factor if v.is_Rational else v for k, v in constants.items()}
        for point in places(problem):
            at = {**point, **values}
            for name, expression in found.items():
                mine, real = value(expression, at), value(truth[name], at)
                if not mpmath.isfinite(mine) or abs(mine - real) > AGREE * max(1, abs(real)):
                    return False
    return True


def gives_away(problem: Problem) -> bool:
    """Whether the source of an equation or a datum, as it stands in the file, is a multiple of the solution."""
    assert problem.exact is not None
    truth = next(iter(problem.exact.values()))
    points = [{**p, **dict(problem.constants)} for p in places(problem, 11)]
    for residual in (*problem.equations, *(r for c in problem.conditions for r in c.residuals)):
        datum = residual.expression.xreplace(dict.fromkeys(residual.jets, sp.Integer(0)))
        if datum.free_symbols - {symbol(n) for n in problem.coordinates} - set(problem.constants) or datum.is_number:
            continue
        ratios = [value(datum, at) / value(truth, at) for at in points]
        if abs(ratios[0]) > 0 and max(abs(r / ratios[0] - 1) for r in ratios) < AGREE:
            return True
    return False


def judged(row: Row, formula: Formula) -> None:
    """Whether what is claimed is right."""
    row.status, row.formula = formula.status, formula.text
    row.stages = dict(getattr(formula, "stages", None) or {})
    row.transcript = tuple(formula.transcript)
    if not row.claimed:
        return
    if row.name in TRUTH:
        row.right = same(formula.expressions, with_truth(row.name).problem, formula.status != CLAIMS[1])
    elif row.name in PERTURBED:
        row.right = same(formula.expressions, with_truth(row.name, PERTURBED[row.name]).problem, False)
    else:
        row.right = False


def case(name: str, harvests: tuple[bool, ...], draws: tuple[int | None, ...], settings: Settings) -> list[Row]:
    """Every search for one problem."""
    rows = [Row(name, harvest, draw, published=PUBLISHED.get(name, "")) for draw in draws for harvest in harvests]
    try:
        solution = solved(name, settings)
        giving = name in TRUTH and gives_away(with_truth(name).problem)
    except Exception as error:
        for row in rows:
            row.error = said(error)
        return rows
    for row in rows:
        row.solved, row.estimate, row.solve_seconds = solution.converged, solution.estimate.value, solution.seconds
        row.gives_away = giving
        began, cpu = time.perf_counter(), processor()
        try:
            formula = searched(solution, row.harvest, row.draw, settings)
            row.seconds, row.cpu = time.perf_counter() - began, processor() - cpu
            judged(row, formula)
        except Exception as error:
            row.seconds = time.perf_counter() - began
            row.error = said(error)
    return rows


def said(error: Exception) -> str:
    """An error in one line, with its place."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first} ({Path(place.filename).name}:{place.lineno})"


def processor() -> float:
    """Seconds of the processor that this process and its finished children have used."""
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


# ---- printing ----------------------------------------------------------------------------------------------------------


def line(row: Row) -> str:
    """One search as a line of the table."""
    harvest = {True: "with", False: "without"}[row.harvest]
    verdict = row.error or row.status
    if row.false:
        verdict += " (WRONG)"
    stages = " ".join(f"{name} {seconds:.1f}" for name, seconds in row.stages.items())
    away = "yes" if row.gives_away else ""
    noise = "" if row.draw is None else f" draw {row.draw}"
    published = f"  [{row.published}]" if row.published else ""
    solved = f"{'yes' if row.solved else 'no':<6} {row.solve_seconds:6.1f} {row.estimate:8.1e}"
    after = f"{row.formula}{published}{f'  ({stages})' if stages else ''}"
    return f"{row.name:<24} {solved} {harvest:<8}{noise} {away:<4} {row.seconds:6.1f} {row.cpu:6.1f}  {verdict:<12} {after}"


def totals(rows: list[Row]) -> Iterator[str]:
    """Proved, found, claims that are false, and seconds, for every way of searching."""
    for harvest in dict.fromkeys(row.harvest for row in rows):
        mine = [row for row in rows if row.harvest is harvest]
        known = [row for row in mine if row.name in TRUTH]
        words = {True: "with harvesting: ", False: "without harvesting: "}[harvest]
        if known:
            proved = [row for row in known if row.status == "proved" and row.right]
            found = sum(bool(row.claimed and row.right) for row in known)
            giving = sum(row.gives_away for row in proved)
            share = f"{100 * len(proved) / len(known):.0f} %"
            yield f"{words}proved {len(proved)} of {len(known)} ({share}), {giving} of them given away by the file; found {found}"
            missed = dict.fromkeys(row.name for row in known if row not in proved)
            yield f"{words}not proved: {', '.join(missed) or 'none'}"
            seconds = [row.seconds for row in known if np.isfinite(row.seconds)]
            if seconds:
                used = [row.cpu for row in known if np.isfinite(row.cpu)] or seconds
                yield f"{words}seconds: median {statistics.median(seconds):.1f}, largest {max(seconds):.1f}"
                yield f"{words}of the processor: median {statistics.median(used):.1f}, largest {max(used):.1f}"
        false = [row for row in mine if row.false]
        yield f"{words}false claims: {len(false)}{''.join(f'; {row.name}: {row.formula}' for row in false)}"
        nowhere = [row for row in mine if row.name in NONE]
        if nowhere:
            rightly = sum(bool(row.claimed and row.right) for row in nowhere)
            yield f"{words}problems without a formula: {len(nowhere)}, of them {rightly} with their own perturbed solution found"


def run(
    executor: Executor, names: list[str], harvests: tuple[bool, ...], draws: tuple[int | None, ...], settings: Settings
) -> list[Row]:
    """All cases, printed in their order as they come."""
    waiting: list[Future[list[Row]]] = [executor.submit(case, name, harvests, draws, settings) for name in names]
    rows: list[Row] = []
    for future in waiting:
        for row in future.result():
            print(line(row), flush=True)
            rows.append(row)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*TRUTH, *NONE]
    parser.add_argument("names", nargs="*", choices=[[], *known], metavar="name", help=f"problems: {', '.join(known)}")
    parser.add_argument("--tolerance", type=float, help="of the solver, instead of the default")
    parser.add_argument("--noise", type=float, default=0.0, help="white noise on the values, relative to the largest of them")
    parser.add_argument("--draws", type=int, default=1, help="how many draws of noise")
    parser.add_argument(
        "--harvest", choices=("both", "with", "without"), default="both", help="functions and numbers of the file"
    )
    parser.add_argument("--seconds", type=float, help="for one search, instead of the default")
    parser.add_argument("--runs", type=Path, help="folder of solved problems, filled and read")
    parser.add_argument("--jobs", type=int, default=1, help="problems at a time")
    parser.add_argument("--json", type=Path, help="file for all figures")
    arguments = parser.parse_args()
    settings = Settings(arguments.tolerance, arguments.noise, arguments.seconds, arguments.runs)
    harvests: tuple[bool, ...] = {"both": (True, False), "with": (True,), "without": (False,)}[arguments.harvest]
    draws: tuple[int | None, ...] = tuple(range(arguments.draws)) if arguments.noise else (None,)
    print(f"{'problem':<24} solved {'s':>6} {'estimate':>8} {'harvest':<8} {'away':<4} {'s':>6} {'CPU':>6}  verdict")
    with ProcessPoolExecutor(arguments.jobs) as executor:
        rows = run(executor, arguments.names or known, harvests, draws, settings)
    for sentence in totals(rows):
        print(sentence)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1, default=str), encoding="utf-8")
    return 1 if any(row.false or row.error for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
