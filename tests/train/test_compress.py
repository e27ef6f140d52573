"""Compression: the rank and the error of what is a sum of products, in two coordinates and in three, over windows too."""

from itertools import pairwise

import pytest
import torch

from kanpde.assembly import Lifted, LiftedSpace, RowBuilder
from kanpde.plan import Plan
from kanpde.problem import read_text
from kanpde.train.compress import compress
from kanpde.train.context import Context

TEXT = """
title: any
find: u(x, y, t)
domain: {x: [0, 1], y: [0, 2], t: [0, 1]}
equation: u_t = lap(u)
initial: u = 0
boundary: u = 0
"""


def interpolated(space: LiftedSpace, function) -> Lifted:
    """The function in the space, by least squares on a tensor grid of many points."""
    x = torch.linspace(float(space.breaks[0]), float(space.breaks[-1]), 80, dtype=torch.float64)
    ys = [across.levels(40, x) for across in space.across]
    values = function(*torch.meshgrid(x, *ys, indexing="ij"))
    for place, table in enumerate([space.splines(x)[0], *(a.table(y)[0].T for a, y in zip(space.across, ys, strict=True))]):
        values = torch.tensordot(torch.linalg.pinv(table), values, ([1], [place])).movedim(0, place)
    return Lifted(space, values.reshape(space.functions, -1))


def products(x, y, t):
    """Three of them, far from orthogonal: two decompositions in turn would find nine."""
    first = torch.sin(x) * torch.cos(y) * torch.exp(-t)
    return first + 0.1 * torch.cos(2 * x) * y * t + 1e-3 * x**2 * torch.cos(3 * t) * y**2


@pytest.mark.parametrize("ends", [[0.0, 1.0], [0.0, 0.2, 0.5, 1.0]])
def test_three_products_come_back_as_three(ends):
    problem = read_text(TEXT).problem
    context = Context(problem, Plan())
    builder = RowBuilder(problem, 0, context.device, context.dtype)
    pieces = []
    for number, (low, high) in enumerate(pairwise(ends)):
        breaks = torch.linspace(0, 1, 9 + number, dtype=torch.float64)
        across = (builder.across(1, None, 16 + number), builder.across(2, (low, high), 14))
        pieces.append(interpolated(LiftedSpace(breaks, 7, 0, across), products))
    network = compress(context, builder, pieces, 1e-10, 1e-10)
    assert network.rank == 3
    assert context.history.truncation < 1e-10
    x = torch.rand(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * torch.tensor([1.0, 2.0, 1.0])
    expected = products(*x.unbind(1))
    assert float((network(x)[:, 0].detach() - expected).norm() / expected.norm()) < 1e-9


@pytest.mark.parametrize(("tolerance", "rank"), [(1e-2, 2), (0.5, 1)])
def test_small_products_are_cut_where_the_tolerance_allows(tolerance, rank):
    problem = read_text(TEXT).problem
    context = Context(problem, Plan())
    builder = RowBuilder(problem, 0, context.device, context.dtype)
    across = (builder.across(1, None, 16), builder.across(2, None, 14))
    space = LiftedSpace(torch.linspace(0, 1, 9, dtype=torch.float64), 7, 0, across)
    network = compress(context, builder, [interpolated(space, products)], tolerance / 10, tolerance)
    assert network.rank == rank
    assert context.history.truncation < tolerance


def test_harmonics_become_splines():
    problem = read_text(TEXT.replace("boundary: u = 0", "boundary:\n  x: periodic\n  y: periodic")).problem
    context = Context(problem, Plan())
    builder = RowBuilder(problem, 0, context.device, context.dtype)
    across = (builder.across(1, None, 7), builder.across(2, None, 12))
    space = LiftedSpace(torch.tensor([0.0, 1.0], dtype=torch.float64), 6, 0, across, periodic=True)

    def waves(x, y, t):
        return torch.cos(2 * torch.pi * x) * torch.sin(torch.pi * y) * torch.exp(-t) + 2

    network = compress(context, builder, [interpolated(space, waves)], 1e-10, 1e-10)
    assert network.rank == 2
    x = torch.rand(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * torch.tensor([1.0, 2.0, 1.0])
    expected = waves(*x.unbind(1))
    assert float((network(x)[:, 0].detach() - expected).norm() / expected.norm()) < 1e-9
