"""The command line: every command on a finished run, every exit code, errors without tracebacks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made import POLYNOMIAL

from kanpde.cli import main
from kanpde.errors import DivergedError, MissingDependency, UnsupportedProblem

ROOT = Path(__file__).parents[1]


@pytest.fixture
def problem_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rod.yaml"
    path.write_text(POLYNOMIAL)
    return path


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DivergedError("no usable solution"), 3),
        (UnsupportedProblem("not solved yet"), 2),
        (MissingDependency("no GPU"), 2),
        (PermissionError(13, "Permission denied", "runs"), 2),
        (ZeroDivisionError("a bug"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_failure_has_its_exit_code_and_no_traceback(error, code, problem_file, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("kanpde.run.solve", fail)
    assert main(["solve", str(problem_file), "--quiet"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.strip()


def test_debug_shows_the_traceback(problem_file, monkeypatch):
    def fail(*_, **__):
        raise DivergedError("no usable solution")

    monkeypatch.setattr("kanpde.run.solve", fail)
    with pytest.raises(DivergedError):
        main(["solve", str(problem_file), "--debug"])


@pytest.mark.parametrize(("converged", "code"), [(True, 0), (False, 1)])
def test_solve_says_whether_the_tolerance_was_reached(converged, code, rod, problem_file, monkeypatch, capsys):
    given = {}

    def solve(problem, **settings):
        given.update(settings, problem=problem)
        Path(settings["out"]).mkdir(parents=True)
        return rod

    rod.converged = converged
    monkeypatch.setattr("kanpde.run.solve", solve)
    words = ["--tolerance", "1e-6", "--budget", "5", "--seed", "3", "--set", "network.degree=9", "--set", "polish=true"]
    assert main(["solve", "rod.yaml", *words]) == code
    assert given["out"] == Path("runs/rod")
    assert (given["tolerance"], given["budget"], given["seed"]) == (1e-6, 5.0, 3)
    assert given["settings"] == ["network.degree=9", "polish=true"]
    assert rod.outcome in capsys.readouterr().out
    assert main(["solve", "rod.yaml", "--json", "--out", "elsewhere"]) == code
    assert json.loads(capsys.readouterr().out)["converged"] is converged


def test_solve_writes_the_run_folder(problem_file, capsys):
    assert main(["solve", "rod.yaml", "--tolerance", "1e-8", "--set", "symbolic=none"]) == 0
    said = capsys.readouterr()
    names = {path.name for path in Path("runs/rod").iterdir()}
    assert names == {"solution.h5", "summary.json", "log.jsonl", "report.html", "figures"}
    summary = json.loads(Path("runs/rod/summary.json").read_text())
    assert summary["converged"] is True
    assert summary["fields"]["u"]["l2"] < 1e-8
    assert summary["fields"]["u"]["reference"]["method"] == "exact"
    kinds = [json.loads(line)["kind"] for line in Path("runs/rod/log.jsonl").read_text().splitlines()]
    assert {"step", "record", "estimate", "stage", "message"} <= set(kinds)
    assert "estimated error" in said.out
    assert "grid" in said.err  # progress, as plain lines


def test_solve_says_what_check_warns_of(problem_file, rod, monkeypatch, capsys):
    problem_file.write_text(POLYNOMIAL.split("exact")[0].replace("initial: u =", "initial: u = 1 +"))
    monkeypatch.setattr("kanpde.run.solve", lambda problem, **settings: rod)
    main(["solve", "rod.yaml", "--quiet"])
    assert "warning: the initial value" in capsys.readouterr().err
    assert main(["check", "rod.yaml", "--quiet"]) == 0
    assert "warning: the initial value" in capsys.readouterr().err


def test_check_names_the_line_of_every_mistake_and_goes_on(problem_file, capsys):
    Path("wrong.yaml").write_text(POLYNOMIAL.replace("u_xx + f", "u_xz + f"))
    assert main(["check", "wrong.yaml", "rod.yaml", "none.yaml"]) == 2
    said = capsys.readouterr()
    assert said.out == "rod.yaml: ok, A polynomial in a rod\n"
    assert "wrong.yaml:6:" in said.err
    assert "^" in said.err
    assert "none.yaml" in said.err
    assert main(["check", "rod.yaml", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["check", "rod.yaml", "wrong.yaml", "--json"]) == 2
    verdicts = json.loads(capsys.readouterr().out)["files"]
    assert [verdict["ok"] for verdict in verdicts] == [True, False]


def test_check_reads_the_method_part_too(problem_file, capsys):
    Path("method.yaml").write_text(POLYNOMIAL + "network: {degre: 7}\n")
    assert main(["check", "method.yaml"]) == 2
    assert "did you mean 'degree'?" in capsys.readouterr().err


def test_show_a_problem_and_a_run(problem_file, run_folder, capsys):
    assert main(["show", "rod.yaml"]) == 0
    assert "u_t = u_xx + f" in capsys.readouterr().out
    assert main(["show", "rod.yaml", "--latex"]) == 0
    assert r"\begin{align*}" in capsys.readouterr().out
    assert main(["show", str(run_folder)]) == 0
    assert "rank 1: a(x) b(t)" in capsys.readouterr().out
    assert main(["show", str(run_folder), "--latex"]) == 0
    assert "% proved" in capsys.readouterr().out
    assert main(["show", str(run_folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "A polynomial in a rod"


def test_eval_at_points_and_on_grids(run_folder, tmp_path, capsys):
    run = str(run_folder)
    assert main(["eval", run, "--at", "x=0.5,t=1", "--derivatives", "u_x, u_xx"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header == "x,t,u,u_x,u_xx"
    assert [float(number) for number in row.split(",")] == pytest.approx([0.5, 1, 0.5, 0, -4], abs=1e-11)
    assert main(["eval", run, "--grid", "3x2", "--json"]) == 0
    assert np.array(json.loads(capsys.readouterr().out)["u"]).shape == (2, 3)
    assert main(["eval", run, "--grid", "3x2", "--to", str(tmp_path / "u.csv")]) == 0
    assert len((tmp_path / "u.csv").read_text().splitlines()) == 7
    assert main(["eval", run, "--at", str(tmp_path / "u.csv"), "--quiet"]) == 0
    assert main(["eval", run, "--at", "x=7,t=1"]) == 2
    assert "outside the domain" in capsys.readouterr().err
    assert main(["eval", str(tmp_path / "none")]) == 2
    with pytest.raises(SystemExit) as refused:
        main(["eval", run, "--at", "x=0.5,t=1", "--grid", "2x2"])
    assert refused.value.code == 2


def test_compare_with_the_reference_a_run_and_a_file(run_folder, tmp_path, capsys):
    run = str(run_folder)
    assert main(["compare", run]) == 0
    assert "2.0e-12 against the exact solution" in capsys.readouterr().out
    assert main(["compare", run, run, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["fields"]["u"]
    assert found["l2"] == found["max"] == 0
    assert found["error"] == 4e-12  # the other run's own estimate
    (tmp_path / "sensors.csv").write_text("t,x,u\n1,0.5,0.55\n0,0.5,0.25\n")
    assert main(["compare", run, str(tmp_path / "sensors.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["fields"]["u"]
    assert found["max"] == pytest.approx(0.05 / 0.55)
    assert found["error"] is None


def test_plot_and_list_and_schema(run_folder, capsys, tmp_path, monkeypatch):
    assert main(["plot", str(run_folder), "--format", "svg", "--out", str(tmp_path)]) == 0
    assert len(list((tmp_path / "figures").glob("*.svg"))) == 4
    capsys.readouterr()
    monkeypatch.chdir(ROOT)
    assert main(["list", "problems"]) == 0
    assert "problems/poisson.yaml" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert {"problems", "bases", "optimizers", "references", "shapes"} == set(json.loads(capsys.readouterr().out))
    assert main(["schema"]) == 0
    assert "find" in json.loads(capsys.readouterr().out)["properties"]


def test_symbolic_writes_the_formula_into_the_run(run_folder, monkeypatch, capsys, rod):
    from kanpde.export import RunFolder
    from kanpde.results import Formula

    monkeypatch.setattr("kanpde.symbolic.find_formula", lambda solution, seconds, *_: Formula("not found", seconds=seconds))
    rod.formula = None
    RunFolder(run_folder).write(rod)
    assert main(["symbolic", str(run_folder), "--seconds", "2"]) == 0
    assert capsys.readouterr().out == "not found\n"
    written = json.loads((run_folder / "summary.json").read_text())["formula"]
    assert (written["status"], written["seconds"]) == ("not found", 2.0)


def test_the_formula_of_a_run_is_shown_and_exported(run_folder, capsys, tmp_path):
    assert main(["show", str(run_folder)]) == 0
    said = capsys.readouterr().out
    assert "u = x*(1 - x)*(t^3 + 1)\nproved: it satisfies every equation and condition of the problem\n  equation: 0" in said
    assert main(["export", str(run_folder), "--to", str(tmp_path / "u.py")]) == 0
    assert "def u(x, t):" in (tmp_path / "u.py").read_text()
    assert main(["export", str(run_folder), "--to", str(tmp_path / "u.docx")]) == 2
    assert "cannot be written as '.docx'" in capsys.readouterr().err


def test_no_gpu_is_one_sentence(problem_file, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["solve", "rod.yaml", "--device", "cuda"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_words_that_mean_nothing_are_refused(capsys):
    for words in ([], ["fly"], ["solve"], ["solve", "a.yaml", "--device", "tpu"]):
        with pytest.raises(SystemExit) as refused:
            main(words)
        assert refused.value.code == 2
    capsys.readouterr()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_control_c_leaves_a_readable_checkpoint(problem_file):
    """A real interrupt from outside, sent when the log shows that training has begun."""
    words = ["solve", "rod.yaml", "--tolerance", "1e-20", "--budget", "60", "--out", "run", "--set", "train=all edges"]
    command = [sys.executable, "-m", "kanpde", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may start its background jobs deaf to it
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "residual" in line:
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "interrupted; what was found so far is in run"
    summary = json.loads(Path("run/summary.json").read_text())
    assert summary["converged"] is False
    assert summary["outcome"].startswith("interrupted")
    from kanpde import load

    assert np.isfinite(load("run")(x=0.5, t=1.0))
