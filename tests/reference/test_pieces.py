"""Piecewise Chebyshev series: derivatives, joints and divisions are exact, and kinks are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.reference.pieces import Pieces, chebyshev_table, resolve

BREAKS = np.array([-1.0, -0.5, -0.25, 1.0])


@given(st.integers(2, 20), st.integers(0, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_table_is_the_derivative(degree: int, order: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coefficients, xi = rng.standard_normal(degree + 1), rng.uniform(-1, 1, 7)
    expected = np.polynomial.Chebyshev(coefficients).deriv(order)(xi) if order else np.polynomial.Chebyshev(coefficients)(xi)
    assert np.abs(chebyshev_table(xi, degree, order) @ coefficients - expected).max() <= 1e-11 * degree ** (2 * order + 1)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_derivatives_of_a_cubic_and_more(order: int) -> None:
    pieces = Pieces(BREAKS, 6)
    p = np.polynomial.Polynomial([1.0, -2.0, 0.5, 3.0, 0.0, 1.0, 2.0])
    coefficients = pieces.sample(p).ravel()
    derived = p.deriv(order) if order else p
    x = pieces.gauss(5)
    assert np.abs(pieces.at_gauss(5, order) @ coefficients - derived(x)).max() < 1e-13 * 10 ** (1.5 * order)
    for side, x_end in ((-1, -1.0), (1, 1.0)):
        assert abs((pieces.at_end(side, order) @ coefficients)[0] - derived(x_end)) < 1e-13 * 10 ** (1.5 * order)


def test_joints_vanish_on_smooth_functions_and_only_on_them() -> None:
    pieces = Pieces(BREAKS, 12)
    smooth = pieces.sample(lambda x: np.sin(2 * x)).ravel()
    bent = pieces.sample(lambda x: np.abs(x + 0.25)).ravel()
    assert np.abs(pieces.continuity(3, False) @ smooth).max() < 1e-9
    jumps = np.abs(pieces.continuity(2, False) @ bent)
    assert jumps[:3].max() < 1e-12
    assert jumps[3] > 0.1
    circle = pieces.sample(lambda x: np.cos(np.pi * x)).ravel()
    assert np.abs(pieces.continuity(3, True) @ circle).max() < 1e-6


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
@settings(max_examples=20, deadline=None)
def test_division_leaves_the_function_unchanged(seed: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = Pieces(BREAKS, 9)
    coefficients = rng.standard_normal((3, 10))
    finer = pieces.divided(np.array([True, False, True]), parts)
    assert finer.count == 1 + 2 * parts
    moved = pieces.transfer(coefficients, finer)
    x = rng.uniform(-1, 1, 50)

    def value(on: Pieces, c: np.ndarray) -> np.ndarray:
        piece, xi = on.locate(x)
        return (chebyshev_table(xi, on.degree) * c[piece]).sum(axis=1)

    assert np.abs(value(pieces, coefficients) - value(finer, moved)).max() < 1e-12


def test_resolve_goes_to_the_kink_and_stops() -> None:
    pieces = resolve(lambda x: np.abs(x - 0.3), Pieces(np.array([-1.0, 1.0]), 12), 1e-10, deepest=1e-4)
    smallest = pieces.half.argmin()
    assert pieces.breaks[smallest] <= 0.3 + 1e-3
    assert pieces.breaks[smallest + 1] >= 0.3 - 1e-3
    assert 0.5e-4 < pieces.half.min() / 2 < 2e-4
    assert resolve(np.sin, Pieces(np.array([-1.0, 1.0]), 16), 1e-12).count == 1
