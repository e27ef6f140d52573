"""Where a problem lives: boxes and their faces; shapes, what bounds them, and where it turns a corner."""

from kanpde.geometry.boundary import Boundary, Corner, Loop, boundary
from kanpde.geometry.boundary_points import BoundaryPoints
from kanpde.geometry.domain import Domain, Face, Place
from kanpde.geometry.pieces import Piece
from kanpde.geometry.shapes import Combination, Shape, halfspace, shape_from_spec

__all__ = [
    "Boundary",
    "BoundaryPoints",
    "Combination",
    "Corner",
    "Domain",
    "Face",
    "Loop",
    "Piece",
    "Place",
    "Shape",
    "boundary",
    "halfspace",
    "shape_from_spec",
]
