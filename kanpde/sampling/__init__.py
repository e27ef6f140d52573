"""Where residuals are asked to vanish: points and weights in a box or shape and on the faces of a box. numpy only."""

from collections.abc import Callable

from kanpde.sampling.adaptive import residual_adaptive
from kanpde.sampling.gauss import composite, gauss, tensor
from kanpde.sampling.inside import inside
from kanpde.sampling.points import Points, Request, equal_weights, on_face
from kanpde.sampling.random import sobol, uniform

SAMPLERS: dict[str, Callable[[Request], Points]] = {
    "gauss": gauss,
    "sobol": sobol,
    "uniform": uniform,
    "residual-adaptive": residual_adaptive,
}
"""Every sampler of a box, by the name that the problem file uses."""

__all__ = [
    "SAMPLERS",
    "Points",
    "Request",
    "composite",
    "equal_weights",
    "gauss",
    "inside",
    "on_face",
    "residual_adaptive",
    "sobol",
    "tensor",
    "uniform",
]
