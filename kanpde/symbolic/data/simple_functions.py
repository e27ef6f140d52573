"""Functions of one coordinate with simple constants that sums and products are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp

from kanpde.symbolic.form import Array

half = sp.Rational(1, 2)


@dataclass(frozen=True)
class Simple:
    """A function with its expression. ``plain`` ones also multiply functions of combinations that share their coordinate."""

    numeric: Callable[[Array], Array]
    expression: Callable[[sp.Expr], sp.Expr]
    plain: bool = False

    @property
    def length(self) -> int:
        """What it takes to write it."""
        return int(self.expression(sp.Symbol("z")).count_ops())


def _power(k: sp.Expr, plain: bool = False) -> Simple:
    exponent = float(k)
    return Simple(lambda z: z**exponent, lambda z: z**k, plain)


def _of(f: Simple, k: sp.Expr) -> Simple:
    """f(k z)."""
    scale = float(k)
    return Simple(lambda z: f.numeric(scale * z), lambda z: f.expression(k * z))


_SIN = Simple(np.sin, sp.sin)
_COS = Simple(np.cos, sp.cos)
_EXP = Simple(np.exp, sp.exp)
_TANH = Simple(np.tanh, sp.tanh)
_SIN2 = Simple(lambda z: np.sin(z) ** 2, lambda z: sp.sin(z) ** 2)
_CSC2 = Simple(lambda z: np.sin(z) ** -2, lambda z: sp.sin(z) ** -2)
_GAUSS = Simple(lambda z: np.exp(-z * z), lambda z: sp.exp(-(z**2)))

_POWERS = (
    _power(sp.Integer(1), True),
    _power(sp.Integer(2), True),
    _power(sp.Integer(3)),
    _power(sp.Integer(4)),
    _power(sp.Integer(-1), True),
    _power(sp.Integer(-2), True),
    _power(half, True),
    _power(-half, True),
    _power(3 * half),
)
_WAVES = (_SIN, _COS, _of(_SIN, sp.pi), _of(_COS, sp.pi), _of(_SIN, sp.Integer(2)), _of(_COS, sp.Integer(2)))

SINGLE: tuple[Simple, ...] = (
    *_POWERS,
    *_WAVES,
    Simple(np.log, sp.log),
    _EXP,
    _of(_EXP, sp.Integer(-1)),
    _of(_EXP, sp.Integer(2)),
    _of(_EXP, sp.Integer(-2)),
    _GAUSS,
    Simple(lambda z: np.exp(-z * z / 2), lambda z: sp.exp(-(z**2) / 2)),
    _of(_SIN, half),
    _of(_COS, half),
    _of(_SIN, 2 * sp.pi),
    _of(_COS, 2 * sp.pi),
    Simple(np.tan, sp.tan),
    _SIN2,
    _of(_SIN2, half),
    _CSC2,
    _of(_CSC2, half),
    Simple(lambda z: 1 / np.sin(z), lambda z: 1 / sp.sin(z)),
    Simple(lambda z: 1 / np.cos(z), lambda z: 1 / sp.cos(z)),
    _TANH,
    Simple(np.arctan, sp.atan),
    Simple(np.sinh, sp.sinh),
    Simple(np.cosh, sp.cosh),
    Simple(lambda z: 1 + z, lambda z: 1 + z),
    Simple(lambda z: 1 - z, lambda z: 1 - z),
    Simple(lambda z: np.sqrt(1 + z * z), lambda z: sp.sqrt(1 + z**2)),
    Simple(lambda z: np.sqrt(1 - z * z), lambda z: sp.sqrt(1 - z**2)),
    Simple(lambda z: 1 / np.sqrt(1 + z * z), lambda z: 1 / sp.sqrt(1 + z**2)),
    Simple(lambda z: 1 / np.sqrt(1 - z * z), lambda z: 1 / sp.sqrt(1 - z**2)),
    Simple(lambda z: 1 / (1 + z * z), lambda z: 1 / (1 + z**2)),
    Simple(lambda z: 1 / (1 - z * z), lambda z: 1 / (1 - z**2)),
    Simple(lambda z: 1 / (1 + z), lambda z: 1 / (1 + z)),
    Simple(lambda z: 1 / (1 - z), lambda z: 1 / (1 - z)),
    Simple(lambda z: np.sqrt(1 + z), lambda z: sp.sqrt(1 + z)),
    Simple(lambda z: np.sqrt(1 - z), lambda z: sp.sqrt(1 - z)),
    Simple(lambda z: np.log(1 + z), lambda z: sp.log(1 + z)),
    Simple(lambda z: np.log(1 - z), lambda z: sp.log(1 - z)),
    Simple(lambda z: np.log(1 + z * z), lambda z: sp.log(1 + z**2)),
    Simple(np.abs, sp.Abs),
    Simple(lambda z: 1 / (np.exp(z) - 1), lambda z: 1 / (sp.exp(z) - 1)),
    Simple(lambda z: 1 / (np.exp(z) + 1), lambda z: 1 / (sp.exp(z) + 1)),
)
"""Of one coordinate. 1 + z and 1 - z are for products: (1 - x)/sqrt(1 - y^2)."""

COMBINED: tuple[Simple, ...] = (
    *_POWERS,
    *_WAVES,
    Simple(np.log, sp.log),
    _EXP,
    _of(_EXP, sp.Integer(-1)),
    _GAUSS,
    _of(_SIN, half),
    _of(_COS, half),
    _of(_SIN2, half),
    _SIN2,
    _TANH,
    Simple(lambda z: 1 / (1 + z), lambda z: 1 / (1 + z)),
    Simple(lambda z: 1 / (1 - z), lambda z: 1 / (1 - z)),
    Simple(lambda z: np.sqrt(1 + z * z), lambda z: sp.sqrt(1 + z**2)),
    Simple(lambda z: 1 / np.sqrt(1 + z * z), lambda z: 1 / sp.sqrt(1 + z**2)),
    Simple(lambda z: np.sqrt(1 - z * z), lambda z: sp.sqrt(1 - z**2)),
    Simple(lambda z: 1 / (np.exp(z) - 1), lambda z: 1 / (sp.exp(z) - 1)),
)
"""Of a combination of two coordinates."""
