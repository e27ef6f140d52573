"""Tensor spaces and trimmed functions: tables, numbering, jets, and the linearisation of rows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made import corner_terms

from kanpde.assembly.cells import TensorSpace, Trimmed, point_groups
from kanpde.assembly.shape_rows import ShapeRows
from kanpde.kan.bspline import BSpline
from kanpde.problem import Problem, read_text
from kanpde.train.shape import network_of

BENT = """
title: A nonlinear system on a plate with a hole
find: u(x, y), v(x, y)
domain:
  (x, y): plate - hole
  plate: rectangle([0, 0], [2, 1])
  hole: disk([0.6, 0.5], 0.2)
equations:
  first: div((1 + u^2)*grad(u)) + v*u_x = x
  second: -lap(v) + exp(u)*v = y*u_y^2
boundary:
  plate: u = x*y, v_n + v^3 = 1
  hole: u_n = u*v, v = sin(x)
"""


def space_of(intervals: tuple[int, ...], degrees: tuple[int, ...], fields: int = 1) -> TensorSpace:
    """Breaks that are not uniform."""
    breaks = []
    for axis, count in enumerate(intervals):
        t = torch.linspace(0, 1, count + 1, dtype=torch.float64)
        breaks.append((1 + axis) * (t + 0.3 * t * (1 - t)) - 0.25)
    return TensorSpace(tuple(breaks), degrees, fields)


def inside(space: TensorSpace, count: int, seed: int = 0) -> torch.Tensor:  # (count, d)
    t = torch.rand(count, len(space.breaks), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    low, high = (torch.stack([b[end] for b in space.breaks]) for end in (0, -1))
    return low + t * (high - low)


def some(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SPACES = [space_of((5,), (3,)), space_of((4, 7), (3, 2), 2), space_of((6, 3), (2, 5)), space_of((3, 5, 4), (2, 3, 4), 2)]
each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: "x".join(map(str, space.intervals)))


def by_hand(space: TensorSpace, c: torch.Tensor, x: torch.Tensor, index: tuple[int, ...]) -> torch.Tensor:  # (F, N)
    """The sum over all functions of all axes, by the tables of the networks' edges."""
    value = space.tensor(c)[..., None].expand(*([-1] * (1 + len(index))), len(x))  # (F, K_1, .., K_d, N)
    for axis, (breaks, degree, order) in enumerate(zip(space.breaks, space.degrees, index, strict=True)):
        table = BSpline().table(x[:, axis][None], breaks[None], degree, order)[order, 0]  # (K, N)
        value = (value * table.reshape(-1, *([1] * (len(index) - 1 - axis)), len(x))).sum(1)
    return value


@each_space
def test_tables_are_a_partition_of_unity(space):
    x = inside(space, 200)
    for table in space.tables(x, [2] * len(space.breaks)):
        assert (table[0] >= 0).all()
        assert (table[0].sum(-1) - 1).abs().max() < 1e-14
        assert table[1:].sum(-1).abs().max() < 1e-12 * table[1:].abs().max()
    edges = torch.tensor(list(itertools.product(*((float(b[0]), float(b[-1])) for b in space.breaks))), dtype=torch.float64)
    for table in space.tables(edges, [0] * len(space.breaks)):
        assert (table[0].sum(-1) - 1).abs().max() < 1e-14


@each_space
def test_every_coefficient_has_one_number(space):
    """Strides, offsets, cells and tensors tell the same numbers."""
    numbers = space.tensor(torch.arange(space.size))
    assert numbers.shape == (space.fields, *space.functions)
    for at in itertools.product(*map(range, numbers.shape)):
        assert int(numbers[at]) == at[0] + sum(i * s for i, s in zip(at[1:], space.strides, strict=True))
    assert sorted(numbers.reshape(-1).tolist()) == list(range(space.size))
    assert space.strides[space.order[0]] == max(space.strides)
    assert len(space.offsets) == space.fields * math.prod(k + 1 for k in space.degrees)
    assert (space.offsets.diff() > 0).all()
    for cell in itertools.product(*map(range, space.intervals)):
        x = torch.stack([(b[i] + b[i + 1]) / 2 for b, i in zip(space.breaks, cell, strict=True)])
        first = space.cell(x[None])
        block = numbers[(slice(None), *(slice(i, i + k + 1) for i, k in zip(cell, space.degrees, strict=True)))]
        assert sorted((first + space.offsets).tolist()) == sorted(block.reshape(-1).tolist())
    ends = torch.stack([b[-1] for b in space.breaks])[None]
    assert int((space.cell(ends) + space.offsets).max()) == space.size - 1


@each_space
def test_coefficients_by_axis_and_back(space):
    c = some(space.size)
    assert torch.equal(space.vector(space.tensor(c)), c)
    tensor = some(space.size).reshape(space.fields, *space.functions)
    assert torch.equal(space.tensor(space.vector(tensor)), tensor)


@given(st.lists(st.integers(3, 7), min_size=1, max_size=3), st.integers(1, 3))
def test_the_longest_axis_is_the_slowest(intervals, fields):
    space = space_of(tuple(intervals), (3,) * len(intervals), fields)
    width = int(space.offsets[-1])
    narrow = sorted(space.functions)[:-1]
    assert width < fields * 4 * math.prod(narrow)  # a band over three and a bit of the slowest axis


@each_space
def test_jets_are_sums_over_all_functions(space):
    names = tuple("uvw"[: space.fields])
    found = Trimmed(space, some(space.size), None, names)
    x = inside(space, 100)
    for index in itertools.product(range(3), repeat=len(space.breaks)):
        expected = by_hand(space, found.c, x, index)
        values = found([(name, index) for name in names], x)
        for number, name in enumerate(names):
            assert (values[name, index] - expected[number]).abs().max() < 1e-13 * expected.abs().max()


def test_jets_with_terms_against_finite_differences():
    space = space_of((4, 6), (5, 5), 2)
    terms = corner_terms((-0.3, -0.3), fields=2)
    found = Trimmed(space, some(space.size + terms.count), terms, ("u", "v"))
    assert len(found.kappa) == terms.count
    x = inside(space, 60)
    h = 1e-5
    for name, axis in itertools.product(("u", "v"), (0, 1)):
        for lower in ((0, 0), (1, 0), (0, 1), (1, 1)):
            index = tuple(i + (a == axis) for a, i in enumerate(lower))
            step = h * torch.eye(2, dtype=torch.float64)[axis]
            ends = [found([(name, lower)], x + s * step)[name, lower] for s in (1, -1)]
            slope = found([(name, index)], x)[name, index]
            assert (slope - (ends[0] - ends[1]) / (2 * h)).abs().max() < 1e-6 * slope.abs().max()


def problem_of(text: str) -> tuple[Problem, ShapeRows]:
    problem = read_text(text).problem
    return problem, ShapeRows(problem, None, torch.device("cpu"), torch.float64)


def space_on(problem: Problem, intervals: tuple[int, ...], degree: int, fields: int) -> TensorSpace:
    breaks = tuple(
        torch.linspace(float(a), float(b), n + 1, dtype=torch.float64)
        for (a, b), n in zip(problem.domain.bounds, intervals, strict=True)
    )
    return TensorSpace(breaks, (degree,) * len(breaks), fields)


def test_the_delivered_network_is_the_same_function():
    problem, _ = problem_of(BENT)
    terms = corner_terms((0.6, 0.5), fields=2)
    rows = ShapeRows(problem, terms, torch.device("cpu"), torch.float64)
    space = space_on(problem, (6, 3), 5, 2)
    found = Trimmed(space, some(space.size + terms.count), terms, rows.fields)
    x = inside(space, 200)
    indices = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 2)]
    jets = network_of(found, rows).jet(x, indices)
    values = found([(name, index) for name in rows.fields for index in indices], x)
    for index in indices:
        for number, name in enumerate(rows.fields):
            assert (jets[index][number] - values[name, index]).abs().max() < 1e-12 * values[name, index].abs().max()


def test_the_delivered_network_in_three_coordinates():
    problem, rows = problem_of("""
title: A ball
find: u(x, y, z)
domain:
  (x, y, z): solid
  solid: ball([0, 0, 0], 1)
equation: lap(u) = 1
boundary: u = 0
""")
    space = space_on(problem, (2, 3, 4), 3, 1)
    found = Trimmed(space, some(space.size), None, rows.fields)
    x = inside(space, 200)
    for index in [(0, 0, 0), (1, 0, 2), (0, 2, 1)]:
        values = found([("u", index)], x)["u", index]
        assert (network_of(found, rows).jet(x, [index])[index][0] - values).abs().max() < 1e-12 * values.abs().max()


def test_the_delivered_network_in_pieces():
    """Left and right of the interface, other functions: those of the region of the point, and their derivatives."""
    problem, rows = problem_of("""
title: Two conductors
find: u(x, y)
domain: {x: [-1, 1], y: [0, 1]}
equation: -div(k*grad(u)) = 0
where: {k: "piecewise(x < 0, 1, 10)"}
boundary: u = x
""")
    space = space_on(problem, (4, 3), 4, 2)
    found = Trimmed(space, some(space.size), None, rows.fields, rows.number)
    x = inside(space, 300)
    left = x[:, 0] < 0
    for index in [(0, 0), (1, 0), (1, 2)]:
        values = found([("u", index)], x)["u", index]
        both = by_hand(space, found.c, x, index)
        assert (values - torch.where(left, both[0], both[1])).abs().max() < 1e-12 * values.abs().max()
        assert (network_of(found, rows).jet(x, [index])[index][0] - values).abs().max() < 1e-12 * values.abs().max()


def test_steps_of_a_nonlinear_system_against_finite_differences():
    """J v of the assembled rows is the derivative of the residual in direction v, cell by cell and equation by equation."""
    problem, _ = problem_of(BENT)
    terms = corner_terms((0.6, 0.5), fields=2)
    rows = ShapeRows(problem, terms, torch.device("cpu"), torch.float64)
    space = space_on(problem, (4, 3), 4, 2)
    system = rows.system(space)
    assert not system.linear
    theta, v = 0.3 * some(space.size + terms.count), some(space.size + terms.count, 2)
    here = system.linearise(theta)  # fixes the scales
    h = 1e-6
    ends = [system.linearise(theta + s * h * v) for s in (1, -1)]
    assert len(system.groups) >= 6
    for number, group in enumerate(system.groups):
        residual, slopes = here._parts[number]
        slope = torch.matmul(system.matrix(group, slopes), v[group.first[:, None] + space.offsets][:, :, None])[..., 0]
        edge = system.border_of(group, slopes)
        assert edge is not None
        slope = slope + edge @ v[space.size :]
        difference = (ends[0]._parts[number][0] - ends[1]._parts[number][0]) / (2 * h)
        assert (slope - difference).abs().max() < 1e-7 * max(float(slope.abs().max()), float(residual.abs().max()))
    assert here.cost == pytest.approx(math.sqrt(sum(float(r.square().sum()) for r, _ in here._parts)), rel=1e-14)


def test_the_step_minimises_the_linearised_cost():
    """From the solution of a linear problem no direction leads further down, and all further steps are zero."""
    problem, rows = problem_of("""
title: A plate with a hole
find: u(x, y)
domain:
  (x, y): plate - hole
  plate: rectangle([0, 0], [2, 1])
  hole: disk([0.6, 0.5], 0.2)
equation: -lap(u) = exp(x)
boundary: u = 0
""")
    space = space_on(problem, (6, 4), 5, 1)
    system = rows.system(space)
    assert system.linear
    zero = torch.zeros(space.size, dtype=torch.float64)
    theta = system.linearise(zero).step()
    least = system.linearise(theta)
    assert least.cost < 0.5 * system.linearise(zero).cost  # splines alone say little of four corners
    for seed in range(5):
        assert system.linearise(theta + 1e-3 * some(space.size, seed)).cost > least.cost
    again = Trimmed(space, least.step(), None, rows.fields)
    points = torch.as_tensor(rows.interior(space)[0][1])
    sizes = [f([("u", (0, 0))], points)["u", (0, 0)].abs().max() for f in (again, Trimmed(space, theta, None, rows.fields))]
    assert sizes[0] < 1e-10 * sizes[1]


def test_points_are_sorted_into_their_cells():
    """Every point is once in the cell that holds it; filling has no weight."""
    space = space_of((5, 4), (2, 3))
    x, weight = inside(space, 157), torch.rand(157, generator=torch.Generator().manual_seed(4), dtype=torch.float64) + 0.1
    (group,) = point_groups(space, [Plain()], x, weight)
    filled = group.weight > 0
    assert int(filled.sum()) == 157
    assert float(group.weight.square().sum()) == pytest.approx(float(weight.square().sum()), rel=1e-14)
    found = torch.stack([p[filled] for p in group.points], 1)
    assert np.array_equal(np.sort(found.numpy().view("f8,f8"), axis=0), np.sort(x.numpy().copy().view("f8,f8"), axis=0))
    cells = group.first[:, None].expand(group.weight.shape)[filled]
    assert torch.equal(cells, space.cell(found))
    assert len(torch.unique(group.first)) == len(group.first)


class Plain:
    """u = 0."""

    linear = True

    def __init__(self):
        self.keys = [("u", (0, 0))]

    def __call__(self, points, jets):
        return jets["u", (0, 0)], {("u", (0, 0)): torch.ones_like(points[0])}

    def size(self, slopes, lengths):
        return 1.0
