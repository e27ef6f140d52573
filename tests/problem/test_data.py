"""Files of measurements: their columns are checked when the problem is read."""

from pathlib import Path

import pytest

from kanpde.errors import ProblemError
from kanpde.problem import read_file

TEXT = (
    "find: u(x, t), nu\ndomain:\n  x: [-1, 1]\n  t: [0, 1]\nequation: u_t = nu*u_xx\n"
    "where:\n  nu: [0.1, 1]\ndata: {file: s.csv, noise: NOISE}\n"
)


def write(folder: Path, heading: str | None, noise: str = "0.01") -> Path:
    file = folder / "problem.yaml"
    file.write_text(TEXT.replace("NOISE", noise), encoding="utf-8")
    if heading is not None:
        (folder / "s.csv").write_text(heading + "\n0,0,1\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(("noise", "wanted"), [("0.01", (0.01, False)), ("1%", (0.01, True)), ("0", (0.0, False))])
def test_data(tmp_path: Path, noise: str, wanted: tuple[float, bool]) -> None:
    problem = read_file(write(tmp_path, "x,t,u", noise)).problem
    assert (problem.data.noise, problem.data.relative) == wanted
    assert problem.data.columns == ("x", "t", "u")
    assert problem.data.file == tmp_path / "s.csv"
    assert any("measured data are read, not solved yet" in remark.message for remark in problem.unsupported)


@pytest.mark.parametrize(
    ("heading", "said"),
    [("x,u", "has no column 't'"), ("x,t,w", "the column 'w'"), ("x,t", "is named like an unknown"), ("x,t,u,u", "given twice")],
)
def test_wrong_columns(tmp_path: Path, heading: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        read_file(write(tmp_path, heading))


def test_a_file_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    remarks = read_file(write(tmp_path, None)).problem.remarks
    assert remarks[0].message == "there is no file 's.csv'"
    assert not remarks[0].unsupported


@pytest.mark.parametrize("noise", ["-1", "x%", "u", "[1]"])
def test_noise_is_a_positive_number(tmp_path: Path, noise: str) -> None:
    with pytest.raises(ProblemError):
        read_file(write(tmp_path, "x,t,u", noise))
