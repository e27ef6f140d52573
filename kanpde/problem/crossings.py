"""Which switches change within the domain; for one of a single coordinate, x^2 - 1/4, those at numbers: x - 1/2 and x + 1/2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import sympy as sp

from kanpde.geometry import Domain
from kanpde.problem.evaluate import NUMPY, Program
from kanpde.problem.jumps import inside_symbol
from kanpde.problem.types import symbol

SAMPLES = {1: 4001, 2: 160, 3: 33}
"""Points along each coordinate of space at which switches are tried; a region smaller than their distance is overlooked."""

ALONG = 4001
"""Points at which a switch of one coordinate is tried."""

OFFSET = 0.381966
"""Where a sample lies in its cell: off all simple fractions, so that it lies on no interface."""

BISECTIONS = 60


def samples(domain: Domain) -> np.ndarray:  # (N, space)
    """Points all over the domain in space."""
    axes = list(domain.space_axes)
    cells = (np.arange(SAMPLES[len(axes)]) + OFFSET) / SAMPLES[len(axes)]
    lines = [domain.bounds[axis, 0] + domain.lengths[axis] * cells for axis in axes]
    x = np.stack([part.ravel() for part in np.meshgrid(*lines, indexing="ij")], 1)
    full = np.broadcast_to(domain.bounds[:, 0], (len(x), domain.dimension)).copy()
    full[:, axes] = x
    return x[domain.contains(full)]


def crossed(
    switches: Sequence[sp.Expr],
    domain: Domain,
    x: np.ndarray,  # (N, space), the samples
) -> list[sp.Expr]:
    """The switches that change, each once; UnsupportedProblem for functions that have no values."""
    space = [symbol(domain.coordinates[axis]) for axis in domain.space_axes]
    found: dict[sp.Expr, None] = {}
    for switch in switches:
        if inside_symbol(switch):
            found[switch] = None
        elif len(switch.free_symbols) == 1 and not _linear(switch):
            (name,) = switch.free_symbols
            low, high = domain.bounds[domain.coordinates.index(name.name)]
            found |= dict.fromkeys(name - _number(root) for root in _roots(switch, name, low, high))
        elif _changes_sign(_function(switch, space)(x.T)):
            found[switch] = None
    return list(found)


def _linear(switch: sp.Expr) -> bool:
    return all(sp.diff(switch, s).is_number for s in switch.free_symbols)


def _function(switch: sp.Expr, names: Sequence[sp.Symbol]) -> Callable[[np.ndarray], np.ndarray]:
    program = Program([switch], names)

    def values(x: np.ndarray) -> np.ndarray:  # (names, N) -> (N,)
        with np.errstate(all="ignore"):
            return np.asarray(np.broadcast_to(program(NUMPY, list(x))[0], x.shape[1:]), float)

    return values


def _changes_sign(values: np.ndarray) -> bool:
    return bool(np.min(values) < 0 < np.max(values))


def _roots(switch: sp.Expr, name: sp.Symbol, low: float, high: float) -> Iterator[float]:
    """Where a function of one coordinate changes its sign, to rounding: samples and bisection."""
    function = _function(switch, [name])
    x = low + (high - low) * (np.arange(ALONG) + OFFSET) / ALONG
    values = function(x[None])
    for i in np.flatnonzero(values[:-1] * values[1:] < 0):
        a, b = x[i], x[i + 1]
        for _ in range(BISECTIONS):
            middle = (a + b) / 2
            a, b = (middle, b) if function(np.array([[middle]]))[0] * values[i] > 0 else (a, middle)
        yield float(a + b) / 2


def _number(root: float) -> sp.Expr:
    """A root as a short decimal fraction if it is one to rounding."""
    return sp.Rational(str(round(root, 12))) if abs(round(root, 12) - root) < 1e-15 * max(1, abs(root)) else sp.Float(root, 17)
