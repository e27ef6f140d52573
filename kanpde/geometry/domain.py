"""A box or a shape in space, or space and time, and the pieces of its boundary on which conditions are posed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kanpde.geometry.boundary import Boundary, boundary
from kanpde.geometry.shapes import Combination, Shape, leaves


@dataclass(frozen=True)
class Face:
    """One side of a box: coordinate number ``axis`` held at its lower (``side=-1``) or upper (``side=+1``) end."""

    axis: int
    side: int  # -1 or +1; also the sign of the outward normal along the axis

    def __post_init__(self) -> None:
        if self.side not in (-1, 1):
            raise ValueError(f"the side of a face is -1 or +1, not {self.side}")


@dataclass(frozen=True)
class Place:
    """A part of the boundary: whole faces, cut down by a predicate where there is one. Or a point, which has no faces.

    ``predicate`` is None or a boolean sympy expression in the coordinates; geometry only carries it. Of a point it says exactly
    what ``point`` says in floating point numbers.
    """

    text: str
    faces: tuple[Face, ...]
    predicate: Any = None
    point: tuple[float | None, ...] | None = None  # one entry a coordinate; None where the coordinate is free


@dataclass(frozen=True, eq=False)
class Domain:
    """A box ``bounds[i, 0] <= coordinate i <= bounds[i, 1]``, in the units of the problem's own coordinates.

    ``time`` names the coordinate that is marched in, if any; ``periodic`` those that close on themselves. Where the domain is no
    box, ``shape`` is its shape in the coordinates ``region`` (in space, if that is empty), and ``bounds`` the box around it.
    A shape of the sign ``pieces`` cuts nothing off a box: it is the list of its named parts, as are ``parts`` of any domain.
    """

    coordinates: tuple[str, ...]
    bounds: np.ndarray  # (d, 2)
    time: str | None = None
    periodic: tuple[str, ...] = ()
    shape: Any = None  # Shape | Combination | None
    region: tuple[str, ...] = ()
    parts: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        if self.bounds.shape != (len(self.coordinates), 2):
            raise ValueError(f"bounds must have shape ({len(self.coordinates)}, 2), not {self.bounds.shape}")
        if not (self.bounds[:, 0] < self.bounds[:, 1]).all():
            raise ValueError("every interval of a domain needs a lower end below its upper end")

    def __eq__(self, other: object) -> bool:
        """Equal numbers and names; dataclass would compare the arrays as tuples do, which numpy refuses."""
        if not isinstance(other, Domain):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return self.coordinates, tuple(map(tuple, self.bounds.tolist())), self.time, self.periodic, self.shape, self.region

    @property
    def dimension(self) -> int:
        """The number of coordinates, time included."""
        return len(self.coordinates)

    @property
    def lengths(self) -> np.ndarray:  # (d,)
        """The length of each interval."""
        return self.bounds[:, 1] - self.bounds[:, 0]

    @property
    def time_axis(self) -> int | None:
        """The number of the time coordinate, or None."""
        return None if self.time is None else self.coordinates.index(self.time)

    @property
    def space_axes(self) -> tuple[int, ...]:
        """The numbers of the coordinates that are not time."""
        return tuple(i for i, name in enumerate(self.coordinates) if name != self.time)

    def faces(self) -> tuple[Face, ...]:
        """The boundary in space: both ends of every coordinate that is neither time nor periodic."""
        return tuple(
            Face(axis, side) for axis in self.space_axes if self.coordinates[axis] not in self.periodic for side in (-1, 1)
        )

    def position(self, face: Face) -> float:
        """The value of the face's own coordinate on it."""
        return float(self.bounds[face.axis, (face.side + 1) // 2])

    @property
    def is_box(self) -> bool:
        """Whether nothing is cut off the box; named parts of it do not count."""
        return self.shape is None or getattr(self.shape, "sign", "") == "pieces"

    @property
    def region_axes(self) -> tuple[int, ...]:
        """The numbers of the coordinates that the shape is in; none for a box."""
        if self.is_box:
            return ()
        return tuple(map(self.coordinates.index, self.region)) or self.space_axes[: self.shape.dimension]

    @cached_property
    def boundary(self) -> Boundary:
        """What bounds the shape, in the coordinates ``region_axes``. A box has ``faces()`` instead, and raises ValueError."""
        if self.is_box:
            raise ValueError("the domain is a box: its boundary is its faces()")
        return boundary(self.shape)

    def contains(
        self,
        x: np.ndarray,  # (N, d)
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the domain: in the box, and in the shape."""
        inside = np.ones(len(x), bool)
        for values, (low, high) in zip(x.T, self.bounds, strict=True):
            inside &= (values >= low) & (values <= high)
        return inside if self.is_box else inside & self.shape.contains(x[:, list(self.region_axes)])

    @property
    def named(self) -> dict[str, Shape]:
        """Every shape that has a name: those that the domain is made of, and its named parts."""
        inner = tuple(leaves(self.shape)) if isinstance(self.shape, (Shape, Combination)) else ()
        return {shape.name: shape for shape in (*inner, *self.parts)}

    def axes_of(self, shape: Shape | Combination) -> tuple[int, ...]:
        """The coordinates that a named part is in: those of the domain's shape, or the first ones in space."""
        return self.region_axes or self.space_axes[: shape.dimension]

    def inside(
        self,
        name: str,
        x: np.ndarray,  # (N, d)
    ) -> np.ndarray:  # (N,) bool
        """Which points lie in the shape of that name."""
        shape = self.named[name]
        return shape.contains(x[:, list(self.axes_of(shape))])
