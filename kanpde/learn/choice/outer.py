"""A last function around everything: u = f(g(x)), where T = f^-1 makes g(x) = T(u) simpler than u itself.

Which T, is told by the evidence of T(y), corrected for the change of measure: the density of y is that of T(y) times |T'(y)|.
Source: Snelson, Rasmussen & Ghahramani, Warped Gaussian processes (NIPS 2003), eq. 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kanpde.learn.choice.types import Array

EDGE = 1e-6  # distance, relative to the largest value, from where a function has no inverse


@dataclass(frozen=True)
class Outer:
    """The edge ``name`` of ``kanpde.kan.FUNCTIONS``, its inverse T, log |T'|, and the open interval on which T is used."""

    name: str
    function: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    log_slope: Callable[[Array], Array]
    lower: float = -np.inf
    upper: float = np.inf

    def suits(self, y: Array) -> bool:
        """Whether all values lie where T is defined and increases or decreases."""
        room = EDGE * float(np.abs(y).max(initial=0.0))
        return bool((y > self.lower + room).all() and (y < self.upper - room).all())


def _asin(g: Array) -> Array:
    return np.arcsin(np.clip(g, -1, 1))


def _sqrt(g: Array) -> Array:
    return np.sqrt(np.maximum(g, 0))


def _log(g: Array) -> Array:
    return np.log(np.maximum(g, np.finfo(float).tiny))


HALF_PI = np.pi / 2
OUTERS = (
    Outer("sqrt", _sqrt, np.square, lambda y: np.log(2 * y), 0.0),
    Outer("exp", np.exp, np.log, lambda y: -np.log(y), 0.0),
    Outer("log", _log, np.exp, lambda y: y),
    Outer("1/x", np.reciprocal, np.reciprocal, lambda y: -2 * np.log(y), 0.0),
    Outer("1/x", np.reciprocal, np.reciprocal, lambda y: -2 * np.log(-y), upper=0.0),
    Outer("x^2", np.square, np.sqrt, lambda y: -np.log(2 * np.sqrt(y)), 0.0),
    Outer("asin", _asin, np.sin, lambda y: np.log(np.cos(y)), -HALF_PI, HALF_PI),
    Outer("atan", np.arctan, np.tan, lambda y: -2 * np.log(np.cos(y)), -HALF_PI, HALF_PI),
    Outer("tanh", np.tanh, np.arctanh, lambda y: -np.log1p(-y * y), -1.0, 1.0),
)
"""The functions that are tried, with values in the units of the data."""
