"""Fourier series: recognised, summed, and proved for the general term; and no series is proved that is not the solution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import sympy as sp

from kanpde.problem import read_text, symbol
from kanpde.problem.types import Problem
from kanpde.results.series import evaluate_series
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.fourier.coefficients import antiderivative, coefficient, mean, sine_or_cosine
from kanpde.symbolic.fourier.separation import separated
from kanpde.symbolic.fourier.series import series
from kanpde.symbolic.fourier.series_proof import prove_series
from kanpde.symbolic.sample import sample
from kanpde.symbolic.view import View
from kanpde.symbolic.worker import Worker

X, Y, T = symbol("x"), symbol("y"), symbol("t")
N = sp.Symbol("n", integer=True, positive=True)
ODD = 2 * N - 1
PI = sp.pi

ROD = """find: u(x, t)
domain:
  x: [0, {length}]
  t: [0, 1]
equation: {equation}
initial:
{initial}boundary: {boundary}
{where}"""
SQUARE = "find: u(x, y)\ndomain:\n  x: [0, 1]\n  y: [0, 1]\nequation: {equation}\nboundary: {boundary}\n"


def rod(
    *initial: str,
    equation: str = "u_t = u_xx",
    boundary: str = "u = 0",
    length: str = "1",
    where: str = "",
    periodic: bool = False,
) -> Problem:
    lines = "".join(f"  - {line}\n" for line in initial)
    if periodic:
        boundary = "\n  x: periodic"
    return read_text(
        ROD.format(length=length, equation=equation, initial=lines, boundary=boundary, where=where), "rod.yaml"
    ).problem


def square(equation: str = "lap(u) = 0", boundary: str = "{y = 1: u = x*(1 - x), elsewhere: u = 0}") -> Problem:
    return read_text(SQUARE.format(equation=equation, boundary=boundary), "square.yaml").problem


def first(problem: Problem) -> sp.Expr:
    return next(separated(problem))


def total(term: sp.Expr) -> sp.Expr:
    return sp.Sum(term, (N, 1, sp.oo))


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as found:
        yield found


PARABOLA = 8 / (PI * ODD) ** 3 * sp.sin(PI * X * ODD)
CASES = [
    (rod("u = x*(1 - x)"), total(PARABOLA * sp.exp(-(PI**2) * T * ODD**2))),
    (rod("u = 1"), total(4 / (PI * ODD) * sp.sin(PI * X * ODD) * sp.exp(-(PI**2) * T * ODD**2))),
    (
        rod("u = x^2", boundary="u_x = 0"),
        sp.Rational(1, 3) + total(4 * (-1) ** N / (PI * N) ** 2 * sp.cos(PI * N * X) * sp.exp(-(PI**2) * N**2 * T)),
    ),
    (
        rod("u = piecewise(x < 1/2, x, 1 - x)", "u_t = 0", equation="u_tt = 4*u_xx"),
        total(-4 * (-1) ** N / (PI * ODD) ** 2 * sp.sin(PI * X * ODD) * sp.cos(2 * PI * T * ODD)),
    ),
    (
        rod("u = 0", boundary="{x = 0: u = 0, x = 1: u = 1}"),
        X + total(2 * (-1) ** N / (PI * N) * sp.sin(PI * N * X) * sp.exp(-(PI**2) * N**2 * T)),
    ),
    (
        rod("u = A*x*(L - x)", equation="u_t = alpha*u_xx", length="L", where="where: {alpha: 0.1, A: 3, L: 2}"),
        total(
            8 * symbol("A") * symbol("L") ** 2 / (PI * ODD) ** 3
            * sp.sin(PI * X * ODD / symbol("L")) * sp.exp(-symbol("alpha") * PI**2 * T * ODD**2 / symbol("L") ** 2)
        ),
    ),
    (square(), total(PARABOLA * sp.sinh(PI * Y * ODD) / sp.sinh(PI * ODD))),
    (
        square("-lap(u) = 1", "u = 0"),
        X * (1 - X) / 2 - total(PARABOLA / 2 * sp.cosh(PI * ODD * (Y - sp.Rational(1, 2))) / sp.cosh(PI * ODD / 2)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "known"), CASES)
def test_the_series_of_the_textbook_is_found_and_proved(problem: Problem, known: sp.Expr, worker: Worker) -> None:
    found = first(problem)
    assert _same(found, known)
    verdict, lines = prove_series(problem, {"u": found}, worker, Budget(60.0)) or ("", [])
    assert verdict == "proved"
    assert any("complete in L2" in line for line in lines)


def _same(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether the parts outside of the series and the general terms agree."""
    (outside, general), (outside_2, general_2) = _parts(one), _parts(other)
    return sp.simplify(outside - outside_2) == 0 and sp.simplify(general - general_2) == 0


def _parts(e: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    outside, general = sp.Integer(0), sp.Integer(0)
    for part in sp.Add.make_args(e):
        found = part.atoms(sp.Sum)
        if found:
            (one,) = found
            general += part / one * one.function
        else:
            outside += part
    return outside, general


@pytest.mark.parametrize(
    "problem",
    [
        rod("u = x", boundary="{x = 0: u = 0, x = 1: u_x = 0}"),
        rod("u = exp(x)", equation="u_t = u_xx - 2*u"),
        rod("u = x*(1 - x)", "u_t = 0", equation="u_tt + u_t = u_xx"),
        rod("u = x*(1 - x)", "u_t = 0", equation="u_tt = -u_xxxx", boundary="[u = 0, u_xx = 0]"),
        rod("u = abs(x - 1/2)", periodic=True),
        rod("u = 0", equation="u_t = u_xx + 1"),
        rod("u = 0", boundary="{x = 0: u = sin(2*t), x = 1: u = t}"),
        rod("u = 0", equation="u_t = u_xx + exp(-t)*x"),
        rod("u = 0", "u_t = x", equation="u_tt = u_xx + x*t^2"),
        rod("u = 0", "u_t = 0", equation="u_tt = u_xx + sin(t)"),
        square("-lap(u) = x*y", "u = 0"),
        square("lap(u) - 4*u = 0"),
        square(boundary="{y = 1: u = x*(1 - x), x = 1: u = y*(1 - y), elsewhere: u = 0}"),
        square(boundary="{y = 1: u = x, y = 0: u_y = 0, x = 0: u = 0, x = 1: u_x = 0}"),
    ],
)
def test_other_linear_problems_are_proved(problem: Problem, worker: Worker) -> None:
    found = list(separated(problem))
    assert found
    for expression in found:
        verdict, lines = prove_series(problem, {"u": expression}, worker, Budget(60.0)) or ("", [])
        assert verdict == "proved", lines


HEAT = rod("u = x*(1 - x)")
HEAT_SERIES = CASES[0][1]


@pytest.mark.parametrize(
    ("problem", "claimed"),
    [
        (HEAT, HEAT_SERIES * (1 + sp.Rational(1, 10**12))),
        (HEAT, total(PARABOLA * sp.exp(-(PI**2) * T * ODD**2) * (1 + sp.Rational(1, 10**9) / N))),
        (HEAT, total(8 / (PI * N) ** 3 * sp.sin(PI * X * N) * sp.exp(-(PI**2) * T * N**2))),  # even modes that are not there
        (rod("u = x^2*(1 - x)"), HEAT_SERIES),  # even modes are missing
        (rod("u = (1 + 1e-12)*x*(1 - x)"), HEAT_SERIES),
        (rod("u = x*(1 - x)", equation="u_t = u_xx + 1e-11*u"), HEAT_SERIES),
        (rod("u = x*(1 - x)", boundary="u = 1e-11"), HEAT_SERIES),
        (rod("u = x*(1 - x) + 1e-11*sin(pi*x)"), HEAT_SERIES),
        (HEAT, HEAT_SERIES + sp.Rational(1, 10**12)),
        (rod("u = x*(1 - x)", equation="u_t = -u_xx"), total(PARABOLA * sp.exp(PI**2 * T * ODD**2))),  # has no sum
    ],
)
def test_what_is_only_nearly_the_solution_is_not_proved(problem: Problem, claimed: sp.Expr, worker: Worker) -> None:
    verdict, _ = prove_series(problem, {"u": claimed}, worker, Budget(60.0)) or ("none", [])
    assert verdict in ("refuted", "none")


def test_a_part_of_a_series_is_no_series(worker: Worker) -> None:
    some = sp.Add(*(HEAT_SERIES.function.subs(N, k) for k in (1, 2, 3)))
    assert prove_series(HEAT, {"u": some}, worker, Budget(60.0)) is None
    late = sp.Sum(HEAT_SERIES.function, (N, 1, 40))
    assert prove_series(HEAT, {"u": late}, worker, Budget(60.0)) is None


def view_of(problem: Problem, expression: sp.Expr, noise: float) -> View:
    symbols = tuple(symbol(name) for name in problem.coordinates)

    def sampler(*nodes: np.ndarray) -> np.ndarray:
        values = evaluate_series(problem.with_values(expression), symbols, np.meshgrid(*nodes, indexing="ij", sparse=True)).values
        return values + noise * np.random.default_rng(0).standard_normal(values.shape)

    return View(symbols, sample(sampler, [(float(a), float(b)) for a, b in problem.domain.bounds], noise), Budget(30.0), problem)


def test_the_samples_decide() -> None:
    assert [f.expression for f in series(view_of(HEAT, HEAT_SERIES, 1e-10))]
    other = HEAT_SERIES + X * (1 - X) * T / 10**7
    seen = view_of(HEAT, other, 1e-10)
    assert not list(series(seen))
    assert "deviates" in seen.transcript[0]
    assert not list(series(view_of(square("lap(u) = u^2", "u = 1"), sp.Integer(1), 1e-10)))


def test_partial_sums_against_closed_forms() -> None:
    """x (1 - x), the potential of a half-strip in closed form, and sums whose exponentials overflow one by one."""
    x = np.linspace(0.01, 0.99, 7)
    found = evaluate_series(total(PARABOLA), (X,), [x])
    np.testing.assert_allclose(found.values, x * (1 - x), atol=2e-9)
    assert 1e-14 < found.tail < 1e-8
    y = np.linspace(0.05, 2, 9)
    strip = total(4 / (PI * ODD) * sp.sin(PI * X * ODD) * sp.exp(-PI * ODD * Y))
    exact = 2 / np.pi * np.arctan(np.sin(np.pi * x[:, None]) / np.sinh(np.pi * y))
    np.testing.assert_allclose(evaluate_series(strip, (X, Y), [x[:, None], y[None]]).values, exact, atol=1e-14)
    high = total(4 / (PI * ODD) * sp.sin(PI * X * ODD) * sp.sinh(PI * ODD * (30 - Y)) / sp.sinh(30 * PI * ODD))
    np.testing.assert_allclose(evaluate_series(1 + 2 * high, (X, Y), [x[:, None], y[None]]).values, 1 + 2 * exact, atol=1e-13)
    points = evaluate_series(strip, (X, Y), [x[:5], y[:5]])
    assert points.values.shape == (5,)
    np.testing.assert_allclose(points.values, exact[np.arange(5), np.arange(5)], atol=1e-14)
    assert evaluate_series(total(sp.sin(N * X) / N), (X,), [x]).tail == np.inf
    assert evaluate_series(total(sp.exp(N * X)), (X,), [x]).tail == np.inf


@pytest.mark.parametrize(
    "g",
    [
        sp.Integer(1),
        X**3,
        sp.exp(-2 * X),
        X * sp.exp(X) * sp.cos(3 * X),
        sp.sinh(X),
        sp.sin(2 * X) ** 2,
        sp.Abs(X - sp.Rational(1, 3)),
    ],
)
@pytest.mark.parametrize("ends", ["DD", "NN", "DN", "ND"])
def test_fourier_coefficients_against_quadrature(g: sp.Expr, ends: str) -> None:
    from scipy.integrate import quad

    modes = sine_or_cosine(ends, sp.Integer(-1), sp.Integer(1), N)  # type: ignore[arg-type]
    formula = coefficient(g, X, modes, {})
    assert formula is not None
    f = sp.lambdify(X, g)
    for n in (1, 2, 5):
        mode = sp.lambdify(X, modes.at_index(sp.Integer(n)).at(X))
        value = quad(lambda x, mode=mode: f(x) * mode(x), -1, 1, points=[1 / 3], epsabs=1e-13, limit=200)[0]
        assert float(formula.subs(N, n)) == pytest.approx(value, abs=1e-11)
    average = mean(g, X, sp.Integer(-1), sp.Integer(1), {})
    assert float(average or 0) == pytest.approx(quad(f, -1, 1, points=[1 / 3])[0] / 2, abs=1e-11)


def test_a_mode_among_the_data_and_what_has_no_antiderivative_are_left_to_others() -> None:
    modes = sine_or_cosine("DD", sp.Integer(0), sp.Integer(1), N)
    assert coefficient(sp.sin(3 * PI * X), X, modes, {}) is None
    assert coefficient(sp.exp(X**2), X, modes, {}) is None
    assert coefficient(sp.sin(3 * X), X, modes, {}) is not None
    assert antiderivative(1 / X, X, modes) is None
    assert not list(separated(rod("u = sin(pi*x)")))
    assert not list(separated(rod("u = 0", "u_t = 0", equation="u_tt = u_xx + sin(3*pi*t)")))  # the third mode resonates
    assert not list(separated(rod("u = x", equation="u_t = x*u_xx")))
    assert not list(separated(rod("u = x", equation="u_t = u_xx + u^2")))
