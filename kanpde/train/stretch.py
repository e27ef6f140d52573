"""Coordinates stretched where functions vary fast: a monotone map of an interval to [-1, 1] in which they are smooth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SAMPLES = 2000  # of the map: layers down to a thousandth of the interval
ROUNDS = 3  # from equal samples; after two, a layer of width 1e-2 has its share of the samples
CURVED = 0.1  # weight of (u''/range)^2 beside (u'/range)^4: both of the order 1/width^4 in a layer, u'' twelve times larger
SMOOTH = 0.05  # width of the Gaussian that smooths the stretching, in units of the stretched coordinate
NOISE = 0.01  # width of the Gaussian that smooths the functions: wiggles of a trained network are no layers
_REACH = 4  # widths at which the Gaussian is cut


def stretch(
    functions: Callable[[np.ndarray], np.ndarray],  # (n,) -> (n, F)
    lower: float,
    upper: float,
) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,)
    """Points x, and the stretched coordinate g there, which increases in equal steps from -1 to 1.

    dg/dx is proportional to m + mean(m) with m^4 = sum over the functions of (u'/range)^4 + CURVED (u''/range)^2, smoothed: a
    layer of any width gets a share of the same order. Source: Beckett & Mackenzie (2000), Appl. Numer. Math. 35, 87-109 (the
    mean as floor); Huang & Russell (2011), Adaptive Moving Mesh Methods, section 2.4 (smoothing).
    """
    g = np.linspace(-1, 1, SAMPLES + 1)
    x = np.linspace(lower, upper, SAMPLES + 1)
    for _ in range(ROUNDS):
        u = functions(x)
        u = np.stack([_smoothed(column, NOISE) for column in u.T], 1)
        u = u / np.maximum(np.ptp(u, axis=0), 1e-12 + 1e-9 * np.abs(u).max(initial=0.0))
        first = np.gradient(u, x, axis=0)
        second = np.gradient(first, x, axis=0)
        m = (first**4 + CURVED * second**2).sum(1) ** 0.25
        floor = max(float(np.trapezoid(m, x)), 1e-9) / (upper - lower)
        m = np.hypot(m, floor)
        even = np.interp(g, _share(m, x), x)  # equal steps of the stretched coordinate, not yet smoothed
        m = np.maximum(_smoothed(np.interp(even, x, m), SMOOTH), floor)
        x = np.interp(g, _share(m, even), even)
        x[0], x[-1] = lower, upper
    return x, g


def _share(m: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The integral of m from the lower end, scaled to [-1, 1]."""
    total = np.concatenate([[0.0], np.cumsum((m[1:] + m[:-1]) / 2 * np.diff(x))])
    return 2 * total / total[-1] - 1


def _smoothed(m: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian mean over the neighbours, ``width`` in units of g; beyond the ends the function is odd about its end value."""
    width *= SAMPLES / 2
    reach = int(_REACH * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.convolve(np.pad(m, reach, mode="reflect", reflect_type="odd"), kernel / kernel.sum(), mode="valid")
