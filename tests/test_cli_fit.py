"""``kanpde fit`` and the other commands on its run: every file, every exit code, errors that say what to write."""

import json
from pathlib import Path

import numpy as np
import pytest

import kanpde
from kanpde.cli import main
from kanpde.errors import DivergedError
from kanpde.report.fits import FIGURES

QUICK = ["--widths", "2,1", "--grid", "2", "--degree", "2", "--quiet"]


def write(path, columns, header):
    np.savetxt(path, np.column_stack(columns), delimiter=",", header=header, comments="")


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(0).uniform(-1, 2, (60, 2))
    return x, x[:, 0] ** 2 - 3 * x[:, 1]


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    """A folder with the data and the run of a fit."""
    place = tmp_path_factory.mktemp("fits")
    x, y = data
    write(place / "hall.csv", [*x.T, y], "time,wind speed,heat")
    assert main(["fit", str(place / "hall.csv"), "--out", str(place / "run"), "--seconds", "10", *QUICK]) == 0
    return place


def test_the_run_folder_holds_everything(folder, data):
    run = folder / "run"
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    figures = {f"figures/{name}.png" for name in FIGURES}
    files = {"regression.h5", "summary.json", "report.html", "log.jsonl", "formula.py", "formula.tex", "formula.c"}
    assert names == figures | files
    summary = json.loads((run / "summary.json").read_text())
    assert summary["inputs"] == ["time", "wind speed"]
    assert summary["targets"] == ["heat"]
    assert summary["points"] + summary["validation_points"] == 60
    assert summary["rmse"] < 1e-12
    assert summary["formula"]["status"] == "verified numerically"
    assert summary["importance"]["wind speed"] > summary["importance"]["time"] > 0.1
    page = (run / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(FIGURES) >= 3
    assert "heat from time, wind speed" in page
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {"stage", "step", "record"} <= {event["kind"] for event in events}
    x, y = data
    np.testing.assert_allclose(kanpde.load(run)(x), y, atol=1e-11)
    space: dict = {}
    exec((run / "formula.py").read_text(), space)
    np.testing.assert_allclose(space["heat"](*x.T), y, atol=1e-11)


def test_show_says_what_was_found(folder, capsys):
    assert main(["show", str(folder / "run")]) == 0
    said = capsys.readouterr().out
    assert "2 -> 1, bspline of degree 2" in said
    assert "verified numerically" in said
    assert main(["show", str(folder / "run"), "--latex"]) == 0
    assert r"wind_{speed}" in capsys.readouterr().out
    assert main(["show", str(folder / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == kanpde.load(folder / "run").parameters


def test_values_at_points_of_every_kind(folder, capsys):
    run = str(folder / "run")
    assert main(["eval", run, "--at", "time=0.5,wind speed=1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "time,wind speed,heat"
    np.testing.assert_allclose([float(v) for v in lines[1].split(",")], [0.5, 1, -2.75], atol=1e-11)
    (folder / "at.csv").write_text("wind speed;site;time\n1;A;0,5\n0;B;1\n")
    assert main(["eval", run, "--at", str(folder / "at.csv"), "--to", str(folder / "values.csv"), "--quiet"]) == 0
    table = np.genfromtxt(folder / "values.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["heat"], [-2.75, 1], atol=1e-11)
    assert main(["eval", run, "--grid", "3x2", "--json"]) == 0
    heat = np.array(json.loads(capsys.readouterr().out)["heat"])
    assert heat.shape == (2, 3)  # the last input first, as everywhere in kanpde
    np.testing.assert_allclose(np.diff(heat, axis=0), np.diff(heat, axis=0)[:, :1] * np.ones(3), atol=1e-11)


def test_comparison_with_measured_values(folder, data, capsys):
    x, y = data
    write(folder / "test.csv", [*x.T, 1.1 * y], "time,wind speed,heat")
    assert main(["compare", str(folder / "run"), str(folder / "test.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fields"]["heat"]["l2"] == pytest.approx(0.1 / 1.1)


def test_figures_and_exports(folder, capsys, tmp_path):
    run = str(folder / "run")
    assert main(["plot", run, "--format", "svg", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"figures/{n}.svg") for n in FIGURES]
    for name in ("again.h5", "net.pt", "points.csv", "u.py", "u.tex", "u.c"):
        assert main(["export", run, "--to", str(tmp_path / name), "--quiet"]) == 0
        assert (tmp_path / name).stat().st_size > 100
    assert main(["show", str(tmp_path / "again.h5"), "--quiet"]) == 0


def test_a_formula_is_looked_for_again(folder, tmp_path, capsys):
    one = kanpde.load(folder / "run").refine(3)
    one.save(tmp_path / "one.h5")
    assert kanpde.load(tmp_path / "one.h5").formula is None
    assert main(["symbolic", str(tmp_path / "one.h5"), "--seconds", "10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "verified numerically"
    found = kanpde.load(tmp_path / "one.h5").formula
    assert found(time=0.5, wind_speed=1) == pytest.approx(-2.75)


@pytest.mark.parametrize(
    ("words", "inputs", "targets"),
    [
        ([], ("time", "wind speed"), ("heat",)),
        (["--target", "time"], ("wind speed", "heat"), ("time",)),
        (["--target", "1,2"], ("heat",), ("time", "wind speed")),
        (["--inputs", "wind speed"], ("wind speed",), ("heat",)),
        (["--names", "t,v,q", "--target", "q", "--target", "t"], ("v",), ("q", "t")),
    ],
)
def test_which_columns_are_meant(words, inputs, targets, folder, tmp_path):
    wide = ["--widths", f"{len(inputs)},{len(targets)}", "--grid", "1", "--degree", "1", "--seconds", "0", "--no-prune"]
    assert main(["fit", str(folder / "hall.csv"), *words, *wide, "--out", str(tmp_path), "--quiet"]) == 0
    found = kanpde.load(tmp_path)
    assert (found.names, found.targets) == (inputs, targets)
    assert found.formula is None


def test_columns_without_names(tmp_path, data, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = data
    np.savetxt("plain.txt", np.column_stack([x, y]))
    assert main(["fit", "plain.txt", *QUICK[:-1], "--seconds", "0"]) == 0
    assert "runs/plain/" in capsys.readouterr().out
    np.savetxt("at.txt", x[:3])
    assert main(["eval", "runs/plain", "--at", "at.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x1,x2,y"
    np.testing.assert_allclose([float(line.split(",")[2]) for line in lines[1:]], y[:3], atol=1e-11)


def test_a_tolerance_that_is_missed_is_code_1(tmp_path, capsys):
    noise = np.random.default_rng(0).normal(size=(40, 2))
    np.savetxt(tmp_path / "noise.csv", noise, delimiter=",")
    words = ["--widths", "1,1", "--grid", "1", "--seconds", "0", "--tolerance", "1e-3", "--out", str(tmp_path / "run"), "--json"]
    assert main(["fit", str(tmp_path / "noise.csv"), *words]) == 1
    assert json.loads(capsys.readouterr().out)["relative_rmse"] > 0.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "cold"], "has no column 'cold'\nhint: its columns are time, wind speed, heat"),
        (["--target", "heat", "--inputs", "heat"], "the column 'heat' is an input and a target"),
        (["--target", "1,2,3"], "nothing to predict from"),
        (["--names", "a,b"], "has 3 columns; --names needs as many"),
        (["--set", "stepz=3"], "'stepz=3' is no setting of a fit"),
        (["--optimizer", "newton"], "'newton'"),
        (["--basis", "pancake"], "'pancake'"),
        (["--widths", "3,1"], "for 2 column(s) of X"),
        (["--validation", "1.5"], "at least 0 and below 1"),
    ],
)
def test_bad_input_is_a_sentence_and_code_2(words, said, folder, tmp_path, capsys):
    assert main(["fit", str(folder / "hall.csv"), *words, "--out", str(tmp_path / "run"), "--quiet"]) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert found.out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "run"], "a fit has no reference"),
        (["eval", "run", "--at", "time=1"], "a value is missing for wind speed"),
        (["eval", "run", "--at", "time=1,wind speed=2,rain=3"], "has no input 'rain'"),
        (["eval", "run", "--grid", "5"], "'5' is no grid for time, wind speed\nhint: write --grid 201x101"),
        (["eval", "run", "--derivatives", "heat_t"], "derivatives of a fit"),
        (["eval", "run", "--to", "a.h5"], "cannot be written as '.h5'"),
        (["export", "run", "--to", "a.vtkhdf"], "a fit cannot be written as '.vtkhdf'"),
        (["fit", "nowhere.csv"], "nowhere.csv: No such file"),
    ],
)
def test_what_a_fit_cannot_do_is_said(words, said, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main([*words, "--quiet"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--widths", "2"], ["--widths", "2,x,1"], ["--grid", "many"], ["--degree", "x"]])
def test_words_that_argparse_refuses(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "data.csv", *words])
    assert stop.value.code == 2
    assert "write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(DivergedError("nothing usable"), 3), (KeyboardInterrupt(), 130), (TypeError("bug"), 3)]
)
def test_failures_have_their_exit_codes(error, code, folder, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("kanpde.learn.fit.fit", fail)
    assert main(["fit", str(folder / "hall.csv"), "--out", str(folder / "failed"), "--quiet"]) == code
    assert "Traceback" not in capsys.readouterr().err
    assert not Path(folder / "failed" / "regression.h5").exists()


def test_interrupted_after_training_the_fit_is_kept(folder, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("kanpde.learn.regression.Regression.simplify", stop)
    assert main(["fit", str(folder / "hall.csv"), "--out", str(tmp_path), *QUICK]) == 0
    assert kanpde.load(tmp_path).formula.how == "interrupted"
