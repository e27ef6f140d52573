"""Optimisers for nonlinear least squares. They see a residual and its Jacobian, and know neither networks nor equations."""

from kanpde.optimize.first_order import Adam, Lbfgs
from kanpde.optimize.gauss_newton import GaussNewton
from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always
from kanpde.optimize.levenberg_marquardt import LevenbergMarquardt

OPTIMIZERS = {
    "levenberg-marquardt": LevenbergMarquardt,
    "gauss-newton": GaussNewton,
    "adam": Adam,
    "lbfgs": Lbfgs,
}
"""Every optimiser, by the name that the problem file uses. An instance is called (problem, theta, steps, monitor)."""

__all__ = [
    "OPTIMIZERS",
    "Adam",
    "GaussNewton",
    "Lbfgs",
    "LeastSquares",
    "LevenbergMarquardt",
    "Monitor",
    "Outcome",
    "always",
]
