"""Functions that the problem itself names: sources and boundary values are often made of what the solution is made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.form import Array, Form, number
from kanpde.symbolic.view import ACCEPT, View


def named_functions(problem: Problem) -> tuple[sp.Expr, ...]:
    """Functions of the coordinates that the problem itself names: sources, initial and boundary values, and their parts."""
    coordinates = {symbol(name) for name in problem.coordinates}
    found: dict[sp.Expr, None] = {}
    for residual in [*problem.equations, *(r for c in problem.conditions for r in c.residuals)]:
        jets = set(residual.jets)
        rest = sp.Add(*(term for term in sp.Add.make_args(sp.expand(residual.expression)) if not term.free_symbols & jets))
        for e in (rest, *sp.Add.make_args(rest), *sorted(rest.atoms(sp.Function), key=str)):
            if e.free_symbols & coordinates:
                found[problem.with_values(e)] = None
    return tuple(found)


def named_forms(view: View) -> Iterator[Form]:
    """A multiple of one or two of the problem's own functions, with a constant beside them."""
    grid = np.meshgrid(*view.nodes, indexing="ij")
    columns: list[tuple[sp.Expr, Array]] = []
    for e in view.harvested:
        values = Form(e).values(view.symbols, grid).ravel()
        if np.isfinite(values).all() and np.ptp(values) > 0:
            columns.append((e, values))
    target = view.values.ravel()
    allowed = ACCEPT * view.sigma * np.sqrt(target.size)
    one = np.ones_like(target)
    for i, (e, a) in enumerate(columns):
        for f, b in ((sp.Integer(0), None), (sp.Integer(1), one), *columns[i + 1 :]):
            matrix = a[:, None] if b is None else np.stack([a, b], 1)
            c, *_ = np.linalg.lstsq(matrix, target, rcond=None)
            if np.linalg.norm(matrix @ c - target) <= allowed:
                numbers = [number(float(v), allowed / np.linalg.norm(column)) for v, column in zip(c, matrix.T, strict=True)]
                expression = sp.Add(*(n.symbol * g for n, g in zip(numbers, (e, f), strict=False)))
                yield Form(expression, tuple(numbers), "functions that the problem names")
