"""Complex fields: waves, states, solitons, packets; both parts are met, with the numbers that the data know."""

from itertools import islice
from time import thread_time

import numpy as np
import pytest
import sympy as sp
from seen import NOISES, exact

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.rungs.complex_fields import complex_forms
from kanpde.symbolic.sample import sample
from kanpde.symbolic.view import View

x, y, t = sp.symbols("x y t", real=True)
R, pi, e, i = sp.Rational, sp.pi, sp.exp, sp.I
UNIT = ((0.0, 1.0), (0.0, 1.0))
LONG = ((-3.0, 3.0), (0.0, 1.0))

FIELDS = {
    # name: (expression, box, most numbers)
    "plane wave": (e(i * (2 * x - 3 * t)), ((0.0, 3.0), (0.0, 1.0)), 3),
    "plane wave with a phase": (R(3, 2) * e(i * (2 * x - 3 * t + R(1, 3))), ((0.0, 3.0), (0.0, 1.0)), 4),
    "state of a well": (sp.sin(pi * x) * e(-i * pi**2 * t / 2), UNIT, 3),
    "two states": (sp.sin(pi * x) * e(-i * pi**2 * t / 2) + sp.sin(2 * pi * x) * e(-2 * i * pi**2 * t) / 2, UNIT, 6),
    "state of an oscillator": ((2 * x**2 - 1) * e(-(x**2) / 2) * e(-5 * i * t / 2), LONG, 5),
    "two states of an oscillator": (e(-(x**2) / 2) * (e(-i * t / 2) + x * e(-3 * i * t / 2)), LONG, 10),
    "bright soliton": (sp.sech(x - t) * e(i * x), LONG, 8),
    "fast soliton in a long interval": (sp.sech(x - 2 * t) * e(i * (2 * x - R(3, 2) * t)), ((-6.0, 6.0), (0.0, 1.0)), 9),
    "dark soliton": (sp.tanh(x) * e(-i * t), LONG, 3),
}


def views(expression, symbols, box, noise):
    """The two parts with white noise, relative to the size of the whole."""

    def part(take, seed):
        def sampler(*nodes):
            values = exact_complex(expression, symbols, nodes)
            size = np.sqrt(np.mean(np.abs(values) ** 2))
            return take(values) + noise * size * np.random.default_rng(seed).standard_normal(values.shape)

        size = np.sqrt(np.mean(np.abs(exact_complex(expression, symbols, [np.linspace(a, b, 30) for a, b in box])) ** 2))
        return View(symbols, sample(sampler, box, noise * size), Budget(20.0, thread_time))

    return part(np.real, 1), part(np.imag, 2)


def exact_complex(expression, symbols, nodes):
    return np.asarray(exact(expression, symbols, nodes), dtype=complex)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", FIELDS)
def test_complex_fields(name, noise):
    expression, box, most = FIELDS[name]
    with np.errstate(all="ignore"):
        real, imaginary = views(expression, (x, t), box, noise)
        form = next(complex_forms(real, imaginary))
    assert len(form.numbers) <= most
    assert {n.symbol for n in form.numbers} == form.expression.free_symbols - {x, t}
    error = exact_complex(form.at_values, (x, t), real.nodes) - exact_complex(expression, (x, t), real.nodes)
    assert np.abs(error).max() < 10 * noise


def test_three_coordinates():
    psi = sp.sin(x) * sp.sin(y) * e(-i * t)
    box = ((0.0, 3.0), (0.0, 3.0), (0.0, 1.0))
    with np.errstate(all="ignore"):
        form = next(complex_forms(*views(psi, (x, y, t), box, 1e-9)))
    nodes = [np.linspace(a, b, 6) for a, b in box]
    assert np.abs(exact_complex(form.at_values, (x, y, t), nodes) - exact_complex(psi, (x, y, t), nodes)).max() < 1e-7


def test_no_form_of_a_field_that_has_none():
    psi = e(i * sp.sin(3 * x + sp.cos(5 * t + x))) / (2 + t * x)
    with np.errstate(all="ignore"):
        for form in islice(complex_forms(*views(psi, (x, t), UNIT, 1e-10)), 3):
            assert len(form.numbers) > 8
