"""stub"""

from __future__ import annotations
from kanpde.reference.types import Reference


def semilinear(line):
    return None


def solve_semilinear(split, start, seconds) -> Reference:
    raise NotImplementedError
