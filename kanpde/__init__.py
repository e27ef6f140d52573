"""Solves partial differential equations from a text file with Kolmogorov-Arnold networks, to a stated error.

``kanpde.solve("problems/poisson.yaml")`` is all that most people need. Names are imported when they are first used, so that
``import kanpde`` costs nothing and reading a problem needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanpde.kan import KAN
    from kanpde.learn.fit import fit
    from kanpde.learn.regression import Regression
    from kanpde.learn.regressor import KANRegressor
    from kanpde.problem import Problem
    from kanpde.results import Solution
    from kanpde.run import load, solve

__version__ = "0.1.0"
__all__ = ["KAN", "KANRegressor", "Problem", "Regression", "Solution", "__version__", "fit", "load", "solve"]

_HOMES = {
    "KAN": "kanpde.kan",
    "KANRegressor": "kanpde.learn.regressor",
    "Problem": "kanpde.problem",
    "Regression": "kanpde.learn.regression",
    "Solution": "kanpde.results",
    "fit": "kanpde.learn.fit",
    "load": "kanpde.run",
    "solve": "kanpde.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kanpde' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
