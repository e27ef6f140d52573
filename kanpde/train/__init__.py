"""Training: stages, grid extension, time windows, compression and the error estimate."""

from kanpde.train.context import Context
from kanpde.train.solve import solve

__all__ = ["Context", "solve"]
