"""What is said in words: problems as mathematics, the final table, the lines of a running solve, the lists."""

import io

import pytest
import sympy as sp
from made import PLATE, POLYNOMIAL
from rich.console import Console

from kanpde.errors import ProblemError
from kanpde.problem import read_text, symbol
from kanpde.report.catalogue import TABLES, entries, first_sentence
from kanpde.report.mathematics import as_latex, as_text, statements
from kanpde.report.progress import bar, describe, grid_text, lines, shown
from kanpde.report.table import print_table, rows
from kanpde.results import Event


def test_a_problem_reads_like_its_file():
    text = as_text(read_text(POLYNOMIAL).problem)
    for line in ("u(x, t)", "0 <= t <= 2", "u_t = u_xx + f", "u = x*(1 - x)   at t = 0", "f = 3*t^2*x*(1 - x) + 2*(1 + t^3)"):
        assert line in text
    assert "u = 0   on the whole boundary" in text


def test_both_sides_of_a_statement_are_the_equation():
    problem = read_text(POLYNOMIAL).problem
    (equation,) = [line for line in statements(problem) if line.label == "equation"]
    left, right = equation.parts
    assert left == symbol("u_t")  # in time, its derivative alone
    assert sp.simplify(left - right - problem.equations[0].expression) == 0
    assert r"u_{t} &=" in as_latex(problem)
    assert "<msub>" in equation.mathml


def test_a_periodic_axis_is_said():
    text = POLYNOMIAL.replace("boundary: u = 0", "boundary:\n  x: periodic").split("exact")[0]
    problem = read_text(text).problem
    assert r"x \text{ periodic}" in as_latex(problem)
    assert "periodic  x" in as_text(problem)


def test_a_shape_reads_like_its_file():
    problem = read_text(PLATE).problem
    text = as_text(problem)
    for line in ("(x, y): plate - hole", "hole: disk([0.25, 0.5], 0.3)", "u = x   on plate", "u = 0   on hole"):
        assert line in text
    assert "<=" not in text
    assert r"& \texttt{(x, y): plate - hole} \\" in as_latex(problem)
    rest = read_text(PLATE.replace("  hole: u = 0", "  elsewhere: u = 0")).problem
    assert "u = 0   on the rest of the boundary" in as_text(rest)


def test_what_is_no_part_of_the_shape_keeps_its_interval():
    text = PLATE.replace("u(x, y)", "u(x, y, t)").replace("(x, y):", "t: [0, 3]\n  (x, y):").replace("lap(u) = 0", "u_t = lap(u)")
    problem = read_text(text.replace("boundary:", "initial: u = 0\nboundary:")).problem
    lines = [line.plain for line in statements(problem) if line.label == "domain"]
    assert lines == ["0 <= t <= 3", "(x, y): plate - hole", "plate: rectangle([-1, -1], [1, 1])", "hole: disk([0.25, 0.5], 0.3)"]


def test_the_table_never_claims_less_than_the_reference_can_see(rod, deep):
    from dataclasses import replace

    found = dict(rows(rod))
    assert found["checked error"] == "relative L2 error 2.0e-12 against the exact solution, itself good to 1.0e-15"
    assert found["formula"].endswith("(proved)")
    assert found["network"].startswith("rank 1: a(x) b(t), degree 5, grid 6 x 6")
    assert found["grids"] == "4 x 6 -> 6 x 6"
    judged = rod.comparison.fields["u"]
    rod.comparison = type(rod.comparison)({"u": replace(judged, l2=1e-16)})
    assert dict(rows(rod))["checked error"] == "relative L2 error at most 1.0e-15, as far as the exact solution can tell"
    assert dict(rows(deep))["network"].startswith("2 -> 4 -> 3 -> 1, bspline of degree 5")
    assert dict(rows(deep))["checked error"] == "no independent reference"


def test_the_network_is_said_in_words(holed, materials, block, ball):
    said = {name: dict(rows(solution))["network"] for name, solution in locals().items()}
    assert said["holed"] == "rank 1: a(x) b(y), degree 5, grid 6 x 6, 2 singular terms at 1 point, 24 parameters"
    assert said["materials"].startswith("2 pieces, rank 2: sum of a_j(x) b_j(y) a field, degree 5, grid 6 x 6, ")
    assert said["block"].startswith("rank 1: a(x) b(y) c(z), degree 5, grid 6 x 6 x 6")
    assert said["ball"].startswith("rank 2: sum of a_j(x) b_j(y) c_j(z) a field, ")


def test_the_table_is_plain_on_a_pipe(rod, tmp_path):
    stream = io.StringIO()
    (tmp_path / "summary.json").touch()
    print_table(rod, Console(file=stream, width=40), tmp_path)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "estimated error  4.0e-12\n" in text
    assert "(summary.json)" in text


def test_the_table_has_colours_on_a_terminal(rod):
    stream = io.StringIO()
    print_table(rod, Console(file=stream, force_terminal=True, width=120, color_system="standard", legacy_windows=False))
    assert "\x1b" in stream.getvalue()


def test_events_are_said_in_short():
    event = Event("step", "all edges", (12, 8), 7, residual=1.2e-5, estimate=3e-6, fraction=0.25)
    assert describe(event) == "grid 12 x 8  step 7  residual 1.2e-05  error ~ 3.0e-06  25 % of time"
    assert describe(Event("message", message="done")) == "done"
    assert grid_text((5, 5, 5)) == "5 (3 edge groups)"
    assert grid_text((1, 2, 3, 4, 5)) == "1 x 2 x 3 x 4 x ..."


def test_a_pipe_gets_lines_but_not_every_step():
    stream = io.StringIO()
    report = lines(Console(file=stream))
    for n in range(5):
        report(Event("step", "fit", (4, 4), n))
    report(Event("record", "fit", (4, 4), 5, residual=1e-9, seconds=1.5))
    assert stream.getvalue() == "   1.50 s  fit                     grid 4 x 4  step 5  residual 1.0e-09\n"


def test_the_bar_shows_stage_grid_and_residual():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=140, color_system=None, legacy_windows=False)
    with bar(console, "rod") as report:
        report(Event("stage", "march", (12, 8), fraction=0.5))
        report(Event("step", "march", residual=1e-7))
    assert "grid 12 x 8  residual 1.0e-07" in stream.getvalue()


def test_events_go_where_they_are_wanted():
    seen: list[Event] = []
    with shown(seen.append, True, "") as report:
        report(Event("stage", "a"))
    assert [event.stage for event in seen] == ["a"]
    with shown(None, True, "", Console(file=io.StringIO())) as report:
        report(Event("stage", "b"))  # nobody looks: nothing is drawn


@pytest.mark.parametrize("kind", TABLES)
def test_every_list_has_names_and_sentences(kind, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(Path(__file__).parents[2])
    found = entries(kind)
    assert found
    assert all(entry.name and len(entry.sentence) > 8 for entry in found)


def test_an_unknown_list_is_refused():
    with pytest.raises(ProblemError, match="there is no list of 'colours'"):
        entries("colours")


def test_the_first_sentence_ends_at_its_full_stop():
    assert first_sentence("Splines of degree 3.5 or so. More\n  text.") == "Splines of degree 3.5 or so"
