"""Closed forms near corners and around holes: they satisfy their equations inside and their conditions on both sides."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from kanpde.assembly.corner_functions import (
    Wedge,
    around_inner,
    clamped,
    clamped_exponents,
    companions,
    driven,
    flow,
    flow_poles,
    harmonic,
    poles,
    stream,
)
from kanpde.assembly.singular import Frame, _terms

CENTRE = (0.3, -0.2)
SCALE = 1.3
NU = 0.07
ANGLES = (0.5 * math.pi, 1.5 * math.pi, 2.0, 1.1, 1.9 * math.pi)
VALUE, X, Y, XX, YY = (0, 0), (1, 0), (0, 1), (2, 0), (0, 2)


def terms(functions, direction=0.0, fields=("u",)):
    """Terms of all functions about one centre."""
    frame = Frame(CENTRE, direction, SCALE)
    return _terms([((frame, f if isinstance(f, dict) else {"u": f}),) for f in functions], fields)


def points(angles, seed=0):
    """Points at given angles and random distances from the centre."""
    r = np.random.default_rng(seed).uniform(0.05, 1, len(angles))
    return torch.tensor(np.stack([CENTRE[0] + r * np.cos(angles), CENTRE[1] + r * np.sin(angles)], 1))


def sector(start, angle, count=30):
    return points(start + angle * np.random.default_rng(1).uniform(0.02, 0.98, count))


def largest(values):  # (n, ...) -> (n,)
    return values.abs().flatten(1).amax(1)


@pytest.fixture(params=[(a, s) for a in ANGLES for s in (0.0, 0.1)], ids=lambda p: f"{p[0]:.2f}, cut moved by {p[1]}")
def corner(request):
    """A corner (start, angle, direction, offset), with the cut in the middle outside or not."""
    angle, share = request.param
    start = 2.5
    direction = start + angle / 2 + share * (2 * math.pi - angle)
    return start, angle, direction, math.remainder(direction - start, 2 * math.pi)


@pytest.mark.parametrize("kinds", ["DD", "NN", "DN", "ND"])
def test_powers_are_harmonic_and_satisfy_both_conditions(corner, kinds):
    start, angle, direction, offset = corner
    found = harmonic(Wedge(angle, offset, *kinds), 7.0, math.inf)
    exponents = np.array([power for power, _ in found])
    assert (np.diff(exponents) > 0).all()
    assert not (np.abs(exponents - exponents.round()) < 1e-9).any()
    if not found:
        assert angle == math.pi / 2
        return
    t = terms([f for _, f in found], direction)
    jets = t.table(sector(start, angle), [XX, YY])
    assert (largest(jets[XX] + jets[YY]) < 1e-13 * largest(jets[XX])).all()
    for what, theta, sign in zip(kinds, (start, start + angle), (1, -1), strict=True):
        jets = t.table(points(np.full(20, theta)), [VALUE, X, Y])
        normal = sign * math.sin(theta), -sign * math.cos(theta)
        value = jets[VALUE] if what == "D" else normal[0] * jets[X] + normal[1] * jets[Y]
        assert float(value.abs().max()) < 1e-12


def test_integer_exponents_come_with_logarithms_from_the_obstacle_on():
    wedge = Wedge(math.pi / 2, math.pi / 4, "D", "D")
    assert harmonic(wedge, 7.0, math.inf) == []
    assert [power for power, _ in harmonic(wedge, 7.0, 3)] == [4.0, 6.0]
    t = terms([f for _, f in harmonic(wedge, 7.0, 2)], math.pi / 4)
    jets = t.table(sector(0.0, math.pi / 2), [XX, YY])
    assert (largest(jets[XX] + jets[YY]) < 1e-13 * largest(jets[XX])).all()
    for theta in (0.0, math.pi / 2):  # no logarithm on the sides: r^2, r^4, r^6 alone
        x = points(np.full(9, theta))
        r = np.hypot(*(x.numpy() - CENTRE).T)
        value = t.table(x, [VALUE])[VALUE][:, 0].numpy()
        for row, power in zip(value, (2, 4, 6), strict=True):
            np.testing.assert_allclose(row / r**power, row[0] / r[0] ** power, rtol=1e-11)


def test_data_that_jump_bring_the_angle():
    (power, angle), *_ = harmonic(Wedge(1.5 * math.pi, 0.75 * math.pi, "D", "D"), 1.0, 0)
    assert power == 0
    x = sector(0.0, 1.5 * math.pi)
    value = terms([angle], 0.75 * math.pi).table(x, [VALUE])[VALUE][0, 0].numpy()
    np.testing.assert_allclose(value, np.mod(np.arctan2(*(x.numpy() - CENTRE).T[::-1]), 2 * math.pi) - 0.75 * math.pi, atol=1e-13)


@pytest.mark.parametrize("delta", [0.0, 1e-6, 1e-4, 1e-3, 0.03])
def test_exponents_near_an_integer_pass_into_the_logarithm(delta):
    """(w^(2 + delta) - w^2) / delta, computed without its cancellation, and still harmonic."""
    angle = math.pi / (2 + delta)
    x = points(np.linspace(-0.3, 0.3, 9) * angle)
    ((power, f),) = harmonic(Wedge(angle, angle / 2, "D", "D"), 3.0, 0 if delta == 0 else math.inf)[-1:]
    value = terms([f]).table(x, [VALUE])[VALUE][0, 0].numpy()
    w = ((x.numpy() - CENTRE) @ (1, 1j)) / SCALE
    phase = -1j * np.exp(1j * power * angle / 2)
    expected = phase * w**2 * (np.log(w) if delta == 0 else np.expm1(delta * np.log(w)) / delta)
    np.testing.assert_allclose(value, expected.real, atol=1e-11)


def test_terms_in_the_value_are_met_by_companions():
    """lap(u) = u with u = s_0 + c s_1: what remains is of the order of the second companion, r^(lambda + 2)."""
    wedge = Wedge(1.5 * math.pi, 0.75 * math.pi, "D", "N")
    leading = harmonic(wedge, 1.0, math.inf)[:1]
    ((degree, first), (further, second)) = companions(wedge, leading, 6.0, "value")[:2]
    power = leading[0][0]
    assert (degree, further) == (pytest.approx(power + 2), pytest.approx(power + 4))
    t = terms([leading[0][1], first, second], 0.75 * math.pi)
    jets = t.table(sector(0.0, 1.5 * math.pi), [VALUE, XX, YY])
    laplacian = (jets[XX] + jets[YY])[:, 0] * SCALE**2
    torch.testing.assert_close(laplacian[1], 4 * (power + 1) * jets[VALUE][0, 0], rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(laplacian[2], 8 * (power + 2) * jets[VALUE][1, 0], rtol=1e-11, atol=1e-12)
    on_side = t.table(points(np.zeros(9)), [VALUE])[VALUE]
    assert float(on_side.abs().max()) < 1e-12


@pytest.mark.parametrize("angle", ANGLES)
def test_all_exponents_of_a_clamped_corner_are_found(angle):
    """The number of zeros of sin(mu angle) -+ mu sin(angle) in a box, by the argument principle."""
    highest = 6.3
    found = clamped_exponents(angle, highest)
    for sign in (-1, 1):
        left, right, top = 0.3, highest, 4.0
        corners = np.array([left - 1j * top, right - 1j * top, right + 1j * top, left + 1j * top, left - 1j * top])
        path = np.concatenate([np.linspace(a, b, 4000, endpoint=False) for a, b in pairwise(corners)])
        f = np.sin(path * angle) - sign * path * math.sin(angle)
        turns = round(float(np.angle(np.roll(f, -1) / f).sum() / (2 * math.pi)))
        own = [mu for mu, s in found if s == sign and mu.real > left]
        assert turns == sum(2 if mu.imag else 1 for mu in own) + (sign == 1)  # mu = 1 is a rotation of the whole


def test_the_eddies_of_a_right_angle():
    """Moffatt (1964): psi ~ r^(mu + 1), mu + 1 = 3.74 + 1.12 i; and Dean & Montagnon (1949) for 270 degrees, mu = 0.5445."""
    assert clamped_exponents(math.pi / 2, 4.0)[0][0] == pytest.approx(2.739593356324596 + 1.1190245343424166j, abs=1e-12)
    assert [mu.real for mu, _ in clamped_exponents(1.5 * math.pi, 1.0)] == pytest.approx([0.5444837367, 0.9085291898], abs=1e-9)


def test_flows_satisfy_stokes_equations_and_stick_to_both_walls(corner):
    start, angle, direction, offset = corner
    eddies = clamped(angle, offset, 7.0)
    functions = [dict(zip("uvp", flow(g, direction, SCALE, NU), strict=True)) for _, g in eddies + driven(0)]
    t = terms(functions, direction, ("u", "v", "p"))
    jets = t.table(sector(start, angle), [X, Y, XX, YY])
    laplacian = jets[XX] + jets[YY]
    size = largest(jets[X])
    assert (largest(jets[X][:, 0] + jets[Y][:, 1]) < 1e-12 * size).all()
    assert (largest(NU * laplacian[:, 0] - jets[X][:, 2]) < 1e-12 * size).all()
    assert (largest(NU * laplacian[:, 1] - jets[Y][:, 2]) < 1e-12 * size).all()
    assert eddies
    for theta in (start, start + angle):
        assert float(t.table(points(np.full(20, theta)), [VALUE])[VALUE][: len(eddies), :2].abs().max()) < 1e-11


def test_stream_functions_are_biharmonic_and_give_the_flow(corner):
    start, angle, direction, offset = corner
    both = [g for _, g in clamped(angle, offset, 6.0) + driven(0)]
    psi = terms([stream(g) for g in both], direction)
    x = sector(start, angle)
    jets = psi.table(x, [X, Y, (4, 0), (2, 2), (0, 4)])
    biharmonic = jets[4, 0] + 2 * jets[2, 2] + jets[0, 4]
    assert (largest(biharmonic) < 1e-11 * largest(jets[4, 0])).all()
    functions = [dict(zip("uvp", flow(g, direction, SCALE, NU), strict=True)) for g in both]
    velocity = terms(functions, direction, ("u", "v", "p")).table(x, [VALUE])[VALUE]
    torch.testing.assert_close(velocity[:, 0], SCALE * jets[Y][:, 0], rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(velocity[:, 1], -SCALE * jets[X][:, 0], rtol=1e-10, atol=1e-11)


def test_moving_walls():
    """psi = r t cos t, r t sin t, r^2 t, and the pressure of the last is 4 nu log r."""
    x = sector(-1.0, 2.0)
    t = [g for _, g in driven(0)]
    dx, dy = (x.numpy() - CENTRE).T
    r, angle = np.hypot(dx, dy) / SCALE, np.arctan2(dy, dx)
    values = terms([stream(g) for g in t]).table(x, [VALUE])[VALUE][:, 0].numpy()
    for value, expected in zip(
        values, (2 * r * angle * np.cos(angle), -2 * r * angle * np.sin(angle), r**2 * angle), strict=True
    ):
        assert min(np.abs(value - expected).max(), np.abs(value + expected).max()) < 1e-13
    pressure = terms([{"u": flow(t[2], 0.0, SCALE, NU)[2]}]).table(x, [VALUE])[VALUE][0, 0].numpy()
    np.testing.assert_allclose(pressure - pressure[0], 4 * NU / SCALE * np.log(r / r[0]), atol=1e-13)


def across_the_cut(t):
    """The largest jump of all terms and of their slopes across the cut, which lies at pi + direction."""
    far = np.array([[CENTRE[0] + 0.5 * math.cos(a), CENTRE[1] + 0.5 * math.sin(a)] for a in (math.pi - 1e-9, math.pi + 1e-9)])
    jets = t.table(torch.tensor(far), [VALUE, X])
    return max(float((jet[..., 0] - jet[..., 1]).abs().max()) for jet in jets.values())


def test_poles_have_one_value_and_are_harmonic_or_have_poles_as_laplacians():
    t = terms(poles(3, coupled=True))
    assert across_the_cut(t) < 1e-5
    x = points(np.random.default_rng(3).uniform(0, 2 * math.pi, 60))
    jets = t.table(x, [VALUE, XX, YY])
    laplacian = (jets[XX] + jets[YY])[:, 0]
    harmonics = 7
    assert float((laplacian[:harmonics].abs().amax(1) / jets[XX][:harmonics, 0].abs().amax(1)).max()) < 1e-13
    basis = torch.cat([jets[VALUE][:harmonics, 0], torch.ones(1, 60)])  # lap(|w|^2 log|w|) = 4 log|w| + 4
    left = laplacian[harmonics:] - torch.linalg.lstsq(basis.T, laplacian[harmonics:].T).solution.T @ basis
    assert float((left.abs().amax(1) / laplacian[harmonics:].abs().amax(1)).max()) < 1e-10


def test_flows_around_a_hole_have_one_value():
    functions = [dict(zip("uvp", flow(g, 0.0, SCALE, NU), strict=True)) for g in flow_poles(2)]
    t = terms(functions, fields=("u", "v", "p"))
    assert across_the_cut(t) < 1e-5
    jets = t.table(points(np.linspace(0, 6, 30)), [X, Y, XX, YY])
    laplacian = jets[XX] + jets[YY]
    size = largest(jets[X])
    assert (largest(jets[X][:, 0] + jets[Y][:, 1]) < 1e-12 * size).all()
    assert (largest(NU * laplacian[:, 0] - jets[X][:, 2]) < 1e-11 * size).all()
    assert (largest(NU * laplacian[:, 1] - jets[Y][:, 2]) < 1e-11 * size).all()


@pytest.mark.parametrize("kinds", ["DD", "NN", "DN"])
def test_the_cut_of_a_corner_of_a_hole_ends_in_the_hole(kinds):
    """270 degrees around a corner of a square: harmonic, smooth beyond the inner point, and the conditions hold at the corner."""
    angle, distance = 1.5 * math.pi, 0.4
    found = around_inner(Wedge(angle, angle / 2, *kinds), 4.5, 0, distance, 0.0)
    inner = CENTRE[0] - distance * SCALE, CENTRE[1]
    about, rest = Frame(CENTRE, 0.0, SCALE, inner), Frame(inner, 0.0, SCALE)
    t = _terms([((about, {"u": f}), (rest, {"u": g})) for _, f, g in found], ("u",))
    assert any(m.log for m in t.monomials)
    x = torch.tensor(np.random.default_rng(2).uniform(-2, 2, (60, 2)))
    jets = t.table(x, [VALUE, XX, YY])
    assert (largest(jets[XX] + jets[YY]) < 1e-11 * largest(jets[XX])).all()
    beyond = torch.tensor(np.array([[inner[0] - 0.3, CENTRE[1] + e] for e in (-1e-9, 1e-9)]))
    value = t.table(beyond, [VALUE])[VALUE]
    assert float((value[..., 0] - value[..., 1]).abs().max()) < 1e-7
    between = torch.tensor(np.array([[inner[0] + 0.2, CENTRE[1] + e] for e in (-1e-9, 1e-9)]))
    value = t.table(between, [VALUE])[VALUE]
    assert float((value[..., 0] - value[..., 1]).abs().max()) > 0.1
    exponent, first, _ = next(item for item in found if not item[2])
    leading = _terms([((about, {"u": first}),)], ("u",))
    r = np.array([1e-3, 1e-5])
    for what, side, sign in zip(kinds, (-angle / 2, angle / 2), (1, -1), strict=True):
        x = torch.tensor(np.stack([CENTRE[0] + r * math.cos(side), CENTRE[1] + r * math.sin(side)], 1))
        jets = leading.table(x, [VALUE, X, Y])
        slope = sign * (math.sin(side) * jets[X] - math.cos(side) * jets[Y])
        value = (jets[VALUE] if what == "D" else slope)[0, 0].abs().numpy() / r ** (exponent if what == "D" else exponent - 1)
        assert value[1] < 0.02 * value[0] < 0.001
