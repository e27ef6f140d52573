"""Points where the residual is large: drawn from a pool with a probability that grows with the residual.

Source: Wu, Zhu, Tan, Kartha & Lu (2023), Comput. Methods Appl. Mech. Eng. 403, 115671: residual-based adaptive distribution,
p(x) ~ |r(x)|^k / mean |r|^k + c, with their default k = c = 1. Half of the points stay a Sobol set: drawn points leave gaps, in
which a network with many parameters overfits.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kanpde.sampling.points import Points, Request, equal_weights
from kanpde.sampling.random import sobol

POOL = 10  # candidates a point


def residual_adaptive(request: Request) -> Points:
    """Half a Sobol set, half a Sobol pool thinned in favour of large residuals; plain Sobol where no residual is given.

    All weights are equal: the rows themselves put the emphasis where the residual is large.
    """
    if request.residual is None:
        return sobol(request)
    even = request.count // 2
    drawn = request.count - even
    sequence = sobol(replace(request, count=even + POOL * drawn)).x
    start, pool = sequence[:even], sequence[even:]
    size = np.abs(request.residual(pool))
    mean = size.mean()
    density = size / mean + 1.0 if mean > 0 and np.isfinite(mean) else np.ones_like(size)
    chosen = np.random.default_rng(request.seed).choice(len(pool), drawn, replace=False, p=density / density.sum())
    return equal_weights(np.concatenate([start, pool[np.sort(chosen)]]))
