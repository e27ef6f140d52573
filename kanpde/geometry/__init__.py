"""Where a problem lives: boxes, their faces, and (read, not solved yet) shapes."""

from kanpde.geometry.domain import Domain, Face, Place

__all__ = ["Domain", "Face", "Place"]
