"""Jumping coefficients: the regions, the equations in them, and what is continuous where they meet."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import shape_from_spec
from kanpde.problem import Problem, read_text, real_form, symbol
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.interfaces import Interface
from kanpde.problem.materials import Materials, materials
from kanpde.problem.types import Residual, normal_component
from kanpde.problem.where import region_masks

X, Y = symbol("x"), symbol("y")


def problem(
    equation: str, where: str = "k: piecewise(x < 0, 1, 10)", find: str = "u(x, y)", domain: str = "x: [-1, 1]\n  y: [-1, 1]"
) -> Problem:
    time = "t: " in domain
    fields = [name.split("(")[0] for name in find.split("), ")]
    text = f"find: {find}\ndomain:\n  {domain}\nequations: {equation}\nwhere:\n  {where}\nboundary: {fields[0]} = 0\n"
    if time:
        text += f"initial: {', '.join(f'{f} = 0' for f in fields)}\n"
    return real_form(read_text(text).problem)


def of(*words: str, **more: str) -> Materials:
    found = materials(problem(*words, **more))
    assert found is not None
    return found


def continuous(*words: str, **more: str) -> list[str]:
    return [str(sp.sympify(tie.expression, strict=True)) for tie in of(*words, **more).ties]


DISK = "x: [-1, 1]\n  y: [-1, 1]\n  core: disk([0, 0], 1/2)"
IN_CORE = "k: piecewise(inside(core), 10, 1)"


def test_each_region_has_its_branch() -> None:
    found = of("-div(k*grad(u)) = abs(x)*sign(x)")
    assert [str(r.equations[0].expression) for r in found.regions] == ["-u_xx - u_yy - x", "-10*u_xx - 10*u_yy - x"]
    assert [str(r.predicate) for r in found.regions] == ["x < 0", "x >= 0"]
    points = np.array([[-0.5, 0.3], [0.5, 0.3]])
    assert found.number(points).tolist() == [0, 1]
    assert [shape_from_spec(r.spec).contains(points).tolist() for r in found.regions] == [[True, False], [False, True]]
    initial = Residual(symbol("u") - sp.Piecewise((X, X < 0), (Y, True)), {symbol("u"): ("u", (0, 0))}, "")
    assert [r.resolve(initial).expression for r in found.regions] == [symbol("u") - X, symbol("u") - Y]


def test_switches_of_one_coordinate_are_numbers() -> None:
    found = of("-div(k*grad(u)) = 1", "k: piecewise(x^2 < 1/4, 10, cos(pi*y) > 0, 2, 1)")
    x = np.array([[-0.7, 0.7], [-0.7, 0.1], [-0.7, -0.7], [0, 0], [0, 0.9], [0.7, 0.7], [0.7, 0.1], [0.7, -0.7]])
    numbers = found.number(x)
    assert numbers[3] == numbers[4]
    assert len({*numbers.tolist()}) == len(found.regions) == 7
    assert [str(found.regions[n].equations[0].expression) for n in numbers[[0, 1, 3]]] == [
        "-u_xx - u_yy - 1",
        "-2*u_xx - 2*u_yy - 1",
        "-10*u_xx - 10*u_yy - 1",
    ]
    assert sum(float(i.weight.sum()) for i in found.interfaces(0.1)) == pytest.approx(4 + 2, rel=1e-12)
    wave = of("u_t = d(k*u_x, x)", "k: piecewise(cos(pi*x) > 0, 1, 2)", find="u(x, t)", domain="x: [-1, 1]\n  t: [0, 1]")
    assert [float(i.x[0, 0]) for i in wave.interfaces(0.1)] == pytest.approx([-0.5, 0.5], abs=1e-15)


def test_a_source_that_jumps_on_any_curve_stays_as_it_is() -> None:
    assert materials(problem("-lap(u) = piecewise(sin(x) < y, 1, 2)")) is None
    assert len(of("-lap(u) = piecewise(x < y, 1, 2)").regions) == 2


@pytest.mark.parametrize(
    "equation", ["-lap(u) = 1", "-lap(u) = abs(x + 2)", "-lap(u) = piecewise(x < 3, 1, 2)", "abs(u) + u_x = lap(u)"]
)
def test_nothing_jumps(equation: str) -> None:
    assert materials(problem(equation)) is None


def test_regions_where_several_things_jump() -> None:
    found = of("-div(k*grad(u)) = 1", "k: piecewise(inside(core), 10, x < 0, 2, 1)", domain=DISK)
    x = np.array([[0.1, 0], [-0.1, 0], [-0.9, 0], [0.9, 0], [0.4, 0.4]])
    assert found.number(x).tolist() == [0, 0, 1, 2, 2]
    assert [(i.first, i.second) for i in found.interfaces(0.1)] == [(0, 1), (0, 2), (1, 2)]
    assert [float(i.weight.sum()) for i in found.interfaces(0.1)] == pytest.approx([math.pi / 2, math.pi / 2, 1], rel=1e-12)
    assert len(found.specs) == 2


def test_equal_neighbours_are_one_region_and_equal_strangers_are_two() -> None:
    assert len(of("-div(k*grad(u)) = 1", "k: piecewise(x < 0 and y < 0, 5, 1)").regions) == 2
    strips = of("-div(k*grad(u)) = 1", "k: piecewise(-0.3 < x < 0.3, 5, 1)")
    assert strips.number(np.array([[-0.5, 0], [0, 0], [0.5, 0]])).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("equation", "wanted"),
    [
        ("-div(k*grad(u)) = 1", ["u", "-n.x*k*u_x - n.y*k*u_y"]),
        ("k*lap(u) = 1", ["u", "n.x*u_x + n.y*u_y"]),
        ("k*u_xx + k*u_yy = 1", ["u", "n.x*u_x + n.y*u_y"]),
        ("k*u_xx + u_yy = 1", ["u", "n.x*u_x + n.y*u_y"]),
        ("d(k*u_x, x) + u_yy + u*u_x = 1", ["u", "n.x*k*u_x + n.y*u_y"]),
        ("d(k*u_x + u*u_x, x) = 2*u_yy", ["u", "n.x*u_x*u + n.x*k*u_x - 2*n.y*u_y"]),
        ("div(k*grad(u))/k + k*dot(grad(u), grad(u)) = 1", ["u", "n.x*k*u_x + n.y*k*u_y"]),
        ("-lap(u) + u_x = k", ["u", "-n.x*u_x - n.y*u_y"]),
        ("lap(lap(u)) = k", ["u", "u_n", "u_nn", "u_nnn"]),
    ],
)
def test_what_is_continuous(equation: str, wanted: list[str]) -> None:
    ties = of(equation).ties
    if "u_n" in wanted:
        assert [tie.text for tie in ties] == wanted
        return
    names = {name: symbol(name) for name in ("u", "u_x", "u_y")} | {"k": sp.Piecewise((1, X < 0), (10, True))}
    normal = {"n.x": "n_x", "n.y": "n_y"}
    for tie, text in zip(ties, wanted, strict=True):
        for old, new in normal.items():
            text = text.replace(old, new)
        expected = sp.parse_expr(text, names | {"n_x": normal_component("x"), "n_y": normal_component("y")})
        assert sp.expand(tie.expression - expected) == 0


def test_a_flow_of_two_fluids_has_continuous_velocity_and_traction() -> None:
    find = "u(x, y), v(x, y), p(x, y)"
    equations = "div(k*grad(u)) = p_x, div(k*grad(v)) = p_y, u_x + v_y = 0"
    assert [tie.text for tie in of(equations, find=find).ties] == ["u", "v", "div(k*grad(u)) = p_x", "div(k*grad(v)) = p_y"]
    assert any("p" in {name for name, _ in tie.jets.values()} for tie in of(equations, find=find).ties)


def test_abbreviations_and_time() -> None:
    found = of("u_t = q_x", "k: piecewise(x < 1/3, 1, 10)\n  q: k*u_x", find="u(x, t)", domain="x: [-1, 1]\n  t: [0, 1]")
    (interface,) = found.interfaces(0.1)
    assert (interface.x.tolist(), interface.normal.tolist()) == ([[1 / 3]], [[1.0]])
    first, second = interface.ties[1]
    assert second.expression == 10 * first.expression == -10 * normal_component("x") * symbol("u_x")


def test_complex_fields() -> None:
    find, domain = "psi(x, t) complex", "x: [-1, 1]\n  t: [0, 1]"
    found = of("i*psi_t + psi_xx/2 - k*psi = 0", find=find, domain=domain)
    assert {name for tie in found.ties for name, _ in tie.jets.values()} == {"psi_re", "psi_im"}
    assert len(found.ties) == 4


def values(residual: Residual, formula: sp.Expr, at: Interface) -> np.ndarray:
    expression = residual.evaluate({"u": formula}, ("x", "y"))
    arguments = [X, Y, normal_component("x"), normal_component("y")]
    (value,) = Program([expression], arguments)(NUMPY, [*at.x.T, *at.normal.T])
    return np.broadcast_to(value, len(at.x))


@pytest.mark.parametrize("factor", [1, 1.001])
def test_a_solution_satisfies_the_ties_and_a_perturbed_one_does_not(factor: float) -> None:
    """k grad u is 2 (x, y) on both sides of the circle, so that u = (r^2 - 1/4)/k solves div(k*grad(u)) = 4."""
    found = of("div(k*grad(u)) = 4", IN_CORE, domain=DISK)
    square = X**2 + Y**2 - sp.Rational(1, 4)
    formulas: Sequence[sp.Expr] = (factor * square / 10, square)
    for region, formula in zip(found.regions, formulas, strict=True):
        assert sp.simplify(region.equations[0].evaluate({"u": formula}, ("x", "y"))) == pytest.approx(
            4 * (factor - 1) * (formula != square)
        )
    (interface,) = found.interfaces(0.1)
    jumps = [np.abs(values(a, formulas[0], interface) - values(b, formulas[1], interface)).max() for a, b in interface.ties]
    assert jumps[0] < 1e-14
    assert jumps[1] == pytest.approx(factor - 1, abs=1e-13)


@pytest.mark.parametrize(
    ("equation", "where", "domain", "said"),
    [
        ("div(k*grad(u)) = 1", "k: piecewise(sin(x) < y, 1, 2)", "x: [-1, 1]\n  y: [-1, 1]", "a line, a circle"),
        ("lap(k*lap(u)) = 1", "k: piecewise(x < 0, 1, 2)", "x: [-1, 1]\n  y: [-1, 1]", "equation of order 4"),
        ("lap(k*u) = 1", "k: piecewise(x < 0, 1, 2)", "x: [-1, 1]\n  y: [-1, 1]", "differentiated twice"),
        ("k*div(k*grad(u)) + u_xx = 1", "k: piecewise(x < 0, 1, 2)", "x: [-1, 1]\n  y: [-1, 1]", "is not clear"),
    ],
)
def test_what_no_rule_is_known_for(equation: str, where: str, domain: str, said: str) -> None:
    with pytest.raises(UnsupportedProblem, match=said):
        materials(problem(equation, where, domain=domain))


def test_a_jump_at_the_seam_of_a_periodic_coordinate() -> None:
    text = "find: u(x, t)\ndomain:\n  x: [-1, 1]\n  t: [0, 1]\nequation: u_t = d(k*u_x, x)\nwhere:\n  k: piecewise({k}, 1, 2)\n"
    text += "boundary:\n  x: periodic\ninitial: u = 0\n"
    with pytest.raises(UnsupportedProblem, match="both ends of the periodic coordinate x"):
        materials(read_text(text.replace("{k}", "x < 0")).problem)
    assert materials(read_text(text.replace("{k}", "-1/2 < x < 1/2")).problem)


CONDITIONS = (
    "x < 0",
    "y < 1/3",
    "x > 0.2 and y > 0",
    "inside(a)",
    "inside(b)",
    "x + y < 0.5",
    "x^2 + y^2 < 0.3",
    "not (x < 0 or y < 0)",
    "-1/2 < x < 1/2",
    "x^2/0.5 + y^2/0.2 < 1",
)
NAMED = "x: [-1, 1]\n  y: [-1, 1]\n  a: disk([0.2, 0.1], 0.4)\n  b: polygon([-0.8, -0.8], [0.1, -0.5], [-0.3, 0.6])"


@pytest.mark.parametrize("seed", range(12))
def test_regions_agree_with_the_coefficient_and_interfaces_with_the_regions(seed: int) -> None:
    generator = np.random.default_rng(seed)
    cases = [f"{CONDITIONS[i]}, {generator.integers(2, 5)}" for i in generator.permutation(len(CONDITIONS))[: 1 + seed % 3]]
    read = problem("div(k*grad(u)) = 1", f"k: piecewise({', '.join(cases)}, 7)", domain=NAMED)
    found = materials(read)
    assert found is not None
    x = generator.uniform(-1, 1, (1000, 2))
    slope = read.equations[0].partials["u", (2, 0)]
    masks = region_masks(slope, read.domain, x)
    (k,) = Program([slope], [X, Y, *masks])(NUMPY, [*x.T, *masks.values()])
    own = np.array([float(region.equations[0].partials["u", (2, 0)]) for region in found.regions])
    number = found.number(x)
    np.testing.assert_array_equal(own[number], k)
    claimed = np.array([shape_from_spec(spec).contains(x) for spec in found.specs])
    np.testing.assert_array_equal(np.where(claimed.any(0), claimed.argmax(0), len(found.specs)), number)
    for interface in found.interfaces(0.1):
        step = 1e-5 * interface.normal
        assert (found.number(interface.x - step) == interface.first).all()
        assert (found.number(interface.x + step) == interface.second).all()
