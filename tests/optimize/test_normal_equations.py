"""Banded normal equations with conjugate gradients against dense least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kanpde.optimize.normal_equations import CellRows, solve_cells

OFFSETS = torch.tensor([0, 1, 2, 9, 10, 11])
SIZE = 63


def rows(seed: int, border: int = 0, count: int = 5, groups: int = 2) -> list[CellRows]:
    """Random rows in every cell that the columns have room for."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.arange(SIZE - int(OFFSETS[-1]))
    made = []
    for _ in range(groups):
        shape = (len(first), count)
        matrix = torch.randn(*shape, len(OFFSETS), generator=generator, dtype=torch.float64)
        right = torch.randn(shape, generator=generator, dtype=torch.float64)
        edge = torch.randn(*shape, border, generator=generator, dtype=torch.float64) if border else None
        made.append(CellRows(first, matrix, right, edge))
    return made


def dense(groups: list[CellRows]) -> tuple[np.ndarray, np.ndarray]:  # (m, n + nb), (m,)
    """The same rows as one matrix."""
    parts = []
    for group in groups:
        cells, count, _ = group.matrix.shape
        full = torch.zeros(cells, count, SIZE, dtype=torch.float64)
        columns = (group.first[:, None] + OFFSETS)[:, None, :].expand(cells, count, -1)
        full.scatter_(2, columns, group.matrix)
        parts.append(torch.cat([full, *([] if group.border is None else [group.border])], 2).reshape(cells * count, -1))
    return torch.cat(parts).numpy(), torch.cat([group.right.reshape(-1) for group in groups]).numpy()


def normed(groups: list[CellRows]) -> list[CellRows]:
    """Columns of norm one, as ``solve_cells`` asks for."""
    norms = torch.as_tensor(np.linalg.norm(dense(groups)[0], axis=0))
    norms = torch.where(norms > 0, norms, 1.0)
    local = norms[groups[0].first[:, None] + OFFSETS][:, None, :]
    edge = norms[SIZE:]
    return [CellRows(g.first, g.matrix / local, g.right, None if g.border is None else g.border / edge) for g in groups]


def solved(groups: list[CellRows], border: int = 0, damping: float = 0.0) -> np.ndarray:
    found = solve_cells(groups, OFFSETS, SIZE, border, damping)
    assert found is not None
    return torch.cat([found.x, found.border]).numpy()


def by_singular_values(a: np.ndarray, b: np.ndarray, damping: float = 0.0) -> np.ndarray:
    stacked = np.concatenate([a, np.sqrt(damping) * np.eye(a.shape[1])])
    return np.linalg.lstsq(stacked, np.concatenate([b, np.zeros(a.shape[1])]), rcond=1e-14)[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("border", [0, 1, 5])
def test_the_minimiser_of_dense_least_squares(seed, border):
    groups = normed(rows(seed, border))
    x = by_singular_values(*dense(groups))
    assert np.linalg.norm(solved(groups, border) - x) < 1e-13 * np.linalg.norm(x)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("damping", [1e-8, 1e-5, 0.1, 10.0])
def test_the_damped_minimiser_of_dense_least_squares(seed, damping):
    groups = normed(rows(seed))
    x = by_singular_values(*dense(groups), damping)
    assert np.linalg.norm(solved(groups, damping=damping) - x) < 1e-13 * np.linalg.norm(x)


@pytest.mark.parametrize("seed", range(4))
def test_digits_that_normal_equations_alone_would_lose_are_restored(seed):
    """Rows are second differences but for 1e-5, which hardly see a straight line: the condition's square leaves few digits."""
    groups = rows(seed, 3)
    second = torch.tensor([[1.0, -2, 1, 0, 0, 0], [0, 0, 0, 1, -2, 1]], dtype=torch.float64)
    for group in groups:
        group.matrix.copy_(1e-5 * group.matrix + group.matrix[..., :2] @ second)
    groups = normed(groups)
    a, b = dense(groups)
    x, condition = by_singular_values(a, b), np.linalg.cond(a)
    assert condition > 1e5
    found = solved(groups, 3)
    assert np.linalg.norm(found - x) < 1e-14 * condition * np.linalg.norm(x)
    assert np.linalg.norm(a @ found - b) <= (1 + 1e-12) * np.linalg.norm(a @ x - b)


@pytest.mark.parametrize("exponent", [6, 8, 10, 12])
def test_a_consistent_problem_near_singularity_is_solved_to_round_off_in_its_rows(exponent):
    """Two neighbouring columns agree but for 10^-exponent; right sides are reproduced all the same."""
    groups = rows(7)
    offset = 20 - groups[0].first  # column 20, where a cell has it
    for group in groups:
        for place, step in enumerate(OFFSETS.tolist()):
            mine = offset == step
            partner = offset + 1  # column 21 in the same cell
            for other, step2 in enumerate(OFFSETS.tolist()):
                both = mine & (partner == step2)
                group.matrix[both, :, other] = group.matrix[both, :, place] + 10.0**-exponent * group.matrix[both, :, other]
            group.matrix[mine & ~torch.isin(partner, OFFSETS), :, place] = 0.0
        for other, step2 in enumerate(OFFSETS.tolist()):
            alone = (21 - group.first == step2) & ~torch.isin(offset, OFFSETS)
            group.matrix[alone, :, other] = 0.0
    groups = normed(groups)
    a, _ = dense(groups)
    assert np.linalg.cond(a) > 0.1 * 10.0**exponent
    truth = np.random.default_rng(3).standard_normal(SIZE)
    b = a @ truth
    sizes = [group.right.numel() for group in groups]
    parts = torch.as_tensor(b).split(sizes)
    groups = [CellRows(g.first, g.matrix, part.reshape(g.right.shape)) for g, part in zip(groups, parts, strict=True)]
    x = solved(groups)
    assert np.linalg.norm(a @ x - b) < 1e-13 * np.linalg.norm(b)
    if exponent < 12:  # beyond, the difference of both columns is lost, and with it nothing that a row sees
        assert np.linalg.norm(x - truth) < 1e-13 * 10.0**exponent * np.linalg.norm(truth)


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9, 0.0])
def test_border_columns_that_nearly_depend_on_all_others(size: float):
    """The last border column is a mixture of all the other columns but for ``size``: the cost is the smallest all the same."""
    groups = normed(rows(2, 3))
    a, b = dense(groups)
    generator = np.random.default_rng(5)
    depends = a[:, :-1] @ generator.standard_normal(a.shape[1] - 1)
    other = generator.standard_normal(len(a))
    column = torch.as_tensor(depends / np.linalg.norm(depends) + size * other / np.linalg.norm(other))
    parts = column.split([group.right.numel() for group in groups])
    for group, part in zip(groups, parts, strict=True):
        assert group.border is not None
        group.border[..., -1] = part.reshape(group.right.shape)
    groups = normed(groups)
    a, b = dense(groups)
    best = np.linalg.norm(a @ by_singular_values(a, b) - b)
    found = solved(groups, 3)
    assert np.isfinite(found).all()
    assert np.linalg.norm(a @ found - b) <= (1 + 1e-9) * best
    if size > 1e-8:
        assert np.linalg.norm(a @ found - b) <= (1 + 1e-12) * best


def test_columns_that_no_row_sees_stay_zero():
    groups = rows(4)
    for group in groups:
        for place, step in enumerate(OFFSETS.tolist()):
            group.matrix[torch.isin(group.first + step, torch.tensor([0, 30, 31])), :, place] = 0.0
    groups = normed(groups)
    a, b = dense(groups)
    found = solved(groups)
    assert (found[[0, 30, 31]] == 0).all()
    assert np.linalg.norm(found - by_singular_values(a, b)) < 1e-12 * np.linalg.norm(found)


def test_fewer_rows_than_columns():
    """One row for two columns or so: a minimiser of cost zero, and not a large one."""
    groups = [CellRows(g.first[::6], g.matrix[::6], g.right[::6]) for g in normed(rows(5, count=1, groups=3))]
    a, b = dense(groups)
    assert a.shape[0] < a.shape[1]
    found = solved(groups)
    assert np.linalg.norm(a @ found - b) < 1e-7 * np.linalg.norm(b)
    assert np.linalg.norm(found) < 10 * np.linalg.norm(by_singular_values(a, b))


def test_a_right_side_of_zero_gives_zero():
    groups = [CellRows(g.first, g.matrix, torch.zeros_like(g.right), g.border) for g in normed(rows(6, 2))]
    assert (solved(groups, 2) == 0).all()


def test_damping_pulls_towards_zero_as_ridge_regression_does():
    groups = normed(rows(8, 2))
    lengths = [np.linalg.norm(solved(groups, 2, damping)) for damping in (0.0, 0.01, 1.0, 100.0)]
    assert lengths == sorted(lengths, reverse=True)
    groups = [CellRows(group.first, group.matrix, group.right) for group in groups]
    a, b = dense(groups)
    strong = solved(groups, damping=1e6)
    assert np.linalg.norm(strong - a.T @ b / 1e6) < 1e-5 * np.linalg.norm(strong)


def test_the_order_of_cells_and_groups_does_not_matter():
    groups = normed(rows(9, 2))
    order: Tensor = torch.randperm(len(groups[0].first), generator=torch.Generator().manual_seed(0))
    shuffled = [
        CellRows(g.first[order], g.matrix[order], g.right[order], None if g.border is None else g.border[order])
        for g in reversed(groups)
    ]
    assert np.linalg.norm(solved(groups, 2) - solved(shuffled, 2)) < 1e-13 * np.linalg.norm(solved(groups, 2))
