"""Spaces of several coordinates: derivatives, the transpose of spreading, and the same function in a richer space."""

import math
from dataclasses import replace

import pytest
import torch

from kanpde.assembly import Across, Lifted, LiftedSpace, spread
from kanpde.assembly.space import gathered, harmonics

BREAKS = torch.tensor([0.0, 0.3, 0.5, 1.0], dtype=torch.float64)
ACROSS = (Across(0, (-1.0, 2.0), 4), Across(2, (0.0, 3.0), 5, periodic=True))
SPACE = LiftedSpace(BREAKS, 5, 1, ACROSS, 2)


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def points(low, high, count=7):
    return torch.linspace(low, high, count, dtype=torch.float64)


def test_harmonics_and_their_derivatives():
    x = points(1.0, 4.0)
    table = harmonics(x, 5, 1.0, 4.0, 2)
    wave = 2 * math.pi / 3
    theta = wave * (x - 1)
    assert torch.allclose(table[0], torch.stack([x**0, theta.cos(), theta.sin(), (2 * theta).cos(), (2 * theta).sin()]))
    assert torch.allclose(table[1, 3], -2 * wave * (2 * theta).sin())
    assert torch.allclose(table[2, 4], -4 * wave**2 * (2 * theta).sin())
    assert float(table[1:, 0].abs().max()) == 0


@pytest.mark.parametrize("sizes", [(), (3,), (3, 4), (2, 3, 4)])
def test_gathering_is_the_transpose_of_spreading(sizes):
    tables = [random(size, size + 2) for size in sizes]
    c = random(5, math.prod(sizes))
    values = spread(c, tables)
    weights = random(*values.shape)
    assert values.shape == (5, *(size + 2 for size in sizes))
    assert torch.allclose((values * weights).sum(), (c * gathered(weights, tables)).sum())


def test_values_are_sums_of_products():
    lifted = Lifted(SPACE, random(SPACE.functions, SPACE.block))
    x, y, z = points(0, 1), points(-1, 2, 5), points(0, 3, 4)
    tables = [SPACE.splines(x, 1)[1], ACROSS[0].table(y, 2)[2].T, ACROSS[1].table(z)[0].T]
    expected = torch.einsum("nk,ijk->nij", tables[0], torch.einsum("kab,ia,jb->ijk", lifted.tensor[:, 1], tables[1], tables[2]))
    assert torch.allclose(lifted(x, [y, z], (1, 2, 0), field=1), expected)


def test_a_richer_space_holds_the_same_function():
    lifted = Lifted(SPACE, random(SPACE.functions, SPACE.block))
    richer = lifted.widened([6, 8]).refined(torch.tensor([0.1, 0.7], dtype=torch.float64))
    assert richer.space.sizes == (6, 9)  # harmonics are odd in number
    assert richer.space.intervals == 5
    grid = points(0, 1), [points(-1, 2, 5), points(0, 3, 4)]
    assert float((richer(*grid, field=1) - lifted(*grid, field=1)).abs().max()) < 1e-13


def test_more_harmonics_along_the_first_coordinate_hold_the_same_function():
    space = replace(SPACE, breaks=BREAKS[[0, -1]], degree=4, periodic=True)
    lifted = Lifted(space, random(space.functions, space.block))
    richer = lifted.with_harmonics(8)
    assert richer.space.functions == 9
    grid = points(0, 1), [points(-1, 2, 5), points(0, 3, 4)]
    assert float((richer(*grid) - lifted(*grid)).abs().max()) < 1e-13
    ends = lifted(BREAKS[[0, -1]], grid[1], (3, 0, 0))
    assert float((ends[0] - ends[1]).abs().max()) < 1e-9 * float(ends.abs().max())
