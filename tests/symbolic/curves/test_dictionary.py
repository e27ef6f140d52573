"""Pairs and triples of atoms by their Gram matrix, constants that become numbers again, and atoms that the problem names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

from kanpde.symbolic.curves import atoms, dictionary
from kanpde.symbolic.curves.fit import Curve
from kanpde.symbolic.form import compiled
from kanpde.symbolic.sample import Axis

X = sp.Symbol("x", real=True)


def curve(f: Callable[[Any], Any], bounds: tuple[float, float] = (0, 1), noise: float = 1e-10) -> Curve:
    axis = Axis(*bounds, 120)
    return Curve(X, axis, f(axis.nodes) + noise * np.random.default_rng(1).standard_normal(120), noise)


def test_every_atom_is_its_expression() -> None:
    x = np.array([0.31, 0.77, 1.21])
    some = atoms.table()[::7]
    numeric = atoms.values(some, x)
    for column, atom in enumerate(some):
        guesses: dict[sp.Dummy, float] = {}
        opened = atom.expression(X, guesses)
        with np.errstate(all="ignore"):
            exact = compiled(atom.expression(X, None), (X,))(x)
            again = compiled(opened, (X, *guesses))(x, *guesses.values())
        if np.isfinite(numeric[:, column]).all():
            np.testing.assert_allclose(numeric[:, column], exact, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(numeric[:, column], again, rtol=1e-12, atol=1e-12)


def test_the_pair_formula_is_the_least_squares_residual() -> None:
    generator = np.random.default_rng(0)
    columns = generator.standard_normal((40, 9))
    columns /= np.linalg.norm(columns, axis=0)
    y = columns @ generator.standard_normal(9) * 0.001 + 0.8 * columns[:, 2] - 0.5 * columns[:, 7]
    y /= np.linalg.norm(y)
    found = dictionary._pairs(columns, columns.T @ y)
    assert found[0] == [2, 7]
    left = [dictionary._left(columns[:, pair], y) for pair in found]
    assert left == sorted(left)


def test_a_triple_is_found_among_all() -> None:
    generator = np.random.default_rng(2)
    columns = generator.standard_normal((60, 30))
    columns /= np.linalg.norm(columns, axis=0)
    y = columns[:, 3] - 0.4 * columns[:, 11] + 0.7 * columns[:, 29]
    y /= np.linalg.norm(y)
    assert dictionary._triples(columns, columns.T @ y)[0] == [3, 11, 29]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.sin(x) + np.sin(x + x**2), sp.sin(X) + sp.sin(X + X**2)),
        (lambda x: np.sin(x**2) * np.cos(x) - 1, sp.sin(X**2) * sp.cos(X) - 1),
        (lambda x: np.log(x + 1) + np.log(x**2 + 1), sp.log(X + 1) + sp.log(X**2 + 1)),
        (lambda x: np.exp(x) * np.sin(x**2) + 3 * x, sp.exp(X) * sp.sin(X**2) + 3 * X),
        (lambda x: np.sin(x) + np.cos(x**2) - np.exp(-(x**2)), sp.sin(X) + sp.cos(X**2) - sp.exp(-(X**2))),
    ],
)
def test_sums_are_found_and_their_constants_are_numbers_again(f: Callable[[Any], Any], expected: sp.Expr) -> None:
    form = next(dictionary.combined(curve(f)))
    rounded = form.expression.xreplace({n.symbol: sp.Integer(round(n.value)) for n in form.numbers})
    assert sp.expand(rounded - expected) == 0
    assert all(abs(n.value - round(n.value)) <= 3 * n.slack for n in form.numbers)


def test_constants_that_are_not_simple_are_refined() -> None:
    form = next(dictionary.combined(curve(lambda x: np.exp(1.0000003 * x) * np.sin(x**2), noise=1e-12)))
    assert any(abs(n.value - 1.0000003) <= 3 * n.slack < 1e-7 for n in form.numbers)


def test_functions_that_the_problem_names_are_atoms() -> None:
    source = 7 * sp.sin(sp.exp(X) * X) + sp.exp(3 * X)
    named = [atom.named for atom in atoms.named([source], X)]
    assert sp.sin(sp.exp(X) * X) in named
    found = list(dictionary.combined(curve(lambda x: 2 * np.sin(np.exp(x) * x) + x), [source]))
    assert found
    assert found[0].expression.has(sp.sin(sp.exp(X) * X))
    assert list(dictionary.combined(curve(lambda x: 2 * np.sin(np.exp(x) * x) + x))) == []
