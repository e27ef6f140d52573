"""The only place where a problem meets a network: residuals, Jacobians and their blocks."""

from kanpde.assembly.operator import Key, Operator

__all__ = ["Key", "Operator"]
