"""Every file here must be refused with exactly the message beside it: file, line, column, caret and hint."""

from pathlib import Path

import pytest

from kanpde.errors import ProblemError
from kanpde.plan import make_plan
from kanpde.problem import read_text

FILES = sorted(Path(__file__).parent.glob("*.yaml"))


def check(file: Path) -> None:
    document = read_text(file.read_text(encoding="utf-8"), file.name)
    make_plan(document.method, document.span_of)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_refused_with_its_message(file: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        check(file)
    assert f"{caught.value}\n" == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_message_names_a_place_that_exists() -> None:
    for file in FILES:
        name, line, column, _ = file.with_suffix(".txt").read_text(encoding="utf-8").split(":", 3)
        assert name == file.name
        lines = file.read_text(encoding="utf-8").splitlines()
        assert 1 <= int(column) <= len(lines[int(line) - 1]) + 1


def test_the_message_of_the_design() -> None:
    text = (Path(__file__).parent / "unknown_coordinate.txt").read_text(encoding="utf-8")
    assert text.splitlines() == [
        "unknown_coordinate.yaml:6:31: 'u' has no coordinate 'z'",
        " 6 | equation: u_t + u*u_x = nu*u_xz",
        "   |                               ^",
        "hint: u depends on x, t; derivatives are written u_x, u_xx, u_t",
    ]
