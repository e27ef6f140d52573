"""Normal equations with CGLS against dense least squares, and against the banded QR."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kanpde.optimize.banded import Rows, solve_banded
from kanpde.optimize.banded_cholesky import CellRows, solve_banded_by_cholesky


def random_groups(intervals: int, degree: int, block: int, border: int, decay: float, seed: int):
    """Rows on all intervals and on the last one, with columns of norm about one and a condition number of about 1/decay."""
    rng = np.random.default_rng(seed)
    width = (degree + 1) * block
    columns = torch.arange(intervals)[:, None] + torch.arange(degree + 1)
    mixing = np.linalg.qr(rng.normal(size=(width, width)))[0] @ np.diag(np.geomspace(1, decay, width))
    groups = []
    for cells in (slice(None), slice(intervals - 1, intervals)):
        count = len(range(*cells.indices(intervals)))
        matrix = rng.normal(size=(count, width + 4, width)) @ mixing.T / width**0.5
        edge = rng.normal(size=(width + 4, border)) if border else None
        groups.append(
            CellRows(
                cells,
                torch.tensor(matrix),
                torch.tensor(rng.normal(size=(count, width + 4))),
                None if edge is None else torch.tensor(edge),
            )
        )
    return groups, columns


def dense(groups, columns, block: int, border: int):
    size = (int(columns[-1, -1]) + 1) * block
    matrix, right = [], []
    for group in groups:
        for i, e in enumerate(range(*group.cells.indices(len(columns)))):
            rows = np.zeros((group.matrix.shape[1], size + border))
            rows[:, e * block : e * block + group.matrix.shape[2]] = group.matrix[i].numpy()
            if group.border is not None:
                rows[:, size:] = group.border.numpy()
            matrix.append(rows)
            right.append(group.right[i].numpy())
    return np.concatenate(matrix), np.concatenate(right)


@pytest.mark.parametrize("border", [0, 3])
@pytest.mark.parametrize("intervals", [1, 2, 6])
@pytest.mark.parametrize("decay", [1.0, 1e-5])
def test_equals_dense_least_squares(border, intervals, decay):
    groups, columns = random_groups(intervals, 3, 2, border, decay, 7)
    x = solve_banded_by_cholesky(groups, columns, 2, border)
    assert x is not None
    matrix, right = dense(groups, columns, 2, border)
    expected = np.linalg.lstsq(matrix, right, rcond=None)[0][: len(x)]
    assert np.abs(x.numpy() - expected).max() < 1e-9 * np.abs(expected).max()


def test_keeps_the_digits_of_qr():
    """At a condition number of 1e7 the normal equations alone have two digits; with CGLS the result is that of the QR."""
    groups, columns = random_groups(8, 3, 3, 0, 1e-7, 3)
    x = solve_banded_by_cholesky(groups, columns, 3)
    cells = [[Rows(groups[0].matrix[e], groups[0].right[e][:, None])] for e in range(8)]
    cells[-1].append(Rows(groups[1].matrix[0], groups[1].right[0][:, None]))
    expected, _ = solve_banded(cells, 3, 3)
    assert x is not None
    matrix, right = dense(groups, columns, 3, 0)
    ours = np.linalg.norm(matrix @ x.numpy() - right)
    best = np.linalg.norm(matrix @ expected[:, 0].numpy() - right)
    assert ours <= best * (1 + 1e-9)
