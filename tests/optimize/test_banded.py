"""The banded QR against dense least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.optimize.banded import Rows, solve_banded


def random_system(intervals: int, block: int, degree: int, border: int, width: int, seed: int):
    """Rows of every interval, and the same as one dense matrix."""
    rng = np.random.default_rng(seed)
    size = (intervals + degree) * block
    cells, dense, right = [], [], []
    for e in range(intervals):
        n = (degree + 1) * block + 3
        a, b, r = rng.normal(size=(n, (degree + 1) * block)), rng.normal(size=(n, border)), rng.normal(size=(n, width))
        row = np.zeros((n, size + border))
        row[:, e * block : e * block + a.shape[1]] = a
        row[:, size:] = b
        cells.append([Rows(torch.tensor(a), torch.tensor(r), torch.tensor(b) if border else None)])
        dense.append(row)
        right.append(r)
    return cells, np.concatenate(dense), np.concatenate(right)


@settings(max_examples=25, deadline=None)
@given(
    intervals=st.integers(1, 11),
    block=st.integers(1, 4),
    degree=st.integers(1, 4),
    border=st.integers(0, 3),
    width=st.integers(1, 2),
    group=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_equals_dense_least_squares(intervals, block, degree, border, width, group, seed):
    cells, dense, right = random_system(intervals, block, degree, border, width, seed)
    x, edge = solve_banded(cells, block, degree, border=border, group=group)
    expected = np.linalg.lstsq(dense, right, rcond=None)[0]
    np.testing.assert_allclose(np.concatenate([x.numpy(), edge.numpy()]), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("border", [0, 2])
def test_damping_equals_ridge(border):
    cells, dense, right = random_system(7, 2, 3, border, 1, 4)
    x, edge = solve_banded(cells, 2, 3, border=border, damping=0.3)
    ridge = np.concatenate([dense, np.sqrt(0.3) * np.eye(dense.shape[1])])
    expected = np.linalg.lstsq(ridge, np.concatenate([right, np.zeros((dense.shape[1], 1))]), rcond=None)[0]
    np.testing.assert_allclose(np.concatenate([x.numpy(), edge.numpy()]), expected, rtol=1e-9, atol=1e-11)


def test_damping_sets_a_column_without_rows_to_zero():
    cells, dense, right = random_system(5, 2, 2, 0, 1, 1)
    cells[0][0].matrix[:, 0] = 0
    dense[: cells[0][0].matrix.shape[0], 0] = 0
    x, _ = solve_banded(cells, 2, 2, damping=1e-26)
    assert x[0, 0] == 0
    expected = np.linalg.lstsq(dense, right, rcond=None)[0]
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-8, atol=1e-10)


def test_keeps_digits_that_normal_equations_lose():
    """Columns of condition 1e9: a consistent system is solved to 1e-6, where normal equations have no digit left."""
    cells, dense, _ = random_system(6, 2, 2, 0, 1, 9)
    scale = torch.logspace(0, -9, 6, dtype=torch.float64)
    truth = np.linspace(1, 2, dense.shape[1])[:, None]
    for e, (rows,) in enumerate(cells):
        rows.matrix.mul_(scale[None, :])
        start = e * 2
        block = np.zeros((rows.matrix.shape[0], dense.shape[1]))
        block[:, start : start + 6] = rows.matrix.numpy()
        rows.right.copy_(torch.tensor(block @ truth))
    x, _ = solve_banded(cells, 2, 2)
    assert np.abs(x.numpy() - truth).max() < 1e-5
