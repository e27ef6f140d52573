"""The exact solution that the file itself gives, evaluated: the best judge where there is one."""

from __future__ import annotations

import time

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.types import Problem, symbol
from kanpde.reference.pointwise import Function
from kanpde.reference.types import FLOOR, Reference, Values


def exact(problem: Problem, seconds: float = 120.0) -> Reference:
    """The formula of ``exact`` as a reference, with gradients by symbolic differentiation.

    Its error is round-off alone: ``FLOOR``, which holds for formulas that do not cancel.
    """
    start = time.perf_counter()
    if not problem.exact:
        raise UnsupportedProblem("the problem gives no 'exact' to compare with")
    names = [f.name for f in problem.fields if f.name in problem.exact]
    values = {name: Function(problem, problem.exact[name]) for name in names}
    slopes: dict[str, list[Function]] | None
    try:
        slopes = {n: [Function(problem, sp.diff(problem.exact[n], symbol(c))) for c in problem.coordinates] for n in names}
    except UnsupportedProblem:  # a formula such as max(...) may have a derivative that numpy cannot evaluate
        slopes = None

    def evaluate(points: np.ndarray) -> Values:  # (N, d) -> (N,)
        return {name: f(list(points.T)) for name, f in values.items()}

    def gradients(points: np.ndarray) -> Values:  # (N, d) -> (N, d)
        assert slopes is not None
        return {name: np.stack([f(list(points.T)) for f in fs], axis=1) for name, fs in slopes.items()}

    return Reference("exact", FLOOR, time.perf_counter() - start, evaluate, gradients if slopes else None, "formula of the file")
