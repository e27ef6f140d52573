"""Fields found as sums of products, under transforms: at three sizes of noise, and nothing where there is none."""

from itertools import islice

import numpy as np
import pytest
import sympy as sp
from seen import NOISES, distance, exact, view

from kanpde.symbolic.curves.weighted import gaussian_basis
from kanpde.symbolic.form import Form, Number, number
from kanpde.symbolic.rungs.phases import phased
from kanpde.symbolic.rungs.products import MOST_NUMBERS, products, transformed_products
from kanpde.symbolic.rungs.spans import unscaled
from kanpde.symbolic.sample import Axis

x, y, z, t = sp.symbols("x y z t", real=True)
R, pi, e, sin, cos = sp.Rational, sp.pi, sp.exp, sp.sin, sp.cos
UNIT = ((0, 1), (0, 1))
SQUARE = ((-1, 1), (-1, 1))
AWAY = ((R(1, 2), 2), (R(1, 2), 2))
LONG = ((-3, 3), (0, 1))
al = R(37, 100)
lam = 10 - sp.sqrt(100 + 4 * pi**2)

FIELDS = {
    # name: (expression, box, most numbers)
    "heat": (e(-(pi**2) * t) * sin(pi * x) + e(-9 * pi**2 * t) * sin(3 * pi * x) / 2, ((0, 1), (0, R(1, 10))), 6),
    "wave": (sin(pi * x) * cos(pi * t) + sin(2 * pi * x) * sin(2 * pi * t) / (2 * pi), UNIT, 6),
    "harmonic polynomial": (x**3 - 3 * x * y**2, SQUARE, 2),
    "exponential and polynomial": (e(x) * (x**2 + y**2), SQUARE, 4),
    "polynomial": (x**4 - x**3 + y**2 / 2 - y, SQUARE, 4),
    "lorentz": (1 / (1 + x**2 + y**2), SQUARE, 3),
    "logarithm": (sp.log(x**2 + y**2), AWAY, 2),
    "distance": (sp.sqrt(x**2 + y**2), AWAY, 2),
    "power": (x**y, AWAY, 1),
    "rational": (x / (1 + t), ((-1, 1), (0, 1)), 2),
    "heat kernel": (e(-(x**2) / (4 * al * t)) / sp.sqrt(4 * pi * al * t), ((-1, 2), (R(1, 2), R(3, 2))), 3),
    "erf": (sp.erf(x / (2 * sp.sqrt(t))), ((R(1, 2), 2), (R(1, 2), R(3, 2))), 2),
    "Barenblatt": (t ** R(-1, 3) * (1 - x**2 / (12 * t ** R(2, 3))), ((-1, 1), (1, 2)), 4),
    "Barenblatt, m = 3": (t ** R(-1, 4) * sp.sqrt(1 - x**2 / (16 * sp.sqrt(t))), ((-1, 1), (1, 2)), 4),
    "KdV soliton": (R(13, 20) * sp.sech(sp.sqrt(R(13, 40)) * (x - R(13, 10) * t)) ** 2, ((-3, 4), (0, 1)), 6),
    "Burgers front": (R(3, 10) - R(2, 5) * sp.tanh((x - R(3, 10) * t) / R(23, 20)), ((-1, 1), (0, 1)), 5),
    "Fisher front": ((1 + e((x - 5 * t / sp.sqrt(6)) / sp.sqrt(6))) ** -2, LONG, 4),
    "Allen-Cahn front": (R(1, 2) - sp.tanh((x - 3 * t / sp.sqrt(2)) / (2 * sp.sqrt(2))) / 2, LONG, 4),
    "sine-Gordon kink": (4 * sp.atan(e((x - R(3, 5) * t) / R(4, 5))), LONG, 3),
    "breather": (4 * sp.atan(R(4, 3) * sin(R(3, 5) * t + R(1, 2)) / sp.cosh(R(4, 5) * x)), ((-2, 2), (0, 1)), 4),
    "Kovasznay": (1 - e(lam * x) * cos(2 * pi * y), ((0, 1), (R(-1, 2), R(1, 2))), 4),
    "oscillator": ((2 * x**2 - 1) * e(-(x**2) / 2) * cos(5 * t / 2), LONG, 4),
    "a pole and a level": (R(3, 10) + 1 / (3 + x - t), ((-1, 1), (0, 1)), 5),
}
THREE = {
    "Taylor-Green": (-(cos(2 * x) + cos(2 * y)) / 4 * e(-4 * al * t), (x, y, t), ((0, 3), (0, 3), (0, 1)), 5),
    "polynomial": (x**4 - x**3 + y**2 / 2 - y + z**2 * x, (x, y, z), ((-1, 1),) * 3, 5),
    "product": (e(t**2) * sin(x) * cos(y), (x, y, t), ((0, 1),) * 3, 4),
    "a factor and a field": (sin(x) / (1 + y**2 + t**2), (x, y, t), ((0, 1),) * 3, 6),
}
UNIVARIATE = {
    "exponential of a sum": (e(sin(pi * x) + y**2), SQUARE, 5),
    "logarithm and line": (sp.log(x + 1) + y, ((0, 2), (0, 2)), 4),
    "a dictionary's function and a line": (x**2 * sp.log(x) + y, AWAY, 3),
    "sines of two charts": (sin(x) + sin(y**2), SQUARE, 4),
    "two functions of the dictionary": (sin(x) * y + sin(x + x**2) * y**2, SQUARE, 6),
    "root and logarithm": (e(-t) * sp.log(1 + x) + t * sp.sqrt(1 + x), UNIT, 6),
}


@pytest.fixture(autouse=True)
def _as_on_the_ladder():
    """Trial values overflow far from the fit: the ladder does not hear of it."""
    with np.errstate(all="ignore"):
        yield


def found(expression, symbols, box, noise, most):
    """Whether one of the first three forms is the function itself, with few numbers."""
    seen = view(expression, symbols, box, noise)
    for form in islice(transformed_products(seen), 3):
        residual = exact(form.at_values, symbols, seen.nodes) - seen.values
        assert np.sqrt(np.mean(residual**2)) <= 3.01 * seen.sigma
        assert {n.symbol for n in form.numbers} == form.expression.free_symbols - set(symbols)
        if len(form.numbers) <= most and distance(form, expression, symbols, box) < 1e4 * noise:
            return True
    return False


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", FIELDS)
def test_fields_in_two_coordinates(name, noise):
    expression, box, most = FIELDS[name]
    assert found(expression, (x, y) if expression.has(y) else (x, t), box, noise, most)


@pytest.mark.parametrize("name", UNIVARIATE)
def test_edges_of_any_kind(name):
    expression, box, most = UNIVARIATE[name]
    assert found(expression, (x, y) if expression.has(y) else (x, t), box, 1e-10, most)


@pytest.mark.parametrize("name", THREE)
def test_fields_in_three_coordinates(name):
    expression, symbols, box, most = THREE[name]
    assert found(expression, symbols, box, 1e-9, most)


def test_one_coordinate_is_left_to_univariate():
    seen = view(2 * e(-3 * x), (x,), ((0, 1),), 1e-10)
    form = next(products(seen))
    assert distance(form, 2 * e(-3 * x), (x,), ((0, 1),)) < 1e-7


HOPELESS = (
    sp.tanh((x - R(3, 10) + t**2) / (R(1, 50) + t / 50)),
    e(sin(3 * x + cos(5 * t + x))) / (2 + t * x),
    sin(x + x**3) * e(t**2 - t**3) + cos(x**2 + x) * sin(sp.sqrt(1 + t + t**3)),
    1 / (3 + x + t + x * t**2 / 4 + sin(x * t)),
)


@pytest.mark.parametrize("field", HOPELESS)
def test_no_formula_where_there_is_none(field):
    """None of these is a short sum of products under a transform: what fits the box within the noise must have many numbers."""
    noise = 1e-9
    seen = view(field, (x, t), UNIT, noise)
    for form in islice(transformed_products(seen), 6):
        assert len(form.numbers) > 8 or distance(form, field, (x, t), UNIT) < 1e4 * noise
        assert len(form.numbers) <= MOST_NUMBERS


def test_white_noise_is_no_field():
    seen = view(sp.Integer(0) * x + 1, (x, t), UNIT, 0.5)
    assert not [form for form in transformed_products(seen) if len(form.numbers) > 1]


def test_a_common_factor_is_taken_out():
    """c f(x) has one scale too many beside the coefficient: a f + b g becomes f + (b/a) g."""
    a, b, k = number(2.0), number(-6.0), number(1.5)
    nodes = Axis(0, 1, 20).nodes
    form = Form(a.symbol * x + b.symbol * sp.exp(k.symbol * x), (a, b, k))
    bare = unscaled(form, x, nodes)
    assert bare is not None
    assert len(bare.numbers) == 2
    ratio = bare.values((x,), (nodes,)) / form.values((x,), (nodes,))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-13)


@pytest.mark.parametrize("power", [-1, sp.Rational(1, 2), -2])
def test_the_factor_inside_a_power_is_taken_out(power):
    a, b = number(3.0), number(5.0)
    nodes = Axis(0, 1, 20).nodes
    form = Form((a.symbol + b.symbol * x**2) ** power, (a, b))
    bare = unscaled(form, x, nodes)
    assert bare is not None
    assert len(bare.numbers) == 1
    ratio = bare.values((x,), (nodes,)) / form.values((x,), (nodes,))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-13)


def test_nothing_is_taken_out_where_nothing_scales():
    k = number(2.0)
    assert unscaled(Form(sp.sin(k.symbol * x), (k,)), x, Axis(0, 1, 20).nodes) is None
    shared = Form(k.symbol * sp.exp(k.symbol * x), (k,))
    assert unscaled(shared, x, Axis(0, 1, 20).nodes) is None


def test_one_wave_for_a_sine_and_a_cosine():
    a, b, k = number(-2.0), number(1.0), number(3.0)
    form = Form((a.symbol * sp.sin(k.symbol * t) + b.symbol * sp.cos(k.symbol * t)) * x, (a, b, k))
    wave = phased(form)
    assert wave is not None
    assert wave.expression.atoms(sp.cos) == set()
    points = (np.linspace(0, 1, 7), np.linspace(0, 2, 7))
    np.testing.assert_allclose(wave.values((x, t), points), form.values((x, t), points), rtol=1e-12)
    assert phased(Form(a.symbol * sp.sin(t), (a,))) is None


@pytest.mark.parametrize("noise", [1e-8, 1e-10, 1e-12])
def test_polynomials_under_a_gaussian(noise):
    axis = Axis(-2.0, 3.0, 64)
    s = axis.nodes
    weight = np.exp(-0.7 * s**2 + 0.4 * s)
    family = np.stack([weight, (8 * s**3 - 12 * s) * weight], 1) @ np.array([[1.0, 2.0], [0.3, -0.1]])
    family += noise * np.random.default_rng(0).standard_normal(family.shape)
    got = gaussian_basis(family, axis, noise)
    assert got is not None
    degree, rates, _ = got
    assert degree == 3
    np.testing.assert_allclose(rates, (-0.7, 0.4), atol=1e4 * noise)
    assert gaussian_basis(np.stack([np.sin(3 * s), np.cos(s**3)], 1), axis, noise) is None


def test_numbers_are_known_to_the_data():
    seen = view(3 * e(-2 * t) * sin(5 * x), (x, t), UNIT, 1e-10)
    values: list[Number] = list(next(transformed_products(seen)).numbers)
    for true in (3, -2, 5):
        nearest = min(values, key=lambda n: abs(n.value - true))
        assert abs(nearest.value - true) <= max(3 * nearest.slack, 1e-12)
        assert nearest.slack < 1e-7
