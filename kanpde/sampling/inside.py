"""Points in a shape: those of the box around it that lie in the domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kanpde.geometry import Domain
from kanpde.sampling.points import Points, Request
from kanpde.sampling.random import sobol

TRIED = 4096
"""Points of the box that measure the share of it that the domain fills: known to about a percent."""


def inside(sampler: Callable[[Request], Points], request: Request, domain: Domain) -> Points:
    """About ``request.count`` points of the domain, drawn from as many more in the box as the domain is smaller than it.

    The weights sum to one: sum(weight * f(x)) is about the mean of f over the domain.
    """
    if domain.is_box:
        return sampler(request)
    share = float(domain.contains(sobol(Request(request.bounds, TRIED)).x).mean())
    if not share:
        raise ValueError("no point of the box lies in the domain")
    residual = request.residual
    if residual is not None:
        request = replace(request, residual=lambda x: np.where(domain.contains(x), residual(x), 0.0))
    points = sampler(replace(request, count=max(1, round(request.count / share))))
    return points.kept(domain.contains(points.x))
