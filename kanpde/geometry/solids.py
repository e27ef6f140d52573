"""What bounds a combination of solids: points of their surfaces with the combination on exactly one side.

Nothing is clipped: a point is kept or not, so that the weights along a cut are good to the spacing of the points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from kanpde.geometry.boundary import Boundary
from kanpde.geometry.boundary_points import BoundaryPoints, Spacing
from kanpde.geometry.shapes import Combination, Shape, leaves
from kanpde.geometry.surfaces import Patch, Sampled, patches, plane, signed_distance

BESIDE = 1e-7
"""Part of the whole by which a point is moved to either side to ask what lies there: far above rounding and TOUCHING."""

SAME = 1e-9
"""Part of the whole within which two surfaces coincide."""

COARSE = 48
"""Points across the whole by which patches that are cut away are told from those that are not."""

NONE = np.zeros((0, 3))


@dataclass(frozen=True, eq=False)
class SolidBoundary(Boundary):
    """Patches in place of pieces, and neither corners nor loops. ``length`` is the area of the surface, ``area`` the volume."""

    shape: Shape | Combination | None = None

    @cached_property
    def _patches(self) -> tuple[Patch, ...]:
        return cast(Any, self.pieces)

    @cached_property
    def _reference(self) -> BoundaryPoints:
        return self.points(self._size / COARSE / 2)

    @property
    def _size(self) -> float:
        assert self.shape is not None
        return _size(self.shape)

    @property
    def length(self) -> float:
        """The area of the surface, good to about a percent where it is cut."""
        return float(self._reference.weight.sum())

    @property
    def area(self) -> float:
        """The volume, by the divergence theorem: the integral of x . n / 3."""
        points = self._reference
        middle = points.x.mean(0)
        return float((points.weight * ((points.x - middle) * points.normal).sum(1)).sum()) / 3

    @cached_property
    def bounds(self) -> np.ndarray:  # (3, 2)
        """A box around the domain: the smallest one whose sides are planes of faces, or touch round surfaces."""
        assert self.shape is not None
        outer = self.shape.bounds
        box = outer.copy()
        x = self._reference.x
        solids = [s.bounds for s in dict.fromkeys(leaves(self.shape))]
        for axis in range(3):
            levels = np.concatenate([bounds[axis] for bounds in solids])
            levels = levels[np.isfinite(levels)]
            low, high = x[:, axis].min(), x[:, axis].max()
            box[axis, 0] = max(box[axis, 0], levels[levels <= low + SAME].max(initial=-np.inf))
            box[axis, 1] = min(box[axis, 1], levels[levels >= high - SAME].min(initial=np.inf))
        return box

    def points(self, spacing: float | Spacing, gauss: int = 3) -> BoundaryPoints:
        """Points on every patch, about ``spacing`` apart; of a spacing that varies, the smallest value on each patch."""
        assert self.shape is not None
        found, numbers = [], []
        for k, patch in enumerate(self._patches):
            step = spacing
            if callable(spacing):
                tried = _kept(self.shape, patch, self._size / COARSE, 2)[0]
                step = float(spacing(tried).min()) if len(tried) else self._size / COARSE
            part = _kept(self.shape, patch, cast(float, step), gauss)
            found.append(part)
            numbers.append(np.full(len(part[0]), k))
        x, normal, weight = (np.concatenate([part[i] for part in found]) for i in range(3))
        return BoundaryPoints(x, normal, weight, np.concatenate(numbers))

    def distance(
        self,
        x: np.ndarray,  # (N, 3)
    ) -> np.ndarray:  # (N,)
        """The distance of points from the nearest patch, whatever is cut off it."""
        return np.asarray(np.min([patch.distance(x) for patch in self._patches], 0))


def solid_boundary(shape: Shape | Combination) -> SolidBoundary:
    """The boundary of a combination of solids. Raises ValueError if nothing is left of it."""
    spacing = _size(shape) / COARSE
    found = tuple(
        patch for solid in dict.fromkeys(leaves(shape)) for patch in patches(solid) if len(_kept(shape, patch, spacing, 2)[0])
    )
    if not found:
        raise ValueError("the shape is empty")
    return SolidBoundary(cast(Any, found), (), (), NONE, shape)


def _around(shape: Shape | Combination) -> np.ndarray:  # (3, 2)
    boxes = [solid.bounds for solid in leaves(shape) if np.isfinite(solid.bounds).all()]
    if not boxes:
        raise ValueError("a shape of half-spaces alone has no end")
    return np.stack([np.min([b[:, 0] for b in boxes], 0), np.max([b[:, 1] for b in boxes], 0)], 1)


def _size(shape: Shape | Combination) -> float:
    return float(np.ptp(_around(shape), 1).max())


def _kept(shape: Shape | Combination, patch: Patch, spacing: float, gauss: int) -> Sampled:
    """The points of a patch that bound the combination, normals turned out of it; of coinciding surfaces, those of the first."""
    around = _around(shape)
    size = float(np.ptp(around, 1).max())
    if patch.solid.kind == "halfspace":
        x, normal, weight = plane(patch.solid, around, spacing, gauss)
    else:
        x, normal, weight = patch.sample(spacing, gauss)
    step = BESIDE * size * normal
    within, without = shape.contains(x - step), shape.contains(x + step)
    on = within != without
    for solid in dict.fromkeys(leaves(shape)):
        if solid == patch.solid:
            break
        on &= np.abs(signed_distance(solid, x)) > SAME * size
    return x[on], np.where(without, -1, 1)[on, None] * normal[on], weight[on]
