"""Formulas as functions, as text that reads back, as LaTeX, and as Python source."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
import sympy as sp

from kanpde.errors import ProblemError
from kanpde.problem import read_text, symbol, write_expression
from kanpde.problem.formula import read_expression
from kanpde.problem.latex import latex
from kanpde.results import Formula
from kanpde.results.series import partial_sum, stable, with_limited_series

TEXT = """title: "Two fields, a \\"complex\\" one among them"
find: u(x, t), psi(x, t) complex
domain: {x: [0, 1], t: [0, 1]}
equations: [u_t = nu*u_xx, psi_t = i*psi_xx]
where: {nu: 0.01/pi, c: 3, lambda: 2}
initial: u = lambda*x + c, psi = x
boundary: u = 0, psi = 0
"""
X, Y, T, NU, C, LAMBDA = (symbol(name) for name in ("x", "y", "t", "nu", "c", "lambda"))
N = sp.Symbol("n", integer=True, positive=True)
K = (2 * N - 1) * sp.pi
HEAT = sp.Sum(4 * sp.sin(K * X) * sp.exp(-(K**2) * T) / K, (N, 1, sp.oo))


@pytest.fixture(scope="module")
def document():
    return read_text(TEXT, "two.yaml")


EXPRESSIONS = [
    LAMBDA * sp.exp(-NU * sp.pi**2 * T) * sp.sin(sp.pi * X),
    C * sp.sech(sp.sqrt(C) * (X - C * T) / 2) ** 2 / 2,
    sp.Mul(sp.Rational(1, 2), X - T, evaluate=False),
    sp.erf(X / (2 * sp.sqrt(T + 1))) + sp.besselj(0, X) - sp.bessely(1, X + 1),
    sp.Piecewise((X, X < T), (sp.Abs(X - 1), True)) + sp.sign(X - T) + sp.Max(X, T, 0),
    4 * sp.atan(sp.exp((X - C * T) / sp.sqrt(1 + C**2))),
    HEAT + X / 3,
    sp.acosh(2 + X) + sp.coth(1 + X) + sp.csc(X + 1) + sp.asinh(T) - sp.log(1 + X) / sp.E + X ** sp.Rational(1, 3),
    sp.sqrt(2) * sp.exp(sp.I * (X - T)) / (1 + sp.I * X),
    sp.Integer(0),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_what_is_written_reads_back_and_is_the_same_function(expression, document, tmp_path):
    """Text, function and Python source agree with sympy's own evaluation."""
    again = read_expression(write_expression(expression), document)
    assert again == expression
    formula = Formula("proved", {"psi": again}).named(document.problem)
    x, t = np.array([0.2, 0.55, 0.9]), 0.3
    values = {C: 3, NU: sp.Rational(1, 100) / sp.pi, LAMBDA: 2, T: sp.Rational(3, 10)}
    precise = with_limited_series(expression, 40)
    truth = [complex(sp.N(precise.xreplace({**values, X: sp.Rational(str(a))}).doit(), 20)) for a in x]
    found = formula(x=x, t=t)
    assert found.shape == (3,)
    assert np.allclose(found, truth, rtol=1e-13, atol=1e-14)
    path = tmp_path / f"formula_{abs(hash(str(expression)))}.py"
    path.write_text(formula.python)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert np.allclose(module.psi(x, t), truth, rtol=1e-13, atol=1e-14)
    assert module.psi(x[:, None], np.zeros(2)).shape == (3, 2)
    assert "psi(x, t)" in module.psi.__doc__
    if NU in expression.free_symbols:
        assert np.allclose(module.psi(x, t, nu=0.5), formula(x=x, t=t, nu=0.5), rtol=1e-13)


def test_letters_are_keywords_with_the_values_of_the_problem(document):
    formula = Formula("proved", {"u": LAMBDA * sp.exp(-NU * T) * X}).named(document.problem)
    assert formula(x=0.5, t=1) == pytest.approx(np.exp(-0.01 / np.pi))
    assert formula(x=0.5, t=1, nu=0.0, lambda_=6) == 3.0
    with pytest.raises(ProblemError, match="proved for nu > 0 only"):
        formula(x=0.5, t=1, nu=-0.1, lambda_=6)
    assert isinstance(formula(x=0.5, t=1), float)
    assert formula.function(x=[[0.5]], t=[1, 2]).shape == (1, 2)
    assert formula(x=0.5, t=1, nu=np.array([0.0, 0.0])).tolist() == [1.0, 1.0]
    with pytest.raises(ProblemError, match="a value is missing for t"):
        formula(x=0.5)
    with pytest.raises(ProblemError, match="no coordinate and no letter 'mu'"):
        formula(x=0.5, t=1, mu=1)
    given = Formula("proved for the given parameters", {"u": X}).named(document.problem)
    assert given(x=0.5, t=1) == 0.5
    with pytest.raises(ProblemError, match="problem's own values only"):
        given(x=0.5, t=1, nu=1.0)


def test_several_fields_and_none(document):
    both = Formula("proved", {"u": X, "psi": sp.exp(sp.I * X)}).named(document.problem)
    found = both(x=[0.0, 1.0], t=0)
    assert found["u"].dtype == float
    assert found["psi"].tolist() == [1, np.exp(1j)]
    assert both["psi"](x=0.0, t=0).dtype == complex  # not real by accident
    with pytest.raises(ProblemError, match="no field 'v'"):
        both["v"]
    with pytest.raises(ProblemError, match="no formula was found"):
        Formula("not found")(x=1)
    assert Formula("not found").text == Formula("not found").latex == Formula("not found").python == ""


def test_the_status_is_said_in_words(document):
    formula = Formula("proved", {"u": NU * X}).named(document.problem)
    assert formula.sentence.endswith("every equation and condition of the problem, for all nu > 0")
    assert "nu = 1/(100*pi)" in Formula("proved for the given parameters", {"u": X}).named(document.problem).sentence
    assert Formula("not found", how="interrupted").sentence == "not found (interrupted)"
    assert not Formula("not found").proved
    assert not Formula("verified numerically", {"u": X}).proved


def test_people_read_the_space_first_and_positive_terms_first(document):
    written = {
        X - C * T: "x - c*t",
        C * T + X: "x + c*t",
        1 - sp.exp(-T) * sp.cos(X): "1 - exp(-t)*cos(x)",
        sp.sin(Y) * sp.cos(X): "cos(x)*sin(y)",
        X**3 + X**2 + X: "x^3 + x^2 + x",
        1 + 2 * X - X**2: "1 + 2*x - x^2",
        -X - Y: "-x - y",
        -sp.sin(C * T - X): "sin(x - c*t)",
        -(sp.tanh(T - X) ** 3): "tanh(x - t)^3",
        sp.cos(T - X) / 2: "cos(x - t)/2",
        1 / (1 + sp.exp(sp.sqrt(6) * X / 6 - sp.Rational(5, 6) * T)): "1/(1 + exp(x/sqrt(6) - 5*t/6))",
        sp.exp((5 * X - 3 * T) / 4): "exp((5*x - 3*t)/4)",
        sp.exp(-(X**2) / T) / sp.sqrt(sp.pi * C * T) / 2: "exp(-x^2/t)/(2*sqrt(pi*c*t))",
        sp.sin(sp.pi * X) * sp.cos(sp.pi * T): "sin(pi*x)*cos(pi*t)",
        sp.Rational(10**12 + 1, 10**12) * X: "(1 + 1/1000000000000)*x",
        X * (Y / 2 + sp.Rational(1, 2)): "x*(y/2 + 1/2)",
        sp.sinh(C * (1 - X)): "sinh(c*(1 - x))",
    }
    for expression, text in written.items():
        assert write_expression(expression) == text
        if Y not in expression.free_symbols:
            difference = read_expression(text, document) - expression
            point = {X: sp.Rational(2, 7), T: sp.Rational(3, 5), C: sp.Rational(5, 4)}
            assert abs(sp.N(difference.xreplace(point), 30)) < 1e-25


def test_latex_is_that_of_a_textbook():
    assert latex(C * sp.sech(X) ** 2 / 2) == r"\frac{c}{2} \operatorname{sech}^{2}{\left(x \right)}"
    assert latex(sp.exp(-(X**2) / (4 * NU * T)) / sp.sqrt(T)) == r"\frac{e^{- \frac{x^{2}}{4 \nu t}}}{\sqrt{t}}"
    assert latex((X - T) / 2 * 1) == r"\frac{x - t}{2}"
    assert latex(sp.tanh((X - C * T) / (4 * NU))) == r"\tanh{\left(\frac{x - c t}{4 \nu} \right)}"
    assert latex(sp.Sum(sp.sin(N * X) / N, (N, 1, sp.oo))).startswith(r"\sum_{n=1}^{\infty} \frac{\sin")
    assert latex(-2 * sp.sin(X) * (X + Y)) == r"- 2 \left(x + y\right) \sin{\left(x \right)}"


def test_a_series_is_summed_until_its_terms_no_longer_count():
    x, t = np.linspace(0, 1, 41), np.linspace(0.001, 0.2, 31)[:, None]
    n = 2 * np.arange(1, 200)[:, None, None] - 1
    truth = (4 / (n * np.pi) * np.sin(n * np.pi * x) * np.exp(-((n * np.pi) ** 2) * t)).sum(0)
    assert np.abs(partial_sum(HEAT, [X, T], [x, t]).values - truth).max() < 1e-14


def test_a_series_of_hyperbolic_functions_does_not_overflow():
    k = (2 * N - 1) * sp.pi
    series = sp.Sum(4 * sp.sin(k * X) * sp.sinh(k * Y) / sp.sinh(k) / k, (N, 1, sp.oo))
    x, y = np.linspace(0, 1, 21), np.linspace(-1, 1, 21)[:, None]
    found = partial_sum(series, [X, Y], [x, y]).values
    assert np.isfinite(found).all()
    assert found[15, 10] == pytest.approx(0.25, abs=0.3)
    middle = np.array(0.5)
    assert float(partial_sum(series, [X, Y], [middle, middle]).values) == pytest.approx(0.25, abs=1e-14)  # by symmetry
    assert np.abs(found + found[::-1]).max() < 1e-13  # odd in y
    assert stable(sp.sin(X)) == sp.sin(X)


def test_a_double_series():
    m = sp.Symbol("m", integer=True, positive=True)
    a, b = 2 * N - 1, 2 * m - 1
    term = 16 * sp.sin(a * sp.pi * X) * sp.sin(b * sp.pi * Y) / (a * b * (a**2 + b**2) * sp.pi**4)
    series = sp.Sum(term, (N, 1, sp.oo), (m, 1, sp.oo))
    formula = Formula("proved", {"u": series})
    assert formula(x=0.5, y=0.5) == pytest.approx(0.0736713532814, abs=1e-8)  # the middle of -lap(u) = 1 on the unit square
    assert "range(1, 1 + terms)) for m in range" in formula.python


def test_a_formula_needs_no_torch():
    import subprocess

    script = "from kanpde.results import Formula\nimport sys\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
