"""An equation is the sum of its divergences and of what has no derivative in space."""

import pytest
import sympy as sp

from kanpde.problem import Problem, jet_symbol, read_text
from kanpde.problem.calculus import Calculus
from kanpde.problem.types import jets_of, symbol


def problem(equations: str, find: str = "u(x, y), v(x, y)") -> Problem:
    time = "t: [0, 1]" if "t)" in find else "y: [0, 1]"
    fields = [part.split("(")[0] for part in find.split("), ")]
    initial = f"initial: {', '.join(f'{f} = 0' for f in fields)}\n" if "t)" in find else ""
    where = "where:\n  k: 1 + x^2\n  q: k*grad(u)\n  c: 3\n  w: d(u, x)*u\n"
    return read_text(f"find: {find}\ndomain:\n  x: [0, 1]\n  {time}\nequations: {equations}\n{where}{initial}").problem


@pytest.mark.parametrize(
    ("equations", "find"),
    [
        ("-div(k*grad(u)) = v, lap(v) = c*u_xy", "u(x, y), v(x, y)"),
        ("div(q) + u*u_x = 1, k*v_xx + v_yy/c = u", "u(x, y), v(x, y)"),
        ("lap(lap(u)) + w_x = u, d(k*v_y, y, x) = 0", "u(x, y), v(x, y)"),
        ("grad(u) = curl(v)*k - [1, u]", "u(x, y), v(x, y)"),
        ("u_t = q_1 + d(k*u*u_x, x), v_t + v_x = u_xt", "u(x, t), v(x, t)"),
        ("(1 + u^2)*lap(u) = 1, dot(grad(v), grad(u)) = div([u*v, v])", "u(x, y), v(x, y)"),
    ],
)
def test_the_terms_add_up(equations: str, find: str) -> None:
    read = problem(equations.replace("q_1", "u_xx"), find)
    names, coordinates = [f.name for f in read.fields], read.coordinates
    for residual in read.equations:
        jets = {s: key for t in residual.fluxes for e in t.flux for s, key in jets_of(e, names, coordinates).items()}
        space = read.domain.space_axes
        calculus = Calculus(
            tuple(map(symbol, coordinates)), space, jets, lambda name, index: jet_symbol(name, index, coordinates)
        )
        rest = residual.expression
        for term in residual.fluxes:
            assert len(term.flux) == len(coordinates)
            rest -= term.factor * sp.Add(*(calculus.d(term.flux[a], a) for a in space))
        left = jets_of(sp.expand(rest), names, coordinates)
        quadratic = "dot" in residual.text  # a product of two derivatives is counted from both sides
        assert quadratic or not any(index[a] for _, index in left.values() for a in space)


def test_the_flux_is_kept_as_it_was_written() -> None:
    (first, _) = problem("-div(q) = 1, lap(v) = 0").equations
    (term,) = first.fluxes
    x, (u_x, u_y) = symbol("x"), (symbol("u_x"), symbol("u_y"))
    assert (term.factor, term.flux) == (-1, ((1 + x**2) * u_x, (1 + x**2) * u_y))


def test_a_second_derivative_of_what_jumps_is_lost() -> None:
    text = (
        "find: u(x)\ndomain:\n  x: [-1, 1]\nequation: d(d(k*u, x), x) = 1\nwhere:\n  k: piecewise(x < 0, 1, 2)\nboundary: u = 0\n"
    )
    (residual,) = read_text(text).problem.equations
    assert [term.flux for term in residual.fluxes] == [()]
