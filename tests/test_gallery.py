"""The gallery says what was measured: its tables are made from figures.json, its pictures are there and small."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "gallery"


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "scripts" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> dict:
    return json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))


def test_the_tables_are_those_of_the_measurements(gallery, rows):
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == gallery.whole(rows)
    between = (ROOT / "README.md").read_text(encoding="utf-8").partition(gallery.BEGIN)[2].partition(gallery.END)[0]
    assert between.strip() == gallery.chosen(rows)


def test_every_problem_shown_has_its_file_and_a_small_picture(gallery, rows):
    assert set(gallery.CHOSEN) <= set(rows)
    for name in rows:
        assert (ROOT / "problems" / f"{name}.yaml").exists(), name
        assert 1_000 < (FOLDER / f"{name}.png").stat().st_size < 60_000, name


def test_no_error_is_claimed_below_that_of_its_reference(gallery):
    row = {"error": 1e-9, "reference": "spectral", "reference_error": 3e-8}
    assert gallery.error_text(row) == "at most 3e-08"
    assert gallery.error_text({**row, "error": 1e-6}) == "1.0e-06"
    assert gallery.error_text({**row, "error": None}) == "no reference"
