"""The 15 special functions of the KAN paper (Liu et al., arXiv 2404.19756, table 2): scipy.special's, all of two variables.

The published figures are test RMSE: the best KAN (the lower of pruned and unpruned) and the best multilayer perceptron.

**The paper does not say where the variables are sampled**, nor does its code (asked there in issue 369, without an answer by the
authors). Hence two sets of boxes:

- ``UNIT``: the default, the unit square, as those who have repeated the table since take it (KANbeFair, arXiv 2407.16674; the
  second variable of yv and kv from 0.1, because they are infinite at 0). Here jv and iv have a corner like x^v, v -> 0, and lpmv
  with m = 1 an edge like sqrt(1 - x), where no smooth network is good.
- ``WIDE``: boxes chosen here: a whole period, several zeros, orders up to 2 or 4, close to the singularities. Each function is
  finite in its box.

A recipe that reaches the published figures on both does not owe it to a box that was chosen to be easy.

Orders of arguments are scipy's: ``ellipj(u, m)`` (the first of its four values, sn), ``ellipkinc(phi, m)`` and
``ellipeinc(phi, m)`` with the parameter m = k^2, ``jv(v, x)`` with a real order v, ``lpmv(m, v, x)`` with the order m an integer
and the degree v real, ``sph_harm_y(n, m, theta, phi)`` with the degree n first, the polar angle theta from 0 to pi, the azimuth
phi from 0 to 2 pi (scipy 1.15 or later). The paper's ``sph_harm(m, n, theta, phi)`` (removed from scipy) had the order first and
called the azimuth theta; its m and n are the last digits of the names here. The real part is taken.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import pi

import numpy as np
from cases import Case
from scipy import special

OURS = "chosen here; the paper's are unknown"
SQUARE = "unit square, as KANbeFair; the paper's are unknown"


def _case(name: str, formula: str, names: str, box: tuple[float, float, float, float], function, kan: float, mlp: float) -> Case:
    first, second = names.split()
    return Case(name, formula, (first, second), box[::2], box[1::2], function, {"KAN": kan, "MLP": mlp}, OURS)


def _legendre(m: int, v: np.ndarray, x: np.ndarray) -> np.ndarray:
    return special.lpmv(m, v, x)


def _harmonic(m: int, n: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    return special.sph_harm_y(n, m, theta, phi).real


# box: lower and upper of the first variable, lower and upper of the second
SPHERE = (0.0, pi, 0.0, 2 * pi)
DEGREES = (0.0, 4.0, -0.95, 0.95)  # of a real degree, lpmv is infinite at x = -1

WIDE = (
    _case("ellipj", "sn(u | m)", "u m", (0.0, 6.0, 0.0, 0.95), lambda u, m: special.ellipj(u, m)[0], 1.33e-4, 6.48e-4),
    _case("ellipkinc", "F(phi | m)", "phi m", (0.0, pi / 2, 0.0, 0.95), special.ellipkinc, 1.24e-4, 5.52e-4),
    _case("ellipeinc", "E(phi | m)", "phi m", (0.0, pi / 2, 0.0, 1.0), special.ellipeinc, 8.26e-5, 3.04e-4),
    _case("jv", "J_v(x)", "v x", (0.0, 4.0, 0.0, 10.0), special.jv, 1.64e-3, 5.52e-3),
    _case("yv", "Y_v(x)", "v x", (0.0, 2.0, 1.0, 10.0), special.yv, 1.49e-5, 3.45e-4),
    _case("kv", "K_v(x)", "v x", (0.0, 2.0, 0.5, 5.0), special.kv, 2.52e-5, 1.67e-4),
    _case("iv", "I_v(x)", "v x", (0.0, 2.0, 0.0, 4.0), special.iv, 9.28e-3, 1.07e-2),
    _case("lpmv_0", "P_v(x)", "v x", DEGREES, partial(_legendre, 0), 5.25e-5, 1.74e-2),
    _case("lpmv_1", "P_v^1(x)", "v x", DEGREES, partial(_legendre, 1), 6.90e-4, 1.50e-3),
    _case("lpmv_2", "P_v^2(x)", "v x", DEGREES, partial(_legendre, 2), 2.26e-4, 9.43e-4),
    _case("sph_harm_01", "Y_1^0", "theta phi", SPHERE, partial(_harmonic, 0, 1), 2.21e-7, 1.25e-6),
    _case("sph_harm_11", "Re Y_1^1", "theta phi", SPHERE, partial(_harmonic, 1, 1), 1.22e-4, 6.70e-4),
    _case("sph_harm_02", "Y_2^0", "theta phi", SPHERE, partial(_harmonic, 0, 2), 1.95e-7, 2.85e-6),
    _case("sph_harm_12", "Re Y_2^1", "theta phi", SPHERE, partial(_harmonic, 1, 2), 1.50e-5, 1.84e-3),
    _case("sph_harm_22", "Re Y_2^2", "theta phi", SPHERE, partial(_harmonic, 2, 2), 9.45e-5, 6.21e-4),
)

UNIT = tuple(
    replace(case, lower=(0.0, 0.1 if case.name in ("yv", "kv") else 0.0), upper=(1.0, 1.0), ranges=SQUARE) for case in WIDE
)

BOXES = {"wide": WIDE, "unit": UNIT}
