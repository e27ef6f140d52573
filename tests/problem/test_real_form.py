"""Complex fields as two real ones: every residual's two parts are its real and its imaginary part."""

import numpy as np
import pytest
import sympy as sp

from kanpde.errors import ProblemError, UnsupportedProblem
from kanpde.problem import Problem, jet_symbol, read_text, real_form, symbol
from kanpde.problem.zero import Verdict, decide

TEXT = """find: psi(x, t) complex, phi(x, t)
domain:
  x: [-1, 1]
  t: [0, 1]
equations:
  one: {equation}
  two: phi_t = phi_xx + abs(psi)^2
where:
  k: 3/2
initial: psi = exp(i*x), phi = 0
boundary: psi_n = i*k*psi, phi = 0
"""

TERMS = [
    "i*psi_t + psi_xx/2 + abs(psi)^2*psi",
    "psi_t - (1 + 2*i)*psi_xx - k*conj(psi)*psi^2*i",
    "psi_t - exp(i*k*psi) + re(psi)*im(psi_x)",
    "psi_t - 1/(2 + i*psi)^3 + phi*psi",
    "psi_t - sin(psi) + i*cosh(k*psi) - abs(psi_x + i*phi)",
    "psi_t - piecewise(x < 0, i*psi, re(psi) > 0, psi^2, conj(psi))",
    "psi_t - (3 - 4*i)^2*cos(i*psi)*sinh(psi*phi)",
    "psi_t - i*d(psi*conj(psi_x), x)",
]


def read(equation: str) -> Problem:
    return read_text(TEXT.format(equation=equation)).problem


@pytest.mark.parametrize("term", TERMS)
def test_the_parts_are_those_of_the_residual_at_random_complex_values(term: str) -> None:
    problem = read(f"{term} = 0")
    form = real_form(problem)
    generator = np.random.default_rng(3)
    for _ in range(5):
        values: dict[sp.Symbol, sp.Expr] = {symbol("x"): sp.Float(generator.uniform(-1, 1)), symbol("k"): sp.Rational(3, 2)}
        parts = dict(values)
        for s, (name, index) in problem.equations[0].jets.items():
            re, im = (sp.Float(value) for value in generator.normal(size=2))
            if name == "phi":
                values[s] = parts[s] = re
            else:
                values[s] = re + sp.I * im
                for part, value in zip(form.parts["psi"], (re, im), strict=True):
                    parts[jet_symbol(part, index, problem.coordinates)] = value
        whole = complex(problem.equations[0].expression.xreplace(values).doit())
        real, imaginary = (float(r.expression.xreplace(parts)) for r in form.equations[:2])
        assert abs(whole - complex(real, imaginary)) < 1e-12 * abs(whole)


def test_real_fields_and_equations_stay_as_they_are() -> None:
    problem = read("i*psi_t + psi_xx = phi*psi")
    form = real_form(problem)
    assert [f.name for f in form.fields] == ["psi_re", "psi_im", "phi"]
    assert len(form.equations) == len(form.fields)
    assert not any(f.complex for f in form.fields)
    assert {name for r in form.equations for name, _ in r.jets.values()} == {"psi_re", "psi_im", "phi"}
    assert all(not r.expression.has(sp.I, sp.Abs, sp.conjugate, sp.re, sp.im) for r in form.equations)
    assert [len(c.residuals) for c in form.conditions] == [3, 3]
    assert real_form(form) is form


def test_the_normal_derivative_of_a_complex_field() -> None:
    form = real_form(read("i*psi_t + psi_xx = 0"))
    face = form.conditions[1].place.faces[0]
    on_face = form.conditions[1].residuals[0].on_face(face, form.coordinates)
    slope = jet_symbol("psi_re", (1, 0), form.coordinates)
    value = jet_symbol("psi_im", (0, 0), form.coordinates)
    assert face.side == -1
    assert on_face.expression == -slope + symbol("k") * value


def test_the_exact_solution_solves_the_real_form() -> None:
    text = """find: psi(x, t) complex
domain:
  x: [-5, 5]
  t: [0, 1]
equation: i*psi_t + psi_xx/2 + abs(psi)^2*psi = 0
where:
  v: 1/2
initial: psi = sech(x)*exp(i*v*x)
exact: psi = sech(x - v*t)*exp(i*(v*x + (1 - v^2)*t/2))
"""
    form = real_form(read_text(text).problem)
    ranges = {symbol(name): (float(a), float(b)) for name, (a, b) in form.limits.items()}
    assert form.exact is not None
    for factor, wanted in ((1, Verdict.ZERO), (sp.Rational(1001, 1000), Verdict.NOT_ZERO)):
        functions = {name: factor * formula for name, formula in form.exact.items()}
        for residual in form.equations:
            value = residual.evaluate(functions, form.coordinates)
            assert decide(value, ranges, form.constants)[0] is wanted


def test_a_real_equation_is_only_half_of_a_complex_one() -> None:
    with pytest.raises(ProblemError, match="2 real equations for 3 real unknown functions"):
        read("abs(psi)^2 = 1")


def test_what_has_no_real_part_as_a_formula_is_said() -> None:
    problem = read("i*psi_t = erf(psi)")
    with pytest.raises(UnsupportedProblem, match="'erf' of a complex value"):
        real_form(problem)
    assert [remark.message for remark in problem.unsupported] == ["the function 'erf' of a complex value is not solved yet"]
    assert read("i*psi_t = psi_xx").unsupported == ()
