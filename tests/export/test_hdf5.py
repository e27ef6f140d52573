"""The run file: h5py, xarray and ParaView's layout all see the same arrays, and it is whole or absent."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
import xarray
from made import PLATE

from kanpde.errors import ProblemError
from kanpde.export import errors_on, load, output_axes, save
from kanpde.plan import Output
from kanpde.problem import read_file
from kanpde.results import FieldComparison, Formula


def test_xarray_reads_labelled_fields(rod, tmp_path):
    rod.save(tmp_path / "rod.h5")
    with xarray.open_dataset(tmp_path / "rod.h5", engine="netcdf4") as data:
        assert data.u.dims == ("t", "x")
        assert data.attrs["title"] == "A polynomial in a rod"
        assert data.attrs["Conventions"].startswith("CF-")
        x, t = data.x.values, data.t.values
        expected = x * (1 - x) * (1 + t[:, None] ** 3)
        assert np.abs(data.u.values - expected).max() < 1e-12
        assert data.u.sel(x=0.5, t=1.0).item() == pytest.approx(0.5)
        assert (data.u_error.values == rod.errors["u"]).all()


def test_the_image_for_paraview_is_the_same_array_and_not_a_copy(plane, tmp_path):
    plane.save(tmp_path / "plane.h5")
    with h5py.File(tmp_path / "plane.h5") as file:
        image = file["VTKHDF"]
        assert file["VTKHDF/PointData/u"] == file["u"]  # the same object, by a hard link
        assert image.attrs["Type"] == b"ImageData"
        assert image.attrs["Type"].dtype.kind == "S"  # of fixed length
        assert image.attrs["WholeExtent"].tolist() == [0, 200, 0, 200, 0, 0]
        first, last = image.attrs["Origin"], image.attrs["Origin"] + image.attrs["Spacing"] * [200, 200, 0]
        assert first.tolist() == [-1, 0, 0]
        assert last == pytest.approx([1, 1, 0])
        assert (image.attrs["Direction"].reshape(3, 3) == np.eye(3)).all()
        # VTK's arrays are (y, x): u = (1 - x^2) y (1 - y) at x = 0, y = 1/4
        assert file["VTKHDF/PointData/u"][50, 100] == pytest.approx(0.1875)


def test_time_is_the_last_axis_of_the_image(rod, tmp_path):
    rod.save(tmp_path / "rod.h5")
    with h5py.File(tmp_path / "rod.h5") as file:
        assert file["VTKHDF"].attrs["Spacing"] == pytest.approx([1 / 200, 2 / 200, 1])
        assert [scale[0].name for scale in file["u"].dims] == ["/t", "/x"]


def test_points_outside_are_hidden_from_paraview(holed, plane, tmp_path):
    holed.save(tmp_path / "holed.h5")
    plane.save(tmp_path / "plane.h5")
    with h5py.File(tmp_path / "holed.h5") as file:
        hidden = file["VTKHDF/PointData/vtkGhostType"][...]
        assert hidden.dtype == np.uint8
        assert ((hidden == 2) == np.isnan(file["u"][...])).all()
        assert hidden.any()
    with h5py.File(tmp_path / "plane.h5") as file:
        assert list(file["VTKHDF/PointData"]) == ["u"]


def test_time_after_a_plane_is_the_time_of_paraview(sheet, tmp_path):
    sheet.save(tmp_path / "sheet.h5")
    with h5py.File(tmp_path / "sheet.h5") as file:
        image = file["VTKHDF"]
        assert image.attrs["WholeExtent"].tolist() == [0, 64, 0, 64, 0, 0]
        assert image["Steps"].attrs["NSteps"] == 65
        assert image["Steps/Values"][[0, -1]].tolist() == [0, 3]
        assert image["Steps/PointDataOffsets/u"][...].tolist() == list(range(65))
        assert image["PointData/u"] == file["u"]
        assert image["PointData/u"][-1, -1, -1] == pytest.approx(20)  # t, y, x


def test_old_libraries_can_read_it(rod, tmp_path):
    rod.save(tmp_path / "rod.h5")
    with h5py.File(tmp_path / "rod.h5") as file:
        assert file["u"].id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS


def test_a_formula_comes_back_as_mathematics(rod, tmp_path):
    rod.save(tmp_path / "rod.h5")
    again = load(tmp_path / "rod.h5").formula
    assert again.expressions["u"].equals(rod.formula.expressions["u"])
    assert again.latex == rod.formula.latex


def test_a_formula_s_search_and_a_second_judge_come_back(rod, tmp_path):
    second = FieldComparison(1e-9, 2e-9, 3e-8, "spectral", 3e-9, 1.0)
    rod.comparison = replace(rod.comparison, beside={"u": second})
    rod.formula = replace(rod.formula, stages={"search": 0.25, "proof": 0.125}, how="sum of 1 product")
    rod.save(tmp_path / "rod.h5")
    again = load(tmp_path / "rod.h5")
    assert again.formula == rod.formula
    assert again.comparison == rod.comparison
    assert again.formula(x=0.5, t=1.0) == pytest.approx(0.5)


def test_only_a_formula_can_be_written_as_source(rod, tmp_path):
    save(rod, tmp_path / "u.py")
    save(rod, tmp_path / "u.tex")
    assert "def u(x, t)" in (tmp_path / "u.py").read_text()
    assert r"\begin{align*}" in (tmp_path / "u.tex").read_text()
    rod.formula = None
    with pytest.raises(ProblemError, match="no formula was found"):
        save(rod, tmp_path / "v.py")


def test_a_formula_that_the_language_does_not_know_leaves_the_numbers(rod, tmp_path):
    from sympy import Function, Symbol

    rod.formula = Formula("verified numerically", {"u": Function("mystery")(Symbol("x"))})
    rod.save(tmp_path / "rod.h5")
    again = load(tmp_path / "rod.h5")
    assert again.formula.status == "verified numerically"
    assert "mystery(x) cannot be read again" in again.formula.transcript[0]
    assert again(x=0.5, t=0.0) == pytest.approx(0.25)


def test_a_failed_write_leaves_the_old_file_and_no_litter(rod, tmp_path, monkeypatch):
    path = tmp_path / "rod.h5"
    rod.save(path)
    before = path.read_bytes()
    monkeypatch.setattr("kanpde.export.hdf5.write_history", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rod.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["rod.h5"]


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(ProblemError, match="there is no run at"):
        load(tmp_path / "none")
    (tmp_path / "heat.yaml").write_text("find: u(x, t)")
    with pytest.raises(ProblemError, match="is a problem file, not a run") as refused:
        load(tmp_path / "heat.yaml")
    assert "kanpde solve" in refused.value.hint
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(ProblemError, match="is no complete run file"):
        load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1.0]
    with pytest.raises(ProblemError, match="was not written by this version"):
        load(tmp_path / "other.h5")


def test_the_file_holds_the_whole_solution(rod, tmp_path):
    save(rod, tmp_path / "rod.h5")
    again = load(tmp_path / "rod.h5")
    assert again(x=0.3, t=1.7) == rod(x=0.3, t=1.7)


def test_an_unknown_suffix_is_refused_with_what_there_is(rod, tmp_path):
    with pytest.raises(ProblemError, match=r"cannot be written as '\.xlsx'; this version writes \.h5"):
        save(rod, tmp_path / "rod.xlsx")


def test_a_deep_network_and_a_line_are_saved_too(deep, line, tmp_path):
    for solution, point in ((deep, {"x": 0.3, "y": 0.6}), (line, {"x": 0.3})):
        solution.save(tmp_path / "run.h5")
        again = load(tmp_path / "run.h5")
        assert again(**point) == solution(**point)
        assert again.network.spec() == solution.network.spec()


def test_single_precision_stays_single(rod, tmp_path):
    rod.network.float()
    rod.save(tmp_path / "run.h5")
    again = load(tmp_path / "run.h5")
    assert next(again.network.parameters()).dtype == next(rod.network.parameters()).dtype
    assert again(x=0.3, t=0.7) == rod(x=0.3, t=0.7)


def test_to_xarray_has_the_grid_that_was_asked_for(rod):
    data = rod.to_xarray(grid={"x": 11, "t": 5})
    assert dict(data.sizes) == {"t": 5, "x": 11}
    assert data.u.sel(t=1, x=0.5).item() == pytest.approx(0.5)
    with pytest.raises(ProblemError, match="no coordinate 'y'"):
        rod.to_xarray(grid={"y": 3})


def test_shapes_terms_and_pieces_come_back(holed, materials, ball, tmp_path):
    points = ({"x": -0.4, "y": 0.3}, {"x": 0.6, "y": 0.3}, {"x": 0.3, "y": 0.5, "z": 0.2})
    for solution, point in zip((holed, materials, ball), points, strict=True):
        solution.save(tmp_path / "run.h5")
        again = load(tmp_path / "run.h5")
        assert type(again.network) is type(solution.network)
        assert again.network.spec() == solution.network.spec()
        for name in solution.fields:
            assert again[name](**point) == solution[name](**point)


def test_a_run_knows_its_outline_without_the_file_it_came_from(holed, tmp_path):
    outline = tmp_path / "outline.csv"
    outline.write_text("x,y\n-1,-1\n1,-1\n1,1\n0.1,0.3\n-1,1\n")
    problem = tmp_path / "problem.yaml"
    problem.write_text(PLATE.replace("rectangle([-1, -1], [1, 1])", "{file: outline.csv}"))
    holed.problem = read_file(problem).problem
    holed.save(tmp_path / "run.h5")
    outline.unlink()
    again = load(tmp_path / "run.h5")
    assert again.problem.domain == holed.problem.domain
    assert again(x=0.6, y=0.1) == holed(x=0.6, y=0.1)
    with pytest.raises(ProblemError, match="is outside the domain"):
        again(x=-0.1, y=0.9)  # in the notch of the outline


def test_a_shape_in_single_precision(holed, tmp_path):
    holed.network.float()
    holed.save(tmp_path / "run.h5")
    again = load(tmp_path / "run.h5")
    assert again.network.terms.mix.dtype == torch.complex64
    assert again(x=-0.4, y=0.3) == holed(x=-0.4, y=0.3)


def test_grids_hold_nan_outside_of_the_shape(holed, tmp_path):
    holed.save(tmp_path / "run.h5")
    with xarray.open_dataset(tmp_path / "run.h5", engine="netcdf4") as data:
        distance = np.hypot(data.x - 0.25, data.y - 0.5).transpose("y", "x").values
        assert (np.isfinite(data.u.values) == (distance >= 0.3 - 1e-9)).all()
    grid = holed.to_xarray(grid=21).u
    assert np.isnan(grid.sel(x=0.2, y=0.5, method="nearest"))
    assert grid.sel(x=-0.5, y=0.1, method="nearest").item() == pytest.approx(holed(x=-0.5, y=0.1))


def test_errors_are_asked_for_inside_only(holed):
    asked = []

    def reference(points):
        asked.append(points)
        return {"u": np.zeros(len(points)), "pressure": np.zeros(len(points))}

    errors = errors_on(holed, reference)
    assert (np.hypot(asked[0][:, 0] - 0.25, asked[0][:, 1] - 0.5) > 0.3 - 1e-8).all()
    assert list(errors) == ["u"]
    assert np.isfinite(errors["u"]).sum() == len(asked[0]) < errors["u"].size == 201**2


def test_three_coordinates_are_stored_on_a_grid_that_fits(ball, tmp_path):
    assert [len(x) for x in output_axes(ball).values()] == [65, 65, 65]
    ball.save(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["v"].shape == (65, 65, 65)
        assert [scale[0].name for scale in file["v"].dims] == ["/z", "/y", "/x"]
        assert file["VTKHDF"].attrs["WholeExtent"].tolist() == [0, 64] * 3
        assert file["VTKHDF/PointData/v"] == file["v"]
    assert dict(ball.to_xarray(grid={"x": 5, "y": 4, "z": 3}).sizes) == {"z": 3, "y": 4, "x": 5}
    ball.plan = ball.plan.model_copy(update={"output": Output(grid=9)})
    assert [len(x) for x in output_axes(ball).values()] == [9, 9, 9]
