"""Points that know nothing of the network: independent ones, and Sobol's low-discrepancy sequence.

Source: Sobol (1967), USSR Comput. Math. Math. Phys. 7, 86-112; scrambled by Owen's method (1998), J. Complexity 14, 466-489.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import qmc

from kanpde.sampling.points import Points, Request


def uniform(request: Request) -> Points:
    """Independent, uniformly distributed points: error N^(-1/2) of a mean."""
    unit = np.random.default_rng(request.seed).random((request.count, request.bounds.shape[0]))
    return request.placed(unit)


def sobol(request: Request) -> Points:
    """The first points of a scrambled Sobol sequence: error of a mean nearly 1/N for smooth functions."""
    engine = qmc.Sobol(request.bounds.shape[0], scramble=True, rng=np.random.default_rng(request.seed))
    # A power of two is drawn, for the sequence's balance, and cut: the first N are a low-discrepancy set too.
    unit = engine.random_base2(max(0, math.ceil(math.log2(request.count))))[: request.count]
    return request.placed(unit)
