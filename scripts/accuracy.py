"""Solves the benchmark problems by their defaults and prints how good and how fast the solutions are.

    python scripts/accuracy.py                      the whole table: defaults, 1e-12, and all edges at once
    python scripts/accuracy.py poisson burgers      some problems
    python scripts/accuracy.py --tolerance 1e-12    another tolerance than the file's
    python scripts/accuracy.py --repeat 3           the median of three times

Errors are relative L2 on scattered points that the solver has not seen, the largest over the fields: against the exact solution,
Cole-Hopf quadrature (Burgers), ETDRK4 (Allen-Cahn, judged at t > 0.01; KdV; Kuramoto-Sivashinsky), LSODA on a spectral grid
(Brusselator), a formula (Schroedinger, two materials), or kanpde's own references (harmonic functions and spectral elements; the
pressure of the cavity, infinite in its upper corners, farther than 0.03 from them). For Burgers, half of the points lie within
0.03 of the shock. Where the reference is hardly better than the solution, the error lies between their difference less the
reference's own error and the sum of both, and an estimate is dishonest only if it fits nothing in between. Seconds are training,
compression and estimate, without imports, reference and symbolic search; they depend on the machine: no test asks.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import references

from kanpde.plan import make_plan
from kanpde.problem import Problem, read_file, real_form
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import symbol
from kanpde.reference import reference
from kanpde.train import solve

PROBLEMS = Path(__file__).resolve().parent.parent / "problems"
NAMES = (
    "poisson",
    "poisson_kan_paper",
    "poisson_nonlinear",
    "helmholtz",
    "heat",
    "heat_insulated_end",
    "wave",
    "burgers",
    "allen_cahn",
    "poisson_deep",
    "klein_gordon",
    "telegraph",
    "biharmonic",
    "kovasznay",
    "brusselator",
    "kdv",
    "kuramoto_sivashinsky",
    "schroedinger",
    "taylor_green",
    "heat_square",
    "poisson_box",
    "poisson_ball",
    "poisson_ellipse",
    "poisson_disk",
    "poisson_annulus",
    "laplace_four_holes",
    "poisson_l",
    "poisson_l_shape",
    "two_materials",
    "lid_driven_cavity",
)
TIGHT = NAMES[:8]
RANDOM = ("poisson", "poisson_nonlinear")
POINTS = 8000
INDEPENDENT: dict[str, Callable[..., references.Truth]] = {
    "burgers": references.burgers,
    "allen_cahn": references.allen_cahn,
    "brusselator": references.brusselator,
    "kdv": references.korteweg_de_vries,
    "kuramoto_sivashinsky": references.kuramoto_sivashinsky,
    "schroedinger": references.schroedinger,
    "two_materials": references.two_materials,
}
CORNERS = ((0.0, 1.0), (1.0, 1.0))
"""Of the driven cavity, where its pressure is infinite."""


@dataclass(frozen=True)
class Truth:
    """Values at points, with their own relative errors; ``counts`` says at which points which field is judged."""

    points: np.ndarray  # (N, d)
    values: np.ndarray  # (F, N)
    errors: np.ndarray  # (F,)
    counts: np.ndarray  # (F, N) bool


def truth_of(name: str, problem: Problem) -> Truth:
    """Scattered points and what the solution is there, by a method that shares nothing with the solver."""
    points = points_in(name, problem)
    fields = [field.name for field in problem.fields]
    counts = np.ones((len(fields), POINTS), dtype=bool)
    if name == "lid_driven_cavity":
        counts[fields.index("p")] = np.linalg.norm(points[:, None] - np.array(CORNERS), axis=2).min(1) > 0.03
    if name in INDEPENDENT:
        values, error = INDEPENDENT[name](*points.T)
        return Truth(points, values.reshape(-1, POINTS), np.full(len(fields), error), counts)
    if problem.exact is None:
        judge = reference(problem)
        assert judge is not None
        found = judge.values(points)
        errors = np.array([judge.errors.get(field, judge.error) for field in fields])
        return Truth(points, np.stack([found[field] for field in fields]), errors, counts)
    program = Program([problem.with_values(problem.exact[field]) for field in fields], [symbol(n) for n in problem.coordinates])
    values = np.stack([np.broadcast_to(v, (POINTS,)) for v in program(NUMPY, list(points.T))])
    return Truth(points, values, np.full(len(fields), 1e-15), counts)


def points_in(name: str, problem: Problem) -> np.ndarray:  # (N, d)
    """Random points of the domain; more of them where a solution is steep, none where it is not judged."""
    rng = np.random.default_rng(20261122)
    domain, bounds = problem.domain, problem.domain.bounds
    if domain.region_axes:
        points = rng.uniform(bounds[:, 0], bounds[:, 1], (10 * POINTS, len(bounds)))
        points = points[domain.contains(points)][:POINTS]
        assert len(points) == POINTS
        return points
    points = rng.uniform(bounds[:, 0], bounds[:, 1], (POINTS, len(bounds)))
    if name == "burgers":
        points[: POINTS // 2, 0] = rng.uniform(-0.03, 0.03, POINTS // 2)
    if name == "allen_cahn":
        points[:, 1] = rng.uniform(0.01, 1.0, POINTS)
    return points


def row(name: str, settings: dict[str, object], repeat: int, label: str) -> bool:
    """Solves and prints one line; returns whether the estimate is honest."""
    document = read_file(PROBLEMS / f"{name}.yaml")
    problem = real_form(document.problem)
    plan = make_plan({**document.method, **settings}, document.span_of)
    runs = [solve(problem, plan) for _ in range(repeat)]
    found = runs[-1]
    truth = truth_of(name, problem)
    at = dict(zip(problem.coordinates, truth.points.T, strict=True))
    difference = (np.stack([found.values(at)[field.name] for field in problem.fields]) - truth.values) * truth.counts
    sizes = np.linalg.norm(truth.values * truth.counts, axis=1)  # (F,)
    errors = np.linalg.norm(difference, axis=1) / sizes
    error, largest = float(errors.max()), float(np.abs(difference).max())
    least, most = float((errors - truth.errors).max()), float((errors + truth.errors).max())
    estimated = found.estimate.value
    seconds = statistics.median(run.seconds for run in runs)
    honest = max(least, 1e-13) / 3 <= estimated <= 30 * max(most, 1e-13)
    print(
        f"{name:<20} {label:<11} {error:8.1e} {largest:8.1e} {estimated:8.1e} {estimated / max(error, 1e-13):6.2f} "
        f"{truth.errors.max():8.1e} {seconds:7.2f} {found.parameters:7d} {found.history.rank or 0:5d} "
        f"{found.history.iterations:6d}  {'yes' if found.converged else 'no'}",
        flush=True,
    )
    return honest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], help="problems (default: all of them)")
    parser.add_argument("--tolerance", type=float, help="instead of the files' own")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, for the median of the seconds")
    arguments = parser.parse_args()
    print(
        f"{'problem':<20} {'run':<11} {'error':>8} {'max':>8} {'estimate':>8} {'ratio':>6} {'ref. err':>8} {'seconds':>7} "
        f"{'params':>7} {'rank':>5} {'steps':>6}  solved"
    )
    honest = True
    if arguments.tolerance is not None:
        for name in arguments.names or NAMES:
            label = f"tol {arguments.tolerance:g}"
            honest &= row(name, {"tolerance": arguments.tolerance}, arguments.repeat, label)
        return 0 if honest else 1
    for name in arguments.names or NAMES:
        honest &= row(name, {}, arguments.repeat, "defaults")
    if not arguments.names:
        for name in TIGHT:
            honest &= row(name, {"tolerance": 1e-12}, arguments.repeat, "tol 1e-12")
        for name in RANDOM:
            for seed in range(5):
                honest &= row(name, {"train": "all edges", "tolerance": 1e-9, "seed": seed}, arguments.repeat, f"edges {seed}")
    if not honest:
        print("some estimate is not between a third of and 30 times the error")
    return 0 if honest else 1


if __name__ == "__main__":
    sys.exit(main())
