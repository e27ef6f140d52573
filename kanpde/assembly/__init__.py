"""The only place where a problem meets a network: residuals, Jacobians and their blocks."""

from kanpde.assembly.lifted import LiftedSystem
from kanpde.assembly.operator import Key, Operator
from kanpde.assembly.rows import Jets, RowBuilder, Start
from kanpde.assembly.space import Across, Lifted, LiftedSpace, spread

__all__ = ["Across", "Jets", "Key", "Lifted", "LiftedSpace", "LiftedSystem", "Operator", "RowBuilder", "Start", "spread"]
