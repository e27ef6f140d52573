"""What problems state on shapes, in materials, of complex fields and under constraints; each claim can hold and can fail."""

from __future__ import annotations

import pytest
import sympy as sp

from kanpde.problem import Problem, read_text, symbol
from kanpde.symbolic.proof.claims import Claim, Unprovable, claim_points, claims
from kanpde.symbolic.proof.conjugates import conjugated, written_out
from kanpde.symbolic.proof.exact_shapes import exact_domain
from kanpde.symbolic.proof.reduce import has_sign, integrated, quickly_zero, vanishes

x, y, z, t = map(symbol, "xyzt")
HALF = sp.Rational(1, 2)

DISK = """find: u(x, y)
domain:
  (x, y): disk([0, 1/2], R)
where: {R: 0.3}
equation: -lap(u) = 4
boundary: u = 0
"""
RING = """find: u(x, y)
domain:
  (x, y): outer - inner
  outer: disk([0, 0], 1)
  inner: disk([0.2, 0.1], 0.4)
equation: lap(u) = 0
boundary:
  outer: u_n = 2*(x^2 - y^2)
  inner: u_n = -(2*x*(x - 0.2) - 2*y*(y - 0.1))/0.4
constraints: integral(u) = -0.16*pi*(0.04 - 0.01)
"""
SECTOR = """find: u(x, y)
domain:
  (x, y): sector([0, 0], 1, 0, pi/3)
equation: lap(u) = 0
boundary:
  y = 0: u = 0
  elsewhere: u = 3*x^2*y - y^3
"""
PRISM = """find: u(x, y, t)
domain:
  (x, y): polygon([0, 0], [1, 0], [1, 1], [0, 2]) - disk([1/2, 1/2], 1/4)
  t: [0, 1]
equation: u_t = lap(u)
initial: u = x^2 - y^2 + x
boundary: u = x^2 - y^2 + x
"""
ELLIPSE = """find: u(x, y)
domain:
  (x, y): ellipse([0, 0], 2, 1)
equation: -lap(u) = 1
boundary: u = 0
"""
BALL = """find: u(x, y, z)
domain:
  (x, y, z): ball([0, 0, 0], 1)
equation: -lap(u) = 6
boundary: u_n = -2
constraints: u(0, 0, 0) = 1
"""
CYLINDER = """find: u(x, y, z)
domain:
  (x, y, z): cylinder([0, 0, 0], 1, 2)
equation: lap(u) = 4
boundary: u = x^2 + y^2 + z
"""
ROD = """find: u(x)
domain: {x: [0, 1]}
where: {k: "piecewise(x < 1/3, 1, 4)"}
equation: "d(k*u_x, x) = 0"
boundary: {x = 0: u = 0, x = 1: u = 1}
"""
CORE = """find: u(x, y)
domain:
  (x, y): disk([0, 0], 1)
  core: disk([0, 0], 1/2)
where: {k: "piecewise(inside(core), 2, 1)"}
equation: -div(k*grad(u)) = 4
boundary: u = 0
"""
BENT = """find: u(x)
domain: {x: [-1, 1]}
equation: u_xx = abs(x)
boundary: u = 0
"""
SOLITON = """find: psi(x, t) complex
domain: {x: [-4, 4], t: [0, 1]}
equation: i*psi_t + psi_xx/2 + abs(psi)^2*psi = 0
initial: psi = sech(x)*exp(i*x/2)
boundary: psi = sech(x - t/2)*exp(i*(x/2 + 3*t/8))
"""
MASS = """find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t = u_xx
initial: u = cos(pi*x) + 1
boundary: u_n = 0
constraints: {mass: integral(u) = 1, sign: "u(1/2, 1/2) > 0"}
"""
PARTS = """find: u(x, y)
domain: {x: [0, 1], y: [0, 1]}
equation: lap(u) = 0
boundary:
  x = 0 and y < 1/2: u = 0
  elsewhere: u = x*y
"""
RATIO = """find: u(x; k)
domain: {x: [0, 1]}
where: {k: [1, 2]}
equation: u_x = -k*u
boundary: {x = 0: u = 1}
"""

CORE_FORMULA = sp.Piecewise(
    (sp.Rational(3, 4) + (sp.Rational(1, 4) - x**2 - y**2) / 2, x**2 + y**2 < sp.Rational(1, 4)), (1 - x**2 - y**2, True)
)
ROD_FORMULA = sp.Piecewise((2 * x, x < sp.Rational(1, 3)), (x / 2 + HALF, True))

SOLVED = {
    "disk": (DISK, {"u": symbol("R") ** 2 - x**2 - (y - HALF) ** 2}),
    "disk with its value": (DISK, {"u": sp.Rational(9, 100) - x**2 - (y - HALF) ** 2}),
    "ring": (RING, {"u": x**2 - y**2}),
    "sector": (SECTOR, {"u": 3 * x**2 * y - y**3}),
    "prism": (PRISM, {"u": x**2 - y**2 + x}),
    "ellipse": (ELLIPSE, {"u": (1 - x**2 / 4 - y**2) * sp.Rational(2, 5)}),
    "ball": (BALL, {"u": 1 - x**2 - y**2 - z**2}),
    "cylinder": (CYLINDER, {"u": x**2 + y**2 + z}),
    "rod": (ROD, {"u": ROD_FORMULA}),
    "core": (CORE, {"u": CORE_FORMULA}),
    "bent": (BENT, {"u": sp.Abs(x) ** 3 / 6 - sp.Rational(1, 6)}),
    "soliton": (SOLITON, {"psi": sp.sech(x - t / 2) * sp.exp(sp.I * (x / 2 + 3 * t / 8))}),
    "soliton in parts": (
        SOLITON,
        {
            "psi_re": sp.sech(x - t / 2) * sp.cos(x / 2 + 3 * t / 8),
            "psi_im": sp.sech(x - t / 2) * sp.sin(x / 2 + 3 * t / 8),
        },
    ),
    "mass": (MASS, {"u": 1 + sp.cos(sp.pi * x) * sp.exp(-(sp.pi**2) * t)}),
    "parts of a side": (PARTS, {"u": x * y}),
    "parameter": (RATIO, {"u": sp.exp(-symbol("k") * x)}),
}


def holds(problem: Problem, claim: Claim) -> bool:
    """Whether a claim is reduced to zero, and passes at its own points."""
    expression = integrated(claim.expression) if claim.expression.has(sp.Integral) else claim.expression
    assert expression is not None
    at = claim_points(problem, claim, perturbed=False)
    if claim.sign:
        return has_sign(expression, at, claim.sign)
    twins = {s: sp.Symbol(str(s), positive=True) for s in problem.constants}
    exact = expression == 0 or bool(quickly_zero(expression.xreplace(twins)))
    assert exact <= vanishes(expression, at)
    return exact


@pytest.mark.parametrize("name", SOLVED)
def test_the_solution_satisfies_every_claim(name: str) -> None:
    text, functions = SOLVED[name]
    problem = read_text(text).problem
    stated = claims(problem, functions)
    assert [claim.label for claim in stated if not holds(problem, claim)] == []
    kinds = {claim.label.split()[0] for claim in stated}
    assert "equation" in kinds
    assert ("boundary" in kinds) == bool([c for c in problem.conditions if c.kind == "boundary"])


@pytest.mark.parametrize("name", SOLVED)
def test_what_is_a_little_wrong_does_not(name: str) -> None:
    text, functions = SOLVED[name]
    problem = read_text(text).problem
    wrong = {name: e + sp.Rational(1, 10**12) * (x + 2) ** 4 for name, e in functions.items()}
    assert not all(holds(problem, claim) for claim in claims(problem, wrong))


def test_every_side_has_its_claim_in_words() -> None:
    problem = read_text(PRISM).problem
    labels = [claim.label for claim in claims(problem, {"u": x})]
    boundary = [label for label in labels if label.startswith("boundary")]
    assert len(boundary) == 5
    assert any("on the line y = 2 - x" in label for label in boundary)
    assert any("1/2 + cos(theta)/4" in label for label in boundary)


def test_the_flux_is_tied_across_a_jump() -> None:
    problem = read_text(ROD).problem
    slopes = sp.Piecewise((x, x < sp.Rational(1, 3)), (x, True))
    failed = [claim.label for claim in claims(problem, {"u": slopes}) if not holds(problem, claim)]
    assert len(failed) == 1
    assert "flux" in failed[0]


def test_a_kink_that_the_equation_does_not_have_is_refused() -> None:
    problem = read_text("find: u(x)\ndomain: {x: [-1, 1]}\nequation: u_xx = 0\nboundary: u = 1\n").problem
    with pytest.raises(Unprovable, match="kink"):
        claims(problem, {"u": sp.Abs(x)})
    assert all(claim.expression == 0 for claim in claims(problem, {"u": sp.Abs(x + 3) - x - 2}))


def test_points_lie_where_the_claim_is_made() -> None:
    problem = read_text(RING).problem
    inside, outer, inner, *_ = claims(problem, {"u": x * y})
    for point in claim_points(problem, inside, perturbed=False, count=12):
        assert point[x] ** 2 + point[y] ** 2 < 1
        assert (point[x] - 0.2) ** 2 + (point[y] - 0.1) ** 2 > 0.16
    (theta,) = outer.ranges
    assert str(theta) == "theta"
    assert len({point[theta] for point in claim_points(problem, inner, perturbed=False, count=12)}) >= 12
    problem = read_text(PARTS).problem
    (part,) = (claim for claim in claims(problem, {"u": x}) if "y < 1/2" in claim.label)
    assert all(point[y] < HALF for point in claim_points(problem, part, perturbed=False, count=12))


def test_letters_of_the_domain_stay_letters_where_the_formula_has_them() -> None:
    problem = read_text(DISK).problem
    R = symbol("R")
    assert exact_domain(problem).shapes == {"disk([0, 1/2], R)": ((0, HALF), R)}
    assert any(claim.expression.has(R) for claim in claims(problem, SOLVED["disk"][1]))
    assert not any(claim.expression.has(R) for claim in claims(problem, SOLVED["disk with its value"][1]))
    assert any(claim.expression.has(R) for claim in claims(problem, SOLVED["disk with its value"][1], moving=True))


def test_open_numbers_stay_symbols() -> None:
    problem = read_text(DISK).problem
    c = sp.Dummy("c", real=True)
    stated = claims(problem, {"u": c * (x**2 + y**2)})
    assert any(claim.expression.has(c) for claim in stated)
    assert stated[0].expression == -4 * c - 4


def test_conjugates_go_inside_only_where_that_is_certain() -> None:
    psi = sp.sech(x) * sp.exp(sp.I * t)
    assert conjugated(psi) == sp.sech(x) * sp.exp(-sp.I * t)
    psi = sp.Symbol("psi")
    assert written_out((sp.Abs(psi) ** 2).xreplace({psi: x + sp.I * t})).expand() == x**2 + t**2
    assert written_out(sp.re(sp.conjugate(psi)).xreplace({psi: x + sp.I * t})).expand() == x
    assert conjugated(sp.sqrt(x)).has(sp.conjugate)
    assert conjugated(sp.sqrt(sp.Symbol("p", positive=True))) == sp.sqrt(sp.Symbol("p", positive=True))
