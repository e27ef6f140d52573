"""Columns of numbers: what files mean, and what is said of those that mean nothing."""

import numpy as np
import pytest

from kanpde.errors import ProblemError
from kanpde.learn.columns import formula_names, read_columns

POINTS = [[1.5, -2.0, 3e-3], [0.25, 4.0, -1e5]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x,y,z\n1.5,-2,3e-3\n.25,4,-1e5\n", "x y z"),
        ("1.5,-2,3e-3\n0.25,4,-1E5", "x1 x2 x3"),
        ("x;y;z\n1,5;-2;3e-3\n0,25;4;-1e5\n", "x y z"),
        ("a\tb c\td\n1.5\t-2\t0.003\n0.25\t4\t-100000\n", "a|b c|d"),
        ("# made by numpy\n# x y z\n1.5 -2 3e-3\n0.25   4 -1e5\n", "x y z"),
        ("# a remark\n\n  1.5 -2 3e-3\n\n# another\n0.25 4 -1e5\n", "x1 x2 x3"),
        ('"x","wind speed","z"\n"1.5","-2","3e-3"\n0.25,4,-1e5\n', "x|wind speed|z"),
        ("\ufeffx,y,z\r\n1.5,-2,3e-3\r\n0.25,4,-1e5\r\n", "x y z"),
        (",y,z\n1.5,-2,3e-3\n0.25,4,-1e5\n", "x1 y z"),
    ],
)
def test_the_same_numbers_in_every_dialect(text, names, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    table = read_columns(path)
    assert table.names == tuple(names.split("|") if "|" in names else names.split())
    np.testing.assert_array_equal(table.values, POINTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n3,\n", "data.csv:3:1: the value of 'y' is missing"),
        ("x,y\n1,2\n\n3,NaN\n", "data.csv:4:3: the value of 'y' is missing"),
        ("x,y\n1,2\n3,4,5\n", "data.csv:3:1: this line has 3 values, and there are 2 columns"),
        ("x,y\n1,2\n3,red\n", "data.csv:3:3: 'red' is no finite number for 'y'"),
        ("1 2\n3 inf\n", "data.csv:2:3: 'inf' is no finite number for 'x2'"),
        ("1 2\n3 1_000\n", "'1_000' is no finite number"),
        ("x,x\n1,2\n", "two columns are called 'x'"),
        ("x,y\n", "names columns, but holds no numbers"),
        ("# only words\n", "holds no numbers"),
    ],
)
def test_what_is_no_number_is_named_with_its_line(text, said, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(ProblemError) as error:
        read_columns(path)
    assert said in str(error.value)


def test_columns_of_words_do_not_matter_unless_they_are_wanted(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("day,x,y\nMonday,1,2\nTuesday,3,5\n")
    np.testing.assert_array_equal(read_columns(path, ["y", "x"]).values, [[1, 2], [3, 5]])
    with pytest.raises(ProblemError, match="'Monday' is no finite number for 'day'"):
        read_columns(path, ["day"])
    with pytest.raises(ProblemError, match="no column 'u'"):
        read_columns(path, ["u"])


def test_arrays_of_numpy(tmp_path):
    X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 4.0, 9.0])
    np.savez(tmp_path / "data.npz", y=y, X=X)
    table = read_columns(tmp_path / "data.npz")
    assert table.names == ("x1", "x2", "y")
    np.testing.assert_array_equal(table.values, np.column_stack([X, y]))
    np.savez(tmp_path / "bad.npz", x=X, y=y[:2])
    with pytest.raises(ProblemError, match="different lengths"):
        read_columns(tmp_path / "bad.npz")


def test_names_become_names_of_formulas_and_stay_different():
    names, targets = formula_names(["wind speed [m/s]", "2", "pi", "sin", "a"], ["a", "y"])
    assert names == ("wind_speed_m_s", "x2", "pi_", "sin_", "a")
    assert targets == ("a2", "y")
