"""The pipeline from Python: read, train, compare, symbolify, write."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made import POLYNOMIAL

import kanpde
from kanpde import run
from kanpde.errors import DivergedError, MissingDependency, ProblemError, UnsupportedProblem
from kanpde.plan import Symbolic
from kanpde.reference import exact
from kanpde.results import Event, Formula, Solution


@pytest.fixture
def problem_file(tmp_path):
    path = tmp_path / "rod.yaml"
    path.write_text(POLYNOMIAL)
    return path


def test_a_file_is_solved_to_the_tolerance(problem_file, tmp_path):
    events: list[Event] = []
    solution = kanpde.solve(problem_file, tolerance=1e-8, report=events.append)
    assert solution.converged
    assert solution.estimate.value <= 1e-8
    x, t = np.linspace(0, 1, 31), np.linspace(0, 2, 21)
    exact = x * (1 - x) * (1 + t[:, None] ** 3)
    assert np.abs(solution(x=x, t=t[:, None]) - exact).max() < 1e-8 * np.abs(exact).max() * 30
    assert solution.comparison.fields["u"].method == "exact"
    assert {"record", "stage"} <= {event.kind for event in events}
    assert list(tmp_path.iterdir()) == [problem_file]  # from Python, nothing is written unasked


def test_the_same_words_in_python_give_the_same_solution(problem_file):
    problem = kanpde.Problem(
        title="A polynomial in a rod",
        find="u(x, t)",
        domain={"x": [0, 1], "t": [0, 2]},
        equation="u_t = u_xx + f",
        where={"f": "3*t^2*x*(1 - x) + 2*(1 + t^3)"},
        initial="u = x*(1 - x)",
        boundary="u = 0",
    )
    settings = {"tolerance": 1e-6, "progress": False, "symbolic": "none", "reference": "none"}
    one, two = kanpde.solve(problem, **settings), kanpde.solve(problem_file, **settings)
    assert (one(x=0.3, t=[0.1, 1.9]) == two(x=0.3, t=[0.1, 1.9])).all()
    assert one.formula is None
    assert not one.comparison.fields


def test_a_solution_from_python_is_saved_and_loaded(tmp_path):
    problem = kanpde.Problem(
        find="u(x, y)", domain={"x": [-1, 1], "y": [0, 1]}, equation="-lap(u) = 1", boundary="u = 0"
    )  # fmt: skip
    solution = kanpde.solve(problem, tolerance=1e-4, progress=False, symbolic="none", reference="none")
    solution.save(tmp_path / "run.h5")
    again = kanpde.load(tmp_path / "run.h5")
    assert isinstance(again, Solution)
    assert again(x=0.1, y=0.2) == solution(x=0.1, y=0.2)
    assert again.problem.equations[0].expression == problem.equations[0].expression


def test_settings_take_the_place_of_the_file(problem_file):
    document = run.read(problem_file)
    plan = run.make_plan(document, {"tolerance": 1e-3, "network": {"degree": 5}}, ["network.degree=9", "output.grid=51"])
    assert (plan.tolerance, plan.network.degree, plan.output.grid) == (1e-3, 9, 51)
    with pytest.raises(ProblemError) as refused:
        run.make_plan(document, {}, ["network.degre=9"])
    assert refused.value.hint == "did you mean 'degree'?"


def test_an_interrupt_leaves_the_solution_so_far(rod, problem_file, tmp_path, monkeypatch):
    def train(problem, plan, *, checkpoint, report, **_):
        report(Event("step", "fit", (4, 4), 1, 1e-3))
        rod.outcome = "interrupted after 1 iteration"
        checkpoint(rod)
        raise KeyboardInterrupt

    monkeypatch.setattr("kanpde.train.solve", train)
    with pytest.raises(KeyboardInterrupt):
        kanpde.solve(problem_file, out=tmp_path / "run", progress=False)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["converged"] is False
    assert summary["outcome"].startswith("interrupted")
    assert kanpde.load(tmp_path / "run")(x=0.5, t=1.0) == rod(x=0.5, t=1.0)
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 1


def test_an_interrupt_of_the_comparison_leaves_the_trained_solution(rod, problem_file, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("kanpde.train.solve", lambda *_, **__: rod)
    monkeypatch.setattr("kanpde.reference.reference", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kanpde.solve(problem_file, out=tmp_path / "run", progress=False, symbolic="none")
    assert kanpde.load(tmp_path / "run").outcome.startswith("interrupted")


def test_a_reference_that_cannot_judge_is_a_remark_and_no_failure(rod, monkeypatch):
    def unable(*_):
        raise UnsupportedProblem("the spectral reference knows no shapes")

    monkeypatch.setattr("kanpde.reference.reference", unable)
    rod.formula = None
    run.compare_with_reference(rod)
    assert rod.comparison.remark == "no reference: the spectral reference knows no shapes"
    assert not rod.comparison.fields


@pytest.mark.parametrize(
    ("stop", "said"), [(KeyboardInterrupt(), "interrupted"), (ZeroDivisionError("1/0"), "internal error, ZeroDivisionError: 1/0")]
)
def test_a_search_that_ends_badly_leaves_everything_else(rod, problem_file, tmp_path, monkeypatch, stop, said):
    def search(*_):
        raise stop

    monkeypatch.setattr("kanpde.train.solve", lambda *_, **__: rod)
    monkeypatch.setattr("kanpde.symbolic.find_formula", search)
    solution = kanpde.solve(problem_file, out=tmp_path / "run", progress=False)
    assert solution.converged
    assert solution.formula.sentence == f"not found ({said})"
    assert solution.comparison.fields["u"].method == "exact"
    assert (tmp_path / "run" / "report.html").exists()
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["formula"]["how"] == said
    assert not (tmp_path / "run" / "formula.py").exists()


def test_the_search_is_told_the_plan_and_tells_what_it_looks_at(rod, monkeypatch):
    events: list[Event] = []

    def search(solution, seconds, harvest, report):
        report("tan(u/4) is a product")
        return Formula("not found", seconds=seconds, transcript=(str(harvest),))

    monkeypatch.setattr("kanpde.symbolic.find_formula", search)
    rod.plan = rod.plan.model_copy(update={"symbolic": Symbolic(seconds=3, harvest=False)})
    run.find_formula(rod, events.append)
    assert (rod.formula.seconds, rod.formula.transcript, rod.formula.coordinates) == (3.0, ("False",), ("x", "t"))
    assert [(e.kind, e.stage, e.message) for e in events][:2] == [
        ("stage", "formula", ""),
        ("search", "formula", "tan(u/4) is a product"),
    ]


def test_a_search_in_vain_leaves_the_formula_of_the_run(run_folder, monkeypatch):
    found = {"u": kanpde.load(run_folder).formula.expressions["u"]}
    monkeypatch.setattr("kanpde.symbolic.find_formula", lambda *_: Formula("not found"))
    assert run.symbolic(run_folder, 1.0).formula.status == "not found"
    assert kanpde.load(run_folder).formula.status == "proved"
    monkeypatch.setattr("kanpde.symbolic.find_formula", lambda *_: Formula("proved", found, how="again"))
    run.symbolic(run_folder, 1.0)
    assert kanpde.load(run_folder).formula.how == "again"
    assert kanpde.load(run_folder).comparison.beside["u"].method == "proved formula"


def test_a_proved_formula_judges_beside_the_reference(rod, monkeypatch):
    asked = []

    def spectral(problem, section):
        asked.append(section.seconds)
        return replace(exact(problem), method="spectral", error=1e-9)

    monkeypatch.setattr("kanpde.reference.reference", spectral)
    run.compare_with_reference(rod)
    assert asked == [run.PATIENCE]  # not the 120 s of the plan
    judged, beside = rod.comparison.fields["u"], rod.comparison.beside["u"]
    assert (judged.method, beside.method) == ("proved formula", "spectral")
    assert judged.error == 1e-15
    assert judged.l2 < 1e-14  # the rod's network is its formula to round-off
    assert beside.l2 <= 10 * beside.error
    assert "the proved formula" in judged.sentence
    assert np.abs(rod.errors["u"]).max() < 1e-13
    rod.formula = replace(rod.formula, status="verified numerically")
    run.compare_with_reference(rod)
    assert rod.comparison.fields["u"].method == "spectral"
    assert asked[-1] == rod.plan.reference.seconds
    assert not rod.comparison.beside


def test_a_proved_formula_judges_alone_where_no_reference_can(rod, monkeypatch):
    def unable(*_):
        raise UnsupportedProblem("the spectral reference knows no shapes")

    monkeypatch.setattr("kanpde.reference.reference", unable)
    run.compare_with_reference(rod)
    assert rod.comparison.fields["u"].method == "proved formula"
    assert rod.comparison.remark == "no reference: the spectral reference knows no shapes"


def test_the_file_s_own_exact_solution_comes_first(rod):
    run.compare_with_reference(rod)
    assert (rod.comparison.fields["u"].method, rod.comparison.beside["u"].method) == ("exact", "proved formula")


def test_devices_are_checked_before_anything_is_trained(problem_file, monkeypatch):
    assert run.resolve_device("auto") == run.resolve_device("cpu") == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(MissingDependency, match="no CUDA device"):
        kanpde.solve(problem_file, device="cuda", progress=False)
    with pytest.raises(ProblemError, match="the device is one of auto, cpu, cuda, not 'tpu'"):
        kanpde.solve(problem_file, device="tpu", progress=False)
    with pytest.raises(ProblemError, match="the number type is one of float64, float32, not 'float16'"):
        kanpde.solve(problem_file, dtype="float16", progress=False)


def test_what_is_not_solved_yet_is_refused_with_its_line(tmp_path):
    text = "find: u(x, z)\ndomain:\n  x: [0, 1]\n  z: [0, 1]\nequation: u_xx + u_zz = integral(u)\nboundary: u = 0\n"
    (tmp_path / "integral.yaml").write_text(text)
    with pytest.raises(UnsupportedProblem) as refused:
        kanpde.solve(tmp_path / "integral.yaml", progress=False)
    assert refused.value.span.line == 5  # the equation


def test_load_reads_problems_and_runs(problem_file, run_folder):
    assert isinstance(kanpde.load(problem_file), kanpde.Problem)
    assert isinstance(kanpde.load(run_folder), kanpde.Solution)


def test_runs_are_compared_where_their_domains_meet(rod, run_folder, tmp_path, plane):
    plane.save(tmp_path / "plane.h5")
    with pytest.raises(ProblemError, match="different unknowns or coordinates"):
        run.compare(run_folder, tmp_path / "plane.h5")
    assert run.compare(run_folder, run_folder).fields["u"].l2 == 0


def test_the_package_offers_what_it_says():
    assert set(kanpde.__all__) <= set(dir(kanpde))
    for name in kanpde.__all__:
        assert getattr(kanpde, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kanpde.nothing


def test_a_spent_budget_leaves_what_was_found(tmp_path, monkeypatch):
    from kanpde.train import Context

    monkeypatch.setattr(Context, "left", property(lambda self: 1.0 if len(self.pieces) < 2 else -1.0))  # two windows long
    problem = Path(__file__).parents[1] / "problems" / "heat.yaml"
    with pytest.raises(DivergedError, match="ended before the time interval did; what was found so far is in"):
        kanpde.solve(problem, progress=False, out=tmp_path / "run")
    found = kanpde.load(tmp_path / "run")
    assert found.outcome.startswith("stopped at t = ")
    assert not found.converged
    assert abs(found(x=0.5, t=0.0) - 0.5) < 1e-9
