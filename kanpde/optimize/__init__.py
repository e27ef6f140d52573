"""Optimisers for nonlinear least squares. They see a residual and its Jacobian, and know neither networks nor equations."""

from kanpde.optimize.broyden import Broyden
from kanpde.optimize.first_order import Adam, Lbfgs
from kanpde.optimize.gauss_newton import GaussNewton
from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always
from kanpde.optimize.levenberg_marquardt import LevenbergMarquardt

OPTIMIZERS = {
    "levenberg-marquardt": LevenbergMarquardt,
    "gauss-newton": GaussNewton,
    "adam": Adam,
    "lbfgs": Lbfgs,
    "broyden": Broyden,
}
"""Every optimiser, by the name that the problem file uses. An instance is called (problem, theta, steps, monitor)."""

__all__ = [
    "OPTIMIZERS",
    "Adam",
    "Broyden",
    "GaussNewton",
    "Lbfgs",
    "LeastSquares",
    "LevenbergMarquardt",
    "Monitor",
    "Outcome",
    "always",
]
