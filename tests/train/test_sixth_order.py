"""Equations of order six, in one coordinate and in two; the degree follows from the order."""

from __future__ import annotations

import pytest

import kanpde
from kanpde.problem import read_text
from kanpde.reference import compare, exact

LINE = """title: order six on a line
find: u(x)
domain: {x: [0, 1]}
equation: u_xxxxxx = -pi^6*sin(pi*x)
boundary: u = 0, d(u, x, x) = 0, d(u, x, x, x, x) = 0
exact: u = sin(pi*x)
"""
SQUARE = """title: order six in a square
find: u(x, y)
domain: {x: [0, 1], y: [0, 1]}
equation: lap(lap(lap(u))) = -8*pi^6*sin(pi*x)*sin(pi*y)
boundary: u = 0, lap(u) = 0, lap(lap(u)) = 0
exact: u = sin(pi*x)*sin(pi*y)
"""


@pytest.mark.parametrize("text", [LINE, SQUARE], ids=["line", "square"])
def test_order_six_is_solved_with_splines_of_degree_eleven(text: str) -> None:
    problem = read_text(text).problem
    assert problem.remarks == ()
    solution = kanpde.solve(problem, tolerance=1e-8, reference="none", symbolic="none", progress=False)
    assert solution.converged
    judged = compare(solution.values, solution.gradients, problem, exact(problem), 0)
    assert judged.fields["u"].l2 < 3e-8
    assert all(factor.degree >= 11 for factor in solution.network.factors)
