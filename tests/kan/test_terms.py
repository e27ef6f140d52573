"""Terms: every derivative against mpmath, harmonicity, finiteness at the centre, and what a module owes torch."""

from __future__ import annotations

import cmath
import copy
import io
import json
import math
import pickle
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import torch

from kanpde.kan import Monomial, Terms

KINDS = {
    "corner": Monomial((1.0, 1.0), 1.25 * math.pi, 1.0, 0, 2 / 3, 0),
    "scaled": Monomial((0.2, -0.1), 0.7, 0.3, 0, 4.5, 0),
    "hole": Monomial((0.3, 0.3), 0.0, 0.3, 0, 0, 1),
    "pole": Monomial((0.3, 0.3), 0.0, 0.3, 0, -3, 0),
    "polynomial": Monomial((0.3, 0.3), 0.0, 2.0, 0, 3, 0),
    "logarithmic corner": Monomial((-0.4, 0.0), 2.0, 1.0, 0, 2, 2),
    "biharmonic": Monomial((1.0, 1.0), -1.0, 1.0, 1, 1.544, 0),
    "eddies": Monomial((0.0, 0.0), 0.4, 1.0, 1, 2.74 + 1.12j, 0),
    "hole of a plate": Monomial((0.3, 0.3), 0.1, 0.5, 1, -1, 1),
    "turning": Monomial((0.3, 0.3), 0.1, 0.5, 0, 0.6 + 0.8j, 0),
    "corner of a hole": Monomial((0.4, 0.4), 0.25 * math.pi, 1.3, 0, 2 / 3, 0, (0.2, 0.2, -2 / 3)),
    "second part of it": Monomial((0.4, 0.4), 0.25 * math.pi, 1.3, 1, 5 / 3, 0, (0.2, 0.2, -2 / 3)),
    "triharmonic": Monomial((0.3, 0.3), 0.1, 0.5, 2, 0.5, 1),
}
ORDERS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (0, 3), (1, 2), (2, 2), (4, 0), (0, 4)]


def points(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 - 1.2


def terms(monomials: list[Monomial], fields: int = 1, count: int | None = None, seed: int = 1) -> Terms:
    """Random complex mixes and coefficients of the given monomials."""
    g = torch.Generator().manual_seed(seed)
    n = count or len(monomials)
    mix = torch.complex(*(torch.randn(n, fields, len(monomials), generator=g, dtype=torch.float64) for _ in range(2)))
    return Terms(monomials, mix, torch.randn(n, generator=g, dtype=torch.float64))


def value(m: Monomial, x: float, y: float) -> complex:
    """The monomial by its definition."""
    w = (complex(x, y) - complex(*m.centre)) * cmath.exp(-1j * m.direction) / m.scale
    x0, y0, q = m.other or (*m.centre, 0.0)
    factor = cmath.exp(q * cmath.log((complex(x, y) - complex(x0, y0)) * cmath.exp(-1j * m.direction) / m.scale))
    return factor * w.conjugate() ** m.conj * cmath.exp(m.power * cmath.log(w)) * cmath.log(w) ** m.log


def exact(m: Monomial, x: float, y: float, order: tuple[int, int]) -> complex:
    """A mixed derivative in 40 digits, by finite differences of mpmath."""

    def f(x: mpmath.mpf, y: mpmath.mpf) -> mpmath.mpc:
        w = (mpmath.mpc(x, y) - mpmath.mpc(*m.centre)) * mpmath.exp(mpmath.mpc(0, -m.direction)) / mpmath.mpf(m.scale)
        x0, y0, q = m.other or (*m.centre, 0.0)
        w0 = (mpmath.mpc(x, y) - mpmath.mpc(x0, y0)) * mpmath.exp(mpmath.mpc(0, -m.direction)) / mpmath.mpf(m.scale)
        own = mpmath.exp(mpmath.mpmathify(m.power) * mpmath.log(w) + q * mpmath.log(w0))
        return mpmath.conj(w) ** m.conj * own * mpmath.log(w) ** m.log

    with mpmath.workdps(60):
        return complex(mpmath.diff(f, (mpmath.mpf(x), mpmath.mpf(y)), order))


@pytest.mark.parametrize("m", KINDS.values(), ids=KINDS)
def test_derivatives_are_those_of_the_definition(m):
    x = points(4, 3)
    both = Terms([m], torch.tensor([[[1.0 + 0j]], [[-1j]]]).to(torch.complex128), torch.ones(2, dtype=torch.float64))
    table = both.table(x, ORDERS)  # real part, imaginary part
    for i, (a, b) in enumerate(x.tolist()):
        assert abs(complex(*table[0, 0][:, 0, i]) - value(m, a, b)) <= 1e-13 * abs(value(m, a, b))
        for order in ORDERS:
            truth = exact(m, a, b, order)
            size = max(abs(exact(m, a, b, (sum(order), 0))), abs(truth))
            assert abs(complex(*table[order][:, 0, i]) - truth) <= 1e-12 * max(size, 1e-3), (order, truth)


@pytest.mark.parametrize("conj", [0, 1, 2])
def test_powers_of_the_conjugate_make_harmonic_and_polyharmonic_functions(conj):
    """With conj = c, the (c + 1)-th power of the Laplacian vanishes and the c-th does not."""
    some = terms([Monomial(m.centre, m.direction, m.scale, conj, m.power, m.log) for m in KINDS.values()])
    x = points(50)

    def laplacian(times: int) -> torch.Tensor:
        orders = [(2 * (times - k), 2 * k) for k in range(times + 1)]
        table = some.table(x, orders)
        return sum(math.comb(times, k) * table[order] for k, order in enumerate(orders))

    size = some.table(x, [(2 * conj + 2, 0)])[2 * conj + 2, 0].abs().max(0).values
    assert ((laplacian(conj + 1).abs() / size).max()) < 1e-10
    if conj:
        assert (laplacian(conj).abs() / size).max() > 1e-6


def test_series_of_exponents_are_as_good_as_single_ones():
    """Products of powers replace exponentials where exponents form a series; the digits must not suffer."""
    series = [Monomial((1.0, 1.0), 0.3, 1.0, 0, (2 * k - 1) / 3, 0) for k in range(1, 40)]
    x = points(200, 5)
    eye = torch.eye(len(series), dtype=torch.complex128)[:, None]
    together = Terms(series, eye, torch.ones(len(series), dtype=torch.float64)).table(x, [(0, 0), (2, 1)])
    for i, m in enumerate(series):
        alone = Terms([m], eye[:1, :, :1], torch.ones(1, dtype=torch.float64)).table(x, [(0, 0), (2, 1)])
        r = torch.hypot(x[:, 0] - 1, x[:, 1] - 1)
        for order in together:
            size = (abs(m.power) + 1) ** sum(order) * r ** (m.power - sum(order))
            assert ((together[order][i] - alone[order][0]).abs() / size).max() < 1e-13


def test_the_cut_lies_opposite_to_the_direction():
    m = Monomial((0.0, 0.0), math.pi / 2, 1.0, 0, 0, 1)
    t = Terms([m], torch.tensor([[[-1j]]]).to(torch.complex128), torch.ones(1, dtype=torch.float64))  # arg w
    near = torch.tensor([[1e-9, -1.0], [-1e-9, -1.0], [0.0, 1.0]], dtype=torch.float64)
    arg = t.jet(near, [(0, 0)])[0, 0][0].detach()
    assert torch.allclose(arg, torch.tensor([-math.pi, math.pi, 0.0], dtype=torch.float64), atol=1e-8)


def test_on_the_cut_itself_the_argument_is_pi():
    m = Monomial((0.0, 0.0), 0.0, 1.0, 0, 0, 1)
    t = Terms([m], torch.tensor([[[-1j]]]).to(torch.complex128), torch.ones(1, dtype=torch.float64))
    x = torch.tensor([[-1.0, 0.0], [-1.0, -0.0]], dtype=torch.float64)
    assert torch.equal(t.table(x, [(0, 0)])[0, 0][0, 0], torch.full((2,), math.pi, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_centre_gives_finite_numbers(dtype):
    centre = (0.5, -0.25)
    kinds = [Monomial(centre, m.direction, m.scale, m.conj, m.power, m.log) for m in KINDS.values()]
    t = terms(kinds).to(dtype)
    x = torch.tensor([[0.5, -0.25], [0.5, -0.25 + 1e-12], [0.1, 0.1]], dtype=dtype)
    table = t.table(x, ORDERS)
    assert all(torch.isfinite(values).all() for values in table.values())
    vanishing = Terms([kinds[0]], torch.ones(1, 1, 1, dtype=torch.complex64), torch.ones(1)).to(dtype)
    assert vanishing.jet(x[:1], [(0, 0)])[0, 0].abs() < 1e-10
    constant = Terms([Monomial(centre, power=0)], torch.ones(1, 1, 1, dtype=torch.complex64), torch.ones(1)).to(dtype)
    assert constant.jet(x[:1], [(0, 0)])[0, 0] == 1


@pytest.mark.parametrize("sparse", [True, False])
def test_a_mix_adds_what_it_says(sparse):
    monomials = list(KINDS.values())
    t = terms(monomials, fields=3, count=6)
    if sparse:
        chosen = torch.rand(6, 3, len(monomials), generator=torch.Generator().manual_seed(4)) < 0.12
        t.mixture.mul_(chosen)
    x = points(20)
    table = t.table(x, [(0, 0)])[0, 0]
    single = np.array([[value(m, a, b) for a, b in x.tolist()] for m in monomials])  # (E, N)
    truth = np.einsum("mfe,en->mfn", t.mix.numpy(), single).real
    assert np.abs(table.numpy() - truth).max() < 1e-12 * np.abs(single).max()
    assert np.allclose(t.jet(x, [(0, 0)])[0, 0].detach(), np.einsum("m,mfn->fn", t.coefficients.detach(), truth), rtol=1e-12)


def test_jets_agree_with_autograd_and_are_differentiable_twice():
    t = terms(list(KINDS.values()), fields=2)
    x = points(7, 9).requires_grad_()
    jet = t.jet(x, ORDERS[:6])
    (ux,) = torch.autograd.grad(jet[0, 0][1].sum(), x, create_graph=True)
    assert torch.allclose(ux, torch.stack([jet[1, 0][1], jet[0, 1][1]], 1), rtol=1e-12)
    (second,) = torch.autograd.grad(ux[:, 0].sum(), x, retain_graph=True)
    assert torch.allclose(second, torch.stack([jet[2, 0][1], jet[1, 1][1]], 1), rtol=1e-12)
    (slope,) = torch.autograd.grad(jet[1, 1].sum(), t.coefficients)
    assert torch.allclose(slope, t.table(x.detach(), [(1, 1)])[1, 1].sum((1, 2)), rtol=1e-12)
    with torch.no_grad():
        fast = t.jet(x, ORDERS[:6])
    assert all(torch.allclose(fast[order], jet[order], rtol=1e-11, atol=1e-12) for order in fast)


def test_other_axes_are_constant():
    m = KINDS["corner"]
    weights = torch.ones(1, 1, 1, dtype=torch.complex128), torch.ones(1, dtype=torch.float64)
    plane, space = Terms([m], *weights), Terms([m], *weights, axes=(2, 0))
    x = torch.rand(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    table = space.table(x, [(0, 0, 0), (1, 0, 2), (0, 1, 0), (1, 1, 0)])
    flat = plane.table(x[:, [2, 0]], [(0, 0), (2, 1)])
    assert torch.equal(table[0, 0, 0], flat[0, 0])
    assert torch.equal(table[1, 0, 2], flat[2, 1])
    assert not table[0, 1, 0].any()
    assert not table[1, 1, 0].any()
    x.requires_grad_()
    (slope,) = torch.autograd.grad(space.table(x, [(0, 0, 0)])[0, 0, 0].sum(), x)
    assert torch.allclose(slope[:, 2], plane.table(x.detach()[:, [2, 0]], [(1, 0)])[1, 0][0, 0])
    assert not slope[:, 1].any()


def test_the_state_goes_through_files_copies_and_pickles():
    t = terms(list(KINDS.values()), fields=2, count=4)
    x = points(9)
    t.monomials = (*t.monomials[:-1], replace(t.monomials[-1], conj=np.int64(2), direction=np.float64(0.1)))  # as numpy counts
    buffer = io.BytesIO()
    torch.save(t.state_dict(), buffer)
    buffer.seek(0)
    again = Terms.from_spec(json.loads(json.dumps(t.spec())))
    again.load_state_dict(torch.load(buffer, weights_only=True))
    for other in (again, copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert torch.equal(other.jet(x, [(1, 2)])[1, 2], t.jet(x, [(1, 2)])[1, 2])
        assert other.monomials == t.monomials


def test_many_points_are_the_same_as_few():
    t = terms(list(KINDS.values()))
    x = points(40_000)
    whole = t.table(x, [(1, 1)])[1, 1]
    assert torch.allclose(whole[..., -3:], t.table(x[-3:], [(1, 1)])[1, 1], rtol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Monomial((0.0, 0.0), scale=0.0),
        lambda: Monomial((0.0, 0.0), conj=-1),
        lambda: Terms([], torch.zeros(1, 1, 0), torch.zeros(1)),
        lambda: Terms([KINDS["pole"]], torch.zeros(2, 1, 1), torch.zeros(1)),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError, match=r"scale|powers|need"):
        call()
