"""Fields alone in other formats, and networks as programs: what other readers find is what the solution says."""

import h5py
import netCDF4
import numpy as np
import pytest
import torch
import xarray

from kanpde.errors import MissingDependency, ProblemError
from kanpde.export import EXPORTERS, fields_on, output_axes, save


def test_a_table_has_a_row_for_every_point_of_the_grid(rod, tmp_path):
    save(rod, tmp_path / "u.csv")
    table = np.genfromtxt(tmp_path / "u.csv", delimiter=",", names=True)
    axes = output_axes(rod)
    assert table.shape == (len(axes["x"]) * len(axes["t"]),)
    np.testing.assert_array_equal(table["u"], rod(x=table["x"], t=table["t"]))


@pytest.mark.parametrize("name", ["rod", "holed", "block"])
def test_netcdf_opens_in_its_own_library_and_in_xarray(name, request, tmp_path):
    solution = request.getfixturevalue(name)
    save(solution, tmp_path / "u.nc")
    axes = output_axes(solution)
    fields = fields_on(solution, axes)
    with netCDF4.Dataset(tmp_path / "u.nc") as file:
        assert file.Conventions == "CF-1.11"
        for field, values in fields.items():
            assert file[field].dimensions == tuple(reversed(axes))
            np.testing.assert_array_equal(np.ma.filled(file[field][...], np.nan), values)
    with xarray.open_dataset(tmp_path / "u.nc") as found:
        for coordinate, x in axes.items():
            np.testing.assert_array_equal(found[coordinate], x)
        assert found.attrs["outcome"] == solution.outcome
    with h5py.File(tmp_path / "u.nc") as file:
        assert "kanpde" not in file


@pytest.mark.parametrize("name", ["rod", "holed", "block"])
def test_a_picture_for_paraview_holds_the_fields(name, request, tmp_path):
    solution = request.getfixturevalue(name)
    save(solution, tmp_path / "u.vtkhdf")
    axes = output_axes(solution)
    with h5py.File(tmp_path / "u.vtkhdf") as file:
        image = file["VTKHDF"]
        assert image.attrs["Type"] == b"ImageData"
        counts = [last - first + 1 for first, last in image.attrs["WholeExtent"].reshape(3, 2)]
        assert counts[: len(axes)] == [len(x) for x in axes.values()]
        for field, values in fields_on(solution, axes).items():
            np.testing.assert_array_equal(image["PointData"][field][...], values)


@pytest.mark.parametrize("name", ["rod", "plane", "deep", "block"])
def test_a_program_gives_the_values_for_any_number_of_points(name, request, tmp_path):
    solution = request.getfixturevalue(name)
    save(solution, tmp_path / "u.pt2")
    run = torch.export.load(tmp_path / "u.pt2").module()
    bounds = torch.from_numpy(solution.problem.domain.bounds)
    for count in (1, 4, 700):
        x = bounds[:, 0] + torch.rand(count, len(bounds), dtype=torch.float64, generator=torch.Generator().manual_seed(count)) * (
            bounds[:, 1] - bounds[:, 0]
        )
        torch.testing.assert_close(run(x), solution.network(x), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["holed", "materials"])
def test_a_network_that_asks_where_points_lie_is_no_program(name, request, tmp_path):
    with pytest.raises(ProblemError, match=r"torch\.export cannot follow this network"):
        save(request.getfixturevalue(name), tmp_path / "u.pt2")
    assert not list(tmp_path.iterdir())


def test_onnx_needs_packages_that_a_sentence_names(plane, tmp_path, monkeypatch):
    def lacking(*_, **__):
        raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")

    monkeypatch.setattr("torch.onnx.export", lacking)
    with pytest.raises(MissingDependency, match="onnxscript") as error:
        save(plane, tmp_path / "u.onnx")
    assert "write .pt2" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_said(plane, tmp_path):
    with pytest.raises(ProblemError) as error:
        save(plane, tmp_path / "u.xlsx")
    assert all(suffix in str(error.value) for suffix in EXPORTERS)
