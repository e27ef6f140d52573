"""Formulas of systems: the fields are searched one by one, and proved together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

from kanpde.problem import Problem, read_text, symbol
from kanpde.symbolic import find_in_samples

pi, sin, cos, exp = np.pi, np.sin, np.cos, np.exp
LONG = 300.0
"""Seconds by the clock: what can be found is found in two, and a busy machine has its time."""

WAVE = """find: u(x, t), v(x, t)
domain: {x: [0, 1], t: [0, 1]}
equations: u_t = c*v_x, v_t = c*u_x
where: {c: 1/2}
initial: u = sin(pi*x), v = 0
boundary: u = 0
"""
STOKES = """find: u(x, y), v(x, y), p(x, y)
domain: {x: [0, 1], y: [0, 1]}
equations:
  - lap(u) = p_x - (2*pi^2 - 1/3)*sin(pi*x)*cos(pi*y)
  - lap(v) = p_y + (2*pi^2 + 1/3)*cos(pi*x)*sin(pi*y)
  - u_x + v_y = 0
boundary: u = sin(pi*x)*cos(pi*y), v = -cos(pi*x)*sin(pi*y)
constraints: {level: "p(0, 0) = 1/(3*pi)"}
"""


def samplers(functions: dict[str, Callable[..., Any]], noise: float = 1e-11) -> dict[str, Any]:
    def of(function: Callable[..., Any], seed: int) -> Callable[..., Any]:
        def sampler(*nodes: Any) -> Any:
            values = function(*np.meshgrid(*nodes, indexing="ij"))
            size = np.sqrt(np.mean(values**2))
            return values + noise * size * np.random.default_rng(seed).standard_normal(values.shape)

        return sampler

    return {name: of(function, seed) for seed, (name, function) in enumerate(functions.items())}


def test_a_wave_as_a_system_keeps_its_letter() -> None:
    problem: Problem = read_text(WAVE).problem
    fields = {"u": lambda x, t: sin(pi * x) * cos(pi * t / 2), "v": lambda x, t: cos(pi * x) * sin(pi * t / 2)}
    formula = find_in_samples(problem, samplers(fields), 1e-11, LONG)
    x, t, c = symbol("x"), symbol("t"), symbol("c")
    assert formula.status == "proved", formula.transcript
    assert sp.expand(formula.expressions["u"] - sp.sin(sp.pi * x) * sp.cos(sp.pi * c * t)) == 0
    assert sp.expand(formula.expressions["v"] - sp.cos(sp.pi * x) * sp.sin(sp.pi * c * t)) == 0


def test_a_flow_and_its_pressure_whose_level_a_point_fixes() -> None:
    problem: Problem = read_text(STOKES).problem
    fields = {
        "u": lambda x, y: sin(pi * x) * cos(pi * y),
        "v": lambda x, y: -cos(pi * x) * sin(pi * y),
        "p": lambda x, y: cos(pi * x) * cos(pi * y) / (3 * pi),
    }
    formula = find_in_samples(problem, samplers(fields), 1e-11, LONG)
    x, y = symbol("x"), symbol("y")
    assert formula.status == "proved", formula.transcript
    assert sp.simplify(formula.expressions["p"] - sp.cos(sp.pi * x) * sp.cos(sp.pi * y) / (3 * sp.pi)) == 0
    assert any("constraint" in line for line in formula.transcript)


def test_one_field_without_a_formula_leaves_the_system_without_one() -> None:
    problem: Problem = read_text(WAVE).problem
    fields = {"u": lambda x, t: sin(pi * x) * cos(pi * t / 2), "v": lambda x, t: 1 / (1.1 + sin(7 * x * t))}
    formula = find_in_samples(problem, samplers(fields), 1e-11, seconds=3.0)
    assert formula.status == "not found"
    assert any("v" in line for line in formula.transcript)


@pytest.mark.parametrize("wrong", ["u", "v"])
def test_a_wrong_field_is_not_proved(wrong: str) -> None:
    problem: Problem = read_text(WAVE).problem
    fields = {"u": lambda x, t: sin(pi * x) * cos(pi * t / 2), "v": lambda x, t: cos(pi * x) * sin(pi * t / 2)}
    fields[wrong] = lambda x, t: sin(pi * x) * sin(pi * t / 2)
    assert find_in_samples(problem, samplers(fields), 1e-11, seconds=3.0).status == "not found"
