"""Every kind of equation and condition, solved by defaults and judged against its exact solution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import CASES
from cases_of_three import THREE

from kanpde.assembly import Lifted, LiftedSpace, RowBuilder
from kanpde.plan import make_plan
from kanpde.problem import Document, read_text
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.types import Problem, symbol
from kanpde.train import solve
from kanpde.train.fit import fit_spline


def document_of(name: str) -> Document:
    return read_text(f"title: {name}\n{(CASES | THREE)[name]}", "case.yaml")


def exact_of(problem: Problem, field: str):
    """The exact solution as a function of one array a coordinate."""
    assert problem.exact is not None
    program = Program([problem.with_values(problem.exact[field])], [symbol(name) for name in problem.coordinates])
    return lambda *points: np.broadcast_to(program(NUMPY, points)[0], np.broadcast_shapes(*map(np.shape, points)))


@pytest.mark.parametrize("name", CASES | THREE)
def test_solved_to_the_tolerance_with_an_honest_estimate(name):
    document = document_of(name)
    problem, plan = document.problem, make_plan(document.method, document.span_of)
    solution = solve(problem, plan)
    bounds = problem.domain.bounds
    points = np.random.default_rng(5).uniform(bounds[:, 0], bounds[:, 1], (4000, len(bounds)))
    errors = []
    for field in solution.fields:
        truth = exact_of(problem, field)(*points.T)
        values = solution[field](**dict(zip(problem.coordinates, points.T, strict=True)))
        size = np.linalg.norm(truth)
        errors.append(np.linalg.norm(values - truth) / (size if size > 0 else 1.0))
    error = max(errors)
    assert solution.converged, solution.outcome
    assert error <= plan.tolerance
    floor = max(error, 1e-13)
    assert floor / 3 <= solution.estimate.value <= 30 * floor
    assert solution.history.largest_change < 1e-12


SMOOTH = [name for name in CASES if "alone" not in name and name not in ("zero", "boundary layer in one coordinate")]


@pytest.mark.parametrize("name", SMOOTH)
def test_rows_vanish_on_the_exact_solution_and_not_beside_it(name):
    """All rows together are small on an interpolant of the exact solution, and not on a perturbed one."""
    problem = document_of(name).problem
    axis = problem.domain.space_axes[0]
    builder = RowBuilder(problem, axis, torch.device("cpu"), torch.float64)
    low, high = problem.domain.bounds[axis]
    other = None if len(problem.coordinates) == 1 else tuple(float(v) for v in problem.domain.bounds[1 - axis])
    if other is not None and problem.domain.time is not None:
        other = (other[0], other[0] + (other[1] - other[0]) / 8)
    across = builder.across(1 - axis, other, 21)
    space = LiftedSpace(torch.linspace(low, high, 49, dtype=torch.float64), 9, axis, (across,), len(problem.fields))
    nodes = across.points(across.size, space.breaks)
    inverse = torch.linalg.inv(across.table(nodes)[0])
    fields = []
    for field in problem.fields:
        exact = exact_of(problem, field.name)

        def values(x: torch.Tensor, exact=exact) -> torch.Tensor:
            points = [x.numpy()[:, None], nodes.numpy()[None, :]]
            return torch.tensor(np.array(exact(*(points if axis == 0 else points[::-1]))))

        fields.append(fit_spline(values, space.breaks, 9) @ inverse)
    lifted = Lifted(space, torch.cat(fields, 1))
    size = float(lifted.c.abs().max())
    system = builder.system(space, extra=3)
    assert system.linearise(lifted.c).cost < 1e-6 * size
    bumped = lifted.c.clone()
    bumped[space.functions // 2, 0] += 1e-2 * size
    assert system.linearise(bumped).cost > 1e-4 * size
