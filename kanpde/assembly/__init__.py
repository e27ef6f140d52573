"""The only place where a problem meets a network: residuals, Jacobians and their blocks."""

from kanpde.assembly.lifted import Lifted, LiftedSpace, LiftedSystem
from kanpde.assembly.operator import Key, Operator
from kanpde.assembly.rows import Jets, RowBuilder

__all__ = ["Jets", "Key", "Lifted", "LiftedSpace", "LiftedSystem", "Operator", "RowBuilder"]
