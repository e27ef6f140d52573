"""Conditions that contradict each other: refused where no solution is left, mentioned with the size of the jump at corners."""

import pytest

from kanpde.errors import ProblemError
from kanpde.problem import read_text

BOX = "  x: [0, 1]\n  y: [0, 1]\n"
RING = "  (x, y): plate - hole\n  plate: rectangle([-1, -1], [1, 1])\n  hole: disk([0, 0], 1/2)\n"
DISK = "  (x, y): disk([0, 0], 1)\n"


def remarks(
    boundary: str, domain: str = BOX, constraints: str = "", find: str = "u(x, y)", equations: str = "lap(u) = u"
) -> list[str]:
    text = f"find: {find}\ndomain:\n{domain}equations: {equations}\nboundary: {boundary}\n"
    text += f"constraints: {constraints}\n" if constraints else ""
    return [remark.message for remark in read_text(text).problem.remarks if not remark.unsupported]


@pytest.mark.parametrize(
    ("boundary", "domain", "said"),
    [
        ("u = 0, u = 1", BOX, "u = 0 and u = 1 contradict each other at x = 0"),
        ("u = 0, 2*u = y", BOX, "u = 0 and 2*u = y contradict each other at x = 0"),
        ("u_n = 0, u_n = 1", BOX, "u_n = 0 and u_n = 1 contradict"),
        ("u_n + u = 0, 2*u_n + 2*u = 1", BOX, "contradict each other"),
        ("\n  x = 0: u = 0\n  x = 0 and y > 1/2: u = 1", BOX, "contradict each other at a part of x = 0, near x = 0, y = 0.8"),
        ("\n  plate: u = 0\n  y > 0: u = 1", RING, "contradict each other at a part of 'plate', near x = "),
        ("u = x, u = y", DISK, "contradict each other at"),
    ],
)
def test_at_the_same_points(boundary: str, domain: str, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        remarks(boundary, domain)
    assert said in caught.value.message
    assert caught.value.span is not None


@pytest.mark.parametrize(
    "boundary", ["u = x, 2*u = 2*x", "u = 0, u_n = 0", "u = 0, u_n + u = 1", "u = sin(x)^2, u + cos(x)^2 = 1"]
)
def test_what_can_hold_together(boundary: str) -> None:
    assert all("too many" in message for message in remarks(boundary))


@pytest.mark.parametrize(
    ("boundary", "domain", "said"),
    [
        ("\n  x = 0: u = y\n  elsewhere: u = 0", BOX, ["x = 0, y = 1, by 1"]),
        ("\n  x = 0: u = y^2\n  y = 1: u = 1 - x\n  elsewhere: u = 0", BOX, []),
        ("\n  x = 0 and y < 1/3: u = 1\n  x = 0: u = 1\n  elsewhere: u = 1", BOX, []),
        ("\n  x = 0 and y < 1/3: u = 1\n  elsewhere: u = 0", BOX, ["x = 0, y = 0, by 1", "x = 0, y = 0.333, by 1"]),
        ("\n  y > 1/2: u = 2*y\n  elsewhere: u = 0", DISK, ["x = 0.866, y = 0.5, by 1", "x = -0.866, y = 0.5, by 1"]),
        ("\n  y > 1/2: u = 1\n  elsewhere: u = 2*y", DISK, []),
        ("\n  y > 1/2: u = 1\n  elsewhere: u_n = 0", DISK, []),
        ("\n  plate: u = 1\n  elsewhere: u = 0", RING, []),
        ("\n  x = 1: u = 1\n  elsewhere: u = 0", RING, ["x = 1, y = -1, by 1", "x = 1, y = 1, by 1"]),
    ],
)
def test_corners(boundary: str, domain: str, said: list[str]) -> None:
    found = [message.split("contradict each other at ")[1] for message in remarks(boundary, domain) if "contradict" in message]
    assert sorted(found) == sorted(said)


@pytest.mark.parametrize(
    ("constraint", "domain", "wrong"),
    [
        ("u(0, 0) = 1", BOX, True),
        ("u(0, 1/2) = 1", BOX, True),
        ("2*u(0, 1/2) = 1/2", BOX, False),
        ("u(1/2, 0) = 1", RING, True),
        ("u(3/10, 2/5) = 9/100", RING, False),
    ],
)
def test_a_point_of_the_boundary(constraint: str, domain: str, wrong: bool) -> None:
    value = "y^2" if domain == BOX else "x^2"
    if wrong:
        with pytest.raises(ProblemError, match="contradicts the boundary condition u = "):
            remarks(f"u = {value}", domain, constraint)
    else:
        assert ["is one constraint too many" in message for message in remarks(f"u = {value}", domain, constraint)] == [True]


@pytest.mark.parametrize(
    ("find", "equations", "boundary", "constraints", "said"),
    [
        (
            "u(x, y)",
            "lap(u) = 1",
            "u = 0",
            "u(1/2, 1/2) = 1",
            "'u(1/2, 1/2) = 1' is one constraint too many: equations and conditions leave nothing",
        ),
        ("u(x, y)", "lap(u) = 0", "u_n = 0", "u(1/2, 1/2) = 1", ""),
        ("u(x, y)", "lap(u) = 0", "u_n = 0", "integral(u) = 1", ""),
        (
            "u(x, y)",
            "lap(u) = 0",
            "u_n = 0",
            "u(0, 0) = 1, u(1, 1) = 1",
            "'u(1, 1) = 1' is one constraint too many: equations and conditions leave one",
        ),
        ("u(x, y), lambda", "lap(u) = lambda*u", "u = 0", "integral(u^2) = 1, u(1/2, 1/2) > 0", ""),
    ],
)
def test_too_many_constraints(find: str, equations: str, boundary: str, constraints: str, said: str) -> None:
    found = remarks(boundary, BOX, constraints, find, equations)
    assert len(found) == bool(said)
    assert all(said in message for message in found)
