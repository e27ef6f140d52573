"""Functions with one or two constants of any size: the strands that sums and products of two are made of.

A strand spans one or several columns: sin(a x) and cos(a x), Ai(a x + b) and Bi(a x + b).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from kanpde.symbolic.sample import Array


@dataclass(frozen=True)
class Strand:
    """``columns`` has an expression for each column, ``numeric`` its values; ``starts`` are first guesses for each constant."""

    name: str
    numeric: Callable[..., Sequence[Any]]  # x (n,), then the constants, (B, 1) each -> columns (B, n)
    columns: Callable[..., Sequence[sp.Expr]]
    starts: Callable[[Array], Sequence[Sequence[float]]]
    positive: bool = False  # whether it wants x > 0


def _special(name: str) -> Callable[..., Any]:
    def evaluate(*arguments: Any) -> Any:
        from scipy import special  # late: slow to import

        return getattr(special, name)(*arguments)

    return evaluate


_jv, _yv, _iv, _kv, _airy, _erf, _erfi, _lambertw = map(_special, ("jv", "yv", "iv", "kv", "airy", "erf", "erfi", "lambertw"))


def _reach(x: Array) -> float:
    return float(np.abs(x).max())


def _rates(x: Array) -> list[float]:
    return [s * a / float(np.ptp(x)) for a in (0.4, 1.0, 2.0, 4.0, 8.0) for s in (1, -1)]


def _frequencies(x: Array) -> list[float]:
    return [a / float(np.ptp(x)) for a in (0.7, 1.4, 2.2, 3.2, 4.5, 6.0, 8.0, 11.0, 15.0)]


def _squared(x: Array) -> list[float]:
    return [a / _reach(x) ** 2 for a in (0.5, 1.0, 1.8, 3.0, 5.0, 8.0, 12.0)]


def _signed(values: Sequence[float]) -> list[float]:
    return [s * v for v in values for s in (1, -1)]


def _gaps(x: Array) -> list[float]:
    return [-float(x.min()) + g * float(np.ptp(x)) for g in (0.05, 0.15, 0.35, 0.7, 1.2, 2.0, 4.0)]


def _scales(x: Array) -> list[float]:
    return [a / _reach(x) for a in (0.6, 1.2, 2.0, 3.2, 5.0, 8.0, 12.0)]


def _shifts(x: Array) -> list[float]:
    return [-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0]


POWERS = (-2.5, -1.5, -0.7, -0.3, 0.3, 0.7, 1.4, 2.5, 3.5)
ORDERS = (0.2, 0.5, 1.0, 1.5, 2.0, 3.0)

EXP = Strand("exp", lambda x, a: [np.exp(a * x)], lambda x, a: [sp.exp(a * x)], lambda x: [_rates(x)])
WAVE = Strand(
    "wave",
    lambda x, a: [np.sin(a * x), np.cos(a * x)],
    lambda x, a: [sp.sin(a * x), sp.cos(a * x)],
    lambda x: [_frequencies(x)],
)
EXP_SQUARE = Strand(
    "exp x^2", lambda x, a: [np.exp(a * x**2)], lambda x, a: [sp.exp(a * x**2)], lambda x: [_signed(_squared(x)[:5])]
)
WAVE_SQUARE = Strand(
    "wave x^2",
    lambda x, a: [np.sin(a * x**2), np.cos(a * x**2)],
    lambda x, a: [sp.sin(a * x**2), sp.cos(a * x**2)],
    lambda x: [_squared(x)],
)
EXP_INVERSE = Strand(
    "exp 1/x",
    lambda x, a: [np.exp(a / x)],
    lambda x, a: [sp.exp(a / x)],
    lambda x: [_signed([s * float(x.min()) for s in (0.3, 1.0, 3.0, 8.0)])],
    True,
)
POWER = Strand("power", lambda x, p: [x**p], lambda x, p: [x**p], lambda x: [POWERS], True)
POLE = Strand("pole", lambda x, a: [1 / (x + a)], lambda x, a: [1 / (x + a)], lambda x: [_gaps(x)])
LOG = Strand("log", lambda x, a: [np.log(x + a)], lambda x, a: [sp.log(x + a)], lambda x: [_gaps(x)])
LOG_SQUARE = Strand(
    "log x^2",
    lambda x, a: [np.log(x**2 + a)],
    lambda x, a: [sp.log(x**2 + a)],
    lambda x: [[s * _reach(x) ** 2 for s in (0.1, 0.5, 1, 2)]],
)
ERF = Strand("erf", lambda x, a: [_erf(a * x)], lambda x, a: [sp.erf(a * x)], lambda x: [_scales(x)[:5]])
ERFI = Strand("erfi", lambda x, a: [_erfi(a * x)], lambda x, a: [sp.erfi(a * x)], lambda x: [_scales(x)[:4]])
ERF_SHIFT = Strand(
    "erf shifted", lambda x, a, b: [_erf(a * x + b)], lambda x, a, b: [sp.erf(a * x + b)], lambda x: [_rates(x)[::2], _shifts(x)]
)
TANH_SHIFT = Strand(
    "tanh shifted",
    lambda x, a, b: [np.tanh(a * x + b)],
    lambda x, a, b: [sp.tanh(a * x + b)],
    lambda x: [_rates(x)[::2], _shifts(x)],
)
J0 = Strand("J0", lambda x, a: [_jv(0, a * x)], lambda x, a: [sp.besselj(0, a * x)], lambda x: [_scales(x)])


def _bessel(name: str, order: int | None, ordinary: bool) -> Strand:
    """Both solutions of Bessel's equation, of a given or any order."""
    first, second = (_jv, _yv) if ordinary else (_iv, _kv)
    one, two = (sp.besselj, sp.bessely) if ordinary else (sp.besseli, sp.besselk)
    if order is None:
        return Strand(
            name,
            lambda x, a, nu: [first(nu, a * x), second(nu, a * x)],
            lambda x, a, nu: [one(nu, a * x), two(nu, a * x)],
            lambda x: [_scales(x), ORDERS],
            True,
        )
    return Strand(
        name,
        lambda x, a: [first(order, a * x), second(order, a * x)],
        lambda x, a: [one(order, a * x), two(order, a * x)],
        lambda x: [_scales(x)],
        True,
    )


def _of_wave(name: str, numeric: Callable[[Array], Array], expression: Callable[[sp.Expr], sp.Expr]) -> Strand:
    """F(a sin k x + b cos k x)."""
    return Strand(
        name,
        lambda x, a, b, k: [numeric(a * np.sin(k * x) + b * np.cos(k * x))],
        lambda x, a, b, k: [expression(a * sp.sin(k * x) + b * sp.cos(k * x))],
        lambda x: [(-1.5, -0.6, 0.01, 0.6, 1.5), (-1.5, -0.6, 0.01, 0.6, 1.5), _frequencies(x)[1:8]],
    )


SINGLE = (
    Strand(
        "shifted power", lambda x, a, p: [(x + a) ** p], lambda x, a, p: [(x + a) ** p], lambda x: [_gaps(x), (-3.5, *POWERS)]
    ),
    Strand(
        "Airy",
        lambda x, a, b: [*_airy(a * x + b)[::2]],
        lambda x, a, b: [sp.airyai(a * x + b), sp.airybi(a * x + b)],
        lambda x: [_rates(x)[:8], _shifts(x)],
    ),
    _bessel("J0, Y0", 0, True),
    _bessel("J1, Y1", 1, True),
    _bessel("I0, K0", 0, False),
    _bessel("I1, K1", 1, False),
    _bessel("J, Y", None, True),
    _bessel("I, K", None, False),
    Strand(
        "chirp",
        lambda x, a, b: [np.sin(a * x**2 + b * x), np.cos(a * x**2 + b * x)],
        lambda x, a, b: [sp.sin(a * x**2 + b * x), sp.cos(a * x**2 + b * x)],
        lambda x: [_squared(x), _signed(_frequencies(x)[:7])],
    ),
    Strand(
        "Lambert W",
        lambda x, a, b: [np.real(_lambertw(a * np.exp(b * x)))],
        lambda x, a, b: [sp.LambertW(a * sp.exp(b * x))],
        lambda x: [(0.1, 0.5, 2.0, 8.0), _rates(x)[:6]],
    ),
    _of_wave("exp of a wave", np.exp, sp.exp),
    _of_wave("tanh of a wave", np.tanh, sp.tanh),
    _of_wave("sin of a wave", np.sin, sp.sin),
    _of_wave("atan of a wave", np.arctan, sp.atan),
    _of_wave("log of a wave", lambda v: np.log(1 + v), lambda v: sp.log(1 + v)),
    _of_wave("1 over a wave", lambda v: 1 / (1 + v), lambda v: 1 / (1 + v)),
    _of_wave("root of a wave", lambda v: np.sqrt(1 + v), lambda v: sp.sqrt(1 + v)),
)
"""Tried alone."""
_PARTS = (EXP, WAVE, EXP_SQUARE, WAVE_SQUARE, POWER, POLE, LOG, LOG_SQUARE, ERF, J0)
SUMS = tuple(
    (f, g)
    for i, f in enumerate(_PARTS)
    for g in _PARTS[i + 1 :]
    if (f.name, g.name) not in {("exp", "wave"), ("exp x^2", "wave x^2")}
)
PRODUCTS = (
    *((EXP, g) for g in (EXP_SQUARE, WAVE_SQUARE, POWER, POLE, LOG, ERF, J0, ERF_SHIFT, TANH_SHIFT, EXP_INVERSE)),
    *((WAVE, g) for g in (EXP_SQUARE, WAVE_SQUARE, POWER, POLE, LOG, ERF)),
    *((EXP_SQUARE, g) for g in (POWER, POLE, LOG, ERF, ERFI)),
    *((POWER, g) for g in (WAVE_SQUARE, EXP_INVERSE, POLE, LOG, J0, ERF)),
    (POLE, LOG),
)
