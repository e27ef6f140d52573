"""The run folder: the promised names, strict JSON, one event a line."""

import json
import math

import pytest

from kanpde.export import RunFolder, as_json, summary
from kanpde.results import Comparison, Event, FieldComparison, Formula

FIELDS = {
    "title", "outcome", "converged", "tolerance", "seconds", "device", "parameters", "iterations", "residual", "estimated_error",
    "fields", "unknowns", "formula", "stages", "versions", "seed",
}  # fmt: skip


def test_the_summary_has_the_promised_fields(rod, tmp_path):
    RunFolder(tmp_path).write(rod)
    written = json.loads((tmp_path / "summary.json").read_text())
    assert set(written) == FIELDS
    assert written["fields"]["u"] == {
        "l2": 2e-12,
        "max": 5e-12,
        "reference": {"method": "exact", "error": 1e-15, "seconds": 0.01},
    }
    assert set(written["formula"]) == {"text", "latex", "status", "seconds", "stages", "how"}
    assert written["formula"]["text"] == "u = x*(1 - x)*(t^3 + 1)"
    assert set(written["stages"][0]) == {"name", "grid", "parameters", "iterations", "seconds", "residual"}
    assert written["stages"][1]["grid"] == [6, 6]
    assert written["iterations"] == 5
    assert written["parameters"] == sum(p.numel() for p in rod.network.parameters())
    assert {"kanpde", "python", "torch", "numpy", "scipy", "sympy", "h5py"} <= set(written["versions"])


def test_without_a_reference_and_a_formula_the_summary_says_so(plane):
    found = summary(plane)
    assert found["fields"]["u"] == {"l2": None, "max": None, "reference": None}
    assert found["formula"]["status"] == "not found"


def test_unknown_constants_come_with_their_deviation(rod):
    rod.unknowns = {"nu": (0.01, 1e-6)}
    assert summary(rod)["unknowns"] == {"nu": {"value": 0.01, "std": 1e-6}}


def test_numbers_that_json_lacks_become_null(rod):
    rod.residual = math.nan
    rod.comparison = Comparison()
    rod.formula = Formula("not found")
    text = as_json(summary(rod))
    assert json.loads(text, parse_constant=pytest.fail)["residual"] is None


def test_the_formula_has_files_of_its_own(rod, tmp_path):
    RunFolder(tmp_path).write(rod)
    assert "def u(x, t):" in (tmp_path / "formula.py").read_text()
    assert "u &= x" in (tmp_path / "formula.tex").read_text() or "u = x" in (tmp_path / "formula.tex").read_text()
    proof = (tmp_path / "proof.txt").read_text()
    for line in ("A polynomial in a rod", "u = x*(1 - x)*(t^3 + 1)", "  equation: 0, as it stands", "proved: it satisfies every"):
        assert line in proof
    rod.formula = Formula("not found")
    RunFolder(tmp_path).write(rod)
    assert not {"formula.py", "formula.tex", "proof.txt"} & {path.name for path in tmp_path.iterdir()}


def test_a_second_judge_stands_beside_the_first(rod):
    rod.comparison = Comparison(rod.comparison.fields, beside={"u": FieldComparison(1e-9, 2e-9, None, "spectral", 3e-9, 1.0)})
    assert summary(rod)["fields"]["u"]["beside"]["reference"] == {"method": "spectral", "error": 3e-9, "seconds": 1.0}


def test_the_log_has_one_event_a_line_at_once(tmp_path):
    folder = RunFolder(tmp_path / "new" / "run")
    folder.log(Event("step", "grid 4 x 6", (4, 6), 1, residual=1e-3, seconds=0.5))
    folder.log(Event("estimate", estimate=math.inf))
    lines = (tmp_path / "new" / "run" / "log.jsonl").read_text().splitlines()  # not closed yet
    folder.close()
    assert [json.loads(line) for line in lines] == [
        {"kind": "step", "stage": "grid 4 x 6", "grid": [4, 6], "iteration": 1, "residual": 1e-3, "seconds": 0.5},
        {"kind": "estimate", "estimate": None, "seconds": 0.0},
    ]
