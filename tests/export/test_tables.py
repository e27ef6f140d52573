"""Values at points: what is written is read back to the last bit, in every format."""

import io

import h5py
import numpy as np
import pytest
import xarray

from kanpde.errors import ProblemError
from kanpde.export.tables import TABLES, columns_in_file, points_in_words, read_points, values_at, write_csv, write_table


def test_words_name_one_point(rod):
    points = points_in_words(" x = 0.5 , t=1e0", ("x", "t"))
    assert {name: x.tolist() for name, x in points.coordinates.items()} == {"x": [0.5], "t": [1.0]}
    assert values_at(rod, points, ["u_xx"])["u_xx"] == pytest.approx(-4.0)


@pytest.mark.parametrize("text", ["x", "x=", "x=half,t=1", "x=0.5;t=1"])
def test_words_that_are_no_point_are_refused(text):
    with pytest.raises(ProblemError, match="is no value of a coordinate"):
        points_in_words(text, ("x", "t"))


def test_a_grid_runs_over_the_domain(rod):
    points = read_points(None, "3x5", rod)
    assert points.coordinates["x"].tolist() == [0, 0.5, 1]
    assert points.coordinates["t"].tolist() == [0, 0.5, 1, 1.5, 2]
    assert values_at(rod, points)["u"].shape == (5, 3)
    for bad in ("3", "3x0", "3x5x2", "axb"):
        with pytest.raises(ProblemError, match="is no grid for x, t"):
            read_points(None, bad, rod)


def test_csv_keeps_every_bit(rod, tmp_path):
    points = read_points(None, "4x3", rod)
    values = values_at(rod, points, ["u_t"])
    write_table(tmp_path / "u.csv", rod, points, values)
    back = columns_in_file(tmp_path / "u.csv", ("x", "t", "u", "u_t"))
    again = read_points(str(tmp_path / "u.csv"), None, rod)
    assert (back["u"] == values["u"].ravel()).all()
    assert (back["u_t"] == values["u_t"].ravel()).all()
    assert np.abs(values_at(rod, again)["u"] - back["u"]).max() < 1e-13


def test_csv_goes_to_a_stream_in_the_order_of_the_problem(rod):
    stream = io.StringIO()
    points = read_points("x=0.5,t=2", None, rod)
    write_csv(stream, points, values_at(rod, points, ["u_x"]))
    header, row = stream.getvalue().splitlines()
    assert header == "x,t,u,u_x"
    assert [float(number) for number in row.split(",")] == pytest.approx([0.5, 2, 2.25, 0], abs=1e-12)


def test_csv_input_is_checked(tmp_path):
    (tmp_path / "p.csv").write_text("# sensors\nt, x, note\n0.5, 1, a\n")
    assert columns_in_file(tmp_path / "p.csv", ("x", "t"))["x"].tolist() == [1.0]
    with pytest.raises(ProblemError, match="has no column 'y'"):
        columns_in_file(tmp_path / "p.csv", ("x", "y"))
    (tmp_path / "p.csv").write_text("x,t\n1,\n")
    with pytest.raises(ProblemError, match="row 2 is not a row of numbers"):
        columns_in_file(tmp_path / "p.csv", ("x", "t"))


def test_hdf5_on_a_grid_and_at_points_opens_in_xarray(rod, tmp_path):
    grid = read_points(None, "4x3", rod)
    write_table(tmp_path / "grid.h5", rod, grid, values_at(rod, grid, ["u_xx"]))
    with xarray.open_dataset(tmp_path / "grid.h5", engine="netcdf4") as data:
        assert data.u_xx.dims == ("t", "x")
        assert data.u_xx.sel(t=2, x=0).item() == pytest.approx(-18)
    one = read_points("x=0.5,t=2", None, rod)
    write_table(tmp_path / "points.h5", rod, one, values_at(rod, one))
    with xarray.open_dataset(tmp_path / "points.h5", engine="netcdf4") as data:
        assert data.u.dims == ("point",)
        assert {"x", "t"} <= set(data.coords)
        assert data.u.item() == pytest.approx(2.25)


@pytest.mark.parametrize("suffix", TABLES)
def test_every_table_format_writes_the_same_values(suffix, rod, tmp_path):
    points = read_points(None, "3x3", rod)
    values = values_at(rod, points)
    path = tmp_path / f"u{suffix}"
    write_table(path, rod, points, values)
    if suffix == ".csv":
        found = columns_in_file(path, ("u",))["u"]
    else:
        with h5py.File(path) as file:
            found = file["u"][...].ravel()
    assert (found == values["u"].ravel()).all()


def test_an_unknown_table_format_is_refused(rod, tmp_path):
    points = read_points(None, "2x2", rod)
    with pytest.raises(ProblemError, match=r"this version writes \.csv, \.h5"):
        write_table(tmp_path / "u.xlsx", rod, points, values_at(rod, points))


def test_a_grid_over_a_shape_is_nan_outside_and_points_there_are_refused(holed, tmp_path):
    points = read_points(None, "9x5", holed)
    values = values_at(holed, points, ["u_x"])
    write_table(tmp_path / "u.csv", holed, points, values)
    back = columns_in_file(tmp_path / "u.csv", ("x", "y", "u", "u_x"))
    outside = np.hypot(back["x"] - 0.25, back["y"] - 0.5) < 0.3
    assert outside.any()
    for name in ("u", "u_x"):
        assert (np.isnan(back[name]) == outside).all()
        assert (back[name][~outside] == values[name].ravel()[~outside]).all()
    with pytest.raises(ProblemError, match="is outside the domain"):
        values_at(holed, read_points("x=0.25,y=0.5", None, holed))


def test_three_coordinates_on_a_grid(ball):
    points = read_points(None, "5x4x3", ball)
    assert values_at(ball, points)["v"].shape == (3, 4, 5)
    assert [len(x) for x in read_points(None, None, ball).coordinates.values()] == [65, 65, 65]
