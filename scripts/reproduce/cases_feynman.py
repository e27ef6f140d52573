"""The 15 Feynman rows of the KAN paper (Liu et al., arXiv 2404.19756, table 3), in their dimensionless form.

Four test RMSE were published for each: KANs built by people, pruned KANs, unpruned KANs, multilayer perceptrons.

The paper does not print where the variables are sampled. The boxes here are those of pykan's ``kan/feynman.py`` for the variables
with dimensions, carried over: a ratio has the range of its numerator where the denominator can be 1, or of the whole ratio, and
where that would run into a singularity, it stops at 0.9 (as pykan does for velocities over c). What was done stands beside each
row. The values are then as large as pykan's or larger (in I.9.18 by a factor of about three), so that an absolute error is no
easier to reach.
"""

from __future__ import annotations

from math import pi

import numpy as np
from cases import Case

COLUMNS = ("human KAN", "pruned KAN", "unpruned KAN", "MLP")
TURN = (0.0, 2 * pi)


def _case(name: str, formula: str, box: dict[str, tuple[float, float]], function, published: tuple, ranges: str) -> Case:
    lower, upper = zip(*box.values(), strict=True)
    return Case(name, formula, tuple(box), lower, upper, function, dict(zip(COLUMNS, published, strict=True)), ranges)


FEYNMAN = (
    _case(
        "I.6.2",
        "exp(-th^2/(2 s^2))/sqrt(2 pi s^2)",
        {"th": (-1.0, 1.0), "s": (0.5, 2.0)},
        lambda th, s: np.exp(-(th**2) / (2 * s**2)) / np.sqrt(2 * pi * s**2),
        (7.66e-5, 2.86e-5, 4.60e-5, 1.45e-4),
        "pykan's",
    ),
    _case(
        "I.6.2b",
        "exp(-(th - th1)^2/(2 s^2))/sqrt(2 pi s^2)",
        {"th": (-1.5, 1.5), "th1": (-1.5, 1.5), "s": (0.5, 2.0)},
        lambda th, th1, s: np.exp(-((th - th1) ** 2) / (2 * s**2)) / np.sqrt(2 * pi * s**2),
        (1.22e-3, 4.45e-4, 1.25e-3, 7.40e-4),
        "pykan's",
    ),
    _case(
        "I.9.18",
        "a/((b - 1)^2 + (c - d)^2 + (e - f)^2)",
        {"a": (-1.0, 1.0), "b": (-1.0, -0.5), "c": (-1.0, -0.5), "d": (0.5, 1.0), "e": (-1.0, -0.5), "f": (0.5, 1.0)},
        lambda a, b, c, d, e, f: a / ((b - 1) ** 2 + (c - d) ** 2 + (e - f) ** 2),
        (1.48e-3, 8.62e-3, 6.56e-3, 1.59e-3),
        "pykan's with the place x2 = 1; a = G m1 m2 as one number",
    ),
    _case(
        "I.12.11",
        "1 + a sin(th)",
        {"a": (-1.0, 1.0), "th": TURN},
        lambda a, th: 1 + a * np.sin(th),
        (2.07e-3, 1.39e-3, 9.13e-4, 6.71e-4),
        "pykan's with Ef = 1; a = B v as one number",
    ),
    _case(
        "I.13.12",
        "a (1/b - 1)",
        {"a": (0.0, 1.0), "b": (0.5, 2.0)},
        lambda a, b: a * (1 / b - 1),
        (7.22e-3, 4.81e-3, 2.72e-3, 1.42e-3),
        "pykan's with r1 = 1; a = G m1 m2 as one number",
    ),
    _case(
        "I.15.3x",
        "(1 - a)/sqrt(1 - b^2)",
        {"a": (-1.0, 1.0), "b": (-0.9, 0.9)},
        lambda a, b: (1 - a) / np.sqrt(1 - b**2),
        (7.35e-3, 1.58e-3, 1.14e-3, 8.54e-4),
        "pykan's with x = 1; b = u/c up to 0.9, as there in I.34.14 (infinite at 1)",
    ),
    _case(
        "I.16.6",
        "(a + b)/(1 + a b)",
        {"a": (-0.8, 0.8), "b": (-0.8, 0.8)},
        lambda a, b: (a + b) / (1 + a * b),
        (1.06e-3, 1.19e-3, 1.53e-3, 6.20e-4),
        "pykan's with c = 1",
    ),
    _case(
        "I.18.4",
        "(1 + a b)/(1 + a)",
        {"a": (0.5, 2.0), "b": (-1.0, 1.0)},
        lambda a, b: (1 + a * b) / (1 + a),
        (3.92e-4, 1.50e-4, 1.32e-3, 3.68e-4),
        "a = m2/m1: all of pykan's ratios; b = r2/r1: pykan's with r1 = 1",
    ),
    _case(
        "I.26.2",
        "arcsin(n sin(th2))",
        {"n": (0.0, 0.99), "th2": TURN},
        lambda n, th2: np.arcsin(n * np.sin(th2)),
        (1.22e-1, 7.90e-4, 8.63e-4, 1.24e-3),
        "pykan's",
    ),
    _case(
        "I.27.6",
        "1/(1 + a b)",
        {"a": (0.5, 2.0), "b": (0.25, 2.0)},
        lambda a, b: 1 / (1 + a * b),
        (2.22e-4, 1.94e-4, 2.14e-4, 2.46e-4),
        "a = n: pykan's; b = d1/d2: all of pykan's ratios",
    ),
    _case(
        "I.29.16",
        "sqrt(1 + a^2 - 2 a cos(th1 - th2))",
        {"a": (-1.0, 1.0), "th1": TURN, "th2": TURN},
        lambda a, th1, th2: np.sqrt(1 + a**2 - 2 * a * np.cos(th1 - th2)),
        (2.36e-1, 3.99e-3, 3.20e-3, 4.64e-3),
        "pykan's with x1 = 1 (conical where a = 1 or -1 and the points meet)",
    ),
    _case(
        "I.30.3",
        "sin(n th/2)^2/sin(th/2)^2",
        {"n": (0.0, 4.0), "th": (0.4 * pi, 1.6 * pi)},
        lambda n, th: np.sin(n * th / 2) ** 2 / np.sin(th / 2) ** 2,
        (3.85e-1, 1.03e-3, 1.11e-2, 1.50e-2),
        "pykan's",
    ),
    _case(
        "I.30.5",
        "arcsin(a/n)",
        {"a": (-0.9, 0.9), "n": (1.0, 1.5)},
        lambda a, n: np.arcsin(a / n),
        (2.23e-4, 3.49e-5, 6.92e-5, 9.45e-5),
        "pykan's with d = 1; a = lambda/d up to 0.9 (a root at a = n)",
    ),
    _case(
        "I.37.4",
        "1 + a + 2 sqrt(a) cos(d)",
        {"a": (0.1, 1.0), "d": TURN},
        lambda a, d: 1 + a + 2 * np.sqrt(a) * np.cos(d),
        (7.57e-5, 4.91e-6, 3.41e-4, 5.67e-4),
        "pykan's with I1 = 1",
    ),
    _case(
        "I.40.1",
        "n0 exp(-a)",
        {"n0": (0.0, 1.0), "a": (-1.0, 1.0)},
        lambda n0, a: n0 * np.exp(-a),
        (3.45e-3, 5.01e-4, 3.12e-4, 3.99e-4),
        "pykan's with k T = 1; a = m g x as one number",
    ),
)
