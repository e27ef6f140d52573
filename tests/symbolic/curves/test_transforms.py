"""Transforms: their slopes, their inverses, what they do to noise, and the levels that a field's own equation singles out."""

import numpy as np
import pytest
import sympy as sp
from seen import exact, view

from kanpde.symbolic.curves.shifts import levels
from kanpde.symbolic.curves.transforms import TRANSFORMS, apply, transformed
from kanpde.symbolic.form import Form, compiled
from kanpde.symbolic.sample import ranks

x, t = sp.symbols("x t", real=True)
CENTRAL = {"acosh u": 2.0, "cosh u": 1.0}


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.name)
def test_slope_and_inverse_belong_to_the_transform(transform):
    u = CENTRAL.get(transform.name, 0.4) + np.linspace(-0.1, 0.1, 11)
    h = 1e-5
    quotient = (transform.forward(u + h) - transform.forward(u - h)) / (2 * h)
    np.testing.assert_allclose(transform.slope(u), quotient, rtol=1e-8)
    v = sp.Symbol("v", positive=True)
    back = compiled(transform.inverse(v), [v])(transform.forward(u))
    np.testing.assert_allclose(back, u, rtol=1e-12)


@pytest.mark.parametrize("noise", [1e-8, 1e-10, 1e-12])
def test_noise_goes_through(noise):
    """The stated noise of v is the root mean square of its true error, to a factor."""
    field = 1 / (1 + x**2 + t**2)
    seen = view(field, (x, t), [(-1, 1), (-1, 1)], noise)
    for found in transformed(seen):
        true = next(q for q in TRANSFORMS if q.name == found.name).forward(exact(field, (x, t), found.view.nodes))
        error = np.sqrt(np.mean((found.view.values - true) ** 2))
        assert 0.2 < error / found.view.sigma < 3, found.name


def test_signs_are_taken_care_of():
    """The reciprocal square root of a negative field, and the way back."""
    field = -1 / (2 + x + t) ** 2
    found = next(q for q in transformed(view(field, (x, t), [(0, 1), (0, 1)], 1e-10)) if q.name == "u^(-1/2)")
    assert sp.simplify(found.inverse(Form(2 + x + t)).expression - field) == 0


def test_the_part_with_usable_noise():
    """1/sech^2 drowns in the noise of the tails: the quiet middle is looked at, at its own nodes."""
    field = sp.sech(x - t) ** 2
    seen = view(field, (x, t), [(-8, 8), (0, 1)], 1e-10)
    found = next(q for q in transformed(seen) if q.name == "1/u")
    (axis, _) = found.view.samples.axes
    assert axis.width < 16
    np.testing.assert_allclose(found.view.values, 1 / exact(field, (x, t), found.view.nodes), atol=30 * found.view.sigma)
    assert ranks(found.view.samples, found.view.sigma) == (3, 3)


def test_the_simplest_come_first():
    bits = [found.bits for found in transformed(view(sp.exp(x * t), (x, t), [(0, 1), (0, 1)], 1e-10))]
    assert bits == sorted(bits)
    assert bits[0] == 0


@pytest.mark.parametrize("noise", [1e-8, 1e-10, 1e-12])
@pytest.mark.parametrize(
    ("field", "order", "roots"),
    [
        (sp.Rational(3, 10) - sp.Rational(2, 5) * sp.tanh(2 * x - t), 1, (-0.1, 0.7)),
        (1 / (1 + sp.exp(3 * x - t)), 1, (0, 1)),
        (sp.Rational(3, 10) + 1 / (3 + x - t), 1, (0.3,)),
        (sp.Rational(3, 10) + sp.tan((x - t) / 2) / 2, 1, (0.3 - 0.5j, 0.3 + 0.5j)),
        (sp.Rational(3, 10) + sp.sech(2 * x - t) ** 2, 2, (0.3, 0.3 + 2 / 3)),
    ],
)
def test_levels_of_the_equation_along_a_coordinate(field, order, roots, noise):
    found = list(levels(view(field, (x, t), [(-1, 1), (0, 1)], noise).samples))
    assert found
    for equation in found:
        assert equation.order == order
        np.testing.assert_allclose(equation.roots, roots, atol=max(3 * max(equation.slacks), 1e-12))
        assert max(equation.slacks) < 1e5 * noise


def test_no_levels_where_there_is_no_equation():
    for field in (sp.exp(x) * sp.sin(t), sp.exp(x * t), sp.tanh(x) * t, x * t):
        assert not list(levels(view(field, (x, t), [(0, 1), (0.1, 1)], 1e-10).samples)), field


def test_a_shift_brings_its_levels_as_numbers():
    front = sp.Rational(3, 10) - sp.Rational(2, 5) * sp.tanh(2 * x - t)
    found = next(q for q in transformed(view(front, (x, t), [(-1, 1), (0, 1)], 1e-10)) if q.name == "(u - p)/(u - q)")
    assert ranks(found.view.samples, found.view.sigma) == (1, 1)
    back = found.inverse(Form(x))
    assert sorted(round(n.value, 6) for n in back.numbers) == [-0.1, 0.7]
    zero = next(q for q in transformed(view(1 / (1 + sp.exp(3 * x - t)), (x, t), [(-1, 1), (0, 1)], 1e-10)) if q.name[0] == "(")
    assert len(zero.inverse(Form(x)).numbers) == 1  # the level 0 is exactly 0


def test_what_has_no_usable_part_is_left_out():
    wild = sp.sin(20 * x) * sp.sin(20 * t)
    reciprocal = next(q for q in TRANSFORMS if q.name == "u^(-2)")
    assert apply(view(wild, (x, t), [(0, 3), (0, 3)], 1e-8), reciprocal) is None
