"""Data are checked when they come in: what cannot be fitted is refused with what to write instead."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kanpde.learn.data import Data

X = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], [3.0, 5.0]])
Y = np.array([1.0, 2.0, 4.0, 8.0])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X.tolist(), Y.tolist()),
        (X, Y[:, None]),
        (torch.tensor(X, dtype=torch.float32), torch.tensor(Y)),
        (X.astype(np.float32), Y.astype(np.int64)),
        (X.astype(object), Y),
        (np.asfortranarray(X)[::1], Y[::-1][::-1]),
    ],
)
def test_every_kind_of_array_gives_the_same_data(x, y):
    data = Data.of(x, y)
    assert torch.equal(data.x, torch.tensor(X))
    assert torch.equal(data.y[:, 0], torch.tensor(Y))
    assert data.names == ("x1", "x2")
    assert data.targets == ("y",)
    assert data.domain.tolist() == [[0.0, 3.0], [1.0, 5.0]]


def test_data_do_not_follow_when_the_users_array_changes():
    x = X.copy()
    data = Data.of(x, Y)
    x[:] = 0
    assert torch.equal(data.x, torch.tensor(X))


def test_data_frames_give_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"mass": X[:, 0], "speed": X[:, 1]}, index=[7, 3, 5, 1])
    data = Data.of(frame, pandas.Series(Y, name="energy"))
    assert data.names == ("mass", "speed")
    assert data.targets == ("energy",)
    assert Data.of(frame, pandas.DataFrame({"a": Y, "b": Y})).targets == ("a", "b")


def test_one_input_may_be_a_plain_list_and_names_are_taken():
    data = Data.of([1, 2, 3], [1, 4, 9], names=["t"], targets=["u"])
    assert data.x.shape == (3, 1)
    assert (data.names, data.targets) == (("t",), ("u",))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X, None, "y is missing"),
        (X, Y[:3], "X has 4 points and y has 3"),
        (X.T, Y, "X.T"),
        (X[:1], Y[:1], "at least two"),
        (X[:0], Y[:0], "no points"),
        (np.where(X == 3, np.nan, X), Y, "not finite in 2 rows, first in row 1, column 'x2'"),
        (X, np.where(Y == 4, np.inf, Y), "y is not finite in 1 row, first in row 2"),
        (X[None], Y, "a row for each point"),
        (X, Y + 1j, "complex"),
        ([[1, 2], [3]], [1, 2], "different lengths|something else than numbers"),
        ([["a", "b"], ["c", "d"]], [1, 2], "something else than numbers"),
        (np.zeros((4, 0)), Y, "at least one column"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        Data.of(x, y)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"names": ["a"]}, "names needs 2 names"),
        ({"names": ["a", "a"]}, "same name"),
        ({"names": "ab"}, "names needs 2 names"),
        ({"domain": [[0, 1], [0, 9]]}, "outside the domain along 'x1'"),
        ({"domain": [[3, 0], [0, 9]]}, r"\[least, largest\]"),
        ({"dtype": torch.float32}, "too large for float32"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, words):
    y = Y * 1e300 if "dtype" in settings else Y
    with pytest.raises(ValueError, match=words):
        Data.of(X, y, **settings)


def test_sparse_matrices_are_named():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="toarray"):
        Data.of(sparse.csr_matrix(X), Y)


def test_errors_are_measured_by_the_spread_and_never_by_zero():
    columns = np.stack([Y, np.full(4, 5.0), np.zeros(4), 1e300 * Y, 1e9 + 1e-12 * Y], 1)
    scale = Data.of(X, columns).scale
    assert float(scale[0]) == pytest.approx(Y.std())
    assert float(scale[1]) == 5.0
    assert float(scale[2]) == 1.0
    assert float(scale[3]) == pytest.approx(1e300 * Y.std())
    assert float(scale[4]) == pytest.approx(1e9)  # what varies is round-off


def test_constant_inputs_get_an_interval_and_are_named():
    data = Data.of(np.stack([X[:, 0], np.full(4, 7.0), np.zeros(4)], 1), Y)
    assert data.constant == ("x2", "x3")
    assert bool((data.domain[:, 0] < data.domain[:, 1]).all())
    assert data.domain[1].mean() == pytest.approx(7.0)


def test_equal_points_with_other_values_say_how_well_a_function_can_fit():
    """At x = 0 the best value is 2, off by 1 twice; the other point is met."""
    data = Data.of([0.0, 0.0, 1.0], [1.0, 3.0, 5.0])
    assert data.conflicts == pytest.approx(math.sqrt(2 / 3) / np.std([1, 3, 5]))
    assert Data.of([0.0, 0.0, 1.0], [2.0, 2.0, 5.0]).conflicts == 0.0


def test_a_split_takes_every_point_once_and_repeats_with_its_seed():
    data = Data.of(np.arange(100.0), np.arange(100.0) ** 2)
    for _ in range(2):
        rest, held = data.split(0.2, torch.Generator().manual_seed(5))
        assert (rest.points, held.points) == (80, 20)
        assert sorted([*rest.x[:, 0].tolist(), *held.x[:, 0].tolist()]) == list(range(100))
        assert torch.equal(held.y, held.x**2)
    other = data.split(0.2, torch.Generator().manual_seed(6))[1]
    assert not torch.equal(other.x, held.x)
    assert torch.equal(rest.domain, data.domain)
    assert data.split(0.0, torch.Generator())[1] is None
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        data.split(1.0, torch.Generator())
