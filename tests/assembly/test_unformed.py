"""Steps in three coordinates by rows that are not formed: a transpose, and the same step as by rows that are."""

import pytest
import torch

from kanpde.assembly import Lifted, LiftedSpace, RowBuilder
from kanpde.assembly import lifted as systems
from kanpde.assembly.unformed import _Unformed, solve_unformed
from kanpde.problem import read_text

CASES = {
    "box": """
find: u(x, y, z)
domain: {x: [0, 1], y: [0, 2], z: [0, 1]}
equation: -lap(u) + u_x + (1 + x*z/4)*u = f
where: {s: exp(x)*cos(y + z), f: -lap(s) + s_x + (1 + x*z/4)*s}
boundary:
  x = 1: u_n + 2*u = 3*s
  z = 0: u_n = exp(x)*sin(y)
  elsewhere: u = s
""",
    "two fields": """
find: u(x, y, t), v(x, y, t)
domain: {x: [0, 1], y: [0, 1], t: [0, 1]}
equations:
  first: u_t = lap(u) - v + f
  second: v_t = lap(v)/2 + u + g
where:
  p: exp(-t)*cos(pi*x)*cos(pi*y)
  q: cos(x + y + t)
  f: p_t - lap(p) + q
  g: q_t - lap(q)/2 - p
initial: u = p, v = q
boundary: u_n = 0, v = q
""",
    "periodic": """
find: u(x, y, t), v(x, y, t), p(x, y, t)
domain: {x: [0, 1], y: [0, 2], t: [0, 1]}
equations:
  first: u_t + sin(2*pi*x)*u_y = -p_x + lap(u)
  second: v_t + u_x = -p_y + lap(v)
  third: u_x + v_y = 0
initial: u = sin(pi*y), v = cos(2*pi*x)
boundary:
  x: periodic
  y: periodic
constraints:
  level: p(0, 0, t) = t
""",
}


def linearised(name, size=6):
    problem = read_text(f"title: {name}\n{CASES[name]}").problem
    builder = RowBuilder(problem, 0, torch.device("cpu"), torch.float64)
    sizes = [size + 1 if builder.periodic(axis) else size for axis in builder.others]
    across = tuple(builder.across(axis, None, n) for axis, n in zip(builder.others, sizes, strict=True))
    periodic = builder.periodic(0)
    breaks = torch.linspace(0, 1, 2 if periodic else 4, dtype=torch.float64)
    space = LiftedSpace(breaks, 6 if periodic else 7, 0, across, len(problem.fields), periodic)
    system = builder.system(space, extra=4)
    return system, system.linearise(breaks.new_zeros(space.functions, space.block))


@pytest.mark.parametrize("name", CASES)
def test_the_transpose_is_one(name):
    system, here = linearised(name)
    rows = _Unformed(system, here._parts)
    generator = torch.Generator().manual_seed(1)
    p = torch.randn(system.space.functions * system.space.block, generator=generator, dtype=torch.float64)
    image = rows.forward(p)
    others = [torch.randn(row.shape, generator=generator, dtype=torch.float64) for row in image]
    left = sum(float((a * b).sum()) for a, b in zip(image, others, strict=True))
    assert left == pytest.approx(float(p @ rows.backward(others)), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_step_is_that_of_rows_that_are_formed(name, monkeypatch):
    """Up to the weight of the conditions: they are met first where there is fast diagonalisation."""
    system, here = linearised(name, 8)
    direct = here._direct(0.0)
    assert "Cholesky" in system.solver
    free = solve_unformed(system, here._parts, 0.0, 1e-13)
    assert free is not None
    assert int(system.solver.split()[-2]) <= 60
    costs = [system.linearise(p).cost for p in (direct, free)]
    assert costs[1] <= 3 * costs[0] + 1e-12 * here.cost
    x = torch.linspace(0, 1, 9, dtype=torch.float64)
    ys = [across.levels(9, x) for across in system.space.across]
    for field in range(system.space.fields):
        one, two = (Lifted(system.space, p)(x, ys, field=field) for p in (direct, free))
        assert float((one - two).norm()) < 3 * costs[0] + 1e-9 * float(one.norm())
    monkeypatch.setattr(systems, "VAST", 0)
    assert torch.equal(here.step(), free)
    assert "CGLS preconditioned" in system.solver


def test_a_condition_that_varies_or_mixes_fields_is_left_to_rows_that_are_formed():
    text = CASES["box"].replace("u_n + 2*u = 3*s", "u_n + (1 + y)*u = (2 + y)*s")
    problem = read_text(f"title: varying\n{text}").problem
    builder = RowBuilder(problem, 0, torch.device("cpu"), torch.float64)
    across = tuple(builder.across(axis, None, 4) for axis in builder.others)
    space = LiftedSpace(torch.linspace(0, 1, 3, dtype=torch.float64), 5, 0, across)
    system = builder.system(space, extra=2)
    here = system.linearise(space.breaks.new_zeros(space.functions, space.block))
    assert solve_unformed(system, here._parts, 0.0, 1e-13) is None
