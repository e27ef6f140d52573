"""Outlines from files: the way round, repeated corners, columns in either order, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from kanpde.errors import ProblemError
from kanpde.problem import Problem, read_text

SOURCE = "find: u(x, y)\ndomain:\n  (x, y): lake\n  lake: {file: lake.csv}\nequation: lap(u) = 1\nboundary: u = 0\n"
HEX = [(np.cos(a), np.sin(a)) for a in np.arange(6) * np.pi / 3]


def lake(folder: Path, text: str) -> Problem:
    (folder / "lake.csv").write_text(text, encoding="utf-8")
    return read_text(SOURCE.replace("lake\n", "lake - disk([0, 0], 1/4)\n"), str(folder / "lake.yaml")).problem


def lines(corners: list[tuple[float, float]], head: str = "x,y") -> str:
    return "\n".join([head, *(f"{x},{y}" for x, y in corners)]) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        lines(HEX),
        lines(HEX[::-1]),
        lines([*HEX, HEX[0]]),
        lines([p for p in HEX for _ in range(2)]),
        "# a hexagon\n\n" + lines([(y, x) for x, y in HEX], head='"y", x'),
        "\ufeff" + lines(HEX).replace("\n", "\r\n"),
        lines([q for p, r in zip(HEX, HEX[1:] + HEX[:1], strict=True) for q in (p, ((p[0] + r[0]) / 2, (p[1] + r[1]) / 2))]),
    ],
    ids=["counterclockwise", "clockwise", "closed", "repeated", "y first", "from another system", "corners on straight sides"],
)
def test_a_hexagon(tmp_path: Path, text: str) -> None:
    domain = lake(tmp_path, text).domain
    border = domain.boundary
    assert border.area == pytest.approx(1.5 * np.sqrt(3) - np.pi / 16)
    assert len(border.pieces) == 7
    assert sorted(np.degrees([c.angle for c in border.corners])) == pytest.approx([120] * 6)
    assert [piece.name for piece in border.pieces[:-1]] == ["lake"] * 6
    np.testing.assert_allclose(domain.bounds, [[-1, 1], [-np.sqrt(3) / 2, np.sqrt(3) / 2]], atol=1e-15)
    assert domain.contains(np.array([[0.5, 0.5], [0.9, 0.5], [0.1, 0.1]])).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no coordinates|no column|is no coordinate"),
        ("0,0\n1,0\n0,1\n", "the first line of 'lake.csv' names no coordinates"),
        ("x,z\n0,0\n1,0\n0,1\n", "the column 'z' of 'lake.csv' is no coordinate of the shape"),
        ("x\n0\n1\n2\n", "'lake.csv' has no column 'y'"),
        ("x,y,x\n0,0,0\n", "given twice"),
        ("x,y\n0,0\n1,0\n", "has 2 different corners, and an outline has at least three"),
        ("x,y\n0,0\n1,0\n0,1,2\n", "line 4 of 'lake.csv' has 3 entries"),
        ("x,y\n0,0\n1,zero\n0,1\n", "line 3 of 'lake.csv': 'zero' is no number"),
        ("x,y\n0,0\n1,nan\n0,1\n", "line 3 of 'lake.csv': 'nan' is no number"),
        ("x,y\n0,0\n1,1\n1,0\n0,1\n", "'lake.csv': the outline crosses itself: at the side that begins at \\[0, 0\\]"),
        ("x,y\n0,0\n1,1\n2,2\n", "lie on a line"),
        ("x,y\n" + "0,0\n" * 30_000, "29999 corners|30000 corners"),
    ],
)
def test_wrong_outlines(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said) as caught:
        lake(tmp_path, text)
    assert caught.value.span is not None
    assert (caught.value.span.line, caught.value.span.column) == (4, 16)


def test_a_missing_file_says_where_it_is_sought(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="there is no file") as caught:
        read_text(SOURCE, str(tmp_path / "lake.yaml"))
    assert str(tmp_path / "lake.csv") in str(caught.value)


def test_no_picture_is_an_outline(tmp_path: Path) -> None:
    (tmp_path / "lake.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ProblemError, match="cannot be read as text"):
        read_text(SOURCE, str(tmp_path / "lake.yaml"))
